/* Passwords of people: what is one, and its Argon2id hash. */
#pragma once

#include "err.h"
#include "str.h"

#define PASSWORD_MIN_BYTES 10
#define PASSWORD_MAX_BYTES 1024
#define PASSWORD_HASH_MAX  128

/* -EINVAL and words for who chose it. */
int password_check(struct str password, struct str email, struct err *err) must_check;
/* Both take 20 MB and tens of milliseconds of a core. */
int password_hash(struct str password, char ret_hash[PASSWORD_HASH_MAX],
                  struct err *err) must_check;
bool password_verify(const char *hash, struct str password);
/* The hash of no password: to verify against for who has none, so that it takes the same time. */
extern const char password_nobodys[];
