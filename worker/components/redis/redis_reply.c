/* Owns what replies become: hiredis reads the protocol, and its objects are made here, as values in
 * the arena of the execution. Called on the slot's thread, with bytes of a server that nobody
 * vouches for. It refuses what is larger than its bounds before memory is taken for it. */
#include "components/redis/redis_reply.h"

#include <hiredis.h>

#define MAX_EXACT INT64_C(9007199254740992) /* integers that a double holds */

struct redis_reply {
    struct arena *arena;
    redisReader *reader;
    size_t taken, max_bytes;
    bool too_large;
    bool is_error; /* of the reply that is read: its outermost value */
};

static bool fits(struct redis_reply *r, size_t bytes)
{
    bool ok = !r->too_large && bytes <= arena_room(r->arena) && arena_fits(r->arena, bytes);
    r->too_large = !ok;
    return ok;
}

/* Where the value goes: into its array, or a place of its own. NULL = no room. */
static struct json *place(const redisReadTask *task)
{
    struct redis_reply *r = task->privdata;
    if (task->parent) {
        const struct json *array = task->parent->obj;
        struct json *items; /* made by on_array, so it may be written */
        memcpy(&items, &array->items, sizeof(items));
        return &items[task->idx];
    }
    return fits(r, sizeof(struct json)) ? arena_new_of(r->arena, struct json) : NULL;
}

static void *put(const redisReadTask *task, struct json v)
{
    struct json *into = place(task);
    if (into) {
        *into = v;
    }
    return into;
}

static void *on_string(const redisReadTask *task, char *text, size_t len)
{
    struct redis_reply *r = task->privdata;
    if (!fits(r, len + 1)) {
        return NULL;
    }
    struct str s = str_n(arena_strndup(r->arena, text, len), len);
    if (task->type == REDIS_REPLY_ERROR && !task->parent) {
        r->is_error = true;
    }
    return put(task, str_utf8_valid(s) ? json_str(s) : json_binary(s));
}

static void *on_array(const redisReadTask *task, int n)
{
    struct redis_reply *r = task->privdata;
    if (n < 0 || !fits(r, (size_t)n * sizeof(struct json) + 64)) {
        r->too_large = true;
        return NULL;
    }
    struct json *items = arena_array(r->arena, (size_t)n + 1, sizeof(*items));
    return put(task, json_array(items, (size_t)n));
}

static void *on_integer(const redisReadTask *task, long long n)
{
    struct redis_reply *r = task->privdata;
    if (n > -MAX_EXACT && n < MAX_EXACT) {
        return put(task, json_num((double)n));
    }
    return fits(r, 32) ? put(task, json_cstr(arena_printf(r->arena, "%lld", n))) : NULL;
}

static void *on_nil(const redisReadTask *task)
{
    return put(task, json_null());
}

static void on_free(void *object)
{
    (void)object; /* the arena's */
}

static redisReplyObjectFunctions functions = {
    .createString = on_string,
    .createArray = on_array,
    .createInteger = on_integer,
    .createNil = on_nil,
    .freeObject = on_free,
};

struct redis_reply *redis_reply_new(struct arena *a, size_t max_bytes)
{
    struct redis_reply *r = mem_new(struct redis_reply);
    r->arena = a;
    r->max_bytes = max_bytes;
    r->reader = redisReaderCreateWithFunctions(&functions);
    ASSERT(r->reader);
    r->reader->privdata = r;
    return r;
}

struct redis_reply *redis_reply_free(struct redis_reply *r)
{
    if (r) {
        redisReaderFree(r->reader);
        mem_free(r);
    }
    return NULL;
}

enum redis_take redis_reply_take(struct redis_reply *r, const char *bytes, size_t n,
                                 struct json *ret)
{
    void *value = NULL;
    r->taken += n;
    if (r->taken > r->max_bytes) {
        r->too_large = true;
    }
    if (r->too_large) {
        return REDIS_TAKE_TOO_LARGE;
    }
    if ((n && redisReaderFeed(r->reader, bytes, n) != REDIS_OK) ||
        redisReaderGetReply(r->reader, &value) != REDIS_OK) {
        return r->too_large ? REDIS_TAKE_TOO_LARGE : REDIS_TAKE_BROKEN;
    }
    if (!value) {
        return REDIS_TAKE_MORE;
    }
    *ret = *(struct json *)value;
    bool is_error = r->is_error;
    r->is_error = false;
    r->taken = 0;
    return is_error ? REDIS_TAKE_ERROR : REDIS_TAKE_VALUE;
}
