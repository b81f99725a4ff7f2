/* Foreign bytes as MessagePack: what is accepted must be written and read again without a change,
 * and must have a JSON text that our reader takes. */
#include "msgpack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct json rewrite(struct arena *a, struct json v, struct buf *to)
{
    struct json again;
    size_t used;
    msgpack_write(to, v);
    ASSERT(!to->full && msgpack_read(a, buf_str(to), &again, &used, NULL) == 0);
    ASSERT(used == to->len);
    return again;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena_free) struct arena *a = arena_new(0, MIB(256));
    struct json v;
    size_t used = 0;
    struct err err = {0};
    int rc = msgpack_read(a, str_n((const char *)data, size), &v, &used, &err);
    ASSERT(rc == 0 || (rc == -EINVAL && err.code[0]));
    if (rc) {
        return 0;
    }
    ASSERT(used > 0 && used <= size);
    /* Bytes, not values, are compared: NaN is never equal. */
    AUTO(buf_done) struct buf once, twice, text;
    buf_init(&once, 0);
    buf_init(&twice, 0);
    buf_init(&text, 0);
    (void)rewrite(a, rewrite(a, v, &once), &twice);
    ASSERT(str_eq(buf_str(&once), buf_str(&twice)));
    json_dump(&text, v);
    struct json parsed;
    ASSERT(!text.full);
    ASSERT(json_parse(a, buf_str(&text), &parsed, &err) == 0 ||
           strstr(err.message, "nested too deeply"));
    return 0;
}
