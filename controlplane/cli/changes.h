/* Differences of definitions, as the API's integrationDiff tells them: [{kind, subject,
 * configVariable, flow, step, name, before, after}]. */
#pragma once

#include "cli/cli.h"

/* Of two texts, compared here. */
int changes_of(struct cli *cli, struct str before, struct str after, struct json *ret,
               struct err *err) must_check;
/* One line each, "+ step Tell (flow Main)"; `indent` blanks before. */
void changes_print(struct cli *cli, struct json changes, int indent);
