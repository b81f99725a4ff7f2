/* Signed URLs: <public url><path><token>. A token names a form, three ids and when it expires, and
 * ends with an HMAC-SHA-256 of all of it. */
#pragma once

#include "secret.h"
#include "uuid.h"

struct url_signer {
    uint8_t key[32];
    char *base; /* public URL and path */
};
/* The key is derived from the master key and the label, so that each kind of URL has its own. */
void url_signer_init(struct url_signer *s, const struct secret_key *master_key, const char *label,
                     const char *public_url, const char *path);
void url_signer_done(struct url_signer *s);

struct url_claims {
    uint8_t form;
    struct uuid ids[3];
    int64_t expires_s; /* since the epoch */
};
/* Appends the URL; expires_s is as given, or 0 = so many seconds from now. */
void url_signer_write(const struct url_signer *s, const struct url_claims *claims, int64_t seconds,
                      struct buf *to);
/* False: the token was not made with this key, or its form is not below n_forms. Whether it has
 * expired is for the caller to see. */
bool url_signer_read(const struct url_signer *s, struct str token, int n_forms,
                     struct url_claims *ret);
