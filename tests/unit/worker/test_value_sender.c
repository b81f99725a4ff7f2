/* The window of an upload, against a control plane that loses, repeats and refuses. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "clock.h"
#include "value_sender.h"

#define CHUNKS_MAX 16
#define WINDOW     3

/* Takes chunks on the sender's thread, answers on its own. */
struct peer {
    struct value_sender *sender;
    struct value value;
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t came;
    struct {
        uint32_t number;
        enum value_outcome outcome;
    } queue[256];
    size_t head, tail;
    bool stopping;
    char *stored; /* the value as it came */
    bool has[CHUNKS_MAX];
    uint32_t n_stored, n_sent, most_under_way;
    uint32_t lose_every; /* the answer to each n-th chunk */
    uint32_t fail_first; /* publishes */
    enum value_outcome refusal;
    uint32_t refuse_at;
    bool silent, twice;
    int64_t resend_ns; /* 0 = long */
};

static int publish(void *ctx, struct str bytes)
{
    struct peer *p = ctx;
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    AUTO(buf_done) struct buf scratch = {0};
    struct value_chunk c;
    struct str plain;
    pthread_mutex_lock(&p->lock);
    p->n_sent++;
    bool fails = p->n_sent <= p->fail_first;
    pthread_mutex_unlock(&p->lock);
    if (fails) {
        return -ENOTCONN;
    }
    buf_init(&scratch, VALUE_CHUNK_BYTES);
    assert_int_equal(wire_decode(&value_chunk_message, a, bytes, &c, NULL), 0);
    assert_true(value_chunk_valid(&c));
    assert_int_equal(value_unpack(c.data, c.data_size, value_chunk_size(c.size, c.number), &scratch,
                                  &plain, NULL),
                     0);
    assert_true(str_eq(c.answer_to, STR("answers")));
    assert_true(str_eq(c.content_type, STR("image/png")));
    pthread_mutex_lock(&p->lock);
    memcpy(p->stored + (size_t)c.number * VALUE_CHUNK_BYTES, plain.ptr, plain.len);
    p->n_stored += !p->has[c.number];
    p->has[c.number] = true;
    bool lost = p->silent || (p->lose_every && p->n_sent % p->lose_every == 0);
    for (int i = 0; i < (lost ? 0 : p->twice ? 2 : 1); i++) {
        bool refused = p->refusal && c.number == p->refuse_at;
        p->queue[p->tail % ARRAY_LEN(p->queue)].number = c.number;
        p->queue[p->tail++ % ARRAY_LEN(p->queue)].outcome = refused ? p->refusal : VALUE_STORED;
    }
    p->most_under_way = MAX(p->most_under_way, (uint32_t)(p->tail - p->head));
    pthread_cond_signal(&p->came);
    pthread_mutex_unlock(&p->lock);
    return 0;
}

static void answer(struct peer *p, const struct uuid *id, uint32_t number, uint32_t outcome)
{
    AUTO(buf_done) struct buf b = {0};
    buf_init(&b, KIB(1));
    wire_encode(&value_answer_message,
                &(struct value_answer){.value_id = *id, .number = number, .outcome = outcome}, &b);
    value_sender_answer(p->sender, buf_str(&b));
}

static void *answers(void *arg)
{
    struct peer *p = arg;
    struct uuid other = uuid_v4();
    value_sender_answer(p->sender, STR("rubbish"));
    answer(p, &other, 0, VALUE_STORED);              /* of another value */
    answer(p, &p->value.value_id, 0, VALUE_NONE);    /* no outcome */
    answer(p, &p->value.value_id, 0, 99);            /* nor this */
    answer(p, &p->value.value_id, 77, VALUE_STORED); /* was never sent */
    pthread_mutex_lock(&p->lock);
    for (;;) {
        while (p->head == p->tail && !p->stopping) {
            pthread_cond_wait(&p->came, &p->lock);
        }
        if (p->head == p->tail) {
            break;
        }
        uint32_t number = p->queue[p->head % ARRAY_LEN(p->queue)].number;
        enum value_outcome outcome = p->queue[p->head % ARRAY_LEN(p->queue)].outcome;
        pthread_mutex_unlock(&p->lock);
        answer(p, &p->value.value_id, number, outcome);
        pthread_mutex_lock(&p->lock);
        p->head++;
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

/* Sends `size` bytes in pieces of odd lengths. */
static int run(struct peer *p, size_t size, int64_t ms, int64_t stall_ms, struct err *err)
{
    char *bytes = mem_alloc(size);
    struct str pieces[64];
    size_t n = 0;
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (char)((i * 2654435761u) >> 13);
    }
    for (size_t at = 0, len = 7; at < size; at += pieces[n++].len, len = len * 5 + 1) {
        pieces[n] = str_n(bytes + at, n == 63 ? size - at : MIN(len, size - at));
    }
    p->value = (struct value){.value_id = uuid_v4(),
                              .content_type = "image/png",
                              .size = size,
                              .pieces = pieces,
                              .n_pieces = n};
    p->stored = mem_zalloc(size);
    p->resend_ns = p->resend_ns ? p->resend_ns : 600 * NS_PER_SEC;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->came, NULL);
    p->sender = value_sender_new(&(struct value_sender_options){.ctx = p,
                                                                .publish = publish,
                                                                .answer_to = "answers",
                                                                .window = WINDOW,
                                                                .resend_ns = p->resend_ns},
                                 &p->value);
    assert_int_equal(pthread_create(&p->thread, NULL, answers, p), 0);
    int64_t now = clock_mono_ns();
    int rc = value_sender_run(p->sender, now + ms * NS_PER_MS, stall_ms * NS_PER_MS, err);
    pthread_mutex_lock(&p->lock);
    p->stopping = true;
    pthread_cond_signal(&p->came);
    pthread_mutex_unlock(&p->lock);
    pthread_join(p->thread, NULL);
    if (rc == 0) {
        assert_int_equal(p->n_stored, value_n_chunks(size));
        assert_memory_equal(p->stored, bytes, size);
    }
    assert_true(p->most_under_way <= WINDOW * (p->twice ? 2u : 1u));
    value_sender_free(p->sender);
    pthread_cond_destroy(&p->came);
    pthread_mutex_destroy(&p->lock);
    mem_free(bytes);
    mem_free(p->stored);
    return rc;
}

static void test_sends_all(void **state)
{
    static const size_t sizes[] = {1, VALUE_CHUNK_BYTES, VALUE_CHUNK_BYTES + 1,
                                   8 * VALUE_CHUNK_BYTES - 3};
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        struct peer p = {0};
        struct err err = {0};
        assert_int_equal(run(&p, sizes[i], 60000, 60000, &err), 0);
        assert_int_equal(p.n_sent, value_n_chunks(sizes[i]));
    }
}

static void test_loss(void **state)
{
    struct peer lossy = {.lose_every = 3, .resend_ns = 20 * NS_PER_MS}, away = {.fail_first = 4},
                twice = {.twice = true};
    struct err err = {0};
    assert_int_equal(run(&lossy, 7 * VALUE_CHUNK_BYTES, 60000, 60000, &err), 0);
    assert_true(lossy.n_sent > 7);
    assert_int_equal(run(&away, 2 * VALUE_CHUNK_BYTES, 60000, 60000, &err), 0);
    assert_true(away.n_sent >= 6);
    assert_int_equal(run(&twice, 5 * VALUE_CHUNK_BYTES, 60000, 60000, &err), 0);
}

static void test_gives_up(void **state)
{
    static const struct {
        struct peer peer;
        int64_t ms, stall_ms;
        int rc;
        const char *code;
    } cases[] = {
        {{.silent = true}, 60000, 60, -ETIMEDOUT, "value.unreachable"},
        {{.silent = true}, 60, 60000, -ETIMEDOUT, "value.unreachable"},
        {{.refusal = VALUE_LATE, .refuse_at = 2}, 60000, 60000, -ESTALE, "value.late"},
        {{.refusal = VALUE_FULL, .refuse_at = 0}, 60000, 60000, -EFBIG, "value.full"},
        {{.refusal = VALUE_REFUSED, .refuse_at = 4}, 60000, 60000, -EIO, "value.refused"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct peer p = cases[i].peer;
        struct err err = {0};
        assert_int_equal(run(&p, 5 * VALUE_CHUNK_BYTES, cases[i].ms, cases[i].stall_ms, &err),
                         cases[i].rc);
        assert_string_equal(err.code, cases[i].code);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sends_all),
        cmocka_unit_test(test_loss),
        cmocka_unit_test(test_gives_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
