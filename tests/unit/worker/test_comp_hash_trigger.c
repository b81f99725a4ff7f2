/* The HMAC webhook trigger in whole runs: over the body as it came, whatever is made of it. */
#include "engine_fixture.h"

#include "enc.h"
#include "secret.h"

#define SIGNED                                                                                     \
    STEP_MORE("Trigger", "hash", "hmacWebhookTrigger",                                             \
              VALUE("secretKey", "s3cret") ", " VALUE("hmacHeaderName", "X-Signature") ", " VALUE( \
                  "signaturePrefix", "sha256="),                                                   \
              ", isTrigger: true")

static void sign(struct str body, char text[80])
{
    uint8_t mac[32];
    secret_hmac_sha256(STR("s3cret"), body, mac);
    memcpy(text, "sha256=", 7);
    (void)enc_hex(str_n((const char *)mac, sizeof(mac)), text + 7, 73);
}

static void run_signed(struct fixture *fx, struct str body, const char *type, const char *signature)
{
    struct wire_pair header = {STR("x-signature"), str_of(signature)};
    fx->body = body;
    fx->hook.content_type = str_of(type);
    fx->hook.headers.items = &header;
    fx->hook.headers.n = signature ? 1 : 0;
    fx_run(fx, SIGNED ", " ECHO_REF("Seen", "trigger.results.body.data"));
}

static void signed_requests_run(void **state)
{
    static const struct {
        const char *type;
        struct str body;
        const char *want;
    } rows[] = {
        {"application/json", {"{ \"a\" : [1] }\n", 14}, "seen={\"a\":[1]};"},
        {"text/plain", {"hi", 2}, "seen=\"hi\";"},
        {"image/png", {"\x00\xFF", 2}, "seen=\"AP8=\";"},
        {"application/json", {"", 0}, "seen=null;"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture fx = {0};
        char signature[80];
        sign(rows[i].body, signature);
        run_signed(&fx, rows[i].body, rows[i].type, signature);
        assert_int_equal(fx.result.status, RUN_SUCCEEDED);
        assert_string_equal(fx_summary(&fx), rows[i].want);
        fx_done(&fx);
    }
}

static void others_fail_before_any_step(void **state)
{
    char signature[80];
    sign(STR("{\"a\": 1}"), signature);
    const struct {
        const char *signature, *words;
    } rows[] = {{signature, "does not match the body"}, {NULL, "is missing"}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture fx = {0};
        run_signed(&fx, STR("{\"a\":1}"), "application/json", rows[i].signature);
        assert_int_equal(fx.result.status, RUN_FAILED);
        assert_true(str_find(fx.result.error, str_of(rows[i].words), 0) >= 0);
        assert_true(str_eq(fx.result.error_step, STR("Trigger")));
        assert_string_equal(fx_summary(&fx), "");
        fx_done(&fx);
    }
}

/* --- what the sender is answered ------------------------------------------------------------- */

#define REPLYING(inputs)                                                                           \
    STEP_MORE("Trigger", "hash", "hmacWebhookTrigger", VALUE("secretKey", "s3cret") inputs,        \
              ", isTrigger: true")
#define GREETS                                                                                     \
    ", " VALUE("statusCode", "202") ", " VALUE("contentType", "text/plain") ", " VALUE(            \
        "body", "hi") ", headers: {type: complex, value: [{name: X-A, type: value, value: b}]}"

static void senders_are_answered(void **state)
{
    static const struct {
        const char *steps;
        bool synchronous, good;
        int status;
        const char *type, *words; /* found in the body */
    } rows[] = {
        {REPLYING(""), false, true, 200, "application/json", "{\"executionId\":"},
        {REPLYING(GREETS), false, true, 202, "text/plain", "hi"},
        {REPLYING(GREETS) ", " STEP("F", "test", "fail", ""), false, true, 202, "text/plain", "hi"},
        {REPLYING(""), false, false, 401, "application/json", "does not match the body"},
        {REPLYING(GREETS), false, false, 401, "application/json", "does not match the body"},
        {REPLYING(""), true, false, 401, "application/json", "does not match the body"},
        {REPLYING(GREETS) ", " ECHO_VALUE("A", "end"), true, true, 200, "text/plain; charset=utf-8",
         "end"},
        {REPLYING(", " VALUE("statusCode", "99")), false, true, 500, "application/json",
         "statusCode"},
        {REPLYING(", " VALUE("hashFunction", "crc")), false, true, 500, "application/json",
         "hashFunction"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture fx = {.reply_to = "r", .synchronous = rows[i].synchronous};
        char signature[80];
        sign(STR("{}"), signature);
        struct wire_pair header = {STR("x-hmac-hash"), str_of(signature + 7)};
        fx.body = rows[i].good ? STR("{}") : STR("[]");
        fx.hook.headers.items = &header;
        fx.hook.headers.n = 1;
        fx_run(&fx, rows[i].steps);
        assert_int_equal(fx.n_replies, 1);
        assert_int_equal(fx.reply.status_code, rows[i].status);
        assert_string_equal(fx_text(&fx, fx.reply.content_type), rows[i].type);
        assert_non_null(strstr(fx_text(&fx, fx.reply.body), rows[i].words));
        assert_int_equal(fx.reply.headers.n, rows[i].status == 202 ? 1 : 0);
        fx_done(&fx);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signed_requests_run),
        cmocka_unit_test(others_fail_before_any_step),
        cmocka_unit_test(senders_are_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
