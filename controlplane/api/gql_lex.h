/* Tokens of GraphQL. Pull one at a time; nothing is kept but the current one. */
#pragma once

#include "api/gql_ast.h"
#include "err.h"

enum gql_token_kind {
    GQL_TK_EOF,
    GQL_TK_PUNCTUATOR, /* one of ! $ & ( ) : = @ [ ] { | } or ... */
    GQL_TK_NAME,
    GQL_TK_INT,
    GQL_TK_FLOAT,
    GQL_TK_STRING, /* quoted or block; text unescaped */
};
struct gql_token {
    enum gql_token_kind kind;
    struct gql_loc loc;
    struct str text;
};
struct gql_lexer {
    struct str source;
    size_t at, line_start;
    int line;
    int n_tokens, max_tokens;
    struct arena *arena; /* for unescaped strings */
    struct gql_token token;
};
void gql_lex_init(struct gql_lexer *lx, struct arena *a, struct str source, int max_tokens);
/* Reads the next token into lx->token. -EINVAL "gql.syntax" with line and column. */
int gql_lex_next(struct gql_lexer *lx, struct err *err) must_check;
