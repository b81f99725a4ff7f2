/* Owns looking into values, building them in an arena and comparing them. Any thread, one owner an
 * arena. Reading text is json_parse.c, writing it json_dump.c. */
#include "json.h"

#include "json_scan.h"

static bool key_eq(struct str a, struct str b)
{
    return a.len == b.len &&
           (a.len == 0 || (a.ptr[0] == b.ptr[0] && memcmp(a.ptr, b.ptr, a.len) == 0));
}

static const struct json *find(const struct json_member *members, uint32_t n, struct str key)
{
    for (uint32_t i = 0; i < n; i++) {
        if (key_eq(members[i].key, key)) {
            return &members[i].value;
        }
    }
    return NULL;
}

struct json json_get(struct json object, struct str key)
{
    const struct json *v =
        object.type == JSON_OBJECT ? find(object.members, object.len, key) : NULL;
    return v ? *v : json_undefined();
}

struct json json_get_ci(struct json object, struct str key)
{
    if (object.type != JSON_OBJECT) {
        return json_undefined();
    }
    const struct json *v = find(object.members, object.len, key);
    for (uint32_t i = 0; !v && i < object.len; i++) {
        if (str_eq_ci(object.members[i].key, key)) {
            v = &object.members[i].value;
        }
    }
    return v ? *v : json_undefined();
}

struct json json_at(struct json array, size_t index)
{
    return array.type == JSON_ARRAY && index < array.len ? array.items[index] : json_undefined();
}

void json_build_array(struct json_builder *b, struct arena *a)
{
    *b = (struct json_builder){.arena = a};
}

void json_build_object(struct json_builder *b, struct arena *a)
{
    *b = (struct json_builder){.arena = a, .is_object = true};
}

static void *builder_slot(struct json_builder *b, size_t size)
{
    if (b->len == b->cap) {
        ASSERT(b->cap <= UINT32_MAX / 2);
        uint32_t cap = b->cap ? b->cap * 2 : 8;
        void *slots = arena_alloc(b->arena, cap * size);
        if (b->len) {
            memcpy(slots, b->slots, b->len * size);
        }
        b->slots = slots;
        b->cap = cap;
    }
    return (char *)b->slots + size * b->len++;
}

void json_push(struct json_builder *b, struct json v)
{
    ASSERT(!b->is_object);
    struct json *slot = builder_slot(b, sizeof(*slot));
    *slot = v;
}

/* Brings the index up to date with all members; it is made anew each time their room doubles. */
static void builder_index(struct json_builder *b)
{
    const struct json_member *members = b->slots;
    size_t slots = json_index_slots(b->cap);
    if (!b->index) {
        b->index = arena_new_of(b->arena, struct json_index);
    }
    b->index->slots = arena_array(b->arena, slots, sizeof(uint32_t));
    b->index->mask = (uint32_t)(slots - 1);
    for (uint32_t i = 0; i < b->len; i++) {
        *json_index_slot(b->index, members, members[i].key) = i + 1;
    }
}

static bool index_is_current(const struct json_builder *b)
{
    return b->index && b->index->mask + (size_t)1 >= json_index_slots(b->cap);
}

void json_append(struct json_builder *b, struct str key, struct json v)
{
    ASSERT(b->is_object);
    struct json_member *slot = builder_slot(b, sizeof(*slot));
    *slot = (struct json_member){.key = key, .value = v};
    if (b->index) {
        if (index_is_current(b)) {
            *json_index_slot(b->index, b->slots, key) = b->len;
        } else {
            builder_index(b);
        }
    }
}

void json_set(struct json_builder *b, struct str key, struct json v)
{
    ASSERT(b->is_object);
    struct json_member *members = b->slots;
    if (b->len <= JSON_LINEAR_MAX) {
        for (uint32_t i = 0; i < b->len; i++) {
            if (key_eq(members[i].key, key)) {
                members[i].value = v;
                return;
            }
        }
    } else {
        if (!b->index) {
            builder_index(b);
        }
        uint32_t at = *json_index_slot(b->index, members, key);
        if (at) {
            members[at - 1].value = v;
            return;
        }
    }
    json_append(b, key, v);
}

struct json json_built(const struct json_builder *b)
{
    return b->is_object ? json_object(b->slots, b->len) : json_array(b->slots, b->len);
}

static struct json copy_nested(struct arena *a, struct json v, int depth)
{
    if (v.type == JSON_STRING || v.type == JSON_BINARY) {
        v.str = arena_strndup(a, v.str, v.len);
    } else if (v.type == JSON_ARRAY || v.type == JSON_OBJECT) {
        if (depth == JSON_MAX_NEST) {
            return json_null();
        }
        if (v.type == JSON_ARRAY) {
            struct json *items = arena_alloc(a, v.len * sizeof(*items));
            for (uint32_t i = 0; i < v.len; i++) {
                items[i] = copy_nested(a, v.items[i], depth + 1);
            }
            v.items = items;
        } else {
            struct json_member *members = arena_alloc(a, v.len * sizeof(*members));
            for (uint32_t i = 0; i < v.len; i++) {
                struct str key = v.members[i].key;
                members[i].key = str_n(arena_strndup(a, key.ptr, key.len), key.len);
                members[i].value = copy_nested(a, v.members[i].value, depth + 1);
            }
            v.members = members;
        }
    }
    return v;
}

struct json json_copy(struct arena *a, struct json v)
{
    return copy_nested(a, v, 0);
}

static bool equal_nested(struct json x, struct json y, int depth);

static bool equal_arrays(struct json x, struct json y, int depth)
{
    for (uint32_t i = 0; i < x.len; i++) {
        if (!equal_nested(x.items[i], y.items[i], depth + 1)) {
            return false;
        }
    }
    return true;
}

/* Members usually stand in the same order; the others are looked up, hashed if there are many. */
static bool equal_objects(struct json x, struct json y, int depth)
{
    AUTO(mem_free) uint32_t *slots = NULL;
    struct json_index index = {0};
    for (uint32_t i = 0; i < x.len; i++) {
        struct str key = x.members[i].key;
        const struct json *other = NULL;
        if (key_eq(key, y.members[i].key)) {
            other = &y.members[i].value;
        } else if (y.len <= JSON_LINEAR_MAX) {
            other = find(y.members, y.len, key);
        } else {
            if (!slots) {
                size_t n = json_index_slots(y.len);
                slots = mem_array(n, sizeof(*slots));
                index = (struct json_index){.slots = slots, .mask = (uint32_t)(n - 1)};
                for (uint32_t k = 0; k < y.len; k++) {
                    *json_index_slot(&index, y.members, y.members[k].key) = k + 1;
                }
            }
            uint32_t at = *json_index_slot(&index, y.members, key);
            other = at ? &y.members[at - 1].value : NULL;
        }
        if (!other || !equal_nested(x.members[i].value, *other, depth + 1)) {
            return false;
        }
    }
    return true;
}

static bool equal_nested(struct json x, struct json y, int depth)
{
    if (x.type != y.type) {
        return false;
    }
    switch (x.type) {
    case JSON_UNDEFINED:
    case JSON_NULL:
    case JSON_FALSE:
    case JSON_TRUE:
        return true;
    case JSON_NUMBER:
        return x.num == y.num;
    case JSON_STRING:
    case JSON_BINARY:
        return str_eq(json_as_str(x), json_as_str(y));
    case JSON_ARRAY:
        return x.len == y.len && depth < JSON_MAX_NEST && equal_arrays(x, y, depth);
    case JSON_OBJECT:
        return x.len == y.len && depth < JSON_MAX_NEST && equal_objects(x, y, depth);
    case _JSON_TYPE_N:
        break;
    }
    return false;
}

bool json_equal(struct json x, struct json y)
{
    return equal_nested(x, y, 0);
}

static size_t size_nested(struct json v, int depth)
{
    size_t size = sizeof(v);
    if (v.type == JSON_STRING || v.type == JSON_BINARY) {
        size += v.len;
    } else if (v.type == JSON_ARRAY && depth < JSON_MAX_NEST) {
        for (uint32_t i = 0; i < v.len; i++) {
            size += size_nested(v.items[i], depth + 1);
        }
    } else if (v.type == JSON_OBJECT && depth < JSON_MAX_NEST) {
        for (uint32_t i = 0; i < v.len; i++) {
            size += sizeof(struct str) + v.members[i].key.len;
            size += size_nested(v.members[i].value, depth + 1);
        }
    }
    return size;
}

size_t json_size(struct json v)
{
    return size_nested(v, 0);
}
