/* Owns the validation of a request's document against the schema (October 2021, chapter 5), so that
 * everything after it can rely on names, types and arguments. One thread. Every problem is
 * reported with its place. A fragment is looked at once an operation, so that the work is bounded
 * by the size of the document. */
#include "api/gql_request.h"
#include "suggest.h"

#define MAX_FRAGMENTS  100
#define MAX_OPERATIONS 50
#define MAX_WALK_DEPTH 150 /* selections in selections, through fragments */

struct seen {
    const struct gql_fragment *fragment;
    struct seen *next;
};
struct walk {
    struct gql_request *rq;
    struct seen *seen; /* fragments of this operation */
    int depth;
};

static const struct gql_fragment *find_fragment(struct gql_request *rq, struct str name)
{
    const struct gql_fragment *f = rq->doc.fragments;
    while (f && !str_eq(f->name, name)) {
        f = f->next;
    }
    return f;
}

static void check_args(struct gql_request *rq, const struct gql_input_def *defs,
                       const struct gql_arg *args, struct gql_loc loc, const char *owner,
                       struct str name)
{
    for (const struct gql_arg *a = args; a; a = a->next) {
        if (!gql_input_find(defs, a->name)) {
            gql_fail(rq, a->loc, NULL, "Unknown argument \"%.*s\" on %s \"%.*s\".",
                     (int)a->name.len, a->name.ptr, owner, (int)name.len, name.ptr);
        }
        if (gql_arg_find(a->next, a->name)) {
            gql_fail(rq, a->loc, NULL, "There can be only one argument named \"%.*s\".",
                     (int)a->name.len, a->name.ptr);
        }
    }
    struct json ignored;
    (void)gql_coerce_args(rq, defs, args, loc, true, owner, &ignored);
}

static void check_directives(struct gql_request *rq, const struct gql_directive *d,
                             const char *location)
{
    for (; d; d = d->next) {
        const struct gql_directive_def *def = gql_schema_directives(rq->schema);
        while (def && !str_eq(def->name, d->name)) {
            def = def->next;
        }
        const struct gql_name *at = def ? def->locations : NULL;
        while (at && !str_eq(at->name, str_of(location))) {
            at = at->next;
        }
        if (!def) {
            gql_fail(rq, d->loc, NULL, "Unknown directive \"@%.*s\".", (int)d->name.len,
                     d->name.ptr);
        } else if (!at) {
            gql_fail(rq, d->loc, NULL, "Directive \"@%.*s\" may not be used on %s.",
                     (int)d->name.len, d->name.ptr, location);
        } else {
            check_args(rq, def->args, d->args, d->loc, "directive", d->name);
        }
    }
}

static bool is_composite(const struct gql_type_def *t)
{
    return t->kind == GQL_T_OBJECT || t->kind == GQL_T_INTERFACE || t->kind == GQL_T_UNION;
}

/* Whether an object can be of both types. */
static bool overlap(const struct gql_schema *s, const struct gql_type_def *x,
                    const struct gql_type_def *y)
{
    for (const struct gql_type_def *t = gql_schema_types(s); t; t = t->next) {
        if (t->kind == GQL_T_OBJECT && (t == x || gql_type_implements(t, x->name)) &&
            (t == y || gql_type_implements(t, y->name))) {
            return true;
        }
    }
    return false;
}

static void check_selections(struct walk *w, const struct gql_type_def *t,
                             const struct gql_selection *s);

static const struct gql_type_def *check_condition(struct walk *w, const struct gql_type_def *t,
                                                  struct str on, struct gql_loc loc)
{
    const struct gql_type_def *to = gql_schema_type(w->rq->schema, on);
    if (!to) {
        gql_fail(w->rq, loc, NULL, "Unknown type \"%.*s\".", (int)on.len, on.ptr);
        return NULL;
    }
    if (!is_composite(to) || !overlap(w->rq->schema, t, to)) {
        gql_fail(w->rq, loc, NULL,
                 "A fragment on \"%.*s\" cannot be used here: objects of type \"%.*s\" can never "
                 "be of that type.",
                 (int)on.len, on.ptr, (int)t->name.len, t->name.ptr);
        return NULL;
    }
    return to;
}

static void unknown_field(struct walk *w, const struct gql_type_def *t,
                          const struct gql_selection *s)
{
    struct suggest near;
    suggest_init(&near, s->name);
    for (const struct gql_field_def *f = t->fields; f; f = f->next) {
        suggest_offer(&near, arena_strndup(w->rq->arena, f->name.ptr, f->name.len));
    }
    gql_fail(w->rq, s->loc, NULL, "Cannot query field \"%.*s\" on type \"%.*s\".%s%s%s",
             (int)s->name.len, s->name.ptr, (int)t->name.len, t->name.ptr,
             near.best ? " Did you mean \"" : "", near.best ? near.best : "",
             near.best ? "\"?" : "");
}

static void check_field(struct walk *w, const struct gql_type_def *t, const struct gql_selection *s)
{
    check_directives(w->rq, s->directives, "FIELD");
    if (str_eq(s->name, STR("__typename"))) {
        return;
    }
    const struct gql_field_def *def = gql_type_field(t, s->name);
    if (!def && t == gql_schema_root(w->rq->schema, GQL_QUERY)) {
        def = gql_introspection_field(w->rq, s->name);
    }
    if (!def) {
        unknown_field(w, t, s);
        return;
    }
    check_args(w->rq, def->args, s->args, s->loc, "field", s->name);
    const struct gql_type_def *of = gql_schema_type(w->rq->schema, gql_type_name(def->type));
    if (is_composite(of) && !s->selections) {
        gql_fail(w->rq, s->loc, NULL,
                 "Field \"%.*s\" of type \"%s\" must have a selection of subfields.",
                 (int)s->name.len, s->name.ptr, gql_type_text(w->rq->arena, def->type));
    } else if (!is_composite(of) && s->selections) {
        gql_fail(w->rq, s->loc, NULL,
                 "Field \"%.*s\" must not have a selection since type \"%s\" has no subfields.",
                 (int)s->name.len, s->name.ptr, gql_type_text(w->rq->arena, def->type));
    } else if (is_composite(of)) {
        check_selections(w, of, s->selections);
    }
}

static void check_spread(struct walk *w, const struct gql_type_def *t,
                         const struct gql_selection *s)
{
    check_directives(w->rq, s->directives, "FRAGMENT_SPREAD");
    const struct gql_fragment *f = find_fragment(w->rq, s->name);
    if (!f) {
        gql_fail(w->rq, s->loc, NULL, "Unknown fragment \"%.*s\".", (int)s->name.len, s->name.ptr);
        return;
    }
    const struct gql_type_def *on = check_condition(w, t, f->on, s->loc);
    for (const struct seen *seen = w->seen; seen; seen = seen->next) {
        if (seen->fragment == f) {
            return;
        }
    }
    struct seen *now = arena_new_of(w->rq->arena, struct seen);
    *now = (struct seen){f, w->seen};
    w->seen = now;
    check_directives(w->rq, f->directives, "FRAGMENT_DEFINITION");
    if (on) {
        check_selections(w, on, f->selections);
    }
}

static void check_selections(struct walk *w, const struct gql_type_def *t,
                             const struct gql_selection *s)
{
    if (++w->depth > MAX_WALK_DEPTH) {
        gql_fail(w->rq, s->loc, "TOO_DEEP", "The request is nested too deeply.");
        s = NULL;
    }
    for (; s && w->rq->n_errors < GQL_MAX_ERRORS; s = s->next) {
        switch (s->kind) {
        case GQL_FIELD:
            check_field(w, t, s);
            break;
        case GQL_SPREAD:
            check_spread(w, t, s);
            break;
        case GQL_INLINE: {
            check_directives(w->rq, s->directives, "INLINE_FRAGMENT");
            const struct gql_type_def *on = s->on.len ? check_condition(w, t, s->on, s->loc) : t;
            if (on) {
                check_selections(w, on, s->selections);
            }
            break;
        }
        }
    }
    w->depth--;
}

/* Whether selections use a fragment, over any number of others. */
static bool reaches(struct gql_request *rq, const struct gql_selection *s,
                    const struct gql_fragment *target, struct seen **visited, int depth)
{
    for (; s && depth < MAX_WALK_DEPTH; s = s->next) {
        const struct gql_selection *below = s->selections;
        if (s->kind == GQL_SPREAD) {
            const struct gql_fragment *f = find_fragment(rq, s->name);
            const struct seen *v = *visited;
            while (v && v->fragment != f) {
                v = v->next;
            }
            if (f == target) {
                return true;
            }
            if (!f || v) {
                continue;
            }
            struct seen *now = arena_new_of(rq->arena, struct seen);
            *now = (struct seen){f, *visited};
            *visited = now;
            below = f->selections;
        }
        if (below && reaches(rq, below, target, visited, depth + 1)) {
            return true;
        }
    }
    return false;
}

static void check_fragments(struct gql_request *rq)
{
    int n = 0;
    for (const struct gql_fragment *f = rq->doc.fragments; f; f = f->next) {
        struct seen *visited = NULL;
        if (++n > MAX_FRAGMENTS) {
            gql_fail(rq, f->loc, "TOO_COMPLEX", "A request has at most %d fragments.",
                     MAX_FRAGMENTS);
            return;
        }
        if (find_fragment(rq, f->name) != f) {
            gql_fail(rq, f->loc, NULL, "There can be only one fragment named \"%.*s\".",
                     (int)f->name.len, f->name.ptr);
        }
        if (!gql_schema_type(rq->schema, f->on)) {
            gql_fail(rq, f->loc, NULL, "Unknown type \"%.*s\".", (int)f->on.len, f->on.ptr);
        }
        if (reaches(rq, f->selections, f, &visited, 0)) {
            gql_fail(rq, f->loc, NULL, "Cannot spread fragment \"%.*s\" within itself.",
                     (int)f->name.len, f->name.ptr);
        }
    }
}

static void check_variables(struct gql_request *rq, const struct gql_operation *op)
{
    for (const struct gql_variable *v = op->variables; v; v = v->next) {
        const struct gql_type_def *t = gql_schema_type(rq->schema, gql_type_name(v->type));
        struct json ignored;
        for (const struct gql_variable *other = v->next; other; other = other->next) {
            if (str_eq(v->name, other->name)) {
                gql_fail(rq, other->loc, NULL, "There can be only one variable named \"$%.*s\".",
                         (int)v->name.len, v->name.ptr);
            }
        }
        if (!t || is_composite(t)) {
            gql_fail(rq, v->loc, NULL, "Variable \"$%.*s\" cannot be of %s type \"%s\".",
                     (int)v->name.len, v->name.ptr, t ? "non-input" : "unknown",
                     gql_type_text(rq->arena, v->type));
        } else if (v->fallback) {
            (void)gql_coerce_literal(rq, v->type, v->fallback, true, false, "the default value",
                                     &ignored);
        }
        check_directives(rq, v->directives, "VARIABLE_DEFINITION");
    }
}

bool gql_validate(struct gql_request *rq)
{
    static const char *const locations[] = {"QUERY", "MUTATION", "SUBSCRIPTION"};
    int n = 0;
    check_fragments(rq);
    if (rq->n_errors > 0) {
        return false; /* what follows relies on fragments without cycles */
    }
    for (const struct gql_operation *op = rq->doc.operations; op; op = op->next) {
        const struct gql_type_def *root = gql_schema_root(rq->schema, op->kind);
        if (++n > MAX_OPERATIONS) {
            return gql_fail(rq, op->loc, "TOO_COMPLEX", "A request has at most %d operations.",
                            MAX_OPERATIONS);
        }
        for (const struct gql_operation *other = op->next; other; other = other->next) {
            if (op->name.len == 0 || other->name.len == 0) {
                return gql_fail(rq, op->loc, NULL,
                                "An anonymous operation must be the only operation.");
            }
            if (str_eq(op->name, other->name)) {
                gql_fail(rq, other->loc, NULL, "There can be only one operation named \"%.*s\".",
                         (int)op->name.len, op->name.ptr);
            }
        }
        if (!root) {
            gql_fail(rq, op->loc, NULL, "The schema has no %s.", "subscriptions");
            continue;
        }
        struct walk w = {.rq = rq};
        rq->operation = op;
        check_variables(rq, op);
        check_directives(rq, op->directives, locations[op->kind]);
        check_selections(&w, root, op->selections);
    }
    rq->operation = NULL;
    return rq->n_errors == 0;
}
