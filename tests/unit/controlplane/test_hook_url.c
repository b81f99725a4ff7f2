/* The address of a flow: what is read from a request target, and what is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "hooks/hook_url.h"

/* "InstanceFlowConfig:01234567-89ab-7def-8123-456789abcdef" */
#define ID "SW5zdGFuY2VGbG93Q29uZmlnOjAxMjM0NTY3LTg5YWItN2RlZi04MTIzLTQ1Njc4OWFiY2RlZg"

static const struct {
    const char *target;
    bool ok;
    const char *fragment, *query;
} cases[] = {
    {"/trigger/" ID "==", true, "", ""},
    {"/trigger/" ID, true, "", ""},
    {"/trigger/" ID "%3D%3d", true, "", ""},
    {"/trigger/" ID "%3D=", true, "", ""},
    {"/trigger/" ID "==/", true, "", ""},
    {"/trigger/" ID "==/orders", true, "orders", ""},
    {"/trigger/" ID "==/orders/1%2F2", true, "orders/1%2F2", ""},
    {"/trigger/" ID "==?a=1&b=%20", true, "", "a=1&b=%20"},
    {"/trigger/" ID "==/x?a=/y?z", true, "x", "a=/y?z"},
    {"/trigger/" ID "==?", true, "", ""},
    {"/trigger/", false, NULL, NULL},
    {"/trigger", false, NULL, NULL},
    {"", false, NULL, NULL},
    {"/trigger//x", false, NULL, NULL},
    {"/trigger/" ID "=%3", false, NULL, NULL},
    {"/trigger/" ID "=%", false, NULL, NULL},
    {"/trigger/" ID "%zz", false, NULL, NULL},
    {"/trigger/" ID "%00", false, NULL, NULL},
    {"/trigger/" ID "===", false, NULL, NULL},
    {"/trigger/x" ID, false, NULL, NULL},
    {"/Trigger/" ID, false, NULL, NULL},
    {"/trigger/../trigger/" ID, false, NULL, NULL},
    /* "Instance:" and the same uuid */
    {"/trigger/Q3VzdG9tZXI6MDEyMzQ1NjctODlhYi03ZGVmLTgxMjMtNDU2Nzg5YWJjZGVm", false, NULL, NULL},
    {"/trigger/01234567-89ab-7def-8123-456789abcdef", false, NULL, NULL},
};

static void test_table(void **state)
{
    struct uuid id;
    assert_true(uuid_parse(STR("01234567-89ab-7def-8123-456789abcdef"), &id));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct hook_url url;
        bool ok = hook_url_parse(str_of(cases[i].target), &url);
        if (ok != cases[i].ok) {
            fail_msg("%s", cases[i].target);
        }
        if (ok) {
            assert_true(uuid_eq(&url.id, &id));
            assert_true(str_eq(url.fragment, str_of(cases[i].fragment)));
            assert_true(str_eq(url.query, str_of(cases[i].query)));
        }
    }
}

static void test_kinds(void **state)
{
    static const struct {
        const char *target;
        enum hook_url_kind kind;
    } kinds[] = {
        {"/trigger/" ID "?a=b", HOOK_URL_FLOW},
        {"/trigger/SW5zdGFuY2U6MDEyMzQ1NjctODlhYi03ZGVmLTgxMjMtNDU2Nzg5YWJjZGVm/x",
         HOOK_URL_INSTANCE},
        {"/trigger/SW50ZWdyYXRpb246MDEyMzQ1NjctODlhYi03ZGVmLTgxMjMtNDU2Nzg5YWJjZGVm",
         HOOK_URL_INTEGRATION},
    };
    struct uuid id;
    assert_true(uuid_parse(STR("01234567-89ab-7def-8123-456789abcdef"), &id));
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct hook_url url;
        assert_true(hook_url_parse(str_of(kinds[i].target), &url));
        assert_int_equal(url.kind, kinds[i].kind);
        assert_true(uuid_eq(&url.id, &id));
    }
}

static void test_every_cut(void **state)
{
    struct str whole = STR("/trigger/" ID "%3D%3D/orders?a=1");
    size_t read = 0;
    for (size_t len = 0; len <= whole.len; len++) {
        char *cut = mem_dup(whole.ptr, MAX(len, 1)); /* its end is the end of its memory */
        struct hook_url url;
        read += hook_url_parse(str_n(cut, len), &url);
        mem_free(cut);
    }
    assert_true(read > 10 && read < 30);
}

static void test_long_id(void **state)
{
    struct buf target;
    buf_init(&target, 0);
    buf_adds(&target, "/trigger/" ID);
    for (int i = 0; i < 100000; i++) {
        buf_addc(&target, '=');
    }
    struct hook_url url;
    assert_false(hook_url_parse(buf_str(&target), &url));
    buf_done(&target);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_every_cut),
        cmocka_unit_test(test_long_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
