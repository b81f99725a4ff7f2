/* One deployed instance revision as the engine needs it: configuration values, the parts of the
 * trigger payload that never change, and the plan of its integration version. Immutable. */
#pragma once

#include "engine/plan.h"
#include "definition_fetch.h"

struct instance_flow {
    struct uuid flow_config_id;
    const struct plan_flow *plan;
    struct str invoke_url;
    struct json flow; /* {id, name, stableId} */
};

struct instance {
    struct fetched_instance fetched; /* definition and config left empty */
    struct plan *plan;
    struct json config;    /* object: config variable key -> value */
    struct json call_urls; /* as webhook_urls, but each of its flow alone */
    struct json webhook_urls, webhook_api_keys, customer, instance, integration;
    struct instance_flow *flows;
    size_t n_flows;
    size_t bytes; /* rough size in memory */
};

/* Compiles or finds the plan of a definition text; the reference returned is the caller's. */
typedef int (*instance_plan_fn)(void *ctx, const struct fetched_instance *fetched,
                                struct plan **ret_plan, struct err *err);
/* `plain` is the opened reply (fetched_instance message); it is copied, and the copy is wiped when
 * the instance goes. -ENOENT with the control plane's words when it answered with an error. */
int instance_new(struct str plain, instance_plan_fn plan, void *ctx, struct instance **ret,
                 struct err *err) must_check;
struct instance *instance_ref(struct instance *instance);
struct instance *instance_unref(struct instance *instance); /* accepts NULL; returns NULL */
const struct instance_flow *instance_flow(const struct instance *instance,
                                          const struct uuid *flow_config_id, struct str name);
DEFINE_CLEANUP(struct instance *, instance_unref)
