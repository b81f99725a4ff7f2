/* How the two queues of runs in NATS stand: that of everybody and that of customers over their
 * share. Blocks; any thread. */
#pragma once

#include "bus.h"

enum run_queue { RUN_QUEUE_MAIN, RUN_QUEUE_BULK, _RUN_QUEUE_N };
int runs_ahead(struct bus *bus, const char *pool, struct bus_queue_state ret[_RUN_QUEUE_N],
               struct err *err) must_check;
/* The store time of the oldest message that no worker has taken, in either; 0 = none waits. */
int64_t runs_ahead_oldest(const struct bus_queue_state queues[_RUN_QUEUE_N]);
