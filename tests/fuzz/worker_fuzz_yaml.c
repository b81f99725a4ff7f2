/* YAML as data: refused, or read; what was read is written and read back as the same value. */
#include "action_harness.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > KIB(16)) {
        return 0;
    }
    AUTO(arena_free) struct arena *a = arena_new(0, MIB(256));
    struct json read, written, again;
    struct json_member in[] = {{STR("data"), json_str(str_n((const char *)data, size))},
                               {{0}, {0}}};
    const struct component *c = &component_change_data_format;
    if (harness_run(c, "deserializeFromYaml", a, in, &read) < 0) {
        return 0;
    }
    in[0].value = read;
    if (harness_run(c, "binaryToYaml", a, in, &written) == 0) {
        in[0].value = written;
        ASSERT(harness_run(c, "deserializeFromYaml", a, in, &again) == 0);
        ASSERT(json_equal(read, again));
    }
    return 0;
}
