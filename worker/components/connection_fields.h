/* The fields of a connection that names a server: host, port, user name, password and more. For
 * components that speak another protocol than HTTP. */
#pragma once

#include "components/component.h"
#include "net/net_server.h"

struct connection_fields {
    struct action_context *ctx;
    const char *input; /* the input's key, for messages */
    struct json fields;
};
/* Reads the connection of an input; refuses one that is missing or holds no fields. */
int connection_fields_read(struct action_context *ctx, const char *input,
                           struct connection_fields *ret, struct err *err) must_check;
/* A field as text; "" when it is unset. */
struct str connection_field(const struct connection_fields *c, const char *name);
int connection_field_int(const struct connection_fields *c, const char *name, int64_t min,
                         int64_t max, int64_t fallback, int64_t *ret,
                         struct err *err) must_check; /* the fallback when unset */
int connection_field_bool(const struct connection_fields *c, const char *name, bool fallback,
                          bool *ret, struct err *err) must_check;
/* Says what is wrong with a field: `Connection (connection): its field "port" ...`. -EINVAL. */
int connection_field_error(const struct connection_fields *c, const char *name, struct err *err,
                           const char *what);
/* Host, port, user name, password and timeout; the deadline is the execution's. */
int connection_server(const struct connection_fields *c, const char *protocol, int port,
                      struct net_server *ret, struct err *err) must_check;
