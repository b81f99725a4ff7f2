/* Messages that SNS sends to a webhook: checked, confirmed, and turned into a trigger's result. */
#pragma once

#include "components/component.h"

/* Whether the URL is one of SNS itself, or of the compatible service at `endpoint` ("" = none). */
bool sns_is_own_url(struct str url, struct str endpoint);
/* Checks the signature of a message with the certificate it names. -EBADMSG ("sns.signature"). */
int sns_verify(struct json message, struct str certificate_pem, struct err *err) must_check;

/* The perform of triggers: reads the payload's message, checks it, confirms a subscription, and
 * takes the branch Notification, Subscribe or (topics) Unsubscribe. Inputs: expectedTopicArn and
 * customEndpoint; with `topics` also parseMessage and acceptRawMessages. */
int sns_receive(struct action_context *ctx, bool topics, struct action_result *ret,
                struct err *err) must_check;

#define SNS_EXPECTED_TOPIC_INPUT                                                                   \
    {                                                                                              \
        .key = "expectedTopicArn", .label = "Topic ARN", .type = CATALOG_STRING,                   \
        .comments = "Accept messages of this topic only; of any topic when empty.",                \
        .example = "arn:aws:sns:us-west-2:123456789012:orders",                                    \
    }
#define SNS_ENDPOINT_INPUT                                                                         \
    {                                                                                              \
        .key = "customEndpoint", .label = "Custom Endpoint", .type = CATALOG_STRING,               \
        .comments = "Address of a compatible service whose messages are accepted instead of "      \
                    "Amazon's.",                                                                   \
        .example = "https://sns.example.com:9911",                                                 \
    }
