/* Shared by the files that parse declarative components only. */
#pragma once

#include "definition/declarative.h"
#include "definition/definition_priv.h"

struct decl_compile {
    struct def_compile c;
    struct declarative *d;
    const struct decl_fields *inputs; /* what {{$inputs...}} may name; NULL = none here */
    const struct decl_fields *fields; /* of the connection being read; NULL = of any */
};

/* Reports keys that are not in the list (ended by NULL). */
void decl_check_keys(struct def_map *m, const char *const *known);
/* "Must be one of ..." is told by the reader; a mapping below a key; false when it is absent. */
bool decl_sub(struct def_map *m, const char *key, struct def_where *where, struct def_map *ret);

/* declarative_text.c */
void decl_parse_text(struct decl_compile *p, const struct def_where *where,
                     const struct yaml_node *node, struct decl_text *ret);
void decl_get_text(struct decl_compile *p, struct def_map *m, const char *key, enum def_need need,
                   struct decl_text *ret);
void decl_get_pairs(struct decl_compile *p, struct def_map *m, const char *key,
                    struct decl_pairs *ret);
/* NULL when it is absent. */
struct decl_value *decl_get_value(struct decl_compile *p, struct def_map *m, const char *key);
/* A path into {status, headers, body}; NULL when it is absent or wrong. */
const struct path *decl_get_path(struct decl_compile *p, struct def_map *m, const char *key,
                                 enum def_need need);

/* declarative_action.c */
void decl_parse_fields(struct decl_compile *p, struct def_map *m, const char *key,
                       struct decl_fields *ret);
void decl_parse_actions(struct decl_compile *p, struct def_map *root);
/* declarative_trigger.c */
void decl_parse_triggers(struct decl_compile *p, struct def_map *root);
/* The key "example": the text of a JSON value; "" when it is absent. */
const char *decl_get_example(struct decl_compile *p, struct def_map *m);
/* A key that no earlier one of the n has (reported). */
const char *decl_get_key(struct def_map *m, const char *const *before, size_t n);
