/* The fixed answer of a webhook trigger. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "hooks/hook_reply.h"

static struct arena *arena;

static int setup(void **state)
{
    arena = arena_new(0, 0);
    return 0;
}

static int teardown(void **state)
{
    arena_free(arena);
    return 0;
}

static const struct {
    const char *json;
    int rc, status;
    const char *type, *body; /* body NULL = none */
    size_t n_headers;
} cases[] = {
    {"{}", 0, 200, "", NULL, 0},
    {"{\"statusCode\":\"\",\"contentType\":\"\",\"headers\":[],\"body\":\"\"}", 0, 200, "", NULL,
     0},
    {"{\"statusCode\":202}", 0, 202, "", NULL, 0},
    {"{\"statusCode\":\" 418 \"}", 0, 418, "", NULL, 0},
    {"{\"statusCode\":\"abc\"}", 0, 200, "", NULL, 0},
    {"{\"statusCode\":99}", 0, 200, "", NULL, 0},
    {"{\"statusCode\":100}", 0, 200, "", NULL, 0},
    {"{\"statusCode\":1e300}", 0, 200, "", NULL, 0},
    {"{\"statusCode\":-1}", 0, 200, "", NULL, 0},
    {"{\"statusCode\":null,\"body\":null}", 0, 200, "", NULL, 0},
    {"{\"contentType\":\"text/xml\",\"body\":\"<a/>\"}", 0, 200, "text/xml", "<a/>", 0},
    {"{\"contentType\":\"a\\r\\nX: y\"}", 0, 200, "", NULL, 0},
    {"{\"body\":{\"a\":[1,true]}}", 0, 200, "", "{\"a\":[1,true]}", 0},
    {"{\"body\":0}", 0, 200, "", "0", 0},
    {"{\"headers\":{\"X-A\":\"1\",\"X-B\":2}}", 0, 200, "", NULL, 2},
    {"{\"headers\":[{\"key\":\"X-A\",\"value\":\"1\"},{\"key\":\"\"},{},7]}", 0, 200, "", NULL, 1},
    {"{\"headers\":{\"Content-Length\":\"1\",\"Transfer-Encoding\":\"chunked\",\"X:\":\"1\","
     "\"X-C\":\"a\\nb\"}}",
     0, 200, "", NULL, 0},
    {"{\"headers\":\"text\"}", 0, 200, "", NULL, 0},
    {"", -EINVAL, 0, NULL, NULL, 0},
    {"[]", -EINVAL, 0, NULL, NULL, 0},
    {"null", -EINVAL, 0, NULL, NULL, 0},
    {"{\"statusCode\":", -EINVAL, 0, NULL, NULL, 0},
};

static void test_table(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct hook_reply r;
        struct err err = {0};
        char *json = mem_strdup(cases[i].json);
        int rc = hook_reply_parse(arena, str_of(json), &r, &err);
        memset(json, 'x', strlen(json)); /* nothing may point into it */
        mem_free(json);
        if (rc != cases[i].rc || (rc == 0 && r.status != cases[i].status)) {
            fail_msg("%s: %d", cases[i].json, rc == 0 ? r.status : rc);
        }
        if (rc == 0) {
            assert_true(str_eq(r.content_type, str_of(cases[i].type)));
            assert_int_equal(r.has_body, cases[i].body != NULL);
            assert_true(str_eq(r.body, str_of(cases[i].body)));
            assert_int_equal(r.n_headers, cases[i].n_headers);
        }
    }
}

static void test_header_bound(void **state)
{
    struct buf json;
    buf_init(&json, 0);
    buf_adds(&json, "{\"headers\":{");
    for (int i = 0; i < 500; i++) {
        buf_addf(&json, "%s\"X-%d\":\"v\"", i ? "," : "", i);
    }
    buf_adds(&json, "}}");
    struct hook_reply r;
    assert_int_equal(hook_reply_parse(arena, buf_str(&json), &r, NULL), 0);
    assert_int_equal(r.n_headers, HOOK_REPLY_MAX_HEADERS);
    buf_done(&json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_header_bound),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
