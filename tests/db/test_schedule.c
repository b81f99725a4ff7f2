/* Claiming schedules against a real PostgreSQL: each tick fires once, missed ones once in all,
 * paused instances not. */
#include <pthread.h>
#include "db_fixture.h"

#include "clock.h"
#include "schedule/scheduler.h"

#define N 500

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
        "FROM i, organization o",
        &err);
}

/* N instances, each with one flow config and no schedule. */
static int each_setup(void **state)
{
    sql("TRUNCATE instance, execution CASCADE;"
        "INSERT INTO instance (id, organization_id, customer_id, integration_id, name, "
        "deployed_revision) SELECT gen_random_uuid(), c.organization_id, c.id, i.id, n::text, 4 "
        "FROM customer c, integration i, generate_series(1, 500) n;"
        "INSERT INTO instance_flow_config (id, organization_id, instance_id, identity) SELECT "
        "gen_random_uuid(), organization_id, id, 'f' FROM instance");
    return 0;
}

static void schedule_all(const char *cron, const char *next_at)
{
    struct err err = {0};
    struct db_param params[] = {DB_TEXT(cron), DB_TEXT(next_at)};
    assert_int_equal(
        db_query_text(db,
                      STR("INSERT INTO schedule (flow_config_id, organization_id, instance_id, "
                          "cron, time_zone, next_at) SELECT id, organization_id, instance_id, "
                          "$1::text, 'Europe/Berlin', now() + $2::text::interval "
                          "FROM instance_flow_config"),
                      params, 2, NULL, &err),
        0);
}

static size_t claim_all(struct db *on)
{
    struct uuid ids[SCHEDULER_BATCH];
    struct err err = {0};
    size_t total = 0;
    for (size_t claimed = 1; claimed > 0;) {
        size_t fired = 0;
        int r = scheduler_claim(on, 9, SCHEDULER_BATCH, &claimed, ids, &fired, &err);
        if (r != 0) {
            fail_msg("%s", err.message);
        }
        total += fired;
    }
    return total;
}

static void test_missed_ticks_fire_once(void **state)
{
    schedule_all("* * * * *", "-3 days");
    assert_int_equal(claim_all(db), N);
    assert_int_equal(claim_all(db), 0);
    assert_int_equal(number("SELECT count(*)::int FROM execution WHERE invoke_type = 1 AND "
                            "accepted_by = 9 AND revision = 4 AND flags = 0"),
                     N);
    assert_int_equal(number("SELECT count(DISTINCT flow_config_id)::int FROM execution"), N);
    assert_int_equal(number("SELECT count(*)::int FROM schedule WHERE next_at > now() AND "
                            "next_at <= now() + interval '1 minute'"),
                     N);
}

static void test_not_due(void **state)
{
    schedule_all("* * * * *", "20 seconds");
    assert_int_equal(claim_all(db), 0);
    assert_int_equal(number("SELECT count(*)::int FROM execution"), 0);
}

static void test_paused_and_undeployed(void **state)
{
    schedule_all("0 3 * * *", "-1 second");
    sql("UPDATE instance SET enabled = false WHERE name::int <= 100;"
        "UPDATE instance SET deployed_revision = 0 WHERE name::int BETWEEN 101 AND 150;"
        "UPDATE instance_flow_config SET active = false WHERE instance_id IN (SELECT id FROM "
        "instance WHERE name::int BETWEEN 151 AND 160);"
        "UPDATE instance SET is_system = true WHERE name::int = 500");
    assert_int_equal(claim_all(db), N - 160);
    assert_int_equal(number("SELECT count(*)::int FROM schedule WHERE next_at <= now()"), 0);
    assert_int_equal(number("SELECT count(*)::int FROM execution WHERE flags = 1"), 1);
}

static void test_unreadable_schedule_is_put_off(void **state)
{
    schedule_all("no schedule", "-1 second");
    sql("UPDATE schedule SET cron = '0 0 30 2 *' WHERE flow_config_id = (SELECT flow_config_id "
        "FROM schedule LIMIT 1)");
    assert_int_equal(claim_all(db), N);
    assert_int_equal(number("SELECT count(*)::int FROM schedule WHERE next_at = 'infinity'"), N);
    assert_int_equal(claim_all(db), 0);
}

struct claimer {
    pthread_t thread;
    struct db *db;
    size_t fired;
};

static void *claimer_thread(void *arg)
{
    struct claimer *c = arg;
    struct uuid ids[SCHEDULER_BATCH];
    struct err err = {0};
    size_t claimed = 0, fired = 0;
    for (int idle = 0; idle < 20; idle = claimed ? 0 : idle + 1) {
        if (scheduler_claim(c->db, 9, 7, &claimed, ids, &fired, &err) != 0) {
            return NULL;
        }
        c->fired += fired;
    }
    return c;
}

static void test_replicas_share(void **state)
{
    struct claimer claimers[4] = {0};
    schedule_all("*/5 * * * *", "-1 hour");
    for (size_t i = 0; i < ARRAY_LEN(claimers); i++) {
        assert_int_equal(
            db_open(getenv("LEAT_TEST_POSTGRES"), DB_OWNER, "test", &claimers[i].db, NULL), 0);
        pthread_create(&claimers[i].thread, NULL, claimer_thread, &claimers[i]);
    }
    size_t fired = 0;
    for (size_t i = 0; i < ARRAY_LEN(claimers); i++) {
        void *ok;
        pthread_join(claimers[i].thread, &ok);
        assert_non_null(ok);
        fired += claimers[i].fired;
        db_close(claimers[i].db);
    }
    assert_int_equal(fired, N);
    assert_int_equal(number("SELECT count(DISTINCT flow_config_id)::int FROM execution"), N);
    assert_int_equal(number("SELECT count(*)::int FROM execution"), N);
}

#define TEST(fn) cmocka_unit_test_setup(fn, each_setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_missed_ticks_fire_once), TEST(test_not_due),
        TEST(test_paused_and_undeployed),  TEST(test_unreadable_schedule_is_put_off),
        TEST(test_replicas_share),
    };
    return cmocka_run_group_tests(tests, setup, close_database);
}
