/* Turns the stored JSON of a trigger's fixed answer into what is sent. Pure; called when the index
 * is loaded, never per request. */
#include "hooks/hook_reply.h"

#include "http/reply.h"
#include "json.h"

#define BODY_MAX_BYTES MIB(5)

static int status_of(struct json v)
{
    int64_t status = 0;
    if (v.type == JSON_NUMBER && v.num >= 100 && v.num <= 599) {
        status = (int64_t)v.num;
    } else if (v.type == JSON_STRING && !str_to_i64(str_trim(json_as_str(v)), &status)) {
        status = 0;
    }
    return status >= 200 && status <= 599 ? (int)status : 200;
}

static struct str text_of(struct arena *a, struct json v)
{
    if (json_is_nullish(v)) {
        return str_n("", 0);
    }
    if (v.type == JSON_STRING) {
        return json_as_str(v);
    }
    struct buf text;
    buf_init(&text, BODY_MAX_BYTES);
    json_dump(&text, v);
    size_t len = text.full ? 0 : text.len;
    struct str copy = str_n(arena_strndup(a, len ? text.data : "", len), len);
    buf_done(&text);
    return copy;
}

/* The reply's own rule of what may be sent decides. */
static void add_header(struct arena *a, struct hook_reply *r, struct reply *rule, struct str name,
                       struct json value)
{
    struct str text = text_of(a, value);
    if (r->n_headers < HOOK_REPLY_MAX_HEADERS && reply_header(rule, name, text)) {
        r->headers[r->n_headers++] = (struct hook_reply_header){name, text};
    }
}

static void read_headers(struct arena *a, struct hook_reply *r, struct reply *rule,
                         struct json headers)
{
    for (uint32_t i = 0; headers.type == JSON_OBJECT && i < headers.len; i++) {
        add_header(a, r, rule, headers.members[i].key, headers.members[i].value);
    }
    for (uint32_t i = 0; headers.type == JSON_ARRAY && i < headers.len; i++) {
        add_header(a, r, rule, json_as_str(json_get(headers.items[i], STR("key"))),
                   json_get(headers.items[i], STR("value")));
    }
}

static struct str own(struct arena *a, struct str s)
{
    return s.len ? str_n(arena_strndup(a, s.ptr, s.len), s.len) : str_n("", 0);
}

int hook_reply_parse(struct arena *a, struct str text, struct hook_reply *ret, struct err *err)
{
    AUTO(arena_free) struct arena *scratch = arena_new(0, 0);
    struct json v;
    int r = json_parse(scratch, text, &v, err);
    if (r != 0) {
        return r;
    }
    if (v.type != JSON_OBJECT) {
        return err_set(err, -EINVAL, "reply.not_an_object", "a reply must be an object");
    }
    struct hook_reply reply = {.status = status_of(json_get(v, STR("statusCode")))};
    AUTO(reply_done) struct reply rule = {0};
    reply_init(&rule);
    struct str type = text_of(scratch, json_get(v, STR("contentType")));
    reply.content_type = reply_content_type_fits(type) ? own(a, type) : str_n("", 0);
    read_headers(scratch, &reply, &rule, json_get(v, STR("headers")));
    for (size_t i = 0; i < reply.n_headers; i++) {
        reply.headers[i].name = own(a, reply.headers[i].name);
        reply.headers[i].value = own(a, reply.headers[i].value);
    }
    reply.body = own(a, text_of(scratch, json_get(v, STR("body"))));
    reply.has_body = reply.body.len > 0;
    *ret = reply;
    return 0;
}
