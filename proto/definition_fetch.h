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
    struct str
        call_url; /* of this flow alone, also where webhook_url serves several; "" = the same */
    struct str api_keys; /* JSON array text */
};
struct fetched_component { /* one of the organization's own that comes as one file */
    struct str key;
    uint32_t version;
    struct str text; /* YAML */
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
    uint32_t fresh_ms;           /* config may be another one after that; 0 = it never is */
    struct wire_list components; /* struct fetched_component; those that the definition names */
};
extern const struct wire_message fetched_instance_message;
extern const struct wire_message fetched_flow_message;
extern const struct wire_message fetched_component_message;

#define STATE_PART_BYTES (4 * 1024 * 1024)

/* request/reply on leat.state: a part of one store, a MessagePack map. The reply is a state_part.
 * With a number, the other way round: a part of a store that a result is going to name. */
struct state_fetch {
    uint32_t scope; /* as result_state.scope */
    struct uuid organization_id, instance_id, flow_config_id;
    uint64_t offset;       /* of a part that is read */
    struct uuid upload_id; /* of a part that is written */
    uint32_t number;       /* of a part that is written, from 1; 0 = read */
    struct str data;       /* of a part that is written */
};
extern const struct wire_message state_fetch_message;
struct state_part {
    uint64_t total;     /* bytes of the whole store; 0 = empty */
    uint64_t version;   /* parts of one version belong together */
    uint64_t elsewhere; /* bytes of the instance's other stores */
    struct str data;    /* at most STATE_PART_BYTES */
};
extern const struct wire_message state_part_message;
