/* Owns who is over its share: for each customer the time by which its runs so far would have been
 * due at the rate of the share. A small table of those that were active lately; an entry whose time
 * has passed is as good as none, and is taken by the next one who needs it. When every place that a
 * customer may have is taken by busier ones it counts as within its share. */
#include "dispatch/share.h"

#include "clock.h"

#define ENTRIES   8192 /* a power of two */
#define PROBES    8
#define COST_NS   (NS_PER_SEC / SHARE_RATE)
#define BURST_NS  (SHARE_BURST * COST_NS)
#define SEEN      8
#define SEEN_NS   (2 * NS_PER_SEC) /* so long is a customer about */
#define BULK_STEP 32               /* so many go at once: each batch costs, however small it is */
#define OVER_NS   NS_PER_SEC       /* so long after the last flood it counts as over its share */

struct entry {
    struct uuid customer;
    int64_t due_ns;
};
struct seen {
    struct uuid customer;
    int64_t at_ns;
};
struct share {
    struct seen seen[SEEN]; /* whose runs went lately, not as bulk */
    int64_t bulk_cost_ns;
    int64_t bulk_due_ns; /* by when the bulk so far would have been due at its rate */
    struct entry entries[ENTRIES];
};

struct share *share_new(int64_t bulk_rate)
{
    struct share *s = mem_new(struct share);
    s->bulk_cost_ns = NS_PER_SEC / MAX(bulk_rate, 1);
    return s;
}

struct share *share_free(struct share *s)
{
    mem_free(s);
    return NULL;
}

static const struct entry *find(const struct share *s, const struct uuid *customer)
{
    size_t at = uuid_hash(customer);
    for (size_t i = 0; i < PROBES; i++) {
        const struct entry *e = &s->entries[(at + i) & (ENTRIES - 1)];
        if (e->due_ns > 0 && uuid_eq(&e->customer, customer)) {
            return e;
        }
    }
    return NULL;
}

bool share_over(const struct share *s, const struct uuid *customer, int64_t now_ns)
{
    const struct entry *e = find(s, customer);
    return e && e->due_ns - now_ns > BURST_NS;
}

static void see(struct share *s, const struct uuid *customer, int64_t now_ns)
{
    struct seen *at = &s->seen[0];
    for (size_t i = 0; i < SEEN; i++) {
        struct seen *other = &s->seen[i];
        if (uuid_eq(&other->customer, customer)) {
            at = other;
            break;
        }
        at = other->at_ns < at->at_ns ? other : at;
    }
    *at = (struct seen){*customer, now_ns};
}

/* Who has gone over its share itself is nobody to make room for. */
static bool others_are_about(const struct share *s, int64_t now_ns)
{
    for (size_t i = 0; i < SEEN; i++) {
        const struct seen *e = &s->seen[i];
        if (e->at_ns > 0 && now_ns - e->at_ns < SEEN_NS && !share_over(s, &e->customer, now_ns)) {
            return true;
        }
    }
    return false;
}

int64_t share_bulk_room(struct share *s, int64_t now_ns)
{
    if (!others_are_about(s, now_ns)) {
        return INT64_MAX;
    }
    s->bulk_due_ns = MAX(s->bulk_due_ns, now_ns - 2 * BULK_STEP * s->bulk_cost_ns);
    int64_t room = (now_ns - s->bulk_due_ns) / s->bulk_cost_ns;
    return room < BULK_STEP ? 0 : room;
}

void share_charge(struct share *s, const struct uuid *customer, bool bulk, int64_t now_ns)
{
    const struct entry *found = find(s, customer);
    struct entry *e = found ? &s->entries[found - s->entries] : NULL;
    size_t at = uuid_hash(customer);
    for (size_t i = 0; i < PROBES && !e; i++) {
        struct entry *free = &s->entries[(at + i) & (ENTRIES - 1)];
        if (free->due_ns <= now_ns) {
            e = free;
            e->customer = *customer;
        }
    }
    if (bulk) {
        s->bulk_due_ns = MIN(s->bulk_due_ns + s->bulk_cost_ns, now_ns + NS_PER_SEC / 10);
    } else {
        see(s, customer, now_ns);
    }
    if (e) {
        e->due_ns = MIN(MAX(e->due_ns, now_ns) + COST_NS, now_ns + BURST_NS + OVER_NS);
    }
}
