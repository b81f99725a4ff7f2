/* What a run tells besides its steps: progress of test runs, a ready-made trigger result, and how
 * its flow is retried. */
#include "engine_fixture.h"

#define RETRY                                                                                      \
    ", retryConfig: {maxAttempts: 3, delayMinutes: 7, usesExponentialBackoff: true, "              \
    "uniqueRequestIdField: {type: reference, value: 'trigger.results.body.data.id'}}"
#define FAIL  STEP("Broken", "test", "fail", "")
#define JSON_ ((struct str){"application/json", 16})

/* Reads all that was told: it must be the steps and lines of the result, in order, each once. */
static void told_is_whole(struct fixture *fx, size_t fewest)
{
    struct str rest = buf_str(&fx->told), one;
    const struct result_log *logs = fx->result.logs.items;
    size_t n_steps = 0, n_logs = 0;
    while (wire_batch_next(&rest, &one) == 1) {
        struct run_progress p;
        assert_int_equal(wire_decode(&run_progress_message, fx->arena, one, &p, NULL), 0);
        assert_true(uuid_eq(&p.execution_id, &fx_id) && p.attempt == 1);
        assert_int_equal(p.first_step, n_steps);
        assert_int_equal(p.first_log, n_logs);
        struct str step;
        while (wire_batch_next(&p.steps, &step) == 1) {
            struct step_result s;
            assert_int_equal(wire_decode(&step_result_message, fx->arena, step, &s, NULL), 0);
            assert_true(str_eq(s.key, fx->steps[n_steps].key));
            assert_true(str_eq(s.loop_path, fx->steps[n_steps].loop_path));
            assert_true(s.skipped_data || str_eq(s.data, fx->steps[n_steps].data));
            n_steps++;
        }
        for (size_t i = 0; i < p.logs.n; i++) {
            const struct result_log *line = &((struct result_log *)p.logs.items)[i];
            assert_int_equal(line->time_ns, logs[n_logs].time_ns);
            assert_true(str_eq(line->message, logs[n_logs++].message));
        }
    }
    assert_true(n_steps >= fewest && n_steps <= fx->n_steps && n_logs <= fx->result.logs.n);
}

static void test_each_step_is_told(void **state)
{
    struct fixture fx = {.test = true};
    fx_run(&fx, TRIGGER ", " STEP("L", "test", "log", VALUE("value", "a line")) ", " LOOP(
                    "Loop", "loopNTimes", VALUE("iterationCount", "3"), ECHO_VALUE("In", "x")));
    assert_int_equal(fx.result.status, RUN_SUCCEEDED);
    assert_true(fx.result.streamed);
    assert_int_equal(fx.n_told, 6);
    told_is_whole(&fx, 6);
    fx_done(&fx);
}

static void test_others_tell_nothing(void **state)
{
    struct fixture fx = {0};
    fx_run(&fx, TRIGGER ", " ECHO_VALUE("One", "x"));
    assert_int_equal(fx.n_told, 0);
    assert_false(fx.result.streamed);
    fx_done(&fx);
}

static void test_nothing_that_is_switched_off(void **state)
{
    struct fixture fx = {.test = true, .logs_disabled = true, .step_results_disabled = true};
    fx_run(&fx, TRIGGER ", " STEP("L", "test", "log", VALUE("value", "a line")));
    assert_int_equal(fx.n_told, 0);
    fx_done(&fx);
}

static void test_many_steps_are_told_seldom(void **state)
{
    struct fixture fx = {.test = true};
    fx_run(&fx, TRIGGER ", " LOOP("Loop", "loopNTimes", VALUE("iterationCount", "3000"),
                                  STEP("L", "test", "log", VALUE("value", "line"))));
    assert_in_range(fx.n_told, 100, 200);
    told_is_whole(&fx, 100);
    fx_done(&fx);
}

static void test_large_steps_are_told_without_data(void **state)
{
    struct fixture fx = {.test = true};
    fx_run(&fx, TRIGGER ", " STEP("Big", "test", "big", VALUE("value", "3000000")));
    assert_int_equal(fx.n_told, 2);
    told_is_whole(&fx, 2);
    assert_true(fx.told.len < MIB(1));
    fx_done(&fx);
}

static void test_a_simulated_result(void **state)
{
    static struct wire_pair header = {{"Prismatic-Simulated-Trigger-Result", 34},
                                      {"{\"a\":[1]}", 9}};
    for (int test = 0; test < 2; test++) {
        struct fixture fx = {.test = test, .hook.headers = {&header, 1}};
        fx_run(&fx, TRIGGER ", " ECHO_REF("One", "trigger.results.a.0"));
        assert_string_equal(fx_summary(&fx), test ? "one=1;" : "one=null;");
        fx_done(&fx);
    }
}

static void test_how_it_is_retried(void **state)
{
    struct fixture fx = {
        .flow_keys = RETRY, .body = STR("{\"id\": \"o-7\"}"), .hook.content_type = JSON_};
    fx_run(&fx, TRIGGER ", " FAIL);
    assert_int_equal(fx.result.status, RUN_FAILED);
    assert_int_equal(fx.result.retry_max, 3);
    assert_int_equal(fx.result.retry_delay_minutes, 7);
    assert_true(fx.result.retry_exponential);
    assert_string_equal(fx_text(&fx, fx.result.unique_request_id), "o-7");
    fx_done(&fx);
}

static void test_ids_of_requests(void **state)
{
    static const struct {
        const char *body, *id;
    } cases[] = {
        {"{\"id\": 12}", "12"},
        {"{\"id\": {\"a\": 1}}", "{\"a\":1}"},
        {"{\"id\": null}", ""},
        {"{\"id\": \"\"}", ""},
        {"{}", ""},
        {"no json", ""},
        {"", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fixture fx = {
            .flow_keys = RETRY, .body = str_of(cases[i].body), .hook.content_type = JSON_};
        fx_run(&fx, TRIGGER);
        assert_string_equal(fx_text(&fx, fx.result.unique_request_id), cases[i].id);
        fx_done(&fx);
    }
    struct buf body;
    buf_init(&body, 0);
    buf_adds(&body, "{\"id\": \"");
    for (int i = 0; i < 5000; i++) {
        buf_addc(&body, 'x');
    }
    buf_adds(&body, "\"}");
    struct fixture fx = {.flow_keys = RETRY, .body = buf_str(&body), .hook.content_type = JSON_};
    fx_run(&fx, TRIGGER);
    assert_int_equal(fx.result.unique_request_id.len, 64);
    fx_done(&fx);
    buf_done(&body);
}

static void test_no_retry(void **state)
{
    struct fixture cases[] = {{.flow_keys = ""},
                              {.flow_keys = RETRY, .synchronous = true},
                              {.flow_keys = RETRY, .test = true}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        cases[i].reply_to = "reply";
        fx_run(&cases[i], TRIGGER ", " FAIL);
        assert_int_equal(cases[i].result.retry_max, 0);
        assert_int_equal(cases[i].result.unique_request_id.len, 0);
        fx_done(&cases[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_step_is_told),
        cmocka_unit_test(test_others_tell_nothing),
        cmocka_unit_test(test_nothing_that_is_switched_off),
        cmocka_unit_test(test_many_steps_are_told_seldom),
        cmocka_unit_test(test_large_steps_are_told_without_data),
        cmocka_unit_test(test_a_simulated_result),
        cmocka_unit_test(test_how_it_is_retried),
        cmocka_unit_test(test_ids_of_requests),
        cmocka_unit_test(test_no_retry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
