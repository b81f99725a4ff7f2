/* The tables of a worker's sign of life. Only data; any thread. */
#include "presence.h"

#define POOL_MAX_BYTES 200
#define RUNS_MAX       2000

static const struct wire_field presence_run_fields[] = {
    WIRE_FIELD(1, struct presence_run, execution_id, WIRE_UUID, 0),
    WIRE_FIELD(2, struct presence_run, attempt, WIRE_U32, 0),
    {0},
};
const struct wire_message presence_run_message = {
    .name = "presence_run",
    .version = 1,
    .size = sizeof(struct presence_run),
    .fields = presence_run_fields,
};

static const struct wire_field presence_fields[] = {
    WIRE_FIELD(1, struct presence, worker_id, WIRE_UUID, 0),
    WIRE_FIELD(2, struct presence, pool, WIRE_STR, POOL_MAX_BYTES),
    WIRE_FIELD(3, struct presence, slots_busy, WIRE_U32, 0),
    WIRE_FIELD(4, struct presence, slots, WIRE_U32, 0),
    WIRE_FIELD(5, struct presence, queued, WIRE_U32, 0),
    WIRE_FIELD(6, struct presence, draining, WIRE_BOOL, 0),
    WIRE_FIELDS_OF(7, struct presence, runs, &presence_run_message, RUNS_MAX),
    {0},
};
const struct wire_message presence_message = {
    .name = "presence",
    .version = 1,
    .size = sizeof(struct presence),
    .fields = presence_fields,
};
