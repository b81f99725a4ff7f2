/* Signed tokens of the form header.payload.signature (RFC 7519 over RFC 7515), RS256 only. */
#pragma once

#include "json.h"

#define JWT_MAX_BYTES KIB(8)

struct jwt {
    struct str signed_part; /* header.payload as sent: what the signature is of; borrowed */
    struct str signature;   /* bytes */
    struct json claims;     /* an object; nothing of it holds before the signature does */
};
/* Whether a bearer token has the form of one: three parts between two dots. */
bool jwt_looks_like(struct str token);
/* Takes the token apart, in the arena. -EINVAL and words for the sender when it is not one, is
 * larger than JWT_MAX_BYTES, or is signed in any way but RS256. */
int jwt_parse(struct arena *a, struct str token, struct jwt *ret, struct err *err) must_check;
