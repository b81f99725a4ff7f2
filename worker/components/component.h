/* The contract between the engine and native components: descriptors are tables, an action is one
 * blocking C function. Everything a function allocates goes to the run's arena. */
#pragma once

#include "catalog.h"
#include "spill.h"

struct action_context; /* the engine's; see the accessors below */

/* What an action hands back. Zeroed before the call. */
struct action_result {
    struct json data; /* becomes step.results; bytes with a content type as {data, contentType} */
    const char *content_type; /* of binary data or a synchronous reply; NULL = none */
    int status_code;          /* for a reply; 0 = unset. Of a trigger that fails: its sender's */
    struct json headers;      /* for a reply; UNDEFINED = unset */
    struct json reply_body;   /* ACTION_REPLIES: UNDEFINED = {"executionId"} */
    const char *branch;       /* branching actions: the branch taken; NULL = none */
    bool break_loop;          /* leave the innermost loop */
    bool stop_execution;      /* end the execution successfully */
    const char *result_type;  /* triggers: "POLLED_NO_CHANGES"; NULL = completed */
};

/* Returns 0, or <0 with err filled: err.field names the input, err.message says what to do,
 * err.retryable tells whether running the step again can help. */
typedef int (*action_fn)(struct action_context *ctx, struct action_result *ret, struct err *err);

enum action_flags {
    ACTION_PURE = 0,
    ACTION_READS = 1 << 0,  /* reads something outside */
    ACTION_WRITES = 1 << 1, /* changes something outside */
    ACTION_TRIGGER = 1 << 2,
    ACTION_LOOP = 1 << 3,     /* the engine runs the body; perform returns the items or the count */
    ACTION_BRANCHES = 1 << 4, /* the result's branch picks what runs next */
    ACTION_BREAKS = 1 << 5,
    ACTION_STOPS = 1 << 6,
    ACTION_SCHEDULE = 1 << 7,          /* trigger: a schedule is allowed */
    ACTION_SCHEDULE_REQUIRED = 1 << 8, /* trigger: a schedule is required */
    ACTION_REPLIES = 1 << 9,           /* trigger: its result is what the sender is answered */
};

struct action_input {
    const char *key, *label;
    enum catalog_input_type type;
    enum catalog_collection collection;
    bool required;
    const char *fallback; /* default as text; NULL = none */
    const char *comments;
    const char *example;
    const char *const *choices; /* NULL-terminated; NULL = free */
};
struct action {
    const char *key, *label, *description;
    unsigned flags;
    const struct action_input *inputs;  /* ended by {0}; NULL = none */
    const char *example;                /* JSON text of an output; NULL = none */
    const char *const *static_branches; /* NULL-terminated; NULL = none */
    action_fn
        perform; /* NULL: the engine does it (loop, branch, stop); triggers: NULL = payload as is */
    const void *owner; /* of rows that are made at run time: for their perform */
};
struct component {
    const char *key, *label, *description, *category;
    int version;
    const struct action *actions; /* ended by {0} */
};

/* registry.c: the explicit table of all native components, sorted by key, ended by NULL. */
extern const struct component *const component_registry[];
const struct component *component_find(const char *key);
const struct action *component_action(const struct component *c, const char *key);

/* --- inputs: evaluated by the engine before perform; empty = the descriptor's default ----------
 */
struct arena *action_arena(struct action_context *ctx);
/* The evaluated value (default applied as text); UNDEFINED when unset and without default. */
struct json action_input(struct action_context *ctx, const char *key);
/* The row of the action that runs, for labels and defaults. */
const struct action *action_descriptor(struct action_context *ctx);
/* Fills err about an input, by label and key: `Numbers (numbers): ...`. Returns -EINVAL. */
int action_input_error(struct action_context *ctx, const char *key, struct err *err,
                       const char *fmt, ...) printf_like(4, 5);
/* Fails ("action.memory") when the run's arena has less than `bytes` left: asked before anything
 * whose size an input decides. */
int action_room(struct action_context *ctx, size_t bytes, struct err *err) must_check;
/* For results that may be large: what is gathered there stays out of memory. */
struct spill_set *action_spills(struct action_context *ctx);
/* Parses JSON text within the arena's room; -EINVAL as json_parse. */
int action_parse_json(struct action_context *ctx, struct str text, struct json *ret,
                      struct err *err) must_check;
/* The value as it is; a required input that is unset fails. The forms below check that too. */
int action_input_value(struct action_context *ctx, const char *key, struct json *ret,
                       struct err *err) must_check;
/* Coerced forms; a value that does not fit fails with the input's label and key in err. */
int action_input_text(struct action_context *ctx, const char *key, struct str *ret, struct err *err)
    must_check; /* strings as is, {data,contentType} its data, others as JSON text; unset = "" */
int action_input_number(struct action_context *ctx, const char *key, double *ret,
                        struct err *err) must_check; /* unset = NaN */
int action_input_int(struct action_context *ctx, const char *key, int64_t min, int64_t max,
                     int64_t *ret, struct err *err) must_check;
int action_input_bool(struct action_context *ctx, const char *key, bool *ret, struct err *err)
    must_check; /* true/t/yes/y/1 and false/f/no/n/0, any case; unset = false */
/* A list: arrays as is, JSON text of an array parsed, other values as a list of one; unset = []. */
int action_input_list(struct action_context *ctx, const char *key, struct json *ret,
                      struct err *err) must_check;
/* Key/value lists [{key, value}] and objects as one object; unset = {}. */
int action_input_object(struct action_context *ctx, const char *key, struct json *ret,
                        struct err *err) must_check;

/* --- surroundings ----------------------------------------------------------------------------- */
enum log_line_level {
    LINE_TRACE,
    LINE_DEBUG,
    LINE_INFO,
    LINE_WARN,
    LINE_ERROR,
    LINE_FATAL,
    LINE_METRIC,
    _LINE_LEVEL_N
};
void action_log(struct action_context *ctx, enum log_line_level level, struct str message);
/* The payload of the trigger (section "trigger results" of the definition format). */
struct json action_trigger_payload(struct action_context *ctx);
/* Where another flow of the instance is called; UNDEFINED: it has none of this name. */
struct json action_flow_url(struct action_context *ctx, struct str flow_name);
/* Nanoseconds (monotonic) at which the run must end; blocking calls must not wait past it. */
int64_t action_deadline(struct action_context *ctx);
/* Deterministic for (execution, step, iteration): sent as Idempotency-Key. */
const char *action_idempotency_key(struct action_context *ctx);
const char *action_traceparent(struct action_context *ctx);  /* W3C trace context; "" = none */
const char *action_execution_id(struct action_context *ctx); /* global id */
const char *action_flow_name(struct action_context *ctx);
const char *action_step_name(struct action_context *ctx);
const char *action_loop_path(struct action_context *ctx); /* "outer.3,inner.0"; "" = no loop */
/* Around anything that waits (sockets, sleep), so that the slot pool can run others meanwhile. */
void action_block_begin(struct action_context *ctx);
void action_block_end(struct action_context *ctx);
struct http_client;
struct http_client *action_http(struct action_context *ctx); /* the slot's handle */

#define STATE_MAX_BYTES MIB(64) /* all stores that an execution can write, together */
enum state_scope {
    STATE_EXECUTION,
    STATE_INSTANCE /* the flow's */,
    STATE_CROSS_FLOW,
    STATE_INTEGRATION,
    _STATE_SCOPE_N
};
/* Reads see this execution's own writes; they are kept only when the execution succeeds. */
int action_state_get(struct action_context *ctx, enum state_scope scope, struct str key,
                     struct json *ret, struct err *err) must_check; /* UNDEFINED = absent */
int action_state_set(struct action_context *ctx, enum state_scope scope, struct str key,
                     struct json value, struct err *err) must_check; /* UNDEFINED removes */
#define STATE_E_NOT_LIST 1
/* Appends to the list under key, made when there is nothing but null or "" yet, at the cost of the
 * items alone. *ret_list is a copy of the whole. STATE_E_NOT_LIST: something else is kept there. */
int action_state_append(struct action_context *ctx, enum state_scope scope, struct str key,
                        const struct json *items, size_t n, struct json *ret_list,
                        struct err *err) must_check;
int action_state_keys(struct action_context *ctx, enum state_scope scope, struct json *ret,
                      struct err *err) must_check; /* array of strings */
/* Bytes of the store as JSON; 2 when it is empty. */
int action_state_usage(struct action_context *ctx, enum state_scope scope, size_t *ret_bytes,
                       struct err *err) must_check;
int action_state_clear(struct action_context *ctx, enum state_scope scope,
                       struct err *err) must_check;
/* Recursive flows: the cursor of this execution. */
struct json action_cursor(struct action_context *ctx);
void action_set_cursor(struct action_context *ctx, struct json cursor);
