/* Owns the reading of a query into a tree: tokens, and a parser that goes by how strongly operators
 * bind. Called by jmespath.c. It refuses what is no query, unknown functions and too deep nesting,
 * with the place. */
#include "components/jmespath/jmespath_priv.h"

enum token {
    T_END,
    T_NAME,   /* without quotes */
    T_QUOTED, /* a name in double quotes */
    T_VALUE,  /* in backquotes or single quotes */
    T_NUMBER,
    T_DOT,
    T_STAR,
    T_AT,
    T_AMPERSAND,
    T_PIPE,
    T_OR,
    T_AND,
    T_NOT,
    T_OPEN,
    T_CLOSE,
    T_OPEN_BRACE,
    T_CLOSE_BRACE,
    T_BRACKET,
    T_FLATTEN,
    T_FILTER,
    T_CLOSE_BRACKET,
    T_COMMA,
    T_COLON,
    T_EQ,
    T_NE,
    T_LT,
    T_LE,
    T_GT,
    T_GE,
    _T_N
};
/* How strongly a token binds the expression before it; a projection ends before what binds less
 * than PROJECTION_ENDS. */
#define PROJECTION_ENDS 10
static const uint8_t binds[_T_N] = {
    [T_PIPE] = 1,     [T_OR] = 2,      [T_AND] = 3,  [T_EQ] = 5,   [T_NE] = 5,
    [T_LT] = 5,       [T_LE] = 5,      [T_GT] = 5,   [T_GE] = 5,   [T_FLATTEN] = 9,
    [T_STAR] = 20,    [T_FILTER] = 21, [T_DOT] = 40, [T_NOT] = 45, [T_OPEN_BRACE] = 50,
    [T_BRACKET] = 55, [T_OPEN] = 60,
};
static const struct {
    const char *text;
    enum token token;
} signs[] = {
    /* Longer ones first where one begins another. */
    {"[]", T_FLATTEN},   {"[?", T_FILTER},     {"||", T_OR},     {"&&", T_AND},
    {"==", T_EQ},        {"!=", T_NE},         {"<=", T_LE},     {">=", T_GE},
    {".", T_DOT},        {"*", T_STAR},        {"@", T_AT},      {"&", T_AMPERSAND},
    {"|", T_PIPE},       {"!", T_NOT},         {"(", T_OPEN},    {")", T_CLOSE},
    {"{", T_OPEN_BRACE}, {"}", T_CLOSE_BRACE}, {"[", T_BRACKET}, {"]", T_CLOSE_BRACKET},
    {",", T_COMMA},      {":", T_COLON},       {"<", T_LT},      {">", T_GT},
};

struct parser {
    struct jmespath *j;
    size_t at; /* after the current token */
    enum token token;
    size_t offset; /* of the current token */
    struct str text;
    struct json value;
    int nest;
};

static int parse_expression(struct parser *p, int binding, struct jmespath_node **ret);

/* --- tokens --------------------------------------------------------------------------------------
 */

static bool starts_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Texts in quotes of any kind; a backslash takes the next character with it. */
static int read_quoted(struct parser *p, char quote)
{
    struct str s = p->j->query;
    size_t end = p->offset + 1;
    while (end < s.len && s.ptr[end] != quote) {
        end += s.ptr[end] == '\\' ? 2 : 1;
    }
    if (end >= s.len) {
        return jmespath_fail(p->j, p->offset, "the quote %c is not closed.", quote);
    }
    struct str inside = str_n(s.ptr + p->offset + 1, end - p->offset - 1);
    p->at = end + 1;
    p->token = quote == '"' ? T_QUOTED : T_VALUE;
    p->text = inside;
    if (quote != '"') { /* the quote itself is written with a backslash */
        int rc = jmespath_room(p->j, inside.len + 1);
        if (rc < 0) {
            return rc;
        }
        char *text = arena_alloc(p->j->arena, inside.len + 1);
        size_t n = 0;
        for (size_t i = 0; i < inside.len; i++) {
            bool escape = inside.ptr[i] == '\\' && i + 1 < inside.len;
            if (escape && inside.ptr[i + 1] != quote) {
                text[n++] = inside.ptr[i];
            }
            i += escape ? 1 : 0;
            text[n++] = inside.ptr[i];
        }
        inside = str_n(text, n);
        p->value = json_str(inside);
    }
    if (quote == '\'') {
        return 0;
    }
    struct str json = quote == '"' ? str_n(s.ptr + p->offset, end + 1 - p->offset) : inside;
    if (json_parse(p->j->arena, json, &p->value, NULL) < 0) {
        return jmespath_fail(p->j, p->offset, "what is between the quotes %c is not JSON.%s", quote,
                             quote == '`' ? " Texts stand in single quotes." : "");
    }
    p->text = json_as_str(p->value);
    return 0;
}

static int read_sign(struct parser *p)
{
    struct str rest = str_n(p->j->query.ptr + p->offset, p->j->query.len - p->offset);
    for (size_t i = 0; i < ARRAY_LEN(signs); i++) {
        if (str_starts(rest, str_of(signs[i].text))) {
            p->token = signs[i].token;
            p->text = str_of(signs[i].text);
            p->at = p->offset + p->text.len;
            return 0;
        }
    }
    unsigned char c = (unsigned char)*rest.ptr;
    return c > ' ' && c < 0x7F
               ? jmespath_fail(p->j, p->offset, "the character %c has no meaning here.", c)
               : jmespath_fail(p->j, p->offset, "a character has no meaning here.");
}

static size_t after_blanks(struct str s, size_t at)
{
    while (at < s.len && (s.ptr[at] == ' ' || (s.ptr[at] >= '\t' && s.ptr[at] <= '\r'))) {
        at++;
    }
    return at;
}

static int next(struct parser *p)
{
    struct str s = p->j->query;
    p->at = after_blanks(s, p->at);
    p->offset = p->at;
    if (p->at == s.len) {
        p->token = T_END;
        p->text = STR("");
        return 0;
    }
    char c = s.ptr[p->at];
    if (c == '"' || c == '\'' || c == '`') {
        return read_quoted(p, c);
    }
    bool name = starts_name(c);
    bool number = is_digit(c) || (c == '-' && p->at + 1 < s.len && is_digit(s.ptr[p->at + 1]));
    if (!name && !number) {
        return read_sign(p);
    }
    p->token = name ? T_NAME : T_NUMBER;
    do {
        p->at++;
    } while (p->at < s.len && (is_digit(s.ptr[p->at]) || (name && starts_name(s.ptr[p->at]))));
    p->text = str_n(s.ptr + p->offset, p->at - p->offset);
    return 0;
}

static int unexpected(struct parser *p, const char *wanted)
{
    if (p->token == T_END) {
        return jmespath_fail(p->j, p->offset, "%s is missing.", wanted);
    }
    return jmespath_fail(p->j, p->offset, "%s is expected instead of \"%.*s\".", wanted,
                         (int)MIN(p->text.len, 40), p->text.ptr);
}

static int take(struct parser *p, enum token token, const char *wanted)
{
    return p->token == token ? next(p) : unexpected(p, wanted);
}

/* --- nodes ---------------------------------------------------------------------------------------
 */

static int new_node(struct parser *p, enum jmespath_kind kind, struct jmespath_node **ret)
{
    int rc = jmespath_room(p->j, sizeof(**ret));
    if (rc == 0) {
        *ret = arena_new_of(p->j->arena, struct jmespath_node);
        (*ret)->kind = kind;
        (*ret)->offset = p->offset;
        (*ret)->depth = 1;
    }
    return rc;
}

static int adopt(struct parser *p, struct jmespath_node *n, const struct jmespath_node *child)
{
    n->depth = MAX(n->depth, child ? child->depth + 1 : 1);
    return n->depth <= JMESPATH_MAX_DEPTH
               ? 0
               : jmespath_fail(p->j, n->offset, "the query has more than %d parts in a row.",
                               JMESPATH_MAX_DEPTH);
}

/* A node over both sides; a missing left side stands for the current value. */
static int new_pair(struct parser *p, enum jmespath_kind kind, struct jmespath_node *left,
                    struct jmespath_node *right, struct jmespath_node **ret)
{
    struct jmespath_node *n = NULL;
    int rc = new_node(p, kind, &n);
    if (rc == 0) {
        n->left = left;
        n->right = right;
        rc = adopt(p, n, left);
    }
    if (rc == 0) {
        rc = adopt(p, n, right);
    }
    *ret = n;
    return rc;
}

/* --- the grammar ---------------------------------------------------------------------------------
 */

/* Expressions separated by commas up to `close`; in braces with a key before each. */
static int parse_items(struct parser *p, enum token close, struct jmespath_node *list)
{
    struct jmespath_node **last = &list->items;
    const char *sign = close == T_CLOSE ? ")" : close == T_CLOSE_BRACE ? "}" : "]";
    for (;;) {
        struct str key = p->text;
        int rc = 0;
        if (close == T_CLOSE_BRACE) {
            if (p->token != T_NAME && p->token != T_QUOTED) {
                return unexpected(p, "a key");
            }
            rc = next(p);
            rc = rc < 0 ? rc : take(p, T_COLON, ":");
        }
        if (rc == 0) {
            rc = parse_expression(p, 0, last);
        }
        if (rc == 0) {
            rc = adopt(p, list, *last);
        }
        if (rc < 0) {
            return rc;
        }
        if (close == T_CLOSE_BRACE) {
            struct jmespath_node *wrapped = NULL; /* the key is the item's own */
            rc = new_pair(p, JMESPATH_CHAIN, NULL, *last, &wrapped);
            if (rc < 0) {
                return rc;
            }
            wrapped->name = key;
            *last = wrapped;
            rc = adopt(p, list, wrapped);
        }
        list->n_items++;
        last = &(*last)->next;
        if (rc < 0 || p->token != T_COMMA) {
            return rc < 0 ? rc : take(p, close, sign);
        }
        rc = next(p);
        if (rc < 0) {
            return rc;
        }
    }
}

static int parse_multi(struct parser *p, bool hash, struct jmespath_node **ret)
{
    int rc = new_node(p, hash ? JMESPATH_MULTI_HASH : JMESPATH_MULTI_LIST, ret);
    return rc < 0 ? rc : parse_items(p, hash ? T_CLOSE_BRACE : T_CLOSE_BRACKET, *ret);
}

/* What may follow a dot. */
static int parse_after_dot(struct parser *p, int binding, struct jmespath_node **ret)
{
    if (p->token == T_NAME || p->token == T_QUOTED || p->token == T_STAR) {
        return parse_expression(p, binding, ret);
    }
    bool hash = p->token == T_OPEN_BRACE;
    if (!hash && p->token != T_BRACKET) {
        return unexpected(p, "a name, *, [ or {");
    }
    int rc = next(p);
    return rc < 0 ? rc : parse_multi(p, hash, ret);
}

/* What works on each item of a projection; NULL for nothing. */
static int parse_each(struct parser *p, int binding, struct jmespath_node **ret)
{
    *ret = NULL;
    if (binds[p->token] < PROJECTION_ENDS) {
        return 0;
    }
    if (p->token == T_BRACKET || p->token == T_FILTER) {
        return parse_expression(p, binding, ret);
    }
    int rc = take(p, T_DOT, "a dot or a bracket");
    return rc < 0 ? rc : parse_after_dot(p, binding, ret);
}

static int parse_projection(struct parser *p, enum jmespath_kind kind, int binding,
                            struct jmespath_node *left, struct jmespath_node **ret)
{
    struct jmespath_node *each = NULL;
    int rc = parse_each(p, binding, &each);
    return rc < 0 ? rc : new_pair(p, kind, left, each, ret);
}

static int parse_filter(struct parser *p, struct jmespath_node *left, struct jmespath_node **ret)
{
    struct jmespath_node *condition = NULL;
    int rc = parse_expression(p, 0, &condition);
    if (rc == 0) {
        rc = take(p, T_CLOSE_BRACKET, "]");
    }
    if (rc == 0) {
        rc = parse_projection(p, JMESPATH_FILTER, binds[T_FILTER], left, ret);
    }
    if (rc == 0) {
        (*ret)->condition = condition;
        rc = adopt(p, *ret, condition);
    }
    return rc;
}

static int parse_flatten(struct parser *p, struct jmespath_node *left, struct jmespath_node **ret)
{
    struct jmespath_node *flat = NULL;
    int rc = new_pair(p, JMESPATH_FLATTEN, left, NULL, &flat);
    return rc < 0 ? rc : parse_projection(p, JMESPATH_LIST_PROJECTION, binds[T_FLATTEN], flat, ret);
}

/* [n], or [from:to:step], which is a projection. */
static int parse_index(struct parser *p, struct jmespath_node *left, struct jmespath_node **ret)
{
    struct jmespath_node *n = NULL;
    int part = 0, rc = new_pair(p, JMESPATH_INDEX, left, NULL, &n);
    while (rc == 0 && p->token != T_CLOSE_BRACKET) {
        if (p->token == T_COLON && part < 2) {
            n->kind = JMESPATH_SLICE;
            part++;
        } else if (p->token == T_NUMBER && !n->slice[part].given) {
            n->slice[part].given = true;
            if (!str_to_i64(p->text, &n->slice[part].n) || n->slice[part].n > INT32_MAX ||
                n->slice[part].n < INT32_MIN) {
                return jmespath_fail(p->j, p->offset, "the number is too large.");
            }
        } else {
            return unexpected(p, "]");
        }
        rc = next(p);
    }
    if (rc == 0) {
        rc = next(p);
    }
    if (rc < 0 || n->kind == JMESPATH_INDEX) {
        *ret = n;
        return rc;
    }
    if (n->slice[2].given && n->slice[2].n == 0) {
        return jmespath_fail(p->j, n->offset, "the step of a slice is not 0.");
    }
    return parse_projection(p, JMESPATH_LIST_PROJECTION, binds[T_STAR], n, ret);
}

/* After a [ that is neither [] nor [?. */
static int parse_bracket(struct parser *p, struct jmespath_node *left, bool first,
                         struct jmespath_node **ret)
{
    if (p->token == T_NUMBER || p->token == T_COLON) {
        return parse_index(p, left, ret);
    }
    size_t at = after_blanks(p->j->query, p->at);
    bool star = p->token == T_STAR && at < p->j->query.len && p->j->query.ptr[at] == ']';
    if (!star) {
        return first ? parse_multi(p, false, ret) : unexpected(p, "a number, : or *");
    }
    int rc = next(p);
    rc = rc < 0 ? rc : next(p);
    return rc < 0 ? rc : parse_projection(p, JMESPATH_LIST_PROJECTION, binds[T_STAR], left, ret);
}

static int parse_call(struct parser *p, struct jmespath_node *name, struct jmespath_node **ret)
{
    struct jmespath_node *n = name;
    n->kind = JMESPATH_CALL;
    n->function = jmespath_function_find(name->name);
    *ret = n;
    if (!n->function) {
        return jmespath_fail(p->j, n->offset, "there is no function %.*s.",
                             (int)MIN(n->name.len, 40), n->name.ptr);
    }
    int rc = p->token == T_CLOSE ? next(p) : parse_items(p, T_CLOSE, n);
    if (rc < 0) {
        return rc;
    }
    if (n->n_items < n->function->min_args || n->n_items > n->function->max_args) {
        return jmespath_fail(p->j, n->offset, "the function %s takes %d to %d values, not %u.",
                             n->function->name, n->function->min_args, n->function->max_args,
                             n->n_items);
    }
    return 0;
}

/* A name, a value, @, ! or &. */
static int parse_simple(struct parser *p, enum token token, enum jmespath_kind kind,
                        struct jmespath_node **ret)
{
    struct jmespath_node *n = NULL;
    int rc = new_node(p, kind, &n);
    if (!n) {
        return rc;
    }
    *ret = n;
    n->name = p->text;
    n->value = p->value;
    rc = next(p);
    if (rc == 0 && token == T_QUOTED && p->token == T_OPEN) {
        return jmespath_fail(p->j, p->offset, "names of functions stand without quotes.");
    }
    if (rc == 0 && (token == T_NOT || token == T_AMPERSAND)) {
        rc = parse_expression(p, token == T_NOT ? binds[T_NOT] : 0, &n->left);
        rc = rc < 0 ? rc : adopt(p, n, n->left);
    }
    return rc;
}

/* An expression that starts with the current token. */
static int parse_start(struct parser *p, struct jmespath_node **ret)
{
    static const struct {
        enum token token;
        enum jmespath_kind kind;
    } simple[] = {
        {T_NAME, JMESPATH_FIELD}, {T_QUOTED, JMESPATH_FIELD}, {T_VALUE, JMESPATH_LITERAL},
        {T_AT, JMESPATH_CURRENT}, {T_NOT, JMESPATH_NOT},      {T_AMPERSAND, JMESPATH_REFERENCE},
    };
    enum token token = p->token;
    for (size_t i = 0; i < ARRAY_LEN(simple); i++) {
        if (simple[i].token == token) {
            return parse_simple(p, token, simple[i].kind, ret);
        }
    }
    if (token == T_END || token == T_NUMBER) {
        return unexpected(p, "an expression");
    }
    size_t offset = p->offset;
    int rc = next(p);
    if (rc < 0) {
        return rc;
    }
    if (token == T_STAR) {
        return parse_projection(p, JMESPATH_VALUES_PROJECTION, binds[T_STAR], NULL, ret);
    }
    if (token == T_OPEN) {
        rc = parse_expression(p, 0, ret);
        return rc < 0 ? rc : take(p, T_CLOSE, ")");
    }
    if (token == T_OPEN_BRACE) {
        return parse_multi(p, true, ret);
    }
    if (token == T_BRACKET) {
        return parse_bracket(p, NULL, true, ret);
    }
    if (token == T_FLATTEN) {
        return parse_flatten(p, NULL, ret);
    }
    if (token == T_FILTER) {
        return parse_filter(p, NULL, ret);
    }
    return jmespath_fail(p->j, offset, "an expression is missing.");
}

/* An operator after `left`; the current token is the one after it. */
static int parse_operator(struct parser *p, enum token token, struct jmespath_node *left,
                          struct jmespath_node **ret)
{
    static const struct {
        enum token token;
        enum jmespath_kind kind;
        enum jmespath_op op;
    } operators[] = {
        {T_PIPE, JMESPATH_CHAIN, 0},
        {T_OR, JMESPATH_OR, 0},
        {T_AND, JMESPATH_AND, 0},
        {T_EQ, JMESPATH_COMPARE, JMESPATH_EQ},
        {T_NE, JMESPATH_COMPARE, JMESPATH_NE},
        {T_LT, JMESPATH_COMPARE, JMESPATH_LT},
        {T_LE, JMESPATH_COMPARE, JMESPATH_LE},
        {T_GT, JMESPATH_COMPARE, JMESPATH_GT},
        {T_GE, JMESPATH_COMPARE, JMESPATH_GE},
    };
    struct jmespath_node *right = NULL;
    int rc = 0;
    if (token == T_FLATTEN) {
        return parse_flatten(p, left, ret);
    }
    if (token == T_FILTER) {
        return parse_filter(p, left, ret);
    }
    if (token == T_BRACKET) {
        return parse_bracket(p, left, false, ret);
    }
    if (token == T_OPEN && left->kind == JMESPATH_FIELD) {
        return parse_call(p, left, ret);
    }
    if (token == T_DOT && p->token == T_STAR) {
        rc = next(p);
        return rc < 0 ? rc
                      : parse_projection(p, JMESPATH_VALUES_PROJECTION, binds[T_STAR], left, ret);
    }
    if (token == T_DOT) {
        rc = parse_after_dot(p, binds[T_DOT], &right);
        return rc < 0 ? rc : new_pair(p, JMESPATH_CHAIN, left, right, ret);
    }
    for (size_t i = 0; i < ARRAY_LEN(operators); i++) {
        if (operators[i].token == token) {
            rc = parse_expression(p, binds[token], &right);
            if (rc == 0) {
                rc = new_pair(p, operators[i].kind, left, right, ret);
            }
            if (rc == 0) {
                (*ret)->op = operators[i].op;
            }
            return rc;
        }
    }
    return jmespath_fail(p->j, p->offset, "an operator is missing.");
}

static int parse_expression(struct parser *p, int binding, struct jmespath_node **ret)
{
    if (++p->nest > JMESPATH_MAX_NEST) {
        return jmespath_fail(p->j, p->offset, "the query is nested deeper than %d.",
                             JMESPATH_MAX_NEST);
    }
    struct jmespath_node *left = NULL;
    int rc = parse_start(p, &left);
    while (rc == 0 && binding < binds[p->token]) {
        enum token token = p->token;
        rc = next(p);
        if (rc == 0) {
            rc = parse_operator(p, token, left, &left);
        }
    }
    p->nest--;
    *ret = left;
    return rc;
}

int jmespath_parse(struct jmespath *j, struct jmespath_node **ret)
{
    struct parser p = {.j = j};
    int rc = next(&p);
    if (rc == 0) {
        rc = parse_expression(&p, 0, ret);
    }
    return rc < 0 || p.token == T_END ? rc : unexpected(&p, "the end");
}
