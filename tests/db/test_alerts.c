/* Judging against a real PostgreSQL: each monitor trips once whichever replica has the turn, what
 * is committed late is seen, nothing is watched without monitors. */
#include <pthread.h>
#include "db_fixture.h"

#include "alerts/judge.h"

#define N     200
#define ROUND 20 /* passes of each of two replicas */

static int setup(void **state)
{
    struct err err;
    if (open_database() != 0) {
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
        "deployed_revision) SELECT gen_random_uuid(), c.organization_id, c.id, i.id, n::text, 4 "
        "FROM customer c, integration i, generate_series(1, 200) n;"
        "INSERT INTO instance_flow_config (id, organization_id, instance_id, identity) SELECT "
        "gen_random_uuid(), organization_id, id, 'f' FROM instance",
        &err);
}

static int each_setup(void **state)
{
    sql("TRUNCATE alert_monitor, alert_watch, execution CASCADE;"
        "UPDATE alert_cursor SET looked_at = now()");
    return 0;
}

/* One a monitor for each instance, from ten seconds ago on. */
static void monitor_all(void)
{
    sql("INSERT INTO alert_monitor (id, organization_id, name, instance_id, triggers, created_at, "
        "armed_at) SELECT gen_random_uuid(), organization_id, 'm', id, "
        "'{execution_started,execution_completed}', now() - interval '10 seconds', "
        "now() - interval '10 seconds' FROM instance");
}

static void execute_all(const char *at)
{
    char text[700];
    snprintf(text, sizeof(text),
             "INSERT INTO execution (id, organization_id, instance_id, flow_config_id, revision, "
             "accepted_by, invoke_type, flags, request) SELECT (left(leat_uuid_floor(%s)::text, 15)"
             " || substr(gen_random_uuid()::text, 16))::uuid, organization_id, instance_id, id, 4, "
             "1, 0, 0, '' FROM instance_flow_config",
             at);
    sql(text);
}

static size_t judge(struct db *on)
{
    struct err err = {0};
    size_t tripped = 0;
    bool more = false;
    if (judge_pass(on, &tripped, &more, &err) != 0) {
        fail_msg("%s", err.message);
    }
    return tripped;
}

static void test_without_monitors(void **state)
{
    execute_all("now()");
    assert_int_equal(judge(db), 0);
    assert_int_equal(number("SELECT count(*) FROM alert_watch"), 0);
    monitor_all(); /* not before its time */
    sql("UPDATE alert_monitor SET created_at = now(), armed_at = now()");
    assert_int_equal(judge(db), 0);
}

static void test_late_commit(void **state)
{
    monitor_all();
    assert_int_equal(judge(db), 0);
    execute_all("now() - interval '5 seconds'");
    assert_int_equal(judge(db), N);
    assert_int_equal(judge(db), 0);
    assert_int_equal(number("SELECT count(*) FROM alert_event"), N);
}

static void *replica(void *arg)
{
    AUTO(db_close) struct db *own = NULL;
    struct err err = {0};
    size_t *tripped = arg;
    if (db_open(getenv("LEAT_TEST_POSTGRES"), DB_OWNER, "replica", &own, &err) == 0) {
        for (int i = 0; i < ROUND; i++) {
            *tripped += judge(own);
        }
    }
    return NULL;
}

static void test_replicas_side_by_side(void **state)
{
    pthread_t threads[2];
    size_t tripped[2] = {0};
    monitor_all();
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, replica, &tripped[i]), 0);
    }
    execute_all("now() - interval '1 second'");
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
    }
    tripped[0] += judge(db);
    assert_int_equal(tripped[0] + tripped[1], N);
    assert_int_equal(number("SELECT count(*) FROM alert_event"), N);
    assert_int_equal(number("SELECT count(*) FROM alert_monitor WHERE triggered"), N);
}

static void test_no_turn_while_another_has_it(void **state)
{
    AUTO(db_close) struct db *other = NULL;
    struct err err = {0};
    monitor_all();
    execute_all("now()");
    assert_int_equal(db_open(getenv("LEAT_TEST_POSTGRES"), DB_OWNER, "other", &other, &err), 0);
    assert_int_equal(db_begin(other, &err), 0);
    assert_int_equal(db_exec(other, "SELECT pg_advisory_xact_lock(7233187)", &err), 0);
    assert_int_equal(judge(db), 0);
    db_rollback(other); /* as when it dies */
    assert_int_equal(judge(db), N);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_without_monitors, each_setup),
        cmocka_unit_test_setup(test_late_commit, each_setup),
        cmocka_unit_test_setup(test_replicas_side_by_side, each_setup),
        cmocka_unit_test_setup(test_no_turn_while_another_has_it, each_setup),
    };
    return cmocka_run_group_tests(tests, setup, close_database);
}
