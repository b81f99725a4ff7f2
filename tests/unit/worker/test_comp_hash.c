/* hash: known values, and the trigger against right, wrong, missing and malformed signatures. */
#include "component_fixture.h"

#define H "hash."

static void known_values(void **state)
{
    static const struct action_case cases[] = {
        {H "computeHash", "{\"message\": \"hello\"}",
         "\"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824\""},
        {H "computeHash", "{\"message\": \"abc\", \"hashFunction\": \"md5\"}",
         "\"900150983cd24fb0d6963f7d28e17f72\""},
        {H "computeHash", "{\"message\": \"abc\", \"hashFunction\": \"SHA1\"}",
         "\"a9993e364706816aba3e25717850c26c9cd0d89d\""},
        {H "computeHash", "{\"message\": \"abc\", \"hashFunction\": \"sha224\"}",
         "\"23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7\""},
        {H "computeHash", "{\"message\": \"abc\", \"hashFunction\": \"sha384\"}",
         "\"cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
         "8086072ba1e7cc2358baeca134c825a7\""},
        {H "computeHash", "{\"message\": \"abc\", \"hashFunction\": \"sha512\"}",
         "\"ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
         "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f\""},
        {H "computeHash", "{}",
         "\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\""},
        {H "computeHash",
         "{\"message\": {\"data\": \"hello\", \"contentType\": \"text/plain\"}, \"encoding\": "
         "\"base64\"}",
         "\"LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=\""},
        {H "computeHash", "{\"message\": \"hello\", \"encoding\": \"base64url\"}",
         "\"LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ\""},
        {H "computeHmac", "{\"message\": \"hello\", \"secretKey\": \"secret\"}",
         "\"88aab3ede8d3adf94d26ab90d3bafd4a2083070c3bcce9c014ee04a443847c0b\""},
        {H "computeHmac",
         "{\"message\": \"hello\", \"secretKey\": {\"key\": \"secret\", \"fields\":"
         " {\"secretKey\": \"secret\"}}}",
         "\"88aab3ede8d3adf94d26ab90d3bafd4a2083070c3bcce9c014ee04a443847c0b\""},
        /* RFC 2202 and RFC 4231, case 2 */
        {H "computeHmac",
         "{\"message\": \"what do ya want for nothing?\", \"secretKey\": \"Jefe\", "
         "\"hashFunction\": \"md5\"}",
         "\"750c783e6ab0b503eaa86e310a5db738\""},
        {H "computeHmac",
         "{\"message\": \"what do ya want for nothing?\", \"secretKey\": \"Jefe\", "
         "\"hashFunction\": \"sha1\"}",
         "\"effcdf6ae5eb2fa2d27416d5f184df9c259a7c79\""},
        {H "computeHmac",
         "{\"message\": \"what do ya want for nothing?\", \"secretKey\": \"Jefe\", "
         "\"hashFunction\": \"sha512\"}",
         "\"164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
         "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737\""},
        {H "computeHash", "{\"message\": \"x\", \"hashFunction\": \"sha257\"}", NULL,
         "Hash Function (hashFunction): \"sha257\" is not a hash function"},
        {H "computeHash", "{\"message\": \"x\", \"encoding\": \"ascii\"}", NULL,
         "must be hex, base64 or base64url"},
        {H "computeHmac", "{\"message\": \"x\"}", NULL, "Secret Key (secretKey): has no value"},
        {H "computeHmac", "{\"message\": \"x\", \"secretKey\": {\"fields\": {}}}", NULL,
         "Secret Key (secretKey): is empty"},
    };
    fixture_check(cases, ARRAY_LEN(cases));
}

/* Each function that can be chosen is there, for both actions. */
static void all_functions(void **state)
{
    struct action_context ctx;
    fixture_init(&ctx);
    const struct action *a = component_action(component_find("hash"), "computeHash");
    for (size_t i = 0; a->inputs[0].choices[i]; i++) {
        const char *inputs =
            arena_printf(ctx.arena,
                         "{\"message\": \"x\", \"secretKey\": \"k\", \"hashFunction\": "
                         "\"%s\"}",
                         a->inputs[0].choices[i]);
        if (fixture_run(&ctx, H "computeHash", inputs) != 0 ||
            fixture_run(&ctx, H "computeHmac", inputs) != 0) {
            fail_msg("%s: %s", a->inputs[0].choices[i], ctx.err.message);
        }
    }
    fixture_done(&ctx);
}

/* Signatures of the body "hello" with the key "secret". */
#define HEX    "88aab3ede8d3adf94d26ab90d3bafd4a2083070c3bcce9c014ee04a443847c0b"
#define UPPER  "88AAB3EDE8D3ADF94D26AB90D3BAFD4A2083070C3BCCE9C014EE04A443847C0B"
#define BASE64 "iKqz7ejTrflNJquQ07r9SiCDBww7zOnAFO4EpEOEfAs="

static void checks_signatures(void **state)
{
    static const struct {
        const char *headers, *inputs, *refusal;
    } rows[] = {
        {"{\"X-Hmac-Hash\": \"" HEX "\"}", "\"hashFunction\": \"\"", NULL},
        {"{\"x-hmac-hash\": \" " UPPER " \"}", "\"hashFunction\": \"sha256\"", NULL},
        {"{\"X-Hmac-Hash\": \"" BASE64 "\"}", "\"hashFunction\": \"SHA256\"", NULL},
        {"{\"X-Sig\": \"sha256=" HEX "\"}",
         "\"hmacHeaderName\": \" x-sig \", \"signaturePrefix\": \"sha256=\"", NULL},
        {"{}", "\"body\": \"\"", "header x-hmac-hash is missing"},
        {"{\"X-Hmac-Hash\": \"\"}", "\"body\": \"\"", "is missing"},
        {"{\"X-Other\": \"" HEX "\"}", "\"body\": \"\"", "is missing"},
        {"{\"X-Hmac-Hash\": \"18aab3ede8d3adf94d26ab90d3bafd4a2083070c3bcce9c014ee04a443847c0b\"}",
         "\"body\": \"\"", "does not match the body"},
        {"{\"X-Hmac-Hash\": \"88aab3ede8d3adf94d26ab90d3bafd4a2083070c3bcce9c014ee04a443847c0c\"}",
         "\"body\": \"\"", "does not match the body"},
        {"{\"X-Hmac-Hash\": \"" HEX "\"}", "\"hashFunction\": \"md5\"",
         "does not hold a signature"},
        {"{\"X-Hmac-Hash\": \"sha256=" HEX "\"}", "\"body\": \"\"", "set that in the trigger"},
        {"{\"X-Hmac-Hash\": \"" HEX "\"}", "\"signaturePrefix\": \"sha256=\"",
         "does not start with the prefix"},
        {"{\"X-Hmac-Hash\": \"sha256=\"}", "\"signaturePrefix\": \"sha256=\"",
         "does not hold a signature"},
        {"{\"X-Hmac-Hash\": \"" HEX ", " HEX "\"}", "\"body\": \"\"", "does not hold a signature"},
        {"{\"X-Hmac-Hash\": \"88aab3\"}", "\"body\": \"\"", "does not hold a signature"},
        {"{\"X-Hmac-Hash\": [\"" HEX "\"]}", "\"body\": \"\"", "is missing"},
        {"{\"X-Hmac-Hash\": \"" HEX "\"}", "\"hashFunction\": \"none\"", "is not a hash function"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct action_context ctx;
        fixture_init(&ctx);
        ctx.payload = fixture_json(
            &ctx, arena_printf(ctx.arena,
                               "{\"headers\": %s, \"rawBody\": {\"data\": \"hello\", "
                               "\"contentType\": \"text/plain\"}, \"body\": {\"data\": \"other\"}}",
                               rows[i].headers));
        int rc =
            fixture_run(&ctx, H "hmacWebhookTrigger",
                        arena_printf(ctx.arena, "{\"secretKey\": \"secret\", %s}", rows[i].inputs));
        if ((rc == 0) != (rows[i].refusal == NULL) ||
            (rc < 0 && !strstr(ctx.err.message, rows[i].refusal))) {
            fail_msg("row %zu: %d %s", i, rc, ctx.err.message);
        }
        assert_null(strstr(ctx.err.message, "88aab3"));
        assert_int_equal(ctx.result.data.type, JSON_UNDEFINED); /* the payload is the result */
        fixture_done(&ctx);
    }
}

static void signs_bytes_and_nothing(void **state)
{
    struct action_context ctx;
    fixture_init(&ctx);
    struct json_member raw = {STR("data"), json_binary(STR("\xFF\0\x01"))};
    struct json raw_body = json_object(&raw, 1);
    struct json_member payload[] = {
        {STR("headers"),
         fixture_json(&ctx, "{\"x-hmac-hash\": \"9a87a5f8cd5f1b2e1e8bf1d8ab3d8d9d\"}")},
        {STR("rawBody"), raw_body}};
    ctx.payload = json_object(payload, 2);
    const char *inputs = "{\"secretKey\": \"k\", \"hashFunction\": \"md5\"}";
    assert_int_equal(fixture_run(&ctx, H "hmacWebhookTrigger", inputs), -EACCES);
    assert_false(ctx.err.retryable);
    /* What the action computes of the same bytes is accepted. */
    struct json_member in[] = {{STR("message"), raw.value},
                               {STR("secretKey"), json_cstr("k")},
                               {STR("hashFunction"), json_cstr("md5")}};
    assert_int_equal(fixture_run_value(&ctx, H "computeHmac", json_object(in, 3)), 0);
    struct json_member header = {STR("x-hmac-hash"), ctx.result.data};
    payload[0].value = json_object(&header, 1);
    assert_int_equal(fixture_run(&ctx, H "hmacWebhookTrigger", inputs), 0);
    /* A request without a body. */
    raw.value = json_null();
    assert_int_equal(fixture_run(&ctx, H "hmacWebhookTrigger", inputs), -EACCES);
    assert_int_equal(fixture_run(&ctx, H "computeHmac", inputs), 0);
    header.value = ctx.result.data;
    assert_int_equal(fixture_run(&ctx, H "hmacWebhookTrigger", inputs), 0);
    /* And a start that is no request at all. */
    ctx.payload = json_object(NULL, 0);
    assert_int_equal(fixture_run(&ctx, H "hmacWebhookTrigger", inputs), -EACCES);
    fixture_done(&ctx);
}

static void describes_the_reply(void **state)
{
    struct action_context ctx;
    fixture_init(&ctx);
    ctx.payload = fixture_json(&ctx, "{\"headers\": {\"x-hmac-hash\": \"" HEX
                                     "\"}, \"rawBody\": {\"data\": \"hello\"}}");
    assert_int_equal(fixture_run(&ctx, H "hmacWebhookTrigger",
                                 "{\"secretKey\": \"secret\", \"statusCode\": \"202\", "
                                 "\"contentType\": \"text/plain\", \"headers\": [{\"key\": \"A\", "
                                 "\"value\": \"b\"}]}"),
                     0);
    assert_int_equal(ctx.result.status_code, 202);
    assert_string_equal(ctx.result.content_type, "text/plain");
    assert_true(str_eq(json_as_str(json_get(ctx.result.headers, STR("A"))), STR("b")));
    assert_int_equal(fixture_run(&ctx, H "hmacWebhookTrigger",
                                 "{\"secretKey\": \"secret\", \"statusCode\": \"99\"}"),
                     -EINVAL);
    fixture_done(&ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_values),        cmocka_unit_test(all_functions),
        cmocka_unit_test(checks_signatures),   cmocka_unit_test(signs_bytes_and_nothing),
        cmocka_unit_test(describes_the_reply),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
