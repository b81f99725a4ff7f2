/* Owns the pull consumer of this worker's pool. One thread; it asks for as many messages as there
 * is room for and never holds one back, also not what comes late for an earlier request. While the
 * bus is away, or the stream is, it tries again. */
#include "consume.h"

#include <pthread.h>
#include <stdatomic.h>

#include "clock.h"
#include "log.h"
#include "subjects.h"

#define PULL_MAX      16
#define PULL_WAIT_MS  1000
#define ROOM_WAIT_NS  (200 * NS_PER_MS)
#define AGAIN_WAIT_NS (200 * NS_PER_MS)

struct consume {
    struct consume_options options;
    pthread_t thread;
    atomic_bool stopping;
    struct bus_puller *puller;
    char consumer[128];
};

static size_t room_limit(const struct consume *c)
{
    return c->options.bulk ? QUEUED_BULK_MAX : QUEUED_RUNS_MAX / 2;
}

static void take(struct consume *c, struct bus_message *m)
{
    struct slot_job *first;
    bool bad;
    size_t n = held_add(c->options.held, m, bus_message_deliveries(m), &first, &bad);
    if (bad) {
        log_warn("a message of runs could not be read whole", LOG_INT("runs_read", n));
    }
    for (struct slot_job *job = first; n && job; job = job->next) {
        job->bulk = c->options.bulk;
    }
    if (n) {
        slot_pool_push(c->options.slots, first);
    }
}

/* Without room, what was asked for before still comes, and is held so that its runs are known as
 * held. */
static int pull(struct consume *c, size_t room)
{
    struct bus_message *messages[PULL_MAX];
    int n = 0;
    if (room && !c->puller) {
        n = bus_puller_new(c->options.bus, STREAM_RUN, c->consumer, &c->puller);
    }
    if (n == 0 && c->puller) {
        int batch = (int)MAX(1, MIN(room / BATCH_MAX_RUNS, (size_t)PULL_MAX));
        n = room ? bus_pull(c->puller, batch, PULL_WAIT_MS, messages)
                 : bus_pull_owed(c->puller, PULL_MAX, messages);
    }
    for (int i = 0; i < n; i++) {
        take(c, messages[i]);
    }
    return n < 0 ? n : 0;
}

static void *consume_main(void *arg)
{
    struct consume *c = arg;
    bool away = false;
    while (!atomic_load(&c->stopping)) {
        size_t room =
            slot_pool_wait_room(c->options.slots, c->options.bulk, room_limit(c), ROOM_WAIT_NS);
        bool heavy = held_bytes(c->options.held) > HELD_BYTES_MAX;
        if (!room || heavy) {
            (void)pull(c, 0);
            if (heavy) {
                clock_wait_ns(ROOM_WAIT_NS);
            }
            continue;
        }
        int rc = pull(c, room);
        if (rc == -ENOENT) {
            c->puller = bus_puller_free(c->puller);
            rc = bus_ensure_streams(c->options.bus, c->options.pool, NULL);
        }
        if (rc < 0) {
            if (!away) {
                log_warn("no work can be fetched for now", LOG_INT("errno", -rc));
            }
            clock_wait_ns(AGAIN_WAIT_NS);
        } else if (away) {
            log_info("work is fetched again");
        }
        away = rc < 0;
    }
    return NULL;
}

struct consume *consume_new(const struct consume_options *options)
{
    struct consume *c = mem_new(struct consume);
    c->options = *options;
    (void)snprintf(c->consumer, sizeof(c->consumer), "%s-%s",
                   options->bulk ? CONSUMER_BULK : CONSUMER_RUN, options->pool);
    ASSERT(pthread_create(&c->thread, NULL, consume_main, c) == 0);
    return c;
}

struct consume *consume_free(struct consume *c)
{
    if (c) {
        atomic_store(&c->stopping, true);
        (void)pthread_join(c->thread, NULL);
        bus_puller_free(c->puller);
        mem_free(c);
    }
    return NULL;
}
