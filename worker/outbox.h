/* Results on their way to storage. Slots put encoded run results in; one thread publishes them in
 * batches and tries each until it is stored. A result is never dropped while the worker lives. */
#pragma once

#include "str.h"

struct outbox;
struct run_job;

struct outbox_options {
    void *ctx;
    /* Publishes a batch; `done` is called once, on any thread, with 0 when it is stored. Returns <0
     * when nothing was sent: no callback then. */
    int (*publish)(void *ctx, const char *msg_id, struct str data, void (*done)(void *, int),
                   void *done_ctx);
    /* The job's result is stored; on the publisher's thread. */
    void (*stored)(void *ctx, struct run_job *job);
    /* Whether more results come in a moment: then an open batch waits for them, hold_ns at most.
     * NULL = never. Called under the outbox' lock. */
    bool (*more_soon)(void *ctx);
    int64_t hold_ns;
    int64_t linger_ns;  /* an open batch waits so long in any case */
    size_t batch_bytes; /* a batch is closed when it is over this */
    size_t max_bytes;   /* slots wait while more is inside */
    int max_in_flight;
};
struct outbox *outbox_new(const struct outbox_options *options);
/* Waits for space while too much is inside. */
void outbox_add(struct outbox *o, struct str result, struct run_job *job);
/* Waits until all that was added is stored; false when wait_ns has passed before. */
bool outbox_drain(struct outbox *o, int64_t wait_ns);
/* Ends the thread; what is not stored is forgotten. Publishes under way must have been answered.
 * Accepts NULL; returns NULL. */
struct outbox *outbox_free(struct outbox *o);
size_t outbox_bytes(struct outbox *o);
DEFINE_CLEANUP(struct outbox *, outbox_free)
