/* The slot pool: every job runs once, waiting slots are replaced, computing ones are few. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdatomic.h>

#include "clock.h"
#include "mem.h"
#include "slot.h"

struct job {
    struct slot_job queued;
    int wait_ms;
    atomic_int runs;
    int place; /* how many were done before it */
};

struct bench {
    atomic_int memories, computing, most_computing, waiting, most_waiting, done;
};
struct memory {
    struct bench *bench;
    struct slot *slot;
};

static void note_most(atomic_int *most, int now)
{
    int seen = atomic_load(most);
    while (now > seen && !atomic_compare_exchange_weak(most, &seen, now)) {
    }
}

static void *memory_new(void *ctx, struct slot *slot)
{
    struct memory *m = mem_new(struct memory);
    m->bench = ctx;
    m->slot = slot;
    atomic_fetch_add(&m->bench->memories, 1);
    return m;
}
static void memory_free(void *memory)
{
    atomic_fetch_sub(&((struct memory *)memory)->bench->memories, 1);
    mem_free(memory);
}
static void run(void *ctx, void *memory, struct slot_job *queued)
{
    struct bench *b = ctx;
    struct memory *m = memory;
    struct job *job = (struct job *)queued;
    note_most(&b->most_computing, atomic_fetch_add(&b->computing, 1) + 1);
    if (job->wait_ms) {
        slot_block_begin(m->slot);
        slot_block_begin(m->slot); /* nests */
        atomic_fetch_sub(&b->computing, 1);
        note_most(&b->most_waiting, atomic_fetch_add(&b->waiting, 1) + 1);
        clock_wait_ns(job->wait_ms * NS_PER_MS);
        atomic_fetch_sub(&b->waiting, 1);
        atomic_fetch_add(&b->computing, 1);
        slot_block_end(m->slot);
        slot_block_end(m->slot);
    }
    atomic_fetch_add(&job->runs, 1);
    atomic_fetch_sub(&b->computing, 1);
    job->place = atomic_fetch_add(&b->done, 1);
}

static struct slot_pool *make(struct bench *b, int max, int computing)
{
    return slot_pool_new(&(struct slot_options){.max_slots = max,
                                                .computing = computing,
                                                .ctx = b,
                                                .memory_new = memory_new,
                                                .memory_free = memory_free,
                                                .run = run});
}

static struct job *push(struct slot_pool *pool, size_t n, int wait_ms)
{
    struct job *jobs = mem_array(n, sizeof(*jobs));
    for (size_t i = 0; i < n; i++) {
        jobs[i].wait_ms = wait_ms;
        jobs[i].queued.next = i + 1 < n ? &jobs[i + 1].queued : NULL;
    }
    slot_pool_push(pool, &jobs[0].queued);
    return jobs;
}

static void check_once(struct job *jobs, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(atomic_load(&jobs[i].runs), 1);
    }
    mem_free(jobs);
}

static void test_short_jobs_use_few_threads(void **state)
{
    struct bench b = {0};
    struct slot_pool *pool = make(&b, 1000, 2);
    struct job *jobs = push(pool, 20000, 0);
    assert_true(slot_pool_drain(pool, 20 * NS_PER_SEC));
    int busy, slots;
    slot_pool_stats(pool, &busy, &slots);
    assert_int_equal(busy, 0);
    assert_in_range(slots, 1, 3);
    assert_in_range(atomic_load(&b.most_computing), 1, 3);
    check_once(jobs, 20000);
    slot_pool_free(pool);
    assert_int_equal(atomic_load(&b.memories), 0);
}

static void test_waiting_jobs_are_replaced(void **state)
{
    struct bench b = {0};
    struct slot_pool *pool = make(&b, 500, 2);
    int64_t before = clock_mono_ns();
    struct job *jobs = push(pool, 400, 1200);
    assert_true(slot_pool_drain(pool, 20 * NS_PER_SEC));
    assert_true(clock_mono_ns() - before < 10 * NS_PER_SEC); /* one after another: 480 s */
    assert_in_range(atomic_load(&b.most_waiting), 200, 400);
    check_once(jobs, 400);
    slot_pool_free(pool);
}

static void test_max_slots_bounds(void **state)
{
    struct bench b = {0};
    struct slot_pool *pool = make(&b, 5, 2);
    struct job *jobs = push(pool, 40, 5);
    assert_true(slot_pool_drain(pool, 20 * NS_PER_SEC));
    assert_in_range(atomic_load(&b.most_waiting), 1, 5);
    check_once(jobs, 40);
    slot_pool_free(pool);
}

static void test_taking_back_and_room(void **state)
{
    struct bench b = {0};
    struct slot_pool *pool = make(&b, 1, 1);
    struct job *first = push(pool, 1, 300);
    while (slot_pool_queued(pool)) {
        clock_wait_ns(NS_PER_MS);
    }
    struct job *jobs = push(pool, 10, 0);
    assert_int_equal(slot_pool_queued(pool), 10);
    assert_int_equal(slot_pool_wait_room(pool, false, 10, NS_PER_MS), 0);
    assert_int_equal(slot_pool_wait_room(pool, false, 12, NS_PER_MS), 2);
    assert_int_equal(slot_pool_wait_room(pool, true, 12, NS_PER_MS), 12);
    assert_false(slot_pool_drain(pool, NS_PER_MS));
    struct slot_job *taken = slot_pool_take_queued(pool);
    for (int i = 0; i < 10; i++) {
        assert_ptr_equal(taken, &jobs[i].queued);
        taken = taken->next;
    }
    assert_null(taken);
    assert_true(slot_pool_drain(pool, 10 * NS_PER_SEC));
    assert_int_equal(atomic_load(&b.done), 1);
    check_once(first, 1);
    mem_free(jobs);
    slot_pool_free(pool);
}

static void test_lanes_take_turns(void **state)
{
    struct bench b = {0};
    struct slot_pool *pool = make(&b, 1, 1);
    struct job *first = push(pool, 1, 200);
    while (slot_pool_queued(pool)) {
        clock_wait_ns(NS_PER_MS);
    }
    struct job *jobs = mem_array(56, sizeof(*jobs));
    for (int i = 0; i < 56; i++) { /* 50 of one, then 3 each of two others */
        jobs[i].queued.lane = i < 50 ? 7 : i % 2 ? 300 : 12;
        jobs[i].queued.bulk = i < 50;
        jobs[i].queued.next = i + 1 < 56 ? &jobs[i + 1].queued : NULL;
    }
    slot_pool_push(pool, &jobs[0].queued);
    assert_int_equal(slot_pool_wait_room(pool, true, 60, NS_PER_MS), 10);
    assert_int_equal(slot_pool_wait_room(pool, false, 60, NS_PER_MS), 54);
    assert_true(slot_pool_drain(pool, 10 * NS_PER_SEC));
    check_once(first, 1);
    for (int i = 0; i < 56; i++) {
        assert_int_equal(atomic_load(&jobs[i].runs), 1);
        if (i >= 50) {
            assert_in_range(jobs[i].place, 1, 9);
        }
        assert_true(i == 0 || i >= 50 || jobs[i].place > jobs[i - 1].place);
    }
    mem_free(jobs);
    slot_pool_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_short_jobs_use_few_threads),
        cmocka_unit_test(test_waiting_jobs_are_replaced),
        cmocka_unit_test(test_max_slots_bounds),
        cmocka_unit_test(test_taking_back_and_room),
        cmocka_unit_test(test_lanes_take_turns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
