/* The blocking lane: K threads, each taking a connection for a request, with a bounded queue. */
#pragma once

#include "http/op.h"
#include "pool.h"

/* What a handler on the lane gets; copies, valid for the call. */
struct lane_request {
    struct str method, path, query; /* query without '?' */
    struct str authorization, content_type;
    struct str address; /* of the sender, as text; of an IPv6 address its network of 64 bits */
    struct str body;
};
typedef void (*lane_fn)(void *ctx, struct db *db, const struct lane_request *request,
                        struct reply *reply);

struct lane;
struct lane_options {
    const char *conninfo;
    int threads;
    size_t queue; /* requests that wait */
    /* The sender's address is the last one of X-Forwarded-For: a load balancer puts it there. */
    bool forwarded;
};
int lane_new(const struct lane_options *options, struct lane **ret, struct err *err) must_check;
int lane_start(struct lane *l) must_check;
void lane_stop(struct lane *l); /* what is queued is answered with 503 */
struct lane *lane_free(struct lane *l);
/* On the op's loop: answers op there, later; 503 with Retry-After when the queue is full. */
void lane_run(struct lane *l, lane_fn fn, void *ctx, struct op *op);
DEFINE_CLEANUP(struct lane *, lane_free)
