/* A bounded blocking queue of pointers between threads. */
#pragma once

#include "base.h"

struct queue;
struct queue *queue_new(size_t cap);
struct queue *queue_free(struct queue *q); /* the items left are the owner's: drain first */
/* 0; -EAGAIN when full; -EPIPE when closed. */
int queue_push(struct queue *q, void *item) must_check;
/* Takes up to max items; waits up to wait_ns (negative: for ever) for the first. 0 = none. */
size_t queue_pop_many(struct queue *q, void **ret_items, size_t max, int64_t wait_ns);
void queue_close(struct queue *q); /* pushes fail, pops return what is left, then 0 */
size_t queue_len(struct queue *q);
