/* Schedules of five fields: minute, hour, day of month, month, day of week. Pure and thread-safe.
 */
#pragma once

#include "err.h"
#include "str.h"

#define CRON_MAX_BYTES    256
#define CRON_SEARCH_YEARS 8 /* a leap day comes at least this often */

struct cron {
    uint64_t minutes; /* bit n = minute n */
    uint32_t hours;   /* 0-23 */
    uint32_t days;    /* 1-31 */
    uint16_t months;  /* 1-12 */
    uint8_t weekdays; /* 0 = Sunday to 6 */
    /* The field begins with "*". Days: with both or one of them open a day must fit both fields,
     * with none open either is enough. Minutes and hours: see cron_next. */
    bool any_minute, any_hour, any_day, any_weekday;
};

/* Fields are separated by blanks and hold lists of "*", "n", "a-b", each optionally with "/step"
 * ("n/step" runs to the field's end); names JAN-DEC and SUN-SAT in any case; 7 is Sunday, too.
 * Also @hourly, @daily, @midnight, @weekly, @monthly, @yearly and @annually.
 * -EINVAL ("cron.syntax") names the field. */
int cron_parse(struct str text, struct cron *ret, struct err *err) must_check;

/* The next time strictly after an instant (ns since the epoch), at a whole minute of the zone (IANA
 * name; NULL or "" = UTC). When the clock is put forward, a schedule with fixed hours whose time is
 * skipped fires at the first instant after the gap, once. When it is put back, a schedule with
 * fixed minutes and hours fires at the first of the two passes only; one with an open minute or
 * hour field goes on at its interval through both. -EINVAL ("zone.unknown", "zone.unreadable");
 * -ERANGE ("cron.never") when no time fits within CRON_SEARCH_YEARS. */
int cron_next(const struct cron *c, const char *zone, int64_t after_ns, int64_t *ret_ns,
              struct err *err) must_check;
