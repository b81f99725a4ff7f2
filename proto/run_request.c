/* The tables of what the control plane sends to run a flow: the sender's request and the run
 * request around it. Only data; any thread. Bounds are what ingress lets through (a body of 6 MB,
 * header lines of h2o) with room, the whole message is bounded by MESSAGE_MAX_BYTES. */
#include "run_request.h"

#include "subjects.h"

#define NAME_MAX_BYTES KIB(4)
#define LINE_MAX_BYTES KIB(512) /* one header or request line */
#define HEADERS_MAX    1000

const char *const invoke_type_names[_INVOKE_TYPE_N] = {
    [INVOKE_WEBHOOK] = "WEBHOOK",
    [INVOKE_SCHEDULED] = "SCHEDULED",
    [INVOKE_CROSS_FLOW] = "CROSS_FLOW",
    [INVOKE_DEPLOY_FLOW] = "DEPLOY_FLOW",
    [INVOKE_TEAR_DOWN_FLOW] = "TEAR_DOWN_FLOW",
    [INVOKE_INTEGRATION_FLOW_TEST] = "INTEGRATION_FLOW_TEST",
    [INVOKE_INTEGRATION_ENDPOINT_TEST] = "INTEGRATION_ENDPOINT_TEST",
    [INVOKE_WEBHOOK_SNAPSHOT] = "WEBHOOK_SNAPSHOT",
    [INVOKE_AI_AGENT] = "AI_AGENT",
};

static const struct wire_field hook_request_fields[] = {
    WIRE_FIELD(1, struct hook_request, method, WIRE_STR, NAME_MAX_BYTES),
    WIRE_FIELD(2, struct hook_request, path_fragment, WIRE_STR, LINE_MAX_BYTES),
    WIRE_FIELD(3, struct hook_request, query, WIRE_STR, LINE_MAX_BYTES),
    WIRE_FIELD(4, struct hook_request, content_type, WIRE_STR, LINE_MAX_BYTES),
    WIRE_FIELD(5, struct hook_request, headers, WIRE_PAIRS, HEADERS_MAX),
    WIRE_FIELD(6, struct hook_request, body, WIRE_STR, MESSAGE_MAX_BYTES),
    WIRE_FIELD(7, struct hook_request, remote, WIRE_STR, NAME_MAX_BYTES),
    WIRE_FIELD(8, struct hook_request, invoked_by, WIRE_STR, LINE_MAX_BYTES),
    {0},
};
const struct wire_message hook_request_message = {
    .name = "hook_request",
    .version = 1,
    .size = sizeof(struct hook_request),
    .fields = hook_request_fields,
};

static const struct wire_field run_request_fields[] = {
    WIRE_FIELD(1, struct run_request, execution_id, WIRE_UUID, 0),
    WIRE_FIELD(2, struct run_request, attempt, WIRE_U32, 0),
    WIRE_FIELD(3, struct run_request, organization_id, WIRE_UUID, 0),
    WIRE_FIELD(4, struct run_request, customer_id, WIRE_UUID, 0),
    WIRE_FIELD(5, struct run_request, instance_id, WIRE_UUID, 0),
    WIRE_FIELD(6, struct run_request, flow_config_id, WIRE_UUID, 0),
    WIRE_FIELD(7, struct run_request, revision, WIRE_U64, 0),
    WIRE_FIELD(8, struct run_request, flow_name, WIRE_STR, NAME_MAX_BYTES),
    WIRE_FIELD(9, struct run_request, invoke_type, WIRE_U32, 0),
    WIRE_FIELD(10, struct run_request, accepted_ns, WIRE_I64, 0),
    WIRE_FIELD(11, struct run_request, dispatched_ns, WIRE_I64, 0),
    WIRE_FIELD(12, struct run_request, reply_to, WIRE_STR, NAME_MAX_BYTES),
    WIRE_FIELD(13, struct run_request, synchronous, WIRE_BOOL, 0),
    WIRE_FIELD(14, struct run_request, debug, WIRE_BOOL, 0),
    WIRE_FIELD(15, struct run_request, test, WIRE_BOOL, 0),
    WIRE_FIELD(16, struct run_request, traceparent, WIRE_STR, NAME_MAX_BYTES),
    WIRE_FIELD(17, struct run_request, request, WIRE_STR, MESSAGE_MAX_BYTES),
    WIRE_FIELD(18, struct run_request, recorded, WIRE_STR, MESSAGE_MAX_BYTES),
    WIRE_FIELD(19, struct run_request, queued, WIRE_BOOL, 0),
    {0},
};
const struct wire_message run_request_message = {
    .name = "run_request",
    .version = 1,
    .size = sizeof(struct run_request),
    .fields = run_request_fields,
};
