/* Alert webhooks: URLs, headers, templates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "domain/alert.h"

static void test_url(void **state)
{
    static const char *const good[] = {"http://a", "HTTPS://a.b:8/c?d#e", "http://[::1]/x",
                                       "https://u:p@host/"};
    static const char *const bad[] = {"",           "http",       "http://",     "http:///a",
                                      "ftp://a",    "//a",        "http://?",    "http://:1",
                                      "http://a\n", "http://a b", "javascript:x"};
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        assert_true(alert_url_valid(str_of(good[i])));
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_false(alert_url_valid(str_of(bad[i])));
    }
}

static int headers(const char *text)
{
    AUTO(arena_free) struct arena *a = arena_new(KIB(4), MIB(16));
    struct json v;
    struct err err;
    return alert_headers_parse(a, str_of(text), &v, &err);
}

static void test_headers(void **state)
{
    assert_int_equal(headers("{}"), 0);
    assert_int_equal(headers("{\"X-Key\": \"a b\\tc\", \"y\": \"\"}"), 0);
    static const char *const bad[] = {"",
                                      "[]",
                                      "{",
                                      "{\"a\": 1}",
                                      "{\"a\": null}",
                                      "{\"\": \"x\"}",
                                      "{\"a b\": \"x\"}",
                                      "{\"a:\": \"x\"}",
                                      "{\"a\\u0000\": \"x\"}",
                                      "{\"a\": \"x\\n\"}",
                                      "{\"a\": \"x\\u0000\"}",
                                      "{\"Content-Length\": \"1\"}",
                                      "{\"hOST\": \"x\"}"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(headers(bad[i]), -EINVAL);
    }
}

static void check_filled(const char *template, const char *expected)
{
    AUTO(arena_free) struct arena *a = arena_new(KIB(4), MIB(16));
    AUTO(buf_done) struct buf out = {0};
    struct json facts;
    struct err err;
    buf_init(&out, KIB(4));
    assert_int_equal(
        json_parse(a,
                   STR("{\"NAME\": \"a \\\"b\\\"\\n\", \"INSTANCE\": \"I\", "
                       "\"INSTANCE_ID\": \"42\", \"CUSTOMER_EXTERNAL_ID\": \"$NAME\"}"),
                   &facts, &err),
        0);
    alert_template_fill(a, str_of(template), facts, &out);
    assert_string_equal(out.len ? out.data : "", expected);
}

static void test_template(void **state)
{
    check_filled("", "");
    check_filled("$", "$");
    check_filled("$$NAME$", "$a \"b\"\n$");
    check_filled("$INSTANCE_ID,$INSTANCE,$INSTANCES", "42,I,IS");
    check_filled("$FLOW|$OTHER|$name", "|$OTHER|$name");
    check_filled("$CUSTOMER_EXTERNAL_ID", "$NAME"); /* what came in is not filled again */
    check_filled("{\"x\": \"$NAME $INSTANCE\"}", "{\"x\": \"a \\\"b\\\"\\n I\"}");
    check_filled("{\"x\": $NAME}", "{\"x\": a \"b\"\n}"); /* no JSON, so as it is */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_url),
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_template),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
