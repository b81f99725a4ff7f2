/* Owns what is looked at before libxml2 reads a document. That library compares each attribute of
 * an element with all the others, so some hundred kilobytes could hold a slot for hours; and what
 * the bytes mean depends on the encoding, so that is settled first. Pure, on the slot's thread. It
 * refuses elements with very many attributes, and encodings in which ASCII is not ASCII. */
#include "components/change_data_format/xml_format.h"

#define MAX_ATTRIBUTES 1000  /* of an element */
#define MAX_WIDE       20000 /* of a document in UTF-16 */
#define DECLARATION    200   /* bytes in which the encoding is declared */

/* Where the text that begins at `at` and is closed by `close` ends. */
static size_t after(struct str s, size_t at, struct str close)
{
    ptrdiff_t end = str_find(s, close, at);
    return end < 0 ? s.len : (size_t)end + close.len;
}

/* Each attribute has one value in quotes. */
static bool tag_fits(struct str s, size_t *io_at)
{
    size_t at = *io_at, n = 0;
    while (at < s.len && s.ptr[at] != '>') {
        char c = s.ptr[at++];
        if (c == '"' || c == '\'') {
            at = after(s, at, str_n(&c, 1));
            n++;
        }
    }
    *io_at = at;
    return n <= MAX_ATTRIBUTES;
}

bool xml_attributes_fit(struct str s)
{
    static const struct {
        struct str open, close;
    } others[] = {
        {{"<!--", 4}, {"-->", 3}}, {{"<![CDATA[", 9}, {"]]>", 3}}, {{"<?", 2}, {"?>", 2}}};
    for (size_t at = 0; at < s.len;) {
        const char *open = memchr(s.ptr + at, '<', s.len - at);
        if (!open) {
            break;
        }
        at = (size_t)(open - s.ptr);
        struct str rest = str_n(open, s.len - at);
        size_t i = 0;
        while (i < ARRAY_LEN(others) && !str_starts(rest, others[i].open)) {
            i++;
        }
        if (i < ARRAY_LEN(others)) {
            at = after(s, at + others[i].open.len, others[i].close);
        } else if (!tag_fits(s, &at)) {
            return false;
        }
    }
    return true;
}

static bool wide_fits(struct str s)
{
    size_t quotes = 0;
    for (size_t i = 0; i < s.len; i++) {
        quotes += s.ptr[i] == '"' || s.ptr[i] == '\'';
    }
    return quotes <= (size_t)2 * MAX_WIDE;
}

static const char *wide_encoding(struct str s)
{
    static const struct {
        struct str start;
        const char *name;
    } rows[] = {{{"\xFE\xFF", 2}, "UTF-16"},
                {{"\xFF\xFE", 2}, "UTF-16"},
                {{"\0<", 2}, "UTF-16BE"},
                {{"<\0", 2}, "UTF-16LE"}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (str_starts(s, rows[i].start)) {
            return rows[i].name;
        }
    }
    return NULL;
}

/* The name in the declaration; "" when there is none. */
static struct str declared(struct str s)
{
    s.len = MIN(s.len, (size_t)DECLARATION);
    ptrdiff_t at = str_find(s, STR("encoding"), 0);
    size_t from = at < 0 ? s.len : (size_t)at + 8;
    while (from < s.len && strchr(" \t\r\n=", s.ptr[from])) {
        from++;
    }
    if (from >= s.len || (s.ptr[from] != '"' && s.ptr[from] != '\'')) {
        return STR("");
    }
    const char *end = memchr(s.ptr + from + 1, s.ptr[from], s.len - from - 1);
    return end ? str_n(s.ptr + from + 1, (size_t)(end - s.ptr) - from - 1) : STR("");
}

static bool keeps_ascii(struct str name)
{
    static const char *const families[] = {"iso-8859-", "windows-", "cp125", "us-ascii", "koi8-",
                                           "shift_jis", "sjis",     "euc-",  "gb2312",   "gbk",
                                           "gb18030",   "big5",     "utf-8", "macintosh"};
    for (size_t i = 0; i < ARRAY_LEN(families); i++) {
        struct str family = str_of(families[i]);
        if (name.len >= family.len && str_eq_ci(str_n(name.ptr, family.len), family)) {
            return true;
        }
    }
    return false;
}

int xml_guard(struct action_context *ctx, const char *key, struct json input,
              const char **ret_encoding, struct err *err)
{
    struct str s = json_as_str(input);
    const char *wide = input.type == JSON_STRING ? NULL : wide_encoding(s);
    bool text = !wide && (input.type == JSON_STRING || str_utf8_valid(s));
    struct str name = text || wide ? STR("UTF-8") : declared(s);
    if (name.len == 0) {
        name = STR("UTF-8"); /* libxml2 tells where it is none */
    }
    if (!text && !wide && !keeps_ascii(name)) {
        return action_input_error(ctx, key, err,
                                  "is in the encoding \"%.*s\", which is not read here. Save it as "
                                  "UTF-8.",
                                  (int)MIN(name.len, 40), name.ptr);
    }
    if (wide ? !wide_fits(s) : !xml_attributes_fit(s)) {
        return action_input_error(ctx, key, err, "has an element with more than %d attributes%s.",
                                  MAX_ATTRIBUTES,
                                  wide ? ", or very many in all. Save it as UTF-8" : "");
    }
    *ret_encoding = wide ? wide : arena_strndup(action_arena(ctx), name.ptr, name.len);
    return 0;
}
