/* worker -> control plane request/reply: step results of a run that still goes on, so that a run
 * taken over after a crash does not do again what is done. Parts of one execution follow each
 * other by `first`; together they are its step results, without a gap, up to the last write that
 * was followed by another one. */
#pragma once

#include "wire.h"

/* On leat.checkpoint; the reply is a checkpoint_reply. Sending the same part again is harmless. */
struct checkpoint {
    struct uuid execution_id, organization_id;
    uint32_t attempt;
    uint32_t first;      /* number of step results in the parts before */
    uint32_t n_steps;    /* in this part */
    struct str steps;    /* LZ4 block of a batch of step_result, see run_result.h */
    uint32_t steps_size; /* bytes before compression */
    struct str logs;     /* batch of result_log: the lines since those that were sent before */
};
extern const struct wire_message checkpoint_message;
struct checkpoint_reply {
    bool stored; /* false: another attempt has taken the execution over, or it has ended */
};
extern const struct wire_message checkpoint_reply_message;

/* On leat.checkpoint.read; the reply is a checkpoint_parts. */
struct checkpoint_read {
    struct uuid execution_id;
    uint32_t first; /* step results known already */
};
extern const struct wire_message checkpoint_read_message;
struct checkpoint_parts {
    struct wire_list parts; /* struct checkpoint, ascending, from `first` on; empty = the end */
};
extern const struct wire_message checkpoint_parts_message;

#define CHECKPOINT_MAX_BYTES (6 * 1024 * 1024) /* of compressed steps and logs in a part */
