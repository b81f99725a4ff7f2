/* Owns what a tree finds in a value. Called by jmespath.c and by functions that take expressions.
 * Recursion is bounded by the depth of the tree. It refuses what goes past the bounds; what is not
 * there is null. */
#include "components/jmespath/jmespath_priv.h"

static bool is_true(struct json v)
{
    bool sized = v.type == JSON_STRING || v.type == JSON_ARRAY || v.type == JSON_OBJECT;
    return sized ? v.len > 0 : v.type != JSON_FALSE && !json_is_nullish(v);
}

int jmespath_equal(struct jmespath *j, struct json x, struct json y, bool *ret)
{
    if (json_is_nullish(x) || json_is_nullish(y)) {
        *ret = json_is_nullish(x) && json_is_nullish(y);
        return 0;
    }
    bool sized = x.type == JSON_STRING || x.type == JSON_ARRAY || x.type == JSON_OBJECT;
    if (x.type != y.type || (sized && x.len != y.len)) {
        *ret = false;
        return 0;
    }
    int rc = jmespath_weigh(j, x);
    if (rc == 0) {
        *ret = json_equal(x, y);
    }
    return rc;
}

static int field(struct jmespath *j, struct json v, struct str key, struct json *ret)
{
    *ret = json_null();
    if (v.type != JSON_OBJECT) {
        return 0;
    }
    struct json found = json_get(v, key);
    if (found.type != JSON_UNDEFINED) {
        *ret = found;
    }
    return jmespath_spend(j, (size_t)v.len * (16 + key.len) / 128);
}

static struct json item(struct json v, int64_t index)
{
    index += index < 0 ? v.len : 0;
    return v.type == JSON_ARRAY && index >= 0 && index < v.len ? v.items[index] : json_null();
}

static int slice(struct jmespath *j, const struct jmespath_node *n, struct json v, struct json *ret)
{
    if (v.type != JSON_ARRAY) {
        *ret = json_null();
        return 0;
    }
    int64_t step = n->slice[2].given ? n->slice[2].n : 1, len = v.len;
    int64_t ends[2] = {step > 0 ? 0 : len - 1, step > 0 ? len : -1};
    for (int i = 0; i < 2; i++) {
        if (n->slice[i].given) {
            int64_t at = n->slice[i].n + (n->slice[i].n < 0 ? len : 0);
            int64_t low = step > 0 ? 0 : -1, high = step > 0 ? len : len - 1;
            ends[i] = MAX(low, MIN(high, at));
        }
    }
    int64_t span = step > 0 ? ends[1] - ends[0] : ends[0] - ends[1];
    size_t count = span > 0 ? (size_t)((span - 1) / (step > 0 ? step : -step)) + 1 : 0;
    struct json *items;
    int rc = jmespath_items(j, count, &items);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        items[i] = v.items[ends[0] + (int64_t)i * step];
    }
    if (rc == 0) {
        *ret = json_array(items, count);
    }
    return rc;
}

static int flatten(struct jmespath *j, struct json v, struct json *ret)
{
    *ret = json_null();
    if (v.type != JSON_ARRAY) {
        return 0;
    }
    size_t total = 0, n = 0;
    for (uint32_t i = 0; i < v.len; i++) {
        total += v.items[i].type == JSON_ARRAY ? v.items[i].len : 1;
    }
    struct json *items;
    int rc = jmespath_items(j, total, &items);
    if (rc == 0) {
        rc = jmespath_spend(j, v.len);
    }
    for (uint32_t i = 0; rc == 0 && i < v.len; i++) {
        struct json inner = v.items[i];
        if (inner.type != JSON_ARRAY) {
            items[n++] = inner;
        } else if (inner.len) {
            memcpy(items + n, inner.items, inner.len * sizeof(inner));
            n += inner.len;
        }
    }
    if (rc == 0) {
        *ret = json_array(items, n);
    }
    return rc;
}

/* The results of the right side on every item, but null. */
static int project(struct jmespath *j, const struct jmespath_node *n, struct json v,
                   struct json *ret)
{
    bool values = n->kind == JMESPATH_VALUES_PROJECTION;
    *ret = json_null();
    if (v.type != (values ? JSON_OBJECT : JSON_ARRAY)) {
        return 0;
    }
    struct json *items;
    size_t count = 0;
    int rc = jmespath_items(j, v.len, &items);
    for (uint32_t i = 0; rc == 0 && i < v.len; i++) {
        struct json one = values ? v.members[i].value : v.items[i], found = json_bool(true);
        if (n->condition) {
            rc = jmespath_eval(j, n->condition, one, &found);
        }
        if (rc < 0 || !is_true(found)) {
            continue; /* the loop ends when rc < 0 */
        }
        found = one;
        if (n->right) {
            rc = jmespath_eval(j, n->right, one, &found);
        }
        if (rc == 0 && !json_is_nullish(found)) {
            items[count++] = found;
        }
    }
    if (rc == 0) {
        *ret = json_array(items, count);
    }
    return rc;
}

/* Numbers have an order, and texts, as dates are; else the result is null. */
static int compare(struct jmespath *j, const struct jmespath_node *n, struct json left,
                   struct json right, struct json *ret)
{
    bool same = false;
    if (n->op == JMESPATH_EQ || n->op == JMESPATH_NE) {
        int rc = jmespath_equal(j, left, right, &same);
        *ret = json_bool(same == (n->op == JMESPATH_EQ));
        return rc;
    }
    bool texts = left.type == JSON_STRING && right.type == JSON_STRING;
    if (!texts && (left.type != JSON_NUMBER || right.type != JSON_NUMBER)) {
        *ret = json_null();
        return 0;
    }
    int order = jmespath_compare(left, right);
    bool less = n->op == JMESPATH_LT || n->op == JMESPATH_LE;
    bool or_equal = n->op == JMESPATH_LE || n->op == JMESPATH_GE;
    *ret = json_bool(less ? order < or_equal : order > -(int)or_equal);
    return jmespath_spend(j, texts ? MIN(left.len, right.len) / 16 : 0);
}

static int multi(struct jmespath *j, const struct jmespath_node *n, struct json v, struct json *ret)
{
    *ret = json_null();
    if (json_is_nullish(v)) {
        return 0;
    }
    struct json *items;
    int rc = jmespath_items(j, n->n_items, &items);
    size_t i = 0;
    for (const struct jmespath_node *e = n->items; rc == 0 && e; e = e->next) {
        rc = jmespath_eval(j, e, v, &items[i++]);
    }
    if (rc == 0 && n->kind == JMESPATH_MULTI_LIST) {
        *ret = json_array(items, i);
        return 0;
    }
    if (rc == 0) {
        rc = jmespath_room(j, (i + 1) * 16 * sizeof(struct json_member));
    }
    if (rc < 0) {
        return rc;
    }
    struct json_builder b;
    json_build_object(&b, j->arena);
    i = 0;
    for (const struct jmespath_node *e = n->items; e; e = e->next) {
        json_set(&b, e->name, items[i++]);
    }
    *ret = json_built(&b);
    return jmespath_spend(j, i);
}

static int call(struct jmespath *j, const struct jmespath_node *n, struct json v, struct json *ret)
{
    struct jmespath_arg args[JMESPATH_MAX_ARGS] = {{.expression = NULL}};
    size_t count = 0;
    int rc = 0;
    for (const struct jmespath_node *e = n->items; rc == 0 && e; e = e->next, count++) {
        if (e->kind == JMESPATH_REFERENCE) {
            args[count].expression = e->left;
        } else {
            rc = jmespath_eval(j, e, v, &args[count].value);
        }
    }
    j->at = n->offset;
    return rc < 0 ? rc : jmespath_call(j, n, args, count, ret);
}

int jmespath_eval(struct jmespath *j, const struct jmespath_node *n, struct json v,
                  struct json *ret)
{
    struct json left = v;
    bool has_right = false;
    j->at = n->offset;
    int rc = jmespath_spend(j, 1);
    if (rc == 0 && n->left && n->kind != JMESPATH_REFERENCE) {
        rc = jmespath_eval(j, n->left, v, &left);
    }
    *ret = json_null();
    if (rc < 0) {
        return rc;
    }
    switch (n->kind) {
    case JMESPATH_CURRENT:
        *ret = json_is_nullish(v) ? json_null() : v;
        return 0;
    case JMESPATH_FIELD:
        return field(j, v, n->name, ret);
    case JMESPATH_LITERAL:
        *ret = n->value;
        return 0;
    case JMESPATH_CHAIN:
        return jmespath_eval(j, n->right, left, ret);
    case JMESPATH_INDEX:
        *ret = item(left, n->slice[0].n);
        return 0;
    case JMESPATH_SLICE:
        return slice(j, n, left, ret);
    case JMESPATH_FLATTEN:
        return flatten(j, left, ret);
    case JMESPATH_LIST_PROJECTION:
    case JMESPATH_VALUES_PROJECTION:
    case JMESPATH_FILTER:
        return project(j, n, left, ret);
    case JMESPATH_COMPARE: {
        struct json right = json_null();
        rc = jmespath_eval(j, n->right, v, &right);
        return rc < 0 ? rc : compare(j, n, left, right, ret);
    }
    case JMESPATH_OR:
    case JMESPATH_AND:
        has_right = is_true(left) == (n->kind == JMESPATH_AND);
        *ret = left;
        return has_right ? jmespath_eval(j, n->right, v, ret) : 0;
    case JMESPATH_NOT:
        *ret = json_bool(!is_true(left));
        return 0;
    case JMESPATH_MULTI_LIST:
    case JMESPATH_MULTI_HASH:
        return multi(j, n, v, ret);
    case JMESPATH_CALL:
        return call(j, n, v, ret);
    case JMESPATH_REFERENCE:
        return jmespath_fail(j, n->offset,
                             "an expression with & stands among the values of a "
                             "function only.");
    }
    return -EINVAL;
}
