/* Owns the reading of queries with parameters. Pure; called on the slot's thread. It knows as much
 * of SQL as is needed to tell code from quoted text and comments. It refuses parameters that nobody
 * gave, and forms whose value would become part of the query's text. */
#include "components/postgres/postgres_query.h"

#include <ctype.h>
#include <stdarg.h>

#include "enc.h"

#define MAX_NESTING     32 /* of arrays */
#define MAX_VALUE_BYTES MIB(64)

enum form { FORM_PLAIN, FORM_JSON, FORM_LIST };

struct builder {
    struct arena *arena;
    struct str sql;
    struct json parameters;
    struct buf out;
    const char **values;
    int n_values;
    char *why;
    size_t why_cap;
};

static int refuse(struct builder *b, const char *fmt, ...) printf_like(2, 3);
static int refuse(struct builder *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(b->why, b->why_cap, fmt, ap);
    va_end(ap);
    return -EINVAL;
}

/* --- values --------------------------------------------------------------------------------------
 */

static void add_hex(struct buf *out, struct str bytes)
{
    static const char digits[] = "0123456789abcdef";
    buf_adds(out, "\\x");
    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char c = (unsigned char)bytes.ptr[i];
        const char pair[2] = {digits[c >> 4], digits[c & 15]};
        buf_add(out, pair, sizeof(pair));
    }
}

static void add_scalar(struct buf *out, struct json v)
{
    switch (v.type) {
    case JSON_STRING:
        buf_add_str(out, json_as_str(v));
        break;
    case JSON_BINARY:
        add_hex(out, json_as_str(v));
        break;
    case JSON_FALSE:
    case JSON_TRUE:
        buf_adds(out, v.type == JSON_TRUE ? "true" : "false");
        break;
    case JSON_NUMBER:
        json_dump_number(out, v.num);
        break;
    case JSON_ARRAY:
    case JSON_OBJECT:
    case JSON_UNDEFINED:
    case JSON_NULL:
    case _JSON_TYPE_N:
        json_dump(out, v);
        break;
    }
}

/* PostgreSQL's own text of an array: {"a",NULL,{...}}. */
static void add_array(struct buf *out, struct json v, int depth)
{
    buf_addc(out, '{');
    for (uint32_t i = 0; i < v.len; i++) {
        struct json item = v.items[i];
        buf_adds(out, i ? "," : "");
        if (item.type == JSON_ARRAY && depth < MAX_NESTING) {
            add_array(out, item, depth + 1);
        } else if (json_is_nullish(item)) {
            buf_adds(out, "NULL");
        } else {
            AUTO(buf_done) struct buf text = {0};
            buf_init(&text, MAX_VALUE_BYTES);
            add_scalar(&text, item);
            buf_addc(out, '"');
            for (size_t k = 0; k < text.len; k++) {
                if (text.data[k] == '"' || text.data[k] == '\\') {
                    buf_addc(out, '\\');
                }
                buf_addc(out, text.data[k]);
            }
            buf_addc(out, '"');
            out->full = out->full || text.full;
        }
    }
    buf_addc(out, '}');
}

/* Binds one value and writes its number. */
static int bind(struct builder *b, struct json v, enum form form)
{
    if (b->n_values == POSTGRES_MAX_PARAMETERS) {
        return refuse(b, "uses more than %d values.", POSTGRES_MAX_PARAMETERS);
    }
    const char *value = NULL;
    if (!json_is_nullish(v) || form == FORM_JSON) {
        AUTO(buf_done) struct buf text = {0};
        buf_init(&text, MAX_VALUE_BYTES);
        if (form == FORM_JSON) {
            json_dump(&text, v.type == JSON_UNDEFINED ? json_null() : v);
        } else if (v.type == JSON_ARRAY) {
            add_array(&text, v, 0);
        } else {
            add_scalar(&text, v);
        }
        if (text.full || !arena_fits(b->arena, text.len + 1)) {
            return -ENOMEM;
        }
        if (text.len && memchr(text.data, '\0', text.len)) {
            return refuse(b, "has a value with a NUL character, which PostgreSQL cannot hold.");
        }
        value = arena_strndup(b->arena, text.len ? text.data : "", text.len);
    }
    b->values[b->n_values++] = value;
    buf_addf(&b->out, "$%d", b->n_values);
    return 0;
}

static int bind_form(struct builder *b, struct str name, struct json v, enum form form)
{
    if (form != FORM_LIST || v.type != JSON_ARRAY) {
        return bind(b, v, form == FORM_LIST ? FORM_PLAIN : form);
    }
    if (v.len == 0) {
        return refuse(b, "lists the items of \"%.*s\", which has none.", (int)MIN(name.len, 60),
                      name.ptr);
    }
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < v.len; i++) {
        buf_adds(&b->out, i ? "," : "");
        rc = bind(b, v.items[i], FORM_PLAIN);
    }
    return rc;
}

/* --- the text ------------------------------------------------------------------------------------
 */

static char at_or_nul(struct str s, size_t at)
{
    return at < s.len ? s.ptr[at] : '\0';
}

static bool in_identifier(struct str s, size_t at)
{
    unsigned char before = at ? (unsigned char)s.ptr[at - 1] : ' ';
    return isalnum(before) || before == '_' || before >= 0x80;
}

static bool is_name(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (!isalnum(c) && c != '_' && c != '.' && c != '$' && c < 0x80) {
            return false;
        }
    }
    return s.len > 0;
}

static int read_form(struct builder *b, struct str word, enum form *ret)
{
    if (str_eq(word, STR("json"))) {
        *ret = FORM_JSON;
    } else if (str_eq(word, STR("csv")) || str_eq(word, STR("list"))) {
        *ret = FORM_LIST;
    } else if (str_eq(word, STR("value")) || str_eq(word, STR("raw")) ||
               str_eq(word, STR("name")) || str_eq(word, STR("alias"))) {
        return refuse(b,
                      "uses \":%.*s\", by which a value would become part of the query's text. "
                      "Write that part into the query.",
                      (int)word.len, word.ptr);
    } else {
        return refuse(b, "uses \":%.*s\"; after a name may stand :json, :csv or :list.",
                      (int)MIN(word.len, 20), word.ptr);
    }
    return 0;
}

/* a.b.c goes into objects; a member whose key is the whole text wins. */
static struct json find(struct json parameters, struct str name)
{
    struct json v = json_get(parameters, name);
    ptrdiff_t dot = v.type == JSON_UNDEFINED ? str_find(name, STR("."), 0) : -1;
    while (dot > 0) {
        parameters = json_get(parameters, str_n(name.ptr, (size_t)dot));
        name = str_n(name.ptr + dot + 1, name.len - (size_t)dot - 1);
        v = json_get(parameters, name);
        dot = v.type == JSON_UNDEFINED ? str_find(name, STR("."), 0) : -1;
    }
    return v;
}

/* What stands before the colon in ${name:json}. */
static struct str name_in(struct str inside)
{
    ptrdiff_t colon = str_find(inside, STR(":"), 0);
    return colon < 0 ? inside : str_trim(str_n(inside.ptr, (size_t)colon));
}

/* ${name} and its like at `at`, which is the $: its end, 0 when it is none. */
static size_t named_at(struct str sql, size_t at, struct str *ret_inside)
{
    static const char opens[] = "{(<[/", closes[] = "})>]/";
    const char *open = at + 1 < sql.len ? strchr(opens, sql.ptr[at + 1]) : NULL;
    if (!open || !*open) {
        return 0;
    }
    const char *from = sql.ptr + at + 2;
    const char *end = memchr(from, closes[open - opens], sql.len - at - 2);
    if (!end || end - from > 200) {
        return 0;
    }
    *ret_inside = str_trim(str_n(from, (size_t)(end - from)));
    return is_name(name_in(*ret_inside)) ? (size_t)(end - sql.ptr) + 1 : 0;
}

static int use_named(struct builder *b, struct str inside)
{
    ptrdiff_t colon = str_find(inside, STR(":"), 0);
    struct str name = name_in(inside);
    enum form form = FORM_PLAIN;
    if (colon >= 0) {
        int rc = read_form(
            b, str_trim(str_n(inside.ptr + colon + 1, inside.len - (size_t)colon - 1)), &form);
        if (rc < 0) {
            return rc;
        }
    }
    struct json v = find(b->parameters, name);
    if (v.type == JSON_UNDEFINED) {
        return refuse(b, "uses the parameter \"%.*s\", which has not been given.",
                      (int)MIN(name.len, 60), name.ptr);
    }
    return bind_form(b, name, v, form);
}

/* $1, $1:csv. Returns the offset after it, or <0. */
static ptrdiff_t use_numbered(struct builder *b, size_t at)
{
    size_t to = at + 1, number = 0;
    while (isdigit((unsigned char)at_or_nul(b->sql, to)) && to - at < 7) {
        number = number * 10 + (size_t)(b->sql.ptr[to++] - '0');
    }
    struct str name = str_n(b->sql.ptr + at, to - at);
    enum form form = FORM_PLAIN;
    if (at_or_nul(b->sql, to) == ':' && isalpha((unsigned char)at_or_nul(b->sql, to + 1))) {
        size_t from = ++to;
        while (isalpha((unsigned char)at_or_nul(b->sql, to))) {
            to++;
        }
        int rc = read_form(b, str_n(b->sql.ptr + from, to - from), &form);
        if (rc < 0) {
            return rc;
        }
    }
    if (b->parameters.type != JSON_ARRAY || number == 0 || number > b->parameters.len) {
        return refuse(b, "uses %.*s, but the parameters are no list with so many values.",
                      (int)name.len, name.ptr);
    }
    int rc = bind_form(b, name, b->parameters.items[number - 1], form);
    return rc < 0 ? rc : (ptrdiff_t)to;
}

/* The end of the quoted text or comment that begins at `at`; `at` itself when none does. An open
 * one ends with the query. */
static size_t skip_quoted(struct str s, size_t at)
{
    char c = s.ptr[at], next = at_or_nul(s, at + 1);
    if (c == '\'' || c == '"') {
        bool escapes = c == '\'' && at > 0 && (s.ptr[at - 1] == 'E' || s.ptr[at - 1] == 'e') &&
                       (at < 2 || !(isalnum((unsigned char)s.ptr[at - 2]) || s.ptr[at - 2] == '_'));
        for (size_t i = at + 1; i < s.len; i++) {
            if (escapes && s.ptr[i] == '\\') {
                i++;
            } else if (s.ptr[i] == c) {
                return i + 1; /* a doubled quote begins a text right again */
            }
        }
        return s.len;
    }
    if (c == '-' && next == '-') {
        ptrdiff_t end = str_find(s, STR("\n"), at);
        return end < 0 ? s.len : (size_t)end;
    }
    if (c == '/' && next == '*') {
        size_t depth = 0, i = at;
        while (i < s.len) {
            if (s.ptr[i] == '/' && at_or_nul(s, i + 1) == '*') {
                depth++;
                i += 2;
            } else if (s.ptr[i] == '*' && at_or_nul(s, i + 1) == '/') {
                i += 2;
                if (--depth == 0) {
                    return i;
                }
            } else {
                i++;
            }
        }
        return s.len;
    }
    if (c == '$' && !in_identifier(s, at) &&
        (next == '$' || isalpha((unsigned char)next) || next == '_')) {
        size_t i = at + 1;
        while (isalnum((unsigned char)at_or_nul(s, i)) || at_or_nul(s, i) == '_') {
            i++;
        }
        if (at_or_nul(s, i) == '$') {
            struct str tag = str_n(s.ptr + at, i + 1 - at);
            ptrdiff_t end = str_find(s, tag, i + 1);
            return end < 0 ? s.len : (size_t)end + tag.len;
        }
    }
    return at;
}

/* '${a}' would be the text ${a}, never the value: nobody means that. */
static int check_quoted(struct builder *b, size_t from, size_t to)
{
    for (size_t at = from; b->sql.ptr[from] == '\'' && at < to; at++) {
        struct str inside;
        size_t end = b->sql.ptr[at] == '$' && at_or_nul(b->sql, at + 1) == '{'
                         ? named_at(b->sql, at, &inside)
                         : 0;
        if (end && end <= to && find(b->parameters, name_in(inside)).type != JSON_UNDEFINED) {
            return refuse(b,
                          "has \"%.*s\" inside quotes. Take the quotes away; the value is passed "
                          "on as it is.",
                          (int)(end - at), b->sql.ptr + at);
        }
    }
    return 0;
}

static int build(struct builder *b)
{
    for (size_t at = 0; at < b->sql.len;) {
        struct str inside;
        size_t to = skip_quoted(b->sql, at);
        int rc = to > at ? check_quoted(b, at, to) : 0;
        if (rc < 0) {
            return rc;
        }
        if (to > at) {
            buf_add(&b->out, b->sql.ptr + at, to - at);
        } else if (b->sql.ptr[at] != '$' || in_identifier(b->sql, at)) {
            buf_addc(&b->out, b->sql.ptr[at]);
            to = at + 1;
        } else if ((to = named_at(b->sql, at, &inside)) > 0) {
            rc = use_named(b, inside);
        } else if (isdigit((unsigned char)at_or_nul(b->sql, at + 1))) {
            ptrdiff_t end = use_numbered(b, at);
            rc = (int)MIN(end, (ptrdiff_t)0);
            to = (size_t)MAX(end, (ptrdiff_t)0);
        } else {
            buf_addc(&b->out, '$');
            to = at + 1;
        }
        if (rc < 0) {
            return rc;
        }
        at = to;
    }
    return 0;
}

int postgres_query_build(struct arena *a, struct str sql, struct json parameters,
                         struct postgres_query *ret, char *ret_why, size_t why_cap)
{
    struct builder b = {
        .arena = a, .sql = sql, .parameters = parameters, .why = ret_why, .why_cap = why_cap};
    if (sql.len > POSTGRES_MAX_QUERY || memchr(sql.len ? sql.ptr : "", '\0', sql.len)) {
        return refuse(&b, "is longer than %zu bytes or holds a NUL character.",
                      (size_t)POSTGRES_MAX_QUERY);
    }
    if (!arena_fits(a, POSTGRES_MAX_PARAMETERS * sizeof(*b.values))) {
        return -ENOMEM;
    }
    b.values = arena_array(a, POSTGRES_MAX_PARAMETERS, sizeof(*b.values));
    buf_init(&b.out, POSTGRES_MAX_QUERY * 2);
    int rc = build(&b);
    if (rc == 0 && b.out.full) {
        rc = refuse(&b, "is longer than %zu bytes.", (size_t)POSTGRES_MAX_QUERY * 2);
    }
    if (rc == 0 && !arena_fits(a, b.out.len + 1)) {
        rc = -ENOMEM;
    }
    if (rc == 0) {
        ret->sql = arena_strndup(a, b.out.len ? b.out.data : "", b.out.len);
        ret->values = b.values;
        ret->n_values = b.n_values;
    }
    buf_done(&b.out);
    return rc;
}
