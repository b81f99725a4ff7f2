/* worker -> control plane, in batches on leat.result: the outcome of one run. The recorder commits
 * it idempotently: (execution, attempt) decides. */
#pragma once

#include "wire.h"

#define RETRY_MAX_ATTEMPTS      10
#define RETRY_MAX_DELAY_MINUTES 60
#define UNIQUE_REQUEST_ID_MAX   KIB(4)
#define ROUTE_VALUE_MAX         KIB(4)

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
    bool queued;             /* as the request said: recording it frees a place in a queue */
    /* How the flow is retried when this run failed; none for synchronous and test runs. */
    uint32_t retry_max; /* 0 = not at all */
    uint32_t retry_delay_minutes;
    bool retry_exponential;
    struct str unique_request_id; /* "" = none */
    bool streamed;                /* a test run: what is in here may have come as run_progress */
    /* Of a preprocess flow that succeeded: the event goes on to this flow, of this customer. */
    bool route;
    struct str route_flow;       /* "" = the only one that is left */
    struct str route_customer;   /* external id; of a shared integration */
    struct str route_flow_field; /* the references that gave them, for people */
    struct str route_customer_field;
    struct str reply_to; /* of a connection that waits for the answer; "" = none */
    struct str traceparent;
    struct wire_list values; /* struct value_ref: stored ahead and named by what is in here */
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
    /* Data too large for the message: `data` is empty and the value is stored (proto/value.h). */
    struct uuid value_id;
    uint64_t value_size;
    struct str content_type; /* of such data */
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
    struct uuid value_id; /* not nil: the body is stored as this value, its raw bytes */
};
extern const struct wire_message sync_reply_message;
