/* Owns introspection: __schema and __type answered from the parsed schema, driven by what the
 * request selects, since types refer to each other in circles. One thread. It refuses answers of
 * more than MAX_NODES values and selections deeper than MAX_DEPTH. */
#include "api/gql_request.h"

#define MAX_NODES 400000
#define MAX_DEPTH 24

struct look {
    struct gql_request *rq;
    int nodes, depth;
};
struct entity { /* one of the introspection objects */
    enum { SCHEMA, TYPE, REF, FIELD, INPUT, ENUM_VALUE, DIRECTIVE } kind;
    const void *of;
};

static const struct gql_type_ref string_ref = {.name = {"String", 6}, .non_null = true};
static const struct gql_type_ref schema_ref = {.name = {"__Schema", 8}, .non_null = true};
static const struct gql_type_ref type_ref = {.name = {"__Type", 6}};
static const struct gql_input_def name_arg = {
    .name = {"name", 4}, .type = (struct gql_type_ref *)(uintptr_t)&string_ref};
static const struct gql_field_def schema_field = {
    .name = {"__schema", 8}, .type = (struct gql_type_ref *)(uintptr_t)&schema_ref};
static const struct gql_field_def type_field = {
    .name = {"__type", 6},
    .args = (struct gql_input_def *)(uintptr_t)&name_arg,
    .type = (struct gql_type_ref *)(uintptr_t)&type_ref};

const struct gql_field_def *gql_introspection_field(struct gql_request *rq, struct str name)
{
    return str_eq(name, schema_field.name) ? &schema_field
           : str_eq(name, type_field.name) ? &type_field
                                           : NULL;
}

static bool answer(struct look *l, struct gql_sel *sel, struct entity e, struct json *ret);

static struct json text_or_null(struct str s)
{
    return s.len ? json_str(s) : json_null();
}

static void add(struct look *l, struct gql_sel *sel, struct json_builder *b, struct entity e)
{
    struct json v;
    if (l->rq->n_errors == 0 && answer(l, sel, e, &v)) {
        json_push(b, v);
    }
}

static struct json deprecation(struct gql_request *rq, const struct gql_directive *list,
                               bool reason)
{
    const struct gql_directive *d = gql_directive_find(list, "deprecated");
    const struct gql_arg *arg = d ? gql_arg_find(d->args, STR("reason")) : NULL;
    return !reason ? json_bool(d != NULL)
           : arg   ? json_str(arg->value->text)
           : d     ? json_cstr("No longer supported")
                   : json_null();
}

static void print_value(struct buf *b, const struct gql_value *v)
{
    switch (v->kind) {
    case GQL_STRING:
        json_dump_string(b, v->text);
        break;
    case GQL_LIST:
        buf_addc(b, '[');
        for (const struct gql_value *i = v->items; i; i = i->next) {
            print_value(b, i);
            buf_adds(b, i->next ? ", " : "");
        }
        buf_addc(b, ']');
        break;
    case GQL_OBJECT:
        buf_addc(b, '{');
        for (const struct gql_arg *f = v->fields; f; f = f->next) {
            buf_add_str(b, f->name);
            buf_adds(b, ": ");
            print_value(b, f->value);
            buf_adds(b, f->next ? ", " : "");
        }
        buf_addc(b, '}');
        break;
    case GQL_VARIABLE:
    case GQL_INT:
    case GQL_FLOAT:
    case GQL_BOOL:
    case GQL_NULL:
    case GQL_ENUM:
        buf_add_str(b, v->text);
        break;
    }
}

static struct json default_text(struct look *l, const struct gql_value *v)
{
    if (!v) {
        return json_null();
    }
    AUTO(buf_done) struct buf b = {0};
    buf_init(&b, KIB(64));
    print_value(&b, v);
    return json_cstr(arena_strndup(l->rq->arena, b.data, b.len));
}

/* ---- one function an introspection type: the value of one field of it ---- */

static struct json list_inputs(struct look *l, struct gql_sel *sel, const struct gql_input_def *in)
{
    struct json_builder b;
    json_build_array(&b, l->rq->arena);
    for (; in; in = in->next) {
        add(l, sel, &b, (struct entity){INPUT, in});
    }
    return json_built(&b);
}

static struct json named(struct look *l, struct gql_sel *sel, const struct gql_type_def *t)
{
    struct json v = json_null();
    return t && answer(l, sel, (struct entity){TYPE, t}, &v) ? v : json_null();
}

static struct json of_schema(struct look *l, struct gql_sel *sel, struct str field)
{
    const struct gql_schema *s = l->rq->schema;
    struct json_builder b;
    json_build_array(&b, l->rq->arena);
    if (str_eq(field, STR("types"))) {
        for (const struct gql_type_def *t = gql_schema_types(s); t; t = t->next) {
            add(l, sel, &b, (struct entity){TYPE, t});
        }
        return json_built(&b);
    }
    if (str_eq(field, STR("directives"))) {
        for (const struct gql_directive_def *d = gql_schema_directives(s); d; d = d->next) {
            add(l, sel, &b, (struct entity){DIRECTIVE, d});
        }
        return json_built(&b);
    }
    return str_eq(field, STR("queryType"))      ? named(l, sel, gql_schema_root(s, GQL_QUERY))
           : str_eq(field, STR("mutationType")) ? named(l, sel, gql_schema_root(s, GQL_MUTATION))
           : str_eq(field, STR("subscriptionType"))
               ? named(l, sel, gql_schema_root(s, GQL_SUBSCRIPTION))
               : json_null(); /* description */
}

static struct json list_fields(struct look *l, struct gql_sel *sel, const struct gql_type_def *t)
{
    bool all = json_get(sel->args, STR("includeDeprecated")).type == JSON_TRUE;
    struct json_builder b;
    json_build_array(&b, l->rq->arena);
    for (const struct gql_field_def *f = t->fields; f; f = f->next) {
        if (all || !gql_directive_find(f->directives, "deprecated")) {
            add(l, sel, &b, (struct entity){FIELD, f});
        }
    }
    return json_built(&b);
}

static struct json list_values(struct look *l, struct gql_sel *sel, const struct gql_type_def *t)
{
    struct json_builder b;
    json_build_array(&b, l->rq->arena);
    for (const struct gql_enum_def *v = t->values; v; v = v->next) {
        add(l, sel, &b, (struct entity){ENUM_VALUE, v});
    }
    return json_built(&b);
}

static struct json list_types(struct look *l, struct gql_sel *sel, const struct gql_type_def *t,
                              bool possible)
{
    struct json_builder b;
    json_build_array(&b, l->rq->arena);
    for (const struct gql_type_def *other = gql_schema_types(l->rq->schema); other;
         other = other->next) {
        if (possible ? gql_type_implements(other, t->name) : gql_type_implements(t, other->name)) {
            add(l, sel, &b, (struct entity){TYPE, other});
        }
    }
    return json_built(&b);
}

static struct json of_type(struct look *l, struct gql_sel *sel, const struct gql_type_def *t,
                           struct str field)
{
    static const char *const kinds[] = {"SCALAR", "OBJECT", "INTERFACE",
                                        "UNION",  "ENUM",   "INPUT_OBJECT"};
    bool object = t->kind == GQL_T_OBJECT || t->kind == GQL_T_INTERFACE;
    return str_eq(field, STR("kind"))                   ? json_cstr(kinds[t->kind])
           : str_eq(field, STR("name"))                 ? json_str(t->name)
           : str_eq(field, STR("description"))          ? text_or_null(t->description)
           : str_eq(field, STR("fields")) && object     ? list_fields(l, sel, t)
           : str_eq(field, STR("interfaces")) && object ? list_types(l, sel, t, false)
           : str_eq(field, STR("possibleTypes")) && t->kind == GQL_T_INTERFACE
               ? list_types(l, sel, t, true)
           : str_eq(field, STR("enumValues")) && t->kind == GQL_T_ENUM ? list_values(l, sel, t)
           : str_eq(field, STR("inputFields")) && t->kind == GQL_T_INPUT
               ? list_inputs(l, sel, t->inputs)
               : json_null();
}

/* A type as used: wrapped by non-null and list. */
static struct json of_ref(struct look *l, struct gql_sel *sel, const struct gql_type_ref *ref,
                          struct str field)
{
    if (!ref->non_null && !ref->of) {
        return of_type(l, sel, gql_schema_type(l->rq->schema, ref->name), field);
    }
    if (str_eq(field, STR("kind"))) {
        return json_cstr(ref->non_null ? "NON_NULL" : "LIST");
    }
    struct json v = json_null();
    if (str_eq(field, STR("ofType"))) {
        struct gql_type_ref *inner = arena_dup(l->rq->arena, ref, sizeof(*ref));
        inner->non_null = false;
        (void)answer(l, sel, (struct entity){REF, ref->non_null ? inner : ref->of}, &v);
    }
    return v;
}

static struct json used(struct look *l, struct gql_sel *sel, const struct gql_type_ref *ref)
{
    struct json v = json_null();
    (void)answer(l, sel, (struct entity){REF, ref}, &v);
    return v;
}

static struct json of_field(struct look *l, struct gql_sel *sel, const struct gql_field_def *f,
                            struct str field)
{
    return str_eq(field, STR("name"))                ? json_str(f->name)
           : str_eq(field, STR("description"))       ? text_or_null(f->description)
           : str_eq(field, STR("args"))              ? list_inputs(l, sel, f->args)
           : str_eq(field, STR("type"))              ? used(l, sel, f->type)
           : str_eq(field, STR("isDeprecated"))      ? deprecation(l->rq, f->directives, false)
           : str_eq(field, STR("deprecationReason")) ? deprecation(l->rq, f->directives, true)
                                                     : json_null();
}

static struct json of_input(struct look *l, struct gql_sel *sel, const struct gql_input_def *in,
                            struct str field)
{
    return str_eq(field, STR("name"))                ? json_str(in->name)
           : str_eq(field, STR("description"))       ? text_or_null(in->description)
           : str_eq(field, STR("type"))              ? used(l, sel, in->type)
           : str_eq(field, STR("defaultValue"))      ? default_text(l, in->fallback)
           : str_eq(field, STR("isDeprecated"))      ? deprecation(l->rq, in->directives, false)
           : str_eq(field, STR("deprecationReason")) ? deprecation(l->rq, in->directives, true)
                                                     : json_null();
}

static struct json of_enum_value(struct look *l, const struct gql_enum_def *v, struct str field)
{
    return str_eq(field, STR("name"))                ? json_str(v->name)
           : str_eq(field, STR("description"))       ? text_or_null(v->description)
           : str_eq(field, STR("isDeprecated"))      ? deprecation(l->rq, v->directives, false)
           : str_eq(field, STR("deprecationReason")) ? deprecation(l->rq, v->directives, true)
                                                     : json_null();
}

static struct json of_directive(struct look *l, struct gql_sel *sel,
                                const struct gql_directive_def *d, struct str field)
{
    if (str_eq(field, STR("locations"))) {
        struct json_builder b;
        json_build_array(&b, l->rq->arena);
        for (const struct gql_name *n = d->locations; n; n = n->next) {
            json_push(&b, json_str(n->name));
        }
        return json_built(&b);
    }
    return str_eq(field, STR("name"))           ? json_str(d->name)
           : str_eq(field, STR("description"))  ? text_or_null(d->description)
           : str_eq(field, STR("isRepeatable")) ? json_bool(d->repeatable)
           : str_eq(field, STR("args"))         ? list_inputs(l, sel, d->args)
                                                : json_null();
}

static struct json field_value(struct look *l, struct gql_sel *sel, struct entity e)
{
    struct str field = sel->def->name;
    switch (e.kind) {
    case SCHEMA:
        return of_schema(l, sel, field);
    case TYPE:
        return of_type(l, sel, e.of, field);
    case REF:
        return of_ref(l, sel, e.of, field);
    case FIELD:
        return of_field(l, sel, e.of, field);
    case INPUT:
        return of_input(l, sel, e.of, field);
    case ENUM_VALUE:
        return of_enum_value(l, e.of, field);
    case DIRECTIVE:
        return of_directive(l, sel, e.of, field);
    }
    return json_null();
}

static bool answer(struct look *l, struct gql_sel *sel, struct entity e, struct json *ret)
{
    struct json_builder b;
    if (++l->depth > MAX_DEPTH) {
        return gql_fail(l->rq, sel->loc, "TOO_DEEP", "The introspection is nested too deeply.");
    }
    if (!gql_children(l->rq, sel)) {
        return false;
    }
    json_build_object(&b, l->rq->arena);
    for (struct gql_sel *s = sel->children; s; s = s->next) {
        if (++l->nodes > MAX_NODES) {
            return gql_fail(l->rq, sel->loc, "TOO_COMPLEX", "The introspection is too large.");
        }
        json_append(&b, str_of(s->key), s->def ? field_value(l, s, e) : json_str(sel->type->name));
        if (l->rq->n_errors > 0) {
            return false;
        }
    }
    l->depth--;
    *ret = json_built(&b);
    return true;
}

bool gql_introspect(struct gql_request *rq, struct gql_sel *sel, struct json *ret)
{
    struct look l = {.rq = rq};
    *ret = json_null();
    if (sel->def == &schema_field) {
        return answer(&l, sel, (struct entity){SCHEMA, NULL}, ret);
    }
    struct str name = json_as_str(json_get(sel->args, STR("name")));
    const struct gql_type_def *t = gql_schema_type(rq->schema, name);
    return !t || answer(&l, sel, (struct entity){TYPE, t}, ret);
}
