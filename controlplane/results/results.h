/* Downloads of results at /results/<token>: a step's result, a large value or the raw bytes of one,
 * in parts, so that none is in memory whole. */
#pragma once

#include "err.h"
#include "http/op.h"
#include "results/url.h"

struct results;
struct results_options {
    const char *conninfo;
    const struct result_urls *urls; /* borrowed */
    int threads;                    /* each with a connection */
};
int results_new(const struct results_options *options, struct results **ret,
                struct err *err) must_check;
int results_start(struct results *r) must_check;
/* Before the loops end: downloads under way end where they are. */
void results_stop(struct results *r);
/* After the loops ended. */
struct results *results_free(struct results *r); /* accepts NULL; returns NULL */

/* On op's loop: answers it. */
void results_handle(struct results *r, struct op *op);
DEFINE_CLEANUP(struct results *, results_free)
