/* Owns what arrives from SNS at a webhook. Anybody can call a webhook, so a message counts only
 * when its signature verifies with a certificate of SNS's own host; the subscription is confirmed
 * after that, at that host only. Called on the slot's thread, blocks in the HTTP client. It refuses
 * messages of other topics than the expected one, and unsigned (raw) ones unless they are allowed.
 */
#include <openssl/evp.h> /* before base.h, whose "unused" is a word of theirs */
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "components/aws/sns_message.h"

#include "components/aws/aws_request.h"
#include "components/trigger_payload.h"
#include "enc.h"
#include "expr/value.h"

#define MAX_URL         2000
#define MAX_CERTIFICATE KIB(16)
#define MAX_SIGNATURE   1024

/* Certificates are named by their content, so the last one stays right. */
static _Thread_local struct {
    char url[MAX_URL + 1], pem[MAX_CERTIFICATE + 1];
} last_certificate;

static struct str member(struct json message, const char *name)
{
    return json_as_str(json_get(message, str_of(name)));
}

/* --- whose it is ---------------------------------------------------------------------------------
 */

/* sns.<region>.amazonaws.com. What stands in the region's place must be one: sns.s3.amazonaws.com
 * and sns.s3-eu-west-1.amazonaws.com are the bucket "sns", whose owner could put a certificate
 * there.
 */
static bool is_amazon(struct str host)
{
    struct str tail = str_ends(host, STR(".cn")) ? STR(".amazonaws.com.cn") : STR(".amazonaws.com");
    if (!str_starts(host, STR("sns.")) || !str_ends(host, tail)) {
        return false;
    }
    for (size_t i = 4; i < host.len - tail.len; i++) {
        char c = host.ptr[i];
        bool letter = c >= 'a' && c <= 'z';
        if (i < 6 ? !letter : i == 6 ? c != '-' : !letter && c != '-' && !(c >= '0' && c <= '9')) {
            return false;
        }
    }
    return host.len > 7 + tail.len; /* as in "eu-west-1" */
}

bool sns_is_own_url(struct str url, struct str endpoint)
{
    for (size_t i = 0; i < url.len; i++) {
        unsigned char c = (unsigned char)url.ptr[i];
        if (c <= ' ' || c >= 0x7F || c == '\\') {
            return false;
        }
    }
    if (url.len == 0 || url.len > MAX_URL) {
        return false;
    }
    if (endpoint.len) {
        return url.len > endpoint.len && str_starts(url, endpoint) &&
               (url.ptr[endpoint.len] == '/' || url.ptr[endpoint.len] == '?');
    }
    /* Everything up to the path is compared, so there is no user name and no port. */
    struct str rest = str_n(url.ptr + MIN(url.len, (size_t)8), url.len - MIN(url.len, (size_t)8));
    size_t end = 0;
    while (end < rest.len && rest.ptr[end] != '/' && rest.ptr[end] != '?') {
        end++;
    }
    return str_starts(url, STR("https://")) && is_amazon(str_n(rest.ptr, end));
}

/* --- the signature -------------------------------------------------------------------------------
 */

static int bad_signature(struct err *err, const char *why)
{
    return err_set(err, -EBADMSG, "sns.signature",
                   "The message was refused, because it cannot be shown to come from SNS: %s.",
                   why);
}

static void signed_text(struct json message, struct buf *b)
{
    static const char *const notification[] = {"Message",   "MessageId", "Subject",
                                               "Timestamp", "TopicArn",  "Type"};
    static const char *const confirmation[] = {"Message", "MessageId", "SubscribeURL", "Timestamp",
                                               "Token",   "TopicArn",  "Type"};
    bool plain = str_eq(member(message, "Type"), STR("Notification"));
    const char *const *names = plain ? notification : confirmation;
    size_t n = plain ? ARRAY_LEN(notification) : ARRAY_LEN(confirmation);
    for (size_t i = 0; i < n; i++) {
        struct json v = json_get(message, str_of(names[i]));
        if (v.type == JSON_STRING) {
            buf_addf(b, "%s\n", names[i]);
            buf_add_str(b, json_as_str(v));
            buf_addc(b, '\n');
        }
    }
}

static void certificate_free(X509 *x)
{
    X509_free(x);
}
DEFINE_CLEANUP(X509 *, certificate_free)
static void bio_free(BIO *b)
{
    (void)BIO_free(b);
}
DEFINE_CLEANUP(BIO *, bio_free)
static void digest_free(EVP_MD_CTX *c)
{
    EVP_MD_CTX_free(c);
}
DEFINE_CLEANUP(EVP_MD_CTX *, digest_free)

int sns_verify(struct json message, struct str certificate_pem, struct err *err)
{
    uint8_t signature[MAX_SIGNATURE];
    size_t len = 0;
    struct str version = member(message, "SignatureVersion");
    if (!enc_base64_decode(member(message, "Signature"), signature, sizeof(signature), &len)) {
        return bad_signature(err, "it has no signature");
    }
    const EVP_MD *md = str_eq(version, STR("2"))   ? EVP_sha256()
                       : str_eq(version, STR("1")) ? EVP_sha1()
                                                   : NULL;
    if (!md) {
        return bad_signature(err, "its signature is of an unknown version");
    }
    AUTO(bio_free) BIO *bio = BIO_new_mem_buf(certificate_pem.ptr, (int)certificate_pem.len);
    AUTO(certificate_free) X509 *x = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
    EVP_PKEY *key = x ? X509_get0_pubkey(x) : NULL;
    if (!key || EVP_PKEY_base_id(key) != EVP_PKEY_RSA) {
        return bad_signature(err, "its certificate is none");
    }
    if (X509_cmp_current_time(X509_get0_notAfter(x)) <= 0 ||
        X509_cmp_current_time(X509_get0_notBefore(x)) >= 0) {
        return bad_signature(err, "its certificate is not valid now");
    }
    AUTO(buf_done) struct buf text = {0};
    buf_init(&text, 0);
    signed_text(message, &text);
    AUTO(digest_free) EVP_MD_CTX *c = EVP_MD_CTX_new();
    if (!c || EVP_DigestVerifyInit(c, NULL, md, NULL, key) != 1 ||
        EVP_DigestVerify(c, signature, len, (const unsigned char *)text.data, text.len) != 1) {
        return bad_signature(err, "its signature is not that of its certificate");
    }
    return 0;
}

/* --- asking SNS ----------------------------------------------------------------------------------
 */

static int get(struct action_context *ctx, struct str url, size_t max_bytes,
               struct http_response *ret, struct err *err)
{
    struct http_header_list headers = {.n = 0};
    struct http_request req = {
        .method = STR("GET"), .url = url, .no_redirects = true, .max_response_bytes = max_bytes};
    int rc = http_exchange(ctx, &req, &headers, 0, ret, err);
    if (rc == 0 && (ret->status < 200 || ret->status > 299)) {
        rc = http_status_error(ret, http_url_host(url), err);
    }
    return rc;
}

static int check_signature(struct action_context *ctx, struct json message, struct str endpoint,
                           struct err *err)
{
    struct str url = member(message, "SigningCertURL");
    if (!sns_is_own_url(url, endpoint)) {
        return bad_signature(err, "its certificate is not at an address of SNS");
    }
    if (str_eq(url, str_of(last_certificate.url))) {
        return sns_verify(message, str_of(last_certificate.pem), err);
    }
    struct http_response r;
    int rc = get(ctx, url, MAX_CERTIFICATE, &r, err);
    rc = rc == 0 ? sns_verify(message, r.body, err) : rc;
    if (rc == 0 && r.body.len <= MAX_CERTIFICATE && !memchr(r.body.ptr, '\0', r.body.len)) {
        memcpy(last_certificate.pem, r.body.ptr, r.body.len);
        last_certificate.pem[r.body.len] = '\0';
        memcpy(last_certificate.url, url.ptr, url.len);
        last_certificate.url[url.len] = '\0';
    }
    return rc;
}

static int confirm(struct action_context *ctx, struct json message, struct str endpoint,
                   struct err *err)
{
    struct http_response r;
    struct str url = member(message, "SubscribeURL");
    if (!sns_is_own_url(url, endpoint)) {
        return bad_signature(err, "it asks to confirm at an address that is not of SNS");
    }
    return get(ctx, url, MIB(1), &r, err);
}

/* --- the trigger ---------------------------------------------------------------------------------
 */

static const struct {
    const char *type, *branch;
    bool topics_only, confirms;
} kinds[] = {
    {"Notification", "Notification", false, false},
    {"SubscriptionConfirmation", "Subscribe", false, true},
    {"UnsubscribeConfirmation", "Unsubscribe", true, false},
};

static struct json with_parsed(struct action_context *ctx, struct json message, struct json parsed)
{
    struct json_builder b;
    json_build_object(&b, action_arena(ctx));
    for (uint32_t i = 0; i < message.len; i++) {
        json_append(&b, message.members[i].key, message.members[i].value);
    }
    json_set(&b, STR("Message"), parsed);
    return json_built(&b);
}

/* A message that SNS delivers as it was published, without envelope and signature. */
static int receive_raw(struct action_context *ctx, struct str body, bool parse,
                       struct action_result *ret, struct err *err)
{
    bool accept;
    int rc = action_input_bool(ctx, "acceptRawMessages", &accept, err);
    if (rc < 0) {
        return rc;
    }
    if (!accept) {
        return action_input_error(
            ctx, "acceptRawMessages", err,
            "a raw message arrived, which has no signature. Turn raw delivery "
            "off for the subscription, or set this input.");
    }
    struct json message = json_str(body);
    if (parse) {
        rc = action_parse_json(ctx, body, &message, err);
        if (rc < 0) {
            return rc;
        }
    }
    ret->branch = "Notification";
    ret->data = trigger_payload_with(ctx, message);
    return 0;
}

static int read_message(struct action_context *ctx, struct str body, struct json *ret,
                        struct err *err)
{
    int rc = action_parse_json(ctx, body, ret, err);
    if (rc == -EINVAL || (rc == 0 && ret->type != JSON_OBJECT)) {
        return err_set(err, -EBADMSG, "sns.message",
                       "The body of the request is not a message of SNS, which is a JSON object.");
    }
    return rc;
}

static int check_topic(struct action_context *ctx, struct json message, struct err *err)
{
    struct str expected, topic = member(message, "TopicArn");
    int rc = aws_text(ctx, "expectedTopicArn", &expected, err);
    if (rc == 0 && expected.len && !str_eq(expected, topic)) {
        return action_input_error(ctx, "expectedTopicArn", err,
                                  "the message is of another topic, \"%.*s\", and was refused.",
                                  (int)MIN(topic.len, 120), topic.ptr);
    }
    return rc;
}

static int finish(struct action_context *ctx, struct json message, bool topics, bool parse,
                  struct str endpoint, struct action_result *ret, struct err *err)
{
    struct str type = member(message, "Type");
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (!str_eq(type, str_of(kinds[i].type)) || (kinds[i].topics_only && !topics)) {
            continue;
        }
        int rc = kinds[i].confirms ? confirm(ctx, message, endpoint, err) : 0;
        if (rc == 0 && parse && i == 0) {
            struct json parsed;
            if (action_parse_json(ctx, member(message, "Message"), &parsed, NULL) < 0) {
                return action_input_error(ctx, "parseMessage", err,
                                          "the message that arrived is not JSON.");
            }
            message = with_parsed(ctx, message, parsed);
        }
        if (rc == 0) {
            ret->branch = kinds[i].branch;
            ret->data = trigger_payload_with(ctx, message);
        }
        return rc;
    }
    return err_set(err, -EBADMSG, "sns.message",
                   "The message is of the type \"%.*s\", which this trigger does not know.",
                   (int)MIN(type.len, 60), type.ptr);
}

static int receive(struct action_context *ctx, bool topics, struct action_result *ret,
                   struct err *err)
{
    struct json payload = action_trigger_payload(ctx);
    struct str body = json_as_str(json_get(json_get(payload, STR("rawBody")), STR("data")));
    struct str endpoint;
    struct json message;
    bool parse = false;
    int rc = aws_text(ctx, "customEndpoint", &endpoint, err);
    rc = rc == 0 && topics ? action_input_bool(ctx, "parseMessage", &parse, err) : rc;
    if (rc < 0) {
        return rc;
    }
    while (str_ends(endpoint, STR("/"))) {
        endpoint.len--;
    }
    struct json raw = json_get_ci(json_get(payload, STR("headers")), STR("x-amz-sns-rawdelivery"));
    if (topics && str_eq_ci(json_as_str(raw), STR("true"))) {
        return receive_raw(ctx, body, parse, ret, err);
    }
    rc = read_message(ctx, body, &message, err);
    rc = rc == 0 ? check_signature(ctx, message, endpoint, err) : rc;
    rc = rc == 0 ? check_topic(ctx, message, err) : rc;
    return rc == 0 ? finish(ctx, message, topics, parse, endpoint, ret, err) : rc;
}

/* SNS gives a message up at once when it is answered 4xx, and tries again otherwise. */
int sns_receive(struct action_context *ctx, bool topics, struct action_result *ret, struct err *err)
{
    struct err why = {0};
    int rc = receive(ctx, topics, ret, &why);
    if (rc == -EBADMSG) {
        ret->status_code = strcmp(why.code, "sns.signature") == 0 ? 401 : 400;
    } else if (rc == -EINVAL && (strcmp(why.field, "expectedTopicArn") == 0 ||
                                 strcmp(why.field, "acceptRawMessages") == 0)) {
        ret->status_code = 403;
    }
    if (rc < 0 && err) {
        *err = why;
    }
    return rc;
}
