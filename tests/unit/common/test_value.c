/* JavaScript's coercions. Values are written as JSON; two words more stand for what JSON lacks. */
#include "expr/value.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* "undefined", "NaN", "bytes:..." or a JSON text. */
static struct json read_value(struct arena *a, const char *text)
{
    struct json v;
    if (strcmp(text, "undefined") == 0) {
        return json_undefined();
    }
    if (strcmp(text, "NaN") == 0) {
        return json_num(NAN);
    }
    if (strncmp(text, "bytes:", 6) == 0) {
        return json_binary(str_of(text + 6));
    }
    if (json_parse(a, str_of(text), &v, NULL) < 0) {
        fail_msg("%s is no value", text);
    }
    return v;
}

static void tells_truth(void **state)
{
    static const char *const no[] = {"undefined", "null", "false", "0", "-0", "NaN", "\"\""};
    static const char *const yes[] = {"true",  "1",  "-1", "\"0\"", "\"false\"",
                                      "\" \"", "[]", "{}", "bytes:"};
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    for (size_t i = 0; i < ARRAY_LEN(no); i++) {
        assert_false(value_truthy(read_value(a, no[i])));
    }
    for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
        assert_true(value_truthy(read_value(a, yes[i])));
    }
}

static void makes_numbers(void **state)
{
    static const struct {
        const char *value;
        double number;
    } cases[] = {
        {"undefined", NAN},
        {"null", 0},
        {"true", 1},
        {"false", 0},
        {"-1.5e3", -1500},
        /* strings */
        {"\"\"", 0},
        {"\" \\t\\n\\r\\u000b\\u000c\"", 0},
        {"\"\\u00a0\\ufeff\\u2003 12 \\u2028\\u3000\\u1680\"", 12},
        {"\"\\u200b1\"", NAN},
        {"\"12\"", 12},
        {"\"-12\"", -12},
        {"\"+12\"", 12},
        {"\"--12\"", NAN},
        {"\"1 2\"", NAN},
        {"\"007\"", 7},
        {"\"1.5\"", 1.5},
        {"\".5\"", 0.5},
        {"\"5.\"", 5},
        {"\".\"", NAN},
        {"\"1e3\"", 1000},
        {"\"1E+3\"", 1000},
        {"\"1e-3\"", 0.001},
        {"\"1e\"", NAN},
        {"\"e3\"", NAN},
        {"\"1e3.5\"", NAN},
        {"\"1_000\"", NAN},
        {"\"1,5\"", NAN},
        {"\"10n\"", NAN},
        {"\"1e999\"", INFINITY},
        {"\"-1e999\"", -INFINITY},
        {"\"1e-999\"", 0},
        {"\"Infinity\"", INFINITY},
        {"\"+Infinity\"", INFINITY},
        {"\"-Infinity\"", -INFINITY},
        {"\"infinity\"", NAN},
        {"\"INF\"", NAN},
        {"\"nan\"", NAN},
        {"\"NaN\"", NAN},
        {"\"0x1F\"", 31},
        {"\"0Xff\"", 255},
        {"\"0b101\"", 5},
        {"\"0B1\"", 1},
        {"\"0o17\"", 15},
        {"\"0O7\"", 7},
        {"\"-0x1\"", NAN},
        {"\"+0x1\"", NAN},
        {"\"0x\"", NAN},
        {"\"0xg\"", NAN},
        {"\"0b2\"", NAN},
        {"\"0o8\"", NAN},
        {"\"0x1p3\"", NAN},
        {"\"0x1.8\"", NAN},
        {"\"0x20000000000001\"", 9007199254740992.0}, /* halfway: to even */
        {"\"0x20000000000003\"", 9007199254740996.0},
        {"\"0x200000000000010000000000000001\"", 0x20000000000002p64}, /* just above halfway */
        {"\"0x10000000000000000000000000000000\"", 0x1p124},
        {"\"123456789012345678901234567890123456789012345678901234567890123456789012345678\"",
         1.2345678901234568e77},
        {"\"1\\u0000\"", NAN},
        {"\"five\"", NAN},
        /* lists and objects, by way of their text */
        {"[]", 0},
        {"[[]]", 0},
        {"[5]", 5},
        {"[\"5\"]", 5},
        {"[[\" 5 \"]]", 5},
        {"[null]", 0},
        {"[true]", NAN},
        {"[1,2]", NAN},
        {"[{}]", NAN},
        {"{}", NAN},
        {"bytes:12", 12},
        {"bytes:", 0},
    };
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        double n = value_to_number(read_value(a, cases[i].value));
        if (isnan(n) != isnan(cases[i].number) || (!isnan(n) && n != cases[i].number)) {
            fail_msg("%s: %.17g", cases[i].value, n);
        }
    }
    assert_true(signbit(value_to_number(json_cstr("-0"))));
    struct json one_undefined = json_undefined();
    assert_true(value_to_number(json_array(&one_undefined, 1)) == 0);
}

static void makes_strings(void **state)
{
    static const struct {
        const char *value, *string, *text;
    } cases[] = {
        {"undefined", "undefined", ""},
        {"null", "null", ""},
        {"true", "true", "true"},
        {"false", "false", "false"},
        {"\"x\"", "x", "x"},
        {"0.1", "0.1", "0.1"},
        {"100", "100", "100"},
        {"-0", "0", "0"},
        {"NaN", "NaN", "NaN"},
        {"1e21", "1e+21", "1e+21"},
        {"123456789012345680000", "123456789012345680000", "123456789012345680000"},
        {"1e-7", "1e-7", "1e-7"},
        {"[]", "", "[]"},
        {"[1,\"a\",null,[2,[3]],{}]", "1,a,,2,3,[object Object]", "[1,\"a\",null,[2,[3]],{}]"},
        {"{\"a\":1}", "[object Object]", "{\"a\":1}"},
        {"bytes:ab", "ab", "ab"},
        {"bytes:\xE2\x82", "\xEF\xBF\xBD\xEF\xBF\xBD", "\xEF\xBF\xBD\xEF\xBF\xBD"},
        {"bytes:\xED\xA0\x80\xF4\x90\x80\x80\xC0\x80z",
         "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"
         "\xEF\xBF\xBD\xEF\xBF\xBDz",
         NULL},
    };
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct json v = read_value(a, cases[i].value);
        struct str string = value_to_string(a, v), text = value_to_text(a, v);
        if (!str_eq(string, str_of(cases[i].string)) ||
            (cases[i].text && !str_eq(text, str_of(cases[i].text)))) {
            fail_msg("%s: \"%.*s\", \"%.*s\"", cases[i].value, (int)string.len, string.ptr,
                     (int)text.len, text.ptr);
        }
    }
}

/* Values the engine shares grow when written out: the text stops at the arena's room. */
static void bounds_strings(void **state)
{
    AUTO(arena_free) struct arena *a = arena_new(0, MIB(1));
    static struct json level[12][10];
    struct json v = json_cstr("0123456789");
    for (size_t i = 0; i < ARRAY_LEN(level); i++) {
        for (size_t k = 0; k < 10; k++) {
            level[i][k] = v;
        }
        v = json_array(level[i], 10);
    }
    struct str s = value_to_string(a, v);
    assert_true(s.len > 0 && s.len < MIB(1));
}

static void compares_values(void **state)
{
    static const struct {
        const char *x, *y;
        bool loose, strict;
    } cases[] = {
        {"1", "1", true, true},
        {"1", "2", false, false},
        {"0", "-0", true, true},
        {"NaN", "NaN", false, false},
        {"\"a\"", "\"a\"", true, true},
        {"\"a\"", "\"A\"", false, false},
        {"null", "undefined", true, false},
        {"null", "null", true, true},
        {"undefined", "undefined", true, true},
        {"null", "0", false, false},
        {"null", "false", false, false},
        {"null", "\"\"", false, false},
        {"null", "[]", false, false},
        {"undefined", "{}", false, false},
        {"5", "\"5\"", true, false},
        {"5", "\" 0x5 \"", true, false},
        {"5", "\"five\"", false, false},
        {"0", "\"\"", true, false},
        {"true", "1", true, false},
        {"true", "\"1\"", true, false},
        {"true", "\"true\"", false, false},
        {"true", "2", false, false},
        {"false", "\"\"", true, false},
        {"false", "0", true, false},
        {"true", "false", false, false},
        {"[]", "\"\"", true, false},
        {"[]", "false", true, false},
        {"[5]", "5", true, false},
        {"[1,2]", "\"1,2\"", true, false},
        {"{}", "\"[object Object]\"", true, false},
        {"{}", "1", false, false},
        /* content */
        {"[1,2]", "[1,2]", true, true},
        {"[1,2]", "[1,\"2\"]", true, false},
        {"[1,2]", "[2,1]", false, false},
        {"[1]", "[1,1]", false, false},
        {"[]", "{}", false, false},
        {"{\"a\":\"\"}", "{\"a\":false}", true, false},
        {"{\"a\":1,\"b\":[2]}", "{\"b\":[2],\"a\":1}", true, true},
        {"{\"a\":1}", "{\"b\":1}", false, false},
        {"{\"a\":1}", "{\"a\":1,\"b\":null}", false, false},
        {"{\"a\":{\"b\":[{\"c\":0}]}}", "{\"a\":{\"b\":[{\"c\":\"0\"}]}}", true, false},
        {"[[1]]", "[\"1\"]", false, false}, /* only leaves are coerced */
        {"bytes:ab", "bytes:ab", true, true},
        {"bytes:ab", "bytes:ac", false, false},
        {"bytes:ab", "\"ab\"", true, false},
    };
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct json x = read_value(a, cases[i].x), y = read_value(a, cases[i].y);
        if (value_loose_equal(a, x, y) != cases[i].loose ||
            value_loose_equal(a, y, x) != cases[i].loose ||
            value_strict_equal(x, y) != cases[i].strict ||
            value_strict_equal(y, x) != cases[i].strict) {
            fail_msg("%s, %s", cases[i].x, cases[i].y);
        }
    }
}

/* Many members in opposite orders: by looking each one up this would take very long. */
static void compares_large_objects(void **state)
{
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    const size_t n = 200000;
    struct json_member *up = mem_array(n, sizeof(*up)), *down = mem_array(n, sizeof(*down));
    for (size_t i = 0; i < n; i++) {
        struct str key = str_of(arena_printf(a, "key-%zu", i));
        up[i] = down[n - 1 - i] = (struct json_member){key, json_num((double)i)};
    }
    assert_true(value_strict_equal(json_object(up, n), json_object(down, n)));
    assert_true(value_loose_equal(a, json_object(up, n), json_object(down, n)));
    down[n / 2].value = json_null();
    assert_false(value_strict_equal(json_object(up, n), json_object(down, n)));
    mem_free(up);
    mem_free(down);
}

/* Deeper than any parsed text: ends, and without harm. */
static void stops_at_a_depth(void **state)
{
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    struct json x = json_num(1), y = json_num(1);
    for (int i = 0; i < 100000; i++) {
        x = json_array(arena_dup(a, &x, sizeof(x)), 1);
        y = json_array(arena_dup(a, &y, sizeof(y)), 1);
    }
    assert_false(value_strict_equal(x, y));
    assert_int_equal(value_to_string(a, x).len, 0);
    assert_true(isnan(value_to_number(x)));
}

static void parses_json_in_strings(void **state)
{
    static const struct {
        const char *string, *value;
    } cases[] = {
        {"5", "5"},
        {" [1, 2] ", "[1,2]"},
        {"{\"a\":null}", "{\"a\":null}"},
        {"\"x\"", "\"x\""},
        {"true", "true"},
        {"null", "null"},
        {"007", NULL},
        {"", NULL},
        {"undefined", NULL},
        {"{", NULL},
        {"1 2", NULL},
        {"'x'", NULL},
        {"NaN", NULL},
        {"0x10", NULL},
        {".5", NULL},
    };
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct json v = value_parse_json(a, json_cstr(cases[i].string));
        struct json expected =
            cases[i].value ? read_value(a, cases[i].value) : json_cstr(cases[i].string);
        if (!value_strict_equal(v, expected)) {
            fail_msg("%s", cases[i].string);
        }
    }
    assert_int_equal(value_parse_json(a, json_binary(STR("5"))).type, JSON_BINARY);
    assert_int_equal(value_parse_json(a, json_undefined()).type, JSON_UNDEFINED);
}

static void orders_strings_by_code_units(void **state)
{
    static const char *const rising[] = {
        "",
        "1",
        "10",
        "2",
        "A",
        "a",
        "aa",
        "b",
        "\xC3\xA9",
        "\xE2\x82\xAC",
        "\xF0\x9F\x9A\x80", /* U+1F680, in UTF-16 D83D DE80 */
        "\xEE\x80\x80",     /* U+E000 */
        "\xEF\xBF\xBD",     /* U+FFFD */
    };
    for (size_t i = 0; i < ARRAY_LEN(rising); i++) {
        for (size_t k = 0; k < ARRAY_LEN(rising); k++) {
            int order = value_compare_strings(str_of(rising[i]), str_of(rising[k]));
            assert_int_equal(order, (i > k) - (i < k));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_truth),
        cmocka_unit_test(makes_numbers),
        cmocka_unit_test(makes_strings),
        cmocka_unit_test(bounds_strings),
        cmocka_unit_test(compares_values),
        cmocka_unit_test(compares_large_objects),
        cmocka_unit_test(stops_at_a_depth),
        cmocka_unit_test(parses_json_in_strings),
        cmocka_unit_test(orders_strings_by_code_units),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
