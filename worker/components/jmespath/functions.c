/* Owns the functions of the query language, as a table. Called by evaluate.c. It refuses values of
 * a type that a function does not take. */
#include <math.h>

#include "components/jmespath/jmespath_priv.h"

enum {
    ANY = 0,
    NUMBER = 1 << 0,
    TEXT = 1 << 1,
    LIST = 1 << 2,
    OBJECT = 1 << 3,
    EXPRESSION = 1 << 4,
    NUMBERS = 1 << 5, /* a list of nothing else */
    TEXTS = 1 << 6,
};

#define FUNCTION(name)                                                                             \
    static int name(struct jmespath *j, const struct jmespath_arg *args, size_t n, struct json *ret)

static bool is_text(struct json v)
{
    return v.type == JSON_STRING || v.type == JSON_BINARY;
}

/* A text that the buffer holds, as a value. */
static int give_text(struct jmespath *j, const struct buf *b, struct json *ret)
{
    if (b->full) {
        return jmespath_fail(j, j->at, "the text is larger than %zu MB.",
                             JMESPATH_MAX_RESULT / MIB(1));
    }
    int rc = jmespath_spend(j, b->len / 16);
    if (rc == 0) {
        rc = jmespath_room(j, b->len + 1);
    }
    if (rc == 0) {
        *ret = json_str(str_n(arena_strndup(j->arena, b->len ? b->data : "", b->len), b->len));
    }
    return rc;
}

/* --- numbers -------------------------------------------------------------------------------------
 */

FUNCTION(f_abs)
{
    *ret = json_num(fabs(args[0].value.num));
    return 0;
}

FUNCTION(f_ceil)
{
    *ret = json_num(ceil(args[0].value.num));
    return 0;
}

FUNCTION(f_floor)
{
    *ret = json_num(floor(args[0].value.num));
    return 0;
}

FUNCTION(f_sum)
{
    double sum = 0;
    for (uint32_t i = 0; i < args[0].value.len; i++) {
        sum += args[0].value.items[i].num;
    }
    *ret = json_num(sum);
    return jmespath_spend(j, args[0].value.len / 4);
}

FUNCTION(f_avg)
{
    int rc = f_sum(j, args, n, ret);
    *ret = args[0].value.len ? json_num(ret->num / args[0].value.len) : json_null();
    return rc;
}

FUNCTION(f_to_number)
{
    struct json v = args[0].value, number;
    *ret = v.type == JSON_NUMBER ? v : json_null();
    if (v.type == JSON_STRING && v.len < 400 &&
        json_parse(j->arena, json_as_str(v), &number, NULL) == 0 && number.type == JSON_NUMBER) {
        *ret = number;
    }
    return jmespath_spend(j, 32);
}

/* --- texts ---------------------------------------------------------------------------------------
 */

FUNCTION(f_starts_with)
{
    *ret = json_bool(str_starts(json_as_str(args[0].value), json_as_str(args[1].value)));
    return jmespath_spend(j, args[1].value.len / 16);
}

FUNCTION(f_ends_with)
{
    *ret = json_bool(str_ends(json_as_str(args[0].value), json_as_str(args[1].value)));
    return jmespath_spend(j, args[1].value.len / 16);
}

FUNCTION(f_join)
{
    AUTO(buf_done) struct buf b = {0};
    buf_init(&b, JMESPATH_MAX_RESULT);
    struct json list = args[1].value;
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < list.len && !b.full; i++) {
        if (i > 0) {
            buf_add_str(&b, json_as_str(args[0].value));
        }
        buf_add_str(&b, json_as_str(list.items[i]));
        rc = jmespath_spend(j, 1 + (args[0].value.len + list.items[i].len) / 16);
    }
    return rc < 0 ? rc : give_text(j, &b, ret);
}

FUNCTION(f_to_string)
{
    AUTO(buf_done) struct buf b = {0};
    buf_init(&b, JMESPATH_MAX_RESULT);
    if (is_text(args[0].value)) {
        *ret = args[0].value;
        return 0;
    }
    int rc = jmespath_weigh(j, args[0].value);
    if (rc < 0) {
        return rc;
    }
    json_dump(&b, args[0].value);
    return give_text(j, &b, ret);
}

/* Characters of a text, by code points. */
FUNCTION(f_length)
{
    struct json v = args[0].value;
    size_t count = is_text(v) ? 0 : v.len;
    for (uint32_t i = 0; is_text(v) && i < v.len; i++) {
        count += ((unsigned char)v.str[i] & 0xC0) != 0x80;
    }
    *ret = json_num((double)count);
    return jmespath_spend(j, is_text(v) ? v.len / 16 : 0);
}

static size_t character(const char *s, size_t left)
{
    size_t n = 1;
    while (n < left && ((unsigned char)s[n] & 0xC0) == 0x80) {
        n++;
    }
    return n;
}

static int reverse_text(struct jmespath *j, struct str s, struct json *ret)
{
    int rc = jmespath_spend(j, s.len / 16);
    if (rc == 0) {
        rc = jmespath_room(j, s.len + 1);
    }
    if (rc < 0) {
        return rc;
    }
    char *text = arena_alloc(j->arena, s.len + 1);
    for (size_t at = 0; at < s.len;) {
        size_t bytes = character(s.ptr + at, s.len - at);
        memcpy(text + s.len - at - bytes, s.ptr + at, bytes);
        at += bytes;
    }
    *ret = json_str(str_n(text, s.len));
    return 0;
}

FUNCTION(f_reverse)
{
    struct json v = args[0].value, *items;
    if (is_text(v)) {
        return reverse_text(j, json_as_str(v), ret);
    }
    int rc = jmespath_items(j, v.len, &items);
    for (uint32_t i = 0; rc == 0 && i < v.len; i++) {
        items[i] = v.items[v.len - 1 - i];
    }
    if (rc == 0) {
        *ret = json_array(items, v.len);
    }
    return rc;
}

FUNCTION(f_contains)
{
    struct json v = args[0].value, what = args[1].value;
    bool found = false;
    int rc = 0;
    if (is_text(v)) {
        found = is_text(what) && str_find(json_as_str(v), json_as_str(what), 0) >= 0;
        rc = jmespath_spend(j, v.len / 16);
    }
    for (uint32_t i = 0; rc == 0 && v.type == JSON_ARRAY && !found && i < v.len; i++) {
        rc = jmespath_equal(j, v.items[i], what, &found);
        rc = rc < 0 ? rc : jmespath_spend(j, 1);
    }
    *ret = json_bool(found);
    return rc;
}

/* --- objects and lists ---------------------------------------------------------------------------
 */

static int members(struct jmespath *j, struct json v, bool keys, struct json *ret)
{
    struct json *items;
    int rc = jmespath_items(j, v.len, &items);
    for (uint32_t i = 0; rc == 0 && i < v.len; i++) {
        items[i] = keys ? json_str(v.members[i].key) : v.members[i].value;
    }
    if (rc == 0) {
        *ret = json_array(items, v.len);
    }
    return rc;
}

FUNCTION(f_keys)
{
    return members(j, args[0].value, true, ret);
}

FUNCTION(f_values)
{
    return members(j, args[0].value, false, ret);
}

FUNCTION(f_merge)
{
    size_t total = 0;
    for (size_t i = 0; i < n; i++) {
        total += args[i].value.len;
    }
    int rc = jmespath_spend(j, 1 + total * 2);
    if (rc == 0) {
        rc = jmespath_room(j, (total + 1) * 8 * sizeof(struct json_member));
    }
    if (rc < 0) {
        return rc;
    }
    struct json_builder b;
    json_build_object(&b, j->arena);
    for (size_t i = 0; i < n; i++) {
        for (uint32_t k = 0; k < args[i].value.len; k++) {
            json_set(&b, args[i].value.members[k].key, args[i].value.members[k].value);
        }
    }
    *ret = json_built(&b);
    return 0;
}

FUNCTION(f_not_null)
{
    for (size_t i = 0; i < n; i++) {
        if (!json_is_nullish(args[i].value)) {
            *ret = args[i].value;
            break;
        }
    }
    return 0;
}

FUNCTION(f_to_array)
{
    struct json *items;
    if (args[0].value.type == JSON_ARRAY) {
        *ret = args[0].value;
        return 0;
    }
    int rc = jmespath_items(j, 1, &items);
    if (rc == 0) {
        items[0] = args[0].value;
        *ret = json_array(items, 1);
    }
    return rc;
}

static const char *type_name(struct json v)
{
    static const char *const names[_JSON_TYPE_N] = {
        "null", "null", "boolean", "boolean", "number", "string", "string", "array", "object"};
    return names[v.type];
}

FUNCTION(f_type)
{
    *ret = json_cstr(type_name(args[0].value));
    return 0;
}

FUNCTION(f_map)
{
    struct json list = args[1].value, *items;
    int rc = jmespath_items(j, list.len, &items);
    for (uint32_t i = 0; rc == 0 && i < list.len; i++) {
        rc = jmespath_eval(j, args[0].expression, list.items[i], &items[i]);
    }
    if (rc == 0) {
        *ret = json_array(items, list.len);
    }
    return rc;
}

/* --- order ---------------------------------------------------------------------------------------
 */

struct sorted {
    struct json key, value;
    uint32_t position;
};

int jmespath_compare(struct json x, struct json y)
{
    if (x.type == JSON_NUMBER) {
        return x.num < y.num ? -1 : x.num > y.num;
    }
    size_t n = MIN(x.len, y.len);
    int order = n ? memcmp(x.str, y.str, n) : 0;
    return order ? order : x.len < y.len ? -1 : x.len > y.len;
}

static int by_key(const void *x, const void *y)
{
    const struct sorted *a = x, *b = y;
    int order = jmespath_compare(a->key, b->key);
    return order ? order : a->position < b->position ? -1 : 1;
}

/* The items with their keys, which are all numbers or all texts; they themselves without an
 * expression. Spends what comparing each `rounds` times costs. */
static int read_keys(struct jmespath *j, struct json list, const struct jmespath_node *expression,
                     size_t rounds, struct sorted **ret)
{
    size_t at = j->at;
    int rc = jmespath_room(j, ((size_t)list.len + 1) * sizeof(struct sorted));
    if (rc < 0) {
        return rc;
    }
    struct sorted *sorted = arena_array(j->arena, (size_t)list.len + 1, sizeof(*sorted));
    for (uint32_t i = 0; rc == 0 && i < list.len; i++) {
        sorted[i] = (struct sorted){list.items[i], list.items[i], i};
        if (expression) {
            rc = jmespath_eval(j, expression, list.items[i], &sorted[i].key);
        }
        struct json key = sorted[i].key;
        bool known = key.type == JSON_NUMBER || key.type == JSON_STRING;
        if (rc == 0 && (!known || key.type != sorted[0].key.type)) {
            return jmespath_fail(j, at,
                                 "all keys must be numbers, or all strings; item %u has a key of "
                                 "type %s.",
                                 i, type_name(key));
        }
        j->at = at;
        rc = rc < 0
                 ? rc
                 : jmespath_spend(j, rounds * (1 + (key.type == JSON_STRING ? key.len / 16 : 0)));
    }
    *ret = sorted;
    return rc;
}

static int sort(struct jmespath *j, struct json list, const struct jmespath_node *expression,
                struct json *ret)
{
    struct sorted *sorted;
    struct json *items;
    size_t rounds = 1;
    while ((list.len >> rounds) > 0) {
        rounds++;
    }
    int rc = read_keys(j, list, expression, rounds, &sorted);
    if (rc == 0) {
        rc = jmespath_items(j, list.len, &items);
    }
    if (rc < 0) {
        return rc;
    }
    qsort(sorted, list.len, sizeof(*sorted), by_key);
    for (uint32_t i = 0; i < list.len; i++) {
        items[i] = sorted[i].value;
    }
    *ret = json_array(items, list.len);
    return 0;
}

static int extreme(struct jmespath *j, struct json list, const struct jmespath_node *expression,
                   int wanted, struct json *ret)
{
    struct sorted *keys;
    int rc = read_keys(j, list, expression, 1, &keys);
    uint32_t best = 0;
    for (uint32_t i = 1; rc == 0 && i < list.len; i++) {
        int order = jmespath_compare(keys[i].key, keys[best].key);
        best = (order < 0 ? -1 : order > 0) == wanted ? i : best;
    }
    if (rc == 0 && list.len) {
        *ret = keys[best].value;
    }
    return rc;
}

FUNCTION(f_sort)
{
    return sort(j, args[0].value, NULL, ret);
}

FUNCTION(f_sort_by)
{
    return sort(j, args[0].value, args[1].expression, ret);
}

FUNCTION(f_max)
{
    return extreme(j, args[0].value, NULL, 1, ret);
}

FUNCTION(f_max_by)
{
    return extreme(j, args[0].value, args[1].expression, 1, ret);
}

FUNCTION(f_min)
{
    return extreme(j, args[0].value, NULL, -1, ret);
}

FUNCTION(f_min_by)
{
    return extreme(j, args[0].value, args[1].expression, -1, ret);
}

/* --- the table -----------------------------------------------------------------------------------
 */

#define MANY JMESPATH_MAX_ARGS
static const struct jmespath_function functions[] = {
    {"abs", 1, 1, {NUMBER, ANY}, f_abs},
    {"avg", 1, 1, {NUMBERS, ANY}, f_avg},
    {"ceil", 1, 1, {NUMBER, ANY}, f_ceil},
    {"contains", 2, 2, {LIST | TEXT, ANY}, f_contains},
    {"ends_with", 2, 2, {TEXT, TEXT}, f_ends_with},
    {"floor", 1, 1, {NUMBER, ANY}, f_floor},
    {"join", 2, 2, {TEXT, TEXTS}, f_join},
    {"keys", 1, 1, {OBJECT, ANY}, f_keys},
    {"length", 1, 1, {TEXT | LIST | OBJECT, ANY}, f_length},
    {"map", 2, 2, {EXPRESSION, LIST}, f_map},
    {"max", 1, 1, {NUMBERS | TEXTS, ANY}, f_max},
    {"max_by", 2, 2, {LIST, EXPRESSION}, f_max_by},
    {"merge", 1, MANY, {OBJECT, OBJECT}, f_merge},
    {"min", 1, 1, {NUMBERS | TEXTS, ANY}, f_min},
    {"min_by", 2, 2, {LIST, EXPRESSION}, f_min_by},
    {"not_null", 1, MANY, {ANY, ANY}, f_not_null},
    {"reverse", 1, 1, {LIST | TEXT, ANY}, f_reverse},
    {"sort", 1, 1, {NUMBERS | TEXTS, ANY}, f_sort},
    {"sort_by", 2, 2, {LIST, EXPRESSION}, f_sort_by},
    {"starts_with", 2, 2, {TEXT, TEXT}, f_starts_with},
    {"sum", 1, 1, {NUMBERS, ANY}, f_sum},
    {"to_array", 1, 1, {ANY, ANY}, f_to_array},
    {"to_number", 1, 1, {ANY, ANY}, f_to_number},
    {"to_string", 1, 1, {ANY, ANY}, f_to_string},
    {"type", 1, 1, {ANY, ANY}, f_type},
    {"values", 1, 1, {OBJECT, ANY}, f_values},
};

const struct jmespath_function *jmespath_function_find(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(functions); i++) {
        if (str_eq(name, str_of(functions[i].name))) {
            return &functions[i];
        }
    }
    return NULL;
}

static bool all(struct json list, enum json_type type)
{
    for (uint32_t i = 0; i < list.len; i++) {
        if (list.items[i].type != type) {
            return false;
        }
    }
    return true;
}

static bool fits(const struct jmespath_arg *arg, unsigned types)
{
    struct json v = arg->value;
    if (arg->expression) {
        return types & EXPRESSION;
    }
    bool list = v.type == JSON_ARRAY;
    return types == ANY || (types & NUMBER && v.type == JSON_NUMBER) ||
           (types & TEXT && is_text(v)) || (types & LIST && list) ||
           (types & OBJECT && v.type == JSON_OBJECT) ||
           (types & NUMBERS && list && all(v, JSON_NUMBER)) ||
           (types & TEXTS && list && all(v, JSON_STRING));
}

static int wrong_type(struct jmespath *j, const struct jmespath_function *function, size_t i,
                      const struct jmespath_arg *arg, unsigned types)
{
    static const struct {
        unsigned type;
        const char *name;
    } names[] = {
        {NUMBER, "a number"},
        {TEXT, "a string"},
        {LIST, "a list"},
        {OBJECT, "an object"},
        {EXPRESSION, "an &expression"},
        {NUMBERS, "a list of numbers"},
        {TEXTS, "a list of strings"},
    };
    AUTO(buf_done) struct buf b = {0};
    buf_init(&b, 200);
    for (size_t k = 0; k < ARRAY_LEN(names); k++) {
        if (types & names[k].type) {
            buf_addf(&b, "%s%s", b.len ? " or " : "", names[k].name);
        }
    }
    return jmespath_fail(j, j->at, "value %zu of the function %s must be %s and is of type %s.",
                         i + 1, function->name, b.len ? b.data : "a value",
                         arg->expression ? "expression" : type_name(arg->value));
}

int jmespath_call(struct jmespath *j, const struct jmespath_node *call,
                  const struct jmespath_arg *args, size_t n, struct json *ret)
{
    const struct jmespath_function *function = call->function;
    for (size_t i = 0; i < n; i++) {
        unsigned types = function->types[i > 0];
        bool walked = types & (NUMBERS | TEXTS) && args[i].value.type == JSON_ARRAY;
        int rc = jmespath_spend(j, walked ? args[i].value.len / 4 : 0);
        if (rc < 0) {
            return rc;
        }
        if (!fits(&args[i], types)) {
            return wrong_type(j, function, i, &args[i], types);
        }
    }
    *ret = json_null();
    return function->fn(j, args, n, ret);
}
