/* Owns the table of hash functions and the calls of OpenSSL that compute them. Slot threads; no
 * state. It refuses functions that the library's default provider does not have, such as MD4. */
/* Before base.h, whose word `unused` these headers use otherwise. */
#include <openssl/evp.h>

#include "components/hash/digest.h"

const char *const digest_names[] = {
    "md5",        "sha1",       "sha224",   "sha256",    "sha384",   "sha512",
    "sha512-224", "sha512-256", "sha3-224", "sha3-256",  "sha3-384", "sha3-512",
    "blake2b512", "blake2s256", "md5-sha1", "ripemd160", "sm3",      NULL,
};

static void md_free(EVP_MD *md)
{
    EVP_MD_free(md);
}
DEFINE_CLEANUP(EVP_MD *, md_free)

/* The library knows all names of the table, but for one spelling. */
static int fetch(struct action_context *ctx, const char *key, struct str name, EVP_MD **ret,
                 struct err *err)
{
    name = str_trim(name);
    for (size_t i = 0; digest_names[i]; i++) {
        if (str_eq_ci(name, str_of(digest_names[i]))) {
            *ret = EVP_MD_fetch(NULL, digest_names[i], NULL);
            if (!*ret) {
                return action_input_error(ctx, key, err,
                                          "%s is not available in the cryptographic library of "
                                          "this worker. Choose another function.",
                                          digest_names[i]);
            }
            return 0;
        }
    }
    return action_input_error(ctx, key, err,
                              "\"%.*s\" is not a hash function known here. Use, for example, "
                              "sha256, sha512, sha1 or md5.",
                              (int)MIN(name.len, (size_t)40), name.ptr);
}

static int failed(struct err *err)
{
    return err_set(err, -EIO, "hash.failed", "The cryptographic library did not compute the hash.");
}

int digest_compute(struct action_context *ctx, const char *key, struct str name, struct str message,
                   struct digest_value *ret, struct err *err)
{
    AUTO(md_free) EVP_MD *md = NULL;
    int rc = fetch(ctx, key, name, &md, err);
    if (rc < 0) {
        return rc;
    }
    unsigned len;
    ASSERT(EVP_MD_get_size(md) <= DIGEST_MAX);
    if (!EVP_Digest(message.ptr, message.len, ret->bytes, &len, md, NULL)) {
        return failed(err);
    }
    ret->len = len;
    return 0;
}

int digest_hmac(struct action_context *ctx, const char *key, struct str name, struct str secret,
                struct str message, struct digest_value *ret, struct err *err)
{
    AUTO(md_free) EVP_MD *md = NULL;
    int rc = fetch(ctx, key, name, &md, err);
    if (rc < 0) {
        return rc;
    }
    ASSERT(EVP_MD_get_size(md) <= DIGEST_MAX);
    if (!EVP_Q_mac(NULL, "HMAC", NULL, EVP_MD_get0_name(md), NULL, secret.len ? secret.ptr : "",
                   secret.len, (const uint8_t *)(message.len ? message.ptr : ""), message.len,
                   ret->bytes, sizeof(ret->bytes), &ret->len)) {
        return failed(err);
    }
    return 0;
}
