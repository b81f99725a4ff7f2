/* Owns the list actions of collection-tools. Pure, on the slot's thread; results share the items of
 * their inputs. */
#include "components/collection_tools/collection_tools.h"

int collection_read_list(struct action_context *ctx, const char *key, size_t copies,
                         struct json *ret, struct err *err)
{
    struct json list;
    int rc = action_input_list(ctx, key, &list, err);
    if (rc < 0) {
        return rc;
    }
    rc = action_room(ctx, (list.len + 1) * copies * sizeof(struct json), err);
    if (rc < 0) {
        return rc;
    }
    *ret = list;
    return 0;
}

struct json *collection_new_items(struct action_context *ctx, size_t n)
{
    return arena_array(action_arena(ctx), MAX(n, 1u), sizeof(struct json));
}

/* A single item that is a list is the list itself, as if the input referred to it. */
int collection_create(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    int rc = action_input_list(ctx, "items", &ret->data, err);
    if (rc == 0 && ret->data.len == 1 && ret->data.items[0].type == JSON_ARRAY) {
        ret->data = ret->data.items[0];
    }
    return rc;
}

int collection_first(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct json list;
    int rc = collection_read_list(ctx, "listInput", 0, &list, err);
    if (rc == 0) {
        ret->data = json_at(list, 0);
    }
    return rc;
}

int collection_last(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct json list;
    int rc = collection_read_list(ctx, "listInput", 0, &list, err);
    if (rc == 0) {
        ret->data = list.len ? list.items[list.len - 1] : json_undefined();
    }
    return rc;
}

int collection_length(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct json list;
    int rc = collection_read_list(ctx, "listInput", 0, &list, err);
    if (rc == 0) {
        ret->data = json_num(list.len);
    }
    return rc;
}

int collection_select(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct json list;
    int64_t index;
    int rc = collection_read_list(ctx, "listInput", 0, &list, err);
    if (rc == 0) {
        rc = action_input_int(ctx, "index", INT32_MIN, INT32_MAX, &index, err);
    }
    if (rc < 0) {
        return rc;
    }
    index += index < 0 ? list.len : 0;
    ret->data = index < 0 ? json_undefined() : json_at(list, (size_t)index);
    return 0;
}

static int take(struct action_context *ctx, bool from_end, struct action_result *ret,
                struct err *err)
{
    struct json list;
    int64_t n;
    int rc = collection_read_list(ctx, "listInput", 0, &list, err);
    if (rc == 0) {
        rc = action_input_int(ctx, "numberInput", 0, INT32_MAX, &n, err);
    }
    if (rc < 0) {
        return rc;
    }
    size_t taken = MIN((size_t)n, list.len);
    size_t start = from_end ? list.len - taken : 0;
    ret->data = json_array(taken ? list.items + start : NULL, taken);
    return 0;
}

int collection_take_first(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    return take(ctx, false, ret, err);
}

int collection_take_last(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    return take(ctx, true, ret, err);
}

int collection_chunks(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct json list;
    int64_t size;
    int rc = collection_read_list(ctx, "listInput", 1, &list, err);
    if (rc == 0) {
        rc = action_input_int(ctx, "numberInput", 1, INT32_MAX, &size, err);
    }
    if (rc < 0) {
        return rc;
    }
    size_t n = 0;
    struct json *chunks = collection_new_items(ctx, (list.len + (size_t)size - 1) / (size_t)size);
    for (size_t at = 0; at < list.len; at += (size_t)size) {
        chunks[n++] = json_array(list.items + at, MIN((size_t)size, list.len - at));
    }
    ret->data = json_array(chunks, n);
    return 0;
}

int collection_flatten(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct json list;
    int rc = collection_read_list(ctx, "listInput", 0, &list, err);
    size_t total = 0, n = 0;
    for (uint32_t i = 0; rc == 0 && i < list.len; i++) {
        total += list.items[i].type == JSON_ARRAY ? list.items[i].len : 1;
    }
    if (rc == 0) {
        rc = action_room(ctx, total * sizeof(struct json), err);
    }
    if (rc < 0) {
        return rc;
    }
    struct json *items = collection_new_items(ctx, total);
    for (uint32_t i = 0; i < list.len; i++) {
        struct json v = list.items[i];
        if (v.type != JSON_ARRAY) {
            items[n++] = v;
        } else if (v.len) {
            memcpy(items + n, v.items, v.len * sizeof(v));
            n += v.len;
        }
    }
    ret->data = json_array(items, n);
    return 0;
}

static struct json joined(struct action_context *ctx, struct json x, struct json y)
{
    struct json *items = collection_new_items(ctx, (size_t)x.len + y.len);
    if (x.len) {
        memcpy(items, x.items, x.len * sizeof(x));
    }
    if (y.len) {
        memcpy(items + x.len, y.items, y.len * sizeof(y));
    }
    return json_array(items, (size_t)x.len + y.len);
}

int collection_append(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct json list, element;
    int rc = collection_read_list(ctx, "listInput", 1, &list, err);
    if (rc == 0) {
        rc = action_input_value(ctx, "elementInput", &element, err);
    }
    if (rc == 0) {
        ret->data = joined(ctx, list, json_array(&element, 1));
    }
    return rc;
}

int collection_concatenate(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct json first, second;
    int rc = collection_read_list(ctx, "firstListInput", 1, &first, err);
    if (rc == 0) {
        rc = collection_read_list(ctx, "secondListInput", 1, &second, err);
    }
    if (rc == 0) {
        rc = action_room(ctx, ((size_t)first.len + second.len) * sizeof(first), err);
    }
    if (rc == 0) {
        ret->data = joined(ctx, first, second);
    }
    return rc;
}

int collection_count(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct json list, element;
    int rc = collection_read_list(ctx, "listInput", 0, &list, err);
    if (rc == 0) {
        rc = action_input_value(ctx, "elementInput", &element, err);
    }
    size_t n = 0;
    for (uint32_t i = 0; rc == 0 && i < list.len; i++) {
        n += json_equal(list.items[i], element) ? 1 : 0;
    }
    ret->data = json_num((double)n);
    return rc;
}

int collection_remove(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct json list, element;
    int rc = collection_read_list(ctx, "listInput", 1, &list, err);
    if (rc == 0) {
        rc = action_input_value(ctx, "elementInput", &element, err);
    }
    if (rc < 0) {
        return rc;
    }
    size_t n = 0;
    struct json *items = collection_new_items(ctx, list.len);
    for (uint32_t i = 0; i < list.len; i++) {
        if (!json_equal(list.items[i], element)) {
            items[n++] = list.items[i];
        }
    }
    ret->data = json_array(items, n);
    return 0;
}

static uint64_t hash_text(struct str s)
{
    uint64_t h = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < s.len; i++) {
        h = (h ^ (unsigned char)s.ptr[i]) * UINT64_C(1099511628211);
    }
    return h;
}

/* Elements are compared by their JSON text through a table of positions, so that long lists do not
 * cost the square of their length. */
int collection_deduplicate(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct json list;
    int rc = collection_read_list(ctx, "listInput", 4, &list, err);
    if (rc < 0) {
        return rc;
    }
    size_t n = 0, cap = 16;
    while (cap < (size_t)list.len * 2) {
        cap *= 2;
    }
    struct json *items = collection_new_items(ctx, list.len);
    uint32_t *table = arena_array(action_arena(ctx), cap, sizeof(uint32_t));
    uint64_t *hashes = arena_array(action_arena(ctx), list.len + 1, sizeof(uint64_t));
    AUTO(buf_done) struct buf text = {0};
    buf_init(&text, 0);
    for (uint32_t i = 0; i < list.len; i++) {
        buf_clear(&text);
        json_dump(&text, list.items[i]);
        uint64_t hash = hash_text(buf_str(&text));
        size_t slot = hash & (cap - 1);
        while (table[slot] && !(hashes[table[slot] - 1] == hash &&
                                json_equal(items[table[slot] - 1], list.items[i]))) {
            slot = (slot + 1) & (cap - 1);
        }
        if (table[slot] == 0) {
            hashes[n] = hash;
            items[n++] = list.items[i];
            table[slot] = (uint32_t)n;
        }
    }
    ret->data = json_array(items, n);
    return 0;
}
