/* Builds the trigger's payload from the request that was accepted: the shape that references like
 * trigger.results.body.data rely on. Once a run, on the slot's thread, in the run's arena. Nothing
 * here fails: a body that is not what its content type says stays text, or bytes. */
#include "engine/run_priv.h"

#include "clock.h"
#include "enc.h"

#define QUERY_PARAMETERS_MAX 1000

/* "application/json" of "Application/JSON; charset=utf-8", in lower case. */
static struct str media_type(struct arena *a, struct str content_type)
{
    ptrdiff_t semicolon = str_find(content_type, STR(";"), 0);
    struct str type = semicolon < 0 ? content_type : str_n(content_type.ptr, (size_t)semicolon);
    type = str_trim(type);
    char *lower = arena_strndup(a, type.ptr, type.len);
    for (size_t i = 0; i < type.len; i++) {
        lower[i] = (char)(lower[i] >= 'A' && lower[i] <= 'Z' ? lower[i] + ('a' - 'A') : lower[i]);
    }
    return str_n(lower, type.len);
}

enum body_kind { BODY_JSON, BODY_MULTIPART, BODY_TEXT, BODY_BINARY };

static enum body_kind body_kind(struct str type)
{
    static const struct {
        const char *type;
        enum body_kind kind;
    } types[] = {
        {"application/graphql", BODY_TEXT},
        {"application/javascript", BODY_TEXT},
        {"application/json", BODY_JSON},
        {"application/x-ndjson", BODY_TEXT},
        {"application/x-www-form-urlencoded", BODY_TEXT},
        {"application/xml", BODY_TEXT},
        {"application/yaml", BODY_TEXT},
        {"multipart/form-data", BODY_MULTIPART},
    };
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        if (str_eq(type, str_of(types[i].type))) {
            return types[i].kind;
        }
    }
    if (str_ends(type, STR("+json"))) {
        return BODY_JSON;
    }
    bool text = !type.len || str_starts(type, STR("text/")) || str_ends(type, STR("+xml"));
    return text ? BODY_TEXT : BODY_BINARY;
}

static struct json text_or_bytes(struct str body)
{
    return str_utf8_valid(body) ? json_str(body) : json_binary(body);
}

struct json payload_body(struct arena *a, struct str body, struct str content_type)
{
    struct json parsed;
    if (!body.len) {
        return json_null();
    }
    switch (body_kind(media_type(a, content_type))) {
    case BODY_JSON:
        if (json_parse(a, body, &parsed, NULL) == 0) {
            return parsed;
        }
        return text_or_bytes(body);
    case BODY_MULTIPART:
        return payload_multipart(a, body, content_type);
    case BODY_TEXT:
        return text_or_bytes(body);
    case BODY_BINARY:
        return json_binary(body);
    }
    ASSERT(false);
}

static struct json headers_json(struct run *run)
{
    struct arena *a = run->keep;
    const struct wire_pairs *pairs = &run->hook.headers;
    struct json_builder b;
    json_build_object(&b, a);
    for (size_t i = 0; i < pairs->n; i++) {
        struct str value = pairs->items[i].value;
        struct json before = json_get(json_built(&b), pairs->items[i].name);
        if (before.type == JSON_STRING) { /* sent twice: one list, as HTTP reads it */
            char *both = arena_printf(a, "%.*s, %.*s", (int)before.len, before.str, (int)value.len,
                                      value.ptr);
            value = str_of(both);
        }
        json_set(&b, pairs->items[i].name, json_str(value));
    }
    return json_built(&b);
}

static struct json query_json(struct run *run)
{
    struct arena *a = run->keep;
    struct str rest = run->hook.query;
    struct json_builder b;
    json_build_object(&b, a);
    for (int n = 0; rest.len && n < QUERY_PARAMETERS_MAX; n++) {
        ptrdiff_t amp = str_find(rest, STR("&"), 0);
        struct str pair = amp < 0 ? rest : str_n(rest.ptr, (size_t)amp);
        rest = amp < 0 ? STR("") : str_n(rest.ptr + amp + 1, rest.len - (size_t)amp - 1);
        ptrdiff_t eq = str_find(pair, STR("="), 0);
        struct str name = eq < 0 ? pair : str_n(pair.ptr, (size_t)eq);
        struct str value = eq < 0 ? STR("") : str_n(pair.ptr + eq + 1, pair.len - (size_t)eq - 1);
        if (pair.len) {
            json_set(&b, enc_percent_decode(a, name, true),
                     text_or_bytes(enc_percent_decode(a, value, true)));
        }
    }
    return json_built(&b);
}

static struct json content(struct arena *a, struct json data, struct str content_type)
{
    const struct json_member members[] = {{STR("data"), data},
                                          {STR("contentType"), json_str(content_type)}};
    return json_object(arena_dup(a, members, sizeof(members)), ARRAY_LEN(members));
}

void payload_build(struct run *run)
{
    struct arena *a = run->keep;
    const struct instance *in = run->instance;
    const struct hook_request *hook = &run->hook;
    char started[CLOCK_ISO_LEN + 1];
    clock_iso(run->started_ns, started);
    struct json body = payload_body(a, hook->body, hook->content_type);
    struct json raw =
        body.type == JSON_BINARY || !hook->body.len ? body : text_or_bytes(hook->body);
    const struct json_member members[] = {
        {STR("headers"), headers_json(run)},
        {STR("queryParameters"), query_json(run)},
        {STR("pathFragment"), json_str(hook->path_fragment)},
        {STR("rawBody"), content(a, raw, hook->content_type)},
        {STR("body"), content(a, body, hook->content_type)},
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
    run->payload = json_object(arena_dup(a, members, sizeof(members)), ARRAY_LEN(members));
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
