/* Owns references, filters in a row and conditions: their parsing and their values. Called by the
 * parser and the renderer. It refuses unknown filters and what is no expression; a reference to
 * nothing is nil. */
#include <math.h>

#include "components/liquid_template/liquid_priv.h"
#include "expr/value.h"

static struct liquid_expr *new_expr(struct liquid_lexer *x, enum liquid_expr_kind kind)
{
    struct liquid_expr *e = arena_new_of(x->l->arena, struct liquid_expr);
    e->kind = kind;
    e->offset = x->offset;
    return e;
}

static int unexpected(struct liquid_lexer *x, const char *wanted)
{
    if (x->kind == LIQUID_T_END) {
        return liquid_fail(x->l, x->offset, "%s is missing.", wanted);
    }
    return liquid_fail(x->l, x->offset, "%s is expected instead of \"%.*s\".", wanted,
                       (int)MIN(x->token.len, 40), x->token.ptr);
}

static int take(struct liquid_lexer *x, const char *sign)
{
    if (x->kind != LIQUID_T_SIGN || !str_eq(x->token, str_of(sign))) {
        return unexpected(x, sign);
    }
    return liquid_lex_next(x);
}

static int parse_index(struct liquid_lexer *x, struct liquid_segment *segment)
{
    if (++x->l->depth > LIQUID_MAX_DEPTH) {
        return liquid_fail(x->l, x->offset, "brackets are nested deeper than %d.",
                           LIQUID_MAX_DEPTH);
    }
    int rc = liquid_lex_next(x);
    if (rc == 0) {
        rc = liquid_parse_expr(x, &segment->index);
    }
    x->l->depth--;
    return rc < 0 ? rc : take(x, "]");
}

static int parse_segments(struct liquid_lexer *x, struct liquid_expr *e)
{
    struct liquid_segment **last = &e->segments;
    while (liquid_lex_is(x, ".") || liquid_lex_is(x, "[")) {
        struct liquid_segment *segment = arena_new_of(x->l->arena, struct liquid_segment);
        int rc;
        if (liquid_lex_is(x, "[")) {
            rc = parse_index(x, segment);
        } else {
            rc = liquid_lex_next(x);
            if (rc == 0 && x->kind != LIQUID_T_NAME && x->kind != LIQUID_T_NUMBER) {
                return unexpected(x, "a name");
            }
            segment->key = x->token;
            rc = rc < 0 ? rc : liquid_lex_next(x);
        }
        if (rc < 0) {
            return rc;
        }
        *last = segment;
        last = &segment->next;
    }
    return 0;
}

static int parse_name(struct liquid_lexer *x, struct liquid_expr **ret)
{
    static const struct {
        const char *word;
        enum liquid_expr_kind kind;
        enum json_type type;
    } words[] = {
        {"true", LIQUID_LITERAL, JSON_TRUE},     {"false", LIQUID_LITERAL, JSON_FALSE},
        {"nil", LIQUID_LITERAL, JSON_UNDEFINED}, {"null", LIQUID_LITERAL, JSON_UNDEFINED},
        {"empty", LIQUID_EMPTY, JSON_UNDEFINED}, {"blank", LIQUID_BLANK, JSON_UNDEFINED},
    };
    struct liquid_expr *e = new_expr(x, LIQUID_NAME);
    e->name = x->token;
    int rc = liquid_lex_next(x);
    if (rc == 0) {
        rc = parse_segments(x, e);
    }
    for (size_t i = 0; rc == 0 && !e->segments && i < ARRAY_LEN(words); i++) {
        if (str_eq(e->name, str_of(words[i].word))) {
            e->kind = words[i].kind;
            e->value.type = words[i].type;
        }
    }
    *ret = e;
    return rc;
}

static int parse_range(struct liquid_lexer *x, struct liquid_expr **ret)
{
    struct liquid_expr *e = new_expr(x, LIQUID_RANGE);
    if (++x->l->depth > LIQUID_MAX_DEPTH) {
        return liquid_fail(x->l, x->offset, "brackets are nested deeper than %d.",
                           LIQUID_MAX_DEPTH);
    }
    int rc = liquid_lex_next(x);
    if (rc == 0) {
        rc = liquid_parse_expr(x, &e->from);
    }
    if (rc == 0) {
        rc = take(x, "..");
    }
    if (rc == 0) {
        rc = liquid_parse_expr(x, &e->to);
    }
    x->l->depth--;
    *ret = e;
    return rc < 0 ? rc : take(x, ")");
}

int liquid_parse_expr(struct liquid_lexer *x, struct liquid_expr **ret)
{
    struct liquid_expr *e;
    switch (x->kind) {
    case LIQUID_T_NAME:
        return parse_name(x, ret);
    case LIQUID_T_STRING:
        e = new_expr(x, LIQUID_LITERAL);
        e->value = json_str(x->token);
        *ret = e;
        return liquid_lex_next(x);
    case LIQUID_T_NUMBER:
        e = new_expr(x, LIQUID_LITERAL);
        e->value = json_num(value_to_number(json_str(x->token)));
        *ret = e;
        return liquid_lex_next(x);
    case LIQUID_T_SIGN:
        if (liquid_lex_is(x, "(")) {
            return parse_range(x, ret);
        }
        return unexpected(x, "a name or a value");
    case LIQUID_T_END:
        return unexpected(x, "a name or a value");
    }
    return -EINVAL;
}

/* The arguments of a filter, after its colon. */
static int parse_args(struct liquid_lexer *x, struct liquid_filter_call *call)
{
    int rc = liquid_lex_next(x);
    while (rc == 0) {
        if (call->n_args == LIQUID_MAX_ARGS) {
            return liquid_fail(x->l, x->offset, "the filter has too many values.");
        }
        bool allow_false =
            liquid_lex_is(x, "allow_false") && strcmp(call->filter->name, "default") == 0;
        rc = liquid_parse_expr(x, &call->args[call->n_args]);
        if (rc == 0 && liquid_lex_is(x, ":")) {
            if (!allow_false) {
                return liquid_fail(x->l, x->offset, "the filter %s takes no named values.",
                                   call->filter->name);
            }
            rc = liquid_lex_next(x);
            if (rc == 0) {
                rc = liquid_parse_expr(x, &call->args[call->n_args]);
            }
        }
        call->n_args++;
        if (rc < 0 || !liquid_lex_is(x, ",")) {
            return rc;
        }
        rc = liquid_lex_next(x);
    }
    return rc;
}

static int parse_filter(struct liquid_lexer *x, struct liquid_filter_call *call)
{
    int rc = liquid_lex_next(x);
    if (rc < 0) {
        return rc;
    }
    if (x->kind != LIQUID_T_NAME) {
        return unexpected(x, "the name of a filter");
    }
    call->offset = x->offset;
    call->filter = liquid_filter_find(x->token);
    if (!call->filter) {
        return liquid_fail(x->l, x->offset, "there is no filter %.*s.", (int)MIN(x->token.len, 40),
                           x->token.ptr);
    }
    rc = liquid_lex_next(x);
    if (rc == 0 && liquid_lex_is(x, ":")) {
        rc = parse_args(x, call);
    }
    if (rc == 0 &&
        (call->n_args < call->filter->min_args || call->n_args > call->filter->max_args)) {
        return liquid_fail(x->l, call->offset, "the filter %s takes %d to %d values, not %zu.",
                           call->filter->name, call->filter->min_args, call->filter->max_args,
                           call->n_args);
    }
    return rc;
}

int liquid_parse_pipeline(struct liquid_lexer *x, struct liquid_pipeline **ret)
{
    struct liquid_pipeline *p = arena_new_of(x->l->arena, struct liquid_pipeline);
    struct liquid_filter_call **last = &p->filters;
    int rc = liquid_parse_expr(x, &p->value);
    while (rc == 0 && liquid_lex_is(x, "|")) {
        struct liquid_filter_call *call = arena_new_of(x->l->arena, struct liquid_filter_call);
        rc = parse_filter(x, call);
        *last = call;
        last = &call->next;
    }
    *ret = p;
    return rc < 0 ? rc : liquid_lex_end(x);
}

static int parse_comparison(struct liquid_lexer *x, struct liquid_condition *c)
{
    static const struct {
        const char *sign;
        enum liquid_op op;
    } ops[] = {
        {"==", LIQUID_EQ}, {"!=", LIQUID_NE}, {"<>", LIQUID_NE}, {"<", LIQUID_LT},
        {">", LIQUID_GT},  {"<=", LIQUID_LE}, {">=", LIQUID_GE}, {"contains", LIQUID_CONTAINS}};
    int rc = liquid_parse_expr(x, &c->left);
    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(ops); i++) {
        if (liquid_lex_is(x, ops[i].sign)) {
            c->op = ops[i].op;
            rc = liquid_lex_next(x);
            return rc < 0 ? rc : liquid_parse_expr(x, &c->right);
        }
    }
    return rc;
}

int liquid_parse_condition(struct liquid_lexer *x, struct liquid_condition **ret_last)
{
    struct liquid_condition *last = NULL;
    bool is_and = false;
    for (;;) {
        struct liquid_condition *c = arena_new_of(x->l->arena, struct liquid_condition);
        c->prev = last;
        c->is_and = is_and;
        last = c;
        int rc = parse_comparison(x, c);
        if (rc < 0) {
            return rc;
        }
        is_and = liquid_lex_is(x, "and");
        if (!is_and && !liquid_lex_is(x, "or")) {
            *ret_last = last;
            return liquid_lex_end(x);
        }
        rc = liquid_lex_next(x);
        if (rc < 0) {
            return rc;
        }
    }
}

/* --- values --------------------------------------------------------------------------------------
 */

bool liquid_truthy(struct json v)
{
    return !json_is_nullish(v) && v.type != JSON_FALSE;
}

static bool is_empty(struct json v)
{
    return (v.type == JSON_STRING || v.type == JSON_ARRAY || v.type == JSON_OBJECT) && v.len == 0;
}

bool liquid_blank(struct json v)
{
    return !liquid_truthy(v) || is_empty(v) ||
           (v.type == JSON_STRING && str_trim(json_as_str(v)).len == 0);
}

double liquid_number(struct json v)
{
    double n = v.type == JSON_NUMBER || v.type == JSON_STRING ? value_to_number(v) : 0;
    return isfinite(n) ? n : 0;
}

int liquid_compare(struct json x, struct json y)
{
    if (x.type == JSON_NUMBER && y.type == JSON_NUMBER) {
        return x.num < y.num ? -1 : x.num > y.num;
    }
    if (x.type == JSON_STRING && y.type == JSON_STRING) {
        return value_compare_strings(json_as_str(x), json_as_str(y));
    }
    int rank_x = x.type == JSON_NUMBER ? 0 : x.type == JSON_STRING ? 1 : 2;
    int rank_y = y.type == JSON_NUMBER ? 0 : y.type == JSON_STRING ? 1 : 2;
    return rank_x - rank_y;
}

size_t liquid_size(struct json v)
{
    size_t n = v.type == JSON_ARRAY || v.type == JSON_OBJECT ? v.len : 0;
    for (uint32_t i = 0; v.type == JSON_STRING && i < v.len; i++) {
        n += ((unsigned char)v.str[i] & 0xC0) != 0x80;
    }
    return n;
}

static struct json property(struct json v, struct str key)
{
    struct json found = json_get(v, key);
    if (found.type != JSON_UNDEFINED) {
        return found;
    }
    bool sized = v.type == JSON_ARRAY || v.type == JSON_OBJECT || v.type == JSON_STRING;
    if (sized && str_eq(key, STR("size"))) {
        return json_num((double)liquid_size(v));
    }
    if (v.type == JSON_ARRAY && str_eq(key, STR("first"))) {
        return json_at(v, 0);
    }
    if (v.type == JSON_ARRAY && str_eq(key, STR("last"))) {
        return v.len ? v.items[v.len - 1] : json_undefined();
    }
    int64_t index;
    return v.type == JSON_ARRAY && str_to_i64(key, &index) && index >= 0 ? json_at(v, (size_t)index)
                                                                         : json_undefined();
}

int liquid_property(struct liquid *l, struct json v, struct str key, struct json *ret)
{
    size_t members = v.type == JSON_OBJECT ? v.len : 0, bytes = v.type == JSON_STRING ? v.len : 0;
    int rc = liquid_spend(l, 1 + members * (16 + key.len) / 128 + bytes / 16);
    if (rc == 0) {
        *ret = property(v, key);
    }
    return rc;
}

static struct json loop_property(const struct liquid_loop *loop, struct str key)
{
    const struct {
        const char *key;
        struct json value;
    } properties[] = {
        {"index", json_num(loop->index + 1.0)},
        {"index0", json_num(loop->index)},
        {"rindex", json_num((double)loop->length - loop->index)},
        {"rindex0", json_num((double)loop->length - loop->index - 1)},
        {"first", json_bool(loop->index == 0)},
        {"last", json_bool(loop->index + 1 == loop->length)},
        {"length", json_num(loop->length)},
    };
    for (size_t i = 0; i < ARRAY_LEN(properties); i++) {
        if (str_eq(key, str_of(properties[i].key))) {
            return properties[i].value;
        }
    }
    return json_undefined();
}

static struct json eval_forloop(const struct liquid_loop *loop, const struct liquid_segment *s)
{
    while (loop && s && str_eq(s->key, STR("parentloop"))) {
        loop = loop->parent;
        s = s->next;
    }
    return loop && s && !s->next ? loop_property(loop, s->key) : json_undefined();
}

static int find_name(struct liquid *l, struct str name, struct json *ret)
{
    for (const struct liquid_loop *loop = l->loop; loop; loop = loop->parent) {
        if (str_eq(loop->name, name)) {
            *ret = loop->item;
            return 0;
        }
    }
    const struct liquid_variable *lists[] = {l->variables, l->counters};
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        size_t n = 0;
        const struct liquid_variable *v = lists[i];
        while (v && !str_eq(v->name, name)) {
            v = v->next;
            n++;
        }
        int rc = liquid_spend(l, n / 4);
        if (rc < 0 || v) {
            *ret = v ? v->value : json_undefined();
            return rc;
        }
    }
    if (str_eq(name, STR("data"))) {
        *ret = l->data;
        return 0;
    }
    if (l->data.type != JSON_OBJECT) {
        *ret = json_undefined();
        return 0;
    }
    *ret = json_get(l->data, name);
    return liquid_spend(l, (size_t)l->data.len * (16 + name.len) / 128);
}

static int eval_name(struct liquid *l, const struct liquid_expr *e, struct json *ret)
{
    if (l->loop && str_eq(e->name, STR("forloop"))) {
        *ret = eval_forloop(l->loop, e->segments);
        return 0;
    }
    struct json v = json_undefined();
    int rc = find_name(l, e->name, &v);
    for (const struct liquid_segment *s = e->segments; rc == 0 && s; s = s->next) {
        struct json index = json_undefined();
        struct str key = s->key;
        rc = s->index ? liquid_eval(l, s->index, &index) : 0;
        if (rc == 0 && index.type == JSON_NUMBER && v.type == JSON_ARRAY) {
            double at = index.num < 0 ? index.num + v.len : index.num;
            v = at >= 0 && at < v.len ? v.items[(size_t)at] : json_undefined();
            continue;
        }
        if (rc == 0 && s->index) {
            rc = liquid_text(l, index, &key);
        }
        if (rc == 0) {
            rc = liquid_property(l, v, key, &v);
        }
    }
    *ret = v;
    return rc;
}

/* A range as a list. */
static int eval_range(struct liquid *l, const struct liquid_expr *e, struct json *ret)
{
    struct json from = json_undefined(), to = json_undefined();
    int rc = liquid_eval(l, e->from, &from);
    if (rc == 0) {
        rc = liquid_eval(l, e->to, &to);
    }
    double first = trunc(liquid_number(from)), n = trunc(liquid_number(to)) - first + 1;
    if (rc == 0 && n > LIQUID_MAX_LOOPS) {
        return liquid_fail(l, e->offset, "the range has more than %d numbers.", LIQUID_MAX_LOOPS);
    }
    size_t count = n > 0 ? (size_t)n : 0;
    if (rc == 0) {
        rc = liquid_room(l, (count + 1) * sizeof(struct json));
    }
    if (rc == 0) {
        rc = liquid_spend(l, count);
    }
    if (rc < 0) {
        return rc;
    }
    struct json *items = arena_array(l->arena, count + 1, sizeof(*items));
    for (size_t i = 0; i < count; i++) {
        items[i] = json_num(first + (double)i);
    }
    *ret = json_array(items, count);
    return 0;
}

int liquid_eval(struct liquid *l, const struct liquid_expr *e, struct json *ret)
{
    int rc = liquid_spend(l, 1);
    if (rc < 0) {
        return rc;
    }
    switch (e->kind) {
    case LIQUID_LITERAL:
        *ret = e->value;
        return 0;
    case LIQUID_NAME:
        return eval_name(l, e, ret);
    case LIQUID_RANGE:
        return eval_range(l, e, ret);
    case LIQUID_EMPTY:
    case LIQUID_BLANK:
        *ret = json_cstr("");
        return 0;
    }
    return -EINVAL;
}

int liquid_eval_pipeline(struct liquid *l, const struct liquid_pipeline *p, struct json *ret)
{
    struct json v = json_undefined();
    int rc = liquid_eval(l, p->value, &v);
    for (const struct liquid_filter_call *call = p->filters; rc == 0 && call; call = call->next) {
        struct json args[LIQUID_MAX_ARGS] = {{0}};
        for (size_t i = 0; rc == 0 && i < call->n_args; i++) {
            rc = liquid_eval(l, call->args[i], &args[i]);
        }
        l->at = call->offset;
        if (rc == 0) {
            rc = liquid_spend(l, 1);
        }
        struct json result = json_undefined();
        if (rc == 0) {
            rc = call->filter->fn(l, v, args, call->n_args, &result);
        }
        v = result;
    }
    *ret = v;
    return rc;
}

int liquid_equal(struct liquid *l, const struct liquid_expr *e, struct json left, struct json right,
                 bool *ret)
{
    if (e && e->kind == LIQUID_EMPTY) {
        *ret = is_empty(left);
    } else if (e && e->kind == LIQUID_BLANK) {
        *ret = liquid_blank(left);
    } else if (json_is_nullish(left) || json_is_nullish(right)) {
        *ret = json_is_nullish(left) && json_is_nullish(right);
    } else if (left.type != right.type ||
               ((left.type == JSON_STRING || left.type == JSON_ARRAY || left.type == JSON_OBJECT) &&
                left.len != right.len)) {
        *ret = false;
    } else {
        int rc = liquid_weigh(l, left);
        if (rc < 0) {
            return rc;
        }
        *ret = json_equal(left, right);
    }
    return 0;
}

static int contains(struct liquid *l, struct json left, struct json right, bool *ret)
{
    *ret = false;
    if (left.type == JSON_STRING) {
        struct str needle;
        int rc = liquid_text(l, right, &needle);
        if (rc == 0) {
            rc = liquid_spend(l, left.len / 16);
        }
        *ret = rc == 0 && str_find(json_as_str(left), needle, 0) >= 0;
        return rc;
    }
    int rc = 0;
    for (uint32_t i = 0; left.type == JSON_ARRAY && rc == 0 && !*ret && i < left.len; i++) {
        rc = liquid_spend(l, 1);
        if (rc == 0) {
            rc = liquid_equal(l, NULL, left.items[i], right, ret);
        }
    }
    if (left.type == JSON_OBJECT && right.type == JSON_STRING) {
        *ret = json_get(left, json_as_str(right)).type != JSON_UNDEFINED;
        rc = liquid_spend(l, (size_t)left.len * (16 + right.len) / 128);
    }
    return rc;
}

/* Numbers and texts that hold numbers have an order, and texts among themselves. */
static bool ordered(enum liquid_op op, struct json left, struct json right)
{
    double x, y;
    if (left.type == JSON_STRING && right.type == JSON_STRING) {
        x = value_compare_strings(json_as_str(left), json_as_str(right));
        y = 0;
    } else {
        bool numbers = (left.type == JSON_NUMBER || left.type == JSON_STRING) &&
                       (right.type == JSON_NUMBER || right.type == JSON_STRING);
        x = numbers ? value_to_number(left) : NAN;
        y = numbers ? value_to_number(right) : NAN;
    }
    return op == LIQUID_LT ? x < y : op == LIQUID_GT ? x > y : op == LIQUID_LE ? x <= y : x >= y;
}

static int compare(struct liquid *l, const struct liquid_condition *c, bool *ret)
{
    struct json left = json_undefined(), right = json_undefined();
    int rc = liquid_eval(l, c->left, &left);
    if (rc == 0 && c->right) {
        rc = liquid_eval(l, c->right, &right);
    }
    if (rc < 0) {
        return rc;
    }
    switch (c->op) {
    case LIQUID_TRUTHY:
        *ret = liquid_truthy(left);
        return 0;
    case LIQUID_EQ:
    case LIQUID_NE: {
        bool turned = c->left->kind == LIQUID_EMPTY || c->left->kind == LIQUID_BLANK;
        rc = turned ? liquid_equal(l, c->left, right, left, ret)
                    : liquid_equal(l, c->right, left, right, ret);
        *ret = *ret == (c->op == LIQUID_EQ);
        return rc;
    }
    case LIQUID_LT:
    case LIQUID_GT:
    case LIQUID_LE:
    case LIQUID_GE:
        *ret = c->left->kind != LIQUID_EMPTY && c->left->kind != LIQUID_BLANK &&
               c->right->kind != LIQUID_EMPTY && c->right->kind != LIQUID_BLANK &&
               ordered(c->op, left, right);
        return liquid_spend(l, 1 + (left.type == JSON_STRING ? left.len / 16 : 0));
    case LIQUID_CONTAINS:
        return contains(l, left, right, ret);
    }
    return -EINVAL;
}

int liquid_eval_condition(struct liquid *l, const struct liquid_condition *last, bool *ret)
{
    bool holds = false;
    int rc = compare(l, last, &holds);
    for (; rc == 0 && last->prev; last = last->prev) {
        bool before = false;
        rc = compare(l, last->prev, &before);
        holds = last->is_and ? before && holds : before || holds;
    }
    *ret = holds;
    return rc;
}
