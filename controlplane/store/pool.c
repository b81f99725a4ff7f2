/* Owns a fixed set of connections, handed to one thread at a time. Opened lazily: a server that is
 * away at start does not stop the process. */
#include "pool.h"

#include <pthread.h>

#include "clock.h"

struct pool {
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t freed;
    char *conninfo;
    enum db_role role;
    int size, opened;
    struct db **idle;
    int n_idle;
};

int pool_new(const char *conninfo, enum db_role role, int size, struct pool **ret, struct err *err)
{
    ASSERT(size > 0);
    struct pool *p = mem_new(struct pool);
    clock_cond_init(&p->freed);
    pthread_mutex_init(&p->lock, NULL);
    p->conninfo = mem_strdup(conninfo);
    p->role = role;
    p->size = size;
    p->idle = mem_array((size_t)size, sizeof(*p->idle));
    *ret = p;
    return 0;
}

struct pool *pool_free(struct pool *p)
{
    if (p) {
        for (int i = 0; i < p->n_idle; i++) {
            db_close(p->idle[i]);
        }
        mem_free(p->idle);
        mem_free(p->conninfo);
        pthread_cond_destroy(&p->freed);
        pthread_mutex_destroy(&p->lock);
        mem_free(p);
    }
    return NULL;
}

static void give_up_slot(struct pool *p)
{
    pthread_mutex_lock(&p->lock);
    p->opened--;
    pthread_cond_signal(&p->freed);
    pthread_mutex_unlock(&p->lock);
}

int pool_get(struct pool *p, int64_t timeout_ms, struct db **ret, struct err *err)
{
    int64_t until = clock_mono_ns() + timeout_ms * NS_PER_MS;
    struct timespec ts = clock_timespec(until);
    struct db *db = NULL;
    pthread_mutex_lock(&p->lock);
    while (p->n_idle == 0 && p->opened == p->size) {
        if (pthread_cond_timedwait(&p->freed, &p->lock, &ts) == ETIMEDOUT) {
            pthread_mutex_unlock(&p->lock);
            return err_set(err, -ETIMEDOUT, "db.busy", "all database connections are in use");
        }
    }
    if (p->n_idle > 0) {
        db = p->idle[--p->n_idle];
    } else {
        p->opened++;
    }
    pthread_mutex_unlock(&p->lock);

    int r = 0;
    if (!db) {
        r = db_open(p->conninfo, p->role, "leat-api", &db, err);
    } else if (!db_alive(db)) {
        r = db_reconnect(db, err);
    }
    if (r != 0) {
        db_close(db);
        give_up_slot(p);
        return r;
    }
    *ret = db;
    return 0;
}

void pool_put(struct pool *p, struct db *db)
{
    db_rollback(db);
    pthread_mutex_lock(&p->lock);
    p->idle[p->n_idle++] = db;
    pthread_cond_signal(&p->freed);
    pthread_mutex_unlock(&p->lock);
}
