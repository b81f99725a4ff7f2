/* Sealing of secrets: AES-256-GCM with associated data, keys and plaintexts that are wiped. */
#pragma once

#include "err.h"
#include "str.h"

#define SECRET_KEY_LEN  32
#define SECRET_OVERHEAD 29 /* version byte, 12-byte nonce, 16-byte tag */

struct secret_key {
    uint8_t b[SECRET_KEY_LEN];
};
void secret_key_random(struct secret_key *ret_key);
void secret_key_done(struct secret_key *key); /* wipes */
/* 64 hex digits or base64 of 32 bytes, as found in a key file or variable (blanks trimmed). */
int secret_key_parse(struct str text, struct secret_key *ret_key, struct err *err) must_check;
void secret_wipe(void *p, size_t len);

/* Appends version, nonce, ciphertext and tag (sets `full` when there is no room). aad names the row
 * and column it belongs to. */
void secret_seal(const struct secret_key *key, struct str plain, struct str aad, struct buf *to);
/* Opens into the arena; -EBADMSG ("secret.sealed_with_other_key") when it does not verify. */
int secret_open(struct arena *a, const struct secret_key *key, struct str sealed, struct str aad,
                struct str *ret_plain, struct err *err) must_check;

void secret_sha256(struct str data, uint8_t ret_digest[32]);
void secret_hmac_sha256(struct str key, struct str data, uint8_t ret_mac[32]);
bool secret_equal(struct str a, struct str b); /* constant time for equal lengths */
void secret_random(void *p, size_t len);
