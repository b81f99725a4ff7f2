/* Rows for COPY ... FROM STDIN (FORMAT binary), built in a buffer and sent whole by db_copy_in. */
#pragma once

#include "str.h"
#include "uuid.h"

void copy_begin(struct buf *b); /* signature and header */
void copy_row(struct buf *b, int columns);
void copy_bytes(struct buf *b, struct str v); /* text, bytea */
/* The same, encoded in place: begin, append the bytes to the buffer, end with what begin returned.
 */
size_t copy_bytes_begin(struct buf *b);
void copy_bytes_end(struct buf *b, size_t begun);
void copy_uuid(struct buf *b, const struct uuid *v);
void copy_i64(struct buf *b, int64_t v);
void copy_i32(struct buf *b, int32_t v);
void copy_i16(struct buf *b, int16_t v);
void copy_time(struct buf *b, int64_t epoch_ns); /* timestamptz */
void copy_null(struct buf *b);
void copy_end(struct buf *b);
