/* Owns reading JSON text. Items of the array or object being read wait on one scratch stack and go
 * to the arena when it ends, so a value costs no allocation of its own. Any thread. Refuses
 * everything RFC 8259 does not allow, invalid UTF-8 and more than JSON_MAX_DEPTH levels. */
#include "json.h"

#include "json_scan.h"

#define SCRATCH_INLINE KIB(8)
#define DIGITS_MAX     800 /* a double's halfway points have fewer significant digits than this */

struct parser {
    const char *start, *at, *end;
    struct arena *arena;
    const char *fault; /* what is wrong at `at` */
    bool too_large;
    char *scratch;
    size_t used, cap;
    char *heap; /* scratch, once it has outgrown the inline one */
};

static bool fail(struct parser *p, const char *at, const char *fault)
{
    p->at = at;
    p->fault = fault;
    return false;
}

static bool fits(struct parser *p, size_t size)
{
    if (unlikely(!arena_fits(p->arena, size))) {
        p->too_large = true;
        return false;
    }
    return true;
}

static void *scratch_push(struct parser *p, size_t size)
{
    if (unlikely(p->cap - p->used < size)) {
        size_t cap = p->cap * 2;
        char *heap = mem_realloc(p->heap, cap);
        if (!p->heap) {
            memcpy(heap, p->scratch, p->used);
        }
        p->heap = p->scratch = heap;
        p->cap = cap;
    }
    void *slot = p->scratch + p->used;
    p->used += size;
    return slot;
}

static inline char peek(const struct parser *p)
{
    return p->at < p->end ? *p->at : '\0';
}

static inline void skip_blanks(struct parser *p)
{
    while (p->at < p->end && (unsigned char)*p->at <= ' ' &&
           (*p->at == ' ' || *p->at == '\n' || *p->at == '\r' || *p->at == '\t')) {
        p->at++;
    }
}

/* Four hex digits at s, or -1. */
static int hex4(const char *s, const char *end)
{
    int v = 0;
    if (end - s < 4) {
        return -1;
    }
    for (int i = 0; i < 4; i++) {
        char c = s[i];
        int d = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : -1;
        if (d < 0) {
            return -1;
        }
        v = v << 4 | d;
    }
    return v;
}

static char *put_utf8(char *to, uint32_t c)
{
    if (c < 0x80) {
        *to++ = (char)c;
    } else if (c < 0x800) {
        *to++ = (char)(0xC0 | c >> 6);
        *to++ = (char)(0x80 | (c & 0x3F));
    } else if (c < 0x10000) {
        *to++ = (char)(0xE0 | c >> 12);
        *to++ = (char)(0x80 | (c >> 6 & 0x3F));
        *to++ = (char)(0x80 | (c & 0x3F));
    } else {
        *to++ = (char)(0xF0 | c >> 18);
        *to++ = (char)(0x80 | (c >> 12 & 0x3F));
        *to++ = (char)(0x80 | (c >> 6 & 0x3F));
        *to++ = (char)(0x80 | (c & 0x3F));
    }
    return to;
}

/* At the four digits of a \u escape; a low surrogate is read with its high one. */
static char *unescape_code(struct parser *p, char *to)
{
    int c = hex4(p->at, p->end);
    if (c < 0) {
        (void)fail(p, p->at, "four hex digits expected after \\u");
        return NULL;
    }
    p->at += 4;
    uint32_t code = (uint32_t)c;
    if (code >= 0xD800 && code <= 0xDFFF) {
        int low = -1;
        if (code < 0xDC00 && p->end - p->at >= 6 && p->at[0] == '\\' && p->at[1] == 'u') {
            low = hex4(p->at + 2, p->end);
        }
        if (low >= 0xDC00 && low <= 0xDFFF) {
            p->at += 6;
            code = 0x10000 + ((code - 0xD800) << 10) + ((uint32_t)low - 0xDC00);
        } else {
            code = 0xFFFD;
        }
    }
    return put_utf8(to, code);
}

static char *unescape(struct parser *p, char *to)
{
    p->at++; /* the backslash */
    char c = peek(p);
    switch (c) {
    case '"':
    case '\\':
    case '/':
        *to++ = c;
        break;
    case 'b':
        *to++ = '\b';
        break;
    case 'f':
        *to++ = '\f';
        break;
    case 'n':
        *to++ = '\n';
        break;
    case 'r':
        *to++ = '\r';
        break;
    case 't':
        *to++ = '\t';
        break;
    case 'u':
        p->at++;
        return unescape_code(p, to);
    default:
        (void)fail(p, p->at, "unknown escape");
        return NULL;
    }
    p->at++;
    return to;
}

/* The closing quote from `from` on (past any escapes), NULL when there is none. */
static const char *closing_quote(const char *from, const char *end)
{
    bool high = false;
    while (from < end) {
        from = scan_plain(from, end, &high);
        if (from == end || *from == '"') {
            break;
        }
        from += *from == '\\' && end - from > 1 ? 2 : 1;
    }
    return from < end ? from : NULL;
}

/* A string with escapes: unescaping never makes it longer, so its text bounds the copy. */
static bool parse_escaped(struct parser *p, const char *start, struct str *ret)
{
    const char *close = closing_quote(p->at, p->end);
    if (!close) {
        return fail(p, p->end, "string without closing quote");
    }
    if (!fits(p, (size_t)(close - start))) {
        return false;
    }
    char *copy = arena_alloc(p->arena, (size_t)(close - start)), *to = copy;
    memcpy(to, start, (size_t)(p->at - start));
    to += p->at - start;
    while (p->at < close) {
        if (*p->at == '\\') {
            to = unescape(p, to);
            if (!to) {
                return false;
            }
            continue;
        }
        bool high = false;
        const char *stop = scan_plain(p->at, close, &high);
        if (high && !str_utf8_valid(str_n(p->at, (size_t)(stop - p->at)))) {
            return fail(p, p->at, "string that is not UTF-8");
        }
        memcpy(to, p->at, (size_t)(stop - p->at));
        to += stop - p->at;
        p->at = stop;
        if (stop < close && *stop != '\\') {
            return fail(p, stop, "control character in a string");
        }
    }
    p->at = close + 1;
    *ret = str_n(copy, (size_t)(to - copy));
    return true;
}

/* At the opening quote. */
static bool parse_string(struct parser *p, struct str *ret)
{
    const char *start = p->at + 1;
    bool high = false;
    const char *stop = scan_plain(start, p->end, &high);
    if (unlikely(high) && !str_utf8_valid(str_n(start, (size_t)(stop - start)))) {
        return fail(p, start, "string that is not UTF-8");
    }
    if (likely(stop < p->end && *stop == '"')) {
        *ret = str_n(start, (size_t)(stop - start));
        p->at = stop + 1;
        return true;
    }
    if (stop == p->end) {
        return fail(p, stop, "string without closing quote");
    }
    if (*stop != '\\') {
        return fail(p, stop, "control character in a string");
    }
    p->at = stop;
    return parse_escaped(p, start, ret);
}

/* The digits of a number as text, exactly rounded by strtod. There is no decimal point in what
 * strtod gets, so no locale can change its meaning. */
static double exact_double(const char *digits, const char *end, int64_t exp10)
{
    char text[DIGITS_MAX + 32];
    size_t n = 0;
    bool fraction = false, more = false;
    for (const char *s = digits; s < end; s++) {
        if (*s == '.') {
            fraction = true;
            continue;
        }
        if (n == 0 && *s == '0') {
            exp10 -= fraction;
        } else if (n < DIGITS_MAX) {
            text[n++] = *s;
            exp10 -= fraction;
        } else {
            more = more || *s != '0';
            exp10 += !fraction;
        }
    }
    if (n == 0) {
        return 0;
    }
    if (more) { /* only that something follows matters */
        text[n++] = '1';
        exp10--;
    }
    exp10 = MIN(MAX(exp10, -99999), 99999);
    (void)snprintf(text + n, sizeof(text) - n, "e%d", (int)exp10);
    return strtod(text, NULL);
}

static bool parse_exponent(struct parser *p, int64_t *ret)
{
    int64_t e = 0;
    p->at++;
    bool negative = peek(p) == '-';
    if (negative || peek(p) == '+') {
        p->at++;
    }
    if (peek(p) < '0' || peek(p) > '9') {
        return fail(p, p->at, "digit expected in the exponent");
    }
    for (; peek(p) >= '0' && peek(p) <= '9'; p->at++) {
        e = e < INT64_C(1000000000000) ? e * 10 + (*p->at - '0') : e;
    }
    *ret = negative ? -e : e;
    return true;
}

/* Mantissas up to 2^53 and powers up to 10^22 are exact doubles, so one operation rounds right. */
static double scale(uint64_t mantissa, int64_t exp10)
{
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    return exp10 < 0 ? (double)mantissa / powers[-exp10] : (double)mantissa * powers[exp10];
}

static bool parse_number(struct parser *p, double *ret)
{
    bool negative = *p->at == '-';
    p->at += negative;
    const char *digits = p->at;
    uint64_t mantissa = 0; /* may wrap: only used when there are at most 19 digits */
    int64_t exp10 = 0;
    for (; peek(p) >= '0' && peek(p) <= '9'; p->at++) {
        mantissa = mantissa * 10 + (uint64_t)(*p->at - '0');
    }
    if (p->at == digits) {
        return fail(p, p->at, "digit expected");
    }
    if (*digits == '0' && p->at - digits > 1) {
        return fail(p, digits, "number with a leading zero");
    }
    size_t n = (size_t)(p->at - digits);
    if (peek(p) == '.') {
        const char *fraction = ++p->at;
        for (; peek(p) >= '0' && peek(p) <= '9'; p->at++) {
            mantissa = mantissa * 10 + (uint64_t)(*p->at - '0');
        }
        if (p->at == fraction) {
            return fail(p, p->at, "digit expected after the decimal point");
        }
        n += (size_t)(p->at - fraction);
        exp10 = -(int64_t)(p->at - fraction);
    }
    const char *end = p->at;
    int64_t written = 0;
    if ((peek(p) == 'e' || peek(p) == 'E') && !parse_exponent(p, &written)) {
        return false;
    }
    exp10 += written;
    double num;
    if (likely(n <= 19 && mantissa <= UINT64_C(1) << 53 && exp10 >= -22 && exp10 <= 22)) {
        num = scale(mantissa, exp10);
    } else {
        num = exact_double(digits, end, written);
    }
    *ret = negative ? -num : num;
    return true;
}

static bool parse_word(struct parser *p, struct str word)
{
    if ((size_t)(p->end - p->at) < word.len || memcmp(p->at, word.ptr, word.len) != 0) {
        return fail(p, p->at, "value expected");
    }
    p->at += word.len;
    return true;
}

static bool parse_value(struct parser *p, int depth, struct json *ret);

/* After an item: true when another follows; *ret_ok says whether this or the end was read. */
static bool next_item(struct parser *p, char close, bool *ret_ok)
{
    skip_blanks(p);
    char c = peek(p);
    *ret_ok = true;
    if (c == ',') {
        p->at++;
        skip_blanks(p);
        return true;
    }
    if (c == close && p->at < p->end) {
        p->at++;
    } else {
        *ret_ok = fail(p, p->at, close == ']' ? "',' or ']' expected" : "',' or '}' expected");
    }
    return false;
}

/* After the opening bracket. */
static bool parse_array(struct parser *p, int depth, struct json *ret)
{
    size_t base = p->used;
    skip_blanks(p);
    bool ok = true, more = peek(p) != ']';
    p->at += !more;
    while (more) {
        struct json item;
        if (!parse_value(p, depth, &item)) {
            return false;
        }
        memcpy(scratch_push(p, sizeof(item)), &item, sizeof(item));
        more = next_item(p, ']', &ok);
    }
    size_t size = p->used - base;
    if (!ok || !fits(p, size)) {
        return false;
    }
    struct json *items = arena_alloc(p->arena, size);
    memcpy(items, p->scratch + base, size);
    p->used = base;
    *ret = json_array(items, size / sizeof(*items));
    return true;
}

static bool parse_member(struct parser *p, int depth, struct json_member *ret)
{
    if (peek(p) != '"') {
        return fail(p, p->at, "key in double quotes expected");
    }
    if (!parse_string(p, &ret->key)) {
        return false;
    }
    skip_blanks(p);
    if (peek(p) != ':') {
        return fail(p, p->at, "':' expected");
    }
    p->at++;
    skip_blanks(p);
    return parse_value(p, depth, &ret->value);
}

/* After the opening brace. */
static bool parse_object(struct parser *p, int depth, struct json *ret)
{
    size_t base = p->used;
    skip_blanks(p);
    bool ok = true, more = peek(p) != '}';
    p->at += !more;
    while (more) {
        struct json_member member;
        if (!parse_member(p, depth, &member)) {
            return false;
        }
        memcpy(scratch_push(p, sizeof(member)), &member, sizeof(member));
        more = next_item(p, '}', &ok);
    }
    size_t size = p->used - base;
    if (!ok || !fits(p, size)) {
        return false;
    }
    struct json_member *members = arena_alloc(p->arena, size);
    memcpy(members, p->scratch + base, size);
    p->used = base;
    *ret = json_object(members, json_unique_members(members, (uint32_t)(size / sizeof(*members))));
    return true;
}

/* depth: containers around this value. */
static bool parse_value(struct parser *p, int depth, struct json *ret)
{
    char c = peek(p);
    if (c == '"') {
        struct str s;
        if (!parse_string(p, &s)) {
            return false;
        }
        *ret = json_str(s);
        return true;
    }
    if (c == '-' || (c >= '0' && c <= '9')) {
        double num;
        if (!parse_number(p, &num)) {
            return false;
        }
        *ret = json_num(num);
        return true;
    }
    if (c == '{' || c == '[') {
        if (depth == JSON_MAX_DEPTH) {
            return fail(p, p->at, "nested too deeply");
        }
        p->at++;
        return c == '{' ? parse_object(p, depth + 1, ret) : parse_array(p, depth + 1, ret);
    }
    if (c == 't') {
        *ret = json_bool(true);
        return parse_word(p, STR("true"));
    }
    if (c == 'f') {
        *ret = json_bool(false);
        return parse_word(p, STR("false"));
    }
    *ret = json_null();
    return parse_word(p, STR("null"));
}

static int explain(const struct parser *p, struct err *err)
{
    if (p->too_large) {
        return err_set(err, -EINVAL, "json.too_large", "JSON text too large for its memory bound");
    }
    int rc = err_set(err, -EINVAL, "json.syntax", "%s at byte %zu", p->fault,
                     (size_t)(p->at - p->start));
    if (err) {
        err->line = err->column = 1;
        for (const char *s = p->start; s < p->at; s++) {
            err->line += *s == '\n';
            err->column = *s == '\n' ? 1 : err->column + 1;
        }
    }
    return rc;
}

int json_parse(struct arena *a, struct str text, struct json *ret_value, struct err *err)
{
    _Alignas(16) char scratch[SCRATCH_INLINE];
    struct parser p = {.start = text.ptr,
                       .at = text.ptr,
                       .end = text.ptr + text.len,
                       .arena = a,
                       .scratch = scratch,
                       .cap = sizeof(scratch)};
    struct json value;
    p.too_large = text.len > INT32_MAX;
    bool ok = !p.too_large;
    if (ok) {
        skip_blanks(&p);
        ok = parse_value(&p, 0, &value);
    }
    if (ok) {
        skip_blanks(&p);
        ok = p.at == p.end || fail(&p, p.at, "nothing expected after the value");
    }
    mem_free(p.heap);
    if (!ok) {
        return explain(&p, err);
    }
    *ret_value = value;
    return 0;
}
