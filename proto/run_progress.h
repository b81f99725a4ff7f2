/* worker -> control plane on leat.progress (core NATS): what a test run has done so far, so that it
 * can be watched. Messages may be lost; the run's result has everything again. */
#pragma once

#include "run_result.h"

#define PROGRESS_STEPS_MAX MIB(1) /* bytes of step results a message */

struct run_progress {
    struct uuid execution_id;
    uint32_t attempt;
    struct uuid organization_id, instance_id, flow_config_id;
    uint32_t first_step;   /* how many step results came before */
    struct str steps;      /* wire batch of step_result */
    uint32_t first_log;    /* how many log lines came before */
    struct wire_list logs; /* struct result_log */
};
extern const struct wire_message run_progress_message;
