/* Sends event webhooks in the background. At least once: a message is written in the transaction of
 * what it tells of, claimed for a time, sent, and what came of it recorded; a sender that dies in
 * between leaves it to the next one. Any number of replicas share the work through PostgreSQL. */
#pragma once

#include "net/address_policy.h"
#include "secret.h"

struct events;
struct events_options {   /* all borrowed for its life */
    const char *conninfo; /* owner connection */
    const struct secret_key *master_key;
    const struct address_policy *policy;
};
struct events *events_new(const struct events_options *options);
int events_start(struct events *s) must_check;
void events_stop(struct events *s);
struct events *events_free(struct events *s); /* accepts NULL */
DEFINE_CLEANUP(struct events *, events_free)
