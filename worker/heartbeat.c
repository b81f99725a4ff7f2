/* Owns the presence thread. Runs are leased only by messages that were handed to the bus: while it
 * is away nothing is counted, and messages stay with the queue's own redelivery. */
#include "heartbeat.h"

#include <pthread.h>

#include "clock.h"

#define RUNS_MAX 2000 /* a message; see presence.h */

struct heartbeat {
    struct heartbeat_options options;
    pthread_t thread;
    pthread_mutex_t lock; /* guards stopping */
    pthread_cond_t stop;
    bool stopping;
};

static void beat(struct heartbeat *hb, struct presence_run *runs, struct buf *text)
{
    struct presence p = {.worker_id = hb->options.worker_id, .pool = str_of(hb->options.pool)};
    hb->options.describe(hb->options.ctx, &p);
    int64_t before = clock_mono_ns() - PRESENCE_HELD_MS * NS_PER_MS;
    uint64_t named = 0;
    for (;;) {
        size_t n = held_list(hb->options.held, before, &named, runs, RUNS_MAX);
        p.runs = (struct wire_list){.items = runs, .n = n};
        buf_clear(text);
        wire_encode(&presence_message, &p, text);
        if (hb->options.publish(hb->options.ctx, buf_str(text)) < 0) {
            return;
        }
        if (n < RUNS_MAX) {
            break;
        }
    }
    held_leased(hb->options.held, named);
}

static void *heartbeat_main(void *arg)
{
    struct heartbeat *hb = arg;
    struct presence_run *runs = mem_array(RUNS_MAX, sizeof(*runs));
    struct buf text;
    buf_init(&text, 0);
    int64_t every_ms = hb->options.every_ms ? hb->options.every_ms : PRESENCE_EVERY_MS;
    pthread_mutex_lock(&hb->lock);
    while (!hb->stopping) {
        pthread_mutex_unlock(&hb->lock);
        beat(hb, runs, &text);
        int64_t until = clock_mono_ns() + every_ms * NS_PER_MS;
        struct timespec ts = clock_timespec(until);
        pthread_mutex_lock(&hb->lock);
        while (!hb->stopping && clock_mono_ns() < until) {
            (void)pthread_cond_timedwait(&hb->stop, &hb->lock, &ts);
        }
    }
    pthread_mutex_unlock(&hb->lock);
    buf_done(&text);
    mem_free(runs);
    return NULL;
}

struct heartbeat *heartbeat_new(const struct heartbeat_options *options)
{
    struct heartbeat *hb = mem_new(struct heartbeat);
    hb->options = *options;
    ASSERT(pthread_mutex_init(&hb->lock, NULL) == 0);
    clock_cond_init(&hb->stop);
    ASSERT(pthread_create(&hb->thread, NULL, heartbeat_main, hb) == 0);
    return hb;
}

struct heartbeat *heartbeat_free(struct heartbeat *hb)
{
    if (hb) {
        pthread_mutex_lock(&hb->lock);
        hb->stopping = true;
        pthread_cond_signal(&hb->stop);
        pthread_mutex_unlock(&hb->lock);
        (void)pthread_join(hb->thread, NULL);
        pthread_cond_destroy(&hb->stop);
        pthread_mutex_destroy(&hb->lock);
        mem_free(hb);
    }
    return NULL;
}
