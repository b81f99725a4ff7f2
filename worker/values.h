/* Large values over the bus: storing one with the control plane, and reading it back. */
#pragma once

#include "bus.h"
#include "value_sender.h"

/* On the caller's thread, blocking; errors as value_sender_run. */
int values_put(struct bus *bus, const struct value *value, int64_t deadline_ns, int64_t stall_ns,
               struct err *err) must_check;
/* Reads a value of `size` bytes into a file without a name and maps that, read-only, until the
 * arena is cleared or freed. -ENOENT: it is gone; -ETIMEDOUT; -errno of the file system. */
int values_get(struct bus *bus, const struct uuid *execution_id, const struct uuid *value_id,
               uint64_t size, int64_t deadline_ns, struct arena *a, struct str *ret,
               struct err *err) must_check;
