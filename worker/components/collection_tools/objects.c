/* Owns the object actions of collection-tools. Pure, on the slot's thread. A change deep in an
 * object copies only the objects on the way to it; the depth is bounded. */
#include "components/collection_tools/collection_tools.h"
#include "components/collection_tools/field_path.h"

int collection_create_object(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    return action_input_object(ctx, "keyValueInput", &ret->data, err);
}

int collection_to_object(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    return action_input_object(ctx, "keyValueListInput", &ret->data, err);
}

static int read_object(struct action_context *ctx, struct json *ret, struct err *err)
{
    struct json v;
    int rc = action_input_object(ctx, "object", &v, err);
    if (rc == 0) {
        rc = action_room(ctx, ((size_t)v.len + 1) * 8 * sizeof(struct json_member), err);
    }
    if (rc == 0) {
        *ret = v;
    }
    return rc;
}

int collection_from_object(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct json v;
    int rc = read_object(ctx, &v, err);
    if (rc != 0) {
        return rc;
    }
    struct json *items = arena_array(action_arena(ctx), MAX(v.len, 1u), sizeof(*items));
    for (uint32_t i = 0; i < v.len; i++) {
        struct json_member *pair = arena_array(action_arena(ctx), 2, sizeof(*pair));
        pair[0] = (struct json_member){STR("key"), json_str(v.members[i].key)};
        pair[1] = (struct json_member){STR("value"), v.members[i].value};
        items[i] = json_object(pair, 2);
    }
    ret->data = json_array(items, v.len);
    return 0;
}

static int members(struct action_context *ctx, bool keys, struct action_result *ret,
                   struct err *err)
{
    struct json v;
    int rc = read_object(ctx, &v, err);
    if (rc != 0) {
        return rc;
    }
    struct json *items = arena_array(action_arena(ctx), MAX(v.len, 1u), sizeof(*items));
    for (uint32_t i = 0; i < v.len; i++) {
        items[i] = keys ? json_str(v.members[i].key) : v.members[i].value;
    }
    ret->data = json_array(items, v.len);
    return 0;
}

int collection_keys(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    return members(ctx, true, ret, err);
}

int collection_values(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    return members(ctx, false, ret, err);
}

static int read_place(struct action_context *ctx, struct field_path *ret, struct err *err)
{
    struct str path;
    int rc = action_input_text(ctx, "objectPath", &path, err);
    return rc != 0 ? rc : field_path_read(ctx, "objectPath", path, ret, err);
}

/* The object with `fields` set, or with the key removed when fields is undefined. */
static struct json changed(struct action_context *ctx, struct json object, struct json fields,
                           struct str removed)
{
    struct json_builder b;
    json_build_object(&b, action_arena(ctx));
    for (uint32_t i = 0; i < object.len; i++) {
        if (fields.type == JSON_OBJECT || !str_eq(object.members[i].key, removed)) {
            json_append(&b, object.members[i].key, object.members[i].value);
        }
    }
    for (uint32_t i = 0; fields.type == JSON_OBJECT && i < fields.len; i++) {
        json_set(&b, fields.members[i].key, fields.members[i].value);
    }
    return json_built(&b);
}

/* Applies the change at a place, making the objects that are missing on the way. */
static int change_at(struct action_context *ctx, struct json at, const struct field_path *place,
                     size_t depth, struct json fields, struct str removed, struct json *ret,
                     struct err *err)
{
    if (json_is_nullish(at)) {
        at = json_object(NULL, 0);
    }
    if (at.type == JSON_ARRAY && depth < place->n) {
        int64_t index;
        if (!str_to_i64(place->keys[depth], &index) || index < 0 || index >= at.len) {
            return action_input_error(ctx, "objectPath", err,
                                      "\"%.*s\" is not a position of the list there.",
                                      (int)MIN(place->keys[depth].len, 60), place->keys[depth].ptr);
        }
        struct json inner;
        int rc = action_room(ctx, at.len * sizeof(at), err);
        if (rc == 0) {
            rc = change_at(ctx, at.items[index], place, depth + 1, fields, removed, &inner, err);
        }
        if (rc < 0) {
            return rc;
        }
        struct json *items = arena_dup(action_arena(ctx), at.items, at.len * sizeof(at));
        items[index] = inner;
        *ret = json_array(items, at.len);
        return 0;
    }
    if (at.type != JSON_OBJECT) {
        return action_input_error(ctx, "objectPath", err,
                                  "leads to a value that is not an object.");
    }
    int rc =
        action_room(ctx, ((size_t)at.len + fields.len + 1) * 4 * sizeof(struct json_member), err);
    if (rc != 0) {
        return rc;
    }
    if (depth == place->n) {
        *ret = changed(ctx, at, fields, removed);
        return 0;
    }
    struct json_member step = {place->keys[depth], json_undefined()};
    rc =
        change_at(ctx, json_get(at, step.key), place, depth + 1, fields, removed, &step.value, err);
    if (rc == 0) {
        *ret = changed(ctx, at, json_object(&step, 1), STR(""));
    }
    return rc;
}

static int add_fields(struct action_context *ctx, struct json fields, struct action_result *ret,
                      struct err *err)
{
    struct json object;
    struct field_path place;
    int rc = read_object(ctx, &object, err);
    if (rc == 0) {
        rc = read_place(ctx, &place, err);
    }
    return rc != 0 ? rc : change_at(ctx, object, &place, 0, fields, STR(""), &ret->data, err);
}

int collection_add_key(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct json_member field;
    int rc = action_input_text(ctx, "key", &field.key, err);
    if (rc == 0) {
        rc = action_input_value(ctx, "value", &field.value, err);
    }
    return rc != 0 ? rc : add_fields(ctx, json_object(&field, 1), ret, err);
}

int collection_add_keys(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct json fields;
    int rc = action_input_object(ctx, "dynamicFields", &fields, err);
    if (rc == 0 && fields.len == 0) {
        rc = action_input_object(ctx, "keyValueListInput", &fields, err);
    }
    return rc != 0 ? rc : add_fields(ctx, fields, ret, err);
}

int collection_remove_key(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct str key;
    struct json object;
    struct field_path place;
    int rc = action_input_text(ctx, "key", &key, err);
    if (rc == 0) {
        rc = read_object(ctx, &object, err);
    }
    if (rc == 0) {
        rc = read_place(ctx, &place, err);
    }
    return rc != 0 ? rc : change_at(ctx, object, &place, 0, json_undefined(), key, &ret->data, err);
}
