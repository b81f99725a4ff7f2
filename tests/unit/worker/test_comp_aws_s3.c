/* The S3 component against prepared replies: what is asked, what comes of the answer, and what its
 * refusals say. */
#include "aws_call_fixture.h"
#include "components/registry.h"

#define BK "@, \"bucket\": \"my-bucket\""
#define OB BK ", \"objectKey\": \"a/b c\""

static void objects(void **state)
{
    static const struct aws_case cases[] = {
        {"aws-s3.getObject",
         "{" OB ", \"versionId\": \"v/1\", \"awsRegion\": \"eu-west-1\"}",
         "HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\n\r\nabc",
         {"GET /my-bucket/a/b%20c?versionId=v%2F1 HTTP/1.1\r\n", "/eu-west-1/s3/aws4_request",
          "Authorization: AWS4-HMAC-SHA256 Credential=AKID/"},
         "{\"data\":\"YWJj\",\"contentType\":\"text/csv\"}"},
        {"aws-s3.headObject",
         "{" OB "}",
         "HTTP/1.1 200 OK\r\nLast-Modified: Wed, 12 Oct 2022 17:50:00 GMT\r\nETag: \"e\"\r\n"
         "x-amz-meta-From: shop\r\nx-amz-delete-marker: false\r\n\r\n123",
         {"HEAD /my-bucket/a/b%20c HTTP/1.1\r\n"},
         "{\"$metadata\":{\"httpStatusCode\":200},\"ContentLength\":3,\"ETag\":\"\\\"e\\\"\","
         "\"LastModified\":\"2022-10-12T17:50:00.000Z\",\"DeleteMarker\":false,"
         "\"Metadata\":{\"From\":\"shop\"}}"},
        {"aws-s3.putObject",
         "{" OB ", \"fileContents\": {\"data\": \"x,y\", \"contentType\": \"text/csv\"}, "
         "\"acl\": \"private\", \"tagging\": [{\"key\": \"a b\", \"value\": \"1&2\"}, {\"key\": "
         "\"c\", \"value\": null}]}",
         "HTTP/1.1 200 OK\r\nETag: \"e\"\r\nx-amz-id-2: long\r\n\r\n",
         {"PUT /my-bucket/a/b%20c HTTP/1.1\r\n", "Content-Type: text/csv\r\n",
          "x-amz-tagging: a%20b=1%262&c=\r\n", "x-amz-acl: private\r\n", "\r\n\r\nx,y",
          "SignedHeaders=content-type;host;x-amz-acl;x-amz-content-sha256;x-amz-date;"
          "x-amz-tagging,"},
         "{\"$metadata\":{\"httpStatusCode\":200,\"extendedRequestId\":\"long\"},"
         "\"ETag\":\"\\\"e\\\"\"}"},
        {"aws-s3.putObject",
         "{" OB ", \"fileContents\": {\"a\": 1}}",
         OK_XML,
         {"Content-Type: application/json\r\n", "\r\n\r\n{\"a\":1}"},
         "{" META "}"},
        {"aws-s3.copyObject",
         "{@, \"sourceBucket\": \"from\", \"sourceKey\": \"a/b?c\", \"destinationBucket\": "
         "\"into\", \"destinationKey\": \"d\"}",
         OK_XML "<CopyObjectResult><ETag>&quot;e&quot;</ETag></CopyObjectResult>",
         {"PUT /into/d HTTP/1.1\r\n", "x-amz-copy-source: /from/a/b%3Fc\r\n"},
         "{" META ",\"CopyObjectResult\":{\"ETag\":\"\\\"e\\\"\"}}"},
        {"aws-s3.deleteObject",
         "{" OB "}",
         "HTTP/1.1 204 No Content\r\n\r\n",
         {"DELETE /my-bucket/a/b%20c HTTP/1.1\r\n"},
         "{\"$metadata\":{\"httpStatusCode\":204}}"},
        {"aws-s3.deleteObjects",
         "{" BK ", \"objectKeys\": [\"a\", \"b<&\"]}",
         OK_XML "<DeleteResult><Deleted><Key>a</Key></Deleted></DeleteResult>",
         {"POST /my-bucket?delete= HTTP/1.1\r\n", "Content-MD5: ",
          "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Object><Key>a</Key></Object>"
          "<Object><Key>b&lt;&amp;</Key></Object></Delete>"},
         "{" META ",\"Deleted\":[{\"Key\":\"a\"}]}"},
        {"aws-s3.getObjectAttributes",
         "{" OB ", \"objectAttributes\": [\"ETag\", \"ObjectSize\"]}",
         OK_XML "<GetObjectAttributesResponse><ETag>e</ETag><ObjectSize>9</ObjectSize>"
                "</GetObjectAttributesResponse>",
         {"GET /my-bucket/a/b%20c?attributes= HTTP/1.1\r\n",
          "x-amz-object-attributes: ETag,ObjectSize\r\n"},
         "{" META ",\"ETag\":\"e\",\"ObjectSize\":9}"},
    };
    aws_check(cases, ARRAY_LEN(cases));
}

static void lists(void **state)
{
#define TWO                                                                                        \
    "<ListBucketResult><EncodingType>url</EncodingType><KeyCount>2</KeyCount>"                     \
    "<IsTruncated>true</IsTruncated><Prefix>x%2F</Prefix><NextContinuationToken>t+1"               \
    "</NextContinuationToken><Contents><Key>a%20b</Key><Size>5</Size></Contents>"                  \
    "<Contents><Key>c+d%2Be</Key></Contents></ListBucketResult>"
    static const struct aws_case cases[] = {
        {"aws-s3.listObjects",
         "{" BK ", \"prefix\": \"x/\", \"delimiter\": \"/\", \"pagination\": {\"maxKeys\": \"2\", "
         "\"continuationToken\": \"t+0\"}}",
         OK_XML TWO,
         {"GET /my-bucket?continuation-token=t%2B0&delimiter=%2F&encoding-type=url&list-type=2&"
          "max-keys=2&prefix=x%2F HTTP/1.1\r\n"},
         "[\"a b\",\"c d+e\"]"},
        {"aws-s3.listObjects",
         "{" BK ", \"includeMetadata\": true, \"maxKeys\": 7}",
         OK_XML TWO,
         {"&max-keys=7 HTTP"},
         "{" META ",\"KeyCount\":2,\"IsTruncated\":true,\"Prefix\":\"x/\","
         "\"NextContinuationToken\":\"t+1\",\"Contents\":[{\"Key\":\"a b\",\"Size\":5},"
         "{\"Key\":\"c d+e\"}]}"},
        {"aws-s3.listObjects",
         "{" BK ", \"includeMetadata\": \"true\"}",
         OK_XML "<ListBucketResult><Key>a%20b</Key></ListBucketResult>",
         {NULL},
         "{" META ",\"Key\":\"a%20b\",\"Contents\":[]}"},
        {"aws-s3.listObjects", "{" BK "}", OK_XML "<ListBucketResult/>", {NULL}, "[]"},
        {"aws-s3.listBuckets",
         "{@}",
         OK_XML "<ListAllMyBucketsResult><Owner><ID>1</ID></Owner><Buckets><Bucket><Name>b</Name>"
                "</Bucket></Buckets></ListAllMyBucketsResult>",
         {"GET /?max-buckets=1000 HTTP/1.1\r\n"},
         "{" META ",\"Buckets\":[{\"Name\":\"b\"}],\"Owner\":{\"ID\":\"1\"}}"},
    };
    aws_check(cases, ARRAY_LEN(cases));
}

static void buckets(void **state)
{
    static const struct aws_case cases[] = {
        {"aws-s3.createBucket",
         "{" BK ", \"awsRegion\": \"eu-west-1\"}",
         "HTTP/1.1 200 OK\r\nLocation: /my-bucket\r\n\r\n",
         {"PUT /my-bucket HTTP/1.1\r\n",
          "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
          "<LocationConstraint>eu-west-1</LocationConstraint></CreateBucketConfiguration>"},
         "{\"$metadata\":{\"httpStatusCode\":200},\"Location\":\"/my-bucket\"}"},
        {"aws-s3.deleteBucket",
         "{" BK "}",
         "HTTP/1.1 204 No Content\r\n\r\n",
         {"DELETE /my-bucket HTTP/1.1\r\n"},
         "{\"$metadata\":{\"httpStatusCode\":204}}"},
        {"aws-s3.headBucket",
         "{" BK "}",
         "HTTP/1.1 200 OK\r\nx-amz-bucket-region: r\r\n\r\n",
         {"HEAD /my-bucket HTTP/1.1\r\n"},
         "{\"$metadata\":{\"httpStatusCode\":200},\"BucketRegion\":\"r\"}"},
        {"aws-s3.getBucketLocation",
         "{" BK "}",
         OK_XML "<LocationConstraint xmlns='urn:s3'>eu-west-1</LocationConstraint>",
         {"GET /my-bucket?location= HTTP/1.1\r\n"},
         "\"eu-west-1\""},
        {"aws-s3.getBucketLocation",
         "{" BK "}",
         OK_XML "<LocationConstraint/>",
         {NULL},
         "\"us-east-1\""},
        {"aws-s3.getBucketLocation",
         "{" BK "}",
         OK_XML "<LocationConstraint>EU</LocationConstraint>",
         {NULL},
         "\"eu-west-1\""},
        {"aws-s3.getBucketLocation",
         "{" BK "}",
         "HTTP/1.1 400 Bad Request\r\n\r\n<Error><Code>AuthorizationHeaderMalformed</Code>"
         "<Region>ap-south-1</Region></Error>",
         {NULL},
         "\"ap-south-1\""},
        {"aws-s3.getCurrentAccount",
         "{@}",
         OK_XML "<GetCallerIdentityResponse><GetCallerIdentityResult><Account>12</Account>"
                "</GetCallerIdentityResult></GetCallerIdentityResponse>",
         {"POST / HTTP/1.1\r\n", "Action=GetCallerIdentity&Version=2011-06-15",
          "/us-east-1/sts/aws4_request"},
         "{" META ",\"Account\":\"12\"}"},
    };
    aws_check(cases, ARRAY_LEN(cases));
}

static void uploads(void **state)
{
    static const struct aws_case cases[] = {
        {"aws-s3.createMultipartUpload",
         "{" OB "}",
         OK_XML "<InitiateMultipartUploadResult><UploadId>u</UploadId>"
                "</InitiateMultipartUploadResult>",
         {"POST /my-bucket/a/b%20c?uploads= HTTP/1.1\r\n"},
         "{" META ",\"UploadId\":\"u\"}"},
        {"aws-s3.uploadPart",
         "{" OB ", \"uploadId\": \"u/1\", \"partNumber\": \"3\", \"fileChunk\": \"bytes\"}",
         "HTTP/1.1 200 OK\r\nETag: \"p\"\r\n\r\n",
         {"PUT /my-bucket/a/b%20c?partNumber=3&uploadId=u%2F1 HTTP/1.1\r\n", "\r\n\r\nbytes"},
         "{\"$metadata\":{\"httpStatusCode\":200},\"ETag\":\"\\\"p\\\"\"}"},
        {"aws-s3.completeMultipartUpload",
         "{" OB ", \"uploadId\": \"u\", \"parts\": [{\"ETag\": \"\\\"p\\\"\", \"PartNumber\": 1, "
         "\"Size\": 5}]}",
         OK_XML "<CompleteMultipartUploadResult><Key>k</Key></CompleteMultipartUploadResult>",
         {"POST /my-bucket/a/b%20c?uploadId=u HTTP/1.1\r\n",
          "<Part><PartNumber>1</PartNumber><ETag>\"p\"</ETag></Part></CompleteMultipartUpload>"},
         "{" META ",\"Key\":\"k\"}"},
        {"aws-s3.completeMultipartUpload",
         "{" OB ", \"uploadId\": \"u\", \"parts\": [{\"ETag\": \"p\", \"PartNumber\": 1}]}",
         OK_XML "<Error><Code>InternalError</Code><Message>Again.</Message></Error>",
         {NULL},
         NULL,
         "Amazon S3 answered 200 InternalError: Again."},
        {"aws-s3.abortMultipartUpload",
         "{" OB ", \"uploadId\": \"u\"}",
         "HTTP/1.1 204 No Content\r\n\r\n",
         {"DELETE /my-bucket/a/b%20c?uploadId=u HTTP/1.1\r\n"},
         "{\"$metadata\":{\"httpStatusCode\":204}}"},
        {"aws-s3.listParts",
         "{" OB ", \"uploadId\": \"u\"}",
         OK_XML "<ListPartsResult><Part><PartNumber>1</PartNumber><Size>5</Size></Part>"
                "</ListPartsResult>",
         {"GET /my-bucket/a/b%20c?uploadId=u HTTP/1.1\r\n"},
         "{" META ",\"Parts\":[{\"PartNumber\":1,\"Size\":5}]}"},
        {"aws-s3.listMultipartUploads",
         "{" BK "}",
         OK_XML "<ListMultipartUploadsResult><Upload><UploadId>u</UploadId></Upload>"
                "</ListMultipartUploadsResult>",
         {"GET /my-bucket?uploads= HTTP/1.1\r\n"},
         "{" META ",\"Uploads\":[{\"UploadId\":\"u\"}]}"},
    };
    aws_check(cases, ARRAY_LEN(cases));
}

static void lists_of_uploads_are_whole(void **state)
{
    struct action_context ctx;
    aws_start(&ctx);
    aws_server_prepare(
        &server,
        OK_XML "<R><IsTruncated>true</IsTruncated><NextPartNumberMarker>1000</NextPartNumberMarker>"
               "<Part><PartNumber>1000</PartNumber></Part></R>",
        OK_XML "<R><IsTruncated>false</IsTruncated><Part><PartNumber>1001</PartNumber></Part></R>",
        NULL);
    const char *inputs = aws_inputs(&ctx, "aws-s3.listParts", "{" OB ", \"uploadId\": \"u\"}");
    assert_int_equal(fixture_run(&ctx, "aws-s3.listParts", inputs), 0);
    assert_string_equal(fixture_result(&ctx),
                        "{" META ",\"IsTruncated\":false,\"Parts\":[{\"PartNumber\":1000},"
                        "{\"PartNumber\":1001}]}");
    assert_true(str_find(buf_str(&server.requests[1]),
                         STR("?part-number-marker=1000&uploadId=u HTTP"), 0) > 0);
    aws_server_prepare(
        &server,
        OK_XML "<R><IsTruncated>true</IsTruncated><NextKeyMarker>a b</NextKeyMarker>"
               "<NextUploadIdMarker>u1</NextUploadIdMarker><Upload><Key>a b</Key></Upload></R>",
        OK_XML "<R><IsTruncated>true</IsTruncated><Upload><Key>c</Key></Upload></R>", NULL);
    inputs = aws_inputs(&ctx, "aws-s3.listMultipartUploads", "{" BK "}");
    assert_int_equal(fixture_run(&ctx, "aws-s3.listMultipartUploads", inputs), 0);
    assert_string_equal(fixture_result(&ctx), "{" META ",\"IsTruncated\":true,\"Uploads\":[{"
                                              "\"Key\":\"a b\"},{\"Key\":\"c\"}]}");
    assert_true(str_find(buf_str(&server.requests[1]),
                         STR("?key-marker=a%20b&upload-id-marker=u1&uploads= HTTP"), 0) > 0);
    assert_int_equal(atomic_load(&server.served), 2);
    fixture_done(&ctx);
}

static void buckets_of_large_accounts_are_listed(void **state)
{
    struct action_context ctx;
    aws_start(&ctx);
    aws_server_prepare(&server,
                       OK_XML "<R><Buckets><Bucket><Name>a</Name></Bucket></Buckets>"
                              "<ContinuationToken>t/1</ContinuationToken></R>",
                       OK_XML "<R><Buckets><Bucket><Name>b</Name></Bucket></Buckets></R>", NULL);
    const char *inputs = aws_inputs(&ctx, "aws-s3.listBuckets", "{@}");
    assert_int_equal(fixture_run(&ctx, "aws-s3.listBuckets", inputs), 0);
    assert_string_equal(fixture_result(&ctx),
                        "{" META ",\"Buckets\":[{\"Name\":\"a\"},{\"Name\":\"b\"}]}");
    assert_true(str_starts(buf_str(&server.requests[1]),
                           STR("GET /?continuation-token=t%2F1&max-buckets=1000 HTTP")));
    fixture_done(&ctx);
}

static void settings(void **state)
{
    static const struct aws_case cases[] = {
        {"aws-s3.getBucketNotificationConfiguration",
         "{" BK "}",
         OK_XML "<NotificationConfiguration><TopicConfiguration><Id>i</Id><Topic>arn</Topic>"
                "<Event>e1</Event><Event>e2</Event><Filter><S3Key><FilterRule><Name>prefix</Name>"
                "<Value>x</Value></FilterRule></S3Key></Filter></TopicConfiguration>"
                "</NotificationConfiguration>",
         {"GET /my-bucket?notification= HTTP/1.1\r\n"},
         "{" META ",\"TopicConfigurations\":[{\"Id\":\"i\",\"TopicArn\":\"arn\",\"Events\":"
         "[\"e1\",\"e2\"],\"Filter\":{\"Key\":{\"FilterRules\":[{\"Name\":\"prefix\",\"Value\":"
         "\"x\"}]}}}]}"},
        {"aws-s3.putBucketNotificationConfiguration",
         "{" BK ", \"queueConfigurations\": \"[{\\\"Id\\\": \\\"q\\\", \\\"QueueArn\\\": "
         "\\\"a\\\", \\\"Events\\\": [\\\"e\\\"]}]\", \"eventBridgeConfiguration\": {}}",
         OK_XML,
         {"PUT /my-bucket?notification= HTTP/1.1\r\n",
          "<QueueConfiguration><Id>q</Id><Queue>a</Queue><Event>e</Event></QueueConfiguration>"
          "<EventBridgeConfiguration></EventBridgeConfiguration></NotificationConfiguration>"},
         "{" META "}"},
        {"aws-s3.putBucketNotificationConfiguration",
         "{" BK ", \"topicConfigurations\": \"x\"}",
         NULL,
         {NULL},
         NULL,
         "Topic Configurations (topicConfigurations): item 1 is not an object"},
        {"aws-s3.getObjectLockConfiguration",
         "{" BK "}",
         OK_XML "<ObjectLockConfiguration><Rule><DefaultRetention><Days>9</Days>"
                "</DefaultRetention></Rule></ObjectLockConfiguration>",
         {"GET /my-bucket?object-lock= HTTP/1.1\r\n"},
         "{" META ",\"ObjectLockConfiguration\":{\"Rule\":{\"DefaultRetention\":{\"Days\":9}}}}"},
        {"aws-s3.putObjectLockConfiguration",
         "{" BK ", \"defaultRetentionMode\": \"governance\", \"defaultRetentionDays\": \"9\"}",
         OK_XML,
         {"<ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention><Mode>GOVERNANCE"
          "</Mode><Days>9</Days></DefaultRetention></Rule>"},
         "{" META "}"},
        {"aws-s3.putObjectLockConfiguration",
         "{" BK ", \"defaultRetentionMode\": \"GOVERNANCE\"}",
         NULL,
         {NULL},
         NULL,
         "Default Retention Mode (defaultRetentionMode): is given together"},
        {"aws-s3.getObjectRetention",
         "{" OB ", \"versionId\": \"v\"}",
         OK_XML "<Retention><Mode>COMPLIANCE</Mode></Retention>",
         {"?retention=&versionId=v HTTP"},
         "{" META ",\"Retention\":{\"Mode\":\"COMPLIANCE\"}}"},
        {"aws-s3.putObjectRetention",
         "{" OB ", \"retentionMode\": \"COMPLIANCE\", \"retainUntilDate\": \"2030-01-01\"}",
         OK_XML,
         {"<Mode>COMPLIANCE</Mode><RetainUntilDate>2030-01-01</RetainUntilDate></Retention>"},
         "{" META "}"},
        {"aws-s3.putObjectRetention",
         "{" OB ", \"retentionMode\": \"COMPLIANCE\"}",
         NULL,
         {NULL},
         NULL,
         "Retain Until Date (retainUntilDate): is needed"},
    };
    aws_check(cases, ARRAY_LEN(cases));
}

/* Other notifications of the bucket are kept, the one of that name is replaced. */
static void a_notification_is_added(void **state)
{
    struct action_context ctx;
    aws_start(&ctx);
    aws_server_prepare(&server,
                       OK_XML
                       "<NotificationConfiguration><QueueConfiguration><Id>q</Id><Queue>qa</Queue>"
                       "<Event>e</Event></QueueConfiguration><TopicConfiguration><Id>mine</Id>"
                       "<Topic>old</Topic><Event>e</Event></TopicConfiguration><TopicConfiguration>"
                       "<Id>other</Id><Topic>ot</Topic><Event>e</Event></TopicConfiguration>"
                       "</NotificationConfiguration>",
                       OK_XML, NULL);
    const char *name = "aws-s3.bucketEventTriggerConfiguration";
    const char *inputs =
        aws_inputs(&ctx, name,
                   "{" BK ", \"snsTopicArn\": \"new\", \"eventsList\": "
                   "[\"s3:ObjectCreated:*\"], \"eventNotificationName\": \"mine\", "
                   "\"bucketOwnerAccountid\": \"12\"}");
    if (fixture_run(&ctx, name, inputs) != 0) {
        fail_msg("%s", ctx.err.message);
    }
    struct str put = buf_str(&server.requests[1]);
    assert_true(
        str_find(buf_str(&server.requests[0]), STR("x-amz-expected-bucket-owner: 12\r\n"), 0) > 0);
    assert_true(
        str_find(put,
                 STR("<QueueConfiguration><Id>q</Id><Queue>qa</Queue><Event>e</Event>"
                     "</QueueConfiguration><TopicConfiguration><Id>other</Id><Topic>ot</Topic>"
                     "<Event>e</Event></TopicConfiguration><TopicConfiguration><Id>mine</Id>"
                     "<Topic>new</Topic><Event>s3:ObjectCreated:*</Event></TopicConfiguration>"
                     "</NotificationConfiguration>"),
                 0) > 0);
    fixture_done(&ctx);
}

static void topics(void **state)
{
    static const struct aws_case cases[] = {
        {"aws-s3.createTopic",
         "{@, \"name\": \"SW5z/1==\", \"awsRegion\": \"eu-west-1\"}",
         OK_XML "<CreateTopicResponse><CreateTopicResult><TopicArn>arn:t</TopicArn>"
                "</CreateTopicResult></CreateTopicResponse>",
         {"Action=CreateTopic&Version=2010-03-31&Name=SW5z_1__", "/eu-west-1/sns/aws4_request"},
         "{" META ",\"TopicArn\":\"arn:t\"}"},
        {"aws-s3.subscribeToTopic",
         "{@, \"snsTopicArn\": \"arn:t\", \"endpoint\": \"https://h/trigger/x==\"}",
         OK_XML "<SubscribeResponse><SubscribeResult><SubscriptionArn>arn:s</SubscriptionArn>"
                "</SubscribeResult></SubscribeResponse>",
         {"Protocol=https&Endpoint=https%3A%2F%2Fh%2Ftrigger%2Fx%3D%3D&ReturnSubscriptionArn=true&"
          "TopicArn=arn%3At"},
         "{" META ",\"SubscriptionArn\":\"arn:s\"}"},
        {"aws-s3.subscribeToTopic",
         "{@, \"snsTopicArn\": \"arn:t\", \"endpoint\": \"mailto:x\"}",
         NULL,
         {NULL},
         NULL,
         "Webhook Endpoint (endpoint): must be an http"},
        {"aws-s3.unsubscribeFromTopic",
         "{@, \"subscriptionArn\": \"arn:s\"}",
         OK_XML "<UnsubscribeResponse/>",
         {"Action=Unsubscribe&Version=2010-03-31&SubscriptionArn=arn%3As"},
         "{" META "}"},
        {"aws-s3.unsubscribeFromTopic",
         "{@, \"subscriptionArn\": \"pending\"}",
         NULL,
         {NULL},
         NULL,
         "Subscription ARN (subscriptionArn): \"pending\" is not an ARN"},
        {"aws-s3.updateTopicPolicy",
         "{" BK ", \"snsTopicArn\": \"arn:aws-us-gov:sns:r:1:t\", \"bucketOwnerAccountid\": "
         "\"12\"}",
         OK_XML "<SetTopicAttributesResponse/>",
         {"Action=SetTopicAttributes&Version=2010-03-31&AttributeName=Policy&AttributeValue=%7B",
          "%22aws%3ASourceArn%22%3A%22arn%3Aaws-us-gov%3As3%3A%2A%3A%2A%3Amy-bucket%22",
          "%22aws%3ASourceAccount%22%3A%2212%22"},
         "{" META "}"},
        {"aws-s3.updateTopicPolicy",
         "{" BK ", \"snsTopicArn\": \"arn:t\", \"bucketOwnerAccountid\": \"12\"}",
         NULL,
         {NULL},
         NULL,
         "SNS Topic ARN (snsTopicArn): is not the ARN of a topic"},
    };
    aws_check(cases, ARRAY_LEN(cases));
}

static void refusals_name_the_input(void **state)
{
#define ERROR(status, code, text)                                                                  \
    "HTTP/1.1 " status "\r\n\r\n<?xml version=\"1.0\"?><Error><Code>" code "</Code><Message>" text \
    "</Message></Error>"
    static const struct aws_case cases[] = {
        {"aws-s3.getObject",
         "{" OB "}",
         ERROR("404 Not Found", "NoSuchKey", "No key."),
         {NULL},
         NULL,
         "Object Key (objectKey): Amazon S3 answered 404 NoSuchKey: No key."},
        {"aws-s3.listObjects",
         "{" BK "}",
         ERROR("404 Not Found", "NoSuchBucket", "None."),
         {NULL},
         NULL,
         "Bucket Name (bucket): Amazon S3 answered 404 NoSuchBucket: None."},
        {"aws-s3.copyObject",
         "{@, \"sourceBucket\": \"from\", \"sourceKey\": \"k\", \"destinationBucket\": \"into\", "
         "\"destinationKey\": \"k\"}",
         "HTTP/1.1 404 Not Found\r\n\r\n<Error><Code>NoSuchBucket</Code><Message>None.</Message>"
         "<BucketName>from</BucketName></Error>",
         {NULL},
         NULL,
         "Source Bucket Name (sourceBucket): Amazon S3 answered 404 NoSuchBucket: None."},
        {"aws-s3.copyObject",
         "{@, \"sourceBucket\": \"from\", \"sourceKey\": \"k\", \"destinationBucket\": \"into\", "
         "\"destinationKey\": \"k\"}",
         "HTTP/1.1 404 Not Found\r\n\r\n<Error><Code>NoSuchBucket</Code><Message>None.</Message>"
         "<BucketName>into</BucketName></Error>",
         {NULL},
         NULL,
         "Destination Bucket Name (destinationBucket): Amazon S3 answered 404 NoSuchBucket: None."},
        {"aws-s3.headObject",
         "{" OB "}",
         "HTTP/1.1 404 Not Found\r\n\r\n",
         {NULL},
         NULL,
         "Object Key (objectKey): Amazon S3 answered 404 NoSuchKey: the object does not exist"},
        {"aws-s3.headBucket",
         "{" BK "}",
         "HTTP/1.1 404 Not Found\r\n\r\n",
         {NULL},
         NULL,
         "Bucket Name (bucket): Amazon S3 answered 404 NoSuchBucket"},
        {"aws-s3.headBucket",
         "{" BK "}",
         "HTTP/1.1 403 Forbidden\r\n\r\n",
         {NULL},
         NULL,
         "Amazon S3 answered 403: access is denied"},
        {"aws-s3.headBucket",
         "{" BK "}",
         "HTTP/1.1 301 Moved\r\nx-amz-bucket-region: eu-west-1\r\nLocation: http://127.0.0.1/\r\n"
         "\r\n",
         {NULL},
         NULL,
         "AWS Region (awsRegion): Amazon S3 answered 301 PermanentRedirect: it is in another "
         "region (the bucket is in the region \"eu-west-1\"; give that)"},
        {"aws-s3.listBuckets",
         "{@}",
         ERROR("403 Forbidden", "SignatureDoesNotMatch", "Bad."),
         {NULL},
         NULL,
         "Connection (accessKey): Amazon S3 answered 403 SignatureDoesNotMatch"},
        {"aws-s3.createTopic",
         "{@, \"name\": \"n\"}",
         "HTTP/1.1 403 Forbidden\r\n\r\n<ErrorResponse><Error><Type>Sender</Type>"
         "<Code>InvalidClientTokenId</Code><Message>Invalid.</Message></Error></ErrorResponse>",
         {NULL},
         NULL,
         "Connection (awsConnection): Amazon SNS answered 403 InvalidClientTokenId: Invalid."},
        {"aws-s3.listObjects",
         "{" BK "}",
         "HTTP/1.1 502 Bad\r\n\r\n<html>",
         {NULL},
         NULL,
         "Amazon S3 answered 502: the request failed"},
        {"aws-s3.listObjects",
         "{" BK "}",
         OK_XML "<broken",
         {NULL},
         NULL,
         "The answer is not the XML it should be"},
        {"aws-s3.deleteObjects",
         "{" BK ", \"objectKeys\": [\"a\", \"b\"]}",
         OK_XML "<DeleteResult><Error><Key>b</Key><Code>AccessDenied</Code><Message>No.</Message>"
                "</Error></DeleteResult>",
         {NULL},
         NULL,
         "Object Keys (objectKeys): 1 of 2 objects were not deleted; the first, \"b\": "
         "AccessDenied: No."},
        {"aws-s3.deleteObjects",
         "{" BK ", \"objectKeys\": []}",
         NULL,
         {NULL},
         NULL,
         "Object Keys (objectKeys): must be 1 to 1000 keys"},
        {"aws-s3.deleteObjects",
         "{" BK ", \"objectKeys\": [\"a\\u0001\"]}",
         NULL,
         {NULL},
         NULL,
         "Object Keys (objectKeys): holds names or control characters"},
        {"aws-s3.putObject",
         "{" OB "}",
         NULL,
         {NULL},
         NULL,
         "File Contents (fileContents): has no value"},
        {"aws-s3.putObject",
         "{" OB ", \"fileContents\": \"x\", \"acl\": \"mine\"}",
         NULL,
         {NULL},
         NULL,
         "ACL Permissions (acl): must be one of"},
        {"aws-s3.listObjects",
         "{" BK ", \"maxKeys\": 0}",
         NULL,
         {NULL},
         NULL,
         "Max Keys (maxKeys): must be a whole number"},
        {"aws-s3.listObjects",
         "{" BK ", \"pagination\": {\"maxKeys\": \"x\"}}",
         NULL,
         {NULL},
         NULL,
         "Pagination (pagination): must be a whole number"},
        {"aws-s3.getObjectAttributes",
         "{" OB ", \"objectAttributes\": [\"Size\"]}",
         NULL,
         {NULL},
         NULL,
         "Object Attributes (objectAttributes): \"Size\" is not"},
        {"aws-s3.uploadPart",
         "{" OB ", \"uploadId\": \"u\", \"partNumber\": 0, \"fileChunk\": \"x\"}",
         NULL,
         {NULL},
         NULL,
         "Part Number (partNumber): must be a whole number"},
        {"aws-s3.completeMultipartUpload",
         "{" OB ", \"uploadId\": \"u\", \"parts\": [{}]}",
         NULL,
         {NULL},
         NULL,
         "Parts (parts): item 1 must be {PartNumber, ETag}"},
        {"aws-s3.generatePresignedUrl",
         "{" OB ", \"expirationSeconds\": 604801}",
         NULL,
         {NULL},
         NULL,
         "Expiration Seconds (expirationSeconds): must be a whole number"},
        {"aws-s3.generatePresignedUrl",
         "{" OB ", \"actionType\": \"steal\"}",
         NULL,
         {NULL},
         NULL,
         "Action Type (actionType): must be download or upload"},
    };
    aws_check(cases, ARRAY_LEN(cases));
}

static void failures_tell_whether_to_try_again(void **state)
{
    static const struct {
        const char *reply;
        bool retryable;
    } rows[] = {
        {ERROR("503 Slow Down", "SlowDown", "x"), true},
        {ERROR("400 Bad Request", "RequestTimeout", "x"), true},
        {ERROR("404 Not Found", "NoSuchBucket", "x"), false},
        {ERROR("403 Forbidden", "AccessDenied", "x"), false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct action_context ctx;
        aws_start(&ctx);
        aws_server_prepare(&server, rows[i].reply, NULL, NULL);
        const char *inputs = aws_inputs(&ctx, "aws-s3.listObjects", "{" BK "}");
        assert_int_equal(fixture_run(&ctx, "aws-s3.listObjects", inputs), -EBADE);
        assert_string_equal(ctx.err.code, "aws.refused");
        assert_int_equal(ctx.err.retryable, rows[i].retryable);
        fixture_done(&ctx);
    }
}

static void urls_are_presigned(void **state)
{
    struct action_context ctx;
    aws_start(&ctx);
    const char *inputs =
        "{\"accessKey\": {\"fields\": {\"accessKeyId\": \"AK\", \"secretAccessKey\": \"s\"}}, "
        "\"bucket\": \"my-bucket\", \"objectKey\": \"a b\", \"awsRegion\": \"eu-west-1\", "
        "\"expirationSeconds\": \"60\", \"actionType\": \"upload\"}";
    assert_int_equal(fixture_run(&ctx, "aws-s3.generatePresignedUrl", inputs), 0);
    struct str url = json_as_str(ctx.result.data);
    assert_true(str_starts(url, STR("https://my-bucket.s3.eu-west-1.amazonaws.com/a%20b?"
                                    "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AK%2F")));
    assert_true(str_find(url, STR("&X-Amz-Expires=60&"), 0) > 0);
    inputs = aws_inputs(&ctx, "aws-s3.generatePresignedForMultiparUploads",
                        "{" OB ", \"uploadId\": \"u\", \"urlsToGenerate\": 2}");
    assert_int_equal(fixture_run(&ctx, "aws-s3.generatePresignedForMultiparUploads", inputs), 0);
    assert_int_equal(ctx.result.data.len, 2);
    struct json second = ctx.result.data.items[1];
    assert_true(json_get(second, STR("partNumber")).num == 2);
    url = json_as_str(json_get(second, STR("url")));
    assert_true(str_starts(url, str_of(server.url)));
    assert_true(str_find(url, STR("&partNumber=2&uploadId=u&X-Amz-Signature="), 0) > 0);
    fixture_done(&ctx);
}

/* One poll of a bucket that holds these objects. */
static void poll_once(struct action_context *ctx, const char *more, const char *objects,
                      const char *found)
{
    struct buf list;
    buf_init(&list, 0);
    buf_adds(&list, OK_XML "<ListBucketResult>");
    for (const char *o = objects; *o;) { /* "a=05 b=06": keys and seconds */
        buf_addf(&list,
                 "<Contents><Key>%c</Key><LastModified>2099-01-01T00:00:%.2s.000Z</LastModified>"
                 "</Contents>",
                 o[0], o + 2);
        o += o[4] ? 5 : 4;
    }
    buf_adds(&list, "</ListBucketResult>");
    aws_server_prepare(&server, arena_strdup(ctx->arena, list.data), NULL, NULL);
    buf_done(&list);
    const char *name = "aws-s3.pollChangesFilesTrigger";
    const char *inputs = aws_inputs(ctx, name, arena_printf(ctx->arena, "{" BK "%s}", more));
    if (fixture_run(ctx, name, inputs) != 0) {
        fail_msg("%s", ctx->err.message);
    }
    ctx->result.data = json_get(json_get(ctx->result.data, STR("body")), STR("data"));
    assert_string_equal(fixture_result(ctx), found);
    if (strcmp(found, "[]") == 0) {
        assert_string_equal(ctx->result.result_type, "POLLED_NO_CHANGES");
    } else {
        assert_null(ctx->result.result_type);
    }
}

static void changes_are_found_once(void **state)
{
    struct action_context ctx;
    aws_start(&ctx);
    ctx.payload = fixture_json(&ctx, "{\"flow\": {}, \"body\": {\"data\": null}}");
    poll_once(&ctx, "", "a=05", "[]"); /* the first time only notes */
    poll_once(&ctx, "", "a=05", "[]");
    poll_once(&ctx, "", "a=05 b=05", "[\"b\"]"); /* of the same second */
    poll_once(&ctx, "", "b=05", "[]");
    poll_once(&ctx, "", "a=05 b=05", "[]");                 /* a was seen, even if it was away */
    poll_once(&ctx, "", "a=07 b=05 c=06", "[\"a\",\"c\"]"); /* a has changed */
    poll_once(&ctx, "", "a=07 b=05 c=06", "[]");
    assert_true(str_starts(buf_str(&server.requests[0]),
                           STR("GET /my-bucket?encoding-type=url&list-type=2 HTTP/1.1\r\n")));
    fixture_done(&ctx);
    aws_start(&ctx);
    poll_once(&ctx, ", \"lookBackDate\": \"2099-01-01\", \"prefix\": \"p/\"", "a=00 b=01",
              "[\"a\",\"b\"]");
    assert_true(str_find(buf_str(&server.requests[0]), STR("&prefix=p%2F HTTP"), 0) > 0);
    poll_once(&ctx, ", \"lookBackDate\": \"2099-01-01\"", "a=00 b=01 c=01", "[\"c\"]");
    fixture_done(&ctx);
    static const struct aws_case cases[] = {
        {"aws-s3.pollChangesFilesTrigger",
         "{" BK ", \"lookBackDate\": \"1.2.2026\"}",
         NULL,
         {NULL},
         NULL,
         "Look-back Date (lookBackDate): must be a date"},
        {"aws-s3.pollNewBucketsTrigger",
         "{@, \"lookBackDate\": \"2024-01-02\"}",
         OK_XML "<R><Buckets><Bucket><Name>old</Name><CreationDate>2024-01-01T23:59:59.000Z"
                "</CreationDate></Bucket><Bucket><Name>new</Name><CreationDate>"
                "2024-01-02T00:00:00.000Z</CreationDate></Bucket></Buckets></R>",
         {"GET /?max-buckets=1000 HTTP/1.1\r\n"},
         "{\"body\":{\"data\":[{\"Name\":\"new\",\"CreationDate\":"
         "\"2024-01-02T00:00:00.000Z\"}]}}"},
    };
    aws_check(cases, ARRAY_LEN(cases));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects),
        cmocka_unit_test(lists),
        cmocka_unit_test(buckets),
        cmocka_unit_test(uploads),
        cmocka_unit_test(lists_of_uploads_are_whole),
        cmocka_unit_test(buckets_of_large_accounts_are_listed),
        cmocka_unit_test(settings),
        cmocka_unit_test(a_notification_is_added),
        cmocka_unit_test(topics),
        cmocka_unit_test(refusals_name_the_input),
        cmocka_unit_test(failures_tell_whether_to_try_again),
        cmocka_unit_test(urls_are_presigned),
        cmocka_unit_test(changes_are_found_once),
    };
    return cmocka_run_group_tests(tests, aws_setup, aws_teardown);
}
