/* Answers: what headers are let through, and how errors read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "http/reply.h"
#include "json.h"

static const struct {
    struct str name, value;
    bool ok;
} headers[] = {
    {STR("X-A"), STR("1"), true},
    {STR("x"), STR(""), true},
    {STR("X-Tab"), STR("a\tb"), true},
    {STR("X-Utf8"), STR("\xc3\xa4"), true},
    {STR("Retry-After"), STR("1"), true},
    {STR(""), STR("1"), false},
    {STR("X A"), STR("1"), false},
    {STR("X:"), STR("1"), false},
    {STR("X-\xc3\xa4"), STR("1"), false},
    {STR("X-A\0B"), STR("1"), false},
    {STR("X-A"), STR("a\r\nSet-Cookie: b"), false},
    {STR("X-A"), STR("a\nb"), false},
    {STR("X-A"), STR("a\0b"), false},
    {STR("X-A"), STR("a\x7f"), false},
    {STR("Content-Length"), STR("1"), false},
    {STR("content-length"), STR("1"), false},
    {STR("Transfer-Encoding"), STR("chunked"), false},
    {STR("CONNECTION"), STR("close"), false},
    {STR("Content-Type"), STR("a/b"), false},
};

static void test_headers(void **state)
{
    struct reply r;
    reply_init(&r);
    int n = 0;
    for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
        if (reply_header(&r, headers[i].name, headers[i].value) != headers[i].ok) {
            fail_msg("line %zu", i);
        }
        n += headers[i].ok;
    }
    assert_int_equal(r.n_headers, n);
    while (r.n_headers < REPLY_MAX_HEADERS) {
        assert_true(reply_header(&r, STR("X"), STR("y")));
    }
    assert_false(reply_header(&r, STR("X"), STR("y")));
    reply_done(&r);
}

static void test_long_header(void **state)
{
    struct reply r;
    reply_init(&r);
    char *value = mem_alloc(KIB(20));
    memset(value, 'v', KIB(20));
    assert_false(reply_header(&r, STR("X"), str_n(value, KIB(20))));
    assert_false(reply_header(&r, str_n(value, 300), STR("v")));
    assert_true(reply_header(&r, STR("X"), str_n(value, KIB(16))));
    mem_free(value);
    reply_done(&r);
}

static void test_error(void **state)
{
    struct reply r;
    reply_init(&r);
    buf_adds(&r.body, "half an answer");
    assert_true(reply_content_type(&r, STR("text/plain")));
    assert_false(reply_content_type(&r, STR("text/plain\r\n")));
    reply_error(&r, 503, "away", "\"%s\" is away\n", "x");
    assert_int_equal(r.status, 503);
    assert_string_equal(r.content_type, "application/json");
    struct arena *a = arena_new(0, 0);
    struct json v;
    assert_int_equal(json_parse(a, buf_str(&r.body), &v, NULL), 0);
    assert_true(str_eq(json_as_str(json_get(v, STR("error"))), STR("\"x\" is away\n")));
    assert_true(str_eq(json_as_str(json_get(v, STR("code"))), STR("away")));
    reply_error(&r, 500, NULL, "%s", "plain");
    assert_string_equal(r.body.data, "{\"error\":\"plain\"}");
    arena_free(a);
    reply_clear(&r);
    assert_int_equal(r.status, 200);
    assert_int_equal(r.body.len, 0);
    reply_done(&r);
}

static void test_reasons(void **state)
{
    assert_string_equal(reply_reason(413), "Payload Too Large");
    assert_string_equal(reply_reason(299), "");
    assert_string_equal(reply_reason(0), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_long_header),
        cmocka_unit_test(test_error),
        cmocka_unit_test(test_reasons),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
