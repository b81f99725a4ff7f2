/* Owns where years, quarters, months, weeks, days, hours and minutes start and end. Any thread. */
#include "components/datetime/date_period.h"

#include "expr/iso_date.h"

#define SECONDS_PER_DAY INT64_C(86400)

const char *const date_period_names[_DATE_PERIOD_N + 1] = {
    "year", "quarter", "month", "week", "day", "hour", "minute", NULL,
};

static int64_t floor_div(int64_t x, int64_t by)
{
    return x >= 0 ? x / by : -((-x + by - 1) / by);
}

/* Days since 1970 of the period's first day, and of the next one's. */
static void days_of(int64_t day, enum date_period period, int64_t *ret_first, int64_t *ret_next)
{
    int64_t year;
    int month, day_of_month;
    iso_date_from_days(day, &year, &month, &day_of_month);
    int months = period == DATE_YEAR ? 12 : period == DATE_QUARTER ? 3 : 1;
    if (period == DATE_WEEK) {
        *ret_first = day - ((day + 3) % 7 + 7) % 7; /* 1970-01-01 was a Thursday */
        *ret_next = *ret_first + 7;
    } else if (period == DATE_DAY) {
        *ret_first = day;
        *ret_next = day + 1;
    } else {
        int first = (month - 1) / months * months + 1, next = first + months;
        *ret_first = iso_date_to_days(year, first, 1);
        *ret_next = iso_date_to_days(next > 12 ? year + 1 : year, next > 12 ? 1 : next, 1);
    }
}

static int64_t midnight(int64_t day, const struct zone *zone)
{
    int64_t first = day * SECONDS_PER_DAY, last;
    if (zone) {
        (void)zone_to_utc(zone, day * SECONDS_PER_DAY, &first, &last);
    }
    return first;
}

void date_period_ends(int64_t ms, const struct zone *zone, enum date_period period,
                      int64_t *ret_first, int64_t *ret_last)
{
    int64_t at = floor_div(ms, 1000);
    int64_t local = at + (zone ? zone_offset(zone, at) : 0);
    if (period == DATE_HOUR || period == DATE_MINUTE) {
        int64_t length = period == DATE_HOUR ? 3600 : 60;
        int64_t since = local - floor_div(local, length) * length;
        *ret_first = (at - since) * 1000;
        *ret_last = (at - since + length) * 1000 - 1;
        return;
    }
    int64_t first, next;
    days_of(floor_div(local, SECONDS_PER_DAY), period, &first, &next);
    *ret_first = midnight(first, zone) * 1000;
    *ret_last = midnight(next, zone) * 1000 - 1;
}
