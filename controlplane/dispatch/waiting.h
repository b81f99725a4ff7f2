/* The events that are accepted and not yet published, first in, first out: with their encoded run
 * request while a byte budget lasts, by id only beyond it. Not thread-safe; the dispatcher locks.
 */
#pragma once

#include "uuid.h"

struct waiting_event {
    struct uuid id;
    char *bytes;     /* owned; NULL = to be read back */
    uint32_t size;   /* of the run request, also of one to be read back */
    bool taken_over; /* a later attempt: its lease covers it, not its place in the line */
};
struct waiting;
struct waiting *waiting_new(size_t max_bytes);
struct waiting *waiting_free(struct waiting *w);
/* bytes.ptr NULL or over the budget: the id alone is kept; bytes.len is its size all the same. */
void waiting_push(struct waiting *w, const struct uuid *id, struct str bytes, bool taken_over);
size_t waiting_len(const struct waiting *w);
const struct waiting_event *waiting_at(const struct waiting *w, size_t i); /* i < len */
/* Removes the first; the caller owns bytes. */
struct waiting_event waiting_pop(struct waiting *w);
