/* Organizations, users and API tokens made from the command line. */
#pragma once

#include "db.h"
#include "secret.h"

struct account_options {
    const char *organization; /* made when absent; NULL = the only one there is */
    const char *email;
    int64_t expires_days; /* 0 = never */
    const char *token_name;
    const char *scope; /* of the token: read, write or admin; NULL = admin */
};
#define ACCOUNT_TOKEN_MAX 64
/* Makes what is missing and a new token for the user (an owner when made here). */
int account_token(struct db *db, const struct secret_key *master, const struct account_options *o,
                  char ret_token[ACCOUNT_TOKEN_MAX], struct err *err) must_check;
/* Makes what is missing and a new invitation, which lets its holder choose the user's password once
 * in so many hours. The one before holds no longer. */
int account_invite(struct db *db, const struct secret_key *master, const struct account_options *o,
                   int64_t hours, char ret_token[ACCOUNT_TOKEN_MAX], struct err *err) must_check;
/* Makes what is missing and sets the user's password; sessions of the user end. */
int account_password(struct db *db, const struct secret_key *master,
                     const struct account_options *o, struct str password,
                     struct err *err) must_check;
/* Reads a key file (hex or base64). */
int account_key_file(const char *path, struct secret_key *ret_key, struct err *err) must_check;
