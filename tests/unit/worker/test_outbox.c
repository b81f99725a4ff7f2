/* Results are batched, tried until stored, and released exactly once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>

#include "clock.h"
#include "outbox.h"
#include "wire.h"

#define SENT_MAX 4096

struct run_job {
    atomic_int stored;
};

struct sent {
    void (*done)(void *, int);
    void *done_ctx;
    char msg_id[40];
    size_t runs;
};
struct bus {
    pthread_mutex_t lock;
    struct sent sent[SENT_MAX];
    int n_sent, in_flight, most_in_flight;
    int refuse; /* publishes that fail at once */
    int fail;   /* publishes that are answered with an error */
    bool hold;  /* answers wait for let_go */
};

static size_t count(struct str batch)
{
    struct str one;
    size_t n = 0;
    while (wire_batch_next(&batch, &one) == 1) {
        n++;
    }
    return n;
}

static int publish(void *ctx, const char *msg_id, struct str data, void (*done)(void *, int),
                   void *done_ctx)
{
    struct bus *b = ctx;
    pthread_mutex_lock(&b->lock);
    if (b->refuse > 0) {
        b->refuse--;
        pthread_mutex_unlock(&b->lock);
        return -ENOTCONN;
    }
    assert_true(b->n_sent < SENT_MAX);
    struct sent *s = &b->sent[b->n_sent++];
    *s = (struct sent){.done = done, .done_ctx = done_ctx, .runs = count(data)};
    (void)snprintf(s->msg_id, sizeof(s->msg_id), "%s", msg_id);
    b->in_flight++;
    b->most_in_flight = MAX(b->most_in_flight, b->in_flight);
    bool hold = b->hold;
    int rc = b->fail-- > 0 ? -ETIMEDOUT : 0;
    if (!hold) {
        b->in_flight--;
    }
    pthread_mutex_unlock(&b->lock);
    if (!hold) {
        done(done_ctx, rc);
    }
    return 0;
}

static void on_stored(void *ctx, struct run_job *job)
{
    atomic_fetch_add(&job->stored, 1);
}

static struct outbox *make(struct bus *b, size_t batch_bytes, size_t max_bytes)
{
    return outbox_new(&(struct outbox_options){.ctx = b,
                                               .publish = publish,
                                               .stored = on_stored,
                                               .batch_bytes = batch_bytes,
                                               .max_bytes = max_bytes,
                                               .max_in_flight = 4});
}

static void check_once(struct run_job *jobs, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(atomic_load(&jobs[i].stored), 1);
    }
}

static int most_in_flight(struct bus *b)
{
    pthread_mutex_lock(&b->lock);
    int most = b->most_in_flight;
    pthread_mutex_unlock(&b->lock);
    return most;
}

static int let_go(struct bus *b)
{
    int n = 0;
    pthread_mutex_lock(&b->lock);
    int n_sent = b->n_sent;
    pthread_mutex_unlock(&b->lock);
    for (int i = 0; i < n_sent; i++) {
        pthread_mutex_lock(&b->lock);
        struct sent s = b->sent[i];
        b->sent[i].done = NULL;
        b->in_flight -= s.done != NULL;
        pthread_mutex_unlock(&b->lock);
        if (s.done) {
            s.done(s.done_ctx, 0);
            n++;
        }
    }
    return n;
}

static void test_all_are_stored_once(void **state)
{
    static struct run_job jobs[5000];
    static struct bus b = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct outbox *o = make(&b, 1000, MIB(1));
    for (size_t i = 0; i < ARRAY_LEN(jobs); i++) {
        outbox_add(o, STR("0123456789012345678901234567890123456789"), &jobs[i]);
    }
    assert_true(outbox_drain(o, 10 * NS_PER_SEC));
    check_once(jobs, ARRAY_LEN(jobs));
    for (int i = 0; i < b.n_sent; i++) {
        assert_in_range(b.sent[i].runs, 1, 25); /* batches are closed at 1000 bytes */
    }
    outbox_free(o);
}

static void test_failures_are_tried_again_with_the_same_id(void **state)
{
    static struct run_job jobs[1];
    static struct bus b = {.lock = PTHREAD_MUTEX_INITIALIZER, .refuse = 1, .fail = 2};
    struct outbox *o = make(&b, 1000, MIB(1));
    outbox_add(o, STR("result"), &jobs[0]);
    assert_true(outbox_drain(o, 10 * NS_PER_SEC));
    check_once(jobs, 1);
    assert_int_equal(b.n_sent, 3);
    assert_string_equal(b.sent[0].msg_id, b.sent[2].msg_id);
    outbox_free(o);
}

static atomic_bool more;

static bool more_soon(void *ctx)
{
    return atomic_load(&more);
}

static struct outbox *make_holding(struct bus *b, int64_t hold_ns)
{
    atomic_store(&more, true);
    return outbox_new(&(struct outbox_options){.ctx = b,
                                               .publish = publish,
                                               .stored = on_stored,
                                               .more_soon = more_soon,
                                               .hold_ns = hold_ns,
                                               .batch_bytes = KIB(64),
                                               .max_bytes = MIB(1),
                                               .max_in_flight = 4});
}

static void test_an_open_batch_waits_for_more(void **state)
{
    static struct run_job jobs[20];
    static struct bus b = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct outbox *o = make_holding(&b, 60 * NS_PER_SEC);
    for (size_t i = 0; i < ARRAY_LEN(jobs); i++) {
        atomic_store(&more, i + 1 < ARRAY_LEN(jobs));
        outbox_add(o, STR("0123456789"), &jobs[i]);
        clock_wait_ns(NS_PER_MS / 2);
    }
    assert_true(outbox_drain(o, 10 * NS_PER_SEC));
    check_once(jobs, ARRAY_LEN(jobs));
    assert_int_equal(b.n_sent, 1);
    outbox_free(o);
}

static void test_an_open_batch_waits_no_longer_than_it_may(void **state)
{
    static struct run_job jobs[1];
    static struct bus b = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct outbox *o = make_holding(&b, 50 * NS_PER_MS);
    outbox_add(o, STR("0123456789"), &jobs[0]);
    assert_false(outbox_drain(o, 10 * NS_PER_MS));
    assert_true(outbox_drain(o, 10 * NS_PER_SEC));
    check_once(jobs, 1);
    outbox_free(o);
}

struct adder {
    struct outbox *outbox;
    struct run_job *jobs;
    size_t n;
    atomic_size_t added;
};
static void *add_all(void *arg)
{
    struct adder *a = arg;
    for (size_t i = 0; i < a->n; i++) {
        outbox_add(a->outbox, STR("0123456789"), &a->jobs[i]);
        atomic_fetch_add(&a->added, 1);
    }
    return NULL;
}

static void test_slots_wait_when_it_is_full(void **state)
{
    static struct run_job jobs[200];
    static struct bus b = {.lock = PTHREAD_MUTEX_INITIALIZER, .hold = true};
    struct outbox *o = make(&b, 100, 500);
    struct adder a = {.outbox = o, .jobs = jobs, .n = ARRAY_LEN(jobs)};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, add_all, &a), 0);
    clock_wait_ns(100 * NS_PER_MS);
    assert_in_range(atomic_load(&a.added), 40, 60); /* 500 bytes of 11 */
    assert_in_range(most_in_flight(&b), 1, 4);
    assert_false(outbox_drain(o, NS_PER_MS));
    int64_t until = clock_mono_ns() + 20 * NS_PER_SEC;
    while (outbox_bytes(o) || atomic_load(&a.added) < a.n) {
        (void)let_go(&b);
        clock_wait_ns(NS_PER_MS);
        assert_true(clock_mono_ns() < until);
    }
    (void)pthread_join(thread, NULL);
    check_once(jobs, ARRAY_LEN(jobs));
    assert_in_range(most_in_flight(&b), 1, 4);
    outbox_free(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_are_stored_once),
        cmocka_unit_test(test_failures_are_tried_again_with_the_same_id),
        cmocka_unit_test(test_an_open_batch_waits_for_more),
        cmocka_unit_test(test_an_open_batch_waits_no_longer_than_it_may),
        cmocka_unit_test(test_slots_wait_when_it_is_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
