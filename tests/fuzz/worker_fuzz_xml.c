/* XML, as bytes and as text: it is refused, or becomes a value that can be written as XML, which is
 * read again. */
#include "action_harness.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define C (&component_change_data_format)

static void one(struct json document, bool numbers_as_strings)
{
    AUTO(arena_free) struct arena *a = arena_new(0, MIB(256));
    struct json_member inputs[] = {{STR("data"), document},
                                   {STR("numbersAsStrings"), json_bool(numbers_as_strings)},
                                   {{0}, {0}}};
    struct json value, text;
    if (harness_run(C, "deserializeFromXml", a, inputs, &value) < 0) {
        return;
    }
    ASSERT(value.type == JSON_OBJECT && value.len == 1);
    inputs[0].value = value;
    if (harness_run(C, "jsonToXml", a, inputs, &text) == 0) {
        inputs[0].value = text;
        ASSERT(harness_run(C, "deserializeFromXml", a, inputs, &value) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str bytes = str_n((const char *)data, size);
    if (size > KIB(64)) {
        return 0;
    }
    one(json_binary(bytes), false);
    if (str_utf8_valid(bytes)) {
        one(json_str(bytes), true);
    }
    return 0;
}
