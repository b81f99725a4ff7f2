/* Owns the rules of passwords and their hashing by libargon2, with the parameters that OWASP names
 * for Argon2id. Pure, any thread; callers bound how many run at once. */
#include "domain/password.h"

#include <argon2.h>

#include "secret.h"

#define PASSES    2
#define KIBIBYTES 19456
#define LANES     1
#define SALT_LEN  16
#define HASH_LEN  32

const char password_nobodys[] = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$"
                                "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

int password_check(struct str password, struct str email, struct err *err)
{
    if (password.len < PASSWORD_MIN_BYTES || password.len > PASSWORD_MAX_BYTES) {
        return err_field(err, -EINVAL, "password.length", "password",
                         "A password has %d to %d bytes.", PASSWORD_MIN_BYTES, PASSWORD_MAX_BYTES);
    }
    if (!str_utf8_valid(password) || memchr(password.ptr, 0, password.len)) {
        return err_field(err, -EINVAL, "password.text", "password", "A password is a text.");
    }
    size_t distinct = 0;
    for (size_t i = 0; i < password.len && distinct < 4; i++) {
        distinct += !memchr(password.ptr, password.ptr[i], i);
    }
    if (distinct < 4 || str_eq_ci(password, email)) {
        return err_field(err, -EINVAL, "password.weak", "password",
                         "This password is too easy to guess.");
    }
    return 0;
}

int password_hash(struct str password, char ret_hash[PASSWORD_HASH_MAX], struct err *err)
{
    uint8_t salt[SALT_LEN];
    secret_random(salt, sizeof(salt));
    int r = argon2id_hash_encoded(PASSES, KIBIBYTES, LANES, password.ptr, password.len, salt,
                                  sizeof(salt), HASH_LEN, ret_hash, PASSWORD_HASH_MAX);
    return r == ARGON2_OK ? 0
                          : err_set(err, -EIO, "password.hash", "The password cannot be hashed: %s",
                                    argon2_error_message(r));
}

bool password_verify(const char *hash, struct str password)
{
    return password.len <= PASSWORD_MAX_BYTES &&
           argon2id_verify(hash, password.ptr, password.len) == ARGON2_OK;
}
