/* A batch of results on its way into PostgreSQL. */
#pragma once

#include "db.h"
#include "run_result.h"

struct feed;
struct route;
/* What the results of preprocess flows led to, once it is committed. */
struct routed_reply {
    struct routed_reply *next;
    const char *subject;
    struct sync_reply message;
};
struct routed {
    struct uuid *ids; /* new executions */
    size_t n;
    struct routed_reply *replies; /* to senders whose event went nowhere */
};

struct batch {
    struct arena *arena; /* borrowed */
    struct run_result *results;
    size_t n, cap;
    struct feed *feed; /* is told of what was recorded; may be NULL */
    bool log_streams;  /* there are some: lines are left to them */
    /* Queues and customers in which places were freed, in the arena; batch_record fills it. */
    struct uuid *freed;
    size_t n_freed;
    struct routed *routed; /* batch_record makes and fills it */
    /* routes.c, within one transaction */
    struct route *routes;
    size_t n_routes;
    struct routed_reply *pending_replies;
};
/* Adds every result of a message (a wire batch). Malformed ones are counted and left out. The
 * message's bytes must outlive the batch. */
void batch_add(struct batch *b, struct str message, uint64_t *ret_malformed);
/* Writes the batch in one transaction; *ret_recorded = rows that were new. <0 when PostgreSQL is
 * away: nothing was kept, try the same batch again. */
int batch_record(struct batch *b, struct db *db, uint64_t *ret_recorded,
                 struct err *err) must_check;
