/* Threads that do the same again and again: look for work, do a piece of it, rest when there is
 * none. A failure is told once and tried again. */
#pragma once

#include "err.h"

/* One piece of work. *ret_more: there may be another one right now. */
typedef int (*rounds_fn)(void *arg, bool *ret_more, struct err *err);
struct rounds;
struct rounds_task {
    const char *name;    /* of the thread, at most 15 bytes; a literal */
    const char *trouble; /* what the log says when it fails; a literal */
    rounds_fn once;
    void *arg;        /* borrowed; used by this thread only */
    int64_t every_ms; /* between looks that find nothing; 0 = 1000 */
};
#define ROUNDS_MAX 8 /* threads */
struct rounds *rounds_new(void);
void rounds_add(struct rounds *r, const struct rounds_task *task);
int rounds_start(struct rounds *r) must_check;
void rounds_stop(struct rounds *r);
struct rounds *rounds_free(struct rounds *r); /* accepts NULL */
DEFINE_CLEANUP(struct rounds *, rounds_free)
