/* Deletes what organizations keep for a shorter time than the platform keeps all: log lines, step
 * results, executions. The platform's own time is that of partitions, see sweeper.c. */
#pragma once

#include "db.h"

/* A few slices, each a transaction of its own on db. *ret_more = there is more to delete already.
 */
int retention_pass(struct db *db, bool *ret_more, struct err *err) must_check;
