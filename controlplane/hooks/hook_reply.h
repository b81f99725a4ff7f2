/* The fixed answer of a webhook trigger, as the definition gives it. */
#pragma once

#include "err.h"
#include "str.h"

#define HOOK_REPLY_MAX_HEADERS 32

struct hook_reply_header {
    struct str name, value;
};
struct hook_reply {
    int status;              /* 100..599; 200 by default */
    struct str content_type; /* "" = application/json */
    struct hook_reply_header headers[HOOK_REPLY_MAX_HEADERS];
    size_t n_headers;
    bool has_body; /* false: {"executionId"} */
    struct str body;
};
/* Reads {statusCode, contentType, headers, body} as stored with the flow: numbers may be texts,
 * headers an object or a list of {key, value}, a body that is not a text is sent as JSON. Unset or
 * empty means the default; headers that HTTP or the server forbids are left out. Memory in the
 * arena, which must outlive it. -EINVAL: not JSON, or not an object. */
int hook_reply_parse(struct arena *a, struct str json, struct hook_reply *ret,
                     struct err *err) must_check;
