/* One h2o event loop and its thread: share-nothing, nothing on it may block. Other threads reach it
 * by loop_post only, one message for as many things as they have. */
#pragma once

#include "base.h"

#include "http/h2o_fence.h"

enum deadline { /* h2o has no deadline of its own for a request that is pending */
                DEADLINE_ACCEPT,
                DEADLINE_SYNC,
                DEADLINE_TRIGGER, /* of an answer that a trigger gives */
                DEADLINE_TURN,    /* the same of a flow with a queue */
                DEADLINE_POOL,
                _DEADLINE_N
};

struct server;
struct loop {
    h2o_context_t ctx;
    struct server *server;
    unsigned index;
    h2o_timeout_t deadlines[_DEADLINE_N];
    size_t pending;     /* ops not answered yet */
    h2o_linklist_t ops; /* all of them */
    /* What follows belongs to server.c. */
    h2o_multithread_receiver_t receiver;
    h2o_accept_ctx_t accept_ctx;
    h2o_socket_t *listener;
    int listen_fd;
    h2o_linklist_t connections;
    size_t n_connections;
    pthread_t thread;
    bool started, draining, ending;
};

/* Embed it; run is called on the loop's thread and owns the message. */
struct loop_message {
    h2o_multithread_message_t super;
    void (*run)(struct loop_message *m, struct loop *loop);
};
void loop_post(struct loop *loop, struct loop_message *m); /* any thread */

static inline struct loop *loop_of(const h2o_req_t *req)
{
    return H2O_STRUCT_FROM_MEMBER(struct loop, ctx, req->conn->ctx);
}
