/* Owns the exchange with a PostgreSQL server by libpq, without ever waiting inside it. Called on
 * the slot's thread and blocks until the deadline. libpq gets addresses that passed the policy, and
 * a value for each parameter that it would else take from the worker's environment or files. It
 * refuses COPY, and rows that do not fit the execution's memory. */
#include "components/postgres/postgres_client.h"

#include <libpq-fe.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include "clock.h"
#include "components/postgres/postgres_value.h"
#include "net/net_stream.h"

#define CONNECT_MS   5000
#define NO_FILE      "/nonexistent"
#define SYSTEM_ROOTS "/etc/ssl/certs/ca-certificates.crt"
#define MAX_PAIRS    40
#define MAX_BYTES    MIB(128) /* of all that the server sends */
#define MAX_COLUMNS  1664     /* of a result of PostgreSQL */

struct exchange {
    struct action_context *ctx;
    const struct postgres_target *target;
    PGconn *conn;
    size_t max_bytes;
};

static void exchange_done(struct exchange *x)
{
    PQfinish(x->conn); /* without COMMIT everything is undone */
    x->conn = NULL;
}
DEFINE_DONE(struct exchange, exchange_done)

static void on_notice(void *arg, const char *message)
{
    (void)arg;
    (void)message; /* libpq would write it to stderr */
}

/* --- connecting ----------------------------------------------------------------------------------
 */

struct pairs {
    const char *names[MAX_PAIRS + 1], *values[MAX_PAIRS + 1];
    size_t n;
};

static void add(struct pairs *p, const char *name, const char *value)
{
    ASSERT(p->n < MAX_PAIRS && value[0]);
    p->names[p->n] = name;
    p->values[p->n++] = value;
}

static const char *text_of(struct action_context *ctx, struct str s)
{
    return arena_strndup(action_arena(ctx), s.ptr, s.len);
}

/* libpq reads what is missing or empty here from the environment, service files and the home
 * folder, so nothing that matters is. */
static void fill(const struct exchange *x, char addresses[NET_ADDRESSES][NET_ADDRESS_LEN], size_t n,
                 struct pairs *p)
{
    const struct postgres_target *t = x->target;
    struct str host = t->server.host;
    if (host.ptr[0] == '[') {
        host = str_n(host.ptr + 1, host.len - 2);
    }
    AUTO(buf_done) struct buf hosts = {0}, list = {0};
    buf_init(&hosts, KIB(8));
    buf_init(&list, KIB(8));
    for (size_t i = 0; i < n; i++) {
        buf_adds(&hosts, i ? "," : "");
        buf_add_str(&hosts, host);
        buf_adds(&list, i ? "," : "");
        buf_adds(&list, addresses[i]);
    }
    add(p, "host", text_of(x->ctx, buf_str(&hosts)));
    add(p, "hostaddr", text_of(x->ctx, buf_str(&list)));
    add(p, "port", arena_printf(action_arena(x->ctx), "%d", t->server.port));
    add(p, "dbname", text_of(x->ctx, t->database));
    add(p, "user", text_of(x->ctx, t->server.username));
    /* Without one a wrong one: else libpq would look for it in the worker's own files. */
    add(p, "password", t->server.password.len ? text_of(x->ctx, t->server.password) : "none");
    add(p, "passfile", NO_FILE);
    add(p, "application_name", "leat");
    add(p, "client_encoding", "UTF8");
    add(p, "connect_timeout", "0");
    add(p, "gssencmode", "disable");
    add(p, "krbsrvname", "postgres");
    add(p, "channel_binding", "prefer");
    add(p, "target_session_attrs", "any");
    add(p, "keepalives", "1");
    add(p, "sslmode",
        t->tls == POSTGRES_VERIFY    ? "verify-full"
        : t->tls == POSTGRES_REQUIRE ? "require"
                                     : "prefer");
    add(p, "sslrootcert", t->tls == POSTGRES_VERIFY ? SYSTEM_ROOTS : NO_FILE);
    add(p, "sslcert", NO_FILE);
    add(p, "sslkey", NO_FILE);
    add(p, "sslcrl", NO_FILE);
    add(p, "sslcrldir", NO_FILE);
    add(p, "sslcompression", "0");
    add(p, "sslsni", "1");
    add(p, "ssl_min_protocol_version", "TLSv1.2");
    if (getenv("PGOPTIONS") || getenv("PGSERVICE")) {
        add(p, "options", " ");
    }
}

static int say(const struct exchange *x, struct err *err, int rc, const char *code, bool retryable,
               const char *text)
{
    struct str message = str_trim(str_of(text));
    size_t n = MIN(message.len, (size_t)300);
    while (n > 0 && !str_utf8_valid(str_n(message.ptr, n))) {
        n--;
    }
    rc = err_set(err, rc, code, "%.*s: %.*s", (int)MIN(x->target->server.host.len, 100),
                 x->target->server.host.ptr, (int)n, message.ptr);
    net_redact(err, x->target->server.password);
    if (err) {
        err->retryable = retryable;
    }
    return rc;
}

static int too_large(const struct exchange *x, struct err *err)
{
    return say(x, err, -EMSGSIZE, "postgres.too_large", false,
               "the server sends more than the memory of one execution holds. Ask for fewer rows, "
               "with LIMIT.");
}

/* libpq keeps what it reads and knows no bound: not for one message, nor for settings and
 * notifications, which a server may send at any time. So the bytes are counted before it reads. */
static int check_received(const struct exchange *x, struct err *err)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof(info);
    (void)getsockopt(PQsocket(x->conn), IPPROTO_TCP, TCP_INFO, &info, &len);
    return info.tcpi_bytes_received > x->max_bytes ? too_large(x, err) : 0;
}

static int open_connection(struct exchange *x, struct err *err)
{
    struct net_server server = x->target->server;
    int64_t ms = server.connect_timeout_ms > 0 ? server.connect_timeout_ms : CONNECT_MS;
    server.deadline_ns = MIN(server.deadline_ns, clock_mono_ns() + ms * NS_PER_MS);
    char addresses[NET_ADDRESSES][NET_ADDRESS_LEN];
    size_t n = 0;
    int rc = net_resolve(&server, addresses, &n, err);
    if (rc < 0) {
        return rc;
    }
    struct pairs p = {.n = 0};
    fill(x, addresses, n, &p);
    x->conn = PQconnectStartParams(p.names, p.values, 0);
    ASSERT(x->conn);
    (void)PQsetNoticeProcessor(x->conn, on_notice, NULL);
    PostgresPollingStatusType status = PGRES_POLLING_WRITING;
    while (PQstatus(x->conn) != CONNECTION_BAD && status != PGRES_POLLING_OK &&
           status != PGRES_POLLING_FAILED) {
        rc = net_socket_wait(&server, PQsocket(x->conn),
                             status == PGRES_POLLING_READING ? POLLIN : POLLOUT, err);
        if (rc == 0) {
            rc = check_received(x, err);
        }
        if (rc < 0) {
            return rc;
        }
        status = PQconnectPoll(x->conn);
    }
    if (PQstatus(x->conn) != CONNECTION_OK) {
        const char *words = PQerrorMessage(x->conn);
        bool login = strstr(words, "authentication failed") != NULL;
        return say(x, err, -ECONNREFUSED, "postgres.connect", !login, words);
    }
    return PQsetnonblocking(x->conn, 1) == 0
               ? 0
               : say(x, err, -EIO, "postgres.failed", true, PQerrorMessage(x->conn));
}

/* --- asking --------------------------------------------------------------------------------------
 */

static int lost(const struct exchange *x, struct err *err)
{
    return say(x, err, -EIO, "postgres.failed", true, PQerrorMessage(x->conn));
}

static int flush(struct exchange *x, struct err *err)
{
    for (int left; (left = PQflush(x->conn)) != 0;) {
        if (left < 0) {
            return lost(x, err);
        }
        int rc = net_socket_wait(&x->target->server, PQsocket(x->conn), POLLIN | POLLOUT, err);
        if (rc == 0) {
            rc = check_received(x, err);
        }
        if (rc < 0) {
            return rc;
        }
        if (PQconsumeInput(x->conn) == 0) {
            return lost(x, err);
        }
    }
    return 0;
}

/* Waits until a result is whole. */
static int wait_result(struct exchange *x, struct err *err)
{
    int rc = flush(x, err);
    while (rc == 0 && PQisBusy(x->conn)) {
        rc = net_socket_wait(&x->target->server, PQsocket(x->conn), POLLIN, err);
        if (rc == 0) {
            rc = check_received(x, err);
        }
        if (rc < 0) {
            return rc;
        }
        if (PQconsumeInput(x->conn) == 0) {
            return lost(x, err);
        }
    }
    return rc;
}

static int refused(const struct exchange *x, const PGresult *r, struct err *err)
{
    const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
    const char *words = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
    if (!state || !words) {
        return say(x, err, -EIO, "postgres.failed", true, PQresultErrorMessage(r));
    }
    bool timeout = strcmp(state, "57014") == 0;
    bool later = strncmp(state, "08", 2) == 0 || strncmp(state, "40", 2) == 0 ||
                 strncmp(state, "53", 2) == 0 || strncmp(state, "57", 2) == 0 ||
                 strncmp(state, "55", 2) == 0;
    const char *text = arena_printf(action_arena(x->ctx), "%.200s (%.5s)", words, state);
    return say(x, err, timeout ? -ETIMEDOUT : -EBADE,
               timeout ? "postgres.timeout" : "postgres.answer", later, text);
}

/* --- rows ----------------------------------------------------------------------------------------
 */

struct rows {
    struct json_builder list;
    struct str *names; /* of the statement that runs; NULL = between statements */
    bool unique;       /* no name occurs twice */
    bool times_as_text;
    int n_columns;
};

static int start_rows(struct exchange *x, struct rows *rows, const PGresult *r, struct err *err)
{
    struct arena *a = action_arena(x->ctx);
    size_t bytes = 0;
    rows->n_columns = PQnfields(r);
    for (int i = 0; i < rows->n_columns; i++) {
        bytes += strlen(PQfname(r, i)) + 64;
    }
    int rc = action_room(x->ctx, bytes, err);
    if (rc < 0) {
        return rc;
    }
    rows->names = arena_array(a, (size_t)rows->n_columns + 1, sizeof(*rows->names));
    rows->unique = rows->n_columns <= MAX_COLUMNS;
    for (int i = 0; i < rows->n_columns; i++) {
        rows->names[i] = str_of(arena_strdup(a, PQfname(r, i)));
        for (int k = 0; k < i && rows->unique; k++) {
            rows->unique = !str_eq(rows->names[k], rows->names[i]);
        }
    }
    json_build_array(&rows->list, a);
    return 0;
}

static int add_row(struct exchange *x, struct rows *rows, const PGresult *r, struct err *err)
{
    struct arena *a = action_arena(x->ctx);
    size_t bytes = KIB(1) + (size_t)rows->n_columns * 128 + (size_t)rows->list.len * 48;
    for (int i = 0; i < rows->n_columns; i++) {
        size_t len = (size_t)PQgetlength(r, 0, i);
        bytes += len + postgres_value_room(PQftype(r, i), len);
    }
    if (bytes > arena_room(a)) {
        return too_large(x, err);
    }
    struct json_builder row;
    json_build_object(&row, a);
    for (int i = 0; i < rows->n_columns; i++) {
        struct json v = json_null();
        if (!PQgetisnull(r, 0, i)) {
            size_t len = (size_t)PQgetlength(r, 0, i);
            struct str text = str_n(arena_strndup(a, PQgetvalue(r, 0, i), len), len);
            v = rows->times_as_text && postgres_is_timestamp(PQftype(r, i))
                    ? json_str(text)
                    : postgres_value(a, PQftype(r, i), text);
        }
        if (rows->unique) {
            json_append(&row, rows->names[i], v);
        } else {
            json_set(&row, rows->names[i], v);
        }
    }
    json_push(&rows->list, json_built(&row));
    return 0;
}

static int take_result(struct exchange *x, struct rows *rows, const PGresult *r, struct err *err)
{
    ExecStatusType status = PQresultStatus(r);
    int rc = 0;
    if (status == PGRES_SINGLE_TUPLE || status == PGRES_TUPLES_OK) {
        rc = rows->names ? 0 : start_rows(x, rows, r, err);
        for (int i = 0; rc == 0 && i < PQntuples(r) && status == PGRES_SINGLE_TUPLE; i++) {
            rc = add_row(x, rows, r, err);
        }
        if (status == PGRES_TUPLES_OK) {
            rows->names = NULL; /* the next statement begins */
        }
        return rc;
    }
    if (status == PGRES_COMMAND_OK || status == PGRES_EMPTY_QUERY) {
        json_build_array(&rows->list, action_arena(x->ctx));
        return 0;
    }
    if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH) {
        return say(x, err, -EBADE, "postgres.answer", false,
                   "COPY to or from the client cannot be used here.");
    }
    return refused(x, r, err);
}

static void result_free(PGresult *r)
{
    PQclear(r);
}
DEFINE_CLEANUP(PGresult *, result_free)

/* Takes all results of what was sent. */
static int take_all(struct exchange *x, struct rows *rows, struct err *err)
{
    json_build_array(&rows->list, action_arena(x->ctx));
    rows->names = NULL;
    for (;;) {
        int rc = wait_result(x, err);
        if (rc < 0) {
            return rc;
        }
        AUTO(result_free) PGresult *r = PQgetResult(x->conn);
        if (!r) {
            return PQstatus(x->conn) == CONNECTION_OK ? 0 : lost(x, err);
        }
        rc = take_result(x, rows, r, err);
        if (rc < 0) {
            return rc;
        }
    }
}

static int run_plain(struct exchange *x, const char *sql, struct rows *rows, struct err *err)
{
    if (PQsendQuery(x->conn, sql) == 0 || PQsetSingleRowMode(x->conn) == 0) {
        return lost(x, err);
    }
    return take_all(x, rows, err);
}

static int run_bound(struct exchange *x, const struct postgres_query *q, struct rows *rows,
                     struct err *err)
{
    if (PQsendQueryParams(x->conn, q->sql, q->n_values, NULL, q->values, NULL, NULL, 0) == 0 ||
        PQsetSingleRowMode(x->conn) == 0) {
        return lost(x, err);
    }
    return take_all(x, rows, err);
}

/* The server ends the statement when we would; times come in one form. */
static int begin(struct exchange *x, struct err *err)
{
    struct rows none = {0};
    char sql[300];
    (void)snprintf(sql, sizeof(sql),
                   "BEGIN; SET LOCAL statement_timeout = %ld; SET LOCAL timezone = 'UTC'; "
                   "SET LOCAL datestyle = 'ISO, YMD'; SET LOCAL bytea_output = 'hex'",
                   MAX(net_left_ms(x->target->server.deadline_ns), 1L));
    return run_plain(x, sql, &none, err);
}

int postgres_run(struct action_context *ctx, const struct postgres_target *target,
                 const struct postgres_query *query, struct json *ret, struct err *err)
{
    AUTO(exchange_done)
    struct exchange x = {
        .ctx = ctx, .target = target, .max_bytes = MIN(arena_room(action_arena(ctx)), MAX_BYTES)};
    struct rows rows = {.times_as_text = query->times_as_text}, none = {0};
    int rc = open_connection(&x, err);
    if (rc == 0) {
        rc = begin(&x, err);
    }
    if (rc == 0) {
        rc = query->n_values ? run_bound(&x, query, &rows, err)
                             : run_plain(&x, query->sql, &rows, err);
    }
    if (rc == 0) {
        rc = run_plain(&x, "COMMIT", &none, err);
    }
    if (rc == 0) {
        *ret = json_built(&rows.list);
    }
    return rc;
}
