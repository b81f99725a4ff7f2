/* Owns reading, checking and writing the config variables of an instance. Inputs of connections are
 * sealed by the organization's data key and are wiped from memory after use. On a lane thread,
 * inside the mutation's transaction. */
#include "api/instance_config.h"

#include "api/reusable.h"
#include "api/sealed.h"

#define SEALED_COLUMN    "instance_config_variable.sealed_inputs"
#define VALUE_MAX_BYTES  MIB(1)
#define INPUTS_MAX_BYTES KIB(256)

void instance_config_done(struct instance_config *x)
{
    x->definition = definition_unref(x->definition);
}

static struct str copy(struct call *c, struct str s)
{
    return str_n(arena_strndup(c->a, s.ptr, s.len), s.len);
}

static ptrdiff_t find_var(const struct instance_config *x, struct str key)
{
    for (size_t i = 0; i < x->view->n_vars; i++) {
        if (str_eq(key, str_of(x->view->vars[i].key))) {
            return (ptrdiff_t)i;
        }
    }
    return -1;
}

static int open_inputs(struct call *c, const struct uuid *row, struct str sealed, struct json *ret,
                       struct err *err)
{
    struct str plain;
    int rc = call_open(c, SEALED_COLUMN, row, sealed, &plain, err);
    return rc ? rc : json_parse(c->a, plain, ret, err);
}

/* What a variable with useScopedConfigVar stands for now; unbound when there is nothing. */
static int bind_one(struct call *c, const struct uuid *instance, const struct def_config_var *var,
                    struct config_setting *s, struct config_binding *b, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *row = NULL;
    s->is_bound = false;
    b->scoped = b->own = (struct uuid){{0}};
    int rc = db_run(c->db, QUERY_API_SCOPED_BIND, &row, err, DB_TEXT(var->scoped_config_var),
                    DB_UUID(*instance), DB_UUID_OR_NULL(b->chosen));
    if (rc != 0 || db_rows_n(row) == 0) {
        return rc;
    }
    b->scoped = db_uuid(row, 0, 0);
    bool of_customer = str_eq(db_str(row, 0, 1), STR("customer"));
    if (of_customer && !db_is_null(row, 0, 5)) {
        b->own = db_uuid(row, 0, 5);
    }
    s->is_bound = !of_customer || !db_is_null(row, 0, 5);
    s->connection_key = copy(c, db_str(row, 0, 3));
    rc = reusable_open(c, SCOPED_COLUMN, &b->scoped, db_str(row, 0, 4), &s->scoped_inputs, err);
    return rc ? rc
              : reusable_open(c, CUSTOMER_COLUMN, &b->own, db_str(row, 0, 6), &s->own_inputs, err);
}

/* The presets of a connection's template; nothing when there is no such template. */
static int read_presets(struct call *c, const struct def_config_var *var, struct config_setting *s,
                        struct err *err)
{
    AUTO(db_rows_free) struct db_rows *row = NULL;
    struct json presets = json_undefined();
    struct json_builder list;
    int rc = db_run(c->db, QUERY_API_CONNECTION_TEMPLATE_PRESETS, &row, err,
                    DB_TEXT(var->connection_template));
    if (rc != 0 || db_rows_n(row) == 0) {
        return rc;
    }
    struct uuid id = db_uuid(row, 0, 0);
    rc = reusable_open(c, TEMPLATE_COLUMN, &id, db_str(row, 0, 1), &presets, err);
    json_build_array(&list, c->a);
    for (uint32_t i = 0; rc == 0 && presets.type == JSON_ARRAY && i < presets.len; i++) {
        struct json_builder one;
        json_build_object(&one, c->a);
        json_append(&one, STR("name"), json_get(presets.items[i], STR("key")));
        json_append(&one, STR("value"), json_get(presets.items[i], STR("value")));
        json_push(&list, json_built(&one));
    }
    s->presets = json_built(&list);
    return rc;
}

static int bind_all(struct call *c, struct instance_config *x, struct err *err)
{
    int rc = 0;
    for (size_t i = 0; i < x->view->n_vars && rc == 0; i++) {
        const struct def_config_var *var = &x->view->vars[i];
        if (var->type == DEF_VAR_CONNECTION && var->scoped_config_var[0]) {
            rc = bind_one(c, &x->instance, var, &x->settings[i], &x->bindings[i], err);
            x->present[i] = true;
        } else if (var->type == DEF_VAR_CONNECTION && var->connection_template[0]) {
            rc = read_presets(c, var, &x->settings[i], err);
            x->present[i] = true;
        }
    }
    return rc;
}

int instance_config_load(struct call *c, const struct uuid *instance, struct str definition,
                         struct instance_config *ret, struct err *err)
{
    AUTO(instance_config_done) struct instance_config x = {0};
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    struct err_list *errors = arena_new_of(c->a, struct err_list);
    if (definition_parse(definition, NULL, &x.definition, errors) < 0) {
        return err_set(err, -EINVAL, "definition.stored", "a stored definition cannot be read: %s",
                       errors->n ? errors->items[0].message : "");
    }
    x.view = definition_view(x.definition);
    x.settings = arena_array(c->a, x.view->n_vars + 1, sizeof(*x.settings));
    x.present = arena_array(c->a, x.view->n_vars + 1, sizeof(*x.present));
    x.bindings = arena_array(c->a, x.view->n_vars + 1, sizeof(*x.bindings));
    x.instance = *instance;
    int rc = db_run(c->db, QUERY_API_CONFIG_VARS, &rows, err, DB_UUID(*instance));
    for (size_t i = 0; rc == 0 && i < db_rows_n(rows); i++) {
        ptrdiff_t n = find_var(&x, db_str(rows, i, 1));
        if (n < 0) {
            continue; /* of another version */
        }
        struct config_setting *s = &x.settings[n];
        struct uuid id = db_uuid(rows, i, 0);
        x.present[n] = true;
        s->has_value = !db_is_null(rows, i, 2);
        s->value = copy(c, db_str(rows, i, 2));
        s->schedule_type = copy(c, db_str(rows, i, 3));
        s->time_zone = copy(c, db_str(rows, i, 4));
        if (!db_is_null(rows, i, 5)) {
            rc = open_inputs(c, &id, db_str(rows, i, 5), &s->inputs, err);
        }
        if (!db_is_null(rows, i, 6)) {
            x.bindings[n].chosen = db_uuid(rows, i, 6);
        }
    }
    rc = rc ? rc : bind_all(c, &x, err);
    if (rc == 0) {
        *ret = x;
        x.definition = NULL;
    }
    return rc;
}

/* Users of customers neither see nor set what is of the organization only. */
static bool is_hidden(const struct call *c, const struct def_config_var *var)
{
    return var->org_only && !uuid_is_nil(&c->viewer.customer);
}

/* Which of the customer's; whether it is one is seen when it is bound. */
static void choose(struct call *c, const struct def_config_var *var, struct json given,
                   struct config_binding *b)
{
    struct str id = json_as_str(json_get(given, STR("customerConfigVariableId")));
    b->is_asked = id.len > 0;
    if (json_as_str(json_get(given, STR("values"))).len > 0) {
        call_refuse(c, "configVariables",
                    "\"%s\" is a reusable connection: it has no values of its own.", var->key);
    } else if (b->is_asked && !global_id_parse(id, "CustomerConfigVariable", &b->chosen)) {
        call_refuse(c, "configVariables", "\"%s\": the CustomerConfigVariable does not exist.",
                    var->key);
    }
}

/* One of the mutation's configVariables. */
static void apply_one(struct call *c, struct instance_config *x, struct json given, bool *named)
{
    struct str key = json_as_str(json_get(given, STR("key")));
    struct json value = json_get(given, STR("value")), values = json_get(given, STR("values"));
    ptrdiff_t n = find_var(x, key);
    if (n < 0 || is_hidden(c, &x->view->vars[n])) {
        call_refuse(c, "configVariables", "There is no config variable \"%.*s\".",
                    (int)MIN(key.len, 200), key.ptr);
        return;
    }
    struct config_setting before = x->settings[n], s = {0};
    if (named[n]) {
        call_refuse(c, "configVariables", "\"%.*s\" is given twice.", (int)key.len, key.ptr);
        return;
    }
    named[n] = x->present[n] = true;
    s.schedule_type = json_as_str(json_get(given, STR("scheduleType")));
    s.time_zone = json_as_str(json_get(given, STR("timeZone")));
    s.presets = before.presets;
    s.inputs = before.inputs; /* write-only: kept unless given */
    if (x->view->vars[n].scoped_config_var[0]) {
        choose(c, &x->view->vars[n], given, &x->bindings[n]);
    } else if (x->view->vars[n].type == DEF_VAR_CONNECTION) {
        struct str text = json_as_str(values);
        if (values.type == JSON_STRING &&
            (text.len > INPUTS_MAX_BYTES || json_parse(c->a, text, &s.inputs, NULL) < 0 ||
             s.inputs.type != JSON_ARRAY)) {
            call_refuse(c, "configVariables",
                        "\"%.*s\": values must be the JSON text of a list of {name, type, value}.",
                        (int)key.len, key.ptr);
            return;
        }
    } else if (value.type == JSON_STRING) {
        s.has_value = true;
        s.value = json_as_str(value);
        if (value.len > VALUE_MAX_BYTES) {
            call_refuse(c, "configVariables", "\"%.*s\" is longer than 1 MB.", (int)key.len,
                        key.ptr);
            return;
        }
    }
    struct json runtime;
    struct err why;
    err_clear(&why);
    if (config_value_make(c->a, &x->view->vars[n], &s, &runtime, &why) < 0) {
        call_refuse(c, "configVariables", "%s", why.message);
    }
    x->settings[n] = s;
}

int instance_config_apply(struct call *c, struct instance_config *x, bool replace, struct err *err)
{
    struct json list = call_input(c, "configVariables");
    bool *named = arena_array(c->a, x->view->n_vars + 1, sizeof(*named));
    if (list.type != JSON_ARRAY) {
        return 0;
    }
    if (list.len > INSTANCE_MAX_VARS) {
        return call_refuse(c, "configVariables", "At most %d config variables.", INSTANCE_MAX_VARS);
    }
    for (uint32_t i = 0; i < list.len; i++) {
        if (list.items[i].type == JSON_OBJECT) {
            apply_one(c, x, list.items[i], named);
        }
    }
    for (size_t i = 0; replace && i < x->view->n_vars; i++) {
        if (!named[i] && !is_hidden(c, &x->view->vars[i])) {
            x->settings[i] = (struct config_setting){0};
            x->bindings[i] = (struct config_binding){0};
            x->present[i] = false;
        }
    }
    int rc = c->n_errors ? 0 : bind_all(c, x, err);
    for (size_t i = 0; i < x->view->n_vars && rc == 0; i++) {
        const struct config_binding *b = &x->bindings[i];
        if (b->is_asked && !uuid_eq(&b->own, &b->chosen)) {
            call_refuse(c, "configVariables", "\"%s\": the CustomerConfigVariable does not exist.",
                        x->view->vars[i].key);
        }
    }
    return rc;
}

static struct db_param text_or_null(struct str s)
{
    return s.len ? DB_STR(s) : DB_NULL;
}

/* The token's row of a connection; what the settings do not fit stays as it was. */
static int store_token(struct call *c, const struct uuid *id, const struct def_config_var *var,
                       const struct config_setting *s, struct err *err)
{
    struct json v;
    struct err why;
    err_clear(&why);
    if (var->type == DEF_VAR_CONNECTION && var->scoped_config_var[0]) {
        return db_run(c->db, QUERY_CONNECTION_TOKEN_REMOVE, NULL, err, DB_UUID(*id));
    }
    if (var->type != DEF_VAR_CONNECTION || config_value_make(c->a, var, s, &v, &why) < 0) {
        return 0;
    }
    struct connection_owner owner = {.kind = "instance",
                                     .id = *id,
                                     .component = var->connection_component,
                                     .connection = var->connection_key,
                                     .fields = json_get(v, STR("fields")),
                                     .var = var};
    return connection_put(c, &owner, err);
}

static int store_one(struct call *c, const struct uuid *instance, const struct def_config_var *var,
                     const struct uuid *old_id, const struct config_setting *s,
                     const struct config_binding *b, struct err *err)
{
    struct uuid id = uuid_is_nil(old_id) ? uuid_v7() : *old_id;
    struct db_param sealed = DB_NULL;
    int rc = s->inputs.type == JSON_ARRAY
                 ? call_seal(c, SEALED_COLUMN, &id, s->inputs, &sealed, err)
                 : 0;
    if (rc != 0) {
        return rc;
    }
    rc = db_run(c->db, QUERY_API_CONFIG_VAR_PUT, NULL, err, DB_UUID(id),
                DB_UUID(c->viewer.organization), DB_UUID(*instance), DB_TEXT(var->key),
                s->has_value ? DB_STR(s->value) : DB_NULL, text_or_null(s->schedule_type),
                text_or_null(s->time_zone), sealed, DB_UUID_OR_NULL(b->scoped),
                DB_UUID_OR_NULL(b->own));
    return rc ? rc : store_token(c, &id, var, s, err);
}

/* Connections may refer to the values of the others. */
static void show_others(struct call *c, struct instance_config *x)
{
    struct json_builder b;
    json_build_object(&b, c->a);
    for (size_t i = 0; i < x->view->n_vars; i++) {
        const struct def_config_var *var = &x->view->vars[i];
        struct json v;
        if (var->type != DEF_VAR_CONNECTION &&
            config_value_make(c->a, var, x->present[i] ? &x->settings[i] : NULL, &v, NULL) == 0 &&
            v.type != JSON_UNDEFINED) {
            json_set(&b, str_of(var->key), v);
        }
    }
    for (size_t i = 0; i < x->view->n_vars; i++) {
        if (x->view->vars[i].type == DEF_VAR_CONNECTION) {
            x->settings[i].others = json_built(&b);
            x->present[i] = true;
        }
    }
}

int instance_config_store(struct call *c, const struct uuid *instance, struct instance_config *x,
                          struct err *err)
{
    AUTO(db_rows_free) struct db_rows *old = NULL;
    struct str *keys = arena_array(c->a, x->view->n_vars + 1, sizeof(*keys));
    struct str missing;
    struct json values;
    size_t n = 0;
    show_others(c, x);
    int rc = db_run(c->db, QUERY_API_CONFIG_VARS, &old, err, DB_UUID(*instance));
    for (size_t i = 0; rc == 0 && i < x->view->n_vars; i++) {
        struct uuid id = {{0}};
        const char *key = x->view->vars[i].key;
        keys[n++] = str_of(key);
        for (size_t k = 0; k < db_rows_n(old); k++) {
            id = str_eq(db_str(old, k, 1), str_of(key)) ? db_uuid(old, k, 0) : id;
        }
        /* Every variable has a row, so that the API shows all of them. */
        rc = store_one(c, instance, &x->view->vars[i], &id, &x->settings[i], &x->bindings[i], err);
    }
    rc = rc ? rc
            : db_run(c->db, QUERY_API_CONFIG_VARS_KEEP, NULL, err, DB_UUID(*instance),
                     DB_TEXTS(keys, n));
    rc = rc ? rc : instance_config_values(c, x, &values, &missing, err);
    return rc ? rc
              : db_run(c->db, QUERY_API_INSTANCE_STATE, NULL, err, DB_UUID(*instance),
                       DB_TEXT(missing.len ? "NEEDS_INSTANCE_CONFIGURATION" : "FULLY_CONFIGURED"));
}

int instance_config_values(struct call *c, struct instance_config *x, struct json *ret,
                           struct str *ret_missing, struct err *err)
{
    struct json_builder b;
    AUTO(buf_done) struct buf missing = {0};
    buf_init(&missing, 400);
    show_others(c, x);
    json_build_object(&b, c->a);
    for (size_t i = 0; i < x->view->n_vars; i++) {
        const struct def_config_var *var = &x->view->vars[i];
        struct json v;
        struct err why;
        err_clear(&why);
        bool fits =
            config_value_make(c->a, var, x->present[i] ? &x->settings[i] : NULL, &v, &why) == 0;
        if (!fits || !config_value_complete(var, v)) {
            buf_addf(&missing, "%s\"%s\"", missing.len ? ", " : "", var->key);
        }
        if (fits && v.type != JSON_UNDEFINED) {
            json_set(&b, str_of(var->key), v);
        }
    }
    *ret = json_built(&b);
    *ret_missing = copy(c, buf_str(&missing));
    return 0;
}

int instance_config_bound(struct call *c, struct instance_config *x, bool complete, struct err *err)
{
    int rc = 0;
    for (size_t i = 0; i < x->view->n_vars && rc == 0; i++) {
        const struct def_config_var *var = &x->view->vars[i];
        if (var->type == DEF_VAR_CONNECTION && var->scoped_config_var[0]) {
            rc = db_run(c->db, QUERY_API_CONFIG_VAR_BOUND, NULL, err, DB_UUID(x->instance),
                        DB_TEXT(var->key), DB_UUID_OR_NULL(x->bindings[i].scoped),
                        DB_UUID_OR_NULL(x->bindings[i].own));
        }
    }
    return rc || !complete ? rc
                           : db_run(c->db, QUERY_API_INSTANCE_STATE, NULL, err,
                                    DB_UUID(x->instance), DB_TEXT("FULLY_CONFIGURED"));
}

int instance_config_may_run(struct call *c, const struct uuid *instance, struct str definition,
                            struct err *err)
{
    AUTO(instance_config_done) struct instance_config x = {0};
    int rc = instance_config_load(c, instance, definition, &x, err);
    for (size_t i = 0; rc == 0 && i < x.view->n_vars; i++) {
        const struct def_config_var *var = &x.view->vars[i];
        if (var->type == DEF_VAR_CONNECTION && var->scoped_config_var[0] &&
            !x.settings[i].is_bound) {
            call_refuse(c, "enabled",
                        "REFERENCES_DELETED_CONNECTION: the reusable connection of \"%s\" does not "
                        "exist.",
                        var->key);
        }
    }
    return rc;
}
