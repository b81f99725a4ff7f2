/* Explanations: set, prefixed, cut, listed. */
#include "err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void sets_and_returns(void **state)
{
    struct err err = {.line = 3, .retryable = true};
    assert_int_equal(err_set(&err, -EINVAL, "a.code", "number %d", 7), -EINVAL);
    assert_string_equal(err.code, "a.code");
    assert_string_equal(err.message, "number 7");
    assert_string_equal(err.field, "");
    assert_int_equal(err.line, 0);
    assert_false(err.retryable);
    assert_int_equal(err_field(&err, 5, "b", "input.x", "%s", "bad"), 5);
    assert_string_equal(err.field, "input.x");
    err_clear(&err);
    assert_string_equal(err.code, "");
}

static void accepts_null(void **state)
{
    assert_int_equal(err_set(NULL, -EIO, "x", "%d", 1), -EIO);
    assert_int_equal(err_field(NULL, -EIO, "x", "y", "%d", 1), -EIO);
    err_clear(NULL);
    err_prefix(NULL, "x");
}

static void prefixes(void **state)
{
    struct err err;
    (void)err_set(&err, 0, "c", "inner");
    err_prefix(&err, "step %d", 2);
    err_prefix(&err, "flow");
    assert_string_equal(err.message, "flow: step 2: inner");
}

static void cuts_what_is_too_long(void **state)
{
    struct err err;
    char text[2000];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    (void)err_field(&err, 0, text, text, "%s", text);
    assert_int_equal(strlen(err.code), sizeof(err.code) - 1);
    assert_int_equal(strlen(err.field), sizeof(err.field) - 1);
    assert_int_equal(strlen(err.message), sizeof(err.message) - 1);
    err_prefix(&err, "%.600s", text);
    assert_int_equal(strlen(err.message), sizeof(err.message) - 1);
    (void)err_set(&err, 0, "c", "%s", text);
    err_prefix(&err, "where");
    assert_memory_equal(err.message, "where: xxx", 10);
    assert_true(strlen(err.message) < sizeof(err.message));
}

static void list_counts_what_it_drops(void **state)
{
    static struct err_list list;
    for (int i = 0; i < ERR_LIST_MAX + 5; i++) {
        struct err *err = err_list_add(&list);
        assert_string_equal(err->message, "");
        (void)err_set(err, 0, "c", "%d", i);
    }
    assert_int_equal(list.n, ERR_LIST_MAX);
    assert_int_equal(list.dropped, 5);
    assert_string_equal(list.items[ERR_LIST_MAX - 1].message, "49");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets_and_returns),
        cmocka_unit_test(accepts_null),
        cmocka_unit_test(prefixes),
        cmocka_unit_test(cuts_what_is_too_long),
        cmocka_unit_test(list_counts_what_it_drops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
