/* Counters and gauges of the process, as Prometheus text at /metrics. One table of counters. */
#pragma once

#include "str.h"

enum metric {
    METRIC_REQUESTS,
    METRIC_CONNECTIONS,
    METRIC_ACCEPTED,
    METRIC_ACCEPT_REPEATED,
    METRIC_ACCEPT_BATCHES,
    METRIC_ACCEPT_BATCH_EVENTS,
    METRIC_ACCEPT_BYTES,
    METRIC_ACCEPT_COMMIT_US,
    METRIC_REJECTED_UNKNOWN,
    METRIC_REJECTED_PAUSED,
    METRIC_REJECTED_KEY,
    METRIC_REJECTED_SIZE,
    METRIC_REJECTED_OVERLOAD,
    METRIC_REJECTED_UNAVAILABLE,
    METRIC_REJECTED_BAD,
    METRIC_SYNC_ANSWERED,
    METRIC_SYNC_TIMEOUT,
    METRIC_TRIGGER_ANSWERED,
    METRIC_TRIGGER_TIMEOUT,
    METRIC_INDEX_RELOADS,
    METRIC_INDEX_LOOKUPS,
    METRIC_LANE_FULL,
    METRIC_SCHEDULED,
    METRIC_RETRIED,
    METRIC_REMOVED,
    _METRIC_N
};

/* Any thread, lock-free. */
void metrics_add(enum metric m, uint64_t n);
uint64_t metrics_value(enum metric m);

/* A value read when somebody asks; set up before the server starts. At most METRICS_MAX_GAUGES. */
#define METRICS_MAX_GAUGES 32
typedef int64_t (*metrics_gauge_fn)(void *ctx);
void metrics_gauge(const char *name, const char *help, metrics_gauge_fn fn, void *ctx);
void metrics_clear_gauges(void); /* before what they read is freed */

void metrics_write(struct buf *to); /* Prometheus text format 0.0.4 */
