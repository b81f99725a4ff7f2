/* Owns taking over, leases, and the upkeep that needs one replica: partitions, retention, old
 * idempotency keys. Two threads: the sweeping one, and the library's thread that brings presence
 * messages; each has its own connection. A pass is made only when PostgreSQL and NATS have both
 * answered for STEADY_NS: after an outage of either, workers get the time to renew their leases
 * before anything is called lost. */
#include "dispatch/sweeper.h"

#include <pthread.h>
#include <stdatomic.h>

#include "clock.h"
#include "db.h"
#include "dispatch/retention.h"
#include "dispatch/runs_ahead.h"
#include "log.h"
#include "presence.h"
#include "subjects.h"

#define EVERY_NS  (1 * NS_PER_SEC)
#define UPKEEP_NS (600 * NS_PER_SEC)
#define STEADY_NS (5 * NS_PER_SEC)
#define GRACE_MS  8000 /* from acceptance until a run without any sign of life is lost */
#define TAKEOVER_MS                                                                                \
    30000 /* lease of a run that was dispatched again, until a worker reports it                   \
           */
#define BATCH          2000
#define BEHIND_NS      (3 * NS_PER_SEC) /* results waiting so long: the recorder is behind, no sweep */
#define DAYS_AHEAD     3
#define RETAIN_NS      (60 * NS_PER_SEC) /* how often retention is looked at when nothing is due */
#define LOG_DELIVERIES 10000             /* executions whose lines a log stream may be behind by */
#define VALUES         20 /* large values deleted in a pass: each may be 500 chunks */

struct sweeper {
    struct bus *bus;
    char *conninfo, *pool;
    struct dispatcher *dispatcher;
    int retention_days, audit_days;
    pthread_t thread;
    bool started;
    _Atomic bool stopping;
    struct bus_sub *presence;

    struct db *db;        /* the sweeping thread's */
    struct db *lease_db;  /* the presence thread's */
    bool locked;          /* holds the advisory lock on db */
    int64_t steady_since; /* 0 = not steady */
    int64_t upkeep_at, retention_at;
};

int sweeper_new(const struct sweeper_options *options, struct sweeper **ret, struct err *err)
{
    struct sweeper *s = mem_new(struct sweeper);
    s->bus = options->bus;
    s->conninfo = mem_strdup(options->conninfo);
    s->pool = mem_strdup(options->pool);
    s->dispatcher = options->dispatcher;
    s->retention_days = options->retention_days;
    s->audit_days = options->audit_days;
    *ret = s;
    return 0;
}

struct sweeper *sweeper_free(struct sweeper *s)
{
    if (s) {
        sweeper_stop(s);
        db_close(s->db);
        db_close(s->lease_db);
        mem_free(s->conninfo);
        mem_free(s->pool);
        mem_free(s);
    }
    return NULL;
}

static int ensure(struct sweeper *s, struct db **db, struct err *err)
{
    return db_ensure(db, s->conninfo, "leat-sweeper", err);
}

/* --- presence --------------------------------------------------------------------------------- */

static int renew(struct sweeper *s, const struct presence *p, struct arena *a, struct err *err)
{
    const struct presence_run *runs = p->runs.items;
    struct uuid *ids = arena_array(a, p->runs.n, sizeof(*ids));
    struct str *attempts = arena_array(a, p->runs.n, sizeof(*attempts));
    for (size_t i = 0; i < p->runs.n; i++) {
        ids[i] = runs[i].execution_id;
        attempts[i] = str_of(arena_printf(a, "%u", runs[i].attempt));
    }
    int r = ensure(s, &s->lease_db, err);
    if (r == 0) {
        r = db_run(s->lease_db, QUERY_LEASE_RENEW, NULL, err, DB_UUIDS(ids, p->runs.n),
                   DB_TEXTS(attempts, p->runs.n), DB_UUID(p->worker_id), DB_I64(LEASE_MS));
    }
    return r;
}

static void on_presence(void *ctx, struct bus_message *m)
{
    struct sweeper *s = ctx;
    AUTO(arena_free) struct arena *a = arena_new(KIB(64), 0);
    struct presence p;
    struct err err;
    int r = wire_decode(&presence_message, a, bus_message_data(m), &p, &err);
    if (r == 0 && p.runs.n > 0) {
        r = renew(s, &p, a, &err);
    }
    if (r != 0) {
        log_warn("renewing leases failed", LOG_STR("error", err.message));
    }
}

/* --- sweeping --------------------------------------------------------------------------------- */

/* Ids of the only column. */
static size_t ids_of(const struct db_rows *rows, struct uuid *ret_ids)
{
    size_t n = MIN(db_rows_n(rows), (size_t)BATCH);
    for (size_t i = 0; i < n; i++) {
        ret_ids[i] = db_uuid(rows, i, 0);
    }
    return n;
}

static void take_over(struct sweeper *s, const struct db_rows *rows, const char *why)
{
    struct uuid ids[BATCH];
    size_t n = ids_of(rows, ids);
    if (n > 0) {
        char first[UUID_TEXT_LEN + 1];
        uuid_format(&ids[0], first);
        log_warn("runs are taken over", LOG_STR("why", why), LOG_INT("runs", n),
                 LOG_STR("first", first));
        dispatcher_add_taken_over(s->dispatcher, ids, n);
    }
}

/* Seconds since the epoch; far ahead when nothing waits. */
static void oldest_pending(int64_t oldest_ns, char ret[32])
{
    (void)snprintf(ret, 32, "%.3f", oldest_ns ? (double)oldest_ns / 1e9 : 1e11);
}

/* What a queue released and no worker has reported may still stand in NATS. */
static int sweep_expired(struct sweeper *s, int64_t oldest_ns, struct err *err)
{
    char oldest[32];
    oldest_pending(oldest_ns, oldest);
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    int r = db_run(s->db, QUERY_SWEEP_EXPIRED, &rows, err, DB_I64(BATCH), DB_I64(TAKEOVER_MS),
                   DB_TEXT(oldest));
    if (r == 0) {
        take_over(s, rows, "lease expired");
        r = db_run(s->db, QUERY_SWEEP_LEASES_DONE, NULL, err);
    }
    return r;
}

static int sweep_lost(struct sweeper *s, int64_t oldest_ns, struct err *err)
{
    char oldest[32];
    oldest_pending(oldest_ns, oldest);
    AUTO(db_rows_free) struct db_rows *state = NULL;
    int r = db_run(s->db, QUERY_SWEEP_STATE, &state, err, DB_I64(GRACE_MS), DB_TEXT(oldest));
    if (r != 0 || db_rows_n(state) != 1) {
        return r;
    }
    struct uuid from = db_uuid(state, 0, 0), below = db_uuid(state, 0, 1);
    /* A replica died and what it published may still stand in the queue: its time comes. */
    bool dead_in_queue = db_bool(state, 0, 2);
    if (dead_in_queue || uuid_cmp(&from, &below) >= 0) {
        return 0;
    }
    AUTO(db_rows_free) struct db_rows *lost = NULL;
    r = db_run(s->db, QUERY_SWEEP_LOST, &lost, err, DB_UUID(from), DB_UUID(below), DB_I64(BATCH),
               DB_I64(TAKEOVER_MS));
    if (r == 0) {
        take_over(s, lost, "no sign of life");
    }
    if (r == 0 && db_rows_n(lost) < BATCH) {
        r = db_run(s->db, QUERY_SWEEP_ADVANCE, NULL, err, DB_UUID(below));
    }
    return r;
}

/* What runs have stored apart and no result names: of attempts that died or were refused. */
static int sweep_values(struct sweeper *s, struct err *err)
{
    return db_run(s->db, QUERY_VALUE_SWEEP, NULL, err, DB_I64(VALUES));
}

static int retain(struct sweeper *s, struct err *err)
{
    bool more = false;
    if (clock_mono_ns() < s->retention_at) {
        return 0;
    }
    int r = retention_pass(s->db, &more, err);
    if (r == 0 && !more) {
        s->retention_at = clock_mono_ns() + RETAIN_NS;
    }
    return r;
}

static int upkeep(struct sweeper *s, struct err *err)
{
    if (clock_mono_ns() < s->upkeep_at) {
        return 0;
    }
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    int r = db_run(s->db, QUERY_PARTITIONS_ENSURE, &rows, err, DB_I64(DAYS_AHEAD));
    if (r == 0 && s->retention_days > 0) {
        rows = db_rows_free(rows);
        r = db_run(s->db, QUERY_PARTITIONS_DROP, &rows, err, DB_I64(s->retention_days));
        if (r == 0 && db_int(rows, 0, 0) > 0) {
            log_info("old partitions dropped", LOG_INT("tables", db_int(rows, 0, 0)));
        }
    }
    if (r == 0) {
        r = db_run(s->db, QUERY_IDEMPOTENCY_FORGET, NULL, err);
    }
    if (r == 0) {
        r = db_run(s->db, QUERY_REPLICA_FORGET, NULL, err);
    }
    if (r == 0) {
        r = db_run(s->db, QUERY_UNIQUE_REQUEST_FORGET, NULL, err);
    }
    if (r == 0) {
        r = db_run(s->db, QUERY_PROGRESS_FORGET, NULL, err);
    }
    if (r == 0) {
        r = db_run(s->db, QUERY_VALUE_FORGET, NULL, err);
    }
    if (r == 0) {
        r = db_run(s->db, QUERY_VALUE_FORGET_CHUNKS, NULL, err);
    }
    if (r == 0 && s->retention_days > 0) {
        r = db_run(s->db, QUERY_RETRY_FORGET, NULL, err, DB_I64(s->retention_days));
    }
    if (r == 0 && s->retention_days > 0) {
        r = db_run(s->db, QUERY_ALERT_EVENT_FORGET, NULL, err, DB_I64(s->retention_days));
    }
    if (r == 0 && s->retention_days > 0) {
        r = db_run(s->db, QUERY_WEBHOOK_DELIVERY_FORGET, NULL, err, DB_I64(s->retention_days));
    }
    if (r == 0 && s->audit_days > 0) {
        r = db_run(s->db, QUERY_AUDIT_DROP, NULL, err, DB_I64(s->audit_days));
    }
    if (r == 0) {
        r = db_run(s->db, QUERY_LOG_STREAM_TRIM, NULL, err, DB_I64(LOG_DELIVERIES));
    }
    if (r == 0) {
        r = db_run(s->db, QUERY_LOG_STREAM_FORGET, NULL, err);
    }
    if (r == 0) {
        s->upkeep_at = clock_mono_ns() + UPKEEP_NS;
    }
    return r;
}

static int take_lock(struct sweeper *s, struct err *err)
{
    if (s->locked) {
        return 0;
    }
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    int r = db_run(s->db, QUERY_SWEEP_LOCK, &rows, err);
    if (r == 0) {
        s->locked = db_bool(rows, 0, 0);
    }
    return r;
}

static int pass(struct sweeper *s, struct err *err)
{
    if (s->db && !db_ok(s->db)) {
        s->locked = false;
    }
    int r = ensure(s, &s->db, err);
    if (r == 0) {
        r = take_lock(s, err);
    }
    if (r == 0 && s->locked) {
        r = upkeep(s, err);
    }
    if (r == 0 && s->locked) {
        r = sweep_values(s, err);
    }
    if (r == 0 && s->locked) {
        r = retain(s, err);
    }
    struct bus_queue_state queues[_RUN_QUEUE_N], results;
    if (r == 0) {
        r = runs_ahead(s->bus, s->pool, queues, err);
    }
    if (r == 0) {
        r = bus_queue_state(s->bus, STREAM_RESULT, CONSUMER_RESULT, &results, err);
    }
    if (r != 0) {
        return r;
    }
    int64_t now = clock_mono_ns();
    if (s->steady_since == 0) {
        s->steady_since = now;
    }
    bool behind =
        results.oldest_pending_ns && clock_now_ns() - results.oldest_pending_ns > BEHIND_NS;
    if (!s->locked || behind || now - s->steady_since < STEADY_NS) {
        return 0;
    }
    int64_t oldest_ns = runs_ahead_oldest(queues);
    r = sweep_lost(s, oldest_ns, err);
    return r == 0 ? sweep_expired(s, oldest_ns, err) : r;
}

static void *run(void *arg)
{
    struct sweeper *s = arg;
    int64_t last = clock_mono_ns();
    while (!s->stopping) {
        /* A process that was itself stopped for a while knows nothing: it starts afresh. */
        if (clock_mono_ns() - last > 3 * EVERY_NS) {
            s->steady_since = 0;
        }
        struct err err;
        err_clear(&err);
        if (pass(s, &err) != 0) {
            s->steady_since = 0;
            log_warn("sweep put off", LOG_STR("error", err.message));
        }
        last = clock_mono_ns();
        for (int i = 0; i < 20 && !s->stopping; i++) {
            clock_wait_ns(EVERY_NS / 20);
        }
    }
    return NULL;
}

int sweeper_start(struct sweeper *s)
{
    int r = bus_subscribe(s->bus, SUBJECT_PRESENCE, "lease", on_presence, s, &s->presence);
    if (r == 0) {
        r = -pthread_create(&s->thread, NULL, run, s);
        s->started = r == 0;
    }
    return r;
}

void sweeper_stop(struct sweeper *s)
{
    s->presence = bus_sub_free(s->presence);
    if (s->started) {
        s->stopping = true;
        pthread_join(s->thread, NULL);
        s->started = false;
    }
}
