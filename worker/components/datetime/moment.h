/* An instant as calendar and clock show it in a time zone, with English names. */
#pragma once

#include "zone.h"

struct moment {
    int64_t seconds; /* since 1970 */
    int64_t year;
    int month, day, yearday;              /* from 1 */
    int weekday;                          /* 0 is Sunday */
    int hour, minute, second, ms, offset; /* offset: seconds east of UTC */
};
extern const char *const moment_months[12], *const moment_days[7];

struct moment moment_of(int64_t ms, const struct zone *zone); /* since 1970; zone NULL = UTC */
