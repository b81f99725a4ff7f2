/* Owns the answer to what another version changes: the comparison of the two definitions, and the
 * instances that would need configuration with it. On a lane thread, inside the request's
 * transaction. */
#include "api/integration.h"

#include "domain/config_value.h"
#include "domain/definition_diff.h"

static struct json text_or_null(struct str s)
{
    return s.len ? json_str(s) : json_null();
}

/* A value as people read it. */
static struct json shown(struct call *c, struct json v)
{
    AUTO(buf_done) struct buf text = {0};
    if (json_is_nullish(v) || v.type == JSON_STRING) {
        return json_is_nullish(v) ? json_null() : v;
    }
    buf_init(&text, DEFINITION_MAX_BYTES * 4);
    json_dump(&text, v);
    return json_str(str_n(arena_strndup(c->a, buf_str(&text).ptr, text.len), text.len));
}

static struct json changes_of(struct call *c, const struct definition_diff *diff)
{
    static const char *const kinds[_DIFF_KIND_N] = {
        [DIFF_ADDED] = "ADDED", [DIFF_REMOVED] = "REMOVED", [DIFF_CHANGED] = "CHANGED"};
    static const char *const subjects[_DIFF_SUBJECT_N] = {
        [DIFF_INTEGRATION] = "INTEGRATION",
        [DIFF_CONFIG_VARIABLE] = "CONFIG_VARIABLE",
        [DIFF_FLOW] = "FLOW",
        [DIFF_STEP] = "STEP",
        [DIFF_INPUT] = "INPUT",
    };
    struct json_builder list;
    json_build_array(&list, c->a);
    for (size_t i = 0; i < diff->n; i++) {
        const struct diff_change *change = &diff->changes[i];
        struct json_builder one;
        json_build_object(&one, c->a);
        json_append(&one, STR("kind"), json_cstr(kinds[change->kind]));
        json_append(&one, STR("subject"), json_cstr(subjects[change->subject]));
        json_append(&one, STR("configVariable"), text_or_null(change->config_variable));
        json_append(&one, STR("flow"), text_or_null(change->flow));
        json_append(&one, STR("step"), text_or_null(change->step));
        json_append(&one, STR("name"), json_str(change->name));
        json_append(&one, STR("before"), shown(c, change->before));
        json_append(&one, STR("after"), shown(c, change->after));
        json_push(&list, json_built(&one));
    }
    return json_built(&list);
}

/* Config variables that an instance must have set, and those whose type changed. */
static void wanted_keys(struct call *c, const struct definition *before,
                        const struct definition *after, struct db_param *ret_needed,
                        struct db_param *ret_changed)
{
    const struct def_view *v = definition_view(after);
    struct str *needed = arena_array(c->a, v->n_vars + 1, sizeof(*needed));
    struct str *changed = arena_array(c->a, v->n_vars + 1, sizeof(*changed));
    size_t n_needed = 0, n_changed = 0;
    for (size_t i = 0; i < v->n_vars; i++) {
        const struct def_config_var *var = &v->vars[i];
        struct str key = str_n(arena_strdup(c->a, var->key), strlen(var->key));
        const struct def_config_var *old = definition_var(before, key);
        struct json value;
        struct err why;
        err_clear(&why);
        if (config_value_make(c->a, var, NULL, &value, &why) < 0 ||
            !config_value_complete(var, value)) {
            needed[n_needed++] = key;
        }
        if (old && (old->type != var->type || old->collection != var->collection)) {
            changed[n_changed++] = key;
        }
    }
    *ret_needed = DB_TEXTS(needed, n_needed);
    *ret_changed = DB_TEXTS(changed, n_changed);
}

static struct json copy_text(struct call *c, struct str s)
{
    return json_str(str_n(arena_strndup(c->a, s.ptr, s.len), s.len));
}

static struct json instances_of(struct call *c, const struct db_rows *rows)
{
    struct json_builder list;
    json_build_array(&list, c->a);
    for (size_t i = 0; i < db_rows_n(rows); i++) {
        struct json_builder one, keys;
        struct str *items;
        size_t n = db_array(rows, i, 3, c->a, &items);
        json_build_array(&keys, c->a);
        for (size_t k = 0; k < n; k++) {
            json_push(&keys, copy_text(c, items[k]));
        }
        json_build_object(&one, c->a);
        json_append(&one, STR("id"), copy_text(c, db_str(rows, i, 0)));
        json_append(&one, STR("name"), copy_text(c, db_str(rows, i, 1)));
        json_append(&one, STR("customerName"), copy_text(c, db_str(rows, i, 2)));
        json_append(&one, STR("configVariables"), json_built(&keys));
        json_push(&list, json_built(&one));
    }
    return json_built(&list);
}

static int find_instances(struct call *c, struct str before, struct str after,
                          const struct uuid *to, const struct uuid *sequence, struct json *ret,
                          struct err *err)
{
    AUTO(definition_unref) struct definition *old = NULL;
    AUTO(definition_unref) struct definition *new = NULL;
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    struct err_list *errors = arena_new_of(c->a, struct err_list);
    struct db_param needed, changed;
    if (definition_parse(before, NULL, &old, errors) < 0 ||
        definition_parse(after, NULL, &new, errors) < 0) {
        return err_set(err, -EINVAL, "definition.stored", "a stored definition cannot be read");
    }
    wanted_keys(c, old, new, &needed, &changed);
    int rc = db_run(c->db, QUERY_INTEGRATION_LACKING, &rows, err, DB_UUID(*to), DB_UUID(*sequence),
                    needed, changed);
    if (rc == 0) {
        *ret = instances_of(c, rows);
    }
    return rc;
}

bool resolve_integration_diff(struct call *c, struct gql_sel *sel, struct json raw,
                              struct json *ret)
{
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    struct definition_diff diff;
    struct json old, new, instances;
    struct json_builder b;
    struct uuid from, to;
    struct err err;
    err_clear(&err);
    *ret = json_null();
    if (!global_id_parse(json_as_str(json_get(sel->args, STR("from"))), "Integration", &from) ||
        !global_id_parse(json_as_str(json_get(sel->args, STR("to"))), "Integration", &to)) {
        return true;
    }
    int rc = db_run(c->db, QUERY_INTEGRATION_PAIR, &rows, &err, DB_UUID(to), DB_UUID(from));
    if (rc == 0 && db_rows_n(rows) == 0) {
        return true;
    }
    struct str after = rc == 0 ? db_str(rows, 0, 0) : STR("");
    struct str before = rc == 0 ? db_str(rows, 0, 2) : STR("");
    struct uuid sequence = rc == 0 ? db_uuid(rows, 0, 1) : (struct uuid){{0}};
    rc = rc ? rc : find_instances(c, before, after, &to, &sequence, &instances, &err);
    rc = rc ? rc : definition_tree(c->a, before, &old);
    rc = rc ? rc : definition_tree(c->a, after, &new);
    if (rc != 0) {
        return gql_fail(&c->rq, sel->loc, "INTERNAL", "The versions cannot be compared.");
    }
    definition_diff(c->a, old, new, &diff);
    json_build_object(&b, c->a);
    json_append(&b, STR("changes"), changes_of(c, &diff));
    json_append(&b, STR("truncated"), json_bool(diff.truncated));
    json_append(&b, STR("instances"), instances);
    *ret = json_built(&b);
    return true;
}
