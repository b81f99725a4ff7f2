/* Describes the triggers of an instance's life. The control plane fires them; the payload is the
 * trigger's result, so there is no code here. */
#include "components/registry.h"

static const struct action actions[] = {
    {
        .key = "instanceDeploy",
        .label = "Instance Deploy",
        .description = "Starts the flow each time the instance is deployed.",
        .flags = ACTION_TRIGGER,
    },
    {
        .key = "instanceRemove",
        .label = "Instance Remove",
        .description = "Starts the flow when the instance is about to be removed.",
        .flags = ACTION_TRIGGER,
    },
    {0},
};

const struct component component_management_triggers = {
    .key = "management-triggers",
    .label = "Management Triggers",
    .description = "Start flows when an instance is deployed or removed.",
    .category = "Triggers",
    .version = 1,
    .actions = actions,
};
