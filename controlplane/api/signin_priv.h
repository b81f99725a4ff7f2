/* What the endpoints of signing in share. */
#pragma once

#include "api/api_priv.h"
#include "api/signin.h"

#define SIGNIN_CLIENT_ID "leat"
#define SIGNIN_TOKEN_MAX 128

struct signin { /* one request */
    struct api *api;
    struct db *db;
    struct arena *a;
    const struct signin_request *request;
    struct reply *reply;
    struct json body; /* of JSON requests: an object */
};

void signin_refuse(struct signin *s, int status, const char *code, const char *words);
void signin_store_failed(struct signin *s, const struct err *err);
/* The digest of a token that is kept, as a parameter. */
struct db_param signin_digest(struct signin *s, struct str token);
/* prefix and 32 random bytes as text. */
#define SIGNIN_RANDOM_MAX 64
void signin_random(const char *prefix, char ret[SIGNIN_RANDOM_MAX]);
/* One field of a form or query, "a=1&b=2"; "" without it. */
struct str signin_form(struct signin *s, struct str pairs, const char *name);

/* Counts the try and checks the password; false with the reply filled. tenant: the id of the
 * organization as text; "" = any. */
bool signin_check(struct signin *s, struct str email, struct str password, struct str tenant,
                  struct uuid *ret_user, struct uuid *ret_organization);
/* Begins a session and answers its tokens. */
void signin_begin(struct signin *s, const struct uuid *user, const struct uuid *organization,
                  bool rotates);

/* GET and POST /authorize: the page where a person lets the command line client in. */
void signin_page(struct signin *s);
void signin_page_post(struct signin *s);
/* The code that the page gave, for tokens; false when it is not good. */
bool signin_use_code(struct signin *s);
