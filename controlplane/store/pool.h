/* A bounded pool of connections for the blocking lane. Thread-safe. */
#pragma once

#include "db.h"

struct pool;
int pool_new(const char *conninfo, enum db_role role, int size, struct pool **ret,
             struct err *err) must_check;
struct pool *pool_free(struct pool *p);
/* Waits up to timeout_ms for a connection; a broken one is reopened first. -ETIMEDOUT, -ENOTCONN.
 */
int pool_get(struct pool *p, int64_t timeout_ms, struct db **ret, struct err *err) must_check;
void pool_put(struct pool *p, struct db *db); /* rolls back what is open */
