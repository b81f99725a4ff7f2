/* Answers to callers whose connection waits. */
#include "engine_fixture.h"

#define STOP(inputs) STEP("Stop", "stop-execution", "stopExecution", inputs)

struct reply_case {
    const char *what, *steps;
    int status;
    const char *type, *body; /* body NULL = unchecked */
    const char *header;      /* "Name: value" of the first; NULL = none */
};

static const struct reply_case reply_cases[] = {
    {"text", TRIGGER ", " ECHO_VALUE("A", "hello"), 200, "text/plain; charset=utf-8", "hello",
     NULL},
    {"an object", TRIGGER ", " ECHO_REF("A", "trigger.results.body.data"), 200, "application/json",
     "{\"a\":[1,null]}", NULL},
    {"a number", TRIGGER ", " ECHO_REF("A", "trigger.results.body.data.a.0"), 200,
     "application/json", "1", NULL},
    {"null", TRIGGER ", " ECHO_REF("A", "trigger.results.body.data.a.1"), 200, "application/json",
     "null", NULL},
    {"nothing", TRIGGER ", " STEP("A", "test", "wait", ""), 200, "application/json", "", NULL},
    {"binary", TRIGGER ", " STEP("A", "test", "binary", ""), 200, "image/png", NULL, NULL},
    {"a file object", TRIGGER ", " ECHO_REF("A", "trigger.results.rawBody"), 200,
     "application/json", "{\"a\":[1,null]}", NULL},
    {"the last step's words win", TRIGGER ", " STEP("A", "test", "reply", ""), 418, "text/x-tea",
     "short and stout", "X-One: 1"},
    {"a loop's results",
     TRIGGER ", " LOOP("L", "loopNTimes", VALUE("iterationCount", "2"), ECHO_REF("I", "l.index")),
     200, "application/json", "[0,1]", NULL},
    {"a stop in a loop",
     TRIGGER
     ", " LOOP("L", "loopNTimes", VALUE("iterationCount", "2"),
               STEP("S", "test", "echo", TEMPLATE("value", "made in {{$l.index}}")) ", " STOP(
                   VALUE("statusCode", "202") ", " VALUE("contentType", "text/plain") ", " REF(
                       "jsonBody", "s.results") ", headers: {type: complex, value: [{name: "
                                                "X-Stop, type: value, value: 'yes'}]}")),
     202, "text/plain", "made in 0", "X-Stop: yes"},
    {"a stop with defaults", TRIGGER ", " STOP(VALUE("jsonBody", "{\"ok\":true}")), 200,
     "application/json", "{\"ok\":true}", NULL},
    {"a failing flow", TRIGGER ", " STEP("A", "test", "fail", ""), 500, "application/json", NULL,
     NULL},
    {"an answer over the limit", TRIGGER ", " STEP("A", "test", "big", VALUE("value", "6000000")),
     500, "application/json", NULL, NULL},
};

static void test_synchronous(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(reply_cases); i++) {
        const struct reply_case *c = &reply_cases[i];
        struct fixture fx = {.synchronous = true,
                             .reply_to = "leat.reply.1",
                             .body = STR("{\"a\":[1,null]}"),
                             .hook = {.content_type = STR("application/json")}};
        fx_run(&fx, c->steps);
        assert_int_equal(fx.n_replies, 1);
        if (fx.reply.status_code != (uint32_t)c->status) {
            fail_msg("%s: status %u, %s", c->what, fx.reply.status_code,
                     fx_text(&fx, fx.reply.body));
        }
        assert_string_equal(fx_text(&fx, fx.reply.content_type), c->type);
        if (c->body) {
            assert_string_equal(fx_text(&fx, fx.reply.body), c->body);
        }
        if (c->header) {
            const struct wire_pair *h = fx.reply.headers.items;
            assert_int_equal(fx.reply.headers.n, 1);
            assert_string_equal(arena_printf(fx.arena, "%.*s: %.*s", (int)h->name.len, h->name.ptr,
                                             (int)h->value.len, h->value.ptr),
                                c->header);
        }
        assert_true(uuid_eq(&fx.reply.execution_id, &fx_id));
        fx_done(&fx);
    }
}

static void test_error_bodies(void **state)
{
    struct fixture fx = {.synchronous = true, .reply_to = "r"};
    struct json body;
    fx_run(&fx, TRIGGER ", " STEP("A", "test", "fail", ""));
    assert_int_equal(json_parse(fx.arena, fx.reply.body, &body, NULL), 0);
    assert_string_equal(fx_dump(&fx, json_get(body, STR("error"))), "\"it broke on purpose\"");
    char id[GLOBAL_ID_MAX];
    (void)global_id_format("InstanceExecutionResult", &fx_id, id);
    assert_true(str_eq(json_as_str(json_get(body, STR("executionId"))), str_of(id)));
    fx_done(&fx);
}

static void test_binary_answer(void **state)
{
    struct fixture fx = {.synchronous = true, .reply_to = "r"};
    fx_run(&fx, TRIGGER ", " STEP("A", "test", "binary", ""));
    assert_true(str_eq(fx.reply.body, STR("\x00\xff\x01")));
    fx_done(&fx);
}

/* A flow of a trigger alone answers with the payload, without the keys of the instance's flows. */
static void test_keys_are_not_answered(void **state)
{
    struct fixture fx = {.synchronous = true, .reply_to = "r"};
    fx_run(&fx, TRIGGER);
    const char *body = fx_text(&fx, fx.reply.body);
    assert_non_null(strstr(body, "\"webhookApiKeys\":{\"Main\":[\"********\"]}"));
    assert_null(strstr(body, "k1"));
    fx_done(&fx);
}

/* The trigger alone answers, and only once. */
static void test_trigger_mode(void **state)
{
    struct fixture fx = {.reply_to = "r"};
    fx_run(&fx, TRIGGER ", " STEP("A", "test", "fail", ""));
    assert_int_equal(fx.n_replies, 1);
    assert_int_equal(fx.reply.status_code, 200);
    assert_non_null(strstr(fx_text(&fx, fx.reply.body), "executionId"));
    assert_null(strstr(fx_text(&fx, fx.reply.body), "error"));
    fx_done(&fx);
}

/* A run whose trigger has nothing to say, since it does not come to run. */
static void test_trigger_mode_without_trigger(void **state)
{
    struct fixture fx = {.reply_to = "r", .flow_name = "Gone"};
    fx_run(&fx, TRIGGER);
    assert_int_equal(fx.result.status, RUN_FAILED);
    assert_int_equal(fx.n_replies, 1);
    assert_int_equal(fx.reply.status_code, 200);
    assert_null(strstr(fx_text(&fx, fx.reply.body), "error"));
    fx_done(&fx);
}

static void test_nobody_waits(void **state)
{
    struct fixture fx = {0};
    fx_run(&fx, TRIGGER ", " ECHO_VALUE("A", "x"));
    assert_int_equal(fx.n_replies, 0);
    fx_done(&fx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_synchronous),
        cmocka_unit_test(test_error_bodies),
        cmocka_unit_test(test_binary_answer),
        cmocka_unit_test(test_trigger_mode),
        cmocka_unit_test(test_trigger_mode_without_trigger),
        cmocka_unit_test(test_nobody_waits),
        cmocka_unit_test(test_keys_are_not_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
