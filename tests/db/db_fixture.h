/* What the tests of the store share: a migrated database behind `db`, statements as text, ids that
 * tell what they are of. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "db.h"
#include "migrate.h"

static struct db *db;

static unused int open_database(void)
{
    struct err err;
    int applied = 0;
    if (db_open(getenv("LEAT_TEST_POSTGRES"), DB_OWNER, "test", &db, &err) != 0 ||
        migrate_run(db, &applied, &err) != 0) {
        fprintf(stderr, "%s\n", err.message);
        return -1;
    }
    return 0;
}

static unused int close_database(void **state)
{
    db_close(db);
    return 0;
}

static unused void sql(const char *text)
{
    struct err err = {0};
    if (db_exec(db, text, &err) != 0) {
        fail_msg("%s", err.message);
    }
}

static unused void run_sql(const char *text, const struct db_param *params, size_t n)
{
    struct err err = {0};
    if (db_query_text(db, str_of(text), params, n, NULL, &err) != 0) {
        fail_msg("%s", err.message);
    }
}

/* The first column of the first row. */
static unused int64_t number(const char *text)
{
    struct db_rows *rows = NULL;
    struct err err = {0};
    if (db_query_text(db, str_of(text), NULL, 0, &rows, &err) != 0) {
        fail_msg("%s", err.message);
    }
    int64_t n = db_int(rows, 0, 0);
    db_rows_free(rows);
    return n;
}

/* Ids: the kind in the first group, the number in the last. */
static unused struct uuid id_of(const char *kind, int n)
{
    char text[64];
    struct uuid id;
    (void)snprintf(text, sizeof(text), "%s-0000-7000-8000-%012d", kind, n);
    assert_true(uuid_parse(str_of(text), &id));
    return id;
}
