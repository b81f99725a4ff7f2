/* Owns the comparison of two definitions. It works on their trees, so that what nobody here knows
 * of is compared, too: parts with an identity are matched by it, everything else is a field that is
 * equal or not. Any thread; recursion is as deep as the YAML reader allows. */
#include "domain/definition_diff.h"

#include "definition/yaml.h"

struct differ {
    struct arena *a;
    struct definition_diff *to;
    struct diff_change at; /* subject and place of what is compared */
};

/* --- trees ------------------------------------------------------------------------------------ */

static struct json scalar_of(const struct yaml_node *node)
{
    switch (yaml_scalar_type(node->text, node->plain)) {
    case YAML_NULL:
        return json_null();
    case YAML_BOOL:
        return json_bool(str_eq_ci(node->text, STR("true")));
    case YAML_INT:
    case YAML_FLOAT:
    case YAML_TEXT:
        break;
    }
    return json_str(node->text); /* numbers as they are written */
}

static struct json tree_of(struct arena *a, const struct yaml_node *node)
{
    struct json_builder b;
    switch (node->kind) {
    case YAML_SCALAR:
        break;
    case YAML_SEQUENCE:
        json_build_array(&b, a);
        for (size_t i = 0; i < node->n_items; i++) {
            json_push(&b, tree_of(a, node->items[i]));
        }
        return json_built(&b);
    case YAML_MAPPING:
        json_build_object(&b, a);
        for (size_t i = 0; i < node->n_entries; i++) {
            json_append(&b, node->entries[i].key, tree_of(a, node->entries[i].value));
        }
        return json_built(&b);
    }
    return scalar_of(node);
}

int definition_tree(struct arena *a, struct str text, struct json *ret)
{
    struct err_list *errors = arena_new_of(a, struct err_list);
    struct yaml_node *root;
    int rc = yaml_read(a, text, &root, errors);
    if (rc == 0) {
        *ret = tree_of(a, root);
    }
    return rc;
}

/* --- changes ---------------------------------------------------------------------------------- */

static bool is_empty(struct json v)
{
    bool holds_nothing = v.type == JSON_STRING || v.type == JSON_ARRAY || v.type == JSON_OBJECT;
    return json_is_nullish(v) || (holds_nothing && v.len == 0);
}

static void add(struct differ *d, struct str name, struct json before, struct json after)
{
    struct definition_diff *to = d->to;
    if (to->n == DIFF_MAX_CHANGES) {
        to->truncated = true;
        return;
    }
    struct diff_change *change = &to->changes[to->n++];
    *change = d->at;
    change->kind = is_empty(before) ? DIFF_ADDED : is_empty(after) ? DIFF_REMOVED : DIFF_CHANGED;
    change->name = name;
    change->before = before;
    change->after = after;
}

/* Nothing, too, is a place or an order. */
static void add_changed(struct differ *d, struct str name, struct json before, struct json after)
{
    size_t n = d->to->n;
    add(d, name, before, after);
    if (d->to->n > n) {
        d->to->changes[n].kind = DIFF_CHANGED;
    }
}

/* A part that came or went; what it holds is not listed. */
static void add_part(struct differ *d, struct str name, enum diff_kind kind)
{
    size_t n = d->to->n;
    add(d, name, json_undefined(), json_undefined());
    if (d->to->n > n) {
        d->to->changes[n].kind = kind;
    }
}

static bool is_one_of(struct str key, const char *const *keys)
{
    while (*keys && !str_eq(key, str_of(*keys))) {
        keys++;
    }
    return *keys != NULL;
}

/* The members of two objects, but those that are compared by themselves. */
static void compare_fields(struct differ *d, struct json before, struct json after,
                           const char *const *others)
{
    for (uint32_t i = 0; before.type == JSON_OBJECT && i < before.len; i++) {
        struct str key = before.members[i].key;
        struct json was = before.members[i].value, is = json_get(after, key);
        if (!is_one_of(key, others) && !(is_empty(was) && is_empty(is)) && !json_equal(was, is)) {
            add(d, key, was, is);
        }
    }
    for (uint32_t i = 0; after.type == JSON_OBJECT && i < after.len; i++) {
        struct str key = after.members[i].key;
        struct json is = after.members[i].value;
        bool is_new = json_get(before, key).type == JSON_UNDEFINED;
        if (is_new && !is_one_of(key, others) && !is_empty(is)) {
            add(d, key, json_undefined(), is);
        }
    }
}

/* --- parts with an identity ------------------------------------------------------------------- */

static struct str text_of(struct json object, const char *key)
{
    return json_as_str(json_get(object, str_of(key)));
}

/* The item of a list with the same stable key or, where one of them has none, the same name;
 * undefined without. */
static struct json find_same(struct json list, struct json item, const char *name_key)
{
    struct str stable = text_of(item, "stableKey"), name = text_of(item, name_key);
    for (uint32_t i = 0; list.type == JSON_ARRAY && i < list.len; i++) {
        struct str other = text_of(list.items[i], "stableKey");
        bool by_key = stable.len > 0 && other.len > 0;
        if (by_key ? str_eq(stable, other) : str_eq(name, text_of(list.items[i], name_key))) {
            return list.items[i];
        }
    }
    return json_undefined();
}

typedef void (*compare_fn)(struct differ *d, struct json before, struct json after);

static void compare_lists(struct differ *d, struct json before, struct json after,
                          const char *name_key, enum diff_subject subject, struct str *place,
                          compare_fn compare)
{
    d->at.subject = subject;
    for (uint32_t i = 0; before.type == JSON_ARRAY && i < before.len; i++) {
        *place = text_of(before.items[i], name_key);
        if (find_same(after, before.items[i], name_key).type == JSON_UNDEFINED) {
            add_part(d, *place, DIFF_REMOVED);
        }
    }
    for (uint32_t i = 0; after.type == JSON_ARRAY && i < after.len; i++) {
        struct json was = find_same(before, after.items[i], name_key);
        *place = text_of(after.items[i], name_key);
        d->at.subject = subject;
        if (was.type == JSON_UNDEFINED) {
            add_part(d, *place, DIFF_ADDED);
        } else {
            compare(d, was, after.items[i]);
        }
    }
    *place = STR("");
}

/* --- steps ------------------------------------------------------------------------------------ */

struct step {
    struct json json;
    struct str name;
    struct str place; /* names of what it stands in, "" = the flow itself */
};
struct steps {
    struct step *items; /* in order, depth first */
    size_t n, cap;
};

static void collect(struct arena *a, struct json list, struct str place, struct steps *to)
{
    for (uint32_t i = 0; list.type == JSON_ARRAY && i < list.len; i++) {
        struct json one = list.items[i], branches = json_get(one, STR("branches"));
        struct str name = text_of(one, "name");
        if (to->n == to->cap) {
            struct step *more = arena_array(a, to->cap * 2 + 16, sizeof(*more));
            if (to->n > 0) {
                memcpy(more, to->items, to->n * sizeof(*more));
            }
            to->items = more;
            to->cap = to->cap * 2 + 16;
        }
        to->items[to->n++] = (struct step){one, name, place};
        const char *inside = arena_printf(a, "%.*s%s%.*s", (int)place.len, place.ptr,
                                          place.len ? " / " : "", (int)name.len, name.ptr);
        collect(a, json_get(one, STR("steps")), str_of(inside), to);
        for (uint32_t k = 0; branches.type == JSON_ARRAY && k < branches.len; k++) {
            struct str branch = text_of(branches.items[k], "name");
            const char *taken = arena_printf(a, "%s: %.*s", inside, (int)branch.len, branch.ptr);
            collect(a, json_get(branches.items[k], STR("steps")), str_of(taken), to);
        }
    }
}

static const struct step *find_step(const struct steps *steps, struct str name)
{
    for (size_t i = 0; i < steps->n; i++) {
        if (str_eq(steps->items[i].name, name)) {
            return &steps->items[i];
        }
    }
    return NULL;
}

static void compare_step(struct differ *d, const struct step *before, const struct step *after)
{
    static const char *const apart[] = {"inputs", "steps", "branches", "name", NULL};
    static const char *const none[] = {NULL};
    d->at.step = after->name;
    d->at.subject = DIFF_STEP;
    compare_fields(d, before->json, after->json, apart);
    if (!str_eq(before->place, after->place)) {
        add_changed(d, STR("place"), json_str(before->place), json_str(after->place));
    }
    d->at.subject = DIFF_INPUT;
    compare_fields(d, json_get(before->json, STR("inputs")), json_get(after->json, STR("inputs")),
                   none);
    d->at.step = STR("");
}

/* The names of steps that both have, in the order of one of them. */
static struct json common_order(struct differ *d, const struct steps *steps,
                                const struct steps *others)
{
    struct json_builder b;
    json_build_array(&b, d->a);
    for (size_t i = 0; i < steps->n; i++) {
        if (find_step(others, steps->items[i].name)) {
            json_push(&b, json_str(steps->items[i].name));
        }
    }
    return json_built(&b);
}

static void compare_steps(struct differ *d, struct json before, struct json after)
{
    struct steps was = {0}, is = {0};
    collect(d->a, before, STR(""), &was);
    collect(d->a, after, STR(""), &is);
    struct json old_order = common_order(d, &was, &is), new_order = common_order(d, &is, &was);
    if (!json_equal(old_order, new_order)) {
        d->at.subject = DIFF_FLOW;
        add_changed(d, STR("order"), old_order, new_order);
    }
    for (size_t i = 0; i < was.n; i++) {
        if (!find_step(&is, was.items[i].name)) {
            d->at.subject = DIFF_STEP;
            d->at.step = was.items[i].name;
            add_part(d, was.items[i].name, DIFF_REMOVED);
        }
    }
    for (size_t i = 0; i < is.n; i++) {
        const struct step *old = find_step(&was, is.items[i].name);
        d->at.subject = DIFF_STEP;
        d->at.step = is.items[i].name;
        if (old) {
            compare_step(d, old, &is.items[i]);
        } else {
            add_part(d, is.items[i].name, DIFF_ADDED);
        }
    }
    d->at.step = STR("");
}

/* --- the definition --------------------------------------------------------------------------- */

static void compare_flow(struct differ *d, struct json before, struct json after)
{
    static const char *const apart[] = {"steps", NULL};
    compare_fields(d, before, after, apart);
    compare_steps(d, json_get(before, STR("steps")), json_get(after, STR("steps")));
}

static void compare_var(struct differ *d, struct json before, struct json after)
{
    static const char *const none[] = {NULL};
    compare_fields(d, before, after, none);
}

void definition_diff(struct arena *a, struct json before, struct json after,
                     struct definition_diff *ret)
{
    static const char *const apart[] = {"flows", "requiredConfigVars", "definitionVersion", NULL};
    struct str flows = STR("flows"), vars = STR("requiredConfigVars"), nowhere = STR("");
    *ret = (struct definition_diff){
        .changes = arena_array(a, DIFF_MAX_CHANGES, sizeof(struct diff_change))};
    struct differ d = {.a = a,
                       .to = ret,
                       .at = {.subject = DIFF_INTEGRATION,
                              .config_variable = nowhere,
                              .flow = nowhere,
                              .step = nowhere}};
    compare_fields(&d, before, after, apart);
    compare_lists(&d, json_get(before, vars), json_get(after, vars), "key", DIFF_CONFIG_VARIABLE,
                  &d.at.config_variable, compare_var);
    compare_lists(&d, json_get(before, flows), json_get(after, flows), "name", DIFF_FLOW,
                  &d.at.flow, compare_flow);
}
