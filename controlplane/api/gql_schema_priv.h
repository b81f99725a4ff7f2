/* Shared by gql_schema.c and gql_schema_gen.c only. */
#pragma once

#include "api/gql_schema.h"

struct gql_schema {
    struct arena *arena;
    struct gql_document doc; /* types: ours, then the built-in ones, then the generated ones */
    struct gql_directive_def *public_directives;
};
const char *gql_schema_text(struct gql_schema *s, const struct gql_directive *d, const char *name);
char *gql_schema_column(struct gql_schema *s, struct str name);

/* Adds XConnection, XEdge, XOrder and XOrderField for each type with a table, and the arguments of
 * every connection field. */
int gql_schema_generate(struct gql_schema *s, struct err *err) must_check;
