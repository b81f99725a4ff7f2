/* Signing in with a password: sessions with access and refresh tokens, at /auth/, /authorize and
 * /oauth/token. */
#pragma once

#include "db.h"
#include "http/reply.h"

#define SIGNIN_MAX_BODY KIB(16)

struct api;
struct signin_request {
    struct str method, path, query, body; /* query without '?' */
    struct str address;                   /* of the sender, for counting its tries; "" = unknown */
};
/* On a lane thread. Answers JSON or the page at /authorize, never to be stored. */
void signin_handle(struct api *api, struct db *db, const struct signin_request *request,
                   struct reply *reply);
