/* Owns flows that call themselves with a cursor until their work is done. Called on the slot's
 * thread, blocks inside the HTTP client. The cursor starts with what the caller sent, otherwise
 * with the trigger's default. */
#include "components/cross_flow/flow_call.h"
#include "components/registry.h"

static const struct action_input trigger_inputs[] = {
    {
        .key = "defaultCursor",
        .label = "Default Cursor",
        .type = CATALOG_JSON,
        .comments = "The cursor of the first execution.",
        .example = "1",
    },
    {
        .key = "runOnDeploy",
        .label = "Run on Deploy",
        .type = CATALOG_BOOLEAN,
        .fallback = "false",
        .comments = "Also start the flow each time the instance is deployed.",
    },
    {0},
};
static const struct action_input set_inputs[] = {
    {
        .key = "cursor",
        .label = "Cursor",
        .type = CATALOG_JSON,
        .comments = "The new cursor.",
    },
    {0},
};

static int recursive_trigger(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct json payload = action_trigger_payload(ctx);
    struct json body = json_get(json_get(payload, STR("body")), STR("data"));
    struct json cursor = json_get(body, STR("cursor"));
    if (cursor.type == JSON_UNDEFINED) {
        cursor = action_input(ctx, "defaultCursor");
    }
    action_set_cursor(ctx, cursor.type == JSON_UNDEFINED ? json_null() : cursor);
    ret->data = payload;
    return 0;
}

static int get_cursor(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct json cursor = action_cursor(ctx);
    ret->data = cursor.type == JSON_UNDEFINED ? json_null() : cursor;
    return 0;
}

static int set_cursor(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct json cursor;
    int rc = action_input_value(ctx, "cursor", &cursor, err);
    if (rc == 0) {
        cursor = cursor.type == JSON_UNDEFINED ? json_null() : cursor;
        action_set_cursor(ctx, cursor);
        ret->data = cursor;
    }
    return rc;
}

static int invoke_recursive(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct json cursor = action_cursor(ctx);
    struct json_builder b;
    json_build_object(&b, action_arena(ctx));
    json_append(&b, STR("cursor"), cursor.type == JSON_UNDEFINED ? json_null() : cursor);
    return flow_call(ctx, str_of(action_flow_name(ctx)), "invokeUrl", NULL,
                     "recursive-flow.invokeRecursive", json_built(&b), &ret->data, err);
}

static const struct action actions[] = {
    {
        .key = "getCursor",
        .label = "Get Recursive Cursor",
        .description = "Returns the current cursor.",
        .example = "\"1\"",
        .perform = get_cursor,
    },
    {
        .key = "invokeRecursive",
        .label = "Invoke Recursive Flow",
        .description = "Starts this flow again with the current cursor.",
        .flags = ACTION_WRITES,
        .example = "{\"executionId\": \"SW5zdGFuY2VFeGVjdXRpb25SZXN1bHQ6MDE4ZjNh\"}",
        .perform = invoke_recursive,
    },
    {
        .key = "recursiveTrigger",
        .label = "Recursive Trigger",
        .description = "Starts the flow when it calls itself, and on deploy if wanted.",
        .flags = ACTION_TRIGGER,
        .inputs = trigger_inputs,
        .perform = recursive_trigger,
    },
    {
        .key = "setCursor",
        .label = "Set Recursive Cursor",
        .description = "Changes the cursor for later steps and for the next call.",
        .inputs = set_inputs,
        .example = "\"2\"",
        .perform = set_cursor,
    },
    {0},
};

const struct component component_recursive_flow = {
    .key = "recursive-flow",
    .label = "Recursive Flow",
    .description = "Lets a flow call itself to work through long lists in parts.",
    .category = "Logic",
    .version = 1,
    .actions = actions,
};
