/* Owns the mutations of connection templates: preset inputs of a connection, sealed, that
 * definitions name. On a lane thread, inside the mutation's transaction. */
#include "api/reusable.h"

#include "api/input.h"
#include "api/sealed.h"

#define NAME_MAX_BYTES 200
#define PRESETS_MAX    100
#define PRESET_MAX     KIB(64)

/* DB_NULL when they are not given. */
static int seal_presets(struct call *c, struct db_param *ret, struct err *err)
{
    struct json given = call_input(c, "presets");
    *ret = DB_NULL;
    if (given.type != JSON_ARRAY) {
        return 0;
    }
    if (given.len > PRESETS_MAX) {
        return call_refuse(c, "presets", "At most %d presets.", PRESETS_MAX);
    }
    for (uint32_t i = 0; i < given.len; i++) {
        struct str key = json_as_str(json_get(given.items[i], STR("key")));
        struct str value = json_as_str(json_get(given.items[i], STR("value")));
        if (key.len == 0 || key.len > NAME_MAX_BYTES || value.len > PRESET_MAX) {
            return call_refuse(c, "presets",
                               "A preset has a key of 1 to %d bytes and a value of at most 64 KB.",
                               NAME_MAX_BYTES);
        }
        for (uint32_t k = 0; k < i; k++) {
            if (str_eq(key, json_as_str(json_get(given.items[k], STR("key"))))) {
                return call_refuse(c, "presets", "\"%.*s\" is given twice.", (int)key.len, key.ptr);
            }
        }
    }
    return call_seal(c, TEMPLATE_COLUMN, &c->id, given, ret, err);
}

static int taken(struct call *c, int rc, struct err *err)
{
    return call_store_error(c, rc, "connection_template_organization_id_name_key", "name",
                            "There is a connection template of this name.", err);
}

int mutate_create_connection_template(struct call *c, struct err *err)
{
    struct str name, component, connection;
    struct db_param sealed;
    (void)call_need_text(c, "name", NAME_MAX_BYTES, &name);
    int rc = reusable_connection(c, "connection", &component, &connection, err);
    c->id = uuid_v7();
    rc = rc || c->n_errors ? rc : seal_presets(c, &sealed, err);
    rc = rc || c->n_errors ? rc
                           : db_run(c->db, QUERY_API_CONNECTION_TEMPLATE_INSERT, NULL, err,
                                    DB_UUID(c->id), DB_UUID(c->viewer.organization), DB_STR(name),
                                    DB_STR(component), DB_STR(connection), sealed);
    return taken(c, rc, err);
}

int mutate_find_connection_template(struct call *c, struct err *err)
{
    return call_find(c, "id", "ConnectionTemplate", QUERY_API_CONNECTION_TEMPLATE_LOCK, &c->id,
                     NULL, err);
}

int mutate_update_connection_template(struct call *c, struct err *err)
{
    struct str component = {0}, connection = {0};
    struct db_param sealed = DB_NULL, name = call_name(c, "name", NAME_MAX_BYTES);
    bool other = call_text(c, "connection", "").len > 0;
    int rc = mutate_find_connection_template(c, err);
    rc = rc || c->n_errors || !other
             ? rc
             : reusable_connection(c, "connection", &component, &connection, err);
    rc = rc || c->n_errors ? rc : seal_presets(c, &sealed, err);
    rc = rc || c->n_errors ? rc
                           : db_run(c->db, QUERY_API_CONNECTION_TEMPLATE_UPDATE, NULL, err,
                                    DB_UUID(c->id), name, other ? DB_STR(component) : DB_NULL,
                                    other ? DB_STR(connection) : DB_NULL, sealed);
    return taken(c, rc, err);
}

int mutate_delete_connection_template(struct call *c, struct err *err)
{
    return db_run(c->db, QUERY_API_CONNECTION_TEMPLATE_DELETE, NULL, err, DB_UUID(c->id));
}

/* The keys of the presets, each made into a node. raw: [row, base64 of what is sealed or null]. */
static bool show_presets(struct call *c, struct gql_sel *sel, struct json raw,
                         struct json (*node)(struct call *c, struct json key), struct json *ret)
{
    struct json_builder list;
    struct str plain;
    struct json presets;
    json_build_array(&list, c->a);
    *ret = json_built(&list);
    if (!call_open_raw(c, sel, TEMPLATE_COLUMN, raw, &plain)) {
        return false;
    }
    if (!plain.ptr || json_parse(c->a, plain, &presets, NULL) != 0) {
        return true;
    }
    for (uint32_t i = 0; presets.type == JSON_ARRAY && i < presets.len; i++) {
        json_push(&list, node(c, json_copy(c->a, json_get(presets.items[i], STR("key")))));
    }
    secret_wipe((void *)(uintptr_t)plain.ptr, plain.len);
    *ret = json_built(&list);
    return true;
}

static struct json one_member(struct call *c, struct str name, struct json v)
{
    struct json_builder one;
    json_build_object(&one, c->a);
    json_append(&one, name, v);
    return json_built(&one);
}

static struct json preset_node(struct call *c, struct json key)
{
    return one_member(c, STR("key"), key);
}

static struct json input_node(struct call *c, struct json key)
{
    return one_member(c, STR("inputField"), preset_node(c, key));
}

bool resolve_template_presets(struct call *c, struct gql_sel *sel, struct json raw,
                              struct json *ret)
{
    return show_presets(c, sel, raw, preset_node, ret);
}

bool resolve_template_inputs(struct call *c, struct gql_sel *sel, struct json raw, struct json *ret)
{
    struct json nodes;
    struct json_builder all;
    if (!show_presets(c, sel, raw, input_node, &nodes)) {
        return false;
    }
    json_build_object(&all, c->a);
    json_append(&all, STR("nodes"), nodes);
    json_append(&all, STR("totalCount"), json_num(nodes.len));
    *ret = json_built(&all);
    return true;
}
