/* Owns the grammar of GraphQL documents (October 2021): a recursive-descent parser with one token
 * of look-ahead. Any thread. It refuses documents over the bounds of gql_parse.h and, by which of
 * the two entries was called, type definitions in a request or operations in a schema. Errors are
 * sticky: after the first one every rule returns at once and the caller sees it. */
#include "api/gql_parse.h"

#include "api/gql_lex.h"

struct parser {
    struct gql_lexer lx;
    struct arena *a;
    struct err *err;
    int rc, nesting;
};

static void advance(struct parser *p)
{
    if (p->rc == 0) {
        p->rc = gql_lex_next(&p->lx, p->err);
    }
    if (p->rc < 0) {
        p->lx.token.kind = GQL_TK_EOF;
        p->lx.token.text = STR("");
    }
}

static void fail_at(struct parser *p, struct gql_loc loc, const char *words, struct str what)
{
    if (p->rc < 0) {
        return;
    }
    p->rc = err_set(p->err, -EINVAL, "gql.syntax", "Syntax Error: %s%.*s.", words,
                    (int)MIN(what.len, 60), what.ptr);
    if (p->err) {
        p->err->line = loc.line;
        p->err->column = loc.column;
    }
    p->lx.token.kind = GQL_TK_EOF;
    p->lx.token.text = STR("");
}

static void unexpected(struct parser *p)
{
    struct gql_token *t = &p->lx.token;
    if (t->kind == GQL_TK_EOF) {
        fail_at(p, t->loc, "Unexpected end of the document", STR(""));
    } else {
        fail_at(p, t->loc, "Unexpected ", t->kind == GQL_TK_STRING ? STR("string") : t->text);
    }
}

static bool at_punct(const struct parser *p, const char *text)
{
    return p->lx.token.kind == GQL_TK_PUNCTUATOR && str_eq(p->lx.token.text, str_of(text));
}

static bool at_word(const struct parser *p, const char *word)
{
    return p->lx.token.kind == GQL_TK_NAME && str_eq(p->lx.token.text, str_of(word));
}

static bool skip(struct parser *p, const char *punct)
{
    if (!at_punct(p, punct)) {
        return false;
    }
    advance(p);
    return true;
}

static void expect(struct parser *p, const char *punct)
{
    if (!skip(p, punct)) {
        unexpected(p);
    }
}

static struct str name(struct parser *p)
{
    struct str text = p->lx.token.text;
    if (p->lx.token.kind != GQL_TK_NAME) {
        unexpected(p);
        return STR("");
    }
    advance(p);
    return text;
}

/* true while a list closed by punct goes on; takes the closing one. */
static bool more(struct parser *p, const char *punct)
{
    return p->rc == 0 && !skip(p, punct) && p->rc == 0;
}

static bool deeper(struct parser *p)
{
    if (++p->nesting > GQL_MAX_NESTING) {
        fail_at(p, p->lx.token.loc, "The document is nested too deeply", STR(""));
        return false;
    }
    return true;
}

static struct gql_value *parse_value(struct parser *p, bool constant);

static struct gql_arg *parse_named_values(struct parser *p, const char *close, bool constant)
{
    struct gql_arg *first = NULL, **end = &first;
    while (more(p, close)) {
        struct gql_arg *arg = arena_new_of(p->a, struct gql_arg);
        arg->loc = p->lx.token.loc;
        arg->name = name(p);
        expect(p, ":");
        arg->value = parse_value(p, constant);
        *end = arg;
        end = &arg->next;
    }
    return first;
}

static void parse_word_value(struct parser *p, struct gql_value *v)
{
    v->text = p->lx.token.text;
    v->kind = at_word(p, "true") || at_word(p, "false") ? GQL_BOOL
              : at_word(p, "null")                      ? GQL_NULL
                                                        : GQL_ENUM;
    advance(p);
}

static struct gql_value *parse_value(struct parser *p, bool constant)
{
    struct gql_value *v = arena_new_of(p->a, struct gql_value);
    v->loc = p->lx.token.loc;
    v->kind = GQL_NULL;
    if (!deeper(p)) {
        return v;
    }
    switch (p->lx.token.kind) {
    case GQL_TK_NAME:
        parse_word_value(p, v);
        break;
    case GQL_TK_INT:
    case GQL_TK_FLOAT:
    case GQL_TK_STRING:
        v->kind = p->lx.token.kind == GQL_TK_INT     ? GQL_INT
                  : p->lx.token.kind == GQL_TK_FLOAT ? GQL_FLOAT
                                                     : GQL_STRING;
        v->text = p->lx.token.text;
        advance(p);
        break;
    case GQL_TK_PUNCTUATOR:
        if (at_punct(p, "$") && !constant) {
            advance(p);
            v->kind = GQL_VARIABLE;
            v->text = name(p);
        } else if (skip(p, "[")) {
            v->kind = GQL_LIST;
            for (struct gql_value **end = &v->items; more(p, "]"); end = &(*end)->next) {
                *end = parse_value(p, constant);
            }
        } else if (skip(p, "{")) {
            v->kind = GQL_OBJECT;
            v->fields = parse_named_values(p, "}", constant);
        } else {
            unexpected(p);
        }
        break;
    case GQL_TK_EOF:
        unexpected(p);
        break;
    }
    p->nesting--;
    return v;
}

static struct gql_arg *parse_args(struct parser *p, bool constant)
{
    if (!skip(p, "(")) {
        return NULL;
    }
    if (at_punct(p, ")")) {
        unexpected(p);
    }
    return parse_named_values(p, ")", constant);
}

static struct gql_directive *parse_directives(struct parser *p, bool constant)
{
    struct gql_directive *first = NULL, **end = &first;
    while (at_punct(p, "@")) {
        struct gql_directive *d = arena_new_of(p->a, struct gql_directive);
        d->loc = p->lx.token.loc;
        advance(p);
        d->name = name(p);
        d->args = parse_args(p, constant);
        *end = d;
        end = &d->next;
    }
    return first;
}

static struct gql_selection *parse_selections(struct parser *p);

static void parse_fragment_use(struct parser *p, struct gql_selection *s)
{
    advance(p);
    s->kind = GQL_INLINE;
    if (p->lx.token.kind == GQL_TK_NAME && !at_word(p, "on")) {
        s->kind = GQL_SPREAD;
        s->name = name(p);
        s->directives = parse_directives(p, false);
        return;
    }
    if (at_word(p, "on")) {
        advance(p);
        s->on = name(p);
    }
    s->directives = parse_directives(p, false);
    s->selections = parse_selections(p);
}

static struct gql_selection *parse_selection(struct parser *p)
{
    struct gql_selection *s = arena_new_of(p->a, struct gql_selection);
    s->loc = p->lx.token.loc;
    if (at_punct(p, "...")) {
        parse_fragment_use(p, s);
        return s;
    }
    s->name = name(p);
    if (skip(p, ":")) {
        s->alias = s->name;
        s->name = name(p);
    }
    s->args = parse_args(p, false);
    s->directives = parse_directives(p, false);
    if (at_punct(p, "{")) {
        s->selections = parse_selections(p);
    }
    return s;
}

static struct gql_selection *parse_selections(struct parser *p)
{
    struct gql_selection *first = NULL, **end = &first;
    if (!deeper(p)) {
        return NULL;
    }
    expect(p, "{");
    if (at_punct(p, "}")) {
        unexpected(p);
    }
    while (more(p, "}")) {
        *end = parse_selection(p);
        end = &(*end)->next;
    }
    p->nesting--;
    return first;
}

static struct gql_type_ref *parse_type(struct parser *p)
{
    struct gql_type_ref *t = arena_new_of(p->a, struct gql_type_ref);
    t->loc = p->lx.token.loc;
    if (!deeper(p)) {
        return t;
    }
    if (skip(p, "[")) {
        t->of = parse_type(p);
        expect(p, "]");
    } else {
        t->name = name(p);
    }
    t->non_null = skip(p, "!");
    p->nesting--;
    return t;
}

static struct gql_variable *parse_variables(struct parser *p)
{
    struct gql_variable *first = NULL, **end = &first;
    if (!skip(p, "(")) {
        return NULL;
    }
    while (more(p, ")")) {
        struct gql_variable *v = arena_new_of(p->a, struct gql_variable);
        v->loc = p->lx.token.loc;
        expect(p, "$");
        v->name = name(p);
        expect(p, ":");
        v->type = parse_type(p);
        if (skip(p, "=")) {
            v->fallback = parse_value(p, true);
        }
        v->directives = parse_directives(p, true);
        *end = v;
        end = &v->next;
    }
    return first;
}

static const char *const operation_words[] = {
    [GQL_QUERY] = "query",
    [GQL_MUTATION] = "mutation",
    [GQL_SUBSCRIPTION] = "subscription",
};

const char *gql_operation_word(enum gql_operation_kind kind)
{
    return operation_words[kind];
}

static struct gql_operation *parse_operation(struct parser *p)
{
    struct gql_operation *op = arena_new_of(p->a, struct gql_operation);
    op->loc = p->lx.token.loc;
    if (!at_punct(p, "{")) {
        size_t kind = 0;
        while (kind < ARRAY_LEN(operation_words) && !at_word(p, operation_words[kind])) {
            kind++;
        }
        if (kind == ARRAY_LEN(operation_words)) {
            unexpected(p);
            return op;
        }
        op->kind = (enum gql_operation_kind)kind;
        advance(p);
        if (p->lx.token.kind == GQL_TK_NAME) {
            op->name = name(p);
        }
        op->variables = parse_variables(p);
        op->directives = parse_directives(p, false);
    }
    op->selections = parse_selections(p);
    return op;
}

static struct gql_fragment *parse_fragment(struct parser *p)
{
    struct gql_fragment *f = arena_new_of(p->a, struct gql_fragment);
    f->loc = p->lx.token.loc;
    advance(p);
    if (at_word(p, "on")) {
        unexpected(p);
    }
    f->name = name(p);
    if (!at_word(p, "on")) {
        unexpected(p);
    }
    advance(p);
    f->on = name(p);
    f->directives = parse_directives(p, false);
    f->selections = parse_selections(p);
    return f;
}

static void start(struct parser *p, struct arena *a, struct str source, struct err *err)
{
    *p = (struct parser){.a = a, .err = err};
    gql_lex_init(&p->lx, a, source, GQL_MAX_TOKENS);
    if (source.len > GQL_MAX_BYTES) {
        fail_at(p, (struct gql_loc){1, 1}, "The document is larger than 256 KB", STR(""));
    }
    advance(p);
}

int gql_parse_request(struct arena *a, struct str source, struct gql_document *ret, struct err *err)
{
    struct parser p;
    struct gql_document doc = {0};
    struct gql_operation **op_end = &doc.operations;
    struct gql_fragment **fragment_end = &doc.fragments;
    start(&p, a, source, err);
    do {
        if (at_word(&p, "fragment")) {
            *fragment_end = parse_fragment(&p);
            fragment_end = &(*fragment_end)->next;
        } else {
            *op_end = parse_operation(&p);
            op_end = &(*op_end)->next;
        }
    } while (p.rc == 0 && p.lx.token.kind != GQL_TK_EOF);
    if (p.rc == 0) {
        *ret = doc;
    }
    return p.rc;
}

static struct str parse_description(struct parser *p)
{
    struct str text = STR("");
    if (p->lx.token.kind == GQL_TK_STRING) {
        text = p->lx.token.text;
        advance(p);
    }
    return text;
}

static struct gql_input_def *parse_inputs(struct parser *p, const char *close)
{
    struct gql_input_def *first = NULL, **end = &first;
    while (more(p, close)) {
        struct gql_input_def *in = arena_new_of(p->a, struct gql_input_def);
        in->description = parse_description(p);
        in->name = name(p);
        expect(p, ":");
        in->type = parse_type(p);
        if (skip(p, "=")) {
            in->fallback = parse_value(p, true);
        }
        in->directives = parse_directives(p, true);
        *end = in;
        end = &in->next;
    }
    return first;
}

static struct gql_field_def *parse_fields(struct parser *p)
{
    struct gql_field_def *first = NULL, **end = &first;
    expect(p, "{");
    while (more(p, "}")) {
        struct gql_field_def *f = arena_new_of(p->a, struct gql_field_def);
        f->description = parse_description(p);
        f->name = name(p);
        if (skip(p, "(")) {
            f->args = parse_inputs(p, ")");
        }
        expect(p, ":");
        f->type = parse_type(p);
        f->directives = parse_directives(p, true);
        *end = f;
        end = &f->next;
    }
    return first;
}

static struct gql_enum_def *parse_enum_values(struct parser *p)
{
    struct gql_enum_def *first = NULL, **end = &first;
    expect(p, "{");
    while (more(p, "}")) {
        struct gql_enum_def *v = arena_new_of(p->a, struct gql_enum_def);
        v->description = parse_description(p);
        v->name = name(p);
        v->directives = parse_directives(p, true);
        *end = v;
        end = &v->next;
    }
    return first;
}

/* Names with a separator before each but, optionally, the first. */
static struct gql_name *parse_names(struct parser *p, const char *separator)
{
    struct gql_name *first = NULL, **end = &first;
    (void)skip(p, separator);
    do {
        struct gql_name *n = arena_new_of(p->a, struct gql_name);
        n->name = name(p);
        *end = n;
        end = &n->next;
    } while (p->rc == 0 && skip(p, separator));
    return first;
}

static const struct {
    const char *word;
    enum gql_type_kind kind;
} type_words[] = {
    {"scalar", GQL_T_SCALAR}, {"type", GQL_T_OBJECT}, {"interface", GQL_T_INTERFACE},
    {"union", GQL_T_UNION},   {"enum", GQL_T_ENUM},   {"input", GQL_T_INPUT},
};

static struct gql_type_def *parse_type_def(struct parser *p, struct str description, bool extends)
{
    struct gql_type_def *t = arena_new_of(p->a, struct gql_type_def);
    size_t i = 0;
    while (i < ARRAY_LEN(type_words) && !at_word(p, type_words[i].word)) {
        i++;
    }
    if (i == ARRAY_LEN(type_words)) {
        unexpected(p);
        return t;
    }
    advance(p);
    t->kind = type_words[i].kind;
    t->description = description;
    t->name = name(p);
    if (at_word(p, "implements")) {
        advance(p);
        t->interfaces = parse_names(p, "&");
    }
    t->directives = parse_directives(p, true);
    if (extends && !at_punct(p, "{") && !at_punct(p, "=")) {
        return t; /* by directives or interfaces alone */
    }
    switch (t->kind) {
    case GQL_T_SCALAR:
        break;
    case GQL_T_OBJECT:
    case GQL_T_INTERFACE:
        t->fields = parse_fields(p);
        break;
    case GQL_T_UNION:
        expect(p, "=");
        t->members = parse_names(p, "|");
        break;
    case GQL_T_ENUM:
        t->values = parse_enum_values(p);
        break;
    case GQL_T_INPUT:
        expect(p, "{");
        t->inputs = parse_inputs(p, "}");
        break;
    }
    return t;
}

static struct gql_directive_def *parse_directive_def(struct parser *p, struct str description)
{
    struct gql_directive_def *d = arena_new_of(p->a, struct gql_directive_def);
    d->description = description;
    advance(p);
    expect(p, "@");
    d->name = name(p);
    if (skip(p, "(")) {
        d->args = parse_inputs(p, ")");
    }
    if (at_word(p, "repeatable")) {
        d->repeatable = true;
        advance(p);
    }
    if (!at_word(p, "on")) {
        unexpected(p);
    }
    advance(p);
    d->locations = parse_names(p, "|");
    return d;
}

#define APPEND(to, from)                                                                           \
    do {                                                                                           \
        __typeof__(&(to)) end_ = &(to);                                                            \
        while (*end_) {                                                                            \
            end_ = &(*end_)->next;                                                                 \
        }                                                                                          \
        *end_ = (from);                                                                            \
    } while (0)

/* `extend type X ...`: what follows becomes part of X, which was defined before. */
static void parse_extension(struct parser *p, struct gql_type_def *types)
{
    advance(p);
    struct gql_loc loc = p->lx.token.loc;
    struct gql_type_def *more = parse_type_def(p, STR(""), true);
    while (types && !(types->kind == more->kind && str_eq(types->name, more->name))) {
        types = types->next;
    }
    if (p->rc < 0) {
        return;
    }
    if (!types) {
        p->rc = err_set(p->err, -EINVAL, "gql.syntax",
                        "line %d, column %d: nothing to extend is called \"%.*s\"", loc.line,
                        loc.column, (int)more->name.len, more->name.ptr);
        return;
    }
    APPEND(types->interfaces, more->interfaces);
    APPEND(types->directives, more->directives);
    APPEND(types->fields, more->fields);
    APPEND(types->members, more->members);
    APPEND(types->values, more->values);
    APPEND(types->inputs, more->inputs);
}

int gql_parse_schema(struct arena *a, struct str source, struct gql_document *ret, struct err *err)
{
    struct parser p;
    struct gql_document doc = {0};
    struct gql_type_def **type_end = &doc.types;
    struct gql_directive_def **directive_end = &doc.directives;
    start(&p, a, source, err);
    do {
        struct str description = parse_description(&p);
        if (at_word(&p, "directive")) {
            *directive_end = parse_directive_def(&p, description);
            directive_end = &(*directive_end)->next;
        } else if (at_word(&p, "extend")) {
            parse_extension(&p, doc.types);
        } else {
            *type_end = parse_type_def(&p, description, false);
            type_end = &(*type_end)->next;
        }
    } while (p.rc == 0 && p.lx.token.kind != GQL_TK_EOF);
    if (p.rc == 0) {
        *ret = doc;
    }
    return p.rc;
}
