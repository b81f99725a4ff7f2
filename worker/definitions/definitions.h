/* The instances this worker has fetched, by (instance, revision), least recently used out first. */
#pragma once

#include "definitions/instance.h"

struct definitions;

struct definitions_options {
    size_t max_instances;
    size_t max_bytes; /* of all kept instances, roughly */
    size_t max_plans;
    plan_find_fn find; /* component_find but in tests */
    void *ctx;
    /* Asks the control plane; blocks for about timeout_ms at most. *ret_plain is the opened reply
     * in the arena. -ETIMEDOUT and -ENOTCONN are tried again, all else is final. */
    int (*fetch)(void *ctx, const struct definition_fetch *what, int64_t timeout_ms,
                 struct arena *a, struct str *ret_plain, struct err *err);
};
struct definitions *definitions_new(const struct definitions_options *options);
struct definitions *definitions_free(struct definitions *d); /* accepts NULL; returns NULL */

/* The instance if it is here; never blocks for long. The reference is the caller's. NULL = fetch.
 */
struct instance *definitions_find(struct definitions *d, const struct uuid *instance_id,
                                  uint64_t revision);
/* Fetches it, once for all who ask at the same time; tries until deadline_ns (monotonic). Revision
 * 0 (the deployed one) is asked for each time. */
int definitions_fetch(struct definitions *d, const struct uuid *instance_id, uint64_t revision,
                      int64_t deadline_ns, struct instance **ret, struct err *err) must_check;
DEFINE_CLEANUP(struct definitions *, definitions_free)
