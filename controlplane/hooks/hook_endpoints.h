/* The memory of endpoints that serve more than one flow: of instances, of shared integrations, and
 * which instance a customer has of one. Part of the hook index; not thread-safe: hook_index.c
 * guards it. Empty where every flow has an address of its own. */
#pragma once

#include "db.h"
#include "hooks/hook_index.h"

struct hook_endpoint_slot;
struct hook_member;
struct hook_endpoints {
    struct hook_endpoint_slot **by_id;
    struct hook_member **by_customer; /* sequence and external id */
    struct hook_member **by_instance;
    size_t n, cap; /* endpoints; buckets of each table, a power of two */
    size_t n_members;
};
void hook_endpoints_init(struct hook_endpoints *t);
void hook_endpoints_done(struct hook_endpoints *t);

/* id: of an instance, or of an integration's sequence. */
bool hook_endpoints_find(const struct hook_endpoints *t, const struct uuid *id,
                         struct hook_endpoint *ret);
bool hook_endpoints_member(const struct hook_endpoints *t, const struct uuid *sequence_id,
                           struct str external_id, struct uuid *ret_instance_id);
/* One row of hook_index_endpoints or of hook_index_shared. Of an instance without a customer's
 * external id no member is made. *ret_router_of: the integration whose preprocess flow the instance
 * runs, else nil. */
void hook_endpoints_put_instance(struct hook_endpoints *t, const struct db_rows *rows, size_t row,
                                 uint32_t round, struct uuid *ret_router_of);
void hook_endpoints_put_shared(struct hook_endpoints *t, const struct db_rows *rows, size_t row,
                               uint32_t round);
/* Drops what a round did not see of the id, or, nil, of everybody. */
void hook_endpoints_drop_unseen(struct hook_endpoints *t, const struct uuid *id, uint32_t round);
