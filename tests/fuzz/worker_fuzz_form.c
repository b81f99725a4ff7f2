/* Form data: what was read and written again is read the same. */
#include "action_harness.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define C (&component_change_data_format)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > KIB(64)) {
        return 0;
    }
    AUTO(arena_free) struct arena *a = arena_new(0, MIB(64));
    struct json_member inputs[] = {{STR("data"), json_binary(str_n((const char *)data, size))},
                                   {{0}, {0}}};
    struct json first, text, second;
    if (harness_run(C, "deserializeFormData", a, inputs, &first) < 0) {
        return 0;
    }
    ASSERT(first.type == JSON_OBJECT);
    inputs[0].value = first;
    if (harness_run(C, "serializeFormData", a, inputs, &text) < 0) {
        return 0;
    }
    inputs[0].value = text;
    ASSERT(harness_run(C, "deserializeFormData", a, inputs, &second) == 0);
    ASSERT(json_equal(first, second));
    return 0;
}
