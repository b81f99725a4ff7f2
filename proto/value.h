/* Large values: step results and synchronous answers that are too large for a message. The worker
 * sends them ahead in chunks, the control plane stores these, and what is recorded names the value
 * by its id. A value is never whole in a message, and need not be whole in memory.
 * Chunks are requests on leat.value; the answer goes to a subject that the chunk names, so that
 * several can be under way. Sending a chunk again is harmless. */
#pragma once

#include "wire.h"

#define VALUE_CHUNK_BYTES MIB(1)   /* of every chunk but the last, before packing */
#define VALUE_MAX_BYTES   MIB(500) /* of a value */
#define VALUES_OF_RUN_MAX 10000
#define VALUES_BYTES_MAX  (INT64_C(2) << 30) /* of all values of an execution */
#define VALUE_TYPE_MAX    KIB(1)

struct value_chunk {
    struct uuid execution_id, organization_id, instance_id, value_id;
    uint32_t attempt;
    uint32_t number;         /* from 0 */
    uint64_t size;           /* of the whole value */
    struct str content_type; /* of its raw bytes */
    uint64_t raw_at;         /* a caller gets these of its bytes, without what is around them */
    uint64_t raw_size;       /* 0 = there are none */
    struct str data;
    uint32_t data_size; /* 0 = plain, else data is an LZ4 block of so many bytes */
    struct str answer_to;
};
extern const struct wire_message value_chunk_message;

enum value_outcome {
    VALUE_NONE,
    VALUE_STORED,
    VALUE_LATE,    /* the execution has ended, or another attempt has taken it over */
    VALUE_FULL,    /* with it the execution would have more than VALUES_BYTES_MAX */
    VALUE_REFUSED, /* it cannot be stored as it is */
    _VALUE_OUTCOME_N
};
struct value_answer {
    struct uuid value_id;
    uint32_t number;
    uint32_t outcome; /* enum value_outcome */
};
extern const struct wire_message value_answer_message;

/* On leat.value.read; the reply is a value_part. */
struct value_read {
    struct uuid execution_id, value_id;
    uint32_t number;
};
extern const struct wire_message value_read_message;
struct value_part {
    bool found;
    struct str data; /* as in a chunk */
    uint32_t data_size;
};
extern const struct wire_message value_part_message;

/* A value that a result names; results keep what they name. */
struct value_ref {
    struct uuid value_id;
};
extern const struct wire_message value_ref_message;

uint32_t value_n_chunks(uint64_t size);
size_t value_chunk_size(uint64_t size, uint32_t number); /* before packing; 0 = no such chunk */
/* Whether its numbers fit together; what comes over the wire is asked first. */
bool value_chunk_valid(const struct value_chunk *chunk);
/* Packs into `to` where that saves an eighth: *ret_data is then in it, else it is `plain`. */
void value_pack(struct str plain, struct buf *to, struct str *ret_data, uint32_t *ret_data_size);
/* The plain bytes of a chunk, which are to be `size`: borrowed from data, or in `to`. */
int value_unpack(struct str data, uint32_t data_size, size_t size, struct buf *to,
                 struct str *ret_plain, struct err *err) must_check;
