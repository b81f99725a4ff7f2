/* The schema: the files of schema/ parsed once, its mapping directives turned into structs,
 * connection types and filter arguments made from them. Immutable afterwards, shared by all
 * threads. */
#pragma once

#include "api/gql_ast.h"
#include "err.h"

enum gql_map_kind {
    GQL_MAP_PLAIN,      /* a member of what a resolver or mutation made */
    GQL_MAP_COLUMN,     /* sql: an expression */
    GQL_MAP_ONE,        /* sql: the condition of the other row */
    GQL_MAP_CONNECTION, /* sql: the condition of the other rows */
    GQL_MAP_RESOLVE,    /* sql: an expression for the resolver fn */
    GQL_MAP_MUTATION,   /* fn: name of the mutation */
    GQL_MAP_RESULT,     /* the object a mutation is about */
};
struct gql_mapping {
    enum gql_map_kind kind;
    const char *sql;
    const char *fn;
    const char *gid;                 /* type of a global id; NULL = not one */
    const struct gql_type_def *type; /* the field's named type; of a connection: the node's */
    bool date_time;                  /* sql is a timestamptz to be written as ISO 8601 */
    int org_role, customer_role;     /* lowest; customer_role 0 = not for users of customers */
    const struct gql_window *window; /* of a connection; NULL = none */
};
struct gql_window {   /* rows that a costly filter looks at when the request does not say */
    const char *with; /* the costly argument */
    const char *const *unless; /* arguments that bound it, ended by NULL */
    const char *before;        /* argument with the end of the window; else it is now */
    const char *where;         /* {v} the end */
};
struct gql_table { /* of an object type */
    const char *from, *id, *id_type;
    bool descending;
    const char *merge_key; /* an expression: there is an index on it and the id; NULL = none */
    const char *merge_own; /* the keys that a user of a customer sees */
};
struct gql_sort { /* of an order field's enum value */
    const char *sql, *type;
};
struct gql_filter {    /* of an argument */
    const char *where; /* with {x} the field's expression and {v} the value */
    const char *sql;   /* {x} */
    const char *type;  /* SQL type of one value: "uuid", "text"... */
    const char *gid;   /* type of the global id; NULL = not one */
    const char *each;  /* the merge keys of the rows it finds, by {v}; NULL = not asked for */
    bool list;
};

struct gql_schema;
int gql_schema_new(struct str sdl, struct gql_schema **ret, struct err *err) must_check;
struct gql_schema *gql_schema_free(struct gql_schema *s);
const struct gql_type_def *gql_schema_types(const struct gql_schema *s); /* linked list */
const struct gql_type_def *gql_schema_type(const struct gql_schema *s, struct str name); /* NULL */
const struct gql_type_def *gql_schema_root(const struct gql_schema *s,
                                           enum gql_operation_kind kind); /* or NULL */
/* @skip, @include, @deprecated and @specifiedBy: what clients may know of directives. */
const struct gql_directive_def *gql_schema_directives(const struct gql_schema *s);

const struct gql_field_def *gql_type_field(const struct gql_type_def *t, struct str name);
const struct gql_input_def *gql_input_find(const struct gql_input_def *list, struct str name);
const struct gql_arg *gql_arg_find(const struct gql_arg *list, struct str name);
const struct gql_directive *gql_directive_find(const struct gql_directive *list, const char *name);
const struct gql_enum_def *gql_enum_find(const struct gql_type_def *t, struct str name);
struct str gql_type_name(const struct gql_type_ref *ref); /* the innermost named type */
const char *gql_type_text(struct arena *a, const struct gql_type_ref *ref); /* "[ID!]!" */
bool gql_type_implements(const struct gql_type_def *t, struct str interface);
DEFINE_CLEANUP(struct gql_schema *, gql_schema_free)
