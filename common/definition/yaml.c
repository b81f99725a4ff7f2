/* Owns reading YAML: encoding checks, libyaml's events, anchors and aliases, duplicate keys. Called
 * on any thread; touches only its arguments. Refuses what could be misread or could grow without
 * bound: several documents, NUL bytes, bad UTF-8, tags beyond the core schema, merge keys, keys
 * that are not scalars, aliases to something unfinished (cycles) and alias bombs. */
#include "definition/yaml.h"

#include <yaml.h>

#include "definition/encoding.h"
#include "definition/json_text.h"

struct anchor {
    struct anchor *next; /* newest first */
    const char *name;
    struct yaml_node *node;
    bool complete;
    size_t nodes, bytes; /* of the subtree, aliases expanded */
    int height;
};

struct reader {
    struct arena *arena;
    struct err_list *errors;
    yaml_parser_t parser;
    struct anchor *anchors;
    int n_anchors;
    size_t nodes, bytes; /* so far, aliases expanded */
    int deepest;         /* depth reached since a subtree began */
    int failures;        /* that did not stop the reading */
};

/* What is read for one node: either a node, or the end of the collection around it. */
static int read_node(struct reader *r, yaml_event_t *event, int depth, struct yaml_node **ret);

static void event_cleanup(yaml_event_t *event)
{
    yaml_event_delete(event);
}
#define AUTO_EVENT __attribute__((cleanup(event_cleanup))) yaml_event_t

static int refuse(struct reader *r, yaml_mark_t at, const char *code, const char *message)
{
    struct err *err = err_list_add(r->errors);
    int rc = err_set(err, -EINVAL, code, "%s", message);
    err->line = (int)at.line + 1;
    err->column = (int)at.column + 1;
    return rc;
}

static int refuse_syntax(struct reader *r)
{
    const yaml_parser_t *p = &r->parser;
    const char *problem = p->problem ? p->problem : "it cannot be read";
    struct err *err = err_list_add(r->errors);
    int rc;
    if (p->context) {
        rc = err_set(err, -EINVAL, "definition.syntax",
                     "The file is not well-formed YAML: %s (%s, which began at line %zu).", problem,
                     p->context, p->context_mark.line + 1);
    } else {
        rc = err_set(err, -EINVAL, "definition.syntax", "The file is not well-formed YAML: %s.",
                     problem);
    }
    err->line = (int)p->problem_mark.line + 1;
    err->column = (int)p->problem_mark.column + 1;
    return rc;
}

static int next_event(struct reader *r, yaml_event_t *event)
{
    return yaml_parser_parse(&r->parser, event) ? 0 : refuse_syntax(r);
}

static int count_node(struct reader *r, yaml_mark_t at, size_t nodes, size_t bytes)
{
    r->nodes += nodes;
    r->bytes += bytes;
    if (r->nodes > YAML_MAX_NODES) {
        return refuse(r, at, "definition.limit",
                      "The file has too many values (at most 200,000, aliases counted in full).");
    }
    if (r->bytes > YAML_MAX_EXPANDED) {
        return refuse(r, at, "definition.limit",
                      "The file's aliases repeat too much text (at most 10 MB in all).");
    }
    return 0;
}

static struct anchor *add_anchor(struct reader *r, const yaml_char_t *name, struct yaml_node *node)
{
    struct anchor *anchor = arena_new_of(r->arena, struct anchor);
    anchor->name = arena_strdup(r->arena, (const char *)name);
    anchor->node = node;
    anchor->next = r->anchors;
    r->anchors = anchor;
    r->n_anchors++;
    return anchor;
}

static int read_alias(struct reader *r, const yaml_event_t *event, int depth,
                      struct yaml_node **ret)
{
    const char *name = (const char *)event->data.alias.anchor;
    struct anchor *anchor = r->anchors;
    while (anchor && strcmp(anchor->name, name) != 0) {
        anchor = anchor->next;
    }
    if (!anchor) {
        return refuse(r, event->start_mark, "definition.alias",
                      "This alias names an anchor that does not stand before it.");
    }
    if (!anchor->complete) {
        return refuse(r, event->start_mark, "definition.alias",
                      "This alias stands inside the value that it repeats, so it would never end.");
    }
    int rc = count_node(r, event->start_mark, anchor->nodes, anchor->bytes);
    if (rc < 0) {
        return rc;
    }
    r->deepest = MAX(r->deepest, depth + anchor->height);
    if (r->deepest > YAML_MAX_DEPTH) {
        return refuse(r, event->start_mark, "definition.limit",
                      "Values are nested too deeply (at most 100 levels).");
    }
    *ret = anchor->node;
    return 0;
}

/* Core tags only: they say what is there anyway, or that a plain scalar is text. */
static int check_tag(struct reader *r, const yaml_event_t *event, const yaml_char_t *tag,
                     bool *ret_text)
{
    static const char *const core[] = {YAML_STR_TAG,   YAML_NULL_TAG, YAML_BOOL_TAG, YAML_INT_TAG,
                                       YAML_FLOAT_TAG, YAML_SEQ_TAG,  YAML_MAP_TAG};
    *ret_text = tag && (strcmp((const char *)tag, YAML_STR_TAG) == 0 ||
                        strcmp((const char *)tag, "!") == 0);
    if (!tag || *ret_text) {
        return 0;
    }
    for (size_t i = 0; i < ARRAY_LEN(core); i++) {
        if (strcmp((const char *)tag, core[i]) == 0) {
            return 0;
        }
    }
    return refuse(r, event->start_mark, "definition.syntax",
                  "Tags (\"!name\") other than those of plain YAML values are not supported.");
}

static int read_scalar(struct reader *r, const yaml_event_t *event, struct yaml_node *node)
{
    const char *value = (const char *)event->data.scalar.value;
    size_t len = event->data.scalar.length;
    bool text;
    int rc = check_tag(r, event, event->data.scalar.tag, &text);
    if (rc == 0) {
        rc = count_node(r, event->start_mark, 0, len);
    }
    if (rc < 0) {
        return rc;
    }
    if (memchr(value, '\0', len)) {
        return refuse(r, event->start_mark, "definition.encoding",
                      "This text holds a NUL character, which no text may.");
    }
    node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && !text;
    node->text = str_n(arena_strndup(r->arena, value, len), len);
    return 0;
}

static int read_sequence(struct reader *r, int depth, struct yaml_node *node)
{
    size_t cap = 0;
    for (;;) {
        AUTO_EVENT event = {0};
        int rc = next_event(r, &event);
        if (rc < 0 || event.type == YAML_SEQUENCE_END_EVENT) {
            return rc;
        }
        if (node->n_items == cap) {
            struct yaml_node **items = arena_array(r->arena, cap ? cap * 2 : 4, sizeof(*items));
            if (cap) {
                memcpy(items, node->items, cap * sizeof(*items));
            }
            node->items = items;
            cap = cap ? cap * 2 : 4;
        }
        rc = read_node(r, &event, depth + 1, &node->items[node->n_items]);
        if (rc < 0) {
            return rc;
        }
        node->n_items++;
    }
}

static int read_key(struct reader *r, const yaml_event_t *event, struct yaml_entry *entry)
{
    struct yaml_node key = {0};
    if (event->type != YAML_SCALAR_EVENT) {
        return refuse(r, event->start_mark, "definition.syntax",
                      "A key must be plain text, not a list, a mapping or an alias.");
    }
    int rc = read_scalar(r, event, &key);
    if (rc < 0) {
        return rc;
    }
    if (key.text.len > YAML_MAX_KEY) {
        return refuse(r, event->start_mark, "definition.limit",
                      "This key is too long (at most 200 bytes).");
    }
    if (key.plain && str_eq(key.text, STR("<<"))) {
        return refuse(r, event->start_mark, "definition.syntax",
                      "Merge keys (\"<<\") are not supported; write the keys out.");
    }
    entry->key = key.text;
    entry->key_plain = key.plain;
    entry->line = (int)event->start_mark.line + 1;
    entry->column = (int)event->start_mark.column + 1;
    return 0;
}

static int compare_entries(const void *x, const void *y)
{
    const struct yaml_entry *const *a = x, *const *b = y;
    int order = strcmp((*a)->key.ptr, (*b)->key.ptr);
    return order ? order : (*a > *b) - (*a < *b);
}

/* Reports each key that stands twice, with both places; reading goes on. */
static void check_duplicates(struct reader *r, const struct yaml_node *node)
{
    if (node->n_entries < 2) {
        return;
    }
    const struct yaml_entry **sorted =
        mem_array(node->n_entries, sizeof(const struct yaml_entry *));
    for (size_t i = 0; i < node->n_entries; i++) {
        sorted[i] = &node->entries[i];
    }
    qsort(sorted, node->n_entries, sizeof(const struct yaml_entry *), compare_entries);
    for (size_t i = 1; i < node->n_entries; i++) {
        const struct yaml_entry *first = sorted[i - 1], *again = sorted[i];
        if (strcmp(first->key.ptr, again->key.ptr) == 0) {
            struct err *err = err_list_add(r->errors);
            (void)err_set(err, -EINVAL, "definition.duplicate_key",
                          "The key \"%s\" stands here a second time; first at line %d, column %d.",
                          again->key.ptr, first->line, first->column);
            err->line = again->line;
            err->column = again->column;
            r->failures++;
        }
    }
    mem_free(sorted);
}

static int read_mapping(struct reader *r, int depth, struct yaml_node *node)
{
    size_t cap = 0;
    for (;;) {
        AUTO_EVENT key = {0};
        int rc = next_event(r, &key);
        if (rc < 0) {
            return rc;
        }
        if (key.type == YAML_MAPPING_END_EVENT) {
            check_duplicates(r, node);
            return 0;
        }
        if (node->n_entries == cap) {
            size_t grown = cap ? cap * 2 : 8;
            struct yaml_entry *entries = arena_array(r->arena, grown, sizeof(*entries));
            if (cap) {
                memcpy(entries, node->entries, cap * sizeof(*entries));
            }
            node->entries = entries;
            cap = grown;
        }
        struct yaml_entry *entry = &node->entries[node->n_entries];
        rc = read_key(r, &key, entry);
        AUTO_EVENT value = {0};
        if (rc == 0) {
            rc = next_event(r, &value);
        }
        if (rc == 0) {
            rc = read_node(r, &value, depth + 1, &entry->value);
        }
        if (rc < 0) {
            return rc;
        }
        node->n_entries++;
    }
}

static int read_content(struct reader *r, const yaml_event_t *event, int depth,
                        struct yaml_node *node)
{
    bool text;
    int rc;
    if (event->type == YAML_SCALAR_EVENT) {
        node->kind = YAML_SCALAR;
        return read_scalar(r, event, node);
    }
    if (event->type == YAML_SEQUENCE_START_EVENT) {
        node->kind = YAML_SEQUENCE;
        rc = check_tag(r, event, event->data.sequence_start.tag, &text);
        return rc < 0 ? rc : read_sequence(r, depth, node);
    }
    ASSERT(event->type == YAML_MAPPING_START_EVENT);
    node->kind = YAML_MAPPING;
    rc = check_tag(r, event, event->data.mapping_start.tag, &text);
    return rc < 0 ? rc : read_mapping(r, depth, node);
}

static const yaml_char_t *event_anchor(const yaml_event_t *event)
{
    if (event->type == YAML_SCALAR_EVENT) {
        return event->data.scalar.anchor;
    }
    return event->type == YAML_SEQUENCE_START_EVENT ? event->data.sequence_start.anchor
                                                    : event->data.mapping_start.anchor;
}

static int read_node(struct reader *r, yaml_event_t *event, int depth, struct yaml_node **ret)
{
    if (depth > YAML_MAX_DEPTH) {
        return refuse(r, event->start_mark, "definition.limit",
                      "Values are nested too deeply (at most 100 levels).");
    }
    if (event->type == YAML_ALIAS_EVENT) {
        return read_alias(r, event, depth, ret);
    }
    size_t nodes_before = r->nodes, bytes_before = r->bytes;
    int deepest_before = r->deepest;
    int rc = count_node(r, event->start_mark, 1, 0);
    if (rc < 0) {
        return rc;
    }
    struct yaml_node *node = arena_new_of(r->arena, struct yaml_node);
    node->line = (int)event->start_mark.line + 1;
    node->column = (int)event->start_mark.column + 1;
    struct anchor *anchor = NULL;
    if (event_anchor(event)) {
        if (r->n_anchors == YAML_MAX_ANCHORS) {
            return refuse(r, event->start_mark, "definition.limit",
                          "The file has too many anchors (at most 1,000).");
        }
        anchor = add_anchor(r, event_anchor(event), node);
    }
    r->deepest = depth;
    rc = read_content(r, event, depth, node);
    if (rc < 0) {
        return rc;
    }
    if (anchor) {
        anchor->complete = true;
        anchor->nodes = r->nodes - nodes_before;
        anchor->bytes = r->bytes - bytes_before;
        anchor->height = r->deepest - depth;
    }
    r->deepest = MAX(r->deepest, deepest_before);
    *ret = node;
    return 0;
}

/* Stream start, one document, stream end. */
static int read_stream(struct reader *r, struct yaml_node **ret_root)
{
    AUTO_EVENT start = {0};
    int rc = next_event(r, &start);
    if (rc < 0) {
        return rc;
    }
    AUTO_EVENT document = {0};
    rc = next_event(r, &document);
    if (rc < 0) {
        return rc;
    }
    if (document.type == YAML_STREAM_END_EVENT) {
        return refuse(r, document.start_mark, "definition.syntax", "The file is empty.");
    }
    AUTO_EVENT root = {0};
    rc = next_event(r, &root);
    if (rc == 0) {
        rc = read_node(r, &root, 1, ret_root);
    }
    if (rc < 0) {
        return rc;
    }
    AUTO_EVENT end = {0};
    rc = next_event(r, &end);
    AUTO_EVENT after = {0};
    if (rc == 0) {
        rc = next_event(r, &after);
    }
    if (rc == 0 && after.type != YAML_STREAM_END_EVENT) {
        rc = refuse(r, after.start_mark, "definition.syntax",
                    "The file holds more than one YAML document; only one is allowed.");
    }
    return rc;
}

int yaml_read(struct arena *a, struct str text, struct yaml_node **ret_root,
              struct err_list *errors)
{
    struct str utf8;
    struct err err = {0};
    int rc = encoding_to_utf8(a, text, YAML_MAX_BYTES, &utf8, &err);
    if (rc < 0) {
        *err_list_add(errors) = err;
        return rc;
    }
    utf8 = json_text_for_yaml(a, utf8);
    struct reader r = {.arena = a, .errors = errors};
    if (!yaml_parser_initialize(&r.parser)) {
        return err_set(err_list_add(errors), -EINVAL, "definition.syntax",
                       "The YAML reader could not be started.");
    }
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)utf8.ptr, utf8.len);
    struct yaml_node *root = NULL;
    rc = read_stream(&r, &root);
    yaml_parser_delete(&r.parser);
    if (rc == 0 && r.failures > 0) {
        rc = -EINVAL;
    }
    if (rc == 0) {
        *ret_root = root;
    }
    return rc;
}

const struct yaml_entry *yaml_entry(const struct yaml_node *mapping, const char *key)
{
    if (mapping && mapping->kind == YAML_MAPPING) {
        struct str wanted = str_of(key);
        for (size_t i = 0; i < mapping->n_entries; i++) {
            if (str_eq(mapping->entries[i].key, wanted)) {
                return &mapping->entries[i];
            }
        }
    }
    return NULL;
}

struct yaml_node *yaml_get(const struct yaml_node *node, const char *key)
{
    const struct yaml_entry *entry = yaml_entry(node, key);
    return entry ? entry->value : NULL;
}

static bool is_one_of(struct str s, const char *const *words)
{
    for (; *words; words++) {
        if (str_eq(s, str_of(*words))) {
            return true;
        }
    }
    return false;
}

/* Length of the run of characters of `set` at the start of s. */
static size_t span(struct str s, size_t from, const char *set)
{
    size_t n = from;
    while (n < s.len && strchr(set, s.ptr[n])) {
        n++;
    }
    return n - from;
}

#define DIGITS "0123456789"

static enum yaml_scalar number_type(struct str s)
{
    if (s.len > 2 && s.ptr[0] == '0' && (s.ptr[1] == 'o' || s.ptr[1] == 'x')) {
        const char *set = s.ptr[1] == 'o' ? "01234567" : DIGITS "abcdefABCDEF";
        return span(s, 2, set) == s.len - 2 ? YAML_INT : YAML_TEXT;
    }
    size_t at = s.len && (s.ptr[0] == '-' || s.ptr[0] == '+') ? 1 : 0;
    size_t whole = span(s, at, DIGITS), fraction = 0;
    at += whole;
    if (whole && at == s.len) {
        return YAML_INT;
    }
    if (at < s.len && s.ptr[at] == '.') {
        fraction = span(s, at + 1, DIGITS);
        at += 1 + fraction;
    }
    if (whole + fraction == 0) {
        return YAML_TEXT;
    }
    if (at < s.len && (s.ptr[at] == 'e' || s.ptr[at] == 'E')) {
        at++;
        at += at < s.len && (s.ptr[at] == '-' || s.ptr[at] == '+') ? 1 : 0;
        size_t exponent = span(s, at, DIGITS);
        if (exponent == 0) {
            return YAML_TEXT;
        }
        at += exponent;
    }
    return at == s.len ? YAML_FLOAT : YAML_TEXT;
}

enum yaml_scalar yaml_scalar_type(struct str text, bool plain)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
    static const char *const bools[] = {"true", "True", "TRUE", "false", "False", "FALSE", NULL};
    static const char *const floats[] = {".inf",  ".Inf",  ".INF",  "+.inf", "+.Inf",
                                         "+.INF", "-.inf", "-.Inf", "-.INF", ".nan",
                                         ".NaN",  ".NAN",  NULL};
    if (!plain) {
        return YAML_TEXT;
    }
    if (is_one_of(text, nulls)) {
        return YAML_NULL;
    }
    if (is_one_of(text, bools)) {
        return YAML_BOOL;
    }
    return is_one_of(text, floats) ? YAML_FLOAT : number_type(text);
}

bool yaml_is_null(const struct yaml_node *node)
{
    return !node ||
           (node->kind == YAML_SCALAR && yaml_scalar_type(node->text, node->plain) == YAML_NULL);
}
