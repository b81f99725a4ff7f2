/* /trigger/<id>[/fragment][?query]: the address of a flow of an instance. */
#pragma once

#include "str.h"
#include "uuid.h"

#define HOOK_PATH "/trigger/"

struct hook_url {
    struct uuid flow_config_id;
    struct str fragment; /* as sent, without the slash before it; "" = none */
    struct str query;    /* as sent, without '?' */
};
/* The id is base64 or base64url of "InstanceFlowConfig:<uuid>", padded or not; '=' and the like may
 * be percent-encoded. False when it is anything else. The strings point into `target`. */
bool hook_url_parse(struct str target, struct hook_url *ret);
