/* Owns the action that ends an execution successfully and describes the reply that a synchronous
 * caller gets. Pure, on the slot's thread; the engine does the ending. */
#include "components/registry.h"

#include "expr/value.h"

static const struct action_input stop_inputs[] = {
    {
        .key = "statusCode",
        .label = "Response Status Code",
        .type = CATALOG_NUMBER,
        .fallback = "200",
        .comments = "HTTP status of the reply to a synchronous caller.",
    },
    {
        .key = "contentType",
        .label = "Response Content Type",
        .type = CATALOG_STRING,
        .fallback = "application/json",
        .comments = "Content type of the reply.",
    },
    {
        .key = "headers",
        .label = "Response Headers",
        .type = CATALOG_STRING,
        .collection = CATALOG_KEY_VALUE_LIST,
        .comments = "More headers of the reply.",
    },
    {
        .key = "jsonBody",
        .label = "Response Body",
        .type = CATALOG_JSON,
        .comments = "Body of the reply: text is sent as it is, other values as JSON.",
        .example = "{\"ok\": true}",
    },
    {0},
};

static int stop_execution(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    int64_t status;
    struct str content_type;
    struct json headers, body;
    int rc = action_input_int(ctx, "statusCode", 100, 599, &status, err);
    if (rc == 0) {
        rc = action_input_text(ctx, "contentType", &content_type, err);
    }
    if (rc == 0) {
        rc = action_input_object(ctx, "headers", &headers, err);
    }
    if (rc == 0) {
        rc = action_input_value(ctx, "jsonBody", &body, err);
    }
    if (rc < 0) {
        return rc;
    }
    struct json_builder texts;
    json_build_object(&texts, action_arena(ctx));
    for (uint32_t i = 0; i < headers.len; i++) {
        struct str value = value_to_text(action_arena(ctx), headers.members[i].value);
        json_set(&texts, headers.members[i].key, json_str(value));
    }
    ret->data = body.type == JSON_UNDEFINED ? json_null() : body;
    ret->status_code = (int)status;
    ret->content_type = arena_strndup(action_arena(ctx), content_type.ptr, content_type.len);
    ret->headers = json_built(&texts);
    ret->stop_execution = true;
    return 0;
}

static const struct action actions[] = {
    {
        .key = "stopExecution",
        .label = "Stop Execution",
        .description = "Ends the execution successfully, also inside loops and branches, and "
                       "gives the reply to a synchronous caller.",
        .flags = ACTION_STOPS,
        .inputs = stop_inputs,
        .example = "{\"ok\": true}",
        .perform = stop_execution,
    },
    {0},
};

const struct component component_stop_execution = {
    .key = "stop-execution",
    .label = "Stop Execution",
    .description = "Ends an execution early.",
    .category = "Logic",
    .version = 1,
    .actions = actions,
};
