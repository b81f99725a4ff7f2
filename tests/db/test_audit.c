/* The audit log against a real PostgreSQL: entries that are added at the same time make one chain,
 * whatever is changed behind its back is found, and a beginning that was dropped is not missed. */
#include <pthread.h>
#include "db_fixture.h"

#include "audit.h"

#define THREADS 4
#define EACH    60

static struct uuid organization;

static int setup(void **state)
{
    struct err err;
    organization = id_of("0a0d1700", 1);
    if (open_database() != 0) {
        return -1;
    }
    return db_exec(db,
                   "INSERT INTO organization (id, name, data_key) VALUES "
                   "('0a0d1700-0000-7000-8000-000000000001', 'o', ''), "
                   "('0a0d1700-0000-7000-8000-000000000002', 'p', '')",
                   &err);
}

static void clear(void)
{
    sql("SET session_replication_role = replica; DELETE FROM audit_entry; DELETE FROM audit_head; "
        "RESET session_replication_role");
}

static int each_setup(void **state)
{
    clear();
    return 0;
}

static int add(struct db *to, int n, struct err *err)
{
    char name[40];
    const struct str fields[] = {STR("name"), STR("a,b"), STR("1:x")};
    (void)snprintf(name, sizeof(name), "thing %d \xc3\xa4:'\"", n);
    return audit_add(to,
                     &(struct audit_entry){.organization = organization,
                                           .actor_type = "system",
                                           .actor_name = "test",
                                           .action = "thing.made",
                                           .object_type = STR("Thing"),
                                           .object = id_of("0b1ec700", n),
                                           .object_name = str_of(name),
                                           .fields = fields,
                                           .n_fields = (size_t)n % 4,
                                           .address = STR("192.0.2.1")},
                     err);
}

static void add_some(int n)
{
    struct err err = {0};
    for (int i = 0; i < n; i++) {
        assert_int_equal(add(db, i, &err), 0);
    }
}

static int verify(const struct audit_expectation *expect, struct audit_chain *ret, struct err *err)
{
    struct db_rows *heads = NULL;
    struct audit_expectation none = {0};
    assert_int_equal(db_run(db, QUERY_AUDIT_HEADS, &heads, err, DB_TEXT("o")), 0);
    assert_int_equal(db_rows_n(heads), 1);
    int r = audit_verify(db, heads, 0, expect ? expect : &none, ret, err);
    db_rows_free(heads);
    return r;
}

static void verifies(int64_t last)
{
    struct audit_chain chain;
    struct err err = {0};
    if (verify(NULL, &chain, &err) != 0) {
        fail_msg("%s", err.message);
    }
    assert_int_equal(chain.position, last);
}

/* Changes the log as its triggers would not let it, and puts it back. */
static void broken(const char *change, int position, const char *words)
{
    struct audit_chain chain;
    struct err err = {0};
    char start[40];
    clear();
    add_some(12);
    verifies(12);
    sql("SET session_replication_role = replica");
    sql(change);
    sql("RESET session_replication_role");
    assert_int_equal(verify(NULL, &chain, &err), -EBADMSG);
    (void)snprintf(start, sizeof(start), "entry %d", position);
    if (strncmp(err.message, start, strlen(start)) != 0 || !strstr(err.message, words)) {
        fail_msg("%s: %s", change, err.message);
    }
}

static void *adder(void *arg)
{
    struct db *own = NULL;
    struct err err = {0};
    intptr_t failed = db_open(getenv("LEAT_TEST_POSTGRES"), DB_OWNER, "test", &own, &err) != 0;
    for (int i = 0; i < EACH && !failed; i++) {
        failed = db_begin(own, &err) != 0 || add(own, i, &err) != 0;
        if (i % 5 == 4) {
            db_rollback(own); /* what it tells of was not kept: the next one takes its place */
        } else {
            failed = failed || db_commit(own, &err) != 0;
        }
    }
    db_close(own);
    return (void *)failed;
}

static void test_many_at_once(void **state)
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, adder, NULL), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    verifies(THREADS * EACH * 4 / 5);
    assert_int_equal(number("SELECT count(*) FROM (SELECT at < lag(at) OVER (ORDER BY position) AS "
                            "back FROM audit_entry) t WHERE back"),
                     0);
}

static void test_tampering(void **state)
{
    broken("UPDATE audit_entry SET actor_name = 'me' WHERE position = 4", 4, "content");
    broken("UPDATE audit_entry SET at = at - interval '1 second' WHERE position = 4", 4, "content");
    broken("UPDATE audit_entry SET fields = '{}' WHERE position = 4", 4, "content");
    broken("UPDATE audit_entry SET fields = '{name,a,b}' WHERE position = 3", 3, "content");
    broken("UPDATE audit_entry SET object_id = NULL WHERE position = 12", 12, "content");
    broken("UPDATE audit_entry SET address = '' WHERE position = 1", 1, "content");
    broken(
        "DO $$ DECLARE e audit_entry; BEGIN SELECT * INTO e FROM audit_entry WHERE position = 4; "
        "e.actor_name := 'me'; e.hash := leat_audit_hash(e); UPDATE audit_entry SET actor_name = "
        "'me', hash = e.hash WHERE position = 4; END $$",
        5, "does not follow");
    broken("DELETE FROM audit_entry WHERE position = 7", 8, "missing");
    broken("DELETE FROM audit_entry WHERE position = 1", 2, "missing");
    broken("DELETE FROM audit_entry WHERE position > 9", 12, "ends before");
    broken("DELETE FROM audit_entry", 12, "ends before");
    broken("UPDATE audit_entry SET organization_id = '0a0d1700-0000-7000-8000-000000000002' "
           "WHERE position = 12",
           12, "ends before");
    broken("UPDATE audit_head SET position = 11", 12, "ends before");
}

static void test_expectation(void **state)
{
    struct audit_chain chain, later;
    struct audit_expectation expect;
    struct err err = {0};
    add_some(5);
    assert_int_equal(verify(NULL, &chain, &err), 0);
    expect.position = chain.position;
    memcpy(expect.hash, chain.hash, sizeof(expect.hash));
    add_some(3);
    assert_int_equal(verify(&expect, &later, &err), 0);
    assert_int_equal(later.position, 8);
    /* A chain that was made anew holds by itself, but is not the one that was noted down. */
    clear();
    add_some(9);
    verifies(9);
    assert_int_equal(verify(&expect, &later, &err), -EBADMSG);
    assert_non_null(strstr(err.message, "entry 5"));
    clear();
    add_some(4);
    assert_int_equal(verify(&expect, &later, &err), -EBADMSG);
    assert_non_null(strstr(err.message, "missing"));
}

static void test_entries_stay(void **state)
{
    struct err err = {0};
    add_some(2);
    assert_true(db_exec(db, "UPDATE audit_entry SET actor_name = 'me'", &err) != 0);
    assert_true(db_exec(db, "DELETE FROM audit_entry", &err) != 0);
    assert_true(db_exec(db, "TRUNCATE audit_entry", &err) != 0);
    sql("SET ROLE leat_api; SET leat.organization = '0a0d1700-0000-7000-8000-000000000001'");
    assert_int_equal(number("SELECT count(*) FROM audit_entry"), 2);
    static const char *const refused[] = {
        "DELETE FROM audit_entry",
        "UPDATE audit_entry SET actor_name = 'me'",
        "INSERT INTO audit_entry SELECT * FROM audit_entry",
        "SELECT * FROM audit_head",
        "SELECT leat_audit_drop(0, 1)",
        ("SELECT leat_audit_add('0a0d1700-0000-7000-8000-000000000002', 'user', NULL, 'x', NULL, "
         "'x', 'x', NULL, 'x', NULL, '')")};
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        if (db_exec(db, refused[i], &err) == 0) {
            fail_msg("%s", refused[i]);
        }
    }
    sql("SET leat.organization = '0a0d1700-0000-7000-8000-000000000002'");
    assert_int_equal(number("SELECT count(*) FROM audit_entry"), 0);
    sql("RESET ROLE; RESET leat.organization");
    verifies(2);
}

static void test_dropping(void **state)
{
    add_some(10);
    assert_int_equal(number("SELECT leat_audit_drop(30, 100)"), 0);
    /* The first seven are old. Their hashes are made anew for that, as the triggers would not. */
    sql("SET session_replication_role = replica;"
        "DO $$ DECLARE e audit_entry; before bytea := ''; BEGIN "
        "FOR e IN SELECT * FROM audit_entry ORDER BY position LOOP "
        "e.previous := before; IF e.position <= 7 THEN e.at := e.at - interval '40 days'; END IF; "
        "e.hash := leat_audit_hash(e); before := e.hash; "
        "UPDATE audit_entry SET at = e.at, previous = e.previous, hash = e.hash WHERE id = e.id; "
        "END LOOP; UPDATE audit_head SET hash = before; END $$;"
        "RESET session_replication_role");
    verifies(10);
    assert_int_equal(number("SELECT leat_audit_drop(30, 4)"), 4);
    assert_int_equal(number("SELECT min(position) FROM audit_entry"), 5);
    verifies(11); /* it is told, too */
    assert_int_equal(number("SELECT leat_audit_drop(30, 100)"), 3);
    verifies(12);
    assert_int_equal(number("SELECT leat_audit_drop(30, 100)"), 0);
    assert_int_equal(number("SELECT count(*) FROM audit_entry WHERE action = 'audit_log.dropped'"),
                     2);
    sql("SET session_replication_role = replica; DELETE FROM audit_entry WHERE position = 8; "
        "RESET session_replication_role");
    struct audit_chain chain;
    struct err err = {0};
    assert_int_equal(verify(NULL, &chain, &err), -EBADMSG);
    assert_non_null(strstr(err.message, "entry 9"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_many_at_once, each_setup),
        cmocka_unit_test_setup(test_tampering, each_setup),
        cmocka_unit_test_setup(test_expectation, each_setup),
        cmocka_unit_test_setup(test_entries_stay, each_setup),
        cmocka_unit_test_setup(test_dropping, each_setup),
    };
    return cmocka_run_group_tests(tests, setup, close_database);
}
