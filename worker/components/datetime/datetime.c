/* Owns dates and times: reading, moving, formatting. Times are ISO-8601 text in UTC; zones are IANA
 * names. Pure but for the clock, on the slot's thread. It refuses what is no date. */
#include <math.h>

#include "clock.h"
#include "components/datetime/date_format.h"
#include "components/datetime/date_period.h"
#include "components/registry.h"
#include "expr/iso_date.h"
#include "expr/value.h"

#define MAX_MS INT64_C(253402300799999) /* the end of the year 9999 */
#define MIN_MS INT64_C(-62167219200000) /* the start of the year 0 */

#define DATE_INPUT(k, l)                                                                           \
    {                                                                                              \
        .key = k, .label = l, .type = CATALOG_STRING, .required = true,                            \
        .comments = "ISO-8601 text, or milliseconds since 1970.",                                  \
        .example = "2026-01-02T03:04:05.678Z"                                                      \
    }
#define AMOUNT_INPUT(k, l)                                                                         \
    {                                                                                              \
        .key = k, .label = l, .type = CATALOG_NUMBER,                                              \
        .comments = "How many to add; a negative number takes them away."                          \
    }
#define ZONE_INPUT                                                                                 \
    {                                                                                              \
        .key = "timeZone", .label = "Time Zone", .type = CATALOG_STRING, .fallback = "UTC",        \
        .comments = "IANA name of a time zone.", .example = "Europe/Berlin"                        \
    }
static const struct action_input now_inputs[] = {
    {
        .key = "epochInSeconds",
        .label = "Display Epoch in Seconds",
        .type = CATALOG_BOOLEAN,
        .fallback = "false",
        .comments = "Return seconds since 1970 instead of text.",
    },
    {0},
};
static const struct action_input adjust_inputs[] = {
    DATE_INPUT("dateTimeInput", "Date/Time"), AMOUNT_INPUT("secondsInput", "Seconds"),
    AMOUNT_INPUT("minutesInput", "Minutes"),  AMOUNT_INPUT("hoursInput", "Hours"),
    AMOUNT_INPUT("daysInput", "Days"),        {0},
};
static const struct action_input date_inputs[] = {
    DATE_INPUT("dateTimeInput", "Date/Time"),
    {0},
};
static const struct action_input date_zone_inputs[] = {
    DATE_INPUT("dateTimeInput", "Date/Time"),
    ZONE_INPUT,
    {0},
};
static const struct action_input to_epoch_inputs[] = {
    DATE_INPUT("dateTimeInput", "Date/Time"),
    {
        .key = "epochInSeconds",
        .label = "Display Epoch in Seconds",
        .type = CATALOG_BOOLEAN,
        .fallback = "false",
        .comments = "Return seconds instead of milliseconds.",
    },
    {0},
};
static const struct action_input from_epoch_inputs[] = {
    {
        .key = "epochTimestamp",
        .label = "Epoch Timestamp",
        .type = CATALOG_NUMBER,
        .required = true,
        .comments = "Time since 1970.",
    },
    {
        .key = "epochInSeconds",
        .label = "Epoch Timestamp in Seconds",
        .type = CATALOG_BOOLEAN,
        .fallback = "false",
        .comments = "The timestamp is in seconds instead of milliseconds.",
    },
    {0},
};
static const struct action_input format_inputs[] = {
    DATE_INPUT("dateTimeInput", "Date/Time"),
    ZONE_INPUT,
    {
        .key = "format",
        .label = "Format",
        .type = CATALOG_STRING,
        .fallback = "YYYY-MM-DDTHH:mm:ss.SSSZ",
        .comments = "YYYY year, MM month, DD day, HH hour of 24, hh of 12, A AM or PM, mm minute, "
                    "ss second, SSS millisecond, Z offset, MMM and MMMM names of months, ddd and "
                    "dddd of days, [text] as it is.",
    },
    {0},
};
static const char *const units[] = {"milliseconds", "seconds", "minutes", "hours", "days", NULL};
static const struct action_input difference_inputs[] = {
    DATE_INPUT("startInput", "Start"),
    DATE_INPUT("endInput", "End"),
    {
        .key = "unit",
        .label = "Unit",
        .type = CATALOG_STRING,
        .fallback = "seconds",
        .choices = units,
        .comments = "What to count.",
    },
    {0},
};

static const struct action_input compare_inputs[] = {
    DATE_INPUT("firstInput", "First Date/Time"),
    DATE_INPUT("secondInput", "Second Date/Time"),
    {0},
};
static const struct action_input parse_inputs[] = {
    {
        .key = "dateTimeText",
        .label = "Date/Time Text",
        .type = CATALOG_STRING,
        .required = true,
        .comments = "The text to read.",
        .example = "02.01.2026 04:04",
    },
    {
        .key = "format",
        .label = "Format",
        .type = CATALOG_STRING,
        .required = true,
        .comments = "How the text is written, in the letters of Format Date/Time. What it does not "
                    "name is that of the start of 1970.",
        .example = "DD.MM.YYYY HH:mm",
    },
    ZONE_INPUT,
    {0},
};
static const struct action_input period_inputs[] = {
    DATE_INPUT("dateTimeInput", "Date/Time"),
    {
        .key = "period",
        .label = "Period",
        .type = CATALOG_STRING,
        .fallback = "day",
        .choices = date_period_names,
        .comments = "Which period around the time; weeks start on Monday.",
    },
    ZONE_INPUT,
    {0},
};

static int read_date(struct action_context *ctx, const char *key, int64_t *ret_ms, struct err *err)
{
    struct json v;
    *ret_ms = 0;
    int rc = action_input_value(ctx, key, &v, err);
    if (rc < 0) {
        return rc;
    }
    struct str text = str_trim(value_to_text(action_arena(ctx), v));
    int64_t ms;
    if (v.type == JSON_NUMBER && isfinite(v.num)) {
        ms = v.num < (double)MIN_MS || v.num > (double)MAX_MS ? INT64_MAX : (int64_t)v.num;
    } else if (!(v.type == JSON_STRING && iso_date_parse(text, &ms)) &&
               !(text.len >= 9 && str_to_i64(text, &ms))) {
        return action_input_error(ctx, key, err,
                                  "\"%.*s\" is not a date. Use ISO-8601, such as "
                                  "2026-01-02T03:04:05Z, or milliseconds since 1970.",
                                  (int)MIN(text.len, 60), text.ptr);
    }
    if (ms < MIN_MS || ms > MAX_MS) {
        return action_input_error(ctx, key, err, "is outside the years 0 to 9999.");
    }
    *ret_ms = ms;
    return 0;
}

static int give_iso(struct action_context *ctx, int64_t ms, const char *key,
                    struct action_result *ret, struct err *err)
{
    if (ms < MIN_MS || ms > MAX_MS) {
        return action_input_error(ctx, key, err, "leads outside the years 0 to 9999.");
    }
    AUTO(buf_done) struct buf b = {0};
    buf_init(&b, 64);
    date_format(&b, ms, NULL, STR("YYYY-MM-DD[T]HH:mm:ss.SSS[Z]"));
    ret->data = json_str(str_n(arena_strndup(action_arena(ctx), b.data, b.len), b.len));
    return 0;
}

static int get_current(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    bool seconds;
    int rc = action_input_bool(ctx, "epochInSeconds", &seconds, err);
    if (rc < 0) {
        return rc;
    }
    int64_t now = clock_now_ns();
    if (seconds) {
        ret->data = json_num((double)(now / NS_PER_SEC));
        return 0;
    }
    return give_iso(ctx, now / NS_PER_MS, "epochInSeconds", ret, err);
}

static int adjust(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    static const struct {
        const char *key;
        double ms;
    } parts[] = {
        {"secondsInput", 1e3}, {"minutesInput", 6e4}, {"hoursInput", 36e5}, {"daysInput", 864e5}};
    int64_t ms;
    int rc = read_date(ctx, "dateTimeInput", &ms, err);
    double moved = (double)ms;
    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(parts); i++) {
        double n;
        rc = action_input_number(ctx, parts[i].key, &n, err);
        moved += rc == 0 && !isnan(n) ? n * parts[i].ms : 0;
    }
    if (rc < 0) {
        return rc;
    }
    if (!(moved >= (double)MIN_MS && moved <= (double)MAX_MS)) { /* nor what is no number */
        return action_input_error(ctx, "dateTimeInput", err,
                                  "the result would be outside the years 0 to 9999.");
    }
    return give_iso(ctx, (int64_t)moved, "dateTimeInput", ret, err);
}

static int to_iso(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    int64_t ms;
    int rc = read_date(ctx, "dateTimeInput", &ms, err);
    return rc < 0 ? rc : give_iso(ctx, ms, "dateTimeInput", ret, err);
}

static int to_epoch(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    int64_t ms;
    bool seconds;
    int rc = read_date(ctx, "dateTimeInput", &ms, err);
    if (rc == 0) {
        rc = action_input_bool(ctx, "epochInSeconds", &seconds, err);
    }
    if (rc == 0) {
        ret->data = json_num(seconds ? floor((double)ms / 1000) : (double)ms);
    }
    return rc;
}

static int from_epoch(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    double n;
    bool seconds;
    int rc = action_input_number(ctx, "epochTimestamp", &n, err);
    if (rc == 0) {
        rc = action_input_bool(ctx, "epochInSeconds", &seconds, err);
    }
    if (rc < 0) {
        return rc;
    }
    n *= seconds ? 1000 : 1;
    if (!(n >= (double)MIN_MS && n <= (double)MAX_MS)) {
        return action_input_error(ctx, "epochTimestamp", err, "is outside the years 0 to 9999.");
    }
    return give_iso(ctx, (int64_t)n, "epochTimestamp", ret, err);
}

/* UTC without the zone files, under the names it goes by. */
static int read_zone(struct action_context *ctx, const struct zone **ret, struct err *err)
{
    struct str name;
    int rc = action_input_text(ctx, "timeZone", &name, err);
    if (rc < 0) {
        return rc;
    }
    name = str_trim(name);
    if (name.len == 0 || str_eq_ci(name, STR("UTC")) || str_eq_ci(name, STR("Etc/UTC"))) {
        *ret = NULL;
        return 0;
    }
    struct err why;
    if (zone_load(arena_strndup(action_arena(ctx), name.ptr, name.len), ret, &why) < 0) {
        return action_input_error(ctx, "timeZone", err,
                                  "\"%.*s\" is not a time zone. Use a name like Europe/Berlin.",
                                  (int)MIN(name.len, 60), name.ptr);
    }
    return 0;
}

static int give_formatted(struct action_context *ctx, struct str format, struct action_result *ret,
                          struct err *err)
{
    int64_t ms;
    const struct zone *zone;
    int rc = read_date(ctx, "dateTimeInput", &ms, err);
    if (rc == 0) {
        rc = read_zone(ctx, &zone, err);
    }
    if (rc < 0) {
        return rc;
    }
    AUTO(buf_done) struct buf b = {0};
    buf_init(&b, KIB(64));
    date_format(&b, ms, zone, format);
    if (b.full) {
        return action_input_error(ctx, "format", err, "the result would be longer than 64 KB.");
    }
    ret->data =
        json_str(str_n(arena_strndup(action_arena(ctx), b.len ? b.data : "", b.len), b.len));
    return 0;
}

static int format_date(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct str format;
    int rc = action_input_text(ctx, "format", &format, err);
    return rc < 0 ? rc : give_formatted(ctx, format, ret, err);
}

static int to_local_iso(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    return give_formatted(ctx, STR("YYYY-MM-DD[T]HH:mm:ss.SSSZ"), ret, err);
}

static int difference(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    static const double unit_ms[] = {1, 1e3, 6e4, 36e5, 864e5};
    int64_t start, end;
    struct str unit;
    int rc = read_date(ctx, "startInput", &start, err);
    if (rc == 0) {
        rc = read_date(ctx, "endInput", &end, err);
    }
    if (rc == 0) {
        rc = action_input_text(ctx, "unit", &unit, err);
    }
    if (rc < 0) {
        return rc;
    }
    for (size_t i = 0; i < ARRAY_LEN(unit_ms); i++) {
        if (str_eq_ci(str_trim(unit), str_of(units[i]))) {
            ret->data = json_num((double)(end - start) / unit_ms[i]);
            return 0;
        }
    }
    return action_input_error(ctx, "unit", err,
                              "must be milliseconds, seconds, minutes, hours or days.");
}

static int compare_dates(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    int64_t first, second;
    int rc = read_date(ctx, "firstInput", &first, err);
    if (rc == 0) {
        rc = read_date(ctx, "secondInput", &second, err);
    }
    if (rc == 0) {
        ret->data = json_num(first < second ? -1 : first > second);
    }
    return rc;
}

static int parse_date(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct str text, format;
    const struct zone *zone;
    int64_t ms = 0;
    size_t at;
    int rc = action_input_text(ctx, "dateTimeText", &text, err);
    if (rc == 0) {
        rc = action_input_text(ctx, "format", &format, err);
    }
    if (rc == 0) {
        rc = read_zone(ctx, &zone, err);
    }
    if (rc < 0) {
        return rc;
    }
    text = str_trim(text);
    switch (date_parse(text, zone, format, &ms, &at)) {
    case DATE_FITS:
        return give_iso(ctx, ms, "dateTimeText", ret, err);
    case DATE_DIFFERS:
        return action_input_error(ctx, "dateTimeText", err,
                                  "\"%.*s\" is not written as \"%.*s\": it differs at character "
                                  "%zu.",
                                  (int)MIN(text.len, 60), text.ptr, (int)MIN(format.len, 60),
                                  format.ptr, at + 1);
    case DATE_IMPOSSIBLE:
        break;
    }
    return action_input_error(ctx, "dateTimeText", err, "\"%.*s\" is no day or time there is.",
                              (int)MIN(text.len, 60), text.ptr);
}

static int give_period(struct action_context *ctx, bool start, struct action_result *ret,
                       struct err *err)
{
    int64_t ms, first, last;
    struct str name;
    const struct zone *zone;
    int rc = read_date(ctx, "dateTimeInput", &ms, err);
    if (rc == 0) {
        rc = action_input_text(ctx, "period", &name, err);
    }
    if (rc == 0) {
        rc = read_zone(ctx, &zone, err);
    }
    if (rc < 0) {
        return rc;
    }
    for (int i = 0; i < _DATE_PERIOD_N; i++) {
        if (str_eq_ci(str_trim(name), str_of(date_period_names[i]))) {
            date_period_ends(ms, zone, (enum date_period)i, &first, &last);
            return give_iso(ctx, start ? first : last, "dateTimeInput", ret, err);
        }
    }
    return action_input_error(ctx, "period", err,
                              "must be year, quarter, month, week, day, hour or minute.");
}

static int start_of_period(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    return give_period(ctx, true, ret, err);
}

static int end_of_period(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    return give_period(ctx, false, ret, err);
}

#define DATE(k, l, about, in, sample, fn)                                                          \
    {                                                                                              \
        .key = k, .label = l, .description = about, .inputs = in, .example = sample, .perform = fn \
    }
static const struct action actions[] = {
    DATE("adjustDateTime", "Adjust Date/Time", "Moves a time by seconds, minutes, hours and days.",
         adjust_inputs, "\"2026-01-09T03:09:05.678Z\"", adjust),
    DATE("compareDateTimes", "Compare Date/Times",
         "Returns -1 when the first time is before the second, 1 when it is after, 0 when they are "
         "the same.",
         compare_inputs, "-1", compare_dates),
    DATE("convertFromEpoch", "Convert Epoch Timestamp to Date",
         "Turns time since 1970 into ISO-8601 text.", from_epoch_inputs,
         "\"2026-01-02T03:04:05.678Z\"", from_epoch),
    DATE("convertToEpoch", "Convert Date to Epoch", "Turns a time into time since 1970.",
         to_epoch_inputs, "1767323045678", to_epoch),
    DATE("convertToIsoString", "Convert Date/Time to ISO String",
         "Turns a time into ISO-8601 text in UTC.", date_inputs, "\"2026-01-02T03:04:05.678Z\"",
         to_iso),
    DATE("convertToLocalIsoString", "Convert Date/Time to Local ISO String",
         "Turns a time into ISO-8601 text in a time zone.", date_zone_inputs,
         "\"2026-01-02T04:04:05.678+01:00\"", to_local_iso),
    DATE("dateTimeDifference", "Date/Time Difference", "Returns the time from start to end.",
         difference_inputs, "86400", difference),
    DATE("endOfPeriod", "End of Period",
         "Returns the last millisecond of the year, quarter, month, week, day, hour or minute of a "
         "time in a time zone.",
         period_inputs, "\"2026-01-02T22:59:59.999Z\"", end_of_period),
    DATE("formatDateTime", "Format Date/Time", "Writes a time in a format and time zone.",
         format_inputs, "\"2026-01-02\"", format_date),
    {
        .key = "getCurrentDateTime",
        .label = "Get Current Date/Time",
        .description = "Returns the current time in UTC.",
        .flags = ACTION_READS, /* a run that is taken over goes on with the same time */
        .inputs = now_inputs,
        .example = "\"2026-01-02T03:04:05.678Z\"",
        .perform = get_current,
    },
    DATE("parseDateTime", "Parse Date/Time",
         "Reads a time that is written in a format, in a time zone, into ISO-8601 text in UTC.",
         parse_inputs, "\"2026-01-02T03:04:00.000Z\"", parse_date),
    DATE(
        "startOfPeriod", "Start of Period",
        "Returns the first millisecond of the year, quarter, month, week, day, hour or minute of a "
        "time in a time zone.",
        period_inputs, "\"2026-01-01T23:00:00.000Z\"", start_of_period),
    {0},
};

const struct component component_datetime = {
    .key = "datetime",
    .label = "Date/Time",
    .description = "Reads, moves and formats times.",
    .category = "Data",
    .version = 1,
    .actions = actions,
};
