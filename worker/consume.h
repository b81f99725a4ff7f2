/* The fetch thread: pulls run messages while there is room and hands their runs to the slots. */
#pragma once

#include "held.h"

#define QUEUED_RUNS_MAX 4096
#define HELD_BYTES_MAX  MIB(256) /* of all messages held */

struct consume;
struct consume_options {
    struct bus *bus;
    const char *pool;
    struct held *held;
    struct slot_pool *slots;
};
/* Starts the thread. */
struct consume *consume_new(const struct consume_options *options);
/* Stops pulling and ends the thread. Accepts NULL; returns NULL. */
struct consume *consume_free(struct consume *c);
DEFINE_CLEANUP(struct consume *, consume_free)
