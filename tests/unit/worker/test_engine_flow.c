/* Steps, references, branches, loops, error handlers and limits of the run engine. */
#include "engine_fixture.h"

struct flow_case {
    const char *what, *steps, *body, *want; /* want: fx_summary */
    const char *error, *error_step;         /* NULL = succeeds */
};

#define CONDITION(branch, op, path, value)                                                         \
    "{name: '" branch "', type: complex, value: [and, [" op ", {type: reference, value: '" path    \
    "', name: ''}, {type: value, value: '" value "', name: ''}]]}"
#define TWO_ARMS                                                                                   \
    BRANCH(                                                                                        \
        "Pick", "branchOnExpression",                                                              \
        "conditions: {type: complex, value: [" CONDITION(                                          \
            "Big", "greaterThan", "trigger.results.body.data.n",                                   \
            "10") ", " CONDITION("Small", "greaterThan", "trigger.results.body.data.n", "0") "]}", \
        ARM("Big", ECHO_VALUE("A", "big")) ", " ARM("Small", ECHO_VALUE("B", "small")) ", " ARM(   \
            "Else", ECHO_VALUE("C", "else")))                                                      \
    ", " ECHO_REF("After", "pick.results")
#define BY_VALUE                                                                                   \
    BRANCH("Pick", "branchOnValue",                                                                \
           REF("inputValue",                                                                       \
               "trigger.results.body.data.n") ", branchValueMappings: {type: complex, value: "     \
                                              "[{name: One, type: value, value: '1'}, "            \
                                              "{name: Two, type: value, value: '2'}]}",            \
           ARM("One", ECHO_VALUE("A", "one")) ", " ARM("Two", ECHO_VALUE("B", "two")) ", " ARM(    \
               "Else", ""))

static const struct flow_case flow_cases[] = {
    {"a value", TRIGGER ", " ECHO_VALUE("My Step", "x y"), NULL, "myStep=\"x y\";", NULL, NULL},
    {"a reference keeps its type",
     TRIGGER ", " ECHO_REF("A", "trigger.results.body.data.list[1].k"),
     "{\"list\":[0,{\"k\":[true]}]}", "a=[true];", NULL, NULL},
    {"headers in any case", TRIGGER ", " ECHO_REF("A", "trigger.results.headers.x-thing"), NULL,
     "a=\"Yes\";", NULL, NULL},
    {"missing references are undefined",
     TRIGGER ", " ECHO_REF("A", "trigger.results.body.data.no.way.0") ", " STEP(
         "B", "test", "echoDefault", REF("value", "trigger.results.nothing")),
     "{}", "a=null;b=\"fallback\";", NULL, NULL},
    {"an empty value is unset, an empty text from a step is not",
     TRIGGER ", " STEP("A", "test", "echoDefault", VALUE("value", "")) ", " STEP(
         "B", "test", "echoDefault", REF("value", "trigger.results.body.data.e")),
     "{\"e\":\"\"}", "a=\"fallback\";b=\"\";", NULL, NULL},
    {"templates",
     TRIGGER ", " STEP("A", "test", "echo",
                       TEMPLATE("value", "{{#Name}}-{{$trigger.results.body.data}}-{{x}}-"
                                         "{{#Page Size}}{{$trigger.results.none}}")),
     "{\"a\":1}", "a=\"Leat-{\\\"a\\\":1}-{{x}}-50\";", NULL, NULL},
    {"config variables",
     TRIGGER ", " STEP("A", "test", "echo", VAR("value", "Page Size")) ", " STEP(
         "B", "test", "echoDefault", VAR("value", "Name")),
     NULL, "a=50;b=\"Leat\";", NULL, NULL},
    {"lists and key values",
     TRIGGER
     ", " STEP("A", "test", "echo",
               "value: {type: complex, value: [{type: value, value: one}, {type: reference, "
               "value: trigger.results.body.data}]}") ", " STEP("B", "test", "echo",
                                                                "value: {type: complex, value: "
                                                                "[{name: k, type: value, value: "
                                                                "v}, {name: {type: "
                                                                "reference, value: "
                                                                "trigger.results.body.data}, type: "
                                                                "value, value: w}]}"),
     "\"dyn\"",
     "a=[\"one\",\"dyn\"];b=[{\"key\":\"k\",\"value\":\"v\"},{\"key\":\"dyn\",\"value\":\"w\"}];",
     NULL, NULL},
    {"first branch", TRIGGER ", " TWO_ARMS, "{\"n\":11}", "pick=\"Big\";a=\"big\";after=\"Big\";",
     NULL, NULL},
    {"second branch", TRIGGER ", " TWO_ARMS, "{\"n\":5}",
     "pick=\"Small\";b=\"small\";after=\"Small\";", NULL, NULL},
    {"else branch", TRIGGER ", " TWO_ARMS, "{\"n\":0}", "pick=\"Else\";c=\"else\";after=\"Else\";",
     NULL, NULL},
    {"branch on a number's text", TRIGGER ", " BY_VALUE, "{\"n\":2}", "pick=\"Two\";b=\"two\";",
     NULL, NULL},
    {"branch on an unknown value", TRIGGER ", " BY_VALUE, "{\"n\":\"3\"}", "pick=\"Else\";", NULL,
     NULL},
    {"an empty value has its branch",
     TRIGGER ", " BRANCH(
         "Pick", "branchOnValue",
         REF("inputValue", "trigger.results.body.data.n") ", branchValueMappings: {type: "
                                                          "complex, value: [{name: None, type: "
                                                          "value, value: ''}]}",
         ARM("None", ECHO_VALUE("A", "none")) ", " ARM("Else", "")),
     "{\"n\":\"\"}", "pick=\"None\";a=\"none\";", NULL, NULL},
    {"a missing value is not an empty one",
     TRIGGER ", " BRANCH(
         "Pick", "branchOnValue",
         REF("inputValue", "trigger.results.body.data.n") ", branchValueMappings: {type: "
                                                          "complex, value: [{name: None, type: "
                                                          "value, value: ''}]}",
         ARM("None", "") ", " ARM("Else", ECHO_VALUE("A", "else"))),
     "{}", "pick=\"Else\";a=\"else\";", NULL, NULL},
    {"bytes are a file for other steps",
     TRIGGER ", " STEP("File", "test", "binary", "") ", " ECHO_REF(
         "Type", "file.results.contentType") ", " ECHO_REF("Bytes", "file.results."
                                                                    "data"),
     NULL,
     "file={\"data\":\"AP8B\",\"contentType\":\"image/png\"};type=\"image/png\";bytes=\"AP8B\";",
     NULL, NULL},
    {"loop over a list",
     TRIGGER ", " LOOP("Loop", "loopOverItems", REF("items", "trigger.results.body.data"),
                       ECHO_REF("Item", "loop.currentItem") ", " ECHO_REF(
                           "Index", "loop.index")) ", " ECHO_REF("After", "loop.currentItem"),
     "[\"a\",{\"b\":1}]",
     "item@loop.0=\"a\";index@loop.0=0;item@loop.1={\"b\":1};index@loop.1=1;loop=[0,1];after=null;",
     NULL, NULL},
    {"loop over an object",
     TRIGGER ", " LOOP("Loop", "loopOverItems", REF("items", "trigger.results.body.data"),
                       ECHO_REF("Item", "loop.currentItem.value")),
     "{\"x\":1,\"y\":\"z\"}", "item@loop.0=1;item@loop.1=\"z\";loop=[1,\"z\"];", NULL, NULL},
    {"an empty list",
     TRIGGER ", " LOOP("Loop", "loopOverItems", REF("items", "trigger.results.body.data"),
                       ECHO_REF("Item", "loop.currentItem")),
     "[]", "loop=[];", NULL, NULL},
    {"loop n times",
     TRIGGER ", " LOOP("Loop", "loopNTimes", VALUE("iterationCount", "3"),
                       ECHO_REF("Item", "loop.currentItem")),
     NULL, "item@loop.0=0;item@loop.1=1;item@loop.2=2;loop=[0,1,2];", NULL, NULL},
    {"nested loops, inner results",
     TRIGGER ", " LOOP(
         "Outer", "loopNTimes", VALUE("iterationCount", "2"),
         LOOP("Inner", "loopNTimes", VALUE("iterationCount", "2"),
              STEP("Pair", "test", "echo",
                   TEMPLATE("value",
                            "{{$outer.index}}{{$inner.index}}")))) ", " ECHO_REF("Last Pair",
                                                                                 "pair.results"),
     NULL,
     "pair@outer.0,inner.0=\"00\";pair@outer.0,inner.1=\"01\";inner@outer.0=[\"00\",\"01\"];"
     "pair@outer.1,inner.0=\"10\";pair@outer.1,inner.1=\"11\";inner@outer.1=[\"10\",\"11\"];"
     "outer=[[\"00\",\"01\"],[\"10\",\"11\"]];lastPair=\"11\";",
     NULL, NULL},
    {"a branch as the last step gives its name",
     TRIGGER ", " LOOP("Loop", "loopNTimes", VALUE("iterationCount", "1"), BY_VALUE), "{\"n\":1}",
     "pick@loop.0=\"One\";a@loop.0=\"one\";loop=[\"One\"];", NULL, NULL},
    {"the value of the iteration before, and after the loop",
     TRIGGER
     ", " LOOP("Loop", "loopNTimes", VALUE("iterationCount", "3"),
               ECHO_REF("Before", "now.results") ", " STEP(
                   "Now", "test", "echo",
                   TEMPLATE("value", "n{{$loop.index}}"))) ", " ECHO_REF("After", "now.results"),
     NULL,
     "before@loop.0=null;now@loop.0=\"n0\";before@loop.1=\"n0\";now@loop.1=\"n1\";before@loop.2="
     "\"n1\";"
     "now@loop.2=\"n2\";loop=[\"n0\",\"n1\",\"n2\"];after=\"n2\";",
     NULL, NULL},
    {"a step that an iteration passes over keeps its value",
     TRIGGER ", " LOOP(
         "Loop", "loopNTimes", VALUE("iterationCount", "3"),
         BRANCH("Pick", "branchOnValue",
                REF("inputValue", "loop.index") ", branchValueMappings: {type: complex, value: "
                                                "[{name: Zero, type: value, value: '0'}]}",
                ARM("Zero", ECHO_VALUE("Made", "x")) ", " ARM(
                    "Else", "")) ", " ECHO_REF("Seen", "made.results")),
     NULL,
     "pick@loop.0=\"Zero\";made@loop.0=\"x\";seen@loop.0=\"x\";pick@loop.1=\"Else\";"
     "seen@loop.1=\"x\";pick@loop.2=\"Else\";seen@loop.2=\"x\";loop=[\"x\",\"x\",\"x\"];",
     NULL, NULL},
    {"an alias of the iteration before",
     TRIGGER ", " LOOP(
         "Loop", "loopNTimes", VALUE("iterationCount", "4"),
         STEP("Kept", "test", "last", "value: {type: complex, value: [{type: reference, value: made.results}]}") ", " STEP(
             "Made", "test", "echo",
             TEMPLATE(
                 "value",
                 "text {{$loop.index}}")) ", " ECHO_REF("Seen",
                                                        "kept.results")) ", " ECHO_REF("End",
                                                                                       "kept."
                                                                                       "results"),
     NULL,
     "kept@loop.0=null;made@loop.0=\"text 0\";seen@loop.0=null;kept@loop.1=\"text 0\";"
     "made@loop.1=\"text 1\";seen@loop.1=\"text 0\";kept@loop.2=\"text 1\";made@loop.2=\"text 2\";"
     "seen@loop.2=\"text 1\";kept@loop.3=\"text 2\";made@loop.3=\"text 3\";seen@loop.3=\"text 2\";"
     "loop=[null,\"text 0\",\"text 1\",\"text 2\"];end=\"text 2\";",
     NULL, NULL},
    {"break leaves the inner loop only",
     TRIGGER
     ", " LOOP("Outer", "loopNTimes", VALUE("iterationCount", "2"),
               LOOP("Inner", "loopNTimes", VALUE("iterationCount", "5"),
                    ECHO_REF("I", "inner.index") ", " BRANCH(
                        "Pick", "branchOnValue",
                        REF("inputValue", "inner.index") ", branchValueMappings: {type: complex, "
                                                         "value: [{name: Stop, type: "
                                                         "value, value: '1'}]}",
                        ARM("Stop", STEP("Break", "loop", "breakLoop", "")) ", " ARM("Else", "")))),
     NULL,
     "i@outer.0,inner.0=0;pick@outer.0,inner.0=\"Else\";i@outer.0,inner.1=1;"
     "pick@outer.0,inner.1=\"Stop\";break@outer.0,inner.1=null;inner@outer.0=[\"Else\"];"
     "i@outer.1,inner.0=0;pick@outer.1,inner.0=\"Else\";i@outer.1,inner.1=1;"
     "pick@outer.1,inner.1=\"Stop\";break@outer.1,inner.1=null;inner@outer.1=[\"Else\"];"
     "outer=[[\"Else\"],[\"Else\"]];",
     NULL, NULL},
    {"stop inside a loop ends well",
     TRIGGER ", " LOOP("Loop", "loopNTimes", VALUE("iterationCount", "3"),
                       STEP("Stop", "stop-execution", "stopExecution",
                            VALUE("jsonBody", "bye"))) ", " ECHO_VALUE("Never", "x"),
     NULL, "stop@loop.0=\"bye\";loop=[];", NULL, NULL},
    {"a failing step ends badly",
     TRIGGER ", " STEP("Bad One", "test", "fail", "") ", " ECHO_VALUE("Never", "x"), NULL,
     "badOne!it broke on purpose;", "it broke on purpose", "Bad One"},
    {"a failing step in a loop",
     TRIGGER
     ", " LOOP("Loop", "loopNTimes", VALUE("iterationCount", "3"), STEP("Bad", "test", "fail", "")),
     NULL, "bad@loop.0!it broke on purpose;loop!a step of the loop failed;", "it broke on purpose",
     "Bad"},
    {"an ignored error",
     TRIGGER
     ", " STEP_MORE("Bad", "test", "fail", "",
                    ON_ERROR("ignore", "0", "0", "false")) ", " ECHO_REF("After", "bad.results"),
     NULL, "bad!it broke on purpose;after=null;", NULL, NULL},
    {"an ignored error in a loop does not stop it",
     TRIGGER ", " LOOP("Loop", "loopNTimes", VALUE("iterationCount", "2"),
                       STEP_MORE("Bad", "test", "fail", "", ON_ERROR("ignore", "0", "0", "false"))),
     NULL, "bad@loop.0!it broke on purpose;bad@loop.1!it broke on purpose;loop=[null,null];", NULL,
     NULL},
    {"a final error that is ignored",
     TRIGGER ", " STEP_MORE("Bad", "test", "fail", "",
                            ON_ERROR("retry", "2", "0", "true")) ", " ECHO_VALUE("After", "ok"),
     NULL, "bad!it broke on purpose;after=\"ok\";", NULL, NULL},
    {"a component that is not here", TRIGGER ", " STEP("Post", "slack", "postMessage", ""), NULL,
     "post!component \"slack\" is not available on this worker;",
     "component \"slack\" is not available on this worker", "Post"},
    {"an action that is not here", TRIGGER ", " STEP("X", "loop", "loopForever", ""), NULL,
     "x!component \"loop\" has no action \"loopForever\" on this worker;",
     "component \"loop\" has no action \"loopForever\" on this worker", "X"},
    {"a trigger with branches",
     STEP_MORE("Trigger", "test", "routed", "",
               ", isTrigger: true, branches: [" ARM("First", ECHO_VALUE("A", "1")) ", " ARM(
                   "Second", ECHO_VALUE("B", "2")) "]") ", " ECHO_VALUE("C", "3"),
     NULL, "b=\"2\";c=\"3\";", NULL, NULL},
    {"selecting the branch that ran",
     TRIGGER ", " BY_VALUE ", " STEP(
         "Sel", "branch", "selectExecutedStepResult",
         "stepResults: {type: complex, value: [{type: reference, value: a.results}, {type: "
         "reference, value: b.results}]}"),
     "{\"n\":2}", "pick=\"Two\";b=\"two\";sel=\"two\";", NULL, NULL},
};

static void test_flows(void **state)
{
    static const struct wire_pair headers[] = {{{"X-Thing", 7}, {"Yes", 3}}};
    for (size_t i = 0; i < ARRAY_LEN(flow_cases); i++) {
        const struct flow_case *c = &flow_cases[i];
        struct fixture fx = {.config = "{\"Name\":\"Leat\",\"Page Size\":50}",
                             .body = str_of(c->body ? c->body : ""),
                             .hook = {.content_type = STR("application/json; charset=utf-8"),
                                      .headers = {.items = (struct wire_pair *)headers, .n = 1}}};
        fx_run(&fx, c->steps);
        const char *got = fx_summary(&fx);
        if (strcmp(got, c->want) != 0) {
            fail_msg("%s:\n got %s\nwant %s\nerror %s", c->what, got, c->want,
                     fx_text(&fx, fx.result.error));
        }
        assert_int_equal(fx.result.status, c->error ? RUN_FAILED : RUN_SUCCEEDED);
        assert_string_equal(fx_text(&fx, fx.result.error), c->error ? c->error : "");
        assert_string_equal(fx_text(&fx, fx.result.error_step), c->error_step ? c->error_step : "");
        assert_string_equal(fx_text(&fx, fx.result.result_type), c->error ? "ERROR" : "COMPLETED");
        assert_true(uuid_eq(&fx.result.execution_id, &fx_id));
        assert_true(fx.result.started_ns > 0 && fx.result.ended_ns >= fx.result.started_ns);
        fx_done(&fx);
    }
}

static void test_loop_refuses_what_is_no_list(void **state)
{
    static const char *const bodies[] = {"5", "\"text\"", "null", "true"};
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        struct fixture fx = {.body = str_of(bodies[i]),
                             .hook = {.content_type = STR("application/json")}};
        fx_run(&fx,
               TRIGGER ", " LOOP("Loop", "loopOverItems", REF("items", "trigger.results.body.data"),
                                 ECHO_VALUE("X", "x")));
        assert_int_equal(fx.result.status, RUN_FAILED);
        assert_non_null(strstr(fx_text(&fx, fx.result.error), "list"));
        fx_done(&fx);
    }
}

static void test_retry(void **state)
{
    struct fixture fx = {0};
    test_failures = 2;
    test_calls = 0;
    fx_run(&fx, TRIGGER
           ", " STEP_MORE("Try", "test", "flaky", "", ON_ERROR("retry", "3", "0", "false")));
    assert_int_equal(fx.result.status, RUN_SUCCEEDED);
    assert_int_equal(test_calls, 3);
    assert_int_equal(fx.steps[1].attempts, 3);
    assert_string_equal(fx_summary(&fx), "try=\"at last\";");
    fx_done(&fx);

    fx = (struct fixture){0};
    test_failures = 9;
    test_calls = 0;
    fx_run(&fx, TRIGGER
           ", " STEP_MORE("Try", "test", "flaky", "", ON_ERROR("retry", "2", "0", "false")));
    assert_int_equal(fx.result.status, RUN_FAILED);
    assert_int_equal(test_calls, 3);
    fx_done(&fx);
}

/* Each wait is twice the one before. */
static void test_retry_backs_off(void **state)
{
    struct fixture fx = {0};
    test_failures = 2;
    test_calls = 0;
    int64_t before = clock_mono_ns();
    fx_run(&fx, TRIGGER
           ", " STEP_MORE("Try", "test", "flaky", "",
                          ", errorConfig: {errorHandlerType: retry, maxAttempts: 2, delaySeconds: "
                          "1, usesExponentialBackoff: true, ignoreFinalError: false}"));
    int64_t took = clock_mono_ns() - before;
    assert_int_equal(fx.result.status, RUN_SUCCEEDED);
    assert_int_equal(test_calls, 3);
    assert_true(took >= 3 * NS_PER_SEC && took < 30 * NS_PER_SEC);
    fx_done(&fx);
}

static void test_poll_without_changes(void **state)
{
    struct fixture fx = {0};
    fx_run(&fx, STEP_MORE("Trigger", "test", "noChange", "",
                          ", isTrigger: true") ", " ECHO_VALUE("Never", "x"));
    assert_int_equal(fx.result.status, RUN_SUCCEEDED);
    assert_string_equal(fx_text(&fx, fx.result.result_type), "POLLED_NO_CHANGES");
    assert_int_equal(fx.n_steps, 1);
    fx_done(&fx);
}

static void test_deadline(void **state)
{
    struct fixture fx = {.run_ms = 60};
    fx_run(&fx, TRIGGER
           ", " LOOP("Loop", "loopNTimes", VALUE("iterationCount", "1000"),
                     STEP_MORE("W", "test", "wait", "", ON_ERROR("ignore", "0", "0", "false"))));
    assert_int_equal(fx.result.status, RUN_FAILED);
    assert_string_equal(fx_text(&fx, fx.result.error),
                        "the execution ran longer than the maximum of 60 ms");
    fx_done(&fx);

    fx = (struct fixture){.run_ms = 60}; /* whatever a step says that was cut off */
    fx_run(&fx,
           TRIGGER ", " STEP_MORE("H", "test", "hang", "", ON_ERROR("ignore", "0", "0", "false")));
    assert_int_equal(fx.result.status, RUN_FAILED);
    assert_string_equal(fx_text(&fx, fx.result.error),
                        "the execution ran longer than the maximum of 60 ms");
    assert_string_equal(fx_text(&fx, ((struct result_log *)fx.result.logs.items)[0].message),
                        "nobody answered");
    fx_done(&fx);

    fx = (struct fixture){.run_ms =
                              200}; /* a retry that would wait past the end is not waited for */
    int64_t before = clock_mono_ns();
    fx_run(&fx,
           TRIGGER ", " STEP_MORE("F", "test", "fail", "", ON_ERROR("retry", "5", "60", "false")));
    assert_int_equal(fx.result.status, RUN_FAILED);
    assert_true(clock_mono_ns() - before < 5 * NS_PER_SEC);
    fx_done(&fx);
}

static void test_long_loop_is_bounded(void **state)
{
    struct fixture fx = {0};
    fx_run(&fx, TRIGGER
           ", " LOOP("Loop", "loopNTimes", VALUE("iterationCount", "20000"),
                     STEP("Big", "test", "big", VALUE("value", "30000")) ", " ECHO_REF(
                         "Small", "loop.index")) ", " ECHO_REF("Last", "loop.results.19999"));
    assert_int_equal(fx.result.status, RUN_SUCCEEDED); /* 600 MB were made */
    assert_int_equal(fx.n_steps, RUN_STEP_RESULTS_MAX);
    assert_int_equal(fx.result.logs.n, 1); /* how many were left out */
    fx_done(&fx);
}

/* What a hundred thousand iterations keep is their results, not what they made. */
static void test_hundred_thousand_iterations(void **state)
{
    struct fixture fx = {.debug = true};
    fx_run(
        &fx,
        TRIGGER ", " LOOP(
            "Loop", "loopNTimes", VALUE("iterationCount", "100000"),
            STEP(
                "Text", "test", "echo",
                TEMPLATE(
                    "value",
                    "item {{$loop.index}} of many")) ", " ECHO_REF("Seen",
                                                                   "loop.index")) ", " ECHO_REF("La"
                                                                                                "s"
                                                                                                "t",
                                                                                                "lo"
                                                                                                "op"
                                                                                                ".r"
                                                                                                "es"
                                                                                                "ul"
                                                                                                "ts"
                                                                                                ".9"
                                                                                                "99"
                                                                                                "9"
                                                                                                "9"));
    assert_string_equal(fx_text(&fx, fx.result.error), "");
    assert_int_equal(fx.n_steps, RUN_STEP_RESULTS_MAX);
    fx_done(&fx);
}

/* The usual way to gather: each iteration's result is all so far, but nobody asks for these. */
static void test_gathering_in_a_loop(void **state)
{
    struct fixture fx = {0};
    fx_run(
        &fx,
        TRIGGER ", " LOOP(
            "Outer", "loopNTimes", VALUE("iterationCount", "2"),
            LOOP(
                "Loop", "loopNTimes", VALUE("iterationCount", "5000"),
                STEP("Add", "persist-data", "appendExecutionValueToList",
                     VALUE("keyInput", "list") ", " REF(
                         "valueInput",
                         "loop.index")))) ", " STEP("All", "persist-data", "getExecutionValue",
                                                    VALUE(
                                                        "keyInput",
                                                        "list")) ", " ECHO_REF("Last",
                                                                               "all.results.9999"));
    assert_string_equal(fx_text(&fx, fx.result.error), "");
    fx_done(&fx);
}

static void test_memory_limit(void **state)
{
#define BIG_LOOP                                                                                   \
    LOOP("Loop", "loopNTimes", VALUE("iterationCount", "100"),                                     \
         STEP("Big", "test", "big", VALUE("value", "10000000")))
    struct fixture fx = {0};
    fx_run(&fx, TRIGGER ", " BIG_LOOP ", " ECHO_REF("First", "loop.results.0"));
    assert_int_equal(fx.result.status, RUN_FAILED);
    assert_non_null(strstr(fx_text(&fx, fx.result.error), "more than the maximum of 256 MiB"));
    assert_true(fx.encoded.len < RUN_RESULT_MAX + KIB(64));
    fx_done(&fx);

    fx = (struct fixture){0}; /* results that nobody refers to are left out */
    fx_run(&fx, TRIGGER ", " BIG_LOOP ", " ECHO_REF("Last", "big.results"));
    assert_string_equal(fx_text(&fx, fx.result.error), "");
    assert_true(fx.steps[fx.n_steps - 2].skipped_data);
    assert_string_equal(fx_text(&fx, fx.steps[fx.n_steps - 2].key), "loop");
    fx_done(&fx);

    fx = (struct fixture){.synchronous = true, .reply_to = "r"}; /* a caller waits for them */
    fx_run(&fx, TRIGGER ", " BIG_LOOP);
    assert_int_equal(fx.result.status, RUN_FAILED);
    fx_done(&fx);
}

static void test_large_results_are_left_out(void **state)
{
    struct fixture fx = {0};
    fx_run(&fx, TRIGGER
           ", " STEP("A", "test", "big", VALUE("value", "9000000")) ", " ECHO_VALUE("B", "small"));
    assert_int_equal(fx.result.status, RUN_SUCCEEDED);
    assert_true(fx.encoded.len < RUN_RESULT_MAX);
    assert_int_equal(fx.n_steps, 3);
    assert_true(fx.steps[1].skipped_data);
    assert_false(fx.steps[2].skipped_data);
    assert_string_equal(fx_dump(&fx, fx_data(&fx, &fx.steps[2])), "{\"data\":\"small\"}");
    fx_done(&fx);
}

static void test_logs(void **state)
{
    struct buf steps;
    buf_init(&steps, 0);
    buf_adds(&steps,
             TRIGGER ", {name: L, description: '', action: {key: log, component: {key: test, "
                     "version: LATEST, isPublic: true}}, inputs: {value: {type: value, value: '");
    for (int i = 0; i < 5000; i++) {
        buf_adds(&steps, "\xc3\xa4");
    }
    buf_adds(&steps, "x'}}}");
    struct fixture fx = {0};
    fx_run(&fx, buf_str(&steps).ptr);
    assert_int_equal(fx.result.status, RUN_SUCCEEDED);
    const struct result_log *logs = fx.result.logs.items;
    assert_int_equal(fx.result.logs.n, 1);
    assert_int_equal(logs[0].message.len, 8192); /* 4,096 characters */
    assert_int_equal(logs[0].level, LINE_INFO);
    assert_string_equal(fx_text(&fx, logs[0].step_name), "L");
    fx_done(&fx);
    fx = (struct fixture){.logs_disabled = true, .step_results_disabled = true};
    fx_run(&fx, buf_str(&steps).ptr);
    assert_int_equal(fx.result.logs.n, 0);
    assert_int_equal(fx.n_steps, 0);
    fx_done(&fx);
    buf_done(&steps);
}

static void test_log_lines_are_bounded(void **state)
{
    struct fixture fx = {0};
    fx_run(&fx, TRIGGER ", " LOOP("Loop", "loopNTimes", VALUE("iterationCount", "12000"),
                                  STEP("L", "test", "log", VALUE("value", "line"))));
    assert_int_equal(fx.result.status, RUN_SUCCEEDED);
    assert_int_equal(fx.result.logs.n, RUN_LOG_LINES_MAX);
    fx_done(&fx);
}

static void test_keys_are_deterministic(void **state)
{
    static const char steps[] =
        TRIGGER ", " LOOP("Loop", "loopNTimes", VALUE("iterationCount", "2"),
                          STEP("K", "test", "keys", "")) ", " STEP("K2", "test", "keys", "");
    const char *first[3];
    struct fixture fx[2];
    for (int round = 0; round < 2; round++) {
        fx[round] = (struct fixture){.traceparent =
                                         "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"};
        fx_run(&fx[round], steps);
        for (int i = 0; i < 3; i++) {
            static const int at[] = {1, 2, 4};
            struct json v = json_get(fx_data(&fx[round], &fx[round].steps[at[i]]), STR("data"));
            const char *key = fx_text(&fx[round], json_as_str(json_get(v, STR("key"))));
            const char *trace = fx_text(&fx[round], json_as_str(json_get(v, STR("trace"))));
            assert_int_equal(strlen(key), 36);
            assert_int_equal(strlen(trace), 55);
            assert_memory_equal(trace, "00-0af7651916cd43dd8448eb211c80319c-", 36);
            assert_string_not_equal(trace + 36, "b7ad6b7169203331-01");
            assert_string_equal(trace + 52, "-01");
            if (round) {
                assert_string_equal(key, first[i]);
            } else {
                first[i] = key;
            }
        }
    }
    assert_string_not_equal(first[0], first[1]);
    assert_string_not_equal(first[0], first[2]);
    fx_done(&fx[0]);
    fx_done(&fx[1]);
}

static void test_without_an_instance(void **state)
{
    struct fixture fx = {.arena = arena_new(0, 0), .reply_to = "r", .synchronous = true};
    struct engine_memory *memory = engine_memory_new();
    struct engine_env env = {.ctx = &fx, .reply = fx_reply};
    struct err why = {.message = "the instance is gone"};
    struct run_request request = {
        .execution_id = fx_id, .attempt = 1, .reply_to = STR("r"), .synchronous = true};
    buf_init(&fx.encoded, 0);
    buf_init(&fx.reply_bytes, 0);
    engine_run(memory, &env, &request, NULL, &why, &fx.encoded);
    fx_decode(&fx);
    assert_int_equal(fx.result.status, RUN_FAILED);
    assert_string_equal(fx_text(&fx, fx.result.error), "the instance is gone");
    assert_int_equal(fx.reply.status_code, 500);
    engine_memory_free(memory);
    fx_done(&fx);
}

static void test_unknown_flow_and_bad_request(void **state)
{
    struct fixture fx = {0};
    struct instance *instance = fx_instance(&fx, TRIGGER);
    struct engine_memory *memory = engine_memory_new();
    struct engine_env env = {.ctx = &fx, .reply = fx_reply};
    struct run_request request = {
        .execution_id = fx_id, .flow_config_id = fx_id, .flow_name = STR("Other")};
    struct buf out;
    buf_init(&out, 0);
    fx.arena = arena_new(0, 0);
    struct buf hook;
    buf_init(&hook, 0);
    hook_request_encode(&fx.hook, &hook);
    request.request = buf_str(&hook);
    engine_run(memory, &env, &request, instance, NULL, &out);
    struct run_result result;
    assert_int_equal(wire_decode(&run_result_message, fx.arena, buf_str(&out), &result, NULL), 0);
    assert_int_equal(result.status, RUN_FAILED);
    assert_non_null(strstr(fx_text(&fx, result.error), "no flow \"Other\""));
    buf_clear(&out);
    request.flow_name = STR("Main");
    request.request = STR("\xff\xff\xff");
    engine_run(memory, &env, &request, instance, NULL, &out);
    assert_int_equal(wire_decode(&run_result_message, fx.arena, buf_str(&out), &result, NULL), 0);
    assert_int_equal(result.status, RUN_FAILED);
    buf_done(&out);
    buf_done(&hook);
    engine_memory_free(memory);
    instance_unref(instance);
    arena_free(fx.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flows),
        cmocka_unit_test(test_loop_refuses_what_is_no_list),
        cmocka_unit_test(test_retry),
        cmocka_unit_test(test_retry_backs_off),
        cmocka_unit_test(test_poll_without_changes),
        cmocka_unit_test(test_deadline),
        cmocka_unit_test(test_long_loop_is_bounded),
        cmocka_unit_test(test_hundred_thousand_iterations),
        cmocka_unit_test(test_gathering_in_a_loop),
        cmocka_unit_test(test_memory_limit),
        cmocka_unit_test(test_large_results_are_left_out),
        cmocka_unit_test(test_logs),
        cmocka_unit_test(test_log_lines_are_bounded),
        cmocka_unit_test(test_keys_are_deterministic),
        cmocka_unit_test(test_without_an_instance),
        cmocka_unit_test(test_unknown_flow_and_bad_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
