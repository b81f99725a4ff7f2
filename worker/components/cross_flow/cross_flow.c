/* Owns the trigger that other flows of an instance call, and the actions that call it. Called on
 * the slot's thread, blocks inside the HTTP client. */
#include "components/cross_flow/flow_call.h"
#include "components/registry.h"

#define FLOW_NAME_INPUT                                                                            \
    {                                                                                              \
        .key = "flowName", .label = "Flow Name", .type = CATALOG_STRING, .required = true,         \
        .comments = "Name of the flow of this integration to call.", .example = "Process Records"  \
    }
static const struct action_input invoke_inputs[] = {
    FLOW_NAME_INPUT,
    {
        .key = "data",
        .label = "Data",
        .type = CATALOG_JSON,
        .comments = "What the called flow gets as the body of its trigger.",
    },
    {0},
};
static const struct action_input trigger_flow_inputs[] = {FLOW_NAME_INPUT, {0}};

static int call_flow(struct action_context *ctx, const char *action_key, struct json data,
                     struct action_result *ret, struct err *err)
{
    struct str name;
    int rc = action_input_text(ctx, "flowName", &name, err);
    return rc < 0 ? rc : flow_call(ctx, name, NULL, "flowName", action_key, data, &ret->data, err);
}

static int invoke_flow(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    return call_flow(ctx, "cross-flow.invokeFlow", action_input(ctx, "data"), ret, err);
}

static int trigger_flow(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    return call_flow(ctx, "cross-flow.triggerFlow", json_undefined(), ret, err);
}

static const struct action actions[] = {
    {
        .key = "crossFlow",
        .label = "Cross-Flow Trigger",
        .description = "Starts the flow when another flow of the instance calls it.",
        .flags = ACTION_TRIGGER,
    },
    {
        .key = "invokeFlow",
        .label = "Invoke Flow",
        .description = "Calls another flow of the instance and returns its reply: the id of the "
                       "new execution, or the result of a synchronous flow.",
        .flags = ACTION_WRITES,
        .inputs = invoke_inputs,
        .example = "{\"executionId\": \"SW5zdGFuY2VFeGVjdXRpb25SZXN1bHQ6MDE4ZjNh\"}",
        .perform = invoke_flow,
    },
    {
        .key = "triggerFlow",
        .label = "Trigger Flow",
        .description = "Calls another flow of the instance without data (older form of Invoke "
                       "Flow).",
        .flags = ACTION_WRITES,
        .inputs = trigger_flow_inputs,
        .example = "{\"executionId\": \"SW5zdGFuY2VFeGVjdXRpb25SZXN1bHQ6MDE4ZjNh\"}",
        .perform = trigger_flow,
    },
    {0},
};

const struct component component_cross_flow = {
    .key = "cross-flow",
    .label = "Cross-Flow",
    .description = "Lets flows of an instance call each other.",
    .category = "Logic",
    .version = 1,
    .actions = actions,
};
