/* Where people let a connection in by OAuth 2.0: /oauth2/authorize/<signed> sends the browser to
 * the other side, which sends it back to /oauth2/callback, the one redirect address of all
 * connections, with a code that is exchanged for a token. */
#pragma once

#include "db.h"
#include "http/lane.h"
#include "net/address_policy.h"
#include "secret.h"

#define CONSENT_PATH    "/oauth2/"
#define CONSENT_DAYS    1 /* an address to begin at is good for so long */
#define CONSENT_NO_BODY KIB(4)

struct consent;
struct consent_options {
    const struct secret_key *master_key; /* borrowed, as the next */
    const struct address_policy *policy;
    const char *public_url;
};
struct consent *consent_new(const struct consent_options *options);
struct consent *consent_free(struct consent *c); /* accepts NULL */
/* Appends where a person begins. Whoever has it may consent: it is signed, and expires. */
void consent_url(const struct consent *c, const struct uuid *organization, const struct uuid *token,
                 struct buf *to);
/* On a lane thread with a DB_API connection. */
void consent_handle(struct consent *c, struct db *db, const struct lane_request *request,
                    struct reply *reply);
