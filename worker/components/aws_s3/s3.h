/* What the files of the Amazon S3 component share. */
#pragma once

#include "components/aws/aws_request.h"

/* Reads who asks and where, and the inputs bucket and objectKey where the action has them. */
int s3_start(struct action_context *ctx, const char *method, struct aws_session *ret_session,
             struct aws_request *ret, struct err *err) must_check;
/* Sends; the answer's XML as a value (an empty body is {}). An error in a 200 is an error. */
int s3_send_xml(struct action_context *ctx, const struct aws_session *s, struct aws_request *r,
                const struct aws_xml_rule *rules, struct http_response *ret_r, struct json *ret,
                struct err *err) must_check;
/* Sends; the result is what the answer's headers say. */
int s3_send_head(struct action_context *ctx, const struct aws_session *s, struct aws_request *r,
                 struct action_result *ret, struct err *err) must_check;
/* The members that the headers of an answer stand for: ETag, VersionId, Metadata... and, of_object,
 * those about an object's contents: ContentLength, ContentType... */
void s3_headers(struct action_context *ctx, const struct http_response *r, bool of_object,
                struct json_builder *b);
/* A list of objects with its keys as they are, where they were asked for percent-encoded. */
struct json s3_decoded_keys(struct action_context *ctx, struct json value);
/* Makes an XML document the body. `key` is the input it comes from. */
int s3_body_xml(struct action_context *ctx, struct aws_request *r, const char *root,
                const struct aws_xml_rule *rules, struct json value, const char *key,
                struct err *err) must_check;
/* acl and tagging, the inputs, as headers. */
int s3_add_acl(struct action_context *ctx, struct aws_request *r, struct err *err) must_check;
int s3_add_tagging(struct action_context *ctx, struct aws_request *r, struct err *err) must_check;

extern const struct aws_xml_rule s3_rules[];
extern const char *const s3_acls[], *const s3_attributes[], *const s3_directions[],
                                                                *const s3_retention_modes[];

#define S3_INPUTS(X)                                                                               \
    X(list_buckets)                                                                                \
    X(bucket)                                                                                      \
    X(create_bucket)                                                                               \
    X(location)                                                                                    \
    X(account)                                                                                     \
    X(list_objects)                                                                                \
    X(object)                                                                                      \
    X(attributes)                                                                                  \
    X(put_object)                                                                                  \
    X(copy_object)                                                                                 \
    X(delete_objects)                                                                              \
    X(presign)                                                                                     \
    X(create_upload)                                                                               \
    X(upload_part)                                                                                 \
    X(upload)                                                                                      \
    X(complete_upload)                                                                             \
    X(presign_parts)                                                                               \
    X(put_notification)                                                                            \
    X(add_notification)                                                                            \
    X(put_lock)                                                                                    \
    X(put_retention)                                                                               \
    X(create_topic)                                                                                \
    X(subscribe)                                                                                   \
    X(unsubscribe)                                                                                 \
    X(poll_objects)                                                                                \
    X(poll_buckets)                                                                                \
    X(topic_policy)                                                                                \
    X(notification_webhook)
#define DECLARE(name) extern const struct action_input s3_##name##_inputs[];
S3_INPUTS(DECLARE)
#undef DECLARE

int s3_list_buckets(struct action_context *ctx, struct action_result *ret, struct err *err);
int s3_create_bucket(struct action_context *ctx, struct action_result *ret, struct err *err);
int s3_delete_bucket(struct action_context *ctx, struct action_result *ret, struct err *err);
int s3_head_bucket(struct action_context *ctx, struct action_result *ret, struct err *err);
int s3_bucket_location(struct action_context *ctx, struct action_result *ret, struct err *err);
int s3_current_account(struct action_context *ctx, struct action_result *ret, struct err *err);
int s3_list_objects(struct action_context *ctx, struct action_result *ret, struct err *err);
int s3_get_object(struct action_context *ctx, struct action_result *ret, struct err *err);
int s3_head_object(struct action_context *ctx, struct action_result *ret, struct err *err);
int s3_object_attributes(struct action_context *ctx, struct action_result *ret, struct err *err);
int s3_put_object(struct action_context *ctx, struct action_result *ret, struct err *err);
int s3_copy_object(struct action_context *ctx, struct action_result *ret, struct err *err);
int s3_delete_object(struct action_context *ctx, struct action_result *ret, struct err *err);
int s3_delete_objects(struct action_context *ctx, struct action_result *ret, struct err *err);
int s3_presign(struct action_context *ctx, struct action_result *ret, struct err *err);
int s3_create_upload(struct action_context *ctx, struct action_result *ret, struct err *err);
int s3_upload_part(struct action_context *ctx, struct action_result *ret, struct err *err);
int s3_complete_upload(struct action_context *ctx, struct action_result *ret, struct err *err);
int s3_abort_upload(struct action_context *ctx, struct action_result *ret, struct err *err);
int s3_list_parts(struct action_context *ctx, struct action_result *ret, struct err *err);
int s3_list_uploads(struct action_context *ctx, struct action_result *ret, struct err *err);
int s3_presign_parts(struct action_context *ctx, struct action_result *ret, struct err *err);
int s3_get_notification(struct action_context *ctx, struct action_result *ret, struct err *err);
int s3_put_notification(struct action_context *ctx, struct action_result *ret, struct err *err);
int s3_add_notification(struct action_context *ctx, struct action_result *ret, struct err *err);
int s3_get_lock(struct action_context *ctx, struct action_result *ret, struct err *err);
int s3_put_lock(struct action_context *ctx, struct action_result *ret, struct err *err);
int s3_get_retention(struct action_context *ctx, struct action_result *ret, struct err *err);
int s3_put_retention(struct action_context *ctx, struct action_result *ret, struct err *err);
int s3_create_topic(struct action_context *ctx, struct action_result *ret, struct err *err);
int s3_subscribe(struct action_context *ctx, struct action_result *ret, struct err *err);
int s3_unsubscribe(struct action_context *ctx, struct action_result *ret, struct err *err);
int s3_topic_policy(struct action_context *ctx, struct action_result *ret, struct err *err);
int s3_poll_objects(struct action_context *ctx, struct action_result *ret, struct err *err);
int s3_poll_buckets(struct action_context *ctx, struct action_result *ret, struct err *err);
int s3_notification_webhook(struct action_context *ctx, struct action_result *ret, struct err *err);
