/* Owns what follows from a deletion and from a deploy: what the API has marked gets the executions
 * of its remove flows, once, and its rows go when these have ended or after a day; a deploy is in
 * force or taken back when its flows have ended. Functions of migration 0015 decide. Called on the
 * scheduler's thread with its connection. A failure leaves everything as it was, for this replica
 * or another to do again; executions that were committed and not sent on are found by the sweeper.
 */
#include "schedule/lifecycle.h"

#include "run_request.h"

static int start(struct db *db, int replica_id, size_t max, struct db_rows **ret, struct err *err)
{
    static const struct hook_request nothing = {.method = {"POST", 4}};
    AUTO(buf_done) struct buf request = {0};
    buf_init(&request, KIB(1));
    hook_request_encode(&nothing, &request);
    return db_run(db, QUERY_REMOVAL_START, ret, err, DB_I64(max), DB_I64(replica_id),
                  DB_BYTES(buf_str(&request)));
}

static int enter_queues(struct db *db, const struct db_rows *rows, struct err *err)
{
    AUTO(arena_free) struct arena *a = arena_new(KIB(4), 0);
    size_t n = db_rows_n(rows);
    struct uuid *ids = arena_array(a, n, sizeof(*ids));
    for (size_t i = 0; i < n; i++) {
        ids[i] = db_uuid(rows, i, 0);
    }
    return n == 0 ? 0 : db_run(db, QUERY_QUEUE_ENTER, NULL, err, DB_UUIDS(ids, n));
}

static int act(struct db *db, int replica_id, size_t max, struct db_rows **ret_started,
               size_t *ret_done, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *any = NULL;
    AUTO(db_rows_free) struct db_rows *gone = NULL;
    AUTO(db_rows_free) struct db_rows *judged = NULL;
    int r = db_run(db, QUERY_LIFECYCLE_ANY, &any, err);
    if (r == 0 && db_bool(any, 0, 0)) {
        r = start(db, replica_id, max, ret_started, err);
        r = r ? r : enter_queues(db, *ret_started, err);
        r = r ? r : db_run(db, QUERY_REMOVAL_FINISH, &gone, err, DB_I64(max));
        *ret_done += r == 0 ? (size_t)db_int(gone, 0, 0) : 0;
    }
    if (r == 0 && db_bool(any, 0, 1)) {
        r = db_run(db, QUERY_DEPLOY_JUDGE, &judged, err, DB_I64(max));
        *ret_done += r == 0 ? (size_t)db_int(judged, 0, 0) : 0;
    }
    return r;
}

int lifecycle_claim(struct db *db, int replica_id, size_t max, size_t *ret_claimed,
                    struct uuid *ret_ids, size_t *ret_fired, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *started = NULL;
    size_t done = 0;
    *ret_claimed = *ret_fired = 0;
    int r = db_begin(db, err);
    r = r ? r : act(db, replica_id, max, &started, &done, err);
    r = r ? r : db_commit(db, err);
    if (r != 0) {
        db_rollback(db);
        return r;
    }
    size_t n = started ? MIN(db_rows_n(started), max) : 0;
    for (size_t i = 0; i < n; i++) {
        ret_ids[i] = db_uuid(started, i, 0);
    }
    *ret_fired = n;
    *ret_claimed = MIN(done + n, max);
    return 0;
}
