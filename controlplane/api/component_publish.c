/* Owns publishing and deleting components of an organization. On a lane thread, inside the
 * mutation's transaction. It refuses public components, keys that belong to somebody else, and to
 * delete what integrations use: their versions are pinned by number, and numbers start again. */
#include "api/input.h"
#include "api/integration.h"
#include "definition/declarative.h"
#include "domain/component_metadata.h"

#define LABEL_MAX       200
#define DESCRIPTION_MAX KIB(10)
#define COMMENT_MAX     KIB(10)

/* Of `definition` or its `display`: a text of at most max bytes. */
static struct db_param text_of(struct call *c, struct json from, const char *name, size_t max,
                               bool needed)
{
    struct str text = str_trim(json_as_str(json_get(from, str_of(name))));
    if (text.len > max) {
        call_refuse(c, "definition", "The %s has at most %zu bytes.", name, max);
    } else if (needed && text.len == 0) {
        call_refuse(c, "definition", "The %s must not be empty.", name);
    }
    return DB_STR(text);
}

/* The metadata as JSON text; what is wrong with it is told by place. */
static struct db_param metadata_of(struct call *c)
{
    AUTO(buf_done) struct buf text = {0};
    struct err_list *errors = arena_new_of(c->a, struct err_list);
    struct json metadata;
    buf_init(&text, COMPONENT_METADATA_MAX);
    if (component_metadata(c->a, c->input, &metadata, errors) < 0) {
        for (int i = 0; i < errors->n; i++) {
            call_refuse(c, errors->items[i].field, "%s", errors->items[i].message);
        }
        return DB_NULL;
    }
    json_dump(&text, metadata);
    if (text.full) {
        call_refuse(c, "definition", "What is said of actions and connections is over 4 MB.");
        return DB_NULL;
    }
    return DB_STR(str_n(arena_strndup(c->a, text.data, text.len), text.len));
}

/* Keys of the connections for which an icon is announced. */
static struct db_param keys_with(struct call *c, const char *path)
{
    struct json list = call_input(c, "connections");
    struct str *keys = arena_array(c->a, list.type == JSON_ARRAY ? list.len + 1 : 1, sizeof(*keys));
    size_t n = 0;
    for (uint32_t i = 0; list.type == JSON_ARRAY && i < list.len; i++) {
        if (json_as_str(json_get(list.items[i], str_of(path))).len > 0) {
            keys[n++] = json_as_str(json_get(list.items[i], STR("key")));
        }
    }
    return DB_TEXTS(keys, n);
}

/* A component that is one file is published as what it says of itself, and its text. False when it
 * is refused. */
static bool read_declarative(struct call *c, struct json text)
{
    struct declarative *d = NULL;
    struct err_list *errors = arena_new_of(c->a, struct err_list);
    struct json_builder input;
    if (declarative_parse(c->a, json_as_str(text), &d, errors) < 0) {
        call_tell(c, "declarative", errors);
        return false;
    }
    struct json described = declarative_describe(c->a, d);
    json_build_object(&input, c->a);
    for (uint32_t i = 0; i < c->input.len; i++) {
        json_set(&input, c->input.members[i].key, c->input.members[i].value);
    }
    for (uint32_t i = 0; i < described.len; i++) {
        json_set(&input, described.members[i].key, described.members[i].value);
    }
    c->input = json_built(&input);
    return true;
}

/* Whether exactly one of the two forms is given, and can be read. */
static bool read_form(struct call *c)
{
    struct json declarative = call_input(c, "declarative");
    bool is_file = declarative.type == JSON_STRING;
    bool is_told =
        !json_is_nullish(call_input(c, "definition")) || !json_is_nullish(call_input(c, "actions"));
    if (is_file == is_told) {
        call_refuse(c, "definition", "Give either \"definition\" or \"declarative\".");
        return false;
    }
    return !is_file || read_declarative(c, declarative);
}

/* The number of the next version, with the key locked until the commit. */
static int next_version(struct call *c, struct str key, const struct uuid *customer,
                        int64_t *ret_version, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    char tenant[UUID_TEXT_LEN + 1];
    uuid_format(&c->viewer.organization, tenant);
    int rc = db_run(c->db, QUERY_COMPONENT_LOCK, NULL, err, DB_TEXT(tenant), DB_STR(key));
    rc = rc ? rc
            : db_run(c->db, QUERY_COMPONENT_NEWEST, &rows, err, DB_UUID(c->viewer.organization),
                     DB_STR(key));
    *ret_version = 1;
    if (rc != 0 || db_rows_n(rows) == 0) {
        return rc;
    }
    struct uuid owner = db_is_null(rows, 0, 1) ? (struct uuid){{0}} : db_uuid(rows, 0, 1);
    if (!uuid_eq(&owner, customer)) {
        return call_refuse(c, "customer",
                           "Earlier versions of this component belong to %s: choose another key.",
                           uuid_is_nil(&owner)     ? "the organization"
                           : uuid_is_nil(customer) ? "a customer"
                                                   : "another customer");
    }
    if (db_bool(rows, 0, 2) != (call_input(c, "declarative").type == JSON_STRING)) {
        return call_refuse(c, "definition",
                           "Earlier versions of this component are %s: choose another key.",
                           db_bool(rows, 0, 2) ? "declarative" : "code");
    }
    *ret_version = db_int(rows, 0, 0) + 1;
    return 0;
}

int mutate_publish_component(struct call *c, struct err *err)
{
    if (!read_form(c)) {
        return 0;
    }
    struct json definition = call_input(c, "definition");
    struct json display = json_get(definition, STR("display"));
    struct str key = json_as_str(json_get(definition, STR("key")));
    struct json native = json_get(definition, STR("forCodeNativeIntegration"));
    struct uuid customer = {{0}};
    int64_t version = 1;
    if (!component_key_valid(key)) {
        call_refuse(c, "definition", "A key has 1 to %d letters, digits, \"-\" and \"_\".",
                    COMPONENT_KEY_MAX);
    }
    if (json_get(definition, STR("public")).type == JSON_TRUE) {
        call_refuse(c, "definition", "Only built-in components are public: leave \"public\" out.");
    }
    struct db_param label = text_of(c, display, "label", LABEL_MAX, true);
    struct db_param description = text_of(c, display, "description", DESCRIPTION_MAX, false);
    struct db_param category = text_of(c, display, "category", LABEL_MAX, false);
    struct db_param url = text_of(c, definition, "documentationUrl", KIB(2), false);
    struct db_param comment = call_limited(c, "comment", COMMENT_MAX);
    struct db_param attributes = call_json_object(c, "attributes");
    struct db_param metadata = metadata_of(c);
    int rc = c->n_errors == 0 && call_input(c, "customer").type == JSON_STRING
                 ? call_customer(c, &customer, err)
                 : 0;
    rc = rc || c->n_errors ? rc : next_version(c, key, &customer, &version, err);
    if (rc != 0 || c->n_errors > 0) {
        return rc;
    }
    c->id = uuid_v7();
    rc = db_run(c->db, QUERY_COMPONENT_INSERT, NULL, err, DB_UUID(c->id),
                DB_UUID(c->viewer.organization), DB_UUID_OR_NULL(customer), DB_STR(key),
                DB_I64(version), label, description, category, metadata, url,
                DB_BOOL(native.type == JSON_TRUE), comment, attributes, DB_UUID(c->viewer.user),
                call_opt_text(c, "declarative"));
    return rc ? rc
              : db_run(c->db, QUERY_COMPONENT_FILES_INSERT, NULL, err, DB_UUID(c->id),
                       keys_with(c, "iconPath"), keys_with(c, "avatarIconPath"));
}

int mutate_find_component(struct call *c, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *found = NULL;
    AUTO(db_rows_free) struct db_rows *users = NULL;
    int rc = call_find(c, "id", "Component", QUERY_COMPONENT_FIND, &c->id, &found, err);
    if (rc != 0 || c->n_errors > 0) {
        return rc;
    }
    if (db_bool(found, 0, 1)) {
        return call_refuse(c, "id", "Built-in components cannot be deleted.");
    }
    rc = db_run(c->db, QUERY_COMPONENT_USERS, &users, err, DB_UUID(c->viewer.organization),
                DB_STR(db_str(found, 0, 0)));
    if (rc == 0 && db_rows_n(users) > 0) {
        AUTO(buf_done) struct buf names = {0};
        buf_init(&names, KIB(4));
        for (size_t i = 0; i < MIN(db_rows_n(users), 3); i++) {
            struct str name = db_str(users, i, 0);
            buf_addf(&names, "%s\"%.*s\"", i ? ", " : "", (int)MIN(name.len, 100), name.ptr);
        }
        call_refuse(c, "id", "Integrations use this component: %.*s%s.", (int)names.len, names.data,
                    db_rows_n(users) > 3 ? " and others" : "");
    }
    return rc;
}

int mutate_delete_component(struct call *c, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *found = NULL;
    int rc = db_run(c->db, QUERY_COMPONENT_FIND, &found, err, DB_UUID(c->id));
    return rc || db_rows_n(found) == 0
               ? rc
               : db_run(c->db, QUERY_COMPONENT_DELETE, NULL, err, DB_UUID(c->viewer.organization),
                        DB_STR(db_str(found, 0, 0)));
}
