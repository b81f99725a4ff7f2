/* References: any text is refused or walks any value without going astray. */
#include "expr/path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    struct json value;
    struct path *path;
    if (json_parse(a,
                   STR("{\"headers\":{\"X-Key\":[1,\"two\",{\"a.b\":null}]},\"body\":"
                       "{\"data\":[{\"Id\":\"1\"}]}}"),
                   &value, NULL) < 0 ||
        path_compile(a, str_n((const char *)data, size), &path, NULL) < 0) {
        return 0;
    }
    ASSERT(path->root < _PATH_ROOT_N && path->step == UINT32_MAX);
    ASSERT(path->n_segments <= PATH_MAX_SEGMENTS);
    (void)path_resolve(path, value);
    return 0;
}
