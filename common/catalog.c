/* Owns the component catalog as read from JSON: built once at start, then immutable and shared by
 * all threads. It refuses a catalog with missing keys or unknown types: it is made by the build, so
 * any flaw is a flaw of the build. */
#include "catalog.h"

#include <jansson.h>

#include "suggest.h"

#define CATALOG_MAX_BYTES MIB(32)

struct catalog {
    struct arena *arena;
    const struct catalog *built_in;       /* NULL: this is it */
    struct catalog_component *components; /* sorted by key, the newest version first */
    size_t n_components;
};

static const char *const input_types[_CATALOG_INPUT_TYPE_N] = {
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
static const char *const collections[] = {"single", "valuelist", "keyvaluelist"};

struct reader {
    struct arena *arena;
    struct err *err;
    const char *component, *action; /* being read; "" = none */
};

static int refuse(struct reader *r, const char *key, const char *problem)
{
    return err_set(r->err, -EINVAL, "catalog.invalid", "Component catalog: %s%s%s: \"%s\" %s.",
                   r->component, r->action[0] ? "." : "", r->action, key, problem);
}

/* Texts are kept in the arena; an absent one is "". */
static const char *text_of(struct reader *r, const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return arena_strdup(r->arena, text ? text : "");
}

static bool flag_of(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}

static int key_of(struct reader *r, const json_t *object, const char **ret)
{
    *ret = text_of(r, object, "key");
    return (*ret)[0] ? 0 : refuse(r, "key", "is missing");
}

static int word_of(struct reader *r, const json_t *object, const char *key,
                   const char *const *words, int n, int *ret)
{
    const json_t *value = json_object_get(object, key);
    const char *text = json_string_value(value);
    *ret = 0;
    if (!value) {
        return 0;
    }
    for (int i = 0; text && i < n; i++) {
        if (strcmp(words[i], text) == 0) {
            *ret = i;
            return 0;
        }
    }
    return refuse(r, key, "has an unknown value");
}

/* A list of texts, NULL-terminated; NULL when it is absent or empty. */
static const char **texts_of(struct reader *r, const json_t *object, const char *key)
{
    const json_t *list = json_object_get(object, key);
    size_t n = json_array_size(list);
    if (n == 0) {
        return NULL;
    }
    const char **texts = arena_array(r->arena, n + 1, sizeof(const char *));
    for (size_t i = 0; i < n; i++) {
        const char *text = json_string_value(json_array_get(list, i));
        texts[i] = arena_strdup(r->arena, text ? text : "");
    }
    return texts;
}

static int read_input(struct reader *r, const json_t *json, struct catalog_input *input)
{
    int type = 0, collection = 0;
    int rc = key_of(r, json, &input->key);
    if (rc == 0) {
        rc = word_of(r, json, "type", input_types, _CATALOG_INPUT_TYPE_N, &type);
    }
    if (rc == 0) {
        rc = word_of(r, json, "collection", collections, ARRAY_LEN(collections), &collection);
    }
    if (rc < 0) {
        return rc;
    }
    input->type = (enum catalog_input_type)type;
    input->collection = (enum catalog_collection)collection;
    input->label = text_of(r, json, "label");
    input->comments = text_of(r, json, "comments");
    input->default_value = text_of(r, json, "default");
    input->example = text_of(r, json, "example");
    input->required = flag_of(json, "required");
    input->choices = texts_of(r, json, "choices");
    return 0;
}

static void read_example(struct reader *r, const json_t *json, struct catalog_action *action)
{
    const json_t *example = json_object_get(json, "example");
    action->example = "";
    if (example && !json_is_null(example)) {
        char *text = json_dumps(example, JSON_ENCODE_ANY | JSON_COMPACT);
        action->example = arena_strdup(r->arena, text ? text : "");
        free(text);
    }
}

static int read_action(struct reader *r, const json_t *json, struct catalog_action *action)
{
    r->action = "";
    int rc = key_of(r, json, &action->key);
    if (rc < 0) {
        return rc;
    }
    r->action = action->key;
    action->label = text_of(r, json, "label");
    action->description = text_of(r, json, "description");
    action->is_trigger = flag_of(json, "trigger");
    action->branches = flag_of(json, "branches");
    action->loops = flag_of(json, "loops");
    action->breaks_loop = flag_of(json, "breaks");
    action->stops_execution = flag_of(json, "stops");
    action->schedule_allowed = flag_of(json, "scheduleAllowed");
    action->schedule_required = flag_of(json, "scheduleRequired");
    action->replies = flag_of(json, "replies");
    action->static_branches = texts_of(r, json, "staticBranches");
    read_example(r, json, action);
    const json_t *list = json_object_get(json, "inputs");
    action->n_inputs = json_array_size(list);
    struct catalog_input *inputs = arena_array(r->arena, action->n_inputs, sizeof(*inputs));
    for (size_t i = 0; rc == 0 && i < action->n_inputs; i++) {
        rc = read_input(r, json_array_get(list, i), &inputs[i]);
    }
    action->inputs = inputs;
    return rc;
}

static int read_component(struct reader *r, const json_t *json, struct catalog_component *component)
{
    r->component = r->action = "";
    int rc = key_of(r, json, &component->key);
    if (rc < 0) {
        return rc;
    }
    r->component = component->key;
    component->label = text_of(r, json, "label");
    component->description = text_of(r, json, "description");
    component->category = text_of(r, json, "category");
    json_int_t version = json_integer_value(json_object_get(json, "version"));
    if (version < 0 || version > INT32_MAX) {
        return refuse(r, "version", "is out of range");
    }
    component->version = (int)version;
    const json_t *is_public = json_object_get(json, "public");
    component->is_public = !is_public || json_is_true(is_public);
    const json_t *list = json_object_get(json, "actions");
    component->n_actions = json_array_size(list);
    struct catalog_action *actions = arena_array(r->arena, component->n_actions, sizeof(*actions));
    for (size_t i = 0; rc == 0 && i < component->n_actions; i++) {
        rc = read_action(r, json_array_get(list, i), &actions[i]);
    }
    component->actions = actions;
    return rc;
}

static int compare_components(const void *x, const void *y)
{
    const struct catalog_component *a = x, *b = y;
    int by_key = strcmp(a->key, b->key);
    return by_key ? by_key : (a->version < b->version) - (a->version > b->version);
}

static int compare_key(const void *key, const void *component)
{
    const char *wanted = key;
    const struct catalog_component *c = component;
    return strcmp(wanted, c->key);
}

static int read_catalog(struct catalog *c, const json_t *root, struct err *err)
{
    struct reader r = {.arena = c->arena, .err = err, .component = "", .action = ""};
    const json_t *list = json_object_get(root, "components");
    if (!json_is_array(list)) {
        return refuse(&r, "components", "is missing");
    }
    size_t n = json_array_size(list);
    c->components = arena_array(c->arena, n, sizeof(*c->components));
    for (size_t i = 0; i < n; i++) {
        int rc = read_component(&r, json_array_get(list, i), &c->components[i]);
        if (rc < 0) {
            return rc;
        }
    }
    c->n_components = n;
    qsort(c->components, n, sizeof(*c->components), compare_components);
    for (size_t i = 1; i < n; i++) {
        if (strcmp(c->components[i - 1].key, c->components[i].key) == 0 &&
            (!c->built_in || c->components[i - 1].version == c->components[i].version)) {
            return refuse(&r, c->components[i].key, "stands twice");
        }
    }
    return 0;
}

static int parse(struct str json, const struct catalog *built_in, struct catalog **ret,
                 struct err *err)
{
    json_error_t problem;
    if (json.len > CATALOG_MAX_BYTES) {
        return err_set(err, -EINVAL, "catalog.invalid",
                       "Component catalog: %zu bytes are too many.", json.len);
    }
    json_t *root = json_loadb(json.ptr, json.len, JSON_REJECT_DUPLICATES, &problem);
    if (!root) {
        return err_set(err, -EINVAL, "catalog.invalid", "Component catalog: line %d: %s.",
                       problem.line, problem.text);
    }
    AUTO(catalog_free) struct catalog *c = mem_new(struct catalog);
    c->arena = arena_new(KIB(64), 0);
    c->built_in = built_in;
    int rc = read_catalog(c, root, err);
    json_decref(root);
    if (rc == 0) {
        *ret = TAKE(c);
    }
    return rc;
}

int catalog_parse(struct str json, struct catalog **ret, struct err *err)
{
    return parse(json, NULL, ret, err);
}

int catalog_parse_private(struct str json, const struct catalog *built_in, struct catalog **ret,
                          struct err *err)
{
    return parse(json, built_in, ret, err);
}

struct catalog *catalog_free(struct catalog *c)
{
    if (c) {
        (void)arena_free(c->arena);
        mem_free(c);
    }
    return NULL;
}

static const struct catalog *built_in_of(const struct catalog *c)
{
    return c->built_in ? c->built_in : c;
}

const struct catalog_component *catalog_components(const struct catalog *c, size_t *ret_n)
{
    *ret_n = built_in_of(c)->n_components;
    return built_in_of(c)->components;
}

const struct catalog_component *catalog_component(const struct catalog *c, const char *key)
{
    c = built_in_of(c);
    return c->n_components
               ? bsearch(key, c->components, c->n_components, sizeof(*c->components), compare_key)
               : NULL;
}

const struct catalog_component *catalog_private(const struct catalog *c, const char *key,
                                                int version)
{
    for (size_t i = 0; c->built_in && i < c->n_components; i++) {
        const struct catalog_component *one = &c->components[i];
        if (strcmp(one->key, key) == 0 && (version == 0 || one->version == version)) {
            return one;
        }
    }
    return NULL;
}

const struct catalog_action *catalog_action(const struct catalog_component *c, const char *key)
{
    for (size_t i = 0; i < c->n_actions; i++) {
        if (strcmp(c->actions[i].key, key) == 0) {
            return &c->actions[i];
        }
    }
    return NULL;
}

const struct catalog_action *catalog_step_action(const struct catalog_component *c, const char *key,
                                                 bool is_trigger)
{
    for (size_t i = 0; i < c->n_actions; i++) {
        if (strcmp(c->actions[i].key, key) == 0 && c->actions[i].is_trigger == is_trigger) {
            return &c->actions[i];
        }
    }
    return catalog_action(c, key);
}

static const char *suggest_key(const struct catalog *c, const char *key)
{
    struct suggest near;
    suggest_init(&near, str_of(key));
    for (size_t i = 0; i < c->n_components; i++) {
        suggest_offer(&near, c->components[i].key);
    }
    return near.best;
}

const char *catalog_suggest_component(const struct catalog *c, const char *key)
{
    return suggest_key(built_in_of(c), key);
}

const char *catalog_suggest_private(const struct catalog *c, const char *key)
{
    return c->built_in ? suggest_key(c, key) : NULL;
}

const char *catalog_suggest_action(const struct catalog_component *c, const char *key)
{
    struct suggest near;
    suggest_init(&near, str_of(key));
    for (size_t i = 0; i < c->n_actions; i++) {
        suggest_offer(&near, c->actions[i].key);
    }
    return near.best;
}
