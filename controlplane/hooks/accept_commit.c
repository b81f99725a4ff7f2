/* Stores one chunk of accepted events: a plain COPY, or, with idempotency keys or places in queues
 * in it, a transaction that claims the keys and takes the places first. A COPY that PostgreSQL
 * refuses for its data is split in halves until the bad row is alone, so that it cannot take the
 * others with it. When the connection breaks during a commit its outcome is unknown: the same rows
 * are sent once more over a new one, and a key that exists already tells that the first try had
 * been committed (it is all or nothing). Called on the committer's thread. It never calls an event
 * stored when it does not know. */
#include "hooks/accept_priv.h"

#include "clock.h"

#define MAX_REFUSALS    64 /* failed COPYs a chunk; then what is left counts as unavailable */
#define MAX_RETRIES     5  /* of a transaction that lost against another replica */
#define RECONNECT_MS    2000
#define RECONNECT_EVERY (50 * NS_PER_MS)

static const char copy_statement[] =
    "COPY execution (id, organization_id, instance_id, flow_config_id, revision, accepted_by, "
    "invoke_type, flags, request) FROM STDIN (FORMAT binary)";

void accept_commit_ahead(struct db *db)
{
    db_copy_ahead(db, copy_statement);
}

static void set_results(struct accept_entry **entries, size_t n, enum accept_result result)
{
    for (size_t i = 0; i < n; i++) {
        entries[i]->result = result;
    }
}

static void gather(const struct accept_chunk *chunk, struct accept_entry **entries, size_t n,
                   struct buf *to)
{
    copy_begin(to);
    for (size_t i = 0; i < n; i++) {
        buf_add(to, chunk->rows.data + entries[i]->row_at, entries[i]->row_len);
    }
    copy_end(to);
}

static int copy_entries(struct db *db, struct accept_chunk *chunk, struct accept_entry **entries,
                        size_t n, struct err *err)
{
    if (n == chunk->n) {
        size_t len = chunk->rows.len;
        copy_end(&chunk->rows);
        int r = db_copy_in(db, copy_statement, buf_str(&chunk->rows), err);
        chunk->rows.len = len;
        return r;
    }
    struct buf rows;
    buf_init(&rows, chunk->rows.max + KIB(1));
    gather(chunk, entries, n, &rows);
    int r = db_copy_in(db, copy_statement, buf_str(&rows), err);
    buf_done(&rows);
    return r;
}

/* A server that restarts is back soon; the senders wait for it until then. *tries counts, so that
 * only the first is without a pause. */
static bool reconnect(struct db *db, int64_t until, int *tries, struct err *err)
{
    while (clock_mono_ns() < until) {
        if ((*tries)++ > 0) {
            clock_wait_ns(RECONNECT_EVERY);
        }
        if (db_reconnect(db, err) == 0 && db_exec(db, "SET synchronous_commit = on", err) == 0) {
            return true;
        }
    }
    return false;
}

static int copy_certain(struct db *db, struct accept_chunk *chunk, struct accept_entry **entries,
                        size_t n, struct err *err)
{
    int64_t until = clock_mono_ns() + RECONNECT_MS * NS_PER_MS;
    int tries = 0;
    int r = copy_entries(db, chunk, entries, n, err);
    while (r < 0 && reconnect(db, until, &tries, err)) {
        r = copy_entries(db, chunk, entries, n, err);
        r = r == DB_E_UNIQUE ? 0 : r;
    }
    return r;
}

/* Halves until the row that is refused is alone. */
static int copy_or_split(struct db *db, struct accept_chunk *chunk, struct accept_entry **entries,
                         size_t n, int *refusals, struct err *err)
{
    if (n == 0) {
        return 0;
    }
    if (*refusals >= MAX_REFUSALS) {
        set_results(entries, n, ACCEPT_UNAVAILABLE);
        return 0;
    }
    int r = copy_certain(db, chunk, entries, n, err);
    if (r == 0) {
        set_results(entries, n, ACCEPT_STORED);
        return 0;
    }
    if (r < 0) {
        return r;
    }
    (*refusals)++;
    if (n == 1) {
        entries[0]->result = ACCEPT_REFUSED;
        return 0;
    }
    r = copy_or_split(db, chunk, entries, n / 2, refusals, err);
    return r == 0 ? copy_or_split(db, chunk, entries + n / 2, n - n / 2, refusals, err) : r;
}

/* Claims the keys and finds who has each: an entry whose own id is recorded is the first. */
static int claim_keys(struct db *db, struct accept_entry **keyed, size_t n, struct err *err)
{
    AUTO(arena_free) struct arena *arena = arena_new(KIB(16), 0);
    struct uuid *flow_configs = arena_array(arena, n, sizeof(*flow_configs));
    struct uuid *ids = arena_array(arena, n, sizeof(*ids));
    struct str *keys = arena_array(arena, n, sizeof(*keys));
    for (size_t i = 0; i < n; i++) {
        flow_configs[i] = keyed[i]->run.flow_config_id;
        ids[i] = keyed[i]->run.execution_id;
        keys[i] = str_n((const char *)keyed[i]->key, sizeof(keyed[i]->key));
    }
    int r = db_run(db, QUERY_IDEMPOTENCY_CLAIM, NULL, err, DB_UUIDS(flow_configs, n),
                   DB_BYTESS(keys, n), DB_UUIDS(ids, n));
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    if (r == 0) {
        r = db_run(db, QUERY_IDEMPOTENCY_FIND, &rows, err, DB_UUIDS(flow_configs, n),
                   DB_BYTESS(keys, n));
    }
    for (size_t row = 0; r == 0 && row < db_rows_n(rows); row++) {
        size_t place = (size_t)db_int(rows, row, 0) - 1;
        if (place < n) {
            struct accept_entry *e = keyed[place];
            e->recorded_id = db_uuid(rows, row, 1);
            e->result =
                uuid_eq(&e->recorded_id, &e->run.execution_id) ? ACCEPT_STORED : ACCEPT_REPEATED;
        }
    }
    return r;
}

/* One transaction: keys and rows come true together. `again`: the connection broke in the try
 * before, so a row that exists already tells that all of it had been committed. `scratch` has room
 * for all entries of the chunk. */
static int commit_with_keys(struct db *db, struct accept_chunk *chunk,
                            struct accept_entry **scratch, bool again, struct err *err)
{
    size_t n = 0;
    for (size_t i = 0; i < chunk->n; i++) {
        chunk->entries[i].result = ACCEPT_STORED;
        if (chunk->entries[i].has_key) {
            scratch[n++] = &chunk->entries[i];
        }
    }
    int r = db_begin(db, err);
    if (r == 0 && n > 0) {
        r = claim_keys(db, scratch, n, err);
    }
    if (r == 0 && chunk->n_places > 0) {
        r = accept_queue_put(db, chunk, err);
    }
    n = 0;
    for (size_t i = 0; i < chunk->n; i++) {
        if (chunk->entries[i].result == ACCEPT_STORED) {
            scratch[n++] = &chunk->entries[i];
        }
    }
    bool before = false;
    if (r == 0 && n > 0) {
        r = copy_entries(db, chunk, scratch, n, err);
        before = again && r == DB_E_UNIQUE;
    }
    if (r == 0) {
        r = db_commit(db, err);
    }
    if (r != 0) {
        db_rollback(db);
    }
    return before ? accept_queue_check(db, chunk, err) : r;
}

static int store_with_keys(struct db *db, struct accept_chunk *chunk, struct accept_entry **scratch,
                           struct err *err)
{
    int64_t until = clock_mono_ns() + RECONNECT_MS * NS_PER_MS;
    bool again = false;
    int tries = 0;
    int r = commit_with_keys(db, chunk, scratch, again, err);
    for (int retries = 0; (r == DB_E_RETRY && retries < MAX_RETRIES) || r < 0;) {
        if (r < 0 && !reconnect(db, until, &tries, err)) {
            return r;
        }
        again |= r < 0;
        retries += r == DB_E_RETRY;
        r = commit_with_keys(db, chunk, scratch, again, err);
    }
    return r;
}

static void doubt_all(struct accept_chunk *chunk)
{
    for (size_t i = 0; i < chunk->n; i++) {
        chunk->entries[i].result = ACCEPT_UNAVAILABLE;
    }
}

int accept_chunk_commit(struct db *db, struct accept_chunk *chunk, struct err *err)
{
    struct accept_entry **entries = mem_array(chunk->n, sizeof(struct accept_entry *));
    bool keys = chunk->n_keys > 0 || chunk->n_places > 0;
    int r = 0, refusals = 0;
    if (keys) {
        r = store_with_keys(db, chunk, entries, err);
        if (r != 0) {
            doubt_all(chunk);
        }
    }
    if (!keys || r > 0) {
        /* With keys: the transaction was refused. The rows without a key and a place go by
         * themselves; the other senders try again. */
        doubt_all(chunk);
        size_t n = 0;
        for (size_t i = 0; i < chunk->n; i++) {
            if (!chunk->entries[i].has_key && !chunk->entries[i].place) {
                entries[n++] = &chunk->entries[i];
            }
        }
        r = copy_or_split(db, chunk, entries, n, &refusals, err);
    }
    mem_free(entries);
    return r < 0 ? -ENOTCONN : 0;
}
