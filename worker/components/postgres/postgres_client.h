/* One connection to a PostgreSQL server, for one query. */
#pragma once

#include "components/component.h"
#include "components/postgres/postgres_query.h"
#include "net/net_server.h"

enum postgres_tls {
    POSTGRES_PREFER,  /* TLS when the server has it */
    POSTGRES_REQUIRE, /* TLS, whatever its certificate */
    POSTGRES_VERIFY   /* TLS with a certificate of the host's name that the system trusts */
};
struct postgres_target {
    struct net_server server;
    enum postgres_tls tls;
    struct str database;
};
/* Connects, runs the query in a transaction of its own and closes. *ret: the rows of the last
 * statement, an array of objects, in the arena. Blocks until the server's deadline. 0, or <0 with
 * err: "postgres.answer" (-EBADE, the server says no), "postgres.too_large", and net_failure's. */
int postgres_run(struct action_context *ctx, const struct postgres_target *target,
                 const struct postgres_query *query, struct json *ret, struct err *err) must_check;
