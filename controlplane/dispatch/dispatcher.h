/* Publishes accepted events to the workers' queue, in order of acceptance for each customer, the
 * customers in turn, in batches. It holds what is not published yet: fresh events with their bytes
 * up to a budget, older ones by id only (read back from PostgreSQL when their turn comes), so that
 * memory is bounded however far accepting runs ahead. It stops publishing while the queue in NATS
 * is long enough to keep every worker busy. */
#pragma once

#include "bus.h"
#include "run_request.h"

struct dispatcher;
struct dispatcher_options {
    struct bus *bus;
    const char *conninfo; /* owner connection, for reading back and the replica's heartbeat */
    const char *pool;
    int replica_id;         /* execution.accepted_by of this process */
    int heartbeat_every_ms; /* of the replica's row; 0 = 1000 */
    int64_t bulk_rate;      /* as of share_new */
};
int dispatcher_new(const struct dispatcher_options *options, struct dispatcher **ret,
                   struct err *err) must_check;
int dispatcher_start(struct dispatcher *d) must_check; /* its own thread */
void dispatcher_stop(struct dispatcher *d);            /* what is left waits in PostgreSQL */
struct dispatcher *dispatcher_free(struct dispatcher *d);

/* Any thread; never blocks on I/O. The encoded run_request is copied. Call after the commit (or
 * before it for a synchronous request). Many at once: begin, add..., end take one lock and wake the
 * thread once. */
void dispatcher_begin(struct dispatcher *d);
void dispatcher_add(struct dispatcher *d, const struct uuid *customer_id,
                    const struct uuid *execution_id, struct str run_request);
void dispatcher_end(struct dispatcher *d);
/* Events inserted by other means (schedules, deploys): read back by id. */
void dispatcher_add_ids(struct dispatcher *d, const struct uuid *ids, size_t n);
/* Lost runs taken over with a new attempt, and what was released from queues: execution_lease
 * covers them meanwhile. */
void dispatcher_add_taken_over(struct dispatcher *d, const struct uuid *ids, size_t n);

/* Events not published yet; at DISPATCHER_MAX_WAITING the ingress answers 503. */
#define DISPATCHER_MAX_WAITING 4000000
size_t dispatcher_waiting(const struct dispatcher *d);
DEFINE_CLEANUP(struct dispatcher *, dispatcher_free)
