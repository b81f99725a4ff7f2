/* /trigger/<id>[/fragment][?query]: the address of a flow of an instance, of an instance, or of an
 * integration that all its customers share. */
#pragma once

#include "str.h"
#include "uuid.h"

#define HOOK_PATH "/trigger/"

enum hook_url_kind { HOOK_URL_FLOW, HOOK_URL_INSTANCE, HOOK_URL_INTEGRATION, _HOOK_URL_KIND_N };
struct hook_url {
    enum hook_url_kind kind;
    struct uuid id;      /* of the flow config, the instance, the integration */
    struct str fragment; /* as sent, without the slash before it; "" = none */
    struct str query;    /* as sent, without '?' */
};
/* The id is base64 or base64url of "InstanceFlowConfig:<uuid>", "Instance:..." or
 * "Integration:...", padded or not; '=' and the like may be percent-encoded. False when it is
 * anything else. The strings point into `target`. */
bool hook_url_parse(struct str target, struct hook_url *ret);
