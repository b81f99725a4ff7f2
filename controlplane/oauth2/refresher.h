/* Gets and renews the tokens of connections ahead of their end. */
#pragma once

#include "net/address_policy.h"
#include "secret.h"

struct refresher;
struct refresher_options {
    const char *conninfo;
    const struct secret_key *master_key; /* borrowed, as the next */
    const struct address_policy *policy;
};
struct refresher *refresher_new(const struct refresher_options *options);
int refresher_start(struct refresher *r) must_check;
void refresher_stop(struct refresher *r);
struct refresher *refresher_free(struct refresher *r); /* accepts NULL */
