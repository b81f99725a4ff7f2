/* Where the bytes of a result come from: a run's recorded steps, or the chunks of a large value.
 * Called on a thread with a connection of the API's role. */
#pragma once

#include "db.h"
#include "results/url.h"

struct source {
    uint64_t size;     /* of the result, as it is downloaded */
    uint64_t value_at; /* its first byte in the value */
    uint64_t value_size;
    char *content_type; /* owned */
    struct buf whole;   /* a step's data, complete; empty for values */
};
void source_done(struct source *s);

/* 0; -ENOENT when it is not there (any more), <0 or DB_E_* when PostgreSQL fails. */
int source_open(struct db *db, const struct result_ref *ref, struct source *ret,
                struct err *err) must_check;
/* Appends bytes of the result from `at` on, fewer than `most` where a chunk ends; at least one. */
int source_read(struct db *db, const struct result_ref *ref, const struct source *s, uint64_t at,
                uint64_t most, struct buf *to, struct err *err) must_check;
DEFINE_DONE(struct source, source_done)
