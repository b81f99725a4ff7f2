/* Owns keys, sealing, digests and random bytes, on top of OpenSSL's EVP. Any thread. A failure of
 * the library itself aborts: going on without encryption or randomness is never right. Only what
 * comes from outside (key texts, sealed bytes) is an error. */
/* Before base.h, whose word `unused` these headers use otherwise. */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "secret.h"

#include <pthread.h>
#include <sys/random.h>

#include "enc.h"

#define SEAL_VERSION 1
#define NONCE_LEN    12
#define TAG_LEN      16
_Static_assert(1 + NONCE_LEN + TAG_LEN == SECRET_OVERHEAD, "layout of sealed bytes");

/* Fetched once: an implicit fetch costs more than hashing a short text. */
static EVP_CIPHER *aes_gcm;
static EVP_MD *sha256;
static pthread_once_t fetch_once = PTHREAD_ONCE_INIT;

static void fetch(void)
{
    aes_gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    ASSERT(aes_gcm && sha256);
}

static void ctx_free(EVP_CIPHER_CTX *ctx)
{
    EVP_CIPHER_CTX_free(ctx);
}
DEFINE_CLEANUP(EVP_CIPHER_CTX *, ctx_free)

void secret_random(void *p, size_t len)
{
    uint8_t *at = p;
    while (len) {
        ssize_t got = getrandom(at, len, 0);
        ASSERT(got > 0 || errno == EINTR);
        at += got > 0 ? got : 0;
        len -= got > 0 ? (size_t)got : 0;
    }
}

void secret_wipe(void *p, size_t len)
{
    if (len) {
        OPENSSL_cleanse(p, len);
    }
}

void secret_key_random(struct secret_key *ret_key)
{
    secret_random(ret_key->b, sizeof(ret_key->b));
}

void secret_key_done(struct secret_key *key)
{
    secret_wipe(key, sizeof(*key));
}

int secret_key_parse(struct str text, struct secret_key *ret_key, struct err *err)
{
    struct secret_key key;
    size_t len = 0;
    text = str_trim(text);
    bool ok = text.len == SECRET_KEY_LEN * 2 ? enc_hex_decode(text, key.b, sizeof(key.b), &len)
                                             : enc_base64_decode(text, key.b, sizeof(key.b), &len);
    if (ok && len == sizeof(key.b)) {
        *ret_key = key;
    }
    secret_key_done(&key);
    return ok && len == sizeof(key.b) ? 0
                                      : err_set(err, -EINVAL, "secret.bad_key",
                                                "A key is 64 hex digits or the base64 of 32 bytes");
}

static int int_len(size_t len)
{
    ASSERT(len <= INT32_MAX);
    return (int)len;
}

void secret_seal(const struct secret_key *key, struct str plain, struct str aad, struct buf *to)
{
    (void)pthread_once(&fetch_once, fetch);
    if (plain.len > INT32_MAX - SECRET_OVERHEAD) {
        to->full = true;
        return;
    }
    uint8_t *out = (uint8_t *)buf_reserve(to, plain.len + SECRET_OVERHEAD);
    if (!out) {
        return;
    }
    uint8_t *nonce = out + 1, *cipher = nonce + NONCE_LEN, *tag = cipher + plain.len;
    out[0] = SEAL_VERSION;
    secret_random(nonce, NONCE_LEN);
    AUTO(ctx_free) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n = 0;
    ASSERT(ctx && EVP_EncryptInit_ex2(ctx, aes_gcm, key->b, nonce, NULL));
    if (aad.len) {
        ASSERT(EVP_EncryptUpdate(ctx, NULL, &n, (const uint8_t *)aad.ptr, int_len(aad.len)));
    }
    if (plain.len) {
        ASSERT(EVP_EncryptUpdate(ctx, cipher, &n, (const uint8_t *)plain.ptr, (int)plain.len));
    }
    ASSERT(EVP_EncryptFinal_ex(ctx, tag, &n) && n == 0);
    ASSERT(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_LEN, tag));
    to->len += plain.len + SECRET_OVERHEAD;
    to->data[to->len] = '\0';
}

/* The key may well be the right one and the place (aad) wrong: the two cannot be told apart. */
static int cannot_open(struct err *err)
{
    return err_set(err, -EBADMSG, "secret.sealed_with_other_key",
                   "The secret was sealed with another key or has been changed");
}

int secret_open(struct arena *a, const struct secret_key *key, struct str sealed, struct str aad,
                struct str *ret_plain, struct err *err)
{
    (void)pthread_once(&fetch_once, fetch);
    if (sealed.len < SECRET_OVERHEAD || sealed.len > INT32_MAX || sealed.ptr[0] != SEAL_VERSION) {
        return cannot_open(err);
    }
    size_t len = sealed.len - SECRET_OVERHEAD;
    const uint8_t *nonce = (const uint8_t *)sealed.ptr + 1, *cipher = nonce + NONCE_LEN;
    uint8_t tag[TAG_LEN], rest[TAG_LEN];
    memcpy(tag, cipher + len, TAG_LEN);
    uint8_t *plain = arena_alloc(a, len + 1);
    AUTO(ctx_free) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n = 0;
    ASSERT(ctx && EVP_DecryptInit_ex2(ctx, aes_gcm, key->b, nonce, NULL));
    if (aad.len) {
        ASSERT(EVP_DecryptUpdate(ctx, NULL, &n, (const uint8_t *)aad.ptr, int_len(aad.len)));
    }
    if (len) {
        ASSERT(EVP_DecryptUpdate(ctx, plain, &n, cipher, (int)len));
    }
    ASSERT(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_LEN, tag));
    if (EVP_DecryptFinal_ex(ctx, rest, &n) <= 0) {
        secret_wipe(plain, len);
        return cannot_open(err);
    }
    plain[len] = '\0';
    *ret_plain = str_n((const char *)plain, len);
    return 0;
}

void secret_sha256(struct str data, uint8_t ret_digest[32])
{
    (void)pthread_once(&fetch_once, fetch);
    ASSERT(EVP_Digest(data.ptr, data.len, ret_digest, NULL, sha256, NULL));
}

void secret_hmac_sha256(struct str key, struct str data, uint8_t ret_mac[32])
{
    (void)pthread_once(&fetch_once, fetch);
    /* An absent key would mean "the key used before" to the library. */
    const char *bytes = key.len ? key.ptr : "";
    ASSERT(
        HMAC(sha256, bytes, int_len(key.len), (const uint8_t *)data.ptr, data.len, ret_mac, NULL));
}

bool secret_equal(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || CRYPTO_memcmp(a.ptr, b.ptr, a.len) == 0);
}
