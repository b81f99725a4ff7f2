/* Replies of a Redis server (RESP2) as values, read in pieces as they come. */
#pragma once

#include "json.h"

struct redis_reply;
/* max_bytes: of a reply as it is sent. Values are made in the arena, within its room. */
struct redis_reply *redis_reply_new(struct arena *a, size_t max_bytes);
struct redis_reply *redis_reply_free(struct redis_reply *r);
DEFINE_CLEANUP(struct redis_reply *, redis_reply_free)

enum redis_take {
    REDIS_TAKE_MORE,      /* not whole yet */
    REDIS_TAKE_VALUE,     /* *ret is the value */
    REDIS_TAKE_ERROR,     /* the server says no: *ret is its line */
    REDIS_TAKE_TOO_LARGE, /* more than max_bytes or than the arena has room for */
    REDIS_TAKE_BROKEN,    /* not the protocol */
};
/* Adds what came (n may be 0) and takes the next reply, if it is whole. */
enum redis_take redis_reply_take(struct redis_reply *r, const char *bytes, size_t n,
                                 struct json *ret);
