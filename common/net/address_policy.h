/* Which addresses outbound connections may go to. The default refuses everything that is not a
 * public unicast address, so that a flow cannot reach the machines around the worker; an operator's
 * setting allows ranges. Plain data, immutable after parsing, shared by all threads. */
#pragma once

#include <sys/socket.h>

#include "err.h"
#include "str.h"

#define ADDRESS_POLICY_MAX_RANGES 64

struct address_range {
    uint8_t bytes[16]; /* IPv4 as ::ffff:a.b.c.d */
    uint8_t bits;      /* of the prefix, 0..128 */
};
struct address_policy {
    struct address_range allowed[ADDRESS_POLICY_MAX_RANGES];
    size_t n_allowed;
};

/* Reads ranges with commas or blanks between them, "127.0.0.0/8, 10.1.2.3, [::1]/128, fd00::/8"; ""
 * allows none. An address without a prefix length is that one address.
 * -EINVAL ("address_policy.range") names the range that is wrong. */
int address_policy_parse(struct str text, struct address_policy *ret, struct err *err) must_check;
/* NULL when connections to the address are allowed, else why not: "a private network". */
const char *address_policy_refusal(const struct address_policy *p, const struct sockaddr *to);
