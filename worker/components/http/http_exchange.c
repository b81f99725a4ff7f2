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
    req->spills = action_spills(ctx);
    return http_client_send(action_http(ctx), action_arena(ctx), req, ret, err);
}

/* Bytes that are no UTF-8 become U+FFFD, as a browser shows them. */
static int as_text(struct action_context *ctx, struct str bytes, struct str *ret, struct err *err)
{
    if (str_utf8_valid(bytes)) {
        *ret = bytes;
        return 0;
    }
    AUTO(spill_done) struct spill b = SPILL_NONE;
    spill_begin(&b, action_spills(ctx), SPILL_VALUE_MAX);
    for (size_t at = 0; at < bytes.len;) {
        size_t n = 1;
        while (n <= 4 && n <= bytes.len - at && !str_utf8_valid(str_n(bytes.ptr + at, n))) {
            n++;
        }
        if (n <= 4 && n <= bytes.len - at) {
            (void)spill_add(&b, bytes.ptr + at, n);
            at += n;
        } else {
            (void)spill_add_str(&b, STR("\xEF\xBF\xBD"));
            at++;
        }
    }
    if (b.full) {
        return err_set(
            err, -EMSGSIZE, "http.too_large",
            "The response is no UTF-8, and larger than %zu MB as text. Set Response Type "
            "to binary.",
            SPILL_VALUE_MAX / MIB(1));
    }
    return spill_end(&b, action_arena(ctx), ret, err);
}

/* Whether a text can be JSON at all, so that a large one of another kind need not be parsed. */
static bool may_be_json(struct str text)
{
    text = str_trim(text);
    return text.len && strchr("{[\"-0123456789tfn", text.ptr[0]) && text.ptr[0];
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
    struct str text;
    int rc = as_text(ctx, r->body, &text, err);
    if (rc < 0) {
        return rc;
    }
    *ret = json_str(text);
    if (type == HTTP_AS_JSON && may_be_json(text)) {
        struct json parsed;
        struct err why;
        err_clear(&why);
        rc = action_parse_json(ctx, text, &parsed, &why);
        if (rc == 0) {
            *ret = parsed;
        } else if (rc == -ENOMEM) {
            return err_set(err, rc, "action.memory",
                           "The response is %zu MB of JSON, which is too large to be parsed in one "
                           "execution. Ask for smaller pages, or set Response Type to text or "
                           "binary.",
                           text.len / MIB(1));
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
    const char *code = r->status == 401 || r->status == 403 ? "http.login" : "http.status";
    int rc = err_set(err, -EBADE, code, "%.*s answered %d%s%.*s%s%.*s%s", (int)MIN(host.len, 120),
                     host.ptr, r->status, r->status_text.len ? " " : "",
                     (int)MIN(r->status_text.len, 60), r->status_text.ptr, text ? ": " : ".",
                     text ? (int)shown : 0, body.ptr, text && shown < body.len ? "..." : "");
    if (err) {
        err->retryable = r->status >= 500 || r->status == 429 || r->status == 408;
    }
    return rc;
}
