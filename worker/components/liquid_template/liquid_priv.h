/* What the parts of the template language share: the tree, the state of a rendering, helpers. */
#pragma once

#include "components/liquid_template/liquid.h"

struct liquid;

/* --- the tree ----------------------------------------------------------------------------------
 */
enum liquid_expr_kind { LIQUID_LITERAL, LIQUID_NAME, LIQUID_RANGE, LIQUID_EMPTY, LIQUID_BLANK };
struct liquid_segment {
    struct str key;            /* .key */
    struct liquid_expr *index; /* or [index] */
    struct liquid_segment *next;
};
struct liquid_expr {
    enum liquid_expr_kind kind;
    size_t offset;
    struct json value; /* LITERAL */
    struct str name;   /* NAME */
    struct liquid_segment *segments;
    struct liquid_expr *from, *to; /* RANGE */
    struct liquid_expr *next;      /* in a list */
};

#define LIQUID_MAX_ARGS 4
typedef int (*liquid_filter_fn)(struct liquid *l, struct json in, const struct json *args,
                                size_t n_args, struct json *ret);
struct liquid_filter {
    const char *name;
    uint8_t min_args, max_args;
    liquid_filter_fn fn;
};
const struct liquid_filter *liquid_filter_find(struct str name);
struct liquid_filter_call {
    const struct liquid_filter *filter;
    size_t offset;
    struct liquid_expr *args[LIQUID_MAX_ARGS];
    size_t n_args;
    struct liquid_filter_call *next;
};
struct liquid_pipeline {
    struct liquid_expr *value;
    struct liquid_filter_call *filters;
};

enum liquid_op {
    LIQUID_TRUTHY, /* no operator: the left side alone */
    LIQUID_EQ,
    LIQUID_NE,
    LIQUID_LT,
    LIQUID_GT,
    LIQUID_LE,
    LIQUID_GE,
    LIQUID_CONTAINS
};
struct liquid_condition {
    struct liquid_expr *left, *right;
    enum liquid_op op;
    bool is_and;                   /* joins with the one before by and, else by or */
    struct liquid_condition *prev; /* conditions are kept from the last to the first */
};

enum liquid_node_kind {
    LIQUID_TEXT,
    LIQUID_OUTPUT,
    LIQUID_ASSIGN,
    LIQUID_CAPTURE,
    LIQUID_IF,
    LIQUID_CASE,
    LIQUID_FOR,
    LIQUID_INCREMENT,
    LIQUID_DECREMENT,
    LIQUID_CYCLE,
    LIQUID_BREAK,
    LIQUID_CONTINUE
};
struct liquid_branch {
    struct liquid_condition *last; /* IF: NULL = else */
    bool negated;                  /* unless */
    struct liquid_expr *values;    /* CASE: when; NULL = else */
    struct liquid_node *body;
    struct liquid_branch *next;
};
struct liquid_node {
    enum liquid_node_kind kind;
    size_t offset;
    struct str text;               /* TEXT; the name of ASSIGN, CAPTURE, FOR, counters, CYCLE */
    struct liquid_pipeline *value; /* OUTPUT, ASSIGN; the subject of CASE */
    struct liquid_expr *values;    /* CYCLE; the collection of FOR */
    struct liquid_expr *limit, *skip;
    bool reversed;
    uint32_t cycle;                 /* CYCLE: which of them, by group */
    struct liquid_branch *branches; /* IF, CASE; FOR: the body, then else */
    struct liquid_node *body;       /* CAPTURE */
    struct liquid_node *next;
};

/* --- a rendering --------------------------------------------------------------------------------
 */
struct liquid_loop {
    struct liquid_loop *parent;
    struct str name;
    struct json item;
    uint32_t index, length;
};
struct liquid_variable {
    struct str name;
    struct json value;
    struct liquid_variable *next;
};
struct liquid {
    struct str text;
    struct arena *arena; /* its own */
    struct json data;
    int64_t deadline;
    struct buf *out;
    struct err *err;
    size_t at; /* place of what is worked on */
    uint64_t work;
    uint32_t loops;
    int depth;
    uint32_t n_cycles;
    uint32_t *cycles;
    struct liquid_loop *loop;
    struct liquid_variable *variables, *counters;
};

/* liquid.c: all fill l->err and return -EINVAL when something is refused. */
int liquid_fail(struct liquid *l, size_t offset, const char *fmt, ...) printf_like(3, 4);
int liquid_spend(struct liquid *l, size_t work) must_check;
int liquid_room(struct liquid *l, size_t bytes) must_check;   /* before arena_alloc */
int liquid_weigh(struct liquid *l, struct json v) must_check; /* spends what a walk of v costs */
/* The text of a value: lists are the texts of their items, objects JSON. */
int liquid_text(struct liquid *l, struct json v, struct str *ret) must_check;
int liquid_add_text(struct liquid *l, struct buf *b, struct json v) must_check;
/* The buffer's text as a value in the arena; refuses a full buffer. */
int liquid_give(struct liquid *l, const struct buf *b, struct json *ret) must_check;

/* parse.c */
int liquid_parse(struct liquid *l, struct liquid_node **ret) must_check;

/* token.c */
enum liquid_token_kind {
    LIQUID_T_END,
    LIQUID_T_NAME,
    LIQUID_T_NUMBER,
    LIQUID_T_STRING, /* text without the quotes */
    LIQUID_T_SIGN    /* punctuation and operators */
};
struct liquid_lexer {
    struct liquid *l;
    size_t at, end; /* what is left of the inside of a tag */
    enum liquid_token_kind kind;
    struct str token; /* the current one */
    size_t offset;
};
int liquid_lex_start(struct liquid_lexer *x, struct liquid *l, size_t from, size_t to) must_check;
int liquid_lex_next(struct liquid_lexer *x) must_check;
bool liquid_lex_is(const struct liquid_lexer *x, const char *sign_or_name);
int liquid_lex_end(struct liquid_lexer *x) must_check; /* refuses anything left */

/* expression.c */
int liquid_parse_expr(struct liquid_lexer *x, struct liquid_expr **ret) must_check;
int liquid_parse_pipeline(struct liquid_lexer *x, struct liquid_pipeline **ret) must_check;
int liquid_parse_condition(struct liquid_lexer *x, struct liquid_condition **ret_last) must_check;
int liquid_eval(struct liquid *l, const struct liquid_expr *e, struct json *ret) must_check;
int liquid_eval_pipeline(struct liquid *l, const struct liquid_pipeline *p,
                         struct json *ret) must_check;
int liquid_eval_condition(struct liquid *l, const struct liquid_condition *last,
                          bool *ret) must_check;
int liquid_equal(struct liquid *l, const struct liquid_expr *e, struct json left, struct json right,
                 bool *ret) must_check; /* e: the right side, for empty and blank; or NULL */
bool liquid_truthy(struct json v);      /* all but nil and false */
bool liquid_blank(struct json v);
/* Three-way order: numbers, texts, then all else; 0 between what has no order. */
int liquid_compare(struct json x, struct json y);
double liquid_number(struct json v); /* 0 for what is none */
size_t liquid_size(struct json v);   /* items, members or characters; 0 of all else */
/* A member of an object; size, first, last or a position of a list. Spends what finding it costs.
 */
int liquid_property(struct liquid *l, struct json v, struct str key, struct json *ret) must_check;

/* render.c */
int liquid_render_nodes(struct liquid *l, const struct liquid_node *node) must_check;

/* filters_list.c, filters_math.c, filters_text.c, filter_date.c: ended by {0} */
extern const struct liquid_filter liquid_list_filters[];
extern const struct liquid_filter liquid_math_filters[];
extern const struct liquid_filter liquid_text_filters[];
int liquid_date(struct liquid *l, struct json in, const struct json *args, size_t n_args,
                struct json *ret) must_check;
