/* The tables of what the control plane sends to run a flow: the sender's request and the run
 * request around it. Only data; any thread. Bounds are what ingress lets through (a body of 6 MB,
 * header lines of h2o) with room, the whole message is bounded by MESSAGE_MAX_BYTES. Requests of
 * common sizes are packed: a row and a message of half the size cost PostgreSQL and NATS far more
 * time than LZ4 takes. Larger ones are left to PostgreSQL, so that no loop is held up by them. */
#include "run_request.h"

#include <lz4.h>

#include "subjects.h"

#define NAME_MAX_BYTES KIB(4)
#define LINE_MAX_BYTES KIB(512) /* one header or request line */
#define HEADERS_MAX    1000
#define PACKED_VERSION 2
#define PACK_LEAST     256 /* bytes of a message; below there is nothing to gain */
#define PACK_MOST      KIB(64)
#define PACK_HEAD      5 /* version and size */

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

static void put_head(char *at, size_t size)
{
    at[0] = PACKED_VERSION;
    for (size_t i = 1; i < PACK_HEAD; i++) {
        at[i] = (char)(uint8_t)(size >> (8 * (i - 1)));
    }
}

static size_t size_of_head(struct str bytes)
{
    size_t size = 0;
    for (size_t i = PACK_HEAD - 1; i > 0; i--) {
        size = size << 8 | (uint8_t)bytes.ptr[i];
    }
    return size;
}

void hook_request_encode(const struct hook_request *request, struct buf *to)
{
    size_t from = to->len;
    wire_encode(&hook_request_message, request, to);
    size_t size = to->len - from;
    if (to->full || size < PACK_LEAST || size > PACK_MOST || request->invoked_by.len) {
        return;
    }
    int room = (int)(size - size / 8);
    char *packed = buf_reserve(to, PACK_HEAD + (size_t)room);
    if (!packed) {
        to->full = false; /* it stands as it is */
        return;
    }
    int len = LZ4_compress_default(to->data + from, packed + PACK_HEAD, (int)size, room);
    if (len > 0) {
        put_head(packed, size);
        memmove(to->data + from, packed, PACK_HEAD + (size_t)len);
        to->len = from + PACK_HEAD + (size_t)len;
    }
    to->data[to->len] = '\0';
}

int hook_request_decode(struct arena *a, struct str bytes, struct hook_request *ret,
                        struct err *err)
{
    if (bytes.len > PACK_HEAD && bytes.ptr[0] == PACKED_VERSION) {
        size_t size = size_of_head(bytes);
        if (size < PACK_LEAST || size > PACK_MOST || size + KIB(1) > arena_room(a)) {
            return err_set(err, -EINVAL, "wire.too_large", "The request is over its bounds.");
        }
        char *message = arena_alloc(a, size);
        if (LZ4_decompress_safe(bytes.ptr + PACK_HEAD, message, (int)(bytes.len - PACK_HEAD),
                                (int)size) != (int)size) {
            return err_set(err, -EINVAL, "wire.malformed", "The request is malformed.");
        }
        bytes = str_n(message, size);
    }
    return wire_decode(&hook_request_message, a, bytes, ret, err);
}

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
    WIRE_FIELD(18, struct run_request, queued, WIRE_BOOL, 0),
    WIRE_FIELD(19, struct run_request, preprocess, WIRE_BOOL, 0),
    WIRE_FIELD(20, struct run_request, reply_id, WIRE_UUID, 0),
    {0},
};
const struct wire_message run_request_message = {
    .name = "run_request",
    .version = 1,
    .size = sizeof(struct run_request),
    .fields = run_request_fields,
};
