/* Which handler gets a request. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "http/route.h"

static const struct route table[] = {
    {"/trigger/", true, METHOD_GET | METHOD_POST, LANE_LOOP, 10},
    {"/api", false, METHOD_POST, LANE_POOL, 20},
    {"/api", false, METHOD_GET, LANE_LOOP, 30},
    {"/healthz", false, METHOD_GET, LANE_LOOP, 40},
    {0},
};

static const struct {
    const char *method, *path;
    size_t found; /* max_body of the route; 0 = none */
    unsigned allowed;
} cases[] = {
    {"GET", "/trigger/x", 10, 0},
    {"POST", "/trigger/", 10, 0},
    {"PUT", "/trigger/x/y", 0, METHOD_GET | METHOD_POST},
    {"GET", "/trigger", 0, 0},
    {"POST", "/api", 20, 0},
    {"GET", "/api", 30, METHOD_POST},
    {"DELETE", "/api", 0, METHOD_POST | METHOD_GET},
    {"POST", "/api/", 0, 0},
    {"POST", "/apix", 0, 0},
    {"get", "/healthz", 0, METHOD_GET},
    {"BREW", "/healthz", 0, METHOD_GET},
    {"GET", "", 0, 0},
    {"GET", "/", 0, 0},
};

static void test_find(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        unsigned allowed = 77;
        const struct route *r =
            route_find(table, str_of(cases[i].method), str_of(cases[i].path), &allowed);
        if ((r ? r->max_body : 0) != cases[i].found || allowed != cases[i].allowed) {
            fail_msg("%s %s", cases[i].method, cases[i].path);
        }
    }
}

static void test_methods(void **state)
{
    struct buf text;
    buf_init(&text, 0);
    route_methods_write(METHOD_DELETE | METHOD_GET | METHOD_PATCH, &text);
    assert_string_equal(text.data, "GET, PATCH, DELETE");
    buf_done(&text);
    assert_int_equal(route_method(STR("OPTIONS")), METHOD_OPTIONS);
    assert_int_equal(route_method(STR("")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_methods),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
