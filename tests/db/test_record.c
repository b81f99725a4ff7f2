/* The recorder's batch against a real PostgreSQL: each result once, fences, states, poison. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "clock.h"
#include "migrate.h"
#include "recorder/batch.h"
#include "recorder/log_rows.h"

static struct db *db;
static struct arena *arena;
static struct uuid organization, instance, flow_config;

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
    organization = uuid_v7();
    instance = uuid_v7();
    flow_config = uuid_v7();
    struct db_param params[] = {DB_UUID(organization)};
    return db_query_text(
        db, STR("INSERT INTO organization (id, name, data_key) VALUES ($1::uuid, 'o', '')"), params,
        1, NULL, &err);
}

static int teardown(void **state)
{
    db_close(db);
    arena_free(arena);
    return 0;
}

static struct run_result result_of(const struct uuid *id, uint32_t attempt)
{
    int64_t now = clock_now_ns();
    return (struct run_result){
        .execution_id = *id,
        .attempt = attempt,
        .organization_id = organization,
        .instance_id = instance,
        .flow_config_id = flow_config,
        .status = RUN_SUCCEEDED,
        .result_type = STR("COMPLETED"),
        .accepted_ns = now,
        .dispatched_ns = now,
        .started_ns = now,
        .ended_ns = now,
        .steps = STR("steps"),
        .steps_size = 5,
        .n_steps = 1,
    };
}

static struct str message_of(const struct run_result *results, size_t n)
{
    struct buf message, one;
    buf_init(&message, 0);
    for (size_t i = 0; i < n; i++) {
        buf_init(&one, 0);
        wire_encode(&run_result_message, &results[i], &one);
        wire_batch_add(&message, buf_str(&one));
        buf_done(&one);
    }
    struct str kept = str_n(arena_strndup(arena, message.data, message.len), message.len);
    buf_done(&message);
    return kept;
}

static uint64_t record(const struct run_result *results, size_t n)
{
    struct batch batch = {.arena = arena};
    uint64_t malformed = 0, recorded = 0;
    struct err err = {0};
    batch_add(&batch, message_of(results, n), &malformed);
    assert_int_equal(malformed, 0);
    assert_int_equal(batch.n, n);
    int r = batch_record(&batch, db, &recorded, &err);
    if (r != 0) {
        fail_msg("%s", err.message);
    }
    return recorded;
}

static int64_t number(const char *sql, const struct uuid *id)
{
    struct db_rows *rows = NULL;
    struct db_param params[] = {DB_UUID(*id)};
    struct err err = {0};
    if (db_query_text(db, str_of(sql), params, 1, &rows, &err) != 0) {
        fail_msg("%s", err.message);
    }
    int64_t n = db_rows_n(rows) ? db_int(rows, 0, 0) : -1;
    db_rows_free(rows);
    return n;
}

static void run_sql(const char *sql, const struct uuid *id)
{
    struct db_param params[] = {DB_UUID(*id)};
    struct err err = {0};
    if (db_query_text(db, str_of(sql), params, 1, NULL, &err) != 0) {
        fail_msg("%s", err.message);
    }
}

#define COUNT   "SELECT count(*) FROM execution_result WHERE id = $1::uuid"
#define ATTEMPT "SELECT attempt FROM execution_result WHERE id = $1::uuid"

static void test_once(void **state)
{
    struct uuid a = uuid_v7(), b = uuid_v7(), c = uuid_v7();
    struct run_result first[] = {result_of(&a, 1), result_of(&b, 1)};
    assert_int_equal(record(first, 2), 2);
    /* A redelivery with one that is new: only the new one counts. */
    struct run_result again[] = {result_of(&b, 1), result_of(&c, 1), result_of(&a, 1)};
    assert_int_equal(record(again, 3), 1);
    assert_int_equal(number(COUNT, &a), 1);
    assert_int_equal(number(COUNT, &b), 1);
    assert_int_equal(number(COUNT, &c), 1);
}

static void test_double_in_one_batch(void **state)
{
    struct uuid a = uuid_v7();
    struct run_result results[] = {result_of(&a, 1), result_of(&a, 2), result_of(&a, 1)};
    assert_int_equal(record(results, 3), 1);
    assert_int_equal(number(ATTEMPT, &a), 2);
}

static void test_fence(void **state)
{
    struct uuid a = uuid_v7();
    run_sql("INSERT INTO execution_lease VALUES ($1::uuid, 3, now(), NULL)", &a);
    struct run_result late[] = {result_of(&a, 2)};
    assert_int_equal(record(late, 1), 0);
    assert_int_equal(number(COUNT, &a), 0);
    struct run_result right[] = {result_of(&a, 3)};
    assert_int_equal(record(right, 1), 1);
    assert_int_equal(number(ATTEMPT, &a), 3);
}

/* Stores one part; whether the run still holds the execution. */
static bool checkpoint(const struct uuid *id, const char *attempt, const char *first)
{
    struct db_rows *rows = NULL;
    struct err err = {0};
    struct str attempts = str_of(attempt), firsts = str_of(first), two = STR("2"), ten = STR("10"),
               steps = STR("block"), logs = STR("lines");
    if (db_run(db, QUERY_CHECKPOINT_STORE, &rows, &err, DB_UUIDS(id, 1), DB_TEXTS(&attempts, 1),
               DB_TEXTS(&firsts, 1), DB_UUIDS(&organization, 1), DB_TEXTS(&two, 1),
               DB_TEXTS(&ten, 1), DB_BYTESS(&steps, 1), DB_BYTESS(&logs, 1), DB_I64(10000)) != 0) {
        fail_msg("%s", err.message);
    }
    bool held = db_rows_n(rows) == 1;
    db_rows_free(rows);
    return held;
}

#define PARTS "SELECT count(*) FROM execution_checkpoint WHERE execution_id = $1::uuid"
#define LEASE "SELECT attempt FROM execution_lease WHERE execution_id = $1::uuid"

/* A part is stored once, with a lease, for the attempt that holds the execution and for no other.
 */
static void test_checkpoints(void **state)
{
    struct uuid a = uuid_v7(), b = uuid_v7();
    assert_true(checkpoint(&a, "1", "0"));
    assert_int_equal(number(LEASE, &a), 1);
    assert_true(checkpoint(&a, "1", "0")); /* the answer was lost: sent again */
    assert_int_equal(number(PARTS, &a), 1);
    run_sql("UPDATE execution_lease SET attempt = 2 WHERE execution_id = $1::uuid", &a);
    assert_false(checkpoint(&a, "1", "2"));
    assert_int_equal(number(PARTS, &a), 1);
    assert_true(checkpoint(&a, "2", "2"));
    assert_int_equal(number(PARTS, &a), 2);
    assert_int_equal(number(PARTS " AND logs = 'lines'", &a), 2);

    struct run_result results[] = {result_of(&a, 2), result_of(&b, 1)};
    assert_int_equal(record(results, 2), 2);
    assert_false(checkpoint(&a, "2", "4"));
    assert_false(checkpoint(&b, "1", "0"));
    assert_int_equal(number(LEASE, &b), -1);
    run_sql("UPDATE execution_lease SET lease_until = now() - interval '1 minute' "
            "WHERE execution_id = $1::uuid",
            &a);
    struct err err;
    assert_int_equal(db_run(db, QUERY_SWEEP_LEASES_DONE, NULL, &err), 0);
    assert_int_equal(number(PARTS, &a), 0);
    assert_int_equal(number(LEASE, &a), -1);
}

static void test_text_is_cleaned(void **state)
{
    struct uuid a = uuid_v7(), b = uuid_v7();
    struct result_log log = {.time_ns = clock_now_ns(),
                             .level = 2,
                             .step_name = STR("step\0x"),
                             .message = STR("bad \xff\xfe \xe2\x82 end")};
    struct run_result results[] = {result_of(&a, 1), result_of(&b, 1)};
    results[0].error = STR("nul \0 and \xc3\x28");
    results[0].logs = (struct wire_list){&log, 1};
    assert_int_equal(record(results, 2), 2);
    assert_int_equal(number("SELECT count(*) FROM log_line WHERE execution_id = $1::uuid AND "
                            "step_name = E'step\\uFFFDx'",
                            &a),
                     1);
}

static void test_poison_does_not_hold_up_others(void **state)
{
    struct uuid old = {{0}}, a = uuid_v7(), b = uuid_v7();
    old.b[6] = 0x70;
    old.b[8] = 0x80; /* 1970: no partition takes it */
    struct run_result results[] = {result_of(&a, 1), result_of(&old, 1), result_of(&b, 1)};
    assert_int_equal(record(results, 3), 2);
    assert_int_equal(number(COUNT, &a), 1);
    assert_int_equal(number(COUNT, &b), 1);
}

static void test_states(void **state)
{
    struct uuid a = uuid_v7(), b = uuid_v7();
    struct result_state older = {.scope = 1, .store = STR("older")};
    struct result_state newer = {.scope = 1, .store = STR("newer!")};
    struct run_result results[] = {result_of(&a, 1), result_of(&b, 1)};
    results[0].states = (struct wire_list){&newer, 1};
    results[0].ended_ns += NS_PER_SEC;
    results[1].states = (struct wire_list){&older, 1};
    assert_int_equal(record(results, 2), 2);
    assert_int_equal(number("SELECT octet_length(store) FROM persisted_state WHERE owner_id = "
                            "$1::uuid AND scope = 1",
                            &flow_config),
                     6);
    /* A result that was recorded before writes no state again. */
    results[1].states = (struct wire_list){&older, 1};
    assert_int_equal(record(&results[1], 1), 0);
    assert_int_equal(number("SELECT octet_length(store) FROM persisted_state WHERE owner_id = "
                            "$1::uuid AND scope = 1",
                            &flow_config),
                     6);
}

/* Parts that were sent ahead become the store; they and old ones that nobody named are gone. */
static void test_state_in_parts(void **state)
{
    struct uuid a = uuid_v7(), b = uuid_v7(), upload = uuid_v7(), lost = uuid_v7();
    const char *insert =
        "WITH i AS (INSERT INTO persisted_state (owner_id, scope, organization_id, store, "
        "updated_at) SELECT $1::uuid, 16 + n, organization_id, convert_to('part' || n, 'UTF8'), "
        "now() FROM (SELECT organization_id FROM persisted_state LIMIT 1) o, "
        "generate_series(0, 2) n RETURNING 1) SELECT count(*) FROM i";
    assert_int_equal(number(insert, &upload), 3);
    assert_int_equal(number(insert, &lost), 3);
    (void)number("WITH u AS (UPDATE persisted_state SET updated_at = now() - interval '2 days' "
                 "WHERE owner_id = $1::uuid RETURNING 1) SELECT count(*) FROM u",
                 &lost);
    struct result_state parts = {.scope = 2, .upload_id = upload, .n_parts = 3};
    struct run_result results[] = {result_of(&a, 1), result_of(&b, 1)};
    results[0].states = (struct wire_list){&parts, 1};
    assert_int_equal(record(results, 1), 1);
    assert_int_equal(number("SELECT count(*) FROM persisted_state WHERE owner_id = $1::uuid AND "
                            "scope = 2 AND store = convert_to('part0part1part2', 'UTF8')",
                            &results[0].instance_id),
                     1);
    assert_int_equal(
        number("SELECT count(*) FROM persisted_state WHERE owner_id = $1::uuid", &upload), 0);
    assert_int_equal(
        number("SELECT count(*) FROM persisted_state WHERE owner_id = $1::uuid", &lost), 0);
    /* Parts that are missing fail the run and leave the store alone. */
    results[1].states = (struct wire_list){&parts, 1};
    assert_int_equal(record(&results[1], 1), 1);
    assert_int_equal(number("SELECT count(*) FROM persisted_state WHERE owner_id = $1::uuid AND "
                            "scope = 2 AND store = convert_to('part0part1part2', 'UTF8')",
                            &results[1].instance_id),
                     1);
}

static void test_malformed_messages(void **state)
{
    struct batch batch = {.arena = arena};
    uint64_t malformed = 0;
    batch_add(&batch, STR("\x05not a message"), &malformed);
    assert_int_equal(batch.n, 0);
    assert_true(malformed > 0);
}

#define LINES                                                                                      \
    "SELECT count(*) FROM log_line WHERE execution_id = $1::uuid AND severity = 2 AND "            \
    "flow_config_id IS NOT NULL"

/* Lines of a test run come as they happen and with the result: each is there once, in order. */
static void test_lines_that_came_before(void **state)
{
    struct uuid a = uuid_v7();
    int64_t now = clock_now_ns();
    struct result_log logs[] = {{now, 2, STR("One"), STR("first")},
                                {now, 2, STR("One"), STR("se\0cond")},
                                {now, 2, STR("Two"), STR("third \xff")}};
    struct log_rows rows = {.execution_id = a,
                            .organization_id = organization,
                            .instance_id = instance,
                            .flow_config_id = flow_config,
                            .logs = {&logs[0], 1}};
    struct err err = {0};
    assert_int_equal(log_rows_insert(db, arena, &rows, &err), 0);
    rows.first = 1;
    rows.logs = (struct wire_list){&logs[1], 1};
    assert_int_equal(log_rows_insert(db, arena, &rows, &err), 0);
    assert_int_equal(log_rows_insert(db, arena, &rows, &err), 0);
    assert_int_equal(number(LINES, &a), 2);
    run_sql("INSERT INTO execution_progress SELECT $1::uuid, 1, 0, i, i, '' FROM "
            "(SELECT gen_random_uuid() i) x",
            &a);
    struct run_result results[] = {result_of(&a, 1)};
    results[0].logs = (struct wire_list){logs, 3};
    results[0].streamed = true;
    assert_int_equal(record(results, 1), 1);
    assert_int_equal(number(LINES, &a), 3);
    assert_int_equal(
        number("SELECT (string_agg(left(message, 5), ',' ORDER BY id) = E'first,se\uFFFDco,third')"
               "::int FROM log_line WHERE execution_id = $1::uuid",
               &a),
        1);
    assert_int_equal(
        number("SELECT count(*) FROM execution_progress WHERE execution_id = $1::uuid", &a), 0);
    /* A later attempt's own line is another one, whatever its place. */
    logs[1].time_ns += NS_PER_SEC;
    assert_int_equal(log_rows_insert(db, arena, &rows, &err), 0);
    assert_int_equal(number(LINES, &a), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_once),
        cmocka_unit_test(test_double_in_one_batch),
        cmocka_unit_test(test_fence),
        cmocka_unit_test(test_checkpoints),
        cmocka_unit_test(test_text_is_cleaned),
        cmocka_unit_test(test_poison_does_not_hold_up_others),
        cmocka_unit_test(test_states),
        cmocka_unit_test(test_lines_that_came_before),
        cmocka_unit_test(test_state_in_parts),
        cmocka_unit_test(test_malformed_messages),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
