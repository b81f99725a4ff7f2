/* What the AWS components share: signatures against the examples Amazon publishes, who is asked as
 * whom, XML, and messages of SNS. */
#include <openssl/evp.h> /* before base.h, whose "unused" is a word of theirs */
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "aws_server_fixture.h"
#include "component_fixture.h"
#include "components/aws/aws_request.h"
#include "components/aws/sns_message.h"
#include "components/registry.h"
#include "enc.h"

static struct aws_server server;
static struct address_policy loopback;

static void start(struct action_context *ctx)
{
    fixture_init(ctx);
    ctx->http = http_client_new(&(struct http_client_options){.policy = &loopback});
}

/* --- signatures ----------------------------------------------------------------------------------
 */

/* The examples of "Signature Calculations for the Authorization Header" and "Using Query
 * Parameters" in the S3 API reference. */
#define EXAMPLE_TIME (INT64_C(1369353600) * NS_PER_SEC)
static const struct aws_credentials example = {
    .key_id = {"AKIAIOSFODNN7EXAMPLE", 20},
    .secret = {"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", 40},
    .token = {"", 0},
};

static void headers_are_signed_as_published(void **state)
{
    static const struct {
        const char *method, *path, *body, *header[2][2], *query[2][2], *signature;
    } rows[] = {
        {"GET",
         "/test.txt",
         "",
         {{"Range", " bytes=0-9 "}},
         {{0}},
         "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
        {"PUT",
         "/test$file.text",
         "Welcome to Amazon S3.",
         {{"Date", "Fri, 24 May 2013 00:00:00 GMT"}, {"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
         {{0}},
         "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
        {"GET",
         "/",
         "",
         {{0}},
         {{"lifecycle", ""}},
         "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
        {"GET",
         "/",
         "",
         {{0}},
         {{"prefix", "J"}, {"max-keys", "2"}},
         "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena *a = arena_new(0, 0);
        struct http_header_list list = {.n = 0};
        struct aws_pair query[2];
        size_t n = 0;
        for (size_t k = 0; k < 2; k++) {
            if (rows[i].header[k][0]) {
                http_headers_add(&list, str_of(rows[i].header[k][0]), str_of(rows[i].header[k][1]));
            }
            if (rows[i].query[k][0]) {
                query[n++] =
                    (struct aws_pair){str_of(rows[i].query[k][0]), str_of(rows[i].query[k][1])};
            }
        }
        struct buf path;
        buf_init(&path, 0);
        aws_encode_path(&path, str_of(rows[i].path));
        struct aws_signing s = {.method = str_of(rows[i].method),
                                .host = STR("examplebucket.s3.amazonaws.com"),
                                .path = buf_str(&path),
                                .region = STR("us-east-1"),
                                .service = STR("s3"),
                                .query = query,
                                .n_query = n,
                                .body = str_of(rows[i].body),
                                .now_ns = EXAMPLE_TIME};
        aws_sign(a, &example, &s, &list);
        struct http_header last = list.items[list.n - 1];
        assert_true(str_eq(last.name, STR("Authorization")));
        if (!str_ends(last.value, str_of(rows[i].signature))) {
            fail_msg("row %zu: %.*s", i, (int)last.value.len, last.value.ptr);
        }
        assert_true(
            str_starts(last.value, STR("AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/"
                                       "us-east-1/s3/aws4_request, SignedHeaders=")));
        buf_done(&path);
        arena_free(a);
    }
}

static void urls_are_presigned_as_published(void **state)
{
    struct arena *a = arena_new(0, 0);
    struct aws_signing s = {.method = STR("GET"),
                            .host = STR("examplebucket.s3.amazonaws.com"),
                            .path = STR("/test.txt"),
                            .region = STR("us-east-1"),
                            .service = STR("s3"),
                            .body = STR(""),
                            .now_ns = EXAMPLE_TIME};
    struct str query = aws_presign(a, &example, &s, 86400);
    assert_true(str_eq(
        query,
        STR("X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2F"
            "us-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&"
            "X-Amz-SignedHeaders=host&X-Amz-Signature="
            "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404")));
    struct aws_credentials temporary = example;
    temporary.token = STR("to/ken");
    query = aws_presign(a, &temporary, &s, 1);
    assert_true(str_find(query, STR("&X-Amz-Security-Token=to%2Fken&"), 0) > 0);
    arena_free(a);
}

/* --- who and where -------------------------------------------------------------------------------
 */

static void connections_are_checked(void **state)
{
#define KEYS "\"accessKeyId\": \"AK\", \"secretAccessKey\": \"hidden-secret\""
    static const struct action_case cases[] = {
        {"aws-s3.listBuckets", "{}", NULL, "Connection (accessKey): holds no accessKeyId"},
        {"aws-s3.listBuckets", "{\"accessKey\": {\"fields\": {\"accessKeyId\": \"AK\"}}}", NULL,
         "Connection (accessKey): holds no"},
        {"aws-s3.listBuckets", "{\"dynamicAccessKeyId\": \"A\"}", NULL,
         "Dynamic Secret Access Key (dynamicSecretAccessKey): is needed"},
        {"aws-s3.listBuckets",
         "{\"accessKey\": {\"fields\": {" KEYS "}}, \"dynamicAccessKeyId\": \" \", "
         "\"dynamicSecretAccessKey\": \"hidden-secret\"}",
         NULL, "Dynamic Access Key ID (dynamicAccessKeyId): is needed"},
        {"aws-s3.listBuckets",
         "{\"dynamicAccessKeyId\": \"A K\", \"dynamicSecretAccessKey\": \"hidden-secret\"}", NULL,
         "Dynamic Access Key ID (dynamicAccessKeyId): holds characters"},
        {"aws-s3.listBuckets",
         "{\"accessKey\": {\"fields\": {\"accessKeyId\": \"A K\", \"secretAccessKey\": \"s\"}}}",
         NULL, "Connection (accessKey): holds characters"},
        {"aws-s3.listBuckets", "{\"accessKey\": {\"fields\": {" KEYS "}}, \"awsRegion\": \"a.b\"}",
         NULL, "AWS Region (awsRegion): \"a.b\" is not a region"},
        {"aws-s3.listBuckets", "{\"accessKey\": {\"fields\": {" KEYS ", \"awsRegion\": \"x/y\"}}}",
         NULL, "Connection (accessKey): \"x/y\" is not a region"},
        {"aws-s3.listBuckets",
         "{\"accessKey\": {\"fields\": {" KEYS "}}, \"customEndpoint\": \"http://h/path\"}", NULL,
         "Custom Endpoint (customEndpoint): the custom endpoint must be"},
        {"aws-s3.listBuckets",
         "{\"accessKey\": {\"fields\": {" KEYS "}}, \"customEndpoint\": \"http://u@h\"}", NULL,
         "the custom endpoint must be"},
        {"aws-s3.listBuckets",
         "{\"accessKey\": {\"fields\": {" KEYS ", \"customEndpoint\": \"ftp://h\"}}}", NULL,
         "Connection (accessKey): the custom endpoint must be"},
        {"aws-s3.headBucket", "{\"accessKey\": {\"fields\": {" KEYS "}}, \"bucket\": \"a/b\"}",
         NULL, "Bucket Name (bucket): \"a/b\" cannot be the name"},
        {"aws-s3.headBucket", "{\"accessKey\": {\"fields\": {" KEYS "}}, \"bucket\": \"..\"}", NULL,
         "Bucket Name (bucket):"},
        {"aws-s3.headBucket", "{\"accessKey\": {\"fields\": {" KEYS "}}, \"bucket\": \" \"}", NULL,
         "Bucket Name (bucket): is empty"},
        {"aws-s3.getObject",
         "{\"accessKey\": {\"fields\": {" KEYS
         "}}, \"bucket\": \"abc\", \"objectKey\": \"a/../b\"}",
         NULL, "Object Key (objectKey): holds the segment \"..\""},
        {"aws-s3.getObject",
         "{\"accessKey\": {\"fields\": {" KEYS "}}, \"bucket\": \"abc\", \"objectKey\": \".\"}",
         NULL, "Object Key (objectKey): holds the segment \".\""},
    };
    fixture_check(cases, ARRAY_LEN(cases));
}

/* Texts that would become several copies of the run's memory. */
static void texts_have_a_length(void **state)
{
    static const struct {
        const char *name;
        size_t token, version;
        const char *refusal;
    } rows[] = {
        {"aws-s3.generatePresignedUrl", 16384, 0, NULL},
        {"aws-s3.generatePresignedUrl", 16385, 0, "or one of them is too long"},
        {"aws-s3.headObject", 0, 4097, "The parameter versionId of the request is longer"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct action_context ctx;
        fixture_init(&ctx);
        AUTO(buf_done) struct buf b = {0};
        buf_init(&b, 0);
        buf_adds(&b, "{\"accessKey\": {\"fields\": {" KEYS ", \"sessionToken\": \"");
        for (size_t k = 0; k < rows[i].token; k++) {
            buf_addc(&b, 't');
        }
        buf_adds(&b, "\"}}, \"bucket\": \"abc\", \"objectKey\": \"k\", \"versionId\": \"");
        for (size_t k = 0; k < rows[i].version; k++) {
            buf_addc(&b, 'v');
        }
        buf_adds(&b, "\"}");
        int rc = fixture_run(&ctx, rows[i].name, b.data);
        assert_int_equal(rc < 0, rows[i].refusal != NULL);
        if (rows[i].refusal && !strstr(ctx.err.message, rows[i].refusal)) {
            fail_msg("%s", ctx.err.message);
        }
        fixture_done(&ctx);
    }
}

static struct aws_target target_of(struct action_context *ctx, const char *region, const char *own,
                                   const char *bucket, const char *key)
{
    struct aws_session s = {.region = str_of(region), .endpoint = str_of(own)};
    struct aws_request r;
    struct aws_target t;
    ctx->action = component_action(&component_aws_s3, "getObject");
    aws_request_init(&r, AWS_S3, "GET");
    r.bucket = str_of(bucket);
    r.key = str_of(key);
    assert_int_equal(aws_target_of(ctx, &s, &r, &t, &ctx->err), 0);
    return t;
}

static void addresses_follow_from_bucket_and_region(void **state)
{
    static const struct {
        const char *region, *endpoint, *bucket, *key, *base, *host, *path;
    } rows[] = {
        {"eu-west-1", "", "plain-1", "a b/c+d", "https://plain-1.s3.eu-west-1.amazonaws.com",
         "plain-1.s3.eu-west-1.amazonaws.com", "/a%20b/c%2Bd"},
        {"us-east-1", "", "with.dots", "k", "https://s3.us-east-1.amazonaws.com",
         "s3.us-east-1.amazonaws.com", "/with.dots/k"},
        {"cn-north-1", "", "plain", "/k", "https://plain.s3.cn-north-1.amazonaws.com.cn",
         "plain.s3.cn-north-1.amazonaws.com.cn", "//k"},
        {"us-east-1", "http://127.0.0.1:9", "plain", "", "http://127.0.0.1:9", "127.0.0.1:9",
         "/plain"},
        {"us-east-1", "http://h", "Old_Name", "\xC3\xA4", "http://h", "h", "/Old_Name/%C3%A4"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct action_context ctx;
        fixture_init(&ctx);
        struct aws_target t =
            target_of(&ctx, rows[i].region, rows[i].endpoint, rows[i].bucket, rows[i].key);
        assert_true(str_eq(t.base, str_of(rows[i].base)));
        assert_true(str_eq(t.host, str_of(rows[i].host)));
        assert_true(str_eq(t.path, str_of(rows[i].path)));
        fixture_done(&ctx);
    }
}

static void roles_are_assumed(void **state)
{
    struct action_context ctx;
    start(&ctx);
    aws_server_prepare(
        &server,
        "HTTP/1.1 200 OK\r\n\r\n<AssumeRoleResponse "
        "xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult><Credentials>"
        "<AccessKeyId>TEMP</AccessKeyId><SecretAccessKey>ts</SecretAccessKey><SessionToken>tok"
        "</SessionToken></Credentials></AssumeRoleResult></AssumeRoleResponse>",
        "HTTP/1.1 200 OK\r\n\r\n<ListAllMyBucketsResult><Buckets/></ListAllMyBucketsResult>", NULL);
    const char *inputs =
        arena_printf(ctx.arena,
                     "{\"dynamicAccessKeyId\": \" \", \"accessKey\": "
                     "{\"fields\": {" KEYS ", \"roleARN\": \"arn:aws:iam::1:role/r\", "
                     "\"externalId\": \"x y\", \"customEndpoint\": \"%s/\"}}}",
                     server.url);
    if (fixture_run(&ctx, "aws-s3.listBuckets", inputs) != 0) {
        fail_msg("%s", ctx.err.message);
    }
    struct str first = buf_str(&server.requests[0]), second = buf_str(&server.requests[1]);
    assert_true(str_find(first,
                         STR("Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1"
                             "%3Arole%2Fr&RoleSessionName=leat&ExternalId=x%20y"),
                         0) > 0);
    assert_true(str_find(first, STR("/us-east-1/sts/aws4_request"), 0) > 0);
    assert_true(str_find(second, STR("Credential=TEMP/"), 0) > 0);
    assert_true(str_find(second, STR("x-amz-security-token: tok\r\n"), 0) > 0);
    assert_true(str_find(second, STR("/us-east-1/s3/aws4_request"), 0) > 0);
    assert_true(str_find(first, STR("hidden-secret"), 0) < 0);
    aws_server_prepare(
        &server, "HTTP/1.1 403 Forbidden\r\n\r\n<Error><Code>InvalidAccessKeyId</Code></Error>",
        NULL, NULL);
    inputs = arena_printf(ctx.arena,
                          "{\"dynamicAccessKeyId\": \"DYN\", \"dynamicSecretAccessKey\": \"s\", "
                          "\"accessKey\": {\"fields\": {" KEYS ", \"roleARN\": \"arn:r\", "
                          "\"customEndpoint\": \"%s\"}}}",
                          server.url);
    assert_int_equal(fixture_run(&ctx, "aws-s3.listBuckets", inputs), -EBADE);
    assert_string_equal(ctx.err.field, "dynamicAccessKeyId"); /* whose keys they were */
    assert_int_equal(atomic_load(&server.served), 1);
    fixture_done(&ctx);
}

/* --- XML -----------------------------------------------------------------------------------------
 */

static void xml_is_read_by_tables(void **state)
{
    static const struct aws_xml_rule rules[] = {
        {"Item", "Items", AWS_XML_LIST},   {"Names", NULL, AWS_XML_ITEMS},
        {"Attributes", NULL, AWS_XML_MAP}, {"Size", NULL, AWS_XML_NUMBER},
        {"Truncated", NULL, AWS_XML_BOOL}, {0},
    };
    static const struct {
        const char *text, *value; /* NULL = refused */
    } rows[] = {
        {"<R xmlns='urn:x'><Item><Size>5</Size></Item><A> x </A><Item>b</Item></R>",
         "{\"Items\":[{\"Size\":5},\"b\"],\"A\":\" x \"}"},
        {"<R><Names><m>1</m><m/></Names><Truncated>true</Truncated><Size>many</Size></R>",
         "{\"Names\":[\"1\",\"\"],\"Truncated\":true,\"Size\":\"many\"}"},
        {"<R><Attributes><entry><key>a</key><value>1</value></entry><entry/></Attributes></R>",
         "{\"Attributes\":{\"a\":\"1\"}}"},
        {"<R><A>1</A><A>&lt;2&#x41;</A><![CDATA[x]]></R>", "{\"A\":\"<2A\"}"},
        {"<R>text</R>", "\"text\""},
        {"<R/>", "\"\""},
        {"<R>", NULL},
        {"", NULL},
        {"{}", NULL},
        {"<!DOCTYPE R [<!ENTITY e 'x'>]><R>&e;</R>", NULL},
        {"<!DOCTYPE R SYSTEM 'file:///etc/passwd'><R/>", NULL},
        {"<R>&undefined;</R>", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct action_context ctx;
        struct str root;
        fixture_init(&ctx);
        int rc = aws_xml_read(&ctx, str_of(rows[i].text), rules, &root, &ctx.result.data, &ctx.err);
        if (!rows[i].value) {
            assert_int_equal(rc, -EBADMSG);
            assert_string_equal(ctx.err.code, "aws.reply");
        } else {
            assert_int_equal(rc, 0);
            assert_true(str_eq(root, STR("R")));
            assert_string_equal(fixture_result(&ctx), rows[i].value);
        }
        fixture_done(&ctx);
    }
    struct buf deep;
    struct action_context ctx;
    struct str root;
    struct json v;
    fixture_init(&ctx);
    buf_init(&deep, 0);
    for (int i = 0; i < 60; i++) {
        buf_adds(&deep, "<a>");
    }
    for (int i = 0; i < 60; i++) {
        buf_adds(&deep, "</a>");
    }
    assert_int_equal(aws_xml_read(&ctx, buf_str(&deep), rules, &root, &v, &ctx.err), -EBADMSG);
    buf_done(&deep);
    fixture_done(&ctx);
}

static void xml_is_written_by_tables(void **state)
{
    static const struct aws_xml_rule rules[] = {{"Item", "Items", AWS_XML_LIST}, {0}};
    static const struct {
        const char *value, *text; /* NULL = refused */
    } rows[] = {
        {"{\"Items\": [\"a&<>\\n\", {\"B\": 1.5, \"C\": null}], \"T\": true}",
         "<R><Item>a&amp;&lt;&gt;&#10;</Item><Item><B>1.5</B></Item><T>true</T></R>"},
        {"{}", "<R></R>"},
        {"{\"a b\": 1}", NULL},
        {"{\"A\": \"\\u0001\"}", NULL},
        {"{\"Items\": [[1]]}", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct action_context ctx;
        struct buf b;
        fixture_init(&ctx);
        buf_init(&b, 0);
        int rc = aws_xml_write(&ctx, &b, rules, STR("R"), fixture_json(&ctx, rows[i].value));
        assert_int_equal(rc, rows[i].text ? 0 : -EINVAL);
        if (rows[i].text) {
            assert_string_equal(b.data, rows[i].text);
        }
        buf_done(&b);
        fixture_done(&ctx);
    }
}

/* --- messages of SNS -----------------------------------------------------------------------------
 */

static EVP_PKEY *key;
static char certificate[4096];

static void make_certificate(void)
{
    key = EVP_RSA_gen(2048);
    X509 *x = X509_new();
    assert_non_null(key);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_set_pubkey(x, key);
    assert_true(X509_sign(x, key, EVP_sha256()) > 0);
    BIO *bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_X509(bio, x), 1);
    int n = BIO_read(bio, certificate, sizeof(certificate) - 1);
    assert_true(n > 0);
    BIO_free(bio);
    X509_free(x);
}

static const char *sign(struct arena *a, const char *text, const EVP_MD *md)
{
    unsigned char mac[512];
    size_t len = sizeof(mac);
    char out[1024];
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestSignInit(c, NULL, md, NULL, key), 1);
    assert_int_equal(EVP_DigestSign(c, mac, &len, (const unsigned char *)text, strlen(text)), 1);
    EVP_MD_CTX_free(c);
    (void)enc_base64(str_n((const char *)mac, len), out, sizeof(out));
    return arena_strdup(a, out);
}

static void set_message(struct action_context *ctx, const char *message)
{
    struct json_member raw = {STR("data"), json_cstr(message)};
    struct json_member *m = arena_array(ctx->arena, 3, sizeof(*m));
    m[0] = (struct json_member){STR("headers"), json_object(NULL, 0)};
    m[1] = (struct json_member){STR("rawBody"),
                                json_object(arena_dup(ctx->arena, &raw, sizeof(raw)), 1)};
    m[2] = (struct json_member){
        STR("body"), fixture_json(ctx, "{\"data\": \"\", \"contentType\": \"text/plain\"}")};
    ctx->payload = json_object(m, 3);
}

static const char *notification(struct action_context *ctx, const char *pem, const char *message,
                                const char *signed_message)
{
    const char *text = arena_printf(ctx->arena,
                                    "Message\n%s\nMessageId\n1\nTimestamp\nnow\nTopicArn\n"
                                    "arn:aws:sns:r:1:t\nType\nNotification\n",
                                    signed_message);
    return arena_printf(ctx->arena,
                        "{\"Type\": \"Notification\", \"MessageId\": \"1\", \"TopicArn\": "
                        "\"arn:aws:sns:r:1:t\", \"Message\": \"%s\", \"Timestamp\": \"now\", "
                        "\"SignatureVersion\": \"2\", \"Signature\": \"%s\", "
                        "\"SigningCertURL\": \"%s%s\"}",
                        message, sign(ctx->arena, text, EVP_sha256()), server.url, pem);
}

static const char *pem_reply(struct action_context *ctx)
{
    return arena_printf(ctx->arena, "HTTP/1.1 200 OK\r\n\r\n%s", certificate);
}

static const char *endpoint_input(struct action_context *ctx, const char *more)
{
    return arena_printf(ctx->arena, "{\"customEndpoint\": \"%s\"%s}", server.url, more);
}

static void notifications_are_verified(void **state)
{
    struct action_context ctx;
    start(&ctx);
    set_message(&ctx, notification(&ctx, "/one.pem", "hello", "hello"));
    aws_server_prepare(&server, pem_reply(&ctx), NULL, NULL);
    if (fixture_run(&ctx, "aws-s3.snsS3NotificationWebhook", endpoint_input(&ctx, "")) != 0) {
        fail_msg("%s", ctx.err.message);
    }
    assert_string_equal(ctx.result.branch, "Notification");
    struct json body = json_get(ctx.result.data, STR("body"));
    assert_true(
        str_eq(json_as_str(json_get(json_get(body, STR("data")), STR("Message"))), STR("hello")));
    assert_true(str_eq(json_as_str(json_get(body, STR("contentType"))), STR("text/plain")));
    assert_int_equal(json_get(ctx.result.data, STR("rawBody")).type, JSON_OBJECT);
    /* The certificate is known by now. */
    set_message(&ctx, notification(&ctx, "/one.pem", "again", "again"));
    assert_int_equal(fixture_run(&ctx, "aws-s3.snsS3NotificationWebhook", endpoint_input(&ctx, "")),
                     0);
    assert_int_equal(atomic_load(&server.served), 1);
    set_message(&ctx, notification(&ctx, "/one.pem", "forged", "hello"));
    assert_int_equal(fixture_run(&ctx, "aws-s3.snsS3NotificationWebhook", endpoint_input(&ctx, "")),
                     -EBADMSG);
    assert_string_equal(ctx.err.code, "sns.signature");
    assert_int_equal(ctx.result.status_code, 401);
    /* Of another topic than the expected one. */
    set_message(&ctx, notification(&ctx, "/one.pem", "again", "again"));
    assert_int_equal(fixture_run(&ctx, "aws-s3.snsS3NotificationWebhook",
                                 endpoint_input(&ctx, ", \"expectedTopicArn\": \"arn:other\"")),
                     -EINVAL);
    assert_non_null(strstr(ctx.err.message, "Topic ARN (expectedTopicArn): the message is of"));
    assert_int_equal(ctx.result.status_code, 403);
    /* Without the endpoint, the certificate is at no address of SNS. */
    assert_int_equal(fixture_run(&ctx, "aws-s3.snsS3NotificationWebhook", "{}"), -EBADMSG);
    assert_non_null(strstr(ctx.err.message, "not at an address of SNS"));
    set_message(&ctx, "[]");
    assert_int_equal(fixture_run(&ctx, "aws-s3.snsS3NotificationWebhook", "{}"), -EBADMSG);
    assert_string_equal(ctx.err.code, "sns.message");
    assert_int_equal(ctx.result.status_code, 400);
    set_message(&ctx, notification(&ctx, "/two.pem", "again", "again"));
    aws_server_prepare(&server, "HTTP/1.1 200 OK\r\n\r\nno certificate", NULL, NULL);
    assert_int_equal(fixture_run(&ctx, "aws-s3.snsS3NotificationWebhook", endpoint_input(&ctx, "")),
                     -EBADMSG);
    assert_non_null(strstr(ctx.err.message, "its certificate is none"));
    fixture_done(&ctx);
}

static void topics_give_parsed_and_raw_messages(void **state)
{
    struct action_context ctx;
    start(&ctx);
    aws_server_prepare(&server, pem_reply(&ctx), NULL, NULL);
    set_message(&ctx, notification(&ctx, "/three.pem", "{\\\"a\\\": 1}", "{\"a\": 1}"));
    if (fixture_run(&ctx, "aws-sns.subscriptionTrigger",
                    endpoint_input(&ctx, ", \"parseMessage\": true")) != 0) {
        fail_msg("%s", ctx.err.message);
    }
    struct json data = json_get(json_get(ctx.result.data, STR("body")), STR("data"));
    assert_int_equal(json_get(data, STR("Message")).type, JSON_OBJECT);
    set_message(&ctx, notification(&ctx, "/three.pem", "{", "{"));
    assert_int_equal(fixture_run(&ctx, "aws-sns.subscriptionTrigger",
                                 endpoint_input(&ctx, ", \"parseMessage\": true")),
                     -EINVAL);
    set_message(&ctx, "raw");
    struct json_member m = {STR("X-Amz-Sns-Rawdelivery"), json_cstr("true")};
    ((struct json_member *)(uintptr_t)ctx.payload.members)[0].value = json_object(&m, 1);
    assert_int_equal(fixture_run(&ctx, "aws-sns.subscriptionTrigger", "{}"), -EINVAL);
    assert_non_null(strstr(ctx.err.message, "Accept Raw Messages (acceptRawMessages)"));
    assert_int_equal(ctx.result.status_code, 403);
    assert_int_equal(
        fixture_run(&ctx, "aws-sns.subscriptionTrigger", "{\"acceptRawMessages\": true}"), 0);
    data = json_get(json_get(ctx.result.data, STR("body")), STR("data"));
    assert_true(str_eq(json_as_str(data), STR("raw")));
    /* The S3 trigger knows no raw messages. */
    assert_int_equal(fixture_run(&ctx, "aws-s3.snsS3NotificationWebhook", "{}"), -EBADMSG);
    fixture_done(&ctx);
}

static const char *confirmation(struct action_context *ctx, const char *type, const char *url)
{
    const char *text = arena_printf(ctx->arena,
                                    "Message\nm\nMessageId\n1\nSubscribeURL\n%s\nTimestamp\nnow\n"
                                    "Token\nt\nTopicArn\narn:aws:sns:r:1:t\nType\n%s\n",
                                    url, type);
    return arena_printf(ctx->arena,
                        "{\"Type\": \"%s\", \"MessageId\": \"1\", \"Token\": \"t\", \"TopicArn\": "
                        "\"arn:aws:sns:r:1:t\", \"Message\": \"m\", \"SubscribeURL\": \"%s\", "
                        "\"Timestamp\": \"now\", \"SignatureVersion\": \"1\", \"Signature\": "
                        "\"%s\", \"SigningCertURL\": \"%s/four.pem\"}",
                        type, url, sign(ctx->arena, text, EVP_sha1()), server.url);
}

static void subscriptions_are_confirmed(void **state)
{
    struct action_context ctx;
    start(&ctx);
    const char *url = arena_printf(ctx.arena, "%s/?Action=ConfirmSubscription&Token=t", server.url);
    set_message(&ctx, confirmation(&ctx, "SubscriptionConfirmation", url));
    aws_server_prepare(&server, pem_reply(&ctx), "HTTP/1.1 200 OK\r\n\r\n<ok/>",
                       "HTTP/1.1 403 Forbidden\r\n\r\n");
    if (fixture_run(&ctx, "aws-s3.snsS3NotificationWebhook", endpoint_input(&ctx, "")) != 0) {
        fail_msg("%s", ctx.err.message);
    }
    assert_string_equal(ctx.result.branch, "Subscribe");
    assert_int_equal(atomic_load(&server.served), 2);
    assert_true(str_starts(buf_str(&server.requests[1]),
                           STR("GET /?Action=ConfirmSubscription&Token=t HTTP/1.1\r\n")));
    assert_int_equal(fixture_run(&ctx, "aws-s3.snsS3NotificationWebhook", endpoint_input(&ctx, "")),
                     -EBADE);
    set_message(&ctx, confirmation(&ctx, "SubscriptionConfirmation", "http://127.0.0.1:1/x"));
    assert_int_equal(fixture_run(&ctx, "aws-s3.snsS3NotificationWebhook", endpoint_input(&ctx, "")),
                     -EBADMSG);
    assert_non_null(strstr(ctx.err.message, "asks to confirm at an address"));
    set_message(&ctx, confirmation(&ctx, "UnsubscribeConfirmation", url));
    assert_int_equal(fixture_run(&ctx, "aws-s3.snsS3NotificationWebhook", endpoint_input(&ctx, "")),
                     -EBADMSG);
    assert_int_equal(fixture_run(&ctx, "aws-sns.subscriptionTrigger", endpoint_input(&ctx, "")), 0);
    assert_string_equal(ctx.result.branch, "Unsubscribe");
    assert_int_equal(atomic_load(&server.served), 3);
    fixture_done(&ctx);
}

static void only_urls_of_sns_count(void **state)
{
    static const struct {
        const char *url, *endpoint;
        bool own;
    } rows[] = {
        {"https://sns.us-west-2.amazonaws.com/Simple-1.pem", "", true},
        {"https://sns.cn-north-1.amazonaws.com.cn/a.pem", "", true},
        {"https://sns.us-west-2.amazonaws.com/?Action=ConfirmSubscription", "", true},
        {"http://sns.us-west-2.amazonaws.com/a.pem", "", false},
        {"https://sns.us-west-2.amazonaws.com.evil.example/a.pem", "", false},
        {"https://sns.us-west-2.amazonaws.com@evil.example/a.pem", "", false},
        {"https://evil.example/sns.us-west-2.amazonaws.com/a.pem", "", false},
        {"https://evil.example\\@sns.us-west-2.amazonaws.com/a.pem", "", false},
        {"https://sns.evil.s3.amazonaws.com/a.pem", "", false},
        {"https://sns.s3.amazonaws.com/a.pem", "", false},
        {"https://sns.s3-eu-west-1.amazonaws.com/a.pem", "", false},
        {"https://sns.eu-.amazonaws.com/a.pem", "", false},
        {"https://sns.us-gov-west-1.amazonaws.com/a.pem", "", true},
        {"https://sns.us-west-2.amazonaws.com:444/a.pem", "", false},
        {"https://sns.amazonaws.com/a.pem", "", false},
        {"https://sns..amazonaws.com/a.pem", "", false},
        {"", "", false},
        {"https://", "", false},
        {"http://h:1/a.pem", "http://h:1", true},
        {"http://h:12/a.pem", "http://h:1", false},
        {"http://h:1", "http://h:1", false},
        {"https://sns.us-west-2.amazonaws.com/a.pem", "http://h:1", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (sns_is_own_url(str_of(rows[i].url), str_of(rows[i].endpoint)) != rows[i].own) {
            fail_msg("%s", rows[i].url);
        }
    }
}

static int setup(void **state)
{
    ASSERT(address_policy_parse(STR("127.0.0.1"), &loopback, NULL) == 0);
    aws_server_start(&server);
    make_certificate();
    return 0;
}

static int teardown(void **state)
{
    EVP_PKEY_free(key);
    aws_server_stop(&server);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_are_signed_as_published),
        cmocka_unit_test(urls_are_presigned_as_published),
        cmocka_unit_test(connections_are_checked),
        cmocka_unit_test(texts_have_a_length),
        cmocka_unit_test(addresses_follow_from_bucket_and_region),
        cmocka_unit_test(roles_are_assumed),
        cmocka_unit_test(xml_is_read_by_tables),
        cmocka_unit_test(xml_is_written_by_tables),
        cmocka_unit_test(notifications_are_verified),
        cmocka_unit_test(topics_give_parsed_and_raw_messages),
        cmocka_unit_test(subscriptions_are_confirmed),
        cmocka_unit_test(only_urls_of_sns_count),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
