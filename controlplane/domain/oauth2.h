/* Rules of OAuth 2.0 connections (RFC 6749, PKCE by RFC 7636): which config variable is one, what
 * is asked of its server, what the answer means, when it is asked again. Pure. */
#pragma once

#include "definition/definition.h"
#include "json.h"

#define OAUTH2_URL_MAX      KIB(8)
#define OAUTH2_ANSWER_MAX   KIB(64)
#define OAUTH2_CODE_MAX     KIB(4)
#define OAUTH2_VERIFIER_LEN 43 /* of 32 random bytes in base64url */
#define OAUTH2_ATTEMPTS     10 /* to get a token, before it is given up */

enum oauth2_grant { OAUTH2_NONE, OAUTH2_CODE, OAUTH2_CLIENT };
enum oauth2_pkce { OAUTH2_PKCE_NONE, OAUTH2_PKCE_PLAIN, OAUTH2_PKCE_S256 };
extern const char *const oauth2_grant_names[]; /* "", "authorization_code", "client_credentials" */

/* What requests of a connection are made of; texts are borrowed from what it was made of. */
struct oauth2_client {
    enum oauth2_grant grant;
    enum oauth2_pkce pkce;
    struct str authorize_url, token_url, refresh_url, client_id, client_secret, scopes;
    struct str override_grant;           /* in place of the grant type's own name; "" = not */
    struct str success_url, failure_url; /* where the browser goes after consent; "" = our page */
    struct json headers;                 /* of requests for tokens: an object of texts */
};
/* From the connection's runtime fields, its config variable (NULL = none) and what its component
 * says of it ({oauth2Type, oauth2PkceMethod, oauth2Config}; undefined = nothing). A connection with
 * a token URL is one even when its component does not say so. False: it is none. */
bool oauth2_client_make(struct json fields, const struct def_config_var *var, struct json described,
                        struct oauth2_client *ret);
/* As one JSON object, to be sealed, and back. */
struct json oauth2_client_json(struct arena *a, const struct oauth2_client *c);
bool oauth2_client_read(struct json sealed, struct oauth2_client *ret);

/* The words of what is missing for a request for consent or a token; NULL = nothing. */
const char *oauth2_client_lacks(const struct oauth2_client *c);

/* Appends where the browser goes to consent. */
void oauth2_consent_url(const struct oauth2_client *c, struct str redirect_uri, struct str state,
                        struct str verifier, struct buf *to);

/* What a token is asked for with. One of code (with verifier and redirect_uri) and refresh_token is
 * set, or none of them: the client's own credentials. */
struct oauth2_ask {
    struct str code, verifier, redirect_uri, refresh_token;
};
struct str oauth2_ask_url(const struct oauth2_client *c, const struct oauth2_ask *ask);
/* Appends the body, a form. The secret is left out when a header of the client's authenticates. */
void oauth2_ask_form(const struct oauth2_client *c, const struct oauth2_ask *ask, struct buf *to);

struct oauth2_token {
    struct json fields; /* what the server answered over what there was before */
    int64_t expires_s;  /* from now; 0 = it does not say */
};
/* before: the token it renews, undefined = none. JSON or a form. Fails with "oauth2.refused" and
 * the server's words, which hold neither tokens nor secrets; err->retryable tells whether it can
 * help to ask again. */
int oauth2_answer_read(struct arena *a, int status, struct str body, struct json before,
                       struct oauth2_token *ret, struct err *err) must_check;
/* Seconds from now until a token is renewed: some time ahead, spread by random. */
int64_t oauth2_refresh_in(int64_t expires_s, uint32_t random);
/* Seconds until the next try after so many failed ones; 0 = there is none. */
int64_t oauth2_retry_in(int64_t attempts, bool retryable, uint32_t random);
