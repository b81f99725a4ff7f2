/* Owns YAML as values and values as YAML. Pure, on the slot's thread. It refuses text that is no
 * YAML, with the place, and values that are nested too deep. */
#include "components/change_data_format/yaml_format.h"

#include <math.h>

#include "definition/yaml.h"
#include "expr/value.h"

#define READ_MEMORY      MIB(512) /* of the tree between text and value; its nodes are bounded */
#define EXPLICIT_KEY_LEN 250      /* longer keys are written with a question mark */

/* --- reading -------------------------------------------------------------------------------------
 */

static struct json scalar(const struct yaml_node *node)
{
    double n;
    switch (yaml_scalar_type(node->text, node->plain)) {
    case YAML_NULL:
        return json_null();
    case YAML_BOOL:
        return json_bool(node->text.ptr[0] == 't' || node->text.ptr[0] == 'T');
    case YAML_INT:
    case YAML_FLOAT:
        n = value_to_number(json_str(node->text));
        return isfinite(n) ? json_num(n) : json_null();
    case YAML_TEXT:
        break;
    }
    return json_str(node->text);
}

/* Recursion is bounded by YAML_MAX_DEPTH, the number of values by YAML_MAX_NODES. */
static struct json value_of(struct arena *a, const struct yaml_node *node)
{
    struct json *items;
    struct json_member *members;
    switch (node->kind) {
    case YAML_SCALAR:
        return scalar(node);
    case YAML_SEQUENCE:
        items = arena_array(a, node->n_items + 1, sizeof(*items));
        for (size_t i = 0; i < node->n_items; i++) {
            items[i] = value_of(a, node->items[i]);
        }
        return json_array(items, node->n_items);
    case YAML_MAPPING:
        members = arena_array(a, node->n_entries + 1, sizeof(*members));
        for (size_t i = 0; i < node->n_entries; i++) {
            members[i] =
                (struct json_member){node->entries[i].key, value_of(a, node->entries[i].value)};
        }
        return json_object(members, node->n_entries);
    }
    return json_null();
}

int yaml_format_read(struct action_context *ctx, const char *key, struct json input,
                     struct json *ret, struct err *err)
{
    AUTO(arena_free) struct arena *a = arena_new(0, READ_MEMORY);
    struct err_list *errors = arena_new_of(a, struct err_list);
    struct yaml_node *root = NULL;
    if (str_trim(json_as_str(input)).len == 0) {
        *ret = json_null();
        return 0;
    }
    if (yaml_read(a, json_as_str(input), &root, errors) < 0) {
        const struct err *why = &errors->items[0];
        return action_input_error(ctx, key, err, "is not YAML: line %d, column %d: %s", why->line,
                                  why->column, why->message);
    }
    struct json v = value_of(a, root);
    int rc = action_room(ctx, json_size(v) * 2, err);
    if (rc == 0) {
        *ret = json_copy(action_arena(ctx), v);
    }
    return rc;
}

/* --- writing -------------------------------------------------------------------------------------
 */

/* Texts that stand without quotes: harmless characters, and nothing that means something else. */
static bool is_plain(struct str s)
{
    static const char *const words[] = {"y", "n", "yes", "no", "on", "off"};
    if (s.len == 0 || s.ptr[s.len - 1] == ' ' || yaml_scalar_type(s, true) != YAML_TEXT) {
        return false;
    }
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bool later =
            (c >= '0' && c <= '9') || c == ' ' || c == '_' || c == '-' || c == '.' || c == '/';
        if (!letter && !(later && i > 0)) {
            return false;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (str_eq_ci(s, str_of(words[i]))) {
            return false;
        }
    }
    return true;
}

/* A JSON string is a double-quoted one of YAML, but for characters that YAML does not print. */
static void add_quoted(struct buf *b, struct str s)
{
    AUTO(buf_done) struct buf json = {0};
    buf_init(&json, b->max - MIN(b->max, b->len));
    json_dump_string(&json, s);
    b->full = b->full || json.full;
    const unsigned char *p = (const unsigned char *)json.data;
    for (size_t i = 0; i < json.len && !b->full; i++) {
        unsigned c = p[i], c1 = i + 2 < json.len ? p[i + 1] : 0, c2 = c1 ? p[i + 2] : 0;
        if (c == 0x7F || (c == 0xC2 && c1 < 0xA0)) {
            buf_addf(b, "\\x%02X", c == 0x7F ? c : c1);
            i += c == 0x7F ? 0 : 1;
        } else if ((c == 0xE2 && c1 == 0x80 && (c2 == 0xA8 || c2 == 0xA9)) ||
                   (c == 0xEF && c1 == 0xBB && c2 == 0xBF) ||
                   (c == 0xEF && c1 == 0xBF && (c2 == 0xBE || c2 == 0xBF))) {
            buf_addf(b, "\\u%04X", (c & 0x0F) << 12 | (c1 & 0x3F) << 6 | (c2 & 0x3F));
            i += 2;
        } else {
            buf_addc(b, (char)c);
        }
    }
}

static void add_text(struct buf *b, struct str s)
{
    if (is_plain(s)) {
        buf_add_str(b, s);
    } else {
        add_quoted(b, s);
    }
}

static void add_blanks(struct buf *b, int n)
{
    for (int i = 0; i < n; i++) {
        buf_addc(b, ' ');
    }
}

static bool nests(struct json v)
{
    return (v.type == JSON_ARRAY || v.type == JSON_OBJECT) && v.len > 0;
}

/* The line is already begun when `begun`: the first item needs no indentation. */
static void add_value(struct buf *b, struct json v, int indent, bool begun, int depth)
{
    if (depth > JSON_MAX_DEPTH || b->full) {
        b->full = true;
        return;
    }
    if (!nests(v)) {
        if (v.type == JSON_STRING) {
            add_text(b, json_as_str(v));
        } else {
            json_dump(b, v.type == JSON_UNDEFINED ? json_null() : v);
        }
        buf_addc(b, '\n');
        return;
    }
    for (uint32_t i = 0; i < v.len && !b->full; i++) {
        add_blanks(b, begun && i == 0 ? 0 : indent);
        if (v.type == JSON_ARRAY) {
            buf_adds(b, "- ");
            add_value(b, v.items[i], indent + 2, true, depth + 1);
            continue;
        }
        struct json inner = v.members[i].value;
        bool question = v.members[i].key.len > EXPLICIT_KEY_LEN;
        buf_adds(b, question ? "? " : "");
        add_text(b, v.members[i].key);
        if (question) {
            buf_addc(b, '\n');
            add_blanks(b, indent);
        }
        buf_adds(b, nests(inner) && !question ? ":\n" : ": ");
        add_value(b, inner, indent + 2, question, depth + 1);
    }
}

int yaml_format_write(struct action_context *ctx, const char *key, struct json value, struct buf *b,
                      struct err *err)
{
    add_value(b, value, 0, true, 0);
    if (b->full) {
        return action_input_error(
            ctx, key, err, "the result would be larger than %zu MB or nested deeper than %d.",
            b->max / MIB(1), JSON_MAX_DEPTH);
    }
    return 0;
}
