/* Owns the actions on URLs and their query strings; url_build.c has those that write. Pure, on the
 * slot's thread. It refuses texts that are not URLs (RFC 3986), with the place, and never calls
 * anything. */
#include "components/change_data_format/grouping.h"
#include "components/registry.h"
#include "components/url/url_build.h"
#include "components/url/url_text.h"
#include "enc.h"
#include "expr/value.h"

#define QUERY_GROWTH 80 /* bytes of memory for one byte of a query: "a&" is a member */

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
    if (text.len > URL_TEXT_MAX_BYTES) {
        return action_input_error(ctx, "query", err, "is larger than 16 MB.");
    }
    rc = action_room(ctx, text.len * QUERY_GROWTH + KIB(4), err);
    if (rc == 0) {
        ret->data = query_object(action_arena(ctx), text);
    }
    return rc;
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
    buf_init(&b, URL_TEXT_MAX_BYTES);
    if (!url_text_resolve(base, url, &b)) {
        return action_input_error(ctx, "url", err, "cannot be put together with the base URL.");
    }
    return url_give_text(ctx, "url", &b, ret, err);
}

#define URL_ACTION(k, l, about, in, sample, fn)                                                    \
    {                                                                                              \
        .key = k, .label = l, .description = about, .inputs = in, .example = sample, .perform = fn \
    }
static const struct action actions[] = {
    URL_ACTION("build", "Build URL", "Puts a URL together from its parts.", build_inputs,
               "\"https://api.example.com:8443/orders?page=2\"", url_build),
    URL_ACTION("buildQuery", "Build Query String",
               "Encodes parameters as a query string, without the question mark.",
               build_query_inputs, "\"page=2&tag=a&tag=b\"", url_build_query),
    URL_ACTION("decode", "Decode", "Decodes percent-encoded text.", decode_inputs, "\"a b&c\"",
               decode),
    URL_ACTION("encode", "Encode", "Percent-encodes text.", encode_inputs, "\"a%20b%26c\"",
               url_encode),
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
