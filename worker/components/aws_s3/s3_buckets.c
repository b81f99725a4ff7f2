/* Owns the actions on buckets. Called on the slot's thread, blocks in the HTTP client. */
#include "components/aws_s3/s3.h"

#define MAX_PAGES 100 /* of buckets, 1,000 each */

int s3_list_buckets(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct arena *a = action_arena(ctx);
    struct aws_session s;
    struct aws_request r;
    struct http_response reply = {0};
    struct json value, owner = json_undefined();
    struct str token = STR("");
    struct json_builder buckets, all;
    int rc = s3_start(ctx, "GET", &s, &r, err);
    if (rc < 0) {
        return rc;
    }
    json_build_array(&buckets, a);
    for (int page = 0; page == 0 || (token.len && page < MAX_PAGES); page++) {
        aws_request_init(&r, AWS_S3, "GET");
        aws_query(&r, "max-buckets", STR("1000")); /* large accounts must ask for pages */
        aws_query_if(&r, "continuation-token", token);
        rc = s3_send_xml(ctx, &s, &r, s3_rules, &reply, &value, err);
        if (rc < 0) {
            return rc;
        }
        struct json found = json_get(value, STR("Buckets"));
        for (uint32_t i = 0; found.type == JSON_ARRAY && i < found.len; i++) {
            json_push(&buckets, found.items[i]);
        }
        owner = json_get(value, STR("Owner"));
        token = json_as_str(json_get(value, STR("ContinuationToken")));
    }
    json_build_object(&all, a);
    json_append(&all, STR("Buckets"), json_built(&buckets));
    if (owner.type == JSON_OBJECT) {
        json_append(&all, STR("Owner"), owner);
    }
    ret->data = aws_result(ctx, &reply, json_built(&all));
    return 0;
}

int s3_create_bucket(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct aws_session s;
    struct aws_request r;
    struct http_response reply;
    struct json_member where;
    int rc = s3_start(ctx, "PUT", &s, &r, err);
    rc = rc == 0 ? s3_add_acl(ctx, &r, err) : rc;
    if (rc < 0) {
        return rc;
    }
    r.path_style = true; /* its name may not be known to the DNS yet */
    r.has_body = true;
    if (!str_eq(s.region, STR("us-east-1"))) {
        where = (struct json_member){STR("LocationConstraint"), json_str(s.region)};
        rc = s3_body_xml(ctx, &r, "CreateBucketConfiguration", s3_rules, json_object(&where, 1),
                         "awsRegion", err);
    }
    rc = rc == 0 ? aws_send(ctx, &s, &r, &reply, err) : rc;
    if (rc < 0) {
        return rc;
    }
    struct str location = http_response_header(&reply, "location");
    where = (struct json_member){STR("Location"), json_str(location)};
    bool known = location.len && str_utf8_valid(location);
    ret->data = aws_result(ctx, &reply, json_object(&where, known ? 1 : 0));
    return 0;
}

int s3_delete_bucket(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct aws_session s;
    struct aws_request r;
    int rc = s3_start(ctx, "DELETE", &s, &r, err);
    return rc == 0 ? s3_send_head(ctx, &s, &r, ret, err) : rc;
}

int s3_head_bucket(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct aws_session s;
    struct aws_request r;
    int rc = s3_start(ctx, "HEAD", &s, &r, err);
    return rc == 0 ? s3_send_head(ctx, &s, &r, ret, err) : rc;
}

int s3_bucket_location(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct aws_session s;
    struct aws_request r;
    struct http_response reply;
    struct aws_refusal why;
    int rc = s3_start(ctx, "GET", &s, &r, err);
    if (rc < 0) {
        return rc;
    }
    r.path_style = true; /* the bucket's own host would be that of its region */
    r.max_response_bytes = KIB(64);
    aws_query(&r, "location", STR(""));
    rc = aws_exchange(ctx, &s, &r, &reply, &why, err);
    if (rc < 0) {
        return rc;
    }
    struct str region = STR("");
    if (rc == 1) {
        if (why.region.len == 0 || !str_utf8_valid(why.region)) {
            return aws_refused(ctx, &s, &r, &why, err);
        }
        region = why.region; /* the refusal says what was asked */
    } else {
        struct str root;
        struct json value;
        rc = aws_xml_read(ctx, str_trim(reply.body), s3_rules, &root, &value, err);
        if (rc < 0) {
            return rc;
        }
        struct json inner = json_get(value, STR("LocationConstraint"));
        region = str_trim(json_as_str(inner.type == JSON_STRING ? inner : value));
    }
    if (region.len == 0) {
        region = STR("us-east-1");
    } else if (str_eq(region, STR("EU"))) { /* what it was called at first */
        region = STR("eu-west-1");
    }
    ret->data = json_str(region);
    return 0;
}
