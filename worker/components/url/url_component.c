/* Owns the actions on URLs and their query strings. Pure, on the slot's thread. It refuses texts
 * that are not URLs (RFC 3986), with the place, and never calls anything. */
#include "components/change_data_format/grouping.h"
#include "components/registry.h"
#include "components/url/url_text.h"
#include "enc.h"
#include "expr/value.h"

#define TEXT_MAX_BYTES MIB(16)
#define QUERY_GROWTH   80 /* bytes of memory for one byte of a query: "a&" is a member */

static const char *const modes[] = {"component", "url", NULL};

static const struct action_input url_inputs[] = {
    {
        .key = "url",
        .label = "URL",
        .type = CATALOG_STRING,
        .required = true,
        .comments = "The URL to take apart.",
        .example = "https://api.example.com:8443/orders?page=2#top",
    },
    {0},
};
static const struct action_input build_inputs[] = {
    {
        .key = "protocol",
        .label = "Protocol",
        .type = CATALOG_STRING,
        .fallback = "https",
        .comments = "What stands before ://.",
    },
    {
        .key = "hostname",
        .label = "Host Name",
        .type = CATALOG_STRING,
        .required = true,
        .comments = "Name or address of the host.",
        .example = "api.example.com",
    },
    {
        .key = "port",
        .label = "Port",
        .type = CATALOG_NUMBER,
        .comments = "The protocol's own when empty.",
        .example = "8443",
    },
    {
        .key = "path",
        .label = "Path",
        .type = CATALOG_STRING,
        .comments = "Characters that may not stand in a path are encoded; what is encoded stays.",
        .example = "/orders/17",
    },
    {
        .key = "query",
        .label = "Query Parameters",
        .type = CATALOG_STRING,
        .collection = CATALOG_KEY_VALUE_LIST,
        .comments = "Encoded and put after the question mark. A list makes several parameters.",
    },
    {
        .key = "hash",
        .label = "Fragment",
        .type = CATALOG_STRING,
        .comments = "What follows the number sign.",
        .example = "top",
    },
    {
        .key = "username",
        .label = "User Name",
        .type = CATALOG_STRING,
        .comments = "Put before the host. Better sent by a connection.",
    },
    {
        .key = "password",
        .label = "Password",
        .type = CATALOG_PASSWORD,
        .comments = "Put after the user name.",
    },
    {0},
};
static const struct action_input encode_inputs[] = {
    {
        .key = "text",
        .label = "Text",
        .type = CATALOG_TEXT,
        .comments = "The text to encode.",
        .example = "a b&c",
    },
    {
        .key = "mode",
        .label = "Mode",
        .type = CATALOG_STRING,
        .fallback = "component",
        .choices = modes,
        .comments = "component encodes everything but letters, digits and -._~; url leaves what "
                    "gives a whole URL its form.",
    },
    {0},
};
static const struct action_input decode_inputs[] = {
    {
        .key = "text",
        .label = "Text",
        .type = CATALOG_TEXT,
        .comments = "The text to decode. A percent sign without two hex digits stays.",
        .example = "a%20b%26c",
    },
    {
        .key = "plusAsSpace",
        .label = "Plus as Space",
        .type = CATALOG_BOOLEAN,
        .fallback = "false",
        .comments = "Read + as a blank, as in form data.",
    },
    {0},
};
static const struct action_input parse_query_inputs[] = {
    {
        .key = "query",
        .label = "Query String",
        .type = CATALOG_TEXT,
        .comments = "With or without the question mark.",
        .example = "page=2&tag=a&tag=b",
    },
    {0},
};
static const struct action_input build_query_inputs[] = {
    {
        .key = "parameters",
        .label = "Parameters",
        .type = CATALOG_STRING,
        .collection = CATALOG_KEY_VALUE_LIST,
        .comments = "Names and values, or an object. A list makes several parameters; null and "
                    "missing values are left out.",
    },
    {0},
};
static const struct action_input resolve_inputs[] = {
    {
        .key = "baseUrl",
        .label = "Base URL",
        .type = CATALOG_STRING,
        .required = true,
        .comments = "The whole URL that the other one is relative to.",
        .example = "https://example.com/docs/intro",
    },
    {
        .key = "url",
        .label = "URL",
        .type = CATALOG_STRING,
        .required = true,
        .comments = "A relative or whole URL, such as a link of a page.",
        .example = "../images/logo.png",
    },
    {0},
};

static int give_text(struct action_context *ctx, const char *key, const struct buf *b,
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

/* --- taking apart ---------------------------------------------------------------------------- */

static int read_url(struct action_context *ctx, const char *key, struct str *ret_text,
                    struct url_parts *ret, struct err *err)
{
    struct str text;
    size_t at;
    int rc = action_input_text(ctx, key, &text, err);
    if (rc < 0) {
        return rc;
    }
    text = str_trim(text);
    if (text.len > URL_MAX_BYTES) {
        return action_input_error(ctx, key, err, "is longer than %zu bytes.",
                                  (size_t)URL_MAX_BYTES);
    }
    if (!url_text_split(text, ret, &at)) {
        return action_input_error(ctx, key, err,
                                  "is not a URL from character %zu on. Encode blanks, letters "
                                  "with accents and the like first.",
                                  at + 1);
    }
    *ret_text = text;
    return 0;
}

static bool has_scheme(const struct url_parts *p)
{
    return p->scheme.ptr && p->scheme.len;
}

static struct json lower(struct arena *a, struct str s)
{
    char *copy = arena_strndup(a, s.ptr, s.len);
    for (size_t i = 0; i < s.len; i++) {
        copy[i] = (char)(copy[i] >= 'A' && copy[i] <= 'Z' ? copy[i] + ('a' - 'A') : copy[i]);
    }
    return json_str(str_n(copy, s.len));
}

static struct json decoded(struct arena *a, struct str s, bool plus)
{
    struct str text = enc_percent_decode(a, s, plus);
    return str_utf8_valid(text) ? json_str(text) : json_binary(text);
}

static struct json joined(struct arena *a, const char *before, struct str s, const char *after)
{
    if (!s.ptr || !s.len) {
        return json_cstr("");
    }
    return json_cstr(arena_printf(a, "%s%.*s%s", before, (int)s.len, s.ptr, after));
}

static struct json query_object(struct arena *a, struct str text)
{
    struct json_builder b;
    size_t n = 1;
    for (size_t i = 0; i < text.len; i++) {
        n += text.ptr[i] == '&' ? 1 : 0;
    }
    struct named_value *pairs = mem_array(n, sizeof(*pairs));
    n = 0;
    for (size_t from = 0; from < text.len;) {
        ptrdiff_t at = str_find(text, STR("&"), from);
        size_t end = at < 0 ? text.len : (size_t)at;
        struct str pair = str_n(text.ptr + from, end - from);
        ptrdiff_t equals = str_find(pair, STR("="), 0);
        size_t split = equals < 0 ? pair.len : (size_t)equals;
        size_t after = MIN(split + 1, pair.len);
        if (pair.len) {
            pairs[n].name = enc_percent_decode(a, str_n(pair.ptr, split), true);
            pairs[n++].value = decoded(a, str_n(pair.ptr + after, pair.len - after), true);
        }
        from = end + 1;
    }
    json_build_object(&b, a);
    grouping_append(&b, pairs, n);
    mem_free(pairs);
    return json_built(&b);
}

static int parse(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct str text;
    struct url_parts p;
    int rc = read_url(ctx, "url", &text, &p, err);
    if (rc == 0 && !has_scheme(&p)) {
        rc = action_input_error(ctx, "url", err,
                                "is relative: it has no protocol such as https://. Resolve it "
                                "first.");
    }
    if (rc == 0) {
        rc = action_room(ctx, text.len * QUERY_GROWTH + KIB(16), err);
    }
    if (rc < 0) {
        return rc;
    }
    struct arena *a = action_arena(ctx);
    struct json_builder b;
    struct json protocol = lower(a, p.scheme), hostname = lower(a, p.host.ptr ? p.host : STR(""));
    protocol = joined(a, "", json_as_str(protocol), ":");
    if (p.is_ipv6) {
        hostname = joined(a, "[", json_as_str(hostname), "]");
    }
    struct str name = json_as_str(hostname), port = json_as_str(joined(a, ":", p.port, ""));
    struct json host =
        json_cstr(arena_printf(a, "%.*s%.*s", (int)name.len, name.ptr, (int)port.len, port.ptr));
    json_build_object(&b, a);
    json_append(&b, STR("href"), json_str(text));
    json_append(&b, STR("protocol"), protocol);
    json_append(&b, STR("origin"),
                name.len ? json_cstr(arena_printf(a, "%.*s//%.*s", (int)protocol.len, protocol.str,
                                                  (int)host.len, host.str))
                         : json_cstr(""));
    json_append(&b, STR("username"), decoded(a, p.user.ptr ? p.user : STR(""), false));
    json_append(&b, STR("password"), decoded(a, p.password.ptr ? p.password : STR(""), false));
    json_append(&b, STR("host"), host);
    json_append(&b, STR("hostname"), hostname);
    json_append(&b, STR("port"), json_str(p.port.ptr ? p.port : STR("")));
    json_append(&b, STR("pathname"), json_str(p.path));
    json_append(&b, STR("search"), joined(a, "?", p.query, ""));
    json_append(&b, STR("query"), query_object(a, p.query.ptr ? p.query : STR("")));
    json_append(&b, STR("hash"), joined(a, "#", p.fragment, ""));
    ret->data = json_built(&b);
    return 0;
}

static int parse_query(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct str text;
    int rc = action_input_text(ctx, "query", &text, err);
    if (rc < 0) {
        return rc;
    }
    text = str_trim(text);
    if (str_starts(text, STR("?"))) {
        text = str_n(text.ptr + 1, text.len - 1);
    }
    if (text.len > TEXT_MAX_BYTES) {
        return action_input_error(ctx, "query", err, "is larger than 16 MB.");
    }
    rc = action_room(ctx, text.len * QUERY_GROWTH + KIB(4), err);
    if (rc == 0) {
        ret->data = query_object(action_arena(ctx), text);
    }
    return rc;
}

/* --- putting together ------------------------------------------------------------------------ */

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
    buf_init(&scratch, TEXT_MAX_BYTES);
    for (uint32_t i = 0; i < parameters.len && !b->full; i++) {
        struct json v = parameters.members[i].value;
        bool list = v.type == JSON_ARRAY;
        for (uint32_t k = 0; k < (list ? v.len : 1) && !b->full; k++) {
            add_parameter(b, &scratch, parameters.members[i].key, list ? v.items[k] : v, &first);
        }
    }
}

static int build_query(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct json parameters;
    int rc = action_input_object(ctx, "parameters", &parameters, err);
    if (rc < 0) {
        return rc;
    }
    AUTO(buf_done) struct buf b = {0};
    buf_init(&b, TEXT_MAX_BYTES);
    add_query(&b, parameters);
    return give_text(ctx, "parameters", &b, ret, err);
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

static int build(struct action_context *ctx, struct action_result *ret, struct err *err)
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
    return give_text(ctx, "hostname", &b, ret, err);
}

static int encode(struct action_context *ctx, struct action_result *ret, struct err *err)
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
    buf_init(&b, TEXT_MAX_BYTES);
    if (str_eq_ci(str_trim(mode), STR("component"))) {
        enc_percent(&b, text);
    } else if (str_eq_ci(str_trim(mode), STR("url"))) {
        encode_but(&b, text, ":/?#[]@!$&'()*+,;=", false);
    } else {
        return action_input_error(ctx, "mode", err, "must be component or url.");
    }
    return give_text(ctx, "text", &b, ret, err);
}

static int decode(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct str text;
    bool plus;
    int rc = action_input_text(ctx, "text", &text, err);
    if (rc == 0) {
        rc = action_input_bool(ctx, "plusAsSpace", &plus, err);
    }
    if (rc == 0) {
        rc = action_room(ctx, text.len + 32, err);
    }
    if (rc == 0) {
        ret->data = decoded(action_arena(ctx), text, plus);
    }
    return rc;
}

static int resolve(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct str base, url;
    struct url_parts p, q;
    int rc = read_url(ctx, "baseUrl", &base, &p, err);
    if (rc == 0 && !has_scheme(&p)) {
        rc = action_input_error(ctx, "baseUrl", err,
                                "is relative. Give a whole URL, with https:// or the like.");
    }
    if (rc == 0) {
        rc = read_url(ctx, "url", &url, &q, err);
    }
    if (rc < 0) {
        return rc;
    }
    AUTO(buf_done) struct buf b = {0};
    buf_init(&b, TEXT_MAX_BYTES);
    if (!url_text_resolve(base, url, &b)) {
        return action_input_error(ctx, "url", err, "cannot be put together with the base URL.");
    }
    return give_text(ctx, "url", &b, ret, err);
}

#define URL_ACTION(k, l, about, in, sample, fn)                                                    \
    {                                                                                              \
        .key = k, .label = l, .description = about, .inputs = in, .example = sample, .perform = fn \
    }
static const struct action actions[] = {
    URL_ACTION("build", "Build URL", "Puts a URL together from its parts.", build_inputs,
               "\"https://api.example.com:8443/orders?page=2\"", build),
    URL_ACTION("buildQuery", "Build Query String",
               "Encodes parameters as a query string, without the question mark.",
               build_query_inputs, "\"page=2&tag=a&tag=b\"", build_query),
    URL_ACTION("decode", "Decode", "Decodes percent-encoded text.", decode_inputs, "\"a b&c\"",
               decode),
    URL_ACTION("encode", "Encode", "Percent-encodes text.", encode_inputs, "\"a%20b%26c\"", encode),
    URL_ACTION("parse", "Parse URL", "Takes a URL apart.", url_inputs,
               "{\"href\": \"https://api.example.com:8443/orders?page=2#top\", \"protocol\": "
               "\"https:\", \"origin\": \"https://api.example.com:8443\", \"username\": \"\", "
               "\"password\": \"\", \"host\": \"api.example.com:8443\", \"hostname\": "
               "\"api.example.com\", \"port\": \"8443\", \"pathname\": \"/orders\", \"search\": "
               "\"?page=2\", \"query\": {\"page\": \"2\"}, \"hash\": \"#top\"}",
               parse),
    URL_ACTION("parseQuery", "Parse Query String",
               "Reads a query string into an object; a name that stands several times makes a "
               "list.",
               parse_query_inputs, "{\"page\": \"2\", \"tag\": [\"a\", \"b\"]}", parse_query),
    URL_ACTION("resolve", "Resolve URL", "Makes a relative URL whole.", resolve_inputs,
               "\"https://example.com/images/logo.png\"", resolve),
    {0},
};

const struct component component_url = {
    .key = "url",
    .label = "URL",
    .description = "Takes URLs and query strings apart and puts them together.",
    .category = "Data",
    .version = 1,
    .actions = actions,
};
