/* Takes lost runs over. An execution without a result that is neither on its way (replica's
 * oldest_waiting) nor held by a worker (execution_lease, renewed by presence) gets a lease with the
 * next attempt and is dispatched again. One replica sweeps at a time (advisory lock). It also
 * renews leases from workers' presence messages. */
#pragma once

#include "bus.h"
#include "dispatch/dispatcher.h"

struct sweeper;
struct sweeper_options {
    struct bus *bus;
    const char *conninfo;
    const char *pool;
    struct dispatcher *dispatcher;
    int retention_days; /* partitions older than this are dropped; 0 = kept for ever */
    int audit_days;     /* entries of the audit log older than this, likewise */
};
int sweeper_new(const struct sweeper_options *options, struct sweeper **ret,
                struct err *err) must_check;
int sweeper_start(struct sweeper *s) must_check; /* its own thread */
void sweeper_stop(struct sweeper *s);
struct sweeper *sweeper_free(struct sweeper *s);
DEFINE_CLEANUP(struct sweeper *, sweeper_free)
