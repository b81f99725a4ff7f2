/* Owns turning an instant into the fields of calendar and clock. Any thread. */
#include "components/datetime/moment.h"

#include "expr/iso_date.h"

#define SECONDS_PER_DAY INT64_C(86400)

const char *const moment_months[12] = {"January",   "February", "March",    "April",
                                       "May",       "June",     "July",     "August",
                                       "September", "October",  "November", "December"};
const char *const moment_days[7] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                    "Thursday", "Friday", "Saturday"};

struct moment moment_of(int64_t ms, const struct zone *zone)
{
    struct moment t = {0};
    t.ms = (int)((ms % 1000 + 1000) % 1000);
    t.seconds = (ms - t.ms) / 1000;
    t.offset = zone ? zone_offset(zone, t.seconds) : 0;
    int64_t local = t.seconds + t.offset;
    int64_t rest = (local % SECONDS_PER_DAY + SECONDS_PER_DAY) % SECONDS_PER_DAY;
    int64_t day = (local - rest) / SECONDS_PER_DAY;
    iso_date_from_days(day, &t.year, &t.month, &t.day);
    t.yearday = (int)(day - iso_date_to_days(t.year, 1, 1)) + 1;
    t.weekday = (int)(((day + 4) % 7 + 7) % 7); /* 1970-01-01 was a Thursday */
    t.hour = (int)(rest / 3600);
    t.minute = (int)(rest / 60 % 60);
    t.second = (int)(rest % 60);
    return t;
}
