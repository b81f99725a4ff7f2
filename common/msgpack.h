/* MessagePack (msgpack.org spec, 2013 str/bin formats) of engine values: how step results are
 * stored. undefined is written as nil; binary as bin; whole numbers as the smallest int. */
#pragma once

#include "json.h"

void msgpack_write(struct buf *b, struct json v);
/* One value from the start of bytes; *ret_used = bytes read. Bounded by the input: depth
 * JSON_MAX_DEPTH, counts checked against what is left. Strings point into `bytes`. Map keys that
 * are not strings become their text; ext values become binary.
 * Returns 0 or -EINVAL ("msgpack.syntax"). */
int msgpack_read(struct arena *a, struct str bytes, struct json *ret_value, size_t *ret_used,
                 struct err *err) must_check;
