/* Access tokens: what a session is spoken for with, for minutes. Signed by this installation; they
 * have the form of a JWT, because clients look for the time of their end. */
#pragma once

#include "secret.h"
#include "uuid.h"

#define ACCESS_TOKEN_LIFE_S 900 /* clients renew 5 minutes before the end */

struct access_token {
    struct uuid session, user;
    int64_t issued_s, expires_s;
};
/* The key of all replicas, from the master key. */
void access_token_key(const struct secret_key *master, struct secret_key *ret_key);
void access_token_write(const struct secret_key *key, const struct access_token *t, struct buf *to);
/* Whether a bearer token is one of ours by its header; says nothing of its signature. */
bool access_token_is(struct str token);
/* False when it was not signed with the key, or has ended. */
bool access_token_read(const struct secret_key *key, struct str token, int64_t now_s,
                       struct access_token *ret);
