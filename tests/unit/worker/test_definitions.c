/* The cache of instances: fetched once, retried, bounded, plans shared. */
#include "engine_fixture.h"

#include <pthread.h>
#include <stdatomic.h>

#include "definitions/definitions.h"

static const char yaml[] =
    "{definitionVersion: 7, name: T, description: '', requiredConfigVars: [], "
    "configPages: [], flows: [{name: Main, description: '', steps: [" TRIGGER "]}]}";

struct plane {
    atomic_int asked;
    int timeouts; /* answered with a timeout first */
    int wait_ms;
    const char *error;
    const char *definition;
    uint32_t fresh_ms;
};

static int answer(void *ctx, const struct definition_fetch *what, int64_t timeout_ms,
                  struct arena *a, struct str *ret_plain, struct err *err)
{
    struct plane *p = ctx;
    int n = atomic_fetch_add(&p->asked, 1);
    clock_wait_ns(p->wait_ms * NS_PER_MS);
    if (n < p->timeouts) {
        return -ETIMEDOUT;
    }
    struct fetched_instance f = {.error = str_of(p->error),
                                 .revision = what->revision,
                                 .instance_id = what->instance_id,
                                 .integration_version_id = fx_id,
                                 .definition = str_of(p->definition ? p->definition : yaml),
                                 .config = STR("{\"k\":\"v\"}"),
                                 .fresh_ms = p->fresh_ms};
    struct buf b;
    buf_init(&b, 0);
    wire_encode(&fetched_instance_message, &f, &b);
    *ret_plain = str_n(arena_dup(a, b.data, b.len), b.len);
    buf_done(&b);
    return 0;
}

static struct definitions *make(struct plane *p, size_t max)
{
    return definitions_new(&(struct definitions_options){.max_instances = max,
                                                         .max_bytes = MIB(10),
                                                         .max_plans = 10,
                                                         .find = test_find,
                                                         .ctx = p,
                                                         .fetch = answer});
}

static int64_t soon(void)
{
    return clock_mono_ns() + 10 * NS_PER_SEC;
}

static void test_found_after_it_was_fetched(void **state)
{
    struct plane p = {.timeouts = 1};
    struct definitions *d = make(&p, 10);
    struct instance *a = NULL, *b = NULL, *other = NULL;
    struct err err = {0};
    assert_null(definitions_find(d, &fx_id, 3));
    assert_int_equal(definitions_fetch(d, &fx_id, 3, soon(), &a, &err), 0);
    assert_int_equal(atomic_load(&p.asked), 2);
    b = definitions_find(d, &fx_id, 3);
    assert_ptr_equal(a, b);
    assert_null(definitions_find(d, &fx_id, 4));
    struct uuid id = uuid_v4();
    assert_int_equal(definitions_fetch(d, &id, 1, soon(), &other, &err), 0);
    assert_ptr_equal(other->plan, a->plan); /* one compile a version */
    assert_true(str_eq(json_as_str(json_get(a->config, STR("k"))), STR("v")));
    definitions_free(d);
    assert_true(str_eq(json_as_str(json_get(b->config, STR("k"))), STR("v"))); /* still held */
    instance_unref(a);
    instance_unref(b);
    instance_unref(other);
}

static void test_a_draft_that_changed_is_compiled_again(void **state)
{
    struct plane p = {0};
    struct definitions *d = make(&p, 10);
    struct instance *a = NULL, *b = NULL;
    struct err err = {0};
    assert_int_equal(definitions_fetch(d, &fx_id, 1, soon(), &a, &err), 0);
    p.definition =
        "{definitionVersion: 7, name: T, description: '', requiredConfigVars: [], "
        "configPages: [], flows: [{name: Changed, description: '', steps: [" TRIGGER "]}]}";
    assert_int_equal(definitions_fetch(d, &fx_id, 2, soon(), &b, &err), 0);
    assert_null(plan_flow(a->plan, STR("Changed")));
    assert_non_null(plan_flow(b->plan, STR("Changed")));
    instance_unref(a);
    instance_unref(b);
    definitions_free(d);
}

static void test_what_holds_tokens_gets_stale(void **state)
{
    struct plane p = {.fresh_ms = 20};
    struct definitions *d = make(&p, 10);
    struct instance *a = NULL, *b = NULL, *c = NULL;
    struct err err = {0};
    assert_int_equal(definitions_fetch(d, &fx_id, 3, soon(), &a, &err), 0);
    clock_wait_ns(25 * NS_PER_MS);
    assert_null(definitions_find(d, &fx_id, 3));
    assert_int_equal(definitions_fetch(d, &fx_id, 3, soon(), &b, &err), 0);
    assert_int_equal(atomic_load(&p.asked), 2);
    assert_ptr_not_equal(a, b);
    clock_wait_ns(25 * NS_PER_MS);
    p.timeouts = 1000; /* the control plane is away: what there is serves on */
    assert_int_equal(definitions_fetch(d, &fx_id, 3, clock_mono_ns() + 50 * NS_PER_MS, &c, &err),
                     0);
    assert_ptr_equal(b, c);
    instance_unref(c);
    c = definitions_find(d, &fx_id, 3); /* and is not asked for again at once */
    assert_ptr_equal(b, c);
    instance_unref(a);
    instance_unref(b);
    instance_unref(c);
    definitions_free(d);
}

static void test_errors(void **state)
{
    static const struct {
        const char *error, *definition, *want;
    } cases[] = {
        {"The instance is gone.", NULL, "The instance is gone."},
        {NULL, "{flows: 5}", "definition"},
        {NULL, "", "definition"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct plane p = {.error = cases[i].error, .definition = cases[i].definition};
        struct definitions *d = make(&p, 10);
        struct instance *a = NULL;
        struct err err = {0};
        assert_true(definitions_fetch(d, &fx_id, 3, soon(), &a, &err) < 0);
        assert_null(a);
        assert_non_null(strstr(err.message, cases[i].want));
        assert_null(definitions_find(d, &fx_id, 3)); /* not remembered */
        definitions_free(d);
    }
}

static void test_gives_up_at_the_deadline(void **state)
{
    struct plane p = {.timeouts = 1000000};
    struct definitions *d = make(&p, 10);
    struct instance *a = NULL;
    struct err err = {0};
    assert_true(definitions_fetch(d, &fx_id, 3, clock_mono_ns() + 300 * NS_PER_MS, &a, &err) < 0);
    assert_non_null(strstr(err.message, "did not answer in time"));
    definitions_free(d);
}

static void test_bounded(void **state)
{
    struct plane p = {0};
    struct definitions *d = make(&p, 3);
    struct uuid ids[6];
    struct err err = {0};
    for (int i = 0; i < 6; i++) {
        struct instance *a = NULL;
        ids[i] = uuid_v4();
        assert_int_equal(definitions_fetch(d, &ids[i], 1, soon(), &a, &err), 0);
        instance_unref(a);
        instance_unref(definitions_find(d, &ids[0], 1)); /* in use: stays */
    }
    for (int i = 0; i < 6; i++) {
        struct instance *a = definitions_find(d, &ids[i], 1);
        assert_int_equal(a != NULL, i == 0 || i >= 4);
        instance_unref(a);
    }
    definitions_free(d);
}

struct asker {
    struct definitions *d;
    struct instance *got;
    int rc;
};
static void *ask(void *arg)
{
    struct asker *a = arg;
    struct err err = {0};
    a->rc = definitions_fetch(a->d, &fx_id, 3, soon(), &a->got, &err);
    return NULL;
}

static void test_one_asks_for_many(void **state)
{
    static const char *const errors[] = {NULL, "gone"};
    for (size_t e = 0; e < ARRAY_LEN(errors); e++) {
        struct plane p = {.wait_ms = 100, .error = errors[e]};
        struct definitions *d = make(&p, 10);
        struct asker askers[8];
        pthread_t threads[8];
        for (int i = 0; i < 8; i++) {
            askers[i] = (struct asker){.d = d};
            assert_int_equal(pthread_create(&threads[i], NULL, ask, &askers[i]), 0);
        }
        for (int i = 0; i < 8; i++) {
            (void)pthread_join(threads[i], NULL);
            assert_int_equal(askers[i].rc == 0, !errors[e]);
            assert_ptr_equal(askers[i].got, askers[0].got);
            instance_unref(askers[i].got);
        }
        assert_in_range(atomic_load(&p.asked), 1, errors[e] ? 8 : 1);
        definitions_free(d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_found_after_it_was_fetched),
        cmocka_unit_test(test_a_draft_that_changed_is_compiled_again),
        cmocka_unit_test(test_what_holds_tokens_gets_stale),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_gives_up_at_the_deadline),
        cmocka_unit_test(test_bounded),
        cmocka_unit_test(test_one_asks_for_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
