/* Owns waiting. It gives its place in the slot pool away meanwhile; it refuses to wait past the end
 * of the execution's time. */
#include "components/registry.h"

#include "clock.h"

#define SLEEP_MAX_MS (INT64_C(24) * 60 * 60 * 1000)

static const struct action_input sleep_inputs[] = {
    {
        .key = "ms",
        .label = "Milliseconds",
        .type = CATALOG_NUMBER,
        .fallback = "1000",
        .comments = "How long to wait. It counts toward the time limit of the execution.",
    },
    {0},
};

static int sleep_perform(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    int64_t ms;
    int rc = action_input_int(ctx, "ms", 0, SLEEP_MAX_MS, &ms, err);
    if (rc < 0) {
        return rc;
    }
    int64_t deadline = action_deadline(ctx);
    int64_t until = clock_mono_ns() + ms * NS_PER_MS;
    if (until > deadline) {
        return action_input_error(ctx, "ms", err,
                                  "waiting %lld ms would go past the time limit of the execution. "
                                  "Wait shorter, or split the work over several executions.",
                                  (long long)ms);
    }
    action_block_begin(ctx);
    clock_wait_ns(until - clock_mono_ns());
    action_block_end(ctx);
    ret->data = json_null();
    return 0;
}

static const struct action actions[] = {
    {
        .key = "sleep",
        .label = "Sleep",
        .description = "Waits before the next step.",
        .inputs = sleep_inputs,
        .perform = sleep_perform,
    },
    {0},
};

const struct component component_sleep = {
    .key = "sleep",
    .label = "Sleep",
    .description = "Pauses a flow for a while.",
    .category = "Logic",
    .version = 1,
    .actions = actions,
};
