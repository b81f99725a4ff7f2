/* Owns a pass of the judge. Called on the thread of alerts.c with its connection. The turn is a
 * lock of the transaction: what a pass trips, and that it has seen it, is committed together or not
 * at all, so each event trips a monitor at most once and none is left out. */
#include "alerts/judge.h"

#define ENDED_MOST 5000

/* Statements whose first column is how many monitors they tripped. */
static const enum query_id judges[] = {QUERY_ALERT_STARTED, QUERY_ALERT_RUNNING,
                                       QUERY_ALERT_OVERDUE, QUERY_ALERT_CONCURRENCY};

static int judge(struct db *db, enum query_id query, size_t *tripped, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    int r = db_run(db, query, &rows, err);
    *tripped += r == 0 ? (size_t)db_int(rows, 0, 0) : 0;
    return r;
}

static int judge_ended(struct db *db, size_t *tripped, bool *more, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    int r = db_run(db, QUERY_ALERT_ENDED, &rows, err, DB_I64(ENDED_MOST));
    *tripped += r == 0 ? (size_t)db_int(rows, 0, 0) : 0;
    *more = *more || (r == 0 && db_int(rows, 0, 1) == ENDED_MOST);
    return r;
}

static int take_turn(struct db *db, bool *ret_have, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    int r = db_run(db, QUERY_ALERT_TURN, &rows, err);
    *ret_have = r == 0 && db_bool(rows, 0, 0);
    return r;
}

static int watch(struct db *db, bool *ret_more, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    int r = db_run(db, QUERY_ALERT_WATCH, &rows, err);
    *ret_more = r == 0 && db_bool(rows, 0, 0);
    return r;
}

static int judge_all(struct db *db, size_t *tripped, bool *more, struct err *err)
{
    int r = watch(db, more, err);
    for (size_t i = 0; i < ARRAY_LEN(judges) && r == 0; i++) {
        r = judge(db, judges[i], tripped, err);
    }
    return r ? r : judge_ended(db, tripped, more, err);
}

int judge_pass(struct db *db, size_t *ret_tripped, bool *ret_more, struct err *err)
{
    size_t tripped = 0;
    bool have = false, more = false;
    int r = db_begin(db, err);
    r = r ? r : take_turn(db, &have, err);
    r = r == 0 && have ? judge_all(db, &tripped, &more, err) : r;
    r = r ? r : db_commit(db, err);
    if (r != 0) {
        db_rollback(db);
        return r;
    }
    *ret_tripped = tripped;
    *ret_more = more;
    return 0;
}
