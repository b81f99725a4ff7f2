/* The tables of checkpoints. Only data; any thread. */
#include "checkpoint.h"

#include "subjects.h"

#define PARTS_MAX 1000

static const struct wire_field checkpoint_fields[] = {
    WIRE_FIELD(1, struct checkpoint, execution_id, WIRE_UUID, 0),
    WIRE_FIELD(2, struct checkpoint, organization_id, WIRE_UUID, 0),
    WIRE_FIELD(3, struct checkpoint, attempt, WIRE_U32, 0),
    WIRE_FIELD(4, struct checkpoint, first, WIRE_U32, 0),
    WIRE_FIELD(5, struct checkpoint, n_steps, WIRE_U32, 0),
    WIRE_FIELD(6, struct checkpoint, steps, WIRE_STR, CHECKPOINT_MAX_BYTES),
    WIRE_FIELD(7, struct checkpoint, steps_size, WIRE_U32, 0),
    WIRE_FIELD(8, struct checkpoint, logs, WIRE_STR, CHECKPOINT_MAX_BYTES),
    {0},
};
const struct wire_message checkpoint_message = {
    .name = "checkpoint",
    .version = 1,
    .size = sizeof(struct checkpoint),
    .fields = checkpoint_fields,
};

static const struct wire_field checkpoint_reply_fields[] = {
    WIRE_FIELD(1, struct checkpoint_reply, stored, WIRE_BOOL, 0),
    {0},
};
const struct wire_message checkpoint_reply_message = {
    .name = "checkpoint_reply",
    .version = 1,
    .size = sizeof(struct checkpoint_reply),
    .fields = checkpoint_reply_fields,
};

static const struct wire_field checkpoint_read_fields[] = {
    WIRE_FIELD(1, struct checkpoint_read, execution_id, WIRE_UUID, 0),
    WIRE_FIELD(2, struct checkpoint_read, first, WIRE_U32, 0),
    {0},
};
const struct wire_message checkpoint_read_message = {
    .name = "checkpoint_read",
    .version = 1,
    .size = sizeof(struct checkpoint_read),
    .fields = checkpoint_read_fields,
};

static const struct wire_field checkpoint_parts_fields[] = {
    WIRE_FIELDS_OF(1, struct checkpoint_parts, parts, &checkpoint_message, PARTS_MAX),
    {0},
};
const struct wire_message checkpoint_parts_message = {
    .name = "checkpoint_parts",
    .version = 1,
    .size = sizeof(struct checkpoint_parts),
    .fields = checkpoint_parts_fields,
};
