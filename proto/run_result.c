/* The tables of a run's outcome, of its step results and of the answer to a waiting connection,
 * and the LZ4 block form of a step batch. Any thread; no state. Decompression refuses a size that
 * no LZ4 block of the given length can reach before it allocates anything. */
#include "run_result.h"

#include "subjects.h"
#include "value.h"

#include <lz4.h>

#define NAME_MAX_BYTES   KIB(4)
#define WORDS_MAX_BYTES  KIB(64)
#define LOG_MAX_BYTES    (4 * 4096) /* 4,096 characters */
#define LOGS_MAX         20000
#define STATES_MAX       8
#define HEADERS_MAX      1000
#define HEADER_MAX_BYTES KIB(512)
#define STEPS_MAX_BYTES  MIB(512)
#define LZ4_RATIO_MAX    255 /* one byte of a block gives at most so many */

static const struct wire_field result_log_fields[] = {
    WIRE_FIELD(1, struct result_log, time_ns, WIRE_I64, 0),
    WIRE_FIELD(2, struct result_log, level, WIRE_U32, 0),
    WIRE_FIELD(3, struct result_log, step_name, WIRE_STR, NAME_MAX_BYTES),
    WIRE_FIELD(4, struct result_log, message, WIRE_STR, LOG_MAX_BYTES),
    {0},
};
const struct wire_message result_log_message = {
    .name = "result_log",
    .version = 1,
    .size = sizeof(struct result_log),
    .fields = result_log_fields,
};

static const struct wire_field result_state_fields[] = {
    WIRE_FIELD(1, struct result_state, scope, WIRE_U32, 0),
    WIRE_FIELD(2, struct result_state, store, WIRE_STR, MESSAGE_MAX_BYTES),
    WIRE_FIELD(3, struct result_state, upload_id, WIRE_UUID, 0),
    WIRE_FIELD(4, struct result_state, n_parts, WIRE_U32, 0),
    {0},
};
const struct wire_message result_state_message = {
    .name = "result_state",
    .version = 1,
    .size = sizeof(struct result_state),
    .fields = result_state_fields,
};

static const struct wire_field run_result_fields[] = {
    WIRE_FIELD(1, struct run_result, execution_id, WIRE_UUID, 0),
    WIRE_FIELD(2, struct run_result, attempt, WIRE_U32, 0),
    WIRE_FIELD(3, struct run_result, organization_id, WIRE_UUID, 0),
    WIRE_FIELD(4, struct run_result, instance_id, WIRE_UUID, 0),
    WIRE_FIELD(5, struct run_result, flow_config_id, WIRE_UUID, 0),
    WIRE_FIELD(6, struct run_result, status, WIRE_U32, 0),
    WIRE_FIELD(7, struct run_result, result_type, WIRE_STR, NAME_MAX_BYTES),
    WIRE_FIELD(8, struct run_result, accepted_ns, WIRE_I64, 0),
    WIRE_FIELD(9, struct run_result, dispatched_ns, WIRE_I64, 0),
    WIRE_FIELD(10, struct run_result, started_ns, WIRE_I64, 0),
    WIRE_FIELD(11, struct run_result, ended_ns, WIRE_I64, 0),
    WIRE_FIELD(12, struct run_result, error, WIRE_STR, WORDS_MAX_BYTES),
    WIRE_FIELD(13, struct run_result, error_step, WIRE_STR, NAME_MAX_BYTES),
    WIRE_FIELD(14, struct run_result, n_steps, WIRE_U32, 0),
    WIRE_FIELD(15, struct run_result, steps, WIRE_STR, MESSAGE_MAX_BYTES),
    WIRE_FIELD(16, struct run_result, steps_size, WIRE_U32, 0),
    WIRE_FIELDS_OF(17, struct run_result, logs, &result_log_message, LOGS_MAX),
    WIRE_FIELDS_OF(18, struct run_result, states, &result_state_message, STATES_MAX),
    WIRE_FIELD(19, struct run_result, queued, WIRE_BOOL, 0),
    WIRE_FIELD(20, struct run_result, retry_max, WIRE_U32, 0),
    WIRE_FIELD(21, struct run_result, retry_delay_minutes, WIRE_U32, 0),
    WIRE_FIELD(22, struct run_result, retry_exponential, WIRE_BOOL, 0),
    WIRE_FIELD(23, struct run_result, unique_request_id, WIRE_STR, UNIQUE_REQUEST_ID_MAX),
    WIRE_FIELD(24, struct run_result, streamed, WIRE_BOOL, 0),
    WIRE_FIELD(25, struct run_result, route, WIRE_BOOL, 0),
    WIRE_FIELD(26, struct run_result, route_flow, WIRE_STR, ROUTE_VALUE_MAX),
    WIRE_FIELD(27, struct run_result, route_customer, WIRE_STR, ROUTE_VALUE_MAX),
    WIRE_FIELD(28, struct run_result, route_flow_field, WIRE_STR, 2 * ROUTE_VALUE_MAX),
    WIRE_FIELD(29, struct run_result, route_customer_field, WIRE_STR, 2 * ROUTE_VALUE_MAX),
    WIRE_FIELD(30, struct run_result, reply_to, WIRE_STR, NAME_MAX_BYTES),
    WIRE_FIELD(31, struct run_result, traceparent, WIRE_STR, NAME_MAX_BYTES),
    WIRE_FIELDS_OF(32, struct run_result, values, &value_ref_message, VALUES_OF_RUN_MAX),
    {0},
};
const struct wire_message run_result_message = {
    .name = "run_result",
    .version = 1,
    .size = sizeof(struct run_result),
    .fields = run_result_fields,
};

static const struct wire_field step_result_fields[] = {
    WIRE_FIELD(1, struct step_result, name, WIRE_STR, NAME_MAX_BYTES),
    WIRE_FIELD(2, struct step_result, key, WIRE_STR, NAME_MAX_BYTES),
    WIRE_FIELD(3, struct step_result, component, WIRE_STR, NAME_MAX_BYTES),
    WIRE_FIELD(4, struct step_result, action, WIRE_STR, NAME_MAX_BYTES),
    WIRE_FIELD(5, struct step_result, started_ns, WIRE_I64, 0),
    WIRE_FIELD(6, struct step_result, ended_ns, WIRE_I64, 0),
    WIRE_FIELD(7, struct step_result, data, WIRE_STR, STEPS_MAX_BYTES),
    WIRE_FIELD(8, struct step_result, error, WIRE_STR, WORDS_MAX_BYTES),
    WIRE_FIELD(9, struct step_result, branch, WIRE_STR, NAME_MAX_BYTES),
    WIRE_FIELD(10, struct step_result, loop_path, WIRE_STR, WORDS_MAX_BYTES),
    WIRE_FIELD(11, struct step_result, attempts, WIRE_U32, 0),
    WIRE_FIELD(12, struct step_result, skipped_data, WIRE_BOOL, 0),
    WIRE_FIELD(13, struct step_result, value_id, WIRE_UUID, 0),
    WIRE_FIELD(14, struct step_result, value_size, WIRE_U64, 0),
    WIRE_FIELD(15, struct step_result, content_type, WIRE_STR, NAME_MAX_BYTES),
    {0},
};
const struct wire_message step_result_message = {
    .name = "step_result",
    .version = 1,
    .size = sizeof(struct step_result),
    .fields = step_result_fields,
};

static const struct wire_field sync_reply_fields[] = {
    WIRE_FIELD(1, struct sync_reply, execution_id, WIRE_UUID, 0),
    WIRE_FIELD(2, struct sync_reply, status_code, WIRE_U32, 0),
    WIRE_FIELD(3, struct sync_reply, content_type, WIRE_STR, HEADER_MAX_BYTES),
    WIRE_FIELD(4, struct sync_reply, headers, WIRE_PAIRS, HEADERS_MAX),
    WIRE_FIELD(5, struct sync_reply, body, WIRE_STR, MESSAGE_MAX_BYTES),
    WIRE_FIELD(6, struct sync_reply, value_id, WIRE_UUID, 0),
    {0},
};
const struct wire_message sync_reply_message = {
    .name = "sync_reply",
    .version = 1,
    .size = sizeof(struct sync_reply),
    .fields = sync_reply_fields,
};

void steps_compress(struct str steps, struct buf *to)
{
    if (steps.len == 0) {
        return;
    }
    if (steps.len > STEPS_MAX_BYTES) {
        to->full = true;
        return;
    }
    size_t room = MIN((size_t)LZ4_compressBound((int)steps.len), to->max - to->len);
    char *at = buf_reserve(to, room);
    if (!at) {
        return;
    }
    int len = LZ4_compress_default(steps.ptr, at, (int)steps.len, (int)room);
    to->full = len <= 0;
    to->len += (size_t)MAX(len, 0);
    to->data[to->len] = '\0';
}

int steps_decompress(struct arena *a, struct str blob, size_t size, struct str *ret_steps,
                     struct err *err)
{
    if (size == 0 && blob.len == 0) {
        *ret_steps = str_n("", 0);
        return 0;
    }
    if (size > STEPS_MAX_BYTES || blob.len > STEPS_MAX_BYTES || size + KIB(1) > arena_room(a)) {
        return err_set(err, -EINVAL, "wire.too_large",
                       "The step results are over their bounds: %zu bytes.", size);
    }
    if (size == 0 || size / LZ4_RATIO_MAX > blob.len) {
        return err_set(err, -EINVAL, "wire.malformed", "The step results are malformed.");
    }
    char *steps = arena_alloc(a, size);
    if (LZ4_decompress_safe(blob.ptr, steps, (int)blob.len, (int)size) != (int)size) {
        return err_set(err, -EINVAL, "wire.malformed", "The step results are malformed.");
    }
    *ret_steps = str_n(steps, size);
    return 0;
}
