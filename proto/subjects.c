/* The table of streams. Both are work queues on file that refuse new messages when full, so that a
 * publisher learns it and PostgreSQL stays the place where work waits. */
#include "subjects.h"

const struct stream_spec stream_specs[] = {
    {
        .name = STREAM_RUN,
        .subjects = SUBJECT_RUN ".>",
        .max_bytes = (int64_t)1024 * 1024 * 1024,
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
