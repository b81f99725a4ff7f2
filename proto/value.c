/* The tables of large values, and the arithmetic and packing of their chunks. Any thread; no state.
 * Unpacking refuses every size but the one that the chunk's place in the value gives. */
#include "value.h"

#include "subjects.h"

#include <lz4.h>

#define SUBJECT_MAX_BYTES 200

static const struct wire_field value_chunk_fields[] = {
    WIRE_FIELD(1, struct value_chunk, execution_id, WIRE_UUID, 0),
    WIRE_FIELD(2, struct value_chunk, organization_id, WIRE_UUID, 0),
    WIRE_FIELD(3, struct value_chunk, instance_id, WIRE_UUID, 0),
    WIRE_FIELD(4, struct value_chunk, value_id, WIRE_UUID, 0),
    WIRE_FIELD(5, struct value_chunk, attempt, WIRE_U32, 0),
    WIRE_FIELD(6, struct value_chunk, number, WIRE_U32, 0),
    WIRE_FIELD(7, struct value_chunk, size, WIRE_U64, 0),
    WIRE_FIELD(8, struct value_chunk, content_type, WIRE_STR, VALUE_TYPE_MAX),
    WIRE_FIELD(9, struct value_chunk, raw_at, WIRE_U64, 0),
    WIRE_FIELD(10, struct value_chunk, raw_size, WIRE_U64, 0),
    WIRE_FIELD(11, struct value_chunk, data, WIRE_STR, VALUE_CHUNK_BYTES),
    WIRE_FIELD(12, struct value_chunk, data_size, WIRE_U32, 0),
    WIRE_FIELD(13, struct value_chunk, answer_to, WIRE_STR, SUBJECT_MAX_BYTES),
    {0},
};
const struct wire_message value_chunk_message = {
    .name = "value_chunk",
    .version = 1,
    .size = sizeof(struct value_chunk),
    .fields = value_chunk_fields,
};

static const struct wire_field value_answer_fields[] = {
    WIRE_FIELD(1, struct value_answer, value_id, WIRE_UUID, 0),
    WIRE_FIELD(2, struct value_answer, number, WIRE_U32, 0),
    WIRE_FIELD(3, struct value_answer, outcome, WIRE_U32, 0),
    {0},
};
const struct wire_message value_answer_message = {
    .name = "value_answer",
    .version = 1,
    .size = sizeof(struct value_answer),
    .fields = value_answer_fields,
};

static const struct wire_field value_read_fields[] = {
    WIRE_FIELD(1, struct value_read, execution_id, WIRE_UUID, 0),
    WIRE_FIELD(2, struct value_read, value_id, WIRE_UUID, 0),
    WIRE_FIELD(3, struct value_read, number, WIRE_U32, 0),
    {0},
};
const struct wire_message value_read_message = {
    .name = "value_read",
    .version = 1,
    .size = sizeof(struct value_read),
    .fields = value_read_fields,
};

static const struct wire_field value_part_fields[] = {
    WIRE_FIELD(1, struct value_part, found, WIRE_BOOL, 0),
    WIRE_FIELD(2, struct value_part, data, WIRE_STR, VALUE_CHUNK_BYTES),
    WIRE_FIELD(3, struct value_part, data_size, WIRE_U32, 0),
    {0},
};
const struct wire_message value_part_message = {
    .name = "value_part",
    .version = 1,
    .size = sizeof(struct value_part),
    .fields = value_part_fields,
};

static const struct wire_field value_ref_fields[] = {
    WIRE_FIELD(1, struct value_ref, value_id, WIRE_UUID, 0),
    {0},
};
const struct wire_message value_ref_message = {
    .name = "value_ref",
    .version = 1,
    .size = sizeof(struct value_ref),
    .fields = value_ref_fields,
};

uint32_t value_n_chunks(uint64_t size)
{
    return (uint32_t)((MIN(size, VALUE_MAX_BYTES) + VALUE_CHUNK_BYTES - 1) / VALUE_CHUNK_BYTES);
}

size_t value_chunk_size(uint64_t size, uint32_t number)
{
    uint64_t at = (uint64_t)number * VALUE_CHUNK_BYTES;
    return at < size ? (size_t)MIN(size - at, VALUE_CHUNK_BYTES) : 0;
}

bool value_chunk_valid(const struct value_chunk *c)
{
    size_t size = value_chunk_size(c->size, c->number);
    return c->size > 0 && c->size <= VALUE_MAX_BYTES && size > 0 && c->raw_at <= c->size &&
           c->raw_size <= c->size - c->raw_at && c->answer_to.len > 0 &&
           (c->data_size ? c->data_size == size && c->data.len < size : c->data.len == size);
}

void value_pack(struct str plain, struct buf *to, struct str *ret_data, uint32_t *ret_data_size)
{
    size_t room = plain.len - plain.len / 8;
    char *at = plain.len <= VALUE_CHUNK_BYTES ? buf_reserve(to, room) : NULL;
    int len = at ? LZ4_compress_default(plain.ptr, at, (int)plain.len, (int)room) : 0;
    *ret_data = len > 0 ? str_n(at, (size_t)len) : plain;
    *ret_data_size = len > 0 ? (uint32_t)plain.len : 0;
    to->len += (size_t)MAX(len, 0);
}

int value_unpack(struct str data, uint32_t data_size, size_t size, struct buf *to,
                 struct str *ret_plain, struct err *err)
{
    if (data_size == 0 && data.len == size) {
        *ret_plain = data;
        return 0;
    }
    char *at = data_size == size && size <= VALUE_CHUNK_BYTES && data.len < size
                   ? buf_reserve(to, size)
                   : NULL;
    if (!at || LZ4_decompress_safe(data.ptr, at, (int)data.len, (int)size) != (int)size) {
        return err_set(err, -EINVAL, "value.malformed", "A chunk of a large value is malformed.");
    }
    to->len += size;
    *ret_plain = str_n(at, size);
    return 0;
}
