/* Bodies of several parts with a boundary that is known, so that parts are found: each is an object
 * with data and a content type. */
#include "request_payload.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > KIB(256)) {
        return 0;
    }
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    struct json body = request_multipart(a, str_n((const char *)data, size),
                                         STR("multipart/form-data; boundary=\"x\""));
    ASSERT(body.type == JSON_OBJECT);
    for (uint32_t i = 0; i < body.len; i++) {
        struct json part = body.members[i].value;
        ASSERT(json_get(part, STR("contentType")).type == JSON_STRING);
        ASSERT(json_get(part, STR("data")).type != JSON_UNDEFINED);
    }
    AUTO(buf_done) struct buf text;
    buf_init(&text, 0);
    json_dump(&text, body);
    return 0;
}
