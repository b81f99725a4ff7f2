/* The SQL of large values against a real PostgreSQL: stored once, refused, kept, swept, forgotten.
 */
#include "db_fixture.h"

#include "clock.h"
#include "recorder/batch.h"
#include "results/source.h"
#include "value.h"

static struct uuid organization, instance, integration;

static int setup(void **state)
{
    if (open_database() != 0) {
        return -1;
    }
    organization = uuid_v7();
    instance = uuid_v7();
    integration = uuid_v7();
    struct db_param of[] = {DB_UUID(organization)};
    struct db_param made[] = {DB_UUID(instance), DB_UUID(organization), DB_UUID(integration)};
    run_sql("INSERT INTO organization (id, name, data_key) VALUES ($1::uuid, 'o', '')", of, 1);
    run_sql("ALTER TABLE instance DROP CONSTRAINT instance_integration_id_fkey", NULL, 0);
    run_sql("INSERT INTO instance (id, organization_id, integration_id, name) "
            "VALUES ($1::uuid, $2::uuid, $3::uuid, 'i')",
            made, 3);
    return 0;
}

static int64_t number_of(const char *text, const struct uuid *id)
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

#define VALUES "SELECT count(*) FROM execution_value WHERE execution_id = $1::uuid"
#define CHUNKS "SELECT count(*) FROM execution_value_chunk WHERE execution_id = $1::uuid"

static enum value_outcome store(const struct uuid *execution, const struct uuid *value,
                                const char *attempt, const char *at, const char *size,
                                const char *bytes)
{
    struct db_rows *rows = NULL;
    struct err err = {0};
    struct str texts[7] = {str_of(attempt), str_of(at), str_of(size), STR("image/png"),
                           STR("1"),        STR("3"),   STR("0")};
    struct str data = str_of(bytes);
    if (db_run(db, QUERY_VALUE_STORE, &rows, &err, DB_UUIDS(execution, 1), DB_UUIDS(value, 1),
               DB_UUIDS(&organization, 1), DB_UUIDS(&instance, 1), DB_TEXTS(&texts[0], 1),
               DB_TEXTS(&texts[1], 1), DB_TEXTS(&texts[2], 1), DB_TEXTS(&texts[3], 1),
               DB_TEXTS(&texts[4], 1), DB_TEXTS(&texts[5], 1), DB_TEXTS(&texts[6], 1),
               DB_BYTESS(&data, 1), DB_I64(VALUES_BYTES_MAX)) != 0) {
        fail_msg("%s", err.message);
    }
    assert_int_equal(db_rows_n(rows), 1);
    struct uuid id = db_uuid(rows, 0, 0);
    assert_true(uuid_eq(&id, value));
    enum value_outcome outcome = (enum value_outcome)db_int(rows, 0, 2);
    db_rows_free(rows);
    return outcome;
}

static void record(const struct uuid *execution, struct value_ref *refs, size_t n)
{
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    AUTO(buf_done) struct buf message = {0}, one = {0};
    int64_t now = clock_now_ns();
    struct run_result result = {.execution_id = *execution,
                                .attempt = 1,
                                .organization_id = organization,
                                .instance_id = instance,
                                .status = RUN_SUCCEEDED,
                                .result_type = STR("COMPLETED"),
                                .dispatched_ns = now,
                                .started_ns = now,
                                .ended_ns = now,
                                .values = {refs, n}};
    struct batch batch = {.arena = a};
    uint64_t malformed = 0, recorded = 0;
    struct err err = {0};
    buf_init(&message, 0);
    buf_init(&one, 0);
    wire_encode(&run_result_message, &result, &one);
    wire_batch_add(&message, buf_str(&one));
    batch_add(&batch, buf_str(&message), &malformed);
    assert_int_equal(batch_record(&batch, db, &recorded, &err), 0);
    assert_int_equal(recorded, 1);
}

static int64_t sweep(int64_t most)
{
    struct db_rows *rows = NULL;
    struct err err;
    assert_int_equal(db_run(db, QUERY_VALUE_SWEEP, &rows, &err, DB_I64(most)), 0);
    int64_t n = db_int(rows, 0, 0);
    db_rows_free(rows);
    return n;
}

static void test_stored_once(void **state)
{
    struct uuid e = uuid_v7(), v = uuid_v4(), w = uuid_v4();
    assert_int_equal(store(&e, &v, "1", "0", "6", "abc"), VALUE_STORED);
    assert_int_equal(store(&e, &v, "1", "0", "6", "xyz"), VALUE_STORED); /* the answer was lost */
    assert_int_equal(store(&e, &v, "1", "1", "6", "def"), VALUE_STORED);
    assert_int_equal(store(&e, &w, "1", "0", "3", "ghi"), VALUE_STORED);
    assert_int_equal(number_of(VALUES, &e), 2);
    assert_int_equal(number_of(CHUNKS, &e), 3);
    assert_int_equal(number_of("SELECT count(*) FROM execution_value_chunk WHERE execution_id = "
                               "$1::uuid AND data = 'abc'",
                               &e),
                     1);
}

static void test_refused(void **state)
{
    struct uuid e = uuid_v7(), v = uuid_v4(), w = uuid_v4(), x = uuid_v4(), taken = uuid_v7();
    /* Together not more than the bound; what has begun may go on. */
    assert_int_equal(store(&e, &v, "1", "0", "2147483000", "abc"), VALUE_STORED);
    assert_int_equal(store(&e, &w, "1", "0", "649", "abc"), VALUE_FULL);
    assert_int_equal(store(&e, &w, "1", "0", "648", "abc"), VALUE_STORED);
    assert_int_equal(store(&e, &v, "1", "1", "2147483000", "abc"), VALUE_STORED);
    assert_int_equal(store(&e, &x, "1", "0", "1", "a"), VALUE_FULL);
    record(&e, NULL, 0);
    assert_int_equal(store(&e, &v, "1", "2", "2147483000", "abc"), VALUE_LATE);
    assert_int_equal(number_of(CHUNKS, &e), 3);

    struct db_param params[] = {DB_UUID(taken)};
    run_sql("INSERT INTO execution_lease (execution_id, attempt, lease_until) "
            "VALUES ($1::uuid, 2, now())",
            params, 1);
    assert_int_equal(store(&taken, &v, "1", "0", "3", "abc"), VALUE_LATE);
    assert_int_equal(store(&taken, &v, "2", "0", "3", "abc"), VALUE_STORED);
    while (sweep(100) > 0) {
    }
}

static void test_kept_and_swept(void **state)
{
    struct uuid e = uuid_v7(), running = uuid_v7(), v = uuid_v4(), w = uuid_v4(), x = uuid_v4();
    assert_int_equal(store(&e, &v, "1", "0", "3", "abc"), VALUE_STORED);
    assert_int_equal(store(&e, &w, "1", "0", "3", "abc"), VALUE_STORED);
    assert_int_equal(store(&e, &x, "1", "0", "3", "abc"), VALUE_STORED);
    assert_int_equal(store(&running, &v, "1", "0", "3", "abc"), VALUE_STORED);
    assert_int_equal(sweep(100), 0);
    record(&e, (struct value_ref[]){{v}}, 1);
    assert_int_equal(sweep(1), 1);
    assert_int_equal(sweep(100), 1);
    assert_int_equal(sweep(100), 0);
    assert_int_equal(number_of(VALUES, &e), 1);
    assert_int_equal(number_of(CHUNKS, &e), 1);
    assert_int_equal(number_of(CHUNKS, &running), 1);
    /* A chunk whose value is gone. */
    struct db_param params[] = {DB_UUID(e)};
    struct err err;
    run_sql("DELETE FROM execution_value WHERE execution_id = $1::uuid", params, 1);
    assert_int_equal(db_run(db, QUERY_VALUE_FORGET_CHUNKS, NULL, &err), 0);
    assert_int_equal(number_of(CHUNKS, &e), 0);
    assert_int_equal(number_of(CHUNKS, &running), 1);
}

static int read_as(const struct uuid *who, const struct uuid *e, const struct uuid *v,
                   enum result_form form, struct buf *to, char type[50])
{
    AUTO(source_done) struct source s = {0};
    struct err err = {0};
    const struct result_ref ref = {
        .form = form, .organization_id = *who, .execution_id = *e, .value_id = *v};
    assert_int_equal(db_exec(db, "SET ROLE leat_api", &err), 0);
    int r = source_open(db, &ref, &s, &err);
    while (r == 0 && to->len < s.size) {
        r = source_read(db, &ref, &s, to->len, 2, to, &err);
    }
    if (r == 0) {
        (void)snprintf(type, 50, "%s", s.content_type);
    }
    assert_int_equal(db_exec(db, "RESET ROLE", &err), 0);
    return r;
}

static void test_reading(void **state)
{
    struct uuid e = uuid_v7(), v = uuid_v4(), stranger = uuid_v7();
    AUTO(buf_done) struct buf whole = {0}, raw = {0}, none = {0};
    char type[50];
    struct err err;
    buf_init(&whole, 0);
    buf_init(&raw, 0);
    buf_init(&none, 0);
    assert_int_equal(store(&e, &v, "1", "0", "6", "abcdef"), VALUE_STORED);
    assert_int_equal(read_as(&organization, &e, &v, RESULT_VALUE, &whole, type), 0);
    assert_true(str_eq(buf_str(&whole), STR("abcdef")));
    assert_string_equal(type, "application/msgpack");
    assert_int_equal(read_as(&organization, &e, &v, RESULT_RAW, &raw, type), 0);
    assert_true(str_eq(buf_str(&raw), STR("bcd")));
    assert_string_equal(type, "image/png");
    assert_int_equal(read_as(&stranger, &e, &v, RESULT_VALUE, &none, type), -ENOENT);
    assert_int_equal(read_as(&organization, &e, &stranger, RESULT_VALUE, &none, type), -ENOENT);
    assert_int_equal(read_as(&organization, &e, &v, RESULT_STEP, &none, type), -ENOENT);

    record(&e, (struct value_ref[]){{v}}, 1);
    assert_int_equal(read_as(&organization, &e, &v, RESULT_VALUE, &none, type), 0);
    struct db_param params[] = {DB_UUID(instance)};
    run_sql("DELETE FROM instance WHERE id = $1::uuid", params, 1);
    buf_clear(&none);
    assert_int_equal(read_as(&organization, &e, &v, RESULT_VALUE, &none, type), -ENOENT);
    assert_int_equal(db_run(db, QUERY_VALUE_FORGET, NULL, &err), 0);
    assert_int_equal(sweep(100), 1);
    assert_int_equal(number_of(CHUNKS, &e), 0);
}

/* Both tables have the partitions that executions have, and lose them with these. */
static void test_partitions(void **state)
{
    struct uuid none = {{0}};
    assert_int_equal(
        number_of("SELECT count(*) FROM pg_class WHERE $1::uuid IS NOT NULL AND relname "
                  "~ '^execution_[0-9]{8}$'",
                  &none),
        number_of("SELECT count(*) FROM pg_class WHERE $1::uuid IS NOT NULL AND relname "
                  "~ '^execution_value_chunk_[0-9]{8}$'",
                  &none));
    run_sql("SELECT leat_partitions_drop(-10)", NULL, 0);
    assert_int_equal(
        number_of("SELECT count(*) FROM pg_class WHERE $1::uuid IS NOT NULL AND relname "
                  "~ '^execution_value.*_[0-9]{8}$'",
                  &none),
        0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stored_once),    cmocka_unit_test(test_refused),
        cmocka_unit_test(test_kept_and_swept), cmocka_unit_test(test_reading),
        cmocka_unit_test(test_partitions),
    };
    return cmocka_run_group_tests(tests, setup, close_database);
}
