/* Owns the mutations of scoped config variables: connections that several instances use. Those of
 * scope "org" hold the credentials themselves; of scope "customer" each customer has its own, over
 * the inputs given here. On a lane thread, inside the mutation's transaction. */
#include "api/reusable.h"

#include <ctype.h>

#include "api/input.h"
#include "api/sealed.h"
#include "domain/alert.h"
#include "domain/config_value.h"

#define KEY_MAX     200
#define TEXT_MAX    KIB(16)
#define OF_MAX      10000 /* customers' variables that one change goes through */
#define TAKEN_WORDS "There is a scoped config variable of this "

enum {
    COL_ID,
    COL_KEY,
    COL_SCOPE,
    COL_MANAGED_BY,
    COL_COMPONENT,
    COL_CONNECTION,
    COL_INPUTS,
    COL_SUCCESS,
    COL_FAILURE,
};

static int taken(struct call *c, int rc, struct err *err)
{
    rc = call_store_error(c, rc, "scoped_config_variable_organization_id_key_key", "key",
                          TAKEN_WORDS "key.", err);
    return call_store_error(c, rc, "scoped_config_variable_organization_id_stable_key_key",
                            "stableKey", TAKEN_WORDS "stableKey.", err);
}

/* One of a few words. */
static struct str choice(struct call *c, const char *field, const char *const *words, size_t n,
                         const char *fallback)
{
    struct str given = call_text(c, field, fallback);
    for (size_t i = 0; i < n; i++) {
        if (str_eq_ci(given, str_of(words[i]))) {
            return str_of(words[i]);
        }
    }
    call_refuse(c, field, "This field is one of: %s, %s%s%s.", words[0], words[1],
                n > 2 ? ", " : "", n > 2 ? words[2] : "");
    return STR("");
}

static void check_stable_key(struct call *c, struct str key)
{
    for (size_t i = 0; i < key.len; i++) {
        char k = key.ptr[i];
        if (!islower((unsigned char)k) && !isdigit((unsigned char)k) && k != '-') {
            call_refuse(c, "stableKey", "This field has small letters, digits and hyphens only.");
            return;
        }
    }
}

/* A member of oAuthRedirectConfig. */
static struct db_param redirect_uri(struct call *c, const char *member)
{
    struct str s = json_as_str(json_get(call_input(c, "oAuthRedirectConfig"), str_of(member)));
    if (s.len > 0 && (s.len > KIB(2) || !alert_url_valid(s))) {
        call_refuse(c, "oAuthRedirectConfig", "%s is no URL with http or https.", member);
    }
    return s.len > 0 ? DB_STR(s) : DB_NULL;
}

static int seal_inputs(struct call *c, const char *column, struct json inputs, struct db_param *ret,
                       struct err *err)
{
    *ret = DB_NULL;
    return inputs.type == JSON_ARRAY && inputs.len > 0
               ? call_seal(c, column, &c->id, inputs, ret, err)
               : 0;
}

/* The token's row, as the stored row of the variable says now; of a customer's scope those of all
 * its customers. */
static int put_tokens(struct call *c, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *row = NULL;
    AUTO(db_rows_free) struct db_rows *customers = NULL;
    struct json inputs, own;
    int rc = db_run(c->db, QUERY_API_SCOPED_LOCK, &row, err, DB_UUID(c->id));
    rc =
        rc ? rc : reusable_open(c, SCOPED_COLUMN, &c->id, db_str(row, 0, COL_INPUTS), &inputs, err);
    if (rc != 0) {
        return rc;
    }
    struct connection_owner owner = {
        .kind = "scoped",
        .id = c->id,
        .component = arena_strndup(c->a, db_str(row, 0, COL_COMPONENT).ptr,
                                   db_str(row, 0, COL_COMPONENT).len),
        .connection = arena_strndup(c->a, db_str(row, 0, COL_CONNECTION).ptr,
                                    db_str(row, 0, COL_CONNECTION).len),
        .success_url = db_str(row, 0, COL_SUCCESS),
        .failure_url = db_str(row, 0, COL_FAILURE)};
    struct json_builder fields;
    if (str_eq(db_str(row, 0, COL_SCOPE), STR("org"))) {
        json_build_object(&fields, c->a);
        config_fields_add(&fields, inputs);
        owner.fields = json_built(&fields);
        rc = connection_put(c, &owner, err);
        return rc ? rc : db_run(c->db, QUERY_CONNECTION_TOKEN_DUE, NULL, err, DB_UUID(c->id));
    }
    rc = db_run(c->db, QUERY_API_CUSTOMER_VARIABLES_OF, &customers, err, DB_UUID(c->id),
                DB_I64(OF_MAX));
    for (size_t i = 0; rc == 0 && i < db_rows_n(customers); i++) {
        owner.kind = "customer";
        owner.id = db_uuid(customers, i, 0);
        rc = reusable_open(c, CUSTOMER_COLUMN, &owner.id, db_str(customers, i, 1), &own, err);
        json_build_object(&fields, c->a);
        config_fields_add(&fields, inputs);
        config_fields_add(&fields, own);
        owner.fields = json_built(&fields);
        rc = rc ? rc : connection_put(c, &owner, err);
        rc = rc ? rc : db_run(c->db, QUERY_CONNECTION_TOKEN_DUE, NULL, err, DB_UUID(owner.id));
    }
    return rc;
}

int mutate_create_scoped_variable(struct call *c, struct err *err)
{
    static const char *const scopes[] = {"org", "customer"};
    static const char *const managers[] = {"org", "customer", "system"};
    struct str key, stable_key, component = {0}, connection = {0};
    struct uuid customer = {{0}};
    struct db_param sealed;
    if (call_need_text(c, "key", KEY_MAX, &key) &&
        call_need_text(c, "stableKey", KEY_MAX, &stable_key)) {
        check_stable_key(c, stable_key);
    }
    struct str scope = choice(c, "variableScope", scopes, 2, "");
    struct str manager = choice(c, "managedBy", managers, 3, "org");
    struct db_param description = call_limited(c, "description", TEXT_MAX);
    struct db_param success = redirect_uri(c, "oAuthSuccessRedirectUri");
    struct db_param failure = redirect_uri(c, "oAuthFailureRedirectUri");
    struct json inputs = reusable_inputs(c, json_undefined());
    if (str_eq(scope, STR("org")) && str_eq(manager, STR("customer"))) {
        call_refuse(c, "managedBy", "What customers manage is of scope \"customer\".");
    }
    if (call_text(c, "parent", "").len > 0) {
        call_refuse(c, "parent", "A scoped config variable has no parent here.");
    }
    int rc = reusable_connection(c, "connection", &component, &connection, err);
    if (rc == 0 && call_text(c, "customer", "").len > 0) {
        rc = call_customer(c, &customer, err);
    }
    if (rc != 0 || c->n_errors > 0) {
        return rc;
    }
    c->id = uuid_v7();
    rc = seal_inputs(c, SCOPED_COLUMN, inputs, &sealed, err);
    rc = rc ? rc
            : db_run(c->db, QUERY_API_SCOPED_INSERT, NULL, err, DB_UUID(c->id),
                     DB_UUID(c->viewer.organization), DB_UUID_OR_NULL(customer), DB_STR(key),
                     DB_STR(stable_key), description.type == DB_P_NULL ? DB_TEXT("") : description,
                     DB_STR(scope), DB_STR(manager), DB_STR(component), DB_STR(connection), sealed,
                     call_opt_bool(c, "buildOnly"), success, failure);
    rc = taken(c, rc, err);
    return rc || c->n_errors ? rc : put_tokens(c, err);
}

int mutate_find_scoped_variable_to_delete(struct call *c, struct err *err)
{
    int rc = call_find(c, "id", "ScopedConfigVariable", QUERY_API_SCOPED_LOCK, &c->id, NULL, err);
    return rc || c->n_errors ? rc : reusable_unused(c, &c->id, err);
}

int mutate_update_scoped_variable(struct call *c, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *row = NULL;
    struct json before;
    struct db_param sealed = DB_NULL, name = call_name(c, "key", KEY_MAX);
    struct db_param description = call_limited(c, "description", TEXT_MAX);
    struct db_param success = redirect_uri(c, "oAuthSuccessRedirectUri");
    struct db_param failure = redirect_uri(c, "oAuthFailureRedirectUri");
    bool unset = call_input(c, "unsetOAuthRedirectConfig").type == JSON_TRUE;
    bool redirects = unset || call_input(c, "oAuthRedirectConfig").type == JSON_OBJECT;
    int rc = call_find(c, "id", "ScopedConfigVariable", QUERY_API_SCOPED_LOCK, &c->id, &row, err);
    rc = rc || c->n_errors
             ? rc
             : reusable_open(c, SCOPED_COLUMN, &c->id, db_str(row, 0, COL_INPUTS), &before, err);
    if (rc != 0 || c->n_errors > 0) {
        return rc;
    }
    struct json inputs = reusable_inputs(c, before);
    bool changed = inputs.type == JSON_ARRAY;
    rc = c->n_errors ? 0 : seal_inputs(c, SCOPED_COLUMN, inputs, &sealed, err);
    rc = rc || c->n_errors
             ? rc
             : db_run(c->db, QUERY_API_SCOPED_UPDATE, NULL, err, DB_UUID(c->id), name, description,
                      sealed, call_opt_bool(c, "defaultForComponent"), DB_BOOL(redirects),
                      unset ? DB_NULL : success, unset ? DB_NULL : failure);
    rc = taken(c, rc, err);
    rc = rc || c->n_errors || !(changed || redirects) ? rc : put_tokens(c, err);
    return rc || c->n_errors || !changed
               ? rc
               : reusable_changed(c, &c->id, call_input(c, "redeploy").type == JSON_TRUE, err);
}

int mutate_delete_scoped_variable(struct call *c, struct err *err)
{
    return db_run(c->db, QUERY_API_SCOPED_DELETE, NULL, err, DB_UUID(c->id));
}
