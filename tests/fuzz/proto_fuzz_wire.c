/* Foreign bytes as every message (the first byte chooses) and as a batch. What decodes must encode
 * to a form that decodes and encodes to itself. */
#include "checkpoint.h"
#include "definition_fetch.h"
#include "presence.h"
#include "run_request.h"
#include "run_result.h"
#include "value.h"
#include "wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct wire_message *const messages[] = {
    &definition_fetch_message, &fetched_flow_message,     &fetched_instance_message,
    &state_fetch_message,      &state_part_message,       &presence_message,
    &presence_run_message,     &hook_request_message,     &run_request_message,
    &run_result_message,       &result_log_message,       &result_state_message,
    &step_result_message,      &sync_reply_message,       &checkpoint_message,
    &checkpoint_read_message,  &checkpoint_parts_message, &value_ref_message,
    &value_chunk_message,      &value_answer_message,     &value_read_message,
    &value_part_message,
};

static void check_message(const struct wire_message *m, struct str bytes)
{
    AUTO(arena_free) struct arena *a = arena_new(0, MIB(16));
    AUTO(buf_done) struct buf one, two;
    buf_init(&one, 0);
    buf_init(&two, 0);
    _Alignas(16) char value[512], again[512];
    struct err err = {0};
    if (wire_decode(m, a, bytes, value, &err) < 0) {
        ASSERT(err.code[0]);
        return;
    }
    wire_encode(m, value, &one);
    ASSERT(!one.full);
    ASSERT(wire_decode(m, a, buf_str(&one), again, NULL) == 0);
    wire_encode(m, again, &two);
    ASSERT(str_eq(buf_str(&one), buf_str(&two)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct str bytes = str_n((const char *)data + 1, size - 1), message;
    const struct wire_message *m = messages[data[0] % ARRAY_LEN(messages)];
    check_message(m, bytes);
    size_t total = 0;
    while (wire_batch_next(&bytes, &message) == 1) {
        total += message.len;
        check_message(m, message);
    }
    ASSERT(total <= size);
    return 0;
}
