/* Owns the entries of the hook index: two chained hash tables over the same entries and one of
 * flows, shared by their content, since thousands of customers run the same few flows. */
#include "hooks/hook_table.h"

#include <stdatomic.h>

#include "secret.h"

#define FIRST_BUCKETS 1024
#define MAX_KEYS      64 /* of one flow config or flow */

enum { /* columns of the hook_index_ queries */
       COL_ID,
       COL_INSTANCE,
       COL_ORGANIZATION,
       COL_CUSTOMER,
       COL_REVISION,
       COL_ENABLED,
       COL_SYSTEM,
       COL_KEYS,
       COL_FLOW_NAME,
       COL_SYNCHRONOUS,
       COL_SECURITY,
       COL_ORGANIZATION_KEYS,
       COL_REPLY,
       COL_QUEUE_LIMIT,
       COL_DEDUPE,
       COL_TRIGGER_REPLIES, /* the last one of the flow */
       COL_LIMITED,
       COL_ONE_ADDRESS,
       COL_DEBUG,
       COL_LISTENING,
};

/* A shared flow, its memory and its place in the table. */
struct hook_flow_slot {
    struct hook_flow flow; /* first: a flow is turned back into its slot */
    struct hook_flow_slot *next;
    struct arena *arena;
    uint8_t digest[32]; /* of the row's content */
    _Atomic uint32_t refs;
};

static const char *const security_names[_HOOK_SECURITY_N] = {
    [HOOK_UNSECURED] = "unsecured",
    [HOOK_CUSTOMER_OPTIONAL] = "customer_optional",
    [HOOK_CUSTOMER_REQUIRED] = "customer_required",
    [HOOK_ORGANIZATION] = "organization",
};

static size_t bucket(const struct uuid *id, size_t cap)
{
    return uuid_hash(id) & (cap - 1);
}

static size_t flow_bucket(const uint8_t digest[32], size_t cap)
{
    size_t h;
    memcpy(&h, digest, sizeof(h));
    return h & (cap - 1);
}

void hook_table_init(struct hook_table *t)
{
    memset(t, 0, sizeof(*t));
    t->cap = FIRST_BUCKETS;
    t->by_id = mem_array(t->cap, sizeof(struct hook_entry *));
    t->by_instance = mem_array(t->cap, sizeof(struct hook_entry *));
    t->flow_cap = FIRST_BUCKETS;
    t->flows = mem_array(t->flow_cap, sizeof(struct hook_flow_slot *));
}

static void keys_unref(struct hook_keys *keys)
{
    if (keys && atomic_fetch_sub(&keys->refs, 1) == 1) {
        mem_free(keys);
    }
}

static void slot_free(struct hook_flow_slot *slot)
{
    arena_free(slot->arena);
    mem_free(slot);
}

static void flow_unref(const struct hook_flow *flow)
{
    struct hook_flow_slot *slot = (struct hook_flow_slot *)(uintptr_t)flow;
    if (slot && atomic_fetch_sub(&slot->refs, 1) == 1) {
        slot_free(slot);
    }
}

void hook_target_done(struct hook_target *t)
{
    flow_unref(t->flow);
    keys_unref(t->keys);
    t->flow = NULL;
    t->keys = NULL;
}

static void entry_free(struct hook_entry *e)
{
    flow_unref(e->flow);
    keys_unref(e->keys);
    mem_free(e);
}

void hook_table_done(struct hook_table *t)
{
    for (size_t i = 0; i < t->cap; i++) {
        while (t->by_id[i]) {
            struct hook_entry *e = t->by_id[i];
            t->by_id[i] = e->next;
            entry_free(e);
        }
    }
    for (size_t i = 0; i < t->flow_cap; i++) {
        while (t->flows[i]) {
            struct hook_flow_slot *slot = t->flows[i];
            t->flows[i] = slot->next;
            flow_unref(&slot->flow);
        }
    }
    mem_free(t->by_id);
    mem_free(t->by_instance);
    mem_free(t->flows);
    memset(t, 0, sizeof(*t));
}

const struct hook_entry *hook_table_find(const struct hook_table *t, const struct uuid *id)
{
    const struct hook_entry *e = t->by_id[bucket(id, t->cap)];
    while (e && !uuid_eq(&e->id, id)) {
        e = e->next;
    }
    return e;
}

enum hook_found hook_table_flow_of(const struct hook_table *t, const struct uuid *instance_id,
                                   struct str name, struct uuid *ret_id)
{
    const struct hook_entry *found = NULL;
    size_t n = 0;
    for (const struct hook_entry *e = t->by_instance[bucket(instance_id, t->cap)]; e;
         e = e->next_of_instance) {
        if (uuid_eq(&e->instance_id, instance_id) &&
            (name.len == 0 || str_eq(e->flow->name, name))) {
            found = e;
            n++;
        }
    }
    if (n == 1) {
        *ret_id = found->id;
    }
    return n == 0 ? HOOK_NONE : n == 1 ? HOOK_ONE : HOOK_SEVERAL;
}

void hook_table_copy(const struct hook_entry *e, struct hook_target *ret)
{
    struct hook_flow_slot *slot = (struct hook_flow_slot *)e->flow;
    atomic_fetch_add(&slot->refs, 1);
    if (e->keys) {
        atomic_fetch_add(&e->keys->refs, 1);
    }
    *ret = (struct hook_target){.flow_config_id = e->id,
                                .organization_id = e->organization_id,
                                .customer_id = e->customer_id,
                                .instance_id = e->instance_id,
                                .revision = e->revision,
                                .enabled = e->enabled,
                                .test = e->test,
                                .limited = e->limited,
                                .debug = e->debug,
                                .listening = e->listening,
                                .flow = e->flow,
                                .keys = e->keys};
}

static void grow(struct hook_table *t)
{
    size_t cap = t->cap * 2;
    struct hook_entry **by_id = mem_array(cap, sizeof(struct hook_entry *));
    struct hook_entry **by_instance = mem_array(cap, sizeof(struct hook_entry *));
    for (size_t i = 0; i < t->cap; i++) {
        while (t->by_id[i]) {
            struct hook_entry *e = t->by_id[i];
            t->by_id[i] = e->next;
            size_t id = bucket(&e->id, cap), instance = bucket(&e->instance_id, cap);
            e->next = by_id[id];
            by_id[id] = e;
            e->next_of_instance = by_instance[instance];
            by_instance[instance] = e;
        }
    }
    mem_free(t->by_id);
    mem_free(t->by_instance);
    t->by_id = by_id;
    t->by_instance = by_instance;
    t->cap = cap;
}

static struct hook_entry *entry_of(struct hook_table *t, const struct uuid *id,
                                   const struct uuid *instance_id)
{
    struct hook_entry *e = t->by_id[bucket(id, t->cap)];
    while (e && !uuid_eq(&e->id, id)) {
        e = e->next;
    }
    if (e) {
        return e;
    }
    if (t->n >= t->cap) {
        grow(t);
    }
    e = mem_new(struct hook_entry);
    e->id = *id;
    e->instance_id = *instance_id;
    size_t by_id = bucket(id, t->cap), by_instance = bucket(instance_id, t->cap);
    e->next = t->by_id[by_id];
    t->by_id[by_id] = e;
    e->next_of_instance = t->by_instance[by_instance];
    t->by_instance[by_instance] = e;
    t->n++;
    return e;
}

static enum hook_security security_of(struct str name)
{
    for (int s = 0; s < _HOOK_SECURITY_N; s++) {
        if (str_eq(name, str_of(security_names[s]))) {
            return (enum hook_security)s;
        }
    }
    return HOOK_CUSTOMER_REQUIRED; /* an unknown word must not open a door */
}

/* SHA-256 digests of a bytea[] column; others than 32 bytes are left out. */
static size_t digests(const struct db_rows *rows, size_t row, int column, struct arena *a,
                      uint8_t (**ret)[32])
{
    struct str *items = NULL;
    size_t n = db_is_null(rows, row, column) ? 0 : db_array(rows, row, column, a, &items);
    n = MIN(n, (size_t)MAX_KEYS);
    uint8_t(*keys)[32] = arena_array(a, MAX(n, 1), 32);
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (items[i].len == 32) {
            memcpy(keys[kept++], items[i].ptr, 32);
        }
    }
    *ret = keys;
    return kept;
}

/* Each column with its length before it, so that no two contents give the same bytes. */
static void flow_digest(const struct db_rows *rows, size_t row, uint8_t ret[32])
{
    struct buf text;
    buf_init(&text, 0);
    for (int column = COL_FLOW_NAME; column <= COL_TRIGGER_REPLIES; column++) {
        bool null = db_is_null(rows, row, column);
        struct str value = null ? str_n("", 0) : db_str(rows, row, column);
        buf_addf(&text, "%d:%zu:", null, value.len);
        buf_add_str(&text, value);
    }
    secret_sha256(buf_str(&text), ret);
    buf_done(&text);
}

const struct path *hook_table_path(const struct db_rows *rows, size_t row, int column,
                                   struct arena *a)
{
    struct str *keys = NULL;
    size_t n = db_is_null(rows, row, column) ? 0 : db_array(rows, row, column, a, &keys);
    return path_of_keys(a, keys, n);
}

static struct hook_flow_slot *flow_new(const struct db_rows *rows, size_t row)
{
    struct hook_flow_slot *slot = mem_new(struct hook_flow_slot);
    slot->arena = arena_new(512, 0);
    struct hook_flow *f = &slot->flow;
    struct str name = db_str(rows, row, COL_FLOW_NAME);
    f->name = str_n(arena_strndup(slot->arena, name.ptr, name.len), name.len);
    f->synchronous = db_bool(rows, row, COL_SYNCHRONOUS);
    f->security = security_of(db_str(rows, row, COL_SECURITY));
    uint8_t(*keys)[32];
    f->n_keys = digests(rows, row, COL_ORGANIZATION_KEYS, slot->arena, &keys);
    f->keys = (const uint8_t(*)[32])keys;
    if (!db_is_null(rows, row, COL_REPLY)) {
        struct err err = {0};
        f->has_reply =
            hook_reply_parse(slot->arena, db_str(rows, row, COL_REPLY), &f->reply, &err) == 0;
    }
    f->dedupe = hook_table_path(rows, row, COL_DEDUPE, slot->arena);
    f->trigger_replies = db_bool(rows, row, COL_TRIGGER_REPLIES);
    f->queued = db_int(rows, row, COL_QUEUE_LIMIT) > 0 || f->dedupe;
    return slot;
}

/* A reference for an entry. The table has one of its own to each; unused ones go in drop_unseen. */
static struct hook_flow *flow_of(struct hook_table *t, const struct db_rows *rows, size_t row)
{
    uint8_t digest[32];
    flow_digest(rows, row, digest);
    struct hook_flow_slot **at = &t->flows[flow_bucket(digest, t->flow_cap)];
    struct hook_flow_slot *slot = *at;
    while (slot && memcmp(slot->digest, digest, sizeof(digest)) != 0) {
        slot = slot->next;
    }
    if (!slot) {
        slot = flow_new(rows, row);
        memcpy(slot->digest, digest, sizeof(digest));
        atomic_store(&slot->refs, 1);
        slot->next = *at;
        *at = slot;
        t->n_flows++;
    }
    atomic_fetch_add(&slot->refs, 1);
    return &slot->flow;
}

static void drop_unused_flows(struct hook_table *t)
{
    for (size_t i = 0; i < t->flow_cap; i++) {
        struct hook_flow_slot **at = &t->flows[i];
        while (*at) {
            struct hook_flow_slot *slot = *at;
            if (atomic_load(&slot->refs) == 1) {
                *at = slot->next;
                t->n_flows--;
                slot_free(slot);
            } else {
                at = &slot->next;
            }
        }
    }
}

static struct hook_keys *keys_of(const struct db_rows *rows, size_t row)
{
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    uint8_t(*digest)[32];
    size_t n = digests(rows, row, COL_KEYS, a, &digest);
    if (n == 0) {
        return NULL;
    }
    struct hook_keys *keys = mem_zalloc(sizeof(*keys) + n * 32);
    atomic_store(&keys->refs, 1);
    keys->n = (uint32_t)n;
    memcpy(keys->keys, digest, n * 32);
    return keys;
}

bool hook_table_row_has_endpoint(const struct db_rows *rows, size_t row)
{
    return db_bool(rows, row, COL_ONE_ADDRESS);
}

void hook_table_put_row(struct hook_table *t, const struct db_rows *rows, size_t row,
                        uint32_t round)
{
    struct uuid id = db_uuid(rows, row, COL_ID);
    struct uuid instance_id = db_uuid(rows, row, COL_INSTANCE);
    struct hook_entry *e = entry_of(t, &id, &instance_id);
    struct hook_flow *old_flow = e->flow;
    struct hook_keys *old_keys = e->keys;
    e->organization_id = db_uuid(rows, row, COL_ORGANIZATION);
    e->customer_id =
        db_is_null(rows, row, COL_CUSTOMER) ? (struct uuid){0} : db_uuid(rows, row, COL_CUSTOMER);
    e->revision = (uint64_t)db_int(rows, row, COL_REVISION);
    e->enabled = db_bool(rows, row, COL_ENABLED);
    e->test = db_bool(rows, row, COL_SYSTEM);
    e->limited = db_bool(rows, row, COL_LIMITED);
    e->debug = db_bool(rows, row, COL_DEBUG);
    e->listening = e->test && db_bool(rows, row, COL_LISTENING);
    e->flow = flow_of(t, rows, row);
    e->keys = keys_of(rows, row);
    e->round = round;
    flow_unref(old_flow);
    keys_unref(old_keys);
}

static void unlink_entry(struct hook_table *t, struct hook_entry *e)
{
    struct hook_entry **at = &t->by_id[bucket(&e->id, t->cap)];
    while (*at != e) {
        at = &(*at)->next;
    }
    *at = e->next;
    at = &t->by_instance[bucket(&e->instance_id, t->cap)];
    while (*at != e) {
        at = &(*at)->next_of_instance;
    }
    *at = e->next_of_instance;
    t->n--;
}

void hook_table_drop_unseen(struct hook_table *t, const struct uuid *instance_id, uint32_t round)
{
    bool all = uuid_is_nil(instance_id);
    size_t first = all ? 0 : bucket(instance_id, t->cap), last = all ? t->cap - 1 : first;
    for (size_t i = first; i <= last; i++) {
        struct hook_entry *next;
        for (struct hook_entry *e = t->by_instance[i]; e; e = next) {
            next = e->next_of_instance;
            if (e->round != round && (all || uuid_eq(&e->instance_id, instance_id))) {
                unlink_entry(t, e);
                entry_free(e);
            }
        }
    }
    if (all) {
        drop_unused_flows(t);
    }
}
