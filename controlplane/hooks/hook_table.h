/* The memory of the hook index: entries by flow config and by instance, flows shared by content.
 * Not thread-safe: hook_index.c guards it. */
#pragma once

#include "db.h"
#include "hooks/hook_index.h"

/* One flow config. Kept small: there is one for each flow of each instance. */
struct hook_entry {
    struct hook_entry *next;             /* in its bucket by id */
    struct hook_entry *next_of_instance; /* in its bucket by instance */
    struct uuid id, instance_id, organization_id, customer_id;
    struct hook_flow *flow;
    struct hook_keys *keys;
    uint64_t revision;
    uint32_t round; /* of the load that saw it last */
    bool enabled, test, limited, debug, listening;
};
struct hook_table {
    struct hook_entry **by_id, **by_instance;
    struct hook_flow_slot **flows; /* by content */
    size_t n, cap;                 /* entries; buckets, a power of two */
    size_t n_flows, flow_cap;
};
void hook_table_init(struct hook_table *t);
void hook_table_done(struct hook_table *t);

const struct hook_entry *hook_table_find(const struct hook_table *t, const struct uuid *id);
/* The flow of an instance by its name; "" = its only one. */
enum hook_found hook_table_flow_of(const struct hook_table *t, const struct uuid *instance_id,
                                   struct str name, struct uuid *ret_id);
void hook_table_copy(const struct hook_entry *e, struct hook_target *ret);
/* Inserts or replaces the entry of one row of the hook_index_ queries. */
void hook_table_put_row(struct hook_table *t, const struct db_rows *rows, size_t row,
                        uint32_t round);
/* Whether the row's instance has one address for its flows: then its endpoint is read, too. */
bool hook_table_row_has_endpoint(const struct db_rows *rows, size_t row);
/* A path compiled again from its members; NULL when the column has none. */
const struct path *hook_table_path(const struct db_rows *rows, size_t row, int column,
                                   struct arena *a);
/* Drops the instance's entries (or, nil, everybody's) that a round did not see. */
void hook_table_drop_unseen(struct hook_table *t, const struct uuid *instance_id, uint32_t round);
