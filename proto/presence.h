/* worker -> control plane on leat.presence, every PRESENCE_EVERY_MS: I live, and these runs are
 * with me longer than PRESENCE_HELD_MS. It renews the lease of each listed run. */
#pragma once

#include "wire.h"

#define PRESENCE_EVERY_MS 2000
#define PRESENCE_HELD_MS  1500
#define LEASE_MS          10000 /* a listed run not renewed for so long is taken over */

struct presence_run {
    struct uuid execution_id;
    uint32_t attempt;
};
struct presence {
    struct uuid worker_id;
    struct str pool;
    uint32_t slots_busy, slots, queued;
    bool draining;
    struct wire_list
        runs; /* struct presence_run, at most 2000 a message; several messages if more */
};
extern const struct wire_message presence_message;
extern const struct wire_message presence_run_message;
