/* Owns multipart uploads: objects sent in parts. Called on the slot's thread, blocks in the HTTP
 * client. */
#include "components/aws_s3/s3.h"
#include "components/http/http_request_build.h"
#include "expr/value.h"

#define MAX_PARTS 10000
#define MAX_PAGES 10 /* of parts or uploads, 1,000 each */

static int add_upload(struct action_context *ctx, struct aws_request *r, struct err *err)
{
    struct str upload;
    int rc = aws_text(ctx, "uploadId", &upload, err);
    if (rc < 0) {
        return rc;
    }
    if (upload.len == 0 || upload.len > 1024) {
        return action_input_error(ctx, "uploadId", err, "is empty or too long.");
    }
    aws_query(r, "uploadId", upload);
    return 0;
}

static int send_xml(struct action_context *ctx, const struct aws_session *s, struct aws_request *r,
                    struct action_result *ret, struct err *err)
{
    struct http_response reply;
    struct json value;
    int rc = s3_send_xml(ctx, s, r, s3_rules, &reply, &value, err);
    if (rc == 0) {
        ret->data = aws_result(ctx, &reply, value);
    }
    return rc;
}

int s3_create_upload(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct aws_session s;
    struct aws_request r;
    int rc = s3_start(ctx, "POST", &s, &r, err);
    rc = rc == 0 ? s3_add_acl(ctx, &r, err) : rc;
    rc = rc == 0 ? s3_add_tagging(ctx, &r, err) : rc;
    if (rc < 0) {
        return rc;
    }
    aws_query(&r, "uploads", STR(""));
    r.has_body = true;
    return send_xml(ctx, &s, &r, ret, err);
}

int s3_upload_part(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct aws_session s;
    struct aws_request r;
    int64_t number;
    int rc = s3_start(ctx, "PUT", &s, &r, err);
    rc = rc == 0 ? add_upload(ctx, &r, err) : rc;
    rc = rc == 0 ? action_input_int(ctx, "partNumber", 1, MAX_PARTS, &number, err) : rc;
    rc = rc == 0 ? http_build_body(ctx, "fileChunk", &r.headers, &r.body, &r.has_body, err) : rc;
    if (rc < 0) {
        return rc;
    }
    r.has_body = true;
    aws_query(&r, "partNumber", str_of(arena_printf(action_arena(ctx), "%d", (int)number)));
    return s3_send_head(ctx, &s, &r, ret, err);
}

/* The ETag and number of every part, and nothing else that listing them gave. */
static int read_parts(struct action_context *ctx, struct json *ret, struct err *err)
{
    struct arena *a = action_arena(ctx);
    struct json parts;
    int rc = action_input_list(ctx, "parts", &parts, err);
    if (rc < 0) {
        return rc;
    }
    if (parts.len == 0 || parts.len > MAX_PARTS) {
        return action_input_error(ctx, "parts", err, "must be 1 to %d parts.", MAX_PARTS);
    }
    rc = action_room(ctx, parts.len * KIB(1), err);
    if (rc < 0) {
        return rc;
    }
    struct json_builder kept;
    json_build_array(&kept, a);
    for (uint32_t i = 0; i < parts.len; i++) {
        struct json number = json_get(parts.items[i], STR("PartNumber"));
        struct json tag = json_get(parts.items[i], STR("ETag"));
        if (json_is_nullish(number) || tag.type != JSON_STRING) {
            return action_input_error(ctx, "parts", err,
                                      "item %u must be {PartNumber, ETag}, as List Parts gives "
                                      "them.",
                                      i + 1);
        }
        struct json_member *m = arena_array(a, 2, sizeof(*m));
        m[0] = (struct json_member){STR("PartNumber"), json_str(value_to_text(a, number))};
        m[1] = (struct json_member){STR("ETag"), tag};
        json_push(&kept, json_object(m, 2));
    }
    *ret = json_built(&kept);
    return 0;
}

int s3_complete_upload(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct aws_session s;
    struct aws_request r;
    struct json_member parts = {.key = STR("Parts")};
    int rc = s3_start(ctx, "POST", &s, &r, err);
    rc = rc == 0 ? add_upload(ctx, &r, err) : rc;
    rc = rc == 0 ? read_parts(ctx, &parts.value, err) : rc;
    rc = rc == 0 ? s3_body_xml(ctx, &r, "CompleteMultipartUpload", s3_rules, json_object(&parts, 1),
                               "parts", err)
                 : rc;
    return rc == 0 ? send_xml(ctx, &s, &r, ret, err) : rc;
}

int s3_abort_upload(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct aws_session s;
    struct aws_request r;
    int rc = s3_start(ctx, "DELETE", &s, &r, err);
    rc = rc == 0 ? add_upload(ctx, &r, err) : rc;
    return rc == 0 ? s3_send_head(ctx, &s, &r, ret, err) : rc;
}

/* --- listing -------------------------------------------------------------------------------------
 */

/* A list that comes in pages: its member, and what of a page asks for the next one. */
struct pages {
    const char *member;
    const char *markers[2][2]; /* member of the answer, parameter of the next request */
};

/* The last page, with the items of all of them. */
static int send_pages(struct action_context *ctx, const struct aws_session *s,
                      const struct aws_request *r, const struct pages *pages,
                      struct action_result *ret, struct err *err)
{
    struct http_response reply;
    struct json value = json_undefined();
    struct json_builder items, all;
    bool more = true;
    json_build_array(&items, action_arena(ctx));
    for (int page = 0; more && page < MAX_PAGES; page++) {
        struct aws_request one = *r;
        for (size_t i = 0; i < ARRAY_LEN(pages->markers) && pages->markers[i][0]; i++) {
            struct str marker = json_as_str(json_get(value, str_of(pages->markers[i][0])));
            aws_query_if(&one, pages->markers[i][1], marker);
        }
        int rc = s3_send_xml(ctx, s, &one, s3_rules, &reply, &value, err);
        if (rc < 0) {
            return rc;
        }
        struct json found = json_get(value, str_of(pages->member));
        for (uint32_t i = 0; found.type == JSON_ARRAY && i < found.len; i++) {
            json_push(&items, found.items[i]);
        }
        more = json_get(value, STR("IsTruncated")).type == JSON_TRUE &&
               json_as_str(json_get(value, str_of(pages->markers[0][0]))).len;
    }
    json_build_object(&all, action_arena(ctx));
    for (uint32_t i = 0; value.type == JSON_OBJECT && i < value.len; i++) {
        json_append(&all, value.members[i].key, value.members[i].value);
    }
    if (items.len) {
        json_set(&all, str_of(pages->member), json_built(&items));
    }
    ret->data = aws_result(ctx, &reply, json_built(&all));
    return 0;
}

/* All of them, since completing an upload with some would leave the others out of the object. */
int s3_list_parts(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    static const struct pages parts = {"Parts", {{"NextPartNumberMarker", "part-number-marker"}}};
    struct aws_session s;
    struct aws_request r;
    int rc = s3_start(ctx, "GET", &s, &r, err);
    rc = rc == 0 ? add_upload(ctx, &r, err) : rc;
    return rc == 0 ? send_pages(ctx, &s, &r, &parts, ret, err) : rc;
}

int s3_list_uploads(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    static const struct pages uploads = {
        "Uploads", {{"NextKeyMarker", "key-marker"}, {"NextUploadIdMarker", "upload-id-marker"}}};
    struct aws_session s;
    struct aws_request r;
    int rc = s3_start(ctx, "GET", &s, &r, err);
    if (rc < 0) {
        return rc;
    }
    aws_query(&r, "uploads", STR(""));
    return send_pages(ctx, &s, &r, &uploads, ret, err);
}
