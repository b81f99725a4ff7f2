/* Owns requests about SNS topics and subscriptions. Called on the slot's thread, blocks in the HTTP
 * client. It refuses what is no ARN before it is sent. */
#include "components/aws/sns_topics.h"

int sns_send(struct action_context *ctx, const struct aws_form *f, struct action_result *ret,
             struct err *err)
{
    struct aws_session s;
    struct http_response reply;
    struct json value;
    int rc = aws_session_read(ctx, "awsConnection", &s, err);
    rc = rc == 0 ? aws_query_send(ctx, &s, AWS_SNS, f, &reply, &value, err) : rc;
    if (rc == 0) {
        ret->data = aws_result(ctx, &reply, value);
    }
    return rc;
}

int sns_add_arn(struct action_context *ctx, struct aws_form *f, const char *name, const char *key,
                struct err *err)
{
    struct str arn;
    int rc = aws_text(ctx, key, &arn, err);
    if (rc < 0) {
        return rc;
    }
    if (!str_starts(arn, STR("arn:")) || arn.len > 512) {
        return action_input_error(ctx, key, err,
                                  "\"%.*s\" is not an ARN; one looks like "
                                  "arn:aws:sns:us-east-1:123456789012:orders.",
                                  (int)MIN(arn.len, 60), arn.ptr);
    }
    aws_form_add(f, name, arn);
    return 0;
}

int sns_create_topic(struct action_context *ctx, const char *name_key, struct action_result *ret,
                     struct err *err)
{
    AUTO(aws_form_done) struct aws_form f = {0};
    struct str name;
    aws_form_init(&f, "CreateTopic", SNS_VERSION);
    int rc = aws_text(ctx, name_key, &name, err);
    if (rc < 0) {
        return rc;
    }
    /* SNS takes letters, digits, dashes and underscores; ids of this platform end in "=". */
    AUTO(buf_done) struct buf b = {0};
    buf_init(&b, KIB(1));
    bool fifo = str_ends(name, STR(".fifo"));
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool allowed = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || (fifo && i + 5 == name.len);
        buf_addc(&b, allowed ? c : '_');
    }
    if (name.len == 0 || name.len > 256) {
        return action_input_error(ctx, name_key, err, "must have 1 to 256 characters.");
    }
    aws_form_add(&f, "Name", buf_str(&b));
    if (fifo) {
        aws_form_add(&f, "Attributes.entry.1.key", STR("FifoTopic"));
        aws_form_add(&f, "Attributes.entry.1.value", STR("true"));
    }
    return sns_send(ctx, &f, ret, err);
}

int sns_subscribe(struct action_context *ctx, const char *topic_key, struct str protocol,
                  struct str endpoint, struct action_result *ret, struct err *err)
{
    AUTO(aws_form_done) struct aws_form f = {0};
    aws_form_init(&f, "Subscribe", SNS_VERSION);
    aws_form_add(&f, "Protocol", protocol);
    aws_form_add(&f, "Endpoint", endpoint);
    aws_form_add(&f, "ReturnSubscriptionArn", STR("true"));
    int rc = sns_add_arn(ctx, &f, "TopicArn", topic_key, err);
    return rc == 0 ? sns_send(ctx, &f, ret, err) : rc;
}

int sns_unsubscribe(struct action_context *ctx, const char *key, struct action_result *ret,
                    struct err *err)
{
    AUTO(aws_form_done) struct aws_form f = {0};
    aws_form_init(&f, "Unsubscribe", SNS_VERSION);
    int rc = sns_add_arn(ctx, &f, "SubscriptionArn", key, err);
    return rc == 0 ? sns_send(ctx, &f, ret, err) : rc;
}

int sns_set_attribute(struct action_context *ctx, const char *topic_key, const char *attribute,
                      struct str value, struct action_result *ret, struct err *err)
{
    AUTO(aws_form_done) struct aws_form f = {0};
    aws_form_init(&f, "SetTopicAttributes", SNS_VERSION);
    aws_form_add(&f, "AttributeName", str_of(attribute));
    aws_form_add(&f, "AttributeValue", value);
    int rc = sns_add_arn(ctx, &f, "TopicArn", topic_key, err);
    return rc == 0 ? sns_send(ctx, &f, ret, err) : rc;
}
