/* Owns the actions on persisted state: one list of verbs, repeated for each of the four scopes.
 * Called on the slot's thread; the engine keeps the state and saves it when the execution succeeds.
 * It refuses to take a list for a number and the like, with the key named. */
#include "components/registry.h"

#include <math.h>

#include "clock.h"
#include "expr/value.h"

#define VERBS 13

#define KEY_INPUT(must)                                                                            \
    {                                                                                              \
        .key = "keyInput", .label = "Key", .type = CATALOG_STRING, .required = must,               \
        .comments = "The name under which the value is kept.", .example = "lastSync"               \
    }
#define VALUE_INPUT(about)                                                                         \
    {                                                                                              \
        .key = "valueInput", .label = "Value", .type = CATALOG_JSON, .comments = about             \
    }

static const struct action_input key_inputs[] = {KEY_INPUT(true), {0}};
static const struct action_input value_inputs[] = {
    KEY_INPUT(true),
    VALUE_INPUT("The value to work with."),
    {0},
};
static const struct action_input save_inputs[] = {
    KEY_INPUT(false),
    VALUE_INPUT("The value to keep."),
    {
        .key = "dynamicValues",
        .label = "Key/Values",
        .type = CATALOG_JSON,
        .collection = CATALOG_KEY_VALUE_LIST,
        .comments = "Several keys and values at once; Key and Value are then ignored.",
    },
    {0},
};
static const struct action_input get_inputs[] = {
    KEY_INPUT(true),
    {
        .key = "defaultValueInput",
        .label = "Default Value",
        .type = CATALOG_JSON,
        .comments = "Returned when nothing is kept under the key; null when empty.",
    },
    {0},
};
static const struct action_input remove_inputs[] = {
    KEY_INPUT(false),
    {
        .key = "multipleKeys",
        .label = "Multiple Keys",
        .type = CATALOG_STRING,
        .collection = CATALOG_VALUE_LIST,
        .comments = "Several keys at once; Key is then ignored.",
    },
    {0},
};
static const struct action_input append_many_inputs[] = {
    KEY_INPUT(true),
    {
        .key = "dynamicValues",
        .label = "Dynamic Values",
        .type = CATALOG_JSON,
        .comments = "A list of values; Values is then ignored.",
    },
    {
        .key = "valuesInput",
        .label = "Values",
        .type = CATALOG_JSON,
        .collection = CATALOG_VALUE_LIST,
        .comments = "The values to append, one by one.",
    },
    {
        .key = "flattenValues",
        .label = "Flatten Values",
        .type = CATALOG_BOOLEAN,
        .fallback = "false",
        .comments = "Append the items of values that are lists themselves.",
    },
    {0},
};
static const struct action_input amount_inputs[] = {
    KEY_INPUT(true),
    {
        .key = "amountInput",
        .label = "Amount",
        .type = CATALOG_NUMBER,
        .fallback = "1",
        .comments = "How much the value changes.",
    },
    {0},
};

/* The scope an action is for: the table below lists the verbs scope by scope. */
static enum state_scope scope_of(struct action_context *ctx);

static int read_key(struct action_context *ctx, struct str *ret, struct err *err)
{
    struct str key;
    int rc = action_input_text(ctx, "keyInput", &key, err);
    if (rc == 0 && key.len == 0) {
        return action_input_error(ctx, "keyInput", err,
                                  "has no value. Give the name under which the value is kept.");
    }
    if (rc == 0) {
        *ret = key;
    }
    return rc;
}

static int read_kept(struct action_context *ctx, struct str *ret_key, struct json *ret,
                     struct err *err)
{
    int rc = read_key(ctx, ret_key, err);
    return rc < 0 ? rc : action_state_get(ctx, scope_of(ctx), *ret_key, ret, err);
}

static struct json kept_value(struct action_context *ctx, struct json value)
{
    struct json_builder b;
    json_build_object(&b, action_arena(ctx));
    json_append(&b, STR("value"), value);
    return json_built(&b);
}

/* The value to work with; a missing one is null, as it is kept. */
static int read_value(struct action_context *ctx, struct json *ret, struct err *err)
{
    int rc = action_input_value(ctx, "valueInput", ret, err);
    if (rc == 0 && ret->type == JSON_UNDEFINED) {
        *ret = json_null();
    }
    return rc;
}

/* Keeps the value and returns {"value": value}. */
static int keep(struct action_context *ctx, struct str key, struct json value,
                struct action_result *ret, struct err *err)
{
    int rc = action_state_set(ctx, scope_of(ctx), key,
                              value.type == JSON_UNDEFINED ? json_null() : value, err);
    if (rc < 0) {
        return rc;
    }
    ret->data = kept_value(ctx, value);
    return 0;
}

static int save_value(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct json many, value;
    int rc = action_input_object(ctx, "dynamicValues", &many, err);
    if (rc < 0) {
        return rc;
    }
    if (many.len > 0) {
        for (uint32_t i = 0; rc == 0 && i < many.len; i++) {
            const struct json_member *m = &many.members[i];
            rc = action_state_set(ctx, scope_of(ctx), m->key,
                                  m->value.type == JSON_UNDEFINED ? json_null() : m->value, err);
        }
        ret->data = kept_value(ctx, many);
        return rc;
    }
    struct str key;
    rc = read_key(ctx, &key, err);
    if (rc == 0) {
        rc = action_input_value(ctx, "valueInput", &value, err);
    }
    return rc < 0 ? rc : keep(ctx, key, value, ret, err);
}

static int get_value(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct str key;
    struct json kept, otherwise;
    int rc = read_kept(ctx, &key, &kept, err);
    if (rc == 0) {
        rc = action_input_value(ctx, "defaultValueInput", &otherwise, err);
    }
    if (rc < 0) {
        return rc;
    }
    ret->data = kept.type != JSON_UNDEFINED        ? kept
                : otherwise.type != JSON_UNDEFINED ? otherwise
                                                   : json_null();
    return 0;
}

static int remove_value(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct json keys;
    int rc = action_input_list(ctx, "multipleKeys", &keys, err);
    if (rc == 0 && keys.len == 0) {
        struct str key;
        rc = read_key(ctx, &key, err);
        if (rc == 0) {
            rc = action_state_set(ctx, scope_of(ctx), key, json_undefined(), err);
        }
    }
    for (uint32_t i = 0; rc == 0 && i < keys.len; i++) {
        struct str key = value_to_text(action_arena(ctx), keys.items[i]);
        rc = action_state_set(ctx, scope_of(ctx), key, json_undefined(), err);
    }
    ret->data = json_null();
    return rc;
}

static int list_keys(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    return action_state_keys(ctx, scope_of(ctx), &ret->data, err);
}

static int clear_state(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    ret->data = json_null();
    return action_state_clear(ctx, scope_of(ctx), err);
}

static int not_list(struct action_context *ctx, struct str key, struct err *err)
{
    return action_input_error(ctx, "keyInput", err,
                              "what is kept under \"%.*s\" is not a list. Remove it first, or use "
                              "another key.",
                              (int)MIN(key.len, 80), key.ptr);
}

/* The kept list, empty when nothing is kept. */
static int read_list(struct action_context *ctx, struct str *ret_key, struct json *ret,
                     struct err *err)
{
    struct json kept;
    *ret = json_undefined();
    int rc = read_kept(ctx, ret_key, &kept, err);
    if (rc < 0) {
        return rc;
    }
    if (json_is_nullish(kept) || (kept.type == JSON_STRING && kept.len == 0)) {
        kept = json_array(NULL, 0);
    }
    if (kept.type != JSON_ARRAY) {
        return not_list(ctx, *ret_key, err);
    }
    *ret = kept;
    return 0;
}

static bool holds(struct json list, struct json value)
{
    for (uint32_t i = 0; i < list.len; i++) {
        if (json_equal(list.items[i], value)) {
            return true;
        }
    }
    return false;
}

static int keep_with(struct action_context *ctx, struct str key, struct json list,
                     const struct json *more, size_t n, struct action_result *ret, struct err *err)
{
    size_t total = list.len + n;
    int rc = action_room(ctx, total * sizeof(struct json), err);
    if (rc < 0) {
        return rc;
    }
    struct json *items = arena_array(action_arena(ctx), MAX(total, 1u), sizeof(struct json));
    if (list.len) {
        memcpy(items, list.items, list.len * sizeof(struct json));
    }
    if (n) {
        memcpy(items + list.len, more, n * sizeof(struct json));
    }
    return keep(ctx, key, json_array(items, total), ret, err);
}

static int append(struct action_context *ctx, const struct json *items, size_t n,
                  struct action_result *ret, struct err *err)
{
    struct str key;
    struct json list;
    int rc = read_key(ctx, &key, err);
    if (rc == 0) {
        rc = action_state_append(ctx, scope_of(ctx), key, items, n, &list, err);
    }
    if (rc == STATE_E_NOT_LIST) {
        return not_list(ctx, key, err);
    }
    if (rc == 0) {
        ret->data = kept_value(ctx, list);
    }
    return rc;
}

static int append_value(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct json value;
    int rc = read_value(ctx, &value, err);
    return rc < 0 ? rc : append(ctx, &value, 1, ret, err);
}

static int append_values(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct json values;
    bool flatten;
    bool dynamic = action_input(ctx, "dynamicValues").type != JSON_UNDEFINED;
    int rc = action_input_list(ctx, dynamic ? "dynamicValues" : "valuesInput", &values, err);
    if (rc == 0) {
        rc = action_input_bool(ctx, "flattenValues", &flatten, err);
    }
    if (rc < 0) {
        return rc;
    }
    if (!flatten) {
        return append(ctx, values.items, values.len, ret, err);
    }
    struct json_builder flat;
    json_build_array(&flat, action_arena(ctx));
    for (uint32_t i = 0; rc == 0 && i < values.len; i++) {
        struct json v = values.items[i];
        bool nested = v.type == JSON_ARRAY;
        rc = action_room(ctx, (nested ? v.len : 1) * 4 * sizeof(v), err);
        for (uint32_t k = 0; rc == 0 && k < (nested ? v.len : 1); k++) {
            json_push(&flat, nested ? v.items[k] : v);
        }
    }
    struct json more = json_built(&flat);
    return rc < 0 ? rc : append(ctx, more.items, more.len, ret, err);
}

static int add_to_set(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct str key;
    struct json list, value;
    int rc = read_list(ctx, &key, &list, err);
    if (rc == 0) {
        rc = read_value(ctx, &value, err);
    }
    return rc < 0 ? rc : keep_with(ctx, key, list, &value, holds(list, value) ? 0 : 1, ret, err);
}

static int remove_from_list(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct str key;
    struct json list, value;
    int rc = read_list(ctx, &key, &list, err);
    if (rc == 0) {
        rc = read_value(ctx, &value, err);
    }
    if (rc == 0) {
        rc = action_room(ctx, list.len * sizeof(struct json), err);
    }
    if (rc < 0) {
        return rc;
    }
    size_t n = 0;
    struct json *items = arena_array(action_arena(ctx), MAX(list.len, 1u), sizeof(struct json));
    for (uint32_t i = 0; i < list.len; i++) {
        if (!json_equal(list.items[i], value)) {
            items[n++] = list.items[i];
        }
    }
    return keep(ctx, key, json_array(items, n), ret, err);
}

static int change_number(struct action_context *ctx, double sign, struct action_result *ret,
                         struct err *err)
{
    struct str key;
    struct json kept;
    double amount;
    int rc = read_kept(ctx, &key, &kept, err);
    if (rc == 0) {
        rc = action_input_number(ctx, "amountInput", &amount, err);
    }
    if (rc < 0) {
        return rc;
    }
    bool scalar = kept.type == JSON_NUMBER || kept.type == JSON_STRING;
    double n = json_is_nullish(kept) ? 0 : scalar ? value_to_number(kept) : NAN;
    if (!isfinite(n)) {
        return action_input_error(ctx, "keyInput", err,
                                  "what is kept under \"%.*s\" is not a number. Remove it first, "
                                  "or use another key.",
                                  (int)MIN(key.len, 80), key.ptr);
    }
    n += sign * amount;
    if (!isfinite(n)) {
        return action_input_error(ctx, "amountInput", err, "leads beyond 1.8e308.");
    }
    return keep(ctx, key, json_num(n), ret, err);
}

static int increment(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    return change_number(ctx, 1, ret, err);
}

static int decrement(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    return change_number(ctx, -1, ret, err);
}

static int save_current_time(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct str key;
    int rc = read_key(ctx, &key, err);
    if (rc < 0) {
        return rc;
    }
    char text[CLOCK_ISO_LEN + 1];
    clock_iso(clock_now_ns(), text);
    return keep(ctx, key, json_cstr(arena_strdup(action_arena(ctx), text)), ret, err);
}

static int get_usage(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    static const struct {
        enum state_scope scope;
        const char *key;
    } rows[] = {
        {STATE_INSTANCE, "flow"},
        {STATE_CROSS_FLOW, "crossFlow"},
        {STATE_INTEGRATION, "integration"},
    };
    struct json_builder b;
    size_t total = 0;
    json_build_object(&b, action_arena(ctx));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t bytes;
        int rc = action_state_usage(ctx, rows[i].scope, &bytes, err);
        if (rc < 0) {
            return rc;
        }
        json_append(&b, str_of(rows[i].key), json_num((double)bytes));
        total += bytes;
    }
    json_append(&b, STR("total"), json_num((double)total));
    json_append(&b, STR("maximum"), json_num((double)STATE_MAX_BYTES));
    ret->data = json_built(&b);
    return 0;
}

/* clang-format off */
#define VERB(k, l, about, in, sample, fn)                                                          \
    {.key = k, .label = l, .description = about, .inputs = in, .example = sample, .perform = fn}
#define SCOPE(K, L)                                                                                \
    VERB("add" K "ValueToSet", L " - Add Value To Set",                                            \
         "Adds the value to the kept list unless it holds it already.",                            \
         value_inputs, "{\"value\": [\"a\", \"b\"]}", add_to_set),                                 \
    VERB("append" K "ValueToList", L " - Append Value To List",                                    \
         "Appends the value to the kept list, which is made when needed.",                         \
         value_inputs, "{\"value\": [\"a\", \"b\"]}", append_value),                               \
    VERB("append" K "ValuesToList", L " - Append Multiple Values To List",                         \
         "Appends several values to the kept list, which is made when needed.",                    \
         append_many_inputs, "{\"value\": [\"a\", \"b\"]}", append_values),                        \
    VERB("decrement" K "Value", L " - Decrement Value",                                            \
         "Takes an amount from the kept number, which starts at 0.",                               \
         amount_inputs, "{\"value\": 4}", decrement),                                              \
    VERB("get" K "Value", L " - Get Value",                                                        \
         "Returns the kept value, or the default.", get_inputs, "\"2026-01-02\"", get_value),      \
    VERB("increment" K "Value", L " - Increment Value",                                            \
         "Adds an amount to the kept number, which starts at 0.",                                  \
         amount_inputs, "{\"value\": 6}", increment),                                              \
    VERB("list" K "Keys", L " - List Keys",                                                        \
         "Returns the names of all kept values.", NULL, "[\"lastSync\"]", list_keys),              \
    VERB("remove" K "State", L " - Clear All State",                                               \
         "Removes all kept values.", NULL, "null", clear_state),                                   \
    VERB("remove" K "Value", L " - Remove Value",                                                  \
         "Removes the kept value, or several.", remove_inputs, "null", remove_value),              \
    VERB("remove" K "ValueFromList", L " - Remove Value From List",                                \
         "Removes every item that equals the value from the kept list.",                           \
         value_inputs, "{\"value\": [\"a\"]}", remove_from_list),                                  \
    VERB("remove" K "ValueFromSet", L " - Remove Value From Set",                                  \
         "Removes the value from the kept list.",                                                  \
         value_inputs, "{\"value\": [\"a\"]}", remove_from_list),                                  \
    VERB("save" K "CurrentTime", L " - Save Current Time",                                         \
         "Keeps the current time in UTC.", key_inputs,                                             \
         "{\"value\": \"2026-01-02T03:04:05.678Z\"}", save_current_time),                          \
    VERB("save" K "Value", L " - Save Value",                                                      \
         "Keeps a value, or several, for later.", save_inputs, "{\"value\": 17}", save_value)
/* clang-format on */

static const struct action actions[] = {
    SCOPE("Execution", "Execution"),
    SCOPE("Instance", "Flow"),
    SCOPE("CrossFlow", "Cross Flow"),
    SCOPE("Integration", "Integration"),
    {
        .key = "getUsage",
        .label = "Get Persist Data Usage Metrics",
        .description = "Returns how many bytes are kept for the flow, across flows and for the "
                       "integration. All together at most 64 MB can be kept.",
        .example = "{\"flow\": 2, \"crossFlow\": 120, \"integration\": 2, \"total\": 124, "
                   "\"maximum\": 67108864}",
        .perform = get_usage,
    },
    {0},
};
_Static_assert(ARRAY_LEN(actions) == VERBS * _STATE_SCOPE_N + 2, "the same verbs in every scope");

static enum state_scope scope_of(struct action_context *ctx)
{
    return (enum state_scope)((size_t)(action_descriptor(ctx) - actions) / VERBS);
}

const struct component component_persist_data = {
    .key = "persist-data",
    .label = "Persist Data",
    .description = "Keeps small values for later steps or later executions.",
    .category = "Data",
    .version = 1,
    .actions = actions,
};
