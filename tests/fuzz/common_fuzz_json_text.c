/* JSON that the YAML reader takes has the values that the JSON reader finds in it, whatever escapes
 * it holds; what is rewritten keeps its length, and a second time changes nothing. */
#include "definition/json_text.h"
#include "definition/yaml.h"
#include "json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Keys of an object are unique in what was parsed; the YAML reader refuses double ones. */
static void compare(struct json v, const struct yaml_node *node)
{
    if (v.type == JSON_STRING) {
        ASSERT(node->kind == YAML_SCALAR && !node->plain && str_eq(node->text, json_as_str(v)));
    } else if (v.type == JSON_ARRAY) {
        ASSERT(node->kind == YAML_SEQUENCE && node->n_items == v.len);
        for (uint32_t i = 0; i < v.len; i++) {
            compare(v.items[i], node->items[i]);
        }
    } else if (v.type == JSON_OBJECT) {
        ASSERT(node->kind == YAML_MAPPING && node->n_entries == v.len);
        for (uint32_t i = 0; i < v.len; i++) {
            ASSERT(str_eq(node->entries[i].key, v.members[i].key));
            compare(v.members[i].value, node->entries[i].value);
        }
    } else {
        ASSERT(node->kind == YAML_SCALAR && node->plain);
    }
}

/* The line ends of Unicode, which YAML folds and JSON does not. */
static bool has_line_ends(struct str text)
{
    return str_find(text, STR("\xC2\x85"), 0) >= 0 || str_find(text, STR("\xE2\x80\xA8"), 0) >= 0 ||
           str_find(text, STR("\xE2\x80\xA9"), 0) >= 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct err_list errors;
    AUTO(arena_free) struct arena *a = arena_new(0, MIB(64));
    struct str text = str_n((const char *)data, size);
    if (size > KIB(64) || has_line_ends(text)) {
        return 0;
    }
    struct str ready = json_text_for_yaml(a, text);
    ASSERT(ready.len == text.len);
    ASSERT(json_text_for_yaml(a, ready).ptr == ready.ptr);
    struct json v;
    struct yaml_node *root;
    memset(&errors, 0, sizeof(errors));
    size_t first = 0;
    while (first < size && strchr(" \t\r\n", text.ptr[first]) && text.ptr[first]) {
        first++;
    }
    if (first < size && text.ptr[first] == '{' && json_parse(a, text, &v, NULL) == 0 &&
        yaml_read(a, text, &root, &errors) == 0) {
        compare(v, root);
    }
    return 0;
}
