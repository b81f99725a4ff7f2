/* Owns the action that writes to the execution's log. Pure but for that, on the slot's thread. It
 * refuses unknown levels. */
#include "components/registry.h"

#include "expr/value.h"

static const char *const levels[] = {"trace", "debug", "info",   "warn",
                                     "error", "fatal", "metric", NULL};
_Static_assert(ARRAY_LEN(levels) == _LINE_LEVEL_N + 1, "one name a level");

static const struct action_input write_log_inputs[] = {
    {
        .key = "level",
        .label = "Level",
        .type = CATALOG_STRING,
        .fallback = "info",
        .choices = levels,
        .comments = "Severity of the line.",
    },
    {
        .key = "message",
        .label = "Message",
        .type = CATALOG_TEXT,
        .comments = "What to write. Objects and lists are written as JSON.",
        .example = "Order imported",
    },
    {0},
};

static int write_log(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct str level;
    struct json message;
    int rc = action_input_text(ctx, "level", &level, err);
    if (rc == 0) {
        rc = action_input_value(ctx, "message", &message, err);
    }
    if (rc < 0) {
        return rc;
    }
    level = str_trim(level);
    for (size_t i = 0; i < _LINE_LEVEL_N; i++) {
        if (str_eq_ci(level, str_of(levels[i]))) {
            action_log(ctx, (enum log_line_level)i, value_to_text(action_arena(ctx), message));
            ret->data = json_null();
            return 0;
        }
    }
    return action_input_error(ctx, "level", err,
                              "\"%.*s\" is unknown; use trace, debug, info, warn, error, fatal or "
                              "metric.",
                              (int)MIN(level.len, 40), level.ptr);
}

static const struct action actions[] = {
    {
        .key = "writeLog",
        .label = "Write Log Message",
        .description = "Writes a line to the log of the execution.",
        .inputs = write_log_inputs,
        .perform = write_log,
    },
    {0},
};

const struct component component_log = {
    .key = "log",
    .label = "Log",
    .description = "Writes to the log of an execution.",
    .category = "Logic",
    .version = 1,
    .actions = actions,
};
