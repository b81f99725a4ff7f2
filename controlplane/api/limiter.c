/* Owns a table of counters of fixed size and a gate for costly work. Any lane thread, each under
 * its own mutex. Subjects are kept as keyed hashes; of those that share a set the oldest is
 * forgotten, so who wants another's count forgotten must make thousands of tries that are counted,
 * too. */
#include "api/limiter.h"

#include <pthread.h>

#include "clock.h"
#include "secret.h"

#define SETS 4096
#define WAYS 4

struct counter {
    uint64_t key;
    int64_t since_ns; /* start of the window; 0 = unused */
    int tries;
};
struct limiter {
    pthread_mutex_t sets_lock;
    struct secret_key key;
    struct counter sets[SETS][WAYS];
};

struct limiter *limiter_new(void)
{
    struct limiter *l = mem_new(struct limiter);
    pthread_mutex_init(&l->sets_lock, NULL);
    secret_key_random(&l->key);
    return l;
}

struct limiter *limiter_free(struct limiter *l)
{
    if (l) {
        pthread_mutex_destroy(&l->sets_lock);
        mem_free(l);
    }
    return NULL;
}

static uint64_t key_of(const struct limiter *l, const char *kind, struct str subject)
{
    AUTO(buf_done) struct buf text = {0};
    uint8_t mac[32];
    uint64_t key;
    buf_init(&text, KIB(4));
    buf_adds(&text, kind);
    buf_addc(&text, ':');
    for (size_t i = 0; i < subject.len; i++) { /* letters of either case are one */
        char c = subject.ptr[i];
        buf_addc(&text, c >= 'A' && c <= 'Z' ? (char)(c + 32) : c);
    }
    secret_hmac_sha256(str_n((const char *)l->key.b, sizeof(l->key.b)), buf_str(&text), mac);
    memcpy(&key, mac, sizeof(key));
    return key;
}

/* The counter of a key; without one, the one to give up for it. */
static struct counter *find(struct limiter *l, uint64_t key)
{
    struct counter *set = l->sets[key % SETS], *oldest = &set[0];
    for (int i = 0; i < WAYS; i++) {
        if (set[i].key == key && set[i].since_ns != 0) {
            return &set[i];
        }
        oldest = set[i].since_ns < oldest->since_ns ? &set[i] : oldest;
    }
    return oldest;
}

int limiter_take(struct limiter *l, const char *kind, struct str subject, int most, int64_t now_ns)
{
    uint64_t key = key_of(l, kind, subject);
    int wait_s = 0;
    pthread_mutex_lock(&l->sets_lock);
    struct counter *c = find(l, key);
    if (c->key != key || c->since_ns == 0 ||
        now_ns - c->since_ns >= LIMITER_WINDOW_S * NS_PER_SEC) {
        *c = (struct counter){.key = key, .since_ns = MAX(now_ns, 1)};
    }
    if (c->tries >= most) {
        wait_s = (int)(LIMITER_WINDOW_S - (now_ns - c->since_ns) / NS_PER_SEC);
        wait_s = MAX(wait_s, 1);
    } else {
        c->tries++;
    }
    pthread_mutex_unlock(&l->sets_lock);
    return wait_s;
}

void limiter_give_back(struct limiter *l, const char *kind, struct str subject)
{
    uint64_t key = key_of(l, kind, subject);
    pthread_mutex_lock(&l->sets_lock);
    struct counter *c = find(l, key);
    if (c->key == key && c->tries > 0) {
        c->tries--;
    }
    pthread_mutex_unlock(&l->sets_lock);
}

void limiter_forgive(struct limiter *l, const char *kind, struct str subject)
{
    uint64_t key = key_of(l, kind, subject);
    pthread_mutex_lock(&l->sets_lock);
    struct counter *c = find(l, key);
    if (c->key == key) {
        *c = (struct counter){0};
    }
    pthread_mutex_unlock(&l->sets_lock);
}

struct work_gate {
    pthread_mutex_t slots_lock;
    pthread_cond_t freed;
    int slots, max_waiting, waiting;
};

struct work_gate *work_gate_new(int slots, int waiting)
{
    struct work_gate *g = mem_new(struct work_gate);
    pthread_mutex_init(&g->slots_lock, NULL);
    pthread_cond_init(&g->freed, NULL);
    g->slots = slots;
    g->max_waiting = waiting;
    return g;
}

struct work_gate *work_gate_free(struct work_gate *g)
{
    if (g) {
        pthread_cond_destroy(&g->freed);
        pthread_mutex_destroy(&g->slots_lock);
        mem_free(g);
    }
    return NULL;
}

bool work_gate_enter(struct work_gate *g)
{
    pthread_mutex_lock(&g->slots_lock);
    bool ok = g->slots > 0 || g->waiting < g->max_waiting;
    if (ok) {
        g->waiting++;
        while (g->slots == 0) {
            pthread_cond_wait(&g->freed, &g->slots_lock);
        }
        g->waiting--;
        g->slots--;
    }
    pthread_mutex_unlock(&g->slots_lock);
    return ok;
}

void work_gate_leave(struct work_gate *g)
{
    pthread_mutex_lock(&g->slots_lock);
    g->slots++;
    pthread_cond_signal(&g->freed);
    pthread_mutex_unlock(&g->slots_lock);
}
