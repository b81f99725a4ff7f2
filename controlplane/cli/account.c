/* Owns making accounts and tokens with the database owner's rights. A token is shown once: only its
 * SHA-256 is stored. */
#include "cli/account.h"

#include <fcntl.h>
#include <unistd.h>

#include "domain/role.h"
#include "enc.h"
#include "org_key.h"

#define TOKEN_PREFIX "leat_"

int account_key_file(const char *path, struct secret_key *ret_key, struct err *err)
{
    char text[256];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof(text)) : -1;
    int code = errno;
    if (fd >= 0) {
        close(fd);
    }
    if (n < 0) {
        return err_set(err, -code, "key.file", "cannot read the key file %s: %s", path,
                       strerror(code));
    }
    int r = secret_key_parse(str_n(text, (size_t)n), ret_key, err);
    secret_wipe(text, sizeof(text));
    if (r != 0) {
        err_prefix(err, "%s", path);
    }
    return r;
}

static int make_organization(struct db *db, const struct secret_key *master, const char *name,
                             struct uuid *ret_id, struct err *err)
{
    if (!master) {
        return err_set(err, -EINVAL, "token.no_master_key",
                       "a new organization needs the master key: give --master-key-file");
    }
    AUTO(buf_done) struct buf sealed = {0};
    buf_init(&sealed, KIB(1));
    *ret_id = uuid_v7();
    org_key_make(master, ret_id, &sealed);
    return db_run(db, QUERY_ACCOUNT_ORGANIZATION_MAKE, NULL, err, DB_UUID(*ret_id), DB_TEXT(name),
                  DB_BYTES(buf_str(&sealed)));
}

static int find_organization(struct db *db, const struct secret_key *master,
                             const struct account_options *o, struct uuid *ret_id, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    int r = db_run(db, QUERY_ACCOUNT_ORGANIZATION_FIND, &rows, err,
                   o->organization ? DB_TEXT(o->organization) : DB_NULL);
    if (r != 0) {
        return r;
    }
    if (db_rows_n(rows) == 1) {
        *ret_id = db_uuid(rows, 0, 0);
        return 0;
    }
    if (!o->organization) {
        return err_set(err, -EINVAL, "token.organization",
                       db_rows_n(rows) ? "there are several organizations: name one with "
                                         "--organization"
                                       : "there is no organization yet: name one to make with "
                                         "--organization");
    }
    return make_organization(db, master, o->organization, ret_id, err);
}

static int find_user(struct db *db, const struct uuid *organization, const char *email,
                     struct uuid *ret_id, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    int r = db_run(db, QUERY_ACCOUNT_USER, &rows, err, DB_UUID(uuid_v7()), DB_UUID(*organization),
                   DB_TEXT(email));
    if (r != 0) {
        return r;
    }
    const struct role *role = role_find(db_str(rows, 0, 1));
    if (role && role->embedded_only) {
        return err_set(err, -EINVAL, "token.embedded_only",
                       "%s has the role %s, which comes in through the embedded marketplace only",
                       email, role->name);
    }
    *ret_id = db_uuid(rows, 0, 0);
    return 0;
}

static int make_token(struct db *db, const struct uuid *organization, const struct uuid *user,
                      const struct account_options *o, char ret_token[ACCOUNT_TOKEN_MAX],
                      struct err *err)
{
    uint8_t random[32], digest[32];
    secret_random(random, sizeof(random));
    memcpy(ret_token, TOKEN_PREFIX, sizeof(TOKEN_PREFIX));
    (void)enc_base64url(str_n((const char *)random, sizeof(random)),
                        ret_token + strlen(TOKEN_PREFIX), ACCOUNT_TOKEN_MAX - strlen(TOKEN_PREFIX));
    secret_sha256(str_of(ret_token), digest);
    return db_run(db, QUERY_ACCOUNT_TOKEN, NULL, err, DB_UUID(uuid_v7()), DB_UUID(*organization),
                  DB_UUID(*user), DB_TEXT(o->token_name ? o->token_name : ""),
                  DB_BYTES(str_n((const char *)digest, sizeof(digest))), DB_I64(o->expires_days));
}

int account_token(struct db *db, const struct secret_key *master, const struct account_options *o,
                  char ret_token[ACCOUNT_TOKEN_MAX], struct err *err)
{
    struct uuid organization, user;
    int r = db_begin(db, err);
    if (r == 0) {
        r = find_organization(db, master, o, &organization, err);
    }
    if (r == 0) {
        r = find_user(db, &organization, o->email, &user, err);
    }
    if (r == 0) {
        r = make_token(db, &organization, &user, o, ret_token, err);
    }
    if (r == 0) {
        r = db_commit(db, err);
    }
    db_rollback(db);
    return r;
}
