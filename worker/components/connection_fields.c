/* Owns the reading of connections that name a server. Called by components on the slot's thread.
 * It refuses connections without fields, hosts that are none and numbers out of range. */
#include "components/connection_fields.h"

#include "expr/value.h"
#include "net/http_client.h"

#define MAX_TIMEOUT_MS 600000

int connection_fields_read(struct action_context *ctx, const char *input,
                           struct connection_fields *ret, struct err *err)
{
    struct json connection;
    int rc = action_input_value(ctx, input, &connection, err);
    if (rc < 0) {
        return rc;
    }
    struct json fields = json_get(connection, STR("fields"));
    if (fields.type != JSON_OBJECT) {
        return action_input_error(ctx, input, err,
                                  "holds no connection. Choose one, and check that its fields are "
                                  "filled in.");
    }
    *ret = (struct connection_fields){.ctx = ctx, .input = input, .fields = fields};
    return 0;
}

struct str connection_field(const struct connection_fields *c, const char *name)
{
    struct json v = json_get(c->fields, str_of(name));
    return json_is_nullish(v) ? STR("") : value_to_text(action_arena(c->ctx), v);
}

int connection_field_error(const struct connection_fields *c, const char *name, struct err *err,
                           const char *what)
{
    return action_input_error(c->ctx, c->input, err, "its field \"%s\" %s", name, what);
}

int connection_field_int(const struct connection_fields *c, const char *name, int64_t min,
                         int64_t max, int64_t fallback, int64_t *ret, struct err *err)
{
    struct str text = str_trim(connection_field(c, name));
    if (text.len == 0) {
        *ret = fallback;
        return 0;
    }
    int64_t n;
    if (!str_to_i64(text, &n) || n < min || n > max) {
        const char *what =
            arena_printf(action_arena(c->ctx), "must be a whole number from %lld to %lld.",
                         (long long)min, (long long)max);
        return connection_field_error(c, name, err, what);
    }
    *ret = n;
    return 0;
}

int connection_field_bool(const struct connection_fields *c, const char *name, bool fallback,
                          bool *ret, struct err *err)
{
    struct str text = str_trim(connection_field(c, name));
    bool yes =
        str_eq_ci(text, STR("true")) || str_eq_ci(text, STR("yes")) || str_eq(text, STR("1"));
    bool no = str_eq_ci(text, STR("false")) || str_eq_ci(text, STR("no")) || str_eq(text, STR("0"));
    if (!yes && !no && text.len) {
        return connection_field_error(c, name, err, "must be true or false.");
    }
    *ret = text.len ? yes : fallback;
    return 0;
}

int connection_server(const struct connection_fields *c, const char *protocol, int port,
                      struct net_server *ret, struct err *err)
{
    struct net_server server = {
        .protocol = protocol,
        .policy = http_client_policy(action_http(c->ctx)),
        .host = str_trim(connection_field(c, "host")),
        .username = connection_field(c, "username"),
        .password = connection_field(c, "password"),
        .deadline_ns = action_deadline(c->ctx),
        .ca = STR(""),
        .cert = STR(""),
        .cert_key = STR(""),
    };
    int64_t number = 0;
    int rc = connection_field_int(c, "port", 1, 65535, port, &number, err);
    if (rc == 0) {
        rc = connection_field_int(c, "timeout", 1, MAX_TIMEOUT_MS, 0, &server.connect_timeout_ms,
                                  err);
    }
    if (rc < 0) {
        return rc;
    }
    server.port = (int)number;
    if (!net_host_valid(server.host)) {
        return connection_field_error(
            c, "host", err, server.host.len ? "is not a host name or an address." : "is empty.");
    }
    *ret = server;
    return 0;
}
