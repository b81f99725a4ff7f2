/* Gives executions that wait in a queue their turn: of flows with a queue and of customers with a
 * limit. They wait in PostgreSQL (execution_queue); what is released goes to the dispatcher, which
 * reads it back. Any number of replicas release side by side. */
#pragma once

#include "dispatch/dispatcher.h"

struct db;
struct gate;
struct gate_options {
    const char *conninfo;          /* owner connection */
    struct dispatcher *dispatcher; /* NULL: released only (tests) */
    int every_ms;                  /* a look at all queues without being asked; 0 = 1000 */
};
int gate_new(const struct gate_options *options, struct gate **ret, struct err *err) must_check;
int gate_start(struct gate *g) must_check; /* its own thread */
void gate_stop(struct gate *g);
struct gate *gate_free(struct gate *g);

/* Something came or left in these queues and customers (execution_queue.queue_id, customer_id);
 * n = 0: anywhere. Call after the commit. Any thread; never blocks on I/O. */
void gate_wake(struct gate *g, const struct uuid *keys, size_t n);

/* What the thread does when it is woken: releases once, at most `most` executions, and hands them
 * to the dispatcher. keys NULL: all queues. */
#define GATE_MOST 1000
int gate_release(struct db *db, struct dispatcher *dispatcher, const struct uuid *keys, size_t n,
                 size_t *ret_released, struct err *err) must_check;
DEFINE_CLEANUP(struct gate *, gate_free)
