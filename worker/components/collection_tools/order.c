/* Owns the actions of collection-tools that compare elements, or change their order. Pure, on the
 * slot's thread; results share the items of their inputs. They refuse keys that are no names of
 * fields and, where numbers are wanted, what is none. */
#include <math.h>

#include "components/collection_tools/collection_tools.h"
#include "components/collection_tools/field_path.h"
#include "expr/value.h"

static int read_path(struct action_context *ctx, const char *key, struct field_path *ret,
                     struct err *err)
{
    struct str text;
    int rc = action_input_text(ctx, key, &text, err);
    return rc < 0 ? rc : field_path_read(ctx, key, text, ret, err);
}

/* --- order and groups ----------------------------------------------------------------------------
 */

/* An element with what it is compared by. */
struct keyed {
    struct json item, key;
    uint32_t position, first; /* first: position of the first of its group */
};

static int read_keyed(struct action_context *ctx, const char *path_key, struct json *ret_list,
                      struct keyed **ret, struct err *err)
{
    struct field_path path;
    int rc = collection_read_list(ctx, "listInput", 6, ret_list, err);
    if (rc == 0) {
        rc = read_path(ctx, path_key, &path, err);
    }
    if (rc < 0) {
        return rc;
    }
    uint32_t n = ret_list->len;
    struct keyed *keyed = arena_array(action_arena(ctx), MAX(n, 1u), sizeof(*keyed));
    for (uint32_t i = 0; i < n; i++) {
        keyed[i] =
            (struct keyed){ret_list->items[i], field_path_get(ret_list->items[i], &path), i, i};
    }
    *ret = keyed;
    return 0;
}

/* Numbers, texts, false and true; all else has no place and comes last. */
static int rank(struct json v)
{
    bool flag = v.type == JSON_FALSE || v.type == JSON_TRUE;
    return v.type == JSON_NUMBER ? 0 : v.type == JSON_STRING ? 1 : flag ? 2 : 3;
}

static int compare(const struct keyed *a, const struct keyed *b, int direction)
{
    int x = rank(a->key), y = rank(b->key), order = 0;
    if (x != y) {
        return x == 3 || y == 3 ? x - y : direction * (x - y);
    }
    if (x == 0) {
        order = a->key.num < b->key.num ? -1 : a->key.num > b->key.num;
    } else if (x == 1) {
        order = value_compare_strings(json_as_str(a->key), json_as_str(b->key));
    } else if (x == 2) {
        order = (int)a->key.type - (int)b->key.type;
    }
    if (order == 0) {
        return a->position < b->position ? -1 : 1;
    }
    return direction * order;
}

static int ascending(const void *x, const void *y)
{
    return compare(x, y, 1);
}

static int descending(const void *x, const void *y)
{
    return compare(x, y, -1);
}

int collection_sort_by_key(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct json list;
    struct keyed *keyed;
    struct str order;
    int rc = read_keyed(ctx, "sortKey", &list, &keyed, err);
    if (rc == 0) {
        rc = action_input_text(ctx, "sortOrder", &order, err);
    }
    if (rc < 0) {
        return rc;
    }
    bool down = str_eq_ci(str_trim(order), STR("descending"));
    if (!down && !str_eq_ci(str_trim(order), STR("ascending"))) {
        return action_input_error(ctx, "sortOrder", err, "must be ascending or descending.");
    }
    qsort(keyed, list.len, sizeof(*keyed), down ? descending : ascending);
    struct json *items = collection_new_items(ctx, list.len);
    for (uint32_t i = 0; i < list.len; i++) {
        items[i] = keyed[i].item;
    }
    ret->data = json_array(items, list.len);
    return 0;
}

static int by_first(const void *x, const void *y)
{
    const struct keyed *a = x, *b = y;
    if (a->first != b->first) {
        return a->first < b->first ? -1 : 1;
    }
    return a->position < b->position ? -1 : 1;
}

int collection_group_by(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct json list;
    struct keyed *keyed;
    int rc = read_keyed(ctx, "groupKey", &list, &keyed, err);
    for (uint32_t i = 0; rc == 0 && i < list.len; i++) {
        struct json key = keyed[i].key;
        if (key.type == JSON_ARRAY || key.type == JSON_OBJECT) {
            return action_input_error(ctx, "groupKey", err,
                                      "leads to a list or an object in element %u.", i);
        }
        if (key.type != JSON_STRING) {
            rc = action_room(ctx, 64, err);
            if (rc == 0) {
                keyed[i].key = json_str(
                    json_is_nullish(key) ? STR("null") : value_to_text(action_arena(ctx), key));
            }
        }
    }
    if (rc == 0) {
        rc = action_room(ctx, ((size_t)list.len + 1) * 8 * sizeof(struct json_member), err);
    }
    if (rc < 0) {
        return rc;
    }
    qsort(keyed, list.len, sizeof(*keyed), ascending);
    for (uint32_t i = 1; i < list.len; i++) {
        bool same = str_eq(json_as_str(keyed[i].key), json_as_str(keyed[i - 1].key));
        keyed[i].first = same ? keyed[i - 1].first : keyed[i].position;
    }
    qsort(keyed, list.len, sizeof(*keyed), by_first);
    struct json_builder b;
    json_build_object(&b, action_arena(ctx));
    struct json *items = collection_new_items(ctx, list.len);
    for (uint32_t i = 0, end; i < list.len; i = end) {
        for (end = i; end < list.len && keyed[end].first == keyed[i].first; end++) {
            items[end] = keyed[end].item;
        }
        json_append(&b, json_as_str(keyed[i].key), json_array(items + i, end - i));
    }
    ret->data = json_built(&b);
    return 0;
}

/* --- searching -----------------------------------------------------------------------------------
 */

/* Text is equal to the number, true or false that it writes. */
static bool same(struct action_context *ctx, struct json x, struct json y)
{
    bool loose = (x.type == JSON_STRING) != (y.type == JSON_STRING);
    struct json other = x.type == JSON_STRING ? y : x;
    if (!loose ||
        (other.type != JSON_NUMBER && other.type != JSON_TRUE && other.type != JSON_FALSE)) {
        return json_equal(x, y);
    }
    AUTO(buf_done) struct buf b = {0};
    buf_init(&b, 64);
    json_dump(&b, other);
    return str_eq(buf_str(&b), json_as_str(x.type == JSON_STRING ? x : y));
}

int collection_lookup(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct json list, wanted;
    struct field_path path;
    int rc = collection_read_list(ctx, "listInput", 0, &list, err);
    if (rc == 0) {
        rc = read_path(ctx, "lookupKey", &path, err);
    }
    if (rc == 0) {
        rc = action_input_value(ctx, "elementInput", &wanted, err);
    }
    ret->data = json_undefined();
    for (uint32_t i = 0; rc == 0 && i < list.len; i++) {
        struct json v = field_path_get(list.items[i], &path);
        if (v.type != JSON_UNDEFINED && same(ctx, v, wanted)) {
            ret->data = list.items[i];
            break;
        }
    }
    return rc;
}

int collection_index_of(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct json list, element;
    int rc = collection_read_list(ctx, "listInput", 0, &list, err);
    if (rc == 0) {
        rc = action_input_value(ctx, "elementInput", &element, err);
    }
    ret->data = json_num(-1);
    for (uint32_t i = 0; rc == 0 && i < list.len; i++) {
        if (json_equal(list.items[i], element)) {
            ret->data = json_num(i);
            break;
        }
    }
    return rc;
}

/* --- positions -----------------------------------------------------------------------------------
 */

int collection_reverse(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct json list;
    int rc = collection_read_list(ctx, "listInput", 1, &list, err);
    if (rc < 0) {
        return rc;
    }
    struct json *items = collection_new_items(ctx, list.len);
    for (uint32_t i = 0; i < list.len; i++) {
        items[i] = list.items[list.len - 1 - i];
    }
    ret->data = json_array(items, list.len);
    return 0;
}

static int read_position(struct action_context *ctx, const char *key, uint32_t len,
                         uint32_t otherwise, uint32_t *ret, struct err *err)
{
    double n;
    int rc = action_input_number(ctx, key, &n, err);
    if (rc == 0 && isnan(n)) {
        *ret = otherwise;
    } else if (rc == 0) {
        n = trunc(n) + (n < 0 ? len : 0);
        *ret = (uint32_t)MAX(0, MIN(n, (double)len));
    }
    return rc;
}

int collection_slice(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct json list;
    uint32_t start, end;
    int rc = collection_read_list(ctx, "listInput", 0, &list, err);
    if (rc == 0) {
        rc = read_position(ctx, "startIndex", list.len, 0, &start, err);
    }
    if (rc == 0) {
        rc = read_position(ctx, "endIndex", list.len, list.len, &end, err);
    }
    if (rc == 0) {
        uint32_t n = end > start ? end - start : 0;
        ret->data = json_array(n ? list.items + start : NULL, n);
    }
    return rc;
}

int collection_zip(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct json first, second;
    int rc = collection_read_list(ctx, "firstListInput", 0, &first, err);
    if (rc == 0) {
        rc = collection_read_list(ctx, "secondListInput", 0, &second, err);
    }
    uint32_t n = rc == 0 ? MAX(first.len, second.len) : 0;
    if (rc == 0) {
        rc = action_room(ctx, ((size_t)n + 1) * 3 * sizeof(first), err);
    }
    if (rc < 0) {
        return rc;
    }
    struct json *pairs = collection_new_items(ctx, n), *items = collection_new_items(ctx, 2ul * n);
    for (uint32_t i = 0; i < n; i++) {
        items[2ul * i] = i < first.len ? first.items[i] : json_null();
        items[2ul * i + 1] = i < second.len ? second.items[i] : json_null();
        pairs[i] = json_array(items + 2ul * i, 2);
    }
    ret->data = json_array(pairs, n);
    return 0;
}

/* --- numbers -------------------------------------------------------------------------------------
 */

enum aggregate { AVERAGE, COUNT, MAXIMUM, MINIMUM, SUM, PRODUCT, MEDIAN };
const char *const collection_aggregates[] = {
    "AVERAGE", "COUNT", "MAX", "MIN", "SUM", "PRODUCT", "MEDIAN", NULL,
};

static int by_size(const void *x, const void *y)
{
    const double *a = x, *b = y;
    return *a < *b ? -1 : *a > *b;
}

static double aggregate(enum aggregate function, double *numbers, size_t n)
{
    double sum = 0, product = 1;
    for (size_t i = 0; i < n; i++) {
        sum += numbers[i];
        product *= numbers[i];
    }
    qsort(numbers, n, sizeof(*numbers), by_size);
    switch (function) {
    case COUNT:
        return (double)n;
    case SUM:
        return sum;
    case PRODUCT:
        return product;
    case AVERAGE:
        return sum / (double)n;
    case MINIMUM:
        return n ? numbers[0] : NAN;
    case MAXIMUM:
        return n ? numbers[n - 1] : NAN;
    case MEDIAN:
        return n ? numbers[(n - 1) / 2] / 2 + numbers[n / 2] / 2 : NAN;
    }
    return NAN;
}

int collection_aggregate(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct json list;
    struct str name;
    size_t function = 0;
    int rc = collection_read_list(ctx, "listInput", 1, &list, err);
    if (rc == 0) {
        rc = action_input_text(ctx, "aggregateFunction", &name, err);
    }
    if (rc < 0) {
        return rc;
    }
    while (collection_aggregates[function] &&
           !str_eq_ci(str_trim(name), str_of(collection_aggregates[function]))) {
        function++;
    }
    if (!collection_aggregates[function]) {
        return action_input_error(ctx, "aggregateFunction", err,
                                  "must be AVERAGE, COUNT, MAX, MIN, SUM, PRODUCT or MEDIAN.");
    }
    double *numbers = arena_array(action_arena(ctx), list.len + 1ul, sizeof(*numbers));
    for (uint32_t i = 0; function != COUNT && i < list.len; i++) {
        struct json v = list.items[i];
        bool text = v.type == JSON_STRING && str_trim(json_as_str(v)).len;
        numbers[i] = v.type == JSON_NUMBER || text ? value_to_number(v) : NAN;
        if (!isfinite(numbers[i])) {
            return action_input_error(ctx, "listInput", err, "element %u is not a number.", i);
        }
    }
    double result = aggregate((enum aggregate)function, numbers, list.len);
    ret->data = isnan(result) ? json_null() : json_num(result);
    return 0;
}
