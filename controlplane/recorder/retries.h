/* What the results of a batch mean for retries. */
#pragma once

#include "recorder/batch.h"

/* Whether the result takes this way at all: it failed and its flow is retried, or it has a unique
 * request id. */
bool retries_concern(const struct run_result *r);
/* Inside the batch's transaction, after its results: failed executions get their next try, and a
 * request that is newer than one of the same id ends that one's retries. */
int retries_write(struct batch *b, struct db *db, struct err *err) must_check;
