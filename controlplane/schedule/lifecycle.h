/* What happens to instances by themselves: remove flows of those that are being removed run, and
 * their rows go afterwards; deploys whose flows failed are taken back. */
#pragma once

#include "db.h"

/* One transaction on db: some marked instances get the executions of their remove flows (their ids
 * in ret_ids, room for max; *ret_fired of them: what is more is found by the sweeper); of removals
 * that have ended the rows are deleted: of instances, then of the integrations and customers that
 * were deleted with them; deploys whose flows have ended are judged. *ret_claimed = how much was
 * done, at most max of each. */
#define LIFECYCLE_BATCH 100
int lifecycle_claim(struct db *db, int replica_id, size_t max, size_t *ret_claimed,
                    struct uuid *ret_ids, size_t *ret_fired, struct err *err) must_check;
