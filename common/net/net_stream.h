/* The outbound door for protocols that Leat's components speak themselves: a connection to a host
 * name whose every address passed the policy, in the clear or with TLS. Blocking, bounded by a
 * deadline, one thread at a time. */
#pragma once

#include "net/net_server.h"

struct net_stream;
/* Connects, with TLS when the server's tls says NET_TLS. 0, or <0 with err as net_failure's. */
int net_stream_open(const struct net_server *server, struct net_stream **ret,
                    struct err *err) must_check;
struct net_stream *net_stream_free(struct net_stream *s);
DEFINE_CLEANUP(struct net_stream *, net_stream_free)

/* Sends all. 0, or <0 with err. */
int net_stream_send(struct net_stream *s, struct str bytes, struct err *err) must_check;
/* Waits for some bytes: how many came, at most cap; 0 = the server closed; <0 with err. */
ssize_t net_stream_receive(struct net_stream *s, void *into, size_t cap,
                           struct err *err) must_check;
/* The socket, for libraries that do their own reading; still owned by the stream. Never with TLS.
 */
int net_stream_socket(const struct net_stream *s);
/* Waits until the socket can be read or written (poll's events) or the deadline passes. 0, or
 * -ETIMEDOUT with err. */
int net_socket_wait(const struct net_server *server, int fd, short events,
                    struct err *err) must_check;

#define NET_ADDRESS_LEN 46 /* with its NUL */
#define NET_ADDRESSES   8
/* Looks the host name up, checks every address, and writes those it may be connected to. For
 * libraries that insist on connecting themselves: give them these, never the name. */
int net_resolve(const struct net_server *server, char ret_text[NET_ADDRESSES][NET_ADDRESS_LEN],
                size_t *ret_n, struct err *err) must_check;
