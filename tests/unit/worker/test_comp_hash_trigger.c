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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signed_requests_run),
        cmocka_unit_test(others_fail_before_any_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
