/* Answers workers about the checkpoints of running executions (proto/checkpoint.h): commits parts,
 * those of many runs in one transaction, and reads them back for a run that is taken over. */
#pragma once

#include "bus.h"

struct checkpoints;
struct checkpoints_options {
    struct bus *bus;
    const char *conninfo;
};
struct checkpoints *checkpoints_new(const struct checkpoints_options *options);
int checkpoints_start(struct checkpoints *c) must_check; /* a thread and two subscriptions */
void checkpoints_stop(struct checkpoints *c);
struct checkpoints *checkpoints_free(struct checkpoints *c); /* accepts NULL; returns NULL */
uint64_t checkpoints_stored(const struct checkpoints *c);    /* parts committed by this process */
DEFINE_CLEANUP(struct checkpoints *, checkpoints_free)
