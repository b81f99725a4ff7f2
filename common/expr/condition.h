/* The condition language of branches: [ "and" | "or", expr... ] or [ op, left, right? ].
 * Semantics follow the public SDK's evaluate(); each operator's rule is in the table in
 * docs/definition-format.md. */
#pragma once

#include "json.h"

#define CONDITION_MAX_DEPTH 50

enum condition_op {
    COND_AND,
    COND_OR,
    COND_EQUAL,
    COND_NOT_EQUAL,
    COND_EXACTLY_MATCHES,
    COND_DOES_NOT_EXACTLY_MATCH,
    COND_GREATER_THAN,
    COND_GREATER_THAN_OR_EQUAL,
    COND_LESS_THAN,
    COND_LESS_THAN_OR_EQUAL,
    COND_IN,
    COND_NOT_IN,
    COND_STARTS_WITH,
    COND_DOES_NOT_START_WITH,
    COND_ENDS_WITH,
    COND_DOES_NOT_END_WITH,
    COND_DATE_TIME_AFTER,
    COND_DATE_TIME_BEFORE,
    COND_DATE_TIME_SAME,
    COND_IS_TRUE,
    COND_IS_FALSE,
    COND_DOES_NOT_EXIST,
    COND_EXISTS,
    COND_IS_EMPTY,
    COND_IS_NOT_EMPTY,
    _COND_OP_N
};

struct condition_op_info {
    const char *name;  /* as in definitions: "greaterThanOrEqual" */
    const char *label; /* for people */
    int arity;         /* 1, 2; 0 = any number of expressions */
};
extern const struct condition_op_info condition_ops[_COND_OP_N];
/* _COND_OP_N when unknown. */
enum condition_op condition_op_find(struct str name);

struct def_input; /* a term; owned by the definition */
struct condition {
    enum condition_op op;
    struct condition *children; /* and, or */
    size_t n_children;
    struct def_input *left, *right; /* right NULL for unary operators */
};

/* Yields the value of a term. */
typedef int (*condition_term_fn)(void *ctx, const struct def_input *term, struct json *ret_value,
                                 struct err *err);
/* Returns 0 and *ret_true, or -EINVAL ("condition.incompatible": "Incompatible comparison
 * arguments, ..."), -EFBIG ("condition.too_large"), or what the term function returned. */
int condition_eval(const struct condition *c, condition_term_fn term, void *ctx, bool *ret_true,
                   struct err *err) must_check;
/* One comparison on ready values (op not and/or): for tests and filters. Scratch memory comes from
 * the arena. */
int condition_compare(struct arena *a, enum condition_op op, struct json left, struct json right,
                      bool *ret_true, struct err *err) must_check;
