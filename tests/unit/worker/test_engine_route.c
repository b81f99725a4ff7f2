/* What a preprocess flow's run reports: where the event goes on. */
#include "engine_fixture.h"

#define MORE                                                                                       \
    ", {name: Other, description: '', steps: [" TRIGGER "]}, {name: Third, description: '', "      \
    "steps: [" TRIGGER "]}"
#define FIELD(key, path) ", " key ": {type: reference, value: " path "}"
#define OF_INSTANCE(path)                                                                          \
    ", endpointType: instance_specific, preprocessFlowName: Main" FIELD("flowNameField", path)
#define SHARED                                                                                     \
    ", endpointType: shared_instance, preprocessFlowName: Main" FIELD(                             \
        "flowNameField", "a.results.flow") FIELD("externalCustomerIdField", "a.results.id")
#define STEPS TRIGGER ", " ECHO_REF("A", "trigger.results.body.data")

static struct fixture routed(const char *root_keys, const char *body)
{
    return (struct fixture){.root_keys = root_keys,
                            .more_flows = MORE,
                            .preprocess = true,
                            .synchronous = true,
                            .reply_to = "leat.reply.1",
                            .traceparent = "00-1-2-01",
                            .body = str_of(body),
                            .hook = {.content_type = STR("application/json")}};
}

struct route_case {
    const char *root_keys, *body;
    const char *flow, *customer; /* flow NULL: it fails with these words */
    const char *words;
};

static const struct route_case cases[] = {
    {OF_INSTANCE("a.results.flow"), "{\"flow\": \"Other\"}", "Other", "", NULL},
    {OF_INSTANCE("a.results.flow"), "{\"flow\": \" Other \"}", "Other", "", NULL},
    {OF_INSTANCE("onExecution.results.flow"), "{\"flow\": \"Other\"}", "Other", "", NULL},
    {OF_INSTANCE("trigger.results.headers.x-flow"), "{}", "Third", "", NULL},
    {OF_INSTANCE("a.results.flow"), "{\"flow\": 5}", "5", "", NULL},
    {SHARED, "{\"flow\": \"Other\", \"id\": 17}", "Other", "17", NULL},
    {OF_INSTANCE("a.results.flow"), "{}", NULL, NULL,
     "routing failed: flowNameField refers to a.results.flow, which is missing"},
    {OF_INSTANCE("a.results.flow"), "{\"flow\": \"\"}", NULL, NULL, "which is empty"},
    {OF_INSTANCE("a.results.flow"), "{\"flow\": {}}", NULL, NULL, "neither text nor number"},
    {OF_INSTANCE("a.results.flow"), "{\"flow\": null}", NULL, NULL, "neither text nor number"},
    {SHARED, "{\"flow\": \"Other\"}", NULL, NULL, "externalCustomerIdField refers to a.results.id"},
    {"", "{}", NULL, NULL, "is not the preprocess flow any more"},
};

static void test_cases(void **state)
{
    static struct wire_pair header[] = {{STR("X-Flow"), STR("Third")}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct route_case *c = &cases[i];
        struct fixture fx = routed(c->root_keys, c->body);
        fx.hook.headers = (struct wire_pairs){header, 1};
        fx_run(&fx, STEPS);
        assert_int_equal(fx.result.route, c->flow != NULL);
        if (c->flow) {
            assert_int_equal(fx.result.status, RUN_SUCCEEDED);
            assert_string_equal(fx_text(&fx, fx.result.route_flow), c->flow);
            assert_string_equal(fx_text(&fx, fx.result.route_customer), c->customer);
            assert_string_equal(fx_text(&fx, fx.result.reply_to), "leat.reply.1");
            assert_string_equal(fx_text(&fx, fx.result.traceparent), "00-1-2-01");
            assert_int_equal(fx.n_replies, 0); /* the target answers */
        } else {
            assert_int_equal(fx.result.status, RUN_FAILED);
            if (str_find(fx.result.error, str_of(c->words), 0) < 0) {
                fail_msg("%s: %s", c->words, fx_text(&fx, fx.result.error));
            }
            assert_int_equal(fx.n_replies, 1);
            assert_int_equal(fx.reply.status_code, 400);
        }
        fx_done(&fx);
    }
}

static void test_long_value(void **state)
{
    struct buf body;
    buf_init(&body, 0);
    buf_adds(&body, "{\"flow\": \"");
    for (size_t i = 0; i <= ROUTE_VALUE_MAX; i++) {
        buf_addc(&body, 'x');
    }
    buf_adds(&body, "\"}");
    struct fixture fx = routed(OF_INSTANCE("a.results.flow"), body.data);
    fx_run(&fx, STEPS);
    assert_true(str_find(fx.result.error, STR("too long"), 0) > 0);
    fx_done(&fx);
    buf_done(&body);
}

/* A step that stops, or fails, ends the event there. */
static void test_ends(void **state)
{
    struct fixture fx = routed(OF_INSTANCE("a.results.flow"), "{\"flow\": \"Other\"}");
    fx_run(&fx,
           STEPS ", " STEP("Stop", "stop-execution", "stopExecution", VALUE("statusCode", "202")));
    assert_false(fx.result.route);
    assert_int_equal(fx.result.status, RUN_SUCCEEDED);
    assert_int_equal(fx.n_replies, 1);
    assert_int_equal(fx.reply.status_code, 202);
    fx_done(&fx);
    fx = routed(OF_INSTANCE("a.results.flow"), "{\"flow\": \"Other\"}");
    fx_run(&fx, STEPS ", " STEP("B", "test", "fail", ""));
    assert_false(fx.result.route);
    assert_int_equal(fx.reply.status_code, 500);
    fx_done(&fx);
}

/* Called by its own address, a preprocess flow is a flow as others. */
static void test_plain(void **state)
{
    struct fixture fx = routed(OF_INSTANCE("a.results.flow"), "{\"flow\": \"Other\"}");
    fx.preprocess = false;
    fx_run(&fx, STEPS);
    assert_false(fx.result.route);
    assert_int_equal(fx.n_replies, 1);
    fx_done(&fx);
}

/* The target's answer names the execution that the sender knows. */
static void test_answer_of_the_target(void **state)
{
    struct fixture fx = {.synchronous = true, .reply_to = "leat.reply.1"};
    assert_true(uuid_parse(STR("01234567-89ab-7def-8123-456789abcdef"), &fx.reply_id));
    struct uuid id = fx.reply_id;
    fx_run(&fx, TRIGGER ", " ECHO_VALUE("A", "x"));
    assert_true(uuid_eq(&fx.reply.execution_id, &id));
    fx_done(&fx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_long_value),
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_answer_of_the_target),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
