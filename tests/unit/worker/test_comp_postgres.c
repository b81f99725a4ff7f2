/* The PostgreSQL component with a real server; the reading of queries and of values alone. */
#include "peer_fixture.h"

#include <pthread.h>

#include "components/postgres/postgres_query.h"
#include "components/postgres/postgres_value.h"

static struct peer server;

#define CONNECTION                                                                                 \
    "'postgresConnection': {'key': 'postgres', 'fields': {'host': '127.0.0.1', 'port': '$port', "  \
    "'database': 'postgres', 'username': 'me', 'password': '" PEER_PASSWORD                        \
    "', 'requireSSL': 'false', 'timeout': '5000'}}"

static int run_query(struct action_context *ctx, const char *sql, const char *more)
{
    const char *connection = peer_text(&server, ctx, "{" CONNECTION);
    return fixture_run(ctx, "postgres.query",
                       arena_printf(ctx->arena, "%s, \"queryField\": \"%s\"%s}", connection, sql,
                                    peer_text(&server, ctx, more)));
}

static void rows_become_values(void **state)
{
    static const struct {
        const char *sql, *more, *result;
    } rows[] = {
        {"SELECT 1 AS a, 'x' AS b, NULL AS c, true AS d", "",
         "[{\"a\":1,\"b\":\"x\",\"c\":null,\"d\":true}]"},
        {"SELECT 9007199254740993::bigint AS a, 1.50::numeric AS b, 1.5::float8 AS c, "
         "'NaN'::float8 AS d",
         "", "[{\"a\":\"9007199254740993\",\"b\":\"1.50\",\"c\":1.5,\"d\":\"NaN\"}]"},
        {"SELECT '{\\\"k\\\": [1, null]}'::jsonb AS a, '2026-01-02'::date AS b, "
         "'2026-01-02 03:04:05.678901'::timestamp AS c, '2026-01-02 03:04:05+09'::timestamptz AS d,"
         " 'infinity'::timestamptz AS e",
         "",
         "[{\"a\":{\"k\":[1,null]},\"b\":\"2026-01-02T00:00:00.000Z\",\"c\":\"2026-01-02T03:04:05."
         "678Z\",\"d\":\"2026-01-01T18:04:05.000Z\",\"e\":\"infinity\"}]"},
        {"SELECT ARRAY[1,2,NULL] AS a, ARRAY['a b','\\\"','{']::text[] AS b, "
         "'[2:3]={x,y}'::text[] AS c, '{{1,2},{3,4}}'::int[] AS d",
         "",
         "[{\"a\":[1,2,null],\"b\":[\"a b\",\"\\\"\",\"{\"],\"c\":[\"x\",\"y\"],\"d\":[[1,2],[3,4]]"
         "}]"},
        {"SELECT '\\\\x00ff'::bytea AS a", "", "[{\"a\":\"AP8=\"}]"},
        {"SELECT generate_series(1, 3) AS n", "", "[{\"n\":1},{\"n\":2},{\"n\":3}]"},
        {"SELECT 1 AS a, 2 AS a", "", "[{\"a\":2}]"},
        {"SELECT 1 AS a WHERE false", "", "[]"},
        {"CREATE TEMP TABLE t (a int); INSERT INTO t VALUES (1), (2); SELECT a FROM t", "",
         "[{\"a\":1},{\"a\":2}]"},
        {"SELECT 1 AS a; CREATE TEMP TABLE t (a int)", "", "[]"},
        {"SELECT ${n} + 1 AS a, ${s}::text AS b, '${s2}' AS c -- ${s}",
         ", 'params': [{'key': 'n', 'value': '4'}, {'key': 's', 'value': 'x\\'; DROP'}]",
         "[{\"a\":5,\"b\":\"x\\\"; DROP\",\"c\":\"${s2}\"}]"},
        {"SELECT n FROM generate_series(1, 9) n WHERE n IN (${ids:csv}) LIMIT ${limit}",
         ", 'params': {'limit': 2}, 'paramsObject': '{\\'ids\\': [3, 5, 7]}'",
         "[{\"n\":3},{\"n\":5}]"},
        {"SELECT n FROM generate_series(1, 9) n WHERE n = ANY(${ids})",
         ", 'paramsObject': {'ids': [8, 9]}", "[{\"n\":8},{\"n\":9}]"},
        {"SELECT $2::text AS a, $1::int AS b, $1:json::jsonb AS c", ", 'paramsObject': [7, 'x']",
         "[{\"a\":\"x\",\"b\":7,\"c\":7}]"},
        {"SELECT $(o.p)::text AS a, $[q]::bool AS b, $<r>::text AS c, $/s/::jsonb AS d",
         ", 'paramsObject': {'o': {'p': 'deep'}, 'q': true, 'r': null, 's': {'t': 1}}",
         "[{\"a\":\"deep\",\"b\":true,\"c\":null,\"d\":{\"t\":1}}]"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct action_context ctx;
        peer_context(&ctx);
        peer_expect(&ctx, run_query(&ctx, rows[i].sql, rows[i].more), rows[i].result);
        fixture_done(&ctx);
    }
}

static void a_query_is_one_transaction(void **state)
{
    struct action_context ctx;
    peer_context(&ctx);
    peer_expect(&ctx, run_query(&ctx, "CREATE TABLE kept (a int, b bytea)", ""), "[]");
    int rc = run_query(&ctx, "INSERT INTO kept VALUES (1); SELECT 1 / 0", "");
    peer_expect_error(&ctx, rc, "postgres.answer", "division by zero (22012)");
    assert_false(ctx.err.retryable);
    peer_expect(&ctx, run_query(&ctx, "SELECT * FROM kept", ""), "[]");
    struct json_member inputs[] = {
        {STR("postgresConnection"),
         json_get(fixture_json(&ctx, peer_text(&server, &ctx, "{" CONNECTION "}")),
                  STR("postgresConnection"))},
        {STR("queryField"), json_cstr("INSERT INTO kept VALUES (2, ${b}) RETURNING a, b")},
        {STR("params"),
         json_object((struct json_member[]){{STR("b"), json_binary(STR("\0\xFE"))}}, 1)}};
    assert_int_equal(fixture_run_value(&ctx, "postgres.query", json_object(inputs, 3)), 0);
    assert_string_equal(fixture_result(&ctx), "[{\"a\":2,\"b\":\"AP4=\"}]");
    peer_expect(&ctx, run_query(&ctx, "SELECT count(*)::int AS n FROM kept", ""), "[{\"n\":1}]");
    fixture_done(&ctx);
}

static void failures_are_told(void **state)
{
    static const struct {
        const char *inputs, *code, *words;
    } rows[] = {
        {"{" CONNECTION "}", "input.invalid", "Query Field (queryField): has no value"},
        {"{'queryField': 'SELECT 1'}", "input.invalid", "Connection (postgresConnection)"},
        {"{" CONNECTION ", 'queryField': 'SELEC 1'}", "postgres.answer", "syntax error"},
        {"{" CONNECTION ", 'queryField': 'SELECT * FROM nowhere'}", "postgres.answer",
         "does not exist (42P01)"},
        {"{" CONNECTION ", 'queryField': 'SELECT ${a}'}", "input.invalid", "the parameter \"a\""},
        {"{" CONNECTION ", 'queryField': 'SELECT ${a:raw}', 'params': {'a': 1}}", "input.invalid",
         "become part of the query's text"},
        {"{" CONNECTION ", 'queryField': 'SELECT $1'}", "input.invalid", "uses $1"},
        {"{" CONNECTION ", 'queryField': 'SELECT $1', 'paramsObject': [1], 'params': {'a': 1}}",
         "input.invalid", "is a list"},
        {"{" CONNECTION ", 'queryField': 'COPY (SELECT 1) TO STDOUT'}", "postgres.answer", "COPY"},
        {"{" CONNECTION ", 'queryField': 'COPY pg_class FROM STDIN'}", "postgres.answer", ""},
        {"{'queryField': 'SELECT 1', 'postgresConnection': {'fields': {'host': '127.0.0.1', "
         "'port': '$port', 'database': 'postgres', 'username': 'me', 'password': 'wrong'}}}",
         "postgres.connect", "password authentication failed"},
        {"{'queryField': 'SELECT 1', 'postgresConnection': {'fields': {'host': '127.0.0.1', "
         "'port': '$port', 'database': 'postgres', 'username': 'me'}}}",
         "postgres.connect", "password authentication failed"},
        {"{'queryField': 'SELECT 1', 'postgresConnection': {'fields': {'host': 'localhost', "
         "'port': '$port', 'database': 'postgres', 'username': 'me', 'password': 'x', "
         "'verifyCertificate': 'true'}}}",
         "postgres.connect", "certificate verify failed"},
        {"{'queryField': 'SELECT 1', 'postgresConnection': {'fields': {'host': "
         "'/var/run/postgresql', 'database': 'postgres', 'username': 'me'}}}",
         "input.invalid", "is not a host name"},
        {"{'queryField': 'SELECT 1', 'postgresConnection': {'fields': {'host': "
         "'127.0.0.1,10.0.0.1', 'database': 'postgres', 'username': 'me'}}}",
         "input.invalid", "is not a host name"},
        {"{'queryField': 'SELECT 1', 'postgresConnection': {'fields': {'host': '192.168.1.1', "
         "'database': 'postgres', 'username': 'me'}}}",
         "postgres.refused", "private network"},
        {"{'queryField': 'SELECT 1', 'postgresConnection': {'fields': {'host': '127.0.0.1', "
         "'port': '1', 'database': 'postgres', 'username': 'me'}}}",
         "postgres.connect", "refused"},
        {"{'queryField': 'SELECT 1', 'postgresConnection': {'fields': {'host': '127.0.0.1', "
         "'username': 'me'}}}",
         "input.invalid", "\"database\" is empty"},
    };
    /* None of these may be looked at. */
    (void)setenv("PGHOST", "10.0.0.1", 1);
    (void)setenv("PGHOSTADDR", "10.0.0.1", 1);
    (void)setenv("PGPASSWORD", PEER_PASSWORD, 1);
    (void)setenv("PGOPTIONS", "-c nonsense=1", 1);
    (void)setenv("PGSSLMODE", "verify-full", 1);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct action_context ctx;
        peer_context(&ctx);
        int rc = peer_run(&server, &ctx, "postgres.query", rows[i].inputs);
        peer_expect_error(&ctx, rc, rows[i].code, rows[i].words);
        fixture_done(&ctx);
    }
    struct action_context ctx;
    peer_context(&ctx);
    peer_expect(&ctx, run_query(&ctx, "SELECT 1 AS a", ""), "[{\"a\":1}]");
    fixture_done(&ctx);
}

static void tls_is_used(void **state)
{
    struct action_context ctx;
    peer_context(&ctx);
    int rc = peer_run(&server, &ctx, "postgres.query",
                      "{'queryField': 'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()', "
                      "'postgresConnection': {'fields': {'host': 'localhost', 'port': '$port', "
                      "'database': 'postgres', 'username': 'me', 'password': '" PEER_PASSWORD
                      "', 'requireSSL': true}}}");
    peer_expect(&ctx, rc, "[{\"ssl\":true}]");
    fixture_done(&ctx);
}

static void time_and_memory_are_bounded(void **state)
{
    struct action_context ctx;
    peer_context(&ctx);
    ctx.deadline = clock_mono_ns() + 700 * NS_PER_MS;
    int rc = run_query(&ctx, "SELECT pg_sleep(30)", "");
    peer_expect_error(&ctx, rc, "postgres.timeout", "");
    assert_true(ctx.err.retryable);
    assert_true(clock_mono_ns() - ctx.deadline < 5 * NS_PER_SEC);
    ctx.deadline = clock_mono_ns() - 1;
    rc = run_query(&ctx, "SELECT 1", "");
    peer_expect_error(&ctx, rc, "postgres.timeout", "did not answer in time");
    fixture_done(&ctx);
    static const char *const large[] = {
        "SELECT repeat('x', 1000) AS a FROM generate_series(1, 100000)",
        "SELECT repeat('x', 50000000) AS a",
    };
    for (size_t i = 0; i < ARRAY_LEN(large); i++) {
        peer_context(&ctx);
        (void)arena_alloc(ctx.arena, MIB(63));
        rc = run_query(&ctx, large[i], "");
        peer_expect_error(&ctx, rc, "postgres.too_large", "LIMIT");
        fixture_done(&ctx);
    }
}

/* A server that sends without end: settings before the login is done, or beside rows. */
struct flood {
    int listener, port;
    bool with_rows;
    size_t sent;
    pthread_t thread;
};

#define FLOOD_CHUNK 29000 /* libpq takes no longer settings */
#define FLOOD_MAX   MIB(400)

static bool flood_send(int fd, struct flood *f, const char *head, size_t head_len, const char *body,
                       size_t len)
{
    struct iovec parts[2] = {{(void *)head, head_len}, {(void *)body, len}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    size_t total = head_len + len;
    for (size_t at = 0; at < total;) {
        ssize_t n = sendmsg(fd, &message, MSG_NOSIGNAL);
        if (n <= 0) {
            return false;
        }
        at += (size_t)n;
        for (size_t i = 0, left = (size_t)n; i < 2; i++) {
            size_t taken = MIN(left, parts[i].iov_len);
            parts[i].iov_base = (char *)parts[i].iov_base + taken;
            parts[i].iov_len -= taken;
            left -= taken;
        }
    }
    f->sent += total;
    return true;
}

/* Reads what the client says, of which only that it comes matters. */
static void flood_await(int fd)
{
    char ignored[KIB(16)];
    assert_true(recv(fd, ignored, sizeof(ignored), 0) > 0);
}

static void *flood_run(void *arg)
{
#define SAY(text, body) flood_send(fd, f, text, sizeof(text) - 1, body, sizeof(body) - 1)
    static char value[FLOOD_CHUNK];
    struct flood *f = arg;
    int fd = accept(f->listener, NULL, NULL);
    assert_true(fd >= 0);
    memset(value, 'x', sizeof(value) - 1);
    flood_await(fd); /* may it be TLS? */
    (void)SAY("N", "");
    flood_await(fd); /* who it is */
    (void)SAY("R\0\0\0\x08\0\0\0\0", "");
    if (f->with_rows) {
        (void)SAY("Z\0\0\0\x05I", "");
        flood_await(fd); /* BEGIN */
        (void)SAY("C\0\0\0\x0A"
                  "BEGIN\0",
                  "Z\0\0\0\x05T");
        flood_await(fd); /* the query */
        (void)SAY("T\0\0\0\x1A\0\x01"
                  "a\0",
                  "\0\0\0\0\0\0\0\0\0\x19\xFF\xFF\xFF\xFF\xFF\xFF\0\0");
    }
    for (unsigned i = 0; f->sent < FLOOD_MAX; i++) {
        char head[16];
        memcpy(head, "S\0\0\0\0", 5);
        uint32_t len = htonl((uint32_t)(4 + 9 + sizeof(value)));
        memcpy(head + 1, &len, sizeof(len));
        (void)snprintf(head + 5, sizeof(head) - 5, "p%07u", i);
        bool ok = flood_send(fd, f, head, 14, value, sizeof(value));
        if (ok && f->with_rows) {
            ok = SAY("D\0\0\0\x0B\0\x01\0\0\0\x01", "1");
        }
        if (!ok) {
            break;
        }
    }
    (void)close(fd);
    return NULL;
#undef SAY
}

static void what_a_server_sends_beside_rows_is_bounded(void **state)
{
    for (int with_rows = 0; with_rows < 2; with_rows++) {
        struct flood f = {.with_rows = with_rows};
        struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t len = sizeof(at);
        f.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(f.listener, (struct sockaddr *)&at, sizeof(at)), 0);
        assert_int_equal(listen(f.listener, 1), 0);
        assert_int_equal(getsockname(f.listener, (struct sockaddr *)&at, &len), 0);
        assert_int_equal(pthread_create(&f.thread, NULL, flood_run, &f), 0);
        struct action_context ctx;
        peer_context(&ctx);
        const char *inputs = arena_printf(
            ctx.arena,
            "{\"queryField\": \"SELECT 1\", \"postgresConnection\": {\"fields\": {\"host\": "
            "\"127.0.0.1\", \"port\": %d, \"database\": \"d\", \"username\": \"u\", "
            "\"timeout\": 20000}}}",
            ntohs(at.sin_port));
        int rc = fixture_run(&ctx, "postgres.query", inputs);
        assert_int_equal(pthread_join(f.thread, NULL), 0);
        peer_expect_error(&ctx, rc, "postgres.too_large", "the server sends more");
        assert_true(f.sent < MIB(100));
        (void)close(f.listener);
        fixture_done(&ctx);
    }
}

/* --- the trigger ----------------------------------------------------------------------------- */

#define POLL(more) "{" CONNECTION ", 'tableName': 'Shop.\\\"Orders'" more "}"

/* One poll: what it finds, and whether the execution ends there. */
static void poll_once(struct action_context *ctx, const char *inputs, const char *found)
{
    if (peer_run(&server, ctx, "postgres.pollTable", inputs) != 0) {
        fail_msg("%s", ctx->err.message);
    }
    struct json body = json_get(ctx->result.data, STR("body"));
    ctx->result.data = json_get(body, STR("data"));
    assert_string_equal(fixture_result(ctx), found);
    if (strcmp(found, "[]") == 0) {
        assert_string_equal(ctx->result.result_type, "POLLED_NO_CHANGES");
    } else {
        assert_null(ctx->result.result_type);
    }
}

static void sql(struct action_context *ctx, const char *text)
{
    if (run_query(ctx, text, "") != 0) {
        fail_msg("%s", ctx->err.message);
    }
}

#define AT(seconds)     "'2026-01-02 03:04:" seconds "+01'"
#define GOT(n, seconds) "{\"n\":" n ",\"changed At\":\"2026-01-02 02:04:" seconds "+00\"}"

static void changed_rows_are_found(void **state)
{
    static const char *const poll = POLL(", 'cursorField': 'changed At'");
    struct action_context ctx;
    peer_context(&ctx);
    sql(&ctx, "CREATE SCHEMA \\\"Shop\\\"; CREATE TABLE \\\"Shop\\\".\\\"\\\"\\\"Orders\\\" "
              "(n int, \\\"changed At\\\" timestamptz)");
    poll_once(&ctx, poll, "[]"); /* the first time: the table is empty */
    poll_once(&ctx, poll, "[]");
#define INSERT(values) "INSERT INTO \\\"Shop\\\".\\\"\\\"\\\"Orders\\\" VALUES " values
    sql(&ctx, INSERT("(1, " AT("05.000001") "), (2, NULL)"));
    poll_once(&ctx, poll, "[" GOT("1", "05.000001") "]");
    poll_once(&ctx, poll, "[]");
    sql(&ctx, INSERT("(4, " AT("05.000003") "), (3, " AT("05.000002") "), (0, " AT("01") ")"));
    poll_once(&ctx, poll, "[" GOT("3", "05.000002") "," GOT("4", "05.000003") "]");
    sql(&ctx, "UPDATE \\\"Shop\\\".\\\"\\\"\\\"Orders\\\" SET \\\"changed At\\\" = " AT(
                  "06") " WHERE n = 1");
    poll_once(&ctx, POLL(", 'cursorField': 'changed At', 'castTimestampsToStrings': 'false'"),
              "[{\"n\":1,\"changed At\":\"2026-01-02T02:04:06.000Z\"}]");
    /* Another column is looked at anew; numbers, and more rows than are given at once. */
    static const char *const by_number = POLL(", 'cursorField': 'n'");
    poll_once(&ctx, by_number, "[]");
    sql(&ctx, "INSERT INTO \\\"Shop\\\".\\\"\\\"\\\"Orders\\\" SELECT n, now() FROM "
              "generate_series(100, 1100) n UNION ALL SELECT 1099, now()");
    assert_int_equal(peer_run(&server, &ctx, "postgres.pollTable", by_number), 0);
    struct json rows = json_get(json_get(ctx.result.data, STR("body")), STR("data"));
    assert_int_equal(rows.len, 1001); /* both of the last value */
    assert_true(json_get(json_at(rows, 0), STR("n")).num == 100);
    assert_true(json_get(json_at(rows, 1000), STR("n")).num == 1099);
    assert_int_equal(json_at(rows, 0).len, 2);
    assert_int_equal(peer_run(&server, &ctx, "postgres.pollTable", by_number), 0);
    rows = json_get(json_get(ctx.result.data, STR("body")), STR("data"));
    assert_int_equal(rows.len, 1);
    assert_true(json_get(json_at(rows, 0), STR("n")).num == 1100);
    fixture_done(&ctx);
}

static void polls_that_cannot_be(void **state)
{
    static const struct {
        const char *inputs, *code, *words;
    } rows[] = {
        {"{" CONNECTION "}", "input.invalid", "Table Name (tableName): has no value"},
        {"{" CONNECTION ", 'tableName': 'a.b.c.d'}", "input.invalid", "the name of a table"},
        {"{" CONNECTION ", 'tableName': 'a..b'}", "input.invalid", "the name of a table"},
        {"{" CONNECTION ", 'tableName': 'a\\u0000b'}", "input.invalid", "the name of a table"},
        {"{" CONNECTION ", 'tableName': 'nowhere'}", "postgres.answer", "does not exist (42P01)"},
        {"{" CONNECTION ", 'tableName': 'pg_class', 'cursorField': 'a\\\" FROM x; --'}",
         "postgres.answer", "does not exist (42703)"},
        {"{" CONNECTION ", 'tableName': 'pg_class'}", "postgres.answer", "updated_at"},
        {"{'tableName': 'pg_class'}", "input.invalid", "Connection (postgresConnection)"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct action_context ctx;
        peer_context(&ctx);
        int rc = peer_run(&server, &ctx, "postgres.pollTable", rows[i].inputs);
        peer_expect_error(&ctx, rc, rows[i].code, rows[i].words);
        assert_int_equal(ctx.state[STATE_INSTANCE].len, 0);
        fixture_done(&ctx);
    }
    struct action_context ctx;
    peer_context(&ctx);
    sql(&ctx, "CREATE TABLE odd (n int, __leat_cursor int)");
    poll_once(&ctx, "{" CONNECTION ", 'tableName': 'odd', 'cursorField': 'n'}", "[]");
    sql(&ctx, "INSERT INTO odd VALUES (1, 2)");
    /* A column of the name that is used for the cursor is left out. */
    poll_once(&ctx, "{" CONNECTION ", 'tableName': 'odd', 'cursorField': 'n'}", "[{\"n\":1}]");
    fixture_done(&ctx);
}

/* What is bound, in order, and what is left of the text. */
static void parameters_are_bound(void **state)
{
    static const struct {
        const char *sql, *parameters, *out, *values;
    } rows[] = {
        {"a ${x} b ${x}", "{\"x\": 1}", "a $1 b $2", "1|1|"},
        {"'it''s ${y}' ${x}", "{\"x\": \"v\"}", "'it''s ${y}' $1", "v|"},
        {"E'\\' ${x}' ${x}", "{\"y\": 1, \"x.y\": 2}", NULL, "the parameter \"x\""},
        {"\"${x}\" /* ${x} /* */ ${x} */ ${x}", "{\"x\": 1}", "\"${x}\" /* ${x} /* */ ${x} */ $1",
         "1|"},
        {"$f$ ${x} $f$ $$ ${x} $$ ${x}", "{\"x\": 1}", "$f$ ${x} $f$ $$ ${x} $$ $1", "1|"},
        {"-- ${x}\n${x}", "{\"x\": 1}", "-- ${x}\n$1", "1|"},
        {"'${x}'", "{\"x\": 1}", NULL, "inside quotes"},
        {"'${x:csv}'", "{\"x\": 1}", NULL, "inside quotes"},
        {"a$b$ = ${x} and c$b$", "{\"x\": 1}", "a$b$ = $1 and c$b$", "1|"},
        {"${x:csv}", "{\"x\": [1, \"a\", null]}", "$1,$2,$3", "1|a|NULL|"},
        {"${x:csv}", "{\"x\": []}", NULL, "has none"},
        {"${x:csv}", "{\"x\": 5}", "$1", "5|"},
        {"${x:json} ${x}", "{\"x\": [1, \"a\\\"\\\\\", [true, null]]}", "$1 $2",
         "[1,\"a\\\"\\\\\",[true,null]]|{\"1\",\"a\\\"\\\\\",{\"true\",NULL}}|"},
        {"${x} ${y}", "{\"x\": {\"a\": 1}, \"y\": false}", "$1 $2", "{\"a\":1}|false|"},
        {"${x:name}", "{\"x\": 1}", NULL, "become part"},
        {"${x:other}", "{\"x\": 1}", NULL, ":json, :csv or :list"},
        {"$1 $2:csv $1::text", "[\"a\", [2, 3]]", "$1 $2,$3 $4::text", "a|2|3|a|"},
        {"$0", "[1]", NULL, "uses $0"},
        {"$3", "[1]", NULL, "uses $3"},
        {"a$1 ${} ${a b} $ $( ${", "[1]", "a$1 ${} ${a b} $ $( ${", ""},
        {"${x}", "{\"x\": \"a\\u0000b\"}", NULL, "NUL"},
        {"' open ${x}", "{}", "' open ${x}", ""},
        {"/* open ${x}", "{}", "/* open ${x}", ""},
        {"$tag$ open ${x}", "{}", "$tag$ open ${x}", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(arena_free) struct arena *a = arena_new(0, MIB(4));
        AUTO(buf_done) struct buf values = {0};
        struct postgres_query q = {0};
        struct json parameters;
        char why[300] = "";
        buf_init(&values, 0);
        assert_int_equal(json_parse(a, str_of(rows[i].parameters), &parameters, NULL), 0);
        int rc = postgres_query_build(a, str_of(rows[i].sql), parameters, &q, why, sizeof(why));
        for (int k = 0; rc == 0 && k < q.n_values; k++) {
            buf_addf(&values, "%s|", q.values[k] ? q.values[k] : "NULL");
        }
        if (rows[i].out ? rc != 0 || strcmp(q.sql, rows[i].out) != 0 ||
                              !str_eq(buf_str(&values), str_of(rows[i].values))
                        : rc != -EINVAL || !strstr(why, rows[i].values)) {
            fail_msg("%s: %d %s, %s, %s", rows[i].sql, rc, why, q.sql ? q.sql : "",
                     values.len ? values.data : "");
        }
    }
}

static void odd_values_stay_text(void **state)
{
    static const struct {
        unsigned type;
        const char *text, *result;
    } rows[] = {
        {16, "maybe", "\"maybe\""},
        {23, " 1", "\" 1\""},
        {23, "", "\"\""},
        {17, "\\xzz", "\"\\\\xzz\""},
        {17, "escaped", "\"escaped\""},
        {114, "{", "\"{\""},
        {1082, "0044-03-15 BC", "\"0044-03-15 BC\""},
        {1114, "2026-01-02 03:04:05.1", "\"2026-01-02T03:04:05.100Z\""},
        {1184, "2026-01-02 03:04:05+05:30", "\"2026-01-02 03:04:05+05:30\""},
        {1184, "2026-01-02 03:04", "\"2026-01-02 03:04\""},
        {1007, "{1,2", "\"{1,2\""},
        {1007, "{}", "[]"},
        {1007, "{1}x", "\"{1}x\""},
        {1009, "{\"a", "\"{\\\"a\""},
        {1009, "{\"a\\", "\"{\\\"a\\\\\""},
        {1009, "{a,\"NULL\",NULL}", "[\"a\",\"NULL\",null]"},
        {1007, "{{{{{{{{1}}}}}}}}", "\"{{{{{{{{1}}}}}}}}\""},
        {600, "(1,2)", "\"(1,2)\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(arena_free) struct arena *a = arena_new(0, MIB(1));
        AUTO(buf_done) struct buf text = {0};
        buf_init(&text, 0);
        json_dump(&text, postgres_value(a, rows[i].type, str_of(rows[i].text)));
        if (!str_eq(buf_str(&text), str_of(rows[i].result))) {
            fail_msg("%s: %s instead of %s", rows[i].text, text.data, rows[i].result);
        }
    }
}

static int start(void **state)
{
    peer_start(&server, "postgres");
    return 0;
}

static int stop(void **state)
{
    peer_stop(&server);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_become_values),
        cmocka_unit_test(a_query_is_one_transaction),
        cmocka_unit_test(failures_are_told),
        cmocka_unit_test(tls_is_used),
        cmocka_unit_test(time_and_memory_are_bounded),
        cmocka_unit_test(parameters_are_bound),
        cmocka_unit_test(changed_rows_are_found),
        cmocka_unit_test(polls_that_cannot_be),
        cmocka_unit_test(odd_values_stay_text),
        cmocka_unit_test(what_a_server_sends_beside_rows_is_bounded),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
