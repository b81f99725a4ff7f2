/* Describes the universal webhook. The control plane accepts the call and sends the fixed reply
 * that the inputs describe; the payload is the trigger's result, so there is no code here. */
#include "components/registry.h"

static const struct action_input webhook_inputs[] = {
    {
        .key = "statusCode",
        .label = "Response Status Code",
        .type = CATALOG_NUMBER,
        .comments = "HTTP status of the reply; 200 when empty.",
        .example = "202",
    },
    {
        .key = "contentType",
        .label = "Response Content Type",
        .type = CATALOG_STRING,
        .comments = "Content type of the reply; application/json when empty.",
        .example = "text/plain",
    },
    {
        .key = "headers",
        .label = "Response Headers",
        .type = CATALOG_STRING,
        .collection = CATALOG_KEY_VALUE_LIST,
        .comments = "More headers of the reply.",
    },
    {
        .key = "body",
        .label = "Response Body",
        .type = CATALOG_TEXT,
        .comments = "Body of the reply; the id of the new execution, as JSON, when empty.",
        .example = "accepted",
    },
    {0},
};

static const struct action actions[] = {
    {
        .key = "webhook",
        .label = "Webhook",
        .description = "Starts the flow when its webhook URL is called.",
        .flags = ACTION_TRIGGER,
        .inputs = webhook_inputs,
        .example = "{\"headers\": {\"Content-Type\": \"application/json\"}, \"body\": {\"data\": "
                   "{\"id\": 1}, \"contentType\": \"application/json\"}, \"queryParameters\": {}, "
                   "\"pathFragment\": \"\"}",
    },
    {0},
};

const struct component component_webhook_triggers = {
    .key = "webhook-triggers",
    .label = "Webhook Triggers",
    .description = "Start flows by HTTP requests.",
    .category = "Triggers",
    .version = 1,
    .actions = actions,
};
