/* CSV, with the delimiter in the first byte: it is refused, or becomes rows that are written and
 * read the same again. Objects made of the rows have the same values; those with objects in them
 * can be written, too. */
#include "action_harness.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define C (&component_csv)

static const char *const delimiters[] = {",", ";", "\\t", "||", " ", "a", ";;;", "\xC3\xA9"};

static void as_objects(struct arena *a, struct json_member *inputs)
{
    struct json table, text;
    inputs[2].value = json_bool(true);
    if (harness_run(C, "parse", a, inputs, &table) < 0) {
        return;
    }
    struct json rows = json_get(table, STR("data"));
    struct json_member write[] = {{STR("inputArray"), rows},
                                  {STR("delimiter"), inputs[1].value},
                                  {STR("includeHeader"), json_bool(true)},
                                  {{0}, {0}}};
    if (rows.len) {
        ASSERT(harness_run(C, "generateFromObject", a, write, &text) == 0);
    }
}

static void nested(struct arena *a, struct json text)
{
    struct json_member inputs[] = {{STR("data"), text},
                                   {STR("csvHeader"), json_bool(true)},
                                   {STR("unflattenKeys"), json_bool(true)},
                                   {{0}, {0}}};
    struct json rows, written;
    if (harness_run(&component_change_data_format, "deserializeFromCsv", a, inputs, &rows) == 0) {
        struct json_member back[] = {{STR("data"), rows}, {{0}, {0}}};
        ASSERT(harness_run(&component_change_data_format, "jsonToCsv", a, back, &written) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > KIB(64)) {
        return 0;
    }
    AUTO(arena_free) struct arena *a = arena_new(0, MIB(64));
    struct str bytes = str_n((const char *)data + 1, size - 1);
    struct json delimiter = json_cstr(delimiters[data[0] % ARRAY_LEN(delimiters)]);
    struct json_member inputs[] = {{STR("csv"), json_binary(bytes)},
                                   {STR("delimiter"), delimiter},
                                   {STR("firstRowHasNames"), json_bool(false)},
                                   {{0}, {0}}};
    struct json first, second, text;
    if (harness_run(C, "parse", a, inputs, &first) < 0) {
        return 0;
    }
    struct json rows = json_get(first, STR("data"));
    struct json_member write[] = {{STR("data"), rows}, {STR("delimiter"), delimiter}, {{0}, {0}}};
    ASSERT(harness_run(C, "generate", a, write, &text) == 0);
    as_objects(a, inputs);
    nested(a, inputs[0].value);
    inputs[0].value = text;
    inputs[2].value = json_bool(false);
    ASSERT(harness_run(C, "parse", a, inputs, &second) == 0);
    ASSERT(json_equal(rows, json_get(second, STR("data"))));
    return 0;
}
