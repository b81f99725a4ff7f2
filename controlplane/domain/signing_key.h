/* RSA keys that organizations sign embedded tokens with. Only public keys are kept. */
#pragma once

#include "err.h"
#include "str.h"

#define SIGNING_KEY_BITS     4096 /* of those made here */
#define SIGNING_KEY_MIN_BITS 2048
#define SIGNING_KEY_MAX_BITS 8192
#define SIGNING_KEY_MAX_TEXT KIB(16)
#define SIGNING_KEY_PREVIEW  8 /* characters of a private key that are kept, to tell it by */

/* Reads the PEM text of a public key (PUBLIC KEY or RSA PUBLIC KEY) and writes it again in the
 * first form, so that one key has one text. -EINVAL and words otherwise, also for private keys,
 * keys of other kinds, short ones and weak exponents. */
int signing_key_import(struct str pem, struct buf *ret_pem, struct err *err) must_check;
/* Makes a key: PEM of both halves, and the last characters of the private one's base64 text. Takes
 * seconds. The caller wipes the private half. */
int signing_key_make(int bits, struct buf *ret_public, struct buf *ret_private,
                     char ret_preview[SIGNING_KEY_PREVIEW + 1], struct err *err) must_check;
/* Whether the RS256 signature of data verifies with the public key of this PEM text. */
bool signing_key_verify(struct str public_pem, struct str data, struct str signature);
