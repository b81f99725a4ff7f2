/* Owns the actions of collection-tools that make an object or a list of two inputs. Pure, on the
 * slot's thread; results share the parts of their inputs. They refuse what is no object, and names
 * that are no texts. */
#include "clock.h"
#include "components/collection_tools/collection_tools.h"

#define MAX_MAPPINGS 5000

/* --- some of the properties ----------------------------------------------------------------------
 */

static int by_text(const void *x, const void *y)
{
    const struct str *a = x, *b = y;
    size_t n = MIN(a->len, b->len);
    int order = n ? memcmp(a->ptr, b->ptr, n) : 0;
    return order ? order : a->len < b->len ? -1 : a->len > b->len;
}

static int choose(struct action_context *ctx, bool pick, struct json *ret, struct err *err)
{
    struct json object, keys;
    int rc = action_input_object(ctx, "object", &object, err);
    if (rc == 0) {
        rc = action_input_list(ctx, "keysInput", &keys, err);
    }
    if (rc == 0) {
        rc = action_room(ctx,
                         ((size_t)object.len + 1) * sizeof(struct json_member) +
                             ((size_t)keys.len + 1) * sizeof(struct str),
                         err);
    }
    if (rc < 0) {
        return rc;
    }
    struct str *names = arena_array(action_arena(ctx), keys.len + 1ul, sizeof(*names));
    for (uint32_t i = 0; i < keys.len; i++) {
        if (keys.items[i].type != JSON_STRING) {
            return action_input_error(ctx, "keysInput", err, "item %u is not a text.", i + 1);
        }
        names[i] = json_as_str(keys.items[i]);
    }
    qsort(names, keys.len, sizeof(*names), by_text);
    struct json_member *members =
        arena_array(action_arena(ctx), object.len + 1ul, sizeof(*members));
    size_t n = 0;
    for (uint32_t i = 0; i < object.len; i++) {
        bool named =
            bsearch(&object.members[i].key, names, keys.len, sizeof(*names), by_text) != NULL;
        if (named == pick) {
            members[n++] = object.members[i];
        }
    }
    *ret = json_object(members, n);
    return 0;
}

int collection_pick_keys(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    return choose(ctx, true, &ret->data, err);
}

int collection_omit_keys(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    return choose(ctx, false, &ret->data, err);
}

/* --- two objects ---------------------------------------------------------------------------------
 */

static int merge(struct action_context *ctx, struct json x, struct json y, bool deep, int depth,
                 struct json *ret, struct err *err)
{
    if (depth > JSON_MAX_DEPTH) {
        return action_input_error(ctx, "secondObject", err, "is nested deeper than %d.",
                                  JSON_MAX_DEPTH);
    }
    int rc = action_room(ctx, ((size_t)x.len + y.len + 1) * 8 * sizeof(struct json_member), err);
    if (rc < 0) {
        return rc;
    }
    struct json_builder b;
    json_build_object(&b, action_arena(ctx));
    for (uint32_t i = 0; i < x.len; i++) {
        json_append(&b, x.members[i].key, x.members[i].value);
    }
    for (uint32_t i = 0; rc == 0 && i < y.len; i++) {
        struct json value = y.members[i].value;
        bool both = deep && value.type == JSON_OBJECT;
        struct json old = both ? json_get(x, y.members[i].key) : json_undefined();
        if (both && clock_mono_ns() > action_deadline(ctx)) {
            return action_input_error(ctx, "secondObject", err,
                                      "takes longer to merge than the execution may.");
        }
        if (old.type == JSON_OBJECT) {
            rc = merge(ctx, old, value, deep, depth + 1, &value, err);
        }
        json_set(&b, y.members[i].key, value);
    }
    *ret = json_built(&b);
    return rc;
}

int collection_merge_objects(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct json first, second;
    bool deep;
    int rc = action_input_object(ctx, "firstObject", &first, err);
    if (rc == 0) {
        rc = action_input_object(ctx, "secondObject", &second, err);
    }
    if (rc == 0) {
        rc = action_input_bool(ctx, "deepMerge", &deep, err);
    }
    return rc < 0 ? rc : merge(ctx, first, second, deep, 0, &ret->data, err);
}

int collection_field_value_mapping(struct action_context *ctx, struct action_result *ret,
                                   struct err *err)
{
    struct json keys, values;
    int rc = action_input_object(ctx, "keyMappings", &keys, err);
    if (rc == 0) {
        rc = action_input_object(ctx, "valueMappings", &values, err);
    }
    if (rc == 0 && (keys.len > MAX_MAPPINGS || values.len > MAX_MAPPINGS)) {
        return action_input_error(ctx, keys.len > MAX_MAPPINGS ? "keyMappings" : "valueMappings",
                                  err, "has more than %d names.", MAX_MAPPINGS);
    }
    if (rc == 0) {
        rc = action_room(ctx, (keys.len + 1ul) * (sizeof(keys) + 2 * sizeof(struct json_member)),
                         err);
    }
    if (rc < 0) {
        return rc;
    }
    struct json *items = collection_new_items(ctx, keys.len);
    size_t n = 0;
    for (uint32_t i = 0; i < keys.len; i++) {
        struct json value = json_get(values, keys.members[i].key);
        if (value.type == JSON_UNDEFINED) {
            continue;
        }
        struct json_member *pair = arena_array(action_arena(ctx), 2, sizeof(*pair));
        pair[0] = (struct json_member){STR("key"), keys.members[i].value};
        pair[1] = (struct json_member){STR("value"), value};
        items[n++] = json_object(pair, 2);
    }
    ret->data = json_array(items, n);
    return 0;
}
