/* Owns finding keys among many members in constant time and removing duplicate keys. Any thread;
 * the only state is the random hash key of the process. */
#include "json_scan.h"

#include <pthread.h>
#include <sys/random.h>

static uint64_t hash_key;
static pthread_once_t hash_once = PTHREAD_ONCE_INIT;

static void hash_key_init(void)
{
    ssize_t got = getrandom(&hash_key, sizeof(hash_key), 0);
    ASSERT(got == (ssize_t)sizeof(hash_key));
}

static uint64_t mix(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Each word is stirred with the secret before it is multiplied, so that no word, whatever the
 * input, is known to make the product zero. */
static uint32_t hash_str(struct str s)
{
    uint64_t h = hash_key ^ s.len, word;
    size_t i = 0;
    for (; s.len - i >= 8; i += 8) {
        memcpy(&word, s.ptr + i, 8);
        h = mix(word ^ hash_key, h ^ UINT64_C(0x9E3779B97F4A7C15)) + h;
    }
    word = 0;
    if (i < s.len) {
        memcpy(&word, s.ptr + i, s.len - i);
    }
    h = mix(word ^ hash_key, h ^ UINT64_C(0xD1B54A32D192ED03));
    h = mix(h, UINT64_C(0x8CB92BA72F3D8DD7));
    return (uint32_t)(h ^ h >> 32);
}

size_t json_index_slots(uint32_t n)
{
    size_t slots = 64;
    while (slots < (size_t)n * 2) {
        slots *= 2;
    }
    return slots;
}

uint32_t *json_index_slot(const struct json_index *x, const struct json_member *members,
                          struct str key)
{
    (void)pthread_once(&hash_once, hash_key_init);
    uint32_t at = hash_str(key) & x->mask;
    while (x->slots[at] && !str_eq(members[x->slots[at] - 1].key, key)) {
        at = (at + 1) & x->mask;
    }
    return &x->slots[at];
}

static uint32_t unique_hashed(struct json_member *members, uint32_t n)
{
    size_t slots = json_index_slots(n);
    AUTO(mem_free) uint32_t *memory = mem_array(slots, sizeof(uint32_t));
    struct json_index x = {.slots = memory, .mask = (uint32_t)(slots - 1)};
    uint32_t left = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t *slot = json_index_slot(&x, members, members[i].key);
        if (*slot) {
            members[*slot - 1].value = members[i].value;
        } else {
            members[left] = members[i];
            *slot = ++left;
        }
    }
    return left;
}

uint32_t json_unique_members(struct json_member *members, uint32_t n)
{
    if (n > JSON_LINEAR_MAX) {
        return unique_hashed(members, n);
    }
    /* One bit for a key's length and ends: only keys that share it are compared. */
    uint64_t seen = 0;
    uint32_t left = 0;
    for (uint32_t i = 0; i < n; i++) {
        struct str key = members[i].key;
        unsigned ends =
            key.len ? (unsigned char)key.ptr[0] * 5U + (unsigned char)key.ptr[key.len - 1] * 11U
                    : 0;
        uint64_t bit = UINT64_C(1) << ((key.len * 7 + ends) & 63);
        uint32_t at = left;
        if (seen & bit) {
            for (at = 0; at < left && !str_eq(members[at].key, key); at++) {
            }
        }
        seen |= bit;
        if (at < left) {
            members[at].value = members[i].value;
        } else {
            members[left++] = members[i];
        }
    }
    return left;
}
