/* Owns the parsed schema and the reading of its mapping directives. Built once at start on the main
 * thread, read by all afterwards. It refuses a schema whose names do not resolve or whose
 * directives make no sense, so that a mistake in the schema files shows at start and not in a
 * request. */
#include "api/gql_schema.h"

#include "api/gql_parse.h"
#include "api/gql_schema_priv.h"
#include "domain/role.h"

const struct gql_type_def *gql_schema_types(const struct gql_schema *s)
{
    return s->doc.types;
}

const struct gql_directive_def *gql_schema_directives(const struct gql_schema *s)
{
    return s->public_directives;
}

const struct gql_type_def *gql_schema_type(const struct gql_schema *s, struct str name)
{
    for (const struct gql_type_def *t = s->doc.types; t; t = t->next) {
        if (str_eq(t->name, name)) {
            return t;
        }
    }
    return NULL;
}

const struct gql_type_def *gql_schema_root(const struct gql_schema *s, enum gql_operation_kind kind)
{
    static const char *const names[] = {"Query", "Mutation", "Subscription"};
    return gql_schema_type(s, str_of(names[kind]));
}

const struct gql_field_def *gql_type_field(const struct gql_type_def *t, struct str name)
{
    for (const struct gql_field_def *f = t->fields; f; f = f->next) {
        if (str_eq(f->name, name)) {
            return f;
        }
    }
    return NULL;
}

const struct gql_input_def *gql_input_find(const struct gql_input_def *list, struct str name)
{
    while (list && !str_eq(list->name, name)) {
        list = list->next;
    }
    return list;
}

const struct gql_arg *gql_arg_find(const struct gql_arg *list, struct str name)
{
    while (list && !str_eq(list->name, name)) {
        list = list->next;
    }
    return list;
}

const struct gql_directive *gql_directive_find(const struct gql_directive *list, const char *name)
{
    while (list && !str_eq(list->name, str_of(name))) {
        list = list->next;
    }
    return list;
}

const struct gql_enum_def *gql_enum_find(const struct gql_type_def *t, struct str name)
{
    const struct gql_enum_def *v = t->values;
    while (v && !str_eq(v->name, name)) {
        v = v->next;
    }
    return v;
}

struct str gql_type_name(const struct gql_type_ref *ref)
{
    while (ref->of) {
        ref = ref->of;
    }
    return ref->name;
}

const char *gql_type_text(struct arena *a, const struct gql_type_ref *ref)
{
    const char *bang = ref->non_null ? "!" : "";
    return ref->of ? arena_printf(a, "[%s]%s", gql_type_text(a, ref->of), bang)
                   : arena_printf(a, "%.*s%s", (int)ref->name.len, ref->name.ptr, bang);
}

bool gql_type_implements(const struct gql_type_def *t, struct str interface)
{
    const struct gql_name *n = t->interfaces;
    while (n && !str_eq(n->name, interface)) {
        n = n->next;
    }
    return n != NULL;
}

/* A string argument of a mapping directive, with the definition's default; NULL when it is not
 * given. */
const char *gql_schema_text(struct gql_schema *s, const struct gql_directive *d, const char *name)
{
    const struct gql_arg *arg = gql_arg_find(d->args, str_of(name));
    const struct gql_value *v = arg ? arg->value : NULL;
    for (const struct gql_directive_def *def = s->doc.directives; !v && def; def = def->next) {
        if (str_eq(def->name, d->name)) {
            const struct gql_input_def *in = gql_input_find(def->args, str_of(name));
            v = in ? in->fallback : NULL;
        }
    }
    return v && v->kind != GQL_NULL ? arena_strndup(s->arena, v->text.ptr, v->text.len) : NULL;
}

/* createdAt -> created_at */
char *gql_schema_column(struct gql_schema *s, struct str name)
{
    char *out = arena_alloc(s->arena, name.len * 2 + 1);
    size_t n = 0;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (c >= 'A' && c <= 'Z') {
            out[n++] = '_';
            c = (char)(c | 0x20);
        }
        out[n++] = c;
    }
    out[n] = '\0';
    return out;
}

static int fail(struct err *err, const char *words, struct str type, struct str field)
{
    return err_set(err, -EINVAL, "gql.schema", "schema: %s: %.*s.%.*s", words, (int)type.len,
                   type.ptr, (int)field.len, field.ptr);
}

static const struct {
    const char *directive;
    enum gql_map_kind kind;
    const char *text; /* argument that becomes sql */
} map_words[] = {
    {"gid", GQL_MAP_COLUMN, "sql"},       {"sql", GQL_MAP_COLUMN, "expr"},
    {"one", GQL_MAP_ONE, "where"},        {"connection", GQL_MAP_CONNECTION, "where"},
    {"resolve", GQL_MAP_RESOLVE, "expr"}, {"mutation", GQL_MAP_MUTATION, NULL},
    {"result", GQL_MAP_RESULT, NULL},
};

/* The field's own words, else its type's, else everybody who may read. */
static int read_role(struct gql_schema *s, const struct gql_type_def *t,
                     const struct gql_field_def *f, struct gql_mapping *m)
{
    const struct gql_directive *d = gql_directive_find(f->directives, "role");
    d = d ? d : gql_directive_find(t->directives, "role");
    const char *customer = d ? gql_schema_text(s, d, "customer") : "customer_member";
    const struct role *lowest = role_find(str_of(d ? gql_schema_text(s, d, "org") : "guest"));
    const struct role *of_customer = customer ? role_find(str_of(customer)) : NULL;
    if (!lowest || lowest->of_customer ||
        (customer && (!of_customer || !of_customer->of_customer))) {
        return -EINVAL;
    }
    m->org_role = lowest->level;
    m->customer_role = of_customer ? of_customer->level : 0;
    return 0;
}

static const struct gql_window *read_window(struct gql_schema *s, const struct gql_field_def *f)
{
    const struct gql_directive *d = gql_directive_find(f->directives, "window");
    if (!d) {
        return NULL;
    }
    struct gql_window *w = arena_new_of(s->arena, struct gql_window);
    const struct gql_arg *arg = gql_arg_find(d->args, STR("unless"));
    const struct gql_value *v = arg ? arg->value->items : NULL;
    size_t n = 0, most = 1;
    for (const struct gql_value *item = v; item; item = item->next) {
        most++;
    }
    const char **unless = arena_array(s->arena, most, sizeof(*unless));
    for (; v; v = v->next) {
        unless[n++] = arena_strndup(s->arena, v->text.ptr, v->text.len);
    }
    unless[n] = NULL;
    w->with = gql_schema_text(s, d, "with");
    w->unless = unless;
    w->before = gql_schema_text(s, d, "before");
    w->where = gql_schema_text(s, d, "where");
    return w;
}

static int map_field(struct gql_schema *s, const struct gql_type_def *t, struct gql_field_def *f,
                     struct err *err)
{
    struct gql_mapping *m = arena_new_of(s->arena, struct gql_mapping);
    struct str type = gql_type_name(f->type);
    m->date_time = str_eq(type, STR("DateTime"));
    if (t->table) { /* without a directive: the column of the same name */
        m->kind = GQL_MAP_COLUMN;
        m->sql = arena_printf(s->arena, "{t}.%s", gql_schema_column(s, f->name));
    }
    for (size_t i = 0; i < ARRAY_LEN(map_words); i++) {
        const struct gql_directive *d = gql_directive_find(f->directives, map_words[i].directive);
        if (!d) {
            continue;
        }
        m->kind = map_words[i].kind;
        m->sql = map_words[i].text ? gql_schema_text(s, d, map_words[i].text) : NULL;
        m->fn = gql_schema_text(s, d, "fn");
        if (i == 0) {
            m->gid = gql_schema_text(s, d, "type");
            m->gid = m->gid ? m->gid : arena_strndup(s->arena, t->name.ptr, t->name.len);
        }
    }
    if (m->kind == GQL_MAP_CONNECTION && str_ends(type, STR("Connection"))) {
        type.len -= strlen("Connection");
    }
    m->type = gql_schema_type(s, type);
    if (!m->type || !gql_schema_type(s, gql_type_name(f->type))) {
        return fail(err, "unknown type", t->name, f->name);
    }
    bool rows =
        m->kind == GQL_MAP_ONE || m->kind == GQL_MAP_CONNECTION || m->kind == GQL_MAP_RESULT;
    if (rows && !m->type->table) {
        return fail(err, "the type of a mapped object has no @table", t->name, f->name);
    }
    if (read_role(s, t, f, m) < 0) {
        return fail(err, "unknown role", t->name, f->name);
    }
    m->window = read_window(s, f);
    f->mapping = m;
    return 0;
}

static int check_inputs(struct gql_schema *s, const struct gql_type_def *t,
                        const struct gql_input_def *list, struct err *err)
{
    for (; list; list = list->next) {
        const struct gql_type_def *type = gql_schema_type(s, gql_type_name(list->type));
        if (!type ||
            (type->kind != GQL_T_SCALAR && type->kind != GQL_T_ENUM && type->kind != GQL_T_INPUT)) {
            return fail(err, "unknown input type", t->name, list->name);
        }
    }
    return 0;
}

/* Several files add to the schema: no two of them the same name. */
static int check_twice(const struct gql_schema *s, const struct gql_type_def *t, struct err *err)
{
    if (gql_schema_type(s, t->name) != t) {
        return fail(err, "defined twice", t->name, STR(""));
    }
    for (const struct gql_field_def *f = t->fields; f; f = f->next) {
        if (gql_type_field(t, f->name) != f) {
            return fail(err, "defined twice", t->name, f->name);
        }
    }
    for (const struct gql_input_def *in = t->inputs; in; in = in->next) {
        if (gql_input_find(t->inputs, in->name) != in) {
            return fail(err, "defined twice", t->name, in->name);
        }
    }
    return 0;
}

static void read_table(struct gql_schema *s, struct gql_type_def *t)
{
    const struct gql_directive *d = gql_directive_find(t->directives, "table");
    if (!d) {
        return;
    }
    struct gql_table *table = arena_new_of(s->arena, struct gql_table);
    const char *descending = gql_schema_text(s, d, "descending");
    table->from = gql_schema_text(s, d, "from");
    table->id = gql_schema_text(s, d, "id");
    table->id_type = gql_schema_text(s, d, "idType");
    table->descending = descending && strcmp(descending, "true") == 0;
    const struct gql_directive *merge = gql_directive_find(t->directives, "merge");
    if (merge) {
        table->merge_key = gql_schema_text(s, merge, "key");
        table->merge_own = gql_schema_text(s, merge, "own");
    }
    t->table = table;
}

static int map_all(struct gql_schema *s, struct err *err)
{
    for (struct gql_type_def *t = s->doc.types; t; t = t->next) {
        int rc = check_inputs(s, t, t->inputs, err);
        rc = rc < 0 ? rc : check_twice(s, t, err);
        for (struct gql_field_def *f = t->fields; f && rc == 0; f = f->next) {
            rc = check_inputs(s, t, f->args, err);
            if (rc == 0 && t->kind == GQL_T_OBJECT && !f->mapping) {
                rc = map_field(s, t, f, err);
            }
        }
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

static const char builtin_sdl[] =
    "scalar Boolean scalar Float scalar ID scalar Int scalar String\n"
    "enum __TypeKind { SCALAR OBJECT INTERFACE UNION ENUM INPUT_OBJECT LIST NON_NULL }\n"
    "enum __DirectiveLocation { QUERY MUTATION SUBSCRIPTION FIELD FRAGMENT_DEFINITION "
    "FRAGMENT_SPREAD INLINE_FRAGMENT VARIABLE_DEFINITION SCHEMA SCALAR OBJECT FIELD_DEFINITION "
    "ARGUMENT_DEFINITION INTERFACE UNION ENUM ENUM_VALUE INPUT_OBJECT INPUT_FIELD_DEFINITION }\n"
    "type __Schema { description: String types: [__Type!]! queryType: __Type! "
    "mutationType: __Type subscriptionType: __Type directives: [__Directive!]! }\n"
    "type __Type { kind: __TypeKind! name: String description: String specifiedByURL: String "
    "fields(includeDeprecated: Boolean = false): [__Field!] interfaces: [__Type!] "
    "possibleTypes: [__Type!] enumValues(includeDeprecated: Boolean = false): [__EnumValue!] "
    "inputFields(includeDeprecated: Boolean = false): [__InputValue!] ofType: __Type }\n"
    "type __Field { name: String! description: String "
    "args(includeDeprecated: Boolean = false): [__InputValue!]! type: __Type! "
    "isDeprecated: Boolean! deprecationReason: String }\n"
    "type __InputValue { name: String! description: String type: __Type! defaultValue: String "
    "isDeprecated: Boolean! deprecationReason: String }\n"
    "type __EnumValue { name: String! description: String isDeprecated: Boolean! "
    "deprecationReason: String }\n"
    "type __Directive { name: String! description: String isRepeatable: Boolean! "
    "locations: [__DirectiveLocation!]! args(includeDeprecated: Boolean = false): "
    "[__InputValue!]! }\n"
    "directive @include(if: Boolean!) on FIELD | FRAGMENT_SPREAD | INLINE_FRAGMENT\n"
    "directive @skip(if: Boolean!) on FIELD | FRAGMENT_SPREAD | INLINE_FRAGMENT\n"
    "directive @deprecated(reason: String = \"No longer supported\") on FIELD_DEFINITION | "
    "ARGUMENT_DEFINITION | INPUT_FIELD_DEFINITION | ENUM_VALUE\n"
    "directive @specifiedBy(url: String!) on SCALAR\n";

static void append_types(struct gql_schema *s, struct gql_type_def *more)
{
    struct gql_type_def **end = &s->doc.types;
    while (*end) {
        end = &(*end)->next;
    }
    *end = more;
}

int gql_schema_new(struct str sdl, struct gql_schema **ret, struct err *err)
{
    struct arena *a = arena_new(KIB(64), MIB(64));
    AUTO(gql_schema_free) struct gql_schema *s = arena_new_of(a, struct gql_schema);
    s->arena = a;
    char *copy = arena_strndup(a, sdl.ptr, sdl.len);
    struct gql_document builtin;
    int rc = gql_parse_schema(a, str_n(copy, sdl.len), &s->doc, err);
    rc = rc < 0 ? rc : gql_parse_schema(a, STR(builtin_sdl), &builtin, err);
    if (rc < 0) {
        return rc;
    }
    append_types(s, builtin.types);
    s->public_directives = builtin.directives;
    for (struct gql_type_def *t = s->doc.types; t; t = t->next) {
        read_table(s, t);
    }
    rc = gql_schema_generate(s, err);
    rc = rc < 0 ? rc : map_all(s, err);
    if (rc == 0 && !gql_schema_root(s, GQL_QUERY)) {
        rc = err_set(err, -EINVAL, "gql.schema", "schema: no type Query");
    }
    if (rc == 0) {
        *ret = TAKE(s);
    }
    return rc;
}

struct gql_schema *gql_schema_free(struct gql_schema *s)
{
    if (s) {
        (void)arena_free(s->arena); /* s is in it */
    }
    return NULL;
}
