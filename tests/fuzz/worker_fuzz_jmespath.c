/* JMESPath queries: refused with a place, or searched within the bounds. */
#include "action_harness.h"
#include "components/jmespath/jmespath.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char value[] =
        "{\"a\": [3, 1, {\"b\": null}, [1, [2]]], \"o\": {\"k\": \"v\", "
        "\"m\": {\"n\": 4.5}}, \"s\": \"h\xC3\xA9llo\", \"t\": true, \"p\": "
        "[{\"i\": 1, \"g\": [\"x\"]}, {\"i\": 2}]}";
    if (size > KIB(4)) {
        return 0;
    }
    AUTO(arena_free) struct arena *a = arena_new(0, MIB(64));
    struct json v, result;
    ASSERT(json_parse(a, str_n(value, sizeof(value) - 1), &v, NULL) == 0);
    struct json_member inputs[] = {
        {STR("data"), v}, {STR("query"), json_str(str_n((const char *)data, size))}, {{0}, {0}}};
    if (harness_run(&component_jmespath, "search", a, inputs, &result) == 0) {
        ASSERT(result.type != JSON_UNDEFINED);
    }
    return 0;
}
