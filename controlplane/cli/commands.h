/* The commands that are clients of the API, one row each, defined beside what they do. */
#pragma once

#include "cli/cli.h"

extern const struct command command_apply, command_customers, command_deploy, command_diff,
    command_executions, command_export, command_import, command_instances, command_integrations,
    command_logs, command_publish, command_replay, command_test, command_token_create,
    command_token_list, command_token_revoke;

/* Which executions: names, ids or ""; since as text_since takes it. */
struct executions_filter {
    const char *instance, *customer, *integration, *status, *since;
};
/* Newest first. */
int executions_list(struct cli *cli, const struct executions_filter *f, int64_t limit,
                    struct json *ret_nodes, bool *ret_more, struct err *err) must_check;
