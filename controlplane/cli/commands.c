/* Owns the tables of subcommands. A command is a row here; how it is told is in help.c. */
#include "cli/commands.h"

#include "mem.h"
#include "str.h"

static const struct command local[] = {
    {"account", "let a user choose a password, or set it", command_account, account_options},
    {"audit verify", "verify the chain of the audit log", command_audit, audit_options},
    {"completion", "print the completion of a shell: bash or zsh", command_completion, NULL},
    {"dev", "run everything on this machine: PostgreSQL, NATS, control plane, worker", command_dev,
     dev_options},
    {"doctor", "look whether PostgreSQL, NATS, keys, clocks and this machine are as they should be",
     command_doctor, doctor_options},
    {"migrate", "bring a database to this version's schema", command_migrate, migrate_options},
    {"token", "make an API token for a user, on the database", command_token, token_options},
};

static const struct command *const clients[] = {
    &command_apply,        &command_customers,    &command_deploy,     &command_diff,
    &command_executions,   &command_export,       &command_import,     &command_instances,
    &command_integrations, &command_logs,         &command_publish,    &command_replay,
    &command_test,         &command_token_create, &command_token_list, &command_token_revoke,
};

const struct config_option command_client_options[] = {
    {"url", CONFIG_STR, offsetof(struct client_options, url), NULL,
     "URL of the control plane (LEAT_URL or PRISMATIC_URL; else the one of `leat dev`)", 0, 0,
     false},
    {"token-file", CONFIG_STR, offsetof(struct client_options, token_file), NULL,
     "file with the API token (LEAT_TOKEN or PRISM_ACCESS_TOKEN; else the one of `leat dev`)", 0, 0,
     false},
    {"env-file", CONFIG_STR, offsetof(struct client_options, env_file), NULL,
     "file with both, as `leat dev` writes it", 0, 0, false},
    {0},
};

const struct command *command_local(size_t i)
{
    return i < ARRAY_LEN(local) ? &local[i] : NULL;
}

const struct command *command_client(size_t i)
{
    return i < ARRAY_LEN(clients) ? clients[i] : NULL;
}

/* How many words of argv are the name; 0 = it is another. */
static int named(const struct command *c, int argc, char **argv)
{
    const char *blank = strchr(c->name, ' ');
    size_t len = blank ? (size_t)(blank - c->name) : strlen(c->name);
    if (argc < 1 || strlen(argv[0]) != len || strncmp(argv[0], c->name, len) != 0) {
        return 0;
    }
    if (!blank) {
        return 1;
    }
    return argc > 1 && strcmp(argv[1], blank + 1) == 0 ? 2 : 0;
}

const struct command *command_find(int argc, char **argv, int *ret_used)
{
    const struct command *found = NULL;
    *ret_used = 0;
    for (int table = 0; table < 2; table++) {
        const struct command *c;
        for (size_t i = 0; (c = table ? command_client(i) : command_local(i)); i++) {
            int used = named(c, argc, argv);
            if (used > *ret_used) {
                *ret_used = used;
                found = c;
            }
        }
    }
    return found;
}
