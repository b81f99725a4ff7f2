/* url: taking apart, putting together, resolving, and texts that are no URLs. */
#include <pthread.h>

#include "component_fixture.h"

#define U "url."

static void takes_apart(void **state)
{
    static const struct action_case cases[] = {
        {U "parse",
         "{\"url\": \" HTTPS://us%20er:p%40ss@API.Example.com:8443/a/%2F/b?x=1&y=a+b&x=2&z#top?\"}",
         "{\"href\":\"HTTPS://us%20er:p%40ss@API.Example.com:8443/a/%2F/b?x=1&y=a+b&x=2&z#top?\","
         "\"protocol\":\"https:\",\"origin\":\"https://api.example.com:8443\",\"username\":\"us "
         "er\",\"password\":\"p@ss\",\"host\":\"api.example.com:8443\",\"hostname\":"
         "\"api.example.com\",\"port\":\"8443\",\"pathname\":\"/a/%2F/b\",\"search\":"
         "\"?x=1&y=a+b&x=2&z\",\"query\":{\"x\":[\"1\",\"2\"],\"y\":\"a b\",\"z\":\"\"},\"hash\":"
         "\"#top?\"}"},
        {U "parse", "{\"url\": \"http://[2001:DB8::1]/\"}",
         "{\"href\":\"http://[2001:DB8::1]/\",\"protocol\":\"http:\",\"origin\":"
         "\"http://[2001:db8::1]\",\"username\":\"\",\"password\":\"\",\"host\":"
         "\"[2001:db8::1]\",\"hostname\":\"[2001:db8::1]\",\"port\":\"\",\"pathname\":\"/\","
         "\"search\":\"\",\"query\":{},\"hash\":\"\"}"},
        {U "parse", "{\"url\": \"mailto:a@b.example?subject=Hi\"}",
         "{\"href\":\"mailto:a@b.example?subject=Hi\",\"protocol\":\"mailto:\",\"origin\":\"\","
         "\"username\":\"\",\"password\":\"\",\"host\":\"\",\"hostname\":\"\",\"port\":\"\","
         "\"pathname\":\"a@b.example\",\"search\":\"?subject=Hi\",\"query\":{\"subject\":\"Hi\"},"
         "\"hash\":\"\"}"},
        {U "parse", "{\"url\": \"/only/a/path\"}", NULL, "URL (url): is relative"},
        {U "parse", "{\"url\": \"https://a b/\"}", NULL, "not a URL from character 10 on"},
        {U "parse", "{\"url\": \"https://a/\\u00e9\"}", NULL, "not a URL from character 11 on"},
        {U "parse", "{\"url\": \"https://a/\\u0000\"}", NULL, "not a URL from character 11 on"},
        {U "parse", "{\"url\": \"http://[::1\"}", NULL, "is not a URL"},
        {U "parse", "{\"url\": \"https://a/%zz\"}", NULL, "is not a URL"},
        {U "parse", "{\"url\": \" \"}", NULL, "is not a URL"},
        {U "parse", "{}", NULL, "URL (url): has no value"},
        {U "parseQuery", "{\"query\": \"?a=1&b=%C3%A9&a=&&=x&a\"}",
         "{\"a\":[\"1\",\"\",\"\"],\"b\":\"\xC3\xA9\",\"\":\"x\"}"},
        {U "parseQuery", "{\"query\": \"\"}", "{}"},
        {U "parseQuery", "{\"query\": \"__proto__=1&%zz=%\"}",
         "{\"__proto__\":\"1\",\"%zz\":\"%\"}"},
    };
    fixture_check(cases, ARRAY_LEN(cases));
}

static void puts_together(void **state)
{
    static const struct action_case cases[] = {
        {U "build", "{\"hostname\": \"api.example.com\"}", "\"https://api.example.com\""},
        {U "build",
         "{\"protocol\": \"http://\", \"hostname\": \"h\", \"port\": \"8080\", \"path\": "
         "\"a b/%2F/\\u00e9%\", \"query\": [{\"key\": \"q\", \"value\": \"x&y\"}, {\"key\": \"l\", "
         "\"value\": [1, null, true]}, {\"key\": \"n\"}], \"hash\": \"#to p\", \"username\": "
         "\"u@\", \"password\": \"p:\"}",
         "\"http://u%40:p%3A@h:8080/a%20b/%2F/%C3%A9%25?q=x%26y&l=1&l=true#to%20p\""},
        {U "build", "{\"hostname\": \"::1\", \"port\": 1}", "\"https://[::1]:1\""},
        {U "build", "{\"hostname\": \"[::1]\"}", "\"https://[::1]\""},
        {U "build", "{\"hostname\": \"h\", \"query\": {\"a\": {\"b\": 1}}}",
         "\"https://h?a=%7B%22b%22%3A1%7D\""},
        {U "build", "{\"hostname\": \"evil.example/x\"}", NULL, "holds more than a host name"},
        {U "build", "{\"hostname\": \"a@evil.example\"}", NULL, "holds more than a host name"},
        {U "build", "{\"hostname\": \"h:80\"}", NULL, "make no URL"},
        {U "build", "{\"hostname\": \"a b\"}", NULL, "make no URL"},
        {U "build", "{\"hostname\": \"h\", \"protocol\": \"ht tp\"}", NULL, "make no URL"},
        {U "build", "{\"hostname\": \"h\", \"protocol\": \"https://x/?y=\"}", NULL, "make no URL"},
        {U "build", "{\"hostname\": \"h\", \"port\": \"65536\"}", NULL, "Port (port)"},
        {U "build", "{}", NULL, "Host Name (hostname): has no value"},
        {U "buildQuery", "{\"parameters\": {\"a b\": \"c&d\", \"l\": [1, \"2\"], \"n\": null}}",
         "\"a%20b=c%26d&l=1&l=2\""},
        {U "buildQuery", "{\"parameters\": [{\"key\": \"k\", \"value\": \"\"}]}", "\"k=\""},
        {U "buildQuery", "{}", "\"\""},
        {U "buildQuery", "{\"parameters\": 5}", NULL, "Parameters (parameters)"},
    };
    fixture_check(cases, ARRAY_LEN(cases));
}

static void encodes(void **state)
{
    static const struct action_case cases[] = {
        {U "encode", "{\"text\": \"a b/\\u00e9~\"}", "\"a%20b%2F%C3%A9~\""},
        {U "encode", "{\"text\": \"https://h/a b?c=%20#d\", \"mode\": \"url\"}",
         "\"https://h/a%20b?c=%2520#d\""},
        {U "encode", "{\"text\": \"x\", \"mode\": \"all\"}", NULL, "must be component or url"},
        {U "encode", "{}", "\"\""},
        {U "decode", "{\"text\": \"a%20b%26c+d%\"}", "\"a b&c+d%\""},
        {U "decode", "{\"text\": \"a+b%2B\", \"plusAsSpace\": \"true\"}", "\"a b+\""},
        {U "decode", "{\"text\": \"%FF%00\"}", "\"/wA=\""}, /* bytes */
    };
    fixture_check(cases, ARRAY_LEN(cases));
}

/* RFC 3986, section 5.4 */
static void resolves(void **state)
{
    static const struct {
        const char *reference, *url;
    } rows[] = {
        {"g:h", "g:h"},
        {"g", "http://a/b/c/g"},
        {"./g", "http://a/b/c/g"},
        {"g/", "http://a/b/c/g/"},
        {"/g", "http://a/g"},
        {"//g", "http://g"},
        {"?y", "http://a/b/c/d;p?y"},
        {"g?y", "http://a/b/c/g?y"},
        {"#s", "http://a/b/c/d;p?q#s"},
        {"g?y#s", "http://a/b/c/g?y#s"},
        {";x", "http://a/b/c/;x"},
        {".", "http://a/b/c/"},
        {"..", "http://a/b/"},
        {"../g", "http://a/b/g"},
        {"../..", "http://a/"},
        {"../../g", "http://a/g"},
        {"../../../g", "http://a/g"},
        {"/./g", "http://a/g"},
        {"/../g", "http://a/g"},
        {"g.", "http://a/b/c/g."},
        {"..g", "http://a/b/c/..g"},
        {"./../g", "http://a/b/g"},
        {"g;x=1/../y", "http://a/b/c/y"},
        {"g#s/../x", "http://a/b/c/g#s/../x"},
        {"https://other/x", "https://other/x"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct action_context ctx;
        fixture_init(&ctx);
        struct json_member in[] = {{STR("baseUrl"), json_cstr("http://a/b/c/d;p?q")},
                                   {STR("url"), json_cstr(rows[i].reference)}};
        assert_int_equal(fixture_run_value(&ctx, U "resolve", json_object(in, 2)), 0);
        if (!str_eq(json_as_str(ctx.result.data), str_of(rows[i].url))) {
            fail_msg("%s: %s", rows[i].reference, fixture_result(&ctx));
        }
        fixture_done(&ctx);
    }
    static const struct action_case cases[] = {
        {U "resolve", "{\"baseUrl\": \"/a\", \"url\": \"b\"}", NULL,
         "Base URL (baseUrl): is "
         "relative"},
        {U "resolve", "{\"baseUrl\": \"http://a\", \"url\": \"b c\"}", NULL,
         "URL (url): is not a URL from character 2"},
        {U "resolve", "{\"baseUrl\": \"http://a\"}", NULL, "URL (url): has no value"},
    };
    fixture_check(cases, ARRAY_LEN(cases));
}

/* On a stack as small as a slot's, and not longer than the bound. */
static void *deep(void *p)
{
    struct action_context *ctx = p;
    (void)fixture_run_value(ctx, U "parse", ctx->inputs);
    return NULL;
}

static void bounds_length(void **state)
{
    static const char *const units[] = {"/a", "?", "a", "%41", "/..", "&", ":", "@"};
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        struct action_context ctx;
        fixture_init(&ctx);
        struct buf b;
        buf_init(&b, 0);
        buf_adds(&b, "http://h/");
        while (b.len + 4 < KIB(64)) {
            buf_adds(&b, units[i]);
        }
        struct json_member in = {STR("url"), json_str(buf_str(&b))};
        ctx.inputs = json_object(&in, 1);
        pthread_attr_t attr;
        pthread_t thread;
        pthread_attr_init(&attr);
        pthread_attr_setstacksize(&attr, MIB(1)); /* the sanitizers' share included */
        assert_int_equal(pthread_create(&thread, &attr, deep, &ctx), 0);
        pthread_join(thread, NULL);
        assert_int_equal(ctx.result.data.type, JSON_OBJECT);
        buf_adds(&b, "aaaaa");
        in.value = json_str(buf_str(&b));
        assert_int_equal(fixture_run_value(&ctx, U "parse", json_object(&in, 1)), -EINVAL);
        assert_non_null(strstr(ctx.err.message, "longer than 65536 bytes"));
        buf_done(&b);
        fixture_done(&ctx);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_apart), cmocka_unit_test(puts_together), cmocka_unit_test(encodes),
        cmocka_unit_test(resolves),    cmocka_unit_test(bounds_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
