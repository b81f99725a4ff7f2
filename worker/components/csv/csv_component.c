/* Owns the actions that read and write delimited text (CSV). Pure, on the slot's thread. Files
 * ({data, contentType}) stand for their data. It refuses malformed text, with the line, and results
 * above 64 MB. */
#include "components/csv/csv_write.h"
#include "components/registry.h"

#define DELIMITER_INPUT                                                                            \
    {                                                                                              \
        .key = "delimiter", .label = "Delimiter", .type = CATALOG_STRING, .fallback = ",",         \
        .comments = "What stands between two fields; \\t for a tab.", .example = ";",              \
    }
static const struct action_input parse_inputs[] = {
    {
        .key = "csv",
        .label = "CSV Data",
        .type = CATALOG_TEXT,
        .required = true,
        .comments = "The text or file to read.",
        .example = "name,city\nAda,London",
    },
    DELIMITER_INPUT,
    {
        .key = "ignoreHeaders",
        .label = "Ignore Headers",
        .type = CATALOG_BOOLEAN,
        .fallback = "false",
        .comments = "Leave the first row out of the result.",
    },
    {
        .key = "firstRowHasNames",
        .label = "First Row Has Names",
        .type = CATALOG_BOOLEAN,
        .fallback = "false",
        .comments = "Make objects: the first row names the members of the others.",
    },
    {0},
};
static const struct action_input objects_inputs[] = {
    {
        .key = "inputArray",
        .label = "Input Array",
        .type = CATALOG_JSON,
        .required = true,
        .comments = "A list of objects, or of lists: one for each row. Values that are objects or "
                    "lists themselves are written as JSON.",
        .example = "[{\"name\": \"Ada\", \"city\": \"London\"}]",
    },
    DELIMITER_INPUT,
    {
        .key = "includeHeader",
        .label = "Include Header",
        .type = CATALOG_BOOLEAN,
        .fallback = "true",
        .comments = "Write the names of the members as the first row.",
    },
    {0},
};
static const struct action_input rows_inputs[] = {
    {
        .key = "data",
        .label = "Data",
        .type = CATALOG_JSON,
        .required = true,
        .comments = "A list of rows; each row is a list of values.",
        .example = "[[\"name\", \"city\"], [\"Ada\", \"London\"]]",
    },
    DELIMITER_INPUT,
    {0},
};

static int read_delimiter(struct action_context *ctx, struct str *ret, struct err *err)
{
    struct str d;
    int rc = action_input_text(ctx, "delimiter", &d, err);
    if (rc < 0) {
        return rc;
    }
    if (str_eq(d, STR("\\t"))) {
        d = STR("\t");
    }
    bool fits = d.len > 0 && d.len <= CSV_DELIMITER_MAX && str_utf8_valid(d);
    for (size_t i = 0; fits && i < d.len; i++) {
        fits = d.ptr[i] != '"' && d.ptr[i] != '\r' && d.ptr[i] != '\n';
    }
    if (!fits) {
        return action_input_error(ctx, "delimiter", err,
                                  "must be 1 to %d bytes without quotes and line ends, such as a "
                                  "comma, a semicolon or \\t.",
                                  CSV_DELIMITER_MAX);
    }
    *ret = d;
    return 0;
}

static int parse(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct str text;
    struct csv_format format = {0};
    struct csv_table table;
    int rc = action_input_text(ctx, "csv", &text, err);
    if (rc == 0) {
        rc = read_delimiter(ctx, &format.delimiter, err);
    }
    if (rc == 0) {
        rc = action_input_bool(ctx, "ignoreHeaders", &format.skip_first_row, err);
    }
    if (rc == 0) {
        rc = action_input_bool(ctx, "firstRowHasNames", &format.first_row_names, err);
    }
    if (rc == 0) {
        rc = csv_read(ctx, "csv", text, &format, &table, err);
    }
    if (rc == 0) {
        rc = action_room(ctx, KIB(4), err);
    }
    if (rc < 0) {
        return rc;
    }
    struct arena *a = action_arena(ctx);
    struct json_builder meta, result;
    json_build_object(&meta, a);
    json_append(&meta, STR("delimiter"), json_str(format.delimiter));
    json_append(&meta, STR("linebreak"), json_cstr(table.line_break));
    json_append(&meta, STR("aborted"), json_bool(false));
    json_append(&meta, STR("truncated"), json_bool(false));
    json_append(&meta, STR("cursor"), json_num((double)text.len));
    if (table.names.type != JSON_UNDEFINED) {
        json_append(&meta, STR("fields"), table.names);
    }
    json_build_object(&result, a);
    json_append(&result, STR("data"), table.rows);
    json_append(&result, STR("errors"), json_array(NULL, 0));
    json_append(&result, STR("meta"), json_built(&meta));
    ret->data = json_built(&result);
    return 0;
}

static int write_rows(struct action_context *ctx, const char *key, struct json rows, bool header,
                      struct action_result *ret, struct err *err)
{
    struct str delimiter;
    int rc = read_delimiter(ctx, &delimiter, err);
    return rc < 0 ? rc : csv_write(ctx, key, rows, delimiter, header, ret, err);
}

static int generate_from_object(struct action_context *ctx, struct action_result *ret,
                                struct err *err)
{
    struct json rows;
    bool header;
    int rc = action_input_list(ctx, "inputArray", &rows, err);
    if (rc == 0) {
        rc = action_input_bool(ctx, "includeHeader", &header, err);
    }
    return rc < 0 ? rc : write_rows(ctx, "inputArray", rows, header, ret, err);
}

static int generate(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct json rows;
    int rc = action_input_list(ctx, "data", &rows, err);
    if (rc < 0) {
        return rc;
    }
    if (rows.len && rows.items[0].type != JSON_ARRAY) {
        return action_input_error(ctx, "data", err, "must be a list of lists, one for each row.");
    }
    return write_rows(ctx, "data", rows, false, ret, err);
}

static const struct action actions[] = {
    {
        .key = "generate",
        .label = "Generate CSV From Rows",
        .description = "Writes a list of rows as CSV text.",
        .inputs = rows_inputs,
        .example = "\"name,city\\r\\nAda,London\"",
        .perform = generate,
    },
    {
        .key = "generateFromObject",
        .label = "Generate CSV From Array",
        .description = "Writes a list of objects as CSV text, one object a row.",
        .inputs = objects_inputs,
        .example = "\"name,city\\r\\nAda,London\"",
        .perform = generate_from_object,
    },
    {
        .key = "parse",
        .label = "Parse",
        .description = "Reads CSV text into a list of rows. Blank lines are left out; every value "
                       "stays text.",
        .inputs = parse_inputs,
        .example = "{\"data\": [[\"name\", \"city\"], [\"Ada\", \"London\"]], \"errors\": [], "
                   "\"meta\": {\"delimiter\": \",\", \"linebreak\": \"\\r\\n\", \"aborted\": "
                   "false, \"truncated\": false, \"cursor\": 21}}",
        .perform = parse,
    },
    {0},
};

const struct component component_csv = {
    .key = "csv",
    .label = "CSV",
    .description = "Reads and writes CSV files.",
    .category = "Data",
    .version = 1,
    .actions = actions,
};
