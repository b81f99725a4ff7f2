/* Foreign bytes as a batch of run requests, as a worker takes it: each with its sender's request.
 */
#include "run_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile uint8_t seen;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str batch = str_n((const char *)data, size), message;
    while (wire_batch_next(&batch, &message) == 1) {
        AUTO(arena_free) struct arena *a = arena_new(0, MIB(16));
        struct run_request r;
        struct hook_request h;
        if (wire_decode(&run_request_message, a, message, &r, NULL) < 0 ||
            hook_request_decode(a, r.request, &h, NULL) < 0) {
            continue;
        }
        /* Every byte it points to can be read. */
        uint8_t sum = 0;
        for (size_t i = 0; i < h.body.len; i++) {
            sum ^= (uint8_t)h.body.ptr[i];
        }
        for (size_t i = 0; i < h.headers.n; i++) {
            struct str value = h.headers.items[i].value;
            sum ^= (uint8_t)(value.len ? value.ptr[value.len - 1] : 0);
        }
        ASSERT(h.headers.n <= 1000);
        seen = sum; /* so that the reads stay */
    }
    return 0;
}
