/* Replies of a Redis server, whole and in two pieces: both read the same, within the bounds. */
#include "components/redis/redis_reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum redis_take take(struct arena *a, const char *bytes, size_t n, size_t cut,
                            struct json *ret)
{
    AUTO(redis_reply_free) struct redis_reply *r = redis_reply_new(a, KIB(64));
    enum redis_take t = redis_reply_take(r, bytes, cut, ret);
    return t == REDIS_TAKE_MORE && n > cut ? redis_reply_take(r, bytes + cut, n - cut, ret) : t;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena_free) struct arena *a = arena_new(0, MIB(4));
    AUTO(arena_free) struct arena *b = arena_new(0, MIB(4));
    struct json whole = json_undefined(), halves = json_undefined();
    const char *bytes = (const char *)data;
    if (size > KIB(32)) {
        return 0;
    }
    enum redis_take one = take(a, bytes, size, size, &whole);
    enum redis_take two = take(b, bytes, size, size / 2, &halves);
    if (one == REDIS_TAKE_VALUE && two == REDIS_TAKE_VALUE) {
        ASSERT(json_equal(whole, halves));
        AUTO(buf_done) struct buf text = {0};
        buf_init(&text, 0);
        json_dump(&text, whole);
    }
    return 0;
}
