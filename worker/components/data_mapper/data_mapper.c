/* Owns the component data-mapper: values by a table of values, and objects by a table of fields.
 * Pure, on the slot's thread; results share the parts of their inputs. It refuses tables and data
 * of the wrong shape, and values that are no keys. */
#include "clock.h"
#include "components/collection_tools/field_path.h"
#include "components/registry.h"
#include "expr/value.h"

#define MAX_FIELDS 1000

#define VALUE_MAP_INPUT                                                                            \
    {                                                                                              \
        .key = "valueMap", .label = "Value Map", .type = CATALOG_JSON,                             \
        .collection = CATALOG_KEY_VALUE_LIST, .required = true,                                    \
        .comments = "What becomes of each value: the value as key, and what takes its place. A "   \
                    "reference may give an object.",                                               \
        .example = "{\"open\": \"NEW\", \"closed\": \"DONE\"}"                                     \
    }
#define DEFAULT_INPUT                                                                              \
    {                                                                                              \
        .key = "defaultValue", .label = "Default Value", .type = CATALOG_JSON,                     \
        .comments = "What takes the place of a value that the map does not hold; null when empty." \
    }
static const struct action_input value_inputs[] = {
    {
        .key = "inputValue",
        .label = "Input Value",
        .type = CATALOG_JSON,
        .required = true,
        .comments = "The value to look up in the map: a text, a number, true or false.",
        .example = "open",
    },
    VALUE_MAP_INPUT,
    DEFAULT_INPUT,
    {0},
};
static const struct action_input value_list_inputs[] = {
    {
        .key = "inputValueList",
        .label = "Input Value List",
        .type = CATALOG_JSON,
        .required = true,
        .comments = "The values to look up in the map, a reference to a list.",
        .example = "[\"open\", \"closed\"]",
    },
    VALUE_MAP_INPUT,
    DEFAULT_INPUT,
    {0},
};
static const struct action_input field_inputs[] = {
    {
        .key = "data",
        .label = "Data",
        .type = CATALOG_JSON,
        .required = true,
        .comments = "A reference to an object, or to a list of objects.",
    },
    {
        .key = "fieldMap",
        .label = "Field Map",
        .type = CATALOG_JSON,
        .collection = CATALOG_KEY_VALUE_LIST,
        .required = true,
        .comments = "The fields of the result as keys and the fields of the data they come from as "
                    "values, both with dots between nested keys (positions of lists from 0). A "
                    "reference may give an object.",
        .example = "{\"customer.name\": \"contact.fullName\"}",
    },
    {
        .key = "keepOtherFields",
        .label = "Keep Other Fields",
        .type = CATALOG_BOOLEAN,
        .fallback = "false",
        .comments = "Start from the data itself instead of an empty object.",
    },
    {
        .key = "skipMissing",
        .label = "Skip Missing Fields",
        .type = CATALOG_BOOLEAN,
        .fallback = "false",
        .comments = "Leave fields out that the data does not hold, instead of null.",
    },
    {0},
};

/* --- values --------------------------------------------------------------------------------------
 */

/* The members of a map, sorted by key, so that long lists do not cost their length times its. */
struct table {
    const struct json_member **rows;
    size_t n;
    struct json otherwise;
};

static int compare(struct str x, struct str y)
{
    size_t n = MIN(x.len, y.len);
    int order = n ? memcmp(x.ptr, y.ptr, n) : 0;
    return order ? order : x.len < y.len ? -1 : x.len > y.len;
}

static int by_key(const void *x, const void *y)
{
    const struct json_member *const *a = x, *const *b = y;
    return compare((*a)->key, (*b)->key);
}

static int read_table(struct action_context *ctx, struct table *ret, struct err *err)
{
    struct json map;
    int rc = action_input_object(ctx, "valueMap", &map, err);
    if (rc == 0) {
        rc = action_input_value(ctx, "defaultValue", &ret->otherwise, err);
    }
    if (rc == 0) {
        rc = action_room(ctx, ((size_t)map.len + 1) * sizeof(*ret->rows), err);
    }
    if (rc < 0) {
        return rc;
    }
    if (ret->otherwise.type == JSON_UNDEFINED) {
        ret->otherwise = json_null();
    }
    ret->rows = arena_array(action_arena(ctx), (size_t)map.len + 1, sizeof(*ret->rows));
    ret->n = map.len;
    for (uint32_t i = 0; i < map.len; i++) {
        ret->rows[i] = &map.members[i];
    }
    qsort(ret->rows, ret->n, sizeof(*ret->rows), by_key);
    return 0;
}

static int look_up(struct action_context *ctx, const char *key, const struct table *table,
                   struct json v, struct json *ret, struct err *err)
{
    if (v.type == JSON_ARRAY || v.type == JSON_OBJECT) {
        return action_input_error(ctx, key, err,
                                  "holds a list or an object. Only texts, numbers, true and false "
                                  "are looked up.");
    }
    struct str text = value_to_text(action_arena(ctx), v);
    size_t low = 0, high = table->n;
    *ret = table->otherwise;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = compare(text, table->rows[middle]->key);
        if (order == 0) {
            *ret = table->rows[middle]->value;
            return 0;
        }
        low = order > 0 ? middle + 1 : low;
        high = order < 0 ? middle : high;
    }
    return 0;
}

static int map_value(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct table table;
    struct json v;
    int rc = action_input_value(ctx, "inputValue", &v, err);
    if (rc == 0) {
        rc = read_table(ctx, &table, err);
    }
    return rc < 0 ? rc : look_up(ctx, "inputValue", &table, v, &ret->data, err);
}

static int map_value_list(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct table table;
    struct json list;
    int rc = action_input_list(ctx, "inputValueList", &list, err);
    if (rc == 0) {
        rc = read_table(ctx, &table, err);
    }
    if (rc == 0) { /* each also as text */
        rc = action_room(ctx, ((size_t)list.len + 1) * (sizeof(list) + 64), err);
    }
    if (rc < 0) {
        return rc;
    }
    struct json *items = arena_array(action_arena(ctx), (size_t)list.len + 1, sizeof(*items));
    for (uint32_t i = 0; rc == 0 && i < list.len; i++) {
        rc = look_up(ctx, "inputValueList", &table, list.items[i], &items[i], err);
    }
    if (rc == 0) {
        ret->data = json_array(items, list.len);
    }
    return rc;
}

/* --- fields --------------------------------------------------------------------------------------
 */

/* The fields of the result as a tree: leaves tell where their value comes from. */
struct target {
    struct str key;
    const struct field_path *from; /* NULL: an object of the children */
    struct target *children, *next;
    uint32_t n_children;
};

static int read_path(struct action_context *ctx, struct str text, struct field_path *ret,
                     struct err *err)
{
    if (str_trim(text).len == 0) {
        return action_input_error(ctx, "fieldMap", err, "has a field without a name.");
    }
    return field_path_read(ctx, "fieldMap", text, ret, err);
}

static struct target *child_of(struct action_context *ctx, struct target *parent, struct str key)
{
    struct target **last = &parent->children;
    while (*last && !str_eq((*last)->key, key)) {
        last = &(*last)->next;
    }
    if (!*last) {
        *last = arena_new_of(action_arena(ctx), struct target);
        (*last)->key = key;
        parent->n_children++;
    }
    return *last;
}

static int add_target(struct action_context *ctx, struct target *root, struct json_member row,
                      struct err *err)
{
    struct field_path to;
    struct field_path *from = arena_new_of(action_arena(ctx), struct field_path);
    if (row.value.type != JSON_STRING) {
        return action_input_error(ctx, "fieldMap", err,
                                  "\"%.*s\" must come from a field, named by a text.",
                                  (int)MIN(row.key.len, 60), row.key.ptr);
    }
    int rc = read_path(ctx, row.key, &to, err);
    if (rc == 0) {
        rc = read_path(ctx, json_as_str(row.value), from, err);
    }
    struct target *at = root;
    for (size_t i = 0; rc == 0 && i < to.n; i++) {
        at = child_of(ctx, at, to.keys[i]);
        if (at->from || (i + 1 == to.n && at->children)) {
            return action_input_error(ctx, "fieldMap", err,
                                      "\"%.*s\" is a field in another one of the map, or the "
                                      "other way round.",
                                      (int)MIN(row.key.len, 60), row.key.ptr);
        }
    }
    at->from = from;
    return rc;
}

static int read_targets(struct action_context *ctx, struct target *ret, struct err *err)
{
    struct json map;
    int rc = action_input_object(ctx, "fieldMap", &map, err);
    if (rc == 0 && map.len > MAX_FIELDS) {
        return action_input_error(ctx, "fieldMap", err, "has more than %d fields.", MAX_FIELDS);
    }
    *ret = (struct target){.from = NULL};
    for (uint32_t i = 0; rc == 0 && i < map.len; i++) {
        rc = action_room(
            ctx, sizeof(struct field_path) + FIELD_PATH_MAX_KEYS * sizeof(struct target), err);
        if (rc == 0) {
            rc = add_target(ctx, ret, map.members[i], err);
        }
    }
    return rc;
}

/* The object of a target's children, over the members of `base` when that is an object. */
static int build(struct action_context *ctx, struct json v, const struct target *target,
                 struct json base, bool skip, struct json *ret, struct err *err)
{
    uint32_t n = base.type == JSON_OBJECT ? base.len : 0;
    size_t bytes = ((size_t)n + target->n_children + 1) * sizeof(struct json_member);
    int rc = action_room(ctx, bytes, err);
    if (rc < 0) {
        return rc;
    }
    struct json_member *members = arena_zalloc(action_arena(ctx), bytes);
    for (uint32_t i = 0; i < n; i++) {
        members[i] = base.members[i];
    }
    uint32_t n_base = n;
    for (const struct target *t = target->children; rc == 0 && t; t = t->next) {
        struct json value = t->from ? field_path_get(v, t->from) : json_undefined();
        if (!t->from) {
            rc = build(ctx, v, t, json_get(base, t->key), skip, &value, err);
        } else if (value.type == JSON_UNDEFINED && skip) {
            continue;
        }
        uint32_t i = 0;
        while (i < n_base && !str_eq(members[i].key, t->key)) {
            i++;
        }
        i = i < n_base ? i : n++;
        value = value.type == JSON_UNDEFINED ? json_null() : value;
        members[i] = (struct json_member){t->key, value};
    }
    *ret = json_object(members, n);
    return rc;
}

static int map_object(struct action_context *ctx, struct json v, const struct target *root,
                      bool keep, bool skip, struct json *ret, struct err *err)
{
    if (v.type != JSON_OBJECT) {
        return action_input_error(ctx, "data", err, "must be an object or a list of objects.");
    }
    if (clock_mono_ns() > action_deadline(ctx)) {
        return action_input_error(ctx, "data", err, "takes longer than the execution may.");
    }
    return build(ctx, v, root, keep ? v : json_undefined(), skip, ret, err);
}

static int map_fields(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct json v, parsed;
    struct target root;
    bool keep, skip;
    int rc = action_input_value(ctx, "data", &v, err);
    if (rc == 0) {
        rc = read_targets(ctx, &root, err);
    }
    if (rc == 0) {
        rc = action_input_bool(ctx, "keepOtherFields", &keep, err);
    }
    if (rc == 0) {
        rc = action_input_bool(ctx, "skipMissing", &skip, err);
    }
    if (rc == 0 && v.type == JSON_STRING &&
        action_parse_json(ctx, json_as_str(v), &parsed, NULL) == 0) {
        v = parsed;
    }
    if (rc < 0 || v.type != JSON_ARRAY) {
        return rc < 0 ? rc : map_object(ctx, v, &root, keep, skip, &ret->data, err);
    }
    rc = action_room(ctx, ((size_t)v.len + 1) * sizeof(v), err);
    if (rc < 0) {
        return rc;
    }
    struct json *items = arena_array(action_arena(ctx), (size_t)v.len + 1, sizeof(*items));
    for (uint32_t i = 0; rc == 0 && i < v.len; i++) {
        rc = map_object(ctx, v.items[i], &root, keep, skip, &items[i], err);
    }
    ret->data = json_array(items, v.len);
    return rc;
}

static const struct action actions[] = {
    {
        .key = "fieldMapper",
        .label = "Field Mapper",
        .description = "Makes an object, or a list of objects, of other fields from data.",
        .inputs = field_inputs,
        .example = "{\"customer\": {\"name\": \"Ada\"}}",
        .perform = map_fields,
    },
    {
        .key = "valueListMapper",
        .label = "Value List Mapper",
        .description = "Replaces each value of a list by what a map gives for it.",
        .inputs = value_list_inputs,
        .example = "[\"NEW\", \"DONE\"]",
        .perform = map_value_list,
    },
    {
        .key = "valueMapper",
        .label = "Value Mapper",
        .description = "Returns what a map gives for a value.",
        .inputs = value_inputs,
        .example = "\"NEW\"",
        .perform = map_value,
    },
    {0},
};

const struct component component_data_mapper = {
    .key = "data-mapper",
    .label = "Data Mapper",
    .description = "Maps values to other values and objects to other fields.",
    .category = "Data",
    .version = 1,
    .actions = actions,
};
