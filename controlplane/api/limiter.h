/* How often something was tried lately, by whom: bounds guessing. Of this replica alone. */
#pragma once

#include "str.h"

#define LIMITER_WINDOW_S (15 * 60)

struct limiter;
struct limiter *limiter_new(void);
struct limiter *limiter_free(struct limiter *l); /* accepts NULL */
/* Counts one try of a subject (any text) at a monotonic time. 0, or the seconds to wait when there
 * were `most` in the window already. */
int limiter_take(struct limiter *l, const char *kind, struct str subject, int most, int64_t now_ns);
/* Counts the last try no longer, or none of them. */
void limiter_give_back(struct limiter *l, const char *kind, struct str subject);
void limiter_forgive(struct limiter *l, const char *kind, struct str subject);

/* A bound on work that takes memory and time: at most `slots` at once. */
struct work_gate;
struct work_gate *work_gate_new(int slots, int waiting);
struct work_gate *work_gate_free(struct work_gate *g); /* accepts NULL */
/* Waits for a slot; false at once when as many as may be wait already. */
bool work_gate_enter(struct work_gate *g) must_check;
void work_gate_leave(struct work_gate *g);
DEFINE_CLEANUP(struct limiter *, limiter_free)
DEFINE_CLEANUP(struct work_gate *, work_gate_free)
