/* Owns the way back from an execution row to a run request. Called on the dispatcher's and the
 * sweeper's threads with their own connections. */
#include "dispatch/reload.h"

#include "clock.h"

enum {
    COL_ID,
    COL_ORG,
    COL_INSTANCE,
    COL_FLOW_CONFIG,
    COL_REVISION,
    COL_INVOKE,
    COL_FLAGS,
    COL_REQUEST,
    COL_CUSTOMER,
    COL_FLOW_NAME,
    COL_ATTEMPT,
    COL_QUEUED,
    COL_REPLY_TO,
    COL_TRACEPARENT,
    COL_REPLY_ID,
};

int reload_requests(struct db *db, const struct uuid *ids, size_t n, reload_fn fn, void *ctx,
                    struct err *err)
{
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    ASSERT(n <= RELOAD_MAX);
    int r = db_run(db, QUERY_EXECUTION_BY_IDS, &rows, err, DB_UUIDS(ids, n));
    if (r != 0) {
        return r;
    }
    for (size_t i = 0; i < db_rows_n(rows); i++) {
        int64_t flags = db_int(rows, i, COL_FLAGS);
        struct run_request request = {
            .execution_id = db_uuid(rows, i, COL_ID),
            .attempt = (uint32_t)db_int(rows, i, COL_ATTEMPT),
            .organization_id = db_uuid(rows, i, COL_ORG),
            .customer_id = db_uuid(rows, i, COL_CUSTOMER),
            .instance_id = db_uuid(rows, i, COL_INSTANCE),
            .flow_config_id = db_uuid(rows, i, COL_FLOW_CONFIG),
            .revision = (uint64_t)db_int(rows, i, COL_REVISION),
            .flow_name = db_str(rows, i, COL_FLOW_NAME),
            .invoke_type = (uint32_t)db_int(rows, i, COL_INVOKE),
            .test = flags & EXECUTION_TEST,
            .debug = flags & EXECUTION_DEBUG,
            .preprocess = flags & EXECUTION_PREPROCESS,
            .request = db_str(rows, i, COL_REQUEST),
            .queued = db_bool(rows, i, COL_QUEUED),
        };
        if (request.queued) {
            request.reply_to = db_str(rows, i, COL_REPLY_TO);
            request.traceparent = db_str(rows, i, COL_TRACEPARENT);
            request.synchronous = request.reply_to.len > 0 && (flags & EXECUTION_SYNCHRONOUS);
            if (!db_is_null(rows, i, COL_REPLY_ID)) {
                request.reply_id = db_uuid(rows, i, COL_REPLY_ID);
            }
        }
        request.accepted_ns = uuid_v7_ms(&request.execution_id) * NS_PER_MS;
        fn(ctx, &request);
    }
    return 0;
}
