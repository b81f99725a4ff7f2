/* The server's TLS context: TLS 1.2 and newer, no ALPN, so HTTP/1 only. */
#pragma once

#include "err.h"

#include "http/h2o_fence.h"

int tls_context_new(const char *cert_file, const char *key_file, SSL_CTX **ret,
                    struct err *err) must_check;
void tls_context_free(SSL_CTX *tls); /* accepts NULL */
