/* Runs one flow once: from a run request and its instance to an encoded run result. Linear blocking
 * C on the caller's (slot's) thread; what it needs of the worker comes through engine_env. */
#pragma once

#include "checkpoint.h"
#include "definitions/instance.h"
#include "run_request.h"
#include "run_result.h"
#include "spill.h"
#include "value_sender.h"

#define RUN_DEADLINE_MS      (15 * 60 * 1000)
#define RUN_MEMORY_MAX       MIB(256) /* values of one run */
#define RUN_STEP_RESULTS_MAX 10000
#define RUN_STEP_BYTES_MAX   MIB(64) /* step results before compression */
#define RUN_LOG_LINES_MAX    10000
#define RUN_LOG_LINE_MAX     4096 /* characters */
#define RUN_LOG_BYTES_MAX    MIB(1)
#define RUN_STATE_MAX        STATE_MAX_BYTES                /* all stores together */
#define RUN_RESULT_MAX       (6 * 1024 * 1024 + 512 * 1024) /* one message */
#define SYNC_REPLY_MAX       MIB(5) /* in one message; larger answers are stored */
#define RUN_VALUE_MIN        MIB(1) /* step results larger than this are stored apart */

struct engine_memory;
struct http_client;

struct engine_env {
    void *ctx; /* the slot's */
    /* Waits are marked, so that another slot can compute meanwhile. */
    void (*block_begin)(void *ctx);
    void (*block_end)(void *ctx);
    /* Reads a store whole into the arena, "" = empty, and tells how many bytes the instance's other
     * stores have. Blocks until deadline_ns (monotonic). */
    int (*state_fetch)(void *ctx, const struct state_fetch *what, int64_t deadline_ns,
                       struct arena *a, struct str *ret_store, uint64_t *ret_elsewhere,
                       struct err *err);
    /* Sends a part of a store that is too large for the result. */
    int (*state_put)(void *ctx, const struct state_fetch *part, int64_t deadline_ns,
                     struct err *err);
    /* Stores step results of the run, for a later attempt; blocks until deadline_ns. -ESTALE:
     * another attempt has taken over. NULL: none are stored. */
    int (*checkpoint)(void *ctx, const struct checkpoint *part, int64_t deadline_ns,
                      struct err *err);
    /* Reads what earlier attempts have stored, from what->first on; points into the arena. */
    int (*checkpoint_read)(void *ctx, const struct checkpoint_read *what, int64_t deadline_ns,
                           struct arena *a, struct checkpoint_parts *ret, struct err *err);
    /* Stores a large value; errors as value_sender_run. NULL: none are stored. */
    int (*value_put)(void *ctx, const struct value *value, int64_t deadline_ns, int64_t stall_ns,
                     struct err *err);
    /* Reads one back, into the set or the arena. */
    int (*value_get)(void *ctx, const struct uuid *execution_id, const struct uuid *value_id,
                     uint64_t size, int64_t deadline_ns, struct spill_set *spills, struct arena *a,
                     struct str *ret, struct err *err);
    /* Sends an encoded sync_reply; a caller that has gone is no error. */
    void (*reply)(void *ctx, const char *subject, struct str data);
    /* Sends an encoded run_progress of a test run; NULL = nobody is told. */
    void (*progress)(void *ctx, struct str data);
    struct http_client *(*http)(void *ctx);
    int64_t run_ms;                /* 0 = RUN_DEADLINE_MS */
    struct spill_disk *spill_disk; /* for large values; NULL = they stay in memory */
};

/* What a slot keeps between runs: arenas and buffers that shrink back when a run was large. */
struct engine_memory *engine_memory_new(void);
struct engine_memory *engine_memory_free(struct engine_memory *m); /* accepts NULL; returns NULL */

/* Appends the encoded run_result to `to`. Whatever happens to the flow, there is a result.
 * `instance` NULL: the run fails with `why`. */
void engine_run(struct engine_memory *m, const struct engine_env *env,
                const struct run_request *request, const struct instance *instance,
                const struct err *why, struct buf *to);
