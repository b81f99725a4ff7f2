/* Owns the window of one upload: which chunks are under way, since when, and which are stored. The
 * sending thread runs value_sender_run; answers come on a thread of the bus. Memory is that of one
 * chunk, plain, packed and encoded, whatever the size of the value: a chunk that is sent again is
 * made again. */
#include "value_sender.h"

#include <pthread.h>

#include "clock.h"

#define WINDOW_MAX   16
#define NOT_SENT_NS  (200 * NS_PER_MS) /* after a publish that failed */
#define MESSAGE_ROOM KIB(8)            /* of a chunk's message besides its data */

struct under_way {
    bool busy;
    uint32_t number;
    int64_t again_ns; /* when it is sent again */
};

struct value_sender {
    struct value_sender_options options;
    struct value value;
    uint32_t n_chunks;
    struct buf plain, packed, message; /* the sending thread's */
    pthread_mutex_t lock;              /* guards what follows */
    pthread_cond_t answered;
    struct under_way window[WINDOW_MAX];
    uint32_t next, n_stored;
    enum value_outcome refusal; /* VALUE_NONE = none */
    int64_t heard_ns;           /* of the last answer */
};

struct value_sender *value_sender_new(const struct value_sender_options *options,
                                      const struct value *value)
{
    struct value_sender *s = mem_new(struct value_sender);
    s->options = *options;
    s->options.window = MAX(1, MIN(options->window, WINDOW_MAX));
    s->value = *value;
    s->n_chunks = value_n_chunks(value->size);
    buf_init(&s->plain, VALUE_CHUNK_BYTES);
    buf_init(&s->packed, VALUE_CHUNK_BYTES);
    buf_init(&s->message, VALUE_CHUNK_BYTES + MESSAGE_ROOM);
    ASSERT(pthread_mutex_init(&s->lock, NULL) == 0);
    clock_cond_init(&s->answered);
    return s;
}

struct value_sender *value_sender_free(struct value_sender *s)
{
    if (s) {
        buf_done(&s->plain);
        buf_done(&s->packed);
        buf_done(&s->message);
        pthread_cond_destroy(&s->answered);
        pthread_mutex_destroy(&s->lock);
        mem_free(s);
    }
    return NULL;
}

void value_sender_answer(struct value_sender *s, struct str answer)
{
    AUTO(arena_free) struct arena *a = arena_new(KIB(1), 0);
    struct value_answer what;
    if (wire_decode(&value_answer_message, a, answer, &what, NULL) < 0 ||
        !uuid_eq(&what.value_id, &s->value.value_id) || what.outcome == VALUE_NONE ||
        what.outcome >= _VALUE_OUTCOME_N) {
        return;
    }
    pthread_mutex_lock(&s->lock);
    for (int i = 0; i < s->options.window; i++) {
        struct under_way *w = &s->window[i];
        if (w->busy && w->number == what.number) { /* a second answer finds none */
            w->busy = false;
            s->heard_ns = clock_mono_ns();
            if (what.outcome == VALUE_STORED) {
                s->n_stored++;
            } else {
                s->refusal = (enum value_outcome)what.outcome;
            }
            pthread_cond_signal(&s->answered);
        }
    }
    pthread_mutex_unlock(&s->lock);
}

/* The plain bytes of a chunk: borrowed where one piece has them all. */
static struct str gather(struct value_sender *s, uint32_t number)
{
    uint64_t at = (uint64_t)number * VALUE_CHUNK_BYTES;
    size_t size = value_chunk_size(s->value.size, number);
    buf_clear(&s->plain);
    for (size_t i = 0; i < s->value.n_pieces && s->plain.len < size; i++) {
        struct str piece = s->value.pieces[i];
        if (at >= piece.len) {
            at -= piece.len;
            continue;
        }
        size_t take = MIN(piece.len - at, size - s->plain.len);
        if (take == size) {
            return str_n(piece.ptr + at, take);
        }
        buf_add(&s->plain, piece.ptr + at, take);
        at = 0;
    }
    return buf_str(&s->plain);
}

static int send(struct value_sender *s, uint32_t number)
{
    const struct value *v = &s->value;
    struct value_chunk chunk = {.execution_id = v->execution_id,
                                .organization_id = v->organization_id,
                                .instance_id = v->instance_id,
                                .value_id = v->value_id,
                                .attempt = v->attempt,
                                .number = number,
                                .size = v->size,
                                .content_type = str_of(v->content_type),
                                .raw_at = v->raw_at,
                                .raw_size = v->raw_size,
                                .answer_to = str_of(s->options.answer_to)};
    chunk.content_type.len = MIN(chunk.content_type.len, VALUE_TYPE_MAX);
    buf_clear(&s->packed);
    buf_clear(&s->message);
    value_pack(gather(s, number), &s->packed, &chunk.data, &chunk.data_size);
    wire_encode(&value_chunk_message, &chunk, &s->message);
    ASSERT(!s->message.full);
    return s->options.publish(s->options.ctx, buf_str(&s->message));
}

static int refused(enum value_outcome outcome, struct err *err)
{
    switch (outcome) {
    case VALUE_NONE:
    case VALUE_STORED:
        return 0;
    case VALUE_LATE:
        return err_set(err, -ESTALE, "value.late",
                       "the execution was taken over by another worker or has ended");
    case VALUE_FULL:
        return err_set(err, -EFBIG, "value.full",
                       "the large results of the execution are more than the maximum of %lld GB",
                       (long long)(VALUES_BYTES_MAX >> 30));
    case VALUE_REFUSED:
    case _VALUE_OUTCOME_N:
        break;
    }
    return err_set(err, -EIO, "value.refused", "the control plane could not store it");
}

/* Under the lock: what is to be sent now, NULL = nothing; *ret_until = when to look again. */
static struct under_way *due(struct value_sender *s, int64_t now, int64_t *ret_until)
{
    for (int i = 0; i < s->options.window; i++) {
        struct under_way *w = &s->window[i];
        if (!w->busy && s->next < s->n_chunks) {
            *w = (struct under_way){.busy = true, .number = s->next++};
            return w;
        }
        if (w->busy && w->again_ns <= now) {
            return w;
        }
        if (w->busy) {
            *ret_until = MIN(*ret_until, w->again_ns);
        }
    }
    return NULL;
}

/* Under the lock, which is let go meanwhile. */
static void send_one(struct value_sender *s, struct under_way *w)
{
    uint32_t number = w->number;
    w->again_ns = clock_mono_ns() + s->options.resend_ns;
    pthread_mutex_unlock(&s->lock);
    int rc = send(s, number);
    pthread_mutex_lock(&s->lock);
    if (rc < 0 && w->busy && w->number == number) {
        w->again_ns = clock_mono_ns() + NOT_SENT_NS;
    }
}

int value_sender_run(struct value_sender *s, int64_t deadline_ns, int64_t stall_ns, struct err *err)
{
    int rc = 0;
    pthread_mutex_lock(&s->lock);
    s->heard_ns = clock_mono_ns();
    while (s->n_stored < s->n_chunks && s->refusal == VALUE_NONE && rc == 0) {
        int64_t now = clock_mono_ns(), until = MIN(deadline_ns, s->heard_ns + stall_ns);
        if (now >= until) {
            rc = err_set(err, -ETIMEDOUT, "value.unreachable",
                         "the control plane did not store it in time");
            break;
        }
        struct under_way *w = due(s, now, &until);
        if (w) {
            send_one(s, w);
        } else {
            struct timespec ts = clock_timespec(until);
            (void)pthread_cond_timedwait(&s->answered, &s->lock, &ts);
        }
    }
    if (rc == 0) {
        rc = refused(s->refusal, err);
    }
    pthread_mutex_unlock(&s->lock);
    return rc;
}
