/* One GraphQL request while it is worked on: its document, variables and errors, all in the
 * request's arena. One thread. */
#pragma once

#include "api/gql_schema.h"
#include "json.h"

#define GQL_MAX_ERRORS 50
#define GQL_MAX_FIELDS 5000 /* planned, fragments expanded */

struct gql_error {
    const char *message;
    const char *code;   /* extensions.code; NULL = none */
    struct gql_loc loc; /* line 0 = none */
    const char *path;   /* response key of the root field; NULL = none */
    struct gql_error *next;
};
struct gql_request {
    struct arena *arena;
    const struct gql_schema *schema;
    struct gql_document doc;
    const struct gql_operation *operation;
    struct json variables; /* object, coerced */
    struct gql_error *errors;
    int n_errors, n_fields;
    const char *path; /* put into errors while it is set */
};
/* Adds an error (the first GQL_MAX_ERRORS); returns false for `return gql_fail(...)`. */
bool gql_fail(struct gql_request *rq, struct gql_loc loc, const char *code, const char *fmt, ...)
    printf_like(4, 5);
/* "errors": [...] as a JSON array. */
struct json gql_errors_json(const struct gql_request *rq);

/* Checks every operation and fragment against the schema; false when there are errors. */
bool gql_validate(struct gql_request *rq);

/* Coercion: values of the GraphQL types as engine JSON (enums and dates as strings). */
bool gql_coerce_variables(struct gql_request *rq, struct json raw);
/* A literal. check: variables are checked for type only, their values not looked at. Undefined for
 * a variable that was not given. what names the place in errors. */
bool gql_coerce_literal(struct gql_request *rq, const struct gql_type_ref *type,
                        const struct gql_value *v, bool check, bool has_default, const char *what,
                        struct json *ret);
/* The arguments of a field or directive with their defaults, as an object. */
bool gql_coerce_args(struct gql_request *rq, const struct gql_input_def *defs,
                     const struct gql_arg *args, struct gql_loc loc, bool check, const char *owner,
                     struct json *ret);

/* The fields to answer of one object, in order, same response keys merged. */
struct gql_set {
    const struct gql_selection *selections;
    const struct gql_set *next;
};
struct gql_sel {
    const char *key;                 /* response key */
    const struct gql_field_def *def; /* NULL = __typename */
    const struct gql_type_def *type; /* named type of the field; NULL = __typename */
    struct gql_loc loc;
    struct json args;
    const struct gql_set *sets; /* of its selections */
    struct gql_sel *children;   /* filled by the planner and by projection */
    bool post;                  /* it or something below is computed after the statement */
    struct gql_sel *next;
};
/* False on errors: conflicting response keys, too many fields, a bad argument. */
bool gql_collect(struct gql_request *rq, const struct gql_type_def *type,
                 const struct gql_set *sets, struct gql_sel **ret);
/* Collects the children of a selection once. */
bool gql_children(struct gql_request *rq, struct gql_sel *sel);
/* Picks from a value made in C what the selection asks for: objects by field name, lists item by
 * item, scalars as they are. */
bool gql_project(struct gql_request *rq, struct gql_sel *sel, struct json value, struct json *ret);
/* Answers __schema and __type(name). */
bool gql_introspect(struct gql_request *rq, struct gql_sel *sel, struct json *ret);
/* The definitions of __schema and __type; NULL for another name. */
const struct gql_field_def *gql_introspection_field(struct gql_request *rq, struct str name);
