/* Subjects, streams and consumers: one table, created or updated by the control plane at start. */
#pragma once

#include "base.h"

#define SUBJECT_RUN             "leat.run" /* + "." + pool; JetStream LEAT_RUN, work queue */
#define SUBJECT_BULK            ".bulk"    /* leat.run.pool + this: of customers over their share */
#define SUBJECT_RESULT          "leat.result"     /* JetStream LEAT_RESULT, work queue */
#define SUBJECT_DEFINITION      "leat.definition" /* request/reply, queue group */
#define SUBJECT_STATE           "leat.state"      /* request/reply, queue group */
#define SUBJECT_CHECKPOINT      "leat.checkpoint" /* request/reply, queue group */
#define SUBJECT_CHECKPOINT_READ "leat.checkpoint.read"
#define SUBJECT_VALUE           "leat.value"        /* request, queue group; answers: */
#define SUBJECT_VALUE_ANSWER    "leat.value.answer" /* + "." + value id */
#define SUBJECT_VALUE_READ      "leat.value.read"   /* request/reply, queue group */
#define SUBJECT_PRESENCE        "leat.presence"     /* core */
#define SUBJECT_PROGRESS        "leat.progress"     /* core, queue group: test runs */
#define SUBJECT_FEED            "leat.feed" /* + "." + organization id; core: what is recorded of it */
#define SUBJECT_FOLLOW          "leat.follow" /* core: ids of organizations that somebody follows */
#define SUBJECT_REPLY           "leat.reply" /* + "." + replica id: answers to waiting connections */
#define STREAM_RUN              "LEAT_RUN"
#define STREAM_RESULT           "LEAT_RESULT"
#define CONSUMER_RUN            "run"  /* + "-" + pool */
#define CONSUMER_BULK           "bulk" /* + "-" + pool */
#define CONSUMER_RESULT         "recorder"
#define MESSAGE_MAX_BYTES       (7 * 1024 * 1024) /* below max_payload of 8 MB: one 6 MB body fits */
#define BATCH_TARGET_BYTES      (256 * 1024)      /* a batch is closed when it is over this */
#define BATCH_MAX_RUNS          64

struct stream_spec {
    const char *name;
    const char *subjects; /* one, may end in .> */
    bool in_memory;       /* else on file */
    int64_t max_bytes;
    int64_t duplicate_window_ms;
};
extern const struct stream_spec stream_specs[]; /* ended by {0} */
