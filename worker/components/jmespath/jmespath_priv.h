/* What the parts of the query language share: the tree, the state of a search, helpers. */
#pragma once

#include "components/jmespath/jmespath.h"

enum jmespath_kind {
    JMESPATH_CURRENT, /* @, and what an operator without a left side works on */
    JMESPATH_FIELD,
    JMESPATH_LITERAL,
    JMESPATH_CHAIN, /* left, then right on its result */
    JMESPATH_INDEX,
    JMESPATH_SLICE,
    JMESPATH_FLATTEN,
    JMESPATH_LIST_PROJECTION,   /* left gives the items, right works on each */
    JMESPATH_VALUES_PROJECTION, /* the same with the values of an object */
    JMESPATH_FILTER,            /* the same with the items that meet the condition */
    JMESPATH_COMPARE,
    JMESPATH_OR,
    JMESPATH_AND,
    JMESPATH_NOT,
    JMESPATH_MULTI_LIST, /* [a, b] */
    JMESPATH_MULTI_HASH, /* {x: a, y: b} */
    JMESPATH_CALL,
    JMESPATH_REFERENCE /* &expression, for functions */
};
enum jmespath_op { JMESPATH_EQ, JMESPATH_NE, JMESPATH_LT, JMESPATH_LE, JMESPATH_GT, JMESPATH_GE };
struct jmespath_bound {
    bool given;
    int64_t n;
};
struct jmespath_node {
    enum jmespath_kind kind;
    enum jmespath_op op;
    int depth;
    size_t offset;
    struct str name;                /* FIELD; the key in a MULTI_HASH */
    struct json value;              /* LITERAL */
    struct jmespath_bound slice[3]; /* SLICE: from, to, step; INDEX: the first */
    const struct jmespath_function *function;
    struct jmespath_node *left, *right, *condition;
    struct jmespath_node *items; /* MULTI_LIST, MULTI_HASH, CALL */
    uint32_t n_items;
    struct jmespath_node *next; /* in such a list */
};

/* A search. at: the place in the query of what is worked on. */
struct jmespath {
    struct arena *arena;
    size_t used_before; /* of the arena */
    struct str query;
    int64_t deadline;
    struct err *err;
    size_t at;
    uint64_t work;
};

/* jmespath.c: all fill j->err and return -EINVAL when something is refused. */
int jmespath_fail(struct jmespath *j, size_t offset, const char *fmt, ...) printf_like(3, 4);
int jmespath_spend(struct jmespath *j, size_t work) must_check;
int jmespath_room(struct jmespath *j, size_t bytes) must_check;
int jmespath_items(struct jmespath *j, size_t n, struct json **ret) must_check; /* spends n */
/* Spends what a walk of the value costs; refuses what is larger than JMESPATH_MAX_RESULT. */
int jmespath_weigh(struct jmespath *j, struct json v) must_check;

/* parse.c */
int jmespath_parse(struct jmespath *j, struct jmespath_node **ret) must_check;

/* evaluate.c */
int jmespath_eval(struct jmespath *j, const struct jmespath_node *n, struct json v,
                  struct json *ret) must_check;
int jmespath_equal(struct jmespath *j, struct json x, struct json y, bool *ret) must_check;

/* functions.c */
struct jmespath_arg {
    struct json value;
    const struct jmespath_node *expression; /* of a reference */
};
typedef int (*jmespath_fn)(struct jmespath *j, const struct jmespath_arg *args, size_t n,
                           struct json *ret);
struct jmespath_function {
    const char *name;
    uint8_t min_args, max_args;
    uint16_t types[2]; /* of the first argument and of those after it */
    jmespath_fn fn;
};
/* The order of two numbers or two texts; texts by code points, which for UTF-8 is by bytes. */
int jmespath_compare(struct json x, struct json y);
const struct jmespath_function *jmespath_function_find(struct str name);
int jmespath_call(struct jmespath *j, const struct jmespath_node *call,
                  const struct jmespath_arg *args, size_t n, struct json *ret) must_check;
