/* Owns what the actions of S3 have in common: inputs to requests, answers to results. Called on the
 * slot's thread, blocks in the HTTP client. */
#include <openssl/evp.h>
#include <time.h>

#include "components/aws_s3/s3.h"
#include "enc.h"
#include "expr/value.h"

#define XML_BODY_MAX MIB(2) /* the largest, 1,000 keys of 1,024 bytes to delete, escaped */
#define XMLNS        "http://s3.amazonaws.com/doc/2006-03-01/"

const char *const s3_acls[] = {
    "private",       "public-read",       "public-read-write",         "authenticated-read",
    "aws-exec-read", "bucket-owner-read", "bucket-owner-full-control", NULL,
};

const struct aws_xml_rule s3_rules[] = {
    {"Contents", NULL, AWS_XML_LIST},     {"CommonPrefixes", NULL, AWS_XML_LIST},
    {"Buckets", NULL, AWS_XML_ITEMS},     {"Deleted", NULL, AWS_XML_LIST},
    {"Error", "Errors", AWS_XML_LIST},    {"Upload", "Uploads", AWS_XML_LIST},
    {"Part", "Parts", AWS_XML_LIST},      {"Size", NULL, AWS_XML_NUMBER},
    {"ObjectSize", NULL, AWS_XML_NUMBER}, {"KeyCount", NULL, AWS_XML_NUMBER},
    {"MaxKeys", NULL, AWS_XML_NUMBER},    {"MaxParts", NULL, AWS_XML_NUMBER},
    {"MaxUploads", NULL, AWS_XML_NUMBER}, {"PartNumber", NULL, AWS_XML_NUMBER},
    {"PartsCount", NULL, AWS_XML_NUMBER}, {"Days", NULL, AWS_XML_NUMBER},
    {"Years", NULL, AWS_XML_NUMBER},      {"IsTruncated", NULL, AWS_XML_BOOL},
    {"DeleteMarker", NULL, AWS_XML_BOOL}, {0},
};

int s3_start(struct action_context *ctx, const char *method, struct aws_session *ret_session,
             struct aws_request *ret, struct err *err)
{
    aws_request_init(ret, AWS_S3, method);
    if (aws_has_input(ctx, "bucket")) {
        int rc = aws_text(ctx, "bucket", &ret->bucket, err);
        if (rc < 0) {
            return rc;
        }
        if (ret->bucket.len == 0) {
            return action_input_error(ctx, "bucket", err, "is empty.");
        }
    }
    if (aws_has_input(ctx, "objectKey")) {
        int rc = action_input_text(ctx, "objectKey", &ret->key, err);
        if (rc < 0) {
            return rc;
        }
        if (ret->key.len == 0) {
            return action_input_error(ctx, "objectKey", err, "is empty.");
        }
    }
    return aws_session_read(
        ctx, aws_has_input(ctx, "awsConnection") ? "awsConnection" : "accessKey", ret_session, err);
}

/* --- answers -------------------------------------------------------------------------------------
 */

enum header_kind { HEADER_TEXT, HEADER_NUMBER, HEADER_BOOL, HEADER_DATE };
static const struct {
    const char *header, *member;
    enum header_kind kind;
} header_members[] = {
    {"accept-ranges", "AcceptRanges", HEADER_TEXT},
    {"cache-control", "CacheControl", HEADER_TEXT},
    {"content-disposition", "ContentDisposition", HEADER_TEXT},
    {"content-encoding", "ContentEncoding", HEADER_TEXT},
    {"content-language", "ContentLanguage", HEADER_TEXT},
    {"content-length", "ContentLength", HEADER_NUMBER},
    {"content-type", "ContentType", HEADER_TEXT},
    {"etag", "ETag", HEADER_TEXT},
    {"last-modified", "LastModified", HEADER_DATE},
    {"x-amz-bucket-region", "BucketRegion", HEADER_TEXT},
    {"x-amz-copy-source-version-id", "CopySourceVersionId", HEADER_TEXT},
    {"x-amz-delete-marker", "DeleteMarker", HEADER_BOOL},
    {"x-amz-expiration", "Expiration", HEADER_TEXT},
    {"x-amz-mp-parts-count", "PartsCount", HEADER_NUMBER},
    {"x-amz-object-lock-mode", "ObjectLockMode", HEADER_TEXT},
    {"x-amz-object-lock-retain-until-date", "ObjectLockRetainUntilDate", HEADER_TEXT},
    {"x-amz-replication-status", "ReplicationStatus", HEADER_TEXT},
    {"x-amz-restore", "Restore", HEADER_TEXT},
    {"x-amz-server-side-encryption", "ServerSideEncryption", HEADER_TEXT},
    {"x-amz-server-side-encryption-aws-kms-key-id", "SSEKMSKeyId", HEADER_TEXT},
    {"x-amz-storage-class", "StorageClass", HEADER_TEXT},
    {"x-amz-tagging-count", "TagCount", HEADER_NUMBER},
    {"x-amz-version-id", "VersionId", HEADER_TEXT},
};

/* "Wed, 12 Oct 2009 17:50:00 GMT" as ISO 8601; as it is when it is written otherwise. */
static struct json date_value(struct action_context *ctx, struct str text)
{
    struct tm tm = {0};
    const char *date = arena_strndup(action_arena(ctx), text.ptr, text.len);
    const char *end = strptime(date, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    if (!end || *end) {
        return json_str(text);
    }
    return json_cstr(arena_printf(action_arena(ctx), "%04d-%02d-%02dT%02d:%02d:%02d.000Z",
                                  tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
                                  tm.tm_min, tm.tm_sec));
}

static struct json header_value(struct action_context *ctx, struct str text, enum header_kind kind)
{
    int64_t n;
    switch (kind) {
    case HEADER_TEXT:
        break;
    case HEADER_NUMBER:
        return str_to_i64(text, &n) ? json_num((double)n) : json_str(text);
    case HEADER_BOOL:
        return json_bool(str_eq_ci(text, STR("true")));
    case HEADER_DATE:
        return date_value(ctx, text);
    }
    return json_str(text);
}

void s3_headers(struct action_context *ctx, const struct http_response *r, bool of_object,
                struct json_builder *b)
{
    for (size_t i = 0; i < ARRAY_LEN(header_members); i++) {
        struct str text = http_response_header(r, header_members[i].header);
        bool of_body = str_starts(str_of(header_members[i].header), STR("content-"));
        if (of_body && !of_object) {
            continue; /* of the answer's own body */
        }
        if (text.len && str_utf8_valid(text)) {
            json_append(b, str_of(header_members[i].member),
                        header_value(ctx, text, header_members[i].kind));
        }
    }
    struct json_builder own;
    json_build_object(&own, action_arena(ctx));
    for (size_t i = 0; i < r->n_headers; i++) {
        struct str name = r->headers[i].name, prefix = STR("x-amz-meta-");
        if (name.len > prefix.len && str_eq_ci(str_n(name.ptr, prefix.len), prefix) &&
            str_utf8_valid(name) && str_utf8_valid(r->headers[i].value)) {
            json_set(&own, str_n(name.ptr + prefix.len, name.len - prefix.len),
                     json_str(r->headers[i].value));
        }
    }
    if (own.len) {
        json_append(b, STR("Metadata"), json_built(&own));
    }
}

int s3_send_head(struct action_context *ctx, const struct aws_session *s, struct aws_request *r,
                 struct action_result *ret, struct err *err)
{
    struct http_response reply;
    struct json_builder b;
    int rc = aws_send(ctx, s, r, &reply, err);
    if (rc < 0) {
        return rc;
    }
    json_build_object(&b, action_arena(ctx));
    s3_headers(ctx, &reply, str_eq(r->method, STR("HEAD")) && r->key.len, &b);
    ret->data = aws_result(ctx, &reply, json_built(&b));
    return 0;
}

int s3_send_xml(struct action_context *ctx, const struct aws_session *s, struct aws_request *r,
                const struct aws_xml_rule *rules, struct http_response *ret_r, struct json *ret,
                struct err *err)
{
    r->max_response_bytes = AWS_XML_MAX_BYTES;
    int rc = aws_send(ctx, s, r, ret_r, err);
    if (rc < 0) {
        return rc;
    }
    struct str root = STR("");
    struct json value = json_object(NULL, 0);
    if (str_trim(ret_r->body).len) {
        rc = aws_xml_read(ctx, str_trim(ret_r->body), rules, &root, &value, err);
        if (rc < 0) {
            return rc;
        }
    }
    if (str_eq(root, STR("Error"))) { /* it failed after the answer had begun */
        struct aws_refusal why = {
            .status = ret_r->status,
            .code = json_as_str(json_get(value, STR("Code"))),
            .message = json_as_str(json_get(value, STR("Message"))),
            .region = STR(""),
            .bucket = STR(""),
        };
        rc = aws_refused(ctx, s, r, &why, err);
        if (err) {
            err->retryable = true;
        }
        return rc;
    }
    *ret = value;
    return 0;
}

/* --- requests ------------------------------------------------------------------------------------
 */

static const char *md5_base64(struct arena *a, struct str data)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int len = 0;
    char text[4 * EVP_MAX_MD_SIZE];
    ASSERT(EVP_Digest(data.ptr, data.len, digest, &len, EVP_md5(), NULL) == 1);
    (void)enc_base64(str_n((const char *)digest, len), text, sizeof(text));
    return arena_strdup(a, text);
}

int s3_body_xml(struct action_context *ctx, struct aws_request *r, const char *root,
                const struct aws_xml_rule *rules, struct json value, const char *key,
                struct err *err)
{
    struct arena *a = action_arena(ctx);
    AUTO(buf_done) struct buf b = {0}, whole = {0};
    buf_init(&b, XML_BODY_MAX);
    buf_init(&whole, XML_BODY_MAX + KIB(1));
    if (aws_xml_write(ctx, &b, rules, str_of(root), value) < 0) {
        return action_input_error(ctx, key, err,
                                  "holds names or control characters that cannot be sent, or is "
                                  "nested too deeply.");
    }
    if (b.full) {
        return action_input_error(ctx, key, err, "is larger than 2 MB.");
    }
    size_t head = strlen(root) + 1; /* "<Root" */
    buf_add(&whole, b.data, head);
    buf_adds(&whole, " xmlns=\"" XMLNS "\"");
    buf_add(&whole, b.data + head, b.len - head);
    r->body = str_n(arena_strndup(a, whole.data, whole.len), whole.len);
    r->has_body = true;
    http_headers_add(&r->headers, STR("Content-Type"), STR("application/xml"));
    http_headers_add(&r->headers, STR("Content-MD5"), str_of(md5_base64(a, r->body)));
    return 0;
}

int s3_add_acl(struct action_context *ctx, struct aws_request *r, struct err *err)
{
    struct str acl;
    int rc = aws_text(ctx, "acl", &acl, err);
    if (rc < 0 || acl.len == 0) {
        return rc;
    }
    for (size_t i = 0; s3_acls[i]; i++) {
        if (str_eq(acl, str_of(s3_acls[i]))) {
            http_headers_add(&r->headers, STR("x-amz-acl"), acl);
            return 0;
        }
    }
    return action_input_error(ctx, "acl", err, "must be one of the canned ACLs, like private.");
}

int s3_add_tagging(struct action_context *ctx, struct aws_request *r, struct err *err)
{
    struct json tags;
    int rc = action_input_object(ctx, "tagging", &tags, err);
    if (rc < 0 || tags.len == 0) {
        return rc;
    }
    if (tags.len > 10) {
        return action_input_error(ctx, "tagging", err, "holds more than 10 tags.");
    }
    AUTO(buf_done) struct buf b = {0};
    buf_init(&b, KIB(16));
    for (uint32_t i = 0; i < tags.len; i++) {
        buf_adds(&b, i ? "&" : "");
        enc_percent(&b, tags.members[i].key);
        buf_addc(&b, '=');
        struct json v = tags.members[i].value;
        enc_percent(&b, json_is_nullish(v) ? STR("") : value_to_text(action_arena(ctx), v));
    }
    if (b.full) {
        return action_input_error(ctx, "tagging", err, "is longer than S3 allows.");
    }
    http_headers_add(&r->headers, STR("x-amz-tagging"),
                     str_n(arena_strndup(action_arena(ctx), b.data, b.len), b.len));
    return 0;
}
