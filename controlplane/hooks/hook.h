/* Webhook ingress: a call of /trigger/<id> becomes an accepted execution, or is refused. */
#pragma once

#include "bus.h"
#include "hooks/accept.h"
#include "hooks/hook_index.h"
#include "http/op.h"

#define HOOK_MAX_BODY MIB(6)

struct result_urls;
struct server;
struct hooks;
struct hooks_options {
    struct accept *accept;
    struct hook_index *index;
    struct dispatcher *dispatcher;  /* for its backlog; NULL = none */
    struct bus *bus;                /* for answers of synchronous runs */
    struct uuid node;               /* of this process */
    const struct result_urls *urls; /* of answers too large for a message; borrowed */
    size_t max_sync;                /* calls waiting for an answer on one loop; 0 = 10,000 */
};
int hooks_new(const struct hooks_options *options, struct server *server, struct hooks **ret,
              struct err *err) must_check;
/* Subscribes to the answers of synchronous runs. */
int hooks_start(struct hooks *h, struct err *err) must_check;
void hooks_stop(struct hooks *h); /* no answers after it */
/* After the loops ended. */
struct hooks *hooks_free(struct hooks *h);

/* On op's loop: answers it, at once or later. */
void hooks_handle(struct hooks *h, struct op *op);
DEFINE_CLEANUP(struct hooks *, hooks_free)
