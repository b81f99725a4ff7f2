/* The syntax tree of a GraphQL document (October 2021), all in one arena, lists linked in order of
 * the source. Requests use the operations and fragments, our schema file the definitions. */
#pragma once

#include "str.h"

struct gql_loc {
    int line, column; /* 1-based; columns count bytes */
};

enum gql_value_kind {
    GQL_VARIABLE, /* text = name without $ */
    GQL_INT,      /* text as written */
    GQL_FLOAT,
    GQL_STRING, /* text unescaped */
    GQL_BOOL,   /* text "true" or "false" */
    GQL_NULL,
    GQL_ENUM,
    GQL_LIST,   /* items */
    GQL_OBJECT, /* fields */
};
struct gql_value {
    enum gql_value_kind kind;
    struct gql_loc loc;
    struct str text;
    struct gql_value *items; /* first of LIST */
    struct gql_arg *fields;  /* first of OBJECT */
    struct gql_value *next;
};
struct gql_arg {
    struct str name;
    struct gql_loc loc;
    struct gql_value *value;
    struct gql_arg *next;
};
struct gql_directive {
    struct str name;
    struct gql_loc loc;
    struct gql_arg *args;
    struct gql_directive *next;
};

enum gql_selection_kind { GQL_FIELD, GQL_SPREAD, GQL_INLINE };
struct gql_selection {
    enum gql_selection_kind kind;
    struct gql_loc loc;
    struct str alias; /* FIELD: "" = none */
    struct str name;  /* FIELD, SPREAD: the fragment's */
    struct str on;    /* INLINE: type condition, "" = none */
    struct gql_arg *args;
    struct gql_directive *directives;
    struct gql_selection *selections; /* NULL = none */
    struct gql_selection *next;
};

struct gql_type_ref {
    struct str name;         /* named type; "" for a list */
    struct gql_type_ref *of; /* item type of a list */
    bool non_null;
    struct gql_loc loc;
};
struct gql_variable {
    struct str name;
    struct gql_loc loc;
    struct gql_type_ref *type;
    struct gql_value *fallback; /* NULL = none */
    struct gql_directive *directives;
    struct gql_variable *next;
};
enum gql_operation_kind { GQL_QUERY, GQL_MUTATION, GQL_SUBSCRIPTION };
struct gql_operation {
    enum gql_operation_kind kind;
    struct str name; /* "" = anonymous */
    struct gql_loc loc;
    struct gql_variable *variables;
    struct gql_directive *directives;
    struct gql_selection *selections;
    struct gql_operation *next;
};
struct gql_fragment {
    struct str name, on;
    struct gql_loc loc;
    struct gql_directive *directives;
    struct gql_selection *selections;
    struct gql_fragment *next;
};

/* Type system definitions. */
enum gql_type_kind {
    GQL_T_SCALAR,
    GQL_T_OBJECT,
    GQL_T_INTERFACE,
    GQL_T_UNION,
    GQL_T_ENUM,
    GQL_T_INPUT,
};
struct gql_name {
    struct str name;
    struct gql_name *next;
};
struct gql_input_def { /* an argument or a field of an input object */
    struct str name, description;
    struct gql_type_ref *type;
    struct gql_value *fallback;
    struct gql_directive *directives;
    const struct gql_filter *filter; /* made by the schema: how the argument filters; or NULL */
    struct gql_input_def *next;
};
struct gql_field_def {
    struct str name, description;
    struct gql_input_def *args;
    struct gql_type_ref *type;
    struct gql_directive *directives;
    const struct gql_mapping *mapping; /* made by the schema; objects only */
    struct gql_field_def *next;
};
struct gql_enum_def {
    struct str name, description;
    struct gql_directive *directives;
    const struct gql_sort *sort; /* made by the schema for order fields; or NULL */
    struct gql_enum_def *next;
};
struct gql_type_def {
    enum gql_type_kind kind;
    struct str name, description;
    struct gql_name *interfaces, *members; /* members of a union */
    struct gql_field_def *fields;          /* OBJECT, INTERFACE */
    struct gql_input_def *inputs;          /* INPUT */
    struct gql_enum_def *values;           /* ENUM */
    struct gql_directive *directives;
    const struct gql_table *table; /* made by the schema; or NULL */
    struct gql_type_def *next;
};
struct gql_directive_def {
    struct str name, description;
    struct gql_input_def *args;
    struct gql_name *locations;
    bool repeatable;
    struct gql_directive_def *next;
};

struct gql_document {
    struct gql_operation *operations;
    struct gql_fragment *fragments;
    struct gql_type_def *types;
    struct gql_directive_def *directives;
};
