/* Owns decoding UTF-8 for the text actions. Case tables are those of the C library's C.UTF-8,
 * whatever the process's locale is. Any thread. */
#include "components/text_manipulation/unicode.h"

#include <locale.h>
#include <pthread.h>
#include <wctype.h>

#define SHARP_S 0xDF

static locale_t utf8_locale;
static pthread_once_t utf8_once = PTHREAD_ONCE_INIT;

static void open_locale(void)
{
    utf8_locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
}

/* The first character and its bytes; a stray byte is itself. */
static uint32_t decode(struct str s, size_t *ret_len)
{
    unsigned char first = (unsigned char)s.ptr[0];
    size_t n = first < 0x80 ? 1 : first < 0xC2 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    if (n == 1 || n > s.len || !str_utf8_valid(str_n(s.ptr, n))) {
        *ret_len = 1;
        return first;
    }
    uint32_t c = first & (0xFFu >> (n + 1));
    for (size_t i = 1; i < n; i++) {
        c = c << 6 | ((unsigned char)s.ptr[i] & 0x3F);
    }
    *ret_len = n;
    return c;
}

static void encode(struct buf *b, uint32_t c, size_t n)
{
    static const unsigned char lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = n; i-- > 0;) {
        buf_addc(b, (char)(i == n - 1 ? lead[n] | (c >> (6 * i)) : 0x80 | ((c >> (6 * i)) & 0x3F)));
    }
}

size_t unicode_char_len(struct str s)
{
    size_t n = 0;
    if (s.len) {
        (void)decode(s, &n);
    }
    return n;
}

size_t unicode_units(struct str s)
{
    size_t units = 0;
    for (size_t at = 0; at < s.len;) {
        size_t n = unicode_char_len(str_n(s.ptr + at, s.len - at));
        units += n == 4 ? 2 : 1;
        at += n;
    }
    return units;
}

size_t unicode_offset(struct str s, size_t units)
{
    size_t at = 0;
    while (at < s.len && units > 0) {
        size_t n = unicode_char_len(str_n(s.ptr + at, s.len - at));
        size_t width = n == 4 ? 2 : 1;
        if (width > units) {
            break;
        }
        units -= width;
        at += n;
    }
    return at;
}

static bool is_space(uint32_t c)
{
    return (c >= 9 && c <= 13) || c == ' ' || c == 0xA0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F ||
           c == 0x205F || c == 0x3000 || c == 0xFEFF;
}

struct str unicode_trim(struct str s)
{
    size_t n, start = 0, end = 0;
    while (start < s.len && is_space(decode(str_n(s.ptr + start, s.len - start), &n))) {
        if (n == 1 && (unsigned char)s.ptr[start] == 0xA0) {
            break; /* a stray byte, not U+00A0 */
        }
        start += n;
    }
    end = start;
    for (size_t at = start; at < s.len; at += n) {
        uint32_t c = decode(str_n(s.ptr + at, s.len - at), &n);
        if (!is_space(c) || (n == 1 && c == 0xA0)) {
            end = at + n;
        }
    }
    return str_n(s.ptr + start, end - start);
}

void unicode_change_case(struct buf *b, struct str s, enum unicode_case how)
{
    (void)pthread_once(&utf8_once, open_locale);
    for (size_t at = 0, n; at < s.len; at += n) {
        uint32_t c = decode(str_n(s.ptr + at, s.len - at), &n);
        if (n == 1 && c < 0x80) {
            bool upper = how == UNICODE_UPPER || (how == UNICODE_CAPITAL && at == 0);
            bool keep = how == UNICODE_CAPITAL && at > 0;
            if (!keep && upper && c >= 'a' && c <= 'z') {
                c -= 32;
            } else if (!keep && !upper && c >= 'A' && c <= 'Z') {
                c += 32;
            }
            buf_addc(b, (char)c);
            continue;
        }
        if (n == 1 || utf8_locale == (locale_t)0 || (how == UNICODE_CAPITAL && at > 0)) {
            buf_add(b, s.ptr + at, n);
            continue;
        }
        if (c == SHARP_S && how != UNICODE_LOWER) {
            buf_adds(b, "SS"); /* the tables know no capital for it */
            continue;
        }
        uint32_t to = how == UNICODE_LOWER ? (uint32_t)towlower_l((wint_t)c, utf8_locale)
                                           : (uint32_t)towupper_l((wint_t)c, utf8_locale);
        size_t to_len = to < 0x80 ? 1 : to < 0x800 ? 2 : to < 0x10000 ? 3 : 4;
        if (to_len == 1) {
            buf_addc(b, (char)to);
        } else {
            encode(b, to, to_len);
        }
    }
}
