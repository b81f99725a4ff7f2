/* Owns a thread and its pauses. beat_new to beat_free are called by whoever owns the work, fn on
 * the thread only. */
#include "beat.h"

#include "clock.h"
#include "mem.h"

struct beat {
    const char *name;
    beat_fn fn;
    void *arg;
    pthread_t thread;
    bool started;
    pthread_mutex_t lock; /* guards stopping */
    pthread_cond_t stop;
    bool stopping;
};

/* False when stopping. */
static bool pause_ms(struct beat *b, int64_t ms)
{
    struct timespec until = clock_timespec(clock_mono_ns() + ms * NS_PER_MS);
    pthread_mutex_lock(&b->lock);
    int r = 0;
    while (!b->stopping && ms > 0 && r == 0) {
        r = pthread_cond_timedwait(&b->stop, &b->lock, &until);
    }
    bool go_on = !b->stopping;
    pthread_mutex_unlock(&b->lock);
    return go_on;
}

static void *run(void *arg)
{
    struct beat *b = arg;
    int64_t ms = 0;
    (void)pthread_setname_np(pthread_self(), b->name);
    while (pause_ms(b, ms)) {
        ms = b->fn(b->arg);
    }
    return NULL;
}

struct beat *beat_new(const char *name, beat_fn fn, void *arg)
{
    struct beat *b = mem_new(struct beat);
    b->name = name;
    b->fn = fn;
    b->arg = arg;
    pthread_mutex_init(&b->lock, NULL);
    clock_cond_init(&b->stop);
    return b;
}

int beat_start(struct beat *b)
{
    int r = pthread_create(&b->thread, NULL, run, b);
    b->started = r == 0;
    return -r;
}

void beat_end(struct beat *b)
{
    pthread_mutex_lock(&b->lock);
    b->stopping = true;
    pthread_cond_broadcast(&b->stop);
    pthread_mutex_unlock(&b->lock);
}

void beat_stop(struct beat *b)
{
    beat_end(b);
    if (b->started) {
        pthread_join(b->thread, NULL);
        b->started = false;
    }
}

struct beat *beat_free(struct beat *b)
{
    if (b) {
        beat_stop(b);
        pthread_cond_destroy(&b->stop);
        pthread_mutex_destroy(&b->lock);
        mem_free(b);
    }
    return NULL;
}
