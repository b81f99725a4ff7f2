/* The lanes of waiting events: order, turns, the byte budget, growth and shrinking. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "dispatch/waiting.h"

static const struct uuid nobody;

static struct uuid numbered(uint32_t n)
{
    struct uuid id = {{0}};
    for (int i = 0; i < 4; i++) {
        id.b[i] = (uint8_t)(n >> (24 - 8 * i));
    }
    return id;
}

static uint32_t number_of(const struct uuid *id)
{
    return (uint32_t)id->b[0] << 24 | (uint32_t)id->b[1] << 16 | (uint32_t)id->b[2] << 8 | id->b[3];
}

static void push(struct waiting *w, uint32_t lane, uint32_t n)
{
    struct uuid id = numbered(n), key = numbered(lane);
    waiting_push(w, &key, &id, str_n(NULL, 10), false);
}

static uint32_t pop(struct waiting *w)
{
    struct waiting_event next = waiting_next(w), e = waiting_pop(w);
    assert_true(uuid_eq(&next.id, &e.id));
    assert_ptr_equal(next.bytes, e.bytes);
    mem_free(e.bytes);
    return number_of(&e.id);
}

static void test_order_over_growth(void **state)
{
    struct waiting *w = waiting_new(0);
    uint32_t in = 0, out = 0;
    /* More in than out, then only out: the ring wraps, doubles and halves on the way. */
    for (int round = 0; round < 400; round++) {
        for (int i = 0; i < 700; i++) {
            push(w, 0, in++);
        }
        for (int i = 0; i < 300; i++) {
            assert_int_equal(pop(w), out++);
        }
    }
    assert_int_equal(waiting_len(w), in - out);
    while (waiting_len(w) > 0) {
        assert_int_equal(pop(w), out++);
    }
    assert_int_equal(in, out);
    waiting_free(w);
}

static void test_lanes_take_turns(void **state)
{
    struct waiting *w = waiting_new(0);
    struct uuid oldest;
    assert_false(waiting_oldest(w, &oldest));
    for (uint32_t i = 0; i < 1000; i++) {
        push(w, 1, 100 + i);
    }
    assert_int_equal(pop(w), 100);
    push(w, 2, 5000);
    push(w, 3, 6000);
    push(w, 2, 5001);
    assert_int_equal(waiting_lanes(w), 3);
    assert_int_equal(pop(w), 101);
    assert_int_equal(pop(w), 5000);
    assert_int_equal(pop(w), 6000);
    assert_int_equal(pop(w), 102);
    assert_true(waiting_oldest(w, &oldest));
    assert_int_equal(number_of(&oldest), 103);
    assert_int_equal(pop(w), 5001);
    assert_int_equal(waiting_lanes(w), 1);
    push(w, 4, 1); /* accepted before, by a slower way */
    assert_true(waiting_oldest(w, &oldest));
    assert_int_equal(number_of(&oldest), 1);
    waiting_free(w);
}

static void test_many_lanes_come_and_go(void **state)
{
    struct waiting *w = waiting_new(0);
    for (int round = 0; round < 20; round++) {
        for (uint32_t i = 0; i < 3000; i++) {
            push(w, i, i);
        }
        assert_int_equal(waiting_lanes(w), 3000);
        for (uint32_t i = 0; i < 3000; i++) {
            assert_int_equal(pop(w), i);
        }
        assert_int_equal(waiting_lanes(w), 0);
    }
    waiting_free(w);
}

static void test_taken_over_has_every_second_turn(void **state)
{
    struct waiting *w = waiting_new(0);
    struct uuid oldest;
    for (uint32_t i = 0; i < 3; i++) {
        struct uuid id = numbered(900 + i);
        waiting_push(w, &nobody, &id, str_n(NULL, 10), true);
    }
    assert_false(waiting_oldest(w, &oldest));
    for (uint32_t i = 0; i < 10; i++) {
        push(w, 1, i);
    }
    uint32_t expected[] = {900, 0, 901, 1, 902, 2, 3, 4};
    for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
        assert_int_equal(pop(w), expected[i]);
    }
    waiting_free(w);
}

static void test_put_back(void **state)
{
    struct waiting *w = waiting_new(100);
    push(w, 1, 10);
    push(w, 1, 11);
    struct waiting_event a = waiting_pop(w), b = waiting_pop(w);
    push(w, 1, 12);
    waiting_put_back(w, &b, 77);
    waiting_put_back(w, &a, 77);
    assert_int_equal(waiting_next(w).size, 77);
    assert_int_equal(pop(w), 10);
    assert_int_equal(pop(w), 11);
    assert_int_equal(pop(w), 12);
    waiting_free(w);
}

static void push_text(struct waiting *w, uint32_t lane, const char *text)
{
    struct uuid id = numbered(1), key = numbered(lane);
    waiting_push(w, &key, &id, str_of(text), false);
}

static bool pop_has_bytes(struct waiting *w)
{
    struct waiting_event e = waiting_pop(w);
    bool has = e.bytes && memcmp(e.bytes, "123456", 6) == 0;
    assert_int_equal(e.size, 6);
    mem_free(e.bytes);
    return has;
}

static void test_budget(void **state)
{
    struct waiting *w = waiting_new(12);
    push_text(w, 1, "123456");
    push_text(w, 1, "123456"); /* over the budget: by id */
    assert_int_equal(waiting_len(w), 2);
    assert_int_equal(waiting_bare(w), 1);
    assert_true(pop_has_bytes(w));
    push_text(w, 1, "123456"); /* the budget came back */
    assert_false(pop_has_bytes(w));
    assert_int_equal(waiting_bare(w), 0);
    assert_true(pop_has_bytes(w));
    waiting_free(w);
}

static void test_a_lane_leaves_room_for_others(void **state)
{
    struct waiting *w = waiting_new(24);
    for (int i = 0; i < 10; i++) {
        push_text(w, 1, "123456"); /* two: the third would leave others less than it has */
    }
    assert_int_equal(waiting_bare(w), 8);
    push_text(w, 2, "123456");
    assert_int_equal(waiting_bare(w), 8);
    push_text(w, 3, "123456");
    assert_int_equal(waiting_bare(w), 8);
    push_text(w, 4, "123456"); /* all of it is used */
    assert_int_equal(waiting_bare(w), 9);
    waiting_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_over_growth),
        cmocka_unit_test(test_lanes_take_turns),
        cmocka_unit_test(test_many_lanes_come_and_go),
        cmocka_unit_test(test_taken_over_has_every_second_turn),
        cmocka_unit_test(test_put_back),
        cmocka_unit_test(test_budget),
        cmocka_unit_test(test_a_lane_leaves_room_for_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
