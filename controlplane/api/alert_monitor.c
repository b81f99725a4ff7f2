/* Owns the mutations of alert monitors. What a monitor needs is looked at after it was written, in
 * the form it then has: with errors the transaction is taken back. On a lane thread, inside the
 * mutation's transaction. */
#include "api/alert_input.h"

struct conditions {
    struct db_param instance, flow_config;
    struct db_param triggers, users, webhooks, groups;
};

/* NULL when absent or null. */
static struct db_param number(struct call *c, const char *field, int least, int most)
{
    struct json v = call_input(c, field);
    if (v.type != JSON_NUMBER) {
        return DB_NULL;
    }
    if (v.num < least || v.num > most) {
        call_refuse(c, field, "This field is a number from %d to %d.", least, most);
        return DB_NULL;
    }
    return DB_I64((int64_t)v.num);
}

static struct db_param given(struct call *c, const char *field)
{
    return DB_BOOL(call_input(c, field).type != JSON_UNDEFINED);
}

static bool has_id(struct call *c, const char *field)
{
    return call_text(c, field, "").len > 0;
}

/* Looks one of the two up: its query answers with the instance's id. */
static int find_target(struct call *c, const char *field, const char *type, enum query_id query,
                       struct uuid *ret_id, struct uuid *ret_instance, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *row = NULL;
    int rc = call_find(c, field, type, query, ret_id, &row, err);
    if (row) {
        *ret_instance = db_uuid(row, 0, 0);
    }
    return rc;
}

static int read_target(struct call *c, struct conditions *to, struct err *err)
{
    struct uuid id, instance = {{0}}, of_flow = {{0}};
    int rc = 0;
    to->instance = to->flow_config = DB_NULL;
    if (has_id(c, "instance")) {
        rc = find_target(c, "instance", "Instance", QUERY_API_ALERT_INSTANCE_FOUND, &id, &instance,
                         err);
        to->instance = DB_UUID(instance);
    }
    if (rc == 0 && has_id(c, "flowConfig")) {
        rc = find_target(c, "flowConfig", "InstanceFlowConfig", QUERY_API_ALERT_FLOW_CONFIG_FOUND,
                         &id, &of_flow, err);
        to->instance = DB_UUID(of_flow);
        to->flow_config = DB_UUID(id);
    }
    if (rc == 0 && c->n_errors == 0 && has_id(c, "instance") && has_id(c, "flowConfig") &&
        !uuid_eq(&instance, &of_flow)) {
        return call_refuse(c, "flowConfig", "This flow config is of another instance.");
    }
    return rc;
}

static int read_conditions(struct call *c, struct conditions *to, struct err *err)
{
    int rc = read_target(c, to, err);
    rc = rc ? rc : alert_ids(c, &alert_triggers, &to->triggers, err);
    rc = rc ? rc : alert_ids(c, &alert_users, &to->users, err);
    rc = rc ? rc : alert_ids(c, &alert_webhooks, &to->webhooks, err);
    return rc ? rc : alert_ids(c, &alert_groups, &to->groups, err);
}

/* Which condition a trigger of the written monitor lacks. */
static int missing(struct call *c, const struct db_rows *row)
{
    static const char *const fields[] = {"durationSecondsCondition",
                                         "executionOverdueMinutesCondition",
                                         "logSeverityLevelCondition"};
    for (int i = 0; i < (int)ARRAY_LEN(fields); i++) {
        if (db_bool(row, 0, i)) {
            call_refuse(c, fields[i], "A trigger needs this field.");
        }
    }
    return 0;
}

static int put(struct call *c, const struct conditions *with, struct db_param name, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *row = NULL;
    struct db_param seconds = number(c, "durationSecondsCondition", 1, 604800);
    struct db_param minutes = number(c, "executionOverdueMinutesCondition", 1, 44640);
    struct db_param severity = number(c, "logSeverityLevelCondition", 0, 5);
    if (c->n_errors > 0) {
        return 0;
    }
    int rc = db_run(
        c->db, QUERY_API_ALERT_MONITOR_UPDATE, &row, err, DB_UUID(c->id), name, with->instance,
        with->flow_config, with->triggers, given(c, "durationSecondsCondition"), seconds,
        given(c, "executionOverdueMinutesCondition"), minutes,
        given(c, "logSeverityLevelCondition"), severity, with->users, with->webhooks, with->groups);
    return rc ? rc : missing(c, row);
}

int mutate_create_alert_monitor(struct call *c, struct err *err)
{
    struct conditions with;
    struct str name;
    (void)call_need_text(c, "name", ALERT_NAME_MAX, &name);
    if (!has_id(c, "instance") && !has_id(c, "flowConfig")) {
        return call_refuse(c, "instance", "A monitor needs an instance or a flow config.");
    }
    int rc = read_conditions(c, &with, err);
    if (rc != 0 || c->n_errors > 0) {
        return rc;
    }
    c->id = uuid_v7();
    rc = db_run(c->db, QUERY_API_ALERT_MONITOR_INSERT, NULL, err, DB_UUID(c->id),
                DB_UUID(c->viewer.organization), DB_STR(name));
    return rc ? rc : put(c, &with, DB_NULL, err);
}

int mutate_find_alert_monitor(struct call *c, struct err *err)
{
    return call_find(c, "id", "AlertMonitor", QUERY_API_ALERT_MONITOR_LOCK, &c->id, NULL, err);
}

int mutate_update_alert_monitor(struct call *c, struct err *err)
{
    struct conditions with;
    struct db_param name = call_name(c, "name", ALERT_NAME_MAX);
    int rc = mutate_find_alert_monitor(c, err);
    rc = rc || c->n_errors ? rc : read_conditions(c, &with, err);
    return rc || c->n_errors ? rc : put(c, &with, name, err);
}

int mutate_clear_alert_monitor(struct call *c, struct err *err)
{
    int rc = mutate_find_alert_monitor(c, err);
    return rc || c->n_errors
               ? rc
               : db_run(c->db, QUERY_API_ALERT_MONITOR_CLEAR, NULL, err, DB_UUID(c->id));
}

int mutate_delete_alert_monitor(struct call *c, struct err *err)
{
    return db_run(c->db, QUERY_API_ALERT_MONITOR_DELETE, NULL, err, DB_UUID(c->id));
}
