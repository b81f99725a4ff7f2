/* Owns everything in a control plane process, in the order in which it starts and ends. */
#pragma once

#include "controlplane_config.h"

struct controlplane;
/* Connects (waiting for PostgreSQL and NATS as long as they need, within a minute), checks the
 * schema, starts every part of the roles and listens. Keys are copied. */
int controlplane_new(const struct controlplane_config *config, const struct secret_key *master_key,
                     const struct secret_key *bus_key, struct controlplane **ret,
                     struct err *err) must_check;
int controlplane_port(const struct controlplane *cp);
/* About once a second, by the main thread: makes the streams, again when NATS lost them. */
void controlplane_tick(struct controlplane *cp);
/* Takes no more requests, answers those that wait, stops every part. */
void controlplane_drain(struct controlplane *cp);
struct controlplane *controlplane_free(struct controlplane *cp);
