/* Owns the cache of fetched instances. Slots look here before each run and fetch what is missing;
 * of several that want the same, one asks and the others wait for it. What holds tokens gets stale;
 * it serves on while the control plane is away. A table of chains finds an entry, a ring in order
 * of use tells which goes first. */
#include "definitions/definitions.h"

#include <pthread.h>

#include "clock.h"
#include "definitions/plans.h"
#include "secret.h"

#define BUCKETS        4096 /* power of two */
#define ASK_TIMEOUT_MS 3000
#define ASK_AGAIN_NS   (200 * NS_PER_MS)
#define STALE_ASK_NS   (3500 * NS_PER_MS) /* then what there is serves on */
#define STALE_KEEP_NS  (2 * NS_PER_SEC)

struct entry {
    struct entry *chain;
    struct entry *newer, *older; /* ring around definitions.ring */
    struct uuid instance_id;
    uint64_t revision;
    struct instance *instance; /* NULL while it is being fetched, or after it failed */
    int64_t stale_ns;          /* monotonic: its configuration is asked for again; 0 = never */
    bool settled;
    int rc;
    struct err err;
    int waiters; /* besides the table */
};

struct definitions {
    struct definitions_options options;
    struct plans *plans;
    pthread_mutex_t lock; /* guards everything below */
    pthread_cond_t settled;
    struct entry *buckets[BUCKETS];
    struct entry ring; /* newer = least recently used, older = most recently used */
    size_t n, bytes;
};

struct definitions *definitions_new(const struct definitions_options *options)
{
    struct definitions *d = mem_new(struct definitions);
    d->options = *options;
    d->plans = plans_new(options->max_plans, options->find);
    ASSERT(pthread_mutex_init(&d->lock, NULL) == 0);
    ASSERT(pthread_cond_init(&d->settled, NULL) == 0);
    d->ring.newer = d->ring.older = &d->ring;
    return d;
}

static struct entry **bucket_of(struct definitions *d, const struct uuid *id, uint64_t revision)
{
    return &d->buckets[(uuid_hash(id) ^ (revision * UINT64_C(0x9e3779b97f4a7c15))) & (BUCKETS - 1)];
}

static void ring_remove(struct entry *e)
{
    e->older->newer = e->newer;
    e->newer->older = e->older;
}

static void ring_add(struct definitions *d, struct entry *e)
{
    e->older = d->ring.older;
    e->newer = &d->ring;
    e->older->newer = e;
    d->ring.older = e;
}

/* Under the lock. */
static struct entry *find_entry(struct definitions *d, const struct uuid *id, uint64_t revision)
{
    for (struct entry *e = *bucket_of(d, id, revision); e; e = e->chain) {
        if (e->revision == revision && uuid_eq(&e->instance_id, id)) {
            return e;
        }
    }
    return NULL;
}

/* Under the lock: out of the table; freed once nobody waits on it. */
static void drop_entry(struct definitions *d, struct entry *e)
{
    struct entry **at = bucket_of(d, &e->instance_id, e->revision);
    while (*at != e) {
        at = &(*at)->chain;
    }
    *at = e->chain;
    ring_remove(e);
    d->n--;
    if (e->instance) {
        d->bytes -= e->instance->bytes;
    }
    if (!e->waiters) {
        instance_unref(e->instance);
        mem_free(e);
    }
}

struct definitions *definitions_free(struct definitions *d)
{
    if (d) {
        while (d->ring.newer != &d->ring) {
            drop_entry(d, d->ring.newer);
        }
        plans_free(d->plans);
        pthread_cond_destroy(&d->settled);
        pthread_mutex_destroy(&d->lock);
        mem_free(d);
    }
    return NULL;
}

/* Under the lock: the least recently used go until the bounds hold. */
static void make_room(struct definitions *d, const struct entry *keep)
{
    struct entry *e = d->ring.newer;
    while (e != &d->ring && (d->n > d->options.max_instances || d->bytes > d->options.max_bytes)) {
        struct entry *next = e->newer;
        if (e != keep && e->settled && !e->waiters) {
            drop_entry(d, e);
        }
        e = next;
    }
}

static int make_plan(void *ctx, const struct fetched_instance *f, struct plan **ret,
                     struct err *err)
{
    struct definitions *d = ctx;
    const struct fetched_component *components = f->components.items;
    struct own_component_text *own = mem_array(f->components.n + 1, sizeof(*own));
    for (size_t i = 0; i < f->components.n; i++) {
        own[i] = (struct own_component_text){.key = components[i].key,
                                             .version = (int)components[i].version,
                                             .text = components[i].text};
    }
    int rc = plans_get(d->plans, &f->integration_version_id, f->definition, own, f->components.n,
                       ret, err);
    mem_free(own);
    return rc;
}

static int ask(struct definitions *d, const struct definition_fetch *what, int64_t deadline_ns,
               struct instance **ret, struct err *err)
{
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    struct str plain;
    int rc = -ETIMEDOUT;
    for (;;) {
        int64_t left_ms = (deadline_ns - clock_mono_ns()) / NS_PER_MS;
        if (left_ms <= 0) {
            return err_set(err, rc, "definition.unreachable",
                           "the definition of the instance could not be fetched: the control plane "
                           "did not answer in time");
        }
        arena_clear(a);
        rc = d->options.fetch(d->options.ctx, what, MIN(left_ms, ASK_TIMEOUT_MS), a, &plain, err);
        if (rc != -ETIMEDOUT && rc != -ENOTCONN) {
            break;
        }
        clock_wait_ns(ASK_AGAIN_NS);
    }
    if (rc == 0) {
        rc = instance_new(plain, make_plan, d, ret, err);
        secret_wipe((void *)(uintptr_t)plain.ptr, plain.len); /* the arena's, so writable */
    }
    return rc;
}

static bool is_stale(const struct entry *e)
{
    return e->stale_ns != 0 && clock_mono_ns() >= e->stale_ns;
}

struct instance *definitions_find(struct definitions *d, const struct uuid *id, uint64_t revision)
{
    struct instance *found = NULL;
    pthread_mutex_lock(&d->lock);
    struct entry *e = revision ? find_entry(d, id, revision) : NULL;
    if (e && e->instance && !is_stale(e)) {
        ring_remove(e);
        ring_add(d, e);
        found = instance_ref(e->instance);
    }
    pthread_mutex_unlock(&d->lock);
    return found;
}

/* Under the lock: waits for the one who asks. */
static int wait_for(struct definitions *d, struct entry *e, struct instance **ret, struct err *err)
{
    e->waiters++;
    while (!e->settled) {
        pthread_cond_wait(&d->settled, &d->lock);
    }
    int rc = e->rc;
    if (rc == 0) {
        *ret = instance_ref(e->instance);
    } else if (err) {
        *err = e->err;
    }
    e->waiters--;
    if (!e->waiters && find_entry(d, &e->instance_id, e->revision) != e) {
        instance_unref(e->instance);
        mem_free(e);
    }
    return rc;
}

/* Under the lock: an entry that is being fetched. */
static struct entry *new_entry(struct definitions *d, const struct uuid *id, uint64_t revision)
{
    struct entry *e = mem_new(struct entry);
    e->instance_id = *id;
    e->revision = revision;
    struct entry **bucket = bucket_of(d, id, revision);
    e->chain = *bucket;
    *bucket = e;
    ring_add(d, e);
    d->n++;
    return e;
}

/* Under the lock: what was asked for is there for all, or failed. */
static int settle(struct definitions *d, struct entry *e, int rc, struct instance *instance,
                  int64_t fresh_ns, struct instance **ret, struct err *err)
{
    e->rc = rc;
    e->settled = true;
    if (rc == 0) {
        e->instance = instance;
        e->stale_ns = fresh_ns ? clock_mono_ns() + fresh_ns : 0;
        d->bytes += instance->bytes;
        *ret = instance_ref(instance);
        make_room(d, e);
    } else {
        if (err) {
            *err = e->err;
        }
        drop_entry(d, e);
    }
    pthread_cond_broadcast(&d->settled);
    return rc;
}

int definitions_fetch(struct definitions *d, const struct uuid *id, uint64_t revision,
                      int64_t deadline_ns, struct instance **ret, struct err *err)
{
    struct definition_fetch what = {.instance_id = *id, .revision = revision};
    AUTO(instance_unref) struct instance *before = NULL;
    if (!revision) {
        return ask(d, &what, deadline_ns, ret, err);
    }
    pthread_mutex_lock(&d->lock);
    struct entry *e = find_entry(d, id, revision);
    if (e && e->settled && e->instance && is_stale(e)) {
        before = instance_ref(e->instance);
        drop_entry(d, e);
        e = NULL;
    }
    if (e) {
        int rc = wait_for(d, e, ret, err);
        pthread_mutex_unlock(&d->lock);
        return rc;
    }
    e = new_entry(d, id, revision);
    pthread_mutex_unlock(&d->lock);
    struct instance *instance = NULL;
    int64_t until_ns = before ? MIN(deadline_ns, clock_mono_ns() + STALE_ASK_NS) : deadline_ns;
    int rc = ask(d, &what, until_ns, &instance, &e->err);
    int64_t fresh_ns = rc == 0 ? instance->fetched.fresh_ms * NS_PER_MS : STALE_KEEP_NS;
    if (before && (rc == -ETIMEDOUT || rc == -ENOTCONN)) {
        instance = TAKE(before);
        rc = 0;
    }
    pthread_mutex_lock(&d->lock);
    rc = settle(d, e, rc, instance, fresh_ns, ret, err);
    pthread_mutex_unlock(&d->lock);
    return rc;
}
