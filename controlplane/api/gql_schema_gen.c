/* Owns what the schema gets beyond its file: connection, edge and order types, paging arguments and
 * the filter arguments of fields marked @filter. Called once while the schema is built. */
#include "api/gql_parse.h"
#include "api/gql_schema_priv.h"

static const struct filter_op {
    const char *name, *suffix, *where;
    bool list, is_null;
} filter_ops[] = {
    {"exact", "", "{x} = {v}", false, false},
    {"in", "_In", "{x} = ANY({v})", true, false},
    {"icontains", "_Icontains", "strpos(lower({x}), lower({v})) > 0", false, false},
    {"istartswith", "_Istartswith", "starts_with(lower({x}), lower({v}))", false, false},
    {"gt", "_Gt", "{x} > {v}", false, false},
    {"gte", "_Gte", "{x} >= {v}", false, false},
    {"lt", "_Lt", "{x} < {v}", false, false},
    {"lte", "_Lte", "{x} <= {v}", false, false},
    {"isnull", "_Isnull", "({x} IS NULL) = {v}", false, true},
    {"contains", "_Contains", "{x} @> {v}", true, false},
};

static const struct {
    const char *graphql, *sql;
} scalar_types[] = {
    {"ID", "uuid"},         {"UUID", "uuid"},
    {"String", "text"},     {"Int", "int8"},
    {"BigInt", "int8"},     {"Float", "float8"},
    {"Boolean", "bool"},    {"Date", "date"},
    {"JSONString", "text"}, {"DateTime", "timestamptz"},
};

static const char *sql_type(const struct gql_schema *s, struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(scalar_types); i++) {
        if (str_eq(name, str_of(scalar_types[i].graphql))) {
            return scalar_types[i].sql;
        }
    }
    const struct gql_type_def *t = gql_schema_type(s, name);
    return !t ? NULL : t->kind == GQL_T_ENUM ? "text" : t->kind == GQL_T_INPUT ? "jsonb" : NULL;
}

static struct gql_type_ref *type_ref(struct gql_schema *s, const char *name, bool list)
{
    struct gql_type_ref *ref = arena_new_of(s->arena, struct gql_type_ref);
    ref->name = str_of(name);
    if (list) {
        struct gql_type_ref *outer = arena_new_of(s->arena, struct gql_type_ref);
        ref->non_null = true;
        outer->of = ref;
        return outer;
    }
    return ref;
}

static struct gql_input_def *add_input(struct gql_schema *s, struct gql_input_def **list,
                                       const char *name, struct gql_type_ref *type)
{
    while (*list) {
        list = &(*list)->next;
    }
    *list = arena_new_of(s->arena, struct gql_input_def);
    (*list)->name = str_of(name);
    (*list)->type = type;
    return *list;
}

/* The expression of a field before it is written as text, e.g. a timestamptz. */
static const char *field_sql(struct gql_schema *s, const struct gql_field_def *f)
{
    const struct gql_directive *d = gql_directive_find(f->directives, "sql");
    return d ? gql_schema_text(s, d, "expr")
             : arena_printf(s->arena, "{t}.%s", gql_schema_column(s, f->name));
}

static int add_filter(struct gql_schema *s, struct gql_input_def **args,
                      const struct gql_field_def *f, const struct gql_value *op_name,
                      struct err *err)
{
    const struct filter_op *op = filter_ops;
    while (op < filter_ops + ARRAY_LEN(filter_ops) && !str_eq(op_name->text, str_of(op->name))) {
        op++;
    }
    struct str named = gql_type_name(f->type);
    const char *type = sql_type(s, named);
    if (op == filter_ops + ARRAY_LEN(filter_ops) || !type) {
        return err_set(err, -EINVAL, "gql.schema", "schema: bad @filter on %.*s", (int)f->name.len,
                       f->name.ptr);
    }
    struct gql_filter *filter = arena_new_of(s->arena, struct gql_filter);
    filter->where = op->where;
    filter->sql = field_sql(s, f);
    filter->type = op->is_null ? "bool" : type;
    filter->list = op->list;
    const char *graphql = op->is_null ? "Boolean" : arena_strndup(s->arena, named.ptr, named.len);
    struct gql_input_def *arg = add_input(
        s, args, arena_printf(s->arena, "%.*s%s", (int)f->name.len, f->name.ptr, op->suffix),
        type_ref(s, graphql, op->list));
    arg->filter = filter;
    return 0;
}

static int add_own_filters(struct gql_schema *s, struct gql_input_def **args,
                           const struct gql_type_def *t, struct err *err)
{
    for (const struct gql_directive *d = t->directives; d; d = d->next) {
        if (!str_eq(d->name, STR("arg"))) {
            continue;
        }
        const char *graphql = gql_schema_text(s, d, "type");
        struct gql_filter *filter = arena_new_of(s->arena, struct gql_filter);
        filter->where = gql_schema_text(s, d, "where");
        const char *list = gql_schema_text(s, d, "list");
        filter->gid = gql_schema_text(s, d, "gid");
        filter->each = gql_schema_text(s, d, "each");
        filter->type = sql_type(s, str_of(graphql));
        filter->sql = "";
        filter->list = list && strcmp(list, "true") == 0;
        if (!filter->type || !filter->where || (filter->each && !t->table->merge_key)) {
            return err_set(err, -EINVAL, "gql.schema", "schema: bad @arg on %.*s", (int)t->name.len,
                           t->name.ptr);
        }
        add_input(s, args, gql_schema_text(s, d, "name"), type_ref(s, graphql, filter->list))
            ->filter = filter;
    }
    return 0;
}

/* All arguments a connection to the type takes. */
static int connection_args(struct gql_schema *s, struct gql_input_def **args,
                           const struct gql_type_def *t, struct err *err)
{
    static const struct {
        const char *name, *type;
    } paging[] = {{"first", "Int"},
                  {"after", "String"},
                  {"last", "Int"},
                  {"before", "String"},
                  {"offset", "Int"}};
    for (size_t i = 0; i < ARRAY_LEN(paging); i++) {
        add_input(s, args, paging[i].name, type_ref(s, paging[i].type, false));
    }
    const char *order = arena_printf(s->arena, "%.*sOrder", (int)t->name.len, t->name.ptr);
    if (gql_schema_type(s, str_of(order))) {
        struct gql_type_ref *list = type_ref(s, order, true);
        list->of->non_null = false;
        add_input(s, args, "sortBy", list);
        add_input(s, args, "orderBy", list);
    }
    int rc = add_own_filters(s, args, t, err);
    for (const struct gql_field_def *f = t->fields; f && rc == 0; f = f->next) {
        const struct gql_directive *d = gql_directive_find(f->directives, "filter");
        const struct gql_arg *ops = d ? gql_arg_find(d->args, STR("ops")) : NULL;
        for (const struct gql_value *v = ops ? ops->value->items : NULL; v && rc == 0;
             v = v->next) {
            rc = add_filter(s, args, f, v, err);
        }
    }
    return rc;
}

static char *enum_name(struct gql_schema *s, struct str field)
{
    char *name = gql_schema_column(s, field);
    for (char *c = name; *c; c++) {
        *c = *c >= 'a' && *c <= 'z' ? (char)(*c & ~0x20) : *c;
    }
    return name;
}

/* The values of XOrderField; NULL when no field is marked @sort. */
static struct gql_enum_def *order_values(struct gql_schema *s, const struct gql_type_def *t)
{
    struct gql_enum_def *first = NULL, **end = &first;
    for (const struct gql_field_def *f = t->fields; f; f = f->next) {
        const struct gql_directive *d = gql_directive_find(f->directives, "sort");
        if (!d) {
            continue;
        }
        struct gql_sort *sort = arena_new_of(s->arena, struct gql_sort);
        sort->sql = gql_schema_text(s, d, "by");
        sort->type = gql_schema_text(s, d, "type");
        sort->sql = sort->sql ? sort->sql : field_sql(s, f);
        sort->type = sort->type ? sort->type : sql_type(s, gql_type_name(f->type));
        *end = arena_new_of(s->arena, struct gql_enum_def);
        (*end)->name = str_of(enum_name(s, f->name));
        (*end)->sort = sort;
        end = &(*end)->next;
    }
    return first;
}

/* The generated types in SDL, so that they are made by the same parser as all others. */
static int generate_types(struct gql_schema *s, const struct gql_type_def *t,
                          struct gql_document *ret, struct err *err)
{
    char name[64];
    snprintf(name, sizeof(name), "%.*s", (int)t->name.len, t->name.ptr);
    struct gql_enum_def *values = order_values(s, t);
    const char *sdl = arena_printf(
        s->arena,
        "type %sConnection { nodes: [%s!]! edges: [%sEdge!]! pageInfo: PageInfo! totalCount: Int! "
        "} type %sEdge { cursor: String! node: %s! }",
        name, name, name, name, name);
    if (values) {
        sdl = arena_printf(s->arena,
                           "%s input %sOrder { field: %sOrderField! direction: OrderDirection! } "
                           "enum %sOrderField { X }",
                           sdl, name, name, name);
    }
    int rc = gql_parse_schema(s->arena, str_of(sdl), ret, err);
    for (struct gql_type_def *made = rc == 0 ? ret->types : NULL; made; made = made->next) {
        if (made->kind == GQL_T_ENUM) {
            made->values = values;
        }
    }
    return rc;
}

static int own_args(struct gql_schema *s, struct gql_field_def *f, struct err *err)
{
    for (struct gql_input_def *arg = f->args; arg; arg = arg->next) {
        const struct gql_directive *d = gql_directive_find(arg->directives, "where");
        if (!d) {
            continue;
        }
        struct gql_filter *filter = arena_new_of(s->arena, struct gql_filter);
        filter->where = gql_schema_text(s, d, "sql");
        filter->gid = gql_schema_text(s, d, "gid");
        filter->type = sql_type(s, gql_type_name(arg->type));
        filter->sql = "";
        filter->list = arg->type->of != NULL;
        if (!filter->where || !filter->type) {
            return err_set(err, -EINVAL, "gql.schema", "schema: bad @where on %.*s",
                           (int)arg->name.len, arg->name.ptr);
        }
        arg->filter = filter;
    }
    return 0;
}

int gql_schema_generate(struct gql_schema *s, struct err *err)
{
    struct gql_type_def *last = s->doc.types, *own_last;
    while (last->next) {
        last = last->next;
    }
    own_last = last;
    for (struct gql_type_def *t = s->doc.types;; t = t->next) {
        struct gql_document made = {0};
        int rc = t->table ? generate_types(s, t, &made, err) : 0;
        if (rc < 0) {
            return rc;
        }
        for (last->next = made.types; last->next;) {
            last = last->next;
        }
        if (t == own_last) {
            break;
        }
    }
    for (struct gql_type_def *t = s->doc.types; t; t = t->next) {
        for (struct gql_field_def *f = t->fields; f; f = f->next) {
            int rc = own_args(s, f, err);
            struct str type = gql_type_name(f->type);
            if (rc == 0 && gql_directive_find(f->directives, "connection") &&
                str_ends(type, STR("Connection"))) {
                type.len -= strlen("Connection");
                const struct gql_type_def *node = gql_schema_type(s, type);
                rc = node ? connection_args(s, &f->args, node, err) : 0;
            }
            if (rc < 0) {
                return rc;
            }
        }
    }
    return 0;
}
