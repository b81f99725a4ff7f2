/* Takes what test runs tell while they run, and keeps it for whoever watches. Several replicas
 * share the messages. */
#pragma once

#include "bus.h"

struct feed;
struct progress;
struct progress_options {
    struct bus *bus;
    const char *conninfo; /* owner connection */
    struct feed *feed;    /* is told of it; borrowed; may be NULL */
};
int progress_new(const struct progress_options *options, struct progress **ret,
                 struct err *err) must_check;
int progress_start(struct progress *p) must_check; /* a library thread calls it */
void progress_stop(struct progress *p);
struct progress *progress_free(struct progress *p);
DEFINE_CLEANUP(struct progress *, progress_free)
