/* Shared by accept.c (queue and thread) and accept_commit.c (storing one chunk). */
#pragma once

#include "copy.h"
#include "db.h"
#include "hooks/accept.h"

struct accept_entry_place {
    struct uuid queue_id, customer_id; /* nil: the customer has no limit */
    bool has_dedupe;
    uint8_t dedupe[32];
};
struct accept_entry {
    struct accept_sink *sink;
    void *ticket;
    struct run_request run; /* texts in the chunk's arena; request is set from the rows */
    size_t row_at, row_len; /* in rows: the whole COPY row */
    size_t request_at, request_len;
    bool has_key;
    uint8_t key[32];
    struct accept_entry_place *place; /* in the chunk's arena; NULL = none */
    bool dispatched;                  /* ahead of the commit */
    enum accept_result result;
    struct uuid recorded_id; /* ACCEPT_REPEATED */
};
/* What one commit takes: COPY rows ready to send and what each stands for. */
struct accept_chunk {
    struct accept_chunk *next;
    struct buf rows; /* starts with the header of COPY */
    struct arena *texts;
    struct accept_entry *entries;
    size_t n, cap;
    size_t n_keys;   /* entries with an idempotency key */
    size_t n_places; /* entries with a place in a queue */
};

/* Stores the chunk and sets every entry's result. Returns -ENOTCONN when the connection broke (all
 * entries not known as stored are ACCEPT_UNAVAILABLE), else 0. */
int accept_chunk_commit(struct db *db, struct accept_chunk *chunk, struct err *err) must_check;
/* accept_queue.c: keeps the event's place with its entry. */
void accept_queue_keep(struct accept_chunk *chunk, struct accept_entry *e,
                       const struct accept_place *place);
/* Inside the transaction, before the COPY: puts the entries that are to be stored in their queues;
 * those whose dedupe id is there already become ACCEPT_REPEATED. */
int accept_queue_put(struct db *db, struct accept_chunk *chunk, struct err *err) must_check;
/* A try whose outcome was unknown had been committed: what is not there became repeated then, and
 * must not be called stored. */
int accept_queue_check(struct db *db, struct accept_chunk *chunk, struct err *err) must_check;
/* After the commit. */
void accept_queue_wake(struct gate *gate, const struct accept_chunk *chunk);
/* Begins the next COPY while the senders of this one are told; see db_copy_ahead. */
void accept_commit_ahead(struct db *db);
