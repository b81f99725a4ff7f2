/* Owns what the recorder does for log streams: a row a stream and execution, and nothing while
 * there is no stream at all (batch.log_streams). On the recording thread. */
#include "recorder/deliveries.h"

int deliveries_write(const struct batch *b, struct db *db, struct err *err)
{
    struct uuid *organizations = arena_array(b->arena, b->n + 1, sizeof(*organizations));
    struct uuid *executions = arena_array(b->arena, b->n + 1, sizeof(*executions));
    size_t n = 0;
    for (size_t i = 0; b->log_streams && i < b->n; i++) {
        if (b->results[i].logs.n > 0) {
            organizations[n] = b->results[i].organization_id;
            executions[n++] = b->results[i].execution_id;
        }
    }
    return n == 0 ? 0
                  : db_run(db, QUERY_RECORD_LOG_DELIVERIES, NULL, err, DB_UUIDS(organizations, n),
                           DB_UUIDS(executions, n));
}
