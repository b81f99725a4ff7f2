/* A whole worker against a real nats-server, with the control plane played by the test: definitions
 * are asked for once, every run's result is stored, answers and presence come. Skipped where
 * nats-server is not installed. */
#include "engine_fixture.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bus.h"
#include "presence.h"
#include "sealed.h"
#include "subjects.h"
#include "worker.h"

#define WAIT_NS (30 * NS_PER_SEC)

static const char yaml[] =
    "{definitionVersion: 7, name: T, description: '', requiredConfigVars: [], configPages: [], "
    "flows: "
    "[{name: Main, description: '', steps: [" TRIGGER ", " STEP(
        "Up", "text-manipulation", "upperCase",
        REF("text",
            "trigger.results.body.data")) "]}, "
                                          "{name: Slow, description: '', steps: [" TRIGGER
                                          ", " STEP("Sleep", "sleep", "sleep",
                                                    REF("ms", "trigger.results.body.data")) "]}]}";

struct plane {
    char dir[64], url[64];
    pid_t server;
    struct bus *bus;
    struct worker *worker;
    struct secret_key key;
    struct bus_sub *subs[3];
    atomic_int asked, replies, presence_runs, acked;
    atomic_uint reply_status;
};

static const char *nats_server(void)
{
    static const char *const places[] = {"/usr/sbin/nats-server", "/usr/bin/nats-server"};
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        if (access(places[i], X_OK) == 0) {
            return places[i];
        }
    }
    return NULL;
}

static int kernel_port(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    close(fd);
    return ntohs(at.sin_port);
}

static void start_server(struct plane *p)
{
    char conf[128], port[16], log[128];
    (void)snprintf(p->dir, sizeof(p->dir), "/tmp/leat-worker-XXXXXX");
    assert_non_null(mkdtemp(p->dir));
    (void)snprintf(conf, sizeof(conf), "%s/nats.conf", p->dir);
    (void)snprintf(log, sizeof(log), "%s/log", p->dir);
    (void)snprintf(port, sizeof(port), "%d", kernel_port());
    (void)snprintf(p->url, sizeof(p->url), "nats://127.0.0.1:%s", port);
    FILE *f = fopen(conf, "w");
    assert_non_null(f);
    (void)fprintf(f, "max_payload: 8388608\njetstream { store_dir: \"%s/js\" }\n", p->dir);
    (void)fclose(f);
    p->server = fork();
    assert_true(p->server >= 0);
    if (p->server == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        execl(nats_server(), "nats-server", "-a", "127.0.0.1", "-p", port, "-c", conf, "-l", log,
              (char *)NULL);
        _exit(127);
    }
}

static void on_definition(void *ctx, struct bus_message *m)
{
    struct plane *p = ctx;
    struct definition_fetch what;
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    assert_int_equal(wire_decode(&definition_fetch_message, a, bus_message_data(m), &what, NULL),
                     0);
    atomic_fetch_add(&p->asked, 1);
    struct fetched_flow flows[] = {{.flow_config_id = {{1}}, .name = STR("Main")},
                                   {.flow_config_id = {{2}}, .name = STR("Slow")}};
    struct fetched_instance f = {.revision = what.revision,
                                 .instance_id = what.instance_id,
                                 .integration_version_id = fx_id,
                                 .definition = str_of(yaml),
                                 .config = STR("{}"),
                                 .flows = {.items = flows, .n = 2}};
    struct buf plain, sealed;
    buf_init(&plain, 0);
    buf_init(&sealed, 0);
    wire_encode(&fetched_instance_message, &f, &plain);
    sealed_write(&p->key, SUBJECT_DEFINITION, buf_str(&plain), &sealed);
    assert_int_equal(bus_respond(p->bus, m, buf_str(&sealed)), 0);
    buf_done(&plain);
    buf_done(&sealed);
}

static void on_presence(void *ctx, struct bus_message *m)
{
    struct plane *p = ctx;
    struct presence seen;
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    assert_int_equal(wire_decode(&presence_message, a, bus_message_data(m), &seen, NULL), 0);
    assert_true(str_eq(seen.pool, STR("test")));
    int most = atomic_load(&p->presence_runs);
    atomic_store(&p->presence_runs, MAX(most, (int)seen.runs.n));
}

static void on_answer(void *ctx, struct bus_message *m)
{
    struct plane *p = ctx;
    struct sync_reply reply;
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    assert_int_equal(wire_decode(&sync_reply_message, a, bus_message_data(m), &reply, NULL), 0);
    atomic_store(&p->reply_status, reply.status_code);
    assert_true(str_eq(reply.body, STR("HELLO")));
    atomic_fetch_add(&p->replies, 1);
}

static int setup(void **state)
{
    struct plane *p = mem_new(struct plane);
    struct err err = {0};
    *state = p;
    if (!nats_server()) {
        return 0;
    }
    start_server(p);
    secret_key_random(&p->key);
    struct bus_options options = {.url = p->url, .name = "test"};
    assert_int_equal(bus_new(&options, 10000, &p->bus, &err), 0);
    int64_t until = clock_mono_ns() + WAIT_NS;
    while (bus_ensure_streams(p->bus, "test", &err) < 0) {
        assert_true(clock_mono_ns() < until);
        clock_wait_ns(20 * NS_PER_MS);
    }
    assert_int_equal(bus_subscribe(p->bus, SUBJECT_DEFINITION, "d", on_definition, p, &p->subs[0]),
                     0);
    assert_int_equal(bus_subscribe(p->bus, SUBJECT_PRESENCE, NULL, on_presence, p, &p->subs[1]), 0);
    assert_int_equal(bus_subscribe(p->bus, "leat.reply.me", NULL, on_answer, p, &p->subs[2]), 0);
    struct worker_config config = {
        .nats = p->url, .pool = "test", .allow_addresses = "", .max_slots = 2000};
    assert_int_equal(worker_new(&config, &p->key, &p->worker, &err), 0);
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    return remove(path);
}

static int teardown(void **state)
{
    struct plane *p = *state;
    if (p->server) {
        if (p->worker) {
            assert_true(worker_drain(p->worker));
            worker_free(p->worker);
        }
        for (size_t i = 0; i < ARRAY_LEN(p->subs); i++) {
            bus_sub_free(p->subs[i]);
        }
        bus_free(p->bus);
        kill(p->server, SIGKILL);
        (void)waitpid(p->server, NULL, 0);
        (void)nftw(p->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    }
    mem_free(p);
    return 0;
}

static void on_stored(void *ctx, int rc)
{
    assert_int_equal(rc, 0);
    atomic_fetch_add((atomic_int *)ctx, 1);
}

/* Publishes n runs of one flow in batches of 64; their execution ids are seed, number. */
static void publish(struct plane *p, int seed, int n, const char *flow, const char *body,
                    const char *reply_to)
{
    struct buf hook, one, batch;
    atomic_int stored = 0;
    int sent = 0;
    buf_init(&hook, 0);
    buf_init(&one, 0);
    buf_init(&batch, 0);
    struct hook_request h = {.content_type = STR("application/json"), .body = str_of(body)};
    hook_request_encode(&h, &hook);
    for (int i = 0; i < n; i++) {
        struct run_request q = {.execution_id = {{(uint8_t)seed, (uint8_t)(i >> 8), (uint8_t)i}},
                                .attempt = 1,
                                .instance_id = fx_id,
                                .flow_config_id = {{strcmp(flow, "Main") == 0 ? 1 : 2}},
                                .revision = 1,
                                .flow_name = str_of(flow),
                                .dispatched_ns = clock_now_ns(),
                                .reply_to = str_of(reply_to),
                                .synchronous = reply_to != NULL,
                                .request = buf_str(&hook)};
        buf_clear(&one);
        wire_encode(&run_request_message, &q, &one);
        wire_batch_add(&batch, buf_str(&one));
        if (i % BATCH_MAX_RUNS == BATCH_MAX_RUNS - 1 || i == n - 1) {
            assert_int_equal(bus_publish_stored(p->bus, SUBJECT_RUN ".test", NULL, buf_str(&batch),
                                                10000, on_stored, &stored),
                             0);
            buf_clear(&batch);
            sent++;
        }
    }
    int64_t until = clock_mono_ns() + WAIT_NS;
    while (atomic_load(&stored) < sent) {
        assert_true(clock_mono_ns() < until);
        clock_wait_ns(NS_PER_MS);
    }
    buf_done(&hook);
    buf_done(&one);
    buf_done(&batch);
}

/* Pulls results until n came; each execution once, all successful. */
static void collect(struct plane *p, int seed, int n)
{
    struct bus_puller *puller = NULL;
    struct bus_message *messages[8];
    uint8_t *seen = mem_zalloc(65536);
    int got = 0;
    assert_int_equal(bus_puller_new(p->bus, STREAM_RESULT, CONSUMER_RESULT, &puller), 0);
    int64_t until = clock_mono_ns() + WAIT_NS;
    while (got < n) {
        if (clock_mono_ns() > until) {
            fail_msg("%d of %d results came", got, n);
        }
        int k = bus_pull(puller, 8, 200, messages);
        for (int i = 0; i < k; i++) {
            AUTO(arena_free) struct arena *a = arena_new(0, 0);
            struct str rest = bus_message_data(messages[i]), one;
            while (wire_batch_next(&rest, &one) == 1) {
                struct run_result r;
                assert_int_equal(wire_decode(&run_result_message, a, one, &r, NULL), 0);
                const uint8_t *id = r.execution_id.b;
                assert_int_equal(id[0], seed);
                assert_int_equal(seen[id[1] << 8 | id[2]]++, 0);
                if (r.status != RUN_SUCCEEDED) {
                    fail_msg("%.*s", (int)r.error.len, r.error.ptr);
                }
                assert_int_equal(r.n_steps, 2);
                got++;
            }
            assert_int_equal(bus_ack(p->bus, messages[i]), 0);
            bus_message_free(messages[i]);
        }
    }
    bus_puller_free(puller);
    mem_free(seen);
}

static void wait_queue_empty(struct plane *p)
{
    struct bus_queue_state q = {.ack_pending = 1};
    int64_t until = clock_mono_ns() + WAIT_NS;
    while (q.pending || q.ack_pending) {
        assert_true(clock_mono_ns() < until);
        assert_int_equal(bus_queue_state(p->bus, STREAM_RUN, CONSUMER_RUN "-test", &q, NULL), 0);
        clock_wait_ns(20 * NS_PER_MS);
    }
}

#define SKIP_WITHOUT_SERVER(p)                                                                     \
    if (!(p)->server) {                                                                            \
        skip();                                                                                    \
    }

static void test_many_runs(void **state)
{
    struct plane *p = *state;
    SKIP_WITHOUT_SERVER(p);
    publish(p, 1, 5000, "Main", "\"hello\"", NULL);
    collect(p, 1, 5000);
    wait_queue_empty(p);
    assert_int_equal(atomic_load(&p->asked), 1);
}

static void test_answers(void **state)
{
    struct plane *p = *state;
    SKIP_WITHOUT_SERVER(p);
    publish(p, 2, 20, "Main", "\"hello\"", "leat.reply.me");
    collect(p, 2, 20);
    int64_t until = clock_mono_ns() + WAIT_NS;
    while (atomic_load(&p->replies) < 20) {
        assert_true(clock_mono_ns() < until);
        clock_wait_ns(NS_PER_MS);
    }
    assert_int_equal(atomic_load(&p->reply_status), 200);
}

/* Slow runs wait at the same time, are leased, and their messages acknowledged before they end. */
static void test_slow_runs(void **state)
{
    struct plane *p = *state;
    SKIP_WITHOUT_SERVER(p);
    int64_t before = clock_mono_ns();
    publish(p, 3, 300, "Slow", "8000", NULL);
    wait_queue_empty(p);
    assert_true(clock_mono_ns() - before < 8 * NS_PER_SEC);
    assert_int_equal(atomic_load(&p->presence_runs), 300);
    collect(p, 3, 300);
    assert_true(clock_mono_ns() - before < 16 * NS_PER_SEC);
}

/* Stopped in the middle: what runs is finished and stored, the rest goes back to the queue. */
static void test_drain(void **state)
{
    struct plane *p = *state;
    SKIP_WITHOUT_SERVER(p);
    publish(p, 5, 2000, "Main", "\"hello\"", NULL);
    assert_true(worker_drain(p->worker));
    p->worker = worker_free(p->worker);
    struct worker_config config = {
        .nats = p->url, .pool = "test", .allow_addresses = "", .max_slots = 2000};
    struct err err = {0};
    assert_int_equal(worker_new(&config, &p->key, &p->worker, &err), 0);
    collect(p, 5, 2000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_runs),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_slow_runs),
        cmocka_unit_test(test_drain),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
