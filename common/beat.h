/* A thread that does one thing again and again, with pauses, until it is stopped. */
#pragma once

#include "base.h"

/* Returns the milliseconds until the next time; 0 = at once. */
typedef int64_t (*beat_fn)(void *arg);
struct beat;
struct beat *beat_new(const char *name, beat_fn fn, void *arg); /* name: of the thread, borrowed */
int beat_start(struct beat *b) must_check;
void beat_end(struct beat *b);  /* no next time; does not wait */
void beat_stop(struct beat *b); /* and waits for the one under way */
struct beat *beat_free(struct beat *b);
DEFINE_CLEANUP(struct beat *, beat_free)
