/* Owns reading a schema: every keyword's value is checked, and schemas inside become nodes once, so
 * that references may go in circles. Called on the slot's thread. It refuses schemas that are
 * malformed, large, deeply nested, or that refer outside themselves. */
#include "components/collection_tools/json_schema_priv.h"

#include <math.h>
#include <stdarg.h>

#include "enc.h"

#define MAX_VALUES   20000
#define MAX_NESTING  100
#define MAX_PATTERNS 200

struct node { /* a schema read already, by the address of its members */
    const struct json_member *members;
    struct schema *schema;
};
struct pending { /* a reference to be followed once the document is read */
    struct pending *next;
    struct schema_rule *rule;
};
struct reader {
    struct json_schema *out;
    struct json root;
    struct node *nodes; /* by hash */
    size_t mask;
    struct pending *pending;
    struct err *err;
};

void place_write(struct buf *b, const struct place *at)
{
    if (!at->up) {
        return;
    }
    place_write(b, at->up);
    buf_addc(b, '/');
    if (at->item) {
        buf_addf(b, "%u", at->index);
        return;
    }
    for (size_t i = 0; i < at->key.len; i++) {
        char c = at->key.ptr[i];
        if (c == '~' || c == '/') {
            buf_adds(b, c == '~' ? "~0" : "~1");
        } else {
            buf_addc(b, c);
        }
    }
}

static int printf_like(3, 4)
    malformed(struct reader *r, const struct place *at, const char *fmt, ...)
{
    char words[300];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(words, sizeof(words), fmt, ap);
    va_end(ap);
    AUTO(buf_done) struct buf path = {0};
    buf_init(&path, 120);
    place_write(&path, at);
    return err_set(r->err, -EINVAL, "json_schema.malformed", "#%s%s %s.", path.len ? path.data : "",
                   path.full ? "..." : "", words);
}

static size_t count_values(struct json v, size_t depth, size_t room)
{
    size_t n = 1;
    if (depth > JSON_MAX_NEST) {
        return room + 1;
    }
    for (uint32_t i = 0; v.type == JSON_ARRAY && i < v.len && n <= room; i++) {
        n += count_values(v.items[i], depth + 1, room - n);
    }
    for (uint32_t i = 0; v.type == JSON_OBJECT && i < v.len && n <= room; i++) {
        n += count_values(v.members[i].value, depth + 1, room - n);
    }
    return n;
}

static struct node *node_of(struct reader *r, const struct json_member *members)
{
    size_t at = (size_t)(((uintptr_t)members >> 3) * UINT64_C(0x9E3779B97F4A7C15) >> 20) & r->mask;
    while (r->nodes[at].members && r->nodes[at].members != members) {
        at = (at + 1) & r->mask;
    }
    return &r->nodes[at];
}

static int read_schema(struct reader *r, struct json v, const struct place *at, size_t depth,
                       struct schema **ret);

static int read_pattern(struct reader *r, struct str text, const struct place *at,
                        struct pattern **ret)
{
    struct err why;
    if (r->out->n_patterns == MAX_PATTERNS) {
        return malformed(r, at, "is one regular expression more than %d", MAX_PATTERNS);
    }
    if (pattern_new(text, ret, &why) < 0) {
        return malformed(r, at, "%s", why.message);
    }
    r->out->patterns[r->out->n_patterns++] = *ret;
    return 0;
}

/* The schemas in a list or in the members of an object. */
static int read_subs(struct reader *r, struct schema_rule *rule, const struct place *at,
                     size_t depth)
{
    struct json v = rule->value;
    rule->n_subs = v.len;
    rule->subs = arena_array(r->out->arena, MAX(v.len, 1u), sizeof(struct schema *));
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < v.len; i++) {
        bool list = v.type == JSON_ARRAY;
        struct place inner = {at, list ? STR("") : v.members[i].key, i, list};
        struct json sub = list ? v.items[i] : v.members[i].value;
        rc = read_schema(r, sub, &inner, depth + 1, &rule->subs[i]);
    }
    return rc;
}

static int read_one_sub(struct reader *r, struct schema_rule *rule, const struct place *at,
                        size_t depth)
{
    rule->n_subs = 1;
    rule->subs = arena_array(r->out->arena, 1, sizeof(struct schema *));
    return read_schema(r, rule->value, at, depth + 1, &rule->subs[0]);
}

static int read_pattern_map(struct reader *r, struct schema_rule *rule, const struct place *at,
                            size_t depth)
{
    struct json v = rule->value;
    rule->patterns = arena_array(r->out->arena, MAX(v.len, 1u), sizeof(struct pattern *));
    for (uint32_t i = 0; i < v.len; i++) {
        struct place inner = {.up = at, .key = v.members[i].key};
        int rc = read_pattern(r, v.members[i].key, &inner, &rule->patterns[i]);
        if (rc < 0) {
            return rc;
        }
    }
    return read_subs(r, rule, at, depth);
}

static bool all_strings(struct json list)
{
    for (uint32_t i = 0; list.type == JSON_ARRAY && i < list.len; i++) {
        if (list.items[i].type != JSON_STRING) {
            return false;
        }
    }
    return list.type == JSON_ARRAY;
}

static bool types_are_known(struct json v)
{
    if (v.type == JSON_STRING) {
        return type_is_known(json_as_str(v));
    }
    for (uint32_t i = 0; all_strings(v) && i < v.len; i++) {
        if (!type_is_known(json_as_str(v.items[i]))) {
            return false;
        }
    }
    return all_strings(v) && v.len > 0;
}

/* Shapes whose values hold no schema: NULL when the value is as it must be, else what it must be.
 */
static const char *plain_fault(enum keyword_shape shape, struct json v)
{
    bool number = v.type == JSON_NUMBER && isfinite(v.num);
    bool truth = v.type == JSON_TRUE || v.type == JSON_FALSE;
    switch (shape) {
    case SHAPE_BOOL:
        return truth ? NULL : "true or false";
    case SHAPE_COUNT:
        return number && v.num >= 0 && v.num == trunc(v.num) ? NULL : "a whole number from 0";
    case SHAPE_LIMIT:
        return number || truth ? NULL : "a number";
    case SHAPE_LIST:
        return v.type == JSON_ARRAY ? NULL : "a list";
    case SHAPE_NAMES:
        return all_strings(v) ? NULL : "a list of names";
    case SHAPE_NUMBER:
        return number ? NULL : "a number";
    case SHAPE_POSITIVE:
        return number && v.num > 0 ? NULL : "a number above 0";
    case SHAPE_PATTERN:
    case SHAPE_REFERENCE:
        return v.type == JSON_STRING ? NULL : "text";
    case SHAPE_SCHEMA_LIST:
        return v.type == JSON_ARRAY && v.len ? NULL : "a list of schemas";
    case SHAPE_SCHEMA_MAP:
    case SHAPE_PATTERN_MAP:
        return v.type == JSON_OBJECT ? NULL : "an object of schemas";
    case SHAPE_TYPES:
        return types_are_known(v) ? NULL
                                  : "one or several of null, boolean, integer, number, string, "
                                    "array, object";
    case SHAPE_ANY:
    case SHAPE_SCHEMA:
    case SHAPE_SCHEMA_OR_LIST:
        break;
    }
    return NULL;
}

static int read_rule(struct reader *r, struct schema_rule *rule, const struct place *at,
                     size_t depth)
{
    enum keyword_shape shape = rule->keyword->shape;
    const char *wanted = plain_fault(shape, rule->value);
    if (wanted) {
        return malformed(r, at, "must be %s", wanted);
    }
    if (shape == SHAPE_SCHEMA ||
        (shape == SHAPE_SCHEMA_OR_LIST && rule->value.type != JSON_ARRAY)) {
        return read_one_sub(r, rule, at, depth);
    }
    if (shape == SHAPE_SCHEMA_LIST || shape == SHAPE_SCHEMA_MAP || shape == SHAPE_SCHEMA_OR_LIST) {
        return read_subs(r, rule, at, depth);
    }
    if (shape == SHAPE_PATTERN_MAP) {
        return read_pattern_map(r, rule, at, depth);
    }
    if (shape == SHAPE_PATTERN) {
        rule->patterns = arena_array(r->out->arena, 1, sizeof(struct pattern *));
        return read_pattern(r, json_as_str(rule->value), at, &rule->patterns[0]);
    }
    if (shape == SHAPE_REFERENCE) {
        struct pending *p = arena_new_of(r->out->arena, struct pending);
        *p = (struct pending){r->pending, rule};
        r->pending = p;
    }
    return 0;
}

static int read_rules(struct reader *r, struct json v, const struct place *at, size_t depth,
                      struct schema *schema)
{
    uint32_t known = 0;
    for (uint32_t i = 0; i < v.len; i++) {
        known += keyword_find(v.members[i].key) ? 1 : 0;
    }
    schema->rules = arena_array(r->out->arena, MAX(known, 1u), sizeof(*schema->rules));
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < v.len; i++) {
        const struct keyword *keyword = keyword_find(v.members[i].key);
        if (keyword) {
            struct schema_rule *rule = &schema->rules[schema->n_rules++];
            struct place inner = {.up = at, .key = v.members[i].key};
            rule->keyword = keyword;
            rule->value = v.members[i].value;
            rc = read_rule(r, rule, &inner, depth);
        }
    }
    return rc;
}

static int read_schema(struct reader *r, struct json v, const struct place *at, size_t depth,
                       struct schema **ret)
{
    if (v.type != JSON_OBJECT && v.type != JSON_TRUE && v.type != JSON_FALSE) {
        return malformed(r, at, "must be a schema: an object, true or false");
    }
    if (depth > MAX_NESTING) {
        return malformed(r, at, "is nested too deeply");
    }
    struct node *node = v.type == JSON_OBJECT && v.len ? node_of(r, v.members) : NULL;
    if (node && node->members) {
        *ret = node->schema;
        return 0;
    }
    struct schema *schema = arena_new_of(r->out->arena, struct schema);
    schema->never = v.type == JSON_FALSE;
    if (node) {
        *node = (struct node){v.members, schema};
        int rc = read_rules(r, v, at, depth, schema);
        if (rc < 0) {
            return rc;
        }
    }
    *ret = schema;
    return 0;
}

/* One part of a JSON pointer, in place: ~1 is "/", ~0 is "~". */
static struct str pointer_part(struct arena *a, struct str part)
{
    char *text = arena_strndup(a, part.ptr, part.len);
    size_t n = 0;
    for (size_t i = 0; i < part.len; i++) {
        bool escape = part.ptr[i] == '~' && i + 1 < part.len;
        if (escape && (part.ptr[i + 1] == '0' || part.ptr[i + 1] == '1')) {
            text[n++] = part.ptr[++i] == '0' ? '~' : '/';
        } else {
            text[n++] = part.ptr[i];
        }
    }
    return str_n(text, n);
}

/* The value "#", "#/a/b" or "#/a/0" leads to; undefined when there is none. */
static struct json target_of(struct reader *r, struct str reference)
{
    struct arena *a = r->out->arena;
    if (!reference.len || reference.ptr[0] != '#') {
        return json_undefined();
    }
    struct str rest = enc_percent_decode(a, str_n(reference.ptr + 1, reference.len - 1), false);
    struct json at = r->root;
    if (rest.len && rest.ptr[0] != '/') {
        return json_undefined();
    }
    while (rest.len) {
        ptrdiff_t slash = str_find(rest, STR("/"), 1);
        size_t end = slash < 0 ? rest.len : (size_t)slash;
        struct str part = pointer_part(a, str_n(rest.ptr + 1, end - 1));
        rest = str_n(rest.ptr + end, rest.len - end);
        int64_t index;
        if (at.type == JSON_ARRAY && str_to_i64(part, &index) && index >= 0) {
            at = json_at(at, (size_t)index);
        } else {
            at = json_get(at, part);
        }
    }
    return at;
}

static int follow_references(struct reader *r)
{
    while (r->pending) {
        struct schema_rule *rule = r->pending->rule;
        r->pending = r->pending->next;
        struct str reference = json_as_str(rule->value);
        struct str shown = str_brief(reference);
        struct place root = {0}, at = {.up = &root, .key = shown};
        struct json target = target_of(r, reference);
        if (target.type == JSON_UNDEFINED) {
            return err_set(r->err, -EINVAL, "json_schema.malformed",
                           "the $ref \"%.*s\" leads nowhere; references are followed within the "
                           "schema only, as in #/$defs/name.",
                           (int)shown.len, shown.ptr);
        }
        rule->n_subs = 1;
        rule->subs = arena_array(r->out->arena, 1, sizeof(struct schema *));
        int rc = read_schema(r, target, &at, 0, &rule->subs[0]);
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

int json_schema_new(struct json source, struct json_schema **ret, struct err *err)
{
    AUTO(json_schema_free) struct json_schema *s = mem_new(struct json_schema);
    s->arena = arena_new(0, 0);
    s->patterns = arena_array(s->arena, MAX_PATTERNS, sizeof(*s->patterns));
    size_t n = count_values(source, 0, MAX_VALUES), slots = 64;
    if (n > MAX_VALUES) {
        return err_set(err, -EINVAL, "json_schema.malformed",
                       "it has more than %d values, or is nested too deeply.", MAX_VALUES);
    }
    while (slots < n * 2) {
        slots *= 2;
    }
    struct reader r = {.out = s, .root = source, .mask = slots - 1, .err = err};
    struct place root = {0};
    r.nodes = arena_array(s->arena, slots, sizeof(*r.nodes));
    int rc = read_schema(&r, source, &root, 0, &s->root);
    if (rc == 0) {
        rc = follow_references(&r);
    }
    if (rc == 0) {
        *ret = TAKE(s);
    }
    return rc;
}

struct json_schema *json_schema_free(struct json_schema *s)
{
    if (s) {
        for (size_t i = 0; i < s->n_patterns; i++) {
            pattern_free(s->patterns[i]);
        }
        arena_free(s->arena);
        mem_free(s);
    }
    return NULL;
}
