/* Owns the reading of requests as JSON. Any thread; memory is the caller's arena, whose room bounds
 * what a body of JSON may take: one that does not fit stays text. */
#include "request_payload.h"

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

struct json request_body(struct arena *a, struct str body, struct str content_type)
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
        return request_multipart(a, body, content_type);
    case BODY_TEXT:
        return text_or_bytes(body);
    case BODY_BINARY:
        return json_binary(body);
    }
    ASSERT(false);
}

static struct json headers_json(struct arena *a, const struct wire_pairs *pairs)
{
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

/* "a=1&b=x%20y": the last of a name counts. */
static struct json query_json(struct arena *a, struct str rest)
{
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

/* The body as it came; bytes where the parsed one is bytes. */
static struct json raw_body(const struct hook_request *r, struct json body)
{
    return body.type == JSON_BINARY || !r->body.len ? body : text_or_bytes(r->body);
}

void request_payload(struct arena *a, const struct hook_request *r,
                     struct json_member ret[REQUEST_PAYLOAD_MEMBERS])
{
    struct json body = request_body(a, r->body, r->content_type);
    const struct json_member members[REQUEST_PAYLOAD_MEMBERS] = {
        {STR("headers"), headers_json(a, &r->headers)},
        {STR("queryParameters"), query_json(a, r->query)},
        {STR("pathFragment"), json_str(r->path_fragment)},
        {STR("rawBody"), content(a, raw_body(r, body), r->content_type)},
        {STR("body"), content(a, body, r->content_type)},
    };
    memcpy(ret, members, sizeof(members));
}

/* rawBody without parsing: whether the body stays bytes is told by its type. */
static struct json raw_alone(struct arena *a, const struct hook_request *r)
{
    bool bytes = body_kind(media_type(a, r->content_type)) == BODY_BINARY;
    struct json body = !r->body.len ? json_null()
                       : bytes      ? json_binary(r->body)
                                    : json_str(STR(""));
    return content(a, raw_body(r, body), r->content_type);
}

struct json request_payload_get(struct arena *a, const struct hook_request *r,
                                const struct path *path)
{
    struct json_member one = {.key = path->n_segments ? path->segments[0].key : STR("")};
    if (str_eq(one.key, STR("headers"))) {
        one.value = headers_json(a, &r->headers);
    } else if (str_eq(one.key, STR("queryParameters"))) {
        one.value = query_json(a, r->query);
    } else if (str_eq(one.key, STR("pathFragment"))) {
        one.value = json_str(r->path_fragment);
    } else if (str_eq(one.key, STR("rawBody"))) {
        one.value = raw_alone(a, r);
    } else if (str_eq(one.key, STR("body"))) {
        one.value = content(a, request_body(a, r->body, r->content_type), r->content_type);
    } else {
        return json_undefined();
    }
    return path_resolve(path, json_object(&one, 1));
}
