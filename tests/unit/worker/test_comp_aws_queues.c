/* The SQS and SNS components against prepared replies. */
#include "aws_call_fixture.h"
#include "components/registry.h"

#define OK_JSON "HTTP/1.1 200 OK\r\nx-amzn-RequestId: R1\r\n\r\n"
#define Q       "@, \"url\": \"https://sqs.eu-west-1.amazonaws.com/12/q\""
#define QUEUE   "\"QueueUrl\":\"https://sqs.eu-west-1.amazonaws.com/12/q\""

static void messages(void **state)
{
    static const struct aws_case cases[] = {
        {"aws-sqs.sendMessage",
         "{" Q ", \"message\": {\"a\": 1}, \"attributes\": [{\"key\": \"n\", \"value\": 5}], "
         "\"delaySeconds\": \"7\", \"messageGroupId\": \"g\", \"messageDeduplicationId\": \"d\"}",
         OK_JSON "{\"MessageId\": \"m\"}",
         {"POST / HTTP/1.1\r\n", "X-Amz-Target: AmazonSQS.SendMessage\r\n",
          "Content-Type: application/x-amz-json-1.0\r\n", "/eu-west-1/sqs/aws4_request",
          "\r\n\r\n{" QUEUE ",\"MessageBody\":\"{\\\"a\\\":1}\",\"MessageGroupId\":\"g\","
          "\"MessageDeduplicationId\":\"d\",\"DelaySeconds\":7,\"MessageAttributes\":{\"n\":"
          "{\"DataType\":\"String\",\"StringValue\":\"5\"}}}"},
         "{" META ",\"MessageId\":\"m\"}"},
        {"aws-sqs.sendMessage",
         "{" Q ", \"message\": \"x\", \"awsRegion\": \"us-west-2\"}",
         OK_JSON "{}",
         {"/us-west-2/sqs/aws4_request"},
         "{" META "}"},
        {"aws-sqs.receiveMessages",
         "{" Q ", \"maxNumber\": 10, \"waitTime\": \"0\"}",
         OK_JSON "{\"Messages\": [{\"Body\": \"b\"}]}",
         {"X-Amz-Target: AmazonSQS.ReceiveMessage\r\n",
          "{" QUEUE ",\"MaxNumberOfMessages\":10,\"WaitTimeSeconds\":0,\"AttributeNames\":[\"All\"]"
          ",\"MessageAttributeNames\":[\"All\"]}"},
         "{" META ",\"Messages\":[{\"Body\":\"b\"}]}"},
        {"aws-sqs.receiveMessages",
         "{" Q "}",
         OK_JSON "{}",
         {"\"MaxNumberOfMessages\":1,\"AttributeNames\""},
         "{" META ",\"Messages\":[]}"},
        {"aws-sqs.deleteMessage",
         "{" Q ", \"receiptHandle\": \"h+/=\"}",
         OK_JSON,
         {"AmazonSQS.DeleteMessage", "\"ReceiptHandle\":\"h+/=\"}"},
         "{" META "}"},
        {"aws-sqs.sendMessage",
         "{" Q ", \"message\": \"x\", \"delaySeconds\": 901}",
         NULL,
         {NULL},
         NULL,
         "Delay Seconds (delaySeconds): must be a whole number from 0 to 900"},
        {"aws-sqs.sendMessage",
         "{" Q ", \"message\": null}",
         NULL,
         {NULL},
         NULL,
         "Message (message): is empty"},
        {"aws-sqs.sendMessage",
         "{" Q ", \"message\": \"x\", \"attributes\": {\"a\": \"\"}}",
         NULL,
         {NULL},
         NULL,
         "Attributes (attributes): \"a\" is empty"},
        {"aws-sqs.receiveMessages",
         "{" Q ", \"maxNumber\": 11}",
         NULL,
         {NULL},
         NULL,
         "Max Messages (maxNumber): must be a whole number from 1 to 10"},
        {"aws-sqs.receiveMessages",
         "{" Q "}",
         "HTTP/1.1 400 Bad Request\r\n\r\n{\"__type\": \"com.amazonaws.sqs#QueueDoesNotExist\", "
         "\"message\": \"Gone.\"}",
         {NULL},
         NULL,
         "Queue URL (url): Amazon SQS answered 400 QueueDoesNotExist: Gone."},
        {"aws-sqs.receiveMessages",
         "{" Q "}",
         OK_JSON "[]",
         {NULL},
         NULL,
         "The answer is not the JSON it should be"},
    };
    aws_check(cases, ARRAY_LEN(cases));
}

static void queues(void **state)
{
    static const struct aws_case cases[] = {
        {"aws-sqs.createQueue",
         "{@, \"name\": \"a.fifo\", \"isFifo\": true, \"contentBasedDeduplication\": \"yes\", "
         "\"tags\": {\"t\": 1}}",
         OK_JSON "{\"QueueUrl\": \"u\"}",
         {"AmazonSQS.CreateQueue",
          "\r\n\r\n{\"QueueName\":\"a.fifo\",\"tags\":{\"t\":\"1\"},\"Attributes\":{\"FifoQueue\":"
          "\"true\",\"ContentBasedDeduplication\":\"true\"}}"},
         "{" META ",\"QueueUrl\":\"u\"}"},
        {"aws-sqs.createQueue",
         "{@, \"name\": \"plain\"}",
         OK_JSON "{\"QueueUrl\": \"u\"}",
         {"\r\n\r\n{\"QueueName\":\"plain\"}"},
         "{" META ",\"QueueUrl\":\"u\"}"},
        {"aws-sqs.createQueue",
         "{@, \"name\": \"a\", \"isFifo\": true}",
         NULL,
         {NULL},
         NULL,
         "Name (name): must end with .fifo"},
        {"aws-sqs.createQueue",
         "{@, \"name\": \"a b\"}",
         NULL,
         {NULL},
         NULL,
         "Name (name): must be 1 to 80 letters"},
        {"aws-sqs.deleteQueue",
         "{" Q "}",
         OK_JSON,
         {"AmazonSQS.DeleteQueue", "{" QUEUE "}"},
         "{" META "}"},
        {"aws-sqs.getQueueUrl",
         "{@, \"name\": \"q\"}",
         OK_JSON "{\"QueueUrl\": \"u\"}",
         {"AmazonSQS.GetQueueUrl", "{\"QueueName\":\"q\"}"},
         "{" META ",\"QueueUrl\":\"u\"}"},
        {"aws-sqs.listQueues",
         "{@, \"prefix\": \"p\", \"maxResults\": 5, \"nextToken\": \"t\"}",
         OK_JSON "{\"QueueUrls\": [\"u\"], \"NextToken\": \"n\"}",
         {"{\"QueueNamePrefix\":\"p\",\"MaxResults\":5,\"NextToken\":\"t\"}"},
         "{" META ",\"QueueUrls\":[\"u\"],\"NextToken\":\"n\"}"},
        {"aws-sqs.listQueues", "{@}", OK_JSON "{}", {"\r\n\r\n{}"}, "{" META ",\"QueueUrls\":[]}"},
    };
    aws_check(cases, ARRAY_LEN(cases));
}

static void several_requests_make_one_result(void **state)
{
    struct action_context ctx;
    aws_start(&ctx);
    aws_server_prepare(&server, OK_JSON "{\"QueueUrls\": [\"a\"], \"NextToken\": \"t\"}",
                       OK_JSON "{\"QueueUrls\": [\"b\"]}", NULL);
    assert_int_equal(fixture_run(&ctx, "aws-sqs.listQueues",
                                 aws_inputs(&ctx, "aws-sqs.listQueues", "{@, \"fetchAll\": true}")),
                     0);
    assert_string_equal(fixture_result(&ctx), "{" META ",\"QueueUrls\":[\"a\",\"b\"]}");
    assert_true(
        str_ends(buf_str(&server.requests[1]), STR("{\"MaxResults\":1000,\"NextToken\":\"t\"}")));
    aws_server_prepare(&server, OK_JSON "{\"QueueUrl\": \"dead\"}",
                       OK_JSON "{\"Attributes\": {\"QueueArn\": \"arn:d\"}}",
                       OK_JSON "{\"QueueUrl\": \"main\"}");
    const char *name = "aws-sqs.createDeadLetterQueue";
    if (fixture_run(&ctx, name,
                    aws_inputs(&ctx, name, "{@, \"name\": \"m\", \"dlqName\": \"d\"}")) != 0) {
        fail_msg("%s", ctx.err.message);
    }
    assert_string_equal(fixture_result(&ctx),
                        "{\"mainQueue\":{" META ",\"QueueUrl\":\"main\"},\"deadLetterQueue\":{" META
                        ",\"QueueUrl\":\"dead\"}}");
    assert_true(str_ends(buf_str(&server.requests[1]),
                         STR("{\"QueueUrl\":\"dead\",\"AttributeNames\":[\"QueueArn\"]}")));
    assert_true(str_find(buf_str(&server.requests[2]),
                         STR("\"RedrivePolicy\":\"{\\\"deadLetterTargetArn\\\":\\\"arn:d\\\","
                             "\\\"maxReceiveCount\\\":5}\""),
                         0) > 0);
    aws_server_prepare(
        &server,
        OK_XML "<R><ListTopicsResult><Topics><member><TopicArn>a</TopicArn></member></Topics>"
               "<NextToken>n</NextToken></ListTopicsResult></R>",
        OK_XML "<R><ListTopicsResult><Topics><member><TopicArn>b</TopicArn></member></Topics>"
               "</ListTopicsResult></R>",
        NULL);
    name = "aws-sns.listTopics";
    assert_int_equal(
        fixture_run(&ctx, name, aws_inputs(&ctx, name, "{@, \"fetchAllTopics\": true}")), 0);
    assert_string_equal(fixture_result(&ctx),
                        "{" META ",\"Topics\":[{\"TopicArn\":\"a\"},{\"TopicArn\":\"b\"}]}");
    fixture_done(&ctx);
}

static void topics(void **state)
{
#define T "@, \"topicArn\": \"arn:t\""
    static const struct aws_case cases[] = {
        {"aws-sns.createTopic",
         "{@, \"name\": \"a.b.fifo\"}",
         OK_XML "<R><CreateTopicResult><TopicArn>arn:t</TopicArn></CreateTopicResult></R>",
         {"Name=a_b.fifo&Attributes.entry.1.key=FifoTopic&Attributes.entry.1.value=true"},
         "{" META ",\"TopicArn\":\"arn:t\"}"},
        {"aws-sns.deleteTopic",
         "{" T "}",
         OK_XML "<DeleteTopicResponse/>",
         {"Action=DeleteTopic&Version=2010-03-31&TopicArn=arn%3At", "/us-east-1/sns/aws4_request"},
         "{" META "}"},
        {"aws-sns.deleteTopic",
         "{@, \"topicArn\": \"t\"}",
         NULL,
         {NULL},
         NULL,
         "Topic ARN (topicArn): \"t\" is not an ARN"},
        {"aws-sns.getTopicAttributes",
         "{" T "}",
         OK_XML "<R><GetTopicAttributesResult><Attributes><entry><key>Owner</key><value>1</value>"
                "</entry></Attributes></GetTopicAttributesResult></R>",
         {"Action=GetTopicAttributes"},
         "{" META ",\"Attributes\":{\"Owner\":\"1\"}}"},
        {"aws-sns.listSubscriptions",
         "{" T ", \"nextToken\": \"n\"}",
         OK_XML "<R><ListSubscriptionsByTopicResult><Subscriptions/><NextToken>m</NextToken>"
                "</ListSubscriptionsByTopicResult></R>",
         {"Action=ListSubscriptionsByTopic&Version=2010-03-31&NextToken=n&TopicArn=arn%3At"},
         "{" META ",\"Subscriptions\":[],\"NextToken\":\"m\"}"},
        {"aws-sns.listOptOutNumbers",
         "{@, \"nextToken\": \"n\"}",
         OK_XML "<R><ListPhoneNumbersOptedOutResult><phoneNumbers><member>+1</member>"
                "</phoneNumbers></ListPhoneNumbersOptedOutResult></R>",
         {"nextToken=n"},
         "{" META ",\"phoneNumbers\":[\"+1\"]}"},
        {"aws-sns.subscribe",
         "{" T ", \"protocol\": \"SQS\", \"endpoint\": \"arn:q\"}",
         OK_XML
         "<R><SubscribeResult><SubscriptionArn>arn:s</SubscriptionArn></SubscribeResult></R>",
         {"Protocol=sqs&Endpoint=arn%3Aq&ReturnSubscriptionArn=true&TopicArn=arn%3At"},
         "{" META ",\"SubscriptionArn\":\"arn:s\"}"},
        {"aws-sns.subscribe",
         "{" T ", \"protocol\": \"fax\", \"endpoint\": \"1\"}",
         NULL,
         {NULL},
         NULL,
         "Protocol (protocol): \"fax\" is not a protocol"},
        {"aws-sns.unsubscribe",
         "{@, \"subscriptionArn\": \"arn:s\"}",
         OK_XML "<R/>",
         {"Action=Unsubscribe"},
         "{" META "}"},
        {"aws-sns.deleteTopic",
         "{" T "}",
         "HTTP/1.1 404 Not Found\r\n\r\n<ErrorResponse><Error><Code>NotFound</Code><Message>Topic "
         "does not exist</Message></Error></ErrorResponse>",
         {NULL},
         NULL,
         "Topic ARN (topicArn): Amazon SNS answered 404 NotFound: Topic does not exist"},
    };
    aws_check(cases, ARRAY_LEN(cases));
}

static void publishing(void **state)
{
#define PUBLISHED OK_XML "<R><PublishResult><MessageId>m</MessageId></PublishResult></R>"
    static const struct aws_case cases[] = {
        {"aws-sns.publishMessage",
         "{" T ", \"message\": \"a&b=\xC3\xA4\", \"subject\": \"s\", \"messageAttributes\": "
         "[{\"key\": \"n\", \"value\": \"5\"}, {\"key\": \"l\", \"value\": [1]}, {\"key\": \"s\", "
         "\"value\": \"x\"}]}",
         PUBLISHED,
         {"&Message=a%26b%3D%C3%A4&TopicArn=arn%3At&Subject=s&",
          "MessageAttributes.entry.1.Name=n&MessageAttributes.entry.1.Value.DataType=Number&"
          "MessageAttributes.entry.1.Value.StringValue=5",
          "entry.2.Value.DataType=String.Array&MessageAttributes.entry.2.Value.StringValue=%5B1%5D",
          "entry.3.Value.DataType=String&"},
         "{" META ",\"MessageId\":\"m\"}"},
        {"aws-sns.publishMessage",
         "{" T ", \"message\": \"a\", \"messageAttributes\": {\"h\": \"0x10\", \"i\": "
         "\"Infinity\", \"e\": \"-1.5e3\", \"d\": \"-\"}}",
         PUBLISHED,
         {"entry.1.Value.DataType=String&", "entry.2.Value.DataType=String&",
          "entry.3.Value.DataType=Number&", "entry.4.Value.DataType=String&"},
         "{" META ",\"MessageId\":\"m\"}"},
        {"aws-sns.publishSms",
         "{@, \"message\": \"hi\", \"phoneNumber\": \"+1 5\"}",
         PUBLISHED,
         {"&Message=hi&PhoneNumber=%2B1%205"},
         "{" META ",\"MessageId\":\"m\"}"},
        {"aws-sns.publishBatchMessages",
         "{" T ", \"publishBatchEntries\": \"[{\\\"Id\\\": \\\"1\\\", \\\"Message\\\": "
         "\\\"a\\\", \\\"MessageAttributes\\\": {\\\"k\\\": {\\\"DataType\\\": \\\"Number\\\", "
         "\\\"StringValue\\\": \\\"7\\\"}}}]\"}",
         OK_XML "<R><PublishBatchResult><Failed/><Successful><member><Id>1</Id></member>"
                "</Successful></PublishBatchResult></R>",
         {"PublishBatchRequestEntries.member.1.Id=1&PublishBatchRequestEntries.member.1.Message=a",
          "member.1.MessageAttributes.entry.1.Value.DataType=Number&"},
         "{" META ",\"Failed\":[],\"Successful\":[{\"Id\":\"1\"}]}"},
        {"aws-sns.publishBatchMessages",
         "{" T ", \"publishBatchEntries\": [{\"Id\": \"1\"}]}",
         NULL,
         {NULL},
         NULL,
         "Message Entries (publishBatchEntries): item 1 must be an object"},
        {"aws-sns.publishBatchMessages",
         "{" T ", \"publishBatchEntries\": []}",
         NULL,
         {NULL},
         NULL,
         "Message Entries (publishBatchEntries): must be 1 to 10"},
        {"aws-sns.publishMessage",
         "{" T ", \"message\": null}",
         NULL,
         {NULL},
         NULL,
         "Message (message): is empty"},
    };
    aws_check(cases, ARRAY_LEN(cases));
}

static void no_attribute_is_dropped(void **state)
{
    struct action_context ctx;
    aws_start(&ctx);
    aws_server_prepare(&server, PUBLISHED, NULL, NULL);
    AUTO(buf_done) struct buf b = {0};
    buf_init(&b, 0);
    buf_adds(&b, "{" T ", \"publishBatchEntries\": [{\"Id\": \"1\", \"Message\": \"a\", "
                 "\"MessageAttributes\": {");
    for (int i = 0; i < 101; i++) {
        buf_addf(&b, "%s\"a%d\": \"x\"", i ? ", " : "", i);
    }
    buf_adds(&b, "}}]}");
    const char *inputs = aws_inputs(&ctx, "aws-sns.publishBatchMessages", b.data);
    assert_true(fixture_run(&ctx, "aws-sns.publishBatchMessages", inputs) < 0);
    assert_non_null(strstr(ctx.err.message, "item 1 has more than 100 attributes"));
    assert_int_equal(atomic_load(&server.served), 0);
    fixture_done(&ctx);
}

/* One poll of a queue that gives these messages, one letter each, and then none. */
static void poll_once(struct action_context *ctx, const char *messages, const char *found)
{
    const char *name = "aws-sqs.pollMessagesTrigger";
    AUTO(buf_done) struct buf b = {0};
    buf_init(&b, 0);
    buf_adds(&b, "HTTP/1.1 200 OK\r\n\r\n{\"Messages\":[");
    for (const char *m = messages; *m; m++) {
        buf_addf(&b, "%s{\"MessageId\":\"%c\"}", m == messages ? "" : ",", *m);
    }
    buf_adds(&b, "]}");
    aws_server_prepare(&server, b.data, "HTTP/1.1 200 OK\r\n\r\n{}", NULL);
    if (fixture_run(ctx, name, aws_inputs(ctx, name, "{" Q "}")) != 0) {
        fail_msg("%s", ctx->err.message);
    }
    struct json data = json_get(json_get(ctx->result.data, STR("body")), STR("data"));
    assert_int_equal(data.len, strlen(found));
    for (uint32_t i = 0; i < data.len; i++) {
        assert_int_equal(json_as_str(json_get(data.items[i], STR("MessageId"))).ptr[0], found[i]);
    }
    assert_int_equal(ctx->result.result_type != NULL, !found[0]);
    assert_int_equal(atomic_load(&server.served), messages[0] ? 2 : 1);
}

static void messages_are_given_once(void **state)
{
    struct action_context ctx;
    aws_start(&ctx);
    poll_once(&ctx, "", "");
    poll_once(&ctx, "ab", "ab");
    poll_once(&ctx, "bca", "c"); /* not deleted yet */
    poll_once(&ctx, "", "");
    poll_once(&ctx, "ad", "d"); /* a was away for a while */
    assert_true(str_find(buf_str(&server.requests[0]),
                         STR("\"MaxNumberOfMessages\":10,\"WaitTimeSeconds\":1,"
                             "\"AttributeNames\":[\"All\"]"),
                         0) > 0);
    fixture_done(&ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_given_once),
        cmocka_unit_test(messages),
        cmocka_unit_test(queues),
        cmocka_unit_test(several_requests_make_one_result),
        cmocka_unit_test(topics),
        cmocka_unit_test(publishing),
        cmocka_unit_test(no_attribute_is_dropped),
    };
    return cmocka_run_group_tests(tests, aws_setup, aws_teardown);
}
