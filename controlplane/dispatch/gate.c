/* Owns the gate's thread and connection. It is woken with the keys of what changed: by accept after
 * a commit of queued events, by the recorder when results freed places, by the API; all of the same
 * process. So whoever changes a queue also sees to it, and replicas need not tell each other; what
 * a process left undone because it died is found by the look at all queues, which every replica
 * takes once a second. Releases of all replicas take their turns by an advisory lock inside
 * leat_queue_release, which decides alone: the thread only calls it and hands on what it returns.
 * An execution released by a process that dies before it is published has a lease; the sweeper
 * takes it over when that expires. */
#include "dispatch/gate.h"

#include <pthread.h>

#include "clock.h"
#include "db.h"
#include "log.h"
#include "presence.h"

#define KEYS_MAX         4096 /* changed at once; beyond it everything is looked at */
#define DEFAULT_EVERY_MS 1000
#define AWAY_MS          200

struct gate {
    char *conninfo;
    struct dispatcher *dispatcher;
    int64_t every_ms;
    pthread_t thread;
    bool started;
    struct db *db;        /* the thread's */
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t changed;
    struct uuid keys[KEYS_MAX];
    size_t n_keys;
    bool all; /* look at everything */
    bool stopping;
};

int gate_new(const struct gate_options *options, struct gate **ret, struct err *err)
{
    struct gate *g = mem_new(struct gate);
    g->conninfo = mem_strdup(options->conninfo);
    g->dispatcher = options->dispatcher;
    g->every_ms = options->every_ms ? options->every_ms : DEFAULT_EVERY_MS;
    g->all = true;
    pthread_mutex_init(&g->lock, NULL);
    clock_cond_init(&g->changed);
    *ret = g;
    return 0;
}

struct gate *gate_free(struct gate *g)
{
    if (g) {
        gate_stop(g);
        db_close(g->db);
        pthread_mutex_destroy(&g->lock);
        pthread_cond_destroy(&g->changed);
        mem_free(g->conninfo);
        mem_free(g);
    }
    return NULL;
}

/* Under the lock. */
static void add_key(struct gate *g, const struct uuid *key)
{
    for (size_t i = 0; i < g->n_keys; i++) {
        if (uuid_eq(&g->keys[i], key)) {
            return;
        }
    }
    if (g->n_keys == KEYS_MAX) {
        g->all = true;
    } else {
        g->keys[g->n_keys++] = *key;
    }
}

void gate_wake(struct gate *g, const struct uuid *keys, size_t n)
{
    pthread_mutex_lock(&g->lock);
    g->all |= n == 0;
    for (size_t i = 0; i < n && !g->all; i++) {
        add_key(g, &keys[i]);
    }
    pthread_cond_signal(&g->changed);
    pthread_mutex_unlock(&g->lock);
}

int gate_release(struct db *db, struct dispatcher *dispatcher, const struct uuid *keys, size_t n,
                 size_t *ret_released, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    int r = db_run(db, QUERY_QUEUE_RELEASE, &rows, err, keys ? DB_UUIDS(keys, n) : DB_NULL,
                   DB_I64(GATE_MOST), DB_I64(LEASE_MS)); /* until a worker reports it */
    if (r != 0) {
        return r;
    }
    struct uuid ids[GATE_MOST];
    *ret_released = MIN(db_rows_n(rows), (size_t)GATE_MOST);
    for (size_t i = 0; i < *ret_released; i++) {
        ids[i] = db_uuid(rows, i, 0);
    }
    if (dispatcher && *ret_released > 0) {
        dispatcher_add_taken_over(dispatcher, ids, *ret_released);
    }
    return 0;
}

/* Results recorded by workers that do not tell about queues leave their places behind. */
static int look_at_all(struct gate *g, size_t *ret_released, struct err *err)
{
    int r = db_run(g->db, QUERY_QUEUE_LEFT_BEHIND, NULL, err);
    return r == 0 ? gate_release(g->db, g->dispatcher, NULL, 0, ret_released, err) : r;
}

/* Waits until something changed or a look is due. Takes the keys; false when stopping. */
static bool wait_for_change(struct gate *g, int64_t look_at_ns, struct uuid *ret_keys,
                            size_t *ret_n, bool *ret_all)
{
    struct timespec until = clock_timespec(look_at_ns);
    pthread_mutex_lock(&g->lock);
    while (!g->stopping && !g->all && g->n_keys == 0 && clock_mono_ns() < look_at_ns) {
        (void)pthread_cond_timedwait(&g->changed, &g->lock, &until);
    }
    bool go_on = !g->stopping;
    *ret_all = g->all || clock_mono_ns() >= look_at_ns;
    *ret_n = g->n_keys;
    memcpy(ret_keys, g->keys, g->n_keys * sizeof(*ret_keys));
    g->n_keys = 0;
    g->all = false;
    pthread_mutex_unlock(&g->lock);
    return go_on;
}

static int ensure_db(struct gate *g, struct err *err)
{
    return db_ensure(&g->db, g->conninfo, "leat gate", err);
}

/* After a failure: everything is looked at then. */
static void pause_away(struct gate *g)
{
    int64_t until = clock_mono_ns() + AWAY_MS * NS_PER_MS;
    struct timespec ts = clock_timespec(until);
    pthread_mutex_lock(&g->lock);
    g->all = true;
    while (!g->stopping && clock_mono_ns() < until) {
        (void)pthread_cond_timedwait(&g->changed, &g->lock, &ts);
    }
    pthread_mutex_unlock(&g->lock);
}

static void *gate_thread(void *arg)
{
    struct gate *g = arg;
    struct uuid *keys = mem_array(KEYS_MAX, sizeof(*keys));
    size_t n = 0;
    bool all = false, said = false; /* once an outage */
    int64_t look_at_ns = 0;
    (void)pthread_setname_np(pthread_self(), "gate");
    while (wait_for_change(g, look_at_ns, keys, &n, &all)) {
        struct err err = {0};
        size_t released = 0;
        int r = ensure_db(g, &err);
        if (r == 0) {
            r = all ? look_at_all(g, &released, &err)
                    : gate_release(g->db, g->dispatcher, keys, n, &released, &err);
        }
        if (r != 0) {
            if (!said) {
                log_warn("nothing can be released from queues", LOG_STR("error", err.message));
            }
            said = true;
            pause_away(g);
        } else {
            said = false;
            if (all) {
                look_at_ns = clock_mono_ns() + g->every_ms * NS_PER_MS;
            }
            if (released == GATE_MOST) { /* there may be more */
                gate_wake(g, all ? NULL : keys, all ? 0 : n);
            }
        }
    }
    mem_free(keys);
    return NULL;
}

int gate_start(struct gate *g)
{
    int r = pthread_create(&g->thread, NULL, gate_thread, g);
    g->started = r == 0;
    return -r;
}

void gate_stop(struct gate *g)
{
    pthread_mutex_lock(&g->lock);
    g->stopping = true;
    pthread_cond_signal(&g->changed);
    pthread_mutex_unlock(&g->lock);
    if (g->started) {
        pthread_join(g->thread, NULL);
        g->started = false;
    }
}
