/* A server that a component talks to by another protocol than HTTP. Plain data. */
#pragma once

#include "err.h"
#include "net/address_policy.h"
#include "str.h"

enum net_tls {
    NET_PLAIN,
    NET_STARTTLS, /* begins in the clear, must become TLS before anything is said */
    NET_TLS       /* TLS from the first byte */
};
struct net_server {
    const char *protocol;                /* "smtp", "ftp", "redis"; the first part of error codes */
    const struct address_policy *policy; /* borrowed */
    struct str host;                     /* a name or an address, an IPv6 one with or without [] */
    int port;
    enum net_tls tls;
    bool ignore_tls_errors;
    struct str ca, cert, cert_key; /* PEM; "" = the system's, none, none */
    struct str username, password; /* what uses them says so */
    int64_t connect_timeout_ms;    /* 0 = 10,000 */
    int64_t deadline_ns;           /* monotonic; for everything */
};

/* Whether the text is a host name or an address, and nothing that a protocol, a URL or a connection
 * string could read as more. */
bool net_host_valid(struct str host);
/* Milliseconds left until the deadline, at most a day; 0 = it has passed. */
long net_left_ms(int64_t deadline_ns);
/* Replaces each occurrence of a secret in err's message by ***. */
void net_redact(struct err *err, struct str secret);
