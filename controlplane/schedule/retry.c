/* Owns the claim of due retries. Called on the scheduler's thread with its connection. A failure
 * leaves everything as it was, for this replica or another to claim again. */
#include "schedule/retry.h"

#define PAUSED_WAIT_S 60 /* until a paused instance is looked at again */
#define NEWER_WAIT_S  2  /* until newer requests under way are looked at again */

enum fate { FATE_GONE, FATE_PAUSED, FATE_NEWER, FATE_STARTS, _FATE_N }; /* as retry_claim says */
enum { COL_FIRST_ID, COL_FATE };

struct claim {
    struct uuid *ids[_FATE_N]; /* first_id, by fate */
    size_t n[_FATE_N];
};

static void sort_out(struct arena *a, const struct db_rows *rows, struct claim *claim)
{
    size_t n = db_rows_n(rows);
    *claim = (struct claim){0};
    for (int fate = 0; fate < _FATE_N; fate++) {
        claim->ids[fate] = arena_array(a, n, sizeof(struct uuid));
    }
    for (size_t i = 0; i < n; i++) {
        int64_t fate = db_int(rows, i, COL_FATE);
        ASSERT(fate >= 0 && fate < _FATE_N);
        claim->ids[fate][claim->n[fate]++] = db_uuid(rows, i, COL_FIRST_ID);
    }
}

static int start(struct db *db, const struct claim *claim, int replica_id, struct uuid *ret_ids,
                 struct err *err)
{
    size_t n = claim->n[FATE_STARTS];
    for (size_t i = 0; i < n; i++) {
        ret_ids[i] = uuid_v7();
    }
    if (n == 0) {
        return 0;
    }
    int r = db_run(db, QUERY_RETRY_FIRE, NULL, err, DB_UUIDS(ret_ids, n),
                   DB_UUIDS(claim->ids[FATE_STARTS], n), DB_I64(replica_id));
    r = r ? r
          : db_run(db, QUERY_RETRY_FIRED, NULL, err, DB_UUIDS(ret_ids, n),
                   DB_UUIDS(claim->ids[FATE_STARTS], n));
    return r ? r : db_run(db, QUERY_QUEUE_ENTER, NULL, err, DB_UUIDS(ret_ids, n));
}

static int put_off(struct db *db, const struct claim *claim, enum fate fate, int seconds,
                   struct err *err)
{
    return claim->n[fate] == 0
               ? 0
               : db_run(db, QUERY_RETRY_WAIT, NULL, err, DB_UUIDS(claim->ids[fate], claim->n[fate]),
                        DB_I64(seconds));
}

static int act(struct db *db, struct arena *a, const struct db_rows *rows, int replica_id,
               struct uuid *ret_ids, size_t *ret_fired, struct err *err)
{
    struct claim claim;
    sort_out(a, rows, &claim);
    int r = start(db, &claim, replica_id, ret_ids, err);
    r = r ? r : put_off(db, &claim, FATE_PAUSED, PAUSED_WAIT_S, err);
    r = r ? r : put_off(db, &claim, FATE_NEWER, NEWER_WAIT_S, err);
    if (r == 0 && claim.n[FATE_GONE] > 0) {
        r = db_run(db, QUERY_RETRY_DROP, NULL, err,
                   DB_UUIDS(claim.ids[FATE_GONE], claim.n[FATE_GONE]));
    }
    *ret_fired = claim.n[FATE_STARTS];
    return r;
}

int retry_claim(struct db *db, int replica_id, size_t max, size_t *ret_claimed,
                struct uuid *ret_ids, size_t *ret_fired, struct err *err)
{
    AUTO(arena_free) struct arena *a = arena_new(KIB(16), 0);
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    size_t fired = 0;
    *ret_claimed = *ret_fired = 0;
    int r = db_begin(db, err);
    r = r ? r : db_run(db, QUERY_RETRY_CLAIM, &rows, err, DB_I64(max));
    if (r == 0 && db_rows_n(rows) > 0) {
        r = act(db, a, rows, replica_id, ret_ids, &fired, err);
    }
    r = r ? r : db_commit(db, err);
    if (r != 0) {
        db_rollback(db);
        return r;
    }
    *ret_claimed = db_rows_n(rows);
    *ret_fired = fired;
    return 0;
}
