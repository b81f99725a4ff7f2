/* Slices and buffers. */
#include "str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void compares(void **state)
{
    assert_true(str_eq_ci(STR("Content-Type"), STR("cONTENT-tYPE")));
    assert_false(str_eq_ci(STR("a"), STR("ab")));
    assert_false(str_eq_ci(STR("@["), STR("`{"))); /* only letters have case */
    assert_true(str_eq(STR(""), str_n(NULL, 0)));
    assert_false(str_eq(STR("a\0b"), STR("a\0c")));
    assert_true(str_starts(STR("abc"), STR("ab")));
    assert_true(str_starts(STR("abc"), STR("")));
    assert_false(str_starts(STR("a"), STR("ab")));
    assert_true(str_ends(STR("abc"), STR("bc")));
    assert_false(str_ends(STR("c"), STR("bc")));
    assert_int_equal(str_of(NULL).len, 0);
}

static void finds(void **state)
{
    static const struct {
        const char *s, *needle;
        size_t from;
        ptrdiff_t at;
    } cases[] = {
        {"banana", "an", 0, 1}, {"banana", "an", 2, 3},         {"banana", "an", 4, -1},
        {"banana", "", 6, 6},   {"banana", "", 7, -1},          {"banana", "x", 0, -1},
        {"ab", "abc", 0, -1},   {"banana", "an", SIZE_MAX, -1},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(str_find(str_of(cases[i].s), str_of(cases[i].needle), cases[i].from),
                         cases[i].at);
    }
    assert_int_equal(str_find(STR("a\0b"), STR("b"), 0), 2);
}

static void trims(void **state)
{
    assert_true(str_eq(str_trim(STR(" \t\r\n\v\fa b \n")), STR("a b")));
    assert_int_equal(str_trim(STR("  ")).len, 0);
    assert_true(str_eq(str_trim(STR("\xC2\xA0")), STR("\xC2\xA0"))); /* ASCII only */
}

static void reads_integers(void **state)
{
    static const struct {
        const char *text;
        bool ok;
        int64_t value;
    } cases[] = {
        {"0", true, 0},
        {"-0", true, 0},
        {"007", true, 7},
        {"9223372036854775807", true, INT64_MAX},
        {"-9223372036854775808", true, INT64_MIN},
        {"9223372036854775808", false, 0},
        {"-9223372036854775809", false, 0},
        {"99999999999999999999999", false, 0},
        {"", false, 0},
        {"-", false, 0},
        {"+1", false, 0},
        {" 1", false, 0},
        {"1 ", false, 0},
        {"0x1", false, 0},
        {"1.0", false, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t value = 42;
        assert_int_equal(str_to_i64(str_of(cases[i].text), &value), cases[i].ok);
        assert_true(value == (cases[i].ok ? cases[i].value : 42));
    }
}

static void checks_utf8(void **state)
{
    static const char *const good[] = {"",
                                       "plain",
                                       "\xC2\x80",
                                       "\xDF\xBF",
                                       "\xE0\xA0\x80",
                                       "\xED\x9F\xBF",
                                       "\xEE\x80\x80",
                                       "\xEF\xBF\xBF",
                                       "\xF0\x90\x80\x80",
                                       "\xF4\x8F\xBF\xBF"};
    static const char *const bad[] = {"\x80",
                                      "\xBF",
                                      "\xC0\x80",
                                      "\xC1\xBF",
                                      "\xC2",
                                      "\xC2 ",
                                      "\xE0\x9F\xBF",
                                      "\xE1\x80",
                                      "\xED\xA0\x80",
                                      "\xED\xBF\xBF",
                                      "\xF0\x8F\xBF\xBF",
                                      "\xF1\x80\x80",
                                      "\xF4\x90\x80\x80",
                                      "\xF5\x80\x80\x80",
                                      "\xFE",
                                      "\xFF",
                                      "ok\xE2\x82"};
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        assert_true(str_utf8_valid(str_of(good[i])));
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_false(str_utf8_valid(str_of(bad[i])));
    }
    assert_true(str_utf8_valid(STR("a\0b")));
}

static void buffer_grows(void **state)
{
    AUTO(buf_done) struct buf b;
    buf_init(&b, 0);
    assert_int_equal(buf_str(&b).len, 0);
    assert_non_null(buf_str(&b).ptr);
    for (int i = 0; i < 1000; i++) {
        buf_addf(&b, "%d,", i % 10);
        assert_int_equal(b.len, 2 * (size_t)(i + 1));
        assert_int_equal(b.data[b.len], '\0');
    }
    buf_clear(&b);
    assert_string_equal(b.data, "");
    buf_add_str(&b, STR("a\0b"));
    buf_addc(&b, '\0');
    buf_adds(&b, "c");
    buf_add(&b, NULL, 0);
    assert_true(str_eq(buf_str(&b), STR("a\0b\0c")));
}

static void buffer_stops_at_its_bound(void **state)
{
    AUTO(buf_done) struct buf b;
    buf_init(&b, 5);
    buf_adds(&b, "12345");
    assert_false(b.full);
    buf_addc(&b, '6');
    assert_true(b.full);
    assert_string_equal(b.data, "12345");
    assert_null(buf_reserve(&b, 0)); /* stays full until it is cleared */
    buf_clear(&b);
    assert_false(b.full);
    buf_addf(&b, "%s", "123456");
    assert_true(b.full);
    assert_int_equal(b.len, 0);
    buf_clear(&b);
    assert_null(buf_reserve(&b, SIZE_MAX));
    assert_true(b.full);
}

static void buffer_is_taken_once(void **state)
{
    struct buf b;
    buf_init(&b, 3);
    buf_adds(&b, "abc");
    char *text = buf_take(&b);
    assert_string_equal(text, "abc");
    mem_free(text);
    assert_int_equal(b.len, 0);
    text = buf_take(&b);
    assert_string_equal(text, "");
    mem_free(text);
    buf_adds(&b, "abcd");
    assert_true(b.full); /* the bound is kept */
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compares),
        cmocka_unit_test(finds),
        cmocka_unit_test(trims),
        cmocka_unit_test(reads_integers),
        cmocka_unit_test(checks_utf8),
        cmocka_unit_test(buffer_grows),
        cmocka_unit_test(buffer_stops_at_its_bound),
        cmocka_unit_test(buffer_is_taken_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
