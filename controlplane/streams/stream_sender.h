/* Sends log lines to external log streams, each by a POST of its own, in the order in which they
 * were recorded. At least once: what was sent is recorded after it, at most STREAM_LINES later. */
#pragma once

#include "db.h"
#include "net/address_policy.h"
#include "secret.h"

#define STREAM_LINES    100
#define STREAM_ATTEMPTS 12

struct stream_sender;
struct stream_sender_options { /* all borrowed for the sender's life */
    const char *conninfo;      /* owner connection */
    const struct secret_key *master_key;
    const struct address_policy *policy;
};
struct stream_sender *stream_sender_new(const struct stream_sender_options *options);
struct stream_sender *stream_sender_free(struct stream_sender *s);
DEFINE_CLEANUP(struct stream_sender *, stream_sender_free)
/* The next lines of one stream, if one is due. <0 or >0: the store failed. One thread at a time. */
int stream_sender_once(struct stream_sender *s, bool *ret_found, struct err *err) must_check;
