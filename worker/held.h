/* The runs that are with this worker: pulled, and their result not stored yet. One message from
 * the queue carries several runs, which point into it; it is acknowledged when each of them is
 * stored, or earlier when leases made by presence cover those that are left. */
#pragma once

#include "bus.h"
#include "run_request.h"
#include "slot.h"

struct held;
struct run_message;

struct run_job {
    struct slot_job queued; /* first: slots hand these out */
    struct run_message *message;
    struct run_request request;
    struct run_job *newer, *older; /* held's */
    int64_t held_since_ns;         /* monotonic */
    uint64_t sequence;             /* order of arrival */
    int leased;                    /* presence messages that named it */
};

struct held_options {
    void *ctx;
    /* Called on the thread that caused it; they may not call back. */
    void (*ack)(void *ctx, const struct bus_message *m);
    void (*in_progress)(void *ctx, const struct bus_message *m);
    void (*give_back)(void *ctx, const struct bus_message *m);
};

struct held *held_new(const struct held_options *options);
struct held *held_free(struct held *held); /* accepts NULL; forgets what is left; returns NULL */

/* Decodes a batch of run requests. Takes the message. *ret_first is the chain of its jobs for the
 * slot pool; returns how many there are. A batch that cannot be read is acknowledged, for no worker
 * could, and yields 0 (*ret_bad tells): the control plane's sweeper hands the runs out again. So it
 * does with lost runs older than a lease: of a message delivered more than once they are left out,
 * and the message is acknowledged when none is left. */
size_t held_add(struct held *held, struct bus_message *own_message, uint64_t deliveries,
                struct slot_job **ret_first, bool *ret_bad);
/* A slot begins with it. */
void held_start(struct held *held, struct run_job *job);
/* Its result is stored: the job is gone. */
void held_release(struct held *held, struct run_job *job);
/* Forgets queued jobs (a chain from slot_pool_take_queued) and gives their messages back to the
 * queue. A message that is begun cannot be given back in part: its jobs are returned as a chain, to
 * be run; with begun_too they are forgotten as well and the message, unacknowledged, comes again.
 */
struct slot_job *held_give_back(struct held *held, struct slot_job *first, bool begun_too);

struct presence_run;
/* Copies the ids of up to `max` runs held since before_ns (monotonic), in order of arrival; *after
 * (0 at first) remembers how far the listing came. Returns the number. */
size_t held_list(struct held *held, int64_t before_ns, uint64_t *after,
                 struct presence_run *ret_runs, size_t max);
/* Presence messages that named the runs up to `up_to` went out: messages whose runs are all stored
 * or leased twice are acknowledged; those too old without are kept from being handed out again. */
void held_leased(struct held *held, uint64_t up_to);
size_t held_count(struct held *held);
size_t held_bytes(struct held *held); /* of all messages */
DEFINE_CLEANUP(struct held *, held_free)
