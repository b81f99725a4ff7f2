/* Clocks and the text of instants. */
#include "clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const struct {
    int64_t ns;
    const char *text;
} cases[] = {
    {0, "1970-01-01T00:00:00.000Z"},
    {1, "1970-01-01T00:00:00.000Z"},
    {999999, "1970-01-01T00:00:00.000Z"},
    {-1, "1969-12-31T23:59:59.999Z"},
    {-NS_PER_SEC, "1969-12-31T23:59:59.000Z"},
    {INT64_C(1767322445678) * NS_PER_MS, "2026-01-02T02:54:05.678Z"},
    {INT64_C(951782400) * NS_PER_SEC, "2000-02-29T00:00:00.000Z"},
    {INT64_C(2147483648) * NS_PER_SEC, "2038-01-19T03:14:08.000Z"},
    {INT64_MAX, "2262-04-11T23:47:16.854Z"},
    {INT64_MIN, "1677-09-21T00:12:43.145Z"},
};

static void writes_instants(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[CLOCK_ISO_LEN + 1];
        clock_iso(cases[i].ns, text);
        assert_string_equal(text, cases[i].text);
    }
}

static void monotonic_time_goes_on(void **state)
{
    int64_t last = clock_mono_ns();
    for (int i = 0; i < 1000; i++) {
        int64_t now = clock_mono_ns();
        assert_true(now >= last);
        last = now;
    }
    assert_true(clock_now_ns() > INT64_C(1700000000) * NS_PER_SEC);
}

static void waits_at_least(void **state)
{
    int64_t start = clock_mono_ns();
    clock_wait_ns(5 * NS_PER_MS);
    assert_true(clock_mono_ns() - start >= 5 * NS_PER_MS);
    clock_wait_ns(0);
    clock_wait_ns(-NS_PER_SEC);
    assert_true(clock_mono_ns() - start < 10 * NS_PER_SEC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_instants),
        cmocka_unit_test(monotonic_time_goes_on),
        cmocka_unit_test(waits_at_least),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
