/* Owns a request's errors and the collecting of the fields it asks for: fragments expanded, @skip
 * and @include applied, fields with the same response key merged (October 2021, 6.3.2 and 5.3.2).
 * One thread. It refuses more than GQL_MAX_FIELDS, which also stops documents whose fragments
 * multiply. */
#include "api/gql_request.h"

#include <stdarg.h>

bool gql_fail(struct gql_request *rq, struct gql_loc loc, const char *code, const char *fmt, ...)
{
    if (rq->n_errors++ >= GQL_MAX_ERRORS) {
        return false;
    }
    char words[700];
    va_list args;
    va_start(args, fmt);
    vsnprintf(words, sizeof(words), fmt, args);
    va_end(args);
    struct gql_error **end = &rq->errors;
    while (*end) {
        end = &(*end)->next;
    }
    *end = arena_new_of(rq->arena, struct gql_error);
    **end = (struct gql_error){
        .message = arena_strdup(rq->arena, words), .code = code, .loc = loc, .path = rq->path};
    return false;
}

struct json gql_errors_json(const struct gql_request *rq)
{
    struct json_builder list;
    json_build_array(&list, rq->arena);
    for (const struct gql_error *e = rq->errors; e; e = e->next) {
        struct json_builder one, places, place, more, path;
        json_build_object(&one, rq->arena);
        json_append(&one, STR("message"), json_cstr(e->message));
        if (e->loc.line > 0) {
            json_build_object(&place, rq->arena);
            json_append(&place, STR("line"), json_num(e->loc.line));
            json_append(&place, STR("column"), json_num(e->loc.column));
            json_build_array(&places, rq->arena);
            json_push(&places, json_built(&place));
            json_append(&one, STR("locations"), json_built(&places));
        }
        if (e->path) {
            json_build_array(&path, rq->arena);
            json_push(&path, json_cstr(e->path));
            json_append(&one, STR("path"), json_built(&path));
        }
        if (e->code) {
            json_build_object(&more, rq->arena);
            json_append(&more, STR("code"), json_cstr(e->code));
            json_append(&one, STR("extensions"), json_built(&more));
        }
        json_push(&list, json_built(&one));
    }
    return json_built(&list);
}

/* Whether @skip and @include let a selection in; errors count as left out. */
static bool included(struct gql_request *rq, const struct gql_selection *s)
{
    static const struct {
        const char *name;
        enum json_type stops;
    } conditions[] = {{"skip", JSON_TRUE}, {"include", JSON_FALSE}};
    for (size_t i = 0; i < ARRAY_LEN(conditions); i++) {
        const struct gql_directive *d = gql_directive_find(s->directives, conditions[i].name);
        const struct gql_arg *arg = d ? gql_arg_find(d->args, STR("if")) : NULL;
        static const struct gql_type_ref boolean = {.name = {"Boolean", 7}, .non_null = true};
        struct json v;
        if (arg && (!gql_coerce_literal(rq, &boolean, arg->value, false, false, "if", &v) ||
                    v.type == conditions[i].stops)) {
            return false;
        }
    }
    return true;
}

struct visited {
    const struct gql_fragment *fragment;
    const struct visited *next;
};
struct collector {
    struct gql_request *rq;
    const struct gql_type_def *type;
    const struct visited *visited;
    struct gql_sel *first, **end;
};

static bool applies(const struct gql_type_def *t, struct str condition)
{
    return condition.len == 0 || str_eq(t->name, condition) || gql_type_implements(t, condition);
}

static void add_set(struct gql_request *rq, struct gql_sel *sel, const struct gql_selection *s)
{
    const struct gql_set **end = &sel->sets;
    if (!s->selections) {
        return;
    }
    while (*end) {
        end = (const struct gql_set **)(uintptr_t) & (*end)->next;
    }
    struct gql_set *set = arena_new_of(rq->arena, struct gql_set);
    set->selections = s->selections;
    *end = set;
}

static bool add_field(struct collector *c, const struct gql_selection *s)
{
    struct gql_request *rq = c->rq;
    struct str key = s->alias.len ? s->alias : s->name;
    const struct gql_field_def *def = NULL;
    if (!str_eq(s->name, STR("__typename"))) {
        def = gql_type_field(c->type, s->name);
        def = !def && str_eq(c->type->name, STR("Query")) ? gql_introspection_field(rq, s->name)
                                                          : def;
        if (!def) { /* validated before; a fragment on an interface may still miss */
            return gql_fail(rq, s->loc, NULL, "Cannot query field \"%.*s\" on type \"%.*s\".",
                            (int)s->name.len, s->name.ptr, (int)c->type->name.len,
                            c->type->name.ptr);
        }
    }
    struct json args = json_object(NULL, 0);
    if (def && !gql_coerce_args(rq, def->args, s->args, s->loc, false, "field", &args)) {
        return false;
    }
    for (struct gql_sel *seen = c->first; seen; seen = seen->next) {
        if (!str_eq(str_of(seen->key), key)) {
            continue;
        }
        if (seen->def != def || !json_equal(seen->args, args)) {
            return gql_fail(rq, s->loc, NULL,
                            "Fields \"%s\" conflict because they are different fields or have "
                            "differing arguments. Use different aliases.",
                            seen->key);
        }
        add_set(rq, seen, s);
        return true;
    }
    if (++rq->n_fields > GQL_MAX_FIELDS) {
        return gql_fail(rq, s->loc, "TOO_COMPLEX", "The request asks for more than %d fields.",
                        GQL_MAX_FIELDS);
    }
    if (key.len > 63) {
        return gql_fail(rq, s->loc, NULL, "An alias has at most 63 characters.");
    }
    struct gql_sel *sel = arena_new_of(rq->arena, struct gql_sel);
    sel->key = arena_strndup(rq->arena, key.ptr, key.len);
    sel->def = def;
    sel->type = def ? gql_schema_type(rq->schema, gql_type_name(def->type)) : NULL;
    sel->loc = s->loc;
    sel->args = args;
    add_set(rq, sel, s);
    *c->end = sel;
    c->end = &sel->next;
    return true;
}

static bool collect(struct collector *c, const struct gql_selection *s)
{
    for (; s; s = s->next) {
        if (!included(c->rq, s)) {
            if (c->rq->n_errors > 0) {
                return false;
            }
            continue;
        }
        if (s->kind == GQL_FIELD) {
            if (!add_field(c, s)) {
                return false;
            }
        } else if (s->kind == GQL_INLINE) {
            if (applies(c->type, s->on) && !collect(c, s->selections)) {
                return false;
            }
        } else {
            const struct gql_fragment *f = c->rq->doc.fragments;
            const struct visited *v = c->visited;
            while (f && !str_eq(f->name, s->name)) {
                f = f->next;
            }
            while (v && v->fragment != f) {
                v = v->next;
            }
            if (!f || v || !applies(c->type, f->on)) {
                continue;
            }
            struct visited *now = arena_new_of(c->rq->arena, struct visited);
            *now = (struct visited){f, c->visited};
            c->visited = now;
            if (!collect(c, f->selections)) {
                return false;
            }
        }
    }
    return true;
}

bool gql_collect(struct gql_request *rq, const struct gql_type_def *type,
                 const struct gql_set *sets, struct gql_sel **ret)
{
    struct collector c = {.rq = rq, .type = type};
    c.end = &c.first;
    for (; sets; sets = sets->next) {
        if (!collect(&c, sets->selections)) {
            return false;
        }
    }
    *ret = c.first;
    return true;
}

bool gql_children(struct gql_request *rq, struct gql_sel *sel)
{
    return sel->children || !sel->sets || gql_collect(rq, sel->type, sel->sets, &sel->children);
}

bool gql_project(struct gql_request *rq, struct gql_sel *sel, struct json value, struct json *ret)
{
    struct json_builder b;
    if (value.type == JSON_ARRAY) {
        json_build_array(&b, rq->arena);
        for (uint32_t i = 0; i < value.len; i++) {
            struct json item;
            if (!gql_project(rq, sel, value.items[i], &item)) {
                return false;
            }
            json_push(&b, item);
        }
        *ret = json_built(&b);
        return true;
    }
    if (value.type != JSON_OBJECT || !sel->sets) {
        *ret = value.type == JSON_UNDEFINED ? json_null() : value;
        return true;
    }
    if (!gql_children(rq, sel)) {
        return false;
    }
    json_build_object(&b, rq->arena);
    for (struct gql_sel *s = sel->children; s; s = s->next) {
        struct json v = json_str(sel->type->name);
        if (s->def && !gql_project(rq, s, json_get(value, s->def->name), &v)) {
            return false;
        }
        json_append(&b, str_of(s->key), v);
    }
    *ret = json_built(&b);
    return true;
}
