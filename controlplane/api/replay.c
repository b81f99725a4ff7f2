/* Owns replaying: a finished execution's stored request becomes a new execution, linked to it. On a
 * lane thread, inside the mutation's transaction. It refuses what has not ended, and what could not
 * run: a flow that is gone, an instance that is paused or not deployed. */
#include "api/api_priv.h"

enum { COL_ENDED, COL_ACTIVE, COL_REVISION, COL_ENABLED };

static int refusal(struct call *c, const struct db_rows *rows)
{
    if (db_rows_n(rows) == 0) {
        return call_refuse(c, "id", "The InstanceExecutionResult does not exist.");
    }
    if (!db_bool(rows, 0, COL_ENDED)) {
        return call_refuse(c, "id", "The execution has not ended yet.");
    }
    if (!db_bool(rows, 0, COL_ACTIVE)) {
        return call_refuse(c, "id", "The flow of the execution does not exist any more.");
    }
    if (db_int(rows, 0, COL_REVISION) == 0) {
        return call_refuse(c, "id", "The instance is not deployed.");
    }
    if (!db_bool(rows, 0, COL_ENABLED)) {
        return call_refuse(c, "id", "The instance is paused: enable it first.");
    }
    return 0;
}

int mutate_replay_execution(struct call *c, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    struct uuid of;
    if (!call_need_id(c, "id", "InstanceExecutionResult", &of)) {
        return 0;
    }
    int rc = db_run(c->db, QUERY_API_REPLAY_FIND, &rows, err, DB_UUID(of));
    rc = rc ? rc : refusal(c, rows);
    if (rc != 0 || c->n_errors > 0) {
        return rc;
    }
    c->id = c->pending[c->n_pending++] = uuid_v7();
    rc = db_run(c->db, QUERY_API_REPLAY_INSERT, NULL, err, DB_UUID(c->id), DB_UUID(of),
                DB_I64(db_int(rows, 0, COL_REVISION)), DB_I64(c->api->replica_id));
    return rc ? rc : db_run(c->db, QUERY_QUEUE_ENTER, NULL, err, DB_UUIDS(&c->id, 1));
}
