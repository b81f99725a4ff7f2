/* From a declarative action and its inputs to the parts of a request. */
#pragma once

#include "components/http/http_exchange.h"
#include "declarative/declarative_action.h"

struct declarative_call { /* one step */
    struct action_context *ctx;
    const struct declarative *component;
    const struct decl_action *action; /* NULL: of a trigger */
    const struct decl_fields *inputs;
    struct json fields, token;                /* of the connection; UNDEFINED without one */
    const struct decl_connection *connection; /* NULL = none */
};
/* Reads the connection, and refuses required inputs without a value. */
int declarative_call_init(struct declarative_call *call, struct action_context *ctx,
                          struct err *err) must_check;
/* A text with its names filled in. *ret_empty: it has names, and none of them a value. */
int declarative_text(struct declarative_call *call, const struct decl_text *text, struct str *ret,
                     bool *ret_empty, struct err *err) must_check;
/* The address with its query; paging puts its own parameters after it. */
int declarative_url(struct declarative_call *call, struct str *ret, struct err *err) must_check;
int declarative_headers(struct declarative_call *call, struct http_header_list *list,
                        struct err *err) must_check;
/* *ret_has is false without a body. Adds its Content-Type. */
int declarative_body(struct declarative_call *call, struct http_header_list *list, struct str *ret,
                     bool *ret_has, struct err *err) must_check;
/* The URL with one more parameter, in the arena. */
struct str declarative_add_query(struct arena *a, struct str url, const char *name,
                                 struct str value);
