/* The Query protocol of SNS and STS: a form of parameters, answered with XML. */
#pragma once

#include "components/aws/aws_request.h"

/* The form of one call while it is gathered. */
struct aws_form {
    struct buf text;
};
void aws_form_init(struct aws_form *f, const char *action, const char *version);
void aws_form_done(struct aws_form *f);
DEFINE_DONE(struct aws_form, aws_form_done)
void aws_form_add(struct aws_form *f, const char *name, struct str value);
void aws_form_add_if(struct aws_form *f, const char *name, struct str value); /* unless empty */

/* Sends the form; *ret is the content of the answer's <...Result>, an object. */
int aws_query_send(struct action_context *ctx, const struct aws_session *s,
                   enum aws_service service, const struct aws_form *f, struct http_response *ret_r,
                   struct json *ret, struct err *err) must_check;
