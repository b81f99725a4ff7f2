/* How commands are told: --help, docs/cli.md. */
#pragma once

#include "cli/command.h"

void help_usage(FILE *to);                            /* all commands */
void help_command(FILE *to, const struct command *c); /* of a client of the API */
void help_markdown(FILE *to);                         /* the whole of docs/cli.md */
