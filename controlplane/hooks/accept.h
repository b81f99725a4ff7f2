/* Adaptive group commit: what arrives while one commit is under way goes into the next. One thread
 * with its own connection takes a chunk of accepted events, stores it with one COPY (one statement,
 * one commit) and then hands the events to the dispatcher. Nobody is told "accepted" before. */
#pragma once

#include "dispatch/dispatcher.h"
#include "dispatch/gate.h"
#include "run_request.h"

enum accept_result {
    ACCEPT_STORED,      /* committed */
    ACCEPT_REPEATED,    /* its Idempotency-Key was used before, or an event with its dedupe id waits
                           or runs: execution_id is that of the first */
    ACCEPT_UNAVAILABLE, /* PostgreSQL is away or the outcome of the commit is unknown: 503 */
    ACCEPT_REFUSED,     /* PostgreSQL would not take this very row: 500 */
};
struct accept_outcome {
    void *ticket;
    struct uuid execution_id;
    enum accept_result result;
};
/* Who waits for outcomes, usually a loop. done() is called on the committer's thread, once a chunk
 * with all outcomes of that sink, after its commit; it must not block. */
struct accept_sink {
    void (*done)(struct accept_sink *sink, const struct accept_outcome *outcomes, size_t n);
};

/* The place in a queue that an event takes with its commit; the gate gives it its turn. */
struct accept_place {
    bool queued;           /* in its flow's queue; else in its customer's */
    bool limited;          /* the customer has a limit */
    const uint8_t *dedupe; /* SHA-256 of its dedupe id, 32 bytes; NULL = none */
};

struct accept_event {
    struct accept_sink *sink; /* must outlive the outcome */
    void *ticket;             /* handed back with the outcome */
    /* All but execution_id, request and dispatched_ns; reply_to must outlive the outcome, the other
     * strings are copied. A synchronous event without idempotency key is dispatched before its
     * commit. */
    const struct run_request *run;
    const struct hook_request *request; /* encoded by accept_submit */
    const uint8_t *idempotency;         /* SHA-256 of the key, 32 bytes; NULL = none */
    const struct accept_place *place;   /* NULL = it runs at once */
};

struct accept;
struct accept_options {
    const char *conninfo;          /* owner connection */
    struct dispatcher *dispatcher; /* NULL: events are stored only (tests) */
    struct gate *gate;             /* woken for events with a place; NULL: nobody (tests) */
    int replica_id;                /* execution.accepted_by */
    size_t max_waiting;            /* events not committed yet; 0 = 20,000 */
    size_t max_waiting_bytes;      /* their bytes; 0 = 256 MiB */
    size_t chunk_rows;             /* 0 = 2,000 */
    size_t chunk_bytes;            /* a chunk over it is closed; 0 = 8 MiB */
};
int accept_new(const struct accept_options *options, struct accept **ret,
               struct err *err) must_check;
int accept_start(struct accept *a) must_check; /* its thread; connects on it */
void accept_drain(struct accept *a);           /* refuses more; waits for what is queued */
void accept_stop(struct accept *a);
struct accept *accept_free(struct accept *a);

/* Any thread; never blocks on I/O. 0: queued, the outcome will come, *ret_id is its execution id.
 * -EAGAIN: the bound is reached; -ENOTCONN: PostgreSQL is away; -E2BIG: the request is over a bound
 * of the message; -EPIPE: stopping. */
int accept_submit(struct accept *a, const struct accept_event *event,
                  struct uuid *ret_id) must_check;

bool accept_available(const struct accept *a); /* PostgreSQL was there at the last try */
size_t accept_waiting(const struct accept *a); /* events without outcome */
DEFINE_CLEANUP(struct accept *, accept_free)
