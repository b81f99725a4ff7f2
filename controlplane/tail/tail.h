/* Following what happens, live: GET /logs/tail answers with server-sent events. The recorder of any
 * replica tells what it records (recorder/feed.h); this passes on what a reader may see and asked
 * for. A reader that is too slow loses events and is told how many; nobody waits for it. */
#pragma once

#include "err.h"
#include "http/op.h"

#define TAIL_PATH "/logs/tail"

struct api;
struct bus;
struct tail;
struct tail_options {
    struct bus *bus;
    struct api *api;
    const char *conninfo;
};
int tail_new(const struct tail_options *options, struct tail **ret, struct err *err) must_check;
int tail_start(struct tail *t) must_check;
void tail_drain(struct tail *t); /* ends all readers, takes no new ones; before the server's */
void tail_stop(struct tail *t);
struct tail *tail_free(struct tail *t); /* after the server */
DEFINE_CLEANUP(struct tail *, tail_free)
void tail_handle(struct tail *t, struct op *op); /* on its loop */
