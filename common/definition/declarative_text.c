/* Owns texts with {{$...}} in declarative components, trees of them, and paths into responses.
 * Called by the files that parse the rest. It refuses names that nothing has: a request would go
 * out with a hole. */
#include <math.h>

#include "definition/declarative_priv.h"
#include "suggest.h"

#define PARTS_MAX 200
#define DEPTH_MAX 30

static const char *const root_names[_DECL_ROOT_N] = {
    [DECL_INPUTS] = "inputs",
    [DECL_CONNECTION] = "connection",
    [DECL_TOKEN] = "token",
};

/* --- names ------------------------------------------------------------------------------------ */

static bool offer(struct suggest *near, const struct decl_fields *fields, struct str name)
{
    for (size_t i = 0; fields && i < fields->n; i++) {
        if (str_eq(str_of(fields->items[i].key), name)) {
            return true;
        }
        suggest_offer(near, fields->items[i].key);
    }
    return false;
}

static void check_name(struct decl_compile *p, const struct def_where *where, struct def_place at,
                       const struct decl_part *part)
{
    struct suggest near;
    struct str name = part->path->segments[0].key;
    bool known = part->root == DECL_TOKEN;
    def_suggest_init(&p->c, &near, name);
    if (part->root == DECL_INPUTS) {
        known = offer(&near, p->inputs, name);
    } else if (part->root == DECL_CONNECTION && p->fields) {
        known = offer(&near, p->fields, name);
    } else if (part->root == DECL_CONNECTION) {
        for (size_t i = 0; !known && i < p->d->n_connections; i++) {
            known = offer(&near, &p->d->connections[i].fields, name);
        }
    }
    if (!known) {
        def_fail(&p->c, where, at, "component.name", "There is no %s \"%s\"%s",
                 part->root == DECL_INPUTS ? "input" : "field of a connection called",
                 def_show(&p->c, name), def_did_you_mean(&p->c, near.best));
    }
}

/* The inside of {{...}}; false when it is refused. */
static bool parse_name(struct decl_compile *p, const struct def_where *where, struct def_place at,
                       struct str text, struct decl_part *ret)
{
    struct err err = {0};
    struct path *path;
    text = str_trim(text);
    for (int root = 0; root < _DECL_ROOT_N; root++) {
        const char *start = arena_printf(p->c.arena, "$%s.", root_names[root]);
        if (!str_starts(text, str_of(start))) {
            continue;
        }
        size_t skip = strlen(start);
        const char *whole =
            arena_printf(p->c.arena, "%s.results.%.*s", root_names[root],
                         (int)MIN(text.len - skip, (size_t)PATH_MAX_BYTES), text.ptr + skip);
        if (path_compile(p->c.arena, str_of(whole), &path, &err) < 0 || path->n_segments == 0) {
            def_fail(&p->c, where, at, "component.reference", "{{%s}} cannot be read.",
                     def_show(&p->c, text));
            return false;
        }
        *ret = (struct decl_part){.path = path, .root = (enum decl_root)root};
        check_name(p, where, at, ret);
        return true;
    }
    def_fail(&p->c, where, at, "component.reference",
             "{{%s}} is none of {{$inputs.key}}, {{$connection.field}} and {{$token.field}}.",
             def_show(&p->c, text));
    return false;
}

/* --- texts ------------------------------------------------------------------------------------ */

void decl_parse_text(struct decl_compile *p, const struct def_where *where,
                     const struct yaml_node *node, struct decl_text *ret)
{
    struct decl_part parts[PARTS_MAX];
    struct str text = node->text;
    struct def_place at = def_place_of(node);
    size_t n = 0, from = 0;
    while (from < text.len) {
        ptrdiff_t open = str_find(text, STR("{{"), from);
        size_t end = open < 0 ? text.len : (size_t)open;
        ptrdiff_t close = open < 0 ? 0 : str_find(text, STR("}}"), end);
        if (close < 0 || n + 2 > PARTS_MAX) {
            def_fail(&p->c, where, at, "component.reference",
                     close < 0 ? "A \"{{\" is not closed by \"}}\"."
                               : "This text refers to too many things.");
            return;
        }
        if (end > from) {
            parts[n++] = (struct decl_part){.text = str_n(text.ptr + from, end - from)};
        }
        if (open < 0) {
            break;
        }
        if (!parse_name(p, where, at, str_n(text.ptr + end + 2, (size_t)close - end - 2),
                        &parts[n])) {
            return;
        }
        n++;
        from = (size_t)close + 2;
    }
    *ret = (struct decl_text){.parts = arena_dup(p->c.arena, parts, n * sizeof(*parts)), .n = n};
}

void decl_get_text(struct decl_compile *p, struct def_map *m, const char *key, enum def_need need,
                   struct decl_text *ret)
{
    const char *text = def_get_text(m, key, need);
    if (text[0]) {
        struct def_where where = def_key(m->where, key);
        decl_parse_text(p, &where, yaml_get(m->node, key), ret);
    }
}

void decl_get_pairs(struct decl_compile *p, struct def_map *m, const char *key,
                    struct decl_pairs *ret)
{
    const struct yaml_node *node = def_get_map(m, key, DEF_OPTIONAL);
    struct def_where in = def_key(m->where, key);
    if (!node) {
        return;
    }
    if (node->n_entries > DECL_MAX_FIELDS) {
        def_fail(&p->c, &in, def_place_of(node), "definition.too_many", "At most %d.",
                 DECL_MAX_FIELDS);
        return;
    }
    ret->items = arena_array(p->c.arena, node->n_entries, sizeof(*ret->items));
    for (size_t i = 0; i < node->n_entries; i++) {
        const struct yaml_entry *e = &node->entries[i];
        struct decl_pair *pair = &ret->items[ret->n++];
        *pair = (struct decl_pair){.name = arena_strndup(p->c.arena, e->key.ptr, e->key.len)};
        struct def_where where = def_key(&in, pair->name);
        if (e->value->kind != YAML_SCALAR || e->key.len == 0) {
            def_fail(&p->c, &where, def_place_of(e->value), "definition.type",
                     "This is a name and a text.");
        } else {
            decl_parse_text(p, &where, e->value, &pair->value);
        }
    }
}

/* --- trees ------------------------------------------------------------------------------------ */

static struct json literal_of(const struct yaml_node *node, enum yaml_scalar type)
{
    double number = 0;
    switch (type) {
    case YAML_NULL:
        return json_null();
    case YAML_BOOL:
        return json_bool(str_eq_ci(node->text, STR("true")));
    case YAML_INT:
    case YAML_FLOAT:
        number = strtod(node->text.ptr, NULL);
        return isfinite(number) ? json_num(number) : json_null();
    case YAML_TEXT:
        break;
    }
    return json_str(node->text);
}

static struct decl_value *parse_value(struct decl_compile *p, const struct def_where *where,
                                      const struct yaml_node *node, int depth)
{
    struct decl_value *v = arena_new_of(p->c.arena, struct decl_value);
    if (depth > DEPTH_MAX) {
        def_fail(&p->c, where, def_place_of(node), "definition.depth",
                 "A body is at most %d levels deep.", DEPTH_MAX);
        return v;
    }
    if (node->kind == YAML_SCALAR) {
        enum yaml_scalar type = yaml_scalar_type(node->text, node->plain);
        v->kind = type == YAML_TEXT ? DECL_TEXT : DECL_LITERAL;
        if (type == YAML_TEXT) {
            decl_parse_text(p, where, node, &v->text);
        } else {
            v->literal = literal_of(node, type);
        }
        return v;
    }
    bool is_list = node->kind == YAML_SEQUENCE;
    v->kind = is_list ? DECL_LIST : DECL_OBJECT;
    v->n = is_list ? node->n_items : node->n_entries;
    v->members = arena_array(p->c.arena, v->n, sizeof(*v->members));
    for (size_t i = 0; i < v->n; i++) {
        struct str key = is_list ? STR("") : node->entries[i].key;
        struct def_where at = is_list ? def_index(where, i)
                                      : def_key(where, arena_strndup(p->c.arena, key.ptr, key.len));
        v->members[i] = (struct decl_member){
            .key = key,
            .value =
                parse_value(p, &at, is_list ? node->items[i] : node->entries[i].value, depth + 1)};
    }
    return v;
}

struct decl_value *decl_get_value(struct decl_compile *p, struct def_map *m, const char *key)
{
    const struct yaml_node *node = yaml_get(m->node, key);
    struct def_where where = def_key(m->where, key);
    return yaml_is_null(node) ? NULL : parse_value(p, &where, node, 0);
}

/* --- paths ------------------------------------------------------------------------------------ */

const struct path *decl_get_path(struct decl_compile *p, struct def_map *m, const char *key,
                                 enum def_need need)
{
    static const char *const starts[] = {"body", "headers", "status"};
    struct err err = {0};
    struct path *path;
    const char *text = def_get_text(m, key, need);
    struct def_where where = def_key(m->where, key);
    bool known = false;
    if (!text[0]) {
        return NULL;
    }
    const char *whole = arena_printf(p->c.arena, "response.results.%s", text);
    if (path_compile(p->c.arena, str_of(whole), &path, &err) < 0) {
        def_fail_err(&p->c, &where, def_place_in(m, key), &err);
        return NULL;
    }
    for (size_t i = 0; i < ARRAY_LEN(starts); i++) {
        known = known || (path->n_segments && str_eq(path->segments[0].key, str_of(starts[i])));
    }
    if (!known) {
        def_fail(&p->c, &where, def_place_in(m, key), "component.path",
                 "A path begins with body, headers or status.");
    }
    return path;
}
