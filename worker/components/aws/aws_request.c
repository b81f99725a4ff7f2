/* Owns requests to AWS services: addresses, signing, sending and what refusals mean. Called on the
 * slot's thread, blocks in the HTTP client. It refuses regions, buckets and keys that would change
 * the meaning of a URL, and never follows a redirect, for which the signature would not hold. */
#include "components/aws/aws_request.h"

#include "clock.h"
#include "enc.h"

#define MAX_KEY_BYTES 1024
#define MAX_BUCKET    255
#define MAX_PARAMETER                                                                              \
    KIB(4) /* of a query, before it is encoded; tokens of pages are the longest                    \
            */

static const struct {
    const char *host; /* before ".<region>.amazonaws.com" */
    const char *name; /* for people */
} services[_AWS_SERVICE_N] = {
    [AWS_S3] = {"s3", "Amazon S3"},
    [AWS_SQS] = {"sqs", "Amazon SQS"},
    [AWS_SNS] = {"sns", "Amazon SNS"},
    [AWS_STS] = {"sts", "AWS STS"},
};

void aws_request_init(struct aws_request *r, enum aws_service service, const char *method)
{
    memset(r, 0, sizeof(*r));
    r->service = service;
    r->method = str_of(method);
    r->bucket = r->key = r->body = STR("");
}

void aws_query(struct aws_request *r, const char *name, struct str value)
{
    ASSERT(r->n_query < AWS_MAX_QUERY);
    r->query[r->n_query++] = (struct aws_pair){str_of(name), value};
}

void aws_query_if(struct aws_request *r, const char *name, struct str value)
{
    if (value.len) {
        aws_query(r, name, value);
    }
}

bool aws_has_input(struct action_context *ctx, const char *key)
{
    for (const struct action_input *in = action_descriptor(ctx)->inputs; in && in->key; in++) {
        if (strcmp(in->key, key) == 0) {
            return true;
        }
    }
    return false;
}

int aws_text(struct action_context *ctx, const char *key, struct str *ret, struct err *err)
{
    struct str text;
    int rc = action_input_text(ctx, key, &text, err);
    if (rc == 0) {
        *ret = str_trim(text);
    }
    return rc;
}

/* --- addresses -----------------------------------------------------------------------------------
 */

static bool plain_bucket(struct str bucket)
{
    for (size_t i = 0; i < bucket.len; i++) {
        char c = bucket.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
              (c == '-' && i > 0 && i + 1 < bucket.len))) {
            return false;
        }
    }
    return bucket.len >= 3 && bucket.len <= 63;
}

static bool possible_bucket(struct str bucket)
{
    for (size_t i = 0; i < bucket.len; i++) {
        char c = bucket.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '-' || c == '_' || (c == '.' && i > 0))) {
            return false;
        }
    }
    return bucket.len >= 3 && bucket.len <= MAX_BUCKET;
}

static int check_bucket(struct action_context *ctx, struct str bucket, struct err *err)
{
    if (possible_bucket(bucket)) {
        return 0;
    }
    const char *input = aws_has_input(ctx, "bucket") ? "bucket" : "destinationBucket";
    return action_input_error(
        ctx, input, err,
        "\"%.*s\" cannot be the name of a bucket: 3 to 63 lower-case letters, "
        "digits, dashes and dots.",
        (int)MIN(bucket.len, 80), bucket.ptr);
}

static int check_key(struct action_context *ctx, struct str key, struct err *err)
{
    const char *input = aws_has_input(ctx, "objectKey") ? "objectKey" : "destinationKey";
    if (key.len > MAX_KEY_BYTES) {
        return action_input_error(ctx, input, err, "is longer than %d bytes.", MAX_KEY_BYTES);
    }
    for (size_t at = 0; at <= key.len;) {
        ptrdiff_t slash = str_find(key, STR("/"), at);
        size_t end = slash < 0 ? key.len : (size_t)slash;
        struct str segment = str_n(key.ptr + at, end - at);
        if (str_eq(segment, STR(".")) || str_eq(segment, STR(".."))) {
            return action_input_error(ctx, input, err,
                                      "holds the segment \"%.*s\", which HTTP takes for a step in "
                                      "the path. Give the object another key.",
                                      (int)segment.len, segment.ptr);
        }
        at = end + 1;
    }
    return 0;
}

/* Before they are encoded, signed and put into a URL. */
static int check_parameters(const struct aws_request *r, struct err *err)
{
    for (size_t i = 0; i < r->n_query; i++) {
        if (r->query[i].value.len > MAX_PARAMETER) {
            return err_set(err, -EINVAL, "aws.too_large",
                           "The parameter %.*s of the request is longer than %zu bytes.",
                           (int)r->query[i].name.len, r->query[i].name.ptr, (size_t)MAX_PARAMETER);
        }
    }
    return 0;
}

/* Host and domain of Amazon's own service. */
static const char *amazon_host(struct action_context *ctx, const struct aws_session *s,
                               const struct aws_request *r, bool in_host)
{
    bool china = str_starts(s->region, STR("cn-"));
    return arena_printf(action_arena(ctx), "%.*s%s%s.%.*s.amazonaws.com%s",
                        in_host ? (int)r->bucket.len : 0, r->bucket.ptr, in_host ? "." : "",
                        services[r->service].host, (int)s->region.len, s->region.ptr,
                        china ? ".cn" : "");
}

int aws_target_of(struct action_context *ctx, const struct aws_session *s,
                  const struct aws_request *r, struct aws_target *ret, struct err *err)
{
    struct arena *a = action_arena(ctx);
    int rc = r->bucket.len ? check_bucket(ctx, r->bucket, err) : 0;
    rc = rc == 0 ? check_key(ctx, r->key, err) : rc;
    rc = rc == 0 ? check_parameters(r, err) : rc;
    if (rc < 0) {
        return rc;
    }
    bool in_host = s->endpoint.len == 0 && !r->path_style && plain_bucket(r->bucket);
    if (s->endpoint.len) {
        ret->base = s->endpoint;
        ret->host = http_url_host(s->endpoint);
    } else {
        ret->host = str_of(amazon_host(ctx, s, r, in_host));
        ret->base = str_of(arena_printf(a, "https://%.*s", (int)ret->host.len, ret->host.ptr));
    }
    AUTO(buf_done) struct buf b = {0};
    buf_init(&b, KIB(8));
    buf_addc(&b, '/');
    if (r->bucket.len && !in_host) {
        enc_percent(&b, r->bucket);
        buf_adds(&b, r->key.len ? "/" : "");
    }
    aws_encode_path(&b, r->key);
    ret->path = str_n(arena_strndup(a, b.data, b.len), b.len);
    return 0;
}

/* --- refusals ------------------------------------------------------------------------------------
 */

static const struct aws_xml_rule no_rules[] = {{0}};

/* <Error><Code/><Message/></Error>, alone or in <ErrorResponse>; or {"__type", "message"}. */
static void read_refusal(struct action_context *ctx, const struct http_response *r,
                         struct aws_refusal *ret)
{
    struct json body = json_undefined();
    struct str root;
    ret->status = r->status;
    ret->region = http_response_header(r, "x-amz-bucket-region");
    ret->code = ret->message = ret->bucket = STR("");
    struct str text = str_trim(r->body);
    if (text.len > KIB(64)) {
        return;
    }
    if (text.len && text.ptr[0] == '<') {
        if (aws_xml_read(ctx, text, no_rules, &root, &body, NULL) < 0) {
            return;
        }
        struct json inner = json_get(body, STR("Error"));
        body = inner.type == JSON_OBJECT ? inner : body;
        ret->code = json_as_str(json_get(body, STR("Code")));
        ret->message = json_as_str(json_get(body, STR("Message")));
        ret->bucket = json_as_str(json_get(body, STR("BucketName")));
        struct str region = json_as_str(json_get(body, STR("Region")));
        ret->region = region.len ? region : ret->region;
    } else if (text.len && action_parse_json(ctx, text, &body, NULL) == 0) {
        struct str type = json_as_str(json_get(body, STR("__type")));
        ptrdiff_t hash = str_find(type, STR("#"), 0);
        ret->code = hash < 0 ? type : str_n(type.ptr + hash + 1, type.len - (size_t)hash - 1);
        ret->message = json_as_str(json_get_ci(body, STR("message")));
    }
}

/* Codes that are about one input, the first of its names that the action has. */
static const struct {
    const char *code;
    const char *inputs[3];
} blamed[] = {
    {"NoSuchBucket", {"bucket", "destinationBucket"}},
    {"InvalidBucketName", {"bucket", "destinationBucket"}},
    {"BucketNotEmpty", {"bucket"}},
    {"BucketAlreadyExists", {"bucket"}},
    {"BucketAlreadyOwnedByYou", {"bucket"}},
    {"NoSuchKey", {"objectKey", "sourceKey"}},
    {"KeyTooLongError", {"objectKey", "destinationKey"}},
    {"NoSuchVersion", {"versionId"}},
    {"NoSuchUpload", {"uploadId"}},
    {"InvalidPart", {"parts"}},
    {"InvalidPartOrder", {"parts"}},
    {"EntityTooSmall", {"parts"}},
    {"EntityTooLarge", {"fileContents", "fileChunk"}},
    {"InvalidTag", {"tagging"}},
    {"AuthorizationHeaderMalformed", {"awsRegion"}},
    {"PermanentRedirect", {"awsRegion"}},
    {"IllegalLocationConstraintException", {"awsRegion"}},
    {"QueueDoesNotExist", {"url", "name"}},
    {"NonExistentQueue", {"url", "name"}},
    {"QueueNameExists", {"name"}},
    {"QueueDeletedRecently", {"name"}},
    {"ReceiptHandleIsInvalid", {"receiptHandle"}},
    {"InvalidMessageContents", {"message"}},
    {"NotFound", {"topicArn", "snsTopicArn", "subscriptionArn"}},
};
static const char *const credential_codes[] = {
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "ExpiredToken",
    "InvalidToken",
    "TokenRefreshNeeded",
    "InvalidClientTokenId",
    "UnrecognizedClient",
    "IncompleteSignature",
    "InvalidSignature",
    "MissingAuthenticationToken",
    "UnrecognizedClientException",
};
static const char *const later_codes[] = {
    "SlowDown",       "Throttling",           "ThrottlingException", "RequestThrottled",
    "RequestTimeout", "RequestLimitExceeded", "OperationAborted",    "TemporaryRedirect",
};

static bool listed(const char *const *codes, size_t n, struct str code)
{
    for (size_t i = 0; i < n; i++) {
        if (str_eq(code, str_of(codes[i]))) {
            return true;
        }
    }
    return false;
}

static const char *blame(struct action_context *ctx, const struct aws_session *s,
                         const struct aws_request *r, const struct aws_refusal *why)
{
    if (str_eq(why->code, STR("NoSuchBucket")) && why->bucket.len &&
        !str_eq(why->bucket, r->bucket) && aws_has_input(ctx, "sourceBucket")) {
        return "sourceBucket";
    }
    if (listed(credential_codes, ARRAY_LEN(credential_codes), why->code)) {
        return s->connection;
    }
    for (size_t i = 0; i < ARRAY_LEN(blamed); i++) {
        for (size_t k = 0; k < 3 && blamed[i].inputs[k]; k++) {
            if (str_eq(why->code, str_of(blamed[i].code)) &&
                aws_has_input(ctx, blamed[i].inputs[k])) {
                return blamed[i].inputs[k];
            }
        }
    }
    return NULL;
}

static struct str status_words(const struct aws_request *r, int status)
{
    switch (status) {
    case 301:
        return STR("it is in another region");
    case 403:
        return STR("access is denied");
    case 404:
        return r->key.len ? STR("the object does not exist") : STR("it does not exist");
    default:
        return STR("the request failed");
    }
}

int aws_refused(struct action_context *ctx, const struct aws_session *s,
                const struct aws_request *r, const struct aws_refusal *why, struct err *err)
{
    struct aws_refusal w = *why;
    if (w.message.len == 0 || !str_utf8_valid(w.message)) {
        w.message = status_words(r, w.status);
    }
    if (w.code.len == 0 && w.status == 404) { /* a HEAD has no body that says it */
        w.code = r->key.len ? STR("NoSuchKey") : r->bucket.len ? STR("NoSuchBucket") : STR("");
    }
    const char *hint = "";
    if (w.region.len && !str_eq(w.region, s->region) && aws_has_input(ctx, "awsRegion")) {
        w.code = w.code.len ? w.code : STR("PermanentRedirect");
        hint = arena_printf(action_arena(ctx), " (the bucket is in the region \"%.*s\"; give that)",
                            (int)MIN(w.region.len, 40), w.region.ptr);
    }
    const char *key = blame(ctx, s, r, &w);
    const char *input = "";
    if (key) {
        struct err named;
        err_clear(&named);
        (void)action_input_error(ctx, key, &named, "%s", "");
        input = arena_strdup(action_arena(ctx), named.message);
    }
    int rc = err_field(err, -EBADE, "aws.refused", key ? key : "", "%s%s answered %d%s%.*s: %.*s%s",
                       input, services[r->service].name, w.status, w.code.len ? " " : "",
                       (int)MIN(w.code.len, 60), w.code.ptr, (int)MIN(w.message.len, 250),
                       w.message.ptr, hint);
    if (err) {
        err->retryable = w.status >= 500 || w.status == 429 ||
                         listed(later_codes, ARRAY_LEN(later_codes), w.code);
    }
    return rc;
}

/* --- sending -------------------------------------------------------------------------------------
 */

int aws_exchange(struct action_context *ctx, const struct aws_session *s, struct aws_request *r,
                 struct http_response *ret, struct aws_refusal *ret_refusal, struct err *err)
{
    struct arena *a = action_arena(ctx);
    struct aws_target target;
    int rc = aws_target_of(ctx, s, r, &target, err);
    if (rc < 0) {
        return rc;
    }
    struct aws_signing signing = {
        .method = r->method,
        .host = target.host,
        .path = target.path,
        .region = s->region,
        .service = str_of(services[r->service].host),
        .query = r->query,
        .n_query = r->n_query,
        .body = r->has_body ? r->body : STR(""),
        .now_ns = clock_now_ns(),
    };
    aws_sign(a, &s->credentials, &signing, &r->headers);
    http_headers_add(&r->headers, STR("Host"), target.host);
    struct str query = aws_query_string(a, r->query, r->n_query);
    struct http_request req = {
        .method = r->method,
        .url = str_of(arena_printf(a, "%.*s%.*s%s%.*s", (int)target.base.len, target.base.ptr,
                                   (int)target.path.len, target.path.ptr, query.len ? "?" : "",
                                   (int)query.len, query.ptr)),
        .body = r->body,
        .has_body = r->has_body,
        .no_redirects = true,
        .max_response_bytes = r->max_response_bytes,
    };
    rc = http_exchange(ctx, &req, &r->headers, 0, ret, err);
    if (rc < 0) {
        return rc;
    }
    if (ret->status >= 200 && ret->status <= 299) {
        return 0;
    }
    read_refusal(ctx, ret, ret_refusal);
    return 1;
}

int aws_send(struct action_context *ctx, const struct aws_session *s, struct aws_request *r,
             struct http_response *ret, struct err *err)
{
    struct aws_refusal why;
    int rc = aws_exchange(ctx, s, r, ret, &why, err);
    return rc == 1 ? aws_refused(ctx, s, r, &why, err) : rc;
}

/* --- results -------------------------------------------------------------------------------------
 */

struct json aws_metadata(struct action_context *ctx, const struct http_response *r)
{
    static const char *const id_headers[] = {"x-amz-request-id", "x-amzn-requestid"};
    struct json_builder b;
    struct str id = STR(""), extended = http_response_header(r, "x-amz-id-2");
    json_build_object(&b, action_arena(ctx));
    json_append(&b, STR("httpStatusCode"), json_num(r->status));
    for (size_t i = 0; i < ARRAY_LEN(id_headers) && id.len == 0; i++) {
        id = http_response_header(r, id_headers[i]);
    }
    if (id.len && str_utf8_valid(id)) {
        json_append(&b, STR("requestId"), json_str(id));
    }
    if (extended.len && str_utf8_valid(extended)) {
        json_append(&b, STR("extendedRequestId"), json_str(extended));
    }
    return json_built(&b);
}

struct json aws_result(struct action_context *ctx, const struct http_response *r, struct json value)
{
    struct json_builder b;
    json_build_object(&b, action_arena(ctx));
    json_append(&b, STR("$metadata"), aws_metadata(ctx, r));
    for (uint32_t i = 0; value.type == JSON_OBJECT && i < value.len; i++) {
        if (!str_eq(value.members[i].key, STR("$metadata"))) {
            json_append(&b, value.members[i].key, value.members[i].value);
        }
    }
    return json_built(&b);
}
