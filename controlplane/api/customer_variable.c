/* Owns the mutations of customers' config variables: what a customer has of a scoped config
 * variable, or what tests take in its place. On a lane thread, inside the mutation's transaction.
 * Users of a customer reach what they manage themselves only: row-level security says so. */
#include "api/reusable.h"

#include "api/input.h"
#include "api/sealed.h"
#include "domain/config_value.h"

#define KEY_MAX 200

enum {
    COL_ID,
    COL_KEY,
    COL_INPUTS,
    COL_SCOPED,
    COL_COMPONENT,
    COL_CONNECTION,
    COL_SCOPED_INPUTS,
    COL_SUCCESS,
    COL_FAILURE,
};

static int taken(struct call *c, int rc, struct err *err)
{
    return call_store_error(c, rc, "customer_config_variable_once", "key",
                            "The customer has a config variable of this key.", err);
}

static int put_token(struct call *c, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *row = NULL;
    struct json shared, own;
    struct json_builder fields;
    int rc = db_run(c->db, QUERY_API_CUSTOMER_VARIABLE_LOCK, &row, err, DB_UUID(c->id));
    struct uuid scoped = rc == 0 ? db_uuid(row, 0, COL_SCOPED) : (struct uuid){{0}};
    rc = rc ? rc
            : reusable_open(c, SCOPED_COLUMN, &scoped, db_str(row, 0, COL_SCOPED_INPUTS), &shared,
                            err);
    rc = rc ? rc : reusable_open(c, CUSTOMER_COLUMN, &c->id, db_str(row, 0, COL_INPUTS), &own, err);
    if (rc != 0) {
        return rc;
    }
    json_build_object(&fields, c->a);
    config_fields_add(&fields, shared);
    config_fields_add(&fields, own);
    struct str component = db_str(row, 0, COL_COMPONENT);
    struct str connection = db_str(row, 0, COL_CONNECTION);
    struct connection_owner owner = {.kind = "customer",
                                     .id = c->id,
                                     .component = arena_strndup(c->a, component.ptr, component.len),
                                     .connection =
                                         arena_strndup(c->a, connection.ptr, connection.len),
                                     .fields = json_built(&fields),
                                     .success_url = db_str(row, 0, COL_SUCCESS),
                                     .failure_url = db_str(row, 0, COL_FAILURE)};
    rc = connection_put(c, &owner, err);
    return rc ? rc : db_run(c->db, QUERY_CONNECTION_TOKEN_DUE, NULL, err, DB_UUID(c->id));
}

static int seal_inputs(struct call *c, struct json inputs, struct db_param *ret, struct err *err)
{
    *ret = DB_NULL;
    return inputs.type == JSON_ARRAY && inputs.len > 0
               ? call_seal(c, CUSTOMER_COLUMN, &c->id, inputs, ret, err)
               : 0;
}

/* Whose it is; nil for tests. */
static int read_customer(struct call *c, struct uuid *ret, struct err *err)
{
    bool is_test = call_input(c, "isTest").type == JSON_TRUE;
    bool of_customer = !uuid_is_nil(&c->viewer.customer);
    bool named = call_text(c, "customer", "").len > 0;
    *ret = c->viewer.customer;
    if (is_test && (of_customer || named)) {
        return call_refuse(c, "isTest", "What tests take is of no customer.");
    }
    if (is_test || (of_customer && !named)) {
        return 0;
    }
    return call_customer(c, ret, err);
}

int mutate_create_customer_variable(struct call *c, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *scoped = NULL;
    struct uuid customer, scoped_id;
    struct db_param sealed;
    struct db_param key = call_name(c, "key", KEY_MAX);
    struct json inputs = reusable_inputs(c, json_undefined());
    int rc = call_find(c, "scopedConfigVariable", "ScopedConfigVariable", QUERY_API_SCOPED_LOCK,
                       &scoped_id, &scoped, err);
    if (scoped && !str_eq(db_str(scoped, 0, 2), STR("customer"))) {
        call_refuse(c, "scopedConfigVariable",
                    "This one is for all customers: it is of scope \"org\".");
    }
    rc = rc ? rc : read_customer(c, &customer, err);
    if (rc != 0 || c->n_errors > 0) {
        return rc;
    }
    c->id = uuid_v7();
    rc = seal_inputs(c, inputs, &sealed, err);
    rc = rc ? rc
            : db_run(c->db, QUERY_API_CUSTOMER_VARIABLE_INSERT, NULL, err, DB_UUID(c->id),
                     DB_UUID(c->viewer.organization), DB_UUID(scoped_id), DB_UUID_OR_NULL(customer),
                     key.type == DB_P_NULL ? DB_STR(db_str(scoped, 0, 1)) : key, sealed);
    rc = taken(c, rc, err);
    return rc || c->n_errors ? rc : put_token(c, err);
}

int mutate_find_customer_variable_to_delete(struct call *c, struct err *err)
{
    int rc = call_find(c, "id", "CustomerConfigVariable", QUERY_API_CUSTOMER_VARIABLE_LOCK, &c->id,
                       NULL, err);
    return rc || c->n_errors ? rc : reusable_unused(c, &c->id, err);
}

int mutate_update_customer_variable(struct call *c, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *row = NULL;
    struct json before;
    struct db_param sealed = DB_NULL, key = call_name(c, "key", KEY_MAX);
    int rc = call_find(c, "id", "CustomerConfigVariable", QUERY_API_CUSTOMER_VARIABLE_LOCK, &c->id,
                       &row, err);
    if (rc == 0 && c->n_errors == 0 &&
        (!json_is_nullish(call_input(c, "customer")) ||
         !json_is_nullish(call_input(c, "isTest")))) {
        return call_refuse(c, json_is_nullish(call_input(c, "customer")) ? "isTest" : "customer",
                           "Whose it is does not change: make another one.");
    }
    rc = rc || c->n_errors
             ? rc
             : reusable_open(c, CUSTOMER_COLUMN, &c->id, db_str(row, 0, COL_INPUTS), &before, err);
    if (rc != 0 || c->n_errors > 0) {
        return rc;
    }
    struct json inputs = reusable_inputs(c, before);
    rc = c->n_errors ? 0 : seal_inputs(c, inputs, &sealed, err);
    rc = rc || c->n_errors ? rc
                           : db_run(c->db, QUERY_API_CUSTOMER_VARIABLE_UPDATE, NULL, err,
                                    DB_UUID(c->id), key, sealed);
    rc = taken(c, rc, err);
    if (rc != 0 || c->n_errors > 0 || inputs.type != JSON_ARRAY) {
        return rc;
    }
    rc = put_token(c, err);
    return rc ? rc : reusable_changed(c, &c->id, call_input(c, "redeploy").type == JSON_TRUE, err);
}

int mutate_delete_customer_variable(struct call *c, struct err *err)
{
    return db_run(c->db, QUERY_API_CUSTOMER_VARIABLE_DELETE, NULL, err, DB_UUID(c->id));
}
