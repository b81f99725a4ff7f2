/* Owns the queue of parts that workers wait for, the thread that commits them, and the reading
 * back. Parts come on a library thread; the committing thread takes all that have gathered and
 * answers after the commit. A part that cannot be stored now gets no answer: the worker sends it
 * again. It refuses parts beyond the bounds of its queue, and those of a run that was taken over.
 */
#include "recorder/checkpoints.h"

#include <pthread.h>
#include <stdatomic.h>

#include "checkpoint.h"
#include "clock.h"
#include "db.h"
#include "log.h"
#include "presence.h"
#include "recorder/intake.h"
#include "subjects.h"

#define QUEUE_MAX_BYTES MIB(64)
#define BATCH_MAX       200
#define READ_BYTES      MIB(1) /* of parts in an answer; one is always sent */

struct part {
    struct intake_item item; /* first: turned back; its arena has all of this */
    struct checkpoint checkpoint;
    const char *reply_to;
    bool stored;
};

struct checkpoints {
    struct bus *bus;
    char *conninfo;
    struct db *db, *read_db;
    struct bus_sub *store_sub, *read_sub;
    pthread_t thread;
    bool started;
    _Atomic uint64_t stored;
    struct intake queue;
};

struct checkpoints *checkpoints_new(const struct checkpoints_options *options)
{
    struct checkpoints *c = mem_new(struct checkpoints);
    c->bus = options->bus;
    c->conninfo = mem_strdup(options->conninfo);
    intake_init(&c->queue, QUEUE_MAX_BYTES);
    return c;
}

struct checkpoints *checkpoints_free(struct checkpoints *c)
{
    if (c) {
        checkpoints_stop(c);
        intake_done(&c->queue);
        db_close(c->db);
        db_close(c->read_db);
        mem_free(c->conninfo);
        mem_free(c);
    }
    return NULL;
}

uint64_t checkpoints_stored(const struct checkpoints *c)
{
    return c->stored;
}

static int ensure(struct checkpoints *c, struct db **db, struct err *err)
{
    return db_ensure(db, c->conninfo, "leat-checkpoints", err);
}

/* --- storing ---------------------------------------------------------------------------------- */

static void on_part(void *ctx, struct bus_message *m)
{
    struct checkpoints *c = ctx;
    struct str data = bus_message_data(m);
    const char *reply_to = bus_message_reply_to(m);
    AUTO(arena_free) struct arena *a = arena_new(data.len + KIB(2), 0);
    struct part *p = arena_zalloc(a, sizeof(*p));
    struct str own = str_n(arena_dup(a, data.ptr, data.len), data.len);
    if (!reply_to || wire_decode(&checkpoint_message, a, own, &p->checkpoint, NULL) < 0) {
        log_warn("a malformed checkpoint was left out");
        return;
    }
    p->reply_to = arena_strdup(a, reply_to);
    if (intake_put(&c->queue, &p->item, a, own.len)) {
        a = NULL;
    }
}

/* One of an execution; the others stay for the next round. */
static bool fits(const struct intake_item *item, struct intake_item *const *taken, size_t n)
{
    const struct uuid *id = &((const struct part *)item)->checkpoint.execution_id;
    for (size_t i = 0; i < n; i++) {
        if (uuid_eq(&((const struct part *)taken[i])->checkpoint.execution_id, id)) {
            return false;
        }
    }
    return true;
}

static struct str number(struct arena *a, uint32_t v)
{
    return str_of(arena_printf(a, "%u", v));
}

static int store(struct checkpoints *c, struct part **parts, size_t n, struct err *err)
{
    AUTO(arena_free) struct arena *a = arena_new(KIB(32), 0);
    struct uuid *ids = arena_array(a, n, sizeof(*ids));
    struct uuid *organizations = arena_array(a, n, sizeof(*organizations));
    struct str *texts[4], *steps = arena_array(a, n, sizeof(*steps));
    struct str *logs = arena_array(a, n, sizeof(*logs));
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        texts[i] = arena_array(a, n, sizeof(*texts[i]));
    }
    for (size_t i = 0; i < n; i++) {
        const struct checkpoint *p = &parts[i]->checkpoint;
        ids[i] = p->execution_id;
        organizations[i] = p->organization_id;
        texts[0][i] = number(a, p->attempt);
        texts[1][i] = number(a, p->first);
        texts[2][i] = number(a, p->n_steps);
        texts[3][i] = number(a, p->steps_size);
        steps[i] = p->steps;
        logs[i] = p->logs;
    }
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    int r = ensure(c, &c->db, err);
    if (r == 0) {
        r = db_run(c->db, QUERY_CHECKPOINT_STORE, &rows, err, DB_UUIDS(ids, n),
                   DB_TEXTS(texts[0], n), DB_TEXTS(texts[1], n), DB_UUIDS(organizations, n),
                   DB_TEXTS(texts[2], n), DB_TEXTS(texts[3], n), DB_BYTESS(steps, n),
                   DB_BYTESS(logs, n), DB_I64(LEASE_MS));
    }
    for (size_t i = 0; r == 0 && i < db_rows_n(rows); i++) {
        struct uuid id = db_uuid(rows, i, 0);
        for (size_t k = 0; k < n; k++) {
            parts[k]->stored |= uuid_eq(&id, &parts[k]->checkpoint.execution_id);
        }
    }
    return r;
}

static void answer(struct checkpoints *c, const struct part *p)
{
    AUTO(buf_done) struct buf reply = {0};
    buf_init(&reply, KIB(1));
    wire_encode(&checkpoint_reply_message, &(struct checkpoint_reply){p->stored}, &reply);
    (void)!bus_publish(c->bus, p->reply_to, buf_str(&reply));
}

static void *run(void *arg)
{
    struct checkpoints *c = arg;
    struct intake_item *items[BATCH_MAX];
    struct part *parts[BATCH_MAX];
    size_t n;
    while ((n = intake_take(&c->queue, items, BATCH_MAX, fits)) > 0) {
        struct err err = {0};
        for (size_t i = 0; i < n; i++) {
            parts[i] = (struct part *)items[i];
        }
        int r = store(c, parts, n, &err);
        if (r != 0) {
            log_warn("checkpoints are put off", LOG_STR("error", err.message), LOG_INT("parts", n));
        }
        for (size_t i = 0; i < n; i++) {
            if (r == 0) {
                answer(c, parts[i]);
                c->stored += parts[i]->stored;
            }
            intake_item_free(items[i]);
        }
    }
    return NULL;
}

/* --- reading back ----------------------------------------------------------------------------- */

static int read_parts(struct checkpoints *c, struct arena *a, const struct checkpoint_read *ask,
                      struct buf *reply, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    int r = ensure(c, &c->read_db, err);
    if (r == 0) {
        r = db_run(c->read_db, QUERY_CHECKPOINT_READ, &rows, err, DB_UUID(ask->execution_id),
                   DB_I64(ask->first), DB_I64(READ_BYTES));
    }
    if (r != 0) {
        return r;
    }
    size_t n = db_rows_n(rows), bytes = 0, fit = 0;
    struct checkpoint *parts = arena_array(a, n, sizeof(*parts));
    for (size_t i = 0; i < n; i++) {
        parts[i] = (struct checkpoint){.execution_id = ask->execution_id,
                                       .first = (uint32_t)db_int(rows, i, 0),
                                       .organization_id = db_uuid(rows, i, 1),
                                       .n_steps = (uint32_t)db_int(rows, i, 2),
                                       .steps_size = (uint32_t)db_int(rows, i, 3),
                                       .steps = db_str(rows, i, 4),
                                       .logs = db_str(rows, i, 5)};
        bytes += parts[i].steps.len + parts[i].logs.len;
        fit += fit == i && (i == 0 || bytes <= READ_BYTES);
    }
    struct checkpoint_parts message = {.parts = {.items = parts, .n = fit}};
    wire_encode(&checkpoint_parts_message, &message, reply);
    return 0;
}

static void on_read(void *ctx, struct bus_message *m)
{
    struct checkpoints *c = ctx;
    AUTO(arena_free) struct arena *a = arena_new(KIB(4), 0);
    AUTO(buf_done) struct buf reply = {0};
    struct checkpoint_read ask;
    struct err err = {0};
    buf_init(&reply, MESSAGE_MAX_BYTES);
    int r = wire_decode(&checkpoint_read_message, a, bus_message_data(m), &ask, &err);
    if (r == 0) {
        r = read_parts(c, a, &ask, &reply, &err);
    }
    if (r == 0) {
        r = bus_respond(c->bus, m, buf_str(&reply));
    }
    if (r != 0) {
        log_warn("a worker's question for checkpoints was not answered",
                 LOG_STR("error", err.message));
    }
}

int checkpoints_start(struct checkpoints *c)
{
    int r = -pthread_create(&c->thread, NULL, run, c);
    c->started = r == 0;
    if (r == 0) {
        r = bus_subscribe(c->bus, SUBJECT_CHECKPOINT, "checkpoint", on_part, c, &c->store_sub);
    }
    if (r == 0) {
        r = bus_subscribe(c->bus, SUBJECT_CHECKPOINT_READ, "checkpoint", on_read, c, &c->read_sub);
    }
    return r;
}

void checkpoints_stop(struct checkpoints *c)
{
    c->store_sub = bus_sub_free(c->store_sub);
    c->read_sub = bus_sub_free(c->read_sub);
    intake_stop(&c->queue);
    if (c->started) {
        pthread_join(c->thread, NULL);
        c->started = false;
    }
}
