/* When a message of runs is acknowledged, kept, or given back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <nats/nats.h>

#include "clock.h"
#include "held.h"
#include "presence.h"

struct seen {
    int acks, given_back;
};
static void on_ack(void *ctx, const struct bus_message *m)
{
    ((struct seen *)ctx)->acks++;
}
static void on_in_progress(void *ctx, const struct bus_message *m)
{
}
static void on_give_back(void *ctx, const struct bus_message *m)
{
    ((struct seen *)ctx)->given_back++;
}
static struct held *make(struct seen *seen)
{
    return held_new(&(struct held_options){
        .ctx = seen, .ack = on_ack, .in_progress = on_in_progress, .give_back = on_give_back});
}

/* A message as the bus library makes it, with n runs; the first `old` of them were dispatched
 * longer ago than a lease lasts. */
static struct bus_message *message(int n, int old)
{
    struct buf one, batch;
    natsMsg *msg = NULL;
    buf_init(&one, 0);
    buf_init(&batch, 0);
    for (int i = 0; i < n; i++) {
        int64_t age_ms = i < old ? LEASE_MS + 1 : LEASE_MS / 2;
        struct run_request q = {.execution_id = uuid_v7(),
                                .attempt = 1,
                                .flow_name = STR("Main"),
                                .dispatched_ns = clock_now_ns() - age_ms * NS_PER_MS};
        buf_clear(&one);
        wire_encode(&run_request_message, &q, &one);
        wire_batch_add(&batch, buf_str(&one));
    }
    assert_int_equal(natsMsg_Create(&msg, "leat.run.x", "r", batch.data, (int)batch.len), NATS_OK);
    buf_done(&one);
    buf_done(&batch);
    return (struct bus_message *)msg;
}

static size_t add(struct held *h, int n, struct run_job **ret_jobs)
{
    struct slot_job *first;
    bool bad;
    size_t added = held_add(h, message(n, n), 1, &first, &bad);
    assert_false(bad);
    for (size_t i = 0; i < added; i++, first = first->next) {
        ret_jobs[i] = (struct run_job *)first;
        assert_true(str_eq(ret_jobs[i]->request.flow_name, STR("Main")));
    }
    assert_null(first);
    return added;
}

static void test_acknowledged_when_all_is_stored(void **state)
{
    struct seen seen = {0};
    struct held *h = make(&seen);
    struct run_job *jobs[3], *other[2];
    assert_int_equal(add(h, 3, jobs), 3);
    assert_int_equal(add(h, 2, other), 2);
    assert_int_equal(held_count(h), 5);
    assert_true(held_bytes(h) > 0);
    held_release(h, jobs[1]);
    held_release(h, jobs[0]);
    assert_int_equal(seen.acks, 0);
    held_release(h, jobs[2]);
    assert_int_equal(seen.acks, 1);
    held_release(h, other[0]);
    held_release(h, other[1]);
    assert_int_equal(seen.acks, 2);
    assert_int_equal(held_count(h), 0);
    assert_int_equal(held_bytes(h), 0);
    held_free(h);
}

static void test_leases_acknowledge_early(void **state)
{
    struct seen seen = {0};
    struct held *h = make(&seen);
    struct run_job *jobs[3], *late[1];
    struct presence_run runs[2];
    add(h, 3, jobs);
    int64_t now = clock_mono_ns();
    clock_wait_ns(2 * NS_PER_MS);
    add(h, 1, late);
    for (int beat = 0; beat < 2; beat++) {
        uint64_t after = 0;
        assert_int_equal(seen.acks, 0);
        assert_int_equal(held_list(h, now, &after, runs, 2), 2);
        assert_true(uuid_eq(&runs[1].execution_id, &jobs[1 + beat]->request.execution_id));
        if (beat == 0) {
            held_release(h, jobs[0]); /* between two messages of one beat: nobody is skipped */
        }
        assert_int_equal(held_list(h, now, &after, runs, 2), beat == 0 ? 1 : 0);
        held_leased(h, after);
    }
    assert_int_equal(seen.acks, 1); /* the late one was not named */
    held_release(h, jobs[1]);
    held_release(h, jobs[2]);
    assert_int_equal(seen.acks, 1);
    held_release(h, late[0]);
    assert_int_equal(seen.acks, 2);
    held_free(h);
}

static void test_the_last_unleased_run_is_stored(void **state)
{
    struct seen seen = {0};
    struct held *h = make(&seen);
    struct run_job *jobs[2];
    struct presence_run runs[4];
    add(h, 2, jobs);
    for (int beat = 0; beat < 2; beat++) {
        uint64_t after = 0;
        assert_int_equal(held_list(h, clock_mono_ns(), &after, runs, 4), 2);
        held_leased(h, after - 1); /* the first only */
    }
    assert_int_equal(seen.acks, 0);
    held_release(h, jobs[1]);
    assert_int_equal(seen.acks, 1);
    held_release(h, jobs[0]);
    assert_int_equal(seen.acks, 1);
    held_free(h);
}

static void test_giving_back(void **state)
{
    struct seen seen = {0};
    struct held *h = make(&seen);
    struct run_job *untouched[2], *begun[2];
    add(h, 2, untouched);
    add(h, 2, begun);
    held_start(h, begun[0]);
    untouched[1]->queued.next = &begun[1]->queued;
    assert_ptr_equal(held_give_back(h, &untouched[0]->queued, false), &begun[1]->queued);
    assert_int_equal(seen.given_back, 1);
    assert_null(held_give_back(h, &begun[1]->queued, true));
    held_release(h, begun[0]); /* its other run has to come again: never acknowledged */
    assert_int_equal(seen.acks, 0);
    assert_int_equal(seen.given_back, 1);
    assert_int_equal(held_count(h), 0);
    assert_int_equal(held_bytes(h), 0);
    held_free(h);
}

static void test_what_comes_again_too_late(void **state)
{
    static const struct {
        int runs, old;
        uint64_t deliveries;
        size_t taken;
        int acks;
    } rows[] = {
        {3, 3, 1, 3, 0}, {3, 0, 2, 3, 0}, {3, 1, 2, 2, 0}, {3, 2, 9, 1, 0}, {3, 3, 2, 0, 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct seen seen = {0};
        struct held *h = make(&seen);
        struct slot_job *first;
        bool bad;
        struct bus_message *m = message(rows[i].runs, rows[i].old);
        assert_int_equal(held_add(h, m, rows[i].deliveries, &first, &bad), rows[i].taken);
        assert_false(bad);
        assert_int_equal(seen.acks, rows[i].acks);
        assert_int_equal(held_count(h), rows[i].taken);
        for (size_t left = rows[i].taken; left > 0; left--) {
            struct run_job *job = (struct run_job *)first;
            int64_t age = clock_now_ns() - job->request.dispatched_ns;
            assert_true(rows[i].deliveries == 1 || age < LEASE_MS * NS_PER_MS);
            first = first->next;
            assert_int_equal(first == NULL, left == 1);
            held_release(h, job);
        }
        assert_int_equal(seen.acks, 1);
        assert_int_equal(held_bytes(h), 0);
        held_free(h);
    }
}

static void test_what_cannot_be_read(void **state)
{
    struct seen seen = {0};
    struct held *h = make(&seen);
    static const char *const bytes[] = {"", "\xff\xff\xff", "\x03\x63zz", "\x01"};
    for (size_t i = 0; i < ARRAY_LEN(bytes); i++) {
        natsMsg *msg = NULL;
        struct slot_job *first;
        bool bad = false;
        assert_int_equal(natsMsg_Create(&msg, "s", "r", bytes[i], (int)strlen(bytes[i])), NATS_OK);
        assert_int_equal(held_add(h, (struct bus_message *)msg, i + 1, &first, &bad), 0);
        assert_true(bad);
        assert_int_equal(seen.acks, (int)i + 1);
    }
    held_free(h);
}

static void test_forgetting(void **state)
{
    struct seen seen = {0};
    struct held *h = make(&seen);
    struct run_job *jobs[2];
    add(h, 2, jobs);
    held_free(h);
    assert_int_equal(seen.acks + seen.given_back, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_acknowledged_when_all_is_stored),
        cmocka_unit_test(test_leases_acknowledge_early),
        cmocka_unit_test(test_the_last_unleased_run_is_stored),
        cmocka_unit_test(test_giving_back),
        cmocka_unit_test(test_what_comes_again_too_late),
        cmocka_unit_test(test_what_cannot_be_read),
        cmocka_unit_test(test_forgetting),
    };
    assert_int_equal(nats_Open(-1), NATS_OK);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    nats_Close();
    return failed;
}
