/* Embedded tokens: their form, every claim, the keys that sign them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "domain/embedded_claims.h"
#include "domain/jwt.h"
#include "domain/signing_key.h"
#include "enc.h"

#define NOW INT64_C(1800000000)
/* "Organization:01234567-89ab-7def-8123-456789abcdef" */
#define ORG  "T3JnYW5pemF0aW9uOjAxMjM0NTY3LTg5YWItN2RlZi04MTIzLTQ1Njc4OWFiY2RlZg=="
#define GOOD "\"sub\":\"u1\",\"organization\":\"" ORG "\",\"customer\":\"acme\""
#define TIME "\"iat\":1800000000,\"exp\":1800000600"
#define FULL "{" GOOD "," TIME

static const struct {
    const char *claims, *wrong; /* the claim at fault; NULL = good */
} claim_cases[] = {
    {FULL "}", NULL},
    {FULL ",\"role\":\"user\"}", NULL},
    {FULL ",\"role\":\"Admin\"}", NULL},
    {FULL ",\"role\":\"owner\"}", "role"},
    {FULL ",\"role\":7}", "role"},
    {FULL ",\"role\":null,\"name\":null,\"nbf\":null}", NULL},
    {FULL ",\"nbf\":1800000030}", NULL},
    {FULL ",\"nbf\":1800000031}", "nbf"},
    {FULL ",\"nbf\":\"1800000000\"}", "nbf"},
    {FULL ",\"name\":[]}", "name"},
    {FULL ",\"name\":\"a\\u0000b\"}", "name"},
    {FULL ",\"external_id\":{}}", "external_id"},
    {FULL ",\"customer_name\":true}", "customer_name"},
    {FULL ",\"concurrent_execution_limit\":1}", NULL},
    {FULL ",\"concurrent_execution_limit\":0}", "concurrent_execution_limit"},
    {FULL ",\"concurrent_execution_limit\":1.5}", "concurrent_execution_limit"},
    {FULL ",\"concurrent_execution_limit\":10001}", "concurrent_execution_limit"},
    {FULL ",\"concurrent_execution_limit\":\"5\"}", "concurrent_execution_limit"},
    {"{" TIME ",\"organization\":\"" ORG "\",\"customer\":\"acme\"}", "sub"},
    {"{" TIME ",\"sub\":\" \",\"organization\":\"" ORG "\",\"customer\":\"acme\"}", "sub"},
    {"{" TIME ",\"sub\":17,\"organization\":\"" ORG "\",\"customer\":\"acme\"}", "sub"},
    {"{" TIME ",\"sub\":\"u1\",\"customer\":\"acme\"}", "organization"},
    {"{" TIME ",\"sub\":\"u1\",\"organization\":\"x\",\"customer\":\"acme\"}", "organization"},
    /* "Customer:" and the same uuid */
    {"{" TIME ",\"sub\":\"u1\",\"customer\":\"acme\",\"organization\":"
     "\"Q3VzdG9tZXI6MDEyMzQ1NjctODlhYi03ZGVmLTgxMjMtNDU2Nzg5YWJjZGVm\"}",
     "organization"},
    {"{" TIME ",\"sub\":\"u1\",\"organization\":\"" ORG "\"}", "customer"},
    {"{" TIME ",\"sub\":\"u1\",\"organization\":\"" ORG "\",\"customer\":\"\"}", "customer"},
    {"{" GOOD ",\"exp\":1800000600}", "iat"},
    {"{" GOOD ",\"iat\":1800000000}", "exp"},
    {"{" GOOD ",\"iat\":\"x\",\"exp\":1800000600}", "iat"},
    {"{" GOOD ",\"iat\":-1,\"exp\":1800000600}", "iat"},
    {"{" GOOD ",\"iat\":1800000000,\"exp\":1e300}", "exp"},
    {"{" GOOD ",\"iat\":1800000000,\"exp\":1800000000}", "exp"},
    {"{" GOOD ",\"iat\":1800000000,\"exp\":1800086400}", NULL},
    {"{" GOOD ",\"iat\":1800000000,\"exp\":1800086401}", "exp"},
    {"{" GOOD ",\"iat\":1799999000,\"exp\":1799999971}", NULL},
    {"{" GOOD ",\"iat\":1799999000,\"exp\":1799999970}", "exp"},
    {"{" GOOD ",\"iat\":1800000030,\"exp\":1800000600}", NULL},
    {"{" GOOD ",\"iat\":1800000031,\"exp\":1800000600}", "iat"},
};

static void test_claims(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(claim_cases); i++) {
        AUTO(arena_free) struct arena *a = arena_new(0, 0);
        struct embedded_claims c = {0};
        struct json v;
        struct err err = {0};
        assert_int_equal(json_parse(a, str_of(claim_cases[i].claims), &v, &err), 0);
        int r = embedded_claims_read(v, NOW, &c, &err);
        const char *wrong = claim_cases[i].wrong;
        if ((r == 0) != (wrong == NULL) || (wrong && strcmp(wrong, err.field) != 0)) {
            fail_msg("%s: %s", claim_cases[i].claims, err.message);
        }
    }
}

static void test_claim_values(void **state)
{
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    struct embedded_claims c;
    struct json v;
    struct uuid id;
    assert_true(uuid_parse(STR("01234567-89ab-7def-8123-456789abcdef"), &id));
    assert_int_equal(
        json_parse(a,
                   STR(FULL ",\"role\":\"user\",\"external_id\":\"e\",\"name\":\" Ada\","
                            "\"customer_name\":\"Acme\",\"concurrent_execution_limit\":5}"),
                   &v, NULL),
        0);
    assert_int_equal(embedded_claims_read(v, NOW, &c, NULL), 0);
    assert_true(uuid_eq(&c.organization, &id));
    assert_true(str_eq(c.subject, STR("u1")) && str_eq(c.customer, STR("acme")));
    assert_true(str_eq(c.external_id, STR("e")) && str_eq(c.name, STR("Ada")));
    assert_true(str_eq(c.customer_name, STR("Acme")));
    assert_string_equal(c.role, "marketplace_user");
    assert_int_equal(c.concurrency_limit, 5);
    assert_int_equal(c.expires_s, 1800000600);
}

static char *token_of(struct arena *a, const char *header, const char *claims)
{
    char *h = arena_alloc(a, 4 * strlen(header) + 4), *c = arena_alloc(a, 4 * strlen(claims) + 4);
    (void)enc_base64url(str_of(header), h, 4 * strlen(header) + 4);
    (void)enc_base64url(str_of(claims), c, 4 * strlen(claims) + 4);
    return arena_printf(a, "%s.%s.c2ln", h, c);
}

static const struct {
    const char *header, *code; /* NULL = good */
} header_cases[] = {
    {"{\"alg\":\"RS256\",\"typ\":\"JWT\"}", NULL},
    {"{\"alg\":\"RS256\"}", NULL},
    {"{\"alg\":\"RS256\",\"typ\":\"jwt\",\"kid\":\"../x\"}", NULL},
    {"{\"alg\":\"none\"}", "jwt.algorithm"},
    {"{\"alg\":\"None\"}", "jwt.algorithm"},
    {"{\"alg\":\"HS256\",\"typ\":\"JWT\"}", "jwt.algorithm"},
    {"{\"alg\":\"RS512\"}", "jwt.algorithm"},
    {"{\"alg\":\"rs256\"}", "jwt.algorithm"},
    {"{\"alg\":[\"RS256\"]}", "jwt.algorithm"},
    {"{\"alg\":\"RS256\",\"alg\":\"none\"}", "jwt.algorithm"},
    {"{}", "jwt.algorithm"},
    {"{\"alg\":\"RS256\",\"typ\":\"JOSE\"}", "jwt.type"},
    {"{\"alg\":\"RS256\",\"typ\":null}", "jwt.type"},
    {"{\"alg\":\"RS256\",\"crit\":[\"b64\"],\"b64\":false}", "jwt.critical"},
    {"[]", "jwt.malformed"},
    {"x", "jwt.malformed"},
    {"{\"alg\":\"RS256\xff\"}", "jwt.malformed"},
};

static void test_headers(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(header_cases); i++) {
        AUTO(arena_free) struct arena *a = arena_new(0, 0);
        struct jwt jwt;
        struct err err = {0};
        const char *token = token_of(a, header_cases[i].header, "{}"), *code = header_cases[i].code;
        assert_true(jwt_looks_like(str_of(token)));
        int r = jwt_parse(a, str_of(token), &jwt, &err);
        if ((r == 0) != (code == NULL) || (code && strcmp(code, err.code) != 0)) {
            fail_msg("%s: %s", header_cases[i].header, err.message);
        }
        if (r == 0) {
            assert_true(str_eq(jwt.signature, STR("sig")));
            assert_int_equal(jwt.signed_part.len, strrchr(token, '.') - token);
        }
    }
}

static void test_forms(void **state)
{
    static const char *const bad[] = {
        "",       ".",           "..",      "a.b",      "YQ.YQ",      "YQ..YQ",   ".YQ.YQ",
        "YQ.YQ.", "YQ.YQ.YQ.YQ", "Y.YQ.YQ", "Y+.YQ.YQ", "YQ==.YQ.YQ", "Y Q.YQ.YQ"};
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    struct jwt jwt;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        if (jwt_looks_like(str_of(bad[i])) || jwt_parse(a, str_of(bad[i]), &jwt, NULL) == 0) {
            fail_msg("%s", bad[i]);
        }
    }
    assert_int_not_equal(
        jwt_parse(a, str_of(token_of(a, "{\"alg\":\"RS256\"}", "[1]")), &jwt, NULL), 0);
    char *claims = arena_zalloc(a, JWT_MAX_BYTES + 3);
    memset(claims, ' ', JWT_MAX_BYTES);
    memcpy(claims + JWT_MAX_BYTES, "{}", 2);
    struct err err = {0};
    assert_int_not_equal(
        jwt_parse(a, str_of(token_of(a, "{\"alg\":\"RS256\"}", claims)), &jwt, &err), 0);
    assert_string_equal(err.code, "jwt.too_large");
}

/* Made by OpenSSL with 2048 bits; the other ones are refused. */
static const struct {
    const char *pem, *words;
} key_cases[] = {
    {"", "PEM"},
    {"hello", "PEM"},
    {"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "PEM"},
    {"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "PEM"},
    {"-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n", "private"},
    {"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
     "private"},
    {"-----BEGIN RSA PUBLIC KEY-----\nProc-Type: 4,ENCRYPTED\n"
     "DEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\nAAAA\n"
     "-----END RSA PUBLIC KEY-----\n",
     "PEM"},
    /* a key of prime256v1 */
    {"-----BEGIN PUBLIC KEY-----\n"
     "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaAHY8ipGcGVkZo3fqZf6rjfw0urd\n"
     "5N8EyH4b5LChPahDUaLw2u+uspYqOMZSh4PHWhLVi1prKu4Qq1Vbrg40QQ==\n"
     "-----END PUBLIC KEY-----\n",
     "RSA"},
};

static void test_keys_refused(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(key_cases); i++) {
        AUTO(buf_done) struct buf pem = {0};
        struct err err = {0};
        buf_init(&pem, SIGNING_KEY_MAX_TEXT);
        int r = signing_key_import(str_of(key_cases[i].pem), &pem, &err);
        if (r == 0 || !strstr(err.message, key_cases[i].words) || pem.len > 0) {
            fail_msg("%zu: %s", i, err.message);
        }
    }
}

static void test_short_key_is_refused(void **state)
{
    AUTO(buf_done) struct buf pub = {0}, priv = {0}, pem = {0};
    char preview[SIGNING_KEY_PREVIEW + 1];
    struct err err = {0};
    buf_init(&pub, SIGNING_KEY_MAX_TEXT);
    buf_init(&priv, SIGNING_KEY_MAX_TEXT);
    buf_init(&pem, SIGNING_KEY_MAX_TEXT);
    assert_int_equal(signing_key_make(1024, &pub, &priv, preview, &err), 0);
    assert_int_not_equal(signing_key_import(buf_str(&pub), &pem, &err), 0);
    assert_non_null(strstr(err.message, "bits"));
}

static void test_made_keys(void **state)
{
    AUTO(buf_done) struct buf pub = {0}, priv = {0}, pem = {0};
    char preview[SIGNING_KEY_PREVIEW + 1];
    struct err err = {0};
    buf_init(&pub, SIGNING_KEY_MAX_TEXT);
    buf_init(&priv, SIGNING_KEY_MAX_TEXT);
    buf_init(&pem, SIGNING_KEY_MAX_TEXT);
    assert_int_equal(signing_key_make(2048, &pub, &priv, preview, &err), 0);
    assert_true(str_starts(buf_str(&priv), STR("-----BEGIN PRIVATE KEY-----\n")));
    assert_int_equal(strlen(preview), SIGNING_KEY_PREVIEW);
    assert_null(strpbrk(preview, "=\n-"));
    assert_int_equal(signing_key_import(buf_str(&pub), &pem, &err), 0);
    assert_true(str_eq(buf_str(&pub), buf_str(&pem)));
    assert_int_not_equal(signing_key_import(buf_str(&priv), &pem, &err), 0);
    /* Nothing verifies by accident. */
    char zeros[256] = {0};
    assert_false(signing_key_verify(buf_str(&pub), STR("a.b"), STR("")));
    assert_false(signing_key_verify(buf_str(&pub), STR("a.b"), str_n(zeros, sizeof(zeros))));
    assert_false(signing_key_verify(STR("x"), STR("a.b"), str_n(zeros, sizeof(zeros))));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_claims),       cmocka_unit_test(test_claim_values),
        cmocka_unit_test(test_headers),      cmocka_unit_test(test_forms),
        cmocka_unit_test(test_keys_refused), cmocka_unit_test(test_short_key_is_refused),
        cmocka_unit_test(test_made_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
