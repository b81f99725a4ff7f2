/* Sees recorded executions: a thread with its own PostgreSQL connection asks for new result rows
 * about every millisecond and notes when each id was there for the first time. A row is visible
 * only when its transaction is committed and flushed, so what it notes is never too early; it is
 * late by up to one round of asking. */
#pragma once

#include "err.h"
#include "uuid.h"

struct recorded;
/* Lower bound of the ids still waited for, as milliseconds since the epoch; called on the thread.
 */
typedef int64_t (*recorded_floor_fn)(void *ctx, struct recorded *r);

int recorded_start(const char *conninfo, size_t max_ids, recorded_floor_fn floor, void *ctx,
                   struct recorded **ret, struct err *err) must_check;
void recorded_stop(struct recorded *r); /* ends the thread; what was seen stays readable */
struct recorded *recorded_free(struct recorded *r);
/* Monotonic time at which the id was seen; 0 = not yet. On the thread, or after recorded_stop. */
int64_t recorded_seen_ns(const struct recorded *r, const struct uuid *id);
DEFINE_CLEANUP(struct recorded *, recorded_free)
