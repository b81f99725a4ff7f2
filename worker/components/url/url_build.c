/* Owns the actions that write URLs and query strings. Pure, on the slot's thread. Every part is
 * encoded for the place where it stands, so that none can become another; what comes out is a URL
 * or refused.
 */
#include "components/url/url_build.h"

#include "components/url/url_text.h"
#include "enc.h"
#include "expr/value.h"

int url_give_text(struct action_context *ctx, const char *key, const struct buf *b,
                  struct action_result *ret, struct err *err)
{
    if (b->full) {
        return action_input_error(ctx, key, err, "the result would be larger than 16 MB.");
    }
    int rc = action_room(ctx, b->len + 32, err);
    if (rc == 0) {
        struct str s = buf_str(b);
        ret->data = json_str(str_n(arena_strndup(action_arena(ctx), s.ptr, s.len), s.len));
    }
    return rc;
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Leaves what may stand there: letters, digits, -._~, what `kept` names, and, where escapes are
 * kept, percent signs with two hex digits. */
static void encode_but(struct buf *b, struct str s, const char *kept, bool keep_escapes)
{
    for (size_t i = 0; i < s.len; i++) {
        bool escape = keep_escapes && s.ptr[i] == '%' && s.len - i > 2 && is_hex(s.ptr[i + 1]) &&
                      is_hex(s.ptr[i + 2]);
        if (escape || (s.ptr[i] && strchr(kept, s.ptr[i]))) {
            buf_addc(b, s.ptr[i]);
        } else {
            enc_percent(b, str_n(s.ptr + i, 1));
        }
    }
}

static void add_parameter(struct buf *b, struct buf *scratch, struct str name, struct json value,
                          bool *first)
{
    if (json_is_nullish(value)) {
        return;
    }
    if (!*first) {
        buf_addc(b, '&');
    }
    *first = false;
    buf_clear(scratch);
    value_add_text(scratch, value);
    enc_percent(b, name);
    buf_addc(b, '=');
    enc_percent(b, value.type == JSON_BINARY ? json_as_str(value) : buf_str(scratch));
    b->full = b->full || scratch->full;
}

static void add_query(struct buf *b, struct json parameters)
{
    AUTO(buf_done) struct buf scratch = {0};
    bool first = true;
    buf_init(&scratch, URL_TEXT_MAX_BYTES);
    for (uint32_t i = 0; i < parameters.len && !b->full; i++) {
        struct json v = parameters.members[i].value;
        bool list = v.type == JSON_ARRAY;
        for (uint32_t k = 0; k < (list ? v.len : 1) && !b->full; k++) {
            add_parameter(b, &scratch, parameters.members[i].key, list ? v.items[k] : v, &first);
        }
    }
}

int url_build_query(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct json parameters;
    int rc = action_input_object(ctx, "parameters", &parameters, err);
    if (rc < 0) {
        return rc;
    }
    AUTO(buf_done) struct buf b = {0};
    buf_init(&b, URL_TEXT_MAX_BYTES);
    add_query(&b, parameters);
    return url_give_text(ctx, "parameters", &b, ret, err);
}

/* "https:", "https://" and "https" mean the same. */
static struct str scheme_of(struct str s)
{
    s = str_trim(s);
    while (s.len && (s.ptr[s.len - 1] == '/' || s.ptr[s.len - 1] == ':')) {
        s.len--;
    }
    return s;
}

static int add_authority(struct action_context *ctx, struct buf *b, struct err *err)
{
    struct str user, password, host;
    int64_t port = -1;
    double number;
    int rc = action_input_text(ctx, "username", &user, err);
    if (rc == 0) {
        rc = action_input_text(ctx, "password", &password, err);
    }
    if (rc == 0) {
        rc = action_input_text(ctx, "hostname", &host, err);
    }
    if (rc == 0) {
        rc = action_input_number(ctx, "port", &number, err);
    }
    if (rc == 0 && number == number) {
        rc = action_input_int(ctx, "port", 0, 65535, &port, err);
    }
    if (rc < 0) {
        return rc;
    }
    host = str_trim(host);
    for (size_t i = 0; i < host.len; i++) {
        if (strchr("/?#@", host.ptr[i])) {
            return action_input_error(ctx, "hostname", err,
                                      "holds more than a host name. Use the inputs for path, "
                                      "query and user name.");
        }
    }
    if (user.len || password.len) {
        enc_percent(b, user);
        if (password.len) {
            buf_addc(b, ':');
            enc_percent(b, password);
        }
        buf_addc(b, '@');
    }
    bool bare_ipv6 = memchr(host.ptr, ':', host.len) && !str_starts(host, STR("["));
    buf_adds(b, bare_ipv6 ? "[" : "");
    buf_add_str(b, host);
    buf_adds(b, bare_ipv6 ? "]" : "");
    if (port >= 0) {
        buf_addf(b, ":%d", (int)port);
    }
    return 0;
}

int url_build(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct str protocol, path, hash;
    struct json query;
    AUTO(buf_done) struct buf b = {0};
    buf_init(&b, URL_MAX_BYTES);
    int rc = action_input_text(ctx, "protocol", &protocol, err);
    if (rc == 0) {
        rc = action_input_text(ctx, "path", &path, err);
    }
    if (rc == 0) {
        rc = action_input_object(ctx, "query", &query, err);
    }
    if (rc == 0) {
        rc = action_input_text(ctx, "hash", &hash, err);
    }
    if (rc < 0) {
        return rc;
    }
    buf_add_str(&b, scheme_of(protocol));
    buf_adds(&b, "://");
    rc = add_authority(ctx, &b, err);
    if (rc < 0) {
        return rc;
    }
    if (path.len && path.ptr[0] != '/') {
        buf_addc(&b, '/');
    }
    encode_but(&b, path, "/:@!$&'()*+,;=", true);
    size_t before = b.len;
    buf_addc(&b, '?');
    add_query(&b, query);
    b.len = b.len == before + 1 ? before : b.len;
    if (hash.len) {
        buf_addc(&b, '#');
        encode_but(&b, hash.ptr[0] == '#' ? str_n(hash.ptr + 1, hash.len - 1) : hash,
                   "/?:@!$&'()*+,;=", true);
    }
    struct url_parts p;
    size_t at;
    if (b.full) {
        return action_input_error(ctx, "query", err, "the URL would be longer than %zu bytes.",
                                  (size_t)URL_MAX_BYTES);
    }
    if (!url_text_split(buf_str(&b), &p, &at) || !str_eq(p.scheme, scheme_of(protocol))) {
        return action_input_error(ctx, "hostname", err,
                                  "protocol and host name make no URL. Give a host name without "
                                  "path, port or blanks.");
    }
    return url_give_text(ctx, "hostname", &b, ret, err);
}

int url_encode(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct str text, mode;
    int rc = action_input_text(ctx, "text", &text, err);
    if (rc == 0) {
        rc = action_input_text(ctx, "mode", &mode, err);
    }
    if (rc < 0) {
        return rc;
    }
    AUTO(buf_done) struct buf b = {0};
    buf_init(&b, URL_TEXT_MAX_BYTES);
    if (str_eq_ci(str_trim(mode), STR("component"))) {
        enc_percent(&b, text);
    } else if (str_eq_ci(str_trim(mode), STR("url"))) {
        encode_but(&b, text, ":/?#[]@!$&'()*+,;=", false);
    } else {
        return action_input_error(ctx, "mode", err, "must be component or url.");
    }
    return url_give_text(ctx, "text", &b, ret, err);
}
