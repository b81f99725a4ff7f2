/* The tables of what a worker asks the control plane for: an instance's revision with its flows,
 * and a state store. Only data; any thread. */
#include "definition_fetch.h"

#include "subjects.h"

#define NAME_MAX_BYTES      KIB(4)
#define WORDS_MAX_BYTES     KIB(64)
#define FLOWS_MAX           2000
#define COMPONENTS_MAX      50
#define COMPONENT_MAX_BYTES KIB(256)

static const struct wire_field definition_fetch_fields[] = {
    WIRE_FIELD(1, struct definition_fetch, instance_id, WIRE_UUID, 0),
    WIRE_FIELD(2, struct definition_fetch, revision, WIRE_U64, 0),
    {0},
};
const struct wire_message definition_fetch_message = {
    .name = "definition_fetch",
    .version = 1,
    .size = sizeof(struct definition_fetch),
    .fields = definition_fetch_fields,
};

static const struct wire_field fetched_flow_fields[] = {
    WIRE_FIELD(1, struct fetched_flow, flow_config_id, WIRE_UUID, 0),
    WIRE_FIELD(2, struct fetched_flow, flow_id, WIRE_UUID, 0),
    WIRE_FIELD(3, struct fetched_flow, name, WIRE_STR, NAME_MAX_BYTES),
    WIRE_FIELD(4, struct fetched_flow, stable_id, WIRE_STR, NAME_MAX_BYTES),
    WIRE_FIELD(5, struct fetched_flow, webhook_url, WIRE_STR, NAME_MAX_BYTES),
    WIRE_FIELD(6, struct fetched_flow, api_keys, WIRE_STR, WORDS_MAX_BYTES),
    WIRE_FIELD(7, struct fetched_flow, call_url, WIRE_STR, NAME_MAX_BYTES),
    {0},
};
const struct wire_message fetched_flow_message = {
    .name = "fetched_flow",
    .version = 1,
    .size = sizeof(struct fetched_flow),
    .fields = fetched_flow_fields,
};

static const struct wire_field fetched_component_fields[] = {
    WIRE_FIELD(1, struct fetched_component, key, WIRE_STR, NAME_MAX_BYTES),
    WIRE_FIELD(2, struct fetched_component, version, WIRE_U32, 0),
    WIRE_FIELD(3, struct fetched_component, text, WIRE_STR, COMPONENT_MAX_BYTES),
    {0},
};
const struct wire_message fetched_component_message = {
    .name = "fetched_component",
    .version = 1,
    .size = sizeof(struct fetched_component),
    .fields = fetched_component_fields,
};

static const struct wire_field fetched_instance_fields[] = {
    WIRE_FIELD(1, struct fetched_instance, error, WIRE_STR, WORDS_MAX_BYTES),
    WIRE_FIELD(2, struct fetched_instance, revision, WIRE_U64, 0),
    WIRE_FIELD(3, struct fetched_instance, organization_id, WIRE_UUID, 0),
    WIRE_FIELD(4, struct fetched_instance, instance_id, WIRE_UUID, 0),
    WIRE_FIELD(5, struct fetched_instance, customer_id, WIRE_UUID, 0),
    WIRE_FIELD(6, struct fetched_instance, integration_version_id, WIRE_UUID, 0),
    WIRE_FIELD(7, struct fetched_instance, instance_name, WIRE_STR, NAME_MAX_BYTES),
    WIRE_FIELD(8, struct fetched_instance, customer_name, WIRE_STR, NAME_MAX_BYTES),
    WIRE_FIELD(9, struct fetched_instance, customer_external_id, WIRE_STR, NAME_MAX_BYTES),
    WIRE_FIELD(10, struct fetched_instance, integration_name, WIRE_STR, NAME_MAX_BYTES),
    WIRE_FIELD(11, struct fetched_instance, integration_id, WIRE_UUID, 0),
    WIRE_FIELD(12, struct fetched_instance, version_number, WIRE_U32, 0),
    WIRE_FIELD(13, struct fetched_instance, external_version, WIRE_STR, NAME_MAX_BYTES),
    WIRE_FIELD(14, struct fetched_instance, definition, WIRE_STR, MESSAGE_MAX_BYTES),
    WIRE_FIELD(15, struct fetched_instance, config, WIRE_STR, MESSAGE_MAX_BYTES),
    WIRE_FIELDS_OF(16, struct fetched_instance, flows, &fetched_flow_message, FLOWS_MAX),
    WIRE_FIELD(17, struct fetched_instance, step_results_disabled, WIRE_BOOL, 0),
    WIRE_FIELD(18, struct fetched_instance, logs_disabled, WIRE_BOOL, 0),
    WIRE_FIELD(19, struct fetched_instance, fresh_ms, WIRE_U32, 0),
    WIRE_FIELDS_OF(20, struct fetched_instance, components, &fetched_component_message,
                   COMPONENTS_MAX),
    {0},
};
const struct wire_message fetched_instance_message = {
    .name = "fetched_instance",
    .version = 1,
    .size = sizeof(struct fetched_instance),
    .fields = fetched_instance_fields,
};

static const struct wire_field state_fetch_fields[] = {
    WIRE_FIELD(1, struct state_fetch, scope, WIRE_U32, 0),
    WIRE_FIELD(2, struct state_fetch, organization_id, WIRE_UUID, 0),
    WIRE_FIELD(3, struct state_fetch, instance_id, WIRE_UUID, 0),
    WIRE_FIELD(4, struct state_fetch, flow_config_id, WIRE_UUID, 0),
    WIRE_FIELD(5, struct state_fetch, offset, WIRE_U64, 0),
    WIRE_FIELD(6, struct state_fetch, upload_id, WIRE_UUID, 0),
    WIRE_FIELD(7, struct state_fetch, number, WIRE_U32, 0),
    WIRE_FIELD(8, struct state_fetch, data, WIRE_STR, STATE_PART_BYTES),
    {0},
};
const struct wire_message state_fetch_message = {
    .name = "state_fetch",
    .version = 1,
    .size = sizeof(struct state_fetch),
    .fields = state_fetch_fields,
};

static const struct wire_field state_part_fields[] = {
    WIRE_FIELD(1, struct state_part, total, WIRE_U64, 0),
    WIRE_FIELD(2, struct state_part, version, WIRE_U64, 0),
    WIRE_FIELD(3, struct state_part, elsewhere, WIRE_U64, 0),
    WIRE_FIELD(4, struct state_part, data, WIRE_STR, STATE_PART_BYTES),
    {0},
};
const struct wire_message state_part_message = {
    .name = "state_part",
    .version = 1,
    .size = sizeof(struct state_part),
    .fields = state_part_fields,
};
