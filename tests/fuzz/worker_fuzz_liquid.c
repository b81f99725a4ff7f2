/* Liquid templates: refused with a place, or rendered within the bounds. */
#include "action_harness.h"
#include "components/liquid_template/liquid.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char value[] = "{\"a\": [3, \"x\", {\"b\": null}, [1]], \"o\": {\"k\": \"v\"}, "
                                "\"s\": \"2026-01-02 <b>&\", \"n\": 4.5, \"t\": true}";
    if (size > KIB(4)) {
        return 0;
    }
    AUTO(arena_free) struct arena *a = arena_new(0, MIB(64));
    struct json v, result;
    ASSERT(json_parse(a, str_n(value, sizeof(value) - 1), &v, NULL) == 0);
    struct json_member inputs[] = {
        {STR("data"), v},
        {STR("liquidTemplate"), json_str(str_n((const char *)data, size))},
        {{0}, {0}}};
    if (harness_run(&component_liquid_template, "transform", a, inputs, &result) == 0) {
        ASSERT(result.type == JSON_STRING && result.len <= LIQUID_MAX_OUTPUT);
    }
    return 0;
}
