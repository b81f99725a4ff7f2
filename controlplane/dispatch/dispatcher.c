/* Owns the way of accepted events into the workers' queue. Two threads build batches from the line
 * of waiting events and keep a few publishes in flight: one of events whose request is at hand, one
 * of those that must be read back from PostgreSQL, for which the first never waits. A publish that
 * fails is sent again with the same message id, so the stream stores it once. A third thread asks
 * for the queues' lengths in NATS, which bound what is published ahead of the workers (the rest
 * waits here, by id), and writes the replica's heartbeat with `oldest_waiting`: the first event
 * that may still be on its way (waiting, in the queue, or delivered within GRACE_NS). The sweeper
 * leaves everything from it on alone. */
#include "dispatch/dispatcher.h"

#include <pthread.h>
#include <stdatomic.h>

#include "clock.h"
#include "db.h"
#include "dispatch/reload.h"
#include "dispatch/runs_ahead.h"
#include "dispatch/share.h"
#include "dispatch/waiting.h"
#include "log.h"
#include "subjects.h"

#define PUBLISHERS        2
#define IN_FLIGHT         8                 /* of each */
#define RUNS_AHEAD        6000              /* runs in NATS that no worker has taken yet */
#define BULK_AHEAD        1000              /* of customers over their share */
#define ASK_NS            (500 * NS_PER_MS) /* how often the queue is looked at */
#define ASK_SOON_NS       (50 * NS_PER_MS)  /* when half of what may be ahead is used up */
#define BYTES_BUDGET      MIB(16)
#define PUBLISH_WAIT_MS   5000
#define RETRY_NS          (200 * NS_PER_MS)
#define GRACE_NS          (8 * NS_PER_SEC)
#define SENT_MAX          65536   /* remembered publishes, for oldest_waiting */
#define RELOAD_SIZE_GUESS KIB(16) /* of an event known by id only */

enum slot_state { SLOT_FREE, SLOT_FILLING, SLOT_SENT, SLOT_FAILED };
struct slot {
    struct publisher *p;
    enum slot_state state;
    struct buf message;
    char msg_id[UUID_TEXT_LEN + 1];
    enum run_queue queue;
    int64_t retry_at_ns;
    struct uuid first; /* smallest id of a first attempt; all ones when none */
};

/* One of the two publishing threads and what is its own. */
struct publisher {
    struct dispatcher *d;
    pthread_t thread;
    pthread_cond_t changed;
    struct slot slots[IN_FLIGHT];
    struct db *db;
    bool reads_back;
    bool stuck; /* no event of the line may go for now */
};

struct sent {
    int64_t at_ns; /* wall clock, as the stream's */
    struct uuid first;
};

struct dispatcher {
    struct bus *bus;
    char *conninfo, *subjects[_RUN_QUEUE_N];
    char *pool;
    int replica_id;
    int64_t heartbeat_ns;
    pthread_t watch_thread;
    size_t n_started; /* publishing threads */
    bool watches;

    pthread_mutex_t lock; /* guards line, slots' state and the ring of what was sent */
    struct waiting *line;
    struct share *share;
    struct publisher publishers[PUBLISHERS];
    struct sent *sent; /* ring */
    size_t sent_first, sent_len;
    _Atomic bool stopping;
    _Atomic size_t n_waiting;
    _Atomic int64_t allowance[_RUN_QUEUE_N];  /* runs to publish before asking again */
    _Atomic int64_t milli_runs[_RUN_QUEUE_N]; /* of a message, of late, in thousandths */

    /* The watching thread's own. */
    struct db *watch_db;
    pthread_cond_t stop;
    int64_t oldest_pending_ns; /* in NATS; 0 = none */
};

static const struct uuid no_id = {
    {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255}};

int dispatcher_new(const struct dispatcher_options *options, struct dispatcher **ret,
                   struct err *err)
{
    struct dispatcher *d = mem_new(struct dispatcher);
    d->bus = options->bus;
    d->conninfo = mem_strdup(options->conninfo);
    d->replica_id = options->replica_id;
    d->heartbeat_ns =
        (options->heartbeat_every_ms ? options->heartbeat_every_ms : 1000) * NS_PER_MS;
    struct buf subject;
    for (int i = 0; i < _RUN_QUEUE_N; i++) {
        buf_init(&subject, 256);
        buf_addf(&subject, "%s.%s%s", SUBJECT_RUN, options->pool,
                 i == RUN_QUEUE_BULK ? SUBJECT_BULK : "");
        d->subjects[i] = buf_take(&subject);
        atomic_init(&d->milli_runs[i], 1000);
    }
    d->pool = mem_strdup(options->pool);
    d->share = share_new(options->bulk_rate);
    d->line = waiting_new(BYTES_BUDGET);
    d->sent = mem_array(SENT_MAX, sizeof(*d->sent));
    pthread_mutex_init(&d->lock, NULL);
    clock_cond_init(&d->stop);
    for (int i = 0; i < PUBLISHERS; i++) {
        struct publisher *p = &d->publishers[i];
        p->d = d;
        p->reads_back = i > 0;
        clock_cond_init(&p->changed);
        for (int k = 0; k < IN_FLIGHT; k++) {
            p->slots[k].p = p;
            buf_init(&p->slots[k].message, MESSAGE_MAX_BYTES);
        }
    }
    *ret = d;
    return 0;
}

struct dispatcher *dispatcher_free(struct dispatcher *d)
{
    if (d) {
        dispatcher_stop(d);
        for (int i = 0; i < PUBLISHERS; i++) {
            struct publisher *p = &d->publishers[i];
            for (int k = 0; k < IN_FLIGHT; k++) {
                buf_done(&p->slots[k].message);
            }
            db_close(p->db);
            pthread_cond_destroy(&p->changed);
        }
        waiting_free(d->line);
        db_close(d->watch_db);
        pthread_cond_destroy(&d->stop);
        pthread_mutex_destroy(&d->lock);
        mem_free(d->sent);
        for (int i = 0; i < _RUN_QUEUE_N; i++) {
            mem_free(d->subjects[i]);
        }
        mem_free(d->pool);
        share_free(d->share);
        mem_free(d->conninfo);
        mem_free(d);
    }
    return NULL;
}

/* Events that are the publisher's to take. */
static size_t waiting_for(const struct publisher *p)
{
    size_t bare = waiting_bare(p->d->line);
    return p->reads_back ? bare : waiting_len(p->d->line) - bare;
}

/* Under the lock. */
static void wake(struct dispatcher *d)
{
    for (int i = 0; i < PUBLISHERS; i++) {
        if (waiting_for(&d->publishers[i]) > 0) {
            pthread_cond_signal(&d->publishers[i].changed);
        }
    }
}

void dispatcher_begin(struct dispatcher *d)
{
    pthread_mutex_lock(&d->lock);
}

void dispatcher_add(struct dispatcher *d, const struct uuid *customer_id,
                    const struct uuid *execution_id, struct str run_request)
{
    waiting_push(d->line, customer_id, execution_id, run_request, false);
}

void dispatcher_end(struct dispatcher *d)
{
    atomic_store_explicit(&d->n_waiting, waiting_len(d->line), memory_order_relaxed);
    wake(d);
    pthread_mutex_unlock(&d->lock);
}

static void add_ids(struct dispatcher *d, const struct uuid *ids, size_t n, bool taken_over)
{
    static const struct uuid nobody;
    dispatcher_begin(d);
    for (size_t i = 0; i < n; i++) {
        waiting_push(d->line, &nobody, &ids[i], str_n(NULL, RELOAD_SIZE_GUESS), taken_over);
    }
    dispatcher_end(d);
}

void dispatcher_add_ids(struct dispatcher *d, const struct uuid *ids, size_t n)
{
    add_ids(d, ids, n, false);
}

void dispatcher_add_taken_over(struct dispatcher *d, const struct uuid *ids, size_t n)
{
    add_ids(d, ids, n, true);
}

size_t dispatcher_waiting(const struct dispatcher *d)
{
    return atomic_load_explicit(&d->n_waiting, memory_order_relaxed);
}

/* --- publishing ------------------------------------------------------------------------------- */

static void on_stored(void *ctx, int rc)
{
    struct slot *s = ctx;
    struct dispatcher *d = s->p->d;
    pthread_mutex_lock(&d->lock);
    s->state = rc == 0 ? SLOT_FREE : SLOT_FAILED;
    s->retry_at_ns = clock_mono_ns() + RETRY_NS;
    if (rc != 0 || waiting_for(s->p) > 0) {
        pthread_cond_signal(&s->p->changed);
    }
    pthread_mutex_unlock(&d->lock);
}

static void publish(struct dispatcher *d, struct slot *s)
{
    pthread_mutex_lock(&d->lock);
    s->state = SLOT_SENT;
    pthread_mutex_unlock(&d->lock);
    int r = bus_publish_stored(d->bus, d->subjects[s->queue], s->msg_id, buf_str(&s->message),
                               PUBLISH_WAIT_MS, on_stored, s);
    if (r < 0) {
        on_stored(s, r);
    }
}

static void remember_sent(struct dispatcher *d, const struct uuid *first)
{
    if (uuid_eq(first, &no_id)) {
        return;
    }
    pthread_mutex_lock(&d->lock);
    if (d->sent_len < SENT_MAX) { /* else it keeps the older, safer ones */
        d->sent[(d->sent_first + d->sent_len) % SENT_MAX] = (struct sent){clock_now_ns(), *first};
        d->sent_len++;
    }
    pthread_mutex_unlock(&d->lock);
}

struct batch_fill {
    struct slot *slot;
    const struct waiting_event *events;
    size_t n_events;
};

static bool is_taken_over(const struct batch_fill *fill, const struct uuid *id)
{
    for (size_t i = 0; i < fill->n_events; i++) {
        if (uuid_eq(&fill->events[i].id, id)) {
            return fill->events[i].taken_over;
        }
    }
    return false;
}

static void add_reloaded(void *ctx, const struct run_request *request)
{
    struct batch_fill *fill = ctx;
    if (request->queued && !is_taken_over(fill, &request->execution_id)) {
        return; /* the gate sends it when it has its turn */
    }
    AUTO(buf_done) struct buf one = {0};
    buf_init(&one, MESSAGE_MAX_BYTES);
    struct run_request copy = *request;
    copy.dispatched_ns = clock_now_ns();
    wire_encode(&run_request_message, &copy, &one);
    wire_batch_add(&fill->slot->message, buf_str(&one));
}

/* Which queue the next event goes to: what is taken over, to that of everybody. */
static enum run_queue queue_of(const struct dispatcher *d, const struct waiting_event *e,
                               int64_t now)
{
    return !e->taken_over && share_over(d->share, &e->lane, now) ? RUN_QUEUE_BULK : RUN_QUEUE_MAIN;
}

/* Takes the next events off the line for a slot, all for one queue. Lanes that begin with an event
 * of the other publisher, or whose queue is full or another one, are passed over. From the line to
 * the slot in one step, so that the heartbeat always sees them. */
static size_t take(struct dispatcher *d, struct slot *s, struct waiting_event *events)
{
    size_t n = 0, bytes = 0, passed = 0;
    int64_t now = clock_mono_ns();
    pthread_mutex_lock(&d->lock);
    int64_t room[_RUN_QUEUE_N] = {
        [RUN_QUEUE_MAIN] = d->allowance[RUN_QUEUE_MAIN],
        [RUN_QUEUE_BULK] = MIN(d->allowance[RUN_QUEUE_BULK], share_bulk_room(d->share, now)),
    };
    s->state = SLOT_FILLING;
    s->first = no_id;
    while (n < BATCH_MAX_RUNS && passed < waiting_lanes(d->line) && bytes < BATCH_TARGET_BYTES) {
        struct waiting_event next = waiting_next(d->line);
        enum run_queue queue = queue_of(d, &next, now);
        bool other = (next.bytes == NULL) != s->p->reads_back || (n > 0 && queue != s->queue);
        if (room[queue] <= (int64_t)n || other) {
            waiting_skip(d->line);
            passed++;
            continue;
        }
        if (n > 0 && bytes + next.size > BATCH_TARGET_BYTES) {
            break;
        }
        bytes += next.size;
        if (!next.taken_over && uuid_cmp(&next.id, &s->first) < 0) {
            s->first = next.id;
        }
        s->queue = queue;
        passed = 0;
        events[n++] = waiting_pop(d->line);
        if (!next.taken_over) {
            share_charge(d->share, &next.lane, queue == RUN_QUEUE_BULK, now);
        }
    }
    atomic_store_explicit(&d->n_waiting, waiting_len(d->line), memory_order_relaxed);
    pthread_mutex_unlock(&d->lock);
    return n;
}

static int reload_into(struct slot *s, const struct waiting_event *events, size_t n,
                       struct err *err)
{
    struct uuid ids[BATCH_MAX_RUNS];
    for (size_t i = 0; i < n; i++) {
        ids[i] = events[i].id;
    }
    struct batch_fill fill = {.slot = s, .events = events, .n_events = n};
    return reload_requests(s->p->db, ids, n, add_reloaded, &fill, err);
}

static int ensure_db(struct dispatcher *d, struct db **db, struct err *err)
{
    return db_ensure(db, d->conninfo, "leat-dispatcher", err);
}

/* Events to be read back are held here until PostgreSQL answers. False when no event of the line
 * may go now. */
static bool fill_slot(struct dispatcher *d, struct slot *s)
{
    struct waiting_event events[BATCH_MAX_RUNS];
    size_t n = take(d, s, events);
    buf_clear(&s->message);
    for (size_t i = 0; i < n; i++) {
        if (events[i].bytes) {
            wire_batch_add(&s->message, str_n(events[i].bytes, events[i].size));
            mem_free(events[i].bytes);
        }
    }
    while (n > 0 && s->p->reads_back) {
        struct err err;
        int r = ensure_db(d, &s->p->db, &err);
        if (r == 0) {
            r = reload_into(s, events, n, &err);
        }
        if (r == 0 || d->stopping) {
            break;
        }
        buf_clear(&s->message);
        log_warn("reading waiting events back failed", LOG_STR("error", err.message));
        clock_wait_ns(RETRY_NS);
    }
    if (s->message.full) {
        /* Larger than guessed: each event goes back to travel alone. */
        dispatcher_begin(d);
        for (size_t i = n; n > 1 && i > 0; i--) {
            waiting_put_back(d->line, &events[i - 1], BATCH_TARGET_BYTES);
        }
        s->state = SLOT_FREE;
        dispatcher_end(d);
        log_warn("a batch of events was too large and is sent one by one", LOG_INT("events", n));
        buf_clear(&s->message);
    } else if (s->message.len == 0) {
        dispatcher_begin(d);
        s->state = SLOT_FREE;
        dispatcher_end(d);
    } else {
        struct uuid id = uuid_v4();
        uuid_format(&id, s->msg_id);
        remember_sent(d, &s->first);
        d->allowance[s->queue] -= (int64_t)n;
        d->milli_runs[s->queue] += ((int64_t)n * 1000 - d->milli_runs[s->queue]) / 16;
        publish(d, s);
    }
    return n > 0;
}

/* --- the watching thread ---------------------------------------------------------------------- */

static void ask_queue(struct dispatcher *d)
{
    static const int64_t most[_RUN_QUEUE_N] = {
        [RUN_QUEUE_MAIN] = RUNS_AHEAD,
        [RUN_QUEUE_BULK] = BULK_AHEAD,
    };
    struct bus_queue_state queues[_RUN_QUEUE_N];
    struct err err;
    int r = runs_ahead(d->bus, d->pool, queues, &err);
    if (r == -ENOENT || r == -ENOTCONN) {
        (void)!bus_ensure_streams(d->bus, d->pool, &err);
    }
    if (r == 0) {
        d->oldest_pending_ns = runs_ahead_oldest(queues);
        pthread_mutex_lock(&d->lock);
        for (int i = 0; i < _RUN_QUEUE_N; i++) {
            d->allowance[i] = most[i] - (int64_t)queues[i].pending * d->milli_runs[i] / 1000;
        }
        wake(d);
        pthread_mutex_unlock(&d->lock);
    }
}

/* The first event that may still be on its way to a worker. */
static struct uuid oldest_on_the_way(struct dispatcher *d)
{
    int64_t safe = clock_now_ns() - GRACE_NS;
    if (d->oldest_pending_ns && d->oldest_pending_ns - NS_PER_SEC < safe) {
        safe = d->oldest_pending_ns - NS_PER_SEC;
    }
    struct uuid oldest = no_id;
    pthread_mutex_lock(&d->lock);
    while (d->sent_len > 0 && d->sent[d->sent_first].at_ns < safe) {
        d->sent_first = (d->sent_first + 1) % SENT_MAX;
        d->sent_len--;
    }
    for (size_t i = 0; i < d->sent_len; i++) {
        const struct uuid *first = &d->sent[(d->sent_first + i) % SENT_MAX].first;
        oldest = uuid_cmp(first, &oldest) < 0 ? *first : oldest;
    }
    for (int i = 0; i < PUBLISHERS * IN_FLIGHT; i++) {
        const struct slot *s = &d->publishers[i / IN_FLIGHT].slots[i % IN_FLIGHT];
        if (s->state != SLOT_FREE && uuid_cmp(&s->first, &oldest) < 0) {
            oldest = s->first;
        }
    }
    struct uuid first;
    if (waiting_oldest(d->line, &first) && uuid_cmp(&first, &oldest) < 0) {
        oldest = first;
    }
    pthread_mutex_unlock(&d->lock);
    return oldest;
}

static void beat(struct dispatcher *d)
{
    struct err err;
    int r = ensure_db(d, &d->watch_db, &err);
    if (r == 0) {
        struct uuid oldest = oldest_on_the_way(d);
        struct db_param waiting = uuid_eq(&oldest, &no_id) ? DB_NULL : DB_UUID(oldest);
        r = db_run(d->watch_db, QUERY_REPLICA_HEARTBEAT, NULL, &err, DB_I64(d->replica_id),
                   waiting);
    }
    if (r != 0) {
        log_warn("heartbeat failed", LOG_STR("error", err.message));
    }
}

static void *watch(void *arg)
{
    struct dispatcher *d = arg;
    int64_t asked_ns = 0, beat_ns = 0;
    while (!d->stopping) {
        int64_t now = clock_mono_ns();
        bool plenty = d->allowance[RUN_QUEUE_MAIN] > RUNS_AHEAD / 2 &&
                      d->allowance[RUN_QUEUE_BULK] > BULK_AHEAD / 2;
        int64_t ask_at = asked_ns + (plenty ? ASK_NS : ASK_SOON_NS);
        if (now >= ask_at) {
            ask_queue(d);
            asked_ns = now;
        }
        if (now >= beat_ns + d->heartbeat_ns) {
            beat(d);
            beat_ns = now;
        }
        int64_t until = clock_mono_ns() + ASK_SOON_NS;
        struct timespec ts = clock_timespec(until);
        pthread_mutex_lock(&d->lock);
        if (!d->stopping) {
            (void)pthread_cond_timedwait(&d->stop, &d->lock, &ts);
        }
        pthread_mutex_unlock(&d->lock);
    }
    return NULL;
}

/* --- the publishing threads ------------------------------------------------------------------- */

static bool may_publish(const struct dispatcher *d)
{
    return d->allowance[RUN_QUEUE_MAIN] > 0 || d->allowance[RUN_QUEUE_BULK] > 0;
}

/* Sends again what failed and fills free slots; true when something was done. */
static bool work(struct publisher *p)
{
    struct dispatcher *d = p->d;
    bool worked = false;
    p->stuck = false;
    int64_t now = clock_mono_ns();
    for (int i = 0; i < IN_FLIGHT; i++) {
        struct slot *s = &p->slots[i];
        pthread_mutex_lock(&d->lock);
        enum slot_state state = s->state;
        bool due = state == SLOT_FAILED && s->retry_at_ns <= now;
        bool fill = state == SLOT_FREE && waiting_for(p) > 0 && may_publish(d) && !p->stuck;
        pthread_mutex_unlock(&d->lock);
        if (due) {
            publish(d, s);
        } else if (fill) {
            p->stuck = !fill_slot(d, s);
            worked |= !p->stuck;
        }
    }
    return worked;
}

static void wait_for_change(struct publisher *p)
{
    struct dispatcher *d = p->d;
    pthread_mutex_lock(&d->lock);
    bool idle = waiting_for(p) == 0;
    int64_t until = clock_mono_ns() + (idle ? 100 : 5) * NS_PER_MS;
    struct timespec ts = clock_timespec(until);
    bool can_fill = false;
    for (int i = 0; i < IN_FLIGHT && !idle && !p->stuck && may_publish(d); i++) {
        can_fill |= p->slots[i].state == SLOT_FREE;
    }
    if (!can_fill && !d->stopping) {
        (void)pthread_cond_timedwait(&p->changed, &d->lock, &ts);
    }
    pthread_mutex_unlock(&d->lock);
}

static void *run(void *arg)
{
    struct publisher *p = arg;
    while (!p->d->stopping) {
        if (!work(p)) {
            wait_for_change(p);
        }
    }
    return NULL;
}

int dispatcher_start(struct dispatcher *d)
{
    int r = 0;
    for (int i = 0; i < PUBLISHERS && r == 0; i++) {
        r = pthread_create(&d->publishers[i].thread, NULL, run, &d->publishers[i]);
        d->n_started += r == 0;
    }
    if (r == 0) {
        r = pthread_create(&d->watch_thread, NULL, watch, d);
        d->watches = r == 0;
    }
    if (r != 0) {
        dispatcher_stop(d);
    }
    return -r;
}

/* Publishes in flight answer into their slots. */
static void wait_for_answers(struct dispatcher *d)
{
    for (int i = 0; i < PUBLISHERS * IN_FLIGHT; i++) {
        const struct slot *s = &d->publishers[i / IN_FLIGHT].slots[i % IN_FLIGHT];
        bool sent = true;
        for (int64_t until = clock_mono_ns() + 2 * PUBLISH_WAIT_MS * NS_PER_MS;
             sent && clock_mono_ns() < until;) {
            pthread_mutex_lock(&d->lock);
            sent = s->state == SLOT_SENT;
            pthread_mutex_unlock(&d->lock);
            if (sent) {
                clock_wait_ns(5 * NS_PER_MS);
            }
        }
    }
}

void dispatcher_stop(struct dispatcher *d)
{
    if (d->n_started == 0) {
        return;
    }
    pthread_mutex_lock(&d->lock);
    d->stopping = true;
    for (int i = 0; i < PUBLISHERS; i++) {
        pthread_cond_signal(&d->publishers[i].changed);
    }
    pthread_cond_signal(&d->stop);
    pthread_mutex_unlock(&d->lock);
    while (d->n_started > 0) {
        pthread_join(d->publishers[--d->n_started].thread, NULL);
    }
    if (d->watches) {
        pthread_join(d->watch_thread, NULL);
        d->watches = false;
        beat(d); /* the last word: what is on the way now is left alone until this replica counts as
                    dead */
    }
    wait_for_answers(d);
}
