/* Large values over the bus: storing one with the control plane, and reading it back. */
#pragma once

#include "bus.h"
#include "spill.h"
#include "value_sender.h"

/* On the caller's thread, blocking; errors as value_sender_run. */
int values_put(struct bus *bus, const struct value *value, int64_t deadline_ns, int64_t stall_ns,
               struct err *err) must_check;
/* Reads a value of `size` bytes into the set, or the arena when it is small. -ENOENT: it is gone;
 * -ETIMEDOUT; errors as spill_end. */
int values_get(struct bus *bus, const struct uuid *execution_id, const struct uuid *value_id,
               uint64_t size, int64_t deadline_ns, struct spill_set *spills, struct arena *a,
               struct str *ret, struct err *err) must_check;
