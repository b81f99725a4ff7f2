/* Owns the queue of accepted events and the committer's thread. Events are appended, already as
 * COPY rows, to the open chunk under one lock; the committer takes the oldest chunk whenever it is
 * free, so batches grow with load and nothing waits for a timer. It refuses events while PostgreSQL
 * is away and beyond its bounds: an event that was not committed is never called accepted. */
#include "hooks/accept_priv.h"

#include <pthread.h>
#include <stdatomic.h>

#include "clock.h"
#include "http/metrics.h"
#include "log.h"
#include "subjects.h"

#define DEFAULT_WAITING       20000
#define DEFAULT_WAITING_BYTES MIB(256)
#define DEFAULT_CHUNK_ROWS    2000
#define DEFAULT_CHUNK_BYTES   MIB(8)
#define KEEP_CHUNKS           3
#define KEEP_BYTES            MIB(16) /* a chunk that grew over it is given back */
#define RECONNECT_FIRST_MS    50
#define RECONNECT_MOST_MS     1000
#define ROW_COLUMNS           9
/* An event that waited longer is refused: the sweeper must find every row within its grace. */
#define STALE_MS 4000
#define AHEAD_MS 50 /* a COPY begun ahead holds its locks so long at most */

struct accept {
    struct accept_options options;
    char *conninfo;
    pthread_t thread;
    bool started;
    struct db *db; /* the committer's; NULL while away */
    struct buf scratch;
    pthread_mutex_t lock; /* guards all below but the atomics */
    pthread_cond_t work;
    pthread_cond_t idle;
    struct accept_chunk *oldest, *open; /* open is the newest of the list */
    struct accept_chunk *spare;
    int n_spare;
    bool committer_waits;
    bool draining, stopping;
    _Atomic bool available;
    _Atomic size_t waiting, waiting_bytes;
};

static struct accept_chunk *chunk_free(struct accept_chunk *chunk)
{
    if (chunk) {
        buf_done(&chunk->rows);
        arena_free(chunk->texts);
        mem_free(chunk->entries);
        mem_free(chunk);
    }
    return NULL;
}

/* Under the lock. */
static struct accept_chunk *chunk_open(struct accept *a)
{
    struct accept_chunk *chunk = a->spare;
    if (chunk) {
        a->spare = chunk->next;
        a->n_spare--;
    } else {
        chunk = mem_new(struct accept_chunk);
        buf_init(&chunk->rows, 2 * a->options.chunk_bytes + MIB(16));
        chunk->texts = arena_new(KIB(64), 0);
    }
    chunk->next = NULL;
    chunk->n = chunk->n_keys = chunk->n_places = 0;
    copy_begin(&chunk->rows);
    if (a->open) {
        a->open->next = chunk;
    } else {
        a->oldest = chunk;
    }
    a->open = chunk;
    return chunk;
}

static void chunk_recycle(struct accept *a, struct accept_chunk *chunk)
{
    bool large = chunk->rows.cap > KEEP_BYTES || arena_used(chunk->texts) > KEEP_BYTES;
    buf_clear(&chunk->rows);
    arena_clear(chunk->texts);
    pthread_mutex_lock(&a->lock);
    if (!large && a->n_spare < KEEP_CHUNKS) {
        chunk->next = a->spare;
        a->spare = TAKE(chunk);
        a->n_spare++;
    }
    pthread_mutex_unlock(&a->lock);
    chunk_free(chunk);
}

static struct accept_entry *chunk_slot(struct accept_chunk *chunk)
{
    if (chunk->n == chunk->cap) {
        chunk->cap = MAX(64, chunk->cap * 2);
        chunk->entries = mem_realloc(chunk->entries, chunk->cap * sizeof(*chunk->entries));
    }
    struct accept_entry *e = &chunk->entries[chunk->n];
    memset(e, 0, sizeof(*e));
    return e;
}

static struct str keep(struct arena *arena, struct str s)
{
    return s.len ? str_n(arena_strndup(arena, s.ptr, s.len), s.len) : str_n("", 0);
}

/* Appends the row; false, leaving the chunk as it was, when the request is over a bound. */
static bool add_row(const struct accept *a, struct accept_chunk *chunk, struct accept_entry *e,
                    const struct hook_request *request)
{
    struct buf *rows = &chunk->rows;
    const struct run_request *run = &e->run;
    e->row_at = rows->len;
    copy_row(rows, ROW_COLUMNS);
    copy_uuid(rows, &run->execution_id);
    copy_uuid(rows, &run->organization_id);
    copy_uuid(rows, &run->instance_id);
    copy_uuid(rows, &run->flow_config_id);
    copy_i64(rows, (int64_t)run->revision);
    copy_i32(rows, a->options.replica_id);
    copy_i16(rows, (int16_t)run->invoke_type);
    copy_i16(rows, (int16_t)((run->test ? EXECUTION_TEST : 0) | (run->debug ? EXECUTION_DEBUG : 0) |
                             (run->synchronous ? EXECUTION_SYNCHRONOUS : 0) |
                             (run->preprocess ? EXECUTION_PREPROCESS : 0)));
    e->request_at = copy_bytes_begin(rows);
    hook_request_encode(request, rows);
    copy_bytes_end(rows, e->request_at);
    if (rows->full || rows->len - e->request_at > MESSAGE_MAX_BYTES) {
        rows->len = e->row_at;
        rows->full = false;
        return false;
    }
    e->request_len = rows->len - e->request_at;
    e->row_len = rows->len - e->row_at;
    return true;
}

/* Under the lock. */
static int append(struct accept *a, const struct accept_event *event, struct uuid *ret_id)
{
    struct accept_chunk *chunk = a->open;
    if (!chunk || chunk->n >= a->options.chunk_rows || chunk->rows.len >= a->options.chunk_bytes) {
        chunk = chunk_open(a);
    }
    struct accept_entry *e = chunk_slot(chunk);
    e->sink = event->sink;
    e->ticket = event->ticket;
    e->run = *event->run;
    e->run.execution_id = uuid_v7(); /* here, so that ids grow with the order of rows */
    if (!add_row(a, chunk, e, event->request)) {
        return -E2BIG;
    }
    e->run.flow_name = keep(chunk->texts, event->run->flow_name);
    e->run.traceparent = keep(chunk->texts, event->run->traceparent);
    if (event->idempotency) {
        e->has_key = true;
        memcpy(e->key, event->idempotency, sizeof(e->key));
        chunk->n_keys++;
    }
    if (event->place) {
        accept_queue_keep(chunk, e, event->place);
    }
    chunk->n++;
    *ret_id = e->run.execution_id;
    atomic_fetch_add_explicit(&a->waiting, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&a->waiting_bytes, e->row_len, memory_order_relaxed);
    return 0;
}

int accept_submit(struct accept *a, const struct accept_event *event, struct uuid *ret_id)
{
    if (!accept_available(a)) {
        return -ENOTCONN;
    }
    if (accept_waiting(a) >= a->options.max_waiting ||
        atomic_load_explicit(&a->waiting_bytes, memory_order_relaxed) >=
            a->options.max_waiting_bytes) {
        return -EAGAIN;
    }
    pthread_mutex_lock(&a->lock);
    int r = a->draining ? -EPIPE : append(a, event, ret_id);
    bool wake = r == 0 && a->committer_waits;
    if (wake) {
        a->committer_waits = false;
    }
    pthread_mutex_unlock(&a->lock);
    if (wake) {
        pthread_cond_signal(&a->work);
    }
    return r;
}

bool accept_available(const struct accept *a)
{
    return atomic_load_explicit(&a->available, memory_order_acquire);
}

size_t accept_waiting(const struct accept *a)
{
    return atomic_load_explicit(&a->waiting, memory_order_relaxed);
}

/* Under the lock: waits for work; with `until`, no longer than that. */
static bool wait_for_work(struct accept *a, const struct timespec *until)
{
    a->committer_waits = true;
    return !until ? pthread_cond_wait(&a->work, &a->lock) == 0
                  : pthread_cond_timedwait(&a->work, &a->lock, until) == 0;
}

/* Oldest chunk, taken off the list; NULL when stopping and nothing is left. The server, which is
 * ready for the next one since the last commit, is let go when none comes soon. */
static struct accept_chunk *next_chunk(struct accept *a)
{
    struct timespec until = clock_timespec(clock_mono_ns() + AHEAD_MS * NS_PER_MS);
    bool ahead = true;
    pthread_mutex_lock(&a->lock);
    while (!a->oldest && !a->stopping) {
        if (!wait_for_work(a, ahead ? &until : NULL) && !a->oldest) {
            ahead = false;
            pthread_mutex_unlock(&a->lock);
            db_copy_forget(a->db);
            pthread_mutex_lock(&a->lock);
        }
    }
    a->committer_waits = false;
    struct accept_chunk *chunk = a->oldest;
    if (chunk) {
        a->oldest = chunk->next;
        if (a->open == chunk) {
            a->open = NULL;
        }
        chunk->next = NULL;
    }
    pthread_mutex_unlock(&a->lock);
    return chunk;
}

static void dispatch_one(struct accept *a, struct accept_chunk *chunk, struct accept_entry *e)
{
    e->run.attempt = 1;
    e->run.dispatched_ns = clock_now_ns();
    e->run.request = str_n(chunk->rows.data + e->request_at, e->request_len);
    buf_clear(&a->scratch);
    wire_encode(&run_request_message, &e->run, &a->scratch);
    dispatcher_add(a->options.dispatcher, &e->run.customer_id, &e->run.execution_id,
                   buf_str(&a->scratch));
    e->dispatched = true;
}

/* Nobody was promised anything about a synchronous call yet: it may run while it is being stored.
 * With an idempotency key it must be known first that it is the first one. */
static void dispatch_ahead(struct accept *a, struct accept_chunk *chunk)
{
    bool begun = false;
    for (size_t i = 0; i < chunk->n && a->options.dispatcher; i++) {
        struct accept_entry *e = &chunk->entries[i];
        /* What a preprocess flow decides is written beside its row: that must be there. */
        bool ahead = e->run.synchronous && !e->run.preprocess;
        if (ahead && !e->has_key && !e->place) {
            if (!begun) {
                dispatcher_begin(a->options.dispatcher);
                begun = true;
            }
            dispatch_one(a, chunk, e);
        }
    }
    if (begun) {
        dispatcher_end(a->options.dispatcher);
    }
}

static void dispatch_stored(struct accept *a, struct accept_chunk *chunk)
{
    if (!a->options.dispatcher) {
        return;
    }
    dispatcher_begin(a->options.dispatcher);
    for (size_t i = 0; i < chunk->n; i++) {
        struct accept_entry *e = &chunk->entries[i];
        if (e->result == ACCEPT_STORED && !e->dispatched && !e->place) {
            dispatch_one(a, chunk, e);
        }
    }
    dispatcher_end(a->options.dispatcher);
}

/* One call a sink: with few loops, going over the entries once a sink is cheap. */
static void tell(struct accept *a, struct accept_chunk *chunk)
{
    struct accept_outcome *outcomes = mem_array(chunk->n, sizeof(*outcomes));
    size_t told = 0, bytes = 0, stored = 0, repeated = 0;
    for (size_t first = 0; told < chunk->n; first++) {
        struct accept_sink *sink = chunk->entries[first].sink;
        size_t n = 0;
        for (size_t i = first; sink && i < chunk->n; i++) {
            struct accept_entry *e = &chunk->entries[i];
            if (e->sink != sink) {
                continue;
            }
            e->sink = NULL;
            bytes += e->row_len;
            stored += e->result == ACCEPT_STORED;
            repeated += e->result == ACCEPT_REPEATED;
            outcomes[n++] = (struct accept_outcome){
                .ticket = e->ticket,
                .execution_id = e->result == ACCEPT_REPEATED ? e->recorded_id : e->run.execution_id,
                .result = e->result};
        }
        if (n) {
            sink->done(sink, outcomes, n);
            told += n;
        }
    }
    mem_free(outcomes);
    metrics_add(METRIC_ACCEPTED, stored);
    metrics_add(METRIC_ACCEPT_REPEATED, repeated);
    metrics_add(METRIC_ACCEPT_BATCHES, 1);
    metrics_add(METRIC_ACCEPT_BATCH_EVENTS, chunk->n);
    metrics_add(METRIC_ACCEPT_BYTES, bytes);
    atomic_fetch_sub_explicit(&a->waiting, chunk->n, memory_order_relaxed);
    atomic_fetch_sub_explicit(&a->waiting_bytes, bytes, memory_order_relaxed);
    pthread_mutex_lock(&a->lock);
    if (a->draining) {
        pthread_cond_broadcast(&a->idle);
    }
    pthread_mutex_unlock(&a->lock);
}

static void fail_chunk(struct accept *a, struct accept_chunk *chunk)
{
    for (size_t i = 0; i < chunk->n; i++) {
        chunk->entries[i].result = ACCEPT_UNAVAILABLE;
    }
    tell(a, chunk);
    chunk_recycle(a, chunk);
}

static void fail_queued(struct accept *a)
{
    for (;;) {
        pthread_mutex_lock(&a->lock);
        struct accept_chunk *chunk = a->oldest;
        a->oldest = a->open = NULL;
        pthread_mutex_unlock(&a->lock);
        if (!chunk) {
            return;
        }
        while (chunk) {
            struct accept_chunk *next = chunk->next;
            fail_chunk(a, chunk);
            chunk = next;
        }
    }
}

static bool stopping(struct accept *a)
{
    pthread_mutex_lock(&a->lock);
    bool stop = a->stopping;
    pthread_mutex_unlock(&a->lock);
    return stop;
}

static void wait_ms(struct accept *a, int64_t ms)
{
    struct timespec until = clock_timespec(clock_mono_ns() + ms * NS_PER_MS);
    pthread_mutex_lock(&a->lock);
    if (!a->stopping) {
        (void)pthread_cond_timedwait(&a->work, &a->lock, &until);
    }
    pthread_mutex_unlock(&a->lock);
}

/* Connects, with back-off, until it works or the process stops. Senders get 503 meanwhile. */
static bool connect_db(struct accept *a)
{
    int64_t pause_ms = RECONNECT_FIRST_MS;
    bool said = false;
    while (!stopping(a)) {
        struct err err = {0};
        int r = a->db ? db_reconnect(a->db, &err)
                      : db_open(a->conninfo, DB_OWNER, "leat accept", &a->db, &err);
        if (r == 0) {
            r = db_exec(a->db, "SET synchronous_commit = on", &err);
        }
        if (r == 0) {
            atomic_store_explicit(&a->available, true, memory_order_release);
            log_info("accepting webhooks");
            return true;
        }
        if (!said) {
            log_warn("PostgreSQL is away: webhooks are refused", LOG_STR("error", err.message));
            said = true;
        }
        fail_queued(a);
        wait_ms(a, pause_ms);
        pause_ms = MIN(pause_ms * 2, RECONNECT_MOST_MS);
    }
    return false;
}

static bool stale(const struct accept_chunk *chunk)
{
    int64_t now_ms = clock_now_ns() / NS_PER_MS;
    return chunk->n && now_ms - uuid_v7_ms(&chunk->entries[0].run.execution_id) > STALE_MS;
}

static void *committer(void *arg)
{
    struct accept *a = arg;
    (void)pthread_setname_np(pthread_self(), "accept");
    bool connected = connect_db(a);
    struct accept_chunk *chunk;
    while (connected && (chunk = next_chunk(a))) {
        struct err err = {0};
        if (stale(chunk)) {
            db_copy_forget(a->db);
            fail_chunk(a, chunk);
            continue;
        }
        dispatch_ahead(a, chunk);
        int64_t began = clock_mono_ns();
        int r = accept_chunk_commit(a->db, chunk, &err);
        metrics_add(METRIC_ACCEPT_COMMIT_US, (uint64_t)((clock_mono_ns() - began) / 1000));
        if (r != 0) {
            atomic_store_explicit(&a->available, false, memory_order_release);
            log_warn("a commit of accepted events failed", LOG_STR("error", err.message),
                     LOG_INT("events", chunk->n));
        } else {
            accept_commit_ahead(a->db);
        }
        tell(a, chunk);
        dispatch_stored(a, chunk);
        accept_queue_wake(a->options.gate, chunk);
        chunk_recycle(a, chunk);
        if (r != 0) {
            fail_queued(a);
            connected = connect_db(a);
        }
    }
    atomic_store_explicit(&a->available, false, memory_order_release);
    fail_queued(a);
    return NULL;
}

int accept_new(const struct accept_options *options, struct accept **ret, struct err *err)
{
    struct accept *a = mem_new(struct accept);
    a->options = *options;
    a->conninfo = mem_strdup(options->conninfo);
    a->options.conninfo = a->conninfo;
    struct accept_options *o = &a->options;
    o->max_waiting = o->max_waiting ? o->max_waiting : DEFAULT_WAITING;
    o->max_waiting_bytes = o->max_waiting_bytes ? o->max_waiting_bytes : DEFAULT_WAITING_BYTES;
    o->chunk_rows = o->chunk_rows ? o->chunk_rows : DEFAULT_CHUNK_ROWS;
    o->chunk_bytes = o->chunk_bytes ? o->chunk_bytes : DEFAULT_CHUNK_BYTES;
    buf_init(&a->scratch, 2 * MESSAGE_MAX_BYTES);
    pthread_mutex_init(&a->lock, NULL);
    clock_cond_init(&a->work);
    pthread_cond_init(&a->idle, NULL);
    *ret = a;
    return 0;
}

int accept_start(struct accept *a)
{
    int r = pthread_create(&a->thread, NULL, committer, a);
    a->started = r == 0;
    return -r;
}

void accept_drain(struct accept *a)
{
    pthread_mutex_lock(&a->lock);
    a->draining = true;
    while (a->started && !a->stopping && atomic_load(&a->waiting) > 0) {
        pthread_cond_wait(&a->idle, &a->lock);
    }
    pthread_mutex_unlock(&a->lock);
}

void accept_stop(struct accept *a)
{
    pthread_mutex_lock(&a->lock);
    a->draining = a->stopping = true;
    pthread_cond_broadcast(&a->work);
    pthread_cond_broadcast(&a->idle);
    pthread_mutex_unlock(&a->lock);
    if (a->started) {
        pthread_join(a->thread, NULL);
        a->started = false;
    }
}

struct accept *accept_free(struct accept *a)
{
    if (a) {
        accept_stop(a);
        while (a->spare) {
            struct accept_chunk *chunk = a->spare;
            a->spare = chunk->next;
            chunk_free(chunk);
        }
        db_close(a->db);
        buf_done(&a->scratch);
        pthread_cond_destroy(&a->work);
        pthread_cond_destroy(&a->idle);
        pthread_mutex_destroy(&a->lock);
        mem_free(a->conninfo);
        mem_free(a);
    }
    return NULL;
}
