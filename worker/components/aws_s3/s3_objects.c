/* Owns the actions on objects: reading, writing, copying, deleting, listing and presigned URLs.
 * Called on the slot's thread, blocks in the HTTP client. Sizes are those of the HTTP client; a
 * large object is one of the run's large values. */
#include <math.h>

#include "clock.h"
#include "components/aws_s3/s3.h"
#include "components/http/http_request_build.h"
#include "enc.h"
#include "expr/value.h"

#define MAX_DELETED 1000
#define MAX_EXPIRY  604800 /* 7 days, the most that signatures are valid for */
#define MAX_PARTS   1000   /* URLs at once */

const char *const s3_attributes[] = {"ETag",         "Checksum",   "ObjectParts",
                                     "StorageClass", "ObjectSize", NULL};
const char *const s3_directions[] = {"download", "upload", NULL};

static int add_version(struct action_context *ctx, struct aws_request *r, struct err *err)
{
    struct str version;
    int rc = aws_text(ctx, "versionId", &version, err);
    if (rc == 0) {
        aws_query_if(r, "versionId", version);
    }
    return rc;
}

int s3_get_object(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct aws_session s;
    struct aws_request r;
    struct http_response reply;
    int rc = s3_start(ctx, "GET", &s, &r, err);
    rc = rc == 0 ? add_version(ctx, &r, err) : rc;
    rc = rc == 0 ? aws_send(ctx, &s, &r, &reply, err) : rc;
    if (rc < 0) {
        return rc;
    }
    struct str type = http_response_header(&reply, "content-type");
    if (type.len && str_utf8_valid(type)) {
        ret->content_type = arena_strndup(action_arena(ctx), type.ptr, type.len);
    }
    return http_response_value(ctx, &reply, HTTP_AS_BINARY, &ret->data, err);
}

int s3_head_object(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct aws_session s;
    struct aws_request r;
    int rc = s3_start(ctx, "HEAD", &s, &r, err);
    rc = rc == 0 ? add_version(ctx, &r, err) : rc;
    return rc == 0 ? s3_send_head(ctx, &s, &r, ret, err) : rc;
}

int s3_object_attributes(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct aws_session s;
    struct aws_request r;
    struct http_response reply;
    struct json names, value;
    int rc = s3_start(ctx, "GET", &s, &r, err);
    rc = rc == 0 ? add_version(ctx, &r, err) : rc;
    rc = rc == 0 ? action_input_list(ctx, "objectAttributes", &names, err) : rc;
    if (rc < 0) {
        return rc;
    }
    AUTO(buf_done) struct buf b = {0};
    buf_init(&b, KIB(1));
    for (uint32_t i = 0; i < names.len; i++) {
        struct str name = str_trim(value_to_text(action_arena(ctx), names.items[i]));
        bool known = false;
        for (size_t k = 0; s3_attributes[k]; k++) {
            known = known || str_eq(name, str_of(s3_attributes[k]));
        }
        if (!known) {
            return action_input_error(ctx, "objectAttributes", err,
                                      "\"%.*s\" is not ETag, Checksum, ObjectParts, StorageClass "
                                      "or ObjectSize.",
                                      (int)MIN(name.len, 60), name.ptr);
        }
        buf_adds(&b, i ? "," : "");
        buf_add_str(&b, name);
    }
    if (b.len == 0 || b.full) {
        return action_input_error(ctx, "objectAttributes", err, "must name attributes to return.");
    }
    aws_query(&r, "attributes", STR(""));
    http_headers_add(&r.headers, STR("x-amz-object-attributes"),
                     str_of(arena_strdup(action_arena(ctx), b.data)));
    rc = s3_send_xml(ctx, &s, &r, s3_rules, &reply, &value, err);
    if (rc < 0) {
        return rc;
    }
    struct json_builder all;
    json_build_object(&all, action_arena(ctx));
    s3_headers(ctx, &reply, false, &all);
    for (uint32_t i = 0; value.type == JSON_OBJECT && i < value.len; i++) {
        json_set(&all, value.members[i].key, value.members[i].value);
    }
    ret->data = aws_result(ctx, &reply, json_built(&all));
    return 0;
}

int s3_put_object(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct aws_session s;
    struct aws_request r;
    int rc = s3_start(ctx, "PUT", &s, &r, err);
    rc = rc == 0 ? s3_add_acl(ctx, &r, err) : rc;
    rc = rc == 0 ? s3_add_tagging(ctx, &r, err) : rc;
    rc = rc == 0 ? http_build_body(ctx, "fileContents", &r.headers, &r.body, &r.has_body, err) : rc;
    r.has_body = true;
    return rc == 0 ? s3_send_head(ctx, &s, &r, ret, err) : rc;
}

int s3_copy_object(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct aws_session s;
    struct aws_request r;
    struct http_response reply;
    struct json value;
    struct str bucket, key;
    int rc = s3_start(ctx, "PUT", &s, &r, err);
    rc = rc == 0 ? aws_text(ctx, "destinationBucket", &r.bucket, err) : rc;
    rc = rc == 0 ? action_input_text(ctx, "destinationKey", &r.key, err) : rc;
    rc = rc == 0 ? aws_text(ctx, "sourceBucket", &bucket, err) : rc;
    rc = rc == 0 ? action_input_text(ctx, "sourceKey", &key, err) : rc;
    rc = rc == 0 ? s3_add_acl(ctx, &r, err) : rc;
    if (rc < 0) {
        return rc;
    }
    if (r.bucket.len == 0 || r.key.len == 0) {
        return action_input_error(ctx, r.key.len ? "destinationBucket" : "destinationKey", err,
                                  "is empty.");
    }
    if (bucket.len == 0 || bucket.len > 255 || key.len == 0 || key.len > 1024) {
        return action_input_error(ctx,
                                  bucket.len && bucket.len <= 255 ? "sourceKey" : "sourceBucket",
                                  err, "is empty or too long.");
    }
    AUTO(buf_done) struct buf b = {0};
    buf_init(&b, KIB(8));
    buf_addc(&b, '/');
    enc_percent(&b, bucket);
    buf_addc(&b, '/');
    aws_encode_path(&b, key);
    http_headers_add(&r.headers, STR("x-amz-copy-source"),
                     str_n(arena_strndup(action_arena(ctx), b.data, b.len), b.len));
    r.has_body = true;
    rc = s3_send_xml(ctx, &s, &r, s3_rules, &reply, &value, err);
    if (rc < 0) {
        return rc;
    }
    struct json_builder all;
    json_build_object(&all, action_arena(ctx));
    json_append(&all, STR("CopyObjectResult"), value);
    static const char *const versions[][2] = {
        {"x-amz-version-id", "VersionId"}, {"x-amz-copy-source-version-id", "CopySourceVersionId"}};
    for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
        struct str version = http_response_header(&reply, versions[i][0]);
        if (version.len && str_utf8_valid(version)) {
            json_append(&all, str_of(versions[i][1]), json_str(version));
        }
    }
    ret->data = aws_result(ctx, &reply, json_built(&all));
    return 0;
}

/* --- deleting ------------------------------------------------------------------------------------
 */

int s3_delete_object(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct aws_session s;
    struct aws_request r;
    int rc = s3_start(ctx, "DELETE", &s, &r, err);
    rc = rc == 0 ? add_version(ctx, &r, err) : rc;
    return rc == 0 ? s3_send_head(ctx, &s, &r, ret, err) : rc;
}

int s3_delete_objects(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    static const struct aws_xml_rule rules[] = {{"Object", "Objects", AWS_XML_LIST}, {0}};
    struct arena *a = action_arena(ctx);
    struct aws_session s;
    struct aws_request r;
    struct http_response reply;
    struct json keys, value;
    int rc = s3_start(ctx, "POST", &s, &r, err);
    rc = rc == 0 ? action_input_list(ctx, "objectKeys", &keys, err) : rc;
    if (rc < 0) {
        return rc;
    }
    if (keys.len == 0 || keys.len > MAX_DELETED) {
        return action_input_error(ctx, "objectKeys", err,
                                  "must be 1 to %d keys, and is %u. Delete the others in another "
                                  "step.",
                                  MAX_DELETED, keys.len);
    }
    struct json_builder objects;
    json_build_array(&objects, a);
    for (uint32_t i = 0; i < keys.len; i++) {
        struct json key = keys.items[i];
        struct json_member *m = arena_new_of(a, struct json_member);
        key = key.type == JSON_OBJECT ? json_get(key, STR("Key")) : key;
        if (json_is_nullish(key) || key.type == JSON_OBJECT || key.type == JSON_ARRAY) {
            return action_input_error(ctx, "objectKeys", err, "item %u is not a key.", i + 1);
        }
        *m = (struct json_member){STR("Key"), json_str(value_to_text(a, key))};
        json_push(&objects, json_object(m, 1));
    }
    struct json_member all = {STR("Objects"), json_built(&objects)};
    rc = s3_body_xml(ctx, &r, "Delete", rules, json_object(&all, 1), "objectKeys", err);
    if (rc < 0) {
        return rc;
    }
    aws_query(&r, "delete", STR(""));
    rc = s3_send_xml(ctx, &s, &r, s3_rules, &reply, &value, err);
    if (rc < 0) {
        return rc;
    }
    struct json errors = json_get(value, STR("Errors"));
    if (errors.type == JSON_ARRAY && errors.len) {
        struct json e = errors.items[0];
        struct str key = json_as_str(json_get(e, STR("Key")));
        struct str code = json_as_str(json_get(e, STR("Code")));
        struct str why = json_as_str(json_get(e, STR("Message")));
        return action_input_error(ctx, "objectKeys", err,
                                  "%u of %u objects were not deleted; the first, \"%.*s\": %.*s: "
                                  "%.*s",
                                  errors.len, keys.len, (int)MIN(key.len, 80), key.ptr,
                                  (int)MIN(code.len, 60), code.ptr, (int)MIN(why.len, 120),
                                  why.ptr);
    }
    ret->data = aws_result(ctx, &reply, value);
    return 0;
}

/* --- listing -------------------------------------------------------------------------------------
 */

/* maxKeys and continuationToken: inputs of their own or members of pagination. */
static int read_page(struct action_context *ctx, struct aws_request *r, struct err *err)
{
    struct json pagination;
    struct str token;
    double most;
    int rc = action_input_object(ctx, "pagination", &pagination, err);
    rc = rc == 0 ? aws_text(ctx, "continuationToken", &token, err) : rc;
    rc = rc == 0 ? action_input_number(ctx, "maxKeys", &most, err) : rc;
    if (rc < 0) {
        return rc;
    }
    const char *from = "maxKeys";
    struct json v = json_get(pagination, STR("maxKeys"));
    if (isnan(most) && !json_is_nullish(v) && str_trim(value_to_text(action_arena(ctx), v)).len) {
        most = value_to_number(v);
        from = isnan(most) ? "pagination" : from;
        most = isnan(most) ? 0 : most;
    }
    if (!isnan(most)) {
        if (most < 1 || most > 1000 || most != trunc(most)) {
            return action_input_error(ctx, from, err, "must be a whole number from 1 to 1000.");
        }
        aws_query(r, "max-keys", str_of(arena_printf(action_arena(ctx), "%d", (int)most)));
    }
    v = json_get(pagination, STR("continuationToken"));
    if (token.len == 0 && !json_is_nullish(v)) {
        token = str_trim(value_to_text(action_arena(ctx), v));
    }
    aws_query_if(r, "continuation-token", token);
    return 0;
}

static struct json decoded(struct arena *a, struct json v)
{
    if (v.type != JSON_STRING) {
        return v;
    }
    struct str text = enc_percent_decode(a, json_as_str(v), true);
    return str_utf8_valid(text) ? json_str(text) : v;
}

/* Keys are asked for percent-encoded, because XML cannot hold all of them; here they are again as
 * they are. */
static struct json decode_keys(struct arena *a, struct json v, unsigned depth)
{
    static const char *const names[] = {"Key", "Prefix", "Delimiter", "StartAfter"};
    struct json_builder b;
    if (v.type == JSON_ARRAY) {
        json_build_array(&b, a);
        for (uint32_t i = 0; i < v.len; i++) {
            json_push(&b, decode_keys(a, v.items[i], depth + 1));
        }
        return json_built(&b);
    }
    if (v.type != JSON_OBJECT || depth > 3) {
        return v;
    }
    json_build_object(&b, a);
    for (uint32_t i = 0; i < v.len; i++) {
        struct json member = v.members[i].value;
        for (size_t k = 0; k < ARRAY_LEN(names); k++) {
            member = str_eq(v.members[i].key, str_of(names[k])) ? decoded(a, member) : member;
        }
        if (!str_eq(v.members[i].key, STR("EncodingType"))) {
            json_append(&b, v.members[i].key, decode_keys(a, member, depth + 1));
        }
    }
    return json_built(&b);
}

struct json s3_decoded_keys(struct action_context *ctx, struct json value)
{
    bool encoded = str_eq(json_as_str(json_get(value, STR("EncodingType"))), STR("url"));
    return encoded ? decode_keys(action_arena(ctx), value, 0) : value;
}

int s3_list_objects(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct arena *a = action_arena(ctx);
    struct aws_session s;
    struct aws_request r;
    struct http_response reply;
    struct json value;
    struct str prefix, delimiter;
    bool full;
    int rc = s3_start(ctx, "GET", &s, &r, err);
    rc = rc == 0 ? action_input_text(ctx, "prefix", &prefix, err) : rc;
    rc = rc == 0 ? action_input_text(ctx, "delimiter", &delimiter, err) : rc;
    rc = rc == 0 ? action_input_bool(ctx, "includeMetadata", &full, err) : rc;
    rc = rc == 0 ? read_page(ctx, &r, err) : rc;
    if (rc < 0) {
        return rc;
    }
    if (prefix.len > 1024 || delimiter.len > 1024) {
        return action_input_error(ctx, prefix.len > 1024 ? "prefix" : "delimiter", err,
                                  "is longer than 1024 bytes.");
    }
    aws_query(&r, "list-type", STR("2"));
    aws_query(&r, "encoding-type", STR("url"));
    aws_query_if(&r, "prefix", prefix);
    aws_query_if(&r, "delimiter", delimiter);
    rc = s3_send_xml(ctx, &s, &r, s3_rules, &reply, &value, err);
    if (rc < 0) {
        return rc;
    }
    value = s3_decoded_keys(ctx, value);
    struct json contents = json_get(value, STR("Contents"));
    if (full) {
        struct json_builder b;
        json_build_object(&b, a);
        for (uint32_t i = 0; value.type == JSON_OBJECT && i < value.len; i++) {
            json_append(&b, value.members[i].key, value.members[i].value);
        }
        if (contents.type != JSON_ARRAY) {
            json_set(&b, STR("Contents"), json_array(NULL, 0));
        }
        ret->data = aws_result(ctx, &reply, json_built(&b));
        return 0;
    }
    struct json_builder keys;
    json_build_array(&keys, a);
    for (uint32_t i = 0; contents.type == JSON_ARRAY && i < contents.len; i++) {
        json_push(&keys, json_get(contents.items[i], STR("Key")));
    }
    ret->data = json_built(&keys);
    return 0;
}

/* --- presigned URLs ------------------------------------------------------------------------------
 */

static int presigned(struct action_context *ctx, const struct aws_session *s,
                     const struct aws_request *r, int64_t expires_s, struct json *ret,
                     struct err *err)
{
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
        .service = STR("s3"),
        .query = r->query,
        .n_query = r->n_query,
        .now_ns = clock_now_ns(),
    };
    struct str query = aws_presign(action_arena(ctx), &s->credentials, &signing, expires_s);
    *ret = json_cstr(arena_printf(action_arena(ctx), "%.*s%.*s?%.*s", (int)target.base.len,
                                  target.base.ptr, (int)target.path.len, target.path.ptr,
                                  (int)query.len, query.ptr));
    return 0;
}

int s3_presign(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct aws_session s;
    struct aws_request r;
    struct str direction;
    int64_t expires;
    int rc = s3_start(ctx, "GET", &s, &r, err);
    rc = rc == 0 ? aws_text(ctx, "actionType", &direction, err) : rc;
    rc = rc == 0 ? action_input_int(ctx, "expirationSeconds", 1, MAX_EXPIRY, &expires, err) : rc;
    if (rc < 0) {
        return rc;
    }
    if (str_eq_ci(direction, STR("upload"))) {
        r.method = STR("PUT");
    } else if (!str_eq_ci(direction, STR("download"))) {
        return action_input_error(ctx, "actionType", err, "must be download or upload.");
    }
    return presigned(ctx, &s, &r, expires, &ret->data, err);
}

int s3_presign_parts(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct arena *a = action_arena(ctx);
    struct aws_session s;
    struct aws_request r;
    struct str upload;
    int64_t expires, n;
    int rc = s3_start(ctx, "PUT", &s, &r, err);
    rc = rc == 0 ? aws_text(ctx, "uploadId", &upload, err) : rc;
    rc = rc == 0 ? action_input_int(ctx, "expirationSeconds", 1, MAX_EXPIRY, &expires, err) : rc;
    rc = rc == 0 ? action_input_int(ctx, "urlsToGenerate", 1, MAX_PARTS, &n, err) : rc;
    rc = rc == 0 ? action_room(ctx, (size_t)n * (KIB(24) + s.credentials.token.len * 12), err) : rc;
    if (rc < 0) {
        return rc;
    }
    if (upload.len == 0 || upload.len > 1024) {
        return action_input_error(ctx, "uploadId", err, "is empty or too long.");
    }
    struct json_builder urls;
    json_build_array(&urls, a);
    for (int64_t i = 1; i <= n; i++) {
        struct json url;
        r.n_query = 0;
        aws_query(&r, "partNumber", str_of(arena_printf(a, "%d", (int)i)));
        aws_query(&r, "uploadId", upload);
        rc = presigned(ctx, &s, &r, expires, &url, err);
        if (rc < 0) {
            return rc;
        }
        struct json_member *m = arena_array(a, 2, sizeof(*m));
        m[0] = (struct json_member){STR("url"), url};
        m[1] = (struct json_member){STR("partNumber"), json_num((double)i)};
        json_push(&urls, json_object(m, 2));
    }
    ret->data = json_built(&urls);
    return 0;
}
