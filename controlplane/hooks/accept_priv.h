/* Shared by accept.c (queue and thread) and accept_commit.c (storing one chunk). */
#pragma once

#include "copy.h"
#include "db.h"
#include "hooks/accept.h"

struct accept_entry {
    struct accept_sink *sink;
    void *ticket;
    struct run_request run; /* texts in the chunk's arena; request is set from the rows */
    size_t row_at, row_len; /* in rows: the whole COPY row */
    size_t request_at, request_len;
    bool has_key;
    uint8_t key[32];
    bool dispatched; /* ahead of the commit */
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
    size_t n_keys; /* entries with an idempotency key */
};

/* Stores the chunk and sets every entry's result. Returns -ENOTCONN when the connection broke (all
 * entries not known as stored are ACCEPT_UNAVAILABLE), else 0. */
int accept_chunk_commit(struct db *db, struct accept_chunk *chunk, struct err *err) must_check;
/* Begins the next COPY while the senders of this one are told; see db_copy_ahead. */
void accept_commit_ahead(struct db *db);
