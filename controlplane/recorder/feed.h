/* What the recorder tells of as it happens: the lines and the end of each execution, the steps of
 * test runs. Only of organizations that somebody follows, and to nobody in particular: who listens
 * on the organization's subject gets it. Losing is allowed, waiting is not. */
#pragma once

#include "bus.h"
#include "run_progress.h"
#include "run_result.h"

struct feed;
int feed_new(struct bus *bus, struct feed **ret, struct err *err) must_check;
int feed_start(struct feed *f) must_check;
void feed_stop(struct feed *f);
struct feed *feed_free(struct feed *f);
DEFINE_CLEANUP(struct feed *, feed_free)

/* All accept NULL, may be called on any thread and never wait. Results as recorded. */
void feed_results(struct feed *f, const struct run_result *results, size_t n);
void feed_progress(struct feed *f, const struct run_progress *p);
