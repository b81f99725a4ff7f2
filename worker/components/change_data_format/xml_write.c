/* Owns writing XML from values. Pure, on the slot's thread. It refuses keys that cannot be names of
 * elements, and characters that XML cannot carry become U+FFFD. */
#include "components/change_data_format/xml_format.h"
#include "expr/value.h"

#define INDENT_MAX 100

static bool is_name(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        bool letter =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':' || c >= 0x80;
        bool later = (c >= '0' && c <= '9') || c == '-' || c == '.';
        if (!letter && !(later && i > 0)) {
            return false;
        }
    }
    return s.len > 0;
}

/* White space that a reader would change is written by number: a carriage return, and in an
 * attribute also line ends and tabs. */
static void add_escaped(struct buf *b, struct str s, bool attribute)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        switch (c) {
        case '<':
            buf_adds(b, "&lt;");
            break;
        case '>':
            buf_adds(b, "&gt;");
            break;
        case '&':
            buf_adds(b, "&amp;");
            break;
        case '"':
            buf_adds(b, "&quot;");
            break;
        default:
            if (c == '\r' || (attribute && (c == '\t' || c == '\n'))) {
                buf_addf(b, "&#%d;", c);
            } else if (c < ' ' && c != '\t' && c != '\n') {
                buf_adds(b, "\xEF\xBF\xBD");
            } else {
                buf_addc(b, (char)c);
            }
        }
    }
}

struct writer {
    struct action_context *ctx;
    const char *key;
    struct buf *b;
    struct err *err;
};

static bool is_attribute(struct str key)
{
    return str_starts(key, STR("@_"));
}

static void add_indent(struct writer *w, unsigned depth)
{
    for (unsigned i = 0; i < MIN(depth, INDENT_MAX); i++) {
        buf_adds(w->b, "  ");
    }
}

static int write_element(struct writer *w, struct str name, struct json v, unsigned depth);

static int write_member(struct writer *w, struct json_member m, unsigned depth)
{
    if (m.value.type != JSON_ARRAY) {
        return write_element(w, m.key, m.value, depth);
    }
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && !w->b->full && i < m.value.len; i++) {
        rc = write_element(w, m.key, m.value.items[i], depth);
    }
    return rc;
}

static int write_object(struct writer *w, struct str name, struct json v, unsigned depth)
{
    struct arena *a = action_arena(w->ctx);
    struct json text = json_get(v, STR("#text"));
    uint32_t children = 0;
    int rc = 0;
    for (uint32_t i = 0; i < v.len; i++) {
        struct json_member m = v.members[i];
        if (is_attribute(m.key)) {
            struct str key = str_n(m.key.ptr + 2, m.key.len - 2);
            if (!is_name(key)) {
                return action_input_error(w->ctx, w->key, w->err,
                                          "\"%.*s\" cannot be the name of an attribute.",
                                          (int)MIN(key.len, 60), key.ptr);
            }
            buf_addc(w->b, ' ');
            buf_add_str(w->b, key);
            buf_adds(w->b, "=\"");
            add_escaped(w->b, value_to_text(a, m.value), true);
            buf_addc(w->b, '"');
        } else if (!str_eq(m.key, STR("#text")) && m.value.type != JSON_UNDEFINED) {
            children++;
        }
    }
    buf_addc(w->b, '>');
    if (!json_is_nullish(text)) {
        add_escaped(w->b, value_to_text(a, text), false);
    }
    if (children > 0) {
        buf_addc(w->b, '\n');
    }
    for (uint32_t i = 0; rc == 0 && i < v.len; i++) {
        struct json_member m = v.members[i];
        if (!is_attribute(m.key) && !str_eq(m.key, STR("#text"))) {
            rc = write_member(w, m, depth + 1);
        }
    }
    if (children > 0) {
        add_indent(w, depth);
    }
    buf_addf(w->b, "</%.*s>\n", (int)name.len, name.ptr);
    return rc;
}

static int write_element(struct writer *w, struct str name, struct json v, unsigned depth)
{
    if (v.type == JSON_UNDEFINED || w->b->full) {
        return 0;
    }
    if (depth > JSON_MAX_DEPTH) {
        return action_input_error(w->ctx, w->key, w->err, "is nested too deep.");
    }
    if (!is_name(name)) {
        return action_input_error(w->ctx, w->key, w->err,
                                  "\"%.*s\" cannot be the name of an XML element; rename the key.",
                                  (int)MIN(name.len, 60), name.ptr);
    }
    add_indent(w, depth);
    buf_addc(w->b, '<');
    buf_add_str(w->b, name);
    if (v.type == JSON_OBJECT) {
        return write_object(w, name, v, depth);
    }
    buf_addc(w->b, '>');
    if (v.type == JSON_ARRAY) { /* a list in a list */
        int rc = 0;
        buf_addc(w->b, '\n');
        for (uint32_t i = 0; rc == 0 && i < v.len; i++) {
            rc = write_element(w, STR("item"), v.items[i], depth + 1);
        }
        add_indent(w, depth);
        buf_addf(w->b, "</%.*s>\n", (int)name.len, name.ptr);
        return rc;
    }
    if (v.type != JSON_NULL) {
        add_escaped(w->b, value_to_text(action_arena(w->ctx), v), false);
    }
    buf_addf(w->b, "</%.*s>\n", (int)name.len, name.ptr);
    return 0;
}

int xml_write(struct action_context *ctx, const char *key, struct json value, struct buf *b,
              struct err *err)
{
    struct writer w = {ctx, key, b, err};
    if (value.type != JSON_OBJECT) {
        return action_input_error(ctx, key, err,
                                  "must be an object: its keys become the elements.");
    }
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < value.len; i++) {
        rc = write_member(&w, value.members[i], 0);
    }
    return rc;
}
