/* Owns schedules: the five-field text and the search for the next time. Called by the scheduler and
 * by checks of definitions, on any thread; it holds no state and reads no clock. It refuses fields
 * for seconds or years, "?" and "@reboot". */
#include "cron.h"

#include "clock.h"
#include "expr/iso_date.h"
#include "zone.h"

#define SECONDS_PER_DAY INT64_C(86400)
#define SEARCH_DAYS     (CRON_SEARCH_YEARS * INT64_C(366))

/* ---- reading ---- */

static const char *const month_names[] = {"jan", "feb", "mar", "apr", "may", "jun", "jul",
                                          "aug", "sep", "oct", "nov", "dec", NULL};
static const char *const weekday_names[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL};

static const struct field {
    const char *title;
    int min, max;
    const char *const *names; /* of min, min + 1, ... */
} fields[] = {
    {"minute", 0, 59, NULL},
    {"hour", 0, 23, NULL},
    {"day of month", 1, 31, NULL},
    {"month", 1, 12, month_names},
    {"day of week", 0, 7, weekday_names},
};
#define N_FIELDS ARRAY_LEN(fields)

static const struct {
    struct str name, text;
} macros[] = {
    {{"@hourly", 7}, {"0 * * * *", 9}},   {{"@daily", 6}, {"0 0 * * *", 9}},
    {{"@midnight", 9}, {"0 0 * * *", 9}}, {{"@weekly", 7}, {"0 0 * * 0", 9}},
    {{"@monthly", 8}, {"0 0 1 * *", 9}},  {{"@yearly", 7}, {"0 0 1 1 *", 9}},
    {{"@annually", 9}, {"0 0 1 1 *", 9}},
};

static int bad_field(const struct field *f, struct str text, const char *what, struct err *err)
{
    return err_field(err, -EINVAL, "cron.syntax", f->title, "The %s field \"%.*s\" %s.", f->title,
                     (int)MIN(text.len, 60), text.ptr, what);
}

/* Splits off what comes before the separator; the rest stays in *text. */
static struct str take_until(struct str *text, char separator)
{
    const char *p = text->len ? memchr(text->ptr, separator, text->len) : NULL;
    size_t len = p ? (size_t)(p - text->ptr) : text->len;
    struct str taken = str_n(text->ptr, len);
    size_t skip = p ? len + 1 : len;
    *text = str_n(text->ptr + skip, text->len - skip);
    return taken;
}

static bool read_number(struct str text, int *ret_value)
{
    int64_t v;
    if (text.len == 0 || text.len > 4 || text.ptr[0] == '-' || !str_to_i64(text, &v)) {
        return false;
    }
    *ret_value = (int)v;
    return true;
}

static bool read_value(const struct field *f, struct str text, int *ret_value)
{
    for (int i = 0; f->names && f->names[i]; i++) {
        if (str_eq_ci(text, str_of(f->names[i]))) {
            *ret_value = f->min + i;
            return true;
        }
    }
    return read_number(text, ret_value) && *ret_value >= f->min && *ret_value <= f->max;
}

/* One item of a list, "a-b/step" in all its forms. Returns what is wrong with it or NULL. */
static const char *read_item(const struct field *f, struct str item, uint64_t *bits)
{
    bool stepped = memchr(item.ptr, '/', item.len) != NULL;
    struct str range = take_until(&item, '/');
    int step = 1, low = f->min, high = f->max;
    if (stepped && (!read_number(item, &step) || step < 1)) {
        return "has a step that is not a number from 1";
    }
    if (!str_eq(range, STR("*"))) {
        bool ranged = range.len > 0 && memchr(range.ptr, '-', range.len);
        struct str first = take_until(&range, '-');
        if (!read_value(f, first, &low)) {
            return "has a value that does not fit";
        }
        high = stepped ? f->max : low;
        if (ranged && !read_value(f, range, &high)) {
            return "has a range whose end does not fit";
        }
        if (ranged && f->max == 7 && high == 0 && low > 0) {
            high = 7; /* "fri-sun" */
        }
        if (high < low) {
            return "has a range that ends before it begins";
        }
    } else if (f->max == 7) {
        high = 6; /* Sunday counts once */
    }
    for (int v = low; v <= high; v += step) {
        *bits |= UINT64_C(1) << v;
    }
    return NULL;
}

static int read_field(const struct field *f, struct str text, uint64_t *ret_bits, struct err *err)
{
    uint64_t bits = 0;
    struct str rest = text;
    size_t commas = 0;
    for (size_t i = 0; i < text.len; i++) {
        commas += text.ptr[i] == ',';
    }
    for (size_t i = 0; i <= commas; i++) {
        struct str item = take_until(&rest, ',');
        const char *what = item.len ? read_item(f, item, &bits) : "has an empty item";
        if (what) {
            return bad_field(f, text, what, err);
        }
    }
    *ret_bits = bits;
    return 0;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static size_t split_fields(struct str text, struct str ret[N_FIELDS])
{
    size_t n = 0;
    for (size_t at = 0; at < text.len;) {
        size_t start = at;
        while (at < text.len && !is_blank(text.ptr[at])) {
            at++;
        }
        if (n < N_FIELDS) {
            ret[n] = str_n(text.ptr + start, at - start);
        }
        n++;
        while (at < text.len && is_blank(text.ptr[at])) {
            at++;
        }
    }
    return n;
}

int cron_parse(struct str text, struct cron *ret, struct err *err)
{
    text = str_trim(text);
    if (text.len > CRON_MAX_BYTES) {
        return err_set(err, -EINVAL, "cron.syntax", "A schedule has at most %d characters.",
                       CRON_MAX_BYTES);
    }
    for (size_t i = 0; i < ARRAY_LEN(macros); i++) {
        if (str_eq_ci(text, macros[i].name)) {
            text = macros[i].text;
            break;
        }
    }
    struct str parts[N_FIELDS];
    size_t n = split_fields(text, parts);
    if (n != N_FIELDS) {
        return err_set(err, -EINVAL, "cron.syntax",
                       "The schedule \"%.*s\" has %zu fields; there must be 5: minute, hour, day "
                       "of month, month, day of week.",
                       (int)MIN(text.len, 60), text.ptr, n);
    }
    uint64_t bits[N_FIELDS];
    for (size_t i = 0; i < N_FIELDS; i++) {
        int r = read_field(&fields[i], parts[i], &bits[i], err);
        if (r < 0) {
            return r;
        }
    }
    *ret = (struct cron){
        .minutes = bits[0],
        .hours = (uint32_t)bits[1],
        .days = (uint32_t)bits[2],
        .months = (uint16_t)bits[3],
        .weekdays = (uint8_t)((bits[4] | bits[4] >> 7) & 0x7F),
        .any_minute = parts[0].ptr[0] == '*',
        .any_hour = parts[1].ptr[0] == '*',
        .any_day = parts[2].ptr[0] == '*',
        .any_weekday = parts[4].ptr[0] == '*',
    };
    return 0;
}

/* ---- the next time ---- */

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* The first whole minute at or after. */
static int64_t minute_from(int64_t seconds)
{
    return floor_div(seconds + 59, 60) * 60;
}

static bool fits_day(const struct cron *c, int64_t days)
{
    int64_t year;
    int month, day;
    iso_date_from_days(days, &year, &month, &day);
    int64_t weekday = days + 4 - floor_div(days + 4, 7) * 7;
    bool by_day = c->days >> day & 1, by_weekday = c->weekdays >> weekday & 1;
    bool open = c->any_day || c->any_weekday;
    return (c->months >> month & 1) && (open ? by_day && by_weekday : by_day || by_weekday);
}

/* The first fitting time of a day at or after a minute of it (seconds); -1 = none. */
static int64_t time_of_day(const struct cron *c, int64_t from)
{
    for (int64_t hour = from / 3600; hour < 24; hour++) {
        int64_t first = hour == from / 3600 ? from % 3600 / 60 : 0;
        uint64_t left = c->hours >> hour & 1 ? c->minutes >> first << first : 0;
        if (left) {
            return hour * 3600 + __builtin_ctzll(left) * 60;
        }
    }
    return -1;
}

/* The first fitting local time in [from, until), from being a whole minute; INT64_MAX = none. */
static int64_t next_local(const struct cron *c, int64_t from, int64_t until)
{
    int64_t day = floor_div(from, SECONDS_PER_DAY);
    int64_t second = from - day * SECONDS_PER_DAY;
    for (; day * SECONDS_PER_DAY < until; day++, second = 0) {
        int64_t time = fits_day(c, day) ? time_of_day(c, second) : -1;
        if (time >= 0) {
            int64_t local = day * SECONDS_PER_DAY + time;
            return local < until ? local : INT64_MAX;
        }
    }
    return INT64_MAX;
}

/* Whether a local time at this instant is the second of two passes. */
static bool is_second_pass(const struct zone *z, int64_t local, int64_t at)
{
    int64_t first, last;
    return zone_to_utc(z, local, &first, &last) == ZONE_TWICE && at > first;
}

/* Goes from one change of the zone's offset to the next; within such a span local time runs as UTC
 * does. Returns INT64_MAX when nothing fits up to the limit. */
static int64_t search(const struct cron *c, const struct zone *z, int64_t after, int64_t limit)
{
    bool repeats = c->any_minute || c->any_hour;
    int64_t at = after;
    int64_t from = minute_from(after + zone_offset(z, after) + 1);
    while (at < limit) {
        int64_t offset = zone_offset(z, at);
        int64_t until = MIN(zone_next_change(z, at), limit);
        int64_t local = next_local(c, from, until + offset);
        while (local != INT64_MAX && !repeats && is_second_pass(z, local, local - offset)) {
            local = next_local(c, local + 60, until + offset);
        }
        if (local != INT64_MAX) {
            return local - offset;
        }
        int64_t shown = minute_from(until + offset); /* had the clock not been changed */
        int64_t gap_end = until + zone_offset(z, until);
        if (!c->any_hour && next_local(c, MAX(shown, from), gap_end) != INT64_MAX) {
            return until;
        }
        from = minute_from(gap_end);
        at = until;
    }
    return INT64_MAX;
}

int cron_next(const struct cron *c, const char *zone, int64_t after_ns, int64_t *ret_ns,
              struct err *err)
{
    const struct zone *z;
    int r = zone_load(zone, &z, err);
    if (r < 0) {
        return r;
    }
    int64_t after = floor_div(after_ns, NS_PER_SEC);
    int64_t next = search(c, z, after, after + SEARCH_DAYS * SECONDS_PER_DAY);
    if (next > INT64_MAX / NS_PER_SEC) {
        return err_set(err, -ERANGE, "cron.never", "The schedule matches no time within %d years.",
                       CRON_SEARCH_YEARS);
    }
    *ret_ns = next * NS_PER_SEC;
    return 0;
}
