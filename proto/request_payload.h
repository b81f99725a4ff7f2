/* A stored request as the JSON that references read: "payload.results.headers.x", ".body.data.y".
 * The only reader of requests: the worker builds the trigger's payload of it, ingress and the
 * recorder look values up in it. Nothing here fails: a body that is not what its content type says
 * stays text, or bytes. Strings point into the request or the arena. */
#pragma once

#include "expr/path.h"
#include "run_request.h"

/* Room for what the look-up of one value takes, of a request within the bounds of ingress. */
#define REQUEST_PAYLOAD_ROOM MIB(192)

/* headers, queryParameters, pathFragment, rawBody, body: in this order. */
#define REQUEST_PAYLOAD_MEMBERS 5
void request_payload(struct arena *a, const struct hook_request *request,
                     struct json_member ret[REQUEST_PAYLOAD_MEMBERS]);
/* The value of one reference into the payload; builds no more of it than the reference asks for.
 * Undefined when there is none. The arena has room for REQUEST_PAYLOAD_ROOM. */
struct json request_payload_get(struct arena *a, const struct hook_request *request,
                                const struct path *path);

/* A body by its content type: JSON, text, bytes, or the parts of multipart/form-data. */
struct json request_body(struct arena *a, struct str body, struct str content_type);
struct json request_multipart(struct arena *a, struct str body, struct str content_type);
