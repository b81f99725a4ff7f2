/* Owns gathering doubled names into lists, by sorting. Any thread, one owner an arena. */
#include "components/change_data_format/grouping.h"

static int by_name(const void *x, const void *y)
{
    const struct named_value *a = x, *b = y;
    size_t n = MIN(a->name.len, b->name.len);
    int order = n ? memcmp(a->name.ptr, b->name.ptr, n) : 0;
    if (order == 0 && a->name.len != b->name.len) {
        order = a->name.len < b->name.len ? -1 : 1;
    }
    return order ? order : a->order < b->order ? -1 : 1;
}

static int by_first(const void *x, const void *y)
{
    const struct named_value *a = x, *b = y;
    if (a->first != b->first) {
        return a->first < b->first ? -1 : 1;
    }
    return a->order < b->order ? -1 : a->order > b->order;
}

void grouping_append(struct json_builder *object, struct named_value *values, size_t n)
{
    if (n == 0) {
        return;
    }
    for (size_t i = 0; i < n; i++) {
        values[i].order = (uint32_t)i;
    }
    qsort(values, n, sizeof(*values), by_name);
    for (size_t i = 0; i < n; i++) {
        bool same = i > 0 && str_eq(values[i].name, values[i - 1].name);
        values[i].first = same ? values[i - 1].first : values[i].order;
    }
    qsort(values, n, sizeof(*values), by_first);
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && values[end].first == values[i].first; end++) {
        }
        if (end == i + 1) {
            json_append(object, values[i].name, values[i].value);
            continue;
        }
        struct json *items = arena_array(object->arena, end - i, sizeof(*items));
        for (size_t k = i; k < end; k++) {
            items[k - i] = values[k].value;
        }
        json_append(object, values[i].name, json_array(items, end - i));
    }
}
