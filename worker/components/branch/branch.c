/* Describes branching. The engine performs it: it needs the step's own branches, so there is no
 * code here. */
#include "components/registry.h"

static const struct action_input expression_inputs[] = {
    {
        .key = "conditions",
        .label = "Conditions",
        .type = CATALOG_CONDITIONS,
        .required = true,
        .comments = "One condition for each branch, tried from top to bottom.",
    },
    {0},
};
static const struct action_input value_inputs[] = {
    {
        .key = "inputValue",
        .label = "Input Value",
        .type = CATALOG_JSON,
        .comments = "The value that is compared, as text, with the value of each branch.",
    },
    {
        .key = "branchValueMappings",
        .label = "Branch Value Mappings",
        .type = CATALOG_STRING,
        .collection = CATALOG_KEY_VALUE_LIST,
        .required = true,
        .comments = "Names of branches and the value that leads to each.",
    },
    {0},
};
static const struct action_input select_inputs[] = {
    {
        .key = "stepResults",
        .label = "Step Results",
        .type = CATALOG_JSON,
        .collection = CATALOG_VALUE_LIST,
        .required = true,
        .comments = "References to results of steps in different branches.",
    },
    {0},
};

static int select_executed_step_result(struct action_context *ctx, struct action_result *ret,
                                       struct err *err)
{
    struct json list;
    int rc = action_input_list(ctx, "stepResults", &list, err);
    if (rc < 0) {
        return rc;
    }
    ret->data = json_null();
    for (uint32_t i = 0; i < list.len; i++) {
        if (list.items[i].type != JSON_UNDEFINED) {
            ret->data = list.items[i];
            break;
        }
    }
    return 0;
}

static const struct action actions[] = {
    {
        .key = "branchOnExpression",
        .label = "Branch on Expression",
        .description = "Takes the first branch whose condition is true, otherwise the branch Else.",
        .flags = ACTION_BRANCHES,
        .inputs = expression_inputs,
        .example = "\"Existing Customer\"",
    },
    {
        .key = "branchOnValue",
        .label = "Branch on Value",
        .description = "Takes the branch whose value equals the input, otherwise the branch Else.",
        .flags = ACTION_BRANCHES,
        .inputs = value_inputs,
        .example = "\"Created\"",
    },
    {
        .key = "selectExecutedStepResult",
        .label = "Select Executed Step Result",
        .description = "Returns the first of the listed results that belongs to a step that ran.",
        .inputs = select_inputs,
        .example = "{\"id\": 17}",
        .perform = select_executed_step_result,
    },
    {0},
};

const struct component component_branch = {
    .key = "branch",
    .label = "Branch",
    .description = "Chooses which steps of a flow run.",
    .category = "Logic",
    .version = 1,
    .actions = actions,
};
