/* Compiles the selected fields of a request into one SQL statement whose columns are the JSON of
 * the root fields, built by PostgreSQL. Values are parameters only; what of the request reaches
 * the text are response keys (GraphQL names) and checked integers. */
#pragma once

#include "api/gql_request.h"
#include "db.h"

#define GQL_MAX_PARAMS 60
#define GQL_PAGE_MAX   100

enum token_scope { /* what the token that asks may, of what its user may; wide to narrow */
                   SCOPE_ADMIN,
                   SCOPE_WRITE, /* nothing that takes an admin */
                   SCOPE_READ,  /* no mutations */
};
struct gql_viewer {                           /* who asks */
    struct uuid organization, customer, user; /* customer nil = a user of the organization */
    struct uuid token;                        /* API token that asks; nil = something else */
    int role;                                 /* level, see domain/role */
    enum token_scope scope;
    bool embedded; /* asks with a token that the organization signed */
};
struct gql_plan {
    struct gql_request *rq;
    const struct gql_viewer *viewer;
    struct str public_url;
    int max_depth, max_cost;
    struct buf sql;
    struct db_param params[GQL_MAX_PARAMS];
    size_t n_params;
    int n_aliases;
    double cost;          /* rows at most */
    int viewer_params[4]; /* of {user} {organization} {customer} {url}; 0 = not used yet */
};
void gql_plan_init(struct gql_plan *p, struct gql_request *rq, const struct gql_viewer *viewer,
                   struct str public_url, int max_depth, int max_cost);
void gql_plan_done(struct gql_plan *p);
/* One column for each root field of the list that is mapped to rows (introspection and __typename
 * are left out; sql stays empty when nothing is left). False on errors. */
bool gql_plan_query(struct gql_plan *p, struct gql_sel *roots);
/* One column: the object of this id, selected by a field marked @result. */
bool gql_plan_result(struct gql_plan *p, struct gql_sel *sel, const struct uuid *id);
/* One column: what people call the object of this id; false when its type has no such field. */
bool gql_plan_name(struct gql_plan *p, const struct gql_type_def *type, const struct uuid *id);
/* Whether the viewer may use the field; adds the error when not. */
bool gql_plan_allowed(struct gql_plan *p, const struct gql_sel *sel);
DEFINE_DONE(struct gql_plan, gql_plan_done)
