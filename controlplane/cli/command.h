/* The subcommands of `leat`: one table in main.c; each has its options table and --help. */
#pragma once

#include "err.h"

struct command {
    const char *name;
    const char *summary;               /* one line for `leat --help` */
    int (*run)(int argc, char **argv); /* argv[0] is the subcommand; returns the exit status */
};
int command_dev(int argc, char **argv);
int command_audit(int argc, char **argv);
int command_account(int argc, char **argv);
int command_token(int argc, char **argv);
int command_migrate(int argc, char **argv);

/* Prints "leat: message" for people; returns 1, the exit status. */
int command_failed(const struct err *err);
