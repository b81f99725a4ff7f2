/* The dedupe id of a request. */
#pragma once

#include "expr/path.h"
#include "run_request.h"

/* SHA-256 of the value that the path finds in the request: headers, body.data, rawBody.data,
 * queryParameters or pathFragment as a trigger's payload has them. False when there is none,
 * null or "": such a request is like no other. */
bool dedupe_id(const struct path *path, const struct hook_request *request, uint8_t ret[32]);
