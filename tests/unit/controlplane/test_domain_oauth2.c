/* Rules of OAuth 2.0 connections: requests and answers as texts, times. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "domain/oauth2.h"

static struct json parse(struct arena *a, const char *text)
{
    struct json v;
    struct err err;
    assert_int_equal(json_parse(a, str_of(text), &v, &err), 0);
    return v;
}

static const char code_fields[] =
    "{\"authorizeUrl\": \"https://as.example/auth?tenant=1\", \"tokenUrl\": "
    "\"https://as.example/token\", \"clientId\": \"id\", \"clientSecret\": \"se&cret\", "
    "\"scopes\": \"read write\"}";

static struct oauth2_client make(struct arena *a, const char *fields, const char *described)
{
    struct oauth2_client c = {0};
    assert_true(oauth2_client_make(parse(a, fields), NULL, parse(a, described), &c));
    return c;
}

static void test_which_connection_is_one(void **state)
{
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    struct oauth2_client c;
    assert_int_equal(make(a, code_fields, "{}").grant, OAUTH2_CODE);
    assert_int_equal(make(a, "{\"tokenUrl\": \"https://as/t\", \"clientId\": \"x\"}", "{}").grant,
                     OAUTH2_CLIENT);
    assert_int_equal(make(a, code_fields, "{\"oauth2Type\": \"client_credentials\"}").grant,
                     OAUTH2_CLIENT);
    assert_int_equal(make(a, code_fields, "{\"oauth2PkceMethod\": \"S256\"}").pkce,
                     OAUTH2_PKCE_S256);
    assert_false(oauth2_client_make(parse(a, "{\"apiKey\": \"k\"}"), NULL, json_undefined(), &c));
    assert_false(oauth2_client_make(json_undefined(), NULL, json_undefined(), &c));
    struct def_config_var var = {.oauth_success_url = "https://app/ok",
                                 .oauth_failure_url = "",
                                 .override_grant_type = "password"};
    assert_true(oauth2_client_make(parse(a, code_fields), &var, json_undefined(), &c));
    assert_string_equal(c.success_url.ptr, "https://app/ok");
    assert_string_equal(c.override_grant.ptr, "password");
}

static void test_it_survives_sealing(void **state)
{
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    AUTO(buf_done) struct buf first = {0}, second = {0};
    struct oauth2_client c = make(a, code_fields, "{\"oauth2PkceMethod\": \"plain\"}"), back;
    assert_true(oauth2_client_read(oauth2_client_json(a, &c), &back));
    buf_init(&first, 0);
    buf_init(&second, 0);
    json_dump(&first, oauth2_client_json(a, &c));
    json_dump(&second, oauth2_client_json(a, &back));
    assert_true(str_eq(buf_str(&first), buf_str(&second)));
    assert_int_equal(back.pkce, OAUTH2_PKCE_PLAIN);
    assert_false(oauth2_client_read(json_undefined(), &back));
}

static void test_what_is_missing(void **state)
{
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    struct oauth2_client c = make(a, code_fields, "{}");
    assert_null(oauth2_client_lacks(&c));
    c.token_url = STR("ftp://as.example/");
    assert_string_equal(oauth2_client_lacks(&c), "The tokenUrl is not a URL.");
    c.token_url = STR("");
    assert_string_equal(oauth2_client_lacks(&c), "The connection has no tokenUrl.");
    c.client_id = STR("");
    assert_string_equal(oauth2_client_lacks(&c), "The connection has no clientId.");
}

static const char *consent_url(struct arena *a, const char *url, const char *pkce)
{
    AUTO(buf_done) struct buf to = {0};
    struct oauth2_client c = make(a, code_fields, pkce);
    c.authorize_url = str_of(url);
    c.scopes = STR("");
    buf_init(&to, 0);
    /* The example of RFC 7636, appendix B. */
    oauth2_consent_url(&c, STR("https://me/cb"), STR("st"),
                       STR("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"), &to);
    return arena_strndup(a, to.data, to.len);
}

static void test_consent_urls(void **state)
{
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
#define REST "response_type=code&client_id=id&redirect_uri=https%3A%2F%2Fme%2Fcb&state=st"
    assert_string_equal(consent_url(a, "https://as/auth", "{}"), "https://as/auth?" REST);
    assert_string_equal(consent_url(a, "https://as/auth?a=b#f", "{}"), "https://as/auth?a=b&" REST);
    assert_string_equal(consent_url(a, "https://as/auth?", "{\"oauth2PkceMethod\": \"s256\"}"),
                        "https://as/auth?" REST
                        "&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
                        "&code_challenge_method=S256");
    assert_string_equal(consent_url(a, "https://as/auth", "{\"oauth2PkceMethod\": \"plain\"}"),
                        "https://as/auth?" REST
                        "&code_challenge=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
                        "&code_challenge_method=plain");
}

static const char *form(struct arena *a, const struct oauth2_client *c, struct oauth2_ask ask)
{
    AUTO(buf_done) struct buf to = {0};
    buf_init(&to, 0);
    oauth2_ask_form(c, &ask, &to);
    return arena_strndup(a, to.data, to.len);
}

static void test_requests(void **state)
{
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    struct oauth2_client c = make(a, code_fields, "{\"oauth2PkceMethod\": \"S256\"}");
    struct oauth2_ask code = {STR("c&d"), STR("ver"), STR("https://me"), STR("")};
    struct oauth2_ask renewal = {.refresh_token = STR("r")};
    assert_string_equal(form(a, &c, code),
                        "grant_type=authorization_code&code=c%26d&redirect_uri=https%3A%2F%2Fme&"
                        "code_verifier=ver&client_id=id&client_secret=se%26cret");
    assert_string_equal(form(a, &c, renewal), "grant_type=refresh_token&refresh_token=r&"
                                              "client_id=id&client_secret=se%26cret");
    assert_true(str_eq(oauth2_ask_url(&c, &renewal), STR("https://as.example/token")));
    c.refresh_url = STR("https://as.example/renew");
    assert_true(str_eq(oauth2_ask_url(&c, &renewal), STR("https://as.example/renew")));
    assert_true(str_eq(oauth2_ask_url(&c, &code), STR("https://as.example/token")));
    c.grant = OAUTH2_CLIENT;
    c.headers = parse(a, "{\"Authorization\": \"Basic eA==\"}");
    assert_string_equal(form(a, &c, (struct oauth2_ask){0}),
                        "grant_type=client_credentials&scope=read%20write&client_id=id");
    c.override_grant = STR("account_credentials");
    assert_string_equal(form(a, &c, (struct oauth2_ask){0}),
                        "grant_type=account_credentials&scope=read%20write&client_id=id");
}

static void test_good_answers(void **state)
{
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    struct oauth2_token t;
    struct err err = {0};
    struct json before = parse(a, "{\"access_token\": \"old\", \"refresh_token\": \"keep\"}");
    assert_int_equal(oauth2_answer_read(a, 200,
                                        STR("{\"access_token\": \"new\", \"expires_in\": 60}"),
                                        before, &t, &err),
                     0);
    assert_true(json_equal(t.fields, parse(a, "{\"access_token\": \"new\", \"expires_in\": 60, "
                                              "\"refresh_token\": \"keep\"}")));
    assert_int_equal(t.expires_s, 60);
    assert_int_equal(oauth2_answer_read(a, 200, STR("access_token=x%20y&expires_in=90&more=1"),
                                        json_undefined(), &t, &err),
                     0);
    assert_int_equal(t.expires_s, 90);
    assert_true(str_eq(json_as_str(json_get(t.fields, STR("access_token"))), STR("x y")));
    static const char *const endless[] = {"{\"access_token\": \"a\"}",
                                          "{\"access_token\": \"a\", \"expires_in\": -1}",
                                          "{\"access_token\": \"a\", \"expires_in\": 1e300}",
                                          "{\"access_token\": \"a\", \"expires_in\": \"soon\"}"};
    for (size_t i = 0; i < ARRAY_LEN(endless); i++) {
        assert_int_equal(oauth2_answer_read(a, 200, str_of(endless[i]), json_undefined(), &t, &err),
                         0);
        assert_int_equal(t.expires_s, 0);
    }
}

static void test_bad_answers(void **state)
{
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    static const struct {
        int status;
        const char *body, *words;
        bool retryable;
    } table[] = {
        {400, "{\"error\": \"invalid_grant\", \"error_description\": \"it\\nis over\"}",
         "The server refused with status 400: invalid_grant: it is over.", false},
        {200, "{\"ok\": false, \"error\": \"bad\"}", "The server refused with status 200: bad.",
         false},
        {200, "error=bad_code", "The server refused with status 200: bad_code.", false},
        {200, "{\"access_token\": \"\"}", "The server refused with status 200.", false},
        {200, "[]", "The server refused with status 200.", false},
        {302, "", "The server refused with status 302.", false},
        {401, "<html>access_token=x</html>", "The server refused with status 401.", false},
        {200, "<html>access_token=x</html>", "The server refused with status 200.", false},
        {429, "", "The server refused with status 429.", true},
        {503, "{\"access_token\": \"x\"}", "The server refused with status 503.", true},
        {400, "{\"error\": \"temporarily_unavailable\"}",
         "The server refused with status 400: temporarily_unavailable.", true},
        {400, "{\"error\": {\"message\": \"no\"}}", "The server refused with status 400: no.",
         false},
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct oauth2_token t;
        struct err err = {0};
        assert_int_equal(oauth2_answer_read(a, table[i].status, str_of(table[i].body),
                                            json_undefined(), &t, &err),
                         -EACCES);
        assert_string_equal(err.message, table[i].words);
        assert_int_equal(err.retryable, table[i].retryable);
    }
}

static void test_times(void **state)
{
    for (uint32_t random = 0; random < 1000; random += 37) {
        int64_t hour = oauth2_refresh_in(3600, random);
        assert_in_range(hour, 2700, 3000);
        assert_in_range(oauth2_refresh_in(10, random), 7, 8);
        assert_int_equal(oauth2_refresh_in(3, random), 2);
        assert_int_equal(oauth2_refresh_in(1, random), 1);
        assert_in_range(oauth2_retry_in(1, true, random), 2, 3);
        assert_in_range(oauth2_retry_in(3, true, random), 18, 27);
        assert_in_range(oauth2_retry_in(9, true, random), 900, 1350);
        assert_int_equal(oauth2_retry_in(OAUTH2_ATTEMPTS, true, random), 0);
        assert_int_equal(oauth2_retry_in(1, false, random), 0);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_which_connection_is_one),
        cmocka_unit_test(test_it_survives_sealing),
        cmocka_unit_test(test_what_is_missing),
        cmocka_unit_test(test_consent_urls),
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_good_answers),
        cmocka_unit_test(test_bad_answers),
        cmocka_unit_test(test_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
