/* worker -> control plane, in batches on leat.result: the outcome of one run. The recorder commits
 * it idempotently: (execution, attempt) decides. */
#pragma once

#include "wire.h"

enum run_status { RUN_STATUS_NONE, RUN_SUCCEEDED, RUN_FAILED, _RUN_STATUS_N };

struct result_log {
    int64_t time_ns;
    uint32_t level; /* enum log_line_level of worker/components/component.h: TRACE 0 ... METRIC 6 */
    struct str step_name;
    struct str message; /* at most 4096 characters */
};
struct result_state {
    uint32_t scope;   /* 1 = flow ("instance"), 2 = cross-flow, 3 = integration */
    struct str store; /* MessagePack map: the whole store; "" when it was sent before, in parts */
    struct uuid upload_id;
    uint32_t n_parts; /* 0 = in `store` */
};
struct run_result {
    struct uuid execution_id;
    uint32_t attempt;
    struct uuid organization_id, instance_id, flow_config_id;
    uint32_t status;        /* enum run_status */
    struct str result_type; /* COMPLETED, ERROR, POLLED_NO_CHANGES, CANCELED_AS_DUPLICATE */
    int64_t accepted_ns, dispatched_ns, started_ns, ended_ns;
    struct str error;        /* words for people; "" = none */
    struct str error_step;   /* name of the failed step */
    uint32_t n_steps;        /* step results in `steps` */
    struct str steps;        /* LZ4 block of the step results batch (step_result_message) */
    uint32_t steps_size;     /* bytes before compression */
    struct wire_list logs;   /* struct result_log */
    struct wire_list states; /* struct result_state; only of a successful run */
};
extern const struct wire_message run_result_message;
extern const struct wire_message result_log_message;
extern const struct wire_message result_state_message;

/* One executed step, in order of execution; a wire batch of these makes run_result.steps. */
struct step_result {
    struct str name; /* display name */
    struct str key;  /* step key */
    struct str component, action;
    int64_t started_ns, ended_ns;
    struct str data;      /* MessagePack of {data, contentType} */
    struct str error;     /* "" = none */
    struct str branch;    /* branch taken */
    struct str loop_path; /* "outerLoop.3,innerLoop.0"; "" outside loops */
    uint32_t attempts;    /* 0 = one */
    bool skipped_data;    /* data was over the limit and left out */
};
extern const struct wire_message step_result_message;

/* LZ4 block compression of a step batch; decompression bounded by size (at most 512 MiB). */
void steps_compress(struct str steps, struct buf *to);
int steps_decompress(struct arena *a, struct str blob, size_t size, struct str *ret_steps,
                     struct err *err) must_check;

/* worker -> the waiting replica, on run_request.reply_to (core NATS, at once). */
struct sync_reply {
    struct uuid execution_id;
    uint32_t status_code; /* 200.. */
    struct str content_type;
    struct wire_pairs headers;
    struct str body;
};
extern const struct wire_message sync_reply_message;
