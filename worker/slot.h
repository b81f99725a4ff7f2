/* The slot pool: threads that run jobs in plain blocking C. A job owns its slot until it is done.
 * About as many slots compute at once as there are processors; a slot that waits (between
 * slot_block_begin and slot_block_end) lets another take its place, up to max_slots. Queued jobs
 * stand in lanes that take turns, so that the many of one do not stand before the few of another.
 */
#pragma once

#include "base.h"

struct slot_pool;
struct slot;

/* A queued job; embed it in the job's own struct. */
struct slot_job {
    struct slot_job *next; /* the pool's while queued */
    uint32_t lane;         /* a hash of whose it is: lanes take turns */
    bool bulk;             /* counted apart, see slot_pool_wait_room */
};

struct slot_options {
    int max_slots; /* threads at most */
    int computing; /* slots that compute at once; 0 = number of processors */
    void *ctx;
    /* Memory that a slot keeps between jobs; made and freed on the slot's own thread. */
    void *(*memory_new)(void *ctx, struct slot *slot);
    void (*memory_free)(void *memory);
    void (*run)(void *ctx, void *memory, struct slot_job *job);
};

struct slot_pool *slot_pool_new(const struct slot_options *options);
/* Takes a chain of jobs; never blocks. */
void slot_pool_push(struct slot_pool *pool, struct slot_job *first);
/* Jobs queued and not taken by a slot yet. */
size_t slot_pool_queued(struct slot_pool *pool);
/* Blocks until fewer than `limit` jobs, bulk or others, are queued or wait_ns has passed; returns
 * the room left. One thread each. */
size_t slot_pool_wait_room(struct slot_pool *pool, bool bulk, size_t limit, int64_t wait_ns);
void slot_pool_stats(struct slot_pool *pool, int *ret_busy, int *ret_slots);
/* Takes every queued job back: a chain, lane by lane; NULL = none. */
struct slot_job *slot_pool_take_queued(struct slot_pool *pool);
/* Waits until nothing runs or is queued. False when wait_ns has passed before that. */
bool slot_pool_drain(struct slot_pool *pool, int64_t wait_ns);
/* Ends all threads and frees the pool; every job must be done. Accepts NULL; returns NULL. */
struct slot_pool *slot_pool_free(struct slot_pool *pool);

/* On the slot's thread, around anything that waits. Calls may nest. */
void slot_block_begin(struct slot *slot);
void slot_block_end(struct slot *slot);
DEFINE_CLEANUP(struct slot_pool *, slot_pool_free)
