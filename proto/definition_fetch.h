/* worker -> control plane request/reply on leat.definition: everything a worker needs of one
 * deployed instance revision. The reply is sealed with the bus key (proto/sealed.h), so that NATS
 * never carries a plain secret. */
#pragma once

#include "wire.h"

struct definition_fetch {
    struct uuid instance_id;
    uint64_t revision; /* 0 = the deployed one */
};
extern const struct wire_message definition_fetch_message;

struct fetched_flow {
    struct uuid flow_config_id;
    struct uuid flow_id;
    struct str name, stable_id, webhook_url;
    struct str api_keys; /* JSON array text */
};
struct fetched_instance {
    struct str error; /* words when the instance or revision is gone; all else then empty */
    uint64_t revision;
    struct uuid organization_id, instance_id, customer_id, integration_version_id;
    struct str instance_name, customer_name, customer_external_id;
    struct str integration_name;
    struct uuid integration_id;
    uint32_t version_number;
    struct str external_version;
    struct str definition; /* YAML text */
    struct str
        config; /* JSON object: config variable key -> runtime value (connections included) */
    struct wire_list flows; /* struct fetched_flow */
    bool step_results_disabled, logs_disabled;
};
extern const struct wire_message fetched_instance_message;
extern const struct wire_message fetched_flow_message;

/* request/reply on leat.state: one store, whole. Reply: MessagePack map ("" = empty store). */
struct state_fetch {
    uint32_t scope; /* as result_state.scope */
    struct uuid organization_id, instance_id, flow_config_id;
};
extern const struct wire_message state_fetch_message;
