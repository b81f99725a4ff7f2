/* Owns the description of the S3 component: its trigger and its actions. Constant data; what they
 * do is in the other files of this folder. */
#include "components/aws_s3/s3.h"
#include "components/registry.h"

#define META "\"$metadata\": {\"httpStatusCode\": 200, \"requestId\": \"4442587FB7D0A2F9\"}"

static const char *const notification_branches[] = {"Notification", "Subscribe", NULL};

static const struct action actions[] = {
    {
        .key = "snsS3NotificationWebhook",
        .label = "SNS Notification Webhook",
        .description = "Starts the flow when S3 notifies it through SNS. Messages are checked to "
                       "come from SNS, and a subscription is confirmed by itself.",
        .flags = ACTION_TRIGGER | ACTION_READS | ACTION_WRITES | ACTION_REPLIES,
        .inputs = s3_notification_webhook_inputs,
        .static_branches = notification_branches,
        .example =
            "{\"headers\": {\"x-amz-sns-message-type\": \"Notification\"}, \"body\": {\"data\": "
            "{\"Type\": \"Notification\", \"MessageId\": \"22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324\", "
            "\"TopicArn\": \"arn:aws:sns:us-west-2:123456789012:uploads\", \"Subject\": \"Amazon "
            "S3 "
            "Notification\", \"Message\": \"{\\\"Records\\\":[]}\"}, \"contentType\": "
            "\"text/plain\"}}",
        .perform = s3_notification_webhook,
    },
    {
        .key = "pollChangesFilesTrigger",
        .label = "New and Updated Files",
        .description = "Looks for new and changed objects of a bucket on a schedule, and starts "
                       "the flow with their keys. The first time finds nothing, unless there is a "
                       "date to look back to.",
        .flags = ACTION_TRIGGER | ACTION_READS | ACTION_SCHEDULE | ACTION_SCHEDULE_REQUIRED,
        .inputs = s3_poll_objects_inputs,
        .example = "{\"body\": {\"data\": [\"incoming/a.csv\", \"incoming/b.csv\"]}}",
        .perform = s3_poll_objects,
    },
    {
        .key = "pollNewBucketsTrigger",
        .label = "New Buckets",
        .description = "Looks for new buckets on a schedule, and starts the flow with them. The "
                       "first time finds nothing, unless there is a date to look back to.",
        .flags = ACTION_TRIGGER | ACTION_READS | ACTION_SCHEDULE | ACTION_SCHEDULE_REQUIRED,
        .inputs = s3_poll_buckets_inputs,
        .example = "{\"body\": {\"data\": [{\"Name\": \"invoices-2024\", \"CreationDate\": "
                   "\"2024-01-02T03:04:05.000Z\"}]}}",
        .perform = s3_poll_buckets,
    },
    {
        .key = "getBucketNotificationConfiguration",
        .label = "Get Bucket Notification Configuration",
        .description = "Gets what a bucket notifies of events.",
        .flags = ACTION_READS,
        .inputs = s3_bucket_inputs,
        .example = "{" META ", "
                   "\"TopicConfigurations\": [{\"Id\": \"new\", \"TopicArn\": "
                   "\"arn:aws:sns:us-east-1:123456789012:new\", \"Events\": "
                   "[\"s3:ObjectCreated:*\"]}]}",
        .perform = s3_get_notification,
    },
    {
        .key = "putBucketNotificationConfiguration",
        .label = "Put Bucket Notification Configuration",
        .description = "Sets what a bucket notifies of events; what was set before is replaced.",
        .flags = ACTION_WRITES,
        .inputs = s3_put_notification_inputs,
        .example = "{" META "}",
        .perform = s3_put_notification,
    },
    {
        .key = "bucketEventTriggerConfiguration",
        .label = "Add Bucket SNS Event Notification",
        .description = "Adds a topic that a bucket notifies of events.",
        .flags = ACTION_WRITES,
        .inputs = s3_add_notification_inputs,
        .example = "{" META "}",
        .perform = s3_add_notification,
    },
    {
        .key = "createTopic",
        .label = "Create SNS Topic",
        .description = "Creates a topic, or gives the one of that name.",
        .flags = ACTION_WRITES,
        .inputs = s3_create_topic_inputs,
        .example = "{" META ", "
                   "\"TopicArn\": \"arn:aws:sns:us-east-1:123456789012:uploads\"}",
        .perform = s3_create_topic,
    },
    {
        .key = "updateTopicPolicy",
        .label = "Update SNS Topic Policy for S3 Event Notification",
        .description = "Lets S3 publish to a topic, for one bucket of one account.",
        .flags = ACTION_WRITES,
        .inputs = s3_topic_policy_inputs,
        .example = "{" META "}",
        .perform = s3_topic_policy,
    },
    {
        .key = "subscribeToTopic",
        .label = "Subscribe to SNS Topic",
        .description = "Subscribes a webhook URL to a topic.",
        .flags = ACTION_WRITES,
        .inputs = s3_subscribe_inputs,
        .example =
            "{" META ", "
            "\"SubscriptionArn\": "
            "\"arn:aws:sns:us-east-1:123456789012:uploads:8a21d249-4329-4871-acc6-7be709c6ea7f\"}",
        .perform = s3_subscribe,
    },
    {
        .key = "unsubscribeFromTopic",
        .label = "Unsubscribe from SNS Topic",
        .description = "Ends a subscription to a topic.",
        .flags = ACTION_WRITES,
        .inputs = s3_unsubscribe_inputs,
        .example = "{" META "}",
        .perform = s3_unsubscribe,
    },
    {
        .key = "getCurrentAccount",
        .label = "Get Current Account",
        .description = "Tells which account and user the connection is.",
        .flags = ACTION_READS,
        .inputs = s3_account_inputs,
        .example = "{" META ", "
                   "\"UserId\": \"AIDAEXAMPLE\", \"Account\": \"123456789012\", \"Arn\": "
                   "\"arn:aws:iam::123456789012:user/leat\"}",
        .perform = s3_current_account,
    },
    {
        .key = "listBuckets",
        .label = "List Buckets",
        .description = "Lists the buckets of the account.",
        .flags = ACTION_READS,
        .inputs = s3_list_buckets_inputs,
        .example = "{" META ", "
                   "\"Buckets\": [{\"Name\": \"invoices-2024\", \"CreationDate\": "
                   "\"2024-01-02T03:04:05.000Z\"}], \"Owner\": {\"ID\": "
                   "\"75aa57f09aa0c8caeab4f8c24e99d10f8e7faeebf76c078efc7c6caea54ba06a\"}}",
        .perform = s3_list_buckets,
    },
    {
        .key = "createBucket",
        .label = "Create Bucket",
        .description = "Creates a bucket in the region.",
        .flags = ACTION_WRITES,
        .inputs = s3_create_bucket_inputs,
        .example = "{" META ", "
                   "\"Location\": \"/invoices-2024\"}",
        .perform = s3_create_bucket,
    },
    {
        .key = "deleteBucket",
        .label = "Delete Bucket",
        .description = "Deletes an empty bucket.",
        .flags = ACTION_WRITES,
        .inputs = s3_bucket_inputs,
        .example = "{\"$metadata\": {\"httpStatusCode\": 204}}",
        .perform = s3_delete_bucket,
    },
    {
        .key = "headBucket",
        .label = "Head Bucket",
        .description = "Tells whether a bucket exists and may be used.",
        .flags = ACTION_READS,
        .inputs = s3_bucket_inputs,
        .example = "{" META ", "
                   "\"BucketRegion\": \"eu-west-1\"}",
        .perform = s3_head_bucket,
    },
    {
        .key = "getBucketLocation",
        .label = "Get Bucket Location",
        .description = "Gets the region of a bucket.",
        .flags = ACTION_READS,
        .inputs = s3_location_inputs,
        .example = "\"eu-west-1\"",
        .perform = s3_bucket_location,
    },
    {
        .key = "listObjects",
        .label = "List Objects",
        .description = "Lists the keys of the objects in a bucket, page by page.",
        .flags = ACTION_READS,
        .inputs = s3_list_objects_inputs,
        .example = "[\"incoming/a.csv\", \"incoming/b.csv\"]",
        .perform = s3_list_objects,
    },
    {
        .key = "getObject",
        .label = "Get Object",
        .description = "Gets an object as a file. One stored with the content encoding gzip or "
                       "deflate arrives decompressed.",
        .flags = ACTION_READS,
        .inputs = s3_object_inputs,
        .example = "{\"data\": \"TmFtZSxBZ2UK\", \"contentType\": \"text/csv\"}",
        .perform = s3_get_object,
    },
    {
        .key = "headObject",
        .label = "Head Object",
        .description = "Gets what is known about an object, without its contents.",
        .flags = ACTION_READS,
        .inputs = s3_object_inputs,
        .example = "{" META ", "
                   "\"AcceptRanges\": \"bytes\", \"ContentLength\": 9, \"ContentType\": "
                   "\"text/csv\", \"ETag\": \"\\\"9a0364b9e99bb480dd25e1f0284c8555\\\"\", "
                   "\"LastModified\": \"2024-01-02T03:04:05.000Z\", \"Metadata\": {\"origin\": "
                   "\"shop\"}}",
        .perform = s3_head_object,
    },
    {
        .key = "getObjectAttributes",
        .label = "Get Object Attributes",
        .description = "Gets chosen attributes of an object.",
        .flags = ACTION_READS,
        .inputs = s3_attributes_inputs,
        .example = "{" META ", "
                   "\"LastModified\": \"2024-01-02T03:04:05.000Z\", \"ETag\": "
                   "\"9a0364b9e99bb480dd25e1f0284c8555\", \"ObjectSize\": 9}",
        .perform = s3_object_attributes,
    },
    {
        .key = "putObject",
        .label = "Put Object",
        .description = "Writes an object.",
        .flags = ACTION_WRITES,
        .inputs = s3_put_object_inputs,
        .example = "{" META ", "
                   "\"ETag\": \"\\\"9a0364b9e99bb480dd25e1f0284c8555\\\"\"}",
        .perform = s3_put_object,
    },
    {
        .key = "copyObject",
        .label = "Copy Object",
        .description = "Copies an object within S3.",
        .flags = ACTION_WRITES,
        .inputs = s3_copy_object_inputs,
        .example = "{" META ", "
                   "\"CopyObjectResult\": {\"LastModified\": \"2024-01-02T03:04:05.000Z\", "
                   "\"ETag\": \"\\\"9a0364b9e99bb480dd25e1f0284c8555\\\"\"}}",
        .perform = s3_copy_object,
    },
    {
        .key = "deleteObject",
        .label = "Delete Object",
        .description = "Deletes an object; one that does not exist is no error.",
        .flags = ACTION_WRITES,
        .inputs = s3_object_inputs,
        .example = "{\"$metadata\": {\"httpStatusCode\": 204}}",
        .perform = s3_delete_object,
    },
    {
        .key = "deleteObjects",
        .label = "Delete Objects",
        .description = "Deletes up to 1000 objects. Fails when one of them could not be deleted.",
        .flags = ACTION_WRITES,
        .inputs = s3_delete_objects_inputs,
        .example = "{" META ", "
                   "\"Deleted\": [{\"Key\": \"incoming/a.csv\"}]}",
        .perform = s3_delete_objects,
    },
    {
        .key = "generatePresignedUrl",
        .label = "Generate Presigned URL",
        .description = "Makes a URL with which anybody can read or write one object for a while.",
        .flags = ACTION_READS, /* the clock; and STS, which assumes a role */
        .inputs = s3_presign_inputs,
        .example = "\"https://invoices-2024.s3.eu-west-1.amazonaws.com/"
                   "a.csv?X-Amz-Algorithm=AWS4-HMAC-SHA256\"",
        .perform = s3_presign,
    },
    {
        .key = "createMultipartUpload",
        .label = "Create Multipart Upload",
        .description = "Begins an upload in parts.",
        .flags = ACTION_WRITES,
        .inputs = s3_create_upload_inputs,
        .example = "{" META ", "
                   "\"Bucket\": \"invoices-2024\", \"Key\": \"big.zip\", \"UploadId\": "
                   "\"VXBsb2FkIElE\"}",
        .perform = s3_create_upload,
    },
    {
        .key = "uploadPart",
        .label = "Upload Part",
        .description = "Sends one part of an upload.",
        .flags = ACTION_WRITES,
        .inputs = s3_upload_part_inputs,
        .example = "{" META ", "
                   "\"ETag\": \"\\\"9a0364b9e99bb480dd25e1f0284c8555\\\"\"}",
        .perform = s3_upload_part,
    },
    {
        .key = "completeMultipartUpload",
        .label = "Complete Multipart Upload",
        .description = "Makes the object of the parts that were sent.",
        .flags = ACTION_WRITES,
        .inputs = s3_complete_upload_inputs,
        .example = "{" META ", "
                   "\"Location\": \"https://invoices-2024.s3.eu-west-1.amazonaws.com/big.zip\", "
                   "\"Bucket\": \"invoices-2024\", \"Key\": \"big.zip\", \"ETag\": "
                   "\"\\\"3858f62230ac3c915f300c664312c11f-9\\\"\"}",
        .perform = s3_complete_upload,
    },
    {
        .key = "abortMultipartUpload",
        .label = "Abort Multipart Upload",
        .description = "Ends an upload and drops its parts.",
        .flags = ACTION_WRITES,
        .inputs = s3_upload_inputs,
        .example = "{\"$metadata\": {\"httpStatusCode\": 204}}",
        .perform = s3_abort_upload,
    },
    {
        .key = "listParts",
        .label = "List Parts",
        .description = "Lists the parts of an upload that were sent, all of them.",
        .flags = ACTION_READS,
        .inputs = s3_upload_inputs,
        .example = "{" META ", "
                   "\"Bucket\": \"invoices-2024\", \"Key\": \"big.zip\", \"UploadId\": "
                   "\"VXBsb2FkIElE\", \"IsTruncated\": false, \"Parts\": [{\"PartNumber\": 1, "
                   "\"ETag\": \"\\\"9a0364b9e99bb480dd25e1f0284c8555\\\"\", \"Size\": 5242880}]}",
        .perform = s3_list_parts,
    },
    {
        .key = "listMultipartUploads",
        .label = "List Multipart Uploads",
        .description = "Lists the uploads of a bucket that were begun and not ended, up to 10000.",
        .flags = ACTION_READS,
        .inputs = s3_bucket_inputs,
        .example = "{" META ", "
                   "\"Bucket\": \"invoices-2024\", \"IsTruncated\": false, \"Uploads\": "
                   "[{\"Key\": \"big.zip\", \"UploadId\": \"VXBsb2FkIElE\"}]}",
        .perform = s3_list_uploads,
    },
    {
        .key = "generatePresignedForMultiparUploads",
        .label = "Generate Presigned URLs for Multipart Uploads",
        .description = "Makes URLs with which anybody can send the parts of one upload for a "
                       "while.",
        .flags = ACTION_READS, /* the clock; and STS, which assumes a role */
        .inputs = s3_presign_parts_inputs,
        .example = "[{\"url\": "
                   "\"https://invoices-2024.s3.eu-west-1.amazonaws.com/"
                   "big.zip?X-Amz-Algorithm=AWS4-HMAC-SHA256\", "
                   "\"partNumber\": 1}]",
        .perform = s3_presign_parts,
    },
    {
        .key = "getObjectLockConfiguration",
        .label = "Get Object Lock Configuration",
        .description = "Gets how new objects of a bucket are locked.",
        .flags = ACTION_READS,
        .inputs = s3_bucket_inputs,
        .example = "{" META ", "
                   "\"ObjectLockConfiguration\": {\"ObjectLockEnabled\": \"Enabled\", \"Rule\": "
                   "{\"DefaultRetention\": {\"Mode\": \"GOVERNANCE\", \"Days\": 90}}}}",
        .perform = s3_get_lock,
    },
    {
        .key = "putObjectLockConfiguration",
        .label = "Put Object Lock Configuration",
        .description = "Sets how new objects of a bucket are locked.",
        .flags = ACTION_WRITES,
        .inputs = s3_put_lock_inputs,
        .example = "{" META "}",
        .perform = s3_put_lock,
    },
    {
        .key = "getObjectRetention",
        .label = "Get Object Retention",
        .description = "Gets until when an object is locked.",
        .flags = ACTION_READS,
        .inputs = s3_object_inputs,
        .example = "{" META ", "
                   "\"Retention\": {\"Mode\": \"GOVERNANCE\", \"RetainUntilDate\": "
                   "\"2026-12-31T23:59:59.000Z\"}}",
        .perform = s3_get_retention,
    },
    {
        .key = "putObjectRetention",
        .label = "Put Object Retention",
        .description = "Locks an object until a date.",
        .flags = ACTION_WRITES,
        .inputs = s3_put_retention_inputs,
        .example = "{" META "}",
        .perform = s3_put_retention,
    },
    {0},
};

const struct component component_aws_s3 = {
    .key = "aws-s3",
    .label = "Amazon S3",
    .description = "Reads, writes and manages objects in Amazon S3 and compatible storage.",
    .category = "Storage",
    .version = 1,
    .actions = actions,
};
