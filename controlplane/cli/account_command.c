/* leat account: a user with a password, made on a database directly, with its owner's rights. */
#include <fcntl.h>
#include <unistd.h>

#include "cli/account.h"
#include "cli/command.h"
#include "config.h"

#define PASSWORD_FILE_MAX 2048

struct command_config {
    const char *postgres, *organization, *email, *master_key_file, *password_file;
    int64_t hours;
};
const struct config_option account_options[] = {
    {"postgres", CONFIG_STR, offsetof(struct command_config, postgres), NULL,
     "connection URL of the database, as its owner", 0, 0, false},
    {"organization", CONFIG_STR, offsetof(struct command_config, organization), NULL,
     "name of the organization; made when absent; may be left out when there is one only", 0, 0,
     false},
    {"email", CONFIG_STR, offsetof(struct command_config, email), NULL,
     "the user; made as an owner when absent", 0, 0, false},
    {"hours", CONFIG_INT, offsetof(struct command_config, hours), "72",
     "how long the invitation that is printed holds", 1, 720, false},
    {"password-file", CONFIG_STR, offsetof(struct command_config, password_file), NULL,
     "set the password that is the first line of this file, in place of an invitation", 0, 0,
     false},
    {"master-key-file", CONFIG_STR, offsetof(struct command_config, master_key_file), NULL,
     "file with the master key; only needed for a new organization", 0, 0, false},
    {0},
};

static int read_password(const char *path, char ret[PASSWORD_FILE_MAX], struct str *ret_password,
                         struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, ret, PASSWORD_FILE_MAX) : -1;
    int code = errno;
    if (fd >= 0) {
        close(fd);
    }
    if (n < 0) {
        return err_set(err, -code, "password.file", "cannot read %s: %s", path, strerror(code));
    }
    const char *end = memchr(ret, '\n', (size_t)n);
    *ret_password = str_n(ret, end ? (size_t)(end - ret) : (size_t)n);
    return 0;
}

static int run(const struct command_config *config, struct err *err)
{
    AUTO(db_close) struct db *db = NULL;
    struct secret_key master;
    struct str password;
    char token[ACCOUNT_TOKEN_MAX], text[PASSWORD_FILE_MAX];
    bool has_master = config->master_key_file && config->master_key_file[0];
    bool sets = config->password_file && config->password_file[0];
    struct account_options o = {.organization = config->organization && config->organization[0]
                                                    ? config->organization
                                                    : NULL,
                                .email = config->email};
    if (!config->email || !strchr(config->email, '@')) {
        return err_set(err, -EINVAL, "account.email", "--email is missing: the user's address");
    }
    if (!config->postgres || !config->postgres[0]) {
        return err_set(err, -EINVAL, "postgres.missing",
                       "--postgres is missing: the connection URL of the database");
    }
    int r = has_master ? account_key_file(config->master_key_file, &master, err) : 0;
    r = r == 0 && sets ? read_password(config->password_file, text, &password, err) : r;
    r = r == 0 ? db_open(config->postgres, DB_OWNER, "leat", &db, err) : r;
    if (r == 0 && sets) {
        r = account_password(db, has_master ? &master : NULL, &o, password, err);
        secret_wipe(text, sizeof(text));
    } else if (r == 0) {
        r = account_invite(db, has_master ? &master : NULL, &o, config->hours, token, err);
    }
    if (r == 0 && !sets) {
        printf("%s\n", token);
    }
    return r;
}

int command_account(int argc, char **argv)
{
    struct command_config config;
    struct err err;
    int r = config_load(account_options, &config, argc, argv, "leat account [OPTION...]", &err);
    if (r != 0) {
        return r > 0 ? 0 : command_failed(&err);
    }
    return run(&config, &err) == 0 ? 0 : command_failed(&err);
}
