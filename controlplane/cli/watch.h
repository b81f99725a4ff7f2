/* An execution while it runs. */
#pragma once

#include "cli/cli.h"

/* Prints steps (and with log, log lines) as they get known, until the execution has ended or the
 * time is over (-ETIMEDOUT). *ret is the execution with its steps. */
int watch_execution(struct cli *cli, const char *id, bool log, int64_t timeout_s, struct json *ret,
                    struct err *err) must_check;
/* Asks once: the execution with its steps; -ENOENT when there is none. */
int watch_once(struct cli *cli, struct arena *a, const char *id, struct json *ret,
               struct err *err) must_check;
void watch_print_step(struct cli *cli, struct json step);
/* "success in 1.2 s", "failed in step Tell: ..." */
void watch_print_end(struct cli *cli, struct json execution);
/* COMMAND_OK, or COMMAND_FAILED when it failed. */
int watch_status(struct json execution);
