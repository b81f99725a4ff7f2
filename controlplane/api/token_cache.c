/* Owns a table of verified tokens by their SHA-256, of fixed size: each digest has one slot, and
 * the newer one takes it. Any lane thread, under one mutex held for a copy. It holds no token. */
#include "api/token_cache.h"

#include <pthread.h>
#include <stdatomic.h>

#include "clock.h"

struct slot {
    uint8_t digest[32];
    struct gql_viewer viewer;
    uint64_t epoch;
    int64_t until_ns; /* monotonic; 0 = empty */
};
struct token_cache {
    pthread_mutex_t slots_lock;
    _Atomic uint64_t epoch;
    struct slot slots[TOKEN_CACHE_SLOTS];
};

struct token_cache *token_cache_new(void)
{
    struct token_cache *tc = mem_new(struct token_cache);
    pthread_mutex_init(&tc->slots_lock, NULL);
    return tc;
}

struct token_cache *token_cache_free(struct token_cache *tc)
{
    if (tc) {
        pthread_mutex_destroy(&tc->slots_lock);
        mem_free(tc);
    }
    return NULL;
}

static struct slot *slot_of(struct token_cache *tc, const uint8_t digest[32])
{
    return &tc->slots[((size_t)digest[0] << 8 | digest[1]) % TOKEN_CACHE_SLOTS];
}

uint64_t token_cache_epoch(const struct token_cache *tc)
{
    return atomic_load(&tc->epoch);
}

bool token_cache_get(struct token_cache *tc, const uint8_t digest[32], struct gql_viewer *ret)
{
    pthread_mutex_lock(&tc->slots_lock);
    const struct slot *s = slot_of(tc, digest);
    bool found = s->until_ns > clock_mono_ns() && s->epoch == atomic_load(&tc->epoch) &&
                 memcmp(s->digest, digest, sizeof(s->digest)) == 0;
    if (found) {
        *ret = s->viewer;
    }
    pthread_mutex_unlock(&tc->slots_lock);
    return found;
}

void token_cache_put(struct token_cache *tc, uint64_t epoch, const uint8_t digest[32],
                     const struct gql_viewer *viewer, int64_t life_ms)
{
    if (life_ms <= 0) {
        return;
    }
    struct slot made = {.viewer = *viewer, .epoch = epoch};
    memcpy(made.digest, digest, sizeof(made.digest));
    made.until_ns = clock_mono_ns() + MIN(life_ms, TOKEN_CACHE_LIFE_MS) * NS_PER_MS;
    pthread_mutex_lock(&tc->slots_lock);
    *slot_of(tc, digest) = made;
    pthread_mutex_unlock(&tc->slots_lock);
}

void token_cache_clear(struct token_cache *tc)
{
    atomic_fetch_add(&tc->epoch, 1);
}
