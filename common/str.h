/* Byte strings: a borrowed slice and a growable buffer with a bound. */
#pragma once

#include "mem.h"

/* A borrowed run of bytes; not NUL-terminated. */
struct str {
    const char *ptr;
    size_t len;
};
#define STR(lit) ((struct str){(lit), sizeof(lit) - 1})
static inline struct str str_of(const char *s)
{
    return (struct str){s ? s : "", s ? strlen(s) : 0};
}
static inline struct str str_n(const char *p, size_t len)
{
    return (struct str){p, len};
}
static inline bool str_eq(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}
bool str_eq_ci(struct str a, struct str b); /* ASCII case-insensitive */
bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
/* Offset of needle in s at or after from; -1 if absent. */
ptrdiff_t str_find(struct str s, struct str needle, size_t from);
struct str str_trim(struct str s); /* ASCII white space at both ends */
/* Decimal integer, whole string, no blanks; false when it is anything else or out of range. */
bool str_to_i64(struct str s, int64_t *ret_value);
bool str_utf8_valid(struct str s);

/* A growable buffer; data is always NUL-terminated once something was added. Going past max sets
 * `full` and drops what does not fit: the owner checks it once at the end. */
struct buf {
    char *data;
    size_t len, cap, max;
    bool full;
};
void buf_init(struct buf *b, size_t max); /* max 0 = 1 GiB */
void buf_done(struct buf *b);
void buf_clear(struct buf *b);
char *buf_reserve(struct buf *b, size_t n); /* room for n more bytes; NULL when full */
void buf_add(struct buf *b, const void *p, size_t n);
void buf_add_str(struct buf *b, struct str s);
void buf_adds(struct buf *b, const char *s);
void buf_addc(struct buf *b, char c);
void buf_addf(struct buf *b, const char *fmt, ...) printf_like(2, 3);
char *buf_take(struct buf *b); /* the owned, NUL-terminated text; the buffer is empty again */
static inline struct str buf_str(const struct buf *b)
{
    return (struct str){b->data ? b->data : "", b->len};
}
DEFINE_DONE(struct buf, buf_done)
