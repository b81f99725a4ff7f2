/* Drives the transfers of many HTTP clients: connections, names and trust stores are shared by all
 * who use one loop, and a client that waits costs no file but its socket. Only for clients with the
 * same address policy, since a connection that one has opened is used by others. */
#pragma once

#include <curl/curl.h>
#include <semaphore.h>

#include "base.h"

struct http_loop;
struct http_ring;

/* One transfer; embed it where it lives until the perform has returned. */
struct http_transfer {
    struct http_transfer *next; /* the loop's */
    CURL *curl;
    CURLcode code;
    bool begun; /* what there was to do at once is done */
    /* Called by the loop around the waiting for others, while the caller sleeps; NULL = none. What
     * the loop has still to do for a transfer is not waiting. */
    void (*block_begin)(void *ctx);
    void (*block_end)(void *ctx);
    void *block_ctx;
    sem_t done;
};

/* Cheap: threads start at the first transfer. */
struct http_loop *http_loop_new(int direct); /* so many clients at a time do without it */
/* After the last transfer; accepts NULL; returns NULL. */
struct http_loop *http_loop_free(struct http_loop *l);
DEFINE_CLEANUP(struct http_loop *, http_loop_free)

/* True when this client is one of those that do without the loop. */
bool http_loop_spares(struct http_loop *l) must_check;
void http_loop_regains(struct http_loop *l); /* one of them is gone */

void http_transfer_init(struct http_transfer *t);
void http_transfer_done(struct http_transfer *t);
/* Performs t->curl, which has all its options, and waits. Callbacks come on the loop's thread while
 * the caller waits; those about the making of sockets are the loop's own, but for the opening.
 * Requests to the same host share a thread, and so connections. Any thread. */
CURLcode http_loop_perform(struct http_loop *l, struct http_transfer *t, const char *host);
