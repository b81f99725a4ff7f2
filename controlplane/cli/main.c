/* leat: the command for people. Owns the table of subcommands and nothing else. */
#include "cli/command.h"

#include "mem.h"
#include "str.h"

static const struct command commands[] = {
    {"account", "let a user choose a password, or set it", command_account},
    {"audit", "verify the chain of the audit log", command_audit},
    {"dev", "run everything on this machine: PostgreSQL, NATS, control plane, worker", command_dev},
    {"migrate", "bring a database to this version's schema", command_migrate},
    {"token", "make an API token for a user", command_token},
    {0},
};

int command_failed(const struct err *err)
{
    fprintf(stderr, "leat: %s\n", err->message);
    return 1;
}

static int usage(FILE *to, int status)
{
    fprintf(to, "usage: leat COMMAND [OPTION...]\n\n");
    for (const struct command *c = commands; c->name; c++) {
        fprintf(to, "  %-10s %s\n", c->name, c->summary);
    }
    fprintf(to, "\n`leat COMMAND --help` tells the options of a command.\n");
    return status;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        return usage(stderr, 2);
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
        return usage(stdout, 0);
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("leat %s\n", LEAT_VERSION);
        return 0;
    }
    for (const struct command *c = commands; c->name; c++) {
        if (strcmp(argv[1], c->name) == 0) {
            return c->run(argc - 1, argv + 1);
        }
    }
    fprintf(stderr, "leat: there is no command \"%s\"\n\n", argv[1]);
    return usage(stderr, 2);
}
