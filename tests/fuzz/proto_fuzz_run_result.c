/* Foreign bytes as a run result and as progress, as the recorder takes them: decoded, the steps
 * decompressed and each step result read; and as a bare LZ4 block of any claimed size. */
#include "run_progress.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_batch(struct arena *a, struct str steps)
{
    struct str step;
    while (wire_batch_next(&steps, &step) == 1) {
        struct step_result s;
        (void)!wire_decode(&step_result_message, a, step, &s, NULL);
    }
}

static void read_steps(struct arena *a, struct str blob, size_t size)
{
    struct str steps;
    if (steps_decompress(a, blob, size, &steps, NULL) < 0) {
        return;
    }
    ASSERT(steps.len == size);
    read_batch(a, steps);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena_free) struct arena *a = arena_new(0, MIB(16));
    struct str bytes = str_n((const char *)data, size);
    struct run_result r;
    if (wire_decode(&run_result_message, a, bytes, &r, NULL) == 0) {
        read_steps(a, r.steps, r.steps_size);
    }
    struct run_progress p;
    if (wire_decode(&run_progress_message, a, bytes, &p, NULL) == 0) {
        read_batch(a, p.steps);
    }
    if (size >= 4) {
        uint32_t claimed;
        memcpy(&claimed, data, sizeof(claimed));
        read_steps(a, str_n(bytes.ptr + 4, size - 4), claimed);
        read_steps(a, str_n(bytes.ptr + 4, size - 4), claimed % 4096);
    }
    return 0;
}
