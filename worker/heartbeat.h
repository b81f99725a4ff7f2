/* Tells the control plane every PRESENCE_EVERY_MS that this worker lives and which runs it holds
 * longer than PRESENCE_HELD_MS, which renews their leases. */
#pragma once

#include "held.h"
#include "presence.h"

struct heartbeat;
struct heartbeat_options {
    void *ctx;
    /* Publishes an encoded presence message; <0 = not sent. */
    int (*publish)(void *ctx, struct str data);
    /* Fills slots_busy, slots, queued and draining. */
    void (*describe)(void *ctx, struct presence *p);
    struct held *held;
    struct uuid worker_id;
    const char *pool;
    int64_t every_ms; /* 0 = PRESENCE_EVERY_MS */
};
/* Starts the thread. */
struct heartbeat *heartbeat_new(const struct heartbeat_options *options);
struct heartbeat *heartbeat_free(struct heartbeat *hb); /* ends it; accepts NULL; returns NULL */
DEFINE_CLEANUP(struct heartbeat *, heartbeat_free)
