/* Time zones, checked against the C library's reading of the same files. */
#include "zone.h"

#include <setjmp.h>
#include <stdarg.h>
#include <time.h>
#include <cmocka.h>

static const char *const zones[] = {
    "UTC",
    "Europe/Berlin",
    "Europe/Dublin",
    "America/New_York",
    "America/Santiago",
    "America/Sao_Paulo",
    "Asia/Kolkata",
    "Asia/Gaza",
    "Africa/Casablanca",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Pacific/Chatham",
    "Antarctica/Troll",
    "America/Argentina/Buenos_Aires",
    "Etc/GMT-14",
    "EST5EDT",
};

static void agrees_with_the_c_library(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(zones); i++) {
        const struct zone *z;
        assert_int_equal(zone_load(zones[i], &z, NULL), 0);
        assert_int_equal(setenv("TZ", zones[i], 1), 0);
        tzset();
        /* Every 17 hours and some seconds from 1900 to 2150. */
        for (int64_t at = INT64_C(-2208988800); at < INT64_C(5680281600); at += 61211) {
            struct tm tm;
            time_t t = (time_t)at;
            assert_non_null(localtime_r(&t, &tm));
            if (zone_offset(z, at) != tm.tm_gmtoff) {
                fail_msg("%s at %lld: %d, not %ld", zones[i], (long long)at, zone_offset(z, at),
                         tm.tm_gmtoff);
            }
        }
    }
}

/* Each instant of a zone comes back from its local time, and every change is where offsets change.
 */
static void goes_there_and_back(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(zones); i++) {
        const struct zone *z;
        assert_int_equal(zone_load(zones[i], &z, NULL), 0);
        int64_t at = INT64_C(1000000000);
        for (int n = 0; n < 300 && at != INT64_MAX; n++) {
            for (int64_t near = at - 7260; near <= at + 7260; near += 60) {
                int64_t first, last;
                enum zone_fit fit = zone_to_utc(z, near + zone_offset(z, near), &first, &last);
                assert_true(fit != ZONE_SKIPPED);
                assert_true(first == near || last == near);
                assert_int_equal(fit == ZONE_TWICE, first < last);
            }
            int64_t next = zone_next_change(z, at);
            assert_true(next > at);
            if (next != INT64_MAX) {
                assert_int_equal(zone_offset(z, at), zone_offset(z, next - 1));
            }
            at = next;
        }
    }
}

static void tells_gaps_and_overlaps(void **state)
{
    const struct zone *z;
    int64_t first, last;
    assert_int_equal(zone_load("Europe/Berlin", &z, NULL), 0);
    /* 2026-03-29 02:30, which there is not; the change is at 01:00Z */
    assert_int_equal(zone_to_utc(z, 1774751400, &first, &last), ZONE_SKIPPED);
    assert_int_equal(first, 1774746000);
    assert_int_equal(last, 1774746000);
    /* 2026-03-29 02:00 and 03:00: the gap's ends */
    assert_int_equal(zone_to_utc(z, 1774749600, &first, &last), ZONE_SKIPPED);
    assert_int_equal(zone_to_utc(z, 1774753200, &first, &last), ZONE_ONCE);
    assert_int_equal(first, 1774746000);
    /* 2026-10-25 02:30 */
    assert_int_equal(zone_to_utc(z, 1792895400, &first, &last), ZONE_TWICE);
    assert_int_equal(first, 1792888200);
    assert_int_equal(last, 1792891800);
    assert_int_equal(zone_to_utc(z, 1792897200, &first, &last), ZONE_ONCE);
}

static void loads_once(void **state)
{
    const struct zone *one, *two;
    assert_int_equal(zone_load("Asia/Tokyo", &one, NULL), 0);
    assert_int_equal(zone_load("Asia/Tokyo", &two, NULL), 0);
    assert_ptr_equal(one, two);
}

/* A file without changes and with this rule at its end. */
static struct str make_file(struct buf *b, const char *rule)
{
    char block[54] = "TZif2"; /* 15 reserved bytes, six counts, one type of 6 bytes, its name */
    block[39] = 1;            /* types */
    block[43] = 4;            /* characters of names */
    memcpy(block + 50, "UTC", 3);
    buf_clear(b);
    buf_add(b, block, sizeof(block));
    buf_add(b, block, sizeof(block));
    buf_addf(b, "\n%s\n", rule);
    return buf_str(b);
}

static void reads_rules(void **state)
{
    static const struct {
        const char *rule;
        int32_t january, july; /* of 2026 */
    } good[] = {
        {"", 0, 0},
        {"UTC0", 0, 0},
        {"<-03>3", -10800, -10800},
        {"<+0545>-5:45", 20700, 20700},
        {"CET-1CEST,M3.5.0,M10.5.0/3", 3600, 7200},
        {"IST-1GMT0,M10.5.0,M3.5.0/1", 0, 3600},
        {"AAA3BBB,J60/0,J300/-1:30", -10800, -7200},
        {"AAA3BBB2:30,59,299/24:00:01", -10800, -9000},
        {"XXX3EDT4,0/0,J365/23", -14400, -14400},
    };
    static const char *const bad[] = {
        "U0",
        "UTC",
        "UTC25",
        "CET-1CEST",
        "CET-1CEST,M3.5.0",
        "CET-1CEST,M13.5.0,M10.5.0",
        "CET-1CEST,M3.6.0,M10.5.0",
        "CET-1CEST,M3.5.7,M10.5.0",
        "CET-1CEST,J0,J1",
        "CET-1CEST,366,1",
        "CET-1CEST,M3.5.0/168,M10.5.0",
        "CET-1CEST,M3.5.0,M10.5.0,",
        "<+01-1",
    };
    AUTO(buf_done) struct buf b;
    buf_init(&b, 4096);
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        AUTO(zone_free) struct zone *z = NULL;
        assert_int_equal(zone_parse(make_file(&b, good[i].rule), &z, NULL), 0);
        assert_int_equal(zone_offset(z, 1768435200), good[i].january);
        assert_int_equal(zone_offset(z, 1784073600), good[i].july);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct zone *z = NULL;
        struct err err = {0};
        assert_int_equal(zone_parse(make_file(&b, bad[i]), &z, &err), -EINVAL);
        assert_string_equal(err.code, "zone.unreadable");
    }
}

static void refuses_broken_files(void **state)
{
    AUTO(buf_done) struct buf b;
    buf_init(&b, 4096);
    struct str file = make_file(&b, "UTC0");
    struct zone *whole = NULL;
    assert_int_equal(zone_parse(file, &whole, NULL), 0);
    zone_free(whole);
    for (size_t len = 0; len < file.len; len++) {
        struct zone *z = NULL;
        char *copy = mem_dup(file.ptr, len + 1); /* exact, so that reading past it shows */
        char *tight = mem_realloc(copy, len ? len : 1);
        assert_int_equal(zone_parse(str_n(tight, len), &z, NULL), -EINVAL);
        mem_free(tight);
    }
    /* Counts that reach past the end. */
    for (size_t at = 20; at < 44; at++) {
        struct zone *z = NULL;
        make_file(&b, "UTC0");
        b.data[54 + at] = '\xFF';
        assert_int_equal(zone_parse(buf_str(&b), &z, NULL), -EINVAL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_the_c_library),
        cmocka_unit_test(goes_there_and_back),
        cmocka_unit_test(tells_gaps_and_overlaps),
        cmocka_unit_test(loads_once),
        cmocka_unit_test(reads_rules),
        cmocka_unit_test(refuses_broken_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
