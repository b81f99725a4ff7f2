/* Builds the trigger's payload: the request that was accepted (request_payload.h) and what is known
 * of the instance, the shape that references like trigger.results.body.data rely on. Once a run, on
 * the slot's thread, in the run's arena. Nothing here fails. */
#include "engine/run_priv.h"

#include "clock.h"
#include "request_payload.h"

static struct json text_or_bytes(struct str body)
{
    return str_utf8_valid(body) ? json_str(body) : json_binary(body);
}

void payload_build(struct run *run)
{
    struct arena *a = run->keep;
    const struct instance *in = run->instance;
    char started[CLOCK_ISO_LEN + 1];
    clock_iso(run->started_ns, started);
    const struct json_member rest[] = {
        {STR("webhookUrls"), in->webhook_urls},
        {STR("webhookApiKeys"), in->webhook_api_keys},
        {STR("invokeUrl"), json_str(run->flow->invoke_url)},
        {STR("executionId"), json_cstr(run->execution_id)},
        {STR("customer"), in->customer},
        {STR("instance"), in->instance},
        {STR("integration"), in->integration},
        {STR("flow"), run->flow->flow},
        {STR("startedAt"), json_cstr(arena_strdup(a, started))},
        {STR("globalDebug"), json_bool(run->request->debug)},
    };
    const size_t n = REQUEST_PAYLOAD_MEMBERS + ARRAY_LEN(rest);
    struct json_member *members = arena_array(a, n, sizeof(*members));
    request_payload(a, &run->hook, members);
    memcpy(members + REQUEST_PAYLOAD_MEMBERS, rest, sizeof(rest));
    run->payload = json_object(members, n);
}

struct json payload_simulated(struct run *run)
{
    const struct wire_pairs *headers = &run->hook.headers;
    struct json v;
    for (size_t i = 0; run->request->test && i < headers->n; i++) {
        if (str_eq_ci(headers->items[i].name, STR("prismatic-simulated-trigger-result"))) {
            struct str text = headers->items[i].value;
            return json_parse(run->keep, text, &v, NULL) == 0 ? v : text_or_bytes(text);
        }
    }
    return json_undefined();
}

static struct json masked(struct arena *a, struct json keys_by_flow)
{
    struct json_builder b;
    json_build_object(&b, a);
    for (uint32_t i = 0; keys_by_flow.type == JSON_OBJECT && i < keys_by_flow.len; i++) {
        struct json keys = keys_by_flow.members[i].value;
        uint32_t n = keys.type == JSON_ARRAY ? keys.len : 0;
        struct json *masks = arena_array(a, MAX(n, 1u), sizeof(*masks));
        for (uint32_t k = 0; k < n; k++) {
            masks[k] = json_cstr("********");
        }
        json_append(&b, keys_by_flow.members[i].key, json_array(masks, n));
    }
    return json_built(&b);
}

struct json payload_to_record(struct run *run, struct json payload)
{
    if (payload.type != JSON_OBJECT || !payload.len) {
        return payload;
    }
    struct json_member *members =
        arena_dup(run->keep, payload.members, payload.len * sizeof(*members));
    for (uint32_t i = 0; i < payload.len; i++) {
        if (str_eq(members[i].key, STR("webhookApiKeys"))) {
            members[i].value = masked(run->keep, members[i].value);
        }
    }
    return json_object(members, payload.len);
}
