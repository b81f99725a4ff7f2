/* The life of instances against a real PostgreSQL: whichever replica looks, remove flows start
 * once, rows go when they have ended or after a day, and deploys are judged when their flows have
 * ended for good. */
#include <pthread.h>
#include "db_fixture.h"

#include "schedule/lifecycle.h"

#define N 300

static int setup(void **state)
{
    struct err err;
    if (open_database() != 0) {
        return -1;
    }
    return db_exec(
        db,
        "INSERT INTO organization (id, name, data_key) VALUES (gen_random_uuid(), 'o', '');"
        "SELECT leat_partitions_ensure(1)",
        &err);
}

/* A customer, a version with a flow that runs on removal and one that runs on deploy, N deployed
 * instances and what the flows keep. */
static int each_setup(void **state)
{
    sql("TRUNCATE customer, integration, instance, execution, execution_result, execution_retry, "
        "persisted_state CASCADE;"
        "INSERT INTO customer (id, organization_id, name) SELECT gen_random_uuid(), id, 'c' "
        "FROM organization;"
        "WITH i AS (SELECT gen_random_uuid() AS id) INSERT INTO integration (id, organization_id, "
        "sequence_id, name, definition, definition_hash) SELECT i.id, o.id, i.id, 'i', '', '' "
        "FROM i, organization o;"
        "INSERT INTO integration_flow (id, organization_id, integration_id, position, name, "
        "trigger_component, trigger_action) SELECT gen_random_uuid(), i.organization_id, i.id, n, "
        "a, 'management-triggers', a FROM integration i, "
        "(VALUES (1, 'instanceRemove'), (2, 'instanceDeploy')) AS f (n, a);"
        "INSERT INTO instance (id, organization_id, customer_id, integration_id, "
        "deployed_integration_id, name, deployed_revision, last_deployed_at) SELECT "
        "gen_random_uuid(), c.organization_id, c.id, i.id, i.id, n::text, 4, now() "
        "FROM customer c, integration i, generate_series(1, 300) n;"
        "INSERT INTO instance_flow_config (id, organization_id, instance_id, flow_id, identity) "
        "SELECT gen_random_uuid(), i.organization_id, i.id, f.id, f.name FROM instance i, "
        "integration_flow f;"
        "INSERT INTO persisted_state (owner_id, scope, organization_id, store) SELECT id, 2, "
        "organization_id, ''::bytea FROM instance UNION ALL SELECT id, 1, organization_id, "
        "''::bytea "
        "FROM instance_flow_config UNION ALL SELECT id, 3, organization_id, ''::bytea FROM "
        "integration");
    return 0;
}

/* Until there is nothing more to do. */
static size_t claim_all(struct db *on)
{
    struct uuid ids[LIFECYCLE_BATCH];
    struct err err = {0};
    size_t total = 0;
    for (size_t claimed = 1; claimed > 0;) {
        size_t fired = 0;
        if (lifecycle_claim(on, 9, LIFECYCLE_BATCH, &claimed, ids, &fired, &err) != 0) {
            fail_msg("%s", err.message);
        }
        total += fired;
    }
    return total;
}

static void end_executions(int status)
{
    struct db_param params[] = {DB_I64(status)};
    run_sql("INSERT INTO execution_result (id, organization_id, attempt, status, n_steps, "
            "steps_size, dispatched_at, started_at, ended_at, result_type, error, steps) SELECT "
            "e.id, e.organization_id, 1, $1::int, 0, 0, now(), now(), now(), '', 'no', '' FROM "
            "execution e WHERE NOT EXISTS (SELECT FROM execution_result r WHERE r.id = e.id)",
            params, 1);
}

static int64_t left(void)
{
    return number("SELECT (SELECT count(*) FROM instance) + (SELECT count(*) FROM integration) + "
                  "(SELECT count(*) FROM customer) + (SELECT count(*) FROM persisted_state)");
}

static void *claimer_thread(void *arg)
{
    struct db *own = NULL;
    struct err err = {0};
    if (db_open(getenv("LEAT_TEST_POSTGRES"), DB_OWNER, "test", &own, &err) != 0) {
        return NULL;
    }
    *(size_t *)arg = claim_all(own);
    db_close(own);
    return arg;
}

static void test_replicas_share(void **state)
{
    pthread_t threads[4];
    size_t fired[ARRAY_LEN(threads)] = {0}, total = 0;
    assert_int_equal(claim_all(db), 0);
    sql("UPDATE integration SET removing_at = now()"); /* its instances are found */
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        pthread_create(&threads[i], NULL, claimer_thread, &fired[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        void *ok;
        pthread_join(threads[i], &ok);
        assert_non_null(ok);
        total += fired[i];
    }
    total += claim_all(db);
    assert_int_equal(total, N);
    assert_int_equal(number("SELECT count(DISTINCT instance_id) FROM execution WHERE invoke_type "
                            "= 4 AND revision = 4 AND accepted_by = 9 AND flags = 0"),
                     N);
    assert_int_equal(number("SELECT count(*) FROM execution"), N);
    assert_int_equal(number("SELECT count(*) FROM instance"), N);
    end_executions(2);
    assert_int_equal(claim_all(db), 0);
    assert_int_equal(left(), 1); /* the customer */
    sql("UPDATE customer SET removing_at = now()");
    assert_int_equal(claim_all(db), 0);
    assert_int_equal(left(), 0);
}

static void test_nothing_to_run(void **state)
{
    sql("UPDATE instance SET deployed_revision = 0 WHERE name::int <= 150;"
        "UPDATE instance_flow_config SET active = false WHERE instance_id IN (SELECT id FROM "
        "instance WHERE name::int BETWEEN 151 AND 298);"
        "UPDATE instance SET is_system = true WHERE name = '299';"
        "UPDATE customer SET removing_at = now()");
    assert_int_equal(claim_all(db), 1);
    assert_int_equal(number("SELECT count(*) FROM instance"), 1);
    assert_int_equal(number("SELECT count(*) FROM customer"), 1);
    sql("UPDATE instance SET removing_at = now() - interval '25 hours'");
    assert_int_equal(claim_all(db), 0);
    assert_int_equal(left(), 2); /* the integration and what it keeps */
}

static void deploy(void)
{
    sql("UPDATE instance i SET fallback = leat_deploy_snapshot(i);"
        "UPDATE instance SET deployed_revision = 5, deploying_revision = 5;"
        "INSERT INTO execution (id, organization_id, instance_id, flow_config_id, revision, "
        "accepted_by, invoke_type, flags, request) SELECT leat_uuid_v7(), c.organization_id, "
        "c.instance_id, c.id, 5, 9, 3, 0, '' FROM instance_flow_config c WHERE c.identity = "
        "'instanceDeploy'");
}

static int64_t deployed(int revision)
{
    return revision == 5 ? number("SELECT count(*) FROM instance WHERE deployed_revision = 5 AND "
                                  "deploying_revision IS NULL AND deploy_error = ''")
                         : number("SELECT count(*) FROM instance WHERE deployed_revision = 4 AND "
                                  "needs_deploy AND deploy_error = 'Flow \"instanceDeploy\": no' "
                                  "AND fallback IS NULL");
}

static void test_deploys_are_judged(void **state)
{
    deploy();
    assert_int_equal(claim_all(db), 0);
    assert_int_equal(deployed(5), 0); /* under way */
    end_executions(1);
    assert_int_equal(claim_all(db), 0);
    assert_int_equal(deployed(5), N);
}

static void test_failed_deploys_are_taken_back(void **state)
{
    deploy();
    sql("INSERT INTO execution_retry (first_id, organization_id, instance_id, flow_config_id, "
        "last_id, retry_count, max_count, due_at, claim_at) SELECT id, organization_id, "
        "instance_id, flow_config_id, id, 0, 1, now(), now() FROM execution LIMIT 10");
    end_executions(2);
    assert_int_equal(claim_all(db), 0);
    assert_int_equal(deployed(4), N - 10); /* the others are tried again */
    sql("UPDATE execution_retry SET due_at = NULL, claim_at = NULL");
    assert_int_equal(claim_all(db), 0);
    assert_int_equal(deployed(4), N);
    assert_int_equal(number("SELECT count(*) FROM instance_flow_config WHERE active AND flow_id "
                            "IS NOT NULL"),
                     2 * N);
}

#define TEST(fn) cmocka_unit_test_setup(fn, each_setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_replicas_share),
        TEST(test_nothing_to_run),
        TEST(test_deploys_are_judged),
        TEST(test_failed_deploys_are_taken_back),
    };
    return cmocka_run_group_tests(tests, setup, close_database);
}
