/* Stores the chunks of large values that workers send (proto/value.h), those of many in one
 * transaction, and reads them back for runs that are taken over. */
#pragma once

#include "bus.h"

struct values;
struct values_options {
    struct bus *bus;
    const char *conninfo;
};
struct values *values_new(const struct values_options *options);
int values_start(struct values *v) must_check; /* a thread and two subscriptions */
void values_stop(struct values *v);
struct values *values_free(struct values *v);   /* accepts NULL; returns NULL */
uint64_t values_chunks(const struct values *v); /* chunks committed by this process */
DEFINE_CLEANUP(struct values *, values_free)
