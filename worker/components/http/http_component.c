/* Owns the actions of the HTTP component: what a request is made of, when it is sent again, and
 * what comes back. Called on the slot's thread, blocks inside the client. A response outside
 * 200-299 fails the step. */
#include <math.h>

#include "clock.h"
#include "components/http/http_request_build.h"
#include "components/registry.h"
#include "expr/value.h"
#include "net/net_server.h"

#define MAX_RETRIES      100
#define MAX_DELAY_MS     600000
#define BACKOFF_FIRST_MS 100
#define BODY_SHOWN       2000    /* bytes of a body in the log */
#define MAX_FAILED_BYTES MIB(32) /* of responses after which a request was sent again */

static const char *const response_types[] = {"json", "text", "binary", NULL};
static const char *const form_methods[] = {"post", "put", "patch", NULL};

#define COMMON_INPUTS                                                                              \
    {                                                                                              \
        .key = "connection",                                                                       \
        .label = "Connection",                                                                     \
        .type = CATALOG_CONNECTION,                                                                \
        .comments = "Credentials to send: basic, API key, or OAuth 2.0.",                          \
    },                                                                                             \
        {                                                                                          \
            .key = "url",                                                                          \
            .label = "URL",                                                                        \
            .type = CATALOG_STRING,                                                                \
            .required = true,                                                                      \
            .comments = "The address to call.",                                                    \
            .example = "https://api.example.com/orders",                                           \
        },                                                                                         \
        {                                                                                          \
            .key = "responseType",                                                                 \
            .label = "Response Type",                                                              \
            .type = CATALOG_STRING,                                                                \
            .fallback = "json",                                                                    \
            .choices = response_types,                                                             \
            .comments = "What the response holds. JSON that does not parse stays text.",           \
        },                                                                                         \
        {                                                                                          \
            .key = "headers",                                                                      \
            .label = "Headers",                                                                    \
            .type = CATALOG_STRING,                                                                \
            .collection = CATALOG_KEY_VALUE_LIST,                                                  \
            .comments = "Headers to send.",                                                        \
        },                                                                                         \
        {                                                                                          \
            .key = "queryParams",                                                                  \
            .label = "Query Parameters",                                                           \
            .type = CATALOG_STRING,                                                                \
            .collection = CATALOG_KEY_VALUE_LIST,                                                  \
            .comments = "Put at the end of the URL, like ?key1=value1&key2=value2.",               \
        },                                                                                         \
        {                                                                                          \
            .key = "maxRetries",                                                                   \
            .label = "Max Retry Count",                                                            \
            .type = CATALOG_NUMBER,                                                                \
            .fallback = "0",                                                                       \
            .comments = "How often to send the request again when it fails.",                      \
        },                                                                                         \
        {                                                                                          \
            .key = "retryDelayMS",                                                                 \
            .label = "Retry Delay (ms)",                                                           \
            .type = CATALOG_NUMBER,                                                                \
            .fallback = "0",                                                                       \
            .comments = "Milliseconds to wait before sending it again.",                           \
        },                                                                                         \
        {                                                                                          \
            .key = "useExponentialBackoff",                                                        \
            .label = "Use Exponential Backoff",                                                    \
            .type = CATALOG_BOOLEAN,                                                               \
            .fallback = "false",                                                                   \
            .comments = "Wait twice as long each time, from 0.1 s; Retry Delay is then ignored.",  \
        },                                                                                         \
        {                                                                                          \
            .key = "retryOnAllErrors",                                                             \
            .label = "Retry On All Errors",                                                        \
            .type = CATALOG_BOOLEAN,                                                               \
            .fallback = "false",                                                                   \
            .comments = "Send again after any error, not only after network errors and 5xx.",      \
        },                                                                                         \
        {                                                                                          \
            .key = "timeout",                                                                      \
            .label = "Timeout",                                                                    \
            .type = CATALOG_NUMBER,                                                                \
            .comments = "Milliseconds to wait for the response; the execution's limit if empty.",  \
        },                                                                                         \
        {                                                                                          \
            .key = "includeFullResponse",                                                          \
            .label = "Include Full Response",                                                      \
            .type = CATALOG_BOOLEAN,                                                               \
            .fallback = "false",                                                                   \
            .comments = "Return status and headers as well, not only the data.",                   \
        },                                                                                         \
        {                                                                                          \
            .key = "debugRequest",                                                                 \
            .label = "Debug Request",                                                              \
            .type = CATALOG_BOOLEAN,                                                               \
            .fallback = "false",                                                                   \
            .comments = "Write the request to the log, without its credentials.",                  \
        },                                                                                         \
        {                                                                                          \
            .key = "ignoreSslErrors",                                                              \
            .label = "Ignore SSL Errors (Not Recommended)",                                        \
            .type = CATALOG_BOOLEAN,                                                               \
            .fallback = "false",                                                                   \
            .comments = "Accept certificates that do not verify. Only for tests.",                 \
        },                                                                                         \
    {                                                                                              \
        .key = "maxRedirects", .label = "Max Redirects", .type = CATALOG_NUMBER, .fallback = "5",  \
        .comments = "How many redirects to follow, at most 10.",                                   \
    }
#define DATA_INPUT                                                                                 \
    {                                                                                              \
        .key = "data", .label = "Data", .type = CATALOG_JSON,                                      \
        .comments = "The body: text is sent as it is, objects and lists as JSON.",                 \
        .example = "{\"id\": 17}",                                                                 \
    }

static const struct action_input plain_inputs[] = {COMMON_INPUTS, {0}};
static const struct action_input data_inputs[] = {DATA_INPUT, COMMON_INPUTS, {0}};
static const struct action_input raw_inputs[] = {
    {
        .key = "method",
        .label = "Method",
        .type = CATALOG_STRING,
        .required = true,
        .comments = "The HTTP method.",
        .example = "GET",
    },
    DATA_INPUT,
    COMMON_INPUTS,
    {0},
};
static const struct action_input form_inputs[] = {
    {
        .key = "httpMethod",
        .label = "HTTP Method",
        .type = CATALOG_STRING,
        .fallback = "post",
        .choices = form_methods,
        .comments = "The HTTP method.",
    },
    {
        .key = "formData",
        .label = "Form Data",
        .type = CATALOG_JSON,
        .collection = CATALOG_KEY_VALUE_LIST,
        .comments = "Fields of the form.",
    },
    {
        .key = "fileData",
        .label = "File Data",
        .type = CATALOG_JSON,
        .collection = CATALOG_KEY_VALUE_LIST,
        .comments = "Files of the form: texts, or files from earlier steps.",
    },
    {
        .key = "fileDataFileNames",
        .label = "File Data File Names",
        .type = CATALOG_STRING,
        .collection = CATALOG_KEY_VALUE_LIST,
        .comments =
            "For each key of File Data, the name of the file; otherwise its own, or the key.",
    },
    COMMON_INPUTS,
    {0},
};
static const struct action_input trigger_inputs[] = {
    {
        .key = "contentType",
        .label = "Response Content Type",
        .type = CATALOG_STRING,
        .comments = "Content type of the reply; application/json when empty.",
    },
    {0},
};

/* How a request is sent and what becomes of its response. */
struct plan {
    struct http_request req;
    struct http_header_list headers;
    int64_t timeout_ms, max_retries, delay_ms;
    bool backoff, retry_all, full, debug;
    enum http_response_type type;
};

static int read_optional_int(struct action_context *ctx, const char *key, int64_t max, int64_t *ret,
                             struct err *err)
{
    double n;
    int rc = action_input_number(ctx, key, &n, err);
    if (rc == 0 && isnan(n)) {
        *ret = 0;
        return 0;
    }
    return rc < 0 ? rc : action_input_int(ctx, key, 0, max, ret, err);
}

static int read_type(struct action_context *ctx, enum http_response_type *ret, struct err *err)
{
    struct str text;
    int rc = action_input_text(ctx, "responseType", &text, err);
    if (rc < 0) {
        return rc;
    }
    for (size_t i = 0; response_types[i]; i++) {
        if (str_eq_ci(str_trim(text), str_of(response_types[i]))) {
            *ret = (enum http_response_type)i;
            return 0;
        }
    }
    return action_input_error(ctx, "responseType", err, "must be json, text or binary.");
}

static int read_numbers(struct action_context *ctx, struct plan *plan, struct err *err)
{
    int64_t redirects;
    const struct {
        const char *key;
        int64_t max;
        int64_t *into;
    } rows[] = {
        {"maxRetries", MAX_RETRIES, &plan->max_retries},
        {"retryDelayMS", MAX_DELAY_MS, &plan->delay_ms},
        {"timeout", INT32_MAX, &plan->timeout_ms},
        {"maxRedirects", INT32_MAX, &redirects},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int rc = read_optional_int(ctx, rows[i].key, rows[i].max, rows[i].into, err);
        if (rc < 0) {
            return rc;
        }
    }
    plan->req.max_redirects = (int)MIN(redirects, HTTP_MAX_REDIRECTS);
    plan->req.no_redirects = redirects == 0;
    return 0;
}

static int read_switches(struct action_context *ctx, struct plan *plan, struct err *err)
{
    const struct {
        const char *key;
        bool *into;
    } rows[] = {
        {"useExponentialBackoff", &plan->backoff},
        {"retryOnAllErrors", &plan->retry_all},
        {"includeFullResponse", &plan->full},
        {"debugRequest", &plan->debug},
        {"ignoreSslErrors", &plan->req.ignore_ssl_errors},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int rc = action_input_bool(ctx, rows[i].key, rows[i].into, err);
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

static int read_plan(struct action_context *ctx, struct plan *plan, struct err *err)
{
    int rc = http_build_url(ctx, "url", "queryParams", &plan->req.url, err);
    if (rc == 0) {
        rc = http_build_headers(ctx, "headers", &plan->headers, err);
    }
    if (rc == 0) {
        rc = http_build_credentials(ctx, "connection", &plan->headers, err);
    }
    if (rc == 0) {
        rc = read_type(ctx, &plan->type, err);
    }
    if (rc == 0) {
        rc = read_numbers(ctx, plan, err);
    }
    return rc < 0 ? rc : read_switches(ctx, plan, err);
}

/* Text as it is, cut between characters; bytes by their number. */
static void add_body(struct buf *b, struct str body)
{
    size_t shown = MIN(body.len, (size_t)BODY_SHOWN);
    while (shown > 0 && shown < body.len && ((unsigned char)body.ptr[shown] & 0xC0) == 0x80) {
        shown--;
    }
    if (str_utf8_valid(str_n(body.ptr, shown))) {
        buf_addf(b, "\n\n%.*s%s", (int)shown, body.ptr, shown < body.len ? "..." : "");
    } else {
        buf_addf(b, "\n\n(%zu bytes)", body.len);
    }
}

static bool is_secret(const struct http_header *h)
{
    static const char *const names[] = {"authorization", "cookie", "api-key", "x-api-key"};
    bool secret = h->secret;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        secret = secret || str_eq_ci(h->name, str_of(names[i]));
    }
    return secret;
}

/* Servers like to repeat the key that they do not accept. */
static void redact(const struct plan *plan, struct err *err)
{
    for (size_t i = 0; i < plan->headers.n; i++) {
        struct str value = str_trim(plan->headers.items[i].value);
        if (is_secret(&plan->headers.items[i])) {
            ptrdiff_t blank = str_find(value, STR(" "), 0); /* after "Bearer" */
            size_t from = blank < 0 ? 0 : (size_t)blank + 1;
            net_redact(err, str_n(value.ptr + from, value.len - from));
        }
    }
}

/* Without the user name and password that may stand before the host. */
static void add_url(struct buf *b, struct str url)
{
    struct str host = http_url_host(url);
    ptrdiff_t scheme = str_find(url, STR("://"), 0);
    if (scheme >= 0) {
        buf_add(b, url.ptr, (size_t)scheme + 3);
        url = str_n(host.ptr, url.len - (size_t)(host.ptr - url.ptr));
    }
    buf_add_str(b, str_n(url.ptr, MIN(url.len, (size_t)2000)));
}

static void log_request(struct action_context *ctx, const struct plan *plan)
{
    AUTO(buf_done) struct buf b = {0};
    buf_init(&b, KIB(64));
    buf_addf(&b, "%.*s ", (int)plan->req.method.len, plan->req.method.ptr);
    add_url(&b, plan->req.url);
    for (size_t i = 0; i < plan->headers.n; i++) {
        const struct http_header *h = &plan->headers.items[i];
        buf_addf(&b, "\n%.*s: ", (int)MIN(h->name.len, 100), h->name.ptr);
        buf_add_str(&b, is_secret(h) ? STR("***") : str_n(h->value.ptr, MIN(h->value.len, 500)));
    }
    if (plan->req.has_body && plan->req.body.len) {
        add_body(&b, plan->req.body);
    }
    for (size_t i = 0; i < plan->req.n_parts; i++) {
        add_body(&b, plan->req.parts[i]);
    }
    action_log(ctx, LINE_DEBUG, buf_str(&b));
}

/* Waits before a further attempt. False when the execution's time would end meanwhile. */
static bool wait_before_retry(struct action_context *ctx, const struct plan *plan, int64_t attempt)
{
    int64_t ms = plan->delay_ms;
    if (plan->backoff) {
        ms = MIN(BACKOFF_FIRST_MS << MIN(attempt, 20), MAX_DELAY_MS);
    }
    if (clock_mono_ns() + ms * NS_PER_MS >= action_deadline(ctx)) {
        return false;
    }
    if (ms > 0) {
        action_block_begin(ctx);
        clock_wait_ns(ms * NS_PER_MS);
        action_block_end(ctx);
    }
    return true;
}

static bool may_retry(const struct plan *plan, int rc, const struct http_response *r,
                      const struct err *err)
{
    if (rc == -EBADE) {
        return plan->retry_all || r->status >= 500;
    }
    return err->retryable || (plan->retry_all && rc != -EINVAL && rc != -EACCES);
}

static struct json header_object(struct action_context *ctx, const struct http_response *r)
{
    struct arena *a = action_arena(ctx);
    struct json_builder b;
    json_build_object(&b, a);
    for (size_t i = 0; i < r->n_headers; i++) {
        struct http_header h = r->headers[i];
        char *name = arena_strndup(a, h.name.ptr, h.name.len);
        for (char *c = name; *c; c++) {
            *c = (char)(*c >= 'A' && *c <= 'Z' ? *c + 32 : *c);
        }
        struct str key = str_n(name, h.name.len);
        struct json before = json_get(json_built(&b), key), value = json_str(h.value);
        if (str_eq(key, STR("set-cookie"))) {
            struct json_builder cookies;
            json_build_array(&cookies, a);
            for (uint32_t k = 0; before.type == JSON_ARRAY && k < before.len; k++) {
                json_push(&cookies, before.items[k]);
            }
            json_push(&cookies, value);
            value = json_built(&cookies);
        } else if (before.type == JSON_STRING) {
            value = json_cstr(arena_printf(a, "%.*s, %.*s", (int)before.len, before.str,
                                           (int)h.value.len, h.value.ptr));
        }
        json_set(&b, key, value);
    }
    return json_built(&b);
}

static int give_response(struct action_context *ctx, const struct plan *plan,
                         const struct http_response *r, struct action_result *ret, struct err *err)
{
    struct json data;
    int rc = http_response_value(ctx, r, plan->type, &data, err);
    if (rc < 0) {
        return rc;
    }
    if (plan->type == HTTP_AS_BINARY) {
        struct str type = http_response_header(r, "content-type");
        ret->content_type = arena_strndup(action_arena(ctx), type.ptr, type.len);
    }
    if (plan->full) {
        struct json_builder b;
        json_build_object(&b, action_arena(ctx));
        json_append(&b, STR("data"),
                    plan->type == HTTP_AS_BINARY ? json_get(data, STR("data")) : data);
        json_append(&b, STR("status"), json_num(r->status));
        json_append(&b, STR("statusText"), json_str(r->status_text));
        json_append(&b, STR("headers"), header_object(ctx, r));
        data = json_built(&b);
    }
    ret->data = data;
    return 0;
}

static int run_plan(struct action_context *ctx, struct plan *plan, struct action_result *ret,
                    struct err *err)
{
    struct err why;
    struct http_response r;
    size_t failed = 0; /* bytes of responses that stay in memory for nothing */
    if (plan->debug) {
        log_request(ctx, plan);
    }
    for (int64_t attempt = 0;; attempt++) {
        err_clear(&why);
        r = (struct http_response){0};
        int rc = http_exchange(ctx, &plan->req, &plan->headers, plan->timeout_ms, &r, &why);
        if (rc == 0 && (r.status < 200 || r.status > 299)) {
            rc = http_status_error(&r, http_url_host(r.url), &why);
            redact(plan, &why);
            failed += r.body.len;
        }
        if (rc == 0) {
            return give_response(ctx, plan, &r, ret, err);
        }
        if (attempt >= plan->max_retries || failed > MAX_FAILED_BYTES ||
            !may_retry(plan, rc, &r, &why) || !wait_before_retry(ctx, plan, attempt)) {
            if (err) {
                *err = why;
            }
            return rc;
        }
    }
}

static const struct {
    const char *key, *method;
} methods[] = {
    {"httpDelete", "DELETE"}, {"httpGet", "GET"},   {"httpHead", "HEAD"},
    {"httpPatch", "PATCH"},   {"httpPost", "POST"}, {"httpPut", "PUT"},
};

static int request(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct plan *plan = arena_new_of(action_arena(ctx), struct plan);
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        if (strcmp(methods[i].key, action_descriptor(ctx)->key) == 0) {
            plan->req.method = str_of(methods[i].method);
        }
    }
    int rc = read_plan(ctx, plan, err);
    return rc < 0 ? rc : run_plan(ctx, plan, ret, err);
}

static int request_with_data(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct plan *plan = arena_new_of(action_arena(ctx), struct plan);
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        if (strcmp(methods[i].key, action_descriptor(ctx)->key) == 0) {
            plan->req.method = str_of(methods[i].method);
        }
    }
    bool has;
    int rc = read_plan(ctx, plan, err);
    if (rc == 0) {
        rc = http_build_body(ctx, "data", &plan->headers, &plan->req.body, &has, err);
    }
    plan->req.has_body = true;
    return rc < 0 ? rc : run_plan(ctx, plan, ret, err);
}

static int read_method(struct action_context *ctx, const char *key, struct str *ret,
                       struct err *err)
{
    struct str text;
    int rc = action_input_text(ctx, key, &text, err);
    if (rc < 0) {
        return rc;
    }
    text = str_trim(text);
    char *upper = arena_strndup(action_arena(ctx), text.ptr, text.len);
    for (size_t i = 0; i < text.len; i++) {
        if (upper[i] >= 'a' && upper[i] <= 'z') {
            upper[i] = (char)(upper[i] - 32);
        } else if (upper[i] < 'A' || upper[i] > 'Z') {
            text.len = 0;
        }
    }
    if (text.len == 0) {
        return action_input_error(ctx, key, err, "must be an HTTP method such as GET or POST.");
    }
    *ret = str_n(upper, text.len);
    return 0;
}

static int raw_request(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct plan *plan = arena_new_of(action_arena(ctx), struct plan);
    int rc = read_method(ctx, "method", &plan->req.method, err);
    if (rc == 0) {
        rc = read_plan(ctx, plan, err);
    }
    if (rc == 0) {
        rc =
            http_build_body(ctx, "data", &plan->headers, &plan->req.body, &plan->req.has_body, err);
    }
    return rc < 0 ? rc : run_plan(ctx, plan, ret, err);
}

static int form_request(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct plan *plan = arena_new_of(action_arena(ctx), struct plan);
    int rc = read_method(ctx, "httpMethod", &plan->req.method, err);
    if (rc == 0) {
        rc = read_plan(ctx, plan, err);
    }
    if (rc == 0 && http_headers_have(&plan->headers, "content-type")) {
        rc = action_input_error(ctx, "headers", err,
                                "must not set Content-Type: that of a form is made with it.");
    }
    if (rc == 0) {
        rc = http_build_multipart(ctx, &plan->headers, &plan->req, err);
    }
    plan->req.has_body = true;
    return rc < 0 ? rc : run_plan(ctx, plan, ret, err);
}

static const struct action actions[] = {
    {
        .key = "httpDelete",
        .label = "DELETE Request",
        .description = "Sends an HTTP DELETE request.",
        .flags = ACTION_WRITES,
        .inputs = plain_inputs,
        .example = "{}",
        .perform = request,
    },
    {
        .key = "httpGet",
        .label = "GET Request",
        .description = "Sends an HTTP GET request.",
        .flags = ACTION_READS,
        .inputs = plain_inputs,
        .example = "[{\"id\": 17}]",
        .perform = request,
    },
    {
        .key = "httpHead",
        .label = "HEAD Request",
        .description = "Sends an HTTP HEAD request, which returns headers only.",
        .flags = ACTION_READS,
        .inputs = plain_inputs,
        .example = "\"\"",
        .perform = request,
    },
    {
        .key = "httpPatch",
        .label = "PATCH Request",
        .description = "Sends an HTTP PATCH request.",
        .flags = ACTION_WRITES,
        .inputs = data_inputs,
        .example = "{\"id\": 17}",
        .perform = request_with_data,
    },
    {
        .key = "httpPost",
        .label = "POST Request",
        .description = "Sends an HTTP POST request.",
        .flags = ACTION_WRITES,
        .inputs = data_inputs,
        .example = "{\"id\": 17}",
        .perform = request_with_data,
    },
    {
        .key = "httpPostFormData",
        .label = "POST/PUT Form Data Request",
        .description = "Sends fields and files as multipart/form-data.",
        .flags = ACTION_WRITES,
        .inputs = form_inputs,
        .example = "{\"id\": 17}",
        .perform = form_request,
    },
    {
        .key = "httpPut",
        .label = "PUT Request",
        .description = "Sends an HTTP PUT request.",
        .flags = ACTION_WRITES,
        .inputs = data_inputs,
        .example = "{\"id\": 17}",
        .perform = request_with_data,
    },
    {
        .key = "httpRequest",
        .label = "Raw Request",
        .description = "Sends a request with any method.",
        .flags = ACTION_WRITES,
        .inputs = raw_inputs,
        .example = "{\"id\": 17}",
        .perform = raw_request,
    },
    {
        .key = "webhook",
        .label = "Webhook",
        .description = "Starts the flow when its webhook URL is called (older form).",
        .flags = ACTION_TRIGGER,
        .inputs = trigger_inputs,
    },
    {0},
};

const struct component component_http = {
    .key = "http",
    .label = "HTTP",
    .description = "Sends requests to APIs and other addresses.",
    .category = "Network",
    .version = 1,
    .actions = actions,
};
