/* Owns the component jmespath. Pure, on the slot's thread. It refuses queries that cannot be read
 * or that give a function a value it does not take, with the place, and what goes past the bounds
 * of jmespath.h. */
#include "components/jmespath/jmespath.h"
#include "components/registry.h"

static const struct action_input inputs[] = {
    {
        .key = "data",
        .label = "Data",
        .type = CATALOG_JSON,
        .required = true,
        .comments = "The value to search, usually a reference. JSON text of an object or list is "
                    "read first.",
        .example = "{\"orders\": [{\"id\": 1, \"total\": 20}, {\"id\": 2, \"total\": 5}]}",
    },
    {
        .key = "query",
        .label = "Query",
        .type = CATALOG_CODE,
        .required = true,
        .comments = "A JMESPath expression. [*] goes through a list, [?condition] picks from it, | "
                    "ends going through; texts stand in single quotes, other values in backquotes.",
        .example = "orders[?total > `10`].id",
    },
    {0},
};

static int search(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct json data, parsed;
    struct str query;
    int rc = action_input_value(ctx, "data", &data, err);
    if (rc == 0) {
        rc = action_input_text(ctx, "query", &query, err);
    }
    if (rc < 0) {
        return rc;
    }
    if (str_trim(query).len == 0) {
        return action_input_error(ctx, "query", err, "has no value. Give an expression.");
    }
    struct str text = str_trim(json_as_str(data));
    if (text.len && (*text.ptr == '{' || *text.ptr == '[')) {
        rc = action_parse_json(ctx, text, &parsed, err);
        if (rc == -ENOMEM) {
            return rc;
        }
        data = rc == 0 ? parsed : data;
    }
    struct err why;
    err_clear(&why);
    if (jmespath_search(action_arena(ctx), query, data, action_deadline(ctx), &ret->data, &why) <
        0) {
        return action_input_error(ctx, "query", err, "%s", why.message);
    }
    return 0;
}

static const struct action actions[] = {
    {
        .key = "search",
        .label = "Search",
        .description = "Picks from data, and reshapes it, by a JMESPath expression; null when "
                       "nothing is found.",
        .inputs = inputs,
        .example = "[1]",
        .perform = search,
    },
    {0},
};

const struct component component_jmespath = {
    .key = "jmespath",
    .label = "JMESPath",
    .description = "Searches JSON with JMESPath.",
    .category = "Data",
    .version = 1,
    .actions = actions,
};
