/* Owns making accounts and tokens with the database owner's rights. A token is shown once: only its
 * SHA-256 is stored. */
#include "cli/account.h"

#include <fcntl.h>
#include <pwd.h>
#include <unistd.h>

#include "audit.h"
#include "domain/password.h"
#include "domain/role.h"
#include "enc.h"
#include "org_key.h"

#define TOKEN_PREFIX      "leat_"
#define INVITATION_PREFIX "leat_i_"

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

/* What the command did, told in the audit log as the doing of the system's user. */
static int tell(struct db *db, const struct uuid *organization, const char *action, struct str type,
                const struct uuid *object, const char *name, struct err *err)
{
    const struct passwd *who = getpwuid(geteuid());
    return audit_add(db,
                     &(struct audit_entry){.organization = *organization,
                                           .actor_type = "command",
                                           .actor_name = who ? who->pw_name : "",
                                           .action = action,
                                           .object_type = type,
                                           .object = *object,
                                           .object_name = str_of(name)},
                     err);
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
    int r = db_run(db, QUERY_ACCOUNT_ORGANIZATION_MAKE, NULL, err, DB_UUID(*ret_id), DB_TEXT(name),
                   DB_BYTES(buf_str(&sealed)));
    return r ? r : tell(db, ret_id, "organization.created", STR("Organization"), ret_id, name, err);
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
    struct uuid made = uuid_v7();
    int r = db_run(db, QUERY_ACCOUNT_USER, &rows, err, DB_UUID(made), DB_UUID(*organization),
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
    return uuid_eq(ret_id, &made)
               ? tell(db, organization, "user.created", STR("User"), ret_id, email, err)
               : 0;
}

static void random_text(const char *prefix, char ret[ACCOUNT_TOKEN_MAX])
{
    uint8_t random[32];
    secret_random(random, sizeof(random));
    memcpy(ret, prefix, strlen(prefix) + 1);
    (void)enc_base64url(str_n((const char *)random, sizeof(random)), ret + strlen(prefix),
                        ACCOUNT_TOKEN_MAX - strlen(prefix));
}

static int make_token(struct db *db, const struct uuid *organization, const struct uuid *user,
                      const struct account_options *o, char ret_token[ACCOUNT_TOKEN_MAX],
                      struct err *err)
{
    uint8_t digest[32];
    struct uuid id = uuid_v7();
    const char *name = o->token_name ? o->token_name : "";
    random_text(TOKEN_PREFIX, ret_token);
    secret_sha256(str_of(ret_token), digest);
    int r =
        db_run(db, QUERY_ACCOUNT_TOKEN, NULL, err, DB_UUID(id), DB_UUID(*organization),
               DB_UUID(*user), DB_TEXT(name), DB_BYTES(str_n((const char *)digest, sizeof(digest))),
               DB_I64(o->expires_days), DB_TEXT(o->scope ? o->scope : "admin"));
    return r ? r : tell(db, organization, "api_token.created", STR("ApiToken"), &id, name, err);
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

/* In a transaction: the user of the options. */
static int begin_user(struct db *db, const struct secret_key *master,
                      const struct account_options *o, struct uuid *ret_organization,
                      struct uuid *ret_user, struct err *err)
{
    int r = db_begin(db, err);
    r = r == 0 ? find_organization(db, master, o, ret_organization, err) : r;
    return r == 0 ? find_user(db, ret_organization, o->email, ret_user, err) : r;
}

int account_invite(struct db *db, const struct secret_key *master, const struct account_options *o,
                   int64_t hours, char ret_token[ACCOUNT_TOKEN_MAX], struct err *err)
{
    struct uuid organization, user;
    uint8_t digest[32];
    random_text(INVITATION_PREFIX, ret_token);
    secret_sha256(str_of(ret_token), digest);
    int r = begin_user(db, master, o, &organization, &user, err);
    if (r == 0) {
        r = db_run(db, QUERY_SIGNIN_INVITE, NULL, err, DB_UUID(user),
                   DB_BYTES(str_n((const char *)digest, sizeof(digest))), DB_I64(hours));
    }
    r = r == 0 ? tell(db, &organization, "user.invited", STR("User"), &user, o->email, err) : r;
    r = r == 0 ? db_commit(db, err) : r;
    db_rollback(db);
    return r;
}

int account_password(struct db *db, const struct secret_key *master,
                     const struct account_options *o, struct str password, struct err *err)
{
    struct uuid organization, user;
    char hash[PASSWORD_HASH_MAX];
    int r = password_check(password, str_of(o->email), err);
    r = r == 0 ? password_hash(password, hash, err) : r;
    r = r == 0 ? begin_user(db, master, o, &organization, &user, err) : r;
    r = r == 0 ? db_run(db, QUERY_SIGNIN_PASSWORD_PUT, NULL, err, DB_UUID(user), DB_TEXT(hash)) : r;
    r = r == 0 ? db_run(db, QUERY_SIGNIN_SESSIONS_END, NULL, err, DB_UUID(user)) : r;
    r = r == 0 ? tell(db, &organization, "user.password_set", STR("User"), &user, o->email, err)
               : r;
    r = r == 0 ? db_commit(db, err) : r;
    db_rollback(db);
    return r;
}
