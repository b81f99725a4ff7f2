/* Tables on a terminal, and texts of others that come to it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "cli/table.h"
#include "cli/text.h"

static struct arena *a;

static int setup(void **state)
{
    text_start();
    (void)setenv("TZ", "Europe/Berlin", 1);
    a = arena_new(0, 0);
    return 0;
}

static int teardown(void **state)
{
    a = arena_free(a);
    return 0;
}

static const struct table_column columns[] = {
    {"NAME", false, true}, {"N", true, false}, {"STATE", false, false}, {0}};

static void assert_table(size_t width, const char *const cells[], size_t n, const char *wanted)
{
    AUTO(buf_done) struct buf text = {0};
    struct table *t = table_new(a, columns);
    for (size_t i = 0; i < n; i++) {
        table_cell(t, str_of(cells[i]));
    }
    buf_init(&text, 0);
    table_write(t, width, &text);
    assert_string_equal(text.data, wanted);
}

static void test_columns_are_aligned(void **state)
{
    static const char *const cells[] = {"Orders", "12", "ok", "\u00dcber", "7", ""};
    assert_table(0, cells, 6, "NAME     N  STATE\nOrders  12  ok\n\u00dcber     7\n");
    assert_table(0, cells, 0, "NAME  N  STATE\n");
}

static void test_a_narrow_terminal_cuts_the_flexible_one(void **state)
{
    static const char *const cells[] = {"A very long name indeed", "1", "deployed"};
    assert_table(24, cells, 3, "NAME         N  STATE\nA very lon\u2026  1  deployed\n");
    assert_table(5, cells, 3, "NAME      N  STATE\nA very \u2026  1  deployed\n");
}

static void test_no_escape_reaches_the_terminal(void **state)
{
    static const struct {
        const char *from, *line;
    } cases[] = {
        {"plain", "plain"},
        {"a\nb\tc", "a b c"},
        {"\x1b[31mred\x1b[0m", " [31mred [0m"},
        {"x\u202ey\xc2\x9bz", "x y z"},
        {"\xff\xfe", "??"},
        {"\u732b", "\u732b"},
        {"cut\xe2\x80", "cut??"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str s = text_line(a, str_of(cases[i].from));
        assert_string_equal(arena_strndup(a, s.ptr, s.len), cases[i].line);
    }
    struct str nul = text_line(a, str_n("a\0b", 3));
    assert_memory_equal(nul.ptr, "a b", 3);
    assert_memory_equal(text_lines(a, STR("a\nb\r")).ptr, "a\nb ", 4);
    assert_int_equal(text_width(STR("\u732b!")), 3);
    assert_string_equal(text_cut(a, STR("\u732b\u732b\u732b"), 4).ptr, "\u732b\u2026");
}

static void assert_str(struct str s, const char *wanted)
{
    assert_string_equal(arena_strndup(a, s.ptr, s.len), wanted);
}

static void test_times(void **state)
{
    int64_t ns;
    assert_str(text_time(a, STR("2001-07-02T10:00:00.5Z")), "2001-07-02 12:00");
    assert_str(text_time(a, STR("")), "-");
    assert_str(text_time(a, STR("soon\n")), "soon ");
    assert_true(text_time_ns(STR("1970-01-01T01:00:01.25+01:00"), &ns));
    assert_int_equal(ns, 1250000000);
    assert_true(text_time_ns(STR("1970-01-01T00:00:01.123456789123Z"), &ns));
    assert_int_equal(ns, 1123456789);
    assert_false(text_time_ns(STR("1970-01-01"), &ns));
    assert_str(text_duration(a, STR("2001-07-02T10:00:00.000Z"), STR("2001-07-02T10:00:00.012Z")),
               "12 ms");
    assert_str(text_duration(a, STR("2001-07-02T10:00:00.000Z"), STR("2001-07-02T10:00:03.45Z")),
               "3.4 s");
    assert_str(text_duration(a, STR("2001-07-02T10:00:00Z"), STR("2001-07-02T10:02:05Z")),
               "2 min 5 s");
    assert_str(text_duration(a, STR("2001-07-02T10:00:00Z"), STR("")), "-");
}

static void test_since(void **state)
{
    static const char *const wrong[] = {"", "m", "1", "-1m", "1y", "99999999999d", "x1h", "now"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        assert_null(text_since(a, wrong[i]));
    }
    assert_string_equal(text_since(a, "2026-01-02T03:04:05Z"), "2026-01-02T03:04:05Z");
    assert_non_null(text_since(a, "15m"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns_are_aligned),
        cmocka_unit_test(test_a_narrow_terminal_cuts_the_flexible_one),
        cmocka_unit_test(test_no_escape_reaches_the_terminal),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_since),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
