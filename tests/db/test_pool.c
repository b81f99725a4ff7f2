/* The pool of connections against a real PostgreSQL: connections that the server has closed while
 * they stood idle are opened again before anybody gets them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "migrate.h"
#include "pool.h"

#define SIZE 3

static struct pool *pool;

static int setup(void **state)
{
    struct err err;
    struct db *db = NULL;
    int applied = 0;
    if (db_open(getenv("LEAT_TEST_POSTGRES"), DB_OWNER, "test", &db, &err) != 0 ||
        migrate_run(db, &applied, &err) != 0 ||
        pool_new(getenv("LEAT_TEST_POSTGRES"), DB_API, SIZE, &pool, &err) != 0) {
        fprintf(stderr, "%s\n", err.message);
        return -1;
    }
    db_close(db);
    return 0;
}

static int teardown(void **state)
{
    pool_free(pool);
    return 0;
}

static void get_all(struct db *dbs[SIZE])
{
    for (int i = 0; i < SIZE; i++) {
        struct err err = {0};
        if (pool_get(pool, 5000, &dbs[i], &err) != 0) {
            fail_msg("%s", err.message);
        }
    }
}

static void put_all(struct db *dbs[SIZE])
{
    for (int i = 0; i < SIZE; i++) {
        pool_put(pool, dbs[i]);
    }
}

static void test_closed_while_idle(void **state)
{
    struct db *dbs[SIZE], *killer = NULL;
    struct err err = {0};
    get_all(dbs);
    put_all(dbs);
    assert_int_equal(db_open(getenv("LEAT_TEST_POSTGRES"), DB_OWNER, "test", &killer, &err), 0);
    assert_int_equal(db_exec(killer,
                             "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                             "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'",
                             &err),
                     0);
    db_close(killer);
    get_all(dbs);
    for (int i = 0; i < SIZE; i++) {
        if (db_exec(dbs[i], "SELECT 1", &err) != 0) {
            fail_msg("%s", err.message);
        }
    }
    put_all(dbs);
}

static void test_open_transaction_is_rolled_back(void **state)
{
    struct db *dbs[SIZE];
    struct err err = {0};
    get_all(dbs);
    assert_int_equal(db_begin(dbs[0], &err), 0);
    assert_int_not_equal(db_exec(dbs[0], "SELECT no_such_column", &err), 0);
    put_all(dbs);
    get_all(dbs);
    for (int i = 0; i < SIZE; i++) {
        assert_int_equal(db_exec(dbs[i], "SELECT 1", &err), 0);
    }
    put_all(dbs);
}

static void test_all_in_use(void **state)
{
    struct db *dbs[SIZE], *more = NULL;
    struct err err = {0};
    get_all(dbs);
    assert_int_equal(pool_get(pool, 50, &more, &err), -ETIMEDOUT);
    put_all(dbs);
    assert_int_equal(pool_get(pool, 50, &more, &err), 0);
    pool_put(pool, more);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_closed_while_idle),
        cmocka_unit_test(test_open_transaction_is_rolled_back),
        cmocka_unit_test(test_all_in_use),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
