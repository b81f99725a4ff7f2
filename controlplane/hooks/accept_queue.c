/* Puts events with a place into execution_queue, in the transaction that stores them: rows in the
 * order of their acceptance, so that places grow with it. A dedupe id that is there already makes
 * its event a repetition of the one that waits or runs. Called on the committer's thread, but
 * accept_queue_keep on whoever submits, under accept's lock. */
#include "hooks/accept_priv.h"

void accept_queue_keep(struct accept_chunk *chunk, struct accept_entry *e,
                       const struct accept_place *place)
{
    struct accept_entry_place *kept = arena_new_of(chunk->texts, struct accept_entry_place);
    kept->customer_id = place->limited ? e->run.customer_id : (struct uuid){0};
    kept->queue_id = place->queued ? e->run.flow_config_id : e->run.customer_id;
    if (place->dedupe) {
        kept->has_dedupe = true;
        memcpy(kept->dedupe, place->dedupe, sizeof(kept->dedupe));
    }
    e->place = kept;
    chunk->n_places++;
}

/* Entries with a place that are to be stored. */
static size_t gather_placed(struct accept_chunk *chunk, struct accept_entry **ret)
{
    size_t n = 0;
    for (size_t i = 0; i < chunk->n; i++) {
        struct accept_entry *e = &chunk->entries[i];
        if (e->place && e->result == ACCEPT_STORED) {
            ret[n++] = e;
        }
    }
    return n;
}

static struct str dedupe_of(const struct accept_entry *e)
{
    return e->place->has_dedupe ? str_n((const char *)e->place->dedupe, sizeof(e->place->dedupe))
                                : str_n("", 0);
}

static int insert(struct db *db, struct arena *a, struct accept_entry **entries, size_t n,
                  struct db_rows **ret, struct err *err)
{
    struct uuid *ids = arena_array(a, n, sizeof(*ids));
    struct uuid *organizations = arena_array(a, n, sizeof(*organizations));
    struct uuid *flow_configs = arena_array(a, n, sizeof(*flow_configs));
    struct uuid *queues = arena_array(a, n, sizeof(*queues));
    struct uuid *customers = arena_array(a, n, sizeof(*customers));
    struct str *hashes = arena_array(a, n, sizeof(*hashes));
    struct str *replies = arena_array(a, n, sizeof(*replies));
    struct str *traces = arena_array(a, n, sizeof(*traces));
    for (size_t i = 0; i < n; i++) {
        const struct accept_entry *e = entries[i];
        ids[i] = e->run.execution_id;
        organizations[i] = e->run.organization_id;
        flow_configs[i] = e->run.flow_config_id;
        queues[i] = e->place->queue_id;
        customers[i] = e->place->customer_id;
        hashes[i] = dedupe_of(e);
        replies[i] = e->run.reply_to;
        traces[i] = str_utf8_valid(e->run.traceparent) ? e->run.traceparent : STR("");
    }
    return db_run(db, QUERY_QUEUE_PUT, ret, err, DB_UUIDS(ids, n), DB_UUIDS(organizations, n),
                  DB_UUIDS(flow_configs, n), DB_UUIDS(queues, n), DB_UUIDS(customers, n),
                  DB_BYTESS(hashes, n), DB_TEXTS(replies, n), DB_TEXTS(traces, n));
}

/* The ids of the rows' first column, in a bit for each entry: both are in the same order but for
 * what is missing. Removes those found from the list; returns what is left. */
static size_t drop_returned(struct accept_entry **entries, size_t n, const struct db_rows *rows)
{
    size_t row = 0, left = 0;
    for (size_t i = 0; i < n; i++) {
        struct uuid id = row < db_rows_n(rows) ? db_uuid(rows, row, 0) : (struct uuid){0};
        if (uuid_eq(&id, &entries[i]->run.execution_id)) {
            row++;
        } else {
            entries[left++] = entries[i];
        }
    }
    return left;
}

/* Their keys must lead to what was accepted in their place. */
static int repoint_keys(struct db *db, struct arena *a, struct accept_entry **entries, size_t n,
                        struct err *err)
{
    struct uuid *flow_configs = arena_array(a, n, sizeof(*flow_configs));
    struct uuid *same = arena_array(a, n, sizeof(*same));
    struct str *keys = arena_array(a, n, sizeof(*keys));
    size_t keyed = 0;
    for (size_t i = 0; i < n; i++) {
        if (entries[i]->has_key && entries[i]->result == ACCEPT_REPEATED) {
            flow_configs[keyed] = entries[i]->run.flow_config_id;
            keys[keyed] = str_n((const char *)entries[i]->key, sizeof(entries[i]->key));
            same[keyed++] = entries[i]->recorded_id;
        }
    }
    return keyed == 0
               ? 0
               : db_run(db, QUERY_QUEUE_REPOINT_KEYS, NULL, err, DB_UUIDS(flow_configs, keyed),
                        DB_BYTESS(keys, keyed), DB_UUIDS(same, keyed));
}

/* Of entries that found no room: who has their dedupe id? Themselves, when a try before had been
 * committed. When it is nobody, it was let go meanwhile: DB_E_RETRY. */
static int find_same(struct db *db, struct arena *a, struct accept_entry **entries, size_t n,
                     struct err *err)
{
    struct uuid *ids = arena_array(a, n, sizeof(*ids));
    struct uuid *flow_configs = arena_array(a, n, sizeof(*flow_configs));
    struct str *hashes = arena_array(a, n, sizeof(*hashes));
    size_t with = 0, found = 0;
    for (size_t i = 0; i < n; i++) {
        if (entries[i]->place->has_dedupe) {
            ids[with] = entries[i]->run.execution_id;
            flow_configs[with] = entries[i]->run.flow_config_id;
            hashes[with++] = dedupe_of(entries[i]);
        }
    }
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    int r = with == 0 ? 0
                      : db_run(db, QUERY_QUEUE_FIND_SAME, &rows, err, DB_UUIDS(ids, with),
                               DB_UUIDS(flow_configs, with), DB_BYTESS(hashes, with));
    for (size_t row = 0; r == 0 && rows && row < db_rows_n(rows); row++) {
        struct uuid id = db_uuid(rows, row, 0), same = db_uuid(rows, row, 1);
        found++;
        for (size_t i = 0; i < n && !uuid_eq(&id, &same); i++) {
            if (uuid_eq(&entries[i]->run.execution_id, &id)) {
                entries[i]->result = ACCEPT_REPEATED;
                entries[i]->recorded_id = same;
            }
        }
    }
    return r == 0 && found < with ? DB_E_RETRY : r;
}

int accept_queue_put(struct db *db, struct accept_chunk *chunk, struct err *err)
{
    AUTO(arena_free) struct arena *a = arena_new(KIB(16), 0);
    struct accept_entry **entries = arena_array(a, chunk->n, sizeof(struct accept_entry *));
    size_t n = gather_placed(chunk, entries);
    if (n == 0) {
        return 0;
    }
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    int r = insert(db, a, entries, n, &rows, err);
    if (r != 0) {
        return r;
    }
    n = drop_returned(entries, n, rows);
    if (n > 0) {
        r = find_same(db, a, entries, n, err);
    }
    return r == 0 && n > 0 ? repoint_keys(db, a, entries, n, err) : r;
}

int accept_queue_check(struct db *db, struct accept_chunk *chunk, struct err *err)
{
    AUTO(arena_free) struct arena *a = arena_new(KIB(16), 0);
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    struct accept_entry **entries = arena_array(a, chunk->n, sizeof(struct accept_entry *));
    struct uuid *ids = arena_array(a, chunk->n, sizeof(*ids));
    size_t n = gather_placed(chunk, entries);
    for (size_t i = 0; i < n; i++) {
        ids[i] = entries[i]->run.execution_id;
    }
    int r = n == 0 ? 0 : db_run(db, QUERY_QUEUE_STORED, &rows, err, DB_UUIDS(ids, n));
    for (size_t i = 0; r == 0 && i < n; i++) {
        bool there = false;
        for (size_t row = 0; row < db_rows_n(rows) && !there; row++) {
            struct uuid id = db_uuid(rows, row, 0);
            there = uuid_eq(&id, &ids[i]);
        }
        if (!there) {
            entries[i]->result = ACCEPT_UNAVAILABLE;
        }
    }
    return r;
}

void accept_queue_wake(struct gate *gate, const struct accept_chunk *chunk)
{
    AUTO(arena_free) struct arena *a = NULL;
    if (!gate || chunk->n_places == 0) {
        return;
    }
    a = arena_new(KIB(16), 0);
    struct uuid *keys = arena_array(a, chunk->n_places, sizeof(*keys));
    size_t n = 0;
    for (size_t i = 0; i < chunk->n; i++) {
        const struct accept_entry *e = &chunk->entries[i];
        if (e->place && e->result == ACCEPT_STORED &&
            (n == 0 || !uuid_eq(&keys[n - 1], &e->place->queue_id))) {
            keys[n++] = e->place->queue_id;
        }
    }
    if (n > 0) {
        gate_wake(gate, keys, n);
    }
}
