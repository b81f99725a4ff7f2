/* Owns the lanes of waiting events: rings that double, in a table by customer and, while they have
 * events, in a circle that turns by one with each event taken. A few empty lanes are kept for the
 * next one who needs one. */
#include "dispatch/waiting.h"

#define BUCKETS   1024
#define FIRST_CAP 16
#define SPARE_MAX 64
#define SPARE_CAP 256 /* a ring larger than that is given back */

struct item {
    struct uuid id;
    char *bytes;
    uint32_t size;
    bool taken_over;
};
struct lane {
    struct uuid key;
    struct lane *next_in_bucket;
    struct lane *before, *after; /* in the circle */
    struct item *ring;
    size_t cap, first, len; /* cap is a power of two */
    size_t bytes;
};
struct waiting {
    struct lane *buckets[BUCKETS];
    struct lane *turn;  /* whose turn it is in the circle; NULL = it is empty */
    struct lane urgent; /* what is taken over; not in table and circle */
    bool urgent_next;
    struct lane *spare; /* by next_in_bucket */
    size_t n_spare, n_lanes;
    size_t len, bare, bytes, max_bytes;
};

struct waiting *waiting_new(size_t max_bytes)
{
    struct waiting *w = mem_new(struct waiting);
    w->max_bytes = max_bytes;
    w->urgent_next = true;
    return w;
}

static struct lane *lane_free(struct lane *lane)
{
    mem_free(lane->ring);
    mem_free(lane);
    return NULL;
}

struct waiting *waiting_free(struct waiting *w)
{
    if (w) {
        while (w->len > 0) {
            mem_free(waiting_pop(w).bytes);
        }
        while (w->spare) {
            struct lane *lane = w->spare;
            w->spare = lane->next_in_bucket;
            lane_free(lane);
        }
        mem_free(w->urgent.ring);
        mem_free(w);
    }
    return NULL;
}

static void resize(struct lane *lane, size_t cap)
{
    struct item *ring = mem_array(cap, sizeof(*ring));
    for (size_t i = 0; i < lane->len; i++) {
        ring[i] = lane->ring[(lane->first + i) & (lane->cap - 1)];
    }
    mem_free(lane->ring);
    lane->ring = ring;
    lane->cap = cap;
    lane->first = 0;
}

static struct lane **bucket_of(struct waiting *w, const struct uuid *key)
{
    return &w->buckets[uuid_hash(key) % BUCKETS];
}

/* Its turn comes last. */
static void enter_circle(struct waiting *w, struct lane *lane)
{
    if (w->turn) {
        lane->after = w->turn;
        lane->before = w->turn->before;
        lane->before->after = lane->after->before = lane;
    } else {
        lane->before = lane->after = w->turn = lane;
    }
    w->n_lanes++;
}

static struct lane *lane_of(struct waiting *w, const struct uuid *key)
{
    struct lane **bucket = bucket_of(w, key);
    struct lane *lane = *bucket;
    while (lane && !uuid_eq(&lane->key, key)) {
        lane = lane->next_in_bucket;
    }
    if (lane) {
        return lane;
    }
    lane = w->spare;
    if (lane) {
        w->spare = lane->next_in_bucket;
        w->n_spare--;
    } else {
        lane = mem_new(struct lane);
    }
    lane->key = *key;
    lane->next_in_bucket = *bucket;
    *bucket = lane;
    enter_circle(w, lane);
    return lane;
}

/* Empty: out of table and circle. */
static void leave(struct waiting *w, struct lane *lane)
{
    struct lane **at = bucket_of(w, &lane->key);
    while (*at != lane) {
        at = &(*at)->next_in_bucket;
    }
    *at = lane->next_in_bucket;
    if (w->turn == lane) {
        w->turn = lane->after == lane ? NULL : lane->after;
    }
    lane->before->after = lane->after;
    lane->after->before = lane->before;
    w->n_lanes--;
    if (w->n_spare < SPARE_MAX && lane->cap <= SPARE_CAP) {
        lane->first = 0;
        lane->next_in_bucket = w->spare;
        w->spare = lane;
        w->n_spare++;
    } else {
        lane_free(lane);
    }
}

static void put(struct waiting *w, const struct uuid *lane_key, const struct uuid *id,
                struct str bytes, bool taken_over, bool at_front)
{
    struct lane *lane = taken_over ? &w->urgent : lane_of(w, lane_key);
    if (lane->len == lane->cap) {
        resize(lane, lane->cap ? lane->cap * 2 : FIRST_CAP);
    }
    /* A lane has at most what is left for others: a backlog leaves room for who comes then. */
    bool keep = bytes.ptr && w->bytes + bytes.len + lane->bytes <= w->max_bytes;
    size_t place = lane->first + lane->len;
    if (at_front) {
        lane->first = (lane->first - 1) & (lane->cap - 1);
        place = lane->first;
    }
    lane->ring[place & (lane->cap - 1)] = (struct item){
        .id = *id,
        .bytes = keep ? mem_dup(bytes.ptr, bytes.len) : NULL,
        .size = (uint32_t)bytes.len,
        .taken_over = taken_over,
    };
    lane->len++;
    lane->bytes += keep ? bytes.len : 0;
    w->bytes += keep ? bytes.len : 0;
    w->bare += !keep;
    w->len++;
}

void waiting_push(struct waiting *w, const struct uuid *lane, const struct uuid *id,
                  struct str bytes, bool taken_over)
{
    put(w, lane, id, bytes, taken_over, false);
}

void waiting_put_back(struct waiting *w, const struct waiting_event *e, uint32_t size)
{
    put(w, &e->lane, &e->id, str_n(NULL, size), e->taken_over, true);
}

size_t waiting_len(const struct waiting *w)
{
    return w->len;
}

size_t waiting_bare(const struct waiting *w)
{
    return w->bare;
}

size_t waiting_lanes(const struct waiting *w)
{
    return w->n_lanes + (w->urgent.len > 0);
}

static bool urgents_turn(const struct waiting *w)
{
    return w->urgent.len > 0 && (w->urgent_next || !w->turn);
}

static struct waiting_event event_of(const struct lane *lane)
{
    const struct item *i = &lane->ring[lane->first];
    return (struct waiting_event){.id = i->id,
                                  .lane = lane->key,
                                  .bytes = i->bytes,
                                  .size = i->size,
                                  .taken_over = i->taken_over};
}

struct waiting_event waiting_next(const struct waiting *w)
{
    ASSERT(w->len > 0);
    return event_of(urgents_turn(w) ? &w->urgent : w->turn);
}

void waiting_skip(struct waiting *w)
{
    if (urgents_turn(w)) {
        w->urgent_next = false;
    } else if (w->turn) {
        w->turn = w->turn->after;
        w->urgent_next = true;
    }
}

struct waiting_event waiting_pop(struct waiting *w)
{
    ASSERT(w->len > 0);
    bool urgent = urgents_turn(w);
    struct lane *lane = urgent ? &w->urgent : w->turn;
    struct waiting_event e = event_of(lane);
    lane->first = (lane->first + 1) & (lane->cap - 1);
    lane->len--;
    w->len--;
    lane->bytes -= e.bytes ? e.size : 0;
    w->bytes -= e.bytes ? e.size : 0;
    w->bare -= !e.bytes;
    w->urgent_next = !urgent;
    if (lane->cap > 4096 && lane->len < lane->cap / 8) {
        resize(lane, lane->cap / 2);
    }
    if (!urgent) {
        w->turn = lane->after;
        if (lane->len == 0) {
            leave(w, lane);
        }
    }
    return e;
}

bool waiting_oldest(const struct waiting *w, struct uuid *ret)
{
    const struct lane *lane = w->turn;
    bool found = false;
    for (size_t i = 0; i < w->n_lanes; i++, lane = lane->after) {
        const struct uuid *first = &lane->ring[lane->first].id; /* in order of acceptance */
        if (!found || uuid_cmp(first, ret) < 0) {
            *ret = *first;
            found = true;
        }
    }
    return found;
}
