/* Foreign bytes as a run result, as the recorder takes it: decoded, its steps decompressed and each
 * step result read; and as a bare LZ4 block of any claimed size. */
#include "run_result.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_steps(struct arena *a, struct str blob, size_t size)
{
    struct str steps, step;
    if (steps_decompress(a, blob, size, &steps, NULL) < 0) {
        return;
    }
    ASSERT(steps.len == size);
    while (wire_batch_next(&steps, &step) == 1) {
        struct step_result s;
        (void)!wire_decode(&step_result_message, a, step, &s, NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena_free) struct arena *a = arena_new(0, MIB(16));
    struct str bytes = str_n((const char *)data, size);
    struct run_result r;
    if (wire_decode(&run_result_message, a, bytes, &r, NULL) == 0) {
        read_steps(a, r.steps, r.steps_size);
    }
    if (size >= 4) {
        uint32_t claimed;
        memcpy(&claimed, data, sizeof(claimed));
        read_steps(a, str_n(bytes.ptr + 4, size - 4), claimed);
        read_steps(a, str_n(bytes.ptr + 4, size - 4), claimed % 4096);
    }
    return 0;
}
