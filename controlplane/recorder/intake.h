/* A bounded queue of what workers send and wait to be stored: put on library threads, taken in
 * batches by one thread that commits. */
#pragma once

#include <pthread.h>

#include "mem.h"

struct intake_item { /* first in the item's own struct, which lies in its arena */
    struct intake_item *next;
    struct arena *arena;
    size_t bytes;
};
struct intake {
    size_t max_bytes;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    struct intake_item *head, **tail;
    size_t bytes;
    bool stopping;
};
void intake_init(struct intake *q, size_t max_bytes);
void intake_done(struct intake *q); /* frees what is left */
void intake_stop(struct intake *q); /* ends waiting; nothing is put or taken from then on */
void intake_item_free(struct intake_item *item);

/* Takes over an item of so many bytes and its arena. False, taking nothing, when the bound is
 * reached or it is stopping. */
bool intake_put(struct intake *q, struct intake_item *item, struct arena *arena, size_t bytes);
/* Waits for items and takes up to `most` of them, in order; those that do not fit with what is
 * taken stay for the next round. 0 = stopping. */
typedef bool (*intake_fits)(const struct intake_item *item, struct intake_item *const *taken,
                            size_t n);
size_t intake_take(struct intake *q, struct intake_item **ret_items, size_t most, intake_fits fits);
