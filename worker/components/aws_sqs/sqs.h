/* What the files of the Amazon SQS component share. */
#pragma once

#include "components/aws/aws_inputs.h"
#include "components/aws/aws_request.h"

#define SQS_SESSION_INPUTS AWS_SESSION_INPUTS("awsConnection")
#define SQS_URL_INPUT                                                                              \
    {                                                                                              \
        .key = "url", .label = "Queue URL", .type = CATALOG_STRING, .required = true,              \
        .comments = "The queue, as Get a Queue's URL gives it. Without a region, its region is "   \
                    "called.",                                                                     \
        .example = "https://sqs.us-east-1.amazonaws.com/012345678900/orders",                      \
    }

/* Reads who asks and where, and begins the members of a call with the input url where the action
 * has it. */
int sqs_start(struct action_context *ctx, struct aws_session *ret, struct json_builder *ret_members,
              struct err *err) must_check;
/* Asks for all that is known of messages, with those members. */
void sqs_want_all(struct json_builder *members);
/* Sends a call; *ret is the answer, an object. */
int sqs_call(struct action_context *ctx, const struct aws_session *s, const char *call,
             struct json members, struct http_response *ret_r, struct json *ret,
             struct err *err) must_check;

extern const struct action_input sqs_poll_inputs[];
int sqs_send_message(struct action_context *ctx, struct action_result *ret, struct err *err);
int sqs_receive_messages(struct action_context *ctx, struct action_result *ret, struct err *err);
int sqs_delete_message(struct action_context *ctx, struct action_result *ret, struct err *err);
int sqs_create_queue(struct action_context *ctx, struct action_result *ret, struct err *err);
int sqs_create_dead_letter_queue(struct action_context *ctx, struct action_result *ret,
                                 struct err *err);
int sqs_delete_queue(struct action_context *ctx, struct action_result *ret, struct err *err);
int sqs_get_queue_url(struct action_context *ctx, struct action_result *ret, struct err *err);
int sqs_list_queues(struct action_context *ctx, struct action_result *ret, struct err *err);
int sqs_poll(struct action_context *ctx, struct action_result *ret, struct err *err);
