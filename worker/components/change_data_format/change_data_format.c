/* Owns conversions between formats of data: JSON, JSON lines, form data, XML, YAML, CSV,
 * hexadecimal and plain values. Pure, on the slot's thread. Files ({data, contentType}) stand for
 * their data. It refuses text that is not in the format, with the place, and results above 64 MB.
 */
#include <math.h>

#include "components/change_data_format/csv_format.h"
#include "components/change_data_format/grouping.h"
#include "components/change_data_format/xml_format.h"
#include "components/change_data_format/yaml_format.h"
#include "components/registry.h"
#include "enc.h"
#include "expr/value.h"

#define FORMAT_MAX_BYTES MIB(64)
#define FORM_MAX_FIELDS  1000000
#define FORM_GROWTH      80 /* bytes of memory for one byte of form data: "a&" is a member */

#define DATA_INPUT(about)                                                                          \
    {                                                                                              \
        .key = "data", .label = "Data", .type = CATALOG_JSON, .required = true, .comments = about  \
    }
static const struct action_input text_inputs[] = {
    DATA_INPUT("The text or file to read."),
    {0},
};
static const struct action_input value_inputs[] = {
    DATA_INPUT("The value to write, usually a reference."),
    {0},
};
static const struct action_input xml_inputs[] = {
    DATA_INPUT("The XML text or file to read."),
    {
        .key = "numbersAsStrings",
        .label = "Parse Numbers as Strings",
        .type = CATALOG_BOOLEAN,
        .fallback = "false",
        .comments = "Leave numbers, true and false as texts.",
    },
    {0},
};
static const struct action_input csv_inputs[] = {
    DATA_INPUT("The CSV text or file to read, with commas."),
    {
        .key = "csvHeader",
        .label = "CSV Header",
        .type = CATALOG_BOOLEAN,
        .fallback = "true",
        .comments = "The first row names the columns: rows become objects. Otherwise they become "
                    "lists.",
    },
    {
        .key = "unflattenKeys",
        .label = "Un-Flatten CSV Keys",
        .type = CATALOG_BOOLEAN,
        .fallback = "false",
        .comments = "Make objects of names with double underscores: the columns person__first and "
                    "person__last become {\"person\": {\"first\": ..., \"last\": ...}}.",
    },
    {0},
};
static const struct action_input convert_inputs[] = {
    {
        .key = "value",
        .label = "Value",
        .type = CATALOG_JSON,
        .comments = "The value to convert.",
    },
    {0},
};

static int give_text(struct action_context *ctx, struct buf *b, struct action_result *ret,
                     struct err *err)
{
    if (b->full) {
        return action_input_error(ctx, "data", err, "the result would be larger than 64 MB.");
    }
    int rc = action_room(ctx, b->len + 1, err);
    if (rc == 0) {
        char *text = arena_strndup(action_arena(ctx), b->len ? b->data : "", b->len);
        ret->data = json_str(str_n(text, b->len));
    }
    return rc;
}

static int give_json(struct action_context *ctx, struct json v, struct action_result *ret,
                     struct err *err)
{
    AUTO(buf_done) struct buf b = {0};
    buf_init(&b, FORMAT_MAX_BYTES);
    json_dump(&b, v);
    return give_text(ctx, &b, ret, err);
}

static int give_xml(struct action_context *ctx, struct json v, struct action_result *ret,
                    struct err *err)
{
    AUTO(buf_done) struct buf b = {0};
    buf_init(&b, FORMAT_MAX_BYTES);
    int rc = xml_write(ctx, "data", v, &b, err);
    return rc < 0 ? rc : give_text(ctx, &b, ret, err);
}

static int give_yaml(struct action_context *ctx, struct json v, struct action_result *ret,
                     struct err *err)
{
    AUTO(buf_done) struct buf b = {0};
    buf_init(&b, FORMAT_MAX_BYTES);
    int rc = yaml_format_write(ctx, "data", v, &b, err);
    return rc < 0 ? rc : give_text(ctx, &b, ret, err);
}

/* A file stands for its data. */
static int read_data(struct action_context *ctx, struct json *ret, struct err *err)
{
    struct json v;
    int rc = action_input_value(ctx, "data", &v, err);
    if (rc < 0) {
        return rc;
    }
    if (json_get(v, STR("contentType")).type == JSON_STRING &&
        json_get(v, STR("data")).type != JSON_UNDEFINED) {
        v = json_get(v, STR("data"));
    }
    *ret = v;
    return 0;
}

static int parse_text(struct action_context *ctx, struct str text, struct json *ret,
                      struct err *err)
{
    struct err why;
    err_clear(&why);
    int rc = action_parse_json(ctx, text, ret, &why);
    if (rc == -ENOMEM && err) {
        *err = why;
    }
    if (rc < 0 && rc != -ENOMEM) {
        return action_input_error(ctx, "data", err, "is not JSON: %s", why.message);
    }
    return rc;
}

/* JSON text, or a value that is one already. */
static int read_json(struct action_context *ctx, struct json *ret, struct err *err)
{
    struct json v;
    int rc = read_data(ctx, &v, err);
    if (rc < 0) {
        return rc;
    }
    if (v.type != JSON_STRING && v.type != JSON_BINARY) {
        *ret = v;
        return 0;
    }
    struct str text = json_as_str(v);
    if (str_starts(text, STR("\xEF\xBB\xBF"))) {
        text = str_n(text.ptr + 3, text.len - 3);
    }
    return parse_text(ctx, text, ret, err);
}

static int deserialize_json(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    return read_json(ctx, &ret->data, err);
}

static int value_to_json(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct json v;
    int rc = action_input_value(ctx, "data", &v, err);
    return rc < 0 ? rc : give_json(ctx, v, ret, err);
}

static int pretty_print(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct json v;
    int rc = action_input_value(ctx, "data", &v, err);
    if (rc < 0) {
        return rc;
    }
    AUTO(buf_done) struct buf b = {0};
    buf_init(&b, FORMAT_MAX_BYTES);
    json_dump_pretty(&b, value_parse_json(action_arena(ctx), v), 2);
    return give_text(ctx, &b, ret, err);
}

static int deserialize_jsonl(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct str text;
    int rc = action_input_text(ctx, "data", &text, err);
    struct json_builder list;
    json_build_array(&list, action_arena(ctx));
    for (size_t from = 0; rc == 0 && from < text.len;) {
        ptrdiff_t at = str_find(text, STR("\n"), from);
        size_t end = at < 0 ? text.len : (size_t)at;
        struct str line = str_trim(str_n(text.ptr + from, end - from));
        struct json v;
        if (line.len) {
            rc = parse_text(ctx, line, &v, err);
            if (rc == 0) {
                rc = action_room(ctx, (list.len + 1) * 4 * sizeof(v), err);
            }
            if (rc == 0) {
                json_push(&list, v);
            }
        }
        from = end + 1;
    }
    ret->data = json_built(&list);
    return rc;
}

static int serialize_jsonl(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct json list;
    int rc = action_input_list(ctx, "data", &list, err);
    if (rc < 0) {
        return rc;
    }
    AUTO(buf_done) struct buf b = {0};
    buf_init(&b, FORMAT_MAX_BYTES);
    for (uint32_t i = 0; i < list.len && !b.full; i++) {
        json_dump(&b, list.items[i]);
        buf_addc(&b, '\n');
    }
    return give_text(ctx, &b, ret, err);
}

/* name=value pairs; a name that stands several times makes a list. */
static int deserialize_form(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct json v;
    int rc = read_data(ctx, &v, err);
    if (rc < 0) {
        return rc;
    }
    if (v.type == JSON_OBJECT) {
        ret->data = v;
        return 0;
    }
    if (v.type != JSON_STRING && v.type != JSON_BINARY) {
        return action_input_error(ctx, "data", err, "must be text like name=value&other=value.");
    }
    struct str text = str_trim(json_as_str(v));
    struct arena *a = action_arena(ctx);
    struct json_builder b;
    size_t n = 1;
    for (size_t i = 0; i < text.len; i++) {
        n += text.ptr[i] == '&' ? 1 : 0;
    }
    if (n > FORM_MAX_FIELDS) {
        return action_input_error(ctx, "data", err, "has more than %d fields.", FORM_MAX_FIELDS);
    }
    rc = action_room(ctx, text.len * FORM_GROWTH, err);
    if (rc < 0) {
        return rc;
    }
    struct named_value *pairs = mem_array(n, sizeof(*pairs));
    n = 0;
    for (size_t from = 0; from < text.len;) {
        ptrdiff_t at = str_find(text, STR("&"), from);
        size_t end = at < 0 ? text.len : (size_t)at;
        struct str pair = str_n(text.ptr + from, end - from);
        ptrdiff_t equals = str_find(pair, STR("="), 0);
        size_t split = equals < 0 ? pair.len : (size_t)equals;
        size_t after = MIN(split + 1, pair.len);
        if (pair.len) {
            struct str rest = str_n(pair.ptr + after, pair.len - after);
            pairs[n].name = enc_percent_decode(a, str_n(pair.ptr, split), true);
            pairs[n++].value = json_str(enc_percent_decode(a, rest, true));
        }
        from = end + 1;
    }
    json_build_object(&b, a);
    grouping_append(&b, pairs, n);
    mem_free(pairs);
    ret->data = json_built(&b);
    return 0;
}

static int serialize_form(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct json v;
    int rc = action_input_object(ctx, "data", &v, err);
    if (rc < 0) {
        return rc;
    }
    AUTO(buf_done) struct buf b = {0};
    buf_init(&b, FORMAT_MAX_BYTES);
    for (uint32_t i = 0; i < v.len; i++) {
        struct json value = v.members[i].value;
        bool list = value.type == JSON_ARRAY;
        for (uint32_t k = 0; k < (list ? value.len : 1) && !b.full; k++) {
            if (b.len) {
                buf_addc(&b, '&');
            }
            enc_percent(&b, v.members[i].key);
            buf_addc(&b, '=');
            enc_percent(&b, value_to_text(action_arena(ctx), list ? value.items[k] : value));
        }
    }
    return give_text(ctx, &b, ret, err);
}

static int deserialize_xml(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct json v;
    bool numbers_as_strings;
    int rc = read_data(ctx, &v, err);
    if (rc == 0) {
        rc = action_input_bool(ctx, "numbersAsStrings", &numbers_as_strings, err);
    }
    if (rc < 0) {
        return rc;
    }
    if (v.type != JSON_STRING && v.type != JSON_BINARY) {
        return action_input_error(ctx, "data", err, "must be XML text or a file.");
    }
    return xml_read(ctx, "data", v, numbers_as_strings, &ret->data, err);
}

static int json_to_xml(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct json v;
    int rc = read_json(ctx, &v, err);
    return rc < 0 ? rc : give_xml(ctx, v, ret, err);
}

static int xml_to_json(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    int rc = deserialize_xml(ctx, ret, err);
    return rc < 0 ? rc : give_json(ctx, ret->data, ret, err);
}

static int read_yaml(struct action_context *ctx, struct json *ret, struct err *err)
{
    struct json v;
    int rc = read_data(ctx, &v, err);
    if (rc < 0) {
        return rc;
    }
    if (v.type != JSON_STRING && v.type != JSON_BINARY) {
        return action_input_error(ctx, "data", err, "must be YAML text or a file.");
    }
    return yaml_format_read(ctx, "data", v, ret, err);
}

static int deserialize_yaml(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    return read_yaml(ctx, &ret->data, err);
}

static int yaml_to_json(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct json v;
    int rc = read_yaml(ctx, &v, err);
    return rc < 0 ? rc : give_json(ctx, v, ret, err);
}

static int yaml_to_xml(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct json v;
    int rc = read_yaml(ctx, &v, err);
    return rc < 0 ? rc : give_xml(ctx, v, ret, err);
}

static int value_to_yaml(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct json v;
    int rc = action_input_value(ctx, "data", &v, err);
    return rc < 0 ? rc : give_yaml(ctx, v, ret, err);
}

static int json_to_yaml(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct json v;
    int rc = read_json(ctx, &v, err);
    return rc < 0 ? rc : give_yaml(ctx, v, ret, err);
}

static int xml_to_yaml(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    int rc = deserialize_xml(ctx, ret, err);
    return rc < 0 ? rc : give_yaml(ctx, ret->data, ret, err);
}

static int deserialize_csv(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    return csv_format_read(ctx, &ret->data, err);
}

static int csv_to_json(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct json v;
    int rc = csv_format_read(ctx, &v, err);
    return rc < 0 ? rc : give_json(ctx, v, ret, err);
}

static int csv_to_yaml(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct json v;
    int rc = csv_format_read(ctx, &v, err);
    return rc < 0 ? rc : give_yaml(ctx, v, ret, err);
}

/* A document has one root: <rows>, with a <row> for each. */
static int csv_to_xml(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct json v;
    int rc = csv_format_read(ctx, &v, err);
    struct json_member row = {STR("row"), v};
    struct json_member rows = {STR("rows"), json_object(&row, 1)};
    return rc < 0 ? rc : give_xml(ctx, json_object(&rows, 1), ret, err);
}

static int json_to_csv(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct json v;
    int rc = read_json(ctx, &v, err);
    return rc < 0 ? rc : csv_format_write(ctx, "data", v, ret, err);
}

static int xml_to_csv(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    int rc = deserialize_xml(ctx, ret, err);
    return rc < 0 ? rc : csv_format_write(ctx, "data", csv_format_rows(ret->data), ret, err);
}

static int yaml_to_csv(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct json v;
    int rc = read_yaml(ctx, &v, err);
    return rc < 0 ? rc : csv_format_write(ctx, "data", v, ret, err);
}

static int encode_hex(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct str bytes;
    int rc = action_input_text(ctx, "data", &bytes, err);
    if (rc == 0 && bytes.len > FORMAT_MAX_BYTES / 2) {
        return action_input_error(ctx, "data", err, "the result would be larger than 64 MB.");
    }
    if (rc == 0) {
        rc = action_room(ctx, bytes.len * 2 + 1, err);
    }
    if (rc == 0) {
        char *text = arena_alloc(action_arena(ctx), bytes.len * 2 + 1);
        ret->data = json_str(str_n(text, enc_hex(bytes, text, bytes.len * 2 + 1)));
    }
    return rc;
}

static int decode_hex(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct str text;
    int rc = action_input_text(ctx, "data", &text, err);
    text = str_trim(text);
    if (rc == 0) {
        rc = action_room(ctx, text.len / 2 + 1, err);
    }
    if (rc < 0) {
        return rc;
    }
    size_t len;
    uint8_t *bytes = arena_alloc(action_arena(ctx), text.len / 2 + 1);
    if (!enc_hex_decode(text, bytes, text.len / 2 + 1, &len)) {
        return action_input_error(
            ctx, "data", err,
            "is not hexadecimal: two digits of 0 to 9 and a to f a byte, with "
            "nothing between them.");
    }
    struct str decoded = str_n((const char *)bytes, len);
    ret->data = str_utf8_valid(decoded) ? json_str(decoded) : json_binary(decoded);
    return 0;
}

static int convert_to_string(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct str text;
    int rc = action_input_text(ctx, "value", &text, err);
    if (rc == 0) {
        ret->data = json_str(text);
    }
    return rc;
}

static int convert_to_boolean(struct action_context *ctx, struct action_result *ret,
                              struct err *err)
{
    bool value;
    int rc = action_input_bool(ctx, "value", &value, err);
    if (rc == 0) {
        ret->data = json_bool(value);
    }
    return rc;
}

static int convert_number(struct action_context *ctx, bool whole, struct action_result *ret,
                          struct err *err)
{
    double n;
    int rc = action_input_number(ctx, "value", &n, err);
    if (rc < 0) {
        return rc;
    }
    ret->data = json_num(isnan(n) ? 0 : whole ? trunc(n) : n);
    return 0;
}

static int convert_to_int(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    return convert_number(ctx, true, ret, err);
}

static int convert_to_number(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    return convert_number(ctx, false, ret, err);
}

#define FORMAT(k, l, about, in, sample, fn)                                                        \
    {                                                                                              \
        .key = k, .label = l, .description = about, .inputs = in, .example = sample, .perform = fn \
    }
static const struct action actions[] = {
    FORMAT(
        "binaryToCsv", "Object to CSV",
        "Writes a list of objects or of lists as CSV text; the names of the objects' members are "
        "the first row.",
        value_inputs, "\"id,name\\r\\n17,Widget\"", json_to_csv),
    FORMAT("binaryToJson", "Object to JSON", "Writes a value as JSON text.", value_inputs,
           "\"{\\\"id\\\":17}\"", value_to_json),
    FORMAT("binaryToXml", "Object to XML", "Writes an object as XML text.", value_inputs,
           "\"<order>\\n  <id>17</id>\\n</order>\\n\"", json_to_xml),
    FORMAT("binaryToYaml", "Object to YAML", "Writes a value as YAML text.", value_inputs,
           "\"id: 17\\ntags:\\n  - new\\n\"", value_to_yaml),
    FORMAT("convertToBoolean", "Convert to Boolean", "Turns true, yes, 1 and the like into true.",
           convert_inputs, "true", convert_to_boolean),
    FORMAT("convertToInt", "Convert to Integer", "Turns text into a whole number.", convert_inputs,
           "17", convert_to_int),
    FORMAT("convertToNumber", "Convert to Number", "Turns text into a number.", convert_inputs,
           "17.5", convert_to_number),
    FORMAT("convertToString", "Convert to String",
           "Turns a value into text: objects and lists into JSON text, files into their data.",
           convert_inputs, "\"17\"", convert_to_string),
    FORMAT("csvToJson", "CSV to JSON", "Turns CSV text into JSON text.", csv_inputs,
           "\"[{\\\"id\\\":\\\"17\\\"}]\"", csv_to_json),
    FORMAT("csvToXml", "CSV to XML", "Turns CSV text into XML text: <rows> of a <row> each.",
           csv_inputs, "\"<rows>\\n  <row>\\n    <id>17</id>\\n  </row>\\n</rows>\\n\"",
           csv_to_xml),
    FORMAT("csvToYaml", "CSV to YAML", "Turns CSV text into YAML text.", csv_inputs,
           "\"- id: \\\"17\\\"\\n\"", csv_to_yaml),
    FORMAT("decodeHex", "Decode Hexadecimal",
           "Turns hexadecimal into text, or into a file when it is no text.", text_inputs,
           "\"Widget\"", decode_hex),
    FORMAT("deserializeFormData", "Deserialize URL-encoded Form Data",
           "Reads form data (application/x-www-form-urlencoded) into an object.", text_inputs,
           "{\"name\": \"Widget\"}", deserialize_form),
    FORMAT("deserializeFromCsv", "Deserialize CSV",
           "Reads CSV text into a list of objects, or of lists. Every value stays text.",
           csv_inputs, "[{\"id\": \"17\", \"name\": \"Widget\"}]", deserialize_csv),
    FORMAT("deserializeFromJson", "Deserialize JSON", "Reads JSON text into a value.", text_inputs,
           "{\"id\": 17}", deserialize_json),
    FORMAT("deserializeFromXml", "Deserialize XML",
           "Reads XML into an object. Attributes start with @_.", xml_inputs,
           "{\"order\": {\"@_id\": 17, \"item\": \"Widget\"}}", deserialize_xml),
    FORMAT("deserializeFromYaml", "Deserialize YAML",
           "Reads YAML (one document, 5 MB) into a value.", text_inputs,
           "{\"id\": 17, \"tags\": [\"new\"]}", deserialize_yaml),
    FORMAT("deserializeJsonl", "Deserialize JSON Lines", "Reads one JSON value a line into a list.",
           text_inputs, "[{\"id\": 17}, {\"id\": 18}]", deserialize_jsonl),
    FORMAT("encodeHex", "Encode Hexadecimal", "Turns text or a file into hexadecimal.", text_inputs,
           "\"576964676574\"", encode_hex),
    FORMAT("jsonToCsv", "JSON to CSV",
           "Writes JSON text that is a list of objects or of lists as CSV text.", value_inputs,
           "\"id,name\\r\\n17,Widget\"", json_to_csv),
    FORMAT("jsonToXml", "JSON to XML", "Writes JSON text or an object as XML text.", value_inputs,
           "\"<order>\\n  <id>17</id>\\n</order>\\n\"", json_to_xml),
    FORMAT("jsonToYaml", "JSON to YAML", "Writes JSON text or a value as YAML text.", value_inputs,
           "\"id: 17\\n\"", json_to_yaml),
    FORMAT("prettyPrint", "Pretty Print", "Writes a value as JSON that is easy to read.",
           value_inputs, "\"{\\n  \\\"id\\\": 17\\n}\"", pretty_print),
    FORMAT("serializeFormData", "Serialize URL-encoded Form Data",
           "Writes an object as form data (application/x-www-form-urlencoded).", value_inputs,
           "\"name=Widget\"", serialize_form),
    FORMAT("serializeJsonl", "Serialize JSON Lines", "Writes a list as one JSON value a line.",
           value_inputs, "\"{\\\"id\\\":17}\\n\"", serialize_jsonl),
    FORMAT(
        "xmlToCsv", "XML to CSV",
        "Turns XML into CSV text: the elements that come several times in the root are the rows.",
        xml_inputs, "\"id,name\\r\\n17,Widget\"", xml_to_csv),
    FORMAT("xmlToJson", "XML to JSON", "Turns XML into JSON text.", xml_inputs,
           "\"{\\\"order\\\":{\\\"id\\\":17}}\"", xml_to_json),
    FORMAT("xmlToYaml", "XML to YAML", "Turns XML into YAML text.", xml_inputs,
           "\"order:\\n  id: 17\\n\"", xml_to_yaml),
    FORMAT("yamlToCsv", "YAML to CSV",
           "Turns YAML that is a list of objects or of lists into CSV text.", text_inputs,
           "\"id,name\\r\\n17,Widget\"", yaml_to_csv),
    FORMAT("yamlToJson", "YAML to JSON", "Turns YAML into JSON text.", text_inputs,
           "\"{\\\"id\\\":17}\"", yaml_to_json),
    FORMAT("yamlToXml", "YAML to XML", "Turns YAML into XML text.", text_inputs,
           "\"<order>\\n  <id>17</id>\\n</order>\\n\"", yaml_to_xml),
    {0},
};

const struct component component_change_data_format = {
    .key = "change-data-format",
    .label = "Change Data Format",
    .description = "Changes data from one format to another.",
    .category = "Data",
    .version = 1,
    .actions = actions,
};
