/* Calls of flows of the same instance through their webhook URLs: shared by cross-flow and
 * recursive-flow. */
#pragma once

#include "components/component.h"

/* POSTs `data` to the flow, with the lineage headers of this execution and the flow's first API
 * key. *ret is the reply: JSON where it parses, otherwise text. own_url names where else to look
 * for the URL of the flow itself; NULL = nowhere. input is the key to name in errors about the
 * flow. */
int flow_call(struct action_context *ctx, struct str flow_name, const char *own_url,
              const char *input, const char *action_key, struct json data, struct json *ret,
              struct err *err) must_check;
