/* What an embedded token says: who asks, of which customer, until when. */
#pragma once

#include "json.h"
#include "uuid.h"

#define EMBEDDED_LEEWAY_S   30          /* of clocks that differ */
#define EMBEDDED_MAX_LIFE_S (24 * 3600) /* from iat to exp */
#define EMBEDDED_TEXT_MAX   255         /* bytes of any text claim */
#define EMBEDDED_MAX_LIMIT  10000

struct embedded_claims {
    struct uuid organization;
    struct str subject;       /* sub */
    struct str customer;      /* external id */
    struct str external_id;   /* of the user; "" = not given */
    struct str name;          /* "" = not given */
    struct str customer_name; /* "" = a customer that is not there is not made */
    const char *role;         /* "marketplace_admin" or "marketplace_user" */
    int concurrency_limit;    /* of a customer that is made; 0 = none */
    int64_t expires_s;        /* exp, in seconds since the epoch */
};
/* Reads and checks the claims at a time (seconds since the epoch). Texts are borrowed from them.
 * -EINVAL with err.field the claim and words for the sender. */
int embedded_claims_read(struct json claims, int64_t now_s, struct embedded_claims *ret,
                         struct err *err) must_check;
