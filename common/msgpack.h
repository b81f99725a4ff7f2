/* MessagePack (msgpack.org spec, 2013 str/bin formats) of engine values: how step results are
 * stored. undefined is written as nil; binary as bin; whole numbers as the smallest int. */
#pragma once

#include "json.h"

void msgpack_write(struct buf *b, struct json v);

/* The same without a copy of what is large: the bytes of texts and binaries of `min` bytes and more
 * are left out of the buffer and named instead. They are borrowed from the value. */
struct msgpack_gap {
    size_t at; /* in the buffer: before this byte */
    struct str bytes;
};
struct msgpack_apart {
    size_t min;
    struct msgpack_gap *gaps; /* in order */
    size_t n, cap;
};
void msgpack_write_apart(struct buf *b, struct json v, struct msgpack_apart *apart);
void msgpack_apart_done(struct msgpack_apart *apart);
DEFINE_DONE(struct msgpack_apart, msgpack_apart_done)

/* One value from the start of bytes; *ret_used = bytes read. Bounded by the input: depth
 * JSON_MAX_NEST, counts checked against what is left. Strings point into `bytes`. Scalar map keys
 * that are not strings become their text (arrays and maps as keys are refused); of equal keys the
 * last wins, in the place of the first. ext values, and str values that are not UTF-8, become
 * binary. Returns 0 or -EINVAL ("msgpack.syntax"; "msgpack.too_large" when the arena has no room,
 * a value may take up to 16 times its bytes). */
int msgpack_read(struct arena *a, struct str bytes, struct json *ret_value, size_t *ret_used,
                 struct err *err) must_check;
