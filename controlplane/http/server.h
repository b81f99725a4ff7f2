/* The HTTP server: N event loops on one port (SO_REUSEPORT), HTTP/1 only. */
#pragma once

#include "err.h"
#include "http/route.h"

struct server;
struct server_options {
    const char *address;            /* numeric; "" = 127.0.0.1 */
    int port;                       /* 0 = one that is free */
    int threads;                    /* event loops */
    const char *tls_cert, *tls_key; /* PEM files; both "" = cleartext */
    size_t max_body;                /* of any route: h2o's own limit */
    size_t max_connections;         /* a loop */
    int64_t deadline_ms[_DEADLINE_N];
    const struct route *routes; /* ended by {0} */
    void *ctx;                  /* of the handlers */
    struct lane *lane;          /* NULL when no route needs it */
};
int server_new(const struct server_options *options, struct server **ret,
               struct err *err) must_check;
int server_port(const struct server *s);
size_t server_loops(const struct server *s);
struct loop *server_loop(struct server *s, size_t i);
size_t server_pending(const struct server *s); /* about; any thread */

int server_start(struct server *s) must_check; /* listens; the loops' threads */
/* Takes no more connections, lets pending requests be answered, at most timeout_ms. */
void server_drain(struct server *s, int64_t timeout_ms);
void server_stop(struct server *s);
struct server *server_free(struct server *s);
DEFINE_CLEANUP(struct server *, server_free)
