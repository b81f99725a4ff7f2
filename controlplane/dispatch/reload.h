/* Accepted events read back from PostgreSQL as run requests. */
#pragma once

#include "db.h"
#include "run_request.h"

#define RELOAD_MAX 256 /* ids a call */

/* Calls fn with the request of every execution found, in order of id; the request's strings live
 * until fn returns. The attempt is that of the lease, 1 without one. What still waits in a queue,
 * or has its result already, is not found. */
typedef void (*reload_fn)(void *ctx, const struct run_request *request);
int reload_requests(struct db *db, const struct uuid *ids, size_t n, reload_fn fn, void *ctx,
                    struct err *err) must_check;
