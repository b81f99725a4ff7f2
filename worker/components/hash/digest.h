/* Digests and keyed digests (HMAC) by name, on OpenSSL. */
#pragma once

#include "components/component.h"

#define DIGEST_MAX 64 /* bytes */

/* The names, as inputs give them, ended by NULL. */
extern const char *const digest_names[];

struct digest_value {
    uint8_t bytes[DIGEST_MAX];
    size_t len;
};
/* The name comes from the input `key`, any case; fails when there is no such function. */
int digest_compute(struct action_context *ctx, const char *key, struct str name, struct str message,
                   struct digest_value *ret, struct err *err) must_check;
int digest_hmac(struct action_context *ctx, const char *key, struct str name, struct str secret,
                struct str message, struct digest_value *ret, struct err *err) must_check;
