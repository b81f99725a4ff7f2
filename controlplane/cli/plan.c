/* Owns comparing the objects of a fleet with what the API tells of them. Values that came from
 * ${...} and inputs of connections are in no change's text. */
#include "cli/plan.h"

#include "cli/cli.h"

#define SECRET_SHOWN "(secret)"

static bool has_label(struct json labels, struct str label)
{
    for (uint32_t i = 0; labels.type == JSON_ARRAY && i < labels.len; i++) {
        if (str_eq(json_as_str(labels.items[i]), label)) {
            return true;
        }
    }
    return false;
}

bool plan_is_marked(struct json object)
{
    return has_label(json_get(object, STR("labels")), STR(PLAN_MARK));
}

static void add_change(struct arena *a, struct json_builder *changes, struct str name,
                       struct json before, struct json after)
{
    struct json_builder one;
    json_build_object(&one, a);
    json_append(&one, STR("name"), json_str(name));
    json_append(&one, STR("before"), before);
    json_append(&one, STR("after"), after);
    json_push(changes, json_built(&one));
}

/* null, "" and [] are the same: nothing. */
static bool same(struct json x, struct json y)
{
    bool nothing_x = json_is_nullish(x) || (x.type == JSON_STRING && x.len == 0) ||
                     (x.type == JSON_ARRAY && x.len == 0);
    bool nothing_y = json_is_nullish(y) || (y.type == JSON_STRING && y.len == 0) ||
                     (y.type == JSON_ARRAY && y.len == 0);
    return nothing_x || nothing_y ? nothing_x && nothing_y : json_equal(x, y);
}

/* The labels of the file, in the form that the API keeps them, with the mark of what is made here.
 */
static struct json wanted_labels(struct arena *a, struct json labels, bool marked)
{
    struct json_builder list;
    json_build_array(&list, a);
    for (uint32_t i = 0; labels.type == JSON_ARRAY && i < labels.len; i++) {
        struct str s = json_as_str(labels.items[i]);
        char *lower = arena_strndup(a, s.ptr, s.len);
        for (char *p = lower; *p; p++) {
            *p = *p >= 'A' && *p <= 'Z' ? (char)(*p - 'A' + 'a') : *p;
        }
        if (!has_label(json_built(&list), str_of(lower))) {
            json_push(&list, json_cstr(lower));
        }
    }
    if (marked && !has_label(json_built(&list), STR(PLAN_MARK))) {
        json_push(&list, json_cstr(PLAN_MARK));
    }
    return json_built(&list);
}

/* Order does not count. */
static bool same_labels(struct json x, struct json y)
{
    uint32_t n = x.type == JSON_ARRAY ? x.len : 0;
    for (uint32_t i = 0; i < n; i++) {
        if (!has_label(y, json_as_str(x.items[i]))) {
            return false;
        }
    }
    return n == (y.type == JSON_ARRAY ? y.len : 0);
}

/* Fields that are compared as they are; what the file leaves out stays as it is. */
static void compare_fields(struct arena *a, const char *const *keys, struct json wanted,
                           struct json current, struct json_builder *input,
                           struct json_builder *changes)
{
    for (size_t i = 0; keys[i]; i++) {
        struct str key = str_of(keys[i]);
        struct json after = json_get(wanted, key), before = json_get(current, key);
        if (after.type == JSON_UNDEFINED) {
            continue;
        }
        json_set(input, key, after);
        if (current.type == JSON_OBJECT && !same(before, after)) {
            add_change(a, changes, key, before, after);
        }
    }
}

static void compare_labels(struct arena *a, struct json wanted, struct json current,
                           struct json_builder *input, struct json_builder *changes)
{
    bool exists = current.type == JSON_OBJECT;
    struct json given = json_get(wanted, STR("labels")), before = json_get(current, STR("labels"));
    if (exists && given.type == JSON_UNDEFINED) {
        return;
    }
    struct json after = wanted_labels(a, given, !exists || plan_is_marked(current));
    json_set(input, STR("labels"), after);
    if (exists && !same_labels(before, after)) {
        add_change(a, changes, STR("labels"), before, after);
    }
}

static void finish(struct plan_item *ret, struct json current, struct json_builder *input,
                   struct json_builder *changes)
{
    ret->current = current;
    ret->changes = json_built(changes);
    ret->input = json_built(input);
    if (current.type != JSON_OBJECT) {
        ret->actions |= PLAN_CREATE;
    } else if (ret->changes.len > 0) {
        ret->actions |= PLAN_UPDATE;
    }
}

void plan_customer(struct arena *a, const struct fleet_object *wanted, struct json current,
                   struct plan_item *ret)
{
    static const char *const keys[] = {"name", "externalId", "description", "concurrencyLimit",
                                       NULL};
    struct json_builder input, changes;
    *ret = (struct plan_item){.kind = FLEET_CUSTOMER, .wanted = wanted, .name = wanted->name};
    json_build_object(&input, a);
    json_build_array(&changes, a);
    compare_fields(a, keys, wanted->value, current, &input, &changes);
    compare_labels(a, wanted->value, current, &input, &changes);
    finish(ret, current, &input, &changes);
}

static struct json find_var(struct json list, struct str key)
{
    for (uint32_t i = 0; list.type == JSON_ARRAY && i < list.len; i++) {
        if (str_eq(json_as_str(json_get(list.items[i], STR("key"))), key)) {
            return list.items[i];
        }
    }
    return json_undefined();
}

/* Texts that are JSON are compared as such. */
static bool same_value(struct arena *a, struct json before, struct json after)
{
    struct json x, y;
    if (json_is_nullish(before) != json_is_nullish(after)) {
        return false;
    }
    struct str s = json_as_str(before), t = json_as_str(after);
    if (str_eq(s, t)) {
        return true;
    }
    return s.len > 0 && t.len > 0 && (s.ptr[0] == '[' || s.ptr[0] == '{') &&
           json_parse(a, s, &x, NULL) == 0 && json_parse(a, t, &y, NULL) == 0 && json_equal(x, y);
}

/* Whether the connection has a value for just the inputs that the file gives. */
static bool same_inputs(struct json wanted, struct json current)
{
    struct json nodes = cli_get(current, "inputs.nodes");
    uint32_t n = 0;
    for (uint32_t i = 0; nodes.type == JSON_ARRAY && i < nodes.len; i++) {
        bool found = false;
        if (!cli_bool(nodes.items[i], "hasValue")) {
            continue;
        }
        n++;
        for (uint32_t k = 0; k < wanted.len; k++) {
            found = found ||
                    str_eq(cli_text(wanted.items[k], "name"), cli_text(nodes.items[i], "name"));
        }
        if (!found) {
            return false;
        }
    }
    uint32_t given = 0;
    for (uint32_t k = 0; k < wanted.len; k++) {
        given += cli_text(wanted.items[k], "value").len > 0;
    }
    return n == given;
}

static struct json json_text(struct arena *a, struct json v)
{
    AUTO(buf_done) struct buf text = {0};
    buf_init(&text, KIB(1024));
    json_dump(&text, v);
    return json_str(str_n(arena_strndup(a, buf_str(&text).ptr, text.len), text.len));
}

struct vars {
    struct arena *a;
    struct json_builder input, *changes;
    bool secrets, *ret_kept; /* *ret_kept: inputs that were not compared */
};

static void compare_var(struct vars *v, struct json wanted, struct json current)
{
    struct json_builder one;
    struct str key = cli_text(wanted, "key");
    struct json inputs = json_get(wanted, STR("inputs"));
    bool exists = current.type == JSON_OBJECT, secret = cli_bool(wanted, "secret");
    json_build_object(&one, v->a);
    json_append(&one, STR("key"), json_str(key));
    if (inputs.type == JSON_ARRAY) {
        bool set = v->secrets || !exists || !same_inputs(inputs, current);
        if (set) {
            json_append(&one, STR("values"), json_text(v->a, inputs));
            add_change(v->a, v->changes, key, json_null(), json_cstr(SECRET_SHOWN));
        }
        *v->ret_kept = *v->ret_kept || !set;
        json_push(&v->input, json_built(&one));
        return;
    }
    static const char *const parts[] = {"value", "scheduleType", "timeZone"};
    bool differs = false;
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        struct json after = json_get(wanted, str_of(parts[i]));
        struct json before = json_get(current, str_of(parts[i]));
        if (!json_is_nullish(after)) {
            json_append(&one, str_of(parts[i]), after);
        }
        differs = differs || !same_value(v->a, before, after);
    }
    if (differs) {
        struct json before = json_get(current, STR("value")),
                    after = json_get(wanted, STR("value"));
        add_change(v->a, v->changes, key, secret ? json_cstr(SECRET_SHOWN) : before,
                   secret ? json_cstr(SECRET_SHOWN) : after);
    }
    json_push(&v->input, json_built(&one));
}

/* All of them: those that the file leaves out go back to their defaults. */
static struct json compare_vars(struct arena *a, struct json wanted, struct json current,
                                bool secrets, struct json_builder *changes, bool *ret_kept)
{
    struct vars v = {.a = a, .changes = changes, .secrets = secrets, .ret_kept = ret_kept};
    struct json nodes = cli_get(current, "configVariables.nodes");
    json_build_array(&v.input, a);
    for (uint32_t i = 0; wanted.type == JSON_ARRAY && i < wanted.len; i++) {
        compare_var(&v, wanted.items[i], find_var(nodes, cli_text(wanted.items[i], "key")));
    }
    for (uint32_t i = 0; nodes.type == JSON_ARRAY && i < nodes.len; i++) {
        struct json value = json_get(nodes.items[i], STR("value"));
        struct str key = cli_text(nodes.items[i], "key");
        if (find_var(wanted, key).type == JSON_OBJECT) {
            continue;
        }
        if (!json_is_nullish(value)) {
            add_change(a, changes, key, value, json_null());
        } else if (!same_inputs(json_array(NULL, 0), nodes.items[i])) {
            add_change(a, changes, key, json_cstr(SECRET_SHOWN), json_null());
        }
    }
    return json_built(&v.input);
}

void plan_instance(struct arena *a, const struct fleet_object *wanted, struct json current,
                   int64_t version, bool secrets, struct plan_item *ret)
{
    static const char *const keys[] = {"name", "description", NULL};
    struct json_builder input, changes;
    struct json vars = json_get(wanted->value, STR("configVariables"));
    struct json enabled = json_get(wanted->value, STR("enabled"));
    bool exists = current.type == JSON_OBJECT, kept = false;
    struct str customer = cli_text(wanted->value, "customer");
    *ret = (struct plan_item){.kind = FLEET_INSTANCE, .wanted = wanted};
    ret->name = str_of(arena_printf(a, "%.*s/%.*s", (int)customer.len, customer.ptr,
                                    (int)wanted->name.len, wanted->name.ptr));
    json_build_object(&input, a);
    json_build_array(&changes, a);
    compare_fields(a, keys, wanted->value, current, &input, &changes);
    compare_labels(a, wanted->value, current, &input, &changes);
    uint32_t before = changes.len;
    int64_t chosen = cli_int(current, "integration.versionNumber");
    if (exists && (version == 0 || chosen != version)) {
        add_change(a, &changes, STR("version"), json_num((double)chosen),
                   version ? json_num((double)version) : json_cstr("the one to publish"));
    }
    struct json set = vars.type == JSON_ARRAY
                          ? compare_vars(a, vars, current, secrets, &changes, &kept)
                          : json_undefined();
    bool deploys = !exists || changes.len > before;
    if (deploys && set.type == JSON_ARRAY) { /* setting them asks for a deploy */
        json_set(&input, STR("configVariables"), set);
    }
    if (exists && enabled.type != JSON_UNDEFINED &&
        cli_bool(current, "enabled") != (enabled.type == JSON_TRUE)) {
        add_change(a, &changes, STR("enabled"), json_get(current, STR("enabled")), enabled);
    }
    if (enabled.type != JSON_UNDEFINED) {
        json_set(&input, STR("enabled"), enabled); /* only of updateInstance */
    }
    finish(ret, current, &input, &changes);
    if (deploys || cli_bool(current, "needsDeploy") ||
        json_is_nullish(json_get(current, STR("deployedVersion")))) {
        ret->actions |= PLAN_DEPLOY;
    }
    ret->note = kept ? "inputs of connections are not compared: --secrets sets them" : NULL;
}
