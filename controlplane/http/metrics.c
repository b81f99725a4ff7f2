/* Owns the counters of the process, a global as the logger is. Counting is one relaxed atomic add
 * on any thread; gauges are read by the thread that writes the page. */
#include "http/metrics.h"

#include <pthread.h>
#include <stdatomic.h>

static const struct {
    const char *name, *labels, *help;
} counter_table[_METRIC_N] = {
    [METRIC_REQUESTS] = {"leat_http_requests_total", "", "HTTP requests"},
    [METRIC_CONNECTIONS] = {"leat_http_connections_total", "", "HTTP connections taken"},
    [METRIC_ACCEPTED] = {"leat_accepted_total", "", "webhook events committed"},
    [METRIC_ACCEPT_REPEATED] = {"leat_accept_repeated_total", "",
                                "events answered with the execution of an earlier one"},
    [METRIC_ACCEPT_BATCHES] = {"leat_accept_batches_total", "", "commits of accepted events"},
    [METRIC_ACCEPT_BATCH_EVENTS] = {"leat_accept_batch_events_total", "",
                                    "events in those commits"},
    [METRIC_ACCEPT_BYTES] = {"leat_accept_bytes_total", "", "bytes in those commits"},
    [METRIC_ACCEPT_COMMIT_US] = {"leat_accept_commit_microseconds_total", "",
                                 "time spent in those commits"},
    [METRIC_REJECTED_UNKNOWN] = {"leat_rejected_total", "{reason=\"unknown\"}",
                                 "webhook requests refused"},
    [METRIC_REJECTED_PAUSED] = {"leat_rejected_total", "{reason=\"paused\"}", NULL},
    [METRIC_REJECTED_KEY] = {"leat_rejected_total", "{reason=\"key\"}", NULL},
    [METRIC_REJECTED_SIZE] = {"leat_rejected_total", "{reason=\"size\"}", NULL},
    [METRIC_REJECTED_OVERLOAD] = {"leat_rejected_total", "{reason=\"overload\"}", NULL},
    [METRIC_REJECTED_UNAVAILABLE] = {"leat_rejected_total", "{reason=\"unavailable\"}", NULL},
    [METRIC_REJECTED_BAD] = {"leat_rejected_total", "{reason=\"bad_request\"}", NULL},
    [METRIC_SYNC_ANSWERED] = {"leat_sync_answered_total", "", "synchronous calls answered"},
    [METRIC_SYNC_TIMEOUT] = {"leat_sync_timeout_total", "", "synchronous calls over their limit"},
    [METRIC_TRIGGER_ANSWERED] = {"leat_trigger_answered_total", "",
                                 "calls answered by their flow's trigger"},
    [METRIC_TRIGGER_TIMEOUT] = {"leat_trigger_timeout_total", "",
                                "calls whose trigger did not answer in time; they got 200"},
    [METRIC_INDEX_RELOADS] = {"leat_hook_index_reloads_total", "", "instances read anew"},
    [METRIC_INDEX_LOOKUPS] = {"leat_hook_index_lookups_total", "",
                              "ids looked up in PostgreSQL before a refusal"},
    [METRIC_LANE_FULL] = {"leat_lane_full_total", "", "requests refused by a full lane"},
    [METRIC_SCHEDULED] = {"leat_scheduled_total", "", "schedule ticks fired"},
    [METRIC_RETRIED] = {"leat_retries_total", "", "retries of failed executions started"},
    [METRIC_REMOVED] = {"leat_remove_flows_total", "", "runs of flows that run on removal started"},
};

static _Atomic uint64_t counters[_METRIC_N];
static struct {
    const char *name, *help;
    metrics_gauge_fn fn;
    void *ctx;
} gauges[METRICS_MAX_GAUGES];
static int n_gauges;
static pthread_mutex_t gauges_lock = PTHREAD_MUTEX_INITIALIZER;

void metrics_add(enum metric m, uint64_t n)
{
    atomic_fetch_add_explicit(&counters[m], n, memory_order_relaxed);
}

uint64_t metrics_value(enum metric m)
{
    return atomic_load_explicit(&counters[m], memory_order_relaxed);
}

void metrics_gauge(const char *name, const char *help, metrics_gauge_fn fn, void *ctx)
{
    pthread_mutex_lock(&gauges_lock);
    ASSERT(n_gauges < METRICS_MAX_GAUGES);
    gauges[n_gauges].name = name;
    gauges[n_gauges].help = help;
    gauges[n_gauges].fn = fn;
    gauges[n_gauges].ctx = ctx;
    n_gauges++;
    pthread_mutex_unlock(&gauges_lock);
}

void metrics_clear_gauges(void)
{
    pthread_mutex_lock(&gauges_lock);
    n_gauges = 0;
    pthread_mutex_unlock(&gauges_lock);
}

static void write_head(struct buf *to, const char *name, const char *help, const char *type)
{
    buf_addf(to, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void metrics_write(struct buf *to)
{
    for (int m = 0; m < _METRIC_N; m++) {
        if (counter_table[m].help) {
            write_head(to, counter_table[m].name, counter_table[m].help, "counter");
        }
        buf_addf(to, "%s%s %llu\n", counter_table[m].name, counter_table[m].labels,
                 (unsigned long long)metrics_value((enum metric)m));
    }
    pthread_mutex_lock(&gauges_lock);
    for (int g = 0; g < n_gauges; g++) {
        write_head(to, gauges[g].name, gauges[g].help, "gauge");
        buf_addf(to, "%s %lld\n", gauges[g].name, (long long)gauges[g].fn(gauges[g].ctx));
    }
    pthread_mutex_unlock(&gauges_lock);
}
