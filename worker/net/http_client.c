/* Owns a slot's curl handle: one request at a time, its redirects, its limits and the check of
 * every address. Called on the slot's thread and blocks; the first clients of a loop transfer by
 * themselves, which costs less time but three files each, all others hand over to the loop. It
 * refuses other schemes than http and https, header values with line breaks, addresses the policy
 * refuses, and anything above its limits. Proxies of the environment, .netrc and cookies are not
 * used. */
#include "net/http_client.h"

#include "clock.h"
#include "net/http_loop.h"
#include "net/net_curl.h"

#define DEFAULT_MAX_RESPONSE   MIB(64) /* of what stays in memory */
#define DEFAULT_CONNECT_MS     10000
#define KEPT_CONNECTIONS       4
#define KEPT_BODY_BYTES        KIB(64)
#define MAX_REQUEST_HEADERS    200
#define MAX_RESPONSE_HEADERS   300
#define MAX_HEADER_VALUE_BYTES KIB(32)

struct http_client {
    struct http_client_options options;
    struct http_transfer transfer; /* its handle is NULL until the first request */
    bool direct;                   /* performs by itself, not by the loop */
    struct spill body;
    struct buf headers;
    const struct str *parts; /* of the body that is sent */
    size_t n_parts, part, part_at;
    struct net_gate gate;
    char error[CURL_ERROR_SIZE];
};

struct http_client *http_client_new(const struct http_client_options *options)
{
    net_curl_start();
    struct http_client *c = mem_new(struct http_client);
    c->options = *options;
    c->direct = !c->options.loop || http_loop_spares(c->options.loop);
    http_transfer_init(&c->transfer);
    c->gate.policy = options->policy;
    if (c->options.connect_timeout_ms == 0) {
        c->options.connect_timeout_ms = DEFAULT_CONNECT_MS;
    }
    spill_init(&c->body);
    buf_init(&c->headers, HTTP_MAX_HEADER_BYTES);
    return c;
}

struct http_client *http_client_free(struct http_client *c)
{
    if (c) {
        if (c->transfer.curl) {
            curl_easy_cleanup(c->transfer.curl);
        }
        http_transfer_done(&c->transfer);
        if (c->direct && c->options.loop) {
            http_loop_regains(c->options.loop);
        }
        spill_done(&c->body);
        buf_done(&c->headers);
        mem_free(c);
    }
    return NULL;
}

const struct address_policy *http_client_policy(const struct http_client *c)
{
    return c->options.policy;
}

struct str http_response_header(const struct http_response *r, const char *name)
{
    for (size_t i = 0; i < r->n_headers; i++) {
        if (str_eq_ci(r->headers[i].name, str_of(name))) {
            return r->headers[i].value;
        }
    }
    return STR("");
}

/* --- callbacks of curl ---------------------------------------------------------------------------
 */

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
    struct http_client *c = arg;
    return spill_add(&c->body, data, size * n) ? size * n : 0;
}

static size_t on_read(char *into, size_t size, size_t n, void *arg)
{
    struct http_client *c = arg;
    size_t done = 0;
    while (done < size * n && c->part < c->n_parts) {
        struct str part = c->parts[c->part];
        size_t now = MIN(size * n - done, part.len - c->part_at);
        if (now) {
            memcpy(into + done, part.ptr + c->part_at, now);
        }
        done += now;
        c->part_at += now;
        if (c->part_at == part.len) {
            c->part++;
            c->part_at = 0;
        }
    }
    return done;
}

/* A kept connection that turns out closed: the body is sent again from its start. */
static int on_rewind(void *arg, curl_off_t offset, int origin)
{
    struct http_client *c = arg;
    if (origin != SEEK_SET || offset != 0) {
        return CURL_SEEKFUNC_CANTSEEK;
    }
    c->part = c->part_at = 0;
    return CURL_SEEKFUNC_OK;
}

static size_t on_header(char *data, size_t size, size_t n, void *arg)
{
    struct http_client *c = arg;
    if (size * n >= 5 && memcmp(data, "HTTP/", 5) == 0) {
        buf_clear(&c->headers); /* a final response after 100 Continue */
    }
    buf_add(&c->headers, data, size * n);
    return c->headers.full ? 0 : size * n;
}

/* --- the parts of one hop ------------------------------------------------------------------------
 */

struct hop {
    CURLU *url;
    char *host;   /* owned by curl */
    char *scheme; /* owned by curl */
    struct str method;
    bool has_body;
    bool keep_secrets; /* false once the host has changed */
};

static void hop_done(struct hop *hop)
{
    curl_url_cleanup(hop->url);
    curl_free(hop->host);
    curl_free(hop->scheme);
    *hop = (struct hop){0};
}
DEFINE_DONE(struct hop, hop_done)

static int bad_url(struct err *err, const char *why)
{
    return err_set(err, -EINVAL, "http.url",
                   "The URL cannot be called: %s. It must look like https://host/path.", why);
}

/* Reads scheme and host of hop->url, which holds a new address. */
static int hop_parts(struct hop *hop, struct err *err)
{
    curl_free(hop->host);
    curl_free(hop->scheme);
    hop->host = hop->scheme = NULL;
    if (curl_url_get(hop->url, CURLUPART_SCHEME, &hop->scheme, 0) != CURLUE_OK ||
        curl_url_get(hop->url, CURLUPART_HOST, &hop->host, 0) != CURLUE_OK || !hop->host[0]) {
        return bad_url(err, "it has no host");
    }
    if (strcmp(hop->scheme, "http") != 0 && strcmp(hop->scheme, "https") != 0) {
        return bad_url(err, "only http and https are allowed");
    }
    return 0;
}

static int hop_start(struct hop *hop, struct arena *a, const struct http_request *req,
                     struct err *err)
{
    struct str url = str_trim(req->url);
    if (url.len == 0) {
        return bad_url(err, "it is empty");
    }
    if (url.len > HTTP_MAX_URL_BYTES || (url.len && memchr(url.ptr, '\0', url.len))) {
        return bad_url(err, "it is too long or holds a NUL byte");
    }
    hop->url = curl_url();
    ASSERT(hop->url);
    hop->method = req->method;
    hop->has_body = req->has_body;
    hop->keep_secrets = true;
    CURLUcode rc = curl_url_set(hop->url, CURLUPART_URL, arena_strndup(a, url.ptr, url.len),
                                CURLU_URLENCODE | CURLU_NON_SUPPORT_SCHEME);
    return rc == CURLUE_OK ? hop_parts(hop, err) : bad_url(err, curl_url_strerror(rc));
}

static bool same_text(CURLU *x, CURLU *y, CURLUPart part)
{
    char *p = NULL, *q = NULL;
    (void)curl_url_get(x, part, &p, CURLU_DEFAULT_PORT);
    (void)curl_url_get(y, part, &q, CURLU_DEFAULT_PORT);
    bool same = p && q && str_eq_ci(str_of(p), str_of(q));
    curl_free(p);
    curl_free(q);
    return same;
}

/* Moves on to the Location of a redirect. */
static int hop_follow(struct hop *hop, struct arena *a, struct str location, int status,
                      struct err *err)
{
    if (location.len > HTTP_MAX_URL_BYTES) {
        return bad_url(err, "a redirect leads to an address that is too long");
    }
    CURLU *before = curl_url_dup(hop->url);
    ASSERT(before);
    (void)curl_url_set(hop->url, CURLUPART_USER, NULL, 0);
    (void)curl_url_set(hop->url, CURLUPART_PASSWORD, NULL, 0);
    CURLUcode rc =
        curl_url_set(hop->url, CURLUPART_URL, arena_strndup(a, location.ptr, location.len),
                     CURLU_URLENCODE | CURLU_NON_SUPPORT_SCHEME);
    if (rc == CURLUE_OK && !(same_text(before, hop->url, CURLUPART_SCHEME) &&
                             same_text(before, hop->url, CURLUPART_HOST) &&
                             same_text(before, hop->url, CURLUPART_PORT))) {
        hop->keep_secrets = false;
    }
    curl_url_cleanup(before);
    if (rc != CURLUE_OK) {
        return bad_url(err, "a redirect leads to an address that is none");
    }
    bool head = str_eq(hop->method, STR("HEAD"));
    bool post = str_eq(hop->method, STR("POST"));
    if ((status == 303 && !head) || ((status == 301 || status == 302) && post)) {
        hop->method = STR("GET");
        hop->has_body = false;
    }
    return hop_parts(hop, err);
}

static bool is_token(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char ch = (unsigned char)s.ptr[i];
        if (ch <= ' ' || ch >= 0x7F || strchr("\"(),/:;<=>?@[\\]{}", ch)) {
            return false;
        }
    }
    return s.len > 0;
}

static bool is_field_value(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char ch = (unsigned char)s.ptr[i];
        if ((ch < ' ' && ch != '\t') || ch == 0x7F) {
            return false;
        }
    }
    return s.len <= MAX_HEADER_VALUE_BYTES;
}

/* Headers that must not follow a redirect to another host. */
static bool is_secret_header(struct str name)
{
    static const char *const names[] = {"authorization", "cookie",    "proxy-authorization",
                                        "api-key",       "x-api-key", "idempotency-key"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (str_eq_ci(name, str_of(names[i]))) {
            return true;
        }
    }
    return false;
}

/* Headers that the client decides itself: they describe the connection or the body's length. */
static bool is_own_header(struct str name)
{
    static const char *const names[] = {
        "content-length", "transfer-encoding", "connection", "expect", "te", "upgrade", "trailer"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (str_eq_ci(name, str_of(names[i]))) {
            return true;
        }
    }
    return false;
}

static void list_add(struct curl_slist **list, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*list, line);
    ASSERT(longer);
    *list = longer;
}

static int add_header(struct curl_slist **list, struct arena *a, const struct http_header *h,
                      struct err *err)
{
    if (!is_token(h->name)) {
        return err_set(err, -EINVAL, "http.url", "\"%.*s\" cannot be the name of a header.",
                       (int)MIN(h->name.len, 60), h->name.ptr);
    }
    struct str value = str_trim(h->value);
    if (!is_field_value(value)) {
        return err_set(err, -EINVAL, "http.url",
                       "The value of header \"%.*s\" holds line breaks or control characters, or "
                       "is longer than 32 KB.",
                       (int)MIN(h->name.len, 60), h->name.ptr);
    }
    const char *line = value.len ? arena_printf(a, "%.*s: %.*s", (int)h->name.len, h->name.ptr,
                                                (int)value.len, value.ptr)
                                 : arena_printf(a, "%.*s;", (int)h->name.len, h->name.ptr);
    list_add(list, line);
    return 0;
}

static void slist_free(struct curl_slist *list)
{
    curl_slist_free_all(list);
}
DEFINE_CLEANUP(struct curl_slist *, slist_free)

static int make_headers(const struct hop *hop, struct arena *a, const struct http_request *req,
                        struct curl_slist **ret, struct err *err)
{
    AUTO(slist_free) struct curl_slist *list = NULL;
    bool typed = false, agent = false;
    if (req->n_headers > MAX_REQUEST_HEADERS) {
        return err_set(err, -EINVAL, "http.url", "More than %d headers.", MAX_REQUEST_HEADERS);
    }
    for (size_t i = 0; i < req->n_headers; i++) {
        const struct http_header *h = &req->headers[i];
        bool type = str_eq_ci(h->name, STR("content-type"));
        if (is_own_header(h->name) || (type && !hop->has_body) ||
            (!hop->keep_secrets &&
             (h->secret || is_secret_header(h->name) || str_eq_ci(h->name, STR("host"))))) {
            continue;
        }
        int rc = add_header(&list, a, h, err);
        if (rc < 0) {
            return rc;
        }
        typed = typed || type;
        agent = agent || str_eq_ci(h->name, STR("user-agent"));
    }
    /* Without these curl would add its own. */
    list_add(&list, "Expect:");
    if (!agent) {
        list_add(&list, "User-Agent: Leat/" LEAT_VERSION);
    }
    if (!typed) {
        list_add(&list, "Content-Type:");
    }
    *ret = TAKE(list);
    return 0;
}

#define SET(c, option, value)                                                                      \
    ASSERT(curl_easy_setopt((c)->transfer.curl, option, value) == CURLE_OK)

static void set_body(struct http_client *c, const struct http_request *req)
{
    if (req->n_parts == 0) {
        SET(c, CURLOPT_POSTFIELDS, req->body.len ? req->body.ptr : "");
        SET(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)req->body.len);
        return;
    }
    size_t len = 0;
    for (size_t i = 0; i < req->n_parts; i++) {
        len += req->parts[i].len;
    }
    c->parts = req->parts;
    c->n_parts = req->n_parts;
    c->part = c->part_at = 0;
    SET(c, CURLOPT_READFUNCTION, on_read);
    SET(c, CURLOPT_READDATA, c);
    SET(c, CURLOPT_SEEKFUNCTION, on_rewind);
    SET(c, CURLOPT_SEEKDATA, c);
    SET(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)len);
}

static void set_options(struct http_client *c, const struct hop *hop,
                        const struct http_request *req, struct curl_slist *headers, char *method,
                        long left_ms)
{
    if (!c->transfer.curl) {
        c->transfer.curl = curl_easy_init();
        ASSERT(c->transfer.curl);
    } else {
        curl_easy_reset(c->transfer.curl);
    }
    SET(c, CURLOPT_CURLU, hop->url);
    SET(c, CURLOPT_PROTOCOLS_STR, "http,https");
    SET(c, CURLOPT_ERRORBUFFER, c->error);
    SET(c, CURLOPT_HTTPHEADER, headers);
    SET(c, CURLOPT_ACCEPT_ENCODING, "gzip, deflate");
    SET(c, CURLOPT_WRITEFUNCTION, on_body);
    SET(c, CURLOPT_WRITEDATA, c);
    SET(c, CURLOPT_HEADERFUNCTION, on_header);
    SET(c, CURLOPT_HEADERDATA, c);
    net_gate_set(&c->gate, c->transfer.curl);
    SET(c, CURLOPT_TIMEOUT_MS, left_ms);
    SET(c, CURLOPT_CONNECTTIMEOUT_MS, (long)MIN(c->options.connect_timeout_ms, left_ms));
    SET(c, CURLOPT_TCP_KEEPALIVE, 1L);
    if (req->ignore_ssl_errors) {
        SET(c, CURLOPT_SSL_VERIFYPEER, 0L);
        SET(c, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    if (str_eq(hop->method, STR("HEAD"))) {
        SET(c, CURLOPT_NOBODY, 1L);
    } else if (hop->has_body) {
        SET(c, CURLOPT_POST, 1L);
        set_body(c, req);
    }
    if (!str_eq(hop->method, STR("HEAD"))) { /* one that says so is refused before it comes */
        SET(c, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)c->body.max);
    }
    SET(c, CURLOPT_CUSTOMREQUEST, method);
}

static int failure(struct http_client *c, const struct hop *hop, const struct http_request *req,
                   CURLcode code, size_t max_bytes, struct err *err)
{
    const char *host = hop->host;
    int rc;
    bool retryable = true;
    if (c->gate.refusal) {
        rc = err_set(err, -EACCES, "http.refused",
                     "%.200s leads to %s, which this platform does not connect to. Use a public "
                     "address, or ask the operator to allow the range.",
                     host, c->gate.refusal);
        retryable = false;
    } else if (c->body.failure != SPILL_OK) {
        return spill_error(&c->body, err);
    } else if (c->body.full || c->headers.full || code == CURLE_FILESIZE_EXCEEDED) {
        rc = err_set(err, -EMSGSIZE, "http.too_large",
                     "The response of %.200s is larger than %zu bytes. Ask for smaller pages.",
                     host, c->headers.full ? HTTP_MAX_HEADER_BYTES : max_bytes);
        retryable = false;
    } else if (code == CURLE_OPERATION_TIMEDOUT) {
        rc = err_set(err, -ETIMEDOUT, "http.timeout", "%.200s did not answer in time.", host);
    } else if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CONNECT_ERROR ||
               code == CURLE_SSL_CACERT_BADFILE) {
        rc = err_set(err, -EPROTO, "http.tls", "No secure connection to %.200s: %.200s.", host,
                     c->error[0] ? c->error : curl_easy_strerror(code));
    } else if (code == CURLE_COULDNT_RESOLVE_HOST) {
        rc = err_set(err, -EHOSTUNREACH, "http.connect",
                     "The host name %.200s was not found. Check the URL.", host);
    } else if (code == CURLE_COULDNT_CONNECT) {
        rc = err_set(err, -ECONNREFUSED, "http.connect", "No connection to %.200s.", host);
    } else if (code == CURLE_URL_MALFORMAT) {
        rc = bad_url(err, curl_easy_strerror(code));
        retryable = false;
    } else {
        rc = err_set(err, -EIO, "http.failed", "The request to %.200s failed: %s.", host,
                     curl_easy_strerror(code));
    }
    if (err) {
        err->retryable = retryable;
    }
    return rc;
}

static size_t most_bytes(const struct http_client *c, struct arena *a,
                         const struct http_request *req)
{
    bool spills = spill_set_works(req->spills);
    size_t most = c->options.max_response_bytes ? c->options.max_response_bytes
                  : spills                      ? SPILL_VALUE_MAX
                                                : DEFAULT_MAX_RESPONSE;
    most = req->max_response_bytes ? MIN(req->max_response_bytes, most) : most;
    return spills ? most : MIN(most, arena_room(a) / 2); /* the body is copied there */
}

/* One request without redirects. */
static CURLcode perform_here(struct http_client *c, const struct http_request *req)
{
    SET(c, CURLOPT_MAXCONNECTS, (long)KEPT_CONNECTIONS);
    if (req->block_begin) {
        req->block_begin(req->block_ctx);
    }
    CURLcode code = curl_easy_perform(c->transfer.curl);
    if (req->block_end) {
        req->block_end(req->block_ctx);
    }
    return code;
}

static CURLcode perform_by_loop(struct http_client *c, const struct hop *hop,
                                const struct http_request *req)
{
    c->transfer.block_begin = req->block_begin;
    c->transfer.block_end = req->block_end;
    c->transfer.block_ctx = req->block_ctx;
    return http_loop_perform(c->options.loop, &c->transfer, hop->host);
}

static int perform(struct http_client *c, const struct hop *hop, struct arena *a,
                   const struct http_request *req, struct err *err)
{
    int64_t left_ms = (req->deadline_ns - clock_mono_ns()) / NS_PER_MS;
    if (left_ms <= 0) {
        int rc =
            err_set(err, -ETIMEDOUT, "http.timeout", "%.200s did not answer in time.", hop->host);
        if (err) {
            err->retryable = true;
        }
        return rc;
    }
    AUTO(slist_free) struct curl_slist *headers = NULL;
    int rc = make_headers(hop, a, req, &headers, err);
    if (rc < 0) {
        return rc;
    }
    size_t max_bytes = most_bytes(c, a, req);
    spill_begin(&c->body, req->spills, max_bytes);
    buf_clear(&c->headers);
    c->gate.refusal = NULL;
    c->error[0] = '\0';
    set_options(c, hop, req, headers, arena_strndup(a, hop->method.ptr, hop->method.len),
                (long)MIN(left_ms, INT64_C(86400000)));
    CURLcode code = c->direct ? perform_here(c, req) : perform_by_loop(c, hop, req);
    return code == CURLE_OK && !c->gate.refusal ? 0 : failure(c, hop, req, code, max_bytes, err);
}

/* --- the response --------------------------------------------------------------------------------
 */

static struct str next_line(struct str text, size_t *at)
{
    ptrdiff_t end = str_find(text, STR("\n"), *at);
    size_t stop = end < 0 ? text.len : (size_t)end;
    struct str line = str_n(text.ptr + *at, stop - *at);
    *at = stop + 1;
    return str_trim(line);
}

static void read_headers(struct http_client *c, struct arena *a, struct http_response *r)
{
    struct str text = str_n(arena_strndup(a, c->headers.len ? c->headers.data : "", c->headers.len),
                            c->headers.len);
    size_t n = 0, at = 0;
    for (size_t i = 0; i < text.len; i++) {
        n += text.ptr[i] == '\n' ? 1 : 0;
    }
    r->headers = arena_array(a, n + 1, sizeof(*r->headers));
    struct str first = next_line(text, &at);
    ptrdiff_t blank = str_find(first, STR(" "), 0);
    ptrdiff_t second = blank < 0 ? -1 : str_find(first, STR(" "), (size_t)blank + 1);
    r->status_text =
        second < 0 ? STR("") : str_trim(str_n(first.ptr + second, first.len - (size_t)second));
    while (at < text.len) {
        struct str line = next_line(text, &at);
        ptrdiff_t colon = str_find(line, STR(":"), 0);
        if (colon > 0 && r->n_headers < MAX_RESPONSE_HEADERS) { /* later ones are left out */
            r->headers[r->n_headers++] = (struct http_header){
                str_n(line.ptr, (size_t)colon),
                str_trim(str_n(line.ptr + colon + 1, line.len - (size_t)colon - 1)),
            };
        }
    }
}

static void read_response(struct http_client *c, struct hop *hop, struct arena *a,
                          struct http_response *r)
{
    long status = 0;
    (void)curl_easy_getinfo(c->transfer.curl, CURLINFO_RESPONSE_CODE, &status);
    r->status = (int)status;
    read_headers(c, a, r);
    char *url = NULL;
    (void)curl_url_set(hop->url, CURLUPART_USER, NULL, 0);
    (void)curl_url_set(hop->url, CURLUPART_PASSWORD, NULL, 0);
    if (curl_url_get(hop->url, CURLUPART_URL, &url, 0) == CURLUE_OK) {
        r->url = str_of(arena_strdup(a, url));
    }
    curl_free(url);
}

static bool is_redirect(int status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static int send_all(struct http_client *c, struct arena *a, const struct http_request *req,
                    struct http_response *ret, struct err *err)
{
    if (!is_token(req->method) || req->method.len > 40) {
        return err_set(err, -EINVAL, "http.url", "\"%.*s\" is not an HTTP method.",
                       (int)MIN(req->method.len, 40), req->method.ptr);
    }
    AUTO(hop_done) struct hop hop = {0};
    int rc = hop_start(&hop, a, req, err);
    int most =
        req->max_redirects ? MIN(req->max_redirects, HTTP_MAX_REDIRECTS) : HTTP_MAX_REDIRECTS;
    for (int redirects = 0; rc == 0; redirects++) {
        rc = perform(c, &hop, a, req, err);
        if (rc < 0) {
            break;
        }
        struct http_response r = {.redirects = redirects, .url = STR("")};
        read_response(c, &hop, a, &r);
        struct str location = http_response_header(&r, "location");
        if (req->no_redirects || !is_redirect(r.status) || location.len == 0) {
            rc = spill_end(&c->body, a, &r.body, err);
            if (rc == 0) {
                *ret = r;
            }
            return rc;
        }
        if (redirects == most) {
            return err_set(err, -ELOOP, "http.redirects", "%.200s redirected more than %d times.",
                           hop.host, most);
        }
        rc = hop_follow(&hop, a, location, r.status, err);
    }
    return rc;
}

int http_client_send(struct http_client *c, struct arena *a, const struct http_request *req,
                     struct http_response *ret, struct err *err)
{
    int rc = send_all(c, a, req, ret, err);
    spill_begin(&c->body, NULL, 0);
    if (c->body.part.cap > KEPT_BODY_BYTES) {
        buf_done(&c->body.part);
    }
    if (c->headers.cap > KEPT_BODY_BYTES) {
        buf_done(&c->headers);
    }
    return rc;
}
