/* Which flow a call is for whose address serves several: of one instance, or of one integration
 * that all its customers share. */
#pragma once

#include "hooks/hook_index.h"
#include "run_request.h"

/* Why a call goes nowhere, and what PostgreSQL is asked before that is said: whether it knows more.
 * The question stands also where a flow was found, which may refuse the call. */
struct hook_route {
    int status;
    const char *code;
    struct err why;
    enum hook_url_kind ask_kind;
    struct uuid ask_id;
    struct str ask_customer; /* owned */
};
void hook_route_done(struct hook_route *r);

/* True: *ret_flow_config_id is to run. It is the preprocess flow's, with *ret_preprocesses, where
 * that one decides. False: *refusal says why; on the loop's thread. */
bool hook_route(struct hook_index *x, const struct hook_url *url,
                const struct hook_request *request, struct hook_route *refusal,
                struct uuid *ret_flow_config_id, bool *ret_preprocesses);
