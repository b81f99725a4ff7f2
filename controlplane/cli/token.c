/* leat token and leat migrate: work on a database directly, with its owner's rights. */
#include "cli/account.h"
#include "cli/command.h"
#include "config.h"
#include "migrate.h"

struct token_config {
    const char *postgres, *organization, *email, *name, *scope, *master_key_file;
    int64_t expires_days;
};
const struct config_option token_options[] = {
    {"postgres", CONFIG_STR, offsetof(struct token_config, postgres), NULL,
     "connection URL of the database, as its owner", 0, 0, false},
    {"organization", CONFIG_STR, offsetof(struct token_config, organization), NULL,
     "name of the organization; made when absent; may be left out when there is one only", 0, 0,
     false},
    {"email", CONFIG_STR, offsetof(struct token_config, email), NULL,
     "the user the token acts for; made as an owner when absent", 0, 0, false},
    {"name", CONFIG_STR, offsetof(struct token_config, name), "leat token",
     "what the token is for, shown in lists", 0, 0, false},
    {"scope", CONFIG_STR, offsetof(struct token_config, scope), "admin",
     "what it may of what the user may: read, write (nothing that takes an admin) or admin", 0, 0,
     false},
    {"expires-days", CONFIG_INT, offsetof(struct token_config, expires_days), "0",
     "days until it expires; 0 = never", 0, 3650, false},
    {"master-key-file", CONFIG_STR, offsetof(struct token_config, master_key_file), NULL,
     "file with the master key; only needed for a new organization", 0, 0, false},
    {0},
};

static int open_database(const char *url, struct db **ret, struct err *err)
{
    if (!url || !url[0]) {
        return err_set(err, -EINVAL, "postgres.missing",
                       "--postgres is missing: the connection URL of the database");
    }
    return db_open(url, DB_OWNER, "leat", ret, err);
}

int command_token(int argc, char **argv)
{
    struct token_config config;
    struct err err;
    int r = config_load(token_options, &config, argc, argv, "leat token [OPTION...]", &err);
    if (r != 0) {
        return r > 0 ? 0 : command_failed(&err);
    }
    AUTO(db_close) struct db *db = NULL;
    struct secret_key master;
    bool has_master = config.master_key_file && config.master_key_file[0];
    if (!config.email || !strchr(config.email, '@')) {
        (void)err_set(&err, 0, "token.email", "--email is missing: the user the token acts for");
        return command_failed(&err);
    }
    if (strcmp(config.scope, "read") != 0 && strcmp(config.scope, "write") != 0 &&
        strcmp(config.scope, "admin") != 0) {
        (void)err_set(&err, 0, "token.scope", "--scope is read, write or admin");
        return command_failed(&err);
    }
    r = has_master ? account_key_file(config.master_key_file, &master, &err) : 0;
    if (r == 0) {
        r = open_database(config.postgres, &db, &err);
    }
    char token[ACCOUNT_TOKEN_MAX];
    if (r == 0) {
        struct account_options o = {config.organization[0] ? config.organization : NULL,
                                    config.email, config.expires_days, config.name, config.scope};
        r = account_token(db, has_master ? &master : NULL, &o, token, &err);
    }
    if (r != 0) {
        return command_failed(&err);
    }
    printf("%s\n", token);
    return 0;
}

struct migrate_config {
    const char *postgres;
};
const struct config_option migrate_options[] = {
    {"postgres", CONFIG_STR, offsetof(struct migrate_config, postgres), NULL,
     "connection URL of the database, as its owner", 0, 0, false},
    {0},
};

int command_migrate(int argc, char **argv)
{
    struct migrate_config config;
    struct err err;
    int r = config_load(migrate_options, &config, argc, argv, "leat migrate [OPTION...]", &err);
    if (r != 0) {
        return r > 0 ? 0 : command_failed(&err);
    }
    AUTO(db_close) struct db *db = NULL;
    int applied = 0;
    r = open_database(config.postgres, &db, &err);
    if (r == 0) {
        r = migrate_run(db, &applied, &err);
    }
    if (r != 0) {
        return command_failed(&err);
    }
    printf("schema %d, %d migration%s applied\n", migrate_latest(), applied,
           applied == 1 ? "" : "s");
    return 0;
}
