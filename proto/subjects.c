/* The table of streams. Both are work queues that refuse new messages when full, so that a
 * publisher learns it and PostgreSQL stays the place where work waits. Runs are in memory, since
 * PostgreSQL has them; results are on file, since a lost one means that its run is repeated. */
#include "subjects.h"

const struct stream_spec stream_specs[] = {
    {
        .name = STREAM_RUN,
        .subjects = SUBJECT_RUN ".>",
        .in_memory = true,
        .max_bytes = (int64_t)128 * 1024 * 1024,
        .duplicate_window_ms = 120000,
    },
    {
        .name = STREAM_RESULT,
        .subjects = SUBJECT_RESULT,
        .max_bytes = (int64_t)2 * 1024 * 1024 * 1024,
        .duplicate_window_ms = 120000,
    },
    {0},
};
