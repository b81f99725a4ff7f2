/* Owns what mutations of reusable connections share. On a lane thread, inside the mutation's
 * transaction. It refuses to deploy more instances in one mutation than a request can wait for. */
#include "api/reusable.h"

#include "api/input.h"
#include "api/instance_config.h"
#include "api/sealed.h"
#include "org_key.h"

#define INPUTS_MAX       100
#define NAME_MAX_BYTES   200
#define INPUTS_MAX_BYTES KIB(256)
#define REDEPLOY_MAX     200

static bool input_fits(struct call *c, struct json one)
{
    struct str name = json_as_str(json_get(one, STR("name")));
    struct str type = json_as_str(json_get(one, STR("type")));
    if (name.len == 0 || name.len > NAME_MAX_BYTES) {
        call_refuse(c, "inputs", "The name of an input has 1 to %d bytes.", NAME_MAX_BYTES);
    } else if (type.len > 0 && !str_eq(type, STR("value"))) {
        call_refuse(c, "inputs", "\"%.*s\": the inputs of a reusable connection are values.",
                    (int)name.len, name.ptr);
    } else if (json_as_str(json_get(one, STR("value"))).len > INPUTS_MAX_BYTES) {
        call_refuse(c, "inputs", "\"%.*s\" is longer than 256 KB.", (int)name.len, name.ptr);
    }
    return c->n_errors == 0;
}

struct json reusable_inputs(struct call *c, struct json before)
{
    struct json given = call_input(c, "inputs");
    struct json_builder all, list;
    if (given.type != JSON_ARRAY) {
        return json_undefined();
    }
    json_build_object(&all, c->a);
    for (uint32_t i = 0; before.type == JSON_ARRAY && i < before.len; i++) {
        json_set(&all, json_as_str(json_get(before.items[i], STR("name"))),
                 json_get(before.items[i], STR("value")));
    }
    for (uint32_t i = 0; i < given.len && input_fits(c, given.items[i]); i++) {
        json_set(&all, json_as_str(json_get(given.items[i], STR("name"))),
                 json_get(given.items[i], STR("value")));
    }
    struct json merged = json_built(&all);
    if (merged.len > INPUTS_MAX) {
        call_refuse(c, "inputs", "At most %d inputs.", INPUTS_MAX);
    }
    json_build_array(&list, c->a);
    for (uint32_t i = 0; c->n_errors == 0 && i < merged.len; i++) {
        struct json_builder one;
        json_build_object(&one, c->a);
        json_append(&one, STR("name"), json_str(merged.members[i].key));
        json_append(&one, STR("type"), json_cstr("value"));
        json_append(&one, STR("value"), merged.members[i].value);
        json_push(&list, json_built(&one));
    }
    return json_built(&list);
}

int reusable_open(struct call *c, const char *column, const struct uuid *row, struct str sealed,
                  struct json *ret, struct err *err)
{
    *ret = json_undefined();
    int rc = sealed.len > 0 ? call_key(c, err) : 0;
    return rc || sealed.len == 0 ? rc : org_open_json(c->a, &c->key, column, row, sealed, ret, err);
}

static struct str copy(struct call *c, struct str s)
{
    return str_n(arena_strndup(c->a, s.ptr, s.len), s.len);
}

int reusable_connection(struct call *c, const char *field, struct str *ret_component,
                        struct str *ret_connection, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *row = NULL;
    struct uuid id;
    int rc = call_find(c, field, "Connection", QUERY_API_CONNECTION_FIND, &id, &row, err);
    if (rc == 0 && c->n_errors == 0) {
        *ret_component = copy(c, db_str(row, 0, 0));
        *ret_connection = copy(c, db_str(row, 0, 1));
    }
    return rc;
}

/* --- who stands on it ------------------------------------------------------------------------- */

static int deploy_one(struct call *c, const struct uuid *instance, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *row = NULL;
    struct uuid before = c->id;
    c->id = *instance;
    int rc = db_run(c->db, QUERY_API_INSTANCE_LOCK, &row, err, DB_UUID(*instance));
    rc = rc || db_rows_n(row) == 0 ? rc : instance_deploy(c, row, true, err);
    c->id = before;
    return rc;
}

int reusable_changed(struct call *c, const struct uuid *id, bool redeploy, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *users = NULL;
    if (!redeploy) {
        return db_run(c->db, QUERY_API_REUSABLE_CHANGED, NULL, err, DB_UUID(*id));
    }
    int rc = db_run(c->db, QUERY_API_REUSABLE_USERS, &users, err, DB_UUID(*id),
                    DB_I64(REDEPLOY_MAX + 1));
    if (rc == 0 && db_rows_n(users) > REDEPLOY_MAX) {
        return call_refuse(c, "redeploy",
                           "More than %d instances use the connection: deploy them without it.",
                           REDEPLOY_MAX);
    }
    for (size_t i = 0; rc == 0 && i < db_rows_n(users) && c->n_errors == 0; i++) {
        struct uuid instance = db_uuid(users, i, 0);
        rc = db_bool(users, i, 1) ? deploy_one(c, &instance, err) : 0;
    }
    return rc;
}

int reusable_unused(struct call *c, const struct uuid *id, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *users = NULL;
    int rc = db_run(c->db, QUERY_API_REUSABLE_USERS, &users, err, DB_UUID(*id), DB_I64(1));
    return rc || db_rows_n(users) == 0
               ? rc
               : call_refuse(c, "id", "Instances use the connection: change or remove them first.");
}
