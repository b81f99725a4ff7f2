/* Owns the mutations of alert groups: users and webhooks that monitors tell together. On a lane
 * thread, inside the mutation's transaction. */
#include "api/alert_input.h"

struct members {
    struct db_param users, webhooks;
};

static int read_members(struct call *c, struct members *ret, struct err *err)
{
    int rc = alert_ids(c, &alert_users, &ret->users, err);
    return rc ? rc : alert_ids(c, &alert_webhooks, &ret->webhooks, err);
}

int mutate_create_alert_group(struct call *c, struct err *err)
{
    struct members members;
    struct str name;
    int rc = read_members(c, &members, err);
    if (!call_need_text(c, "name", ALERT_NAME_MAX, &name) || rc != 0 || c->n_errors > 0) {
        return rc;
    }
    c->id = uuid_v7();
    return db_run(c->db, QUERY_API_ALERT_GROUP_INSERT, NULL, err, DB_UUID(c->id),
                  DB_UUID(c->viewer.organization), DB_STR(name), members.users, members.webhooks);
}

int mutate_find_alert_group(struct call *c, struct err *err)
{
    return call_find(c, "id", "AlertGroup", QUERY_API_ALERT_GROUP_LOCK, &c->id, NULL, err);
}

int mutate_update_alert_group(struct call *c, struct err *err)
{
    struct members members;
    struct db_param name = call_name(c, "name", ALERT_NAME_MAX);
    int rc = mutate_find_alert_group(c, err);
    rc = rc ? rc : read_members(c, &members, err);
    return rc || c->n_errors ? rc
                             : db_run(c->db, QUERY_API_ALERT_GROUP_UPDATE, NULL, err,
                                      DB_UUID(c->id), name, members.users, members.webhooks);
}

int mutate_delete_alert_group(struct call *c, struct err *err)
{
    return db_run(c->db, QUERY_API_ALERT_GROUP_DELETE, NULL, err, DB_UUID(c->id));
}
