/* Sends one large value to the control plane (proto/value.h): a few chunks under way at a time,
 * each again until it is answered. */
#pragma once

#include "value.h"

/* A value as the pieces that make it up, in order; nothing of it is copied as a whole. */
struct value {
    struct uuid execution_id, organization_id, instance_id, value_id;
    uint32_t attempt;
    const char *content_type;
    uint64_t size; /* of all pieces */
    const struct str *pieces;
    size_t n_pieces;
    uint64_t raw_at, raw_size; /* see struct value_chunk */
};

struct value_sender;
struct value_sender_options {
    void *ctx;
    /* Sends an encoded value_chunk; <0: it is tried again. */
    int (*publish)(void *ctx, struct str chunk);
    const char *answer_to; /* the subject of answers; borrowed */
    int window;            /* chunks under way */
    int64_t resend_ns;     /* without an answer */
};
struct value_sender *value_sender_new(const struct value_sender_options *options,
                                      const struct value *value);
struct value_sender *value_sender_free(struct value_sender *s); /* accepts NULL; returns NULL */
/* Any thread: an encoded value_answer. */
void value_sender_answer(struct value_sender *s, struct str answer);
/* Blocks until all is stored (0), until deadline_ns (monotonic) or until nothing was answered for
 * stall_ns (-ETIMEDOUT); -ESTALE: another attempt has taken over; -EFBIG: the execution has too
 * much; -EIO: refused. */
int value_sender_run(struct value_sender *s, int64_t deadline_ns, int64_t stall_ns,
                     struct err *err) must_check;
DEFINE_CLEANUP(struct value_sender *, value_sender_free)
