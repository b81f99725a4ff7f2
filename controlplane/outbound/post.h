/* What all senders of the platform's own messages share: a POST through the outbound door, and when
 * to try again. */
#pragma once

#include "json.h"
#include "net/http_client.h"

#define POST_ATTEMPTS 12
#define POST_CLAIM_S  30 /* how long a message is claimed for; an attempt takes less */

struct post {
    struct str url;
    struct json headers; /* object of names and texts, credentials mostly; undefined = none */
    const struct http_header *more;
    size_t n_more;
    struct str body;
};
/* Answered with 2xx, or an error that says what happened; what the other side wrote is in none.
 * Without a header Content-Type the body is sent as JSON when it is, else as plain text. */
int post_send(struct http_client *http, struct arena *a, const struct post *post,
              struct err *err) must_check;
/* When the attempt that failed may be made again, in seconds; 0 = never. */
int64_t post_retry_s(int64_t attempts, const struct err *why);
/* A client for it, with an answer's bound. */
struct http_client *post_client(const struct address_policy *policy);
/* What an attempt may take from now on. */
int64_t post_deadline_ns(void);
