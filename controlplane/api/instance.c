/* Owns creating, changing and deleting instances. On a lane thread, inside the mutation's
 * transaction. Deploying is in instance_deploy.c,
 * the hidden test instance in test_run.c. */
#include "api/input.h"
#include "api/instance_config.h"

#define NAME_MAX_BYTES 500

/* The version to run: the one asked for, or the latest available one of a draft's sequence. */
static int find_version(struct call *c, struct db_rows **ret_rows, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    struct uuid asked;
    if (!call_need_id(c, "integration", "Integration", &asked)) {
        return 0;
    }
    int rc = db_run(c->db, QUERY_API_VERSION_FIND, &rows, err, DB_UUID(asked));
    if (rc == 0 && db_rows_n(rows) == 0) {
        return call_refuse(c, "integration",
                           "The Integration does not exist or has no available version: publish "
                           "it first.");
    }
    if (rc == 0 && !db_bool(rows, 0, 2)) {
        return call_refuse(c, "integration", "This version is not available.");
    }
    if (rc == 0) {
        *ret_rows = TAKE(rows);
    }
    return rc;
}

static int name_taken(struct call *c, int rc, struct err *err)
{
    return call_store_error(c, rc, "instance_customer_id_name_key", "name",
                            "The customer has an instance of this name.", err);
}

static int insert_instance(struct call *c, const struct uuid *version, const struct uuid *customer,
                           struct str name, struct err *err)
{
    struct db_param labels = call_labels(c, "labels");
    if (c->n_errors > 0) {
        return 0;
    }
    c->id = uuid_v7();
    int rc = db_run(c->db, QUERY_API_INSTANCE_INSERT, NULL, err, DB_UUID(c->id),
                    DB_UUID(c->viewer.organization), DB_UUID(*customer), DB_UUID(*version),
                    DB_STR(name), DB_STR(call_text(c, "description", "")), labels,
                    call_opt_bool(c, "logsDisabled"), call_opt_bool(c, "stepResultsDisabled"));
    return name_taken(c, rc, err);
}

int mutate_create_instance(struct call *c, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *version = NULL;
    AUTO(db_rows_free) struct db_rows *known = NULL;
    AUTO(instance_config_done) struct instance_config config = {0};
    struct str name;
    struct uuid customer;
    bool ok = call_need_text(c, "name", NAME_MAX_BYTES, &name);
    ok = call_need_id(c, "customer", "Customer", &customer) && ok;
    int rc = find_version(c, &version, err);
    if (rc != 0 || !ok || c->n_errors > 0) {
        return rc;
    }
    rc = db_run(c->db, QUERY_API_CUSTOMER_LOCK, &known, err, DB_UUID(customer));
    if (rc == 0 && db_rows_n(known) == 0) {
        return call_refuse(c, "customer", "The Customer does not exist.");
    }
    struct uuid id = db_uuid(version, 0, 0);
    rc = rc ? rc : insert_instance(c, &id, &customer, name, err);
    if (rc != 0 || c->n_errors > 0) {
        return rc;
    }
    rc = instance_config_load(c, &c->id, db_str(version, 0, 3), &config, err);
    rc = rc ? rc : instance_config_apply(c, &config, false, err);
    if (rc != 0 || c->n_errors > 0) {
        return rc;
    }
    rc = instance_config_store(c, &c->id, &config, err);
    rc = rc ? rc : instance_flow_configs_put(c, &c->id, &id, err);
    return rc ? rc : instance_flow_configs_change(c, &c->id, &id, err);
}

int mutate_find_instance(struct call *c, struct err *err)
{
    return call_find(c, "id", "Instance", QUERY_API_INSTANCE_LOCK, &c->id, NULL, err);
}

/* What changes the next deploy but not what runs now. */
static bool changes_deploy(struct call *c)
{
    return call_input(c, "configVariables").type == JSON_ARRAY ||
           call_input(c, "integration").type == JSON_STRING;
}

static int update_row(struct call *c, const struct db_rows *version, struct err *err)
{
    struct db_param labels = call_labels(c, "labels");
    struct str name;
    bool renamed = call_input(c, "name").type == JSON_STRING;
    if (renamed) {
        (void)call_need_text(c, "name", NAME_MAX_BYTES, &name);
    }
    if (c->n_errors > 0) {
        return 0;
    }
    int rc = db_run(c->db, QUERY_API_INSTANCE_UPDATE, NULL, err, DB_UUID(c->id),
                    call_opt_text(c, "name"), call_opt_text(c, "description"), labels,
                    call_opt_bool(c, "enabled"), call_opt_bool(c, "logsDisabled"),
                    call_opt_bool(c, "stepResultsDisabled"),
                    version ? DB_UUID(db_uuid(version, 0, 0)) : DB_NULL, DB_BOOL(changes_deploy(c)),
                    call_opt_bool(c, "globalDebug"));
    return name_taken(c, rc, err);
}

static void tell_switch(struct call *c, bool was_enabled)
{
    struct json v = call_input(c, "enabled");
    if (v.type == JSON_TRUE && !was_enabled) {
        c->also = "instance.enabled";
    } else if (v.type == JSON_FALSE && was_enabled) {
        c->also = "instance.disabled";
    }
}

static int update_instance(struct call *c, bool replace, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *version = NULL;
    AUTO(db_rows_free) struct db_rows *row = NULL;
    AUTO(db_rows_free) struct db_rows *before = NULL;
    AUTO(instance_config_done) struct instance_config config = {0};
    int rc = call_find(c, "id", "Instance", QUERY_API_INSTANCE_LOCK, &c->id, &before, err);
    if (rc == 0 && c->n_errors == 0 && call_input(c, "integration").type == JSON_STRING) {
        rc = find_version(c, &version, err);
    }
    rc = rc || c->n_errors ? rc : update_row(c, version, err);
    if (rc != 0 || c->n_errors > 0) {
        return rc;
    }
    tell_switch(c, db_bool(before, 0, LOCKED_ENABLED));
    rc = db_run(c->db, QUERY_API_INSTANCE_LOCK, &row, err, DB_UUID(c->id));
    struct uuid chosen = rc == 0 ? db_uuid(row, 0, LOCKED_VERSION) : (struct uuid){{0}};
    bool is_test = rc == 0 && db_bool(row, 0, LOCKED_IS_SYSTEM);
    if (is_test && version) {
        return call_refuse(c, "integration",
                           "A hidden instance runs the version it is made for, nothing else.");
    }
    if (rc == 0 && call_input(c, "enabled").type == JSON_TRUE) {
        rc = instance_config_may_run(c, &c->id, db_str(row, 0, LOCKED_DEFINITION), err);
    }
    if (rc == 0 && changes_deploy(c)) {
        rc = instance_config_load(c, &c->id, db_str(row, 0, LOCKED_DEFINITION), &config, err);
        rc = rc ? rc : instance_config_apply(c, &config, replace, err);
        rc = rc || c->n_errors ? rc : instance_config_store(c, &c->id, &config, err);
    }
    rc = rc || c->n_errors ? rc : instance_flow_configs_change(c, &c->id, &chosen, err);
    rc = rc || c->n_errors ? rc : call_star(c, err);
    rc = rc || c->n_errors ? rc : state_change(c, &c->id, STATE_OF_INSTANCE, err);
    bool deploys = is_test && changes_deploy(c);
    return rc || c->n_errors || !deploys ? rc : instance_deploy(c, row, true, err);
}

int mutate_update_instance(struct call *c, struct err *err)
{
    return update_instance(c, true, err);
}

int mutate_update_config_variables(struct call *c, struct err *err)
{
    return update_instance(c, false, err);
}

int mutate_find_instance_to_delete(struct call *c, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *row = NULL;
    int rc = mutate_find_instance(c, err);
    if (rc == 0 && c->n_errors == 0) {
        rc = db_run(c->db, QUERY_API_INSTANCE_LOCK, &row, err, DB_UUID(c->id));
    }
    return row && db_bool(row, 0, LOCKED_IS_SYSTEM)
               ? call_refuse(c, "id", "A hidden instance goes with its integration only.")
               : rc;
}

int mutate_delete_instance(struct call *c, struct err *err)
{
    return db_run(c->db, QUERY_REMOVAL_INSTANCE, NULL, err, DB_UUID(c->id));
}
