/* Foreign bytes as the stored answer of a trigger: whatever comes out may be sent. */
#include "hooks/hook_reply.h"
#include "http/reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    struct hook_reply r;
    if (hook_reply_parse(a, str_n((const char *)data, size), &r, NULL) == 0) {
        AUTO(reply_done) struct reply reply;
        reply_init(&reply);
        ASSERT(r.status >= 200 && r.status <= 599);
        ASSERT(r.n_headers <= HOOK_REPLY_MAX_HEADERS);
        ASSERT(reply_content_type(&reply, r.content_type));
        for (size_t i = 0; i < r.n_headers; i++) {
            ASSERT(reply_header(&reply, r.headers[i].name, r.headers[i].value));
        }
    }
    return 0;
}
