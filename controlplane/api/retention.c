/* Owns the mutation of how long an organization keeps what happened. On a lane thread, inside the
 * mutation's transaction. The sweeper deletes (dispatch/retention.c). */
#include "api/api_priv.h"

#define DAYS_MAX 3650

/* Whether it is given, and its number; NULL = as long as the platform. */
static struct db_param days(struct call *c, const char *field, struct db_param *ret_given)
{
    struct json v = call_input(c, field);
    *ret_given = DB_BOOL(v.type != JSON_UNDEFINED);
    if (v.type != JSON_NUMBER) {
        return DB_NULL;
    }
    if (v.num < 1 || v.num > DAYS_MAX) {
        call_refuse(c, field, "The days are from 1 to %d, or null for as long as the platform.",
                    DAYS_MAX);
        return DB_NULL;
    }
    return DB_I64((int64_t)v.num);
}

int mutate_update_organization_retention(struct call *c, struct err *err)
{
    struct db_param executions_given, steps_given, logs_given;
    struct db_param executions = days(c, "executionRetentionDays", &executions_given);
    struct db_param steps = days(c, "stepResultRetentionDays", &steps_given);
    struct db_param logs = days(c, "logRetentionDays", &logs_given);
    c->id = c->viewer.organization;
    return c->n_errors ? 0
                       : db_run(c->db, QUERY_API_RETENTION_UPDATE, NULL, err, DB_UUID(c->id),
                                executions_given, executions, steps_given, steps, logs_given, logs);
}
