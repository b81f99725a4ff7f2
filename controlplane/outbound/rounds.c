/* Owns threads of the background that ask PostgreSQL now and then, and their end. Made and stopped
 * by the owner's thread; each task runs on a thread of its own. */
#include "outbound/rounds.h"

#include <pthread.h>

#include "clock.h"
#include "log.h"

#define EVERY_MS 1000
#define AWAY_MS  2000

struct rounds {
    struct round {
        struct rounds *owner;
        struct rounds_task task;
        pthread_t thread;
        bool started;
    } rounds[ROUNDS_MAX];
    size_t n;
    pthread_mutex_t lock; /* guards stopping */
    pthread_cond_t stop;
    bool stopping;
};

struct rounds *rounds_new(void)
{
    struct rounds *r = mem_new(struct rounds);
    pthread_mutex_init(&r->lock, NULL);
    clock_cond_init(&r->stop);
    return r;
}

void rounds_add(struct rounds *r, const struct rounds_task *task)
{
    ASSERT(r->n < ROUNDS_MAX);
    r->rounds[r->n++] = (struct round){.owner = r, .task = *task};
}

/* False when stopping. */
static bool wait_ms(struct rounds *s, int64_t ms)
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

static void *run(void *arg)
{
    struct round *own = arg;
    bool said = false;
    int64_t pause_ms = 0, every_ms = own->task.every_ms ? own->task.every_ms : EVERY_MS;
    (void)pthread_setname_np(pthread_self(), own->task.name);
    while (wait_ms(own->owner, pause_ms)) {
        struct err err = {0};
        bool more = false;
        int r = own->task.once(own->task.arg, &more, &err);
        if (r != 0 && !said) {
            log_warn(own->task.trouble, LOG_STR("error", err.message));
        }
        said = r != 0;
        pause_ms = r != 0 ? AWAY_MS : more ? 0 : every_ms;
    }
    return NULL;
}

int rounds_start(struct rounds *r)
{
    int failed = 0;
    for (size_t i = 0; i < r->n && failed == 0; i++) {
        failed = pthread_create(&r->rounds[i].thread, NULL, run, &r->rounds[i]);
        r->rounds[i].started = failed == 0;
    }
    return -failed;
}

void rounds_stop(struct rounds *r)
{
    pthread_mutex_lock(&r->lock);
    r->stopping = true;
    pthread_cond_broadcast(&r->stop);
    pthread_mutex_unlock(&r->lock);
    for (size_t i = 0; i < r->n; i++) {
        if (r->rounds[i].started) {
            pthread_join(r->rounds[i].thread, NULL);
            r->rounds[i].started = false;
        }
    }
}

struct rounds *rounds_free(struct rounds *r)
{
    if (r) {
        rounds_stop(r);
        pthread_cond_destroy(&r->stop);
        pthread_mutex_destroy(&r->lock);
        mem_free(r);
    }
    return NULL;
}
