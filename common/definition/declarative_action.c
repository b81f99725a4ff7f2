/* Owns parsing the actions of declarative components. Called by declarative.c. */
#include "definition/declarative_priv.h"

#define EXAMPLE_MAX KIB(64)

static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"};
static const char *const body_names[_DECL_BODY_N] = {"none", "json", "form", "text"};
static const char *const response_names[_DECL_RESPONSE_N] = {"json", "text", "binary"};
static const char *const paging_names[_DECL_PAGING_N] = {"none", "page", "offset", "cursor",
                                                         "link"};
static const char *const input_types[] = {"string", "text",     "number", "boolean",
                                          "code",   "password", "json"};
static const char *const collections[] = {"", "valuelist", "keyvaluelist"};

static void parse_field(struct decl_compile *p, struct def_map *m, struct decl_field *f)
{
    static const char *const known[] = {"key",     "label",    "type",    "collection",
                                        "default", "comments", "example", "placeholder",
                                        "shown",   "required", "choices", NULL};
    decl_check_keys(m, known);
    f->label = def_get_text(m, "label", DEF_OPTIONAL);
    f->label = f->label[0] ? f->label : f->key;
    f->type =
        input_types[def_get_enum(m, "type", DEF_OPTIONAL, input_types, ARRAY_LEN(input_types), 0)];
    f->collection = collections[def_get_enum(m, "collection", DEF_OPTIONAL, collections,
                                             ARRAY_LEN(collections), 0)];
    f->fallback = def_get_text(m, "default", DEF_OPTIONAL);
    f->comments = def_get_text(m, "comments", DEF_OPTIONAL);
    f->example = def_get_text(m, "example", DEF_OPTIONAL);
    f->placeholder = def_get_text(m, "placeholder", DEF_OPTIONAL);
    f->required = def_get_bool(m, "required", false);
    f->shown = def_get_bool(m, "shown", true);
    f->choices = def_get_texts(m, "choices", DECL_MAX_FIELDS, &f->n_choices);
}

void decl_parse_fields(struct decl_compile *p, struct def_map *m, const char *key,
                       struct decl_fields *ret)
{
    const struct yaml_node *list = def_get_list(m, key, DEF_OPTIONAL, DECL_MAX_FIELDS);
    struct def_where in = def_key(m->where, key);
    size_t n = list ? list->n_items : 0;
    const char **keys = arena_array(p->c.arena, n + 1, sizeof(const char *));
    ret->items = arena_array(p->c.arena, n, sizeof(*ret->items));
    for (size_t i = 0; i < n; i++) {
        struct def_where where = def_index(&in, i);
        struct def_map field;
        if (def_map_init(&field, &p->c, list->items[i], &where)) {
            struct decl_field *f = &ret->items[ret->n];
            *f = (struct decl_field){.key = decl_get_key(&field, keys, ret->n)};
            keys[ret->n++] = f->key;
            parse_field(p, &field, f);
        }
    }
}

static void parse_request(struct decl_compile *p, struct def_map *action, struct decl_action *a)
{
    static const char *const known[] = {"method",   "path", "query",          "headers",
                                        "bodyType", "body", "timeoutSeconds", NULL};
    struct def_where where;
    struct def_map m;
    if (!decl_sub(action, "request", &where, &m)) {
        def_fail(&p->c, action->where, def_place_of(action->node), "definition.required",
                 "\"request\" is required but missing.");
        return;
    }
    decl_check_keys(&m, known);
    a->method = methods[def_get_enum(&m, "method", DEF_OPTIONAL, methods, ARRAY_LEN(methods), 0)];
    decl_get_text(p, &m, "path", DEF_OPTIONAL, &a->path);
    decl_get_pairs(p, &m, "query", &a->query);
    decl_get_pairs(p, &m, "headers", &a->headers);
    a->body = decl_get_value(p, &m, "body");
    a->body_type =
        (enum decl_body)def_get_enum(&m, "bodyType", DEF_OPTIONAL, body_names, _DECL_BODY_N,
                                     a->body ? DECL_BODY_JSON : DECL_NO_BODY);
    a->timeout_ms = 1000 * def_get_int(&m, "timeoutSeconds", DEF_OPTIONAL, 1, 900, 0);
    struct def_where at = def_key(&where, "body");
    if ((a->body != NULL) != (a->body_type != DECL_NO_BODY)) {
        def_fail(&p->c, &at, def_place_in(&m, "body"), "component.body",
                 "\"body\" and \"bodyType\" do not go together.");
    } else if (a->body && a->body_type == DECL_BODY_FORM && a->body->kind != DECL_OBJECT) {
        def_fail(&p->c, &at, def_place_in(&m, "body"), "component.body",
                 "The body of a form is a mapping of names and values.");
    } else if (a->body && a->body_type == DECL_BODY_TEXT && a->body->kind != DECL_TEXT) {
        def_fail(&p->c, &at, def_place_in(&m, "body"), "component.body", "This body is a text.");
    }
}

static void parse_success(struct decl_compile *p, struct def_map *m, struct decl_action *a)
{
    size_t n = 0;
    const char **texts = def_get_texts(m, "success", 20, &n);
    struct def_where in = def_key(m->where, "success");
    a->success = arena_array(p->c.arena, n, sizeof(*a->success));
    for (size_t i = 0; i < n; i++) {
        int64_t status = 0;
        struct def_where where = def_index(&in, i);
        if (!str_to_i64(str_of(texts[i]), &status) || status < 200 || status > 599) {
            def_fail(&p->c, &where, def_place_in(m, "success"), "component.status",
                     "A status is a number from 200 to 599.");
            continue;
        }
        a->success[a->n_success++] = (int)status;
    }
}

static void parse_response(struct decl_compile *p, struct def_map *action, struct decl_action *a)
{
    static const char *const known[] = {"type", "results", "error", "success", NULL};
    struct def_where where;
    struct def_map m;
    if (!decl_sub(action, "response", &where, &m)) {
        return;
    }
    decl_check_keys(&m, known);
    a->response = (enum decl_response)def_get_enum(&m, "type", DEF_OPTIONAL, response_names,
                                                   _DECL_RESPONSE_N, DECL_AS_JSON);
    a->results = decl_get_path(p, &m, "results", DEF_OPTIONAL);
    a->error = decl_get_path(p, &m, "error", DEF_OPTIONAL);
    parse_success(p, &m, a);
}

static void parse_paging(struct decl_compile *p, struct def_map *action, struct decl_action *a)
{
    static const char *const known[] = {"type", "parameter", "first",    "sizeParameter",
                                        "size", "cursor",    "maxPages", NULL};
    struct def_where where;
    struct def_map m;
    if (!decl_sub(action, "paging", &where, &m)) {
        return;
    }
    decl_check_keys(&m, known);
    a->paging = (enum decl_paging)def_get_enum(&m, "type", DEF_REQUIRED, paging_names,
                                               _DECL_PAGING_N, DECL_ONE_PAGE);
    bool by_parameter =
        a->paging == DECL_BY_PAGE || a->paging == DECL_BY_OFFSET || a->paging == DECL_BY_CURSOR;
    a->parameter = def_get_text(&m, "parameter", by_parameter ? DEF_REQUIRED : DEF_OPTIONAL);
    a->first = def_get_int(&m, "first", DEF_OPTIONAL, 0, 1, a->paging == DECL_BY_PAGE);
    a->size_name = def_get_text(&m, "sizeParameter", DEF_OPTIONAL);
    a->size = def_get_int(
        &m, "size", a->paging == DECL_BY_OFFSET || a->size_name[0] ? DEF_REQUIRED : DEF_OPTIONAL, 1,
        10000, 0);
    a->cursor =
        decl_get_path(p, &m, "cursor", a->paging == DECL_BY_CURSOR ? DEF_REQUIRED : DEF_OPTIONAL);
    a->max_pages = def_get_int(&m, "maxPages", DEF_OPTIONAL, 1, DECL_MAX_PAGES, 100);
    if (a->paging != DECL_ONE_PAGE && a->response != DECL_AS_JSON) {
        def_fail(&p->c, &where, def_place_of(m.node), "component.paging",
                 "Only responses in JSON have pages.");
    }
}

const char *decl_get_example(struct decl_compile *p, struct def_map *m)
{
    struct err err = {0};
    struct json ignored;
    struct def_where where = def_key(m->where, "example");
    const char *example = def_get_text(m, "example", DEF_OPTIONAL);
    struct str text = str_of(example);
    if (text.len > EXAMPLE_MAX || (text.len && json_parse(p->c.arena, text, &ignored, &err) < 0)) {
        def_fail(&p->c, &where, def_place_in(m, "example"), "component.example",
                 "The example is the text of a JSON value of at most 64 KB.");
    }
    return example;
}

static void parse_action(struct decl_compile *p, struct def_map *m, struct decl_action *a)
{
    static const char *const known[] = {"key",      "label",  "description", "inputs", "request",
                                        "response", "paging", "example",     NULL};
    decl_check_keys(m, known);
    a->label = def_get_text(m, "label", DEF_REQUIRED);
    a->description = def_get_text(m, "description", DEF_OPTIONAL);
    a->example = decl_get_example(p, m);
    decl_parse_fields(p, m, "inputs", &a->inputs);
    for (size_t i = 0; i < a->inputs.n; i++) {
        if (p->d->n_connections && strcmp(a->inputs.items[i].key, "connection") == 0) {
            struct def_where in = def_key(m->where, "inputs"), where = def_index(&in, i);
            def_fail(&p->c, &where, def_place_in(m, "inputs"), "component.key",
                     "The input \"connection\" is there by itself.");
        }
    }
    p->inputs = &a->inputs;
    parse_request(p, m, a);
    parse_response(p, m, a);
    parse_paging(p, m, a);
    p->inputs = NULL;
}

void decl_parse_actions(struct decl_compile *p, struct def_map *root)
{
    const struct yaml_node *list = def_get_list(root, "actions", DEF_REQUIRED, DECL_MAX_ACTIONS);
    struct def_where in = def_key(root->where, "actions");
    size_t n = list ? list->n_items : 0;
    const char **keys = arena_array(p->c.arena, n + 1, sizeof(const char *));
    p->d->actions = arena_array(p->c.arena, n, sizeof(*p->d->actions));
    for (size_t i = 0; i < n; i++) {
        struct def_where where = def_index(&in, i);
        struct def_map m;
        if (def_map_init(&m, &p->c, list->items[i], &where)) {
            struct decl_action *a = &p->d->actions[p->d->n_actions];
            *a = (struct decl_action){.key = decl_get_key(&m, keys, p->d->n_actions),
                                      .method = methods[0],
                                      .parameter = "",
                                      .size_name = "",
                                      .max_pages = 1};
            keys[p->d->n_actions++] = a->key;
            p->c.subject =
                arena_printf(p->c.arena, "Action \"%s\": ", def_show(&p->c, str_of(a->key)));
            parse_action(p, &m, a);
            p->c.subject = "";
        }
    }
}
