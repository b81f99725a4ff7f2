/* Foreign bytes as JSON text. What is accepted must be written, read and packed again without a
 * change; and jansson, which knows nothing of our reader, must understand the text alike. */
#include "msgpack.h"

#include <math.h>

/* Both sides use these words. */
#define JSON_OBJECT JANSSON_OBJECT
#define JSON_ARRAY  JANSSON_ARRAY
#define JSON_STRING JANSSON_STRING
#define JSON_TRUE   JANSSON_TRUE
#define JSON_FALSE  JANSSON_FALSE
#define JSON_NULL   JANSSON_NULL
#define json_object jansson_object
#define json_array  jansson_array
#define json_null   jansson_null
#define json_copy   jansson_copy
#define json_equal  jansson_equal
#include <jansson.h>
#undef JSON_OBJECT
#undef JSON_ARRAY
#undef JSON_STRING
#undef JSON_TRUE
#undef JSON_FALSE
#undef JSON_NULL
#undef json_object
#undef json_array
#undef json_null
#undef json_copy
#undef json_equal

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool same(struct json v, const json_t *j);

static bool same_object(struct json v, const json_t *j)
{
    if (v.len != json_object_size(j)) {
        return false;
    }
    for (uint32_t i = 0; i < v.len; i++) {
        struct str key = v.members[i].key;
        const json_t *member = json_object_getn(j, key.ptr, key.len);
        if (!member || !same(v.members[i].value, member)) {
            return false;
        }
    }
    return true;
}

static bool same_array(struct json v, const json_t *j)
{
    bool equal = v.len == json_array_size(j);
    for (uint32_t i = 0; equal && i < v.len; i++) {
        equal = same(v.items[i], json_array_get(j, i));
    }
    return equal;
}

static bool same(struct json v, const json_t *j)
{
    switch (json_typeof(j)) {
    case JANSSON_OBJECT:
        return v.type == JSON_OBJECT && same_object(v, j);
    case JANSSON_ARRAY:
        return v.type == JSON_ARRAY && same_array(v, j);
    case JANSSON_STRING:
        return v.type == JSON_STRING &&
               str_eq(json_as_str(v), str_n(json_string_value(j), json_string_length(j)));
    case JSON_INTEGER:
        return v.type == JSON_NUMBER && v.num == (double)json_integer_value(j);
    case JSON_REAL:
        return v.type == JSON_NUMBER && v.num == json_real_value(j);
    case JANSSON_TRUE:
        return v.type == JSON_TRUE;
    case JANSSON_FALSE:
        return v.type == JSON_FALSE;
    case JANSSON_NULL:
        return v.type == JSON_NULL;
    }
    return false;
}

static void check_with_jansson(struct str text, const struct json *v, const struct err *err)
{
    if (memchr(text.ptr, '\0', text.len)) {
        return; /* jansson skips a NUL after a number; it is no white space */
    }
    json_t *j = json_loadb(text.ptr, text.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    if (j) { /* its depth limit is higher than ours */
        ASSERT(v ? same(*v, j) : strstr(err->message, "nested too deeply") != NULL);
    }
    json_decref(j);
}

static bool has_infinity(struct json v)
{
    bool any = v.type == JSON_NUMBER && isinf(v.num);
    for (uint32_t i = 0; v.type == JSON_ARRAY && !any && i < v.len; i++) {
        any = has_infinity(v.items[i]);
    }
    for (uint32_t i = 0; v.type == JSON_OBJECT && !any && i < v.len; i++) {
        any = has_infinity(v.members[i].value);
    }
    return any;
}

static void check_rewritten(struct arena *a, struct json v)
{
    AUTO(buf_done) struct buf text, pretty, packed;
    buf_init(&text, 0);
    buf_init(&pretty, 0);
    buf_init(&packed, 0);
    struct json again;
    size_t used;
    json_dump(&text, v);
    ASSERT(!text.full && json_parse(a, buf_str(&text), &again, NULL) == 0);
    ASSERT(has_infinity(v) || json_equal(v, again)); /* JSON has no infinity: written as null */
    json_dump_pretty(&pretty, v, 1);
    ASSERT(json_parse(a, buf_str(&pretty), &again, NULL) == 0);
    msgpack_write(&packed, v);
    ASSERT(msgpack_read(a, buf_str(&packed), &again, &used, NULL) == 0 && used == packed.len);
    ASSERT(json_equal(v, again) && json_equal(v, json_copy(a, v)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena_free) struct arena *a = arena_new(0, MIB(256));
    struct str text = str_n((const char *)data, size);
    struct json v;
    struct err err = {0};
    int rc = json_parse(a, text, &v, &err);
    ASSERT(rc == 0 || (rc == -EINVAL && err.code[0]));
    check_with_jansson(text, rc ? NULL : &v, &err);
    if (rc == 0) {
        check_rewritten(a, v);
    }
    return 0;
}
