/* Owns the actions that compute hashes and the webhook trigger that accepts signed requests only.
 * Pure, on the slot's thread. Signatures are compared in constant time, over the bytes of the body
 * as they came, and no error tells what the signature should have been. */
#include "components/hash/digest.h"
#include "components/registry.h"
#include "enc.h"
#include "expr/value.h"
#include "secret.h"

static const char *const encodings[] = {"hex", "base64", "base64url", NULL};

#define FUNCTION_INPUT(word)                                                                       \
    {                                                                                              \
        .key = "hashFunction", .label = word, .type = CATALOG_STRING, .fallback = "sha256",        \
        .choices = digest_names,                                                                   \
        .comments = "The function to use. MD5 and SHA-1 only where a system demands them.",        \
    }
#define MESSAGE_INPUT                                                                              \
    {                                                                                              \
        .key = "message", .label = "Message", .type = CATALOG_TEXT,                                \
        .comments = "The text or file to compute the hash of.",                                    \
    }
#define SECRET_INPUT(about)                                                                        \
    {                                                                                              \
        .key = "secretKey", .label = "Secret Key", .type = CATALOG_PASSWORD, .required = true,     \
        .comments = about                                                                          \
    }
#define ENCODING_INPUT                                                                             \
    {                                                                                              \
        .key = "encoding", .label = "Encoding", .type = CATALOG_STRING, .fallback = "hex",         \
        .choices = encodings, .comments = "How the bytes of the hash are written.",                \
    }

static const struct action_input hash_inputs[] = {
    FUNCTION_INPUT("Hash Function"),
    MESSAGE_INPUT,
    ENCODING_INPUT,
    {0},
};
static const struct action_input hmac_inputs[] = {
    FUNCTION_INPUT("Hash Function"),
    SECRET_INPUT("The key that both sides know: text, bytes, or a connection with a field "
                 "secretKey."),
    MESSAGE_INPUT,
    ENCODING_INPUT,
    {0},
};
static const struct action_input trigger_inputs[] = {
    {
        .key = "statusCode",
        .label = "Response Status Code",
        .type = CATALOG_NUMBER,
        .comments = "HTTP status of the reply; 200 when empty.",
        .example = "202",
    },
    {
        .key = "contentType",
        .label = "Response Content Type",
        .type = CATALOG_STRING,
        .comments = "Content type of the reply; application/json when empty.",
        .example = "text/plain",
    },
    {
        .key = "headers",
        .label = "Response Headers",
        .type = CATALOG_STRING,
        .collection = CATALOG_KEY_VALUE_LIST,
        .comments = "More headers of the reply.",
    },
    {
        .key = "body",
        .label = "Response Body",
        .type = CATALOG_TEXT,
        .comments = "Body of the reply; the id of the new execution, as JSON, when empty.",
        .example = "accepted",
    },
    {
        .key = "hmacHeaderName",
        .label = "HMAC Header Name",
        .type = CATALOG_STRING,
        .fallback = "x-hmac-hash",
        .comments = "The header that carries the signature of the body, in hex or base64.",
        .example = "x-hub-signature-256",
    },
    {
        .key = "signaturePrefix",
        .label = "Signature Prefix",
        .type = CATALOG_STRING,
        .comments = "What stands before the signature in the header.",
        .example = "sha256=",
    },
    SECRET_INPUT("The key that the sender signs with: text, bytes, or a connection with a field "
                 "secretKey."),
    FUNCTION_INPUT("HMAC Hash Function"),
    {0},
};

/* Text, bytes, a file, or a connection that holds the key. */
static int read_secret(struct action_context *ctx, struct str *ret, struct err *err)
{
    static const char *const names[] = {"secretKey", "secret", "password", "apiKey"};
    struct json v;
    int rc = action_input_value(ctx, "secretKey", &v, err);
    if (rc < 0) {
        return rc;
    }
    struct json fields = json_get(v, STR("fields"));
    if (fields.type != JSON_OBJECT) {
        rc = action_input_text(ctx, "secretKey", ret, err);
    } else {
        *ret = STR("");
        for (size_t i = 0; i < ARRAY_LEN(names) && ret->len == 0; i++) {
            *ret = json_as_str(json_get(fields, str_of(names[i])));
        }
    }
    if (rc == 0 && ret->len == 0) {
        return action_input_error(ctx, "secretKey", err,
                                  "is empty. Give the key that both sides know.");
    }
    return rc;
}

static int give(struct action_context *ctx, const struct digest_value *value,
                struct action_result *ret, struct err *err)
{
    struct str encoding, bytes = str_n((const char *)value->bytes, value->len);
    char text[DIGEST_MAX * 2 + 1];
    size_t len;
    int rc = action_input_text(ctx, "encoding", &encoding, err);
    if (rc < 0) {
        return rc;
    }
    encoding = str_trim(encoding);
    if (str_eq_ci(encoding, STR("hex"))) {
        len = enc_hex(bytes, text, sizeof(text));
    } else if (str_eq_ci(encoding, STR("base64"))) {
        len = enc_base64(bytes, text, sizeof(text));
    } else if (str_eq_ci(encoding, STR("base64url"))) {
        len = enc_base64url(bytes, text, sizeof(text));
    } else {
        return action_input_error(ctx, "encoding", err, "must be hex, base64 or base64url.");
    }
    rc = action_room(ctx, len + 32, err);
    if (rc == 0) {
        ret->data = json_str(str_n(arena_strndup(action_arena(ctx), text, len), len));
    }
    return rc;
}

static int compute_hash(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct str function, message;
    struct digest_value value;
    int rc = action_input_text(ctx, "hashFunction", &function, err);
    if (rc == 0) {
        rc = action_input_text(ctx, "message", &message, err);
    }
    if (rc == 0) {
        rc = digest_compute(ctx, "hashFunction", function, message, &value, err);
    }
    return rc < 0 ? rc : give(ctx, &value, ret, err);
}

static int compute_hmac(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct str function, message, secret;
    struct digest_value value;
    int rc = action_input_text(ctx, "hashFunction", &function, err);
    if (rc == 0) {
        rc = read_secret(ctx, &secret, err);
    }
    if (rc == 0) {
        rc = action_input_text(ctx, "message", &message, err);
    }
    if (rc == 0) {
        rc = digest_hmac(ctx, "hashFunction", function, secret, message, &value, err);
    }
    return rc < 0 ? rc : give(ctx, &value, ret, err);
}

/* --- the trigger ----------------------------------------------------------------------------- */

static int rejected(struct err *err, struct str header, const char *why)
{
    return err_set(err, -EACCES, "trigger.signature", "The request is rejected: header %.*s %s",
                   (int)MIN(header.len, (size_t)100), header.ptr, why);
}

/* The bytes that the header carries, hex or base64. False when it is neither of the right length.
 */
static bool decode_signature(struct str text, size_t len, struct digest_value *ret)
{
    bool read = text.len == 2 * len
                    ? enc_hex_decode(text, ret->bytes, sizeof(ret->bytes), &ret->len)
                    : enc_base64_decode(text, ret->bytes, sizeof(ret->bytes), &ret->len);
    return read && ret->len == len;
}

static int check_signature(struct action_context *ctx, const struct digest_value *expected,
                           struct err *err)
{
    struct str header, prefix;
    int rc = action_input_text(ctx, "hmacHeaderName", &header, err);
    if (rc == 0) {
        rc = action_input_text(ctx, "signaturePrefix", &prefix, err);
    }
    if (rc < 0) {
        return rc;
    }
    header = str_trim(header);
    struct json headers = json_get(action_trigger_payload(ctx), STR("headers"));
    struct json value = json_get_ci(headers, header);
    struct str given = str_trim(json_as_str(value));
    if (given.len == 0) {
        return rejected(err, header, "is missing, so the request is not signed.");
    }
    if (!str_starts(given, prefix)) {
        return rejected(err, header, "does not start with the prefix that is set in the trigger.");
    }
    given = str_n(given.ptr + prefix.len, given.len - prefix.len);
    struct digest_value signature = {0};
    if (!decode_signature(str_trim(given), expected->len, &signature)) {
        return rejected(err, header,
                        "does not hold a signature of the hash function, in hex or base64. When "
                        "it has a prefix such as sha256=, set that in the trigger.");
    }
    if (!secret_equal(str_n((const char *)signature.bytes, signature.len),
                      str_n((const char *)expected->bytes, expected->len))) {
        return rejected(err, header,
                        "holds a signature that does not match the body. Check the secret key and "
                        "the hash function on both sides.");
    }
    return 0;
}

static int reply_of(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    double status;
    struct str type, body;
    struct json headers;
    int rc = action_input_number(ctx, "statusCode", &status, err);
    if (rc == 0 && status == status) {
        int64_t code;
        rc = action_input_int(ctx, "statusCode", 100, 599, &code, err);
        ret->status_code = rc == 0 ? (int)code : 0;
    }
    if (rc == 0) {
        rc = action_input_text(ctx, "contentType", &type, err);
    }
    if (rc == 0) {
        rc = action_input_object(ctx, "headers", &headers, err);
    }
    if (rc == 0) {
        rc = action_input_text(ctx, "body", &body, err);
    }
    if (rc == 0) {
        rc = action_room(ctx, type.len + 32, err);
    }
    if (rc == 0) {
        ret->content_type = type.len ? arena_strndup(action_arena(ctx), type.ptr, type.len) : NULL;
        ret->headers = headers;
        ret->reply_body = body.len ? json_str(body) : json_undefined();
    }
    return rc;
}

static int hmac_webhook(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct str function, secret;
    struct digest_value expected;
    int rc = action_input_text(ctx, "hashFunction", &function, err);
    if (rc == 0) {
        rc = read_secret(ctx, &secret, err);
    }
    if (rc < 0) {
        return rc;
    }
    struct json raw = json_get(action_trigger_payload(ctx), STR("rawBody"));
    struct str body = json_as_str(json_get(raw, STR("data")));
    rc = digest_hmac(ctx, "hashFunction", function, secret, body, &expected, err);
    if (rc == 0) {
        rc = check_signature(ctx, &expected, err);
        ret->status_code = rc == -EACCES ? 401 : 0;
    }
    return rc < 0 ? rc : reply_of(ctx, ret, err);
}

static const struct action actions[] = {
    {
        .key = "computeHash",
        .label = "Compute Hash",
        .description = "Computes the hash of a text or file.",
        .inputs = hash_inputs,
        .example = "\"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824\"",
        .perform = compute_hash,
    },
    {
        .key = "computeHmac",
        .label = "Compute HMAC Hash",
        .description = "Computes the keyed hash (HMAC) of a text or file, as signatures of "
                       "requests are made.",
        .inputs = hmac_inputs,
        .example = "\"88aab3ede8d3adf94d26ab90d3bafd4a2083070c3bcce9c014ee04a443847c0b\"",
        .perform = compute_hmac,
    },
    {
        .key = "hmacWebhookTrigger",
        .label = "HMAC Webhook Trigger",
        .description = "Starts the flow when its webhook URL is called with a signature (HMAC) of "
                       "the body that verifies; answers 401 and fails the execution otherwise.",
        .flags = ACTION_TRIGGER | ACTION_REPLIES,
        .inputs = trigger_inputs,
        .example = "{\"headers\": {\"Content-Type\": \"application/json\", \"X-Hmac-Hash\": "
                   "\"88aab3ede8d3adf94d26ab90d3bafd4a2083070c3bcce9c014ee04a443847c0b\"}, "
                   "\"body\": {\"data\": {\"id\": 1}, \"contentType\": \"application/json\"}, "
                   "\"queryParameters\": {}, \"pathFragment\": \"\"}",
        .perform = hmac_webhook,
    },
    {0},
};

const struct component component_hash = {
    .key = "hash",
    .label = "Hash",
    .description = "Computes hashes and verifies signatures of webhooks.",
    .category = "Data",
    .version = 1,
    .actions = actions,
};
