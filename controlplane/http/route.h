/* Routes: one table; each says where its handler runs. */
#pragma once

#include "http/lane.h"
#include "http/op.h"

enum {
    METHOD_GET = 1,
    METHOD_POST = 2,
    METHOD_PUT = 4,
    METHOD_PATCH = 8,
    METHOD_DELETE = 16,
    METHOD_HEAD = 32,
    METHOD_OPTIONS = 64,
};

enum route_lane {
    LANE_LOOP, /* on the event loop: must not block */
    LANE_POOL, /* on a pool thread with a connection: straight-line code */
};
struct route {
    const char *path;
    bool prefix;      /* path is the start of it, "/" at its end included */
    unsigned methods; /* METHOD_ bits */
    enum route_lane lane;
    size_t max_body;
    void (*on_loop)(void *ctx, struct op *op); /* answers op, now or later */
    lane_fn on_pool;
};

/* The route of a path (without query); NULL = none. *ret_allowed: the methods that its path takes.
 */
const struct route *route_find(const struct route *routes, struct str method, struct str path,
                               unsigned *ret_allowed);
unsigned route_method(struct str method); /* its bit; 0 = unknown */
/* "GET, POST" */
void route_methods_write(unsigned methods, struct buf *to);
