/* Time zones by IANA name, from the system's zone files (RFC 8536, version 2 and later). A zone is
 * immutable, loaded once and kept for the life of the process; all functions may be called from
 * any thread. "Local seconds" are a wall-clock time counted as if it were UTC. */
#pragma once

#include "err.h"
#include "str.h"

#define ZONE_NAME_MAX 64

struct zone;

/* "Europe/Berlin"; "" = UTC. -EINVAL ("zone.unknown") when it is no name or no such zone,
 * ("zone.unreadable") when its file is malformed. */
int zone_load(const char *name, const struct zone **ret_zone, struct err *err) must_check;
/* Seconds east of UTC at an instant (Unix seconds). */
int32_t zone_offset(const struct zone *z, int64_t at);
/* The first instant after `at` from which another rule holds (the offset may stay the same);
 * INT64_MAX when there is none. */
int64_t zone_next_change(const struct zone *z, int64_t at);

enum zone_fit {
    ZONE_ONCE,
    ZONE_SKIPPED, /* in a gap: no such local time */
    ZONE_TWICE,   /* in an overlap */
    _ZONE_FIT_N
};
/* The instants of a local time: one; both of an overlap; for a gap the first instant after it. */
enum zone_fit zone_to_utc(const struct zone *z, int64_t local, int64_t *ret_first,
                          int64_t *ret_last);

/* Reads a zone file's bytes: for tests and fuzzing. */
int zone_parse(struct str bytes, struct zone **ret_zone, struct err *err) must_check;
struct zone *zone_free(struct zone *z);
DEFINE_CLEANUP(struct zone *, zone_free)
