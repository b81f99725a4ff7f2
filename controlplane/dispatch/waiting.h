/* The events that are accepted and not yet published, in lanes: one a customer, first in, first
 * out; lanes take turns, so that a customer's backlog is behind nobody but itself. Events are kept
 * with their encoded run request while a byte budget lasts, of which no lane takes more than is
 * left, and by id only beyond it. Not thread-safe; the dispatcher locks. */
#pragma once

#include "uuid.h"

struct waiting_event {
    struct uuid id, lane;
    char *bytes;     /* owned; NULL = to be read back */
    uint32_t size;   /* of the run request, also of one to be read back */
    bool taken_over; /* its lease covers it, not its place in the line */
};
struct waiting;
struct waiting *waiting_new(size_t max_bytes);
struct waiting *waiting_free(struct waiting *w);
/* lane: the customer, nil for none. bytes.ptr NULL or over the budget: the id alone is kept;
 * bytes.len is its size all the same. taken_over: it goes to a lane of its own that has every
 * second turn, for its lease runs; released from a queue or lost before. */
void waiting_push(struct waiting *w, const struct uuid *lane, const struct uuid *id,
                  struct str bytes, bool taken_over);
/* Back to the front of its lane, by id, as one of this size. */
void waiting_put_back(struct waiting *w, const struct waiting_event *e, uint32_t size);
size_t waiting_len(const struct waiting *w);
size_t waiting_bare(const struct waiting *w);  /* of these, kept by id only */
size_t waiting_lanes(const struct waiting *w); /* that have an event */
/* Whose turn it is; bytes are borrowed. len > 0. */
struct waiting_event waiting_next(const struct waiting *w);
/* Leaves it and gives the turn to the next lane. */
void waiting_skip(struct waiting *w);
/* Removes it and gives the turn to the next lane; the caller owns bytes. */
struct waiting_event waiting_pop(struct waiting *w);
/* The smallest id of those that are not taken over; false when there is none. */
bool waiting_oldest(const struct waiting *w, struct uuid *ret);
