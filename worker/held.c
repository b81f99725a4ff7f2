/* Owns pulled messages and the list of runs they carry, oldest first. Jobs are added by the fetch
 * thread, begun by slots, released by the outbox and leased by presence. All decisions about a
 * message are made here, under one lock; the bus is called after it is given up. */
#include "held.h"

#include <pthread.h>
#include <stdatomic.h>

#include "clock.h"
#include "presence.h"
#include "subjects.h"

#define LEASES_FOR_ACK    2 /* presence is a core message and may be lost: once is not enough */
#define IN_PROGRESS_NS    (20 * NS_PER_SEC)
#define MESSAGE_ARENA_MAX MIB(64)

struct run_message {
    struct run_message *next, *prev; /* held's, while not acknowledged */
    struct bus_message *bus;
    struct arena *arena;
    struct run_job *jobs;
    size_t n_jobs, n_left; /* left: result not stored */
    size_t n_leased;       /* of those left */
    bool acked;
    bool given_back; /* a run of it will not run here: it must come again */
    atomic_bool begun;
    size_t bytes;
    int64_t progress_ns; /* monotonic: when the server was last told */
};

struct held {
    struct held_options options;
    pthread_mutex_t lock; /* guards everything below and the jobs' links */
    struct run_job ring;  /* newer = oldest run */
    struct run_message *messages;
    uint64_t sequence;
    size_t n;
    atomic_size_t bytes; /* of all messages; outside the lock */
};

struct held *held_new(const struct held_options *options)
{
    struct held *h = mem_new(struct held);
    h->options = *options;
    ASSERT(pthread_mutex_init(&h->lock, NULL) == 0);
    h->ring.newer = h->ring.older = &h->ring;
    return h;
}

static void message_free(struct held *h, struct run_message *m)
{
    atomic_fetch_sub(&h->bytes, m->bytes);
    bus_message_free(m->bus);
    arena_free(m->arena);
    mem_free(m);
}

static void unlink_job(struct held *h, struct run_job *job)
{
    job->older->newer = job->newer;
    job->newer->older = job->older;
    h->n--;
}

static void unlink_message(struct held *h, struct run_message *m)
{
    if (m->prev) {
        m->prev->next = m->next;
    } else {
        h->messages = m->next;
    }
    if (m->next) {
        m->next->prev = m->prev;
    }
    m->next = m->prev = NULL;
}

struct held *held_free(struct held *h)
{
    if (h) {
        while (h->ring.newer != &h->ring) {
            struct run_job *job = h->ring.newer;
            struct run_message *m = job->message;
            unlink_job(h, job);
            if (--m->n_left == 0) {
                message_free(h, m);
            }
        }
        pthread_mutex_destroy(&h->lock);
        mem_free(h);
    }
    return NULL;
}

static size_t count_batch(struct str batch)
{
    struct str message;
    size_t n = 0;
    int rc;
    while ((rc = wire_batch_next(&batch, &message)) == 1) {
        n++;
    }
    return rc < 0 ? 0 : n;
}

/* Decodes what can be decoded, without runs dispatched before oldest_ns (since the epoch); false
 * when the batch is not one. */
static bool decode_batch(struct run_message *m, struct str batch, int64_t oldest_ns)
{
    struct str message;
    size_t n = count_batch(batch), left_out = 0;
    m->jobs = arena_array(m->arena, n, sizeof(*m->jobs));
    while (wire_batch_next(&batch, &message) == 1 && m->n_jobs + left_out < n) {
        struct run_job *job = &m->jobs[m->n_jobs];
        if (wire_decode(&run_request_message, m->arena, message, &job->request, NULL) < 0) {
            continue;
        }
        if (job->request.dispatched_ns < oldest_ns) {
            left_out++;
        } else {
            job->message = m;
            m->n_jobs++;
        }
    }
    m->n_left = m->n_jobs;
    return n > 0 && m->n_jobs + left_out == n;
}

size_t held_add(struct held *h, struct bus_message *own_message, uint64_t deliveries,
                struct slot_job **ret_first, bool *ret_bad)
{
    /* Came before: what is older than a lease is the sweeper's, which hands it out by itself. */
    int64_t oldest_ns = deliveries > 1 ? clock_now_ns() - LEASE_MS * NS_PER_MS : INT64_MIN;
    struct run_message *m = mem_new(struct run_message);
    m->bus = own_message;
    m->arena = arena_new(KIB(8), MESSAGE_ARENA_MAX);
    m->bytes = bus_message_data(own_message).len;
    atomic_fetch_add(&h->bytes, m->bytes);
    *ret_bad = !decode_batch(m, bus_message_data(own_message), oldest_ns);
    *ret_first = NULL;
    if (!m->n_jobs) {
        h->options.ack(h->options.ctx, m->bus);
        message_free(h, m);
        return 0;
    }
    int64_t now = clock_mono_ns();
    m->progress_ns = now;
    pthread_mutex_lock(&h->lock);
    for (size_t i = 0; i < m->n_jobs; i++) {
        struct run_job *job = &m->jobs[i];
        job->held_since_ns = now;
        job->sequence = ++h->sequence;
        job->queued.lane = (uint32_t)uuid_hash(&job->request.customer_id);
        job->older = h->ring.older;
        job->newer = &h->ring;
        job->older->newer = job;
        h->ring.older = job;
        job->queued.next = i + 1 < m->n_jobs ? &m->jobs[i + 1].queued : NULL;
    }
    m->next = h->messages;
    if (m->next) {
        m->next->prev = m;
    }
    h->messages = m;
    h->n += m->n_jobs;
    pthread_mutex_unlock(&h->lock);
    *ret_first = &m->jobs[0].queued;
    return m->n_jobs;
}

void held_start(struct held *h, struct run_job *job)
{
    atomic_store_explicit(&job->message->begun, true, memory_order_relaxed);
}

void held_release(struct held *h, struct run_job *job)
{
    struct run_message *m = job->message;
    pthread_mutex_lock(&h->lock);
    unlink_job(h, job);
    m->n_leased -= job->leased >= LEASES_FOR_ACK;
    bool last = --m->n_left == 0;
    bool ack = !m->acked && !m->given_back && m->n_leased == m->n_left;
    if (ack || (last && !m->acked)) {
        m->acked = true;
        unlink_message(h, m);
    }
    pthread_mutex_unlock(&h->lock);
    if (ack) {
        h->options.ack(h->options.ctx, m->bus);
    }
    if (last) {
        message_free(h, m);
    }
}

/* Under no lock: one job that will not run here. */
static void give_back(struct held *h, struct run_job *job)
{
    struct run_message *m = job->message;
    pthread_mutex_lock(&h->lock);
    unlink_job(h, job);
    m->given_back = true;
    m->n_leased -= job->leased >= LEASES_FOR_ACK;
    bool last = --m->n_left == 0;
    bool again = last && !m->acked && !atomic_load(&m->begun);
    if (last && !m->acked) {
        unlink_message(h, m);
    }
    pthread_mutex_unlock(&h->lock);
    if (again) {
        h->options.give_back(h->options.ctx, m->bus);
    }
    if (last) {
        message_free(h, m);
    }
}

struct slot_job *held_give_back(struct held *h, struct slot_job *first, bool begun_too)
{
    struct slot_job *kept = NULL, **tail = &kept;
    while (first) {
        struct run_job *job = (struct run_job *)first;
        first = first->next;
        if (atomic_load(&job->message->begun) && !begun_too) {
            job->queued.next = NULL;
            *tail = &job->queued;
            tail = &job->queued.next;
        } else {
            give_back(h, job);
        }
    }
    return kept;
}

size_t held_list(struct held *h, int64_t before_ns, uint64_t *after, struct presence_run *ret_runs,
                 size_t max)
{
    size_t n = 0;
    pthread_mutex_lock(&h->lock);
    for (struct run_job *job = h->ring.newer;
         job != &h->ring && job->held_since_ns <= before_ns && n < max; job = job->newer) {
        if (job->sequence > *after) {
            *after = job->sequence;
            ret_runs[n++] = (struct presence_run){.execution_id = job->request.execution_id,
                                                  .attempt = job->request.attempt};
        }
    }
    pthread_mutex_unlock(&h->lock);
    return n;
}

/* Under the lock: what the server is to be told; at most `max` messages, the rest next time. */
static size_t collect(struct held *h, struct run_message **ret, bool *ret_ack, size_t max)
{
    int64_t now = clock_mono_ns();
    size_t n = 0;
    struct run_message *next;
    for (struct run_message *m = h->messages; m && n < max; m = next) {
        next = m->next;
        if (m->n_leased == m->n_left && !m->given_back) {
            m->acked = true;
            unlink_message(h, m);
            ret_ack[n] = true;
            ret[n++] = m;
        } else if (now - m->progress_ns > IN_PROGRESS_NS) {
            m->progress_ns = now;
            ret_ack[n] = false;
            ret[n++] = m;
        }
    }
    return n;
}

void held_leased(struct held *h, uint64_t up_to)
{
    struct run_message *messages[256];
    bool ack[256];
    pthread_mutex_lock(&h->lock);
    for (struct run_job *job = h->ring.newer; job != &h->ring && job->sequence <= up_to;
         job = job->newer) {
        if (++job->leased == LEASES_FOR_ACK) {
            job->message->n_leased++;
        }
    }
    size_t told = collect(h, messages, ack, ARRAY_LEN(messages));
    /* Under the lock still: a release could free a message that is being told about. */
    for (size_t i = 0; i < told; i++) {
        if (ack[i]) {
            h->options.ack(h->options.ctx, messages[i]->bus);
        } else {
            h->options.in_progress(h->options.ctx, messages[i]->bus);
        }
    }
    pthread_mutex_unlock(&h->lock);
}

size_t held_bytes(struct held *h)
{
    return atomic_load(&h->bytes);
}

size_t held_count(struct held *h)
{
    pthread_mutex_lock(&h->lock);
    size_t n = h->n;
    pthread_mutex_unlock(&h->lock);
    return n;
}
