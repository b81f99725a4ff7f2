/* Owns the slot threads and the queue of jobs. Pushed by the fetch thread, everything else happens
 * on the slots. A slot that finishes takes the next job by itself, so a stream of short jobs runs
 * on a few threads without any wake-up; a sleeping slot is woken, or a new one made, only while
 * jobs wait and fewer slots compute than there are processors. The order of sleeping slots is last
 * in, first out, so that the rest stay asleep and end after IDLE_MS. It refuses nothing: the length
 * of the queue is bounded by whoever pushes (slot_pool_wait_room). */
#include "slot.h"

#include <pthread.h>
#include <unistd.h>

#include "clock.h"
#include "mem.h"

#define IDLE_MS 5000
#define LANES   256
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STACK_BYTES MIB(2)
#else
#define STACK_BYTES KIB(256)
#endif

struct slot {
    struct slot_pool *pool;
    struct slot *next_idle;
    pthread_cond_t wake;
    bool woken;
    int blocked; /* depth of slot_block_begin */
};

struct lane {
    struct slot_job *head, **tail;
    struct lane *next; /* in the ring of those that have jobs */
};

struct slot_pool {
    struct slot_options options;
    pthread_mutex_t lock; /* guards everything below */
    pthread_cond_t room;  /* queue got shorter, or a slot went idle or ended */
    struct lane lanes[LANES];
    struct lane *last; /* of the ring: the one after it has its turn; NULL = no job */
    size_t queued[2];  /* bulk apart */
    struct slot *idle;
    int n_slots, n_idle, n_computing;
    size_t room_below[2]; /* someone waits for a queue shorter than this; 0 = nobody */
    bool drains;          /* someone waits until nothing is left */
    bool stopping;
};

static void cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t until_ns)
{
    struct timespec ts = clock_timespec(until_ns);
    (void)pthread_cond_timedwait(cond, lock, &ts);
}

struct slot_pool *slot_pool_new(const struct slot_options *options)
{
    struct slot_pool *pool = mem_new(struct slot_pool);
    pool->options = *options;
    if (pool->options.computing <= 0) {
        pool->options.computing = (int)MAX(1, sysconf(_SC_NPROCESSORS_ONLN));
    }
    pool->options.max_slots = MAX(pool->options.max_slots, 1);
    ASSERT(pthread_mutex_init(&pool->lock, NULL) == 0);
    clock_cond_init(&pool->room);
    return pool;
}

/* Under the lock: the next job; NULL when none waits or enough slots compute already. */
static struct slot_job *take_job(struct slot_pool *pool)
{
    if (!pool->last || pool->n_computing > pool->options.computing) {
        return NULL;
    }
    struct lane *lane = pool->last->next;
    struct slot_job *job = lane->head;
    lane->head = job->next;
    if (lane->head) {
        pool->last = lane; /* the next one's turn */
    } else if (pool->last == lane) {
        pool->last = NULL;
    } else {
        pool->last->next = lane->next;
    }
    job->next = NULL;
    pool->queued[job->bulk]--;
    if (pool->queued[job->bulk] < pool->room_below[job->bulk] || pool->drains) {
        pthread_cond_broadcast(&pool->room);
    }
    return job;
}

/* Under the lock; the caller is counted as computing. Returns false when it has idled so long that
 * its thread is to end. */
static bool wait_for_work(struct slot_pool *pool, struct slot *slot)
{
    pool->n_computing--;
    pool->n_idle++;
    slot->next_idle = pool->idle;
    slot->woken = false;
    pool->idle = slot;
    if (pool->drains) {
        pthread_cond_broadcast(&pool->room);
    }
    int64_t until = clock_mono_ns() + IDLE_MS * NS_PER_MS;
    while (!slot->woken) {
        cond_wait_until(&slot->wake, &pool->lock, until);
        if (!slot->woken && (pool->stopping || clock_mono_ns() >= until)) {
            struct slot **at = &pool->idle;
            while (*at != slot) {
                at = &(*at)->next_idle;
            }
            *at = slot->next_idle;
            pool->n_idle--;
            return false;
        }
    }
    return true; /* the waker took it off the idle list and counted it as computing */
}

static void *slot_main(void *arg)
{
    struct slot *slot = arg;
    struct slot_pool *pool = slot->pool;
    void *memory = pool->options.memory_new(pool->options.ctx, slot);
    pthread_mutex_lock(&pool->lock);
    for (;;) {
        struct slot_job *job = take_job(pool);
        if (job) {
            pthread_mutex_unlock(&pool->lock);
            pool->options.run(pool->options.ctx, memory, job);
            pthread_mutex_lock(&pool->lock);
        } else if (!wait_for_work(pool, slot)) {
            break;
        }
    }
    pthread_mutex_unlock(&pool->lock);
    pool->options.memory_free(memory);
    pthread_cond_destroy(&slot->wake);
    mem_free(slot);
    pthread_mutex_lock(&pool->lock);
    pool->n_slots--;
    pthread_cond_broadcast(&pool->room);
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

/* Under the lock: makes a new slot that counts as computing. False when the system refuses. */
static bool spawn(struct slot_pool *pool)
{
    struct slot *slot = mem_new(struct slot);
    slot->pool = pool;
    clock_cond_init(&slot->wake);
    pthread_attr_t attr;
    pthread_t thread;
    ASSERT(pthread_attr_init(&attr) == 0);
    ASSERT(pthread_attr_setstacksize(&attr, STACK_BYTES) == 0);
    ASSERT(pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED) == 0);
    int rc = pthread_create(&thread, &attr, slot_main, slot);
    (void)pthread_attr_destroy(&attr);
    if (rc) {
        pthread_cond_destroy(&slot->wake);
        mem_free(slot);
        return false;
    }
    pool->n_slots++;
    pool->n_computing++;
    return true;
}

/* Under the lock: puts one more slot to work if a job waits and a processor is free. */
static void engage(struct slot_pool *pool)
{
    if (!pool->last || pool->n_computing >= pool->options.computing) {
        return;
    }
    struct slot *slot = pool->idle;
    if (slot) {
        pool->idle = slot->next_idle;
        pool->n_idle--;
        pool->n_computing++;
        slot->woken = true;
        pthread_cond_signal(&slot->wake);
    } else if (pool->n_slots < pool->options.max_slots) {
        (void)spawn(pool); /* refused: a slot that finishes takes the job */
    }
}

/* Under the lock. */
static void enqueue(struct slot_pool *pool, struct slot_job *job)
{
    struct lane *lane = &pool->lanes[job->lane % LANES];
    job->next = NULL;
    pool->queued[job->bulk]++;
    if (lane->head) {
        *lane->tail = job;
        lane->tail = &job->next;
        return;
    }
    lane->head = job;
    lane->tail = &job->next;
    if (pool->last) {
        lane->next = pool->last->next;
        pool->last->next = lane;
    } else {
        lane->next = lane;
    }
    pool->last = lane; /* its turn comes after all others' */
}

void slot_pool_push(struct slot_pool *pool, struct slot_job *first)
{
    pthread_mutex_lock(&pool->lock);
    size_t pushed = 0;
    for (struct slot_job *job = first, *next; job; job = next) {
        next = job->next;
        enqueue(pool, job);
        pushed++;
    }
    for (size_t i = 0; i < MIN(pushed, (size_t)pool->options.computing); i++) {
        engage(pool);
    }
    pthread_mutex_unlock(&pool->lock);
}

size_t slot_pool_queued(struct slot_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    size_t queued = pool->queued[false] + pool->queued[true];
    pthread_mutex_unlock(&pool->lock);
    return queued;
}

size_t slot_pool_wait_room(struct slot_pool *pool, bool bulk, size_t limit, int64_t wait_ns)
{
    int64_t until = clock_mono_ns() + wait_ns;
    pthread_mutex_lock(&pool->lock);
    while (pool->queued[bulk] >= limit && clock_mono_ns() < until) {
        pool->room_below[bulk] = limit;
        cond_wait_until(&pool->room, &pool->lock, until);
    }
    pool->room_below[bulk] = 0;
    size_t room = pool->queued[bulk] < limit ? limit - pool->queued[bulk] : 0;
    pthread_mutex_unlock(&pool->lock);
    return room;
}

void slot_pool_stats(struct slot_pool *pool, int *ret_busy, int *ret_slots)
{
    pthread_mutex_lock(&pool->lock);
    *ret_busy = pool->n_slots - pool->n_idle;
    *ret_slots = pool->n_slots;
    pthread_mutex_unlock(&pool->lock);
}

struct slot_job *slot_pool_take_queued(struct slot_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    struct slot_job *first = NULL, **tail = &first;
    while (pool->last) {
        struct lane *lane = pool->last->next;
        *tail = lane->head;
        tail = lane->tail;
        lane->head = NULL;
        if (pool->last == lane) {
            pool->last = NULL;
        } else {
            pool->last->next = lane->next;
        }
    }
    pool->queued[false] = pool->queued[true] = 0;
    pthread_mutex_unlock(&pool->lock);
    return first;
}

bool slot_pool_drain(struct slot_pool *pool, int64_t wait_ns)
{
    int64_t until = clock_mono_ns() + wait_ns;
    pthread_mutex_lock(&pool->lock);
    pool->drains = true;
    while ((pool->last || pool->n_slots > pool->n_idle) && clock_mono_ns() < until) {
        cond_wait_until(&pool->room, &pool->lock, until);
    }
    pool->drains = false;
    bool quiet = !pool->last && pool->n_slots == pool->n_idle;
    pthread_mutex_unlock(&pool->lock);
    return quiet;
}

struct slot_pool *slot_pool_free(struct slot_pool *pool)
{
    if (!pool) {
        return NULL;
    }
    pthread_mutex_lock(&pool->lock);
    ASSERT(!pool->last);
    pool->stopping = true;
    for (struct slot *slot = pool->idle; slot; slot = slot->next_idle) {
        pthread_cond_signal(&slot->wake);
    }
    while (pool->n_slots) {
        cond_wait_until(&pool->room, &pool->lock, clock_mono_ns() + NS_PER_SEC);
        for (struct slot *slot = pool->idle; slot; slot = slot->next_idle) {
            pthread_cond_signal(&slot->wake);
        }
    }
    pthread_mutex_unlock(&pool->lock);
    pthread_cond_destroy(&pool->room);
    pthread_mutex_destroy(&pool->lock);
    mem_free(pool);
    return NULL;
}

void slot_block_begin(struct slot *slot)
{
    if (slot->blocked++) {
        return;
    }
    struct slot_pool *pool = slot->pool;
    pthread_mutex_lock(&pool->lock);
    pool->n_computing--;
    engage(pool);
    pthread_mutex_unlock(&pool->lock);
}

void slot_block_end(struct slot *slot)
{
    ASSERT(slot->blocked > 0);
    if (--slot->blocked) {
        return;
    }
    struct slot_pool *pool = slot->pool;
    pthread_mutex_lock(&pool->lock);
    pool->n_computing++;
    pthread_mutex_unlock(&pool->lock);
}
