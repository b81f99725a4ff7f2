/* Fires schedules. Due rows are claimed with FOR UPDATE SKIP LOCKED, advanced and turned into
 * executions in one transaction: each tick fires once, whichever replica claims it. Ticks missed
 * while nothing ran fire once, then the next future time counts. Schedules of paused instances go
 * on without firing; so do those of singletons whose execution before waits or runs. The same
 * thread starts retries that are due (schedule/retry.h), and removes instances and
 * takes deploys back (schedule/lifecycle.h). */
#pragma once

#include "db.h"
#include "dispatch/gate.h"

struct scheduler;
struct scheduler_options {
    const char *conninfo;          /* owner connection */
    struct dispatcher *dispatcher; /* NULL: fired events wait for the sweeper */
    struct gate *gate;             /* woken for those that enter a queue; may be NULL */
    int replica_id;
};
int scheduler_new(const struct scheduler_options *options, struct scheduler **ret,
                  struct err *err) must_check;
int scheduler_start(struct scheduler *s) must_check; /* its own thread */
void scheduler_stop(struct scheduler *s);
struct scheduler *scheduler_free(struct scheduler *s);

/* One transaction on db: claims up to `max` due schedules; *ret_claimed = how many there were and
 * *ret_fired = how many executions (their ids in ret_ids, room for max) were committed. */
#define SCHEDULER_BATCH 100
int scheduler_claim(struct db *db, int replica_id, size_t max, size_t *ret_claimed,
                    struct uuid *ret_ids, size_t *ret_fired, struct err *err) must_check;
DEFINE_CLEANUP(struct scheduler *, scheduler_free)
