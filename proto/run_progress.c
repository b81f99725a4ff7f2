/* The table of a test run's progress. Only data; any thread. */
#include "run_progress.h"

#define LOGS_MAX 20000

static const struct wire_field run_progress_fields[] = {
    WIRE_FIELD(1, struct run_progress, execution_id, WIRE_UUID, 0),
    WIRE_FIELD(2, struct run_progress, attempt, WIRE_U32, 0),
    WIRE_FIELD(3, struct run_progress, organization_id, WIRE_UUID, 0),
    WIRE_FIELD(4, struct run_progress, instance_id, WIRE_UUID, 0),
    WIRE_FIELD(5, struct run_progress, flow_config_id, WIRE_UUID, 0),
    WIRE_FIELD(6, struct run_progress, first_step, WIRE_U32, 0),
    WIRE_FIELD(7, struct run_progress, steps, WIRE_STR, PROGRESS_STEPS_MAX),
    WIRE_FIELD(8, struct run_progress, first_log, WIRE_U32, 0),
    WIRE_FIELDS_OF(9, struct run_progress, logs, &result_log_message, LOGS_MAX),
    {0},
};
const struct wire_message run_progress_message = {
    .name = "run_progress",
    .version = 1,
    .size = sizeof(struct run_progress),
    .fields = run_progress_fields,
};
