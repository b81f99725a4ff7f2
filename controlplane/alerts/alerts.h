/* Alerting in the background: a thread that judges what happened, and threads that send what came
 * of it. Any number of replicas share the work through PostgreSQL. */
#pragma once

#include "alerts/sender.h"

struct alerts;
struct alerts_options {
    const char *conninfo; /* owner connection */
    struct sender_options sender;
};
struct alerts *alerts_new(const struct alerts_options *options);
int alerts_start(struct alerts *s) must_check;
void alerts_stop(struct alerts *s);
struct alerts *alerts_free(struct alerts *s);
DEFINE_CLEANUP(struct alerts *, alerts_free)
