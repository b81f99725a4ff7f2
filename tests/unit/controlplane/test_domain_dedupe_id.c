/* The dedupe id of a request: where it is found, and what counts as the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "domain/dedupe_id.h"

static struct wire_pair pairs[] = {{STR("X-Order"), STR("17")}, {STR("Other"), STR("x")}};
static const struct hook_request request = {
    .method = STR("POST"),
    .path_fragment = STR("orders/17"),
    .query = STR("id=a%20b&empty=&id2=x&&flag"),
    .content_type = STR("application/json; charset=utf-8"),
    .headers = {pairs, 2},
    .body = STR("{\"order\": {\"id\": 17, \"text\": \"17\", \"none\": null, \"list\": [5, 6]}}"),
};

static bool digest(const char *text, const struct hook_request *r, uint8_t ret[32])
{
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    struct path *p = NULL;
    struct err err = {0};
    assert_int_equal(path_compile(a, str_of(text), &p, &err), 0);
    return dedupe_id(p, r, ret);
}

static void test_found(void **state)
{
    static const char *const paths[] = {
        "payload.results.headers.X-Order",
        "payload.results.headers.x-order",
        "payload.results.body.data.order.id",
        "payload.results.body.data.order",
        "payload.results.body.data.order.list[1]",
        "payload.results.body.contentType",
        "payload.results.rawBody.data",
        "payload.results.queryParameters.id",
        "payload.results.queryParameters.id2",
        "payload.results.pathFragment",
    };
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        uint8_t one[32], again[32];
        assert_true(digest(paths[i], &request, one));
        assert_true(digest(paths[i], &request, again));
        assert_memory_equal(one, again, 32);
    }
}

static void test_not_found(void **state)
{
    static const char *const paths[] = {
        "payload.results.headers.missing",
        "payload.results.body.data.order.none",
        "payload.results.body.data.order.missing",
        "payload.results.body.data.order.id.deeper",
        "payload.results.queryParameters.empty",
        "payload.results.queryParameters.flag",
        "payload.results.customer.id",
        "payload.results",
    };
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        uint8_t one[32];
        assert_false(digest(paths[i], &request, one));
    }
}

static void test_same_and_different(void **state)
{
    uint8_t number[32], text[32], header[32], lower[32], upper[32];
    assert_true(digest("payload.results.body.data.order.id", &request, number));
    assert_true(digest("payload.results.body.data.order.text", &request, text));
    assert_true(digest("payload.results.headers.X-Order", &request, header));
    assert_memory_not_equal(number, text, 32);
    assert_memory_equal(text, header, 32);
    assert_true(digest("payload.results.headers.x-order", &request, lower));
    assert_true(digest("payload.results.headers.X-ORDER", &request, upper));
    assert_memory_equal(lower, upper, 32);
}

static void test_bodies(void **state)
{
    uint8_t one[32];
    struct hook_request r = request;
    r.body = STR("{broken");
    assert_false(digest("payload.results.body.data.order.id", &r, one));
    assert_true(digest("payload.results.body.data", &r, one)); /* its text */
    r.body = STR("");
    assert_false(digest("payload.results.body.data", &r, one));
    r.content_type = STR("application/vnd.acme+json");
    r.body = STR("{\"id\": 1}");
    assert_true(digest("payload.results.body.data.id", &r, one));
    r.content_type = STR("text/plain");
    assert_false(digest("payload.results.body.data.id", &r, one));
    char *deep = mem_zalloc(MIB(6));
    memset(deep, '[', MIB(6));
    r.content_type = STR("application/json");
    r.body = str_n(deep, MIB(6));
    assert_false(digest("payload.results.body.data.id", &r, one));
    memset(deep, '\x01', MIB(6)); /* the longest text of JSON */
    (void)digest("payload.results.body.data", &r, one);
    mem_free(deep);
}

/* As the trigger's payload has them. */
static void test_as_the_worker_reads(void **state)
{
    static struct wire_pair twice[] = {{STR("X-Order"), STR("17")}, {STR("X-Order"), STR("18")}};
    static struct wire_pair once[] = {{STR("X-Order"), STR("17, 18")}};
    struct hook_request r = request;
    uint8_t one[32], other[32];
    r.headers = (struct wire_pairs){twice, 2};
    assert_true(digest("payload.results.headers.X-Order", &r, one));
    r.headers = (struct wire_pairs){once, 1};
    assert_true(digest("payload.results.headers.X-Order", &r, other));
    assert_memory_equal(one, other, 32);
    r.content_type = STR("multipart/form-data; boundary=x");
    r.body = STR("--x\r\nContent-Disposition: form-data; name=\"a\"\r\n"
                 "Content-Type: application/json\r\n\r\n{\"id\": 5}\r\n--x--\r\n");
    assert_true(digest("payload.results.body.data.a.data.id", &r, one));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_found),
        cmocka_unit_test(test_not_found),
        cmocka_unit_test(test_same_and_different),
        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_as_the_worker_reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
