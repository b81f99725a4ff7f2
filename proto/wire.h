/* The encoding of messages between processes: a version byte, then fields as (id, type, value) so
 * that a reader one release older or newer works. Unknown fields are ignored, unknown versions
 * refused. A message's struct is described by one table of fields; encode and decode walk it. */
#pragma once

#include "err.h"
#include "str.h"
#include "uuid.h"

enum wire_type {
    WIRE_U64,   /* uint64_t, varint */
    WIRE_I64,   /* int64_t, zigzag varint */
    WIRE_BOOL,  /* bool */
    WIRE_U32,   /* uint32_t, varint */
    WIRE_STR,   /* struct str: bytes, borrowed from the message on decode */
    WIRE_UUID,  /* struct uuid */
    WIRE_PAIRS, /* struct wire_pairs */
    WIRE_LIST,  /* struct wire_list: nested messages, one table */
};
struct wire_pair {
    struct str name, value;
};
struct wire_pairs {
    struct wire_pair *items;
    size_t n;
};
struct wire_list {
    void *items; /* array of structs of item_size */
    size_t n;
};
struct wire_field {
    uint32_t id; /* 1.., never reused; ascending in the table */
    enum wire_type type;
    size_t offset;
    size_t max;                         /* bytes of STR, entries of PAIRS and LIST */
    const struct wire_message *message; /* LIST */
    const char *name;
};
struct wire_message {
    const char *name;
    uint8_t version;
    size_t size;                     /* of the struct */
    const struct wire_field *fields; /* ended by {0} */
};
/* One line of a table: WIRE_FIELD(1, struct x, name, WIRE_STR, 200); max is 0 where it means
 * nothing. WIRE_FIELDS_OF is the same for a list of nested messages. */
#define WIRE_FIELD(number, type_, member, wire, limit)                                             \
    {                                                                                              \
        .id = (number), .type = (wire), .offset = offsetof(type_, member), .max = (limit),         \
        .name = #member                                                                            \
    }
#define WIRE_FIELDS_OF(number, type_, member, nested, limit)                                       \
    {                                                                                              \
        .id = (number), .type = WIRE_LIST, .offset = offsetof(type_, member), .max = (limit),      \
        .message = (nested), .name = #member                                                       \
    }

/* Appends. Zero values, empty strings and empty lists are left out. A value over its field's max
 * sets to->full and adds nothing, as running out of the buffer does. */
void wire_encode(const struct wire_message *m, const void *value, struct buf *to);
/* Strings point into `bytes`; arrays are in the arena. Fields absent are zero.
 * -EINVAL "wire.malformed" | "wire.version" | "wire.too_large". */
int wire_decode(const struct wire_message *m, struct arena *a, struct str bytes, void *ret_value,
                struct err *err) must_check;

/* A batch: messages one after another, each with a varint length before it. */
void wire_batch_add(struct buf *to, struct str message);
/* Steps through: *rest starts as the whole batch. 1 = a message, 0 = the end, -EINVAL malformed. */
int wire_batch_next(struct str *rest, struct str *ret_message) must_check;
