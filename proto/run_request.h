/* control plane -> worker, in batches on leat.run.<pool>: run one flow once. */
#pragma once

#include "wire.h"

enum invoke_type {
    INVOKE_WEBHOOK,
    INVOKE_SCHEDULED,
    INVOKE_CROSS_FLOW,
    INVOKE_DEPLOY_FLOW,
    INVOKE_TEAR_DOWN_FLOW,
    INVOKE_INTEGRATION_FLOW_TEST,
    INVOKE_INTEGRATION_ENDPOINT_TEST,
    INVOKE_WEBHOOK_SNAPSHOT,
    INVOKE_AI_AGENT,
    _INVOKE_TYPE_N
};
extern const char *const invoke_type_names[_INVOKE_TYPE_N]; /* "WEBHOOK" ... */

/* What the sender sent; also the bytes stored with the accepted execution. */
struct hook_request {
    struct str method;
    struct str path_fragment;
    struct str query; /* raw, without '?' */
    struct str content_type;
    struct wire_pairs headers; /* case as sent; Api-Key left out */
    struct str body;
    struct str remote;     /* peer address */
    struct str invoked_by; /* JSON execution frame of the caller; "" = none */
};
extern const struct wire_message hook_request_message;
/* The form in which it is stored and sent: the message, or, where that is smaller, version 2 of it:
 * the message's size (4 bytes, little-endian) and an LZ4 block. One with a caller is never packed,
 * so that PostgreSQL finds the caller (leat_invoked_by). A request over its bounds sets
 * to->full and adds nothing. Decoding takes both; what is read points into `bytes` or the arena.
 * Errors as wire_decode. */
void hook_request_encode(const struct hook_request *request, struct buf *to);
int hook_request_decode(struct arena *a, struct str bytes, struct hook_request *ret,
                        struct err *err) must_check;

struct run_request {
    struct uuid execution_id;
    uint32_t attempt; /* 1.. ; raised when a lost run is taken over */
    struct uuid organization_id, customer_id, instance_id, flow_config_id;
    uint64_t revision; /* of the instance; the worker fetches (instance, revision) once */
    struct str flow_name;
    uint32_t invoke_type; /* enum invoke_type */
    int64_t accepted_ns;  /* since the epoch */
    int64_t dispatched_ns;
    struct str reply_to; /* core NATS subject of a waiting connection; "" = none */
    bool synchronous;    /* reply_to gets the flow's answer, not only the trigger's */
    bool debug, test;
    struct str traceparent;
    struct str request;   /* by hook_request_encode */
    bool queued;          /* it has a place in a queue, which its result frees */
    bool preprocess;      /* its result says where the event goes: run_result.route_* */
    struct uuid reply_id; /* the execution that reply_to's connection waits for; nil = this one */
};
extern const struct wire_message run_request_message;

/* execution.flags */
enum {
    EXECUTION_TEST = 1,
    EXECUTION_DEBUG = 2,
    EXECUTION_SYNCHRONOUS = 4,
    EXECUTION_PREPROCESS = 8, /* run_request.preprocess */
};
