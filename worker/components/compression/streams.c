/* Owns the use of zlib. Slot threads, no state. What comes out is bounded as it comes, so that a
 * few bytes that stand for gigabytes cost no more than the bound. */
#include "components/compression/streams.h"

#include <zlib.h>

#define PART_BYTES KIB(64)

static const int window_bits[_STREAM_FORMAT_N] = {
    [STREAM_GZIP] = MAX_WBITS + 16,
    [STREAM_ZLIB] = MAX_WBITS,
    [STREAM_RAW] = -MAX_WBITS,
};

static void inflate_done(z_stream *z)
{
    (void)inflateEnd(z);
}
static void deflate_done(z_stream *z)
{
    (void)deflateEnd(z);
}
DEFINE_DONE(z_stream, inflate_done)
DEFINE_DONE(z_stream, deflate_done)

static void give_input(z_stream *z, struct str bytes)
{
    /* The library reads only; its type is older than const. */
    union {
        const char *from;
        Bytef *to;
    } in = {.from = bytes.ptr};
    z->next_in = in.to;
    z->avail_in = (uInt)bytes.len;
}

static int check_size(struct action_context *ctx, const char *key, struct str bytes,
                      struct err *err)
{
    if (bytes.len > COMPRESS_MAX_BYTES) {
        return action_input_error(ctx, key, err, "is larger than 64 MB.");
    }
    return 0;
}

static int move(struct action_context *ctx, const struct buf *b, struct str *ret, struct err *err)
{
    int rc = action_room(ctx, b->len + 16, err);
    if (rc == 0) {
        *ret = str_n(arena_dup(action_arena(ctx), b->data, b->len), b->len);
    }
    return rc;
}

static int failed(struct err *err)
{
    return err_set(err, -EIO, "compression.failed", "The compression library did not start.");
}

int stream_compress(struct action_context *ctx, const char *key, enum stream_format format,
                    int level, struct str bytes, struct str *ret, struct err *err)
{
    int rc = check_size(ctx, key, bytes, err);
    if (rc < 0) {
        return rc;
    }
    AUTO(deflate_done) z_stream z = {0};
    if (deflateInit2(&z, level, Z_DEFLATED, window_bits[format], 8, Z_DEFAULT_STRATEGY) != Z_OK) {
        return failed(err);
    }
    AUTO(buf_done) struct buf b = {0};
    buf_init(&b, 0);
    size_t room = deflateBound(&z, bytes.len);
    give_input(&z, bytes);
    z.next_out = (Bytef *)buf_reserve(&b, room);
    z.avail_out = (uInt)room;
    int done = z.next_out ? deflate(&z, Z_FINISH) : Z_BUF_ERROR;
    if (done != Z_STREAM_END) {
        return failed(err);
    }
    b.len = z.total_out;
    return move(ctx, &b, ret, err);
}

/* Inflates into the buffer until the end of one stream. Returns zlib's word. */
static int inflate_one(z_stream *z, struct buf *b)
{
    int done = Z_OK;
    while (done == Z_OK) {
        size_t room = MIN(b->max - b->len, (size_t)PART_BYTES);
        Bytef last;
        char *to = room ? buf_reserve(b, room) : NULL;
        z->next_out = to ? (Bytef *)to : &last;
        z->avail_out = to ? (uInt)room : 1;
        done = inflate(z, Z_NO_FLUSH);
        if (to) {
            b->len += room - z->avail_out;
        } else if (z->avail_out == 0) {
            b->full = true;
            return done;
        }
    }
    return done;
}

static int explain(struct action_context *ctx, const char *key, const z_stream *z, int done,
                   struct err *err)
{
    if (done == Z_NEED_DICT) {
        return action_input_error(ctx, key, err, "needs a dictionary that is not known here.");
    }
    if (done == Z_BUF_ERROR) {
        return action_input_error(ctx, key, err,
                                  "ends too early: the data was cut off. Get the whole file.");
    }
    return action_input_error(ctx, key, err,
                              "is not compressed data of this format, or is damaged: %s.",
                              z->msg ? z->msg : "unknown error");
}

int stream_decompress(struct action_context *ctx, const char *key, enum stream_format format,
                      struct str bytes, struct str *ret, struct err *err)
{
    int rc = check_size(ctx, key, bytes, err);
    if (rc < 0) {
        return rc;
    }
    AUTO(inflate_done) z_stream z = {0};
    if (inflateInit2(&z, window_bits[format]) != Z_OK) {
        return failed(err);
    }
    AUTO(buf_done) struct buf b = {0};
    buf_init(&b, COMPRESS_MAX_BYTES);
    give_input(&z, bytes);
    for (;;) {
        int done = inflate_one(&z, &b);
        if (b.full) {
            return action_input_error(ctx, key, err,
                                      "holds more than 64 MB when it is decompressed.");
        }
        if (done != Z_STREAM_END) {
            return explain(ctx, key, &z, done, err);
        }
        if (z.avail_in == 0) {
            return move(ctx, &b, ret, err);
        }
        if (format != STREAM_GZIP || z.next_in[0] != 0x1F || inflateReset(&z) != Z_OK) {
            return action_input_error(
                ctx, key, err, "has %u bytes after the end of the compressed data.", z.avail_in);
        }
    }
}
