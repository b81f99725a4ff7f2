/* Owns the calls to Amazon SQS, in its JSON protocol. Called on the slot's thread, blocks in the
 * HTTP client, for as long as a receive waits for messages. It refuses messages above 1 MB, which
 * is SQS's own limit. */
#include <math.h>

#include "components/aws_sqs/sqs.h"
#include "expr/value.h"

#define MAX_MESSAGE    MIB(1)
#define MAX_REQUEST    MIB(8) /* a message of which every byte is escaped, and its attributes */
#define MAX_ATTRIBUTES 10
#define MAX_TAGS       50
#define MAX_PAGES      100

/* --- the protocol --------------------------------------------------------------------------------
 */

/* "eu-west-1" of https://sqs.eu-west-1.amazonaws.com/...; "" of other addresses. */
static struct str region_of(struct str url)
{
    struct str host = http_url_host(url), head = STR("sqs.");
    ptrdiff_t end = str_find(host, STR(".amazonaws.com"), 0);
    bool own = str_starts(host, head) && end > (ptrdiff_t)head.len;
    struct str region = own ? str_n(host.ptr + head.len, (size_t)end - head.len) : STR("");
    for (size_t i = 0; i < region.len; i++) {
        char c = region.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-') || i > 40) {
            return STR("");
        }
    }
    return region;
}

int sqs_start(struct action_context *ctx, struct aws_session *s, struct json_builder *b,
              struct err *err)
{
    int rc = aws_session_read(ctx, "awsConnection", s, err);
    if (rc < 0) {
        return rc;
    }
    json_build_object(b, action_arena(ctx));
    if (aws_has_input(ctx, "url")) {
        struct str url;
        rc = aws_text(ctx, "url", &url, err);
        if (rc < 0) {
            return rc;
        }
        if (url.len == 0 || url.len > 2000) {
            return action_input_error(ctx, "url", err, "is empty or too long.");
        }
        json_append(b, STR("QueueUrl"), json_str(url));
        struct str region = region_of(url);
        if (!s->region_given && region.len) {
            s->region = region;
        }
    }
    return 0;
}

int sqs_call(struct action_context *ctx, const struct aws_session *s, const char *call,
             struct json value, struct http_response *ret_r, struct json *ret, struct err *err)
{
    struct aws_request r;
    AUTO(buf_done) struct buf b = {0};
    buf_init(&b, MAX_REQUEST);
    json_dump(&b, value);
    if (b.full) {
        return err_set(err, -EMSGSIZE, "aws.too_large", "The request is larger than 8 MB.");
    }
    aws_request_init(&r, AWS_SQS, "POST");
    http_headers_add(&r.headers, STR("Content-Type"), STR("application/x-amz-json-1.0"));
    http_headers_add(&r.headers, STR("X-Amz-Target"),
                     str_of(arena_printf(action_arena(ctx), "AmazonSQS.%s", call)));
    r.body = buf_str(&b);
    r.has_body = true;
    int rc = aws_send(ctx, s, &r, ret_r, err);
    if (rc < 0) {
        return rc;
    }
    *ret = json_object(NULL, 0);
    if (str_trim(ret_r->body).len) {
        rc = action_parse_json(ctx, ret_r->body, ret, err);
    }
    if (rc == -EINVAL || (rc == 0 && ret->type != JSON_OBJECT)) {
        return err_set(err, -EBADMSG, "aws.reply", "The answer is not the JSON it should be.");
    }
    return rc;
}

static int finish(struct action_context *ctx, const struct aws_session *s, const char *call,
                  const struct json_builder *b, struct action_result *ret, struct err *err)
{
    struct http_response reply;
    struct json value;
    int rc = sqs_call(ctx, s, call, json_built(b), &reply, &value, err);
    if (rc == 0) {
        ret->data = aws_result(ctx, &reply, value);
    }
    return rc;
}

/* Adds a text of an input unless it is empty. */
static int add_text(struct action_context *ctx, struct json_builder *b, const char *key,
                    const char *member, size_t max, struct err *err)
{
    struct str text;
    int rc = action_input_text(ctx, key, &text, err);
    if (rc < 0 || text.len == 0) {
        return rc;
    }
    if (text.len > max || !str_utf8_valid(text)) {
        return action_input_error(ctx, key, err, "is longer than %zu bytes, or not text.", max);
    }
    json_append(b, str_of(member), json_str(text));
    return 0;
}

/* Adds a whole number of an input unless it is unset. */
static int add_number(struct action_context *ctx, struct json_builder *b, const char *key,
                      const char *member, int64_t min, int64_t max, struct err *err)
{
    double number;
    int64_t n;
    int rc = action_input_number(ctx, key, &number, err);
    if (rc < 0 || isnan(number)) {
        return rc;
    }
    rc = action_input_int(ctx, key, min, max, &n, err);
    if (rc == 0) {
        json_append(b, str_of(member), json_num((double)n));
    }
    return rc;
}

static struct json object2(struct arena *a, const char *k1, struct json v1, const char *k2,
                           struct json v2)
{
    struct json_member *m = arena_array(a, 2, sizeof(*m));
    m[0] = (struct json_member){str_of(k1), v1};
    m[1] = (struct json_member){str_of(k2), v2};
    return json_object(m, 2);
}

/* --- messages ------------------------------------------------------------------------------------
 */

static int add_attributes(struct action_context *ctx, struct json_builder *b, struct err *err)
{
    struct arena *a = action_arena(ctx);
    struct json pairs;
    int rc = action_input_object(ctx, "attributes", &pairs, err);
    if (rc < 0 || pairs.len == 0) {
        return rc;
    }
    if (pairs.len > MAX_ATTRIBUTES) {
        return action_input_error(ctx, "attributes", err, "has more than %d attributes.",
                                  MAX_ATTRIBUTES);
    }
    struct json_builder all;
    json_build_object(&all, a);
    for (uint32_t i = 0; i < pairs.len; i++) {
        struct str text = value_to_text(a, pairs.members[i].value);
        if (text.len == 0 || !str_utf8_valid(text)) {
            return action_input_error(ctx, "attributes", err, "\"%.*s\" is empty or not text.",
                                      (int)MIN(pairs.members[i].key.len, 60),
                                      pairs.members[i].key.ptr);
        }
        json_append(&all, pairs.members[i].key,
                    object2(a, "DataType", json_cstr("String"), "StringValue", json_str(text)));
    }
    json_append(b, STR("MessageAttributes"), json_built(&all));
    return 0;
}

int sqs_send_message(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct aws_session s;
    struct json_builder b;
    struct str text;
    int rc = sqs_start(ctx, &s, &b, err);
    rc = rc == 0 ? action_input_text(ctx, "message", &text, err) : rc;
    if (rc == 0 && text.len == 0) {
        rc = action_input_error(ctx, "message", err, "is empty, which SQS does not take.");
    }
    rc = rc == 0 ? add_text(ctx, &b, "message", "MessageBody", MAX_MESSAGE, err) : rc;
    rc = rc == 0 ? add_text(ctx, &b, "messageGroupId", "MessageGroupId", 128, err) : rc;
    rc = rc == 0 ? add_text(ctx, &b, "messageDeduplicationId", "MessageDeduplicationId", 128, err)
                 : rc;
    rc = rc == 0 ? add_number(ctx, &b, "delaySeconds", "DelaySeconds", 0, 900, err) : rc;
    rc = rc == 0 ? add_attributes(ctx, &b, err) : rc;
    return rc == 0 ? finish(ctx, &s, "SendMessage", &b, ret, err) : rc;
}

void sqs_want_all(struct json_builder *b)
{
    static const struct json all = {.type = JSON_STRING, .len = 3, .str = "All"};
    json_append(b, STR("AttributeNames"), json_array(&all, 1));
    json_append(b, STR("MessageAttributeNames"), json_array(&all, 1));
}

int sqs_receive_messages(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct aws_session s;
    struct json_builder b;
    int rc = sqs_start(ctx, &s, &b, err);
    rc = rc == 0 ? add_number(ctx, &b, "maxNumber", "MaxNumberOfMessages", 1, 10, err) : rc;
    rc = rc == 0 ? add_number(ctx, &b, "waitTime", "WaitTimeSeconds", 0, 20, err) : rc;
    if (rc < 0) {
        return rc;
    }
    sqs_want_all(&b);
    struct http_response reply;
    struct json value;
    rc = sqs_call(ctx, &s, "ReceiveMessage", json_built(&b), &reply, &value, err);
    if (rc < 0) {
        return rc;
    }
    if (json_get(value, STR("Messages")).type != JSON_ARRAY) {
        struct json_member none = {STR("Messages"), json_array(NULL, 0)};
        value = json_object(arena_dup(action_arena(ctx), &none, sizeof(none)), 1);
    }
    ret->data = aws_result(ctx, &reply, value);
    return 0;
}

int sqs_delete_message(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct aws_session s;
    struct json_builder b;
    int rc = sqs_start(ctx, &s, &b, err);
    rc = rc == 0 ? add_text(ctx, &b, "receiptHandle", "ReceiptHandle", 4096, err) : rc;
    return rc == 0 ? finish(ctx, &s, "DeleteMessage", &b, ret, err) : rc;
}

/* --- queues --------------------------------------------------------------------------------------
 */

static int add_name(struct action_context *ctx, struct json_builder *b, const char *key, bool fifo,
                    struct err *err)
{
    struct str name;
    int rc = aws_text(ctx, key, &name, err);
    if (rc < 0) {
        return rc;
    }
    size_t plain = str_ends(name, STR(".fifo")) ? name.len - 5 : name.len;
    bool right = plain > 0 && name.len <= 80;
    for (size_t i = 0; i < plain; i++) {
        char c = name.ptr[i];
        right = right && ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          (c >= '0' && c <= '9') || c == '-' || c == '_');
    }
    if (!right) {
        return action_input_error(ctx, key, err,
                                  "must be 1 to 80 letters, digits, - and _, and .fifo at the end "
                                  "of a FIFO queue's.");
    }
    if (fifo && plain == name.len) {
        return action_input_error(ctx, key, err, "must end with .fifo, since the queue is one.");
    }
    json_append(b, STR("QueueName"), json_str(name));
    return 0;
}

static int add_tags(struct action_context *ctx, struct json_builder *b, struct err *err)
{
    struct json pairs;
    int rc = action_input_object(ctx, "tags", &pairs, err);
    if (rc < 0 || pairs.len == 0) {
        return rc;
    }
    if (pairs.len > MAX_TAGS) {
        return action_input_error(ctx, "tags", err, "has more than %d tags.", MAX_TAGS);
    }
    struct json_builder tags;
    json_build_object(&tags, action_arena(ctx));
    for (uint32_t i = 0; i < pairs.len; i++) {
        struct json v = pairs.members[i].value;
        struct str text = json_is_nullish(v) ? STR("") : value_to_text(action_arena(ctx), v);
        json_append(&tags, pairs.members[i].key, json_str(text));
    }
    json_append(b, STR("tags"), json_built(&tags));
    return 0;
}

/* The request that creates a queue; redrive "" = no dead letter queue. */
static int create(struct action_context *ctx, const struct aws_session *s, const char *name_key,
                  struct str redrive, struct json *ret, struct err *err)
{
    struct json_builder b, attributes;
    struct http_response reply;
    bool fifo, by_content;
    int rc = action_input_bool(ctx, "isFifo", &fifo, err);
    rc = rc == 0 ? action_input_bool(ctx, "contentBasedDeduplication", &by_content, err) : rc;
    json_build_object(&b, action_arena(ctx));
    json_build_object(&attributes, action_arena(ctx));
    rc = rc == 0 ? add_name(ctx, &b, name_key, fifo, err) : rc;
    rc = rc == 0 ? add_tags(ctx, &b, err) : rc;
    if (rc < 0) {
        return rc;
    }
    if (fifo) {
        json_append(&attributes, STR("FifoQueue"), json_cstr("true"));
    }
    if (fifo && by_content) {
        json_append(&attributes, STR("ContentBasedDeduplication"), json_cstr("true"));
    }
    if (redrive.len) {
        json_append(&attributes, STR("RedrivePolicy"), json_str(redrive));
    }
    if (attributes.len) {
        json_append(&b, STR("Attributes"), json_built(&attributes));
    }
    struct json value;
    rc = sqs_call(ctx, s, "CreateQueue", json_built(&b), &reply, &value, err);
    if (rc == 0) {
        *ret = aws_result(ctx, &reply, value);
    }
    return rc;
}

int sqs_create_queue(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct aws_session s;
    struct json_builder unused_builder;
    int rc = sqs_start(ctx, &s, &unused_builder, err);
    return rc == 0 ? create(ctx, &s, "name", STR(""), &ret->data, err) : rc;
}

int sqs_create_dead_letter_queue(struct action_context *ctx, struct action_result *ret,
                                 struct err *err)
{
    static const struct json wanted = {.type = JSON_STRING, .len = 8, .str = "QueueArn"};
    struct arena *a = action_arena(ctx);
    struct aws_session s;
    struct json_builder b;
    struct json dead, main_queue, value;
    struct http_response reply;
    int64_t most;
    int rc = sqs_start(ctx, &s, &b, err);
    rc = rc == 0 ? action_input_int(ctx, "maxReceiveCount", 1, 1000, &most, err) : rc;
    rc = rc == 0 ? create(ctx, &s, "dlqName", STR(""), &dead, err) : rc;
    if (rc < 0) {
        return rc;
    }
    struct json question = object2(a, "QueueUrl", json_get(dead, STR("QueueUrl")), "AttributeNames",
                                   json_array(&wanted, 1));
    rc = sqs_call(ctx, &s, "GetQueueAttributes", question, &reply, &value, err);
    if (rc < 0) {
        return rc;
    }
    struct json arn = json_get(json_get(value, STR("Attributes")), STR("QueueArn"));
    if (arn.type != JSON_STRING) {
        return err_set(err, -EBADMSG, "aws.reply",
                       "Amazon SQS did not tell the ARN of the dead letter queue.");
    }
    AUTO(buf_done) struct buf policy = {0};
    buf_init(&policy, KIB(4));
    json_dump(&policy,
              object2(a, "deadLetterTargetArn", arn, "maxReceiveCount", json_num((double)most)));
    rc = create(ctx, &s, "name", buf_str(&policy), &main_queue, err);
    if (rc == 0) {
        ret->data = object2(a, "mainQueue", main_queue, "deadLetterQueue", dead);
    }
    return rc;
}

int sqs_delete_queue(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct aws_session s;
    struct json_builder b;
    int rc = sqs_start(ctx, &s, &b, err);
    return rc == 0 ? finish(ctx, &s, "DeleteQueue", &b, ret, err) : rc;
}

int sqs_get_queue_url(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct aws_session s;
    struct json_builder b;
    int rc = sqs_start(ctx, &s, &b, err);
    rc = rc == 0 ? add_name(ctx, &b, "name", false, err) : rc;
    return rc == 0 ? finish(ctx, &s, "GetQueueUrl", &b, ret, err) : rc;
}

int sqs_list_queues(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct aws_session s;
    struct json_builder b, urls, all;
    struct http_response reply = {0};
    struct json value, next = json_undefined();
    bool every;
    int rc = sqs_start(ctx, &s, &b, err);
    rc = rc == 0 ? action_input_bool(ctx, "fetchAll", &every, err) : rc;
    rc = rc == 0 ? add_text(ctx, &b, "prefix", "QueueNamePrefix", 80, err) : rc;
    if (rc == 0 && every) {
        json_append(&b, STR("MaxResults"), json_num(1000));
    } else if (rc == 0) {
        rc = add_number(ctx, &b, "maxResults", "MaxResults", 1, 1000, err);
        rc = rc == 0 ? add_text(ctx, &b, "nextToken", "NextToken", 4096, err) : rc;
    }
    if (rc < 0) {
        return rc;
    }
    json_build_array(&urls, action_arena(ctx));
    for (int page = 0; page == 0 || (every && next.type == JSON_STRING && page < MAX_PAGES);
         page++) {
        if (next.type == JSON_STRING) {
            json_set(&b, STR("NextToken"), next);
        }
        rc = sqs_call(ctx, &s, "ListQueues", json_built(&b), &reply, &value, err);
        if (rc < 0) {
            return rc;
        }
        struct json found = json_get(value, STR("QueueUrls"));
        for (uint32_t i = 0; found.type == JSON_ARRAY && i < found.len; i++) {
            json_push(&urls, found.items[i]);
        }
        next = json_get(value, STR("NextToken"));
    }
    json_build_object(&all, action_arena(ctx));
    json_append(&all, STR("QueueUrls"), json_built(&urls));
    if (next.type == JSON_STRING) {
        json_append(&all, STR("NextToken"), next);
    }
    ret->data = aws_result(ctx, &reply, json_built(&all));
    return 0;
}
