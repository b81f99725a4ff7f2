/* Large values in runs: references, loops, retries and templates; all are given back. */
#include "engine_fixture.h"

#define TIMES(n)             VALUE("iterationCount", n)
#define LARGE(name)          STEP(name, "test", "large", VALUE("value", "2097152"))
#define HEAD_OF(name, path)  STEP(name, "test", "head", REF("value", path))
#define LAST_OF(name, path)  STEP(name, "test", "last", REF("value", path))
#define RETRIED(name, times) STEP_MORE(name, "test", "large", VALUE("value", "2097152"), times)

struct spill_case {
    const char *what, *steps;
    int disk_mb, failures;
    const char *want;  /* of the steps named Head, in order */
    const char *error; /* NULL = succeeds */
};

static const struct spill_case cases[] = {
    {"a reference", TRIGGER ", " LARGE("Large") ", " HEAD_OF("Head", "large.results"), 5, 0,
     "000/2097152 ", NULL},
    {"its data alone", TRIGGER ", " LARGE("Large") ", " HEAD_OF("Head", "large.results.data"), 5, 0,
     "000/2097152 ", NULL},
    {"iterations give back what nobody refers to",
     TRIGGER ", " LOOP("Loop", "loopNTimes", TIMES("6"),
                       LARGE("Large") ", " HEAD_OF("Head", "large.results")),
     5, 0, "000/2097152 001/2097152 002/2097152 003/2097152 004/2097152 005/2097152 ", NULL},
    {"the next iteration reads what the last one made",
     TRIGGER ", " LOOP("Loop", "loopNTimes", TIMES("4"),
                       HEAD_OF("Head", "large.results") ", " LARGE("Large")),
     7, 0, "/0 000/2097152 001/2097152 002/2097152 ", NULL},
    {"a step after the loop reads it",
     TRIGGER ", " LOOP("Loop", "loopNTimes", TIMES("4"),
                       LARGE("Large")) ", " HEAD_OF("Head", "large.results"),
     9, 0, "003/2097152 ", NULL},
    {"the loop's results are kept",
     TRIGGER ", " LOOP("Loop", "loopNTimes", TIMES("3"), LARGE("Large")) ", " LAST_OF(
         "Last", "loop.results") ", " HEAD_OF("Head", "last.results"),
     9, 0, "002/2097152 ", NULL},
    {"of nested loops, too",
     TRIGGER ", " LOOP(
         "Outer", "loopNTimes", TIMES("2"),
         LOOP("Inner", "loopNTimes", TIMES("2"), LARGE("Large")) ", " LAST_OF(
             "Pick", "inner.results")) ", " LAST_OF("Last",
                                                    "outer.results") ", " HEAD_OF("Head",
                                                                                  "last.results"),
     9, 0, "003/2097152 ", NULL},
    {"what a nested loop has made is given back by the outer one",
     TRIGGER ", " LOOP("Outer", "loopNTimes", TIMES("4"),
                       LOOP("Inner", "loopNTimes", TIMES("1"), LARGE("Large")) ", " LAST_OF(
                           "Pick", "inner.results") ", " HEAD_OF("Head", "pick."
                                                                         "results")),
     5, 0, "000/2097152 001/2097152 002/2097152 003/2097152 ", NULL},
    {"failed attempts give back theirs",
     TRIGGER ", " RETRIED("Large", ON_ERROR("retry", "4", "0", "false")) ", " HEAD_OF(
         "Head", "large.results"),
     3, 4, "004/2097152 ", NULL},
    {"more than the worker may hold",
     TRIGGER ", " LARGE("Large") ", " LARGE("More") ", " HEAD_OF("Head", "large.results"), 3, 0, "",
     "would hold more than 3 MB of files"},
    {"a text of a template",
     TRIGGER ", " STEP("Large", "test", "large", VALUE("value", "70000000")) ", " STEP(
         "A", "test", "echo", TEMPLATE("value", "x{{$large.results.data}}")),
     100, 0, "", "input \"Value\": the text of a template is over 67108864 bytes"},
};

static void large_values(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct spill_case *c = &cases[i];
        struct fixture fx = {0};
        struct err err = {0};
        struct buf heads;
        buf_init(&heads, 0);
        test_calls = 0;
        test_failures = c->failures;
        assert_int_equal(spill_disk_new(&fx.spill_disk, "", (uint64_t)c->disk_mb * MIB(1), &err),
                         0);
        fx_run(&fx, c->steps);
        for (size_t s = 0; s < fx.n_steps; s++) {
            if (str_eq(fx.steps[s].name, STR("Head"))) {
                buf_add_str(&heads, json_as_str(json_get(fx_data(&fx, &fx.steps[s]), STR("data"))));
                buf_addc(&heads, ' ');
            }
        }
        const char *error = fx_text(&fx, fx.result.error);
        if (c->error ? !strstr(error, c->error) : error[0] != '\0') {
            fail_msg("%s: %s", c->what, error);
        }
        if (!str_eq(buf_str(&heads), str_of(c->want))) {
            fail_msg("%s: %s", c->what, heads.data);
        }
        assert_int_equal(spill_disk_used(fx.spill_disk), 0);
        spill_disk_free(fx.spill_disk);
        buf_done(&heads);
        fx_done(&fx);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(large_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
