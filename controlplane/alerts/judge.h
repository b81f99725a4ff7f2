/* Judges what happened to monitored instances, and trips their monitors. Nobody tells it: it reads
 * executions and results after they were committed, so that neither ingress nor the recorder does
 * anything for it. */
#pragma once

#include "db.h"

/* One transaction on db, and nothing when there are no monitors or another replica has the turn.
 * *ret_tripped = how many monitors; *ret_more = there is more to judge already. */
int judge_pass(struct db *db, size_t *ret_tripped, bool *ret_more, struct err *err) must_check;
