/* The sweeper's queries against a real PostgreSQL: what is lost, what is leased, what is on the
 * way; and the row-level security that keeps tenants apart. */
#include "db_fixture.h"

#include "clock.h"

static struct uuid organization;

static int setup(void **state)
{
    if (open_database() != 0) {
        return -1;
    }
    organization = uuid_v7();
    return 0;
}

static struct uuid accept_one(int64_t age_sec)
{
    struct uuid id = uuid_v7_floor(clock_now_ns() - age_sec * NS_PER_SEC);
    struct uuid random = uuid_v4();
    memcpy(id.b + 9, random.b + 9, 7);
    const struct db_param params[] = {DB_UUID(id), DB_UUID(organization)};
    run_sql("INSERT INTO execution (id, organization_id, instance_id, flow_config_id, revision, "
            "accepted_by, invoke_type, flags, request) "
            "VALUES ($1::uuid, $2::uuid, $2::uuid, $2::uuid, 1, 1, 0, 0, '')",
            params, 2);
    return id;
}

static void finish_one(struct uuid id)
{
    const struct db_param params[] = {DB_UUID(id), DB_UUID(organization)};
    run_sql("INSERT INTO execution_result VALUES ($1::uuid, $2::uuid, 1, 1, 0, 0, now(), now(), "
            "now(), 'COMPLETED', NULL, NULL, '')",
            params, 2);
}

static struct db_rows *lost_below(struct uuid below)
{
    struct db_rows *rows = NULL;
    struct err err = {0};
    int r = db_run(db, QUERY_SWEEP_LOST, &rows, &err, DB_UUID((struct uuid){{0}}), DB_UUID(below),
                   DB_I64(100), DB_I64(30000));
    if (r != 0) {
        fail_msg("%s", err.message);
    }
    return rows;
}

static void test_lost_once(void **state)
{
    struct uuid lost = accept_one(20), done = accept_one(20), fresh = accept_one(0);
    finish_one(done);
    struct db_rows *rows = lost_below(uuid_v7_floor(clock_now_ns() - 8 * NS_PER_SEC));
    assert_int_equal(db_rows_n(rows), 1);
    struct uuid found = db_uuid(rows, 0, 0);
    assert_true(uuid_eq(&found, &lost));
    db_rows_free(rows);
    /* It has a lease now; the next pass leaves it alone, and the fresh one too. */
    rows = lost_below(uuid_v7_floor(clock_now_ns() - 8 * NS_PER_SEC));
    assert_int_equal(db_rows_n(rows), 0);
    db_rows_free(rows);
    finish_one(lost);
    finish_one(fresh);
}

static void test_expired_lease_raises_attempt(void **state)
{
    struct uuid id = accept_one(60);
    const struct db_param params[] = {DB_UUID(id)};
    run_sql("INSERT INTO execution_lease VALUES ($1::uuid, 4, now() - interval '1 s', NULL)",
            params, 1);
    struct db_rows *rows = NULL;
    struct err err;
    assert_int_equal(
        db_run(db, QUERY_SWEEP_EXPIRED, &rows, &err, DB_I64(10), DB_I64(30000), DB_TEXT("1e11")),
        0);
    assert_int_equal(db_rows_n(rows), 1);
    db_rows_free(rows);
    /* Presence of the worker that lost it no longer renews; that of the new one does. */
    struct str attempts[] = {STR("4")};
    assert_int_equal(db_run(db, QUERY_LEASE_RENEW, &rows, &err, DB_UUIDS(&id, 1),
                            DB_TEXTS(attempts, 1), DB_UUID(id), DB_I64(1)),
                     0);
    assert_int_equal(db_rows_affected(rows), 0);
    db_rows_free(rows);
    attempts[0] = STR("5");
    assert_int_equal(db_run(db, QUERY_LEASE_RENEW, &rows, &err, DB_UUIDS(&id, 1),
                            DB_TEXTS(attempts, 1), DB_UUID(id), DB_I64(60000)),
                     0);
    assert_int_equal(db_rows_affected(rows), 1);
    db_rows_free(rows);
    rows = NULL;
    assert_int_equal(
        db_run(db, QUERY_SWEEP_EXPIRED, &rows, &err, DB_I64(10), DB_I64(30000), DB_TEXT("1e11")),
        0);
    assert_int_equal(db_rows_n(rows), 0);
    db_rows_free(rows);
    finish_one(id);
}

static void test_live_replica_holds_the_sweep_back(void **state)
{
    struct uuid waiting = uuid_v7_floor(clock_now_ns() - 100 * NS_PER_SEC);
    struct db_rows *rows = NULL;
    struct err err;
    const struct db_param params[] = {DB_UUID(waiting)};
    run_sql("INSERT INTO replica (node, oldest_waiting) VALUES ($1::uuid, $1::uuid)", params, 1);
    assert_int_equal(db_run(db, QUERY_SWEEP_STATE, &rows, &err, DB_I64(8000), DB_TEXT("1e11")), 0);
    struct uuid below = db_uuid(rows, 0, 1);
    assert_true(uuid_eq(&below, &waiting));
    assert_false(db_bool(rows, 0, 2));
    db_rows_free(rows);
    /* Dead for a while: its events count, unless they may stand in the queue still. */
    run_sql("UPDATE replica SET heartbeat_at = now() - interval '1 minute' WHERE node = $1::uuid",
            params, 1);
    assert_int_equal(db_run(db, QUERY_SWEEP_STATE, &rows, &err, DB_I64(8000), DB_TEXT("1e11")), 0);
    below = db_uuid(rows, 0, 1);
    assert_true(uuid_cmp(&below, &waiting) > 0);
    assert_false(db_bool(rows, 0, 2));
    db_rows_free(rows);
    assert_int_equal(db_run(db, QUERY_SWEEP_STATE, &rows, &err, DB_I64(8000), DB_TEXT("0")), 0);
    assert_true(db_bool(rows, 0, 2));
    db_rows_free(rows);
}

static int64_t count_as(struct db *api, const struct uuid *org, const char *sql)
{
    struct db_rows *rows = NULL;
    struct err err = {0};
    struct uuid nil = {{0}};
    assert_int_equal(db_begin_as(api, org, &nil, &err), 0);
    if (db_query_text(api, str_of(sql), NULL, 0, &rows, &err) != 0) {
        fail_msg("%s", err.message);
    }
    int64_t n = db_int(rows, 0, 0);
    db_rows_free(rows);
    db_rollback(api);
    return n;
}

static void test_tenants_are_apart(void **state)
{
    struct uuid a = uuid_v7(), b = uuid_v7();
    const struct db_param both[] = {DB_UUID(a), DB_UUID(b), DB_UUID(uuid_v7()), DB_UUID(uuid_v7())};
    run_sql("INSERT INTO organization (id, name, data_key) VALUES ($1::uuid, 'a', ''), "
            "($2::uuid, 'b', '')",
            both, 2);
    run_sql("INSERT INTO customer (id, organization_id, name) VALUES ($3::uuid, $1::uuid, 'ca'), "
            "($4::uuid, $2::uuid, 'cb')",
            both, 4);
    struct db *api = NULL;
    struct err err = {0};
    assert_int_equal(db_open(getenv("LEAT_TEST_POSTGRES"), DB_API, "test", &api, &err), 0);
    struct uuid nobody = {{0}};
    assert_int_equal(count_as(api, &a, "SELECT count(*) FROM customer"), 1);
    assert_int_equal(count_as(api, &a, "SELECT count(*) FROM customer WHERE name = 'cb'"), 0);
    assert_int_equal(count_as(api, &nobody, "SELECT count(*) FROM customer"), 0);
    assert_int_equal(count_as(api, &nobody, "SELECT count(*) FROM execution"), 0);
    assert_int_equal(count_as(api, &b, "SELECT count(*) FROM organization"), 1);
    /* Writing for another tenant is refused, not hidden. */
    assert_int_equal(db_begin_as(api, &a, &nobody, &err), 0);
    assert_int_not_equal(
        db_query_text(api,
                      STR("INSERT INTO customer (id, organization_id, name) "
                          "VALUES ($3::uuid, $2::uuid, 'x' || $1::text || $4::text)"),
                      both, 4, NULL, &err),
        0);
    db_rollback(api);
    db_close(api);
}

static void test_partitions(void **state)
{
    struct db_rows *rows = NULL;
    struct err err;
    run_sql("CREATE TABLE log_line_20200101 PARTITION OF log_line FOR VALUES FROM "
            "(leat_uuid_floor('2020-01-01Z')) TO (leat_uuid_floor('2020-01-02Z'))",
            NULL, 0);
    assert_int_equal(db_run(db, QUERY_PARTITIONS_DROP, &rows, &err, DB_I64(30)), 0);
    assert_int_equal(db_int(rows, 0, 0), 1);
    db_rows_free(rows);
    assert_int_equal(db_run(db, QUERY_PARTITIONS_ENSURE, &rows, &err, DB_I64(5)), 0);
    assert_int_equal(db_int(rows, 0, 0), 10); /* two days more of five tables */
    db_rows_free(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lost_once),
        cmocka_unit_test(test_expired_lease_raises_attempt),
        cmocka_unit_test(test_live_replica_holds_the_sweep_back),
        cmocka_unit_test(test_tenants_are_apart),
        cmocka_unit_test(test_partitions),
    };
    return cmocka_run_group_tests(tests, setup, close_database);
}
