/* Owns three chained hash tables: endpoints by id, members by (integration, external id) and by
 * instance. Called under the lock of the index, but for the reference of a routing, which readers
 * take along. */
#include "hooks/hook_endpoints.h"

#include <stdatomic.h>

#include "hooks/hook_table.h"

#define FIRST_BUCKETS 64

enum { /* columns of hook_index_endpoints */
       COL_INSTANCE,
       COL_SEQUENCE,
       COL_IS_SHARED,
       COL_PREPROCESSED,
       COL_PREPROCESS,
       COL_FLOW_NAME,
       COL_CUSTOMER_ID,
       COL_ENABLED,
       COL_EXTERNAL_ID,
       COL_DEPLOYED_AT,
       COL_IS_ROUTER,
};
enum { /* columns of hook_index_shared */
       COL_OF_SEQUENCE,
       COL_OF_PREPROCESSED,
       COL_OF_PREPROCESS,
       COL_OF_FLOW_NAME,
       COL_OF_CUSTOMER_ID
};

struct hook_routing_slot {
    struct hook_routing routing; /* first: turned back into the slot */
    _Atomic uint32_t refs;
    struct arena *arena;
};
struct hook_endpoint_slot {
    struct hook_endpoint_slot *next;
    struct uuid id, preprocess; /* nil: none, or not deployed */
    struct hook_routing_slot *routing;
    uint32_t round;
    bool shared, preprocessed;
};
struct hook_member {
    struct hook_member *next, *next_of_instance;
    struct uuid sequence_id, instance_id;
    int64_t deployed_us;
    uint32_t round;
    bool enabled;
    uint32_t len;
    char external_id[];
};

static uint64_t hash_of(const struct uuid *sequence_id, struct str external_id)
{
    uint64_t h = uuid_hash(sequence_id);
    for (size_t i = 0; i < external_id.len; i++) {
        h = (h ^ (unsigned char)external_id.ptr[i]) * 0x100000001b3u;
    }
    return h ^ (h >> 29);
}

static struct str external_id_of(const struct hook_member *m)
{
    return str_n(m->external_id, m->len);
}

void hook_endpoints_init(struct hook_endpoints *t)
{
    memset(t, 0, sizeof(*t));
    t->cap = FIRST_BUCKETS;
    t->by_id = mem_array(t->cap, sizeof(struct hook_endpoint_slot *));
    t->by_customer = mem_array(t->cap, sizeof(struct hook_member *));
    t->by_instance = mem_array(t->cap, sizeof(struct hook_member *));
}

static void routing_unref(struct hook_routing_slot *slot)
{
    if (slot && atomic_fetch_sub(&slot->refs, 1) == 1) {
        arena_free(slot->arena);
        mem_free(slot);
    }
}

void hook_endpoint_done(struct hook_endpoint *e)
{
    routing_unref((struct hook_routing_slot *)(uintptr_t)e->routing);
    e->routing = NULL;
}

static void slot_free(struct hook_endpoint_slot *slot)
{
    routing_unref(slot->routing);
    mem_free(slot);
}

void hook_endpoints_done(struct hook_endpoints *t)
{
    for (size_t i = 0; i < t->cap; i++) {
        while (t->by_id[i]) {
            struct hook_endpoint_slot *slot = t->by_id[i];
            t->by_id[i] = slot->next;
            slot_free(slot);
        }
        while (t->by_customer[i]) {
            struct hook_member *m = t->by_customer[i];
            t->by_customer[i] = m->next;
            mem_free(m);
        }
    }
    mem_free(t->by_id);
    mem_free(t->by_customer);
    mem_free(t->by_instance);
    memset(t, 0, sizeof(*t));
}

static struct hook_endpoint_slot *find(const struct hook_endpoints *t, const struct uuid *id)
{
    struct hook_endpoint_slot *slot = t->by_id[uuid_hash(id) & (t->cap - 1)];
    while (slot && !uuid_eq(&slot->id, id)) {
        slot = slot->next;
    }
    return slot;
}

bool hook_endpoints_find(const struct hook_endpoints *t, const struct uuid *id,
                         struct hook_endpoint *ret)
{
    struct hook_endpoint_slot *slot = find(t, id);
    if (!slot) {
        return false;
    }
    atomic_fetch_add(&slot->routing->refs, 1);
    *ret = (struct hook_endpoint){.routing = &slot->routing->routing,
                                  .shared = slot->shared,
                                  .preprocessed = slot->preprocessed,
                                  .preprocess = slot->preprocess};
    return true;
}

/* Of several instances of a customer one that is enabled comes before one that is not, then the one
 * that was deployed last. */
static bool better(const struct hook_member *m, const struct hook_member *than)
{
    if (!than || m->enabled != than->enabled) {
        return !than || m->enabled;
    }
    return m->deployed_us != than->deployed_us ? m->deployed_us > than->deployed_us
                                               : uuid_cmp(&m->instance_id, &than->instance_id) > 0;
}

bool hook_endpoints_member(const struct hook_endpoints *t, const struct uuid *sequence_id,
                           struct str external_id, struct uuid *ret_instance_id)
{
    const struct hook_member *best = NULL;
    for (const struct hook_member *m =
             t->by_customer[hash_of(sequence_id, external_id) & (t->cap - 1)];
         m; m = m->next) {
        if (uuid_eq(&m->sequence_id, sequence_id) && str_eq(external_id_of(m), external_id) &&
            better(m, best)) {
            best = m;
        }
    }
    if (best) {
        *ret_instance_id = best->instance_id;
    }
    return best != NULL;
}

static void link_slot(struct hook_endpoints *t, struct hook_endpoint_slot *slot)
{
    struct hook_endpoint_slot **at = &t->by_id[uuid_hash(&slot->id) & (t->cap - 1)];
    slot->next = *at;
    *at = slot;
}

static void link_member(struct hook_endpoints *t, struct hook_member *m)
{
    struct hook_member **at =
        &t->by_customer[hash_of(&m->sequence_id, external_id_of(m)) & (t->cap - 1)];
    m->next = *at;
    *at = m;
    at = &t->by_instance[uuid_hash(&m->instance_id) & (t->cap - 1)];
    m->next_of_instance = *at;
    *at = m;
}

static void unlink_member(struct hook_endpoints *t, struct hook_member *m)
{
    struct hook_member **at =
        &t->by_customer[hash_of(&m->sequence_id, external_id_of(m)) & (t->cap - 1)];
    while (*at != m) {
        at = &(*at)->next;
    }
    *at = m->next;
    at = &t->by_instance[uuid_hash(&m->instance_id) & (t->cap - 1)];
    while (*at != m) {
        at = &(*at)->next_of_instance;
    }
    *at = m->next_of_instance;
    t->n_members--;
}

static void grow(struct hook_endpoints *t)
{
    struct hook_endpoints old = *t;
    if (MAX(t->n, t->n_members) < t->cap) {
        return;
    }
    t->cap = old.cap * 2;
    t->by_id = mem_array(t->cap, sizeof(struct hook_endpoint_slot *));
    t->by_customer = mem_array(t->cap, sizeof(struct hook_member *));
    t->by_instance = mem_array(t->cap, sizeof(struct hook_member *));
    for (size_t i = 0; i < old.cap; i++) {
        while (old.by_id[i]) {
            struct hook_endpoint_slot *slot = old.by_id[i];
            old.by_id[i] = slot->next;
            link_slot(t, slot);
        }
        while (old.by_customer[i]) {
            struct hook_member *m = old.by_customer[i];
            old.by_customer[i] = m->next;
            link_member(t, m);
        }
    }
    mem_free(old.by_id);
    mem_free(old.by_customer);
    mem_free(old.by_instance);
}

static struct hook_endpoint_slot *put(struct hook_endpoints *t, const struct uuid *id,
                                      const struct uuid *preprocess, bool preprocessed,
                                      const struct db_rows *rows, size_t row, int flow_name,
                                      int customer_id, uint32_t round)
{
    struct hook_routing_slot *routing = mem_new(struct hook_routing_slot);
    routing->arena = arena_new(256, 0);
    routing->routing.flow_name = hook_table_path(rows, row, flow_name, routing->arena);
    routing->routing.customer_id = hook_table_path(rows, row, customer_id, routing->arena);
    atomic_store(&routing->refs, 1);
    struct hook_endpoint_slot *slot = find(t, id);
    if (!slot) {
        grow(t);
        slot = mem_new(struct hook_endpoint_slot);
        slot->id = *id;
        link_slot(t, slot);
        t->n++;
    }
    routing_unref(slot->routing);
    slot->routing = routing;
    slot->preprocess = *preprocess;
    slot->preprocessed = preprocessed;
    slot->round = round;
    return slot;
}

/* Of a bucket: those of the instance, or all, that the round has not seen. */
static void drop_members(struct hook_endpoints *t, size_t bucket, const struct uuid *instance_id,
                         uint32_t round)
{
    struct hook_member *next;
    for (struct hook_member *m = t->by_instance[bucket]; m; m = next) {
        next = m->next_of_instance;
        if (m->round != round && (!instance_id || uuid_eq(&m->instance_id, instance_id))) {
            unlink_member(t, m);
            mem_free(m);
        }
    }
}

void hook_endpoints_put_instance(struct hook_endpoints *t, const struct db_rows *rows, size_t row,
                                 uint32_t round, struct uuid *ret_router_of)
{
    struct uuid id = db_uuid(rows, row, COL_INSTANCE), none = {{0}};
    struct uuid sequence_id = db_uuid(rows, row, COL_SEQUENCE);
    bool shared = db_bool(rows, row, COL_IS_SHARED);
    bool router = db_bool(rows, row, COL_IS_ROUTER);
    *ret_router_of = router ? sequence_id : none;
    if (!shared) {
        bool has = !db_is_null(rows, row, COL_PREPROCESS);
        struct uuid preprocess = has ? db_uuid(rows, row, COL_PREPROCESS) : none;
        (void)put(t, &id, &preprocess, db_bool(rows, row, COL_PREPROCESSED), rows, row,
                  COL_FLOW_NAME, COL_CUSTOMER_ID, round);
        return;
    }
    drop_members(t, uuid_hash(&id) & (t->cap - 1), &id, round);
    if (router || db_is_null(rows, row, COL_EXTERNAL_ID)) {
        return;
    }
    struct str external_id = db_str(rows, row, COL_EXTERNAL_ID);
    grow(t);
    struct hook_member *m = mem_zalloc(sizeof(*m) + external_id.len);
    m->sequence_id = sequence_id;
    m->instance_id = id;
    m->deployed_us = db_int(rows, row, COL_DEPLOYED_AT);
    m->enabled = db_bool(rows, row, COL_ENABLED);
    m->round = round;
    m->len = (uint32_t)external_id.len;
    memcpy(m->external_id, external_id.ptr, external_id.len);
    link_member(t, m);
    t->n_members++;
}

void hook_endpoints_put_shared(struct hook_endpoints *t, const struct db_rows *rows, size_t row,
                               uint32_t round)
{
    struct uuid id = db_uuid(rows, row, COL_OF_SEQUENCE), preprocess = {{0}};
    if (!db_is_null(rows, row, COL_OF_PREPROCESS)) {
        preprocess = db_uuid(rows, row, COL_OF_PREPROCESS);
    }
    put(t, &id, &preprocess, db_bool(rows, row, COL_OF_PREPROCESSED), rows, row, COL_OF_FLOW_NAME,
        COL_OF_CUSTOMER_ID, round)
        ->shared = true;
}

void hook_endpoints_drop_unseen(struct hook_endpoints *t, const struct uuid *id, uint32_t round)
{
    bool all = uuid_is_nil(id);
    size_t first = all ? 0 : uuid_hash(id) & (t->cap - 1), last = all ? t->cap - 1 : first;
    for (size_t i = first; i <= last; i++) {
        struct hook_endpoint_slot **at = &t->by_id[i];
        while (*at) {
            struct hook_endpoint_slot *slot = *at;
            if (slot->round != round && (all || uuid_eq(&slot->id, id))) {
                *at = slot->next;
                t->n--;
                slot_free(slot);
            } else {
                at = &slot->next;
            }
        }
        drop_members(t, i, all ? NULL : id, round);
    }
}
