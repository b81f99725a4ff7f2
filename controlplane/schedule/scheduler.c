/* Owns the scheduler's thread and connection, for schedules, retries, and the life of
 * instances. It asks
 * PostgreSQL twice a second; a claim locks its rows, so replicas side by side share the work. A
 * schedule whose expression cannot be read any more is put off for ever, with a warning: its next
 * deploy sets it anew. */
#include "schedule/scheduler.h"

#include <pthread.h>

#include "clock.h"
#include "cron.h"
#include "http/metrics.h"
#include "log.h"
#include "schedule/lifecycle.h"
#include "schedule/retry.h"

#define EVERY_MS 500
#define AWAY_MS  1000

enum { /* columns of schedule_claim */
       COL_FLOW_CONFIG,
       COL_ORGANIZATION,
       COL_INSTANCE,
       COL_CRON,
       COL_ZONE,
       COL_REVISION,
       COL_FIRES,
       COL_SYSTEM,
       COL_DEBUG,
};

struct scheduler {
    struct scheduler_options options;
    char *conninfo;
    struct db *db;
    pthread_t thread;
    bool started;
    pthread_mutex_t lock; /* guards stopping */
    pthread_cond_t stop;
    bool stopping;
};

/* "infinity" when there is none. */
static struct str next_time(struct arena *a, const struct db_rows *rows, size_t row, int64_t now)
{
    struct str text = db_str(rows, row, COL_CRON), zone = db_str(rows, row, COL_ZONE);
    struct cron cron;
    struct err err = {0};
    int64_t next_ns = 0;
    int r = cron_parse(text, &cron, &err);
    if (r == 0) {
        r = cron_next(&cron, arena_strndup(a, zone.ptr, zone.len), now, &next_ns, &err);
    }
    if (r != 0) {
        log_warn("a schedule cannot go on", LOG_TEXT("cron", text), LOG_STR("error", err.message));
        return STR("infinity");
    }
    char *iso = arena_alloc(a, CLOCK_ISO_LEN + 1);
    clock_iso(next_ns, iso);
    return str_of(iso);
}

static int advance(struct db *db, struct arena *a, const struct db_rows *rows, struct err *err)
{
    size_t n = db_rows_n(rows);
    struct uuid *ids = arena_array(a, n, sizeof(*ids));
    struct str *times = arena_array(a, n, sizeof(*times));
    int64_t now = clock_now_ns();
    for (size_t row = 0; row < n; row++) {
        ids[row] = db_uuid(rows, row, COL_FLOW_CONFIG);
        times[row] = next_time(a, rows, row, now);
    }
    return db_run(db, QUERY_SCHEDULE_ADVANCE, NULL, err, DB_UUIDS(ids, n), DB_TEXTS(times, n));
}

static int fire(struct db *db, struct arena *a, const struct db_rows *rows, int replica_id,
                struct uuid *ret_ids, size_t *ret_fired, struct err *err)
{
    size_t rows_n = db_rows_n(rows), n = 0;
    struct uuid *organizations = arena_array(a, rows_n, sizeof(struct uuid));
    struct uuid *instances = arena_array(a, rows_n, sizeof(struct uuid));
    struct uuid *flow_configs = arena_array(a, rows_n, sizeof(struct uuid));
    struct str *revisions = arena_array(a, rows_n, sizeof(struct str));
    struct str *flags = arena_array(a, rows_n, sizeof(struct str));
    for (size_t row = 0; row < rows_n; row++) {
        if (!db_bool(rows, row, COL_FIRES)) {
            continue;
        }
        ret_ids[n] = uuid_v7();
        organizations[n] = db_uuid(rows, row, COL_ORGANIZATION);
        instances[n] = db_uuid(rows, row, COL_INSTANCE);
        flow_configs[n] = db_uuid(rows, row, COL_FLOW_CONFIG);
        revisions[n] = str_of(arena_printf(a, "%lld", (long long)db_int(rows, row, COL_REVISION)));
        int test = db_bool(rows, row, COL_SYSTEM) ? EXECUTION_TEST : 0;
        int debug = db_bool(rows, row, COL_DEBUG) ? EXECUTION_DEBUG : 0;
        flags[n] = str_of(arena_printf(a, "%d", test | debug));
        n++;
    }
    *ret_fired = n;
    if (n == 0) {
        return 0;
    }
    AUTO(buf_done) struct buf request = {0};
    buf_init(&request, KIB(1));
    hook_request_encode(&(struct hook_request){0}, &request);
    int r = db_run(db, QUERY_SCHEDULE_FIRE, NULL, err, DB_UUIDS(ret_ids, n),
                   DB_UUIDS(organizations, n), DB_UUIDS(instances, n), DB_UUIDS(flow_configs, n),
                   DB_TEXTS(revisions, n), DB_I64(replica_id), DB_I64(INVOKE_SCHEDULED),
                   DB_BYTES(buf_str(&request)), DB_TEXTS(flags, n));
    return r == 0 ? db_run(db, QUERY_QUEUE_ENTER, NULL, err, DB_UUIDS(ret_ids, n)) : r;
}

int scheduler_claim(struct db *db, int replica_id, size_t max, size_t *ret_claimed,
                    struct uuid *ret_ids, size_t *ret_fired, struct err *err)
{
    AUTO(arena_free) struct arena *a = arena_new(KIB(16), 0);
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    *ret_claimed = *ret_fired = 0;
    size_t fired = 0;
    int r = db_begin(db, err);
    if (r == 0) {
        r = db_run(db, QUERY_SCHEDULE_CLAIM, &rows, err, DB_I64(max));
    }
    if (r == 0 && db_rows_n(rows) > 0) {
        r = advance(db, a, rows, err);
        if (r == 0) {
            r = fire(db, a, rows, replica_id, ret_ids, &fired, err);
        }
    }
    if (r == 0) {
        r = db_commit(db, err);
    }
    if (r != 0) {
        db_rollback(db);
        return r;
    }
    *ret_claimed = db_rows_n(rows);
    *ret_fired = fired;
    return 0;
}

/* False when stopping. */
static bool wait_ms(struct scheduler *s, int64_t ms)
{
    struct timespec until = clock_timespec(clock_mono_ns() + ms * NS_PER_MS);
    pthread_mutex_lock(&s->lock);
    int r = 0;
    while (!s->stopping && ms > 0 && r == 0) {
        r = pthread_cond_timedwait(&s->stop, &s->lock, &until);
    }
    bool go_on = !s->stopping;
    pthread_mutex_unlock(&s->lock);
    return go_on;
}

static int ensure_db(struct scheduler *s, struct err *err)
{
    return db_ensure(&s->db, s->conninfo, "leat scheduler", err);
}

typedef int (*claim_fn)(struct db *db, int replica_id, size_t max, size_t *ret_claimed,
                        struct uuid *ret_ids, size_t *ret_fired, struct err *err);
static const struct kind { /* of due work */
    claim_fn claim;
    size_t batch;
    enum metric metric;
    const char *trouble;
} kinds[] = {
    {scheduler_claim, SCHEDULER_BATCH, METRIC_SCHEDULED, "schedules cannot be fired"},
    {retry_claim, RETRY_BATCH, METRIC_RETRIED, "retries cannot be started"},
    {lifecycle_claim, LIFECYCLE_BATCH, METRIC_REMOVED, "instances cannot be removed"},
};

/* *ret_more: there may be more that is due. */
static int claim_once(struct scheduler *s, const struct kind *kind, bool *ret_more, struct err *err)
{
    struct uuid ids[MAX(MAX(SCHEDULER_BATCH, RETRY_BATCH), LIFECYCLE_BATCH)];
    size_t claimed = 0, fired = 0;
    int r = ensure_db(s, err);
    if (r == 0) {
        r = kind->claim(s->db, s->options.replica_id, kind->batch, &claimed, ids, &fired, err);
    }
    if (fired > 0 && s->options.gate) {
        gate_wake(s->options.gate, NULL, 0);
    }
    if (fired > 0 && s->options.dispatcher) {
        dispatcher_add_ids(s->options.dispatcher, ids, fired); /* not those in a queue */
    }
    metrics_add(kind->metric, fired);
    *ret_more = *ret_more || claimed == kind->batch;
    return r;
}

static void *scheduler_thread(void *arg)
{
    struct scheduler *s = arg;
    int64_t pause_ms = 0;
    bool said[ARRAY_LEN(kinds)] = {false};
    (void)pthread_setname_np(pthread_self(), "scheduler");
    while (wait_ms(s, pause_ms)) {
        bool away = false, more = false;
        for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
            struct err err = {0};
            int r = claim_once(s, &kinds[i], &more, &err);
            if (r != 0 && !said[i]) {
                log_warn(kinds[i].trouble, LOG_STR("error", err.message));
            }
            said[i] = r != 0;
            away = away || r != 0;
        }
        pause_ms = away ? AWAY_MS : more ? 0 : EVERY_MS;
    }
    return NULL;
}

int scheduler_new(const struct scheduler_options *options, struct scheduler **ret, struct err *err)
{
    struct scheduler *s = mem_new(struct scheduler);
    s->options = *options;
    s->conninfo = mem_strdup(options->conninfo);
    pthread_mutex_init(&s->lock, NULL);
    clock_cond_init(&s->stop);
    *ret = s;
    return 0;
}

int scheduler_start(struct scheduler *s)
{
    int r = pthread_create(&s->thread, NULL, scheduler_thread, s);
    s->started = r == 0;
    return -r;
}

void scheduler_stop(struct scheduler *s)
{
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    pthread_cond_broadcast(&s->stop);
    pthread_mutex_unlock(&s->lock);
    if (s->started) {
        pthread_join(s->thread, NULL);
        s->started = false;
    }
}

struct scheduler *scheduler_free(struct scheduler *s)
{
    if (s) {
        scheduler_stop(s);
        db_close(s->db);
        pthread_cond_destroy(&s->stop);
        pthread_mutex_destroy(&s->lock);
        mem_free(s->conninfo);
        mem_free(s);
    }
    return NULL;
}
