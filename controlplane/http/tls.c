/* Reads a certificate chain and its key into an OpenSSL context. At start only. */
#include "http/tls.h"

static int failed(struct err *err, const char *what, const char *file)
{
    char words[256];
    ERR_error_string_n(ERR_get_error(), words, sizeof(words));
    return err_set(err, -EINVAL, "server.tls", "%s %s: %s", what, file, words);
}

int tls_context_new(const char *cert_file, const char *key_file, SSL_CTX **ret, struct err *err)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
    if (!tls) {
        return failed(err, "no TLS", "");
    }
    int r = 0;
    SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION);
    SSL_CTX_set_options(tls, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE);
    if (SSL_CTX_use_certificate_chain_file(tls, cert_file) != 1) {
        r = failed(err, "cannot read the certificate", cert_file);
    } else if (SSL_CTX_use_PrivateKey_file(tls, key_file, SSL_FILETYPE_PEM) != 1) {
        r = failed(err, "cannot read the key", key_file);
    } else if (SSL_CTX_check_private_key(tls) != 1) {
        r = failed(err, "this key is not the certificate's:", key_file);
    }
    if (r != 0) {
        SSL_CTX_free(tls);
        return r;
    }
    *ret = tls;
    return 0;
}

void tls_context_free(SSL_CTX *tls)
{
    SSL_CTX_free(tls);
}
