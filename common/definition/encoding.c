/* Owns turning a file's bytes into checked UTF-8. Pure functions, any thread. Refuses NUL and other
 * control characters, bad UTF-8, lone surrogates and files over the bound. */
#include "definition/encoding.h"

int32_t encoding_next(struct str s, size_t *at)
{
    const unsigned char *p = (const unsigned char *)s.ptr + *at;
    size_t left = s.len - *at;
    if (p[0] < 0x80) {
        *at += 1;
        return p[0];
    }
    size_t n = p[0] >= 0xF0 ? 4 : p[0] >= 0xE0 ? 3 : 2;
    if (p[0] < 0xC2 || p[0] > 0xF4 || left < n || !str_utf8_valid(str_n(s.ptr + *at, n))) {
        return -1;
    }
    int32_t c = n == 2 ? p[0] & 0x1F : n == 3 ? p[0] & 0x0F : p[0] & 0x07;
    for (size_t i = 1; i < n; i++) {
        c = c << 6 | (p[i] & 0x3F);
    }
    *at += n;
    return c;
}

bool encoding_printable(int32_t c)
{
    return c == '\t' || c == '\n' || c == '\r' || (c >= 0x20 && c <= 0x7E) || c == 0x85 ||
           (c >= 0xA0 && c <= 0xD7FF) || (c >= 0xE000 && c <= 0xFFFD && c != 0xFEFF) ||
           (c >= 0x10000 && c <= 0x10FFFF);
}

struct place {
    int line, column;
};

static void place_step(struct place *p, int32_t c, int32_t next)
{
    if (c == '\n' || (c == '\r' && next != '\n')) {
        p->line++;
        p->column = 1;
    } else if (c != '\r') {
        p->column++;
    }
}

static int refuse_at(struct err *err, struct place p, const char *code, const char *message)
{
    int rc = err_set(err, -EINVAL, code, "%s", message);
    if (err) {
        err->line = p.line;
        err->column = p.column;
    }
    return rc;
}

static int check_utf8(struct str s, struct err *err)
{
    struct place p = {1, 1};
    for (size_t at = 0; at < s.len;) {
        int32_t c = encoding_next(s, &at);
        if (c < 0) {
            return refuse_at(err, p, "definition.encoding",
                             "The file is not valid UTF-8 here; save it as UTF-8.");
        }
        if (c == 0) {
            return refuse_at(err, p, "definition.encoding", "The file holds a NUL byte here.");
        }
        if (!encoding_printable(c)) {
            int rc = err_set(err, -EINVAL, "definition.encoding",
                             "The file holds the character U+%04X here, which YAML does not allow.",
                             (unsigned)c);
            if (err) {
                err->line = p.line;
                err->column = p.column;
            }
            return rc;
        }
        place_step(&p, c, at < s.len ? s.ptr[at] : 0);
    }
    return 0;
}

static void add_utf8(char **to, int32_t c)
{
    unsigned char *p = (unsigned char *)*to;
    if (c < 0x80) {
        *p++ = (unsigned char)c;
    } else if (c < 0x800) {
        *p++ = (unsigned char)(0xC0 | c >> 6);
        *p++ = (unsigned char)(0x80 | (c & 0x3F));
    } else if (c < 0x10000) {
        *p++ = (unsigned char)(0xE0 | c >> 12);
        *p++ = (unsigned char)(0x80 | (c >> 6 & 0x3F));
        *p++ = (unsigned char)(0x80 | (c & 0x3F));
    } else {
        *p++ = (unsigned char)(0xF0 | c >> 18);
        *p++ = (unsigned char)(0x80 | (c >> 12 & 0x3F));
        *p++ = (unsigned char)(0x80 | (c >> 6 & 0x3F));
        *p++ = (unsigned char)(0x80 | (c & 0x3F));
    }
    *to = (char *)p;
}

static int32_t unit16(struct str s, size_t at, bool big)
{
    const unsigned char *p = (const unsigned char *)s.ptr + at;
    return big ? p[0] << 8 | p[1] : p[1] << 8 | p[0];
}

/* Each unit becomes at most three bytes. */
static int from_utf16(struct arena *a, struct str s, bool big, struct str *ret, struct err *err)
{
    struct place p = {1, 1};
    char *out = arena_alloc(a, s.len / 2 * 3 + 1), *to = out;
    size_t start = s.len >= 2 && unit16(s, 0, big) == 0xFEFF ? 2 : 0; /* the mark has no column */
    for (size_t at = start; at + 1 < s.len; at += 2) {
        int32_t c = unit16(s, at, big);
        if (c >= 0xD800 && c <= 0xDBFF && at + 3 < s.len) {
            int32_t low = unit16(s, at + 2, big);
            if (low >= 0xDC00 && low <= 0xDFFF) {
                c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
                at += 2;
            }
        }
        if (c >= 0xD800 && c <= 0xDFFF) {
            return refuse_at(err, p, "definition.encoding",
                             "The file is not valid UTF-16 here; save it as UTF-8.");
        }
        add_utf8(&to, c);
        place_step(&p, c, at + 3 < s.len ? unit16(s, at + 2, big) : 0);
    }
    if (s.len % 2) {
        return refuse_at(err, p, "definition.encoding",
                         "The file ends in the middle of a UTF-16 character.");
    }
    *ret = str_n(out, (size_t)(to - out));
    return 0;
}

/* 'L' and 'B' for UTF-16 by mark or by the pattern of NUL bytes in its first characters, else 0. */
static char utf16_order(struct str s)
{
    const unsigned char *p = (const unsigned char *)s.ptr;
    if (s.len < 2) {
        return 0;
    }
    if ((p[0] == 0xFF && p[1] == 0xFE) || (p[0] == 0xFE && p[1] == 0xFF)) {
        return p[0] == 0xFF ? 'L' : 'B';
    }
    if (s.len < 4) {
        return 0;
    }
    if (p[0] && !p[1] && p[2] && !p[3]) {
        return 'L';
    }
    return !p[0] && p[1] && !p[2] && p[3] ? 'B' : 0;
}

static int check_size(size_t len, size_t max_bytes, struct err *err)
{
    if (len <= max_bytes) {
        return 0;
    }
    int rc = err_set(err, -EINVAL, "definition.limit",
                     "The file is too large: %zu bytes, at most %zu are allowed.", len, max_bytes);
    if (err) {
        err->line = 1;
        err->column = 1;
    }
    return rc;
}

int encoding_to_utf8(struct arena *a, struct str text, size_t max_bytes, struct str *ret,
                     struct err *err)
{
    int rc = check_size(text.len, max_bytes, err);
    if (rc < 0) {
        return rc;
    }
    char order = utf16_order(text);
    if (order) {
        rc = from_utf16(a, text, order == 'B', &text, err);
        if (rc == 0) {
            rc = check_size(text.len, max_bytes, err);
        }
        if (rc < 0) {
            return rc;
        }
    }
    if (str_starts(text, STR("\xEF\xBB\xBF"))) {
        text = str_n(text.ptr + 3, text.len - 3);
    }
    rc = check_utf8(text, err);
    if (rc == 0) {
        *ret = text;
    }
    return rc;
}
