/* Owns the condition language: the table of operators and their evaluation on a run's thread.
 * Terms come from the caller's function; a text that holds JSON counts as that JSON before it is
 * compared. Shapes (known operator, number of terms) are the definition parser's business; what is
 * refused here are values that an operator cannot compare, and texts whose JSON would not fit in
 * memory, which fails the step. What one comparison needs is given back before the next. */
#include "expr/condition.h"

#include "expr/iso_date.h"
#include "expr/value.h"

#include <math.h>

#define DATE_MAX_MS 8.64e15 /* the range of JavaScript's Date */
#define JSON_GROWTH 24      /* most bytes that one byte of JSON text can become */

const struct condition_op_info condition_ops[_COND_OP_N] = {
    [COND_AND] = {"and", "all of", 0},
    [COND_OR] = {"or", "any of", 0},
    [COND_EQUAL] = {"equal", "equals", 2},
    [COND_NOT_EQUAL] = {"notEqual", "does not equal", 2},
    [COND_EXACTLY_MATCHES] = {"exactlyMatches", "exactly matches", 2},
    [COND_DOES_NOT_EXACTLY_MATCH] = {"doesNotExactlyMatch", "does not exactly match", 2},
    [COND_GREATER_THAN] = {"greaterThan", "is greater than", 2},
    [COND_GREATER_THAN_OR_EQUAL] = {"greaterThanOrEqual", "is greater than or equal to", 2},
    [COND_LESS_THAN] = {"lessThan", "is less than", 2},
    [COND_LESS_THAN_OR_EQUAL] = {"lessThanOrEqual", "is less than or equal to", 2},
    [COND_IN] = {"in", "contained in", 2},
    [COND_NOT_IN] = {"notIn", "not contained in", 2},
    [COND_STARTS_WITH] = {"startsWith", "starts the string", 2},
    [COND_DOES_NOT_START_WITH] = {"doesNotStartWith", "does not start the string", 2},
    [COND_ENDS_WITH] = {"endsWith", "ends the string", 2},
    [COND_DOES_NOT_END_WITH] = {"doesNotEndWith", "does not end the string", 2},
    [COND_DATE_TIME_AFTER] = {"dateTimeAfter", "is after (date/time)", 2},
    [COND_DATE_TIME_BEFORE] = {"dateTimeBefore", "is before (date/time)", 2},
    [COND_DATE_TIME_SAME] = {"dateTimeSame", "is the same (date/time)", 2},
    [COND_IS_TRUE] = {"isTrue", "is true", 1},
    [COND_IS_FALSE] = {"isFalse", "is false", 1},
    [COND_DOES_NOT_EXIST] = {"doesNotExist", "does not exist", 1},
    [COND_EXISTS] = {"exists", "exists", 1},
    [COND_IS_EMPTY] = {"isEmpty", "is empty", 1},
    [COND_IS_NOT_EMPTY] = {"isNotEmpty", "is not empty", 1},
};

enum condition_op condition_op_find(struct str name)
{
    enum condition_op op = 0;
    while (op < _COND_OP_N && !str_eq(name, str_of(condition_ops[op].name))) {
        op++;
    }
    return op;
}

/* ---- errors ---- */

static const char *const kind_names[_JSON_TYPE_N] = {
    [JSON_UNDEFINED] = "an undefined value",
    [JSON_NULL] = "null",
    [JSON_FALSE] = "a boolean",
    [JSON_TRUE] = "a boolean",
    [JSON_NUMBER] = "a number",
    [JSON_STRING] = "a text",
    [JSON_BINARY] = "binary data",
    [JSON_ARRAY] = "a list",
    [JSON_OBJECT] = "an object",
};

static int incompatible(enum condition_op op, const char *wanted, struct json got, struct err *err)
{
    return err_set(err, -EINVAL, "condition.incompatible",
                   "Incompatible comparison arguments, \"%s\" needs %s, not %s.",
                   condition_ops[op].name, wanted, kind_names[got.type]);
}

/* A text that is JSON counts as that JSON. */
static int parse_term(struct arena *a, struct json raw, struct json *ret, struct err *err)
{
    if (raw.type == JSON_STRING && raw.len > arena_room(a) / JSON_GROWTH) {
        return err_set(err, -EFBIG, "condition.too_large",
                       "A text of %u bytes is too large to compare. Compare a part of it.",
                       raw.len);
    }
    *ret = value_parse_json(a, raw);
    return 0;
}

/* ---- order ---- */

/* -1, 0, 1; 2 = not comparable (NaN). Both are parsed. */
static int compare_order(struct arena *a, struct json x, struct json y)
{
    struct json *terms[] = {&x, &y};
    for (size_t i = 0; i < ARRAY_LEN(terms); i++) {
        if (terms[i]->type >= JSON_BINARY) {
            *terms[i] = json_str(value_to_string(a, *terms[i]));
        }
    }
    if (x.type == JSON_STRING && y.type == JSON_STRING) {
        return value_compare_strings(json_as_str(x), json_as_str(y));
    }
    double l = value_to_number(x), r = value_to_number(y);
    return l < r ? -1 : l > r ? 1 : l == r ? 0 : 2;
}

/* ---- containment ---- */

/* Same value: numbers by value with NaN equal to itself; lists and objects never. */
static bool same_value(struct json x, struct json y)
{
    bool nan = x.type == JSON_NUMBER && y.type == JSON_NUMBER && isnan(x.num) && isnan(y.num);
    return nan || (x.type < JSON_BINARY && value_strict_equal(x, y));
}

static int contains(struct arena *a, enum condition_op op, struct json needle, struct json parsed,
                    struct json container, bool *ret_true, struct err *err)
{
    if (container.type == JSON_ARRAY) {
        bool found = false;
        for (uint32_t i = 0; i < container.len && !found; i++) {
            found =
                same_value(container.items[i], needle) || same_value(container.items[i], parsed);
        }
        *ret_true = found;
        return 0;
    }
    if (container.type == JSON_STRING) {
        *ret_true = str_find(json_as_str(container), value_to_string(a, needle), 0) >= 0;
        return 0;
    }
    if (container.type == JSON_OBJECT) {
        struct str key = value_to_string(a, needle);
        bool found = false;
        for (uint32_t i = 0; i < container.len && !found; i++) {
            found = str_eq(container.members[i].key, key);
        }
        *ret_true = found;
        return 0;
    }
    return incompatible(op, "a text, a list or an object to search in", container, err);
}

/* ---- dates ---- */

/* Milliseconds since the epoch of a parsed term: numbers and numeric texts are Unix seconds. */
static int date_of(enum condition_op op, struct json v, int64_t *ret_ms, struct err *err)
{
    double number = v.type == JSON_NUMBER || v.type == JSON_STRING ? value_to_number(v) : 0;
    if (!isnan(number) && number != 0) {
        double ms = trunc(number * 1000);
        if (fabs(ms) > DATE_MAX_MS) {
            return incompatible(op, "dates within JavaScript's range", v, err);
        }
        *ret_ms = (int64_t)ms;
        return 0;
    }
    if (v.type == JSON_STRING) {
        if (!iso_date_parse(json_as_str(v), ret_ms)) {
            struct str s = json_as_str(v);
            return err_set(err, -EINVAL, "condition.incompatible",
                           "Incompatible comparison arguments, \"%.*s\" is not a date.",
                           (int)MIN(s.len, 60), s.ptr);
        }
        return 0;
    }
    return incompatible(op, "dates (ISO-8601 texts or Unix seconds)", v, err);
}

/* ---- one term ---- */

static bool is_true(struct json parsed)
{
    static const struct {
        struct str text;
        bool value;
    } words[] = {
        {{"t", 1}, true},  {{"true", 4}, true},   {{"y", 1}, true},  {{"yes", 3}, true},
        {{"f", 1}, false}, {{"false", 5}, false}, {{"n", 1}, false}, {{"no", 2}, false},
    };
    for (size_t i = 0; parsed.type == JSON_STRING && i < ARRAY_LEN(words); i++) {
        if (str_eq_ci(json_as_str(parsed), words[i].text)) {
            return words[i].value;
        }
    }
    return value_truthy(parsed);
}

static int is_empty(enum condition_op op, struct json raw, struct json parsed, bool *ret_true,
                    struct err *err)
{
    if (parsed.type == JSON_ARRAY || raw.type == JSON_STRING) {
        *ret_true = parsed.type == JSON_ARRAY ? parsed.len == 0 : raw.len == 0;
        return 0;
    }
    return incompatible(op, "a list or a text", raw, err);
}

/* ---- the operators ---- */

static int compare_dates(enum condition_op op, struct json l, struct json r, bool *ret_true,
                         struct err *err)
{
    int64_t left, right;
    int rc = date_of(op, l, &left, err);
    if (rc == 0) {
        rc = date_of(op, r, &right, err);
    }
    if (rc == 0) {
        *ret_true = op == COND_DATE_TIME_AFTER    ? left > right
                    : op == COND_DATE_TIME_BEFORE ? left < right
                                                  : left == right;
    }
    return rc;
}

static bool fits_order(enum condition_op op, int order)
{
    return order != 2 && (op == COND_GREATER_THAN            ? order > 0
                          : op == COND_GREATER_THAN_OR_EQUAL ? order >= 0
                          : op == COND_LESS_THAN             ? order < 0
                                                             : order <= 0);
}

int condition_compare(struct arena *a, enum condition_op op, struct json left, struct json right,
                      bool *ret_true, struct err *err)
{
    struct json l, r = json_undefined();
    bool yes = false;
    int rc = parse_term(a, left, &l, err);
    if (rc == 0 && condition_ops[op].arity == 2) {
        rc = parse_term(a, right, &r, err);
    }
    if (rc < 0) {
        return rc;
    }
    switch (op) {
    case COND_EQUAL:
    case COND_NOT_EQUAL:
        yes = value_loose_equal(a, l, r) == (op == COND_EQUAL);
        break;
    case COND_EXACTLY_MATCHES:
    case COND_DOES_NOT_EXACTLY_MATCH:
        yes = value_strict_equal(l, r) == (op == COND_EXACTLY_MATCHES);
        break;
    case COND_GREATER_THAN:
    case COND_GREATER_THAN_OR_EQUAL:
    case COND_LESS_THAN:
    case COND_LESS_THAN_OR_EQUAL:
        yes = fits_order(op, compare_order(a, l, r));
        break;
    case COND_IN:
    case COND_NOT_IN:
        rc = contains(a, op, left, l, r, &yes, err);
        yes = yes == (op == COND_IN);
        break;
    case COND_STARTS_WITH:
    case COND_DOES_NOT_START_WITH:
        yes = str_starts(value_to_string(a, r), value_to_string(a, l)) == (op == COND_STARTS_WITH);
        break;
    case COND_ENDS_WITH:
    case COND_DOES_NOT_END_WITH:
        yes = str_ends(value_to_string(a, r), value_to_string(a, l)) == (op == COND_ENDS_WITH);
        break;
    case COND_DATE_TIME_AFTER:
    case COND_DATE_TIME_BEFORE:
    case COND_DATE_TIME_SAME:
        rc = compare_dates(op, l, r, &yes, err);
        break;
    case COND_IS_TRUE:
    case COND_IS_FALSE:
        yes = is_true(l) == (op == COND_IS_TRUE);
        break;
    case COND_DOES_NOT_EXIST:
    case COND_EXISTS:
        yes = value_truthy(l) == (op == COND_EXISTS);
        break;
    case COND_IS_EMPTY:
    case COND_IS_NOT_EMPTY:
        rc = is_empty(op, left, l, &yes, err);
        yes = yes == (op == COND_IS_EMPTY);
        break;
    case COND_AND:
    case COND_OR:
    case _COND_OP_N:
        ASSERT(!"an operator that compares");
    }
    if (rc == 0) {
        *ret_true = yes;
    }
    return rc;
}

/* ---- expressions ---- */

static int eval_at(struct arena *a, const struct condition *c, condition_term_fn term, void *ctx,
                   int depth, bool *ret_true, struct err *err);

/* Left to right until one decides: a false one for "and", a true one for "or". */
static int eval_children(struct arena *a, const struct condition *c, condition_term_fn term,
                         void *ctx, int depth, bool *ret_true, struct err *err)
{
    bool yes = c->op == COND_AND;
    for (size_t i = 0; i < c->n_children && yes == (c->op == COND_AND); i++) {
        int r = eval_at(a, &c->children[i], term, ctx, depth + 1, &yes, err);
        if (r < 0) {
            return r;
        }
    }
    *ret_true = yes;
    return 0;
}

static int eval_at(struct arena *a, const struct condition *c, condition_term_fn term, void *ctx,
                   int depth, bool *ret_true, struct err *err)
{
    if (depth > CONDITION_MAX_DEPTH) {
        return err_set(err, -EINVAL, "condition.too_deep",
                       "The condition is nested more than %d levels deep.", CONDITION_MAX_DEPTH);
    }
    if (c->op == COND_AND || c->op == COND_OR) {
        return eval_children(a, c, term, ctx, depth, ret_true, err);
    }
    struct json left = json_undefined(), right = json_undefined();
    int r = term(ctx, c->left, &left, err);
    if (r == 0 && condition_ops[c->op].arity == 2) {
        r = term(ctx, c->right, &right, err);
    }
    r = r ? r : condition_compare(a, c->op, left, right, ret_true, err);
    arena_clear(a);
    return r;
}

int condition_eval(const struct condition *c, condition_term_fn term, void *ctx, bool *ret_true,
                   struct err *err)
{
    AUTO(arena_free) struct arena *a = arena_new(KIB(1), 0);
    return eval_at(a, c, term, ctx, 1, ret_true, err);
}
