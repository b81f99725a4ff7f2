/* Foreign bytes as a bearer token, as its claims and as a public key: what is read lies inside them
 * and within its bounds. */
#include "domain/access_token.h"
#include "domain/embedded_claims.h"
#include "domain/jwt.h"
#include "domain/signing_key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_claims(struct json claims)
{
    struct embedded_claims c;
    if (embedded_claims_read(claims, 1800000000, &c, NULL) == 0) {
        ASSERT(c.subject.len > 0 && c.subject.len <= EMBEDDED_TEXT_MAX);
        ASSERT(c.customer.len > 0 && c.customer.len <= EMBEDDED_TEXT_MAX);
        ASSERT(c.concurrency_limit >= 0 && c.concurrency_limit <= EMBEDDED_MAX_LIMIT);
        ASSERT(c.role && c.expires_s > 1800000000 - EMBEDDED_LEEWAY_S - 1);
    }
}

static void read_key(struct str text)
{
    AUTO(buf_done) struct buf pem = {0}, again = {0};
    buf_init(&pem, SIGNING_KEY_MAX_TEXT);
    buf_init(&again, SIGNING_KEY_MAX_TEXT);
    if (signing_key_import(text, &pem, NULL) == 0) {
        ASSERT(signing_key_import(buf_str(&pem), &again, NULL) == 0);
        ASSERT(str_eq(buf_str(&pem), buf_str(&again)));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena_free) struct arena *a = arena_new(0, MIB(16));
    struct str text = str_n((const char *)data, size);
    struct jwt jwt;
    struct json claims;
    if (jwt_parse(a, text, &jwt, NULL) == 0) {
        ASSERT(jwt.signed_part.ptr == text.ptr && jwt.signed_part.len < text.len);
        ASSERT(jwt.claims.type == JSON_OBJECT && jwt_looks_like(text));
        read_claims(jwt.claims);
    }
    if (size <= JWT_MAX_BYTES && json_parse(a, text, &claims, NULL) == 0) {
        read_claims(claims);
    }
    read_key(text);
    struct secret_key key = {{0}};
    struct access_token token;
    ASSERT(!access_token_read(&key, text, 0, &token)); /* no seed has its signature */
    return 0;
}
