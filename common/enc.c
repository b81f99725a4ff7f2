/* Owns base64, hex and percent-encoding of bytes. No state; any thread. Decoders refuse anything
 * that is not the encoding itself: no white space, no mixed padding, no stray bits dropped. */
#include "enc.h"

static const char base64_std[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char base64_url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static size_t base64_write(struct str bytes, char *to, const char *alphabet, bool pad)
{
    const uint8_t *p = (const uint8_t *)bytes.ptr;
    size_t left = bytes.len;
    char *start = to;
    for (; left >= 3; left -= 3, p += 3) {
        uint32_t v = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
        *to++ = alphabet[v >> 18];
        *to++ = alphabet[v >> 12 & 63];
        *to++ = alphabet[v >> 6 & 63];
        *to++ = alphabet[v & 63];
    }
    if (left) {
        uint32_t v = (uint32_t)p[0] << 16 | (left == 2 ? (uint32_t)p[1] << 8 : 0);
        *to++ = alphabet[v >> 18];
        *to++ = alphabet[v >> 12 & 63];
        if (left == 2) {
            *to++ = alphabet[v >> 6 & 63];
        }
        for (size_t i = left; pad && i < 3; i++) {
            *to++ = '=';
        }
    }
    *to = '\0';
    return (size_t)(to - start);
}

size_t enc_base64(struct str bytes, char *ret_text, size_t cap)
{
    ASSERT(bytes.len <= SIZE_MAX / 4 && cap > (bytes.len + 2) / 3 * 4);
    return base64_write(bytes, ret_text, base64_std, true);
}

size_t enc_base64url(struct str bytes, char *ret_text, size_t cap)
{
    ASSERT(bytes.len <= SIZE_MAX / 4 && cap > (bytes.len * 4 + 2) / 3);
    return base64_write(bytes, ret_text, base64_url, false);
}

void enc_base64_to(struct buf *b, struct str bytes)
{
    if (bytes.len > SIZE_MAX / 4) {
        b->full = true;
        return;
    }
    char *to = buf_reserve(b, (bytes.len + 2) / 3 * 4);
    if (to) {
        b->len += base64_write(bytes, to, base64_std, true);
    }
}

static int base64_digit(char c)
{
    return c >= 'A' && c <= 'Z'     ? c - 'A'
           : c >= 'a' && c <= 'z'   ? c - 'a' + 26
           : c >= '0' && c <= '9'   ? c - '0' + 52
           : (c == '+' || c == '-') ? 62
           : (c == '/' || c == '_') ? 63
                                    : -1;
}

bool enc_base64_decode(struct str text, uint8_t *ret_bytes, size_t cap, size_t *ret_len)
{
    size_t len = text.len, pads = 0;
    while (len && pads < 2 && text.ptr[len - 1] == '=') {
        len--;
        pads++;
    }
    size_t tail = len % 4;
    if (tail == 1 || (pads && (len + pads) % 4 != 0)) {
        return false;
    }
    size_t need = len / 4 * 3 + (tail ? tail - 1 : 0);
    if (need > cap) {
        return false;
    }
    uint32_t acc = 0;
    unsigned bits = 0;
    size_t at = 0;
    for (size_t i = 0; i < len; i++) {
        int d = base64_digit(text.ptr[i]);
        if (d < 0) {
            return false;
        }
        acc = acc << 6 | (uint32_t)d;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            ret_bytes[at++] = (uint8_t)(acc >> bits);
        }
    }
    if (acc & ((1U << bits) - 1)) {
        return false; /* bits beyond the last byte: two texts would mean the same */
    }
    *ret_len = at;
    return true;
}

size_t enc_hex(struct str bytes, char *ret_text, size_t cap)
{
    static const char digits[] = "0123456789abcdef";
    ASSERT(bytes.len <= SIZE_MAX / 4 && cap > bytes.len * 2);
    for (size_t i = 0; i < bytes.len; i++) {
        uint8_t c = (uint8_t)bytes.ptr[i];
        ret_text[2 * i] = digits[c >> 4];
        ret_text[2 * i + 1] = digits[c & 15];
    }
    ret_text[2 * bytes.len] = '\0';
    return 2 * bytes.len;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

bool enc_hex_decode(struct str text, uint8_t *ret_bytes, size_t cap, size_t *ret_len)
{
    if (text.len % 2 || text.len / 2 > cap) {
        return false;
    }
    for (size_t i = 0; i < text.len; i += 2) {
        int hi = hex_digit(text.ptr[i]), lo = hex_digit(text.ptr[i + 1]);
        if (hi < 0 || lo < 0) {
            return false;
        }
        ret_bytes[i / 2] = (uint8_t)(hi << 4 | lo);
    }
    *ret_len = text.len / 2;
    return true;
}

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

void enc_percent(struct buf *b, struct str s)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = (uint8_t)s.ptr[i];
        if (is_unreserved(s.ptr[i])) {
            buf_addc(b, s.ptr[i]);
        } else {
            const char code[3] = {'%', digits[c >> 4], digits[c & 15]};
            buf_add(b, code, sizeof(code));
        }
    }
}

struct str enc_percent_decode(struct arena *a, struct str s, bool plus)
{
    char *to = arena_alloc(a, s.len);
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (c == '%' && s.len - i > 2) {
            int hi = hex_digit(s.ptr[i + 1]), lo = hex_digit(s.ptr[i + 2]);
            if (hi >= 0 && lo >= 0) {
                c = (char)(hi << 4 | lo);
                i += 2;
            }
        } else if (c == '+' && plus) {
            c = ' ';
        }
        to[n++] = c;
    }
    return str_n(to, n);
}

struct str enc_form_field(struct arena *a, struct str pairs, const char *name)
{
    struct str left = pairs, wanted = str_of(name);
    while (left.len > 0) {
        const char *end = memchr(left.ptr, '&', left.len);
        struct str pair = str_n(left.ptr, end ? (size_t)(end - left.ptr) : left.len);
        left = end ? str_n(end + 1, left.len - pair.len - 1) : str_n("", 0);
        if (pair.len > wanted.len && pair.ptr[wanted.len] == '=' &&
            str_eq(str_n(pair.ptr, wanted.len), wanted)) {
            return enc_percent_decode(
                a, str_n(pair.ptr + wanted.len + 1, pair.len - wanted.len - 1), true);
        }
    }
    return str_n("", 0);
}
