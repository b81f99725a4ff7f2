/* Results of triggers that are the payload with another body. */
#pragma once

#include "components/component.h"

/* The payload with this as its body's data; the body's content type stays. */
struct json trigger_payload_with(struct action_context *ctx, struct json data);
/* What a trigger that asks on a schedule gives: the same, and whether anything was found. */
void trigger_payload_polled(struct action_context *ctx, struct json data, bool found,
                            struct action_result *ret);
