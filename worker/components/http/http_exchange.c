/* Owns one exchange of a component with a server: the limits and headers that the platform adds,
 * and what the response means as a value. Called on the slot's thread, blocks inside the client. */
#include "components/http/http_exchange.h"

#include "clock.h"

#define STATUS_BODY_SHOWN 200

bool http_headers_have(const struct http_header_list *list, const char *name)
{
    for (size_t i = 0; i < list->n; i++) {
        if (str_eq_ci(list->items[i].name, str_of(name))) {
            return true;
        }
    }
    return false;
}

void http_headers_add(struct http_header_list *list, struct str name, struct str value)
{
    if (list->n < HTTP_EXCHANGE_MAX_HEADERS) {
        list->items[list->n++] = (struct http_header){.name = name, .value = value};
    }
}

static bool changes_things(struct str method)
{
    static const char *const names[] = {"POST", "PUT", "PATCH", "DELETE"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (str_eq(method, str_of(names[i]))) {
            return true;
        }
    }
    return false;
}

static void block_begin(void *ctx)
{
    action_block_begin(ctx);
}

static void block_end(void *ctx)
{
    action_block_end(ctx);
}

int http_exchange(struct action_context *ctx, struct http_request *req,
                  struct http_header_list *headers, int64_t timeout_ms, struct http_response *ret,
                  struct err *err)
{
    const char *trace = action_traceparent(ctx);
    if (trace && *trace && !http_headers_have(headers, "traceparent")) {
        http_headers_add(headers, STR("traceparent"), str_of(trace));
    }
    if (changes_things(req->method) && !http_headers_have(headers, "idempotency-key")) {
        http_headers_add(headers, STR("Idempotency-Key"), str_of(action_idempotency_key(ctx)));
    }
    req->headers = headers->items;
    req->n_headers = headers->n;
    req->deadline_ns = action_deadline(ctx);
    if (timeout_ms > 0) {
        req->deadline_ns = MIN(req->deadline_ns, clock_mono_ns() + timeout_ms * NS_PER_MS);
    }
    req->block_begin = block_begin;
    req->block_end = block_end;
    req->block_ctx = ctx;
    return http_client_send(action_http(ctx), action_arena(ctx), req, ret, err);
}

/* Bytes that are no UTF-8 become U+FFFD, as a browser shows them. */
static struct str as_text(struct action_context *ctx, struct str bytes)
{
    if (str_utf8_valid(bytes)) {
        return bytes;
    }
    AUTO(buf_done) struct buf b = {0};
    buf_init(&b, bytes.len * 3);
    for (size_t at = 0; at < bytes.len;) {
        size_t n = 1;
        while (n <= 4 && n <= bytes.len - at && !str_utf8_valid(str_n(bytes.ptr + at, n))) {
            n++;
        }
        if (n <= 4 && n <= bytes.len - at) {
            buf_add(&b, bytes.ptr + at, n);
            at += n;
        } else {
            buf_adds(&b, "\xEF\xBF\xBD");
            at++;
        }
    }
    return str_n(arena_strndup(action_arena(ctx), b.len ? b.data : "", b.len), b.len);
}

int http_response_value(struct action_context *ctx, const struct http_response *r,
                        enum http_response_type type, struct json *ret, struct err *err)
{
    struct arena *a = action_arena(ctx);
    if (type == HTTP_AS_BINARY) {
        struct json_builder b;
        json_build_object(&b, a);
        json_append(&b, STR("data"), json_binary(r->body));
        json_append(&b, STR("contentType"), json_str(http_response_header(r, "content-type")));
        *ret = json_built(&b);
        return 0;
    }
    int rc = action_room(ctx, r->body.len * 3, err);
    if (rc < 0) {
        return rc;
    }
    struct str text = as_text(ctx, r->body);
    *ret = json_str(text);
    if (type == HTTP_AS_JSON && str_trim(text).len) {
        struct json parsed;
        struct err why;
        err_clear(&why);
        rc = action_parse_json(ctx, text, &parsed, &why);
        if (rc == 0) {
            *ret = parsed;
        } else if (rc == -ENOMEM) {
            if (err) {
                *err = why;
            }
            return rc;
        }
    }
    return 0;
}

struct str http_url_host(struct str url)
{
    ptrdiff_t start = str_find(url, STR("://"), 0);
    if (start < 0) {
        return STR("");
    }
    size_t from = (size_t)start + 3, to = from;
    while (to < url.len && !strchr("/?#", url.ptr[to])) {
        to++;
    }
    for (size_t i = from; i < to; i++) {
        from = url.ptr[i] == '@' ? i + 1 : from;
    }
    return str_n(url.ptr + from, to - from);
}

int http_status_error(const struct http_response *r, struct str host, struct err *err)
{
    struct str body = str_trim(r->body);
    size_t shown = MIN(body.len, (size_t)STATUS_BODY_SHOWN);
    while (shown > 0 && shown < body.len && ((unsigned char)body.ptr[shown] & 0xC0) == 0x80) {
        shown--;
    }
    bool text = str_utf8_valid(str_n(body.ptr, shown)) && shown > 0;
    int rc = err_set(err, -EBADE, "http.status", "%.*s answered %d%s%.*s%s%.*s%s",
                     (int)MIN(host.len, 120), host.ptr, r->status, r->status_text.len ? " " : "",
                     (int)MIN(r->status_text.len, 60), r->status_text.ptr, text ? ": " : ".",
                     text ? (int)shown : 0, body.ptr, text && shown < body.len ? "..." : "");
    if (err) {
        err->retryable = r->status >= 500 || r->status == 429 || r->status == 408;
    }
    return rc;
}
