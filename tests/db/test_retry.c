/* Retries against a real PostgreSQL: what the recorder makes due, when, and that each starts once
 * however many claim. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "clock.h"
#include "migrate.h"
#include "recorder/batch.h"
#include "schedule/retry.h"
#include "uuid.h"

static struct db *db;
static struct arena *arena;
static struct uuid organization, instance, flow_config;

static void sql(const char *text)
{
    struct err err = {0};
    if (db_exec(db, text, &err) != 0) {
        fail_msg("%s", err.message);
    }
}

static void sql_of(const char *text, const struct uuid *id)
{
    struct db_param params[] = {DB_UUID(*id)};
    struct err err = {0};
    if (db_query_text(db, str_of(text), params, 1, NULL, &err) != 0) {
        fail_msg("%s", err.message);
    }
}

static int64_t number(const char *text, const struct uuid *id)
{
    struct db_rows *rows = NULL;
    struct db_param params[] = {id ? DB_UUID(*id) : DB_NULL};
    struct err err = {0};
    if (db_query_text(db, str_of(text), params, id ? 1 : 0, &rows, &err) != 0) {
        fail_msg("%s", err.message);
    }
    int64_t n = db_rows_n(rows) && !db_is_null(rows, 0, 0) ? db_int(rows, 0, 0) : -1;
    db_rows_free(rows);
    return n;
}

static int setup(void **state)
{
    struct err err;
    int applied = 0;
    arena = arena_new(0, 0);
    if (db_open(getenv("LEAT_TEST_POSTGRES"), DB_OWNER, "test", &db, &err) != 0 ||
        migrate_run(db, &applied, &err) != 0) {
        fprintf(stderr, "%s\n", err.message);
        return -1;
    }
    return db_exec(
        db,
        "INSERT INTO organization (id, name, data_key) VALUES (gen_random_uuid(), 'o', '');"
        "INSERT INTO customer (id, organization_id, name) SELECT gen_random_uuid(), id, 'c' FROM "
        "organization;"
        "WITH i AS (SELECT gen_random_uuid() AS id) INSERT INTO integration (id, organization_id, "
        "sequence_id, name, definition, definition_hash) SELECT i.id, o.id, i.id, 'i', '', '' "
        "FROM i, organization o;"
        "INSERT INTO instance (id, organization_id, customer_id, integration_id, name, "
        "deployed_revision) SELECT gen_random_uuid(), c.organization_id, c.id, i.id, 'n', 4 "
        "FROM customer c, integration i;"
        "INSERT INTO instance_flow_config (id, organization_id, instance_id, identity) SELECT "
        "gen_random_uuid(), organization_id, id, 'f' FROM instance",
        &err);
}

static int teardown(void **state)
{
    db_close(db);
    arena_free(arena);
    return 0;
}

static int each_setup(void **state)
{
    struct db_rows *rows = NULL;
    struct err err = {0};
    sql("TRUNCATE execution, execution_result, execution_retry, unique_request, execution_lease;"
        "UPDATE instance SET enabled = true, deployed_revision = 4;"
        "UPDATE instance_flow_config SET active = true");
    if (db_query_text(db, STR("SELECT organization_id, instance_id, id FROM instance_flow_config"),
                      NULL, 0, &rows, &err) != 0) {
        return -1;
    }
    organization = db_uuid(rows, 0, 0);
    instance = db_uuid(rows, 0, 1);
    flow_config = db_uuid(rows, 0, 2);
    db_rows_free(rows);
    return 0;
}

static struct uuid accept(int flags)
{
    struct uuid id = uuid_v7();
    struct err err = {0};
    struct db_param params[] = {DB_UUID(id),       DB_UUID(organization),
                                DB_UUID(instance), DB_UUID(flow_config),
                                DB_I64(flags),     DB_BYTES(STR("asked"))};
    if (db_query_text(db,
                      STR("INSERT INTO execution (id, organization_id, instance_id, "
                          "flow_config_id, revision, accepted_by, invoke_type, flags, request) "
                          "VALUES ($1::uuid, $2::uuid, $3::uuid, $4::uuid, 3, 1, 0, $5::int2, $6)"),
                      params, ARRAY_LEN(params), NULL, &err) != 0) {
        fail_msg("%s", err.message);
    }
    return id;
}

struct outcome {
    bool failed;
    uint32_t most, delay;
    bool exponential;
    const char *unique;
    int64_t ended_ns; /* 0 = now */
};

static uint64_t record_on(struct db *on, const struct uuid *id, const struct outcome *o)
{
    int64_t now = clock_now_ns();
    struct run_result r = {.execution_id = *id,
                           .attempt = 1,
                           .organization_id = organization,
                           .instance_id = instance,
                           .flow_config_id = flow_config,
                           .status = o->failed ? RUN_FAILED : RUN_SUCCEEDED,
                           .result_type = o->failed ? STR("ERROR") : STR("COMPLETED"),
                           .accepted_ns = now,
                           .dispatched_ns = now,
                           .started_ns = now,
                           .ended_ns = o->ended_ns ? o->ended_ns : now,
                           .retry_max = o->most,
                           .retry_delay_minutes = o->delay,
                           .retry_exponential = o->exponential,
                           .unique_request_id = str_of(o->unique)};
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    AUTO(buf_done) struct buf one = {0}, message = {0};
    buf_init(&one, 0);
    buf_init(&message, 0);
    wire_encode(&run_result_message, &r, &one);
    wire_batch_add(&message, buf_str(&one));
    struct batch batch = {.arena = a};
    uint64_t malformed = 0, recorded = 0;
    struct err err = {0};
    batch_add(&batch, buf_str(&message), &malformed);
    int rc = batch_record(&batch, on, &recorded, &err);
    if (rc != 0 || malformed) {
        fail_msg("%s", err.message);
    }
    return recorded;
}

static void record(const struct uuid *id, struct outcome o)
{
    assert_int_equal(record_on(db, id, &o), 1);
}

static size_t claim_on(struct db *on, struct uuid *ret_ids)
{
    struct err err = {0};
    size_t claimed = 0, fired = 0;
    if (retry_claim(on, 9, RETRY_BATCH, &claimed, ret_ids, &fired, &err) != 0) {
        fail_msg("%s", err.message);
    }
    return fired;
}

static size_t claim(struct uuid *ret_first)
{
    struct uuid ids[RETRY_BATCH];
    size_t n = claim_on(db, ids);
    *ret_first = ids[0];
    return n;
}

static void make_due(void)
{
    sql("UPDATE execution_retry SET due_at = now(), claim_at = now() WHERE due_at IS NOT NULL");
}

#define PENDING "SELECT count(*) FROM execution_retry WHERE due_at IS NOT NULL"
#define MINUTES                                                                                    \
    "SELECT (extract(epoch FROM r.due_at - x.ended_at) * 1000)::int8 FROM execution_retry r JOIN " \
    "execution_result x ON x.id = r.last_id WHERE r.last_id = $1::uuid"
#define WHOLE                                                                                      \
    "SELECT (extract(second FROM due_at) = 0)::int FROM execution_retry WHERE last_id = $1::uuid"

static void test_a_failure_becomes_due(void **state)
{
    struct uuid a = accept(0), retry;
    record(&a, (struct outcome){.failed = true, .most = 2, .delay = 0});
    assert_int_equal(number(PENDING, NULL), 1);
    assert_int_equal(claim(&retry), 1);
    assert_int_equal(claim(&retry) + number(PENDING, NULL), 0);
    assert_int_equal(number("SELECT count(*) FROM execution e JOIN execution o ON o.id = $1::uuid "
                            "WHERE e.retry_of = o.id AND e.retry_count = 1 AND e.request = "
                            "o.request AND e.revision = 4 AND e.accepted_by = 9 AND "
                            "e.flow_config_id = o.flow_config_id",
                            &a),
                     1);
}

static void test_until_the_last_one(void **state)
{
    struct uuid a = accept(0), id = a;
    for (int i = 0; i < 3; i++) {
        record(&id, (struct outcome){.failed = true, .most = 3});
        assert_int_equal(claim(&id), 1);
        assert_int_equal(number("SELECT retry_count FROM execution WHERE id = $1::uuid", &id),
                         i + 1);
    }
    record(&id, (struct outcome){.failed = true, .most = 3});
    assert_int_equal(number(PENDING, NULL), 0);
    assert_int_equal(number("SELECT count(*) FROM execution WHERE retry_of = $1::uuid", &a), 3);
}

static void test_no_retry(void **state)
{
    struct uuid good = accept(0), none = accept(0), test = accept(1), synchronous = accept(4), id;
    record(&good, (struct outcome){.most = 3});
    record(&none, (struct outcome){.failed = true});
    record(&test, (struct outcome){.failed = true, .most = 3});
    record(&synchronous, (struct outcome){.failed = true, .most = 3});
    assert_int_equal(number(PENDING, NULL), 0);
    assert_int_equal(claim(&id), 0);
}

static void test_a_second_result_changes_nothing(void **state)
{
    struct uuid a = accept(0), id;
    record(&a, (struct outcome){.failed = true, .most = 1});
    assert_int_equal(claim(&id), 1);
    assert_int_equal(
        record_on(db, &a, &(struct outcome){.failed = true, .most = 1, .exponential = true}), 0);
    assert_int_equal(number(PENDING, NULL), 0);
}

static void test_delays(void **state)
{
    struct uuid a = accept(0), id = a;
    static const int64_t doubled[] = {60, 120, 240, 480, 960, 1440, 1440};
    record(&a, (struct outcome){.failed = true, .most = 10, .delay = 60, .exponential = true});
    for (size_t i = 0; i < ARRAY_LEN(doubled); i++) {
        int64_t ms = number(MINUTES, &id), least = doubled[i] * 60000;
        assert_in_range(ms, least, least + 60000);
        assert_int_equal(number(WHOLE, &id), 1);
        make_due();
        assert_int_equal(claim(&id), 1);
        record(&id, (struct outcome){.failed = true, .most = 10, .delay = 60, .exponential = true});
    }
    /* Four minutes after 10:24:00 is 10:28:00, after 10:24:30 it is 10:29:00. */
    struct uuid even = accept(0), odd = accept(0);
    int64_t at = clock_now_ns() / (60 * NS_PER_SEC) * (60 * NS_PER_SEC);
    record(&even, (struct outcome){.failed = true, .most = 1, .delay = 4, .ended_ns = at});
    record(&odd, (struct outcome){
                     .failed = true, .most = 1, .delay = 4, .ended_ns = at + 30 * NS_PER_SEC});
    assert_int_equal(number(MINUTES, &even), 4 * 60000);
    assert_int_equal(number(MINUTES, &odd), 4 * 60000 + 30000);
}

static void test_what_a_worker_says_is_bounded(void **state)
{
    struct uuid a = accept(0);
    record(&a, (struct outcome){.failed = true, .most = UINT32_MAX, .delay = UINT32_MAX});
    assert_int_equal(number("SELECT max_count FROM execution_retry WHERE last_id = $1::uuid", &a),
                     10);
    assert_in_range(number(MINUTES, &a), 60 * 60000, 61 * 60000);
}

#define CANCELED                                                                                   \
    "SELECT count(*) FROM execution_retry WHERE last_id = $1::uuid AND due_at IS NULL AND "        \
    "canceled_by IS NOT NULL"

static void test_a_newer_request_cancels(void **state)
{
    struct uuid a = accept(0), other = accept(0), b = accept(0), id;
    record(&a, (struct outcome){.failed = true, .most = 3, .delay = 5, .unique = "7"});
    record(&other, (struct outcome){.failed = true, .most = 3, .delay = 5, .unique = "8"});
    record(&b, (struct outcome){.most = 3, .delay = 5, .unique = "7"});
    assert_int_equal(number(CANCELED, &a), 1);
    assert_int_equal(
        number("SELECT count(*) FROM execution_retry WHERE canceled_by = $1::uuid", &b), 1);
    assert_int_equal(number(PENDING, NULL), 1);
    make_due();
    assert_int_equal(claim(&id), 1);
    assert_int_equal(number("SELECT count(*) FROM execution WHERE retry_of = $1::uuid", &other), 1);
}

static void test_an_older_request_does_not_cancel(void **state)
{
    struct uuid a = accept(0), b = accept(0), id;
    record(&b, (struct outcome){.failed = true, .most = 3, .unique = "7"});
    record(&a, (struct outcome){.most = 3, .unique = "7"});
    assert_int_equal(number(PENDING, NULL), 1);
    assert_int_equal(claim(&id), 1);
    /* Its own retry neither. */
    record(&id, (struct outcome){.failed = true, .most = 3, .unique = "7"});
    assert_int_equal(number(PENDING, NULL), 1);
}

static void test_superseded_before_it_failed(void **state)
{
    struct uuid a = accept(0), b = accept(0), id;
    record(&b, (struct outcome){.most = 3, .unique = "7"});
    record(&a, (struct outcome){.failed = true, .most = 3, .unique = "7"});
    assert_int_equal(number(CANCELED, &a), 1);
    assert_int_equal(claim(&id), 0);
}

static void test_superseded_while_it_is_retried(void **state)
{
    struct uuid a = accept(0), retry, id;
    record(&a, (struct outcome){.failed = true, .most = 3, .unique = "7"});
    assert_int_equal(claim(&retry), 1);
    struct uuid b = accept(0);
    record(&b, (struct outcome){.most = 3, .unique = "7"});
    record(&retry, (struct outcome){.failed = true, .most = 3, .unique = "7"});
    assert_int_equal(number(CANCELED, &retry), 1);
    assert_int_equal(claim(&id), 0);
}

static void test_waits_for_newer_ones_under_way(void **state)
{
    struct uuid a = accept(0), b = accept(0), id;
    clock_wait_ns(5 * NS_PER_MS); /* due after b came */
    record(&a, (struct outcome){.failed = true, .most = 3, .unique = "7"});
    assert_int_equal(claim(&id), 0);
    assert_int_equal(number(PENDING, NULL), 1);
    record(&b, (struct outcome){.most = 3, .unique = "another"});
    sql("UPDATE execution_retry SET claim_at = now()");
    assert_int_equal(claim(&id), 1);
}

static void test_waits_for_one_with_a_lease(void **state)
{
    struct uuid a = accept(0), b = accept(0), id;
    clock_wait_ns(5 * NS_PER_MS);
    sql_of("INSERT INTO execution_lease VALUES ($1::uuid, 1, now(), NULL)", &b);
    sql("UPDATE sweep SET done_below = leat_uuid_floor(now() + interval '1 hour')");
    record(&a, (struct outcome){.failed = true, .most = 3, .unique = "7"});
    assert_int_equal(claim(&id), 0);
    record(&b, (struct outcome){.most = 3, .unique = "7"});
    sql("UPDATE sweep SET done_below = leat_uuid_floor(now())");
    assert_int_equal(number(CANCELED, &a), 1);
}

static void test_a_paused_instance_waits(void **state)
{
    struct uuid a = accept(0), id;
    record(&a, (struct outcome){.failed = true, .most = 3});
    sql("UPDATE instance SET enabled = false");
    assert_int_equal(claim(&id), 0);
    sql("UPDATE instance SET enabled = true");
    assert_int_equal(claim(&id), 0); /* not looked at yet */
    make_due();
    assert_int_equal(claim(&id), 1);
}

static void test_a_flow_that_is_gone(void **state)
{
    struct uuid a = accept(0), id;
    record(&a, (struct outcome){.failed = true, .most = 3});
    sql("UPDATE instance_flow_config SET active = false");
    assert_int_equal(claim(&id), 0);
    assert_int_equal(number("SELECT count(*) FROM execution_retry", NULL), 0);
}

struct claimer {
    pthread_t thread;
    size_t fired;
};

static void *claim_all(void *arg)
{
    struct claimer *c = arg;
    struct db *own = NULL;
    struct uuid ids[RETRY_BATCH];
    struct err err;
    assert_int_equal(db_open(getenv("LEAT_TEST_POSTGRES"), DB_OWNER, "test", &own, &err), 0);
    for (int empty = 0; empty < 5;) {
        size_t n = claim_on(own, ids);
        c->fired += n;
        empty = n ? 0 : empty + 1;
    }
    db_close(own);
    return NULL;
}

static void test_replicas_side_by_side(void **state)
{
    enum { N = 600, THREADS = 4 };
    struct claimer claimers[THREADS] = {0};
    size_t fired = 0;
    for (int i = 0; i < N; i++) {
        struct uuid id = accept(0);
        record(&id, (struct outcome){.failed = true, .most = 1});
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&claimers[i].thread, NULL, claim_all, &claimers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(claimers[i].thread, NULL);
        fired += claimers[i].fired;
    }
    assert_int_equal(fired, N);
    assert_int_equal(
        number("SELECT count(DISTINCT retry_of) FROM execution WHERE retry_of IS NOT NULL", NULL),
        N);
    assert_int_equal(number("SELECT count(*) FROM execution WHERE retry_of IS NOT NULL", NULL), N);
}

#define CHILD                                                                                      \
    "SELECT (leat_invoked_by(convert_to(x, 'UTF8')) IS NOT DISTINCT FROM wanted)::int FROM "       \
    "(VALUES "

static void test_the_caller_in_a_request(void **state)
{
    static const char *const cases[] = {
        "('', NULL)",
        "('{\"executionId\":\"abc=\"}', 'abc=')",
        "('{\"executionId\":\"one\"} {\"executionId\":\"two\",\"stepName\":\"s\"}', 'two')",
        "('{\"executionId\":\"\"}', NULL)",
        "('{\"executionId\":\"' || repeat('x', 101) || '\"}', NULL)",
        "('{\"executionId\":\"' || chr(233) || '\"}', NULL)",
        "('{\"executionId\":\"far\"}' || repeat(' ', 9000), NULL)",
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char *text = arena_printf(arena, CHILD "%s) v (x, wanted)", cases[i]);
        if (number(text, NULL) != 1) {
            fail_msg("%s", cases[i]);
        }
    }
    assert_int_equal(number("SELECT (leat_invoked_by('\\x00ff22'::bytea) IS NULL)::int", NULL), 1);
    assert_int_equal(number("SELECT (leat_gid_uuid('A', 'not base64!') IS NULL AND "
                            "leat_gid_uuid('A', leat_gid('B', gen_random_uuid())) IS NULL AND "
                            "leat_gid_uuid('A', encode('A:zz', 'base64')) IS NULL AND "
                            "leat_gid_uuid('A', '/w==') IS NULL AND "
                            "leat_gid_uuid('A', NULL) IS NULL)::int",
                            NULL),
                     1);
    assert_int_equal(number("SELECT (leat_gid_uuid('A', leat_gid('A', id)) = id)::int FROM "
                            "organization",
                            NULL),
                     1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_a_failure_becomes_due, each_setup),
        cmocka_unit_test_setup(test_until_the_last_one, each_setup),
        cmocka_unit_test_setup(test_no_retry, each_setup),
        cmocka_unit_test_setup(test_a_second_result_changes_nothing, each_setup),
        cmocka_unit_test_setup(test_delays, each_setup),
        cmocka_unit_test_setup(test_what_a_worker_says_is_bounded, each_setup),
        cmocka_unit_test_setup(test_a_newer_request_cancels, each_setup),
        cmocka_unit_test_setup(test_an_older_request_does_not_cancel, each_setup),
        cmocka_unit_test_setup(test_superseded_before_it_failed, each_setup),
        cmocka_unit_test_setup(test_superseded_while_it_is_retried, each_setup),
        cmocka_unit_test_setup(test_waits_for_newer_ones_under_way, each_setup),
        cmocka_unit_test_setup(test_waits_for_one_with_a_lease, each_setup),
        cmocka_unit_test_setup(test_a_paused_instance_waits, each_setup),
        cmocka_unit_test_setup(test_a_flow_that_is_gone, each_setup),
        cmocka_unit_test_setup(test_replicas_side_by_side, each_setup),
        cmocka_unit_test_setup(test_the_caller_in_a_request, each_setup),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
