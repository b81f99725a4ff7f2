/* Results too large for a message: what is stored apart, what is left out, and how a run that is
 * taken over gets them back. */
#include "engine_fixture.h"

#define BIG(name, size) STEP(name, "test", "big", VALUE("value", size))
#define WRITE(name)     STEP(name, "test", "write", VALUE("value", "x"))

static void forget(struct fx_values *all)
{
    for (size_t i = 0; i < all->n; i++) {
        buf_done(&all->items[i].bytes);
    }
}

static size_t index_of(const struct fx_values *all, const struct uuid *id)
{
    for (size_t i = 0; i < all->n; i++) {
        if (uuid_eq(&all->items[i].id, id)) {
            return i;
        }
    }
    fail_msg("a step names a value that was not stored");
    return 0;
}

static struct json data_of(struct fixture *fx, const struct step_result *s)
{
    struct json v;
    size_t used;
    const struct buf *b = &fx->values->items[index_of(fx->values, &s->value_id)].bytes;
    assert_int_equal(b->len, s->value_size);
    assert_int_equal(msgpack_read(fx->arena, buf_str(b), &v, &used, NULL), 0);
    assert_int_equal(used, b->len);
    return json_get(v, STR("data"));
}

static void test_stored_apart(void **state)
{
    struct fx_values all = {0};
    struct fixture fx = {.values = &all};
    fx_run(&fx, TRIGGER "," BIG("Large", "3000000") "," BIG("Small", "900000") "," STEP(
                    "Two", "collection-tools", "createObject",
                    "keyValueInput: {type: complex, value: [{name: a, type: reference, value: "
                    "large.results}, {name: b, type: reference, value: small.results}]}"));
    assert_int_equal(fx.result.status, RUN_SUCCEEDED);
    assert_int_equal(all.n, 2);
    assert_int_equal(fx.result.values.n, 2);
    const struct step_result *large = &fx.steps[1], *small = &fx.steps[2], *two = &fx.steps[3];
    assert_false(large->skipped_data || small->skipped_data || two->skipped_data);
    assert_int_equal(large->data.len, 0);
    assert_true(uuid_is_nil(&small->value_id));
    struct json text = data_of(&fx, large), both = data_of(&fx, two);
    assert_int_equal(text.len, 3000000);
    assert_true(json_equal(json_get(both, STR("a")), text));
    assert_true(json_equal(json_get(both, STR("b")), json_get(fx_data(&fx, small), STR("data"))));
    /* One run of bytes can be had without what is around it, two cannot. */
    assert_int_equal(all.items[0].raw_size, 3000000);
    assert_memory_equal(all.items[0].bytes.data + all.items[0].raw_at, text.str, 3000000);
    assert_string_equal(all.items[0].type, "text/plain; charset=utf-8");
    assert_int_equal(all.items[1].raw_size, 0);
    fx_done(&fx);
    forget(&all);
}

/* Many that are small, but together more than the message holds. */
static void test_the_rest_is_stored_at_the_end(void **state)
{
    struct fx_values all = {0};
    struct fixture fx = {.values = &all};
    fx_run(&fx, TRIGGER
           "," LOOP("Each", "loopNTimes", VALUE("iterationCount", "10"), BIG("Large", "800000")));
    assert_true(all.n >= 2);
    assert_int_equal(fx.result.values.n, all.n);
    for (size_t i = 0; i < fx.n_steps; i++) {
        assert_false(fx.steps[i].skipped_data && i < fx.n_steps - 1);
        if (!uuid_is_nil(&fx.steps[i].value_id) && i < fx.n_steps - 1) {
            assert_int_equal(data_of(&fx, &fx.steps[i]).len, 800000);
        }
    }
    fx_done(&fx);
    forget(&all);
}

static void test_cannot_be_stored(void **state)
{
    struct fx_values all = {.rc = -ETIMEDOUT, .code = "value.unreachable"};
    struct fixture fx = {.values = &all};
    fx_run(&fx, TRIGGER "," BIG("Huge", "9000000") "," BIG("Again", "9000000") "," BIG(
                    "Large", "2000000") "," ECHO_VALUE("Small", "x"));
    assert_int_equal(fx.result.status, RUN_SUCCEEDED); /* never a reason to fail */
    assert_int_equal(fx.result.values.n, 0);
    assert_true(fx.steps[1].skipped_data && fx.steps[2].skipped_data);
    assert_true(fx.steps[3].data.len > 2000000); /* the message has room for it */
    assert_int_equal(fx.result.logs.n, 2);
    const struct result_log *log = fx.result.logs.items;
    assert_int_equal(log->level, LINE_WARN);
    assert_string_equal(fx_text(&fx, log->message), "the result is left out: value.unreachable");
    assert_string_equal(fx_text(&fx, log->step_name), "Huge");
    fx_done(&fx);
}

static void test_answers(void **state)
{
    struct fx_values all = {0};
    struct fixture fx = {.values = &all, .synchronous = true, .reply_to = "r"};
    fx_run(&fx, TRIGGER "," BIG("Large", "6000000"));
    assert_int_equal(all.n, 1); /* the step's result and the answer are the same bytes */
    assert_true(uuid_eq(&fx.reply.value_id, &fx.steps[1].value_id));
    assert_int_equal(fx.reply.body.len, 0);
    assert_int_equal(fx.reply.status_code, 200);
    fx_done(&fx);
    forget(&all);

    struct fx_values other = {0};
    struct fixture none = {
        .values = &other, .synchronous = true, .reply_to = "r", .step_results_disabled = true};
    fx_run(&none, TRIGGER "," BIG("Large", "6000000"));
    assert_int_equal(other.n, 1);
    assert_true(uuid_eq(&none.reply.value_id, &other.items[0].id));
    assert_int_equal(other.items[0].raw_size, 6000000);
    assert_int_equal(none.result.values.n, 1);
    fx_done(&none);
    forget(&other);

    struct fx_values full = {.rc = -EFBIG, .code = "value.full"};
    struct fixture fails = {.values = &full, .synchronous = true, .reply_to = "r"};
    fx_run(&fails, TRIGGER "," BIG("Large", "6000000"));
    assert_int_equal(fails.reply.status_code, 500);
    assert_true(uuid_is_nil(&fails.reply.value_id));
    assert_non_null(strstr(fx_text(&fails, fails.reply.body), "value.full"));
    fx_done(&fails);
}

/* The checkpoint names the value; the later attempt reads it and names it again. */
static void test_taken_over(void **state)
{
    static struct checkpoint parts[5];
    struct fx_values all = {0};
    struct fixture first = {.values = &all, .parts = parts, .parts_max = 1};
    struct fixture second = {.values = &all, .parts = parts, .parts_max = 5, .attempt = 2};
    const char *steps = TRIGGER "," BIG("Large", "20000000") "," STEP(
        "One", "test", "write", REF("value", "large.results")) "," WRITE("Two") "," WRITE("Three");
    test_calls = 0;
    fx_run(&first, steps);
    assert_int_equal(first.result.status, RUN_FAILED); /* lost before Three */
    assert_int_equal(all.n, 2);
    assert_true(parts[0].steps.len < KIB(64));
    second.n_checkpoints = first.n_checkpoints;
    test_calls = 0;
    fx_run(&second, steps);
    assert_int_equal(second.result.status, RUN_SUCCEEDED);
    assert_int_equal(test_calls, 2); /* Two, whose end nobody has recorded, and Three */
    assert_int_equal(all.n, 2);
    assert_int_equal(all.n_read, 2);
    assert_int_equal(second.result.values.n, 2);
    assert_true(uuid_eq(&second.steps[2].value_id, &first.steps[2].value_id));
    assert_int_equal(data_of(&second, &second.steps[2]).len, 20000000);
    for (size_t i = 0; i < second.n_checkpoints; i++) {
        mem_free((void *)(uintptr_t)parts[i].steps.ptr);
    }
    fx_done(&first);
    fx_done(&second);
    forget(&all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stored_apart),
        cmocka_unit_test(test_the_rest_is_stored_at_the_end),
        cmocka_unit_test(test_cannot_be_stored),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_taken_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
