/* One request for a token, through the outbound door. */
#pragma once

#include "domain/oauth2.h"
#include "net/address_policy.h"

#define EXCHANGE_MS 15000

/* Blocks for EXCHANGE_MS at most. before as of oauth2_answer_read. Fails with words for people that
 * hold no secrets; err->retryable tells whether it can help to ask again. */
int exchange_ask(const struct address_policy *policy, struct arena *a,
                 const struct oauth2_client *client, const struct oauth2_ask *ask,
                 struct json before, struct oauth2_token *ret, struct err *err) must_check;
/* Seconds until the token's row is due again: its renewal, or its end when nothing renews it. 0 =
 * it does not end. */
int64_t exchange_due_in(const struct oauth2_client *client, const struct oauth2_token *token);
