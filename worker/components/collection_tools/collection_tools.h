/* The functions behind the actions of collection-tools, as action_fn describes them. */
#pragma once

#include "components/component.h"

/* lists.c */
/* The list, after asking for room for `copies` lists of its length. */
int collection_read_list(struct action_context *ctx, const char *key, size_t copies,
                         struct json *ret, struct err *err) must_check;
struct json *collection_new_items(struct action_context *ctx,
                                  size_t n); /* the caller asked for room */
int collection_append(struct action_context *ctx, struct action_result *ret, struct err *err);
int collection_chunks(struct action_context *ctx, struct action_result *ret, struct err *err);
int collection_concatenate(struct action_context *ctx, struct action_result *ret, struct err *err);
int collection_count(struct action_context *ctx, struct action_result *ret, struct err *err);
int collection_create(struct action_context *ctx, struct action_result *ret, struct err *err);
int collection_deduplicate(struct action_context *ctx, struct action_result *ret, struct err *err);
int collection_first(struct action_context *ctx, struct action_result *ret, struct err *err);
int collection_flatten(struct action_context *ctx, struct action_result *ret, struct err *err);
int collection_last(struct action_context *ctx, struct action_result *ret, struct err *err);
int collection_length(struct action_context *ctx, struct action_result *ret, struct err *err);
int collection_remove(struct action_context *ctx, struct action_result *ret, struct err *err);
int collection_select(struct action_context *ctx, struct action_result *ret, struct err *err);
int collection_take_first(struct action_context *ctx, struct action_result *ret, struct err *err);
int collection_take_last(struct action_context *ctx, struct action_result *ret, struct err *err);

/* order.c */
int collection_aggregate(struct action_context *ctx, struct action_result *ret, struct err *err);
int collection_group_by(struct action_context *ctx, struct action_result *ret, struct err *err);
int collection_index_of(struct action_context *ctx, struct action_result *ret, struct err *err);
int collection_lookup(struct action_context *ctx, struct action_result *ret, struct err *err);
int collection_reverse(struct action_context *ctx, struct action_result *ret, struct err *err);
int collection_slice(struct action_context *ctx, struct action_result *ret, struct err *err);
int collection_sort_by_key(struct action_context *ctx, struct action_result *ret, struct err *err);
int collection_zip(struct action_context *ctx, struct action_result *ret, struct err *err);
extern const char *const collection_aggregates[]; /* ended by NULL */

/* shapes.c */
int collection_field_value_mapping(struct action_context *ctx, struct action_result *ret,
                                   struct err *err);
int collection_merge_objects(struct action_context *ctx, struct action_result *ret,
                             struct err *err);
int collection_omit_keys(struct action_context *ctx, struct action_result *ret, struct err *err);
int collection_pick_keys(struct action_context *ctx, struct action_result *ret, struct err *err);

/* objects.c */
int collection_add_key(struct action_context *ctx, struct action_result *ret, struct err *err);
int collection_add_keys(struct action_context *ctx, struct action_result *ret, struct err *err);
int collection_create_object(struct action_context *ctx, struct action_result *ret,
                             struct err *err);
int collection_from_object(struct action_context *ctx, struct action_result *ret, struct err *err);
int collection_keys(struct action_context *ctx, struct action_result *ret, struct err *err);
int collection_remove_key(struct action_context *ctx, struct action_result *ret, struct err *err);
int collection_to_object(struct action_context *ctx, struct action_result *ret, struct err *err);
int collection_values(struct action_context *ctx, struct action_result *ret, struct err *err);

/* validate.c */
int collection_validate_json_schema(struct action_context *ctx, struct action_result *ret,
                                    struct err *err);
