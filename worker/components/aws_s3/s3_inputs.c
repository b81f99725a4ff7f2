/* Owns the tables of inputs of the S3 component. Constant data. */
#include "components/aws/aws_inputs.h"
#include "components/aws/sns_message.h"
#include "components/aws_s3/s3.h"

#define SESSION     AWS_SESSION_INPUTS("accessKey")
#define SNS_SESSION AWS_SESSION_INPUTS("awsConnection")
#define TEXT_INPUT(k, l, c, e)                                                                     \
    {                                                                                              \
        .key = (k), .label = (l), .type = CATALOG_STRING, .required = true, .comments = (c),       \
        .example = (e),                                                                            \
    }
#define BUCKET TEXT_INPUT("bucket", "Bucket Name", "The bucket.", "invoices-2024")
#define OBJECT_KEY                                                                                 \
    TEXT_INPUT("objectKey", "Object Key", "The object's key, without a slash in front.",           \
               "reports/january.csv")
#define VERSION                                                                                    \
    {                                                                                              \
        .key = "versionId", .label = "Version ID", .type = CATALOG_STRING,                         \
        .comments = "Version of the object; the current one when empty.",                          \
    }
#define ACL(c)                                                                                     \
    {                                                                                              \
        .key = "acl", .label = "ACL Permissions", .type = CATALOG_STRING, .choices = s3_acls,      \
        .comments = (c),                                                                           \
    }
#define TAGGING                                                                                    \
    {                                                                                              \
        .key = "tagging", .label = "Object Tags", .type = CATALOG_STRING,                          \
        .collection = CATALOG_KEY_VALUE_LIST, .comments = "Up to 10 tags of the object.",          \
    }
#define EXPIRATION                                                                                 \
    {                                                                                              \
        .key = "expirationSeconds", .label = "Expiration Seconds", .type = CATALOG_NUMBER,         \
        .required = true, .fallback = "3600",                                                      \
        .comments = "For how long the URL works, at most 604800 (7 days).",                        \
    }
#define UPLOAD_ID                                                                                  \
    TEXT_INPUT("uploadId", "Upload ID", "The upload, as Create Multipart Upload gave it.", NULL)
#define TOPIC                                                                                      \
    TEXT_INPUT("snsTopicArn", "SNS Topic ARN", "The topic.",                                       \
               "arn:aws:sns:us-east-1:123456789012:uploads")
#define OWNER                                                                                      \
    TEXT_INPUT("bucketOwnerAccountid", "Bucket Owner Account ID",                                  \
               "The account that owns the bucket, as Get Current Account gives it.",               \
               "123456789012")
#define CONFIGURATIONS(k, l, c, e)                                                                 \
    {                                                                                              \
        .key = (k), .label = (l), .type = CATALOG_JSON, .comments = (c), .example = (e),           \
    }

const struct action_input s3_list_buckets_inputs[] = {SESSION, {0}};
const struct action_input s3_bucket_inputs[] = {BUCKET, SESSION, {0}};
const struct action_input s3_create_bucket_inputs[] = {
    BUCKET, ACL("Who may use the bucket; its owner when empty."), SESSION, {0}};
const struct action_input s3_location_inputs[] = {
    BUCKET, AWS_CONNECTION_INPUT("accessKey"), AWS_DYNAMIC_INPUTS, AWS_ENDPOINT_INPUT, {0}};
const struct action_input s3_account_inputs[] = {
    AWS_CONNECTION_INPUT("accessKey"), AWS_DYNAMIC_INPUTS, AWS_ENDPOINT_INPUT, {0}};
const struct action_input s3_list_objects_inputs[] = {
    BUCKET,
    {
        .key = "prefix",
        .label = "Prefix",
        .type = CATALOG_STRING,
        .comments = "Only objects whose keys begin so; all when empty.",
        .example = "incoming/",
    },
    {
        .key = "delimiter",
        .label = "Delimiter",
        .type = CATALOG_STRING,
        .comments = "Keys that hold this after the prefix become one of CommonPrefixes.",
        .example = "/",
    },
    {
        .key = "includeMetadata",
        .label = "Include Metadata",
        .type = CATALOG_BOOLEAN,
        .fallback = "false",
        .comments = "Return sizes, dates and the token of the next page, not only the keys.",
    },
    {
        .key = "maxKeys",
        .label = "Max Keys",
        .type = CATALOG_NUMBER,
        .comments = "How many objects a page holds, 1 to 1000; 1000 when empty.",
    },
    {
        .key = "continuationToken",
        .label = "Continuation Token",
        .type = CATALOG_STRING,
        .comments = "NextContinuationToken of the page before; the first page when empty.",
    },
    {
        .key = "pagination",
        .label = "Pagination",
        .type = CATALOG_JSON,
        .comments = "The two inputs above in one object.",
        .example = "{\"maxKeys\": 100, \"continuationToken\": \"\"}",
    },
    SESSION,
    {0},
};
const struct action_input s3_object_inputs[] = {BUCKET, OBJECT_KEY, VERSION, SESSION, {0}};
const struct action_input s3_attributes_inputs[] = {
    BUCKET,
    OBJECT_KEY,
    {
        .key = "objectAttributes",
        .label = "Object Attributes",
        .type = CATALOG_STRING,
        .collection = CATALOG_VALUE_LIST,
        .required = true,
        .choices = s3_attributes,
        .comments = "What to return.",
    },
    VERSION,
    SESSION,
    {0},
};
const struct action_input s3_put_object_inputs[] = {
    BUCKET,
    OBJECT_KEY,
    {
        .key = "fileContents",
        .label = "File Contents",
        .type = CATALOG_JSON,
        .required = true,
        .comments = "What to store: a text, or a file of an earlier step with its content type; "
                    "objects and lists as JSON.",
    },
    TAGGING,
    ACL("Who may use the object; as the bucket says when empty."),
    SESSION,
    {0},
};
const struct action_input s3_copy_object_inputs[] = {
    TEXT_INPUT("sourceBucket", "Source Bucket Name", "The bucket of the object.", "incoming"),
    TEXT_INPUT("sourceKey", "Source Key", "The object's key.", "2024/order.xml"),
    TEXT_INPUT("destinationBucket", "Destination Bucket Name",
               "The bucket of the copy, which may be the same.", "archive"),
    TEXT_INPUT("destinationKey", "Destination Key", "The copy's key.", "2024/order.xml"),
    ACL("Who may use the copy; as the bucket says when empty."),
    SESSION,
    {0},
};
const struct action_input s3_delete_objects_inputs[] = {
    BUCKET,
    {
        .key = "objectKeys",
        .label = "Object Keys",
        .type = CATALOG_STRING,
        .collection = CATALOG_VALUE_LIST,
        .required = true,
        .comments = "Keys of up to 1000 objects.",
        .example = "reports/january.csv",
    },
    SESSION,
    {0},
};
const struct action_input s3_presign_inputs[] = {
    BUCKET,
    OBJECT_KEY,
    {
        .key = "actionType",
        .label = "Action Type",
        .type = CATALOG_STRING,
        .required = true,
        .fallback = "download",
        .choices = s3_directions,
        .comments = "What the URL is for: to GET the object, or to PUT it.",
    },
    EXPIRATION,
    SESSION,
    {0},
};
const struct action_input s3_create_upload_inputs[] = {
    BUCKET,  OBJECT_KEY, TAGGING, ACL("Who may use the object; as the bucket says when empty."),
    SESSION, {0}};
const struct action_input s3_upload_part_inputs[] = {
    BUCKET,
    OBJECT_KEY,
    UPLOAD_ID,
    {
        .key = "partNumber",
        .label = "Part Number",
        .type = CATALOG_NUMBER,
        .required = true,
        .comments = "Place of the part in the object, 1 to 10000.",
        .example = "1",
    },
    {
        .key = "fileChunk",
        .label = "File Chunk",
        .type = CATALOG_JSON,
        .required = true,
        .comments = "The part's bytes; at least 5 MB, unless it is the last part.",
    },
    SESSION,
    {0},
};
const struct action_input s3_upload_inputs[] = {BUCKET, OBJECT_KEY, UPLOAD_ID, SESSION, {0}};
const struct action_input s3_complete_upload_inputs[] = {
    BUCKET,
    OBJECT_KEY,
    UPLOAD_ID,
    {
        .key = "parts",
        .label = "Parts",
        .type = CATALOG_JSON,
        .required = true,
        .comments = "The parts, as List Parts gives them.",
        .example = "[{\"PartNumber\": 1, \"ETag\": \"\\\"9a0364b9e99bb480dd25e1f0284c8555\\\"\"}]",
    },
    SESSION,
    {0},
};
const struct action_input s3_presign_parts_inputs[] = {
    BUCKET,
    OBJECT_KEY,
    UPLOAD_ID,
    {
        .key = "urlsToGenerate",
        .label = "URLs to Generate",
        .type = CATALOG_NUMBER,
        .required = true,
        .fallback = "5",
        .comments = "How many, from part 1 on, at most 1000.",
    },
    EXPIRATION,
    SESSION,
    {0},
};
const struct action_input s3_put_notification_inputs[] = {
    BUCKET,
    CONFIGURATIONS("topicConfigurations", "Topic Configurations", "Topics to notify.",
                   "[{\"Id\": \"new\", \"TopicArn\": \"arn:aws:sns:us-east-1:123456789012:new\", "
                   "\"Events\": [\"s3:ObjectCreated:*\"]}]"),
    CONFIGURATIONS("queueConfigurations", "Queue Configurations", "Queues to notify.",
                   "[{\"Id\": \"new\", \"QueueArn\": \"arn:aws:sqs:us-east-1:123456789012:new\", "
                   "\"Events\": [\"s3:ObjectCreated:*\"]}]"),
    CONFIGURATIONS("lambdaFunctionConfigurations", "Lambda Function Configurations",
                   "Functions to call.", NULL),
    CONFIGURATIONS("eventBridgeConfiguration", "EventBridge Configuration",
                   "Send events to EventBridge, when it is not empty.", "{}"),
    SESSION,
    {0},
};
const struct action_input s3_add_notification_inputs[] = {
    BUCKET,
    TOPIC,
    {
        .key = "eventsList",
        .label = "Event Types",
        .type = CATALOG_STRING,
        .collection = CATALOG_VALUE_LIST,
        .required = true,
        .comments = "Types of events to notify of.",
        .example = "s3:ObjectCreated:*",
    },
    TEXT_INPUT("eventNotificationName", "Event Notification Name",
               "Name of the notification; one of that name is replaced.", "new-uploads"),
    OWNER,
    SNS_SESSION,
    {0},
};
const struct action_input s3_put_lock_inputs[] = {
    BUCKET,
    {
        .key = "defaultRetentionMode",
        .label = "Default Retention Mode",
        .type = CATALOG_STRING,
        .choices = s3_retention_modes,
        .comments = "How new objects are locked; no default when empty.",
    },
    {
        .key = "defaultRetentionDays",
        .label = "Default Retention Days",
        .type = CATALOG_NUMBER,
        .comments = "For how many days; or give years.",
    },
    {
        .key = "defaultRetentionYears",
        .label = "Default Retention Years",
        .type = CATALOG_NUMBER,
        .comments = "For how many years; or give days.",
    },
    SESSION,
    {0},
};
const struct action_input s3_put_retention_inputs[] = {
    BUCKET,
    OBJECT_KEY,
    {
        .key = "retentionMode",
        .label = "Retention Mode",
        .type = CATALOG_STRING,
        .choices = s3_retention_modes,
        .comments = "How the object is locked; not at all when empty.",
    },
    {
        .key = "retainUntilDate",
        .label = "Retain Until Date",
        .type = CATALOG_STRING,
        .comments = "Until when, in ISO 8601.",
        .example = "2026-12-31T23:59:59.000Z",
    },
    VERSION,
    SESSION,
    {0},
};
const struct action_input s3_create_topic_inputs[] = {
    TEXT_INPUT("name", "Name",
               "Name of the topic: letters, digits, - and _; other characters become _.",
               "new-uploads"),
    SNS_SESSION,
    {0},
};
const struct action_input s3_subscribe_inputs[] = {
    TOPIC,
    TEXT_INPUT("endpoint", "Webhook Endpoint", "The webhook URL that gets the notifications.",
               "https://leat.example.com/trigger/example"),
    SNS_SESSION,
    {0},
};
const struct action_input s3_unsubscribe_inputs[] = {
    TEXT_INPUT("subscriptionArn", "Subscription ARN", "The subscription to end.",
               "arn:aws:sns:us-east-1:123456789012:uploads:8a21d249-4329-4871-acc6-7be709c6ea7f"),
    SNS_SESSION,
    {0},
};
const struct action_input s3_topic_policy_inputs[] = {BUCKET, TOPIC, OWNER, SNS_SESSION, {0}};
#define LOOK_BACK                                                                                  \
    {                                                                                              \
        .key = "lookBackDate", .label = "Look-back Date", .type = CATALOG_STRING,                  \
        .comments = "The first time, give everything since that day (UTC); nothing when empty.",   \
        .example = "2026-01-31",                                                                   \
    }
const struct action_input s3_poll_objects_inputs[] = {
    BUCKET,
    {
        .key = "prefix",
        .label = "Prefix",
        .type = CATALOG_STRING,
        .comments = "Only objects whose keys begin so; all when empty.",
        .example = "incoming/",
    },
    LOOK_BACK,
    SESSION,
    {0},
};
const struct action_input s3_poll_buckets_inputs[] = {LOOK_BACK, SESSION, {0}};
const struct action_input s3_notification_webhook_inputs[] = {
    SNS_EXPECTED_TOPIC_INPUT, SNS_ENDPOINT_INPUT, {0}};
