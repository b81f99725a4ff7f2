/* A batch of results on its way into PostgreSQL. */
#pragma once

#include "db.h"
#include "run_result.h"

struct batch {
    struct arena *arena; /* borrowed */
    struct run_result *results;
    size_t n, cap;
    /* Queues and customers in which places were freed, in the arena; batch_record fills it. */
    struct uuid *freed;
    size_t n_freed;
};
/* Adds every result of a message (a wire batch). Malformed ones are counted and left out. The
 * message's bytes must outlive the batch. */
void batch_add(struct batch *b, struct str message, uint64_t *ret_malformed);
/* Writes the batch in one transaction; *ret_recorded = rows that were new. <0 when PostgreSQL is
 * away: nothing was kept, try the same batch again. */
int batch_record(struct batch *b, struct db *db, uint64_t *ret_recorded,
                 struct err *err) must_check;
