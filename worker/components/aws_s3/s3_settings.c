/* Owns settings of buckets and objects: event notifications and object lock. Called on the slot's
 * thread, blocks in the HTTP client. */
#include <math.h>

#include "components/aws_s3/s3.h"
#include "expr/value.h"

const char *const s3_retention_modes[] = {"GOVERNANCE", "COMPLIANCE", NULL};

static const struct aws_xml_rule notification_rules[] = {
    {"TopicConfiguration", "TopicConfigurations", AWS_XML_LIST},
    {"QueueConfiguration", "QueueConfigurations", AWS_XML_LIST},
    {"CloudFunctionConfiguration", "LambdaFunctionConfigurations", AWS_XML_LIST},
    {"Topic", "TopicArn", AWS_XML_TEXT},
    {"Queue", "QueueArn", AWS_XML_TEXT},
    {"CloudFunction", "LambdaFunctionArn", AWS_XML_TEXT},
    {"Event", "Events", AWS_XML_LIST},
    {"S3Key", "Key", AWS_XML_TEXT},
    {"FilterRule", "FilterRules", AWS_XML_LIST},
    {"Error", "Errors", AWS_XML_LIST},
    {0},
};

/* --- event notifications -------------------------------------------------------------------------
 */

static int get_notification(struct action_context *ctx, const struct aws_session *s,
                            struct str bucket, struct str owner, struct http_response *ret_r,
                            struct json *ret, struct err *err)
{
    struct aws_request r;
    aws_request_init(&r, AWS_S3, "GET");
    r.bucket = bucket;
    aws_query(&r, "notification", STR(""));
    if (owner.len) {
        http_headers_add(&r.headers, STR("x-amz-expected-bucket-owner"), owner);
    }
    return s3_send_xml(ctx, s, &r, notification_rules, ret_r, ret, err);
}

static int put_notification(struct action_context *ctx, const struct aws_session *s,
                            struct str bucket, struct str owner, struct json value, const char *key,
                            struct action_result *ret, struct err *err)
{
    struct aws_request r;
    aws_request_init(&r, AWS_S3, "PUT");
    r.bucket = bucket;
    aws_query(&r, "notification", STR(""));
    if (owner.len) {
        http_headers_add(&r.headers, STR("x-amz-expected-bucket-owner"), owner);
    }
    int rc = s3_body_xml(ctx, &r, "NotificationConfiguration", notification_rules, value, key, err);
    return rc == 0 ? s3_send_head(ctx, s, &r, ret, err) : rc;
}

int s3_get_notification(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct aws_session s;
    struct aws_request r;
    struct http_response reply;
    struct json value;
    int rc = s3_start(ctx, "GET", &s, &r, err);
    rc = rc == 0 ? get_notification(ctx, &s, r.bucket, STR(""), &reply, &value, err) : rc;
    if (rc == 0) {
        ret->data = aws_result(ctx, &reply, value);
    }
    return rc;
}

int s3_put_notification(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    static const char *const inputs[][2] = {
        {"topicConfigurations", "TopicConfigurations"},
        {"queueConfigurations", "QueueConfigurations"},
        {"lambdaFunctionConfigurations", "LambdaFunctionConfigurations"},
    };
    struct aws_session s;
    struct aws_request r;
    struct json_builder all;
    struct json value;
    int rc = s3_start(ctx, "PUT", &s, &r, err);
    json_build_object(&all, action_arena(ctx));
    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(inputs); i++) {
        rc = action_input_list(ctx, inputs[i][0], &value, err);
        for (uint32_t k = 0; rc == 0 && k < value.len; k++) {
            if (value.items[k].type != JSON_OBJECT) {
                rc = action_input_error(ctx, inputs[i][0], err,
                                        "item %u is not an object like {Id, TopicArn, Events}.",
                                        k + 1);
            }
        }
        if (rc == 0 && value.len) {
            json_append(&all, str_of(inputs[i][1]), value);
        }
    }
    rc = rc == 0 ? action_input_object(ctx, "eventBridgeConfiguration", &value, err) : rc;
    if (rc < 0) {
        return rc;
    }
    if (!json_is_nullish(action_input(ctx, "eventBridgeConfiguration"))) {
        json_append(&all, STR("EventBridgeConfiguration"), json_object(NULL, 0));
    }
    return put_notification(ctx, &s, r.bucket, STR(""), json_built(&all), "topicConfigurations",
                            ret, err);
}

/* The configurations without the one of that id, and the new one at the end. */
static struct json replaced(struct arena *a, struct json configurations, struct str id,
                            struct json own)
{
    struct json_builder b;
    json_build_array(&b, a);
    for (uint32_t i = 0; configurations.type == JSON_ARRAY && i < configurations.len; i++) {
        if (!str_eq(json_as_str(json_get(configurations.items[i], STR("Id"))), id)) {
            json_push(&b, configurations.items[i]);
        }
    }
    json_push(&b, own);
    return json_built(&b);
}

int s3_add_notification(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct arena *a = action_arena(ctx);
    struct aws_session s;
    struct aws_request r;
    struct http_response reply;
    struct str name, topic, owner;
    struct json events, before;
    int rc = s3_start(ctx, "PUT", &s, &r, err);
    rc = rc == 0 ? aws_text(ctx, "eventNotificationName", &name, err) : rc;
    rc = rc == 0 ? aws_text(ctx, "snsTopicArn", &topic, err) : rc;
    rc = rc == 0 ? aws_text(ctx, "bucketOwnerAccountid", &owner, err) : rc;
    rc = rc == 0 ? action_input_list(ctx, "eventsList", &events, err) : rc;
    if (rc < 0) {
        return rc;
    }
    if (owner.len > 255) {
        return action_input_error(ctx, "bucketOwnerAccountid", err, "is too long.");
    }
    if (events.len == 0 || events.len > 100) {
        return action_input_error(ctx, "eventsList", err, "must name 1 to 100 types of events.");
    }
    rc = get_notification(ctx, &s, r.bucket, owner, &reply, &before, err);
    if (rc < 0) {
        return rc;
    }
    struct json_member *own = arena_array(a, 3, sizeof(*own));
    own[0] = (struct json_member){STR("Id"), json_str(name)};
    own[1] = (struct json_member){STR("TopicArn"), json_str(topic)};
    own[2] = (struct json_member){STR("Events"), events};
    struct json_builder all;
    json_build_object(&all, a);
    for (uint32_t i = 0; before.type == JSON_OBJECT && i < before.len; i++) {
        json_append(&all, before.members[i].key, before.members[i].value);
    }
    struct json topics = json_get(before, STR("TopicConfigurations"));
    json_set(&all, STR("TopicConfigurations"), replaced(a, topics, name, json_object(own, 3)));
    return put_notification(ctx, &s, r.bucket, owner, json_built(&all), "eventsList", ret, err);
}

/* --- object lock ---------------------------------------------------------------------------------
 */

static int get_setting(struct action_context *ctx, const char *query, const char *member,
                       bool versions, struct action_result *ret, struct err *err)
{
    struct aws_session s;
    struct aws_request r;
    struct http_response reply;
    struct json_member m = {.key = str_of(member)};
    struct str version = STR("");
    int rc = s3_start(ctx, "GET", &s, &r, err);
    rc = rc == 0 && versions ? aws_text(ctx, "versionId", &version, err) : rc;
    if (rc < 0) {
        return rc;
    }
    aws_query(&r, query, STR(""));
    aws_query_if(&r, "versionId", version);
    rc = s3_send_xml(ctx, &s, &r, s3_rules, &reply, &m.value, err);
    if (rc == 0) {
        ret->data = aws_result(ctx, &reply, json_object(&m, 1));
    }
    return rc;
}

int s3_get_lock(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    return get_setting(ctx, "object-lock", "ObjectLockConfiguration", false, ret, err);
}

int s3_get_retention(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    return get_setting(ctx, "retention", "Retention", true, ret, err);
}

static int read_mode(struct action_context *ctx, const char *key, struct str *ret, struct err *err)
{
    int rc = aws_text(ctx, key, ret, err);
    if (rc < 0 || ret->len == 0) {
        return rc;
    }
    for (size_t i = 0; s3_retention_modes[i]; i++) {
        if (str_eq_ci(*ret, str_of(s3_retention_modes[i]))) {
            *ret = str_of(s3_retention_modes[i]);
            return 0;
        }
    }
    return action_input_error(ctx, key, err, "must be GOVERNANCE or COMPLIANCE.");
}

int s3_put_lock(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct aws_session s;
    struct aws_request r;
    struct str mode;
    double days, years;
    int rc = s3_start(ctx, "PUT", &s, &r, err);
    rc = rc == 0 ? read_mode(ctx, "defaultRetentionMode", &mode, err) : rc;
    rc = rc == 0 ? action_input_number(ctx, "defaultRetentionDays", &days, err) : rc;
    rc = rc == 0 ? action_input_number(ctx, "defaultRetentionYears", &years, err) : rc;
    if (rc < 0) {
        return rc;
    }
    const char *unit = isnan(days) ? "defaultRetentionYears" : "defaultRetentionDays";
    double n = isnan(days) ? years : days;
    if ((!isnan(days) && !isnan(years)) || (mode.len > 0) == isnan(n)) {
        return action_input_error(ctx, "defaultRetentionMode", err,
                                  "is given together with either days or years, or none of the "
                                  "three is.");
    }
    if (!isnan(n) && (n < 1 || n > 36500 || n != trunc(n))) {
        return action_input_error(ctx, unit, err, "must be a whole number above 0.");
    }
    struct json_member retention[2] = {
        {STR("Mode"), json_str(mode)},
        {isnan(days) ? STR("Years") : STR("Days"), json_num(n)},
    };
    struct json_member rule = {STR("DefaultRetention"), json_object(retention, 2)};
    struct json_member all[2] = {{STR("ObjectLockEnabled"), json_cstr("Enabled")},
                                 {STR("Rule"), json_object(&rule, 1)}};
    rc = s3_body_xml(ctx, &r, "ObjectLockConfiguration", s3_rules,
                     json_object(all, isnan(n) ? 1 : 2), "defaultRetentionMode", err);
    aws_query(&r, "object-lock", STR(""));
    return rc == 0 ? s3_send_head(ctx, &s, &r, ret, err) : rc;
}

int s3_put_retention(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct aws_session s;
    struct aws_request r;
    struct str mode, until, version;
    int rc = s3_start(ctx, "PUT", &s, &r, err);
    rc = rc == 0 ? read_mode(ctx, "retentionMode", &mode, err) : rc;
    rc = rc == 0 ? aws_text(ctx, "retainUntilDate", &until, err) : rc;
    rc = rc == 0 ? aws_text(ctx, "versionId", &version, err) : rc;
    if (rc < 0) {
        return rc;
    }
    if ((mode.len > 0) != (until.len > 0)) {
        return action_input_error(ctx, mode.len ? "retainUntilDate" : "retentionMode", err,
                                  "is needed as well: mode and date are given both or neither.");
    }
    struct json_member all[2] = {{STR("Mode"), json_str(mode)},
                                 {STR("RetainUntilDate"), json_str(until)}};
    rc = s3_body_xml(ctx, &r, "Retention", s3_rules, json_object(all, mode.len ? 2 : 0),
                     "retainUntilDate", err);
    aws_query(&r, "retention", STR(""));
    aws_query_if(&r, "versionId", version);
    return rc == 0 ? s3_send_head(ctx, &s, &r, ret, err) : rc;
}
