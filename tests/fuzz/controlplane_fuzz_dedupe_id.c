/* Foreign bytes as a request and as the reference to its dedupe id: "reference\ncontent type\n
 * query\nbody". The same request has the same id. */
#include "domain/dedupe_id.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct str line(struct str *rest)
{
    ptrdiff_t end = str_find(*rest, STR("\n"), 0);
    struct str one = end < 0 ? *rest : str_n(rest->ptr, (size_t)end);
    *rest = end < 0 ? STR("") : str_n(rest->ptr + end + 1, rest->len - (size_t)end - 1);
    return one;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    struct str rest = str_n((const char *)data, size);
    struct path *path = NULL;
    if (path_compile(a, line(&rest), &path, NULL) != 0) {
        return 0;
    }
    struct str type = line(&rest), query = line(&rest);
    struct wire_pair header = {STR("X-Query"), query};
    struct hook_request request = {.path_fragment = query,
                                   .query = query,
                                   .content_type = type,
                                   .headers = {&header, 1},
                                   .body = rest};
    uint8_t one[32], again[32];
    bool found = dedupe_id(path, &request, one);
    ASSERT(found == dedupe_id(path, &request, again));
    ASSERT(!found || memcmp(one, again, sizeof(one)) == 0);
    return 0;
}
