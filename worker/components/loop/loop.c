/* Describes loops. The engine runs the bodies; what is evaluated here is only how often: the items,
 * or the count. Pure, on the slot's thread. */
#include "components/registry.h"

#define LOOP_MAX_TIMES 10000000
#define PAIR_BYTES     256 /* most bytes of one {key, value} of an object while the list grows */

static const struct action_input items_inputs[] = {
    {
        .key = "items",
        .label = "Items",
        .type = CATALOG_JSON,
        .required = true,
        .comments = "A list, or an object whose keys and values are visited one pair at a time.",
        .example = "[\"a\", \"b\"]",
    },
    {0},
};
static const struct action_input times_inputs[] = {
    {
        .key = "iterationCount",
        .label = "Iteration Count",
        .type = CATALOG_NUMBER,
        .fallback = "1000",
        .comments = "How many times the steps of the loop run.",
    },
    {0},
};

/* JSON text of a list or an object is that list or object. */
static int parse_items(struct action_context *ctx, struct json *io_items, struct err *err)
{
    struct json parsed;
    if (io_items->type != JSON_STRING) {
        return 0;
    }
    int rc = action_parse_json(ctx, json_as_str(*io_items), &parsed, err);
    if (rc == 0) {
        *io_items = parsed;
    }
    return rc == -ENOMEM ? rc : 0;
}

static int loop_over_items(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct json v;
    int rc = action_input_value(ctx, "items", &v, err);
    if (rc < 0) {
        return rc;
    }
    rc = parse_items(ctx, &v, err);
    if (rc == 0 && v.type == JSON_OBJECT) {
        rc = action_room(ctx, (size_t)v.len * PAIR_BYTES, err);
    }
    if (rc < 0) {
        return rc;
    }
    if (v.type == JSON_OBJECT) {
        struct json_builder items;
        json_build_array(&items, action_arena(ctx));
        for (uint32_t i = 0; i < v.len; i++) {
            struct json_builder pair;
            json_build_object(&pair, action_arena(ctx));
            json_append(&pair, STR("key"), json_str(v.members[i].key));
            json_append(&pair, STR("value"), v.members[i].value);
            json_push(&items, json_built(&pair));
        }
        v = json_built(&items);
    }
    if (v.type != JSON_ARRAY) {
        return action_input_error(ctx, "items", err,
                                  "must be a list or an object. Check the reference: a list may "
                                  "be one level deeper in the result.");
    }
    ret->data = v;
    return 0;
}

static int loop_n_times(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    int64_t count;
    int rc = action_input_int(ctx, "iterationCount", 0, LOOP_MAX_TIMES, &count, err);
    if (rc < 0) {
        return rc;
    }
    ret->data = json_num((double)count);
    return 0;
}

static int break_loop(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    ret->data = json_null();
    ret->break_loop = true;
    return 0;
}

static const struct action actions[] = {
    {
        .key = "breakLoop",
        .label = "Break Loop",
        .description = "Leaves the innermost loop and goes on with the step after it.",
        .flags = ACTION_BREAKS,
        .perform = break_loop,
    },
    {
        .key = "loopNTimes",
        .label = "Loop N Times",
        .description = "Runs the steps of the loop a number of times. currentItem and index count "
                       "from 0.",
        .flags = ACTION_LOOP,
        .inputs = times_inputs,
        .example = "[0, 1, 2]",
        .perform = loop_n_times,
    },
    {
        .key = "loopOverItems",
        .label = "Loop Over Items",
        .description = "Runs the steps of the loop for each item. The result lists what the last "
                       "step returned each time.",
        .flags = ACTION_LOOP,
        .inputs = items_inputs,
        .example = "[{\"id\": 1}, {\"id\": 2}]",
        .perform = loop_over_items,
    },
    {0},
};

const struct component component_loop = {
    .key = "loop",
    .label = "Loop",
    .description = "Repeats steps of a flow.",
    .category = "Logic",
    .version = 1,
    .actions = actions,
};
