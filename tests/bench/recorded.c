/* Owns the connection, the thread and the table of seen ids (open addressing, sized at the start).
 * Ids do not become visible in their own order, so each round asks for all above the oldest id that
 * is still waited for: a few rows. */
#include "recorded.h"

#include <libpq-fe.h>
#include <pthread.h>
#include <stdatomic.h>

#include "clock.h"

#define ROUND_NS  NS_PER_MS
#define STATEMENT "SELECT id FROM execution_result WHERE id >= $1"

struct seen {
    struct uuid id;
    int64_t at_ns;
};
struct recorded {
    PGconn *conn;
    struct seen *table;
    size_t cap, n, max;
    recorded_floor_fn floor;
    void *ctx;
    pthread_t thread;
    bool started;
    _Atomic bool stopping;
};

static struct seen *find(const struct recorded *r, const struct uuid *id)
{
    size_t at = uuid_hash(id) & (r->cap - 1);
    while (r->table[at].at_ns && !uuid_eq(&r->table[at].id, id)) {
        at = (at + 1) & (r->cap - 1);
    }
    return &r->table[at];
}

int64_t recorded_seen_ns(const struct recorded *r, const struct uuid *id)
{
    return find(r, id)->at_ns;
}

static void ask(struct recorded *r)
{
    struct uuid floor = uuid_v7_floor(r->floor(r->ctx, r) * NS_PER_MS);
    const char *values[] = {(const char *)floor.b};
    const int lengths[] = {sizeof(floor.b)}, formats[] = {1};
    PGresult *rows = PQexecPrepared(r->conn, "seen", 1, values, lengths, formats, 1);
    int64_t now = clock_mono_ns();
    if (PQresultStatus(rows) != PGRES_TUPLES_OK) {
        fprintf(stderr, "openloop: %s", PQerrorMessage(r->conn));
    }
    for (int i = 0; i < PQntuples(rows); i++) {
        struct uuid id;
        memcpy(id.b, PQgetvalue(rows, i, 0), sizeof(id.b));
        struct seen *s = find(r, &id);
        if (!s->at_ns && r->n < r->max) {
            s->id = id;
            s->at_ns = now;
            r->n++;
        }
    }
    PQclear(rows);
}

static void *run(void *arg)
{
    struct recorded *r = arg;
    while (!r->stopping) {
        ask(r);
        clock_wait_ns(ROUND_NS);
    }
    return NULL;
}

int recorded_start(const char *conninfo, size_t max_ids, recorded_floor_fn floor, void *ctx,
                   struct recorded **ret, struct err *err)
{
    AUTO(recorded_free) struct recorded *r = mem_new(struct recorded);
    r->floor = floor;
    r->ctx = ctx;
    r->max = max_ids;
    for (r->cap = 1024; r->cap < 2 * max_ids; r->cap *= 2) {
    }
    r->table = mem_array(r->cap, sizeof(*r->table));
    r->conn = PQconnectdb(conninfo);
    PGresult *prepared = PQprepare(r->conn, "seen", STATEMENT, 1, NULL);
    bool ok = PQresultStatus(prepared) == PGRES_COMMAND_OK;
    PQclear(prepared);
    if (!ok) {
        return err_set(err, -EIO, "recorded.postgres", "PostgreSQL: %s", PQerrorMessage(r->conn));
    }
    int rc = pthread_create(&r->thread, NULL, run, r);
    if (rc != 0) {
        return err_set(err, -rc, "recorded.thread", "no thread: %s", strerror(rc));
    }
    r->started = true;
    *ret = TAKE(r);
    return 0;
}

void recorded_stop(struct recorded *r)
{
    if (r && r->started) {
        r->stopping = true;
        pthread_join(r->thread, NULL);
        r->started = false;
    }
}

struct recorded *recorded_free(struct recorded *r)
{
    if (r) {
        recorded_stop(r);
        PQfinish(r->conn);
        mem_free(r->table);
        mem_free(r);
    }
    return NULL;
}
