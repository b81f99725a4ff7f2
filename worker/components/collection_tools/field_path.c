/* Owns reading the names of fields that lie deep, and finding them. Called by actions on the slot's
 * thread. It refuses keys without a name, and too many. */
#include "components/collection_tools/field_path.h"

int field_path_read(struct action_context *ctx, const char *key, struct str text,
                    struct field_path *ret, struct err *err)
{
    text = str_trim(text);
    ret->n = 0;
    for (size_t from = 0; text.len > 0 && from <= text.len;) {
        ptrdiff_t dot = str_find(text, STR("."), from);
        size_t end = dot < 0 ? text.len : (size_t)dot;
        if (end == from || ret->n == FIELD_PATH_MAX_KEYS) {
            return action_input_error(ctx, key, err,
                                      "\"%.*s\" must be at most %d keys with single dots between "
                                      "them.",
                                      (int)MIN(text.len, 60), text.ptr, FIELD_PATH_MAX_KEYS);
        }
        ret->keys[ret->n++] = str_n(text.ptr + from, end - from);
        from = end + 1;
    }
    return 0;
}

struct json field_path_get(struct json v, const struct field_path *path)
{
    for (size_t i = 0; i < path->n; i++) {
        int64_t index;
        if (v.type != JSON_ARRAY) {
            v = json_get(v, path->keys[i]);
        } else {
            bool position = str_to_i64(path->keys[i], &index) && index >= 0;
            v = position ? json_at(v, (size_t)index) : json_undefined();
        }
    }
    return v;
}
