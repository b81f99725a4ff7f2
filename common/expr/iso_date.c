/* Owns reading ISO-8601 dates and the day arithmetic of the Gregorian calendar (also used for
 * schedules). Pure: no time zone data, no C library calendar, any thread. */
#include "expr/iso_date.h"

#define MS_PER_DAY INT64_C(86400000)

/* ---- calendar ---- */

static bool is_leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

int iso_date_days_in(int64_t year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && is_leap(year));
}

/* Years are counted from March, so that the leap day is the last of its year, in eras of 400. */
int64_t iso_date_to_days(int64_t year, int month, int day)
{
    int64_t y = month > 2 ? year : year - 1;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t of_era = y - era * 400;
    int64_t of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

void iso_date_from_days(int64_t days, int64_t *ret_year, int *ret_month, int *ret_day)
{
    int64_t from_march = days + 719468;
    int64_t era = (from_march >= 0 ? from_march : from_march - 146096) / 146097;
    int64_t of_era = from_march - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int march_month = (int)((5 * of_year + 2) / 153);
    *ret_day = (int)(of_year - (153 * march_month + 2) / 5) + 1;
    *ret_month = march_month < 10 ? march_month + 3 : march_month - 9;
    *ret_year = year + era * 400 + (*ret_month <= 2);
}

/* ---- reading ---- */

struct reader {
    const char *at, *end;
};

static bool take_char(struct reader *r, char c)
{
    if (r->at == r->end || *r->at != c) {
        return false;
    }
    r->at++;
    return true;
}

static int count_digits(const struct reader *r)
{
    int n = 0;
    while (r->end - r->at > n && r->at[n] >= '0' && r->at[n] <= '9') {
        n++;
    }
    return n;
}

/* Exactly n digits. */
static bool take_number(struct reader *r, int n, int *ret_value)
{
    if (count_digits(r) < n) {
        return false;
    }
    int v = 0;
    for (int i = 0; i < n; i++) {
        v = v * 10 + (*r->at++ - '0');
    }
    *ret_value = v;
    return true;
}

static bool take_week(struct reader *r, int64_t year, int64_t *ret_days, bool *ret_whole)
{
    int week, day = 1;
    if (!take_number(r, 2, &week)) {
        return false;
    }
    bool dash = take_char(r, '-');
    bool has_day = count_digits(r) > 0;
    if ((dash || has_day) && !take_number(r, 1, &day)) {
        return false;
    }
    int64_t fourth = iso_date_to_days(year, 1, 4); /* always in week 1 */
    int64_t monday = fourth - ((fourth + 3) % 7 + 7) % 7;
    *ret_days = monday + (week - 1) * 7 + day - 1;
    *ret_whole = has_day;
    return week >= 1 && week <= 53 && day >= 1 && day <= 7;
}

/* ret_whole: a day is named, so that a time may follow. */
static bool take_date(struct reader *r, int64_t *ret_days, bool *ret_whole)
{
    int year, month, day = 1;
    if (!take_number(r, 4, &year)) {
        return false;
    }
    bool dash = take_char(r, '-');
    if (take_char(r, 'W')) {
        return take_week(r, year, ret_days, ret_whole);
    }
    *ret_whole = true;
    if (count_digits(r) == 3) {
        bool ok = take_number(r, 3, &day) && day >= 1 && day <= 365 + is_leap(year);
        *ret_days = iso_date_to_days(year, 1, 1) + day - 1;
        return ok;
    }
    if (!take_number(r, 2, &month) || month < 1 || month > 12) {
        return false;
    }
    if (dash ? take_char(r, '-') : count_digits(r) > 0) {
        if (!take_number(r, 2, &day) || day < 1 || day > iso_date_days_in(year, month)) {
            return false;
        }
    } else {
        *ret_whole = false;
    }
    *ret_days = iso_date_to_days(year, month, day);
    return *ret_whole || dash;
}

/* The fraction of a unit of so many milliseconds, cut. */
static int64_t take_fraction(struct reader *r, int64_t unit_ms)
{
    int64_t ms = 0;
    if (r->end - r->at >= 2 && (*r->at == '.' || *r->at == ',') && r->at[1] >= '0' &&
        r->at[1] <= '9') {
        r->at++;
        int64_t part = 0, scale = 1;
        for (int n = count_digits(r); n > 0; n--, r->at++) {
            if (scale < INT64_C(1000000000)) {
                part = part * 10 + (*r->at - '0');
                scale *= 10;
            }
        }
        ms = part * unit_ms / scale;
    }
    return ms;
}

static bool take_time(struct reader *r, int64_t *ret_ms)
{
    int hour, minute = 0, second = 0;
    int64_t unit = 3600000;
    if (!take_number(r, 2, &hour)) {
        return false;
    }
    bool colon = take_char(r, ':');
    if (colon || count_digits(r) > 0) {
        if (!take_number(r, 2, &minute)) {
            return false;
        }
        unit = 60000;
        if (colon ? take_char(r, ':') : count_digits(r) > 0) {
            if (!take_number(r, 2, &second)) {
                return false;
            }
            unit = 1000;
        }
    }
    int64_t fraction = take_fraction(r, unit);
    *ret_ms = hour * INT64_C(3600000) + minute * INT64_C(60000) + second * INT64_C(1000) + fraction;
    return minute < 60 && second < 60 && (hour < 24 || *ret_ms == MS_PER_DAY);
}

/* What to take away from local time; none = UTC. */
static bool take_zone(struct reader *r, int64_t *ret_ms)
{
    *ret_ms = 0;
    if (r->at == r->end || take_char(r, 'Z')) {
        return true;
    }
    bool west = take_char(r, '-');
    int hours, minutes = 0;
    if ((!west && !take_char(r, '+')) || !take_number(r, 2, &hours)) {
        return false;
    }
    if ((take_char(r, ':') || count_digits(r) > 0) && !take_number(r, 2, &minutes)) {
        return false;
    }
    *ret_ms = (hours * INT64_C(60) + minutes) * (west ? -60000 : 60000);
    return hours < 24 && minutes < 60;
}

bool iso_date_parse(struct str text, int64_t *ret_ms)
{
    struct reader r = {text.ptr, text.ptr + text.len};
    int64_t days, time_ms = 0, zone_ms = 0;
    bool whole = false;
    if (!take_date(&r, &days, &whole)) {
        return false;
    }
    if (whole && (take_char(&r, 'T') || take_char(&r, ' ')) &&
        (!take_time(&r, &time_ms) || !take_zone(&r, &zone_ms))) {
        return false;
    }
    if (r.at != r.end) {
        return false;
    }
    *ret_ms = days * MS_PER_DAY + time_ms - zone_ms;
    return true;
}
