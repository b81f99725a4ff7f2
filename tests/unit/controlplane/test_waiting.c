/* The line of waiting events: order, the byte budget, growth and shrinking. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "dispatch/waiting.h"

static struct uuid numbered(uint32_t n)
{
    struct uuid id = {{0}};
    memcpy(id.b, &n, sizeof(n));
    return id;
}

static uint32_t number_of(const struct uuid *id)
{
    uint32_t n;
    memcpy(&n, id->b, sizeof(n));
    return n;
}

static void test_order_over_growth(void **state)
{
    struct waiting *w = waiting_new(0);
    uint32_t in = 0, out = 0;
    /* More in than out, then only out: the ring wraps, doubles and halves on the way. */
    for (int round = 0; round < 400; round++) {
        for (int i = 0; i < 700; i++) {
            struct uuid id = numbered(in++);
            waiting_push(w, &id, str_n(NULL, 10), i % 2);
        }
        for (int i = 0; i < 300; i++) {
            struct waiting_event e = waiting_pop(w);
            assert_int_equal(number_of(&e.id), out++);
        }
    }
    assert_int_equal(waiting_len(w), in - out);
    while (waiting_len(w) > 0) {
        const struct waiting_event *next = waiting_at(w, 0);
        assert_int_equal(number_of(&next->id), out);
        struct waiting_event e = waiting_pop(w);
        assert_int_equal(number_of(&e.id), out++);
    }
    assert_int_equal(in, out);
    waiting_free(w);
}

static void test_budget(void **state)
{
    struct waiting *w = waiting_new(10);
    struct uuid id = numbered(1);
    waiting_push(w, &id, STR("123456"), false);
    waiting_push(w, &id, STR("123456"), false); /* over the budget: by id */
    waiting_push(w, &id, STR("1234"), true);
    assert_memory_equal(waiting_at(w, 0)->bytes, "123456", 6);
    assert_null(waiting_at(w, 1)->bytes);
    assert_int_equal(waiting_at(w, 1)->size, 6);
    assert_non_null(waiting_at(w, 2)->bytes);
    assert_true(waiting_at(w, 2)->taken_over);
    struct waiting_event e = waiting_pop(w);
    mem_free(e.bytes);
    waiting_push(w, &id, STR("123456"), false); /* the budget came back */
    assert_non_null(waiting_at(w, 2)->bytes);
    waiting_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_over_growth),
        cmocka_unit_test(test_budget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
