/* The engine's own view of a run, shared by the files of this folder only. */
#pragma once

#include "engine/engine.h"

#define LOOP_DEPTH_MAX 64

/* What the steps of a list tell their caller: go on, leave the innermost loop, end well, end badly.
 */
enum flow_signal { FLOW_NEXT, FLOW_BREAK, FLOW_STOP, FLOW_FAIL };

struct scope_entry {
    struct json result; /* valid when has_result */
    struct json item;   /* loops: the current item; UNDEFINED outside */
    uint32_t index;     /* loops: of the current item */
    bool has_result, in_loop;
};

struct loop_frame {
    struct loop_frame *up;
    const char *key;
    uint32_t index;
};

/* Memory of one nesting level of loops: body is given back after each iteration; what must outlive
 * it is copied to spare, which then becomes carry. Made when first needed. */
struct loop_memory {
    struct arena *body, *carry, *spare;
};

struct log_entry {
    int64_t time_ns;
    uint32_t level;
    const char *step_name;
    size_t at, len; /* in log_text */
};
struct recorder {
    struct buf steps;   /* wire batch of step_result */
    struct buf data;    /* one step's data as MessagePack */
    struct buf message; /* one encoded step_result */
    struct buf log_text;
    struct log_entry *logs;
    uint32_t n_steps, n_steps_left_out;
    uint32_t n_logs, cap_logs, n_logs_left_out;
    struct value_ref *values; /* stored apart */
    uint32_t n_values, cap_values, values_said, value_timeouts;
    /* Of the step recorded last, where it is one run of bytes that is stored; raw.ptr NULL = not.
     */
    struct str raw;
    struct uuid raw_id;
    char raw_type[VALUE_TYPE_MAX];
};

/* What is kept for later attempts, and what earlier ones have left. */
struct unsaved {
    struct buf steps; /* wire batch of the step results since the last checkpoint */
    uint32_t first;   /* step results in the checkpoints so far */
    uint32_t n_steps;
    uint32_t n_logs; /* log lines in the checkpoints so far */
    bool keeps;      /* this run makes checkpoints */
    bool wrote;      /* a write has begun since the last one */
    bool lost;       /* another attempt has taken over */
};
struct resume {
    struct arena *arena;           /* of the parts at hand */
    struct checkpoint_parts parts; /* those not yet begun */
    struct str rest;               /* of the part at hand */
    struct str message;            /* the next step result, encoded; with has_next */
    struct step_result next;
    bool has_next;
    uint32_t taken; /* step results taken up, with the next one */
};

/* A list that has been appended to: room behind its items, in the store's arena. */
struct state_growing {
    struct json *items;
    uint32_t cap;
};

struct state_store {
    bool loaded, dirty;
    struct arena *arena;
    struct json_member *members;
    size_t n, cap;
    size_t bytes;                    /* live */
    struct state_growing growing[4]; /* the last ones */
    uint32_t next_growing;
};

struct engine_memory {
    struct arena *keep;
    struct loop_memory loops[LOOP_DEPTH_MAX];
    struct recorder recorder;
    struct unsaved unsaved;
    struct resume resume;
    struct spill_set spills; /* the run's large values */
    struct buf text;         /* scratch of template and text building; never across calls */
};

/* What the fields of the definition said. */
struct route_value {
    struct str field, value; /* "" = the definition has no such field */
};
struct run_route {
    struct route_value flow, customer;
};

struct run {
    const struct engine_env *env;
    struct engine_memory *memory;
    const struct run_request *request;
    struct hook_request hook;
    const struct instance *instance;
    const struct instance_flow *flow;
    struct arena *keep;        /* lives as long as the run */
    struct arena *scratch;     /* keep, or the body memory of the innermost loop */
    struct scope_entry *scope; /* by step index */
    struct loop_frame *loop;
    int loop_depth;
    struct recorder *recorder;
    struct state_store states[_STATE_SCOPE_N];
    uint64_t stored, fetched; /* bytes: what the instance has in all; what of it was read */
    struct json payload, cursor;
    const char *execution_id;        /* global id */
    int64_t started_ns, deadline_ns; /* wall clock; monotonic */
    const char *result_type;
    struct action_result last; /* of the step that ended last: a synchronous answer is made of it */
    bool replied;
    struct {
        uint32_t messages, steps, logs;
        size_t step_bytes;
        int64_t at_ns;
    } told;                /* progress.c */
    struct json simulated; /* a test's ready-made trigger result; UNDEFINED = none */
    struct err err;        /* why the run failed */
    bool stopped;          /* by a step, before the last one */
    bool routed;           /* route says where the event goes; the answer comes from there */
    bool misrouted;        /* err is about that */
    struct run_route route;
    const struct plan_step *failed_step;
};

struct action_context {
    struct run *run;
    const struct plan_step *step;
    struct json *values; /* by the step's plan_input; UNDEFINED = unset */
    char idempotency_key[UUID_TEXT_LEN + 1];
    char traceparent[64];
};

/* input.c */
int run_eval(struct run *run, const struct def_input *in, struct json *ret,
             struct err *err) must_check;
int run_eval_inputs(struct run *run, const struct plan_step *ps, struct json **ret_values,
                    struct err *err) must_check;

/* control.c: the engine's own actions */
int control_branch_expression(struct action_context *ctx, struct action_result *ret,
                              struct err *err) must_check;
int control_branch_value(struct action_context *ctx, struct action_result *ret,
                         struct err *err) must_check;

/* payload.c */
void payload_build(struct run *run);
/* A trigger's result as it is recorded: the keys of webhooks are masked. */
struct json payload_to_record(struct run *run, struct json payload);
/* What a test run was given as its trigger's result; UNDEFINED = nothing. */
struct json payload_simulated(struct run *run);

/* route.c: of a preprocess flow that has come to its end. */
int run_route(struct run *run, struct run_route *ret, struct err *err) must_check;

/* record.c */
void recorder_clear(struct recorder *r);
void recorder_done(struct recorder *r);
struct step_record {
    const struct plan_step *step;
    int64_t started_ns, ended_ns;
    struct json data;
    const char *content_type;
    const char *error, *branch; /* NULL = none */
    uint32_t attempts;
    bool left_out; /* there was more data than could be kept */
};
void run_record_step(struct run *run, const struct step_record *record);
/* Adds a line, but for what an earlier attempt has said while the run catches up with it. */
void run_log(struct run *run, enum log_line_level level, const char *step_name, struct str message);
/* Adds it in any case. */
void run_log_anew(struct run *run, enum log_line_level level, const char *step_name,
                  struct str message);
/* Adds a line of an earlier attempt, copied. */
void run_log_again(struct run *run, const struct result_log *line);
/* The lines from number `from` on, as they are sent; borrowed. ret has room; returns how many. */
size_t run_log_lines(const struct run *run, uint32_t from, struct result_log *ret);
/* Path of the iteration that runs now, "outer.3,inner.0"; in the run's text buffer. */
struct str run_loop_path(struct run *run);
/* Encodes the whole result; step data is left out where the message would be too large. */
void run_record_result(struct run *run, struct buf *to);

/* Appends a step result as an earlier attempt has recorded it. */
void run_record_again(struct run *run, struct str message);

/* value.c: what is too large for a message */
bool run_stores_values(const struct run *run);
/* Encodes {data, contentType} of a step into the recorder's data, which has `room`, or stores it
 * apart and names it in s; s->name and s->content_type are set. False: it is to be left out. */
bool run_encode_data(struct run *run, struct json whole, size_t room, struct step_result *s);
/* Stores the encoded s->data apart; false = it could not be. */
bool run_store_data(struct run *run, struct step_result *s);
/* Stores an answer's body; the content type is that of its later download. */
int run_store_answer(struct run *run, struct str body, const char *content_type,
                     struct uuid *ret_id, struct err *err) must_check;
/* What an earlier attempt has stored; the bytes live as long as the scratch memory. */
int run_read_value(struct run *run, const struct step_result *was, struct str *ret,
                   struct err *err) must_check;
/* The run's result names the value of such a step, too. */
void run_keep_value(struct run *run, const struct step_result *s);
/* The type under which bytes and texts are downloaded. */
const char *run_raw_type(struct json data, const char *content_type);

/* checkpoint.c */
int checkpoint_begin(struct run *run, struct err *err) must_check;
void checkpoint_end(struct engine_memory *m);
/* Adds an encoded step result to what is not stored yet. */
void checkpoint_add(struct run *run, struct str message);
/* To be called before a step runs: what was done before a write is stored first. */
int checkpoint_before(struct run *run, const struct plan_step *ps, struct err *err) must_check;
/* What an earlier attempt has recorded of this step in this iteration, if that comes next. */
const struct step_result *resume_next(struct run *run, const struct plan_step *ps);
/* Whether the step need not run: its effect is outside, and the recorded result is whole. */
bool resume_skips(const struct plan_step *ps, const struct step_result *was);
/* Sets data, content type and branch to what was recorded. */
int resume_result(struct run *run, const struct step_result *was, struct action_result *result,
                  struct err *err) must_check;
void resume_advance(struct run *run);
/* progress.c */
bool run_is_told(const struct run *run);
void run_tell_progress(struct run *run);

/* state.c */
void state_done(struct run *run);
/* Adds the changed stores as MessagePack, in the keep arena; those too large for a result are sent
 * ahead in parts, which may fail. */
int state_collect(struct run *run, struct wire_list *ret_states, size_t *ret_bytes,
                  struct err *err) must_check;

/* reply.c */
/* The trigger is done; a caller who waits for its answer gets it. */
void run_reply_trigger(struct run *run, const struct action_result *result);
/* The trigger failed and ends the run: its caller gets the status it set, or 500. */
void run_reply_refusal(struct run *run, const struct action_result *result, const char *error);
void run_reply_end(struct run *run);
