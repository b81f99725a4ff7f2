/* The components of an organization that its definition uses and that come as one file each: made
 * into the same rows as native ones. Immutable. */
#pragma once

#include "components/component.h"

struct own_component_text {
    struct str key;
    int version;
    struct str text; /* YAML, as it was published */
};
struct own_components;
/* Texts are copied. One that cannot be read is left out: steps that use it fail when they run. */
struct own_components *own_components_new(const struct own_component_text *texts, size_t n);
struct own_components *own_components_free(struct own_components *own); /* accepts NULL */
/* Version 0 = the newest that is there; NULL when it is not, or own is NULL. */
const struct component *own_components_find(const struct own_components *own, const char *key,
                                            int version);
DEFINE_CLEANUP(struct own_components *, own_components_free)
