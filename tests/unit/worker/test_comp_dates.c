/* datetime: reading by a format, comparing, and the periods of the calendar. */
#include "component_fixture.h"
#include "components/datetime/date_format.h"

#define PARSE(text, format) "{\"dateTimeText\": \"" text "\", \"format\": \"" format "\"}"
#define PARSE_IN(text, format, zone)                                                               \
    "{\"dateTimeText\": \"" text "\", \"format\": \"" format "\", \"timeZone\": \"" zone "\"}"
#define PERIOD(at, period, zone)                                                                   \
    "{\"dateTimeInput\": \"" at "\", \"period\": \"" period "\", \"timeZone\": \"" zone "\"}"

static const struct action_case cases[] = {
    {"datetime.parseDateTime", PARSE("2026-01-02T03:04:05.678+02:00", "YYYY-MM-DDTHH:mm:ss.SSSZ"),
     "\"2026-01-02T01:04:05.678Z\"", NULL},
    {"datetime.parseDateTime", PARSE("2026-01-02T03:04:05.678Z", "YYYY-MM-DD[T]HH:mm:ss.SSSZZ"),
     "\"2026-01-02T03:04:05.678Z\"", NULL},
    {"datetime.parseDateTime", PARSE("2026-01-02 -0330", "YYYY-MM-DD Z"),
     "\"2026-01-02T03:30:00.000Z\"", NULL},
    {"datetime.parseDateTime", PARSE(" 2.1.26 ", "D.M.YY"), "\"2026-01-02T00:00:00.000Z\"", NULL},
    {"datetime.parseDateTime", PARSE("31.12.69", "DD.MM.YY"), "\"1969-12-31T00:00:00.000Z\"", NULL},
    {"datetime.parseDateTime", PARSE("Fri, January 2 2026 12:05 am", "ddd, MMMM D YYYY hh:mm a"),
     "\"2026-01-02T00:05:00.000Z\"", NULL},
    {"datetime.parseDateTime", PARSE("friday 02-JAN-2026 1 PM", "dddd DD-MMM-YYYY h A"),
     "\"2026-01-02T13:00:00.000Z\"", NULL},
    {"datetime.parseDateTime", PARSE("7:8:9", "H:m:s"), "\"1970-01-01T07:08:09.000Z\"", NULL},
    {"datetime.parseDateTime", PARSE("0000-02-29", "YYYY-MM-DD"), "\"0000-02-29T00:00:00.000Z\"",
     NULL},
    {"datetime.parseDateTime", PARSE_IN("02.07.2026 04:04", "DD.MM.YYYY HH:mm", "Europe/Berlin"),
     "\"2026-07-02T02:04:00.000Z\"", NULL},
    {"datetime.parseDateTime",
     PARSE_IN("2026-07-02 04:04 +00:00", "YYYY-MM-DD HH:mm Z", "Europe/Berlin"),
     "\"2026-07-02T04:04:00.000Z\"", NULL},
    {"datetime.parseDateTime", /* a time that the clock skips */
     PARSE_IN("2026-03-29 02:30", "YYYY-MM-DD HH:mm", "Europe/Berlin"),
     "\"2026-03-29T01:00:00.000Z\"", NULL},
    {"datetime.parseDateTime", /* and one that it passes twice */
     PARSE_IN("2026-10-25 02:30", "YYYY-MM-DD HH:mm", "Europe/Berlin"),
     "\"2026-10-25T00:30:00.000Z\"", NULL},
    {"datetime.parseDateTime", PARSE("2026-1-02", "YYYY-MM-DD"), NULL,
     "Date/Time Text (dateTimeText): \"2026-1-02\" is not written as \"YYYY-MM-DD\": it differs at "
     "character 6"},
    {"datetime.parseDateTime", PARSE("2026-01-02x", "YYYY-MM-DD"), NULL, "at character 11"},
    {"datetime.parseDateTime", PARSE("2026-01", "YYYY-MM-DD"), NULL, "at character 8"},
    {"datetime.parseDateTime", PARSE("2026/01", "YYYY-MM"), NULL, "at character 5"},
    {"datetime.parseDateTime", PARSE("Jam", "MMM"), NULL, "at character 1"},
    {"datetime.parseDateTime", PARSE("3 XM", "h A"), NULL, "at character 3"},
    {"datetime.parseDateTime", PARSE("+25:00", "Z"), NULL, "at character 1"},
    {"datetime.parseDateTime", PARSE("2026-02-29", "YYYY-MM-DD"), NULL,
     "\"2026-02-29\" is no day or time there is"},
    {"datetime.parseDateTime", PARSE("2026-13-01", "YYYY-MM-DD"), NULL, "is no day or time"},
    {"datetime.parseDateTime", PARSE("24:00", "HH:mm"), NULL, "is no day or time"},
    {"datetime.parseDateTime", PARSE("13 PM", "h A"), NULL, "is no day or time"},
    {"datetime.parseDateTime", PARSE("0 AM", "h A"), NULL, "is no day or time"},
    {"datetime.parseDateTime", PARSE("0000-01-01 +01:00", "YYYY-MM-DD Z"), NULL,
     "leads outside the years"},
    {"datetime.parseDateTime", PARSE_IN("2026", "YYYY", "Mars/Base"), NULL, "not a time zone"},
    {"datetime.parseDateTime", "{\"dateTimeText\": \"2026\"}", NULL, "Format (format)"},
    {"datetime.parseDateTime", "{\"format\": \"YYYY\"}", NULL, "Date/Time Text (dateTimeText)"},
    {"datetime.compareDateTimes",
     "{\"firstInput\": \"2026-01-02\", \"secondInput\": \"2026-01-02T01:00\"}", "-1", NULL},
    {"datetime.compareDateTimes",
     "{\"firstInput\": \"2026-01-02T00:00:00Z\", \"secondInput\": \"2026-01-02T01:00:00+01:00\"}",
     "0", NULL},
    {"datetime.compareDateTimes", "{\"firstInput\": 1000, \"secondInput\": 999}", "1", NULL},
    {"datetime.compareDateTimes", "{\"firstInput\": \"x\", \"secondInput\": 999}", NULL,
     "First Date/Time (firstInput)"},
    {"datetime.compareDateTimes", "{\"firstInput\": 1}", NULL, "Second Date/Time (secondInput)"},
    {"datetime.startOfPeriod", PERIOD("2026-08-05T13:14:15.678Z", "Year", "UTC"),
     "\"2026-01-01T00:00:00.000Z\"", NULL},
    {"datetime.endOfPeriod", PERIOD("2026-08-05T13:14:15.678Z", "year", "UTC"),
     "\"2026-12-31T23:59:59.999Z\"", NULL},
    {"datetime.startOfPeriod", PERIOD("2026-08-05T13:14:15.678Z", "quarter", "UTC"),
     "\"2026-07-01T00:00:00.000Z\"", NULL},
    {"datetime.endOfPeriod", PERIOD("2026-11-05", "quarter", "UTC"), "\"2026-12-31T23:59:59.999Z\"",
     NULL},
    {"datetime.endOfPeriod", PERIOD("2024-02-05", "month", "UTC"), "\"2024-02-29T23:59:59.999Z\"",
     NULL},
    {"datetime.startOfPeriod", PERIOD("2026-08-09T23:59:59Z", "week", "UTC"),
     "\"2026-08-03T00:00:00.000Z\"", NULL},
    {"datetime.startOfPeriod", PERIOD("1969-12-30", "week", "UTC"), "\"1969-12-29T00:00:00.000Z\"",
     NULL},
    {"datetime.endOfPeriod", PERIOD("2026-08-03", "week", "UTC"), "\"2026-08-09T23:59:59.999Z\"",
     NULL},
    {"datetime.startOfPeriod", PERIOD("2026-08-05T23:14:15Z", "day", "Europe/Berlin"),
     "\"2026-08-05T22:00:00.000Z\"", NULL},
    {"datetime.endOfPeriod", PERIOD("2026-03-29T12:00:00Z", "day", "Europe/Berlin"),
     "\"2026-03-29T21:59:59.999Z\"", NULL},
    {"datetime.startOfPeriod", PERIOD("2026-03-29T12:00:00Z", "day", "Europe/Berlin"),
     "\"2026-03-28T23:00:00.000Z\"", NULL},
    {"datetime.startOfPeriod", PERIOD("2026-08-05T13:44:15Z", "hour", "Asia/Kolkata"),
     "\"2026-08-05T13:30:00.000Z\"", NULL},
    {"datetime.endOfPeriod", PERIOD("2026-10-25T00:30:00Z", "hour", "Europe/Berlin"),
     "\"2026-10-25T00:59:59.999Z\"", NULL},
    {"datetime.startOfPeriod", PERIOD("1969-12-31T23:59:59.500Z", "minute", "UTC"),
     "\"1969-12-31T23:59:00.000Z\"", NULL},
    {"datetime.endOfPeriod", PERIOD("9999-12-31T12:00:00Z", "year", "UTC"),
     "\"9999-12-31T23:59:59.999Z\"", NULL},
    {"datetime.startOfPeriod", PERIOD("0000-01-01T00:00:00Z", "week", "UTC"), NULL,
     "leads outside the years"},
    {"datetime.startOfPeriod", "{\"dateTimeInput\": 0}", "\"1970-01-01T00:00:00.000Z\"", NULL},
    {"datetime.startOfPeriod", PERIOD("2026-08-05", "decade", "UTC"), NULL,
     "Period (period): must be year, quarter"},
    {"datetime.endOfPeriod", PERIOD("x", "day", "UTC"), NULL, "is not a date"},
    {"datetime.endOfPeriod", PERIOD("2026-08-05", "day", "Mars/Base"), NULL, "not a time zone"},
};

static void actions(void **state)
{
    fixture_check(cases, ARRAY_LEN(cases));
}

/* What a format writes, it reads; and no text or format does harm. */
static void round_trip(void **state)
{
    static const char *const formats[] = {
        "YYYY-MM-DDTHH:mm:ss.SSSZ",
        "D/M/YYYY h:m:s.SSS a ZZ",
        "dddd, MMMM DD YYYY HH:mm:ss.SSS",
        "ddd MMM D HH:mm:ss [at] SSS YYYY",
    };
    static const int64_t times[] = {0, 1, -1, 1767323045678, 253402300799999, -62167219200000};
    for (size_t i = 0; i < ARRAY_LEN(formats) * ARRAY_LEN(times); i++) {
        struct buf b;
        int64_t ms = 0;
        size_t at;
        struct str format = str_of(formats[i % ARRAY_LEN(formats)]);
        buf_init(&b, 0);
        date_format(&b, times[i / ARRAY_LEN(formats)], NULL, format);
        assert_int_equal(date_parse(buf_str(&b), NULL, format, &ms, &at), DATE_FITS);
        assert_true(ms == times[i / ARRAY_LEN(formats)]);
        for (size_t cut = 0; cut < b.len; cut++) {
            assert_int_not_equal(date_parse(str_n(b.data, cut), NULL, format, &ms, &at), DATE_FITS);
            assert_true(at <= cut);
        }
        buf_done(&b);
    }
    int64_t ms;
    size_t at;
    assert_int_equal(date_parse(STR(""), NULL, STR(""), &ms, &at), DATE_FITS);
    assert_int_equal(date_parse(STR("x"), NULL, STR("[x"), &ms, &at), DATE_DIFFERS);
    assert_int_equal(date_parse(STR("[x"), NULL, STR("[x"), &ms, &at), DATE_FITS);
    assert_int_equal(date_parse(STR("x"), NULL, STR("[x][]"), &ms, &at), DATE_FITS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(actions), cmocka_unit_test(round_trip)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
