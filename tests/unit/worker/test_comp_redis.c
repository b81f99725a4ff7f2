/* The Redis component with a real server, in the clear and with TLS, and its reader with bytes that
 * no server sends. */
#include "peer_fixture.h"

#include <pthread.h>

#include "components/redis/redis_reply.h"

static struct peer server;

#define CONNECTION                                                                                 \
    "'redisConnection': {'key': 'redis', 'fields': {'host': '127.0.0.1', 'port': '$plain', "       \
    "'password': '" PEER_PASSWORD "', 'db': '2'}}"

static void commands_do_what_they_say(void **state)
{
    static const struct {
        const char *name, *inputs, *result;
    } rows[] = {
        {"redis.ping", "", "\"PONG\""},
        {"redis.set", ", 'key': 'k', 'value': 'Jäne \\r\\nx'", "\"OK\""},
        {"redis.get", ", 'key': 'k'", "\"Jäne \\r\\nx\""},
        {"redis.get", ", 'key': 'none'", "null"},
        {"redis.set", ", 'key': 'j', 'value': {'a': [1]}, 'ttl': '90'", "\"OK\""},
        {"redis.get", ", 'key': 'j'", "\"{\\\"a\\\":[1]}\""},
        {"redis.rawCommand", ", 'command': 'TTL', 'arguments': ['k']", "-1"},
        {"redis.increment", ", 'key': 'n'", "1"},
        {"redis.increment", ", 'key': 'n', 'amount': '-5'", "-4"},
        {"redis.hashSet", ", 'key': 'h', 'field': 'a', 'value': '1'", "1"},
        {"redis.hashSet", ", 'key': 'h', 'field': 'b', 'value': true", "1"},
        {"redis.hashGet", ", 'key': 'h', 'field': 'a'", "\"1\""},
        {"redis.hashGetAll", ", 'key': 'h'", "{\"a\":\"1\",\"b\":\"true\"}"},
        {"redis.hashGetAll", ", 'key': 'none'", "{}"},
        {"redis.listPush", ", 'key': 'l', 'value': 'x'", "1"},
        {"redis.listPush", ", 'key': 'l', 'value': 'y', 'end': 'left'", "2"},
        {"redis.listPop", ", 'key': 'l'", "\"x\""},
        {"redis.listPop", ", 'key': 'l', 'end': 'left'", "\"y\""},
        {"redis.listPop", ", 'key': 'l'", "null"},
        {"redis.publish", ", 'channel': 'c', 'message': 'hello'", "0"},
        {"redis.keys", ", 'searchPattern': 'k*'", "[\"k\"]"},
        {"redis.deleteKey", ", 'key': 'k'", "1"},
        {"redis.deleteKey", ", 'key': 'k'", "0"},
        {"redis.rawCommand",
         ", 'command': 'EVAL', 'arguments': ['return {1,{2,false},KEYS[1]}', 1, 'x']",
         "[1,[2,null],\"x\"]"},
        {"redis.flushAll", "", "\"OK\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct action_context ctx;
        peer_context(&ctx);
        const char *inputs = arena_printf(ctx.arena, "{%s%s}", CONNECTION, rows[i].inputs);
        peer_expect(&ctx, peer_run(&server, &ctx, rows[i].name, inputs), rows[i].result);
        fixture_done(&ctx);
    }
}

static void bytes_survive(void **state)
{
    struct action_context ctx;
    peer_context(&ctx);
    struct json connection = json_get(
        fixture_json(&ctx, peer_text(&server, &ctx, "{" CONNECTION "}")), STR("redisConnection"));
    struct json_member set[] = {{STR("redisConnection"), connection},
                                {STR("key"), json_cstr("b")},
                                {STR("value"), json_binary(STR("\0\xFF\r\n"))}};
    assert_int_equal(fixture_run_value(&ctx, "redis.set", json_object(set, 3)), 0);
    assert_int_equal(fixture_run_value(&ctx, "redis.get", json_object(set, 2)), 0);
    assert_int_equal(ctx.result.data.type, JSON_BINARY);
    assert_true(str_eq(json_as_str(ctx.result.data), STR("\0\xFF\r\n")));
    assert_int_equal(peer_run(&server, &ctx, "redis.getTime", "{" CONNECTION "}"), 0);
    assert_true(str_starts(json_as_str(ctx.result.data), STR("20")));
    fixture_done(&ctx);
}

static void tls_is_checked(void **state)
{
    struct action_context ctx;
    peer_context(&ctx);
    AUTO(buf_done) struct buf pem = {0};
    buf_init(&pem, KIB(16));
    FILE *f = fopen(peer_value(&server, ctx.arena, "certificate"), "r");
    assert_non_null(f);
    for (int c; (c = fgetc(f)) != EOF;) {
        if (c == '\n') {
            buf_adds(&pem, "\\n");
        } else {
            buf_addc(&pem, (char)c);
        }
    }
    fclose(f);
#define TLS_FIELDS                                                                                 \
    "{'redisConnection': {'fields': {'host': 'localhost', 'port': '$tls', 'useTls': 'true', "      \
    "'password': '" PEER_PASSWORD "'%s%s%s}}}"
    int rc = peer_run(&server, &ctx, "redis.ping",
                      arena_printf(ctx.arena, TLS_FIELDS, ", 'ca': '", pem.data, "'"));
    peer_expect(&ctx, rc, "\"PONG\"");
    rc = peer_run(&server, &ctx, "redis.ping",
                  arena_printf(ctx.arena, TLS_FIELDS, ", 'ignoreSslErrors': 'true'", "", ""));
    peer_expect(&ctx, rc, "\"PONG\"");
    rc = peer_run(&server, &ctx, "redis.ping", arena_printf(ctx.arena, TLS_FIELDS, "", "", ""));
    peer_expect_error(&ctx, rc, "redis.tls", "certificate");
    fixture_done(&ctx);
}

static void failures_are_told(void **state)
{
    static const struct {
        const char *name, *inputs, *code, *words;
    } rows[] = {
        {"redis.get", "{" CONNECTION "}", "input.invalid", "Key (key): has no value"},
        {"redis.ping", "{}", "input.invalid", "Connection (redisConnection)"},
        {"redis.ping", "{'redisConnection': {'fields': {'host': ''}}}", "input.invalid",
         "\"host\" is empty"},
        {"redis.ping", "{'redisConnection': {'fields': {'host': 'a b'}}}", "input.invalid",
         "\"host\" is not a host name"},
        {"redis.ping", "{'redisConnection': {'fields': {'host': 'x', 'port': '0'}}}",
         "input.invalid", "\"port\" must be"},
        {"redis.ping", "{'redisConnection': {'fields': {'host': '10.1.2.3'}}}", "redis.refused",
         "private network"},
        {"redis.ping", "{'redisConnection': {'fields': {'host': '127.0.0.1', 'port': '1'}}}",
         "redis.connect", "No connection to 127.0.0.1"},
        {"redis.ping", "{'redisConnection': {'fields': {'host': '127.0.0.1', 'port': '$plain'}}}",
         "redis.answer", "NOAUTH"},
        {"redis.ping",
         "{'redisConnection': {'fields': {'host': '127.0.0.1', 'port': '$plain', 'password': "
         "'wrong'}}}",
         "redis.answer", "WRONGPASS"},
        {"redis.ping", "{'redisConnection': {'fields': {'host': '127.0.0.1', 'port': '$tls'}}}",
         "redis.failed", ""},
        {"redis.rawCommand", "{" CONNECTION ", 'command': 'monitor'}", "input.invalid",
         "cannot be used in a step"},
        {"redis.rawCommand", "{" CONNECTION ", 'command': 'GET x'}", "input.invalid", "one word"},
        {"redis.rawCommand", "{" CONNECTION ", 'command': 'NOPE'}", "redis.answer",
         "unknown command"},
        {"redis.set", "{" CONNECTION ", 'key': 'k', 'value': 'v', 'ttl': '0'}", "input.invalid",
         "Time To Live (ttl)"},
        {"redis.listPop", "{" CONNECTION ", 'key': 'k', 'end': 'middle'}", "input.invalid",
         "left or right"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct action_context ctx;
        peer_context(&ctx);
        int rc = peer_run(&server, &ctx, rows[i].name, rows[i].inputs);
        peer_expect_error(&ctx, rc, rows[i].code, rows[i].words);
        fixture_done(&ctx);
    }
}

static void waiting_ends_at_the_deadline(void **state)
{
    struct action_context ctx;
    peer_context(&ctx);
    ctx.deadline = clock_mono_ns() + 300 * NS_PER_MS;
    int64_t start = clock_mono_ns();
    int rc = peer_run(&server, &ctx, "redis.rawCommand",
                      "{" CONNECTION ", 'command': 'BLPOP', 'arguments': ['nothing', 0]}");
    peer_expect_error(&ctx, rc, "redis.timeout", "did not answer in time");
    assert_true(ctx.err.retryable);
    assert_true(clock_mono_ns() - start < 5 * NS_PER_SEC);
    fixture_done(&ctx);
}

static void large_commands_are_refused(void **state)
{
    static char large[MIB(9)];
    struct action_context ctx;
    memset(large, 'a', sizeof(large));
    peer_context(&ctx);
    struct json items[8];
    for (size_t i = 0; i < ARRAY_LEN(items); i++) {
        items[i] = json_str(str_n(large, sizeof(large)));
    }
    struct json connection = fixture_json(&ctx, peer_text(&server, &ctx, "{" CONNECTION "}"));
    struct json_member inputs[] = {{STR("command"), json_cstr("DEL")},
                                   {STR("arguments"), json_array(items, ARRAY_LEN(items))},
                                   connection.members[0]};
    int rc = fixture_run_value(&ctx, "redis.rawCommand", json_object(inputs, ARRAY_LEN(inputs)));
    peer_expect_error(&ctx, rc, "input.invalid", "Arguments (arguments): makes a command of more");
    fixture_done(&ctx);
}

static void large_replies_are_refused(void **state)
{
    struct action_context ctx;
    peer_context(&ctx);
    (void)arena_alloc(ctx.arena, MIB(64) - KIB(300));
    int rc =
        peer_run(&server, &ctx, "redis.rawCommand",
                 "{" CONNECTION ", 'command': 'EVAL', 'arguments': ['return string.rep(KEYS[1], "
                 "1000000)', 1, 'x']}");
    peer_expect_error(&ctx, rc, "redis.too_large", "more than the memory");
    fixture_done(&ctx);
}

/* A server that answers one command with what it likes. */
struct liar {
    int listener;
    const char *reply;
};

static void *liar_run(void *arg)
{
    struct liar *l = arg;
    char ignored[1000];
    int fd = accept(l->listener, NULL, NULL);
    assert_true(fd >= 0);
    assert_true(recv(fd, ignored, sizeof(ignored), 0) > 0);
    (void)send(fd, l->reply, strlen(l->reply), MSG_NOSIGNAL);
    (void)close(fd);
    return NULL;
}

static void a_time_beyond_reason_is_none(void **state)
{
    static const struct {
        const char *reply, *result;
    } rows[] = {
        {"*2\r\n$10\r\n1767323045\r\n$6\r\n678901\r\n", "\"2026-01-02T03:04:05.678Z\""},
        {"*2\r\n$11\r\n31536000000\r\n$1\r\n0\r\n", NULL},
        {"*2\r\n$1\r\n1\r\n$7\r\n1000000\r\n", NULL},
        {"*1\r\n$1\r\n1\r\n", NULL},
        {"+OK\r\n", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct liar l = {.reply = rows[i].reply};
        struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t len = sizeof(at);
        pthread_t thread;
        struct action_context ctx;
        l.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(l.listener, (struct sockaddr *)&at, sizeof(at)), 0);
        assert_int_equal(listen(l.listener, 1), 0);
        assert_int_equal(getsockname(l.listener, (struct sockaddr *)&at, &len), 0);
        assert_int_equal(pthread_create(&thread, NULL, liar_run, &l), 0);
        peer_context(&ctx);
        int rc = fixture_run(&ctx, "redis.getTime",
                             arena_printf(ctx.arena,
                                          "{\"redisConnection\": {\"fields\": {\"host\": "
                                          "\"127.0.0.1\", \"port\": %d}}}",
                                          ntohs(at.sin_port)));
        assert_int_equal(pthread_join(thread, NULL), 0);
        if (rows[i].result) {
            peer_expect(&ctx, rc, rows[i].result);
        } else {
            peer_expect_error(&ctx, rc, "redis.failed", "time is none");
        }
        (void)close(l.listener);
        fixture_done(&ctx);
    }
}

static void the_reader_is_bounded(void **state)
{
    static const struct {
        const char *bytes;
        enum redis_take take;
    } rows[] = {
        {"+OK\r\n", REDIS_TAKE_VALUE},
        {"+OK\r", REDIS_TAKE_MORE},
        {"-ERR no\r\n", REDIS_TAKE_ERROR},
        {"*1\r\n-ERR inside\r\n", REDIS_TAKE_VALUE},
        {":12\r\n", REDIS_TAKE_VALUE},
        {"$-1\r\n", REDIS_TAKE_VALUE},
        {"*-1\r\n", REDIS_TAKE_VALUE},
        {"*0\r\n", REDIS_TAKE_VALUE},
        {"*2\r\n*0\r\n$0\r\n\r\n", REDIS_TAKE_VALUE},
        {"*2000000000\r\n", REDIS_TAKE_TOO_LARGE},
        {"*99999999999999999999\r\n", REDIS_TAKE_BROKEN},
        {"$99999999999\r\n", REDIS_TAKE_MORE},
        {"HTTP/1.1 400 Bad Request\r\n", REDIS_TAKE_BROKEN},
        {"*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n", REDIS_TAKE_BROKEN},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(arena_free) struct arena *a = arena_new(0, MIB(1));
        AUTO(redis_reply_free) struct redis_reply *r = redis_reply_new(a, 1000);
        struct json v = json_undefined();
        enum redis_take take = redis_reply_take(r, rows[i].bytes, strlen(rows[i].bytes), &v);
        if (take != rows[i].take) {
            fail_msg("%s: %d instead of %d", rows[i].bytes, (int)take, (int)rows[i].take);
        }
    }
    AUTO(arena_free) struct arena *a = arena_new(0, MIB(1));
    AUTO(redis_reply_free) struct redis_reply *r = redis_reply_new(a, 10);
    struct json v;
    assert_int_equal(redis_reply_take(r, "$20\r\n0123456789", 15, &v), REDIS_TAKE_TOO_LARGE);
}

static int start(void **state)
{
    peer_start(&server, "redis");
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
        cmocka_unit_test(commands_do_what_they_say),
        cmocka_unit_test(bytes_survive),
        cmocka_unit_test(tls_is_checked),
        cmocka_unit_test(failures_are_told),
        cmocka_unit_test(waiting_ends_at_the_deadline),
        cmocka_unit_test(large_commands_are_refused),
        cmocka_unit_test(large_replies_are_refused),
        cmocka_unit_test(a_time_beyond_reason_is_none),
        cmocka_unit_test(the_reader_is_bounded),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
