/* h2o and OpenSSL write __attribute__((unused)) in their headers, which base.h's word of that name
 * would break: they come in through here. */
#pragma once

#pragma push_macro("unused")
#undef unused
#include <h2o.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#pragma pop_macro("unused")
