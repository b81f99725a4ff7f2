/* Owns result batches. Slots append to the open batch; the publisher's thread takes it once it has
 * lingered, fewer than max_in_flight are on their way and no more results come at once, so batches
 * grow by themselves when the bus is slow or the slots are busy.
 * The bus' callback only notes the outcome and wakes the publisher, which releases or tries again
 * with the same message id: the stream drops the double. */
#include "outbox.h"

#include <pthread.h>

#include "clock.h"
#include "uuid.h"
#include "wire.h"

#define RETRY_NS     (250 * NS_PER_MS)
#define RETRY_MAX_NS (4 * NS_PER_SEC)

enum batch_state { BATCH_WAITING, BATCH_SENT, BATCH_STORED, BATCH_AGAIN };

struct batch {
    struct batch *next;
    struct outbox *outbox;
    enum batch_state state;
    char msg_id[UUID_TEXT_LEN + 1];
    struct buf data;
    struct run_job **jobs;
    size_t n, cap;
    int64_t not_before_ns, backoff_ns;
    int64_t opened_ns;
};

struct outbox {
    struct outbox_options options;
    pthread_t thread;
    pthread_mutex_t lock;        /* guards everything below */
    pthread_cond_t work;         /* for the publisher */
    pthread_cond_t space;        /* for slots and drain */
    struct batch *first, **last; /* waiting */
    struct batch *open;          /* the last one, while it takes more; NULL = none */
    struct batch *sent;          /* in flight, or answered and not yet seen to */
    int n_sent;
    size_t bytes;
    int waiting;
    bool asleep, answered, stopping;
};

static struct batch *batch_new(struct outbox *o)
{
    struct batch *b = mem_new(struct batch);
    struct uuid id = uuid_v4();
    uuid_format(&id, b->msg_id);
    b->outbox = o;
    b->opened_ns = clock_mono_ns();
    buf_init(&b->data, 0);
    return b;
}

static void batch_free(struct batch *b)
{
    buf_done(&b->data);
    mem_free(b->jobs);
    mem_free(b);
}

/* On a library thread. */
static void on_answer(void *ctx, int rc)
{
    struct batch *b = ctx;
    struct outbox *o = b->outbox;
    pthread_mutex_lock(&o->lock);
    b->state = rc == 0 ? BATCH_STORED : BATCH_AGAIN;
    o->answered = true;
    pthread_cond_signal(&o->work);
    pthread_mutex_unlock(&o->lock);
}

/* Under the lock, given up meanwhile. */
static void release(struct outbox *o, struct batch *b)
{
    size_t bytes = b->data.len;
    pthread_mutex_unlock(&o->lock);
    for (size_t i = 0; i < b->n; i++) {
        o->options.stored(o->options.ctx, b->jobs[i]);
    }
    batch_free(b);
    pthread_mutex_lock(&o->lock);
    o->bytes -= bytes;
    if (o->waiting) {
        pthread_cond_broadcast(&o->space);
    }
}

/* Under the lock: sees to answered batches. */
static void see_to_answers(struct outbox *o)
{
    o->answered = false;
    struct batch **at = &o->sent;
    while (*at) {
        struct batch *b = *at;
        if (b->state == BATCH_SENT) {
            at = &b->next;
            continue;
        }
        *at = b->next;
        b->next = NULL;
        o->n_sent--;
        if (b->state == BATCH_STORED) {
            release(o, b);
            at = &o->sent; /* the list may have changed */
            continue;
        }
        b->backoff_ns = MIN(b->backoff_ns ? b->backoff_ns * 2 : RETRY_NS, RETRY_MAX_NS);
        b->not_before_ns = clock_mono_ns() + b->backoff_ns;
        b->next = o->first; /* before what is newer */
        o->first = b;
        if (!b->next) {
            o->last = &b->next;
        }
    }
}

/* Under the lock: an open batch is better sent a little later, with more in it. */
static int64_t due_at(const struct outbox *o, const struct batch *b)
{
    if (b != o->open) {
        return b->not_before_ns;
    }
    bool more = o->options.more_soon && o->options.more_soon(o->options.ctx);
    return b->opened_ns +
           (more ? MAX(o->options.hold_ns, o->options.linger_ns) : o->options.linger_ns);
}

/* Under the lock: takes the first batch that is due; NULL and *ret_wait_until when none is. */
static struct batch *take_due(struct outbox *o, int64_t *ret_wait_until)
{
    int64_t now = clock_mono_ns();
    *ret_wait_until = now + NS_PER_SEC;
    if (o->n_sent >= o->options.max_in_flight) {
        return NULL;
    }
    for (struct batch **at = &o->first; *at; at = &(*at)->next) {
        struct batch *b = *at;
        int64_t due = due_at(o, b);
        if (due > now) {
            *ret_wait_until = MIN(*ret_wait_until, due);
            continue;
        }
        *at = b->next;
        if (!*at) {
            o->last = at;
        }
        if (b == o->open) {
            o->open = NULL;
        }
        b->next = o->sent;
        b->state = BATCH_SENT;
        o->sent = b;
        o->n_sent++;
        return b;
    }
    return NULL;
}

static void *outbox_main(void *arg)
{
    struct outbox *o = arg;
    pthread_mutex_lock(&o->lock);
    while (!o->stopping) {
        int64_t until;
        if (o->answered) {
            see_to_answers(o);
        }
        struct batch *b = take_due(o, &until);
        if (b) {
            pthread_mutex_unlock(&o->lock);
            int rc = o->options.publish(o->options.ctx, b->msg_id, buf_str(&b->data), on_answer, b);
            if (rc < 0) {
                on_answer(b, rc);
            }
            pthread_mutex_lock(&o->lock);
            continue;
        }
        if (!o->answered) {
            struct timespec ts = clock_timespec(until);
            o->asleep = true;
            (void)pthread_cond_timedwait(&o->work, &o->lock, &ts);
            o->asleep = false;
        }
    }
    pthread_mutex_unlock(&o->lock);
    return NULL;
}

struct outbox *outbox_new(const struct outbox_options *options)
{
    struct outbox *o = mem_new(struct outbox);
    o->options = *options;
    ASSERT(pthread_mutex_init(&o->lock, NULL) == 0);
    clock_cond_init(&o->work);
    clock_cond_init(&o->space);
    o->last = &o->first;
    ASSERT(pthread_create(&o->thread, NULL, outbox_main, o) == 0);
    return o;
}

/* Under the lock: the batch that takes `len` more bytes. */
static struct batch *open_batch(struct outbox *o, size_t len)
{
    struct batch *b = o->open;
    if (!b || b->data.len + len > o->options.batch_bytes) {
        b = o->open = batch_new(o);
        *o->last = b;
        o->last = &b->next;
    }
    return b;
}

void outbox_add(struct outbox *o, struct str result, struct run_job *job)
{
    pthread_mutex_lock(&o->lock);
    while (o->bytes > o->options.max_bytes) {
        o->waiting++;
        pthread_cond_wait(&o->space, &o->lock);
        o->waiting--;
    }
    struct batch *b = open_batch(o, result.len);
    size_t before = b->data.len;
    wire_batch_add(&b->data, result);
    o->bytes += b->data.len - before;
    if (b->n == b->cap) {
        b->cap = b->cap ? b->cap * 2 : 16;
        b->jobs = mem_realloc(b->jobs, b->cap * sizeof(struct run_job *));
    }
    b->jobs[b->n++] = job;
    /* The first of a batch starts the publisher's clock, the last of many ends its wait. */
    if (o->asleep && o->n_sent < o->options.max_in_flight &&
        (b->n == 1 || due_at(o, b) <= clock_mono_ns())) {
        o->asleep = false; /* once is enough */
        pthread_cond_signal(&o->work);
    }
    pthread_mutex_unlock(&o->lock);
}

bool outbox_drain(struct outbox *o, int64_t wait_ns)
{
    int64_t until = clock_mono_ns() + wait_ns;
    struct timespec ts = clock_timespec(until);
    pthread_mutex_lock(&o->lock);
    while (o->bytes && clock_mono_ns() < until) {
        o->waiting++;
        (void)pthread_cond_timedwait(&o->space, &o->lock, &ts);
        o->waiting--;
    }
    bool empty = o->bytes == 0;
    pthread_mutex_unlock(&o->lock);
    return empty;
}

size_t outbox_bytes(struct outbox *o)
{
    pthread_mutex_lock(&o->lock);
    size_t bytes = o->bytes;
    pthread_mutex_unlock(&o->lock);
    return bytes;
}

struct outbox *outbox_free(struct outbox *o)
{
    if (!o) {
        return NULL;
    }
    pthread_mutex_lock(&o->lock);
    o->stopping = true;
    pthread_cond_signal(&o->work);
    pthread_mutex_unlock(&o->lock);
    (void)pthread_join(o->thread, NULL);
    struct batch *lists[] = {o->first, o->sent};
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        for (struct batch *b = lists[i], *next; b; b = next) {
            next = b->next;
            batch_free(b);
        }
    }
    pthread_cond_destroy(&o->work);
    pthread_cond_destroy(&o->space);
    pthread_mutex_destroy(&o->lock);
    mem_free(o);
    return NULL;
}
