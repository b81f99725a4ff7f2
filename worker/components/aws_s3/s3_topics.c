/* Owns the actions of the S3 component that speak to SNS and STS, for flows that let a bucket
 * notify them. Called on the slot's thread, blocks in the HTTP client. */
#include "components/aws/sns_message.h"
#include "components/aws/sns_topics.h"
#include "components/aws_s3/s3.h"

int s3_current_account(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    AUTO(aws_form_done) struct aws_form f = {0};
    struct aws_session s;
    struct http_response reply;
    struct json value;
    aws_form_init(&f, "GetCallerIdentity", "2011-06-15");
    int rc = aws_session_read(ctx, "accessKey", &s, err);
    rc = rc == 0 ? aws_query_send(ctx, &s, AWS_STS, &f, &reply, &value, err) : rc;
    if (rc == 0) {
        ret->data = aws_result(ctx, &reply, value);
    }
    return rc;
}

int s3_create_topic(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    return sns_create_topic(ctx, "name", ret, err);
}

int s3_subscribe(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct str endpoint;
    int rc = aws_text(ctx, "endpoint", &endpoint, err);
    if (rc < 0) {
        return rc;
    }
    bool plain = str_starts(endpoint, STR("http://"));
    if (!plain && !str_starts(endpoint, STR("https://"))) {
        return action_input_error(ctx, "endpoint", err, "must be an http or https address.");
    }
    return sns_subscribe(ctx, "snsTopicArn", plain ? STR("http") : STR("https"), endpoint, ret,
                         err);
}

int s3_unsubscribe(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    return sns_unsubscribe(ctx, "subscriptionArn", ret, err);
}

static struct json member(struct arena *a, const char *key, struct json value)
{
    struct json_member *m = arena_new_of(a, struct json_member);
    *m = (struct json_member){str_of(key), value};
    return json_object(m, 1);
}

/* Lets S3 publish to the topic, for this bucket of this account only. */
int s3_topic_policy(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct arena *a = action_arena(ctx);
    struct str bucket, topic, account;
    int rc = aws_text(ctx, "bucket", &bucket, err);
    rc = rc == 0 ? aws_text(ctx, "snsTopicArn", &topic, err) : rc;
    rc = rc == 0 ? aws_text(ctx, "bucketOwnerAccountid", &account, err) : rc;
    if (rc < 0) {
        return rc;
    }
    ptrdiff_t end = str_starts(topic, STR("arn:")) ? str_find(topic, STR(":"), 4) : -1;
    if (end < 0 || topic.len > 512) {
        return action_input_error(ctx, "snsTopicArn", err, "is not the ARN of a topic.");
    }
    if (bucket.len > 255 || account.len > 255) {
        return action_input_error(ctx, bucket.len > 255 ? "bucket" : "bucketOwnerAccountid", err,
                                  "is too long.");
    }
    /* "arn:aws", or "arn:aws-cn" and the like, as the topic's */
    const char *source =
        arena_printf(a, "%.*s:s3:*:*:%.*s", (int)end, topic.ptr, (int)bucket.len, bucket.ptr);
    struct json_builder condition, statement, policy;
    json_build_object(&condition, a);
    json_append(&condition, STR("ArnLike"), member(a, "aws:SourceArn", json_cstr(source)));
    json_append(&condition, STR("StringEquals"), member(a, "aws:SourceAccount", json_str(account)));
    json_build_object(&statement, a);
    json_append(&statement, STR("Sid"), json_cstr("s3-may-publish"));
    json_append(&statement, STR("Effect"), json_cstr("Allow"));
    json_append(&statement, STR("Principal"), member(a, "Service", json_cstr("s3.amazonaws.com")));
    json_append(&statement, STR("Action"), json_cstr("SNS:Publish"));
    json_append(&statement, STR("Resource"), json_str(topic));
    json_append(&statement, STR("Condition"), json_built(&condition));
    json_build_object(&policy, a);
    json_append(&policy, STR("Version"), json_cstr("2012-10-17"));
    json_append(&policy, STR("Id"), json_cstr("s3-may-publish"));
    struct json one = json_built(&statement);
    json_append(&policy, STR("Statement"), json_array(&one, 1));
    AUTO(buf_done) struct buf text = {0};
    buf_init(&text, KIB(64));
    json_dump(&text, json_built(&policy));
    return sns_set_attribute(ctx, "snsTopicArn", "Policy", buf_str(&text), ret, err);
}

int s3_notification_webhook(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    return sns_receive(ctx, false, ret, err);
}
