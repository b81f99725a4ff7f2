/* Owns the binary COPY format (PostgreSQL manual, "COPY", Binary Format). */
#include "copy.h"

#include "clock.h"

#define PG_EPOCH_SEC INT64_C(946684800) /* 2000-01-01 */

static void put_be(struct buf *b, uint64_t v, size_t n)
{
    char *p = buf_reserve(b, n);
    if (p) {
        for (size_t i = 0; i < n; i++) {
            p[i] = (char)(v >> (8 * (n - 1 - i)));
        }
        b->len += n;
    }
}

void copy_begin(struct buf *b)
{
    buf_add(b, "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19);
}

void copy_row(struct buf *b, int columns)
{
    put_be(b, (uint64_t)columns, 2);
}

void copy_bytes(struct buf *b, struct str v)
{
    put_be(b, v.len, 4);
    buf_add_str(b, v);
}

size_t copy_bytes_begin(struct buf *b)
{
    buf_add(b, "\0\0\0\0", 4);
    return b->len;
}

void copy_bytes_end(struct buf *b, size_t begun)
{
    if (b->full) {
        return;
    }
    uint32_t n = (uint32_t)(b->len - begun);
    uint8_t be[4] = {(uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n};
    memcpy(b->data + begun - sizeof(be), be, sizeof(be));
}

void copy_uuid(struct buf *b, const struct uuid *v)
{
    put_be(b, sizeof(v->b), 4);
    buf_add(b, v->b, sizeof(v->b));
}

void copy_i64(struct buf *b, int64_t v)
{
    put_be(b, 8, 4);
    put_be(b, (uint64_t)v, 8);
}

void copy_i32(struct buf *b, int32_t v)
{
    put_be(b, 4, 4);
    put_be(b, (uint32_t)v, 4);
}

void copy_i16(struct buf *b, int16_t v)
{
    put_be(b, 2, 4);
    put_be(b, (uint16_t)v, 2);
}

void copy_time(struct buf *b, int64_t epoch_ns)
{
    copy_i64(b, epoch_ns / 1000 - PG_EPOCH_SEC * 1000000);
}

void copy_null(struct buf *b)
{
    put_be(b, UINT32_MAX, 4);
}

void copy_end(struct buf *b)
{
    put_be(b, UINT16_MAX, 2);
}
