/* Who the signed tokens that were seen lately stand for, so that asking again needs no database. */
#pragma once

#include "api/gql_plan.h"

#define TOKEN_CACHE_SLOTS   4096
#define TOKEN_CACHE_LIFE_MS 10000 /* what another replica changed holds here after this */

struct token_cache;
struct token_cache *token_cache_new(void);
struct token_cache *token_cache_free(struct token_cache *tc); /* accepts NULL */
/* All from any thread. The epoch is taken before a token is looked at; what was forgotten since
 * then is not put in again. */
uint64_t token_cache_epoch(const struct token_cache *tc);
bool token_cache_get(struct token_cache *tc, const uint8_t digest[32], struct gql_viewer *ret);
/* life_ms: how much longer the token itself holds. */
void token_cache_put(struct token_cache *tc, uint64_t epoch, const uint8_t digest[32],
                     const struct gql_viewer *viewer, int64_t life_ms);
void token_cache_clear(struct token_cache *tc); /* forgets all */
DEFINE_CLEANUP(struct token_cache *, token_cache_free)
