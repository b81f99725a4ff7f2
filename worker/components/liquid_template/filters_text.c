/* Owns the filters on texts, and the table that finds any filter. Called by expression.c. Values
 * that are no text count as their text. It refuses what becomes too long. */
#include <ctype.h>

#include "components/liquid_template/liquid_priv.h"
#include "components/text_manipulation/unicode.h"
#include "enc.h"
#include "expr/value.h"

#define FILTER(name)                                                                               \
    static int name(struct liquid *l, struct json in, const struct json *args, size_t n_args,      \
                    struct json *ret)

/* A filter that writes the text anew. */
typedef void (*write_fn)(struct buf *b, struct str s);
static int rewrite(struct liquid *l, struct json in, write_fn write, struct json *ret)
{
    struct str s;
    AUTO(buf_done) struct buf b = {0};
    buf_init(&b, LIQUID_MAX_OUTPUT);
    int rc = liquid_text(l, in, &s);
    if (rc < 0) {
        return rc;
    }
    write(&b, s);
    return liquid_give(l, &b, ret);
}

#define REWRITE(name, write)                                                                       \
    FILTER(name)                                                                                   \
    {                                                                                              \
        return rewrite(l, in, write, ret);                                                         \
    }

static void write_upper(struct buf *b, struct str s)
{
    unicode_change_case(b, s, UNICODE_UPPER);
}

static void write_lower(struct buf *b, struct str s)
{
    unicode_change_case(b, s, UNICODE_LOWER);
}

static void write_capital(struct buf *b, struct str s)
{
    size_t first = unicode_char_len(s);
    unicode_change_case(b, str_n(s.ptr, first), UNICODE_UPPER);
    unicode_change_case(b, str_n(s.ptr + first, s.len - first), UNICODE_LOWER);
}

static void add_escaped(struct buf *b, char c)
{
    const char *name = c == '&'    ? "&amp;"
                       : c == '<'  ? "&lt;"
                       : c == '>'  ? "&gt;"
                       : c == '"'  ? "&#34;"
                       : c == '\'' ? "&#39;"
                                   : NULL;
    if (name) {
        buf_adds(b, name);
    } else {
        buf_addc(b, c);
    }
}

static void write_escaped(struct buf *b, struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        add_escaped(b, s.ptr[i]);
    }
}

/* Whether the & at the start begins something like &amp; or &#38; */
static bool is_entity(struct str s)
{
    size_t from = s.len > 1 && s.ptr[1] == '#' ? 2 : 1, i = from;
    while (i < s.len && i < 40 && isalnum((unsigned char)s.ptr[i])) {
        i++;
    }
    return i > from && i < s.len && s.ptr[i] == ';';
}

static void write_escaped_once(struct buf *b, struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '&' && is_entity(str_n(s.ptr + i, s.len - i))) {
            buf_addc(b, '&');
        } else {
            add_escaped(b, s.ptr[i]);
        }
    }
}

static void write_breaks(struct buf *b, struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '\n') {
            buf_adds(b, "<br />");
        }
        buf_addc(b, s.ptr[i]);
    }
}

static void write_without_newlines(struct buf *b, struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] != '\n' && s.ptr[i] != '\r') {
            buf_addc(b, s.ptr[i]);
        }
    }
}

static void write_without_tags(struct buf *b, struct str s)
{
    bool inside = false, closes = true;
    for (size_t i = 0; i < s.len; i++) {
        if (!inside && closes && s.ptr[i] == '<') {
            closes = inside = memchr(s.ptr + i, '>', s.len - i) != NULL;
        }
        if (!inside) {
            buf_addc(b, s.ptr[i]);
        }
        inside = inside && s.ptr[i] != '>';
    }
}

/* As forms write it: a blank is a plus sign. */
static void write_url(struct buf *b, struct str s)
{
    for (size_t at = 0; at < s.len;) {
        ptrdiff_t blank = str_find(s, STR(" "), at);
        size_t end = blank < 0 ? s.len : (size_t)blank;
        enc_percent(b, str_n(s.ptr + at, end - at));
        if (blank >= 0) {
            buf_addc(b, '+');
        }
        at = end + 1;
    }
}

REWRITE(f_upcase, write_upper)
REWRITE(f_downcase, write_lower)
REWRITE(f_capitalize, write_capital)
REWRITE(f_escape, write_escaped)
REWRITE(f_escape_once, write_escaped_once)
REWRITE(f_base64_encode, enc_base64_to)
REWRITE(f_newline_to_br, write_breaks)
REWRITE(f_strip_newlines, write_without_newlines)
REWRITE(f_strip_html, write_without_tags)
REWRITE(f_url_encode, write_url)

FILTER(f_url_decode)
{
    struct str s;
    int rc = liquid_text(l, in, &s);
    if (rc == 0) {
        rc = liquid_room(l, s.len + 1);
    }
    if (rc == 0) {
        *ret = json_str(enc_percent_decode(l->arena, s, true));
    }
    return rc;
}

FILTER(f_base64_decode)
{
    struct str s;
    size_t len = 0;
    int rc = liquid_text(l, in, &s);
    if (rc == 0) {
        rc = liquid_room(l, s.len + 1);
    }
    if (rc < 0) {
        return rc;
    }
    uint8_t *bytes = arena_alloc(l->arena, s.len + 1);
    if (!enc_base64_decode(str_trim(s), bytes, s.len + 1, &len)) {
        return liquid_fail(l, l->at, "the text is not base64.");
    }
    struct str decoded = str_n((const char *)bytes, len);
    *ret = str_utf8_valid(decoded) ? json_str(decoded) : json_binary(decoded);
    return 0;
}

FILTER(f_json)
{
    AUTO(buf_done) struct buf b = {0};
    buf_init(&b, LIQUID_MAX_OUTPUT);
    double indent = n_args ? liquid_number(args[0]) : 0;
    int rc = liquid_weigh(l, in);
    if (rc < 0) {
        return rc;
    }
    if (in.type == JSON_UNDEFINED) {
        in = json_null();
    }
    if (indent >= 1) {
        json_dump_pretty(&b, in, (int)MIN(indent, 8));
    } else {
        json_dump(&b, in);
    }
    return liquid_give(l, &b, ret);
}

static int glue(struct liquid *l, struct json x, struct json y, struct json *ret)
{
    AUTO(buf_done) struct buf b = {0};
    buf_init(&b, LIQUID_MAX_OUTPUT);
    int rc = liquid_add_text(l, &b, x);
    if (rc == 0) {
        rc = liquid_add_text(l, &b, y);
    }
    return rc < 0 ? rc : liquid_give(l, &b, ret);
}

FILTER(f_append)
{
    return glue(l, in, args[0], ret);
}

FILTER(f_prepend)
{
    return glue(l, args[0], in, ret);
}

FILTER(f_default)
{
    bool keep_false = n_args > 1 && liquid_truthy(args[1]) && in.type == JSON_FALSE;
    bool missing = !liquid_truthy(in) ||
                   ((in.type == JSON_STRING || in.type == JSON_ARRAY || in.type == JSON_OBJECT) &&
                    in.len == 0);
    *ret = missing && !keep_false ? args[0] : in;
    return 0;
}

static int strip(struct liquid *l, struct json in, bool left, bool right, struct json *ret)
{
    struct str s;
    int rc = liquid_text(l, in, &s);
    while (rc == 0 && left && s.len && strchr(" \t\r\n\f\v", *s.ptr) && *s.ptr) {
        s = str_n(s.ptr + 1, s.len - 1);
    }
    while (rc == 0 && right && s.len && strchr(" \t\r\n\f\v", s.ptr[s.len - 1]) &&
           s.ptr[s.len - 1]) {
        s.len--;
    }
    if (rc == 0) {
        *ret = json_str(s);
    }
    return rc;
}

FILTER(f_strip)
{
    return strip(l, in, true, true, ret);
}

FILTER(f_lstrip)
{
    return strip(l, in, true, false, ret);
}

FILTER(f_rstrip)
{
    return strip(l, in, false, true, ret);
}

enum which { ALL, FIRST, LAST };

static int replace(struct liquid *l, struct json in, struct json what, struct json with,
                   enum which which, struct json *ret)
{
    struct str s, find, put;
    AUTO(buf_done) struct buf b = {0};
    buf_init(&b, LIQUID_MAX_OUTPUT);
    int rc = liquid_text(l, in, &s);
    if (rc == 0) {
        rc = liquid_text(l, what, &find);
    }
    if (rc == 0) {
        rc = liquid_text(l, with, &put);
    }
    if (rc < 0) {
        return rc;
    }
    size_t at = 0;
    ptrdiff_t hit = find.len ? str_find(s, find, 0) : -1;
    for (ptrdiff_t later = hit; which == LAST && later >= 0;) {
        hit = later;
        later = str_find(s, find, (size_t)hit + 1);
        rc = liquid_spend(l, 1 + find.len / 16); /* it may overlap itself */
        if (rc < 0) {
            return rc;
        }
    }
    for (; !b.full && hit >= 0; hit = which == ALL ? str_find(s, find, at) : -1) {
        buf_add(&b, s.ptr + at, (size_t)hit - at);
        buf_add_str(&b, put);
        at = (size_t)hit + find.len;
    }
    buf_add(&b, s.ptr + at, s.len - at);
    return liquid_give(l, &b, ret);
}

FILTER(f_replace)
{
    return replace(l, in, args[0], args[1], ALL, ret);
}

FILTER(f_replace_first)
{
    return replace(l, in, args[0], args[1], FIRST, ret);
}

FILTER(f_replace_last)
{
    return replace(l, in, args[0], args[1], LAST, ret);
}

FILTER(f_remove)
{
    return replace(l, in, args[0], json_cstr(""), ALL, ret);
}

FILTER(f_remove_first)
{
    return replace(l, in, args[0], json_cstr(""), FIRST, ret);
}

FILTER(f_remove_last)
{
    return replace(l, in, args[0], json_cstr(""), LAST, ret);
}

FILTER(f_split)
{
    struct str s, by;
    int rc = liquid_text(l, in, &s);
    if (rc == 0) {
        rc = liquid_text(l, args[0], &by);
    }
    if (rc < 0) {
        return rc;
    }
    struct json *items = NULL;
    size_t n = 0;
    for (int pass = 0; pass < 2; pass++) { /* counts, then fills */
        size_t at = 0;
        n = 0;
        while (at < s.len) {
            size_t next = at + unicode_char_len(str_n(s.ptr + at, s.len - at)), end = next;
            if (by.len) {
                ptrdiff_t hit = str_find(s, by, at);
                end = hit < 0 ? s.len : (size_t)hit;
                next = hit < 0 ? s.len : end + by.len;
            }
            if (items) {
                items[n] = json_str(str_n(s.ptr + at, end - at));
            }
            n++;
            at = next;
        }
        if (!items) {
            rc = liquid_spend(l, n);
            if (rc == 0) {
                rc = liquid_room(l, (n + 1) * sizeof(*items));
            }
            if (rc < 0) {
                return rc;
            }
            items = arena_array(l->arena, n + 1, sizeof(*items));
        }
    }
    *ret = json_array(items, n);
    return 0;
}

/* Bytes of the first n characters. */
static size_t prefix(struct str s, double n)
{
    size_t at = 0;
    for (; n >= 1 && at < s.len; n--) {
        at += unicode_char_len(str_n(s.ptr + at, s.len - at));
    }
    return at;
}

static size_t characters(struct str s)
{
    size_t n = 0;
    for (size_t at = 0; at < s.len; n++) {
        at += unicode_char_len(str_n(s.ptr + at, s.len - at));
    }
    return n;
}

FILTER(f_slice)
{
    double start = liquid_number(args[0]), n = n_args > 1 ? liquid_number(args[1]) : 1;
    if (in.type == JSON_ARRAY) {
        double first = start < 0 ? start + in.len : start;
        size_t from = first >= 0 && first < in.len ? (size_t)first : in.len;
        size_t count = n <= 0 ? 0 : (size_t)MIN(n, (double)(in.len - from));
        *ret = json_array(count ? in.items + from : NULL, count);
        return 0;
    }
    struct str s;
    int rc = liquid_text(l, in, &s);
    if (rc < 0) {
        return rc;
    }
    double first = start < 0 ? start + (double)characters(s) : start;
    size_t from = first < 0 ? s.len : prefix(s, first);
    s = str_n(s.ptr + from, s.len - from);
    *ret = json_str(str_n(s.ptr, prefix(s, n)));
    return 0;
}

/* What is cut, and what is put at the place of the cut. */
static int cut_texts(struct liquid *l, struct json in, const struct json *args, size_t n_args,
                     struct str *ret, struct str *ret_end)
{
    *ret_end = STR("...");
    int rc = liquid_text(l, in, ret);
    return rc < 0 || n_args < 2 ? rc : liquid_text(l, args[1], ret_end);
}

FILTER(f_truncate)
{
    double n = n_args ? liquid_number(args[0]) : 50;
    struct str s, end;
    int rc = cut_texts(l, in, args, n_args, &s, &end);
    if (rc < 0) {
        return rc;
    }
    if ((double)characters(s) <= n) {
        *ret = json_str(s);
        return 0;
    }
    s.len = prefix(s, n - (double)characters(end));
    return glue(l, json_str(s), json_str(end), ret);
}

FILTER(f_truncatewords)
{
    double n = MAX(1, n_args ? liquid_number(args[0]) : 15);
    struct str s, end;
    int rc = cut_texts(l, in, args, n_args, &s, &end);
    if (rc < 0) {
        return rc;
    }
    size_t last = 0;
    bool word = false;
    for (size_t i = 0; i < s.len; i++) {
        bool blank = s.ptr[i] == ' ' || (s.ptr[i] >= '\t' && s.ptr[i] <= '\r');
        if (!blank && !word && n-- < 1) {
            return glue(l, json_str(str_n(s.ptr, last)), json_str(end), ret);
        }
        word = !blank;
        last = word ? i + 1 : last;
    }
    *ret = json_str(s);
    return 0;
}

const struct liquid_filter liquid_text_filters[] = {
    {"append", 1, 1, f_append},
    {"base64_decode", 0, 0, f_base64_decode},
    {"base64_encode", 0, 0, f_base64_encode},
    {"capitalize", 0, 0, f_capitalize},
    {"date", 1, 2, liquid_date},
    {"default", 1, 2, f_default},
    {"downcase", 0, 0, f_downcase},
    {"escape", 0, 0, f_escape},
    {"escape_once", 0, 0, f_escape_once},
    {"json", 0, 1, f_json},
    {"lstrip", 0, 0, f_lstrip},
    {"newline_to_br", 0, 0, f_newline_to_br},
    {"prepend", 1, 1, f_prepend},
    {"remove", 1, 1, f_remove},
    {"remove_first", 1, 1, f_remove_first},
    {"remove_last", 1, 1, f_remove_last},
    {"replace", 2, 2, f_replace},
    {"replace_first", 2, 2, f_replace_first},
    {"replace_last", 2, 2, f_replace_last},
    {"rstrip", 0, 0, f_rstrip},
    {"slice", 1, 2, f_slice},
    {"split", 1, 1, f_split},
    {"strip", 0, 0, f_strip},
    {"strip_html", 0, 0, f_strip_html},
    {"strip_newlines", 0, 0, f_strip_newlines},
    {"truncate", 0, 2, f_truncate},
    {"truncatewords", 0, 2, f_truncatewords},
    {"upcase", 0, 0, f_upcase},
    {"url_decode", 0, 0, f_url_decode},
    {"url_encode", 0, 0, f_url_encode},
    {0},
};

const struct liquid_filter *liquid_filter_find(struct str name)
{
    const struct liquid_filter *const tables[] = {liquid_list_filters, liquid_math_filters,
                                                  liquid_text_filters};
    for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
        for (const struct liquid_filter *f = tables[i]; f->name; f++) {
            if (str_eq(name, str_of(f->name))) {
                return f;
            }
        }
    }
    return NULL;
}
