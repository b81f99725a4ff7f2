/* Owns compiling inputs: the five types, complex lists, conditions, references, templates and
 * schedules. Called by the other parse files on the thread of the compilation. What a reference or
 * a config variable key points to is checked later, in check_flow.c and check.c. */
#include "definition/definition_priv.h"
#include "suggest.h"

enum written_type {
    TYPE_VALUE,
    TYPE_REFERENCE,
    TYPE_CONFIG_VAR,
    TYPE_TEMPLATE,
    TYPE_COMPLEX,
    _TYPE_N
};
static const char *const type_names[_TYPE_N] = {"value", "reference", "configVar", "template",
                                                "complex"};

const char *const def_schedule_type_names[_DEF_SCHEDULE_N] = {
    [DEF_SCHEDULE_NONE] = "none",     [DEF_SCHEDULE_ONCE] = "once",
    [DEF_SCHEDULE_MINUTE] = "minute", [DEF_SCHEDULE_HOUR] = "hour",
    [DEF_SCHEDULE_DAY] = "day",       [DEF_SCHEDULE_WEEK] = "week",
    [DEF_SCHEDULE_CUSTOM] = "custom",
};

static void compile_reference(struct def_compile *c, const struct def_where *where,
                              struct def_input *input)
{
    struct err err = {0};
    if (path_compile(c->arena, input->text, &input->path, &err) < 0) {
        input->type = DEF_INPUT_UNSET;
        input->path = NULL;
        def_fail_err(c, where, input->place, &err);
    }
}

static void compile_template(struct def_compile *c, const struct def_where *where,
                             struct def_input *input)
{
    struct err err = {0};
    if (template_compile(c->arena, input->text, &input->template, &err) < 0) {
        input->type = DEF_INPUT_UNSET;
        input->template = NULL;
        def_fail_err(c, where, input->place, &err);
    }
}

/* The single-valued types. An empty or absent value of any type means unset. */
static void parse_simple(struct def_compile *c, const struct def_where *where,
                         const struct yaml_node *value, enum written_type type,
                         struct def_input *ret)
{
    static const enum def_input_type types[_TYPE_N] = {
        [TYPE_VALUE] = DEF_INPUT_VALUE,           [TYPE_REFERENCE] = DEF_INPUT_REFERENCE,
        [TYPE_CONFIG_VAR] = DEF_INPUT_CONFIG_VAR, [TYPE_TEMPLATE] = DEF_INPUT_TEMPLATE,
        [TYPE_COMPLEX] = DEF_INPUT_UNSET,
    };
    if (yaml_is_null(value)) {
        return;
    }
    ret->place = def_place_of(value);
    if (value->kind != YAML_SCALAR) {
        def_fail(c, where, ret->place, "definition.type",
                 "The value of a \"%s\" input must be text, not a %s.", type_names[type],
                 value->kind == YAML_SEQUENCE ? "list (a list needs type: complex)" : "mapping");
        return;
    }
    if (value->text.len == 0) {
        return;
    }
    ret->text = value->text;
    ret->type = types[type];
    if (type == TYPE_REFERENCE) {
        compile_reference(c, where, ret);
    } else if (type == TYPE_TEMPLATE) {
        compile_template(c, where, ret);
    }
}

/* --- conditions ------------------------------------------------------------------------------- */

static struct condition *parse_condition(struct def_compile *c, const struct def_where *where,
                                         const struct yaml_node *node, int depth);

static enum condition_op find_op(struct def_compile *c, const struct def_where *where,
                                 const struct yaml_node *node)
{
    if (node->kind == YAML_SCALAR) {
        enum condition_op op = condition_op_find(node->text);
        if (op != _COND_OP_N) {
            return op;
        }
        struct suggest near;
        def_suggest_init(c, &near, node->text);
        for (int i = 0; i < _COND_OP_N; i++) {
            suggest_offer(&near, condition_ops[i].name);
        }
        def_fail(c, where, def_place_of(node), "definition.condition",
                 "There is no condition operator \"%s\"%s", def_show(c, node->text),
                 def_did_you_mean(c, near.best));
    } else {
        def_fail(c, where, def_place_of(node), "definition.condition",
                 "A condition begins with the name of its operator, such as \"equal\" or \"and\".");
    }
    return _COND_OP_N;
}

/* An empty literal as a term or an item of a list is the empty text: no default could hold there.
 */
static void keep_empty_text(const struct yaml_node *node, struct def_input *input)
{
    const struct yaml_node *type = yaml_get(node, "type"), *value = yaml_get(node, "value");
    if (input->type == DEF_INPUT_UNSET && type && type->kind == YAML_SCALAR &&
        str_eq(type->text, str_of(type_names[TYPE_VALUE])) && !yaml_is_null(value) &&
        value->kind == YAML_SCALAR && value->text.len == 0) {
        input->type = DEF_INPUT_VALUE;
        input->text = value->text;
    }
}

static struct def_input *parse_term(struct def_compile *c, const struct def_where *where,
                                    const struct yaml_node *node)
{
    struct def_input *term = arena_new_of(c->arena, struct def_input);
    def_parse_input(c, where, node, "", DEF_KINDS_SIMPLE, term);
    keep_empty_text(node, term);
    return term;
}

static void parse_comparison(struct def_compile *c, const struct def_where *where,
                             const struct yaml_node *node, struct condition *cond)
{
    int arity = condition_ops[cond->op].arity;
    size_t terms = node->n_items - 1;
    if (terms < (size_t)arity || terms > 2) {
        def_fail(c, where, def_place_of(node), "definition.condition",
                 "The operator \"%s\" compares %d term%s, but %zu %s given.",
                 condition_ops[cond->op].name, arity, arity == 1 ? "" : "s", terms,
                 terms == 1 ? "is" : "are");
    }
    struct def_where left = def_index(where, 1), right = def_index(where, 2);
    cond->left = terms >= 1 ? parse_term(c, &left, node->items[1])
                            : arena_new_of(c->arena, struct def_input);
    if (arity == 2) {
        cond->right = terms >= 2 ? parse_term(c, &right, node->items[2])
                                 : arena_new_of(c->arena, struct def_input);
    }
}

static void parse_children(struct def_compile *c, const struct def_where *where,
                           const struct yaml_node *node, struct condition *cond, int depth)
{
    size_t n = node->n_items - 1;
    cond->children = arena_array(c->arena, n, sizeof(*cond->children));
    for (size_t i = 0; i < n; i++) {
        struct def_where at = def_index(where, i + 1);
        struct condition *child = parse_condition(c, &at, node->items[i + 1], depth + 1);
        if (child) {
            cond->children[cond->n_children++] = *child;
        }
    }
}

static struct condition *parse_condition(struct def_compile *c, const struct def_where *where,
                                         const struct yaml_node *node, int depth)
{
    if (depth > CONDITION_MAX_DEPTH) {
        def_fail(c, where, def_place_of(node), "definition.limit",
                 "Conditions are nested too deeply (at most %d levels).", CONDITION_MAX_DEPTH);
        return NULL;
    }
    if (node->kind != YAML_SEQUENCE || node->n_items == 0) {
        def_fail(c, where, def_place_of(node), "definition.condition",
                 "A condition is a list: an operator, then its terms.");
        return NULL;
    }
    struct def_where at = def_index(where, 0);
    enum condition_op op = find_op(c, &at, node->items[0]);
    if (op == _COND_OP_N) {
        return NULL;
    }
    struct condition *cond = arena_new_of(c->arena, struct condition);
    cond->op = op;
    if (condition_ops[op].arity == 0) {
        parse_children(c, where, node, cond, depth);
    } else {
        parse_comparison(c, where, node, cond);
    }
    return cond;
}

/* --- complex ---------------------------------------------------------------------------------- */

static const struct yaml_node *type_node(const struct yaml_node *item)
{
    const struct yaml_node *type = yaml_get(item, "type");
    return type && type->kind == YAML_SCALAR ? type : NULL;
}

/* An item {name, type: complex, value: [operator, ...]} of a list of branch predicates. */
static bool is_predicate(const struct yaml_node *item)
{
    const struct yaml_node *type = type_node(item), *value = yaml_get(item, "value");
    return type && str_eq(type->text, STR("complex")) && value && value->kind == YAML_SEQUENCE &&
           value->n_items > 0 && value->items[0]->kind == YAML_SCALAR;
}

static bool is_named(const struct yaml_node *item)
{
    const struct yaml_node *name = yaml_get(item, "name");
    return !yaml_is_null(name) && (name->kind != YAML_SCALAR || name->text.len > 0);
}

static void parse_predicates(struct def_compile *c, const struct def_where *where,
                             const struct yaml_node *list, struct def_input *ret)
{
    ret->type = DEF_INPUT_CONDITIONS;
    ret->predicates = arena_array(c->arena, list->n_items, sizeof(*ret->predicates));
    for (size_t i = 0; i < list->n_items; i++) {
        struct def_where at = def_index(where, i), value_at = def_key(&at, "value");
        struct def_map m;
        if (!def_map_init(&m, c, list->items[i], &at)) {
            continue;
        }
        const struct yaml_node *value = yaml_get(list->items[i], "value");
        const char *branch = def_get_text(&m, "name", DEF_REQUIRED);
        struct condition *condition = value ? parse_condition(c, &value_at, value, 1) : NULL;
        if (!value) {
            def_fail(c, &at, def_place_of(list->items[i]), "definition.condition",
                     "The branch \"%s\" has no condition.", def_show(c, str_of(branch)));
        }
        if (condition) {
            ret->predicates[ret->n_predicates++] =
                (struct def_predicate){.branch = branch, .condition = condition};
        }
    }
}

/* The name of a key/value item: text, or an input of its own. */
static struct def_input *parse_name(struct def_compile *c, const struct def_where *where,
                                    const struct yaml_node *item)
{
    struct def_input *name = arena_new_of(c->arena, struct def_input);
    const struct yaml_node *node = yaml_get(item, "name");
    struct def_where at = def_key(where, "name");
    name->key = "";
    name->place = def_place_of(node ? node : item);
    if (node && node->kind != YAML_SCALAR) {
        def_parse_input(c, &at, node, "", DEF_KINDS_SIMPLE, name);
    } else if (is_named(item)) {
        name->type = DEF_INPUT_VALUE;
        name->text = node->text;
    }
    return name;
}

static void parse_complex(struct def_compile *c, const struct def_where *where,
                          const struct yaml_node *list, enum def_input_kinds kinds,
                          struct def_input *ret)
{
    if (yaml_is_null(list) || (list->kind == YAML_SCALAR && list->text.len == 0)) {
        return;
    }
    ret->place = def_place_of(list);
    if (list->kind != YAML_SEQUENCE) {
        def_fail(c, where, ret->place, "definition.type",
                 "The value of a \"complex\" input must be a list.");
        return;
    }
    bool predicates = false, named = false;
    for (size_t i = 0; i < list->n_items; i++) {
        predicates |= is_predicate(list->items[i]);
        named |= is_named(list->items[i]);
    }
    if (predicates) {
        parse_predicates(c, where, list, ret);
        return;
    }
    ret->type = named ? DEF_INPUT_KEY_VALUES : DEF_INPUT_LIST;
    ret->items = arena_array(c->arena, list->n_items, sizeof(*ret->items));
    ret->n_items = list->n_items;
    for (size_t i = 0; i < list->n_items; i++) {
        struct def_where at = def_index(where, i);
        def_parse_input(c, &at, list->items[i], "", kinds, &ret->items[i]);
        keep_empty_text(list->items[i], &ret->items[i]);
        if (named) {
            ret->items[i].name = parse_name(c, &at, list->items[i]);
        }
    }
}

static bool type_allowed(enum written_type type, enum def_input_kinds kinds)
{
    switch (kinds) {
    case DEF_KINDS_ALL:
        return true;
    case DEF_KINDS_SIMPLE:
        return type != TYPE_COMPLEX;
    case DEF_KINDS_CONFIG:
        return type != TYPE_REFERENCE;
    }
    return false;
}

void def_parse_input(struct def_compile *c, const struct def_where *where,
                     const struct yaml_node *node, const char *key, enum def_input_kinds kinds,
                     struct def_input *ret)
{
    *ret = (struct def_input){.key = key, .place = def_place_of(node)};
    struct def_map m;
    if (node->kind != YAML_MAPPING) {
        def_fail(c, where, ret->place, "definition.type",
                 "An input is written as {type, value}, where type is value, reference, configVar, "
                 "template or complex.");
        return;
    }
    if (!def_map_init(&m, c, node, where)) {
        return;
    }
    int type = def_get_enum(&m, "type", DEF_REQUIRED, type_names, _TYPE_N, -1);
    if (type < 0) {
        return;
    }
    if (!type_allowed((enum written_type)type, kinds)) {
        def_fail(c, where, def_place_in(&m, "type"), "definition.type",
                 "An input of type \"%s\" cannot be used here.", type_names[type]);
        return;
    }
    /* A complex list is addressed as inputs.x[0], a plain value as inputs.x. */
    const struct yaml_node *value = yaml_get(node, "value");
    if (type == TYPE_COMPLEX) {
        struct def_where at = def_key(where, "value");
        parse_complex(c, &at, value, kinds, ret);
    } else {
        parse_simple(c, where, value, (enum written_type)type, ret);
    }
}

void def_parse_inputs(struct def_compile *c, const struct def_where *where,
                      const struct yaml_node *node, enum def_input_kinds kinds,
                      struct def_input **ret_inputs, size_t *ret_n)
{
    if (!node || node->n_entries == 0) {
        return;
    }
    if (node->n_entries > DEF_MAX_INPUTS) {
        def_fail(c, where, def_place_of(node), "definition.limit",
                 "There are %zu inputs; at most %d are allowed.", node->n_entries, DEF_MAX_INPUTS);
        return;
    }
    struct def_input *inputs = arena_array(c->arena, node->n_entries, sizeof(*inputs));
    for (size_t i = 0; i < node->n_entries; i++) {
        const struct yaml_entry *entry = &node->entries[i];
        struct def_where at = def_key(where, entry->key.ptr);
        inputs[i] =
            (struct def_input){.key = entry->key.ptr, .place = {entry->line, entry->column}};
        if (!yaml_is_null(entry->value)) {
            def_parse_input(c, &at, entry->value, entry->key.ptr, kinds, &inputs[i]);
        }
    }
    *ret_inputs = inputs;
    *ret_n = node->n_entries;
}

struct path *def_parse_reference(struct def_map *m, const char *key)
{
    const struct yaml_node *node = yaml_get(m->node, key);
    struct def_where where = def_key(m->where, key);
    struct def_input input = {.key = key, .place = def_place_of(node)};
    if (yaml_is_null(node)) {
        return NULL;
    }
    if (node->kind == YAML_SCALAR) {
        parse_simple(m->c, &where, node, TYPE_REFERENCE, &input);
        return input.path;
    }
    def_parse_input(m->c, &where, node, key, DEF_KINDS_SIMPLE, &input);
    if (input.type != DEF_INPUT_REFERENCE && input.type != DEF_INPUT_UNSET) {
        def_fail(m->c, &where, input.place, "definition.type", "\"%s\" must be of type reference.",
                 key);
    }
    return input.path;
}

struct def_schedule *def_parse_schedule(struct def_map *step)
{
    struct def_compile *c = step->c;
    const struct yaml_node *node = def_get_map(step, "schedule", DEF_OPTIONAL);
    if (!node) {
        return NULL;
    }
    struct def_where where = def_key(step->where, "schedule"), meta_at = def_key(&where, "meta");
    struct def_schedule *schedule = arena_new_of(c->arena, struct def_schedule);
    def_parse_input(c, &where, node, "schedule", DEF_KINDS_CONFIG, &schedule->value);
    if (schedule->value.type > DEF_INPUT_TEMPLATE) {
        def_fail(c, &where, def_place_of(node), "definition.type",
                 "A schedule is a cron text, a config variable or a template, not a list.");
        schedule->value = (struct def_input){.key = "schedule", .place = def_place_of(node)};
    }
    struct def_map m, meta;
    (void)def_map_init(&m, c, node, &where);
    (void)def_map_init(&meta, c, def_get_map(&m, "meta", DEF_OPTIONAL), &meta_at);
    schedule->type = (enum def_schedule_type)def_get_enum(
        &meta, "scheduleType", DEF_OPTIONAL, def_schedule_type_names, _DEF_SCHEDULE_N,
        schedule->value.type == DEF_INPUT_UNSET ? DEF_SCHEDULE_NONE : DEF_SCHEDULE_CUSTOM);
    schedule->time_zone = def_get_text(&meta, "timeZone", DEF_OPTIONAL);
    return schedule;
}
