/* Owns the SNS component: topics, subscriptions, publishing, and the trigger for messages. Called
 * on the slot's thread, blocks in the HTTP client. It refuses messages above 256 KB, which is SNS's
 * own limit. */
#include <math.h>

#include "components/aws/aws_inputs.h"
#include "components/aws/sns_message.h"
#include "components/aws/sns_topics.h"
#include "components/registry.h"
#include "enc.h"
#include "expr/value.h"

#define MAX_MESSAGE    KIB(256)
#define MAX_ATTRIBUTES 100
#define MAX_BATCH      10
#define MAX_PAGES      100

static const char *const protocols[] = {"https", "http",   "email",       "email-json", "sms",
                                        "sqs",   "lambda", "application", "firehose",   NULL};

/* --- inputs --------------------------------------------------------------------------------------
 */

#define SESSION AWS_SESSION_INPUTS("awsConnection")
#define TEXT_INPUT(k, l, c, e)                                                                     \
    {                                                                                              \
        .key = (k), .label = (l), .type = CATALOG_STRING, .required = true, .comments = (c),       \
        .example = (e),                                                                            \
    }
#define TOPIC                                                                                      \
    TEXT_INPUT("topicArn", "Topic ARN", "The topic.", "arn:aws:sns:us-east-1:123456789012:orders")
#define MESSAGE                                                                                    \
    {                                                                                              \
        .key = "message", .label = "Message", .type = CATALOG_TEXT, .required = true,              \
        .comments = "What to publish; objects and lists are sent as JSON.",                        \
        .example = "{\"order\": 17}",                                                              \
    }
#define NEXT_TOKEN                                                                                 \
    {                                                                                              \
        .key = "nextToken", .label = "Next Token", .type = CATALOG_STRING,                         \
        .comments = "NextToken of the page before; the first page when empty.",                    \
    }
#define FETCH_ALL(k)                                                                               \
    {                                                                                              \
        .key = (k), .label = "Fetch All", .type = CATALOG_BOOLEAN, .fallback = "false",            \
        .comments = "List all pages; Next Token is then ignored.",                                 \
    }
#define PARSE_INPUTS                                                                               \
    {                                                                                              \
        .key = "parseMessage",                                                                     \
        .label = "Parse Message",                                                                  \
        .type = CATALOG_BOOLEAN,                                                                   \
        .fallback = "false",                                                                       \
        .comments = "Give the message as the value that its JSON is.",                             \
    },                                                                                             \
    {                                                                                              \
        .key = "acceptRawMessages", .label = "Accept Raw Messages", .type = CATALOG_BOOLEAN,       \
        .fallback = "false",                                                                       \
        .comments = "Accept messages of raw delivery, too, which have no signature: anybody who "  \
                    "knows the webhook URL can send them.",                                        \
    }

static const struct action_input trigger_inputs[] = {
    PARSE_INPUTS, SNS_EXPECTED_TOPIC_INPUT, SNS_ENDPOINT_INPUT, {0}};
static const struct action_input create_inputs[] = {
    TEXT_INPUT("name", "Name",
               "Name of the topic: letters, digits, - and _, .fifo at the end of a FIFO topic's; "
               "other characters become _.",
               "orders"),
    SESSION,
    {0},
};
static const struct action_input topic_inputs[] = {TOPIC, SESSION, {0}};
static const struct action_input list_topics_inputs[] = {
    FETCH_ALL("fetchAllTopics"), NEXT_TOKEN, SESSION, {0}};
static const struct action_input list_subscriptions_inputs[] = {
    TOPIC, FETCH_ALL("fetchAllSubscriptions"), NEXT_TOKEN, SESSION, {0}};
static const struct action_input opted_out_inputs[] = {NEXT_TOKEN, SESSION, {0}};
static const struct action_input subscribe_inputs[] = {
    TOPIC,
    {
        .key = "protocol",
        .label = "Protocol",
        .type = CATALOG_STRING,
        .required = true,
        .choices = protocols,
        .comments = "How messages are delivered.",
        .example = "https",
    },
    TEXT_INPUT("endpoint", "Endpoint", "Where messages are delivered: a URL, an address, an ARN.",
               "https://leat.example.com/trigger/example"),
    SESSION,
    {0},
};
static const struct action_input unsubscribe_inputs[] = {
    TEXT_INPUT("subscriptionArn", "Subscription ARN", "The subscription to end.",
               "arn:aws:sns:us-east-1:123456789012:orders:8a21d249-4329-4871-acc6-7be709c6ea7f"),
    SESSION,
    {0},
};
static const struct action_input publish_inputs[] = {
    MESSAGE,
    TOPIC,
    {
        .key = "messageAttributes",
        .label = "Message Attributes",
        .type = CATALOG_STRING,
        .collection = CATALOG_KEY_VALUE_LIST,
        .comments = "Attributes of the message: numbers, lists of JSON, bytes, or texts.",
    },
    {
        .key = "subject",
        .label = "Subject",
        .type = CATALOG_STRING,
        .comments = "Subject line of emails.",
    },
    {
        .key = "messageGroupId",
        .label = "Message Group Id",
        .type = CATALOG_STRING,
        .comments = "In a FIFO topic, messages of one group stay in order.",
    },
    {
        .key = "messageDeduplicationId",
        .label = "Message deduplication ID",
        .type = CATALOG_STRING,
        .comments = "In a FIFO topic, messages of one id within 5 minutes count as one.",
    },
    SESSION,
    {0},
};
static const struct action_input sms_inputs[] = {
    MESSAGE,
    TEXT_INPUT("phoneNumber", "Phone Number", "With the country's prefix.", "+15555550100"),
    SESSION,
    {0},
};
static const struct action_input batch_inputs[] = {
    TOPIC,
    {
        .key = "publishBatchEntries",
        .label = "Message Entries",
        .type = CATALOG_JSON,
        .required = true,
        .comments = "1 to 10 messages: Id, Message and, if need be, Subject, MessageGroupId, "
                    "MessageDeduplicationId, MessageStructure and MessageAttributes.",
        .example = "[{\"Id\": \"1\", \"Message\": \"Hello\"}]",
    },
    SESSION,
    {0},
};

/* --- topics and subscriptions --------------------------------------------------------------------
 */

static int trigger(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    return sns_receive(ctx, true, ret, err);
}

static int create_topic(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    return sns_create_topic(ctx, "name", ret, err);
}

static int about_topic(struct action_context *ctx, const char *call, struct action_result *ret,
                       struct err *err)
{
    AUTO(aws_form_done) struct aws_form f = {0};
    aws_form_init(&f, call, SNS_VERSION);
    int rc = sns_add_arn(ctx, &f, "TopicArn", "topicArn", err);
    return rc == 0 ? sns_send(ctx, &f, ret, err) : rc;
}

static int delete_topic(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    return about_topic(ctx, "DeleteTopic", ret, err);
}

static int topic_attributes(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    return about_topic(ctx, "GetTopicAttributes", ret, err);
}

static int subscribe(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct str protocol, endpoint;
    int rc = aws_text(ctx, "protocol", &protocol, err);
    rc = rc == 0 ? aws_text(ctx, "endpoint", &endpoint, err) : rc;
    if (rc < 0) {
        return rc;
    }
    for (size_t i = 0; protocols[i]; i++) {
        if (str_eq_ci(protocol, str_of(protocols[i]))) {
            return sns_subscribe(ctx, "topicArn", str_of(protocols[i]), endpoint, ret, err);
        }
    }
    return action_input_error(ctx, "protocol", err, "\"%.*s\" is not a protocol of SNS.",
                              (int)MIN(protocol.len, 40), protocol.ptr);
}

static int unsubscribe(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    return sns_unsubscribe(ctx, "subscriptionArn", ret, err);
}

/* A list of one page, or of all. */
static int list(struct action_context *ctx, const char *call, const char *member,
                const char *all_key, bool of_topic, struct action_result *ret, struct err *err)
{
    struct arena *a = action_arena(ctx);
    struct aws_session s;
    struct http_response reply = {0};
    struct json value;
    struct str token;
    struct json_builder items, result;
    bool every;
    int rc = aws_session_read(ctx, "awsConnection", &s, err);
    rc = rc == 0 ? action_input_bool(ctx, all_key, &every, err) : rc;
    rc = rc == 0 ? aws_text(ctx, "nextToken", &token, err) : rc;
    if (rc < 0) {
        return rc;
    }
    token = every ? STR("") : token;
    json_build_array(&items, a);
    for (int page = 0; page == 0 || (every && token.len && page < MAX_PAGES); page++) {
        AUTO(aws_form_done) struct aws_form f = {0};
        aws_form_init(&f, call, SNS_VERSION);
        aws_form_add_if(&f, "NextToken", token);
        rc = of_topic ? sns_add_arn(ctx, &f, "TopicArn", "topicArn", err) : 0;
        rc = rc == 0 ? aws_query_send(ctx, &s, AWS_SNS, &f, &reply, &value, err) : rc;
        if (rc < 0) {
            return rc;
        }
        struct json found = json_get(value, str_of(member));
        for (uint32_t i = 0; found.type == JSON_ARRAY && i < found.len; i++) {
            json_push(&items, found.items[i]);
        }
        token = json_as_str(json_get(value, STR("NextToken")));
    }
    json_build_object(&result, a);
    json_append(&result, str_of(member), json_built(&items));
    if (token.len) {
        json_append(&result, STR("NextToken"), json_str(token));
    }
    ret->data = aws_result(ctx, &reply, json_built(&result));
    return 0;
}

static int list_topics(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    return list(ctx, "ListTopics", "Topics", "fetchAllTopics", false, ret, err);
}

static int list_subscriptions(struct action_context *ctx, struct action_result *ret,
                              struct err *err)
{
    return list(ctx, "ListSubscriptionsByTopic", "Subscriptions", "fetchAllSubscriptions", true,
                ret, err);
}

static int opted_out(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    AUTO(aws_form_done) struct aws_form f = {0};
    struct str token;
    aws_form_init(&f, "ListPhoneNumbersOptedOut", SNS_VERSION);
    int rc = aws_text(ctx, "nextToken", &token, err);
    if (rc < 0) {
        return rc;
    }
    aws_form_add_if(&f, "nextToken", token);
    return sns_send(ctx, &f, ret, err);
}

/* --- publishing ----------------------------------------------------------------------------------
 */

static void add_part(struct aws_form *f, const char *prefix, const char *name, struct str value)
{
    char full[160];
    (void)snprintf(full, sizeof(full), "%s%s", prefix, name);
    aws_form_add(f, full, value);
}

/* What SNS takes for one: "0x10" and "Infinity" are texts there. */
static bool is_number(struct json v)
{
    struct str text = json_as_str(v);
    for (size_t i = 0; v.type == JSON_STRING && i < text.len; i++) {
        if (!text.ptr[i] || !strchr("0123456789+-.eE", text.ptr[i])) {
            return false;
        }
    }
    return v.type == JSON_NUMBER ||
           (v.type == JSON_STRING && text.len && isfinite(value_to_number(v)));
}

/* One attribute: its type follows from the value. */
static void add_attribute(struct action_context *ctx, struct aws_form *f, const char *prefix,
                          struct str name, struct json v)
{
    struct arena *a = action_arena(ctx);
    struct json parsed = value_parse_json(a, v);
    add_part(f, prefix, "Name", name);
    if (v.type == JSON_BINARY) {
        AUTO(buf_done) struct buf b = {0};
        buf_init(&b, MAX_MESSAGE * 2);
        enc_base64_to(&b, json_as_str(v));
        add_part(f, prefix, "Value.DataType", STR("Binary"));
        add_part(f, prefix, "Value.BinaryValue", buf_str(&b));
        return;
    }
    const char *type = is_number(v)                ? "Number"
                       : parsed.type == JSON_ARRAY ? "String.Array"
                                                   : "String";
    add_part(f, prefix, "Value.DataType", str_of(type));
    add_part(f, prefix, "Value.StringValue", value_to_text(a, v));
}

static int add_message(struct action_context *ctx, struct aws_form *f, struct err *err)
{
    struct str text;
    int rc = action_input_text(ctx, "message", &text, err);
    if (rc < 0) {
        return rc;
    }
    if (text.len == 0 || text.len > MAX_MESSAGE || !str_utf8_valid(text)) {
        return action_input_error(ctx, "message", err, "is empty, longer than 256 KB, or no text.");
    }
    aws_form_add(f, "Message", text);
    return 0;
}

static int publish(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    static const char *const texts[][2] = {
        {"subject", "Subject"},
        {"messageGroupId", "MessageGroupId"},
        {"messageDeduplicationId", "MessageDeduplicationId"},
    };
    AUTO(aws_form_done) struct aws_form f = {0};
    struct json attributes;
    aws_form_init(&f, "Publish", SNS_VERSION);
    int rc = add_message(ctx, &f, err);
    rc = rc == 0 ? sns_add_arn(ctx, &f, "TopicArn", "topicArn", err) : rc;
    rc = rc == 0 ? action_input_object(ctx, "messageAttributes", &attributes, err) : rc;
    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(texts); i++) {
        struct str text;
        rc = aws_text(ctx, texts[i][0], &text, err);
        if (rc == 0) {
            aws_form_add_if(&f, texts[i][1], text);
        }
    }
    if (rc < 0) {
        return rc;
    }
    if (attributes.len > MAX_ATTRIBUTES) {
        return action_input_error(ctx, "messageAttributes", err, "has more than %d attributes.",
                                  MAX_ATTRIBUTES);
    }
    for (uint32_t i = 0; i < attributes.len; i++) {
        char prefix[60];
        (void)snprintf(prefix, sizeof(prefix), "MessageAttributes.entry.%u.", i + 1);
        add_attribute(ctx, &f, prefix, attributes.members[i].key, attributes.members[i].value);
    }
    return sns_send(ctx, &f, ret, err);
}

static int publish_sms(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    AUTO(aws_form_done) struct aws_form f = {0};
    struct str phone;
    aws_form_init(&f, "Publish", SNS_VERSION);
    int rc = add_message(ctx, &f, err);
    rc = rc == 0 ? aws_text(ctx, "phoneNumber", &phone, err) : rc;
    if (rc < 0) {
        return rc;
    }
    aws_form_add(&f, "PhoneNumber", phone);
    return sns_send(ctx, &f, ret, err);
}

static int add_entry(struct action_context *ctx, struct aws_form *f, struct json entry, uint32_t n,
                     struct err *err)
{
    static const char *const members[] = {
        "Id", "Message", "Subject", "MessageStructure", "MessageGroupId", "MessageDeduplicationId"};
    char prefix[80], inner[120];
    (void)snprintf(prefix, sizeof(prefix), "PublishBatchRequestEntries.member.%u.", n);
    if (json_is_nullish(json_get(entry, STR("Id"))) ||
        json_is_nullish(json_get(entry, STR("Message")))) {
        return action_input_error(ctx, "publishBatchEntries", err,
                                  "item %u must be an object with Id and Message.", n);
    }
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        struct json v = json_get(entry, str_of(members[i]));
        if (!json_is_nullish(v)) {
            add_part(f, prefix, members[i], value_to_text(action_arena(ctx), v));
        }
    }
    struct json attributes = json_get(entry, STR("MessageAttributes"));
    if (attributes.type == JSON_OBJECT && attributes.len > MAX_ATTRIBUTES) {
        return action_input_error(ctx, "publishBatchEntries", err,
                                  "item %u has more than %d attributes.", n, MAX_ATTRIBUTES);
    }
    for (uint32_t i = 0; attributes.type == JSON_OBJECT && i < attributes.len; i++) {
        struct json v = attributes.members[i].value;
        struct json text = json_get(v, STR("StringValue"));
        (void)snprintf(inner, sizeof(inner), "%sMessageAttributes.entry.%u.", prefix, i + 1);
        if (v.type == JSON_OBJECT && text.type == JSON_STRING) {
            struct str type = json_as_str(json_get(v, STR("DataType")));
            add_part(f, inner, "Name", attributes.members[i].key);
            add_part(f, inner, "Value.DataType", type.len ? type : STR("String"));
            add_part(f, inner, "Value.StringValue", json_as_str(text));
        } else {
            struct json bytes = json_get(v, STR("BinaryValue"));
            bytes = bytes.type == JSON_OBJECT ? json_get(bytes, STR("data")) : bytes;
            add_attribute(ctx, f, inner, attributes.members[i].key,
                          bytes.type == JSON_BINARY ? bytes : v);
        }
    }
    return 0;
}

static int publish_batch(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    AUTO(aws_form_done) struct aws_form f = {0};
    struct json entries;
    aws_form_init(&f, "PublishBatch", SNS_VERSION);
    int rc = sns_add_arn(ctx, &f, "TopicArn", "topicArn", err);
    rc = rc == 0 ? action_input_list(ctx, "publishBatchEntries", &entries, err) : rc;
    if (rc < 0) {
        return rc;
    }
    if (entries.len == 0 || entries.len > MAX_BATCH) {
        return action_input_error(ctx, "publishBatchEntries", err, "must be 1 to %d messages.",
                                  MAX_BATCH);
    }
    for (uint32_t i = 0; rc == 0 && i < entries.len; i++) {
        rc = add_entry(ctx, &f, entries.items[i], i + 1, err);
    }
    return rc == 0 ? sns_send(ctx, &f, ret, err) : rc;
}

/* --- the component -------------------------------------------------------------------------------
 */

#define META  "\"$metadata\": {\"httpStatusCode\": 200}"
#define ARN   "arn:aws:sns:us-east-1:123456789012:orders"
#define TOKEN "AAEBAf/8v+7MSvN8MkD9xZHCrFKL6RQ7"

static const char *const branches[] = {"Notification", "Subscribe", "Unsubscribe", NULL};

static const struct action actions[] = {
    {
        .key = "subscriptionTrigger",
        .label = "Manual Subscription",
        .description = "Starts the flow with messages of a topic to which its webhook URL was "
                       "subscribed. Messages are checked to come from SNS, and a subscription is "
                       "confirmed by itself.",
        .flags = ACTION_TRIGGER | ACTION_READS | ACTION_WRITES | ACTION_REPLIES,
        .inputs = trigger_inputs,
        .static_branches = branches,
        .example = "{\"headers\": {\"x-amz-sns-message-type\": \"Notification\"}, \"body\": "
                   "{\"data\": {\"Type\": \"Notification\", \"MessageId\": "
                   "\"22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324\", \"TopicArn\": \"" ARN
                   "\", \"Message\": \"Hello\"}, \"contentType\": \"text/plain\"}}",
        .perform = trigger,
    },
    {
        .key = "createTopic",
        .label = "Create Topic",
        .description = "Creates a topic, or gives the one of that name.",
        .flags = ACTION_WRITES,
        .inputs = create_inputs,
        .example = "{" META ", \"TopicArn\": \"" ARN "\"}",
        .perform = create_topic,
    },
    {
        .key = "deleteTopic",
        .label = "Delete Topic",
        .description = "Deletes a topic with its subscriptions.",
        .flags = ACTION_WRITES,
        .inputs = topic_inputs,
        .example = "{" META "}",
        .perform = delete_topic,
    },
    {
        .key = "getTopicAttributes",
        .label = "Get Topic Attributes",
        .description = "Gets the settings of a topic.",
        .flags = ACTION_READS,
        .inputs = topic_inputs,
        .example = "{" META ", \"Attributes\": {\"TopicArn\": \"" ARN
                   "\", \"SubscriptionsConfirmed\": \"3\"}}",
        .perform = topic_attributes,
    },
    {
        .key = "listTopics",
        .label = "List Topics",
        .description = "Lists the topics, 100 a page.",
        .flags = ACTION_READS,
        .inputs = list_topics_inputs,
        .example =
            "{" META ", \"Topics\": [{\"TopicArn\": \"" ARN "\"}], \"NextToken\": \"" TOKEN "\"}",
        .perform = list_topics,
    },
    {
        .key = "listSubscriptions",
        .label = "List Subscriptions",
        .description = "Lists the subscriptions of a topic, 100 a page.",
        .flags = ACTION_READS,
        .inputs = list_subscriptions_inputs,
        .example = "{" META ", \"Subscriptions\": [{\"SubscriptionArn\": \"" ARN
                   ":8a21d249-4329-4871-acc6-7be709c6ea7f\", \"Owner\": \"123456789012\", "
                   "\"Protocol\": \"https\", \"Endpoint\": \"https://example.com/hook\", "
                   "\"TopicArn\": \"" ARN "\"}]}",
        .perform = list_subscriptions,
    },
    {
        .key = "listOptOutNumbers",
        .label = "List Opt Out Numbers",
        .description = "Lists the phone numbers that refuse messages.",
        .flags = ACTION_READS,
        .inputs = opted_out_inputs,
        .example = "{" META ", \"phoneNumbers\": [\"+15555550100\"]}",
        .perform = opted_out,
    },
    {
        .key = "publishMessage",
        .label = "Publish Message",
        .description = "Publishes a message to a topic.",
        .flags = ACTION_WRITES,
        .inputs = publish_inputs,
        .example = "{" META ", \"MessageId\": \"94f20ce6-13c5-43a0-9a9e-ca52d816e90b\"}",
        .perform = publish,
    },
    {
        .key = "publishBatchMessages",
        .label = "Publish Batch Messages",
        .description = "Publishes up to 10 messages to a topic; those that failed are listed.",
        .flags = ACTION_WRITES,
        .inputs = batch_inputs,
        .example = "{" META ", \"Failed\": [], \"Successful\": [{\"Id\": \"1\", \"MessageId\": "
                   "\"94f20ce6-13c5-43a0-9a9e-ca52d816e90b\"}]}",
        .perform = publish_batch,
    },
    {
        .key = "publishSms",
        .label = "Publish SMS",
        .description = "Sends a text message to a phone.",
        .flags = ACTION_WRITES,
        .inputs = sms_inputs,
        .example = "{" META ", \"MessageId\": \"94f20ce6-13c5-43a0-9a9e-ca52d816e90b\"}",
        .perform = publish_sms,
    },
    {
        .key = "subscribe",
        .label = "Subscribe to Topic",
        .description = "Subscribes an endpoint to a topic.",
        .flags = ACTION_WRITES,
        .inputs = subscribe_inputs,
        .example =
            "{" META ", \"SubscriptionArn\": \"" ARN ":8a21d249-4329-4871-acc6-7be709c6ea7f\"}",
        .perform = subscribe,
    },
    {
        .key = "unsubscribe",
        .label = "Unsubscribe from a Topic",
        .description = "Ends a subscription to a topic.",
        .flags = ACTION_WRITES,
        .inputs = unsubscribe_inputs,
        .example = "{" META "}",
        .perform = unsubscribe,
    },
    {0},
};

const struct component component_aws_sns = {
    .key = "aws-sns",
    .label = "Amazon SNS",
    .description = "Publishes to Amazon SNS topics, manages them, and starts flows with messages.",
    .category = "Messaging",
    .version = 1,
    .actions = actions,
};
