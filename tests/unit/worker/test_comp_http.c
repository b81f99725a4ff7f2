/* The HTTP component, calls between flows and the logic components, with a real server. */
#include "component_fixture.h"
#include "http_server_fixture.h"

static struct http_server server;
static struct address_policy loopback;

static void start(struct action_context *ctx)
{
    fixture_init(ctx);
    ctx->http = http_client_new(&(struct http_client_options){.policy = &loopback});
}

/* Runs with "$" in the inputs standing for the server's address. */
static int call(struct action_context *ctx, const char *name, const char *inputs)
{
    struct buf b;
    buf_init(&b, 0);
    for (const char *c = inputs; *c; c++) {
        if (*c == '$') {
            buf_adds(&b, server.url);
        } else {
            buf_addc(&b, *c);
        }
    }
    int rc = fixture_run(ctx, name, arena_strdup(ctx->arena, b.data));
    buf_done(&b);
    return rc;
}

static void expect(struct action_context *ctx, const char *text)
{
    struct str got = json_as_str(ctx->result.data);
    if (str_find(got, str_of(text), 0) < 0) {
        fail_msg("no \"%s\" in \"%.*s\"", text, (int)got.len, got.ptr);
    }
}

static void requests_are_made(void **state)
{
    static const struct {
        const char *name, *inputs, *parts[5], *absent;
    } rows[] = {
        {"http.httpGet",
         "{\"url\": \" $/echo?a=1#frag \", \"queryParams\": [{\"key\": \"b c\", \"value\": "
         "\"x&y\"}, {\"key\": \"n\", \"value\": null}, {\"key\": \"l\", \"value\": [1, 2]}]}",
         {"GET /echo?a=1&b%20c=x%26y&l=1&l=2 HTTP", "traceparent: 00-1111"},
         "Idempotency-Key"},
        {"http.httpGet",
         "{\"url\": \"$/echo\", \"headers\": [{\"key\": \"X-A\", \"value\": \"1\"}, {\"key\": "
         "\"X-A\", \"value\": 2}, {\"key\": \"X-N\", \"value\": null}]}",
         {"X-A: 1\r\n", "X-A: 2\r\n"},
         "X-N"},
        {"http.httpPost",
         "{\"url\": \"$/echo\", \"data\": {\"a\": [1]}}",
         {"POST /echo", "Content-Type: application/json\r\n", "\r\n\r\n{\"a\":[1]}",
          "Idempotency-Key: 0000-key\r\n"},
         NULL},
        {"http.httpPost",
         "{\"url\": \"$/echo\", \"data\": \"{\\\"a\\\": 1}\"}",
         {"\r\n\r\n{\"a\": 1}"},
         "Content-Type"},
        {"http.httpPost",
         "{\"url\": \"$/echo\", \"data\": {\"data\": \"<a/>\", \"contentType\": \"text/xml\"}}",
         {"Content-Type: text/xml\r\n", "\r\n\r\n<a/>"},
         "application/json"},
        {"http.httpPost",
         "{\"url\": \"$/echo\", \"data\": {\"a\": 1}, \"headers\": [{\"key\": \"content-type\", "
         "\"value\": \"application/vnd.x+json\"}, {\"key\": \"idempotency-key\", \"value\": "
         "\"mine\"}]}",
         {"content-type: application/vnd.x+json\r\n", "idempotency-key: mine\r\n"},
         "0000-key"},
        {"http.httpPost",
         "{\"url\": \"$/echo\", \"data\": {\"a\": \"x y\"}, \"headers\": [{\"key\": "
         "\"Content-Type\", \"value\": \"application/x-www-form-urlencoded\"}]}",
         {"\r\n\r\na=x%20y"},
         NULL},
        {"http.httpPost", "{\"url\": \"$/echo\"}", {"Content-Length: 0\r\n"}, "Content-Type"},
        {"http.httpPut", "{\"url\": \"$/echo\", \"data\": [1]}", {"PUT /echo", "[1]"}, NULL},
        {"http.httpPatch",
         "{\"url\": \"$/echo\", \"data\": 7}",
         {"PATCH /echo", "\r\n\r\n7"},
         NULL},
        {"http.httpDelete", "{\"url\": \"$/echo\"}", {"DELETE /echo", "Idempotency-Key: "}, NULL},
        {"http.httpRequest",
         "{\"method\": \"propfind\", \"url\": \"$/echo\", \"data\": \"x\"}",
         {"PROPFIND /echo", "\r\n\r\nx"},
         "Idempotency-Key"},
        {"http.httpPost",
         "{\"url\": \"$/echo\", \"connection\": {\"key\": \"basic\", \"fields\": {\"username\": "
         "\"me\", \"password\": \"p:w\"}}}",
         {"Authorization: Basic bWU6cDp3\r\n"},
         NULL},
        {"http.httpGet",
         "{\"url\": \"$/echo\", \"connection\": {\"fields\": {\"clientId\": \"c\"}, \"token\": "
         "{\"access_token\": \"tok\", \"token_type\": \"bearer\"}}}",
         {"Authorization: Bearer tok\r\n"},
         NULL},
        {"http.httpGet",
         "{\"url\": \"$/echo\", \"connection\": {\"fields\": {\"apiKey\": \"k1\", \"headerKey\": "
         "\"X-Key\"}}}",
         {"X-Key: k1\r\n"},
         "Authorization"},
        {"http.httpGet",
         "{\"url\": \"$/echo\", \"connection\": {\"fields\": {\"apiKey\": \"k1\"}}, \"headers\": "
         "{\"authorization\": \"Mine 1\"}}",
         {"authorization: Mine 1\r\n"},
         "k1"},
        {"http.httpGet",
         "{\"url\": \"$/echo\", \"connection\": \"\"}",
         {"GET /echo"},
         "Authorization"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct action_context ctx;
        start(&ctx);
        if (call(&ctx, rows[i].name, rows[i].inputs) != 0) {
            fail_msg("%s: %s", rows[i].inputs, ctx.err.message);
        }
        for (size_t k = 0; k < 5 && rows[i].parts[k]; k++) {
            expect(&ctx, rows[i].parts[k]);
        }
        if (rows[i].absent &&
            str_find(json_as_str(ctx.result.data), str_of(rows[i].absent), 0) >= 0) {
            fail_msg("%s in %s", rows[i].absent, rows[i].inputs);
        }
        fixture_done(&ctx);
    }
}

static void forms_are_multipart(void **state)
{
    struct action_context ctx;
    start(&ctx);
    assert_int_equal(
        call(
            &ctx, "http.httpPostFormData",
            "{\"url\": \"$/echo\", \"httpMethod\": \"put\", \"formData\": [{\"key\": \"id\\\"\\r\\n"
            "X: y\", \"value\": 5}], \"fileData\": [{\"key\": \"f\", \"value\": {\"data\": "
            "\"leat-0000-key-0\", \"contentType\": \"text/csv\"}}, {\"key\": \"g\", \"value\": "
            "\"raw\"}], \"fileDataFileNames\": [{\"key\": \"f\", \"value\": \"a.csv\"}]}"),
        0);
    expect(&ctx, "PUT /echo");
    expect(&ctx, "Content-Type: multipart/form-data; boundary=leat-0000-key-1\r\n");
    expect(&ctx, "--leat-0000-key-1\r\nContent-Disposition: form-data; "
                 "name=\"id%22%0D%0AX: y\"\r\n\r\n5\r\n");
    expect(&ctx, "name=\"f\"; filename=\"a.csv\"\r\nContent-Type: text/csv\r\n\r\nleat-0000-key-0");
    expect(&ctx, "name=\"g\"; filename=\"g\"\r\nContent-Type: application/octet-stream\r\n\r\nraw");
    expect(&ctx, "\r\n--leat-0000-key-1--\r\n");
    assert_int_equal(
        call(&ctx, "http.httpPostFormData",
             "{\"url\": \"$/echo\", \"fileData\": [{\"key\": \"f\", \"value\": {\"data\": "
             "\"x\", \"contentType\": \"text/plain\", \"fileName\": \"own.txt\"}}]}"),
        0);
    expect(&ctx, "name=\"f\"; filename=\"own.txt\"");
    assert_int_equal(call(&ctx, "http.httpPostFormData",
                          "{\"url\": \"$/echo\", \"fileData\": [{\"key\": \"f\"}]}"),
                     -EINVAL);
    assert_non_null(strstr(ctx.err.message, "File Data (fileData)"));
    fixture_done(&ctx);
}

static void responses_become_values(void **state)
{
    static const struct action_case cases[] = {
        {"http.httpGet", "{\"url\": \"$/json\"}", "{\"a\":[1,2]}"},
        {"http.httpGet", "{\"url\": \"$/json\", \"responseType\": \"text\"}",
         "\"{\\\"a\\\": [1, 2]}\""},
        {"http.httpGet", "{\"url\": \"$/badjson\"}", "\"{\\\"a\\\": \""},
        {"http.httpGet", "{\"url\": \"$/gzip\"}", "\"compressed\""},
        {"http.httpGet", "{\"url\": \"$/bytes\", \"responseType\": \"text\"}",
         "\"a\\u0000\xEF\xBF\xBD\""},
        {"http.httpGet", "{\"url\": \"$/bytes\", \"responseType\": \"binary\"}",
         "{\"data\":\"YQD/\",\"contentType\":\"application/octet-stream\"}"},
        {"http.httpGet",
         "{\"url\": \"$/bytes\", \"responseType\": \"binary\", \"includeFullResponse\": true}",
         "{\"data\":\"YQD/\",\"status\":200,\"statusText\":\"OK\",\"headers\":{\"content-type\":"
         "\"application/octet-stream\",\"content-length\":\"3\"}}"},
        {"http.httpGet", "{\"url\": \"$/cookies\", \"includeFullResponse\": \"true\"}",
         "{\"data\":\"\",\"status\":200,\"statusText\":\"OK\",\"headers\":{\"set-cookie\":[\"a=1\","
         "\"b=2\"],\"x-double\":\"x, y\",\"content-length\":\"0\"}}"},
        {"http.httpHead", "{\"url\": \"$/json\"}", "\"\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct action_context ctx;
        start(&ctx);
        assert_int_equal(call(&ctx, cases[i].name, cases[i].inputs), 0);
        assert_string_equal(fixture_result(&ctx), cases[i].result);
        fixture_done(&ctx);
    }
}

static void failures_are_explained(void **state)
{
    static const struct {
        const char *inputs;
        int rc;
        const char *message;
        bool retryable;
    } rows[] = {
        {"{\"url\": \"$/status/404?key=s3cret\"}", -EBADE, " answered 404 Some Words: 404 Some",
         false},
        {"{\"url\": \"$/status/500\"}", -EBADE, "answered 500", true},
        {"{\"url\": \"$/status/429\"}", -EBADE, "answered 429", true},
        {"{\"url\": \"$/refuse\", \"connection\": {\"token\": {\"access_token\": \"s3cret\"}}}",
         -EBADE, "Authorization: Bearer ***", false},
        {"{\"url\": \"$/refuse\", \"headers\": {\"X-Api-Key\": \"s3cret\"}}", -EBADE,
         "X-Api-Key: ***", false},
        {"{\"url\": \"$/redirect/1\", \"maxRedirects\": \"0\"}", -EBADE, "answered 302", false},
        {"{\"url\": \"$/slow\", \"timeout\": \"100\"}", -ETIMEDOUT, "did not answer in time", true},
        {"{\"url\": \"http://10.0.0.1/\"}", -EACCES, "10.0.0.1 leads to a private network", false},
        {"{}", -EINVAL, "URL (url): has no value", false},
        {"{\"url\": \"  \"}", -EINVAL, "URL (url): has no value", false},
        {"{\"url\": \"$/json\", \"responseType\": \"xml\"}", -EINVAL, "Response Type", false},
        {"{\"url\": \"$/json\", \"maxRetries\": \"many\"}", -EINVAL, "Max Retry Count", false},
        {"{\"url\": \"$/json\", \"timeout\": \"-1\"}", -EINVAL, "Timeout (timeout)", false},
        {"{\"url\": \"$/json\", \"connection\": {\"fields\": {}}}", -EINVAL,
         "Connection (connection): holds no credentials", false},
        {"{\"url\": \"$/json\", \"headers\": [{\"key\": \"A\", \"value\": \"b\\r\\nC: d\"}]}",
         -EINVAL, "line breaks", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct action_context ctx;
        start(&ctx);
        int rc = call(&ctx, "http.httpGet", rows[i].inputs);
        if (rc != rows[i].rc || !strstr(ctx.err.message, rows[i].message) ||
            ctx.err.retryable != rows[i].retryable || strstr(ctx.err.message, "s3cret")) {
            fail_msg("%s: %d %s", rows[i].inputs, rc, ctx.err.message);
        }
        fixture_done(&ctx);
    }
}

static int requests_of(const char *inputs, int *ret_rc, int64_t deadline_ms)
{
    struct action_context ctx;
    start(&ctx);
    if (deadline_ms) {
        ctx.deadline = clock_mono_ns() + deadline_ms * NS_PER_MS;
    }
    int before = atomic_load(&server.requests);
    *ret_rc = call(&ctx, "http.httpGet", inputs);
    fixture_done(&ctx);
    return atomic_load(&server.requests) - before;
}

static void retries(void **state)
{
    int rc;
    server.flaky_left = -1;
    assert_int_equal(requests_of("{\"url\": \"$/flaky/2\", \"maxRetries\": \"2\"}", &rc, 0), 3);
    assert_int_equal(rc, 0);
    server.flaky_left = -1;
    assert_int_equal(requests_of("{\"url\": \"$/flaky/2\", \"maxRetries\": \"1\"}", &rc, 0), 2);
    assert_int_equal(rc, -EBADE);
    assert_int_equal(requests_of("{\"url\": \"$/status/404\", \"maxRetries\": 3}", &rc, 0), 1);
    assert_int_equal(requests_of("{\"url\": \"$/status/404\", \"maxRetries\": 3, "
                                 "\"retryOnAllErrors\": true}",
                                 &rc, 0),
                     4);
    /* Responses that failed stay in the memory of the execution. */
    assert_int_equal(requests_of("{\"url\": \"$/fail/20000000\", \"maxRetries\": 9}", &rc, 0), 2);
    int64_t before = clock_mono_ns();
    assert_int_equal(requests_of("{\"url\": \"$/status/503\", \"maxRetries\": 2, "
                                 "\"useExponentialBackoff\": true, \"retryDelayMS\": 60000}",
                                 &rc, 0),
                     3);
    assert_true(clock_mono_ns() - before >= 300 * NS_PER_MS);
    /* A wait that the execution's time does not allow is not begun. */
    assert_int_equal(requests_of("{\"url\": \"$/status/503\", \"maxRetries\": 2, "
                                 "\"retryDelayMS\": 60000}",
                                 &rc, 2000),
                     1);
    assert_int_equal(rc, -EBADE);
}

static void debug_hides_credentials(void **state)
{
    struct action_context ctx;
    start(&ctx);
    assert_int_equal(call(&ctx, "http.httpPost",
                          "{\"url\": \"$/echo\", \"data\": \"abc\", \"debugRequest\": \"true\", "
                          "\"connection\": {\"fields\": {\"username\": \"u\", \"password\": "
                          "\"pw\"}}}"),
                     0);
    assert_int_equal(ctx.level, LINE_DEBUG);
    assert_true(str_find(ctx.message, STR("POST http://127.0.0.1"), 0) == 0);
    assert_true(str_find(ctx.message, STR("Authorization: ***"), 0) > 0);
    assert_true(str_find(ctx.message, STR("Basic"), 0) < 0);
    assert_true(str_find(ctx.message, STR("\n\nabc"), 0) > 0);
    /* also in a header that the connection names */
    assert_int_equal(
        call(&ctx, "http.httpPost",
             "{\"url\": \"$/echo\", \"data\": {\"data\": \"x\"}, \"debugRequest\": \"true\", "
             "\"connection\": {\"fields\": {\"apiKey\": \"k1\", \"headerKey\": "
             "\"X-Mine\"}}}"),
        0);
    assert_true(str_find(ctx.message, STR("X-Mine: ***"), 0) > 0);
    assert_true(str_find(ctx.message, STR("k1"), 0) < 0);
    /* and in the address */
    assert_true(call(&ctx, "http.httpGet",
                     "{\"url\": \"http://u:pw@127.0.0.1:1/a@b?c\", \"debugRequest\": true}") < 0);
    assert_true(str_eq(ctx.message, STR("GET http://127.0.0.1:1/a@b?c")));
    fixture_done(&ctx);
}

static void credentials_stay_with_their_host(void **state)
{
    struct action_context ctx;
    start(&ctx);
    const char *inputs = arena_printf(
        ctx.arena,
        "{\"url\": \"$/to?http://localhost:%d/echo\", \"connection\": {\"fields\": {\"apiKey\": "
        "\"k1\", \"headerKey\": \"X-Mine\"}}}",
        server.port);
    if (call(&ctx, "http.httpGet", inputs) != 0) {
        fail_msg("%s", ctx.err.message);
    }
    expect(&ctx, "GET /echo");
    assert_true(str_find(json_as_str(ctx.result.data), STR("X-Mine"), 0) < 0);
    assert_int_equal(call(&ctx, "http.httpGet",
                          "{\"url\": \"$/redirect/1\", \"connection\": {\"fields\": {\"apiKey\": "
                          "\"k1\", \"headerKey\": \"X-Mine\"}}}"),
                     0);
    expect(&ctx, "X-Mine: k1");
    fixture_done(&ctx);
}

static void set_payload(struct action_context *ctx)
{
    ctx->payload = fixture_json(
        ctx, arena_printf(ctx->arena,
                          "{\"webhookUrls\": {\"Other Flow\": \"%s/echo\", \"Done\": \"%s/json\", "
                          "\"My Flow\": \"%s/echo/own\"}, \"webhookApiKeys\": {\"Other Flow\": "
                          "[\"key-1\", \"key-2\"]}, \"startedAt\": \"2026-01-02T03:04:05.678Z\", "
                          "\"body\": {\"data\": {\"cursor\": 5}}}",
                          server.url, server.url, server.url));
}

static void flows_call_each_other(void **state)
{
    struct action_context ctx;
    start(&ctx);
    set_payload(&ctx);
    assert_int_equal(call(&ctx, "cross-flow.invokeFlow",
                          "{\"flowName\": \"Other Flow\", \"data\": [{\"id\": 1}]}"),
                     0);
    expect(&ctx, "POST /echo HTTP");
    expect(&ctx, "Api-Key: key-1\r\n");
    expect(&ctx, "prismatic-invoke-type: Cross Flow\r\n");
    expect(&ctx, "prismatic-executionid: RXhlY3V0aW9uOjE=\r\n");
    expect(&ctx,
           "prismatic-invoked-by: {\"componentActionKey\":\"cross-flow.invokeFlow\","
           "\"executionId\":\"RXhlY3V0aW9uOjE=\",\"executionStartedAt\":"
           "\"2026-01-02T03:04:05.678Z\",\"stepName\":\"Call It\",\"loopPath\":\"each.3\"}\r\n");
    expect(&ctx, "Idempotency-Key: 0000-key\r\n");
    expect(&ctx, "\r\n\r\n[{\"id\":1}]");
    assert_int_equal(call(&ctx, "cross-flow.triggerFlow", "{\"flowName\": \"Done\"}"), 0);
    assert_string_equal(fixture_result(&ctx), "{\"a\":[1,2]}");
    assert_int_equal(call(&ctx, "cross-flow.invokeFlow", "{\"flowName\": \"None\"}"), -EINVAL);
    assert_non_null(strstr(ctx.err.message, "Flow Name (flowName): this instance has no flow"));
    fixture_done(&ctx);
}

static void recursive_flows_keep_a_cursor(void **state)
{
    struct action_context ctx;
    start(&ctx);
    set_payload(&ctx);
    assert_int_equal(call(&ctx, "recursive-flow.getCursor", "{}"), 0);
    assert_string_equal(fixture_result(&ctx), "null");
    assert_int_equal(call(&ctx, "recursive-flow.recursiveTrigger", "{\"defaultCursor\": \"1\"}"),
                     0);
    assert_true(json_equal(ctx.result.data, ctx.payload));
    assert_int_equal(call(&ctx, "recursive-flow.getCursor", "{}"), 0);
    assert_string_equal(fixture_result(&ctx), "5");
    ctx.payload = fixture_json(&ctx, "{\"body\": {\"data\": null}}");
    assert_int_equal(call(&ctx, "recursive-flow.recursiveTrigger", "{\"defaultCursor\": \"1\"}"),
                     0);
    assert_true(str_eq(json_as_str(ctx.cursor), STR("1")));
    assert_int_equal(call(&ctx, "recursive-flow.invokeRecursive", "{}"), -ENOENT);
    set_payload(&ctx);
    assert_int_equal(call(&ctx, "recursive-flow.setCursor", "{\"cursor\": {\"page\": 2}}"), 0);
    assert_int_equal(call(&ctx, "recursive-flow.invokeRecursive", "{}"), 0);
    expect(&ctx, "POST /echo/own HTTP");
    expect(&ctx, "\r\n\r\n{\"cursor\":{\"page\":2}}");
    fixture_done(&ctx);
}

static void logic(void **state)
{
    static const struct action_case cases[] = {
        {"loop.loopOverItems", "{\"items\": [1, 2]}", "[1,2]"},
        {"loop.loopOverItems", "{\"items\": \"[1]\"}", "[1]"},
        {"loop.loopOverItems", "{\"items\": {\"a\": 1}}", "[{\"key\":\"a\",\"value\":1}]"},
        {"loop.loopOverItems", "{\"items\": 5}", NULL, "Items (items): must be a list"},
        {"loop.loopOverItems", "{}", NULL, "Items (items): has no value"},
        {"loop.loopNTimes", "{}", "1000"},
        {"loop.loopNTimes", "{\"iterationCount\": \"3\"}", "3"},
        {"loop.loopNTimes", "{\"iterationCount\": \"1.5\"}", NULL, "Iteration Count"},
        {"log.writeLog", "{\"level\": \"verbose\", \"message\": \"m\"}", NULL, "Level (level)"},
        {"sleep.sleep", "{\"ms\": \"-1\"}", NULL, "Milliseconds (ms)"},
        {"sleep.sleep", "{\"ms\": \"40000\"}", NULL, "past the time limit"},
        {"stop-execution.stopExecution", "{\"statusCode\": \"99\"}", NULL, "Response Status Code"},
    };
    fixture_check(cases, ARRAY_LEN(cases));
    struct action_context ctx;
    fixture_init(&ctx);
    assert_int_equal(fixture_run(&ctx, "loop.breakLoop", "{}"), 0);
    assert_true(ctx.result.break_loop);
    assert_int_equal(fixture_run(&ctx, "log.writeLog", "{\"message\": {\"a\": 1}}"), 0);
    assert_int_equal(ctx.level, LINE_INFO);
    assert_true(str_eq(ctx.message, STR("{\"a\":1}")));
    assert_int_equal(fixture_run(&ctx, "log.writeLog", "{\"level\": \"WARN\"}"), 0);
    assert_int_equal(ctx.level, LINE_WARN);
    int64_t before = clock_mono_ns();
    assert_int_equal(fixture_run(&ctx, "sleep.sleep", "{\"ms\": \"60\"}"), 0);
    assert_true(clock_mono_ns() - before >= 60 * NS_PER_MS);
    assert_int_equal(ctx.blocks, 1);
    assert_int_equal(fixture_run(&ctx, "stop-execution.stopExecution",
                                 "{\"statusCode\": \"418\", \"contentType\": \"text/plain\", "
                                 "\"headers\": [{\"key\": \"X-A\", \"value\": 1}], \"jsonBody\": "
                                 "\"short and stout\"}"),
                     0);
    assert_true(ctx.result.stop_execution);
    assert_int_equal(ctx.result.status_code, 418);
    assert_string_equal(ctx.result.content_type, "text/plain");
    assert_true(str_eq(json_as_str(json_get(ctx.result.headers, STR("X-A"))), STR("1")));
    assert_string_equal(fixture_result(&ctx), "\"short and stout\"");
    assert_int_equal(fixture_run(&ctx, "stop-execution.stopExecution", "{}"), 0);
    assert_int_equal(ctx.result.status_code, 200);
    assert_string_equal(ctx.result.content_type, "application/json");
    struct json items[] = {json_undefined(), json_null(), json_num(2)};
    struct json_member m = {STR("stepResults"), json_array(items, 3)};
    assert_int_equal(fixture_run_value(&ctx, "branch.selectExecutedStepResult", json_object(&m, 1)),
                     0);
    assert_string_equal(fixture_result(&ctx), "null");
    m.value = json_array(items, 1);
    items[0] = json_num(9);
    assert_int_equal(fixture_run_value(&ctx, "branch.selectExecutedStepResult", json_object(&m, 1)),
                     0);
    assert_string_equal(fixture_result(&ctx), "9");
    fixture_done(&ctx);
}

static int setup(void **state)
{
    ASSERT(address_policy_parse(STR("127.0.0.1"), &loopback, NULL) == 0);
    server_start(&server);
    return 0;
}

static int teardown(void **state)
{
    server_stop(&server);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_made),
        cmocka_unit_test(forms_are_multipart),
        cmocka_unit_test(responses_become_values),
        cmocka_unit_test(failures_are_explained),
        cmocka_unit_test(retries),
        cmocka_unit_test(debug_hides_credentials),
        cmocka_unit_test(credentials_stay_with_their_host),
        cmocka_unit_test(flows_call_each_other),
        cmocka_unit_test(recursive_flows_keep_a_cursor),
        cmocka_unit_test(logic),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
