/* The calendar's periods around an instant, in a time zone. Weeks start on Monday. */
#pragma once

#include "zone.h"

enum date_period {
    DATE_YEAR,
    DATE_QUARTER,
    DATE_MONTH,
    DATE_WEEK,
    DATE_DAY,
    DATE_HOUR,
    DATE_MINUTE,
    _DATE_PERIOD_N
};
extern const char *const date_period_names[_DATE_PERIOD_N + 1]; /* ended by NULL */

/* The first and the last millisecond of the period that holds `ms` (since 1970, years 0 to 9999).
 * zone NULL = UTC. A period whose start the clock skips begins when the clock goes on. */
void date_period_ends(int64_t ms, const struct zone *zone, enum date_period period,
                      int64_t *ret_first, int64_t *ret_last);
