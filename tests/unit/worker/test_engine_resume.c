/* Checkpoints: what is recorded before a write begins, and how a later attempt goes on. "write" and
 * "read" count their calls; each test lets a run be taken over at a certain write. */
#include "engine_fixture.h"

#define PARTS_MAX               50
#define WRITE(name, value)      STEP(name, "test", "write", VALUE("value", value))
#define WRITE_REF(name, path)   STEP(name, "test", "write", REF("value", path))
#define READ_REF(name, path)    STEP(name, "test", "read", REF("value", path))
#define WRITE_ERR(name, config) STEP_MORE(name, "test", "write", VALUE("value", "x"), config)

static struct checkpoint parts[PARTS_MAX];

static void forget(struct fixture *fx)
{
    for (size_t i = 0; i < fx->n_checkpoints; i++) {
        mem_free((void *)(uintptr_t)fx->parts[i].steps.ptr);
        mem_free((void *)(uintptr_t)fx->parts[i].logs.ptr);
    }
}

/* Runs the flow until checkpoint `lost_at` is refused, then once more as the next attempt. Both
 * runs are in their fixtures afterwards; the calls of each are returned. */
static void run_twice(struct fixture *first, struct fixture *second, const char *steps,
                      size_t lost_at, int *ret_first, int *ret_second)
{
    first->parts = second->parts = parts;
    first->parts_max = lost_at;
    second->parts_max = PARTS_MAX;
    second->attempt = 2;
    test_calls = 0;
    fx_run(first, steps);
    *ret_first = test_calls;
    second->n_checkpoints = first->n_checkpoints;
    test_calls = 0;
    fx_run(second, steps);
    *ret_second = test_calls;
}

static void done(struct fixture *first, struct fixture *second)
{
    forget(second);
    fx_done(first);
    fx_done(second);
}

static void test_goes_on(void **state)
{
    struct fixture first = {.body = STR("{}")}, second = {.body = STR("{}")};
    int calls, again;
    run_twice(
        &first, &second,
        TRIGGER "," WRITE("One", "1") "," READ_REF("Look", "one.results") "," ECHO_REF(
            "Same", "look.results") "," WRITE("Two", "2") "," WRITE_REF("Three", "same.results"),
        1, &calls, &again);
    assert_int_equal(calls, 3); /* One, Look, Two; Three's checkpoint was refused */
    assert_int_equal(first.result.status, RUN_FAILED);
    assert_int_equal(again, 2); /* Two, whose end nobody has recorded, and Three */
    assert_int_equal(second.result.status, RUN_SUCCEEDED);
    assert_string_equal(fx_summary(&second),
                        "one=\"1\";look=\"1\";same=\"1\";two=\"2\";three=\"1\";");
    assert_int_equal(second.n_checkpoints, 2);
    assert_int_equal(parts[0].first, 0);
    assert_int_equal(parts[0].n_steps, 4); /* the trigger, One, Look, Same */
    assert_int_equal(parts[1].first, 4);
    assert_int_equal(parts[1].n_steps, 1);
    done(&first, &second);
}

static void test_loops_and_branches(void **state)
{
    const char *steps = TRIGGER "," LOOP(
        "Each", "loopNTimes", VALUE("iterationCount", "3"),
        BRANCH("Kind", "branchOnValue",
               REF("inputValue", "each.index") ", branchValueMappings: {type: complex, value: "
                                               "[{name: Odd, type: value, value: \"1\"}]}",
               ARM("Odd", WRITE("Odd Write", "odd")) "," ARM(
                   "Else", WRITE_REF("Even Write", "each.index")))) "," ECHO_REF("All",
                                                                                 "each.results");
    for (size_t lost_at = 0; lost_at < 3; lost_at++) {
        struct fixture first = {0}, second = {0}, whole = {0};
        int calls, again;
        run_twice(&first, &second, steps, lost_at, &calls, &again);
        test_calls = 0;
        fx_run(&whole, steps);
        assert_int_equal(test_calls, 3);
        assert_string_equal(fx_summary(&second), fx_summary(&whole));
        assert_int_equal(calls, MIN(lost_at + 1, 3));
        assert_int_equal(again, 3 - (int)lost_at);
        fx_done(&whole);
        done(&first, &second);
    }
}

/* A write that failed and whose error was ignored has been tried: it is not tried again. */
static void test_failed_write(void **state)
{
    struct fixture first = {0}, second = {0};
    int calls, again;
    test_write_error = true;
    run_twice(&first, &second,
              TRIGGER "," WRITE_ERR("One", ON_ERROR("ignore", "0", "0", "false")) "," WRITE_ERR(
                  "Two", ON_ERROR("ignore", "0", "0", "false")) "," WRITE("Three", "3"),
              1, &calls, &again);
    test_write_error = false;
    assert_int_equal(calls, 2);
    assert_int_equal(again, 2);
    assert_string_equal(fx_summary(&second), "one!refused;two!refused;three!refused;");
    done(&first, &second);
}

/* Whoever lost the run does nothing more, whatever the steps' error handlers say. */
static void test_lost(void **state)
{
    struct fixture fx = {.parts = parts, .parts_max = 0};
    test_calls = 0;
    fx_run(&fx, TRIGGER "," WRITE("One", "1") "," STEP_MORE(
                    "Two", "test", "write", VALUE("value", "2"),
                    ON_ERROR("retry", "3", "0", "true")) "," WRITE("Three", "3"));
    assert_int_equal(test_calls, 1);
    assert_int_equal(fx.result.status, RUN_FAILED);
    assert_string_equal(fx_text(&fx, fx.result.error), "taken over");
    fx_done(&fx);
}

static void test_switched_off(void **state)
{
    static const struct {
        const char *flow_keys, *steps;
        bool no_results;
    } cases[] = {
        {", recordBeforeWrites: false", TRIGGER "," WRITE("One", "1") "," WRITE("Two", "2"), false},
        {NULL, TRIGGER "," WRITE("One", "1") "," WRITE("Two", "2"), true},
        {NULL, TRIGGER "," WRITE("One", "1") "," READ_REF("Two", "one.results"), false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fixture fx = {.parts = parts,
                             .parts_max = 0, /* one would be refused */
                             .flow_keys = cases[i].flow_keys,
                             .step_results_disabled = cases[i].no_results};
        fx_run(&fx, cases[i].steps);
        assert_int_equal(fx.result.status, RUN_SUCCEEDED);
        fx_done(&fx);
    }
}

/* What is in a trigger's result is masked in the record: later steps see it whole all the same. */
static void test_trigger_and_state(void **state)
{
    const char *steps = TRIGGER "," STEP(
        "Save", "persist-data", "saveExecutionValue",
        VALUE("keyInput", "k") "," VALUE(
            "valueInput",
            "v")) "," WRITE("One",
                            "1") "," WRITE("Two",
                                           "2") "," STEP("Get", "persist-data", "getExecutionValue",
                                                         VALUE("keyInput",
                                                               "k")) "," ECHO_REF("Body",
                                                                                  "trigger.results."
                                                                                  "body."
                                                                                  "data.a");
    struct fixture first = {.body = STR("{\"a\": 5}")}, second = {.body = STR("{\"a\": 5}")};
    first.hook.content_type = second.hook.content_type = STR("application/json");
    int calls, again;
    run_twice(&first, &second, steps, 0, &calls, &again);
    assert_int_equal(again, 2);
    struct fixture third = {.body = first.body, .hook = first.hook, .parts = parts};
    third.n_checkpoints = second.n_checkpoints; /* One is recorded now */
    third.parts_max = PARTS_MAX;
    third.attempt = 3;
    test_calls = 0;
    fx_run(&third, steps);
    assert_int_equal(test_calls, 1);
    assert_string_equal(fx_summary(&third), fx_summary(&second));
    assert_non_null(strstr(fx_summary(&third), "get=\"v\";body=5;"));
    fx_done(&third);
    done(&first, &second);
}

/* The messages of the log in their order, each with a semicolon. */
static const char *messages(struct fixture *fx)
{
    const struct result_log *lines = fx->result.logs.items;
    struct buf b;
    buf_init(&b, 0);
    for (size_t i = 0; i < fx->result.logs.n; i++) {
        assert_true(i == 0 || lines[i - 1].time_ns <= lines[i].time_ns);
        buf_add_str(&b, lines[i].message);
        buf_addc(&b, ';');
    }
    const char *text = arena_strndup(fx->arena, b.len ? b.data : "", b.len);
    buf_done(&b);
    return text;
}

#define SAY(name, text) STEP(name, "test", "log", VALUE("value", text))
#define GOES_ON         "the execution goes on where an earlier attempt ended;"

/* The log shows what an earlier attempt said until its last checkpoint, once, in its own words. */
static void test_log_lines(void **state)
{
    const char *steps = TRIGGER "," SAY("A", "a") "," WRITE("One", "1") "," SAY("B", "b") "," LOOP(
        "Each", "loopNTimes", VALUE("iterationCount", "2"),
        STEP("In", "test", "log", REF("value", "each.index")) "," WRITE("Two", "2")) "," SAY("C",
                                                                                             "c");
    static const char *const want[] = {"a;b;0;" GOES_ON "1;c;", "a;b;0;1;" GOES_ON "c;"};
    for (size_t lost_at = 0; lost_at < 3; lost_at++) {
        struct fixture first = {0}, second = {0};
        int calls, again;
        run_twice(&first, &second, steps, lost_at, &calls, &again);
        if (lost_at == 0) {
            assert_string_equal(messages(&second), "a;b;0;1;c;");
        } else {
            assert_string_equal(messages(&second), want[lost_at - 1]);
        }
        if (lost_at == 1) { /* the first attempt's time, not that of its repetition */
            const struct result_log *was = first.result.logs.items, *is = second.result.logs.items;
            assert_true(was->time_ns == is->time_ns && str_eq(is->step_name, STR("A")));
            /* A third attempt finds the lines of both in their places. */
            struct fixture third = {.parts = parts, .parts_max = PARTS_MAX, .attempt = 3};
            third.n_checkpoints = second.n_checkpoints;
            fx_run(&third, steps);
            assert_string_equal(messages(&third), "a;b;0;" GOES_ON "1;" GOES_ON "c;");
            second.n_checkpoints = third.n_checkpoints;
            fx_done(&third);
        }
        done(&first, &second);
    }
    struct fixture first = {.logs_disabled = true}, second = {.logs_disabled = true};
    int calls, again;
    run_twice(&first, &second, steps, 2, &calls, &again);
    assert_int_equal(second.result.logs.n, 0);
    assert_int_equal(parts[0].logs.len, 0);
    done(&first, &second);
}

/* A record that does not fit the run: no write is done. */
static void test_other_way(void **state)
{
    struct fixture first = {0}, second = {0}, other = {.parts = parts, .parts_max = PARTS_MAX};
    int calls, again;
    run_twice(&first, &second, TRIGGER "," WRITE("One", "1") "," WRITE("Two", "2"), 1, &calls,
              &again);
    other.n_checkpoints = second.n_checkpoints;
    other.attempt = 3;
    test_calls = 0;
    fx_run(&other, TRIGGER "," WRITE("Other", "1") "," WRITE("Two", "2"));
    assert_int_equal(test_calls, 0);
    assert_non_null(strstr(fx_text(&other, other.result.error), "another way"));
    fx_done(&other);

    struct fixture away = {.parts = parts, .parts_away = true, .attempt = 3};
    test_calls = 0;
    fx_run(&away, TRIGGER "," WRITE("One", "1") "," WRITE("Two", "2"));
    assert_int_equal(test_calls, 0);
    assert_string_equal(fx_text(&away, away.result.error), "away");
    fx_done(&away);

    parts[0].first = 7; /* a gap */
    struct fixture gap = {.parts = parts, .n_checkpoints = 1, .attempt = 3};
    fx_run(&gap, TRIGGER "," WRITE("One", "1") "," WRITE("Two", "2"));
    assert_int_equal(gap.result.status, RUN_FAILED);
    fx_done(&gap);
    done(&first, &second);
}

static void test_too_large(void **state)
{
    struct fixture fx = {.parts = parts, .parts_max = PARTS_MAX};
    test_calls = 0;
    fx_run(&fx, TRIGGER "," WRITE("One", "1") "," STEP(
                    "Big", "test", "big", VALUE("value", "20000000")) "," WRITE("Two", "2"));
    assert_int_equal(test_calls, 1);
    assert_non_null(strstr(fx_text(&fx, fx.result.error), "recordBeforeWrites"));
    fx_done(&fx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_goes_on),      cmocka_unit_test(test_loops_and_branches),
        cmocka_unit_test(test_failed_write), cmocka_unit_test(test_lost),
        cmocka_unit_test(test_switched_off), cmocka_unit_test(test_trigger_and_state),
        cmocka_unit_test(test_other_way),    cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_log_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
