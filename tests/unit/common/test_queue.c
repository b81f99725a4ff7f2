/* The queue between threads: order, bounds, waiting, closing. */
#include "queue.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "clock.h"

static int marks[8];

static void keeps_order_round_the_ring(void **state)
{
    struct queue *q = queue_new(3);
    void *got[8];
    int in = 0, out = 0;
    for (int round = 0; round < 10; round++) {
        for (int k = 0; k < 2; k++) {
            assert_int_equal(queue_push(q, &marks[in++ % 8]), 0);
        }
        assert_int_equal(queue_len(q), 2);
        assert_int_equal(queue_pop_many(q, got, 1 + round % 2, 0), 1 + round % 2);
        assert_ptr_equal(got[0], &marks[out++ % 8]);
        if (round % 2 == 0) {
            assert_int_equal(queue_pop_many(q, got, 8, -1), 1);
            assert_ptr_equal(got[0], &marks[out++ % 8]);
        } else {
            assert_ptr_equal(got[1], &marks[out++ % 8]);
        }
    }
    assert_null(queue_free(q));
}

static void full_and_closed(void **state)
{
    struct queue *q = queue_new(2);
    void *got[4];
    assert_int_equal(queue_push(q, &marks[0]), 0);
    assert_int_equal(queue_push(q, &marks[1]), 0);
    assert_int_equal(queue_push(q, &marks[2]), -EAGAIN);
    assert_int_equal(queue_pop_many(q, got, 0, -1), 0);
    queue_close(q);
    assert_int_equal(queue_push(q, &marks[2]), -EPIPE);
    assert_int_equal(queue_pop_many(q, got, 4, -1), 2); /* what is left */
    assert_ptr_equal(got[1], &marks[1]);
    assert_int_equal(queue_pop_many(q, got, 4, -1), 0); /* does not wait any more */
    queue_close(q);
    assert_null(queue_free(q));
    assert_null(queue_free(NULL));
}

static void waits_no_longer_than_asked(void **state)
{
    struct queue *q = queue_new(1);
    void *got;
    int64_t start = clock_mono_ns();
    assert_int_equal(queue_pop_many(q, &got, 1, 0), 0);
    assert_int_equal(queue_pop_many(q, &got, 1, 20 * NS_PER_MS), 0);
    int64_t took = clock_mono_ns() - start;
    assert_true(took >= 20 * NS_PER_MS && took < 10 * NS_PER_SEC);
    (void)queue_free(q);
}

static void *close_soon(void *q)
{
    clock_wait_ns(10 * NS_PER_MS);
    queue_close(q);
    return NULL;
}

static void closing_wakes_who_waits(void **state)
{
    struct queue *q = queue_new(1);
    pthread_t thread;
    void *got;
    assert_int_equal(pthread_create(&thread, NULL, close_soon, q), 0);
    assert_int_equal(queue_pop_many(q, &got, 1, INT64_MAX), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    (void)queue_free(q);
}

#define THREADS 3
#define ITEMS   20000

static uint8_t numbers[THREADS * ITEMS];
struct crew {
    struct queue *q;
    int first; /* of a pusher's items */
    size_t taken;
    bool ordered;
};

static void *push_all(void *arg)
{
    struct crew *c = arg;
    for (int i = 0; i < ITEMS; i++) {
        while (queue_push(c->q, &numbers[c->first + i]) == -EAGAIN) {
            clock_wait_ns(1000);
        }
    }
    return NULL;
}

/* Each pusher's items must come to one popper in the order they were pushed. */
static void *pop_all(void *arg)
{
    struct crew *c = arg;
    void *got[16];
    ptrdiff_t last[THREADS] = {-1, -1, -1};
    size_t n;
    while ((n = queue_pop_many(c->q, got, ARRAY_LEN(got), -1)) > 0) {
        for (size_t i = 0; i < n; i++) {
            ptrdiff_t at = (uint8_t *)got[i] - numbers;
            c->ordered = c->ordered && at > last[at / ITEMS];
            last[at / ITEMS] = at;
            numbers[at]++;
        }
        c->taken += n;
    }
    return NULL;
}

static void many_threads_lose_nothing(void **state)
{
    struct queue *q = queue_new(64);
    pthread_t push[THREADS], pop[THREADS];
    struct crew pushers[THREADS], poppers[THREADS];
    for (int i = 0; i < THREADS; i++) {
        pushers[i] = (struct crew){.q = q, .first = i * ITEMS};
        poppers[i] = (struct crew){.q = q, .ordered = true};
        assert_int_equal(pthread_create(&push[i], NULL, push_all, &pushers[i]), 0);
        assert_int_equal(pthread_create(&pop[i], NULL, pop_all, &poppers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(push[i], NULL), 0);
    }
    queue_close(q);
    size_t taken = 0;
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(pop[i], NULL), 0);
        assert_true(poppers[i].ordered);
        taken += poppers[i].taken;
    }
    assert_int_equal(taken, THREADS * ITEMS);
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        assert_int_equal(numbers[i], 1);
    }
    (void)queue_free(q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_order_round_the_ring), cmocka_unit_test(full_and_closed),
        cmocka_unit_test(waits_no_longer_than_asked), cmocka_unit_test(closing_wakes_who_waits),
        cmocka_unit_test(many_threads_lose_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
