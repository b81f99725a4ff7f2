/* Schedules: their text, and the next time in zones that change their clocks. */
#include "cron.h"

#include "clock.h"
#include "expr/iso_date.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static int64_t instant(const char *iso)
{
    int64_t ms;
    if (!iso_date_parse(str_of(iso), &ms)) {
        fail_msg("%s is no date", iso);
    }
    return ms * NS_PER_MS;
}

static void assert_next(const char *text, const char *zone, const char *after, const char *expected)
{
    struct cron c;
    struct err err = {0};
    int64_t next = 0;
    char iso[CLOCK_ISO_LEN + 1];
    if (cron_parse(str_of(text), &c, &err) < 0 ||
        cron_next(&c, zone, instant(after), &next, &err) < 0) {
        fail_msg("%s: %s", text, err.message);
    }
    clock_iso(next, iso);
    if (next != instant(expected)) {
        fail_msg("%s in \"%s\" after %s: %s, not %s", text, zone ? zone : "", after, iso, expected);
    }
}

static const struct {
    const char *text, *zone, *after, *expected;
} nexts[] = {
    /* plain */
    {"* * * * *", "", "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z"},
    {"* * * * *", NULL, "2026-01-01T00:00:59.999Z", "2026-01-01T00:01:00Z"},
    {"0 0 * * *", "", "2025-12-31T23:59:59.999Z", "2026-01-01T00:00:00Z"},
    {"*/15 * * * *", "UTC", "2026-01-01T00:15:00Z", "2026-01-01T00:30:00Z"},
    {"5/20 * * * *", "", "2026-01-01T00:06:00Z", "2026-01-01T00:25:00Z"},
    {"5-20/5,50 3 * * *", "", "2026-01-01T03:20:00Z", "2026-01-01T03:50:00Z"},
    {"05 09 * * *", "", "2026-01-01T00:00:00Z", "2026-01-01T09:05:00Z"},
    {"\t0  12\t* *   * ", "", "2026-01-01T00:00:00Z", "2026-01-01T12:00:00Z"},
    {"0 0 31 * *", "", "2026-01-31T00:00:00Z", "2026-03-31T00:00:00Z"},
    {"0 0 29 2 *", "", "2024-02-29T00:00:00Z", "2028-02-29T00:00:00Z"},
    {"0 0 29 feb *", "", "2096-02-29T00:00:00Z", "2104-02-29T00:00:00Z"},
    {"0 0 1 JAN,jul *", "", "2026-01-01T00:00:00Z", "2026-07-01T00:00:00Z"},
    {"*/90 * * * *", "", "2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z"},
    {"0 0 * * *", "", "1969-12-31T12:00:00Z", "1970-01-01T00:00:00Z"},
    {"30 1 * * *", "", "1969-12-30T12:00:00Z", "1969-12-31T01:30:00Z"},
    /* days of the week; 2026-01-01 is a Thursday */
    {"0 0 * * 0", "", "2026-01-01T00:00:00Z", "2026-01-04T00:00:00Z"},
    {"0 0 * * 7", "", "2026-01-01T00:00:00Z", "2026-01-04T00:00:00Z"},
    {"0 0 * * SAT", "", "2026-01-01T00:00:00Z", "2026-01-03T00:00:00Z"},
    {"0 0 * * fri-sun", "", "2026-01-03T00:00:00Z", "2026-01-04T00:00:00Z"},
    {"0 0 * * 1-5", "", "2026-01-02T00:00:00Z", "2026-01-05T00:00:00Z"},
    {"0 0 * * */2", "", "2026-01-04T00:00:00Z", "2026-01-06T00:00:00Z"},
    /* both kinds of days: either is enough, unless one is open */
    {"0 0 13 * FRI", "", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"},
    {"0 0 13 * FRI", "", "2026-01-09T00:00:00Z", "2026-01-13T00:00:00Z"},
    {"0 0 */2 * FRI", "", "2026-01-02T00:00:00Z", "2026-01-09T00:00:00Z"},
    /* macros */
    {"@hourly", "", "2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z"},
    {"@DAILY", "", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"},
    {"@midnight", "", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"},
    {" @weekly ", "", "2026-01-01T00:00:00Z", "2026-01-04T00:00:00Z"},
    {"@monthly", "", "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"},
    {"@yearly", "", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"},
    {"@annually", "", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"},
    /* zones: fixed, half hours, either side of the date line */
    {"0 9 * * *", "Europe/Berlin", "2026-01-01T00:00:00Z", "2026-01-01T08:00:00Z"},
    {"0 9 * * *", "Europe/Berlin", "2026-07-01T00:00:00Z", "2026-07-01T07:00:00Z"},
    {"0 9 * * *", "Asia/Kolkata", "2026-01-01T00:00:00Z", "2026-01-01T03:30:00Z"},
    {"0 * * * *", "Asia/Kolkata", "2026-01-01T00:00:00Z", "2026-01-01T00:30:00Z"},
    {"0 0 * * MON", "Pacific/Auckland", "2026-01-01T00:00:00Z", "2026-01-04T11:00:00Z"},
    {"0 0 1 * *", "America/New_York", "2026-01-01T05:00:00Z", "2026-02-01T05:00:00Z"},
    {"0 12 * * *", "Etc/GMT+12", "2026-01-01T01:00:00Z", "2026-01-02T00:00:00Z"},
    /* years ahead, by the rule at the end of the zone's file */
    {"0 9 * * *", "Europe/Berlin", "2098-07-01T00:00:00Z", "2098-07-01T07:00:00Z"},
    {"0 9 * * *", "America/New_York", "2098-01-01T00:00:00Z", "2098-01-01T14:00:00Z"},
    {"0 9 * * *", "Australia/Sydney", "2098-01-01T23:00:00Z", "2098-01-02T22:00:00Z"},
    /* forward in Berlin: 2026-03-29, 02:00 becomes 03:00 at 01:00Z */
    {"30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z"},
    {"30 2 * * *", "Europe/Berlin", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"},
    {"0,30 2 * * *", "Europe/Berlin", "2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z"},
    {"*/30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z"},
    {"0 3 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z"},
    {"0 2,3 * * *", "Europe/Berlin", "2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z"},
    {"59 1 * * *", "Europe/Berlin", "2026-03-29T00:00:00Z", "2026-03-29T00:59:00Z"},
    {"30 2 29 3 *", "Europe/Berlin", "2026-01-01T00:00:00Z", "2026-03-29T01:00:00Z"},
    {"*/15 * * * *", "Europe/Berlin", "2026-03-29T00:45:00Z", "2026-03-29T01:00:00Z"},
    {"*/15 * * * *", "Europe/Berlin", "2026-03-29T01:00:00Z", "2026-03-29T01:15:00Z"},
    {"5 * * * *", "Europe/Berlin", "2026-03-29T00:05:00Z", "2026-03-29T01:05:00Z"},
    /* back in Berlin: 2026-10-25, 03:00 becomes 02:00 at 01:00Z */
    {"30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z"},
    {"30 2 * * *", "Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"},
    {"30 2 * * *", "Europe/Berlin", "2026-10-25T01:10:00Z", "2026-10-26T01:30:00Z"},
    {"0,30 2 * * *", "Europe/Berlin", "2026-10-25T00:45:00Z", "2026-10-26T01:00:00Z"},
    {"0 3 * * *", "Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-25T02:00:00Z"},
    {"*/30 * * * *", "Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z"},
    {"*/30 * * * *", "Europe/Berlin", "2026-10-25T01:00:00Z", "2026-10-25T01:30:00Z"},
    {"0 * * * *", "Europe/Berlin", "2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z"},
    {"0 * * * *", "Europe/Berlin", "2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z"},
    /* half an hour: Lord Howe goes 02:00 -> 02:30 at 2026-10-03T15:30Z */
    {"15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00:00Z", "2026-10-03T15:30:00Z"},
    /* a whole day: Samoa had no 2011-12-30 */
    {"0 12 30 12 *", "Pacific/Apia", "2011-12-01T00:00:00Z", "2011-12-30T10:00:00Z"},
    {"0 12 * * *", "Pacific/Apia", "2011-12-30T10:00:00Z", "2011-12-30T22:00:00Z"},
    /* midnight is skipped: Beirut 2026-03-29T00:00 becomes 01:00 */
    {"0 0 * * *", "Asia/Beirut", "2026-03-28T12:00:00Z", "2026-03-28T22:00:00Z"},
    {"0 0 * * *", "Asia/Beirut", "2026-03-28T22:00:00Z", "2026-03-29T21:00:00Z"},
};

static void finds_next_times(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(nexts); i++) {
        assert_next(nexts[i].text, nexts[i].zone, nexts[i].after, nexts[i].expected);
    }
}

/* Counts a schedule's times in a year: every interval kept, nothing twice. */
static void counts_a_year(void **state)
{
    static const struct {
        const char *text, *zone;
        int expected;
    } counts[] = {
        {"0 * * * *", "Europe/Berlin", 365 * 24},
        {"*/10 * * * *", "America/New_York", 365 * 24 * 6},
        {"30 2 * * *", "Europe/Berlin", 365},
        {"30 1,2 * * *", "America/New_York", 365 * 2},
        {"0 0 * * *", "America/Santiago", 365},
        {"0 0 13 * FRI", "UTC", 61},
    };
    for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
        struct cron c;
        assert_int_equal(cron_parse(str_of(counts[i].text), &c, NULL), 0);
        int64_t at = instant("2026-01-01T00:00:00Z") - 1;
        const int64_t end = instant("2027-01-01T00:00:00Z");
        int n = -1;
        while (at < end) {
            int64_t next;
            assert_int_equal(cron_next(&c, counts[i].zone, at, &next, NULL), 0);
            assert_true(next > at);
            at = next;
            n++;
        }
        if (n != counts[i].expected) {
            fail_msg("%s in %s: %d times", counts[i].text, counts[i].zone, n);
        }
    }
}

static void refuses_texts(void **state)
{
    static const struct {
        const char *text, *field;
    } bad[] = {
        {"", ""},
        {"* * * *", ""},
        {"* * * * * *", ""},
        {"@reboot", ""},
        {"@every 5m", ""},
        {"60 * * * *", "minute"},
        {"-1 * * * *", "minute"},
        {"+1 * * * *", "minute"},
        {"1.5 * * * *", "minute"},
        {"1, * * * *", "minute"},
        {",1 * * * *", "minute"},
        {"*/0 * * * *", "minute"},
        {"*/ * * * *", "minute"},
        {"*/-1 * * * *", "minute"},
        {"*/5/5 * * * *", "minute"},
        {"10-5 * * * *", "minute"},
        {"1-2-3 * * * *", "minute"},
        {"1- * * * *", "minute"},
        {"**", ""},
        {"** * * * *", "minute"},
        {"jan * * * *", "minute"},
        {"00000000000000000001 * * * *", "minute"},
        {"* 24 * * *", "hour"},
        {"* * 0 * *", "day of month"},
        {"* * 32 * *", "day of month"},
        {"* * ? * *", "day of month"},
        {"* * L * *", "day of month"},
        {"* * * 0 *", "month"},
        {"* * * 13 *", "month"},
        {"* * * janu *", "month"},
        {"* * * * 8", "day of week"},
        {"* * * * sat-mon", "day of week"},
        {"* * * * mon#1", "day of week"},
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct cron c;
        struct err err = {0};
        if (cron_parse(str_of(bad[i].text), &c, &err) != -EINVAL) {
            fail_msg("\"%s\" was accepted", bad[i].text);
        }
        assert_string_equal(err.code, "cron.syntax");
        assert_string_equal(err.field, bad[i].field);
    }
    char big[CRON_MAX_BYTES + 20];
    memset(big, '1', sizeof(big));
    struct cron c;
    assert_int_equal(cron_parse(str_n(big, sizeof(big)), &c, NULL), -EINVAL);
    assert_int_equal(cron_parse(STR("* * \0 * *"), &c, NULL), -EINVAL);
}

static void gives_up_on_days_that_never_come(void **state)
{
    static const char *const never[] = {"0 0 30 2 *", "0 0 31 2,4,6,9,11 *"};
    for (size_t i = 0; i < ARRAY_LEN(never); i++) {
        struct cron c;
        struct err err = {0};
        int64_t next = 7;
        assert_int_equal(cron_parse(str_of(never[i]), &c, NULL), 0);
        assert_int_equal(cron_next(&c, "Europe/Berlin", 0, &next, &err), -ERANGE);
        assert_string_equal(err.code, "cron.never");
        assert_int_equal(next, 7);
    }
}

static void survives_the_ends_of_time(void **state)
{
    struct cron c;
    int64_t next;
    assert_int_equal(cron_parse(STR("0 0 1 1 *"), &c, NULL), 0);
    assert_int_equal(cron_next(&c, "Europe/Berlin", INT64_MIN, &next, NULL), 0);
    assert_int_equal(cron_next(&c, "Europe/Berlin", INT64_MAX, &next, NULL), -ERANGE);
}

static void refuses_zones(void **state)
{
    static const char *const bad[] = {"Mars/Olympus",   "../../../etc/passwd",
                                      "/etc/localtime", "Europe/../UTC",
                                      "Europe//Berlin", "Europe/",
                                      "Europe",         "zone.tab",
                                      "Europe/Berlin\n"};
    struct cron c;
    assert_int_equal(cron_parse(STR("* * * * *"), &c, NULL), 0);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct err err = {0};
        int64_t next;
        assert_int_equal(cron_next(&c, bad[i], 0, &next, &err), -EINVAL);
        assert_string_equal(err.code, "zone.unknown");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_next_times),
        cmocka_unit_test(counts_a_year),
        cmocka_unit_test(refuses_texts),
        cmocka_unit_test(gives_up_on_days_that_never_come),
        cmocka_unit_test(survives_the_ends_of_time),
        cmocka_unit_test(refuses_zones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
