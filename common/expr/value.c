/* Owns JavaScript's coercions on engine values: truth, numbers, texts and the two equalities.
 * Called on run threads, on values of any shape: what parsing let through (JSON_MAX_DEPTH) and what
 * the engine built on top. Nothing here fails; what goes too deep is empty text and never equal.
 * Binary values act as the text of their bytes wherever JavaScript would take a primitive. */
#include "expr/value.h"

#include <math.h>

#define MAX_DEPTH   (JSON_MAX_DEPTH * 2)
#define SORTED_FROM 16 /* members from which objects are compared by sorted keys */

static bool is_primitive(struct json v)
{
    return v.type < JSON_BINARY;
}

/* ---- truth ---- */

bool value_truthy(struct json v)
{
    switch (v.type) {
    case JSON_UNDEFINED:
    case JSON_NULL:
    case JSON_FALSE:
        return false;
    case JSON_NUMBER:
        return v.num != 0 && !isnan(v.num);
    case JSON_STRING:
        return v.len > 0;
    case JSON_TRUE:
    case JSON_BINARY:
    case JSON_ARRAY:
    case JSON_OBJECT:
    case _JSON_TYPE_N:
        break;
    }
    return true;
}

/* ---- numbers ---- */

/* Bytes of the white space character (WhiteSpace or LineTerminator) at p; 0 when it is none. */
static size_t space_length(const char *p, size_t len)
{
    const unsigned char *u = (const unsigned char *)p;
    if (u[0] == ' ' || (u[0] >= '\t' && u[0] <= '\r')) {
        return 1;
    }
    if (len >= 2 && u[0] == 0xC2 && u[1] == 0xA0) {
        return 2;
    }
    if (len < 3) {
        return 0;
    }
    unsigned c = ((u[0] & 0x0Fu) << 12) | ((u[1] & 0x3Fu) << 6) | (u[2] & 0x3Fu);
    bool three = (u[0] & 0xF0) == 0xE0 && (u[1] & 0xC0) == 0x80 && (u[2] & 0xC0) == 0x80;
    bool space = c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 ||
                 c == 0x202F || c == 0x205F || c == 0x3000 || c == 0xFEFF;
    return three && space ? 3 : 0;
}

static struct str trim_spaces(struct str s)
{
    size_t n;
    while (s.len > 0 && (n = space_length(s.ptr, s.len)) > 0) {
        s = str_n(s.ptr + n, s.len - n);
    }
    while (s.len > 0) {
        n = 1;
        while (n < 3 && n < s.len && ((unsigned char)s.ptr[s.len - n] & 0xC0) == 0x80) {
            n++;
        }
        if (space_length(s.ptr + s.len - n, n) != n) {
            break;
        }
        s.len -= n;
    }
    return s;
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    char low = (char)(c | 0x20);
    return low >= 'a' && low <= 'f' ? low - 'a' + 10 : 16;
}

/* Digits of base 2, 8 or 16, rounded once: 60 bits are kept, what follows only sets the lowest. */
static double radix_number(struct str digits, int bits)
{
    uint64_t kept = 0;
    int exponent = 0;
    for (size_t i = 0; i < digits.len; i++) {
        int d = digit_of(digits.ptr[i]);
        if (d >= 1 << bits) {
            return NAN;
        }
        if (kept >> 59) {
            kept |= d != 0;
            exponent = MIN(exponent + bits, 100000);
        } else {
            kept = (kept << bits) | (uint64_t)d;
        }
    }
    return digits.len ? ldexp((double)kept, exponent) : NAN;
}

static size_t skip_digits(struct str s, size_t at)
{
    while (at < s.len && s.ptr[at] >= '0' && s.ptr[at] <= '9') {
        at++;
    }
    return at;
}

/* [+-] digits [. digits] [e [+-] digits], or [+-] . digits ..., whole. */
static bool is_decimal(struct str s)
{
    size_t at = s.len && (s.ptr[0] == '+' || s.ptr[0] == '-') ? 1 : 0;
    size_t end = skip_digits(s, at);
    size_t digits = end - at;
    if (end < s.len && s.ptr[end] == '.') {
        at = end + 1;
        end = skip_digits(s, at);
        digits += end - at;
    }
    if (digits == 0) {
        return false;
    }
    if (end < s.len && (s.ptr[end] | 0x20) == 'e') {
        at = end + 1;
        at += at < s.len && (s.ptr[at] == '+' || s.ptr[at] == '-');
        end = skip_digits(s, at);
        if (end == at) {
            return false;
        }
    }
    return end == s.len;
}

static double string_to_number(struct str text)
{
    struct str s = trim_spaces(text);
    if (s.len == 0) {
        return 0;
    }
    if (s.len > 2 && s.ptr[0] == '0') {
        char kind = (char)(s.ptr[1] | 0x20);
        int bits = kind == 'x' ? 4 : kind == 'o' ? 3 : kind == 'b' ? 1 : 0;
        if (bits > 0) {
            return radix_number(str_n(s.ptr + 2, s.len - 2), bits);
        }
    }
    if (str_eq(s, STR("Infinity")) || str_eq(s, STR("+Infinity"))) {
        return INFINITY;
    }
    if (str_eq(s, STR("-Infinity"))) {
        return -INFINITY;
    }
    if (!is_decimal(s)) {
        return NAN;
    }
    char small[64];
    if (s.len < sizeof(small)) {
        memcpy(small, s.ptr, s.len);
        small[s.len] = '\0';
        return strtod(small, NULL);
    }
    AUTO(mem_free) char *copy = mem_strndup(s.ptr, s.len);
    return strtod(copy, NULL);
}

double value_to_number(struct json v)
{
    /* Number(array) is that of its text: of the only item, and never a number with a comma. */
    bool in_array = false;
    for (int depth = 0; v.type == JSON_ARRAY && depth < MAX_DEPTH; depth++) {
        if (v.len > 1) {
            return NAN;
        }
        in_array = true;
        v = v.len == 1 ? v.items[0] : json_null();
    }
    switch (v.type) {
    case JSON_NULL:
        return 0;
    case JSON_UNDEFINED:
        return in_array ? 0 : NAN;
    case JSON_FALSE:
    case JSON_TRUE:
        return in_array ? NAN : v.type == JSON_TRUE;
    case JSON_NUMBER:
        return v.num;
    case JSON_STRING:
    case JSON_BINARY:
        return string_to_number(json_as_str(v));
    case JSON_ARRAY:
    case JSON_OBJECT:
    case _JSON_TYPE_N:
        break;
    }
    return NAN;
}

/* ---- texts ---- */

/* Bytes of the well-formed UTF-8 character at p; 0 when there is none. */
static size_t utf8_length(const char *p, size_t len)
{
    const unsigned char *u = (const unsigned char *)p;
    size_t n = u[0] < 0x80 ? 1 : u[0] < 0xC2 ? 0 : u[0] < 0xE0 ? 2 : u[0] < 0xF0 ? 3 : 4;
    if (n == 0 || n > len || u[0] > 0xF4) {
        return 0;
    }
    for (size_t i = 1; i < n; i++) {
        if ((u[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    bool bad = (u[0] == 0xE0 && u[1] < 0xA0) || (u[0] == 0xED && u[1] > 0x9F) ||
               (u[0] == 0xF0 && u[1] < 0x90) || (u[0] == 0xF4 && u[1] > 0x8F);
    return bad ? 0 : n;
}

static void add_bytes_as_text(struct buf *b, struct str bytes)
{
    if (str_utf8_valid(bytes)) {
        buf_add_str(b, bytes);
        return;
    }
    for (size_t i = 0; i < bytes.len && !b->full;) {
        size_t n = utf8_length(bytes.ptr + i, bytes.len - i);
        if (n == 0) {
            buf_adds(b, "\xEF\xBF\xBD");
            i++;
        } else {
            buf_add(b, bytes.ptr + i, n);
            i += n;
        }
    }
}

static void add_string_of(struct buf *b, struct json v, int depth)
{
    switch (v.type) {
    case JSON_UNDEFINED:
        buf_adds(b, "undefined");
        break;
    case JSON_NULL:
        buf_adds(b, "null");
        break;
    case JSON_FALSE:
        buf_adds(b, "false");
        break;
    case JSON_TRUE:
        buf_adds(b, "true");
        break;
    case JSON_NUMBER:
        json_dump_number(b, v.num);
        break;
    case JSON_STRING:
        buf_add_str(b, json_as_str(v));
        break;
    case JSON_BINARY:
        add_bytes_as_text(b, json_as_str(v));
        break;
    case JSON_ARRAY:
        for (uint32_t i = 0; i < v.len && depth < MAX_DEPTH && !b->full; i++) {
            if (i > 0) {
                buf_addc(b, ',');
            }
            if (!json_is_nullish(v.items[i])) {
                add_string_of(b, v.items[i], depth + 1);
            }
        }
        break;
    case JSON_OBJECT:
        buf_adds(b, "[object Object]");
        break;
    case _JSON_TYPE_N:
        break;
    }
}

void value_add_text(struct buf *b, struct json v)
{
    if (v.type == JSON_ARRAY || v.type == JSON_OBJECT) {
        json_dump(b, v);
    } else if (!json_is_nullish(v)) {
        add_string_of(b, v, 0);
    }
}

/* Copies a finished text into the arena; at most what the arena has room for. */
static struct str keep_text(struct arena *a, const struct buf *b)
{
    size_t len = MIN(b->len, arena_room(a) / 2);
    return str_n(arena_strndup(a, b->data ? b->data : "", len), len);
}

static bool is_text(struct json v)
{
    return v.type == JSON_STRING || (v.type == JSON_BINARY && str_utf8_valid(json_as_str(v)));
}

struct str value_to_string(struct arena *a, struct json v)
{
    if (is_text(v)) {
        return json_as_str(v);
    }
    AUTO(buf_done) struct buf b = {0};
    buf_init(&b, VALUE_TEXT_MAX);
    add_string_of(&b, v, 0);
    return keep_text(a, &b);
}

bool value_text(struct arena *a, struct json v, struct str *ret)
{
    if (is_text(v)) {
        *ret = json_as_str(v);
        return true;
    }
    AUTO(buf_done) struct buf b = {0};
    buf_init(&b, VALUE_TEXT_MAX);
    value_add_text(&b, v);
    *ret = keep_text(a, &b);
    return !b.full && ret->len == b.len;
}

struct str value_to_text(struct arena *a, struct json v)
{
    struct str text;
    (void)!value_text(a, v, &text);
    return text;
}

bool value_word(struct arena *a, struct json v, struct str *ret)
{
    bool scalar = v.type == JSON_STRING || v.type == JSON_NUMBER || v.type == JSON_TRUE ||
                  v.type == JSON_FALSE;
    *ret = scalar ? str_trim(value_to_text(a, v)) : STR("");
    return scalar;
}

/* UTF-8 sorts by code point; in UTF-16 what needs surrogates sorts before U+E000 to U+FFFF. */
static int code_unit_rank(char c)
{
    unsigned char u = (unsigned char)c;
    return u >= 0xF0 ? u - 2 : u >= 0xEE ? u + 0x10 : u;
}

int value_compare_strings(struct str x, struct str y)
{
    size_t n = MIN(x.len, y.len);
    for (size_t i = 0; i < n; i++) {
        if (x.ptr[i] != y.ptr[i]) {
            return code_unit_rank(x.ptr[i]) < code_unit_rank(y.ptr[i]) ? -1 : 1;
        }
    }
    return (x.len > y.len) - (x.len < y.len);
}

/* ---- equality ---- */

/* arena: for texts of the loose rule; NULL = the strict rule. */
static bool equal_at(struct arena *a, struct json x, struct json y, int depth);

static int compare_members(const void *x, const void *y)
{
    const struct json_member *mx = *(const struct json_member *const *)x;
    const struct json_member *my = *(const struct json_member *const *)y;
    size_t n = MIN(mx->key.len, my->key.len);
    int r = n ? memcmp(mx->key.ptr, my->key.ptr, n) : 0;
    return r ? r : (mx->key.len > my->key.len) - (mx->key.len < my->key.len);
}

static const struct json_member **sorted_members(struct json object)
{
    const struct json_member **sorted = mem_array(object.len, sizeof(*sorted));
    for (uint32_t i = 0; i < object.len; i++) {
        sorted[i] = &object.members[i];
    }
    qsort(sorted, object.len, sizeof(*sorted), compare_members);
    return sorted;
}

static bool equal_members_sorted(struct arena *a, struct json x, struct json y, int depth)
{
    AUTO(mem_free) const struct json_member **mx = sorted_members(x);
    AUTO(mem_free) const struct json_member **my = sorted_members(y);
    for (uint32_t i = 0; i < x.len; i++) {
        if (!str_eq(mx[i]->key, my[i]->key) ||
            !equal_at(a, mx[i]->value, my[i]->value, depth + 1)) {
            return false;
        }
    }
    return true;
}

static const struct json_member *member_of(struct json object, struct str key)
{
    for (uint32_t i = 0; i < object.len; i++) {
        if (str_eq(object.members[i].key, key)) {
            return &object.members[i];
        }
    }
    return NULL;
}

static bool equal_members(struct arena *a, struct json x, struct json y, int depth)
{
    if (x.len >= SORTED_FROM) {
        return equal_members_sorted(a, x, y, depth);
    }
    for (uint32_t i = 0; i < x.len; i++) {
        const struct json_member *other = member_of(y, x.members[i].key);
        if (!other || !equal_at(a, x.members[i].value, other->value, depth + 1)) {
            return false;
        }
    }
    return true;
}

/* Both are of one of the types that hold contents. */
static bool equal_contents(struct arena *a, struct json x, struct json y, int depth)
{
    if (x.type != y.type || x.len != y.len || depth >= MAX_DEPTH) {
        return false;
    }
    if (x.len == 0) {
        return true;
    }
    if (x.type == JSON_BINARY) {
        return str_eq(json_as_str(x), json_as_str(y));
    }
    if (x.type == JSON_OBJECT) {
        return x.members == y.members || equal_members(a, x, y, depth);
    }
    if (x.items == y.items) {
        return true;
    }
    for (uint32_t i = 0; i < x.len; i++) {
        if (!equal_at(a, x.items[i], y.items[i], depth + 1)) {
            return false;
        }
    }
    return true;
}

/* Two primitives of different types, neither null nor undefined: by number. */
static bool equal_loose_primitives(struct json x, struct json y)
{
    if (x.type == JSON_STRING && y.type == JSON_STRING) {
        return str_eq(json_as_str(x), json_as_str(y));
    }
    return value_to_number(x) == value_to_number(y);
}

static bool equal_at(struct arena *a, struct json x, struct json y, int depth)
{
    if (!is_primitive(x) && !is_primitive(y)) {
        return equal_contents(a, x, y, depth);
    }
    if (x.type == y.type) {
        return x.type == JSON_NUMBER   ? x.num == y.num
               : x.type == JSON_STRING ? str_eq(json_as_str(x), json_as_str(y))
                                       : true;
    }
    if (!a) {
        return false;
    }
    if (json_is_nullish(x) || json_is_nullish(y)) {
        return json_is_nullish(x) && json_is_nullish(y);
    }
    if (depth > 0 && (!is_primitive(x) || !is_primitive(y))) {
        return false; /* within lists and objects only what is neither is coerced */
    }
    if (!is_primitive(x)) {
        x = json_str(value_to_string(a, x));
    } else if (!is_primitive(y)) {
        y = json_str(value_to_string(a, y));
    }
    return equal_loose_primitives(x, y);
}

bool value_loose_equal(struct arena *a, struct json x, struct json y)
{
    return equal_at(a, x, y, 0);
}

bool value_strict_equal(struct json x, struct json y)
{
    return equal_at(NULL, x, y, 0);
}

/* ---- JSON in strings ---- */

struct json value_parse_json(struct arena *a, struct json v)
{
    struct json parsed;
    if (v.type != JSON_STRING || json_parse(a, json_as_str(v), &parsed, NULL) < 0) {
        return v;
    }
    return parsed;
}
