/* Owns the component table's rows of built-in components: made from the catalog when the control
 * plane starts, on the main thread with an owner connection. Rows that did not change are not
 * written. */
#include "api/api.h"

#include "json.h"

static const char *const type_names[_CATALOG_INPUT_TYPE_N] = {
    [CATALOG_STRING] = "string",
    [CATALOG_TEXT] = "text",
    [CATALOG_NUMBER] = "number",
    [CATALOG_BOOLEAN] = "boolean",
    [CATALOG_JSON] = "json",
    [CATALOG_CODE] = "code",
    [CATALOG_CONNECTION] = "connection",
    [CATALOG_CONDITIONS] = "conditions",
    [CATALOG_PASSWORD] = "password",
};
static const char *const collection_names[] = {
    [CATALOG_SINGLE] = "single",
    [CATALOG_VALUE_LIST] = "valueList",
    [CATALOG_KEY_VALUE_LIST] = "keyValueList",
};

static struct json text(const char *s)
{
    return json_cstr(s ? s : "");
}

static struct json texts(struct arena *a, const char **list)
{
    struct json_builder b;
    json_build_array(&b, a);
    for (; list && *list; list++) {
        json_push(&b, json_cstr(*list));
    }
    return json_built(&b);
}

/* [{label, value}]: both are the choice. */
static struct json choices_of(struct arena *a, const char **list)
{
    struct json_builder b;
    json_build_array(&b, a);
    for (; list && *list; list++) {
        struct json_builder one;
        json_build_object(&one, a);
        json_append(&one, STR("label"), json_cstr(*list));
        json_append(&one, STR("value"), json_cstr(*list));
        json_push(&b, json_built(&one));
    }
    return json_built(&b);
}

static struct json describe_input(struct arena *a, const struct catalog_input *in)
{
    struct json_builder b;
    json_build_object(&b, a);
    json_append(&b, STR("key"), text(in->key));
    json_append(&b, STR("label"), text(in->label));
    json_append(&b, STR("type"), json_cstr(type_names[in->type]));
    json_append(&b, STR("collection"), json_cstr(collection_names[in->collection]));
    json_append(&b, STR("required"), json_bool(in->required));
    json_append(&b, STR("default"), text(in->default_value));
    json_append(&b, STR("comments"), text(in->comments));
    json_append(&b, STR("example"), text(in->example));
    json_append(&b, STR("model"), choices_of(a, in->choices));
    return json_built(&b);
}

static struct json describe_action(struct arena *a, const struct catalog_action *action)
{
    struct json_builder b, inputs;
    json_build_array(&inputs, a);
    for (size_t i = 0; i < action->n_inputs; i++) {
        json_push(&inputs, describe_input(a, &action->inputs[i]));
    }
    json_build_object(&b, a);
    json_append(&b, STR("key"), text(action->key));
    json_append(&b, STR("label"), text(action->label));
    json_append(&b, STR("description"), text(action->description));
    json_append(&b, STR("isTrigger"), json_bool(action->is_trigger));
    json_append(&b, STR("branches"), json_bool(action->branches));
    json_append(&b, STR("loops"), json_bool(action->loops));
    json_append(&b, STR("breaksLoop"), json_bool(action->breaks_loop));
    json_append(&b, STR("stopsExecution"), json_bool(action->stops_execution));
    json_append(&b, STR("scheduleAllowed"), json_bool(action->schedule_allowed));
    json_append(&b, STR("scheduleRequired"), json_bool(action->schedule_required));
    if (action->is_trigger) {
        json_append(&b, STR("synchronousResponseSupport"),
                    json_cstr(action->replies ? "valid" : "invalid"));
    }
    json_append(&b, STR("staticBranches"), texts(a, action->static_branches));
    json_append(&b, STR("inputs"), json_built(&inputs));
    json_append(&b, STR("example"), text(action->example));
    return json_built(&b);
}

static int sync_one(struct db *owner, const struct catalog_component *c, struct err *err)
{
    AUTO(arena_free) struct arena *a = arena_new(KIB(16), MIB(64));
    AUTO(buf_done) struct buf metadata = {0};
    struct json_builder root, actions;
    json_build_array(&actions, a);
    for (size_t i = 0; i < c->n_actions; i++) {
        json_push(&actions, describe_action(a, &c->actions[i]));
    }
    json_build_object(&root, a);
    json_append(&root, STR("actions"), json_built(&actions));
    buf_init(&metadata, MIB(16));
    json_dump(&metadata, json_built(&root));
    return db_run(owner, QUERY_API_COMPONENT_SYNC, NULL, err, DB_UUID(uuid_v7()), DB_TEXT(c->key),
                  DB_I64(c->version), DB_TEXT(c->label), DB_TEXT(c->description),
                  DB_TEXT(c->category), DB_BOOL(c->is_public), DB_STR(buf_str(&metadata)));
}

int api_sync_components(struct db *owner, const struct catalog *catalog, struct err *err)
{
    size_t n = 0;
    const struct catalog_component *components = catalog_components(catalog, &n);
    for (size_t i = 0; i < n; i++) {
        int rc = sync_one(owner, &components[i], err);
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}
