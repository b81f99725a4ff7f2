/* Compiled definitions, shared by all instances of one integration version. */
#pragma once

#include "declarative/own_components.h"
#include "engine/plan.h"
#include "uuid.h"

struct plans;
/* Keeps the `max` plans used last; `find` is component_find but in tests. */
struct plans *plans_new(size_t max, plan_find_fn find);
struct plans *plans_free(struct plans *plans); /* accepts NULL; returns NULL */
/* Compiles `text` with the components `own` unless the version's plan of the same texts is kept.
 * One compile at a time; any thread. The reference returned is the caller's. -EINVAL with the first
 * problem of the text. */
int plans_get(struct plans *plans, const struct uuid *version_id, struct str text,
              const struct own_component_text *own, size_t n_own, struct plan **ret,
              struct err *err) must_check;
DEFINE_CLEANUP(struct plans *, plans_free)
