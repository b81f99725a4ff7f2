/* The worker process: owns the bus, slots, caches and threads, and their order of start and stop.
 */
#pragma once

#include "secret.h"
#include "worker_config.h"

struct worker;

/* Connects and starts taking work. -EINVAL when a setting is wrong; any other failure means that
 * the bus did not answer within seconds: try again. */
int worker_new(const struct worker_config *config, const struct secret_key *bus_key,
               struct worker **ret, struct err *err) must_check;
/* Stops taking work, finishes what runs, hands back the rest. True when nothing is left running;
 * otherwise threads are still busy and the process has to end without worker_free. */
bool worker_drain(struct worker *w);
struct worker *worker_free(struct worker *w); /* after a full drain; accepts NULL; returns NULL */
