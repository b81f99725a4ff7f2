/* Owns nothing: asks NATS about the consumers of a pool. Called by the dispatcher's watching thread
 * and by the sweeper. */
#include "dispatch/runs_ahead.h"

#include "subjects.h"

int runs_ahead(struct bus *bus, const char *pool, struct bus_queue_state ret[_RUN_QUEUE_N],
               struct err *err)
{
    static const char *const consumers[_RUN_QUEUE_N] = {
        [RUN_QUEUE_MAIN] = CONSUMER_RUN,
        [RUN_QUEUE_BULK] = CONSUMER_BULK,
    };
    int r = 0;
    for (int i = 0; i < _RUN_QUEUE_N && r == 0; i++) {
        char consumer[128];
        (void)snprintf(consumer, sizeof(consumer), "%s-%s", consumers[i], pool);
        r = bus_queue_state(bus, STREAM_RUN, consumer, &ret[i], err);
    }
    return r;
}

int64_t runs_ahead_oldest(const struct bus_queue_state queues[_RUN_QUEUE_N])
{
    int64_t oldest = 0;
    for (int i = 0; i < _RUN_QUEUE_N; i++) {
        int64_t at = queues[i].oldest_pending_ns;
        oldest = at && (!oldest || at < oldest) ? at : oldest;
    }
    return oldest;
}
