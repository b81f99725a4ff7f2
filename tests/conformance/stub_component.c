/* The worker of the conformance tests: every native component, and in place of each component or
 * action that there is not, one that answers as the step says. So flows of third-party connectors
 * run without them, and triggers can branch. Called by the plan (look-up) and on slot threads.
 *
 * A step's input "answer" is JSON: {data, branch, error, statusCode, contentType, headers}, each
 * optional; or a list of such objects, one for each iteration of the loop around the step (the last
 * one for all that follow). Without data the result is an object of the step's other inputs as they
 * were evaluated; of a trigger, the payload. */
#define component_find   native_component_find
#define component_action native_component_action
#include "components/registry.c"
#undef component_find
#undef component_action

#include "engine/run_priv.h"
#include "expr/value.h"

const struct component *component_find(const char *key);
const struct action *component_action(const struct component *c, const char *key);

static struct json inputs_of(struct action_context *ctx)
{
    struct json_builder b;
    json_build_object(&b, action_arena(ctx));
    for (uint32_t i = 0; i < ctx->step->n_inputs; i++) {
        const char *key = ctx->step->inputs[i].key;
        if (strcmp(key, "answer") != 0) {
            json_set(&b, str_of(key), ctx->values[i]);
        }
    }
    return json_built(&b);
}

static const char *text_of(struct action_context *ctx, struct json answer, const char *key)
{
    struct str s = json_as_str(json_get(answer, str_of(key)));
    return s.len ? arena_strndup(action_arena(ctx), s.ptr, s.len) : NULL;
}

static struct json answer_of(struct action_context *ctx)
{
    struct json answer = value_parse_json(action_arena(ctx), action_input(ctx, "answer"));
    if (answer.type == JSON_ARRAY && answer.len) {
        uint32_t turn = ctx->run->loop ? ctx->run->loop->index : 0;
        answer = answer.items[MIN(turn, answer.len - 1)];
    }
    return answer;
}

static int answer_as_told(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct json answer = answer_of(ctx);
    const char *error = text_of(ctx, answer, "error");
    if (error) {
        return err_set(err, -EIO, "stub.error", "%s", error);
    }
    struct json status = json_get(answer, STR("statusCode"));
    ret->data = json_get(answer, STR("data"));
    ret->branch = text_of(ctx, answer, "branch");
    ret->content_type = text_of(ctx, answer, "contentType");
    ret->result_type = text_of(ctx, answer, "resultType");
    ret->headers = json_get(answer, STR("headers"));
    ret->status_code = status.type == JSON_NUMBER ? (int)status.num : 0;
    if (ret->data.type == JSON_UNDEFINED && !ctx->step->def->is_trigger && !ret->branch) {
        ret->data = inputs_of(ctx);
    }
    return 0;
}

static const struct action stub_actions[] = {
    {.key = "any", .label = "Any", .description = "Answers.", .perform = answer_as_told},
    {0},
};
static const struct component stub = {
    .key = "stub",
    .label = "Stub",
    .description = "Stands in for components that there are not.",
    .category = "Logic",
    .version = 1,
    .actions = stub_actions,
};

/* Native, but of no use without a third party. */
static const char *const third_parties[] = {"aws-s3",   "aws-sns", "aws-sqs", "ftp",
                                            "postgres", "redis",   "sftp",    "smtp"};

const struct component *component_find(const char *key)
{
    const struct component *c = native_component_find(key);
    for (size_t i = 0; i < ARRAY_LEN(third_parties); i++) {
        c = strcmp(key, third_parties[i]) == 0 ? NULL : c;
    }
    return c ? c : &stub;
}

const struct action *component_action(const struct component *c, const char *key)
{
    const struct action *action = c == &stub ? NULL : native_component_action(c, key);
    return action ? action : &stub_actions[0];
}
