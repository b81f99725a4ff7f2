/* Owns the filters on lists. Called by expression.c. A value that is no list counts as a list of
 * one (but has no first and last item), nil as an empty list; results share the items. It refuses
 * what has no room. */
#include "components/liquid_template/liquid_priv.h"

static struct json as_list(const struct json *v)
{
    return v->type == JSON_ARRAY ? *v
           : json_is_nullish(*v) ? json_array(NULL, 0)
                                 : json_array(v, 1);
}

/* Items for a result of n. */
static int new_items(struct liquid *l, size_t n, struct json **ret)
{
    int rc = liquid_room(l, (n + 1) * sizeof(struct json));
    if (rc == 0) {
        rc = liquid_spend(l, n);
    }
    if (rc == 0) {
        *ret = arena_array(l->arena, n + 1, sizeof(struct json));
    }
    return rc;
}

/* A property of a property: "address.city". */
static int deep_property(struct liquid *l, struct json v, struct str path, struct json *ret)
{
    size_t at = 0;
    int rc = liquid_spend(l, path.len / 16);
    while (rc == 0) {
        ptrdiff_t dot = str_find(path, STR("."), at);
        size_t end = dot < 0 ? path.len : (size_t)dot;
        rc = liquid_property(l, v, str_n(path.ptr + at, end - at), &v);
        at = end + 1;
        if (dot < 0) {
            break;
        }
    }
    *ret = v;
    return rc;
}

static int f_size(struct liquid *l, struct json in, const struct json *args, size_t n_args,
                  struct json *ret)
{
    *ret = json_num((double)liquid_size(in));
    return liquid_spend(l, in.type == JSON_STRING ? in.len / 16 : 0);
}

static int f_first(struct liquid *l, struct json in, const struct json *args, size_t n_args,
                   struct json *ret)
{
    *ret = in.type == JSON_ARRAY ? json_at(in, 0) : json_undefined();
    return 0;
}

static int f_last(struct liquid *l, struct json in, const struct json *args, size_t n_args,
                  struct json *ret)
{
    *ret = in.type == JSON_ARRAY && in.len ? in.items[in.len - 1] : json_undefined();
    return 0;
}

static int f_join(struct liquid *l, struct json in, const struct json *args, size_t n_args,
                  struct json *ret)
{
    AUTO(buf_done) struct buf b = {0};
    buf_init(&b, LIQUID_MAX_OUTPUT);
    struct json list = as_list(&in);
    struct str by = STR(" ");
    int rc = n_args ? liquid_text(l, args[0], &by) : 0;
    for (uint32_t i = 0; rc == 0 && i < list.len; i++) {
        if (i > 0) {
            rc = liquid_add_text(l, &b, json_str(by));
        }
        if (rc == 0) {
            rc = liquid_add_text(l, &b, list.items[i]);
        }
    }
    return rc < 0 ? rc : liquid_give(l, &b, ret);
}

static int f_reverse(struct liquid *l, struct json in, const struct json *args, size_t n_args,
                     struct json *ret)
{
    struct json list = as_list(&in), *items;
    int rc = new_items(l, list.len, &items);
    for (uint32_t i = 0; rc == 0 && i < list.len; i++) {
        items[i] = list.items[list.len - 1 - i];
    }
    if (rc == 0) {
        *ret = json_array(items, list.len);
    }
    return rc;
}

static int f_concat(struct liquid *l, struct json in, const struct json *args, size_t n_args,
                    struct json *ret)
{
    struct json x = as_list(&in), y = as_list(&args[0]), *items;
    int rc = new_items(l, (size_t)x.len + y.len, &items);
    for (uint32_t i = 0; rc == 0 && i < x.len; i++) {
        items[i] = x.items[i];
    }
    for (uint32_t i = 0; rc == 0 && i < y.len; i++) {
        items[x.len + i] = y.items[i];
    }
    if (rc == 0) {
        *ret = json_array(items, (size_t)x.len + y.len);
    }
    return rc;
}

static int f_map(struct liquid *l, struct json in, const struct json *args, size_t n_args,
                 struct json *ret)
{
    struct json list = as_list(&in), *items;
    struct str path = STR("");
    int rc = new_items(l, list.len, &items);
    if (rc == 0) {
        rc = liquid_text(l, args[0], &path);
    }
    for (uint32_t i = 0; rc == 0 && i < list.len; i++) {
        rc = deep_property(l, list.items[i], path, &items[i]);
        items[i] = items[i].type == JSON_UNDEFINED ? json_null() : items[i];
    }
    if (rc == 0) {
        *ret = json_array(items, list.len);
    }
    return rc;
}

/* The items whose property (or they themselves, when no property is named) fits. */
typedef int (*fits_fn)(struct liquid *l, struct json v, const struct json *args, size_t n_args,
                       bool *ret);
static int keep(struct liquid *l, struct json list, const struct json *args, size_t n_args,
                fits_fn fits, struct json *ret)
{
    struct json *items;
    struct str path = STR("");
    uint32_t n = 0;
    int rc = new_items(l, list.len, &items);
    if (rc == 0 && n_args) {
        rc = liquid_text(l, args[0], &path);
    }
    for (uint32_t i = 0; rc == 0 && i < list.len; i++) {
        struct json v = list.items[i];
        bool kept = false;
        rc = n_args ? deep_property(l, list.items[i], path, &v) : 0;
        if (rc == 0) {
            rc = fits(l, v, args, n_args, &kept);
        }
        if (kept) {
            items[n++] = list.items[i];
        }
    }
    if (rc == 0) {
        *ret = json_array(items, n);
    }
    return rc;
}

static int is_there(struct liquid *l, struct json v, const struct json *args, size_t n_args,
                    bool *ret)
{
    *ret = !json_is_nullish(v);
    return 0;
}

static int is_wanted(struct liquid *l, struct json v, const struct json *args, size_t n_args,
                     bool *ret)
{
    *ret = liquid_truthy(v);
    return n_args > 1 ? liquid_equal(l, NULL, v, args[1], ret) : 0;
}

static int f_compact(struct liquid *l, struct json in, const struct json *args, size_t n_args,
                     struct json *ret)
{
    return keep(l, as_list(&in), args, n_args, is_there, ret);
}

static int f_where(struct liquid *l, struct json in, const struct json *args, size_t n_args,
                   struct json *ret)
{
    return keep(l, as_list(&in), args, n_args, is_wanted, ret);
}

static int is_unwanted(struct liquid *l, struct json v, const struct json *args, size_t n_args,
                       bool *ret)
{
    int rc = is_wanted(l, v, args, n_args, ret);
    *ret = !*ret;
    return rc;
}

static int f_reject(struct liquid *l, struct json in, const struct json *args, size_t n_args,
                    struct json *ret)
{
    return keep(l, as_list(&in), args, n_args, is_unwanted, ret);
}

/* The position of the first item that `where` would keep; the length when there is none. */
static int first_wanted(struct liquid *l, struct json list, const struct json *args, size_t n_args,
                        uint32_t *ret)
{
    struct str path = STR("");
    bool wanted = false;
    int rc = liquid_text(l, args[0], &path);
    for (*ret = 0; rc == 0 && *ret < list.len; ++*ret) {
        struct json v = json_undefined();
        rc = deep_property(l, list.items[*ret], path, &v);
        if (rc == 0) {
            rc = is_wanted(l, v, args, n_args, &wanted);
        }
        if (wanted) {
            break;
        }
    }
    return rc;
}

static int f_find(struct liquid *l, struct json in, const struct json *args, size_t n_args,
                  struct json *ret)
{
    uint32_t at;
    int rc = first_wanted(l, as_list(&in), args, n_args, &at);
    *ret = json_at(as_list(&in), at);
    return rc;
}

static int f_find_index(struct liquid *l, struct json in, const struct json *args, size_t n_args,
                        struct json *ret)
{
    uint32_t at;
    int rc = first_wanted(l, as_list(&in), args, n_args, &at);
    *ret = at < as_list(&in).len ? json_num(at) : json_undefined();
    return rc;
}

static int f_has(struct liquid *l, struct json in, const struct json *args, size_t n_args,
                 struct json *ret)
{
    uint32_t at;
    int rc = first_wanted(l, as_list(&in), args, n_args, &at);
    *ret = json_bool(at < as_list(&in).len);
    return rc;
}

static int f_sum(struct liquid *l, struct json in, const struct json *args, size_t n_args,
                 struct json *ret)
{
    struct json list = as_list(&in);
    struct str path = STR("");
    double sum = 0;
    int rc = n_args ? liquid_text(l, args[0], &path) : 0;
    for (uint32_t i = 0; rc == 0 && i < list.len; i++) {
        struct json v = list.items[i];
        rc = n_args ? deep_property(l, list.items[i], path, &v) : liquid_spend(l, 1);
        sum += liquid_number(v);
    }
    *ret = json_num(sum);
    return rc;
}

struct sort_item {
    struct json key, value;
    uint32_t position;
};

static int by_key(const void *x, const void *y)
{
    const struct sort_item *a = x, *b = y;
    int order = liquid_compare(a->key, b->key);
    return order ? order : a->position < b->position ? -1 : 1;
}

static void fold_case(struct liquid *l, struct json *key)
{
    char *text = arena_strndup(l->arena, key->str, key->len);
    for (uint32_t i = 0; i < key->len; i++) {
        text[i] = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] - 'A' + 'a') : text[i];
    }
    key->str = text;
}

/* Equal items keep their order. What the comparisons can cost is spent before. */
static int sort(struct liquid *l, struct json list, struct str path, bool any_case,
                struct json *ret)
{
    struct json *items;
    size_t log = 1;
    while ((list.len >> log) > 0) {
        log++;
    }
    int rc = new_items(l, list.len, &items);
    if (rc == 0) {
        rc = liquid_room(l, ((size_t)list.len + 1) * sizeof(struct sort_item));
    }
    if (rc < 0) {
        return rc;
    }
    struct sort_item *sorted = arena_array(l->arena, (size_t)list.len + 1, sizeof(*sorted));
    for (uint32_t i = 0; i < list.len; i++) {
        sorted[i] = (struct sort_item){list.items[i], list.items[i], i};
        rc = path.len ? deep_property(l, list.items[i], path, &sorted[i].key) : 0;
        size_t bytes = sorted[i].key.type == JSON_STRING ? sorted[i].key.len : 0;
        if (rc == 0) {
            rc = liquid_spend(l, log * (1 + bytes / 16));
        }
        if (rc == 0 && any_case && bytes) {
            rc = liquid_room(l, bytes + 1);
            if (rc == 0) {
                fold_case(l, &sorted[i].key);
            }
        }
        if (rc < 0) {
            return rc;
        }
    }
    qsort(sorted, list.len, sizeof(*sorted), by_key);
    for (uint32_t i = 0; i < list.len; i++) {
        items[i] = sorted[i].value;
    }
    *ret = json_array(items, list.len);
    return 0;
}

static int f_sort(struct liquid *l, struct json in, const struct json *args, size_t n_args,
                  struct json *ret)
{
    struct str path = STR("");
    int rc = n_args ? liquid_text(l, args[0], &path) : 0;
    return rc < 0 ? rc : sort(l, as_list(&in), path, false, ret);
}

static int f_sort_natural(struct liquid *l, struct json in, const struct json *args, size_t n_args,
                          struct json *ret)
{
    struct str path = STR("");
    int rc = n_args ? liquid_text(l, args[0], &path) : 0;
    return rc < 0 ? rc : sort(l, as_list(&in), path, true, ret);
}

static uint64_t hash_text(struct str s)
{
    uint64_t h = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < s.len; i++) {
        h = (h ^ (unsigned char)s.ptr[i]) * UINT64_C(1099511628211);
    }
    return h ^ (h >> 29);
}

/* The slot of a table where the key is, or belongs. */
static int find_slot(struct liquid *l, const uint32_t *table, size_t cap, const struct json *keys,
                     struct json key, size_t *ret)
{
    AUTO(buf_done) struct buf b = {0};
    buf_init(&b, LIQUID_MAX_OUTPUT);
    int rc = liquid_weigh(l, key);
    if (rc < 0) {
        return rc;
    }
    json_dump(&b, key);
    size_t slot = hash_text(buf_str(&b)) & (cap - 1);
    bool same = false;
    while (rc == 0 && table[slot]) {
        rc = liquid_equal(l, NULL, keys[table[slot] - 1], key, &same);
        if (same) {
            break;
        }
        rc = rc < 0 ? rc : liquid_spend(l, 1);
        slot = (slot + 1) & (cap - 1);
    }
    *ret = slot;
    return rc;
}

static int f_uniq(struct liquid *l, struct json in, const struct json *args, size_t n_args,
                  struct json *ret)
{
    struct json list = as_list(&in), *items, *keys;
    struct str path = STR("");
    size_t cap = 16, slot = 0;
    while (cap < (size_t)list.len * 2) {
        cap *= 2;
    }
    int rc = n_args ? liquid_text(l, args[0], &path) : 0;
    if (rc == 0) {
        rc = new_items(l, list.len, &items);
    }
    if (rc == 0) {
        rc = new_items(l, list.len, &keys);
    }
    if (rc == 0) {
        rc = liquid_room(l, cap * sizeof(uint32_t));
    }
    if (rc < 0) {
        return rc;
    }
    uint32_t *table = arena_array(l->arena, cap, sizeof(*table)), n = 0;
    for (uint32_t i = 0; rc == 0 && i < list.len; i++) {
        struct json key = list.items[i];
        rc = n_args ? deep_property(l, list.items[i], path, &key) : 0;
        if (rc == 0) {
            rc = find_slot(l, table, cap, keys, key, &slot);
        }
        if (rc == 0 && table[slot] == 0) {
            keys[n] = key;
            items[n++] = list.items[i];
            table[slot] = n;
        }
    }
    *ret = json_array(items, n);
    return rc;
}

const struct liquid_filter liquid_list_filters[] = {
    {"compact", 0, 1, f_compact}, {"concat", 1, 1, f_concat},
    {"find", 1, 2, f_find},       {"find_index", 1, 2, f_find_index},
    {"first", 0, 0, f_first},     {"has", 1, 2, f_has},
    {"join", 0, 1, f_join},       {"last", 0, 0, f_last},
    {"map", 1, 1, f_map},         {"reject", 1, 2, f_reject},
    {"reverse", 0, 0, f_reverse}, {"size", 0, 0, f_size},
    {"sort", 0, 1, f_sort},       {"sort_natural", 0, 1, f_sort_natural},
    {"sum", 0, 1, f_sum},         {"uniq", 0, 1, f_uniq},
    {"where", 1, 2, f_where},     {0},
};
