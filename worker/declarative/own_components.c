/* Owns declarative components as rows: built on the slot thread that compiles a plan, read by all.
 * A row's owner is what declarative_perform needs of it. */
#include "declarative/own_components.h"

#include "declarative/declarative_action.h"

struct one {
    struct component row;
    int version;
};
struct own_components {
    struct arena *arena;
    struct one *items;
    size_t n;
};

static enum catalog_input_type type_of(const char *name)
{
    static const struct {
        const char *name;
        enum catalog_input_type type;
    } types[] = {
        {"string", CATALOG_STRING},   {"text", CATALOG_TEXT}, {"number", CATALOG_NUMBER},
        {"boolean", CATALOG_BOOLEAN}, {"code", CATALOG_CODE}, {"password", CATALOG_PASSWORD},
    };
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        if (strcmp(types[i].name, name) == 0) {
            return types[i].type;
        }
    }
    return CATALOG_JSON;
}

static const struct action_input *inputs_of(struct arena *a, const struct decl_fields *fields,
                                            bool connected)
{
    size_t n = 0;
    struct action_input *inputs = arena_array(a, fields->n + 2, sizeof(*inputs));
    if (connected) {
        inputs[n++] = (struct action_input){.key = "connection",
                                            .label = "Connection",
                                            .type = CATALOG_CONNECTION,
                                            .required = true};
    }
    for (size_t i = 0; i < fields->n; i++) {
        const struct decl_field *f = &fields->items[i];
        inputs[n++] = (struct action_input){
            .key = f->key,
            .label = f->label,
            .type = type_of(f->type),
            .collection = strcmp(f->collection, "valuelist") == 0      ? CATALOG_VALUE_LIST
                          : strcmp(f->collection, "keyvaluelist") == 0 ? CATALOG_KEY_VALUE_LIST
                                                                       : CATALOG_SINGLE,
            .required = f->required,
            .fallback = f->fallback[0] ? f->fallback : NULL};
    }
    return inputs;
}

static bool only_reads(const struct decl_action *action)
{
    return strcmp(action->method, "GET") == 0 || strcmp(action->method, "HEAD") == 0;
}

static void build(struct arena *a, const struct declarative *d, struct one *ret)
{
    struct action *rows = arena_array(a, d->n_actions + d->n_triggers + 1, sizeof(*rows));
    struct declarative_owner *owners =
        arena_array(a, d->n_actions + d->n_triggers, sizeof(*owners));
    for (size_t i = 0; i < d->n_actions; i++) {
        const struct decl_action *action = &d->actions[i];
        owners[i] = (struct declarative_owner){.component = d, .action = action};
        rows[i] = (struct action){.key = action->key,
                                  .label = action->label,
                                  .description = action->description,
                                  .flags = only_reads(action) ? ACTION_READS : ACTION_WRITES,
                                  .inputs = inputs_of(a, &action->inputs, d->n_connections > 0),
                                  .perform = declarative_perform,
                                  .owner = &owners[i]};
    }
    for (size_t i = 0; i < d->n_triggers; i++) {
        const struct decl_trigger *t = &d->triggers[i];
        struct declarative_owner *owner = &owners[d->n_actions + i];
        *owner = (struct declarative_owner){.component = d, .trigger = t};
        rows[d->n_actions + i] = (struct action){.key = t->key,
                                                 .label = t->label,
                                                 .description = t->description,
                                                 .flags = ACTION_TRIGGER | ACTION_REPLIES,
                                                 .inputs = inputs_of(a, &t->inputs, false),
                                                 .perform = declarative_trigger,
                                                 .owner = owner};
    }
    ret->row = (struct component){.key = d->key,
                                  .label = d->label,
                                  .description = d->description,
                                  .category = d->category,
                                  .version = ret->version,
                                  .actions = rows};
}

struct own_components *own_components_new(const struct own_component_text *texts, size_t n)
{
    struct own_components *own = mem_new(struct own_components);
    struct err_list *errors = mem_new(struct err_list); /* too large for a slot's stack */
    own->arena = arena_new(KIB(16), 0);
    own->items = arena_array(own->arena, n, sizeof(*own->items));
    for (size_t i = 0; i < n; i++) {
        struct declarative *d = NULL;
        struct str text = str_n(arena_strndup(own->arena, texts[i].text.ptr, texts[i].text.len),
                                texts[i].text.len);
        errors->n = errors->dropped = 0;
        if (declarative_parse(own->arena, text, &d, errors) == 0 &&
            str_eq(str_of(d->key), texts[i].key)) {
            own->items[own->n].version = texts[i].version;
            build(own->arena, d, &own->items[own->n++]);
        }
    }
    mem_free(errors);
    return own;
}

struct own_components *own_components_free(struct own_components *own)
{
    if (own) {
        (void)arena_free(own->arena);
        mem_free(own);
    }
    return NULL;
}

const struct component *own_components_find(const struct own_components *own, const char *key,
                                            int version)
{
    const struct one *found = NULL;
    for (size_t i = 0; own && i < own->n; i++) {
        const struct one *o = &own->items[i];
        bool fits = strcmp(o->row.key, key) == 0 && (version == 0 || o->version == version);
        if (fits && (!found || o->version > found->version)) {
            found = o;
        }
    }
    return found ? &found->row : NULL;
}
