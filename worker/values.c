/* Owns nothing that lasts: an upload has its subscription to answers for as long as it takes. On
 * slot threads. It keeps one chunk in memory; what is read back is gathered in a file. */
#include "values.h"

#include "clock.h"
#include "subjects.h"

#define WINDOW    4
#define RESEND_NS (3 * NS_PER_SEC)
#define ASK_MS    3000
#define AGAIN_NS  (200 * NS_PER_MS)

/* --- storing ---------------------------------------------------------------------------------- */

static int publish(void *ctx, struct str chunk)
{
    return bus_publish(ctx, SUBJECT_VALUE, chunk);
}

static void on_answer(void *ctx, struct bus_message *m)
{
    value_sender_answer(ctx, bus_message_data(m));
}

int values_put(struct bus *bus, const struct value *value, int64_t deadline_ns, int64_t stall_ns,
               struct err *err)
{
    char id[UUID_TEXT_LEN + 1], answer_to[sizeof(SUBJECT_VALUE_ANSWER) + UUID_TEXT_LEN + 2];
    uuid_format(&value->value_id, id);
    (void)snprintf(answer_to, sizeof(answer_to), SUBJECT_VALUE_ANSWER ".%s", id);
    AUTO(value_sender_free)
    struct value_sender *s =
        value_sender_new(&(struct value_sender_options){.ctx = bus,
                                                        .publish = publish,
                                                        .answer_to = answer_to,
                                                        .window = WINDOW,
                                                        .resend_ns = RESEND_NS},
                         value);
    struct bus_sub *sub = NULL;
    int rc = bus_subscribe(bus, answer_to, NULL, on_answer, s, &sub);
    if (rc < 0) {
        return err_set(err, rc, "value.unreachable", "the bus is away");
    }
    rc = value_sender_run(s, deadline_ns, stall_ns, err);
    bus_sub_free(sub);
    return rc;
}

/* --- reading back ----------------------------------------------------------------------------- */

static int ask(struct bus *bus, const struct value_read *what, int64_t deadline_ns,
               struct bus_message **ret_reply, struct err *err)
{
    AUTO(buf_done) struct buf message = {0};
    buf_init(&message, KIB(1));
    wire_encode(&value_read_message, what, &message);
    while (clock_mono_ns() < deadline_ns) {
        if (bus_request(bus, SUBJECT_VALUE_READ, buf_str(&message), ASK_MS, ret_reply) == 0) {
            return 0;
        }
        clock_wait_ns(AGAIN_NS);
    }
    return err_set(err, -ETIMEDOUT, "value.unreachable",
                   "a large result could not be read: the control plane did not answer in time");
}

static int read_chunk(struct bus *bus, const struct value_read *what, size_t size, struct spill *to,
                      int64_t deadline_ns, struct buf *scratch, struct err *err)
{
    AUTO(arena_free) struct arena *a = arena_new(KIB(1), 0);
    struct bus_message *reply = NULL;
    struct value_part part;
    struct str plain;
    int rc = ask(bus, what, deadline_ns, &reply, err);
    if (rc < 0) {
        return rc;
    }
    buf_clear(scratch);
    rc = wire_decode(&value_part_message, a, bus_message_data(reply), &part, err);
    if (rc == 0 && !part.found) {
        rc = err_set(err, -ENOENT, "value.gone", "a large result is not stored any more");
    }
    if (rc == 0) {
        rc = value_unpack(part.data, part.data_size, size, scratch, &plain, err);
    }
    if (rc == 0 && !spill_add_str(to, plain)) {
        rc = spill_error(to, err);
    }
    bus_message_free(reply);
    return rc;
}

int values_get(struct bus *bus, const struct uuid *execution_id, const struct uuid *value_id,
               uint64_t size, int64_t deadline_ns, struct spill_set *spills, struct arena *a,
               struct str *ret, struct err *err)
{
    struct value_read what = {.execution_id = *execution_id, .value_id = *value_id};
    AUTO(buf_done) struct buf scratch = {0};
    AUTO(spill_done) struct spill whole = SPILL_NONE;
    int rc = 0;
    buf_init(&scratch, VALUE_CHUNK_BYTES);
    if (size == 0 || size > VALUE_MAX_BYTES) {
        return err_set(err, -EINVAL, "value.malformed", "a large result has an impossible size");
    }
    spill_begin(&whole, spills, (size_t)size);
    for (uint32_t n = value_n_chunks(size); what.number < n && rc == 0; what.number++) {
        rc = read_chunk(bus, &what, value_chunk_size(size, what.number), &whole, deadline_ns,
                        &scratch, err);
    }
    return rc < 0 ? rc : spill_end(&whole, a, ret, err);
}
