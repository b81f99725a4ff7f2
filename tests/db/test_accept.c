/* Group commit against a real PostgreSQL: what was called stored is there, once; idempotency keys;
 * rows that are refused; connections that break; bounds. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "clock.h"
#include "hooks/accept.h"
#include "migrate.h"
#include "secret.h"

#define MAX_EVENTS 5000
#define WAIT_NS    (30 * NS_PER_SEC)

static struct db *db;
static const char *url;

/* Collects outcomes; a ticket is the number of its event + 1. */
struct collector {
    struct accept_sink sink;
    pthread_mutex_t lock;
    size_t n, calls;
    struct accept_outcome of[MAX_EVENTS];
    struct uuid ids[MAX_EVENTS]; /* as accept_submit said */
};
static struct collector *seen;

static void collect(struct accept_sink *sink, const struct accept_outcome *outcomes, size_t n)
{
    pthread_mutex_lock(&seen->lock);
    seen->calls++;
    for (size_t i = 0; i < n; i++) {
        seen->of[(uintptr_t)outcomes[i].ticket - 1] = outcomes[i];
    }
    seen->n += n;
    pthread_mutex_unlock(&seen->lock);
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
    return 0;
}

static int teardown(void **state)
{
    db_close(db);
    return 0;
}

static int each_setup(void **state)
{
    seen = mem_new(struct collector);
    seen->sink.done = collect;
    pthread_mutex_init(&seen->lock, NULL);
    return 0;
}

static int each_teardown(void **state)
{
    pthread_mutex_destroy(&seen->lock);
    mem_free(seen);
    return 0;
}

static void sql(const char *text)
{
    struct err err = {0};
    if (db_exec(db, text, &err) != 0) {
        fail_msg("%s", err.message);
    }
}

static int64_t number(const char *text, const struct uuid *id)
{
    struct db_rows *rows = NULL;
    struct db_param params[] = {DB_UUID(*id)};
    struct err err = {0};
    if (db_query_text(db, str_of(text), params, 1, &rows, &err) != 0) {
        fail_msg("%s", err.message);
    }
    int64_t n = db_rows_n(rows) ? db_int(rows, 0, 0) : -1;
    db_rows_free(rows);
    return n;
}

static int64_t rows_of(const struct uuid *flow_config)
{
    return number("SELECT count(*)::int FROM execution WHERE flow_config_id = $1::uuid",
                  flow_config);
}

static int64_t row_is_there(const struct uuid *id)
{
    return number("SELECT count(*)::int FROM execution WHERE id = $1::uuid", id);
}

static struct accept *start(struct accept_options options)
{
    struct accept *a = NULL;
    struct err err = {0};
    options.conninfo = options.conninfo ? options.conninfo : url;
    options.replica_id = 7;
    assert_int_equal(accept_new(&options, &a, &err), 0);
    assert_int_equal(accept_start(a), 0);
    return a;
}

static void await_available(struct accept *a)
{
    int64_t until = clock_mono_ns() + WAIT_NS;
    while (!accept_available(a) && clock_mono_ns() < until) {
        clock_wait_ns(NS_PER_MS);
    }
    assert_true(accept_available(a));
}

static void await(size_t n)
{
    int64_t until = clock_mono_ns() + WAIT_NS;
    size_t have = 0;
    while (have < n && clock_mono_ns() < until) {
        clock_wait_ns(NS_PER_MS);
        pthread_mutex_lock(&seen->lock);
        have = seen->n;
        pthread_mutex_unlock(&seen->lock);
    }
    assert_int_equal(have, n);
}

static int submit_body(struct accept *a, size_t i, const struct uuid *flow_config, const char *key,
                       struct str body)
{
    uint8_t digest[32];
    struct run_request run = {.flow_config_id = *flow_config,
                              .instance_id = *flow_config,
                              .organization_id = *flow_config,
                              .revision = 3,
                              .flow_name = STR("flow"),
                              .invoke_type = INVOKE_CROSS_FLOW,
                              .debug = true};
    struct hook_request request = {.method = STR("POST"), .body = body};
    if (key) {
        secret_sha256(str_of(key), digest);
    }
    struct accept_event event = {.sink = &seen->sink,
                                 .ticket = (void *)(uintptr_t)(i + 1),
                                 .run = &run,
                                 .request = &request,
                                 .idempotency = key ? digest : NULL};
    return accept_submit(a, &event, &seen->ids[i]);
}

static void submit(struct accept *a, size_t i, const struct uuid *flow_config, const char *key)
{
    assert_int_equal(submit_body(a, i, flow_config, key, STR("body\0with NUL")), 0);
}

static void test_stored(void **state)
{
    struct uuid flow_config = uuid_v7();
    struct accept *a = start((struct accept_options){.chunk_rows = 100});
    await_available(a);
    for (size_t i = 0; i < 1000; i++) {
        submit(a, i, &flow_config, NULL);
    }
    await(1000);
    assert_int_equal(accept_waiting(a), 0);
    for (size_t i = 0; i < 1000; i++) {
        assert_int_equal(seen->of[i].result, ACCEPT_STORED);
        assert_true(uuid_eq(&seen->of[i].execution_id, &seen->ids[i]));
        assert_true(i == 0 || uuid_cmp(&seen->ids[i - 1], &seen->ids[i]) < 0);
    }
    assert_in_range(seen->calls, 10, 1000);
    assert_int_equal(rows_of(&flow_config), 1000);
    assert_int_equal(
        number("SELECT count(*)::int FROM execution WHERE flow_config_id = $1::uuid "
               "AND revision = 3 AND accepted_by = 7 AND invoke_type = 2 AND flags = 2",
               &flow_config),
        1000);
    accept_free(a);
}

/* The bytes stored are the request, decodable, NUL and all. */
static void test_request_bytes(void **state)
{
    struct uuid flow_config = uuid_v7();
    struct accept *a = start((struct accept_options){0});
    await_available(a);
    submit(a, 0, &flow_config, NULL);
    await(1);
    struct db_rows *rows = NULL;
    struct db_param params[] = {DB_UUID(seen->ids[0])};
    assert_int_equal(db_query_text(db, STR("SELECT request FROM execution WHERE id = $1::uuid"),
                                   params, 1, &rows, NULL),
                     0);
    AUTO(arena_free) struct arena *arena = arena_new(0, 0);
    struct hook_request request;
    assert_int_equal(hook_request_decode(arena, db_str(rows, 0, 0), &request, NULL), 0);
    assert_true(str_eq(request.body, STR("body\0with NUL")));
    assert_true(str_eq(request.method, STR("POST")));
    db_rows_free(rows);
    accept_free(a);
}

static void test_idempotency(void **state)
{
    struct uuid one = uuid_v7(), other = uuid_v7();
    struct accept *a = start((struct accept_options){0});
    await_available(a);
    sql("BEGIN; LOCK TABLE execution IN SHARE MODE"); /* so that several share a chunk */
    submit(a, 0, &one, NULL);
    for (size_t i = 1; i < 6; i++) {
        submit(a, i, &one, "same key");
    }
    submit(a, 6, &other, "same key");
    submit(a, 7, &one, "another key");
    submit(a, 8, &one, NULL);
    sql("COMMIT");
    await(9);
    submit(a, 9, &one, "same key");
    await(10);
    size_t stored = 0;
    struct uuid first = {0};
    for (size_t i = 1; i < 6; i++) {
        if (seen->of[i].result == ACCEPT_STORED) {
            first = seen->of[i].execution_id;
            stored++;
        }
    }
    assert_int_equal(stored, 1);
    for (size_t i = 1; i < 6; i++) {
        assert_true(uuid_eq(&seen->of[i].execution_id, &first));
    }
    assert_int_equal(seen->of[6].result, ACCEPT_STORED);
    assert_int_equal(seen->of[7].result, ACCEPT_STORED);
    assert_int_equal(seen->of[9].result, ACCEPT_REPEATED);
    assert_true(uuid_eq(&seen->of[9].execution_id, &first));
    assert_int_equal(rows_of(&one), 4);
    assert_int_equal(rows_of(&other), 1);
    accept_free(a);
}

/* A row that PostgreSQL refuses takes no other with it. */
static void test_refused_row(void **state)
{
    struct uuid good = uuid_v7(), bad = {{0xba, 0xd0}};
    sql("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF NEW.flow_config_id = 'bad00000-0000-0000-0000-000000000000' THEN "
        "RAISE EXCEPTION 'no such row'; END IF; RETURN NEW; END $$;"
        "CREATE TRIGGER refuse BEFORE INSERT ON execution FOR EACH ROW EXECUTE FUNCTION refuse()");
    struct accept *a = start((struct accept_options){0});
    await_available(a);
    sql("BEGIN; LOCK TABLE execution IN SHARE MODE");
    for (size_t i = 0; i < 300; i++) {
        submit(a, i, i % 100 == 50 ? &bad : &good, NULL);
    }
    sql("COMMIT");
    await(300);
    for (size_t i = 0; i < 300; i++) {
        assert_int_equal(seen->of[i].result, i % 100 == 50 ? ACCEPT_REFUSED : ACCEPT_STORED);
    }
    assert_int_equal(rows_of(&good), 297);
    assert_true(accept_available(a));
    sql("DROP TRIGGER refuse ON execution; DROP FUNCTION refuse()");
    accept_free(a);
}

/* The server ends the connection again and again: nothing called stored is missing, nothing is
 * there twice. */
static void test_connection_ended(void **state)
{
    struct uuid flow_config = uuid_v7();
    struct accept *a = start((struct accept_options){0});
    size_t n = 0, stored = 0;
    for (int round = 0; round < 20; round++) {
        await_available(a);
        for (int i = 0; i < 50; i++) {
            char key[32];
            (void)snprintf(key, sizeof(key), "%d-%d", round, i);
            int r = submit_body(a, n, &flow_config, i % 2 && round % 2 ? key : NULL, STR("x"));
            n += r == 0;
        }
        sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = "
            "'leat accept'");
    }
    await(n);
    for (size_t i = 0; i < n; i++) {
        bool there = row_is_there(&seen->ids[i]) == 1;
        stored += seen->of[i].result == ACCEPT_STORED;
        assert_true(seen->of[i].result != ACCEPT_STORED || there);
    }
    assert_true(stored > n / 2);
    accept_free(a);
}

/* No room on the disk is nobody's row: 503, not 500; it goes on when there is room again. */
static void test_servers_trouble(void **state)
{
    struct uuid flow_config = uuid_v7();
    sql("CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "RAISE EXCEPTION 'no space left' USING ERRCODE = '53100'; END $$;"
        "CREATE TRIGGER full_disk BEFORE INSERT ON execution FOR EACH ROW EXECUTE FUNCTION "
        "full_disk()");
    struct accept *a = start((struct accept_options){0});
    await_available(a);
    sql("BEGIN; LOCK TABLE execution IN SHARE MODE");
    for (size_t i = 0; i < 100; i++) {
        submit(a, i, &flow_config, NULL);
    }
    sql("COMMIT");
    await(100);
    for (size_t i = 0; i < 100; i++) {
        assert_int_equal(seen->of[i].result, ACCEPT_UNAVAILABLE);
    }
    sql("DROP TRIGGER full_disk ON execution; DROP FUNCTION full_disk()");
    await_available(a);
    submit(a, 100, &flow_config, NULL);
    await(101);
    assert_int_equal(seen->of[100].result, ACCEPT_STORED);
    accept_free(a);
}

static void test_bounds(void **state)
{
    struct uuid flow_config = uuid_v7();
    struct accept *a = start((struct accept_options){.max_waiting = 20, .chunk_rows = 8});
    await_available(a);
    sql("BEGIN; LOCK TABLE execution IN SHARE MODE");
    size_t n = 0;
    int r = 0;
    while (r == 0 && n < 100) {
        r = submit_body(a, n, &flow_config, NULL, STR("x"));
        n += r == 0;
    }
    assert_int_equal(r, -EAGAIN);
    assert_int_equal(n, 20);
    sql("COMMIT");
    await(20);
    assert_int_equal(rows_of(&flow_config), 20);

    /* A body over the message's bound is refused and leaves nothing behind. */
    char *large = mem_zalloc(MIB(8));
    assert_int_equal(submit_body(a, 20, &flow_config, NULL, str_n(large, MIB(8))), -E2BIG);
    assert_int_equal(submit_body(a, 20, &flow_config, NULL, str_n(large, MIB(6))), 0);
    await(21);
    assert_int_equal(seen->of[20].result, ACCEPT_STORED);
    mem_free(large);
    accept_free(a);
}

static void test_bytes_bound(void **state)
{
    struct uuid flow_config = uuid_v7();
    struct accept *a = start((struct accept_options){.max_waiting_bytes = KIB(100)});
    await_available(a);
    char *body = mem_zalloc(KIB(30));
    for (size_t i = 0; i < KIB(30); i++) { /* nothing that could be packed */
        uint64_t mixed = (i + 1) * 0x9e3779b97f4a7c15u;
        body[i] = (char)(mixed >> 33 ^ mixed >> 57);
    }
    sql("BEGIN; LOCK TABLE execution IN SHARE MODE");
    size_t n = 0;
    int r = 0;
    while (r == 0 && n < 100) {
        r = submit_body(a, n, &flow_config, NULL, str_n(body, KIB(30)));
        n += r == 0;
    }
    sql("COMMIT");
    assert_int_equal(r, -EAGAIN);
    assert_int_equal(n, 4);
    await(4);
    mem_free(body);
    accept_free(a);
}

static void test_away(void **state)
{
    struct uuid flow_config = uuid_v7();
    struct accept *a =
        start((struct accept_options){.conninfo = "host=/nonexistent dbname=none user=none"});
    clock_wait_ns(20 * NS_PER_MS);
    assert_false(accept_available(a));
    assert_int_equal(submit_body(a, 0, &flow_config, NULL, STR("x")), -ENOTCONN);
    accept_free(a);
}

static void test_drain(void **state)
{
    struct uuid flow_config = uuid_v7();
    struct accept *a = start((struct accept_options){0});
    await_available(a);
    for (size_t i = 0; i < 200; i++) {
        submit(a, i, &flow_config, NULL);
    }
    accept_drain(a);
    assert_int_equal(seen->n, 200);
    assert_int_equal(submit_body(a, 200, &flow_config, NULL, STR("x")), -EPIPE);
    accept_free(a);
    assert_int_equal(rows_of(&flow_config), 200);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, each_setup, each_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_stored),      TEST(test_request_bytes),   TEST(test_idempotency),
        TEST(test_refused_row), TEST(test_servers_trouble), TEST(test_connection_ended),
        TEST(test_bounds),      TEST(test_bytes_bound),     TEST(test_away),
        TEST(test_drain),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
