/* Owns Signature Version 4: canonical request, string to sign, signing key. Called on the slot's
 * thread; memory is the caller's arena. It trusts its caller for the sizes, which come from inputs
 * that were bounded before. libcurl 7.88 can sign, too, but not presign, and leaves the order and
 * encoding of query parameters and the session token to its user. */
#include "components/aws/aws_sign.h"

#include "clock.h"
#include "enc.h"
#include "secret.h"

#define ALGORITHM "AWS4-HMAC-SHA256"
#define HEX_LEN   64

void aws_encode_path(struct buf *b, struct str path)
{
    for (size_t at = 0; at <= path.len;) {
        ptrdiff_t slash = str_find(path, STR("/"), at);
        size_t end = slash < 0 ? path.len : (size_t)slash;
        enc_percent(b, str_n(path.ptr + at, end - at));
        if (slash >= 0) {
            buf_addc(b, '/');
        }
        at = end + 1;
    }
}

static struct str keep(struct arena *a, const struct buf *b)
{
    return str_n(arena_strndup(a, b->len ? b->data : "", b->len), b->len);
}

static struct str encoded(struct arena *a, struct str s)
{
    AUTO(buf_done) struct buf b = {0};
    buf_init(&b, 0);
    enc_percent(&b, s);
    return keep(a, &b);
}

static int compare(struct str x, struct str y)
{
    int order = memcmp(x.ptr, y.ptr, MIN(x.len, y.len));
    return order ? order : (x.len > y.len) - (x.len < y.len);
}

static int compare_pairs(const void *x, const void *y)
{
    const struct aws_pair *p = x, *q = y;
    int order = compare(p->name, q->name);
    return order ? order : compare(p->value, q->value);
}

struct str aws_query_string(struct arena *a, const struct aws_pair *query, size_t n)
{
    struct aws_pair *sorted = arena_array(a, n + 1, sizeof(*sorted));
    for (size_t i = 0; i < n; i++) {
        sorted[i] = (struct aws_pair){encoded(a, query[i].name), encoded(a, query[i].value)};
    }
    qsort(sorted, n, sizeof(*sorted), compare_pairs);
    AUTO(buf_done) struct buf b = {0};
    buf_init(&b, 0);
    for (size_t i = 0; i < n; i++) {
        buf_adds(&b, i ? "&" : "");
        buf_add_str(&b, sorted[i].name);
        buf_addc(&b, '=');
        buf_add_str(&b, sorted[i].value);
    }
    return keep(a, &b);
}

static void sha256_hex(struct str data, char ret[HEX_LEN + 1])
{
    uint8_t digest[32];
    secret_sha256(data, digest);
    enc_hex(str_n((const char *)digest, sizeof(digest)), ret, HEX_LEN + 1);
}

/* --- what is signed ------------------------------------------------------------------------------
 */

struct when {
    char time[17]; /* "20130524T000000Z" */
    char day[9];   /* "20130524" */
};

static struct when when_of(int64_t now_ns)
{
    char iso[CLOCK_ISO_LEN + 1];
    struct when w = {0};
    size_t n = 0;
    clock_iso(now_ns, iso);
    for (const char *p = iso; *p && *p != '.' && n < 15; p++) {
        if (*p != '-' && *p != ':') {
            w.time[n++] = *p;
        }
    }
    w.time[n] = 'Z';
    memcpy(w.day, w.time, 8);
    return w;
}

static const char *scope_of(struct arena *a, const struct aws_signing *s, const struct when *w)
{
    return arena_printf(a, "%s/%.*s/%.*s/aws4_request", w->day, (int)s->region.len, s->region.ptr,
                        (int)s->service.len, s->service.ptr);
}

static struct str lower(struct arena *a, struct str s)
{
    char *text = arena_strndup(a, s.ptr, s.len);
    for (size_t i = 0; i < s.len; i++) {
        text[i] = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] + 'a' - 'A') : text[i];
    }
    return str_n(text, s.len);
}

/* Trimmed, and runs of blanks as one. */
static void add_value(struct buf *b, struct str value)
{
    value = str_trim(value);
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] != ' ' || value.ptr[i - 1] != ' ') {
            buf_addc(b, value.ptr[i]);
        }
    }
}

/* host and the headers of the list, by lower-case name. */
static size_t gather_headers(struct arena *a, const struct aws_signing *s,
                             const struct http_header_list *headers, struct aws_pair **ret)
{
    size_t n = 0, most = (headers ? headers->n : 0) + 1;
    struct aws_pair *all = arena_array(a, most, sizeof(*all));
    all[n++] = (struct aws_pair){STR("host"), s->host};
    for (size_t i = 0; headers && i < headers->n; i++) {
        struct str name = lower(a, headers->items[i].name);
        if (!str_eq(name, STR("host"))) {
            all[n++] = (struct aws_pair){name, headers->items[i].value};
        }
    }
    qsort(all, n, sizeof(*all), compare_pairs);
    *ret = all;
    return n;
}

static struct str signed_names(struct arena *a, const struct aws_pair *headers, size_t n)
{
    AUTO(buf_done) struct buf b = {0};
    buf_init(&b, 0);
    for (size_t i = 0; i < n; i++) {
        buf_adds(&b, i ? ";" : "");
        buf_add_str(&b, headers[i].name);
    }
    return keep(a, &b);
}

static void canonical_hash(const struct aws_signing *s, struct str query,
                           const struct aws_pair *headers, size_t n, struct str names,
                           const char *payload, char ret[HEX_LEN + 1])
{
    AUTO(buf_done) struct buf b = {0};
    buf_init(&b, 0);
    buf_add_str(&b, s->method);
    buf_addc(&b, '\n');
    buf_add_str(&b, s->path);
    buf_addc(&b, '\n');
    buf_add_str(&b, query);
    buf_addc(&b, '\n');
    for (size_t i = 0; i < n; i++) {
        buf_add_str(&b, headers[i].name);
        buf_addc(&b, ':');
        add_value(&b, headers[i].value);
        buf_addc(&b, '\n');
    }
    buf_addc(&b, '\n');
    buf_add_str(&b, names);
    buf_addc(&b, '\n');
    buf_adds(&b, payload);
    sha256_hex(buf_str(&b), ret);
}

static void signature(struct arena *a, const struct aws_credentials *c, const struct aws_signing *s,
                      const struct when *w, const char *canonical, char ret[HEX_LEN + 1])
{
    AUTO(buf_done) struct buf first = {0};
    buf_init(&first, 0);
    buf_adds(&first, "AWS4");
    buf_add_str(&first, c->secret);
    uint8_t key[32], next[32];
    secret_hmac_sha256(buf_str(&first), str_of(w->day), key);
    const struct str parts[] = {s->region, s->service, STR("aws4_request")};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        secret_hmac_sha256(str_n((const char *)key, sizeof(key)), parts[i], next);
        memcpy(key, next, sizeof(key));
    }
    const char *to_sign =
        arena_printf(a, ALGORITHM "\n%s\n%s\n%s", w->time, scope_of(a, s, w), canonical);
    secret_hmac_sha256(str_n((const char *)key, sizeof(key)), str_of(to_sign), next);
    enc_hex(str_n((const char *)next, sizeof(next)), ret, HEX_LEN + 1);
    secret_wipe(first.data, first.len);
    secret_wipe(key, sizeof(key));
}

/* --- signing -------------------------------------------------------------------------------------
 */

void aws_sign(struct arena *a, const struct aws_credentials *c, const struct aws_signing *s,
              struct http_header_list *headers)
{
    struct when w = when_of(s->now_ns);
    char payload[HEX_LEN + 1], canonical[HEX_LEN + 1], mac[HEX_LEN + 1];
    struct aws_pair *all;
    sha256_hex(s->body, payload);
    http_headers_add(headers, STR("x-amz-date"), str_of(arena_strdup(a, w.time)));
    http_headers_add(headers, STR("x-amz-content-sha256"), str_of(arena_strdup(a, payload)));
    if (c->token.len) {
        http_headers_add(headers, STR("x-amz-security-token"), c->token);
    }
    size_t n = gather_headers(a, s, headers, &all);
    struct str names = signed_names(a, all, n);
    canonical_hash(s, aws_query_string(a, s->query, s->n_query), all, n, names, payload, canonical);
    signature(a, c, s, &w, canonical, mac);
    const char *text = arena_printf(
        a, ALGORITHM " Credential=%.*s/%s, SignedHeaders=%.*s, Signature=%s", (int)c->key_id.len,
        c->key_id.ptr, scope_of(a, s, &w), (int)names.len, names.ptr, mac);
    http_headers_add(headers, STR("Authorization"), str_of(text));
}

struct str aws_presign(struct arena *a, const struct aws_credentials *c,
                       const struct aws_signing *s, int64_t expires_s)
{
    struct when w = when_of(s->now_ns);
    const char *credential =
        arena_printf(a, "%.*s/%s", (int)c->key_id.len, c->key_id.ptr, scope_of(a, s, &w));
    struct aws_pair *query = arena_array(a, s->n_query + 6, sizeof(*query)), *host;
    size_t n = s->n_query;
    if (n) {
        memcpy(query, s->query, n * sizeof(*query));
    }
    query[n++] = (struct aws_pair){STR("X-Amz-Algorithm"), STR(ALGORITHM)};
    query[n++] = (struct aws_pair){STR("X-Amz-Credential"), str_of(credential)};
    query[n++] = (struct aws_pair){STR("X-Amz-Date"), str_of(w.time)};
    query[n++] = (struct aws_pair){STR("X-Amz-Expires"),
                                   str_of(arena_printf(a, "%lld", (long long)expires_s))};
    query[n++] = (struct aws_pair){STR("X-Amz-SignedHeaders"), STR("host")};
    if (c->token.len) {
        query[n++] = (struct aws_pair){STR("X-Amz-Security-Token"), c->token};
    }
    struct str text = aws_query_string(a, query, n);
    char canonical[HEX_LEN + 1], mac[HEX_LEN + 1];
    size_t n_headers = gather_headers(a, s, NULL, &host);
    canonical_hash(s, text, host, n_headers, STR("host"), "UNSIGNED-PAYLOAD", canonical);
    signature(a, c, s, &w, canonical, mac);
    return str_of(arena_printf(a, "%.*s&X-Amz-Signature=%s", (int)text.len, text.ptr, mac));
}
