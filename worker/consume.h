/* A fetch thread: pulls run messages while there is room and hands their runs to the slots. A
 * worker has two, one of them for the runs of customers that are over their share, so that the
 * others' are fetched at once however many of those wait. */
#pragma once

#include "held.h"

#define QUEUED_RUNS_MAX 4096
#define QUEUED_BULK_MAX 256      /* of customers over their share: the others wait in NATS */
#define HELD_BYTES_MAX  MIB(256) /* of all messages held */

struct consume;
struct consume_options {
    struct bus *bus;
    const char *pool;
    struct held *held;
    struct slot_pool *slots;
    bool bulk; /* the runs of customers over their share */
};
/* Starts the thread. */
struct consume *consume_new(const struct consume_options *options);
/* Stops pulling and ends the thread. Accepts NULL; returns NULL. */
struct consume *consume_free(struct consume *c);
DEFINE_CLEANUP(struct consume *, consume_free)
