/* Describes the schedule trigger. The control plane's scheduler fires it; the payload is the
 * trigger's result, so there is no code here. */
#include "components/registry.h"

static const struct action actions[] = {
    {
        .key = "schedule",
        .label = "Schedule",
        .description = "Starts the flow at the times of a schedule (cron expression, time zone).",
        .flags = ACTION_TRIGGER | ACTION_SCHEDULE | ACTION_SCHEDULE_REQUIRED,
    },
    {0},
};

const struct component component_schedule_triggers = {
    .key = "schedule-triggers",
    .label = "Schedule Triggers",
    .description = "Start flows at regular times.",
    .category = "Triggers",
    .version = 1,
    .actions = actions,
};
