/* Shared by json_schema.c (reads schemas) and json_schema_check.c (checks values). */
#pragma once

#include "components/collection_tools/json_schema.h"
#include "components/collection_tools/pattern.h"

/* Where in a document: a chain to its root, on the stack. */
struct place {
    const struct place *up; /* NULL: this is the root */
    struct str key;
    uint32_t index;
    bool item; /* at index; else a member, at key */
};
void place_write(struct buf *b, const struct place *at); /* as a JSON pointer */

/* What a keyword's value must look like. */
enum keyword_shape {
    SHAPE_ANY,
    SHAPE_BOOL,
    SHAPE_COUNT, /* a whole number from 0 */
    SHAPE_LIMIT, /* a number, or as in draft 4 a bool */
    SHAPE_LIST,
    SHAPE_NAMES, /* a list of strings */
    SHAPE_NUMBER,
    SHAPE_PATTERN,
    SHAPE_POSITIVE,
    SHAPE_REFERENCE,
    SHAPE_SCHEMA,
    SHAPE_SCHEMA_LIST,
    SHAPE_SCHEMA_MAP,
    SHAPE_SCHEMA_OR_LIST,
    SHAPE_PATTERN_MAP, /* of schemas */
    SHAPE_TYPES,
};

/* Keywords that others look at. */
enum keyword_role {
    ROLE_NONE,
    ROLE_ELSE,
    ROLE_EXCLUSIVE_MAXIMUM,
    ROLE_EXCLUSIVE_MINIMUM,
    ROLE_ITEMS,
    ROLE_MAX_CONTAINS,
    ROLE_MIN_CONTAINS,
    ROLE_PATTERN_PROPERTIES,
    ROLE_PREFIX_ITEMS,
    ROLE_PROPERTIES,
    ROLE_THEN,
};

struct check;
struct schema;
struct schema_rule;
/* False when the value breaks the rule, which it has then told, or when checking has to end. */
typedef bool (*keyword_fn)(struct check *c, const struct schema *s, const struct schema_rule *r,
                           struct json v, const struct place *at);

struct keyword {
    const char *name;
    enum keyword_shape shape;
    unsigned kinds;   /* of values it is about: bits of enum json_type; 0 = all */
    keyword_fn check; /* NULL: read by others only */
    enum keyword_role role;
};
const struct keyword *keyword_find(struct str name); /* NULL: unknown */

struct schema_rule {
    const struct keyword *keyword;
    struct json value;
    struct schema **subs; /* in the order of the value's members or items */
    uint32_t n_subs;
    struct pattern **patterns; /* of SHAPE_PATTERN (one) and SHAPE_PATTERN_MAP */
};
struct schema {
    bool never; /* `false` */
    struct schema_rule *rules;
    uint32_t n_rules;
};

struct json_schema {
    struct arena *arena;
    struct schema *root;
    struct pattern **patterns; /* all, to be freed */
    size_t n_patterns;
};

bool type_is_known(struct str name);
struct str str_brief(struct str s); /* its start, for messages; whole characters */
