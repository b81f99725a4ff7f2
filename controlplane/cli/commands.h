/* The commands that are clients of the API, one row each, defined beside what they do. */
#pragma once

#include "cli/cli.h"

extern const struct command command_customers, command_deploy, command_diff, command_export,
    command_import, command_instances, command_integrations, command_publish;
