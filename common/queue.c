/* Owns a ring of pointers under one mutex. Any number of pushing and popping threads. The mutex
 * `lock` guards every field; nothing is called while it is held. Refuses to grow. */
#include "queue.h"

#include <pthread.h>
#include <time.h>

#include "clock.h"
#include "mem.h"

struct queue {
    pthread_mutex_t lock;
    pthread_cond_t filled; /* an item came, or the queue closed */
    size_t cap, len, head;
    bool closed;
    void *items[];
};

struct queue *queue_new(size_t cap)
{
    size_t size;
    ASSERT(cap > 0 && !__builtin_mul_overflow(cap, sizeof(void *), &size) &&
           !__builtin_add_overflow(size, sizeof(struct queue), &size));
    struct queue *q = mem_zalloc(size);
    q->cap = cap;
    int rc = pthread_mutex_init(&q->lock, NULL);
    ASSERT(rc == 0);
    clock_cond_init(&q->filled);
    return q;
}

struct queue *queue_free(struct queue *q)
{
    if (q) {
        (void)pthread_cond_destroy(&q->filled);
        (void)pthread_mutex_destroy(&q->lock);
        mem_free(q);
    }
    return NULL;
}

int queue_push(struct queue *q, void *item)
{
    int rc = 0;
    (void)pthread_mutex_lock(&q->lock);
    if (q->closed) {
        rc = -EPIPE;
    } else if (q->len == q->cap) {
        rc = -EAGAIN;
    } else {
        size_t at = q->cap - q->head > q->len ? q->head + q->len : q->len - (q->cap - q->head);
        q->items[at] = item;
        q->len++;
        (void)pthread_cond_signal(&q->filled);
    }
    (void)pthread_mutex_unlock(&q->lock);
    return rc;
}

/* With the lock held: waits for an item, the end or the deadline. */
static void wait_filled(struct queue *q, int64_t wait_ns)
{
    if (wait_ns < 0) {
        while (!q->len && !q->closed) {
            (void)pthread_cond_wait(&q->filled, &q->lock);
        }
        return;
    }
    int64_t until;
    if (__builtin_add_overflow(clock_mono_ns(), wait_ns, &until)) {
        until = INT64_MAX;
    }
    struct timespec ts = clock_timespec(until);
    int rc = wait_ns ? 0 : ETIMEDOUT;
    while (!q->len && !q->closed && rc != ETIMEDOUT) {
        rc = pthread_cond_timedwait(&q->filled, &q->lock, &ts);
    }
}

size_t queue_pop_many(struct queue *q, void **ret_items, size_t max, int64_t wait_ns)
{
    (void)pthread_mutex_lock(&q->lock);
    if (max) {
        wait_filled(q, wait_ns);
    }
    size_t n = MIN(max, q->len);
    for (size_t i = 0; i < n; i++) {
        ret_items[i] = q->items[q->head];
        q->head = q->head + 1 == q->cap ? 0 : q->head + 1;
    }
    q->len -= n;
    (void)pthread_mutex_unlock(&q->lock);
    return n;
}

void queue_close(struct queue *q)
{
    (void)pthread_mutex_lock(&q->lock);
    q->closed = true;
    (void)pthread_cond_broadcast(&q->filled);
    (void)pthread_mutex_unlock(&q->lock);
}

size_t queue_len(struct queue *q)
{
    (void)pthread_mutex_lock(&q->lock);
    size_t len = q->len;
    (void)pthread_mutex_unlock(&q->lock);
    return len;
}
