/* Compressed streams: gzip, zlib and raw deflate. */
#pragma once

#include "components/component.h"

#define COMPRESS_MAX_BYTES SPILL_VALUE_MAX /* of what goes in and of what comes out */

enum stream_format { STREAM_GZIP, STREAM_ZLIB, STREAM_RAW, _STREAM_FORMAT_N };

/* Both give bytes in the arena, or large ones in the run's spills. Level 1 (fast) to 9 (small). */
int stream_compress(struct action_context *ctx, const char *key, enum stream_format format,
                    int level, struct str bytes, struct str *ret, struct err *err) must_check;
/* Several gzip members one after the other are one text. Fails when the stream is damaged, is cut
 * off, is followed by other bytes, or holds more than COMPRESS_MAX_BYTES. */
int stream_decompress(struct action_context *ctx, const char *key, enum stream_format format,
                      struct str bytes, struct str *ret, struct err *err) must_check;
