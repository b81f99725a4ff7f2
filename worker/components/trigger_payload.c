/* Owns putting another body into the payload of a trigger. Called on the slot's thread; a few
 * values are made in the run's arena, whatever the size of the data. */
#include "components/trigger_payload.h"

struct json trigger_payload_with(struct action_context *ctx, struct json data)
{
    struct json payload = action_trigger_payload(ctx);
    struct json type = json_get(json_get(payload, STR("body")), STR("contentType"));
    struct json_builder all, body;
    json_build_object(&body, action_arena(ctx));
    json_append(&body, STR("data"), data);
    if (type.type == JSON_STRING) {
        json_append(&body, STR("contentType"), type);
    }
    json_build_object(&all, action_arena(ctx));
    for (uint32_t i = 0; payload.type == JSON_OBJECT && i < payload.len; i++) {
        json_append(&all, payload.members[i].key, payload.members[i].value);
    }
    json_set(&all, STR("body"), json_built(&body));
    return json_built(&all);
}

void trigger_payload_polled(struct action_context *ctx, struct json data, bool found,
                            struct action_result *ret)
{
    ret->data = trigger_payload_with(ctx, data);
    ret->result_type = found ? NULL : "POLLED_NO_CHANGES";
}
