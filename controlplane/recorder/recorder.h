/* Commits results. Pulls batches of run results from NATS, writes each batch in one transaction,
 * idempotently, and acks after the commit. Several replicas may record side by side. */
#pragma once

#include "bus.h"
#include "uuid.h"

struct feed;
struct recorder;
struct recorder_options {
    struct bus *bus;
    const char *conninfo;
    const char *pool; /* for making streams again when NATS lost them */
    /* After a commit that freed places in these queues and of these customers; on the recorder's
     * thread. May be NULL. */
    void (*on_freed)(void *arg, const struct uuid *keys, size_t n);
    void *on_freed_arg;
    /* After a commit that made these executions; on the recorder's thread. May be NULL. */
    void (*on_executions)(void *arg, const struct uuid *ids, size_t n);
    void *on_executions_arg;
    struct feed *feed; /* is told of what was recorded; borrowed; may be NULL */
};
int recorder_new(const struct recorder_options *options, struct recorder **ret,
                 struct err *err) must_check;
int recorder_start(struct recorder *r) must_check; /* its own thread */
void recorder_stop(struct recorder *r);
struct recorder *recorder_free(struct recorder *r);
uint64_t recorder_recorded(const struct recorder *r); /* results committed by this process */
uint64_t recorder_refused(const struct recorder *r);  /* doubled, late or fenced */
DEFINE_CLEANUP(struct recorder *, recorder_free)
