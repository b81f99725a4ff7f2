/* Owns the use of zlib. Slot threads, no state. What comes out is bounded as it comes, so that a
 * few bytes that stand for gigabytes cost no more than the bound. */
#include "components/compression/streams.h"

#include <zlib.h>

#define PART_BYTES KIB(32)
#define MEMORY_MAX MIB(64)

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

/* Without spills the bound is lower: the bytes are in memory. */
static size_t most_bytes(struct action_context *ctx)
{
    return spill_set_works(action_spills(ctx)) ? COMPRESS_MAX_BYTES : MEMORY_MAX;
}

static int check_size(struct action_context *ctx, const char *key, struct str bytes,
                      struct err *err)
{
    if (bytes.len > most_bytes(ctx)) {
        return action_input_error(ctx, key, err, "is larger than %zu MB.",
                                  most_bytes(ctx) / MIB(1));
    }
    return 0;
}

static int failed(struct err *err)
{
    return err_set(err, -EIO, "compression.failed", "The compression library did not start.");
}

static int too_much(struct action_context *ctx, const char *key, const struct spill *b,
                    const char *what, struct err *err)
{
    return action_input_error(ctx, key, err, "holds more than %zu MB when it is %s.",
                              b->max / MIB(1), what);
}

/* Deflates all into the spill. Returns zlib's word; Z_STREAM_END also when the spill takes no more.
 */
static int compress_all(z_stream *z, struct spill *b)
{
    int done = Z_OK;
    Bytef part[PART_BYTES];
    while (done == Z_OK) {
        z->next_out = part;
        z->avail_out = sizeof(part);
        done = deflate(z, Z_FINISH);
        if (!spill_add(b, part, sizeof(part) - z->avail_out)) {
            return Z_STREAM_END;
        }
    }
    return done;
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
    AUTO(spill_done) struct spill b = SPILL_NONE;
    spill_begin(&b, action_spills(ctx), most_bytes(ctx));
    give_input(&z, bytes);
    if (compress_all(&z, &b) != Z_STREAM_END) {
        return failed(err);
    }
    return b.full ? too_much(ctx, key, &b, "compressed", err)
                  : spill_end(&b, action_arena(ctx), ret, err);
}

/* Inflates into the spill until the end of one stream. Returns zlib's word. */
static int inflate_one(z_stream *z, struct spill *b)
{
    int done = Z_OK;
    Bytef part[PART_BYTES];
    bool more = true;
    while (done == Z_OK && more) {
        z->next_out = part;
        z->avail_out = sizeof(part);
        done = inflate(z, Z_NO_FLUSH);
        more = spill_add(b, part, sizeof(part) - z->avail_out);
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
    AUTO(spill_done) struct spill b = SPILL_NONE;
    spill_begin(&b, action_spills(ctx), most_bytes(ctx));
    give_input(&z, bytes);
    for (;;) {
        int done = inflate_one(&z, &b);
        if (b.full) {
            return too_much(ctx, key, &b, "decompressed", err);
        }
        if (b.failure != SPILL_OK) {
            return spill_error(&b, err);
        }
        if (done != Z_STREAM_END) {
            return explain(ctx, key, &z, done, err);
        }
        if (z.avail_in == 0) {
            return spill_end(&b, action_arena(ctx), ret, err);
        }
        if (format != STREAM_GZIP || z.next_in[0] != 0x1F || inflateReset(&z) != Z_OK) {
            return action_input_error(
                ctx, key, err, "has %u bytes after the end of the compressed data.", z.avail_in);
        }
    }
}
