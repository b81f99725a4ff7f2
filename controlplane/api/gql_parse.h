/* Parses GraphQL documents: requests (operations, fragments) and our schema file (SDL). */
#pragma once

#include "api/gql_ast.h"
#include "err.h"

#define GQL_MAX_BYTES   KIB(256)
#define GQL_MAX_TOKENS  50000
#define GQL_MAX_NESTING 64 /* of selections, values and types while parsing */

/* Everything lands in the arena; texts without escapes point into source.
 * -EINVAL "gql.syntax" with line and column. */
int gql_parse_request(struct arena *a, struct str source, struct gql_document *ret,
                      struct err *err) must_check;
int gql_parse_schema(struct arena *a, struct str source, struct gql_document *ret,
                     struct err *err) must_check;
const char *gql_operation_word(enum gql_operation_kind kind); /* "query" ... */
