/* Owns a pass of retention. Called on the sweeping thread with its connection. A slice is small and
 * by an index, so that who accepts and records does not notice; how far it came is kept, so that
 * what was deleted is not looked at again. A slice that is repeated deletes nothing more. */
#include "dispatch/retention.h"

#define SLICES 4    /* in a pass */
#define ROWS   1000 /* in a slice */

enum { COL_ORGANIZATION, COL_KIND, COL_DAYS, COL_FROM };
enum { COL_NEXT, COL_N };

static const enum query_id slices[] = {
    [1] = QUERY_RETENTION_LOGS, [2] = QUERY_RETENTION_STEPS, [3] = QUERY_RETENTION_EXECUTIONS};

/* Deletes the next slice; *ret_n = how many rows it had. */
static int slice(struct db *db, const struct db_rows *due, size_t row, int64_t *ret_n,
                 struct err *err)
{
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    struct uuid organization = db_uuid(due, row, COL_ORGANIZATION);
    struct uuid from = db_uuid(due, row, COL_FROM);
    int64_t kind = db_int(due, row, COL_KIND);
    int r = db_begin(db, err);
    r = r ? r
          : db_run(db, slices[kind], &rows, err, DB_UUID(organization), DB_UUID(from),
                   DB_I64(db_int(due, row, COL_DAYS)), DB_I64(ROWS));
    r = r ? r
          : db_run(db, QUERY_RETENTION_DONE, NULL, err, DB_UUID(organization), DB_I64(kind),
                   DB_UUID(db_uuid(rows, 0, COL_NEXT)));
    r = r ? r : db_commit(db, err);
    if (r != 0) {
        db_rollback(db);
        return r;
    }
    *ret_n = db_int(rows, 0, COL_N);
    return 0;
}

int retention_pass(struct db *db, bool *ret_more, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *due = NULL;
    int r = db_run(db, QUERY_RETENTION_DUE, &due, err);
    size_t n = r == 0 ? db_rows_n(due) : 0;
    *ret_more = n > SLICES;
    for (size_t i = 0; i < MIN(n, (size_t)SLICES) && r == 0; i++) {
        int64_t rows = 0;
        r = slice(db, due, i, &rows, err);
        *ret_more = *ret_more || rows == ROWS;
    }
    return r;
}
