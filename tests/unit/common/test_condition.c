/* The condition language: every operator, coercion by coercion. */
#include "expr/condition.h"

#include "expr/iso_date.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum outcome { NO, YES, FAILS };

/* "undefined", "bytes:..." or a JSON text; so a string operand is written with its quotes. */
static struct json read_value(struct arena *a, const char *text)
{
    struct json v;
    if (strcmp(text, "undefined") == 0) {
        return json_undefined();
    }
    if (strncmp(text, "bytes:", 6) == 0) {
        return json_binary(str_of(text + 6));
    }
    if (json_parse(a, str_of(text), &v, NULL) < 0) {
        fail_msg("%s is no value", text);
    }
    return v;
}

static const struct {
    const char *op, *left, *right;
    enum outcome outcome;
} cases[] = {
    {"equal", "5", "\"5\"", YES},
    {"equal", "\"5\"", "\"5.0\"", YES},
    {"equal", "\"007\"", "7", YES},
    {"equal", "\"007\"", "\"7\"", YES},
    {"equal", "\"a\"", "\"a\"", YES},
    {"equal", "\"a\"", "\"b\"", NO},
    {"equal", "\"true\"", "1", YES},
    {"equal", "null", "undefined", YES},
    {"equal", "\"null\"", "undefined", YES},
    {"equal", "null", "0", NO},
    {"equal", "\"\"", "0", YES},
    {"equal", "\"[1,2]\"", "[1,\"2\"]", YES},
    {"equal", "{\"a\":\"\"}", "{\"a\":false}", YES},
    {"equal", "{\"a\":1}", "\"{\\\"a\\\": 1}\"", YES},
    {"equal", "[1]", "1", YES},
    {"equal", "[[1]]", "[1]", NO}, /* members that are lists are not coerced */
    {"equal", "{\"a\":[]}", "{\"a\":\"\"}", NO},
    {"notEqual", "5", "\"5\"", NO},
    {"notEqual", "5", "6", YES},
    {"exactlyMatches", "\"5\"", "5", YES},
    {"exactlyMatches", "\"007\"", "7", NO},
    {"exactlyMatches", "true", "1", NO},
    {"exactlyMatches", "null", "undefined", NO},
    {"exactlyMatches", "{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}", YES},
    {"exactlyMatches", "{\"a\":\"\"}", "{\"a\":false}", NO},
    {"doesNotExactlyMatch", "\"5\"", "5", NO},
    {"doesNotExactlyMatch", "\"x\"", "5", YES},
    /* order */
    {"greaterThan", "\"10\"", "\"9\"", YES}, /* both parse as numbers */
    {"greaterThan", "\"10a\"", "\"9a\"", NO},
    {"greaterThan", "\"b\"", "\"a\"", YES},
    {"greaterThan", "\"\xEE\x80\x80\"", "\"\xF0\x9F\x9A\x80\"", YES},
    {"greaterThan", "1", "null", YES},
    {"greaterThanOrEqual", "0", "null", YES},
    {"greaterThanOrEqual", "0", "undefined", NO},
    {"lessThan", "0", "undefined", NO},
    {"lessThan", "\"x\"", "5", NO},
    {"greaterThan", "\"x\"", "5", NO},
    {"lessThan", "false", "true", YES},
    {"lessThan", "[2]", "10", YES},
    {"lessThan", "[2]", "[10]", NO}, /* two texts */
    {"lessThanOrEqual", "{}", "{}", YES},
    {"lessThanOrEqual", "5", "5", YES},
    {"lessThan", "5", "5", NO},
    {"greaterThanOrEqual", "4", "5", NO},
    {"lessThan", "\"2026-01-01\"", "\"2026-01-02\"", YES},
    /* containment: raw needle, parsed container */
    {"in", "\"2\"", "[1,2,3]", YES},
    {"in", "2", "\"[1,2,3]\"", YES},
    {"in", "\"false\"", "[0,1]", NO},
    {"in", "\"false\"", "[false]", YES},
    {"in", "\"a\"", "[\"a\"]", YES},
    {"in", "2", "[\"2\"]", NO},
    {"in", "[1]", "[[1]]", NO},
    {"in", "undefined", "[null]", NO},
    {"in", "null", "[null]", YES},
    {"in", "\"ell\"", "\"hello\"", YES},
    {"in", "\"\"", "\"hello\"", YES},
    {"in", "1", "\"a1b\"", YES},
    {"in", "undefined", "\"is undefined\"", YES},
    {"in", "\"z\"", "\"hello\"", NO},
    {"in", "\"a\"", "{\"a\":null}", YES},
    {"in", "1", "\"{\\\"1\\\":0}\"", YES},
    {"in", "\"toString\"", "{}", NO},
    {"in", "\"1\"", "\"123\"", FAILS}, /* the container parses as a number */
    {"in", "1", "123", FAILS},
    {"in", "1", "null", FAILS},
    {"in", "1", "undefined", FAILS},
    {"in", "1", "true", FAILS},
    {"notIn", "\"2\"", "[1,2,3]", NO},
    {"notIn", "4", "[1,2,3]", YES},
    {"notIn", "1", "undefined", FAILS},
    /* the left one is the prefix or suffix */
    {"startsWith", "\"he\"", "\"hello\"", YES},
    {"startsWith", "\"hello\"", "\"he\"", NO},
    {"startsWith", "1", "\"123\"", YES},
    {"startsWith", "\"\"", "\"x\"", YES},
    {"startsWith", "\"und\"", "undefined", YES},
    {"startsWith", "\"1,\"", "[1,2]", YES},
    {"startsWith", "\"[object\"", "{}", YES},
    {"doesNotStartWith", "\"he\"", "\"hello\"", NO},
    {"doesNotStartWith", "\"lo\"", "\"hello\"", YES},
    {"endsWith", "\"lo\"", "\"hello\"", YES},
    {"endsWith", "\"he\"", "\"hello\"", NO},
    {"doesNotEndWith", "\"lo\"", "\"hello\"", NO},
    {"doesNotEndWith", "\"he\"", "\"hello\"", YES},
    /* dates: numbers are Unix seconds */
    {"dateTimeAfter", "\"2026-01-02\"", "\"2026-01-01\"", YES},
    {"dateTimeAfter", "\"2026-01-01\"", "\"2026-01-01\"", NO},
    {"dateTimeBefore", "\"2026-01-01T00:00:00Z\"", "\"2026-01-01T00:00:00.001Z\"", YES},
    {"dateTimeSame", "\"2026-01-01T12:00:00+02:00\"", "\"2026-01-01T10:00:00Z\"", YES},
    {"dateTimeSame", "\"2026-01-01\"", "1767225600", YES},
    {"dateTimeSame", "\"1767225600\"", "\"2026-01-01 00:00\"", YES},
    {"dateTimeSame", "1767225600.5", "\"2026-01-01T00:00:00.5\"", YES},
    {"dateTimeSame", "\"2018\"", "\"1970-01-01T00:33:38Z\"", YES},
    {"dateTimeSame", "\"007\"", "7", YES},
    {"dateTimeSame", "-1", "\"1969-12-31T23:59:59Z\"", YES},
    {"dateTimeBefore", "\"2018\"", "\"2017-01-01\"", YES},
    {"dateTimeAfter", "0", "\"2026-01-01\"", FAILS},
    {"dateTimeAfter", "\"soon\"", "\"2026-01-01\"", FAILS},
    {"dateTimeAfter", "\"2026-02-30\"", "\"2026-01-01\"", FAILS},
    {"dateTimeAfter", "\"2026-01-01\"", "\"\"", FAILS},
    {"dateTimeAfter", "\"2026-01-01\"", "undefined", FAILS},
    {"dateTimeAfter", "\"2026-01-01\"", "null", FAILS},
    {"dateTimeAfter", "true", "\"2026-01-01\"", FAILS},
    {"dateTimeAfter", "[]", "\"2026-01-01\"", FAILS},
    {"dateTimeAfter", "1e300", "1", FAILS},
    /* truth */
    {"isTrue", "true", "\"\"", YES},
    {"isTrue", "\"YES\"", "\"\"", YES},
    {"isTrue", "\"y\"", "\"\"", YES},
    {"isTrue", "\"T\"", "\"\"", YES},
    {"isTrue", "\"True\"", "\"\"", YES},
    {"isTrue", "\"no\"", "\"\"", NO},
    {"isTrue", "\"F\"", "\"\"", NO},
    {"isTrue", "\"FALSE\"", "\"\"", NO},
    {"isTrue", "\"anything\"", "\"\"", YES},
    {"isTrue", "\"0\"", "\"\"", NO},
    {"isTrue", "\"\"", "\"\"", NO},
    {"isTrue", "[]", "\"\"", YES},
    {"isTrue", "{}", "\"\"", YES},
    {"isTrue", "undefined", "\"\"", NO},
    {"isTrue", "null", "\"\"", NO},
    {"isFalse", "undefined", "\"\"", YES},
    {"isFalse", "\"n\"", "\"\"", YES},
    {"isFalse", "1", "\"\"", NO},
    /* existence */
    {"exists", "undefined", "\"\"", NO},
    {"exists", "null", "\"\"", NO},
    {"exists", "\"\"", "\"\"", NO},
    {"exists", "\"0\"", "\"\"", NO},
    {"exists", "\"false\"", "\"\"", NO},
    {"exists", "\"null\"", "\"\"", NO},
    {"exists", "\"x\"", "\"\"", YES},
    {"exists", "[]", "\"\"", YES},
    {"exists", "\"[]\"", "\"\"", YES},
    {"exists", "bytes:", "\"\"", YES},
    {"doesNotExist", "undefined", "\"\"", YES},
    {"doesNotExist", "false", "\"\"", YES},
    {"doesNotExist", "\"x\"", "\"\"", NO},
    /* emptiness */
    {"isEmpty", "[]", "\"\"", YES},
    {"isEmpty", "\"[]\"", "\"\"", YES},
    {"isEmpty", "[0]", "\"\"", NO},
    {"isEmpty", "\"\"", "\"\"", YES},
    {"isEmpty", "\" \"", "\"\"", NO},
    {"isEmpty", "\"0\"", "\"\"", NO},
    {"isEmpty", "\"{}\"", "\"\"", NO},
    {"isEmpty", "undefined", "\"\"", FAILS},
    {"isEmpty", "null", "\"\"", FAILS},
    {"isEmpty", "0", "\"\"", FAILS},
    {"isEmpty", "{}", "\"\"", FAILS},
    {"isNotEmpty", "[0]", "\"\"", YES},
    {"isNotEmpty", "\"\"", "\"\"", NO},
    {"isNotEmpty", "undefined", "\"\"", FAILS},
};

static void compares(void **state)
{
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        enum condition_op op = condition_op_find(str_of(cases[i].op));
        assert_true(op < _COND_OP_N);
        struct err err = {0};
        bool yes = false;
        int r = condition_compare(a, op, read_value(a, cases[i].left),
                                  read_value(a, cases[i].right), &yes, &err);
        enum outcome outcome = r < 0 ? FAILS : yes ? YES : NO;
        if (outcome != cases[i].outcome) {
            fail_msg("%s %s %s: %d (%s)", cases[i].left, cases[i].op, cases[i].right, outcome,
                     err.message);
        }
        if (r < 0) {
            assert_int_equal(r, -EINVAL);
            assert_string_equal(err.code, "condition.incompatible");
            assert_ptr_equal(strstr(err.message, "Incompatible comparison arguments, "),
                             err.message);
        }
    }
}

static void knows_its_operators(void **state)
{
    for (enum condition_op op = 0; op < _COND_OP_N; op++) {
        const struct condition_op_info *info = &condition_ops[op];
        assert_non_null(info->name);
        assert_true(info->label && info->label[0]);
        assert_true(info->arity >= 0 && info->arity <= 2);
        assert_int_equal(condition_op_find(str_of(info->name)), op);
    }
    assert_int_equal(condition_op_find(STR("Equal")), _COND_OP_N);
    assert_int_equal(condition_op_find(STR("")), _COND_OP_N);
    assert_int_equal(condition_op_find(STR("and\0")), _COND_OP_N);
}

/* Terms are numbered; term n yields values[n] and is counted, 9 fails. */
struct terms {
    const struct json *values;
    int asked;
};

static int give_term(void *ctx, const struct def_input *term, struct json *ret_value,
                     struct err *err)
{
    struct terms *t = ctx;
    t->asked++;
    if ((uintptr_t)term == 9) {
        return err_set(err, -EIO, "test.term", "no such term");
    }
    *ret_value = t->values[(uintptr_t)term];
    return 0;
}

#define TERM(n)           ((struct def_input *)(uintptr_t)(n))
#define IS_TRUE(n)        ((struct condition){.op = COND_IS_TRUE, .left = TERM(n), .right = TERM(9)})
#define GROUP(o, list, n) ((struct condition){.op = (o), .children = (list), .n_children = (n)})

static void evaluates_groups(void **state)
{
    const struct json values[] = {json_bool(false), json_bool(true), json_undefined()};
    struct condition no_fail[] = {IS_TRUE(0), IS_TRUE(9)};
    struct condition yes_fail[] = {IS_TRUE(1), IS_TRUE(9)};
    struct condition yes_no[] = {IS_TRUE(1), IS_TRUE(0)};
    struct condition empty = {.op = COND_IS_EMPTY, .left = TERM(2)};
    struct condition inner[] = {GROUP(COND_OR, yes_no, 2), IS_TRUE(1)};
    const struct {
        struct condition condition;
        int rc;
        bool yes;
        int asked;
    } groups[] = {
        {GROUP(COND_AND, NULL, 0), 0, true, 0},
        {GROUP(COND_OR, NULL, 0), 0, false, 0},
        {GROUP(COND_AND, no_fail, 2), 0, false, 1},
        {GROUP(COND_AND, yes_fail, 2), -EIO, false, 2},
        {GROUP(COND_OR, yes_fail, 2), 0, true, 1},
        {GROUP(COND_OR, no_fail, 2), -EIO, false, 2},
        {GROUP(COND_AND, yes_no, 2), 0, false, 2},
        {GROUP(COND_AND, inner, 2), 0, true, 2},
        {IS_TRUE(1), 0, true, 1}, /* its second term is not asked for */
        {empty, -EINVAL, false, 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(groups); i++) {
        struct terms terms = {.values = values};
        struct err err = {0};
        bool yes = false;
        int r = condition_eval(&groups[i].condition, give_term, &terms, &yes, &err);
        assert_int_equal(r, groups[i].rc);
        assert_int_equal(yes, groups[i].yes);
        assert_int_equal(terms.asked, groups[i].asked);
    }
}

/* JSON text grows when it is parsed: each comparison gives its memory back, and what could not be
 * held is refused before it is parsed. */
static void large_texts_are_bounded(void **state)
{
    enum { LARGE = 8 * 1024 * 1024 };
    AUTO(mem_free) char *text = mem_alloc(LARGE);
    for (size_t i = 0; i < LARGE; i++) {
        text[i] = i % 2 ? ',' : '1';
    }
    text[0] = '[';
    text[LARGE - 2] = '1';
    text[LARGE - 1] = ']';
    text[1] = ' ';
    const struct json values[] = {json_str(str_n(text, LARGE))};
    struct condition same[20];
    for (size_t i = 0; i < ARRAY_LEN(same); i++) {
        same[i] = (struct condition){.op = COND_IS_NOT_EMPTY, .left = TERM(0), .right = TERM(0)};
    }
    struct terms terms = {.values = values};
    struct err err = {0};
    bool yes = false;
    assert_int_equal(condition_eval(&GROUP(COND_AND, same, 20), give_term, &terms, &yes, &err), 0);
    assert_true(yes);
    AUTO(arena_free) struct arena *a = arena_new(0, MIB(4));
    assert_int_equal(condition_compare(a, COND_EXISTS, values[0], json_undefined(), &yes, &err),
                     -EFBIG);
    assert_string_equal(err.code, "condition.too_large");
}

static void stops_at_a_depth(void **state)
{
    struct condition chain[CONDITION_MAX_DEPTH + 1];
    memset(chain, 0, sizeof(chain));
    for (size_t i = 0; i < ARRAY_LEN(chain) - 1; i++) {
        chain[i] = GROUP(COND_AND, &chain[i + 1], 1);
    }
    chain[CONDITION_MAX_DEPTH] = GROUP(COND_AND, NULL, 0);
    struct terms terms = {0};
    struct err err = {0};
    bool yes = false;
    assert_int_equal(condition_eval(&chain[1], give_term, &terms, &yes, NULL), 0);
    assert_true(yes);
    assert_int_equal(condition_eval(&chain[0], give_term, &terms, &yes, &err), -EINVAL);
    assert_string_equal(err.code, "condition.too_deep");
}

static void reads_dates(void **state)
{
    static const struct {
        const char *text;
        int64_t seconds;
        int ms;
    } good[] = {
        {"2026-01-31T10:20:30Z", 1769854830, 0},
        {"2026-01-31T10:20:30.123456789Z", 1769854830, 123},
        {"2026-01-31T10:20:30,5", 1769854830, 500},
        {"2026-01-31 10:20:30+00:00", 1769854830, 0},
        {"20260131T102030Z", 1769854830, 0},
        {"2026-01-31T11:20:30+01", 1769854830, 0},
        {"2026-01-31T04:50:30-0530", 1769854830, 0},
        {"2026-01-31T10.5", 1769855400, 0},
        {"2026-01-31T10:20", 1769854800, 0},
        {"2026-01-31", 1769817600, 0},
        {"2026-01-30T24:00", 1769817600, 0},
        {"2026-01", 1767225600, 0},
        {"2026-031", 1769817600, 0},
        {"2026-W05-6", 1769817600, 0},
        {"2026W056T00", 1769817600, 0},
        {"2026-W05", 1769385600, 0},
        {"2024-02-29", 1709164800, 0},
        {"2000-02-29", 951782400, 0},
        {"1969-12-31T23:59:59.5Z", -1, 500},
        {"0000-01-01", -62167219200, 0},
        {"9999-12-31T23:59:59.999Z", 253402300799, 999},
    };
    static const char *const bad[] = {
        "",
        "2026",
        "26-01-01",
        "2026-1-1",
        "2026-13-01",
        "2026-00-01",
        "2026-01-00",
        "2026-02-29",
        "1900-02-29",
        "2026-366",
        "2026-000",
        "2026-W54",
        "2026-W00",
        "2026-W05-8",
        "2026-W05-",
        "2026-01-31T",
        "2026-01-31T25:00",
        "2026-01-31T24:01",
        "2026-01-31T10:60",
        "2026-01-31T10:20:60",
        "2026-01-31T10:20:30.",
        "2026-01-31T10:20:30ZZ",
        "2026-01-31T10:20:30+24:00",
        "2026-01-31T10:20:30+1",
        "2026-01T10:00",
        "2026-01-31x",
        "2026-01-31 ",
        " 2026-01-31",
        "tomorrow",
        "2026-01-31T10:20:30 Z",
        "202601",
    };
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        int64_t ms = 0;
        bool ok = iso_date_parse(str_of(good[i].text), &ms);
        if (!ok || ms != good[i].seconds * 1000 + good[i].ms) {
            fail_msg("%s: %lld", good[i].text, (long long)ms);
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        int64_t ms;
        if (iso_date_parse(str_of(bad[i]), &ms)) {
            fail_msg("\"%s\" was accepted", bad[i]);
        }
    }
    for (int64_t days = -800000; days < 800000; days += 13) {
        int64_t year;
        int month, day;
        iso_date_from_days(days, &year, &month, &day);
        assert_true(month >= 1 && month <= 12 && day >= 1 && day <= iso_date_days_in(year, month));
        assert_int_equal(iso_date_to_days(year, month, day), days);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compares),         cmocka_unit_test(knows_its_operators),
        cmocka_unit_test(evaluates_groups), cmocka_unit_test(large_texts_are_bounded),
        cmocka_unit_test(stops_at_a_depth), cmocka_unit_test(reads_dates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
