/* Owns the queue of chunks that workers wait for, the thread that commits them, and the reading
 * back. Chunks come on a library thread; the committing thread takes those that have gathered, up
 * to BATCH_BYTES, and answers after the commit. A chunk that cannot be stored now gets no answer:
 * the worker sends it again. It refuses chunks beyond the bounds of its queue, and tells the worker
 * of those that no later try would store, so that none holds up the others. */
#include "recorder/values.h"

#include <pthread.h>
#include <stdatomic.h>

#include "clock.h"
#include "db.h"
#include "log.h"
#include "recorder/intake.h"
#include "subjects.h"
#include "value.h"

#define QUEUE_MAX_BYTES MIB(16)
#define BATCH_BYTES     MIB(4)
#define BATCH_MAX       64
#define N_TEXTS         7

struct chunk {
    struct intake_item item; /* first: turned back; its arena has all of this */
    struct value_chunk what;
    enum value_outcome outcome; /* VALUE_NONE = not known: no answer */
};

struct values {
    struct bus *bus;
    char *conninfo;
    struct db *db, *read_db;
    struct bus_sub *store_sub, *read_sub;
    pthread_t thread;
    bool started;
    _Atomic uint64_t stored;
    struct intake queue;
};

struct values *values_new(const struct values_options *options)
{
    struct values *v = mem_new(struct values);
    v->bus = options->bus;
    v->conninfo = mem_strdup(options->conninfo);
    intake_init(&v->queue, QUEUE_MAX_BYTES);
    return v;
}

struct values *values_free(struct values *v)
{
    if (v) {
        values_stop(v);
        intake_done(&v->queue);
        db_close(v->db);
        db_close(v->read_db);
        mem_free(v->conninfo);
        mem_free(v);
    }
    return NULL;
}

uint64_t values_chunks(const struct values *v)
{
    return v->stored;
}

static int ensure(struct values *v, struct db **db, struct err *err)
{
    return db_ensure(db, v->conninfo, "leat-values", err);
}

/* --- storing ---------------------------------------------------------------------------------- */

static void on_chunk(void *ctx, struct bus_message *m)
{
    struct values *v = ctx;
    struct str data = bus_message_data(m);
    AUTO(arena_free) struct arena *a = arena_new(data.len + KIB(2), 0);
    struct chunk *c = arena_zalloc(a, sizeof(*c));
    struct str own = str_n(arena_dup(a, data.ptr, data.len), data.len);
    if (wire_decode(&value_chunk_message, a, own, &c->what, NULL) < 0 ||
        !value_chunk_valid(&c->what)) {
        log_warn("a malformed chunk of a large value was left out");
        return;
    }
    if (intake_put(&v->queue, &c->item, a, own.len)) {
        a = NULL;
    }
}

static bool fits(const struct intake_item *item, struct intake_item *const *taken, size_t n)
{
    size_t bytes = 0;
    for (size_t i = 0; i < n; i++) {
        bytes += taken[i]->bytes;
    }
    return n == 0 || bytes < BATCH_BYTES;
}

static struct str number(struct arena *a, uint64_t n)
{
    return str_of(arena_printf(a, "%llu", (unsigned long long)n));
}

/* What PostgreSQL takes as text. */
static struct str clean(struct str s)
{
    return str_utf8_valid(s) && !memchr(s.ptr, '\0', s.len) ? s : STR("application/octet-stream");
}

static void set_outcomes(struct chunk **chunks, size_t n, const struct db_rows *rows)
{
    for (size_t i = 0; i < db_rows_n(rows); i++) {
        struct uuid id = db_uuid(rows, i, 0);
        for (size_t k = 0; k < n; k++) {
            if (chunks[k]->what.number == (uint32_t)db_int(rows, i, 1) &&
                uuid_eq(&chunks[k]->what.value_id, &id)) {
                chunks[k]->outcome = (enum value_outcome)db_int(rows, i, 2);
            }
        }
    }
}

static int store(struct values *v, struct chunk **chunks, size_t n, struct err *err)
{
    AUTO(arena_free) struct arena *a = arena_new(KIB(32), 0);
    struct uuid ids[4][BATCH_MAX];
    struct str texts[N_TEXTS][BATCH_MAX], data[BATCH_MAX];
    for (size_t i = 0; i < n; i++) {
        const struct value_chunk *c = &chunks[i]->what;
        ids[0][i] = c->execution_id;
        ids[1][i] = c->value_id;
        ids[2][i] = c->organization_id;
        ids[3][i] = c->instance_id;
        texts[0][i] = number(a, c->attempt);
        texts[1][i] = number(a, c->number);
        texts[2][i] = number(a, c->size);
        texts[3][i] = clean(c->content_type);
        texts[4][i] = number(a, c->raw_at);
        texts[5][i] = number(a, c->raw_size);
        texts[6][i] = number(a, c->data_size);
        data[i] = c->data;
    }
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    int r = ensure(v, &v->db, err);
    if (r == 0) {
        r = db_run(v->db, QUERY_VALUE_STORE, &rows, err, DB_UUIDS(ids[0], n), DB_UUIDS(ids[1], n),
                   DB_UUIDS(ids[2], n), DB_UUIDS(ids[3], n), DB_TEXTS(texts[0], n),
                   DB_TEXTS(texts[1], n), DB_TEXTS(texts[2], n), DB_TEXTS(texts[3], n),
                   DB_TEXTS(texts[4], n), DB_TEXTS(texts[5], n), DB_TEXTS(texts[6], n),
                   DB_BYTESS(data, n), DB_I64(VALUES_BYTES_MAX));
    }
    if (r == 0) {
        set_outcomes(chunks, n, rows);
    }
    return r;
}

/* One that PostgreSQL does not take must not keep the others out: they are tried alone. */
static int store_each(struct values *v, struct chunk **chunks, size_t n, struct err *err)
{
    for (size_t i = 0; i < n; i++) {
        int r = store(v, &chunks[i], 1, err);
        if (r < 0 || r == DB_E_RETRY || r == DB_E_TIMEOUT) {
            return r;
        }
        if (r > 0) {
            log_error("a large value cannot be stored", LOG_STR("error", err->message));
            chunks[i]->outcome = VALUE_REFUSED;
        }
    }
    return 0;
}

static void answer(struct values *v, const struct chunk *c)
{
    AUTO(buf_done) struct buf reply = {0};
    AUTO(arena_free) struct arena *a = arena_new(KIB(1), 0);
    const struct value_answer what = {
        .value_id = c->what.value_id, .number = c->what.number, .outcome = c->outcome};
    buf_init(&reply, KIB(1));
    wire_encode(&value_answer_message, &what, &reply);
    struct str to = c->what.answer_to;
    (void)!bus_publish(v->bus, arena_strndup(a, to.ptr, to.len), buf_str(&reply));
}

static void *run(void *arg)
{
    struct values *v = arg;
    struct intake_item *items[BATCH_MAX];
    struct chunk *chunks[BATCH_MAX];
    size_t n;
    while ((n = intake_take(&v->queue, items, BATCH_MAX, fits)) > 0) {
        struct err err = {0};
        for (size_t i = 0; i < n; i++) {
            chunks[i] = (struct chunk *)items[i];
        }
        int r = store(v, chunks, n, &err);
        if (r > 0 && r != DB_E_TIMEOUT) {
            r = store_each(v, chunks, n, &err);
        }
        if (r != 0) {
            log_warn("large values are put off", LOG_STR("error", err.message),
                     LOG_INT("chunks", n));
        }
        for (size_t i = 0; i < n; i++) {
            if (chunks[i]->outcome != VALUE_NONE) {
                answer(v, chunks[i]);
            }
            v->stored += chunks[i]->outcome == VALUE_STORED;
            intake_item_free(items[i]);
        }
    }
    return NULL;
}

/* --- reading back ----------------------------------------------------------------------------- */

static int read_chunk(struct values *v, const struct value_read *ask, struct buf *reply,
                      struct err *err)
{
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    int r = ensure(v, &v->read_db, err);
    if (r == 0) {
        r = db_run(v->read_db, QUERY_VALUE_CHUNK, &rows, err, DB_UUID(ask->execution_id),
                   DB_UUID(ask->value_id), DB_I64(ask->number));
    }
    if (r == 0) {
        struct value_part part = {.found = db_rows_n(rows) == 1};
        if (part.found) {
            part.data_size = (uint32_t)db_int(rows, 0, 0);
            part.data = db_str(rows, 0, 1);
        }
        wire_encode(&value_part_message, &part, reply);
    }
    return r;
}

static void on_read(void *ctx, struct bus_message *m)
{
    struct values *v = ctx;
    AUTO(arena_free) struct arena *a = arena_new(KIB(1), 0);
    AUTO(buf_done) struct buf reply = {0};
    struct value_read ask;
    struct err err = {0};
    buf_init(&reply, VALUE_CHUNK_BYTES + KIB(4));
    int r = wire_decode(&value_read_message, a, bus_message_data(m), &ask, &err);
    if (r == 0) {
        r = read_chunk(v, &ask, &reply, &err);
    }
    if (r == 0) {
        r = bus_respond(v->bus, m, buf_str(&reply));
    }
    if (r != 0) {
        log_warn("a worker's question for a large value was not answered",
                 LOG_STR("error", err.message));
    }
}

int values_start(struct values *v)
{
    int r = -pthread_create(&v->thread, NULL, run, v);
    v->started = r == 0;
    if (r == 0) {
        r = bus_subscribe(v->bus, SUBJECT_VALUE, "value", on_chunk, v, &v->store_sub);
    }
    if (r == 0) {
        r = bus_subscribe(v->bus, SUBJECT_VALUE_READ, "value", on_read, v, &v->read_sub);
    }
    return r;
}

void values_stop(struct values *v)
{
    v->store_sub = bus_sub_free(v->store_sub);
    v->read_sub = bus_sub_free(v->read_sub);
    intake_stop(&v->queue);
    if (v->started) {
        pthread_join(v->thread, NULL);
        v->started = false;
    }
}
