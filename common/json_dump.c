/* Owns writing JSON text the way JavaScript does. Any thread. Writes UTF-8 only, whatever a string
 * holds, so that its own reader takes what it wrote. */
#include "json.h"

#include <float.h>
#include <math.h>

#include "enc.h"
#include "json_scan.h"

/* A run with no quote, backslash or control: bytes that are not UTF-8 become U+FFFD. */
static void dump_repaired(struct buf *b, struct str s)
{
    while (s.len) {
        size_t n = 1;
        while (n < 4 && n < s.len && ((unsigned char)s.ptr[n] & 0xC0) == 0x80) {
            n++;
        }
        bool valid = str_utf8_valid(str_n(s.ptr, n));
        if (!valid && str_utf8_valid(str_n(s.ptr, 1))) {
            n = 1;
            valid = true;
        }
        if (valid) {
            buf_add(b, s.ptr, n);
        } else {
            buf_adds(b, "\xEF\xBF\xBD");
        }
        s = str_n(s.ptr + n, s.len - n);
    }
}

static void dump_escape(struct buf *b, unsigned char c)
{
    static const char short_names[0x20] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
    static const char digits[] = "0123456789abcdef";
    if (c >= 0x20 || short_names[c]) {
        const char text[2] = {'\\', c >= 0x20 ? (char)c : short_names[c]};
        buf_add(b, text, sizeof(text));
    } else {
        const char text[6] = {'\\', 'u', '0', '0', digits[c >> 4], digits[c & 15]};
        buf_add(b, text, sizeof(text));
    }
}

/* Most strings need neither escape nor repair: one reservation, one copy. False: not this one. */
static bool dump_plain_string(struct buf *b, struct str s)
{
    bool high = false;
    if (s.len && (scan_plain(s.ptr, s.ptr + s.len, &high) != s.ptr + s.len ||
                  (high && !str_utf8_valid(s)))) {
        return false;
    }
    char *to = buf_reserve(b, s.len + 2);
    if (to) {
        to[0] = '"';
        if (s.len) {
            memcpy(to + 1, s.ptr, s.len);
        }
        to[s.len + 1] = '"';
        to[s.len + 2] = '\0';
        b->len += s.len + 2;
    }
    return true;
}

void json_dump_string(struct buf *b, struct str s)
{
    if (dump_plain_string(b, s)) {
        return;
    }
    const char *p = s.ptr, *end = s.ptr + s.len;
    buf_addc(b, '"');
    while (p < end) {
        bool high = false;
        const char *stop = scan_plain(p, end, &high);
        struct str run = str_n(p, (size_t)(stop - p));
        if (high && !str_utf8_valid(run)) {
            dump_repaired(b, run);
        } else {
            buf_add_str(b, run);
        }
        if (stop < end) {
            dump_escape(b, (unsigned char)*stop++);
        }
        p = stop;
    }
    buf_addc(b, '"');
}

/* Decimal digits of v at the end of `text`; returns where they start. */
static char *put_digits(char *end, uint64_t v)
{
    do {
        *--end = (char)('0' + v % 10);
        v /= 10;
    } while (v);
    return end;
}

/* JavaScript's layout of 0.DIGITS * 10^point. */
static void dump_digits(struct buf *b, const char *digits, int n, int point)
{
    static const char zeros[] = "000000000000000000000";
    if (n <= point && point <= 21) {
        buf_add(b, digits, (size_t)n);
        buf_add(b, zeros, (size_t)(point - n));
    } else if (0 < point && point <= 21) {
        buf_add(b, digits, (size_t)point);
        buf_addc(b, '.');
        buf_add(b, digits + point, (size_t)(n - point));
    } else if (-6 < point && point <= 0) {
        buf_adds(b, "0.");
        buf_add(b, zeros, (size_t)-point);
        buf_add(b, digits, (size_t)n);
    } else {
        buf_addc(b, digits[0]);
        if (n > 1) {
            buf_addc(b, '.');
            buf_add(b, digits + 1, (size_t)(n - 1));
        }
        buf_addf(b, "e%+d", point - 1);
    }
}

/* Powers of two have less room below than above: the nearest 16 digits may be too low where the
 * next ones up still read back. text is "d.ddde-xx"; false when there is no such pair. */
static bool step_up(char *text, double num)
{
    int exponent;
    if (frexp(num, &exponent) != 0.5) {
        return false;
    }
    char *p = strchr(text, 'e') - 1;
    for (; p > text && *p == '9'; p--) {
        *p = '0';
    }
    if (*p < '0' || *p > '8') {
        return false;
    }
    ++*p;
    return strtod(text, NULL) == num;
}

/* The shortest digits that read back as the same number; returns how many, without zeros at the
 * end. Normal doubles need 15 at least to be sure, subnormal ones may do with one. */
static int shortest_digits(double num, char digits[20], int *ret_point)
{
    for (int precision = num < DBL_MIN ? 1 : 15;; precision++) {
        char text[40];
        (void)snprintf(text, sizeof(text), "%.*e", precision - 1, num);
        char *exponent = strchr(text, 'e');
        ASSERT(exponent);
        if (precision < 17 && strtod(text, NULL) != num &&
            (precision != 16 || !step_up(text, num))) {
            continue;
        }
        int n = 0;
        for (const char *s = text; s < exponent; s++) {
            if (*s >= '0' && *s <= '9') {
                digits[n++] = *s;
            }
        }
        while (n > 1 && digits[n - 1] == '0') {
            n--;
        }
        *ret_point = (int)strtol(exponent + 1, NULL, 10) + 1;
        return n;
    }
}

/* Prices and the like: num = v / 10^k exactly rounded, at most 15 digits, thus the shortest. */
static bool dump_short_decimal(struct buf *b, double num)
{
    static const double powers[] = {1e1, 1e2, 1e3, 1e4, 1e5, 1e6};
    for (size_t k = 0; k < ARRAY_LEN(powers); k++) {
        double v = nearbyint(num * powers[k]);
        if (v >= 1e15) {
            return false;
        }
        if (v >= 1 && v / powers[k] == num) {
            char text[24], *end = text + sizeof(text), *p = put_digits(end, (uint64_t)v);
            dump_digits(b, p, (int)(end - p), (int)(end - p) - (int)k - 1);
            return true;
        }
    }
    return false;
}

void json_dump_number(struct buf *b, double num)
{
    if (isnan(num)) {
        buf_adds(b, "NaN");
        return;
    }
    if (num < 0) {
        buf_addc(b, '-');
        num = -num;
    }
    if (isinf(num)) {
        buf_adds(b, "Infinity");
    } else if (num < 1e15 && num == (double)(uint64_t)num) {
        char text[24], *end = text + sizeof(text), *p = put_digits(end, (uint64_t)num);
        buf_add(b, p, (size_t)(end - p));
    } else if (num >= 1e15 || num < 1e-6 || !dump_short_decimal(b, num)) {
        char digits[20];
        int point, n = shortest_digits(num, digits, &point);
        dump_digits(b, digits, n, point);
    }
}

static void dump_newline(struct buf *b, int indent, int depth)
{
    if (indent > 0) {
        buf_addc(b, '\n');
        for (int i = 0; i < indent * depth && !b->full; i++) {
            buf_addc(b, ' ');
        }
    }
}

static void dump_nested(struct buf *b, struct json v, int indent, int depth);

static void dump_array(struct buf *b, struct json v, int indent, int depth)
{
    buf_addc(b, '[');
    for (uint32_t i = 0; i < v.len && !b->full; i++) {
        if (i) {
            buf_addc(b, ',');
        }
        dump_newline(b, indent, depth + 1);
        dump_nested(b, v.items[i], indent, depth + 1);
    }
    if (v.len) {
        dump_newline(b, indent, depth);
    }
    buf_addc(b, ']');
}

static void dump_object(struct buf *b, struct json v, int indent, int depth)
{
    bool any = false;
    buf_addc(b, '{');
    for (uint32_t i = 0; i < v.len && !b->full; i++) {
        const struct json_member *m = &v.members[i];
        if (m->value.type == JSON_UNDEFINED) {
            continue;
        }
        if (any) {
            buf_addc(b, ',');
        }
        any = true;
        dump_newline(b, indent, depth + 1);
        json_dump_string(b, m->key);
        buf_add(b, ": ", indent > 0 ? 2 : 1);
        dump_nested(b, m->value, indent, depth + 1);
    }
    if (any) {
        dump_newline(b, indent, depth);
    }
    buf_addc(b, '}');
}

/* depth: containers around this value. */
static void dump_nested(struct buf *b, struct json v, int indent, int depth)
{
    if (depth > JSON_MAX_NEST) {
        b->full = true;
        return;
    }
    switch (v.type) {
    case JSON_UNDEFINED:
    case JSON_NULL:
    case _JSON_TYPE_N:
        buf_add(b, "null", 4);
        break;
    case JSON_FALSE:
        buf_add(b, "false", 5);
        break;
    case JSON_TRUE:
        buf_add(b, "true", 4);
        break;
    case JSON_NUMBER:
        if (isfinite(v.num)) {
            json_dump_number(b, v.num);
        } else {
            buf_add(b, "null", 4);
        }
        break;
    case JSON_STRING:
        json_dump_string(b, json_as_str(v));
        break;
    case JSON_BINARY:
        buf_addc(b, '"');
        enc_base64_to(b, json_as_str(v));
        buf_addc(b, '"');
        break;
    case JSON_ARRAY:
        dump_array(b, v, indent, depth);
        break;
    case JSON_OBJECT:
        dump_object(b, v, indent, depth);
        break;
    }
}

void json_dump(struct buf *b, struct json v)
{
    dump_nested(b, v, 0, 0);
}

void json_dump_pretty(struct buf *b, struct json v, int indent)
{
    dump_nested(b, v, indent, 0);
}
