/* Retention against a real PostgreSQL: each organization's own times, in slices, and nothing of
 * others. */
#include "db_fixture.h"

#include "clock.h"
#include "dispatch/retention.h"

#define DAY_NS (86400 * NS_PER_SEC)

static struct uuid keeps, forgets;

static void organization(struct uuid id)
{
    run_sql("INSERT INTO organization (id, name, data_key) VALUES ($1::uuid, 'O', '')",
            (const struct db_param[]){DB_UUID(id)}, 1);
}

static int setup(void **state)
{
    if (open_database() != 0) {
        return -1;
    }
    keeps = uuid_v7();
    forgets = uuid_v7();
    organization(keeps);
    organization(forgets);
    sql("DO $$ DECLARE t text; d date; BEGIN"
        "  FOREACH t IN ARRAY ARRAY['execution', 'execution_result', 'log_line', 'execution_value',"
        "    'execution_value_chunk'] LOOP"
        "    FOR i IN 2 .. 12 LOOP"
        "      d := (now() AT TIME ZONE 'UTC')::date - i;"
        "      EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)',"
        "        t || '_' || to_char(d, 'YYYYMMDD'), t,"
        "        leat_uuid_floor(d::timestamp AT TIME ZONE 'UTC'),"
        "        leat_uuid_floor((d + 1)::timestamp AT TIME ZONE 'UTC'));"
        "    END LOOP;"
        "  END LOOP;"
        "END $$");
    return 0;
}

/* An execution of that age with a log line, a large value and, when it has ended, its result. */
static struct uuid execution(struct uuid of, int64_t age_days, int n, bool ended)
{
    struct uuid id = uuid_v7_floor(clock_now_ns() - age_days * DAY_NS), random = uuid_v4();
    memcpy(id.b + 9, random.b + 9, 7);
    const struct db_param p[] = {DB_UUID(id), DB_UUID(of), DB_I64(n)};
    run_sql("INSERT INTO execution (id, organization_id, instance_id, flow_config_id, revision, "
            "accepted_by, invoke_type, flags, request) "
            "VALUES ($1::uuid, $2::uuid, $2::uuid, $2::uuid, $3::int, 1, 0, 0, '')",
            p, 3);
    run_sql("INSERT INTO log_line (id, organization_id, execution_id, instance_id, flow_config_id, "
            "severity, at, step_name, message) VALUES ($1::uuid, $2::uuid, $1::uuid, $2::uuid, "
            "$2::uuid, 2, leat_uuid_time($1::uuid), 'S', $3)",
            p, 3);
    run_sql("INSERT INTO execution_value (execution_id, id, organization_id, instance_id, size, "
            "content_type, raw_at, raw_size, kept) VALUES ($1::uuid, $1::uuid, $2::uuid, "
            "$2::uuid, $3::int, '', 0, 1, true)",
            p, 3);
    if (ended) {
        run_sql("INSERT INTO execution_result VALUES ($1::uuid, $2::uuid, 1, 1, 4, $3::int, now(), "
                "now(), now(), 'COMPLETED', NULL, NULL, 'x')",
                p, 3);
    }
    return id;
}

static int64_t count(const char *table, struct uuid of, const char *where)
{
    char text[400], id[UUID_TEXT_LEN + 1];
    uuid_format(&of, id);
    (void)snprintf(text, sizeof(text),
                   "SELECT count(*) FROM %s WHERE organization_id = '%s' AND %s", table, id, where);
    return number(text);
}

static int passes(void)
{
    struct err err = {0};
    bool more = true;
    int n = 0;
    for (; more && n < 100; n++) {
        if (retention_pass(db, &more, &err) != 0) {
            fail_msg("%s", err.message);
        }
    }
    return n;
}

static void clear(void)
{
    sql("DELETE FROM execution; DELETE FROM execution_result; DELETE FROM log_line; "
        "DELETE FROM execution_value; DELETE FROM retention; UPDATE organization SET "
        "execution_retention_days = NULL, step_result_retention_days = NULL, "
        "log_retention_days = NULL");
}

static void set(const char *columns)
{
    char text[300], id[UUID_TEXT_LEN + 1];
    uuid_format(&forgets, id);
    (void)snprintf(text, sizeof(text), "UPDATE organization SET %s WHERE id = '%s'", columns, id);
    sql(text);
}

static void test_each_for_its_time(void **state)
{
    clear();
    for (int days = 1; days <= 10; days++) {
        (void)execution(keeps, days, 1, true);
        (void)execution(forgets, days, 1, true);
    }
    set("log_retention_days = 2, step_result_retention_days = 4, execution_retention_days = 8");
    assert_true(passes() >= 1);
    assert_int_equal(count("log_line", forgets, "true"), 1); /* the one of two days is over it */
    assert_int_equal(count("execution", forgets, "true"), 7);
    assert_int_equal(count("execution_result", forgets, "true"), 7);
    assert_int_equal(count("execution_result", forgets, "steps_size > 0 AND steps = 'x'"), 3);
    assert_int_equal(count("execution_result", forgets, "n_steps = 4 AND steps = ''"), 4);
    assert_int_equal(count("execution_value", forgets, "kept"), 3);
    assert_int_equal(count("execution_value", forgets, "NOT kept"), 4);
    assert_int_equal(count("log_line", keeps, "true"), 10);
    assert_int_equal(count("execution", keeps, "true"), 10);
    assert_int_equal(count("execution_result", keeps, "steps = 'x'"), 10);
}

static void test_what_has_not_ended_stays(void **state)
{
    clear();
    struct uuid waiting = execution(forgets, 9, 1, false);
    (void)execution(forgets, 9, 1, true);
    set("execution_retention_days = 1");
    (void)passes();
    assert_int_equal(count("execution", forgets, "true"), 1);
    assert_int_equal(count("execution_value", forgets, "true"), 1);
    struct uuid left;
    struct db_rows *rows = NULL;
    struct err err = {0};
    assert_int_equal(db_query_text(db, STR("SELECT id FROM execution"), NULL, 0, &rows, &err), 0);
    left = db_uuid(rows, 0, 0);
    assert_true(uuid_eq(&left, &waiting));
    db_rows_free(rows);
}

static void test_slices(void **state)
{
    clear();
    for (int n = 0; n < 2500; n++) {
        (void)execution(forgets, 5, n, true);
    }
    (void)execution(forgets, 1, 1, true);
    set("execution_retention_days = 2, log_retention_days = 2");
    assert_true(passes() >= 3); /* a thousand rows of each a pass */
    assert_int_equal(count("execution", forgets, "true"), 1);
    assert_int_equal(count("log_line", forgets, "true"), 1);
    /* What is done is not looked at again before there is more of it. */
    assert_int_equal(number("SELECT count(*) FROM retention"), 2);
    assert_int_equal(passes(), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_for_its_time),
        cmocka_unit_test(test_what_has_not_ended_stays),
        cmocka_unit_test(test_slices),
    };
    return cmocka_run_group_tests(tests, setup, close_database);
}
