/* A JSON schema and data for it: the first line of the input is the schema, the rest the data.
 * Whatever comes, it is refused or answered within its bounds, twice the same. */
#include "clock.h"
#include "components/collection_tools/json_schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str all = str_n((const char *)data, size);
    ptrdiff_t line = str_find(all, STR("\n"), 0);
    if (line < 0 || size > KIB(64)) {
        return 0;
    }
    struct json source, value, errors;
    struct err err;
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    AUTO(json_schema_free) struct json_schema *schema = NULL;
    if (json_parse(a, str_n(all.ptr, (size_t)line), &source, NULL) < 0 ||
        json_parse(a, str_n(all.ptr + line + 1, size - (size_t)line - 1), &value, NULL) < 0 ||
        json_schema_new(source, &schema, &err) < 0) {
        return 0;
    }
    int64_t until = clock_mono_ns() + NS_PER_SEC;
    size_t before = arena_used(a);
    if (json_schema_validate(schema, value, a, until, &errors, &err) < 0) {
        ASSERT(err.message[0]);
        return 0;
    }
    ASSERT(arena_used(a) - before <= JSON_SCHEMA_ROOM);
    ASSERT(errors.type == JSON_ARRAY && errors.len <= JSON_SCHEMA_MAX_ERRORS);
    struct json again;
    if (json_schema_validate(schema, value, a, until, &again, &err) == 0) {
        ASSERT(json_equal(errors, again));
    }
    return 0;
}
