/* Owns the description of the SQS component: its trigger, its actions and their inputs. Constant
 * data; what they do is in the other files of this folder. */
#include "components/aws_sqs/sqs.h"
#include "components/registry.h"

/* --- inputs --------------------------------------------------------------------------------------
 */

#define SESSION SQS_SESSION_INPUTS
#define URL     SQS_URL_INPUT
#define NAME(l)                                                                                    \
    {                                                                                              \
        .key = "name", .label = (l), .type = CATALOG_STRING, .required = true,                     \
        .comments = "1 to 80 letters, digits, - and _; a FIFO queue's ends with .fifo.",           \
        .example = "orders",                                                                       \
    }
#define KIND_INPUTS                                                                                \
    {                                                                                              \
        .key = "isFifo",                                                                           \
        .label = "FIFO Queue",                                                                     \
        .type = CATALOG_BOOLEAN,                                                                   \
        .fallback = "false",                                                                       \
        .comments = "Messages stay in order and arrive once.",                                     \
    },                                                                                             \
        {                                                                                          \
            .key = "contentBasedDeduplication",                                                    \
            .label = "Content Based Deduplication",                                                \
            .type = CATALOG_BOOLEAN,                                                               \
            .fallback = "false",                                                                   \
            .comments = "In a FIFO queue, equal messages within 5 minutes count as one.",          \
        },                                                                                         \
    {                                                                                              \
        .key = "tags", .label = "Tags", .type = CATALOG_STRING,                                    \
        .collection = CATALOG_KEY_VALUE_LIST, .comments = "Up to 50 tags.",                        \
    }

static const struct action_input send_inputs[] = {
    URL,
    {
        .key = "message",
        .label = "Message",
        .type = CATALOG_TEXT,
        .required = true,
        .comments = "What to send; objects and lists are sent as JSON.",
        .example = "{\"order\": 17}",
    },
    {
        .key = "messageGroupId",
        .label = "Message Group Id",
        .type = CATALOG_STRING,
        .comments = "In a FIFO queue, messages of one group stay in order.",
    },
    {
        .key = "messageDeduplicationId",
        .label = "Message deduplication ID",
        .type = CATALOG_STRING,
        .comments = "In a FIFO queue, messages of one id within 5 minutes count as one.",
    },
    {
        .key = "attributes",
        .label = "Attributes",
        .type = CATALOG_STRING,
        .collection = CATALOG_KEY_VALUE_LIST,
        .comments = "Up to 10 attributes of the message, sent as texts.",
    },
    {
        .key = "delaySeconds",
        .label = "Delay Seconds",
        .type = CATALOG_NUMBER,
        .comments = "How long nobody gets the message, up to 900; as the queue says when empty.",
    },
    SESSION,
    {0},
};
static const struct action_input receive_inputs[] = {
    URL,
    {
        .key = "maxNumber",
        .label = "Max Messages",
        .type = CATALOG_NUMBER,
        .fallback = "1",
        .comments = "How many messages at most, 1 to 10.",
    },
    {
        .key = "waitTime",
        .label = "Wait Time (seconds)",
        .type = CATALOG_NUMBER,
        .comments = "How long to wait for the first one, up to 20; as the queue says when empty.",
    },
    SESSION,
    {0},
};
static const struct action_input delete_inputs[] = {
    URL,
    {
        .key = "receiptHandle",
        .label = "Receipt Handle",
        .type = CATALOG_STRING,
        .required = true,
        .comments = "ReceiptHandle of the message that was received.",
    },
    SESSION,
    {0},
};
static const struct action_input queue_inputs[] = {URL, SESSION, {0}};
static const struct action_input name_inputs[] = {NAME("Name"), SESSION, {0}};
static const struct action_input create_inputs[] = {NAME("Name"), KIND_INPUTS, SESSION, {0}};
static const struct action_input dead_letter_inputs[] = {
    NAME("Main Queue Name"),
    {
        .key = "dlqName",
        .label = "Dead Letter Queue Name",
        .type = CATALOG_STRING,
        .required = true,
        .comments = "The queue that gets messages which were received too often.",
        .example = "orders-failed",
    },
    {
        .key = "maxReceiveCount",
        .label = "Max Receive Count",
        .type = CATALOG_NUMBER,
        .required = true,
        .fallback = "5",
        .comments = "How often a message is received before it goes there, 1 to 1000.",
    },
    KIND_INPUTS,
    SESSION,
    {0},
};
static const struct action_input list_inputs[] = {
    {
        .key = "prefix",
        .label = "Queue Prefix",
        .type = CATALOG_STRING,
        .comments = "Only queues whose names begin so; all when empty.",
    },
    {
        .key = "maxResults",
        .label = "Max Results",
        .type = CATALOG_NUMBER,
        .comments = "How many queues a page holds, 1 to 1000.",
    },
    {
        .key = "nextToken",
        .label = "Next Token",
        .type = CATALOG_STRING,
        .comments = "NextToken of the page before; the first page when empty.",
    },
    {
        .key = "fetchAll",
        .label = "Fetch All",
        .type = CATALOG_BOOLEAN,
        .fallback = "false",
        .comments = "List all pages; the two inputs above are then ignored.",
    },
    SESSION,
    {0},
};

/* --- the component -------------------------------------------------------------------------------
 */

#define META  "\"$metadata\": {\"httpStatusCode\": 200, \"requestId\": \"4442587FB7D0A2F9\"}"
#define QUEUE "\"QueueUrl\": \"https://sqs.us-east-1.amazonaws.com/012345678900/orders\""

static const struct action actions[] = {
    {
        .key = "pollMessagesTrigger",
        .label = "New Messages",
        .description = "Asks a queue for messages on a schedule, up to 1000 at once, and starts "
                       "the flow with those it was not given before. They stay in the queue until "
                       "they are deleted.",
        .flags = ACTION_TRIGGER | ACTION_READS | ACTION_WRITES | ACTION_SCHEDULE |
                 ACTION_SCHEDULE_REQUIRED,
        .inputs = sqs_poll_inputs,
        .example = "{\"body\": {\"data\": [{\"MessageId\": "
                   "\"5fea7756-0ea4-451a-a703-a558b933e274\", \"ReceiptHandle\": "
                   "\"MbZj6wDWli+JvwwJ\", \"Body\": \"{}\"}]}}",
        .perform = sqs_poll,
    },
    {
        .key = "sendMessage",
        .label = "Send Message",
        .description = "Sends a message to a queue.",
        .flags = ACTION_WRITES,
        .inputs = send_inputs,
        .example = "{" META ", \"MD5OfMessageBody\": \"05e891701cde4c383b66f46a7b9a808c\", "
                   "\"MessageId\": \"5fea7756-0ea4-451a-a703-a558b933e274\"}",
        .perform = sqs_send_message,
    },
    {
        .key = "receiveMessages",
        .label = "Receive Messages",
        .description = "Receives messages of a queue. They come again unless they are deleted.",
        .flags = ACTION_READS | ACTION_WRITES,
        .inputs = receive_inputs,
        .example =
            "{" META ", \"Messages\": [{\"MessageId\": "
            "\"5fea7756-0ea4-451a-a703-a558b933e274\", \"ReceiptHandle\": \"MbZj6wDWli+JvwwJ\", "
            "\"MD5OfBody\": \"05e891701cde4c383b66f46a7b9a808c\", \"Body\": \"{}\", "
            "\"Attributes\": {\"ApproximateReceiveCount\": \"1\"}, \"MessageAttributes\": "
            "{\"origin\": {\"DataType\": \"String\", \"StringValue\": \"shop\"}}}]}",
        .perform = sqs_receive_messages,
    },
    {
        .key = "deleteMessage",
        .label = "Delete Message",
        .description = "Deletes a message that was received.",
        .flags = ACTION_WRITES,
        .inputs = delete_inputs,
        .example = "{" META "}",
        .perform = sqs_delete_message,
    },
    {
        .key = "createQueue",
        .label = "Create Queue",
        .description = "Creates a queue, or gives the one of that name.",
        .flags = ACTION_WRITES,
        .inputs = create_inputs,
        .example = "{" META ", " QUEUE "}",
        .perform = sqs_create_queue,
    },
    {
        .key = "createDeadLetterQueue",
        .label = "Create Dead Letter Queue",
        .description = "Creates a queue, and one for its messages that nobody could process.",
        .flags = ACTION_WRITES,
        .inputs = dead_letter_inputs,
        .example =
            "{\"mainQueue\": {" META ", " QUEUE "}, \"deadLetterQueue\": {" META ", \"QueueUrl\": "
            "\"https://sqs.us-east-1.amazonaws.com/012345678900/orders-failed\"}}",
        .perform = sqs_create_dead_letter_queue,
    },
    {
        .key = "deleteQueue",
        .label = "Delete Queue",
        .description = "Deletes a queue with its messages.",
        .flags = ACTION_WRITES,
        .inputs = queue_inputs,
        .example = "{" META "}",
        .perform = sqs_delete_queue,
    },
    {
        .key = "getQueueUrl",
        .label = "Get a Queue's URL",
        .description = "Gets the URL of a queue by its name.",
        .flags = ACTION_READS,
        .inputs = name_inputs,
        .example = "{" META ", " QUEUE "}",
        .perform = sqs_get_queue_url,
    },
    {
        .key = "listQueues",
        .label = "List Queues",
        .description = "Lists the URLs of queues.",
        .flags = ACTION_READS,
        .inputs = list_inputs,
        .example = "{" META ", \"QueueUrls\": "
                   "[\"https://sqs.us-east-1.amazonaws.com/012345678900/orders\"]}",
        .perform = sqs_list_queues,
    },
    {0},
};

const struct component component_aws_sqs = {
    .key = "aws-sqs",
    .label = "Amazon SQS",
    .description = "Sends, receives and deletes messages in Amazon SQS queues.",
    .category = "Messaging",
    .version = 1,
    .actions = actions,
};
