/* Queues against a real PostgreSQL: order, limits, gates side by side, dedupe ids at acceptance,
 * connections that break, what the recorder frees, and what the sweeper leaves alone. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "clock.h"
#include "dispatch/gate.h"
#include "hooks/accept.h"
#include "migrate.h"
#include "recorder/batch.h"

#define MAX_EVENTS 2000
#define WAIT_NS    (30 * NS_PER_SEC)

static struct db *db;
static const char *url;
static struct uuid organization, customer, flow_config, other_flow_config, instance;

static void run_sql(const char *text, const struct db_param *params, size_t n)
{
    struct err err = {0};
    if (db_query_text(db, str_of(text), params, n, NULL, &err) != 0) {
        fail_msg("%s: %s", text, err.message);
    }
}

static void sql(const char *text)
{
    struct err err = {0};
    if (db_exec(db, text, &err) != 0) {
        fail_msg("%s: %s", text, err.message);
    }
}

static int64_t number(const char *text)
{
    struct db_rows *rows = NULL;
    struct err err = {0};
    if (db_query_text(db, str_of(text), NULL, 0, &rows, &err) != 0) {
        fail_msg("%s: %s", text, err.message);
    }
    int64_t n = db_int(rows, 0, 0);
    db_rows_free(rows);
    return n;
}

static int setup(void **state)
{
    struct err err;
    int applied = 0;
    url = getenv("LEAT_TEST_POSTGRES");
    if (db_open(url, DB_OWNER, "test", &db, &err) != 0 || migrate_run(db, &applied, &err) != 0) {
        fprintf(stderr, "%s\n", err.message);
        return -1;
    }
    organization = uuid_v7();
    customer = uuid_v7();
    flow_config = uuid_v7();
    other_flow_config = uuid_v7();
    instance = uuid_v7();
    struct uuid integration = uuid_v7(), flow = uuid_v7(), other = uuid_v7();
    const struct db_param params[] = {
        DB_UUID(organization), DB_UUID(customer),          DB_UUID(integration), DB_UUID(flow),
        DB_UUID(flow_config),  DB_UUID(other_flow_config), DB_UUID(instance),    DB_UUID(other)};
    run_sql("WITH o AS (INSERT INTO organization (id, name, data_key) VALUES ($1::uuid, 'o', '')), "
            "k AS (INSERT INTO customer (id, organization_id, name) VALUES ($2::uuid, $1::uuid, "
            "'k')), v AS (INSERT INTO integration (id, organization_id, sequence_id, name, "
            "definition, definition_hash) VALUES ($3::uuid, $1::uuid, $3::uuid, 'v', '', '')), "
            "f AS (INSERT INTO integration_flow (id, organization_id, integration_id, position, "
            "name, trigger_component, trigger_action) VALUES ($4::uuid, $1::uuid, $3::uuid, 0, "
            "'f', '', ''), ($8::uuid, $1::uuid, $3::uuid, 1, 'g', '', '')), i AS (INSERT INTO "
            "instance (id, organization_id, customer_id, integration_id, name) VALUES ($7::uuid, "
            "$1::uuid, $2::uuid, $3::uuid, 'i')) INSERT INTO instance_flow_config (id, "
            "organization_id, instance_id, flow_id, identity) VALUES ($5::uuid, $1::uuid, "
            "$7::uuid, $4::uuid, 'f'), ($6::uuid, $1::uuid, $7::uuid, $8::uuid, 'g')",
            params, ARRAY_LEN(params));
    return 0;
}

static int teardown(void **state)
{
    db_close(db);
    return 0;
}

static int each_setup(void **state)
{
    sql("TRUNCATE execution_queue, execution_lease, execution, execution_result, "
        "webhook_idempotency; UPDATE customer SET concurrency_limit = NULL; "
        "UPDATE integration_flow SET queue_limit = 1");
    return 0;
}

/* --- the gate --------------------------------------------------------------------------------- */

static struct uuid enter(const struct uuid *queue, bool limited)
{
    struct uuid id = uuid_v7();
    const struct db_param params[] = {DB_UUID(id), DB_UUID(organization), DB_UUID(flow_config),
                                      DB_UUID(*queue), limited ? DB_UUID(customer) : DB_NULL};
    run_sql("INSERT INTO execution_queue (execution_id, organization_id, flow_config_id, queue_id, "
            "customer_id) VALUES ($1::uuid, $2::uuid, $3::uuid, $4::uuid, $5::uuid)",
            params, ARRAY_LEN(params));
    return id;
}

static size_t release(const struct uuid *keys, size_t n)
{
    struct err err = {0};
    size_t released = 0;
    if (gate_release(db, NULL, keys, n, &released, &err) != 0) {
        fail_msg("%s", err.message);
    }
    return released;
}

static bool is_released(const struct uuid *id)
{
    struct db_rows *rows = NULL;
    struct err err = {0};
    const struct db_param params[] = {DB_UUID(*id)};
    assert_int_equal(db_query_text(db,
                                   STR("SELECT count(*)::int FROM execution_queue WHERE "
                                       "execution_id = $1::uuid AND released_at IS NOT NULL"),
                                   params, 1, &rows, &err),
                     0);
    bool yes = db_int(rows, 0, 0) == 1;
    db_rows_free(rows);
    return yes;
}

static void leave(const struct uuid *id)
{
    struct err err = {0};
    assert_int_equal(db_run(db, QUERY_QUEUE_LEAVE, NULL, &err, DB_UUIDS(id, 1)), 0);
}

static void test_one_after_the_other(void **state)
{
    struct uuid ids[5];
    for (int i = 0; i < 5; i++) {
        ids[i] = enter(&flow_config, false);
    }
    for (int i = 0; i < 5; i++) {
        assert_int_equal(release(&flow_config, 1), 1);
        assert_int_equal(release(&flow_config, 1), 0);
        assert_int_equal(release(NULL, 0), 0);
        assert_true(is_released(&ids[i]));
        assert_int_equal(number("SELECT count(*)::int FROM execution_lease"), 1);
        leave(&ids[i]);
        assert_int_equal(number("SELECT count(*)::int FROM execution_lease"), 0);
    }
    assert_int_equal(release(NULL, 0), 0);
}

static void test_throttled_and_changed(void **state)
{
    sql("UPDATE integration_flow SET queue_limit = 3");
    struct uuid ids[12];
    for (int i = 0; i < 12; i++) {
        ids[i] = enter(&flow_config, false);
    }
    assert_int_equal(release(&flow_config, 1), 3);
    leave(&ids[1]);
    assert_int_equal(release(&flow_config, 1), 1);
    assert_true(is_released(&ids[3]));
    sql("UPDATE integration_flow SET queue_limit = 5");
    assert_int_equal(release(NULL, 0), 2);
    sql("UPDATE integration_flow SET queue_limit = 0"); /* the next version has no queue */
    assert_int_equal(release(NULL, 0), 6);
}

/* The customer's limit spans its flows; a queue inside keeps its own. */
static void test_customers_limit(void **state)
{
    sql("UPDATE customer SET concurrency_limit = 3");
    struct uuid fifo[3], plain[4];
    for (int i = 0; i < 3; i++) {
        fifo[i] = enter(&flow_config, true);
    }
    for (int i = 0; i < 4; i++) {
        plain[i] = enter(&customer, true);
    }
    assert_int_equal(release(&customer, 1), 3);
    assert_true(is_released(&fifo[0]) && is_released(&plain[0]) && is_released(&plain[1]));
    leave(&plain[0]);
    assert_int_equal(release(&customer, 1), 1);
    assert_true(is_released(&plain[2]) && !is_released(&fifo[1]));
    leave(&fifo[0]);
    assert_int_equal(release(&customer, 1), 1);
    assert_true(is_released(&fifo[1]));
    sql("UPDATE customer SET concurrency_limit = NULL");
    assert_int_equal(release(NULL, 0), 1); /* not the fifo's third */
    assert_true(is_released(&plain[3]) && !is_released(&fifo[2]));
}

struct racer {
    pthread_t thread;
    size_t released;
    int64_t most;
};

static void *race(void *arg)
{
    struct racer *r = arg;
    struct db *mine = NULL;
    struct err err = {0};
    assert_int_equal(db_open(url, DB_OWNER, "racer", &mine, &err), 0);
    for (int i = 0; i < 100; i++) {
        size_t released = 0;
        assert_int_equal(gate_release(mine, NULL, i % 2 ? &flow_config : NULL, 1, &released, &err),
                         0);
        r->released += released;
        struct db_rows *rows = NULL;
        assert_int_equal(db_query_text(mine,
                                       STR("SELECT count(*)::int FROM execution_queue WHERE "
                                           "released_at IS NOT NULL"),
                                       NULL, 0, &rows, &err),
                         0);
        r->most = MAX(r->most, db_int(rows, 0, 0));
        db_rows_free(rows);
        /* Whoever is released leaves by the hand of anybody. */
        assert_int_equal(db_query_text(mine,
                                       STR("DELETE FROM execution_queue WHERE released_at IS NOT "
                                           "NULL"),
                                       NULL, 0, NULL, &err),
                         0);
    }
    db_close(mine);
    return NULL;
}

static void test_gates_side_by_side(void **state)
{
    struct racer racers[4] = {0};
    for (int i = 0; i < 200; i++) {
        enter(&flow_config, false);
    }
    for (size_t i = 0; i < ARRAY_LEN(racers); i++) {
        assert_int_equal(pthread_create(&racers[i].thread, NULL, race, &racers[i]), 0);
    }
    size_t released = 0;
    for (size_t i = 0; i < ARRAY_LEN(racers); i++) {
        pthread_join(racers[i].thread, NULL);
        released += racers[i].released;
        assert_in_range(racers[i].most, 0, 1);
    }
    assert_int_equal(released + (size_t)number("SELECT count(*)::int FROM execution_queue"), 200);
}

static void test_a_long_queue_is_cheap(void **state)
{
    const struct db_param params[] = {DB_UUID(organization), DB_UUID(flow_config)};
    run_sql("INSERT INTO execution_queue (execution_id, organization_id, flow_config_id, queue_id) "
            "SELECT gen_random_uuid(), $1::uuid, $2::uuid, $2::uuid FROM generate_series(1, "
            "100000)",
            params, 2);
    sql("ANALYZE execution_queue");
    int64_t begin = clock_mono_ns();
    for (int i = 0; i < 50; i++) {
        assert_int_equal(release(i % 2 ? &flow_config : NULL, 1), 1);
        sql("DELETE FROM execution_queue WHERE released_at IS NOT NULL");
    }
    assert_in_range(clock_mono_ns() - begin, 0, 5 * NS_PER_SEC);
}

/* --- acceptance ------------------------------------------------------------------------------- */

struct collector {
    struct accept_sink sink;
    pthread_mutex_t lock;
    size_t n;
    struct accept_outcome of[MAX_EVENTS];
};
static struct collector seen = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void collect(struct accept_sink *sink, const struct accept_outcome *outcomes, size_t n)
{
    pthread_mutex_lock(&seen.lock);
    for (size_t i = 0; i < n; i++) {
        seen.of[(uintptr_t)outcomes[i].ticket - 1] = outcomes[i];
    }
    seen.n += n;
    pthread_mutex_unlock(&seen.lock);
}

static struct accept *start(void)
{
    struct accept *a = NULL;
    struct err err = {0};
    seen.n = 0;
    seen.sink.done = collect;
    assert_int_equal(
        accept_new(&(struct accept_options){.conninfo = url, .replica_id = 1}, &a, &err), 0);
    assert_int_equal(accept_start(a), 0);
    return a;
}

static void await_available(struct accept *a)
{
    int64_t until = clock_mono_ns() + WAIT_NS;
    while (!accept_available(a) && clock_mono_ns() < until) {
        clock_wait_ns(NS_PER_MS);
    }
}

static void await(size_t n)
{
    int64_t until = clock_mono_ns() + WAIT_NS;
    size_t have = 0;
    while (have < n && clock_mono_ns() < until) {
        clock_wait_ns(NS_PER_MS);
        pthread_mutex_lock(&seen.lock);
        have = seen.n;
        pthread_mutex_unlock(&seen.lock);
    }
    assert_int_equal(have, n);
}

/* dedupe: the byte that fills the digest; 0 = none. key likewise. */
static int submit(struct accept *a, size_t i, bool placed, uint8_t dedupe, uint8_t key)
{
    uint8_t digest[32], key_digest[32];
    memset(digest, dedupe, sizeof(digest));
    memset(key_digest, key, sizeof(key_digest));
    struct run_request run = {.flow_config_id = flow_config,
                              .instance_id = instance,
                              .customer_id = customer,
                              .organization_id = organization,
                              .revision = 1,
                              .flow_name = STR("f"),
                              .traceparent = STR("00-trace")};
    struct accept_place place = {.queued = true, .dedupe = dedupe ? digest : NULL};
    struct accept_event event = {.sink = &seen.sink,
                                 .ticket = (void *)(uintptr_t)(i + 1),
                                 .run = &run,
                                 .request = &(struct hook_request){.method = STR("POST")},
                                 .idempotency = key ? key_digest : NULL,
                                 .place = placed ? &place : NULL};
    struct uuid id;
    return accept_submit(a, &event, &id);
}

static void test_places_in_order_of_acceptance(void **state)
{
    struct accept *a = start();
    await_available(a);
    for (size_t i = 0; i < 500; i++) {
        assert_int_equal(submit(a, i, i % 3 != 0, 0, 0), 0);
    }
    await(500);
    for (size_t i = 0; i < 500; i++) {
        assert_int_equal(seen.of[i].result, ACCEPT_STORED);
    }
    assert_int_equal(number("SELECT count(*)::int FROM execution"), 500);
    assert_int_equal(number("SELECT count(*)::int FROM execution_queue"), 333);
    assert_int_equal(number("SELECT count(*)::int FROM (SELECT place < lag(place) OVER (ORDER BY "
                            "execution_id) AS wrong FROM execution_queue) x WHERE wrong"),
                     0);
    assert_int_equal(number("SELECT count(*)::int FROM execution_queue WHERE traceparent = "
                            "'00-trace' AND customer_id IS NULL"),
                     333);
    accept_free(a);
}

static void test_dedupe_in_one_chunk_and_later(void **state)
{
    struct accept *a = start();
    await_available(a);
    sql("BEGIN; LOCK TABLE execution IN SHARE MODE"); /* so that several share a chunk */
    assert_int_equal(submit(a, 0, false, 0, 0), 0);
    for (size_t i = 1; i < 7; i++) {
        assert_int_equal(submit(a, i, true, i % 2 ? 1 : 2, i == 5 ? 9 : 0), 0);
    }
    sql("COMMIT");
    await(7);
    assert_int_equal(submit(a, 7, true, 1, 0), 0);
    assert_int_equal(submit(a, 8, true, 3, 9), 0); /* the key of one that was a repetition */
    await(9);
    assert_int_equal(seen.of[1].result, ACCEPT_STORED);
    assert_int_equal(seen.of[2].result, ACCEPT_STORED);
    for (size_t i = 3; i < 9; i++) {
        size_t first = i == 7 || i == 8 || i % 2 ? 1 : 2;
        assert_int_equal(seen.of[i].result, ACCEPT_REPEATED);
        assert_true(uuid_eq(&seen.of[i].execution_id, &seen.of[first].execution_id));
    }
    assert_int_equal(number("SELECT count(*)::int FROM execution"), 3);
    leave(&seen.of[1].execution_id);
    assert_int_equal(submit(a, 9, true, 1, 0), 0);
    await(10);
    assert_int_equal(seen.of[9].result, ACCEPT_STORED);
    accept_free(a);
}

/* The connection ends again and again while another hand lets ids go: what is called stored is
 * there, with its place, once. */
static void test_connection_ended(void **state)
{
    struct accept *a = start();
    size_t n = 0, stored = 0;
    for (int round = 0; round < 20; round++) {
        await_available(a);
        for (int i = 0; i < 40; i++) {
            n += submit(a, n, i % 4 != 0, (uint8_t)(i % 3 ? 1 + i % 5 : 0), 0) == 0;
        }
        sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = "
            "'leat accept'; UPDATE execution_queue SET dedupe_hash = NULL");
    }
    await(n);
    for (size_t i = 0; i < n; i++) {
        stored += seen.of[i].result == ACCEPT_STORED;
        if (seen.of[i].result == ACCEPT_STORED || seen.of[i].result == ACCEPT_REPEATED) {
            struct db_rows *rows = NULL;
            struct err err = {0};
            const struct db_param params[] = {DB_UUID(seen.of[i].execution_id)};
            assert_int_equal(db_query_text(db,
                                           STR("SELECT count(*)::int FROM execution WHERE id = "
                                               "$1::uuid"),
                                           params, 1, &rows, &err),
                             0);
            assert_int_equal(db_int(rows, 0, 0), 1);
            db_rows_free(rows);
        }
    }
    assert_true(stored > n / 4);
    assert_int_equal(number("SELECT count(*)::int FROM execution_queue q WHERE NOT EXISTS (SELECT "
                            "FROM execution e WHERE e.id = q.execution_id)"),
                     0);
    accept_free(a);
}

/* --- the recorder and the sweeper ------------------------------------------------------------- */

static struct run_result result_of(const struct uuid *id, uint32_t attempt, bool queued)
{
    int64_t now = clock_now_ns();
    return (struct run_result){.execution_id = *id,
                               .attempt = attempt,
                               .organization_id = organization,
                               .instance_id = instance,
                               .flow_config_id = flow_config,
                               .status = RUN_SUCCEEDED,
                               .result_type = STR("COMPLETED"),
                               .dispatched_ns = now,
                               .started_ns = now,
                               .ended_ns = now,
                               .queued = queued};
}

static void record(struct arena *arena, const struct run_result *results, size_t n,
                   struct batch *ret)
{
    struct buf message, one;
    struct err err = {0};
    uint64_t malformed = 0, recorded = 0;
    buf_init(&message, 0);
    for (size_t i = 0; i < n; i++) {
        buf_init(&one, 0);
        wire_encode(&run_result_message, &results[i], &one);
        wire_batch_add(&message, buf_str(&one));
        buf_done(&one);
    }
    *ret = (struct batch){.arena = arena};
    batch_add(ret, buf_str(&message), &malformed);
    if (batch_record(ret, db, &recorded, &err) != 0) {
        fail_msg("%s", err.message);
    }
    buf_done(&message);
}

static void test_a_result_frees_the_place(void **state)
{
    AUTO(arena_free) struct arena *arena = arena_new(0, 0);
    struct batch batch;
    struct uuid first = enter(&flow_config, true), second = enter(&flow_config, true);
    assert_int_equal(release(&flow_config, 1), 1);
    /* Of an attempt that lost its lease: nothing is recorded, nothing freed. */
    sql("UPDATE execution_lease SET attempt = 2");
    struct run_result results[] = {result_of(&first, 1, true), result_of(&flow_config, 1, false)};
    results[0].dispatched_ns -= 20 * NS_PER_SEC;
    record(arena, results, 2, &batch);
    assert_int_equal(batch.n_freed, 0);
    assert_int_equal(release(&flow_config, 1), 0);
    results[0].attempt = 2;
    record(arena, results, 2, &batch);
    assert_int_equal(batch.n_freed, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_true(uuid_eq(&batch.freed[i], &flow_config) || uuid_eq(&batch.freed[i], &customer));
    }
    assert_int_equal(release(batch.freed, batch.n_freed), 1);
    assert_true(is_released(&second));
    /* Again: known, and frees nothing twice. */
    record(arena, results, 2, &batch);
    assert_int_equal(batch.n_freed, 0);
}

static void test_the_sweeper_leaves_queues_alone(void **state)
{
    struct uuid old = uuid_v7_floor(clock_now_ns() - 60 * NS_PER_SEC);
    old.b[15] = 1;
    const struct db_param params[] = {DB_UUID(old), DB_UUID(organization), DB_UUID(flow_config)};
    run_sql("WITH q AS (INSERT INTO execution_queue (execution_id, organization_id, "
            "flow_config_id, queue_id) VALUES ($1::uuid, $2::uuid, $3::uuid, $3::uuid)) "
            "INSERT INTO execution VALUES ($1::uuid, $2::uuid, $2::uuid, $3::uuid, 1, 1, 0, 0, '')",
            params, 3);
    struct db_rows *rows = NULL;
    struct err err = {0};
    assert_int_equal(db_run(db, QUERY_SWEEP_LOST, &rows, &err, DB_UUID((struct uuid){{0}}),
                            DB_UUID(uuid_v7_floor(clock_now_ns())), DB_I64(10), DB_I64(30000)),
                     0);
    assert_int_equal(db_rows_n(rows), 0);
    db_rows_free(rows);
    assert_int_equal(release(NULL, 0), 1);
    sql("UPDATE execution_lease SET lease_until = now() - interval '1 second'");
    /* A message as old as the release still stands in NATS: it may be that one. */
    rows = NULL;
    assert_int_equal(
        db_run(db, QUERY_SWEEP_EXPIRED, &rows, &err, DB_I64(10), DB_I64(30000), DB_TEXT("1000")),
        0);
    assert_int_equal(db_rows_n(rows), 0);
    db_rows_free(rows);
    rows = NULL;
    assert_int_equal(
        db_run(db, QUERY_SWEEP_EXPIRED, &rows, &err, DB_I64(10), DB_I64(30000), DB_TEXT("1e11")),
        0);
    assert_int_equal(db_rows_n(rows), 1);
    db_rows_free(rows);
}

#define TEST(fn) cmocka_unit_test_setup(fn, each_setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_one_after_the_other),
        TEST(test_throttled_and_changed),
        TEST(test_customers_limit),
        TEST(test_gates_side_by_side),
        TEST(test_a_long_queue_is_cheap),
        TEST(test_places_in_order_of_acceptance),
        TEST(test_dedupe_in_one_chunk_and_later),
        TEST(test_connection_ended),
        TEST(test_a_result_frees_the_place),
        TEST(test_the_sweeper_leaves_queues_alone),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
