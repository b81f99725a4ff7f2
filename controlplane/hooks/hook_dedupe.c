/* Owns the look into a request for its dedupe id, on the loop that took it, for flows that dedupe
 * only. It builds no more of the payload than the path's first member asks for: a body is parsed
 * when it is JSON, else it is its text. The value is compared as JSON text, so 1 and "1" differ. */
#include "hooks/hook_dedupe.h"

#include "enc.h"
#include "secret.h"

#define PARSED_MAX     MIB(96) /* of a body of at most 6 MB */
#define TEXT_MAX       MIB(64)
#define PARAMETERS_MAX 1000

static struct json headers_of(struct arena *a, const struct hook_request *request)
{
    const struct wire_pair *pairs = request->headers.items;
    struct json_builder b;
    json_build_object(&b, a);
    for (size_t i = 0; i < request->headers.n; i++) {
        json_set(&b, pairs[i].name, json_str(pairs[i].value));
    }
    return json_built(&b);
}

/* "a=1&b=x%20y", as the worker reads it: the last of a name counts. */
static struct json parameters_of(struct arena *a, struct str rest)
{
    struct json_builder b;
    json_build_object(&b, a);
    for (size_t n = 0; rest.len > 0 && n < PARAMETERS_MAX; n++) {
        ptrdiff_t amp = str_find(rest, STR("&"), 0);
        struct str pair = amp < 0 ? rest : str_n(rest.ptr, (size_t)amp);
        rest = amp < 0 ? STR("") : str_n(rest.ptr + amp + 1, rest.len - (size_t)amp - 1);
        ptrdiff_t eq = str_find(pair, STR("="), 0);
        struct str name = eq < 0 ? pair : str_n(pair.ptr, (size_t)eq);
        struct str value = eq < 0 ? STR("") : str_n(pair.ptr + eq + 1, pair.len - (size_t)eq - 1);
        if (pair.len > 0) {
            json_set(&b, enc_percent_decode(a, name, true),
                     json_str(enc_percent_decode(a, value, true)));
        }
    }
    return json_built(&b);
}

static bool is_json(struct str content_type)
{
    ptrdiff_t semicolon = str_find(content_type, STR(";"), 0);
    struct str type = semicolon < 0 ? content_type : str_n(content_type.ptr, (size_t)semicolon);
    type = str_trim(type);
    return str_eq_ci(type, STR("application/json")) ||
           (type.len > 5 && str_eq_ci(str_n(type.ptr + type.len - 5, 5), STR("+json")));
}

static struct json content_of(struct arena *a, const struct hook_request *request, bool parse)
{
    struct json data = json_str(request->body);
    struct json parsed;
    if (parse && is_json(request->content_type) &&
        json_parse(a, request->body, &parsed, NULL) == 0) {
        data = parsed;
    }
    struct json_builder b;
    json_build_object(&b, a);
    json_append(&b, STR("data"), data);
    json_append(&b, STR("contentType"), json_str(request->content_type));
    return json_built(&b);
}

static struct json payload_of(struct arena *a, struct str member,
                              const struct hook_request *request)
{
    struct json_builder b;
    json_build_object(&b, a);
    if (str_eq(member, STR("headers"))) {
        json_append(&b, member, headers_of(a, request));
    } else if (str_eq(member, STR("body")) || str_eq(member, STR("rawBody"))) {
        json_append(&b, member, content_of(a, request, member.len == 4));
    } else if (str_eq(member, STR("queryParameters"))) {
        json_append(&b, member, parameters_of(a, request->query));
    } else if (str_eq(member, STR("pathFragment"))) {
        json_append(&b, member, json_str(request->path_fragment));
    }
    return json_built(&b);
}

bool hook_dedupe(const struct path *path, const struct hook_request *request, uint8_t ret[32])
{
    if (path->n_segments == 0) {
        return false;
    }
    AUTO(arena_free) struct arena *a = arena_new(KIB(16), PARSED_MAX);
    struct json value = path_resolve(path, payload_of(a, path->segments[0].key, request));
    if (json_is_nullish(value) || (value.type == JSON_STRING && value.len == 0)) {
        return false;
    }
    AUTO(buf_done) struct buf text = {0};
    buf_init(&text, TEXT_MAX);
    json_dump(&text, value);
    if (text.full) {
        return false;
    }
    secret_sha256(buf_str(&text), ret);
    return true;
}
