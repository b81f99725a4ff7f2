/* Log lines. Those of test runs come twice: as they happen and with the result. Each has an id of
 * its own, the same both times, so that it is stored once. */
#pragma once

#include "db.h"
#include "run_result.h"

/* The lines of a message: those of one execution, `first` of which came before. */
struct log_rows {
    struct uuid execution_id, organization_id, instance_id, flow_config_id;
    uint32_t first;
    struct wire_list logs; /* struct result_log */
};
/* UUIDv7 of the line's time: lines sort by it, and lie in the partition of their day. */
struct uuid log_rows_id(const struct uuid *execution_id, uint32_t place, int64_t time_ns);
/* Stores those that are not stored yet. */
int log_rows_insert(struct db *db, struct arena *a, const struct log_rows *rows,
                    struct err *err) must_check;

/* Text that a text column takes: valid UTF-8 without NUL; what is none becomes U+FFFD. */
struct str log_rows_clean(struct arena *a, struct str s);
