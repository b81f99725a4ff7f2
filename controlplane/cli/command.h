/* The subcommands of `leat`: tables in commands.c; each row has its options, --help and an example.
 * The same tables make docs/cli.md and the completion of shells. */
#pragma once

#include "config.h"
#include "err.h"

struct cli;

/* Exit statuses. */
enum { COMMAND_OK = 0, COMMAND_FAILED = 1, COMMAND_USAGE = 2, COMMAND_DIFFERS = 3 };

/* What a word of a command is, for completion. */
enum command_word { WORD_NONE, WORD_FILE, WORD_FOLDER, WORD_NAME };

struct command {
    const char *name;                  /* one word, or two: "token create" */
    const char *summary;               /* one line for `leat --help` */
    int (*run)(int argc, char **argv); /* argv[0] is the subcommand; returns the exit status */
    const struct config_option *options;
    /* Of clients of the API, in place of run: 0 or another exit status; <0: err tells why. */
    int (*call)(struct cli *cli, const void *config, struct err *err);
    size_t config_size; /* of the struct that the options fill */
    const char *words;  /* "FILE", "NAME [FROM [TO]]"; NULL = takes none */
    int words_min, words_max;
    enum command_word word;
    const char *details;  /* more for --help and docs/cli.md; NULL = nothing */
    const char *examples; /* one a line */
    const char *output;   /* what --json prints */
};

#define COMMAND_WORDS_MAX 100

/* By the first one or two words of argv; *ret_used of them are its name. NULL = none. */
const struct command *command_find(int argc, char **argv, int *ret_used);
/* NULL after the last: those that work on this machine and its database, then clients of the API.
 */
const struct command *command_local(size_t i);
const struct command *command_client(size_t i);
extern const struct config_option command_client_options[]; /* that every client of the API has */

int command_dev(int argc, char **argv);
int command_audit(int argc, char **argv);
int command_account(int argc, char **argv);
int command_completion(int argc, char **argv);
int command_doctor(int argc, char **argv);
int command_token(int argc, char **argv);
int command_migrate(int argc, char **argv);
extern const struct config_option account_options[], audit_options[], dev_options[],
    doctor_options[], migrate_options[], token_options[];

/* Prints "leat: message" for people; returns the exit status: COMMAND_USAGE for what is wrong with
 * the arguments, else COMMAND_FAILED. */
int command_failed(const struct err *err);
