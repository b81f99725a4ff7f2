/* The functions behind the actions of collection-tools, as action_fn describes them. */
#pragma once

#include "components/component.h"

/* lists.c */
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
