/* The outbound door against a real server: redirects, limits, addresses, headers. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include "http_server_fixture.h"
#include "net/http_client.h"
#include "net/http_loop.h"

static struct http_server server;
static struct address_policy loopback, strict;

struct probe {
    struct arena *arena;
    struct http_client *client;
    struct http_request req;
    struct http_response res;
    struct err err;
    int blocks, unblocks;
};

static void count_begin(void *arg)
{
    ((struct probe *)arg)->blocks++;
}

static void count_end(void *arg)
{
    ((struct probe *)arg)->unblocks++;
}

static void probe_init(struct probe *p, const struct address_policy *policy)
{
    memset(p, 0, sizeof(*p));
    p->arena = arena_new(0, MIB(32));
    p->client = http_client_new(&(struct http_client_options){.policy = policy});
    p->req = (struct http_request){.method = STR("GET"),
                                   .deadline_ns = clock_mono_ns() + 10 * NS_PER_SEC,
                                   .block_begin = count_begin,
                                   .block_end = count_end,
                                   .block_ctx = p};
}

static void probe_done(struct probe *p)
{
    assert_int_equal(p->blocks, p->unblocks);
    http_client_free(p->client);
    arena_free(p->arena);
}

static int go(struct probe *p, const char *path)
{
    err_clear(&p->err);
    p->res = (struct http_response){0};
    p->req.url = str_of(arena_printf(p->arena, "%s%s", server.url, path));
    return http_client_send(p->client, p->arena, &p->req, &p->res, &p->err);
}

static bool body_has(struct probe *p, const char *text)
{
    return str_find(p->res.body, str_of(text), 0) >= 0;
}

static void sends_and_receives(void **state)
{
    struct probe p;
    probe_init(&p, &loopback);
    struct http_header headers[] = {
        {STR("X-One"), STR(" 1 ")},
        {STR("X-Empty"), STR("")},
        {STR("Content-Length"), STR("999")},
        {STR("Transfer-Encoding"), STR("chunked")},
    };
    p.req.headers = headers;
    p.req.n_headers = ARRAY_LEN(headers);
    p.req.method = STR("POST");
    p.req.body = STR("a\0b");
    p.req.has_body = true;
    assert_int_equal(go(&p, "/echo?x=1"), 0);
    assert_int_equal(p.res.status, 200);
    assert_true(str_eq(p.res.status_text, STR("OK")));
    assert_true(str_starts(p.res.body, STR("POST /echo?x=1 HTTP/1.1\r\n")));
    assert_true(body_has(&p, "\r\nX-One: 1\r\n"));
    assert_true(body_has(&p, "\r\nX-Empty:"));
    assert_true(body_has(&p, "\r\nContent-Length: 3\r\n"));
    assert_true(body_has(&p, "\r\nUser-Agent: Leat/"));
    assert_true(body_has(&p, "gzip"));
    assert_false(body_has(&p, "999"));
    assert_false(body_has(&p, "chunked"));
    assert_false(body_has(&p, "Content-Type"));
    assert_true(str_ends(p.res.body, STR("\r\n\r\na\0b")));
    assert_true(str_eq(http_response_header(&p.res, "content-TYPE"), STR("text/plain")));
    assert_true(str_eq(http_response_header(&p.res, "absent"), STR("")));
    assert_int_equal(p.blocks, 1);
    probe_done(&p);
}

static void methods(void **state)
{
    static const char *const names[] = {"GET", "PUT", "PATCH", "DELETE", "OPTIONS", "PURGE"};
    struct probe p;
    probe_init(&p, &loopback);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        p.req.method = str_of(names[i]);
        p.req.has_body = i == 1 || i == 2;
        assert_int_equal(go(&p, "/echo"), 0);
        assert_true(str_starts(p.res.body, str_of(names[i])));
        assert_int_equal(body_has(&p, "Content-Length: 0"), p.req.has_body);
    }
    p.req.method = STR("HEAD");
    p.req.has_body = false;
    assert_int_equal(go(&p, "/echo"), 0);
    assert_int_equal(p.res.body.len, 0);
    assert_true(str_eq(http_response_header(&p.res, "x-head"), STR("yes")));
    probe_done(&p);
}

static void keeps_connections(void **state)
{
    struct probe p;
    probe_init(&p, &loopback);
    int before = atomic_load(&server.connections);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(go(&p, "/json"), 0);
    }
    assert_int_equal(atomic_load(&server.connections) - before, 1);
    probe_done(&p);
}

static void use_loop(struct probe *p, struct http_loop *loop)
{
    http_client_free(p->client);
    p->client = http_client_new(&(struct http_client_options){.policy = &loopback, .loop = loop});
}

static void clients_of_a_loop_share_connections(void **state)
{
    AUTO(http_loop_free) struct http_loop *loop = http_loop_new(0);
    struct probe one, other;
    probe_init(&one, &loopback);
    probe_init(&other, &loopback);
    use_loop(&one, loop);
    use_loop(&other, loop);
    int before = atomic_load(&server.connections);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(go(&one, "/json"), 0);
        assert_int_equal(go(&other, "/json"), 0);
    }
    probe_done(&one);
    assert_int_equal(go(&other, "/json"), 0); /* the one who opened it has gone */
    assert_int_equal(atomic_load(&server.connections) - before, 1);
    probe_done(&other);
}

#define MANY 12

static void *ask_often(void *arg)
{
    struct probe *p = arg;
    int answers = 0;
    for (int i = 0; i < 200 && answers < 3; i++) { /* the server cuts one off for another */
        answers += go(p, "/json") == 0;
    }
    return answers == 3 ? NULL : p;
}

static void many_clients_use_a_loop_at_once(void **state)
{
    AUTO(http_loop_free) struct http_loop *loop = http_loop_new(0);
    struct probe probes[MANY];
    pthread_t threads[MANY];
    for (int i = 0; i < MANY; i++) {
        probe_init(&probes[i], &loopback);
        use_loop(&probes[i], loop);
        assert_int_equal(pthread_create(&threads[i], NULL, ask_often, &probes[i]), 0);
    }
    for (int i = 0; i < MANY; i++) {
        void *failed;
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
        assert_true(probes[i].blocks >= 3);
        probe_done(&probes[i]);
    }
}

static void every_status_is_a_response(void **state)
{
    static const int codes[] = {201, 204, 304, 400, 404, 500, 503};
    struct probe p;
    probe_init(&p, &loopback);
    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        assert_int_equal(go(&p, arena_printf(p.arena, "/status/%d", codes[i])), 0);
        assert_int_equal(p.res.status, codes[i]);
        http_client_free(p.client); /* 204 and 304 have no body; the server sends one */
        p.client = http_client_new(&(struct http_client_options){.policy = &loopback});
    }
    probe_done(&p);
}

static void decompresses(void **state)
{
    struct probe p;
    probe_init(&p, &loopback);
    assert_int_equal(go(&p, "/gzip"), 0);
    assert_true(str_eq(p.res.body, STR("compressed")));
    probe_done(&p);
}

static void refuses_addresses(void **state)
{
    struct probe p;
    probe_init(&p, &strict);
    int before = atomic_load(&server.connections);
    const char *const hosts[] = {"127.0.0.1",          "localhost", "127.1",
                                 "2130706433",         "0x7f.1",    "0177.0.0.1",
                                 "[::ffff:127.0.0.1]", "[::1]",     "0.0.0.0"};
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        p.req.url = str_of(arena_printf(p.arena, "http://%s:%d/json", hosts[i], server.port));
        assert_int_equal(http_client_send(p.client, p.arena, &p.req, &p.res, &p.err), -EACCES);
        assert_string_equal(p.err.code, "http.refused");
        assert_false(p.err.retryable);
    }
    assert_int_equal(atomic_load(&server.connections), before);
    probe_done(&p);
}

static void proxies_of_the_environment_are_ignored(void **state)
{
    char proxy[80];
    (void)snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%d", server.port);
    setenv("http_proxy", proxy, 1);
    setenv("all_proxy", proxy, 1);
    struct probe p;
    probe_init(&p, &strict);
    p.req.url = STR("http://10.255.255.1/json");
    assert_int_equal(http_client_send(p.client, p.arena, &p.req, &p.res, &p.err), -EACCES);
    probe_done(&p);
    unsetenv("http_proxy");
    unsetenv("all_proxy");
}

static void follows_redirects(void **state)
{
    struct probe p;
    probe_init(&p, &loopback);
    assert_int_equal(go(&p, "/redirect/8"), 0);
    assert_int_equal(p.res.redirects, 9);
    assert_true(str_ends(p.res.url, STR("/echo")));
    assert_int_equal(go(&p, "/redirect/9"), 0);
    assert_int_equal(go(&p, "/redirect/10"), -ELOOP);
    assert_string_equal(p.err.code, "http.redirects");
    p.req.max_redirects = 1;
    assert_int_equal(go(&p, "/redirect/0"), 0);
    assert_int_equal(go(&p, "/redirect/1"), -ELOOP);
    p.req.no_redirects = true;
    assert_int_equal(go(&p, "/redirect/1"), 0);
    assert_int_equal(p.res.status, 302);
    probe_done(&p);
}

static void redirects_change_the_method(void **state)
{
    struct probe p;
    probe_init(&p, &loopback);
    struct http_header type = {STR("Content-Type"), STR("text/x")};
    p.req.headers = &type;
    p.req.n_headers = 1;
    p.req.method = STR("POST");
    p.req.has_body = true;
    p.req.body = STR("payload");
    assert_int_equal(go(&p, "/to?/echo"), 0);
    assert_true(str_starts(p.res.body, STR("POST /echo")) && body_has(&p, "payload"));
    assert_int_equal(go(&p, "/to303?/echo"), 0);
    assert_true(str_starts(p.res.body, STR("GET /echo")));
    assert_false(body_has(&p, "payload") || body_has(&p, "text/x"));
    assert_int_equal(go(&p, "/redirect/0"), 0);
    assert_true(str_starts(p.res.body, STR("GET /echo")));
    p.req.method = STR("PUT");
    assert_int_equal(go(&p, "/redirect/0"), 0);
    assert_true(str_starts(p.res.body, STR("PUT /echo")) && body_has(&p, "payload"));
    probe_done(&p);
}

static void redirects_keep_secrets_at_home(void **state)
{
    struct probe p;
    probe_init(&p, &loopback);
    struct http_header headers[] = {
        {STR("Authorization"), STR("Bearer secret")},
        {STR("cookie"), STR("secret")},
        {STR("X-Open"), STR("open")},
    };
    p.req.headers = headers;
    p.req.n_headers = ARRAY_LEN(headers);
    assert_int_equal(go(&p, "/to?/echo"), 0);
    assert_true(body_has(&p, "Bearer secret"));
    const char *other = arena_printf(p.arena, "/to?http://localhost:%d/echo", server.port);
    assert_int_equal(go(&p, other), 0);
    assert_true(body_has(&p, "X-Open: open"));
    assert_false(body_has(&p, "secret"));
    probe_done(&p);
}

static void redirects_are_checked(void **state)
{
    struct probe p;
    struct address_policy only;
    assert_int_equal(address_policy_parse(STR("127.0.0.1"), &only, NULL), 0);
    probe_init(&p, &only);
    assert_int_equal(go(&p, "/to?http://127.0.0.2/"), -EACCES);
    assert_int_equal(go(&p, "/to?http://169.254.169.254/latest/meta-data"), -EACCES);
    assert_int_equal(go(&p, "/to?file:///etc/passwd"), -EINVAL);
    assert_int_equal(go(&p, "/to?gopher://127.0.0.1/x"), -EINVAL);
    assert_int_equal(go(&p, "/json"), 0);
    probe_done(&p);
}

static void limits_hold(void **state)
{
    struct probe p;
    probe_init(&p, &loopback);
    p.req.max_response_bytes = 1000;
    assert_int_equal(go(&p, "/big/1000"), 0);
    assert_int_equal(p.res.body.len, 1000);
    assert_int_equal(go(&p, "/big/1001"), -EMSGSIZE);
    assert_string_equal(p.err.code, "http.too_large");
    p.req.max_response_bytes = 0;
    assert_int_equal(go(&p, "/big/3000000"), 0);
    assert_int_equal(p.res.body.len, 3000000);
    assert_int_equal(go(&p, "/big/30000000"), -EMSGSIZE); /* more than the arena has room for */
    assert_int_equal(go(&p, "/bighead"), -EMSGSIZE);
    assert_int_equal(go(&p, "/json"), 0);
    probe_done(&p);
}

static void time_is_bounded(void **state)
{
    struct probe p;
    probe_init(&p, &loopback);
    int64_t start = clock_mono_ns();
    p.req.deadline_ns = start + 200 * NS_PER_MS;
    assert_int_equal(go(&p, "/slow"), -ETIMEDOUT);
    assert_string_equal(p.err.code, "http.timeout");
    assert_true(p.err.retryable);
    assert_true(clock_mono_ns() - start < 1500 * NS_PER_MS);
    assert_int_equal(go(&p, "/json"), -ETIMEDOUT); /* the deadline has passed */
    probe_done(&p);
}

static void failures_have_words(void **state)
{
    static const struct {
        const char *url;
        int rc;
        const char *code;
        bool retryable;
    } rows[] = {
        {"", -EINVAL, "http.url", false},
        {"example.com/x", -EINVAL, "http.url", false},
        {"/relative", -EINVAL, "http.url", false},
        {"file:///etc/passwd", -EINVAL, "http.url", false},
        {"ftp://127.0.0.1/x", -EINVAL, "http.url", false},
        {"http://", -EINVAL, "http.url", false},
        {"http://127.0.0.1:99999/", -EINVAL, "http.url", false},
        {"http://a b/", -EINVAL, "http.url", false},
        {"http://127.0.0.1:1/token-in-path?key=s3cret", -ECONNREFUSED, "http.connect", true},
        {"http://name.invalid/", -EHOSTUNREACH, "http.connect", true},
    };
    struct probe p;
    probe_init(&p, &loopback);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        p.req.url = str_of(rows[i].url);
        err_clear(&p.err);
        int rc = http_client_send(p.client, p.arena, &p.req, &p.res, &p.err);
        if (rc != rows[i].rc || strcmp(p.err.code, rows[i].code) != 0 ||
            p.err.retryable != rows[i].retryable || strstr(p.err.message, "s3cret") ||
            strstr(p.err.message, "token-in-path")) {
            fail_msg("%s: %d %s %s", rows[i].url, rc, p.err.code, p.err.message);
        }
    }
    assert_int_equal(go(&p, "/drop"), -EIO);
    assert_true(p.err.retryable);
    probe_done(&p);
}

static void refuses_broken_headers(void **state)
{
    struct http_header rows[] = {
        {STR("X-A"), STR("a\r\nX-B: b")}, {STR("X-A\r\nX-B"), STR("b")}, {STR(""), STR("b")},
        {STR("X A"), STR("b")},           {STR("X:A"), STR("b")},        {STR("X-A"), STR("a\0b")},
        {STR("X-\xC3\xA9"), STR("b")},
    };
    struct probe p;
    probe_init(&p, &loopback);
    int before = atomic_load(&server.requests);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        p.req.headers = &rows[i];
        p.req.n_headers = 1;
        assert_int_equal(go(&p, "/echo"), -EINVAL);
    }
    p.req.n_headers = 0;
    static const char *const bad[] = {"", "GET /x", "GE\r\nT", "A,B"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        p.req.method = str_of(bad[i]);
        assert_int_equal(go(&p, "/echo"), -EINVAL);
    }
    assert_int_equal(atomic_load(&server.requests), before);
    probe_done(&p);
}

static int setup(void **state)
{
    ASSERT(address_policy_parse(STR("127.0.0.0/8 [::1]"), &loopback, NULL) == 0);
    ASSERT(address_policy_parse(STR(""), &strict, NULL) == 0);
    server_start(&server);
    return 0;
}

static int teardown(void **state)
{
    server_stop(&server);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sends_and_receives),
        cmocka_unit_test(methods),
        cmocka_unit_test(keeps_connections),
        cmocka_unit_test(clients_of_a_loop_share_connections),
        cmocka_unit_test(many_clients_use_a_loop_at_once),
        cmocka_unit_test(every_status_is_a_response),
        cmocka_unit_test(decompresses),
        cmocka_unit_test(refuses_addresses),
        cmocka_unit_test(proxies_of_the_environment_are_ignored),
        cmocka_unit_test(follows_redirects),
        cmocka_unit_test(redirects_change_the_method),
        cmocka_unit_test(redirects_keep_secrets_at_home),
        cmocka_unit_test(redirects_are_checked),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(time_is_bounded),
        cmocka_unit_test(failures_have_words),
        cmocka_unit_test(refuses_broken_headers),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
