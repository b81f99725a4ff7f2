/* Two texts, with a NUL between them, compared as if they were definitions. */
#include "domain/definition_diff.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    const uint8_t *end = memchr(data, 0, size);
    size_t first = end ? (size_t)(end - data) : size;
    struct json before, after;
    struct definition_diff diff;
    if (definition_tree(a, str_n((const char *)data, first), &before) < 0 ||
        definition_tree(
            a, str_n((const char *)data + MIN(first + 1, size), size - MIN(first + 1, size)),
            &after) < 0) {
        return 0;
    }
    definition_diff(a, before, after, &diff);
    if (diff.n > DIFF_MAX_CHANGES) {
        abort();
    }
    return 0;
}
