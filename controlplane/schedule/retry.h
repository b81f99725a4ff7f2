/* Starts the retries of failed executions when their time has come. */
#pragma once

#include "db.h"

/* One transaction on db: claims up to `max` due retries with FOR UPDATE SKIP LOCKED and turns them
 * into executions with the stored request, on the revision that is deployed now: each starts once,
 * whichever replica claims it. *ret_claimed = how many there were and *ret_fired = how many
 * executions (their ids in ret_ids, room for max) were committed. Those of paused instances wait,
 * those whose flow is gone are dropped, and one with a unique request id waits for newer requests
 * of its flow that are still running, a quarter of an hour at most: theirs may be the same. */
#define RETRY_BATCH 100
int retry_claim(struct db *db, int replica_id, size_t max, size_t *ret_claimed,
                struct uuid *ret_ids, size_t *ret_fired, struct err *err) must_check;
