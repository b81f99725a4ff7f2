/* Bodies of webhook requests: the first line of the input is the content type, the rest the body.
 * Whatever comes, the payload's body is a value that can be dumped. */
#include "request_payload.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str all = str_n((const char *)data, size);
    ptrdiff_t line = str_find(all, STR("\n"), 0);
    if (line < 0 || size > KIB(256)) {
        return 0;
    }
    struct str type = str_n(all.ptr, (size_t)line);
    struct str body = str_n(all.ptr + line + 1, all.len - (size_t)line - 1);
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    AUTO(buf_done) struct buf text;
    buf_init(&text, 0);
    json_dump(&text, request_body(a, body, type));
    return 0;
}
