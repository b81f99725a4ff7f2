/* Answers workers: the definition and configuration of an instance revision (sealed with the bus
 * key), and the persisted state stores. */
#pragma once

#include "bus.h"
#include "secret.h"

struct responder;
struct responder_options {
    struct bus *bus;
    const char *conninfo;
    const struct secret_key *master_key, *bus_key; /* borrowed for the responder's life */
    const char *public_url;                        /* base of webhook URLs, no slash at the end */
};
int responder_new(const struct responder_options *options, struct responder **ret,
                  struct err *err) must_check;
int responder_start(struct responder *r) must_check; /* on the bus's threads */
void responder_stop(struct responder *r);
struct responder *responder_free(struct responder *r);
DEFINE_CLEANUP(struct responder *, responder_free)
