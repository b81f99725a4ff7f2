/* Owns writing a definition as YAML: from the tree as it was read, so that keys nobody knows
 * survive. Block style, keys sorted, text quoted wherever a YAML 1.1 or 1.2 reader could take it
 * for something else. Any thread; the definition is not changed. */
#include "definition/definition_priv.h"
#include "definition/encoding.h"

#define INDENT 2

struct emitter {
    struct buf *to;
    bool latest_components;
};

static void emit_value(struct emitter *e, const struct yaml_node *node, int indent);

/* --- scalars ---------------------------------------------------------------------------------- */

/* Numbers, dates and times of YAML 1.1 begin and go on only with these. */
static bool looks_numeric(struct str s)
{
    if (!strchr("0123456789+-.", s.ptr[0])) {
        return false;
    }
    for (size_t i = 0; i < s.len; i++) {
        if (!strchr("0123456789abcdefABCDEFxXoOtTzZ_:.+- ", s.ptr[i])) {
            return false;
        }
    }
    return true;
}

static bool is_reserved(struct str s)
{
    static const char *const words[] = {"null", "true",  "false", "yes",  "no",  "on",
                                        "off",  "y",     "n",     "~",    "=",   "<<",
                                        ".inf", "-.inf", "+.inf", ".nan", "---", "..."};
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (str_eq_ci(s, str_of(words[i]))) {
            return true;
        }
    }
    return false;
}

/* May this text stand without quotes in block style and be read back as the same text? */
static bool plain_safe(struct str s)
{
    if (s.len == 0 || is_reserved(s) || looks_numeric(s)) {
        return false;
    }
    if (strchr("-?:,[]{}#&*!|>'\"%@` ", s.ptr[0]) || s.ptr[s.len - 1] == ' ' ||
        s.ptr[s.len - 1] == ':' || str_starts(s, STR("..."))) {
        return false;
    }
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c < ' ' || c > '~') {
            return false;
        }
        if (i > 0 && ((c == '#' && s.ptr[i - 1] == ' ') || (c == ' ' && s.ptr[i - 1] == ':'))) {
            return false;
        }
    }
    return true;
}

/* Only characters that may stand as they are and that no reader takes for a line break. */
static bool is_simple_text(struct str s, bool allow_breaks)
{
    for (size_t at = 0; at < s.len;) {
        int32_t c = encoding_next(s, &at);
        bool broken = c == '\n' ? !allow_breaks : c < ' ' && c != '\t';
        if (broken || c == 0x7F || !encoding_printable(c) || c == 0x85 || c == 0x2028 ||
            c == 0x2029) {
            return false;
        }
    }
    return true;
}

static void emit_quoted(struct buf *to, struct str s)
{
    buf_addc(to, '"');
    for (size_t at = 0; at < s.len;) {
        size_t from = at;
        int32_t c = encoding_next(s, &at);
        ASSERT(c >= 0);
        if (c == '"' || c == '\\') {
            buf_addc(to, '\\');
            buf_addc(to, (char)c);
        } else if (c == '\n' || c == '\t' || c == '\r') {
            buf_adds(to, c == '\n' ? "\\n" : c == '\t' ? "\\t" : "\\r");
        } else if (c < ' ' || (c >= 0x7F && c < 0xA0)) {
            buf_addf(to, "\\x%02X", (unsigned)c);
        } else if (c == 0x2028 || c == 0x2029 || !encoding_printable(c)) {
            buf_addf(to, "\\u%04X", (unsigned)c);
        } else {
            buf_add(to, s.ptr + from, at - from);
        }
    }
    buf_addc(to, '"');
}

/* A literal block gives every line back exactly, if there is a line with something in it, and no
 * line of blanks alone at the start or the end, where chomping would have to guess. */
static bool literal_safe(struct str s)
{
    const char *end_of_first = memchr(s.ptr, '\n', s.len);
    if (!end_of_first || !is_simple_text(s, true) || str_trim(s).len == 0) {
        return false;
    }
    const char *p = s.ptr;
    while (p < s.ptr + s.len) {
        const char *end = memchr(p, '\n', (size_t)(s.ptr + s.len - p));
        size_t len = (size_t)((end ? end : s.ptr + s.len) - p);
        if (len > 0 && str_trim(str_n(p, len)).len == 0) {
            return false;
        }
        p += len + 1;
    }
    return true;
}

static void emit_literal(struct buf *to, struct str s, int indent)
{
    size_t breaks = 0;
    while (s.ptr[s.len - 1 - breaks] == '\n') {
        breaks++;
    }
    buf_addc(to, '|');
    if (strchr(" \t\n", s.ptr[0])) {
        buf_addf(to, "%d", INDENT);
    }
    buf_adds(to, breaks == 0 ? "-" : breaks == 1 ? "" : "+");
    size_t at = 0;
    while (at < s.len) {
        const char *end = memchr(s.ptr + at, '\n', s.len - at);
        size_t len = end ? (size_t)(end - s.ptr) - at : s.len - at;
        buf_addc(to, '\n');
        if (len > 0) {
            buf_addf(to, "%*s", indent, "");
            buf_add(to, s.ptr + at, len);
        }
        at += len + 1;
    }
}

/* indent: where the lines of a literal block go. */
static void emit_scalar(struct buf *to, struct str s, bool plain, int indent)
{
    enum yaml_scalar type = yaml_scalar_type(s, plain);
    if (type == YAML_NULL) {
        buf_adds(to, "null");
    } else if (type != YAML_TEXT || plain_safe(s)) {
        buf_add_str(to, s);
    } else if (indent > 0 && literal_safe(s)) {
        emit_literal(to, s, indent);
    } else {
        emit_quoted(to, s);
    }
}

/* --- collections ------------------------------------------------------------------------------ */

static int compare_keys(const void *x, const void *y)
{
    const struct yaml_entry *const *a = x, *const *b = y;
    return strcmp((*a)->key.ptr, (*b)->key.ptr);
}

static void emit_entry(struct emitter *e, const struct yaml_entry *entry, int indent)
{
    /* A key is text whatever it looks like: null stays as it was written. */
    if (entry->key_plain && entry->key.len > 0 && yaml_scalar_type(entry->key, true) == YAML_NULL) {
        buf_add_str(e->to, entry->key);
    } else {
        emit_scalar(e->to, entry->key, entry->key_plain && entry->key.len > 0, 0);
    }
    buf_addc(e->to, ':');
    const struct yaml_node *value = entry->value;
    bool block = (value->kind == YAML_SEQUENCE && value->n_items > 0) ||
                 (value->kind == YAML_MAPPING && value->n_entries > 0);
    if (block) {
        buf_addf(e->to, "\n%*s", indent + INDENT, "");
        emit_value(e, value, indent + INDENT);
    } else {
        buf_addc(e->to, ' ');
        emit_value(e, value, indent);
    }
}

/* The first key stands where the writer is; the others on lines of their own at `indent`. */
static void emit_entries(struct emitter *e, const struct yaml_entry *entries, size_t n, int indent)
{
    const struct yaml_entry **sorted = mem_array(n, sizeof(const struct yaml_entry *));
    for (size_t i = 0; i < n; i++) {
        sorted[i] = &entries[i];
    }
    qsort(sorted, n, sizeof(const struct yaml_entry *), compare_keys);
    for (size_t i = 0; i < n && !e->to->full; i++) {
        if (i > 0) {
            buf_addf(e->to, "\n%*s", indent, "");
        }
        emit_entry(e, sorted[i], indent);
    }
    mem_free(sorted);
}

static void emit_value(struct emitter *e, const struct yaml_node *node, int indent)
{
    if (e->latest_components && node->mark == DEF_MARK_COMPONENT_VERSION) {
        buf_adds(e->to, "LATEST");
        return;
    }
    switch (node->kind) {
    case YAML_SCALAR:
        emit_scalar(e->to, node->text, node->plain, indent + INDENT);
        return;
    case YAML_SEQUENCE:
        if (node->n_items == 0) {
            buf_adds(e->to, "[]");
        }
        for (size_t i = 0; i < node->n_items && !e->to->full; i++) {
            if (i > 0) {
                buf_addf(e->to, "\n%*s", indent, "");
            }
            buf_adds(e->to, "- ");
            /* A scalar's block is measured from the dash, a collection begins after it. */
            bool scalar = node->items[i]->kind == YAML_SCALAR;
            emit_value(e, node->items[i], scalar ? indent : indent + INDENT);
        }
        return;
    case YAML_MAPPING:
        if (node->n_entries == 0) {
            buf_adds(e->to, "{}");
        } else {
            emit_entries(e, node->entries, node->n_entries, indent);
        }
        return;
    }
}

struct root { /* the entries of the root, some of them replaced */
    const struct yaml_node *old;
    struct yaml_entry *entries;
    size_t n;
};
#define REPLACEMENTS 6

static void replace(struct root *r, const char *key, struct yaml_node *value)
{
    const struct yaml_entry *old = yaml_entry(r->old, key);
    size_t at = old ? (size_t)(old - r->old->entries) : r->n++;
    r->entries[at] = (struct yaml_entry){.key = str_of(key), .value = value};
}

static void replace_text(struct root *r, const char *key, const char *text, struct yaml_node *value)
{
    if (text) {
        *value = (struct yaml_node){.kind = YAML_SCALAR, .text = str_of(text)};
        replace(r, key, value);
    }
}

/* The nodes of the labels, each behind its pointer in the list. */
static struct yaml_node **make_labels(const struct definition_emit_options *o,
                                      struct yaml_node **ret_nodes)
{
    struct yaml_node **items = mem_array(o->n_labels + 1, sizeof(struct yaml_node *));
    struct yaml_node *nodes = mem_array(o->n_labels + 1, sizeof(*nodes));
    for (size_t i = 0; i < o->n_labels; i++) {
        nodes[i] = (struct yaml_node){.kind = YAML_SCALAR, .text = str_of(o->labels[i])};
        items[i] = &nodes[i];
    }
    *ret_nodes = nodes;
    return items;
}

void definition_emit(const struct definition *d, const struct definition_emit_options *options,
                     struct buf *to)
{
    static const struct definition_emit_options none;
    const struct definition_emit_options *o = options ? options : &none;
    struct emitter e = {.to = to, .latest_components = o->latest_components};
    struct yaml_node version = {.kind = YAML_SCALAR, .plain = true, .text = STR("7")};
    struct yaml_node values[REPLACEMENTS] = {0};
    struct yaml_node *label_nodes = NULL, **labels = make_labels(o, &label_nodes);
    struct root r = {.old = d->root, .n = d->root->n_entries};
    r.entries = mem_array(r.n + REPLACEMENTS, sizeof(*r.entries));
    memcpy(r.entries, d->root->entries, r.n * sizeof(*r.entries));
    replace(&r, "definitionVersion", &version);
    replace_text(&r, "name", o->name, &values[0]);
    replace_text(&r, "description", o->description, &values[1]);
    replace_text(&r, "documentation", o->documentation, &values[2]);
    replace_text(&r, "category", o->category, &values[3]);
    if (o->labels) {
        values[4] =
            (struct yaml_node){.kind = YAML_SEQUENCE, .items = labels, .n_items = o->n_labels};
        replace(&r, "labels", &values[4]);
    }
    emit_entries(&e, r.entries, r.n, 0);
    buf_addc(to, '\n');
    mem_free(r.entries);
    mem_free(labels);
    mem_free(label_nodes);
}
