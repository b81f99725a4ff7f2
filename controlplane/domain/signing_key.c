/* Owns RSA keys of organizations: reading foreign ones, making new ones, checking signatures, all
 * by OpenSSL. Pure, any thread; making one takes seconds of a core. It refuses whatever is not a
 * plain RSA public key of a size that is neither weak nor slow. */
/* Before base.h, whose macros have names that these headers use. */
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "domain/signing_key.h"

DEFINE_CLEANUP(EVP_PKEY *, EVP_PKEY_free)
DEFINE_CLEANUP(EVP_MD_CTX *, EVP_MD_CTX_free)
DEFINE_CLEANUP(BIO *, BIO_free_all)

static int bad(struct err *err, const char *words)
{
    ERR_clear_error();
    return err_set(err, -EINVAL, "signing_key.bad", "%s", words);
}

/* The one PEM block of the text; NULL when it is not a public key. Nothing is ever decrypted. */
static EVP_PKEY *read_public(struct str pem)
{
    AUTO(BIO_free_all) BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
    char *name = NULL, *header = NULL;
    unsigned char *der = NULL;
    long len = 0;
    EVP_PKEY *key = NULL;
    if (bio && PEM_read_bio(bio, &name, &header, &der, &len) == 1 && header[0] == '\0') {
        const unsigned char *at = der;
        if (strcmp(name, PEM_STRING_PUBLIC) == 0) {
            key = d2i_PUBKEY(NULL, &at, len);
        } else if (strcmp(name, PEM_STRING_RSA_PUBLIC) == 0) {
            key = d2i_PublicKey(EVP_PKEY_RSA, NULL, &at, len);
        }
        if (key && at != der + len) {
            EVP_PKEY_free(key);
            key = NULL;
        }
    }
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(der);
    return key;
}

static int check_public(EVP_PKEY *key, struct err *err)
{
    if (EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA) {
        return bad(err, "The key must be an RSA key.");
    }
    int bits = EVP_PKEY_get_bits(key);
    if (bits < SIGNING_KEY_MIN_BITS || bits > SIGNING_KEY_MAX_BITS) {
        return bad(err, "The key must have 2048 to 8192 bits; 4096 are usual.");
    }
    BIGNUM *e = NULL, *n = NULL;
    bool ok = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e) == 1 &&
              EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n) == 1 && BN_is_odd(n) &&
              BN_is_odd(e) && BN_num_bits(e) >= 17 && BN_num_bits(e) <= 32;
    BN_free(e);
    BN_free(n);
    return ok ? 0
              : bad(err, "The key's modulus and exponent must be odd, the exponent 65537 or a "
                         "little more.");
}

static bool write_bio(BIO *bio, struct buf *to)
{
    char *data = NULL;
    long len = BIO_get_mem_data(bio, &data);
    if (len <= 0) {
        return false;
    }
    buf_add(to, data, (size_t)len);
    return !to->full;
}

static bool write_public(EVP_PKEY *key, struct buf *to)
{
    AUTO(BIO_free_all) BIO *bio = BIO_new(BIO_s_mem());
    return bio && PEM_write_bio_PUBKEY(bio, key) == 1 && write_bio(bio, to);
}

int signing_key_import(struct str pem, struct buf *ret_pem, struct err *err)
{
    pem = str_trim(pem);
    if (pem.len == 0 || pem.len > SIGNING_KEY_MAX_TEXT) {
        return bad(err, "The key must be a PEM text of at most 16 KB.");
    }
    if (str_find(pem, STR("PRIVATE KEY-----"), 0) >= 0) {
        return bad(err, "This is a private key: keep it, and import the public key of it.");
    }
    AUTO(EVP_PKEY_free) EVP_PKEY *key = read_public(pem);
    if (!key) {
        return bad(err, "The key must be a PEM text that begins with -----BEGIN PUBLIC KEY-----.");
    }
    int r = check_public(key, err);
    if (r == 0 && !write_public(key, ret_pem)) {
        r = bad(err, "The key cannot be written again.");
    }
    ERR_clear_error();
    return r;
}

/* The last characters before the padding and the last line of a PEM text. */
static void preview_of(struct str pem, char ret[SIGNING_KEY_PREVIEW + 1])
{
    ptrdiff_t end = str_find(pem, STR("-----END"), 0);
    size_t at = end > 0 ? (size_t)end : 0, n = SIGNING_KEY_PREVIEW;
    ret[n] = '\0';
    while (at > 0 && n > 0) {
        char c = pem.ptr[--at];
        if (c != '\n' && c != '\r' && c != '=') {
            ret[--n] = c;
        }
    }
    memset(ret, '*', n);
}

int signing_key_make(int bits, struct buf *ret_public, struct buf *ret_private,
                     char ret_preview[SIGNING_KEY_PREVIEW + 1], struct err *err)
{
    AUTO(EVP_PKEY_free) EVP_PKEY *key = EVP_RSA_gen((unsigned)bits);
    AUTO(BIO_free_all) BIO *bio = BIO_new(BIO_s_secmem());
    bool ok = key && bio && write_public(key, ret_public) &&
              PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1 &&
              write_bio(bio, ret_private);
    ERR_clear_error();
    if (!ok) {
        return err_set(err, -EIO, "signing_key.make", "A key could not be made.");
    }
    preview_of(buf_str(ret_private), ret_preview);
    return 0;
}

bool signing_key_verify(struct str public_pem, struct str data, struct str signature)
{
    AUTO(EVP_PKEY_free) EVP_PKEY *key = read_public(public_pem);
    AUTO(EVP_MD_CTX_free) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = key && ctx && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA &&
              signature.len == (size_t)EVP_PKEY_get_size(key) &&
              EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
              EVP_DigestVerify(ctx, (const unsigned char *)signature.ptr, signature.len,
                               (const unsigned char *)data.ptr, data.len) == 1;
    ERR_clear_error();
    return ok;
}
