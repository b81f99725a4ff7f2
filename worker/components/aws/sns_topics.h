/* Actions on SNS topics, shared by the SNS and the S3 component, whose inputs have other names. The
 * connection is the input awsConnection. */
#pragma once

#include "components/aws/aws_query.h"

#define SNS_VERSION "2010-03-31"

/* Reads who asks and where, and sends the form; the result is the answer. */
int sns_send(struct action_context *ctx, const struct aws_form *f, struct action_result *ret,
             struct err *err) must_check;
/* Adds the ARN of an input under that name; -EINVAL when it does not look like one. */
int sns_add_arn(struct action_context *ctx, struct aws_form *f, const char *name, const char *key,
                struct err *err) must_check;

int sns_create_topic(struct action_context *ctx, const char *name_key, struct action_result *ret,
                     struct err *err) must_check;
int sns_subscribe(struct action_context *ctx, const char *topic_key, struct str protocol,
                  struct str endpoint, struct action_result *ret, struct err *err) must_check;
int sns_unsubscribe(struct action_context *ctx, const char *key, struct action_result *ret,
                    struct err *err) must_check;
int sns_set_attribute(struct action_context *ctx, const char *topic_key, const char *attribute,
                      struct str value, struct action_result *ret, struct err *err) must_check;
