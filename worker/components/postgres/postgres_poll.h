/* Finding the rows of a table that are new since the last time. */
#pragma once

#include "components/postgres/postgres_client.h"

/* The perform of the trigger. Inputs: tableName, cursorField, castTimestampsToStrings. Blocks. */
int postgres_poll(struct action_context *ctx, const struct postgres_target *target,
                  struct action_result *ret, struct err *err) must_check;
