/* Owns the component liquid-template. Pure, on the slot's thread. It refuses templates that cannot
 * be read, with line and column, and those that go past the bounds of liquid.h. */
#include "components/liquid_template/liquid.h"
#include "components/registry.h"
#include "expr/value.h"

static const struct action_input inputs[] = {
    {
        .key = "data",
        .label = "Data",
        .type = CATALOG_JSON,
        .required = true,
        .comments = "The value the template reads as data; the members of an object also by their "
                    "own names. JSON text of an object or list is read first.",
        .example = "{\"name\": \"Widget\", \"tags\": [\"new\", \"blue\"]}",
    },
    {
        .key = "liquidTemplate",
        .label = "Liquid Template",
        .type = CATALOG_CODE,
        .required = true,
        .comments = "Text with {{ data.name | filter }} and {% tags %}, such as if, for, case, "
                    "assign and capture.",
        .example = "{{ name | upcase }}: {{ tags | join: \", \" }}",
    },
    {0},
};

static int transform(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct json data;
    struct str text;
    int rc = action_input_value(ctx, "data", &data, err);
    if (rc == 0) {
        rc = action_input_text(ctx, "liquidTemplate", &text, err);
    }
    if (rc < 0) {
        return rc;
    }
    if (text.len == 0) {
        return action_input_error(ctx, "liquidTemplate", err, "has no value. Give a template.");
    }
    struct str trimmed = str_trim(json_as_str(data));
    struct json parsed;
    if (data.type == JSON_STRING && trimmed.len && (*trimmed.ptr == '{' || *trimmed.ptr == '[') &&
        action_parse_json(ctx, trimmed, &parsed, NULL) == 0) {
        data = parsed;
    }
    AUTO(buf_done) struct buf out = {0};
    buf_init(&out, LIQUID_MAX_OUTPUT);
    struct err why;
    err_clear(&why);
    if (liquid_render(text, data, action_deadline(ctx), &out, &why) < 0) {
        rc = action_input_error(ctx, "liquidTemplate", err, "%s", why.message);
        if (err) {
            err->line = why.line;
            err->column = why.column;
        }
        return rc;
    }
    rc = action_room(ctx, out.len + 1, err);
    if (rc == 0) {
        const char *copy = arena_strndup(action_arena(ctx), out.len ? out.data : "", out.len);
        ret->data = json_str(str_n(copy, out.len));
    }
    return rc;
}

static const struct action actions[] = {
    {
        .key = "transform",
        .label = "Transform",
        .description = "Writes text from data and a Liquid template.",
        .inputs = inputs,
        .example = "\"WIDGET: new, blue\"",
        .perform = transform,
    },
    {0},
};

const struct component component_liquid_template = {
    .key = "liquid-template",
    .label = "Liquid Template",
    .description = "Writes documents and messages from Liquid templates.",
    .category = "Data",
    .version = 1,
    .actions = actions,
};
