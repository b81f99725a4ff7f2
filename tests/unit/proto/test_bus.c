/* The bus against a real nats-server: a child of each test on a port of the kernel's choice with
 * its store in a folder of its own. Skipped where nats-server is not installed. */
#include "bus.h"
#include "clock.h"
#include "subjects.h"

#include <arpa/inet.h>
#include <ftw.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define WAIT_MS 20000 /* bound of every wait: sanitizers and busy machines are slow */

struct server {
    char dir[64];
    char url[64];
    char binary[64];
    int port;
    pid_t pid;
    struct bus *bus;
};

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

static void server_start(struct server *s)
{
    char conf[96], port[16], store[96];
    (void)snprintf(conf, sizeof(conf), "%s/nats.conf", s->dir);
    (void)snprintf(port, sizeof(port), "%d", s->port);
    (void)snprintf(store, sizeof(store), "%s/js", s->dir);
    FILE *f = fopen(conf, "w");
    assert_non_null(f);
    (void)fprintf(f, "max_payload: 8388608\n");
    (void)fclose(f);
    s->pid = fork();
    assert_true(s->pid >= 0);
    if (s->pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        char log[96];
        (void)snprintf(log, sizeof(log), "%s/log", s->dir);
        execl(s->binary, "nats-server", "-js", "-sd", store, "-a", "127.0.0.1", "-p", port, "-c",
              conf, "-l", log, (char *)NULL);
        _exit(127);
    }
}

static void server_kill(struct server *s)
{
    kill(s->pid, SIGKILL);
    assert_int_equal(waitpid(s->pid, NULL, 0), s->pid);
    s->pid = 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    return remove(path);
}

static void remove_store(struct server *s)
{
    char store[96];
    (void)snprintf(store, sizeof(store), "%s/js", s->dir);
    assert_int_equal(nftw(store, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

static struct bus *connect_to(struct server *s)
{
    struct bus *bus = NULL;
    struct err err = {0};
    struct bus_options options = {.url = s->url, .name = "test"};
    int rc = bus_new(&options, WAIT_MS, &bus, &err);
    if (rc < 0) {
        fail_msg("%d %s", rc, err.message);
    }
    return bus;
}

static void ensure(struct bus *bus)
{
    struct err err = {0};
    int rc = -1;
    for (int64_t end = clock_mono_ns() + WAIT_MS * NS_PER_MS; rc < 0 && clock_mono_ns() < end;) {
        rc = bus_ensure_streams(bus, "main", &err);
        if (rc < 0) {
            clock_wait_ns(20 * NS_PER_MS);
        }
    }
    if (rc < 0) {
        fail_msg("%d %s", rc, err.message);
    }
}

static int setup(void **state)
{
    struct server *s = calloc(1, sizeof(*s));
    *state = s;
    static const char *const places[] = {"/usr/sbin/nats-server", "/usr/bin/nats-server"};
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        if (access(places[i], X_OK) == 0) {
            (void)snprintf(s->binary, sizeof(s->binary), "%s", places[i]);
        }
    }
    if (!s->binary[0]) {
        return 0;
    }
    (void)snprintf(s->dir, sizeof(s->dir), "/tmp/leat-bus-XXXXXX");
    assert_non_null(mkdtemp(s->dir));
    s->port = kernel_port();
    (void)snprintf(s->url, sizeof(s->url), "nats://127.0.0.1:%d", s->port);
    server_start(s);
    s->bus = connect_to(s);
    ensure(s->bus);
    return 0;
}

static int teardown(void **state)
{
    struct server *s = *state;
    bus_free(s->bus);
    if (s->pid) {
        server_kill(s);
    }
    if (s->dir[0]) {
        (void)nftw(s->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    }
    free(s);
    return 0;
}

static struct server *server_of(void **state)
{
    struct server *s = *state;
    if (!s->bus) {
        skip();
    }
    return s;
}

/* Callbacks counted by outcome. */
struct acks {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int calls, ok, last_rc;
};
#define ACKS_INIT                                                                                  \
    {                                                                                              \
        PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0, 1                               \
    }

static void on_ack(void *ctx, int rc)
{
    struct acks *a = ctx;
    pthread_mutex_lock(&a->mutex);
    a->calls++;
    a->ok += rc == 0;
    a->last_rc = rc;
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->mutex);
}

static void acks_wait(struct acks *a, int calls)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += WAIT_MS / 1000;
    int rc = 0;
    pthread_mutex_lock(&a->mutex);
    while (a->calls < calls && rc == 0) {
        rc = pthread_cond_timedwait(&a->changed, &a->mutex, &until);
    }
    int got = a->calls;
    pthread_mutex_unlock(&a->mutex);
    assert_int_equal(got, calls);
}

static int acks_calls(struct acks *a)
{
    pthread_mutex_lock(&a->mutex);
    int calls = a->calls;
    pthread_mutex_unlock(&a->mutex);
    return calls;
}

static int store(struct bus *bus, const char *subject, const char *id, struct str data)
{
    struct acks a = ACKS_INIT;
    int rc = bus_publish_stored(bus, subject, id, data, WAIT_MS, on_ack, &a);
    if (rc < 0) {
        return rc;
    }
    acks_wait(&a, 1);
    return a.last_rc;
}

static const struct queue {
    const char *stream, *consumer, *subject;
} runs = {STREAM_RUN, CONSUMER_RUN "-main", SUBJECT_RUN ".main"},
  results = {STREAM_RESULT, CONSUMER_RESULT, SUBJECT_RESULT};

static struct bus_puller *puller_of(struct bus *bus, const struct queue *q)
{
    struct bus_puller *p = NULL;
    assert_int_equal(bus_puller_new(bus, q->stream, q->consumer, &p), 0);
    return p;
}

static struct bus_puller *puller(struct bus *bus)
{
    return puller_of(bus, &runs);
}

/* Pulls until n messages came; acks, naks or only frees them. Returns how many came. */
static int pull_n_of(struct bus *bus, struct bus_puller *p, const struct queue *q, int n,
                     int (*settle)(struct bus *, const struct bus_message *))
{
    int got = 0;
    for (int64_t end = clock_mono_ns() + WAIT_MS * NS_PER_MS; got < n && clock_mono_ns() < end;) {
        struct bus_message *m[64];
        int rc = bus_pull(p, MIN(64, n - got), 500, m);
        assert_true(rc >= 0);
        for (int i = 0; i < rc; i++) {
            assert_string_equal(bus_message_subject(m[i]), q->subject);
            if (settle) {
                assert_int_equal(settle(bus, m[i]), 0);
            }
            bus_message_free(m[i]);
        }
        got += rc;
    }
    return got;
}

static int pull_n(struct bus *bus, struct bus_puller *p, int n,
                  int (*settle)(struct bus *, const struct bus_message *))
{
    return pull_n_of(bus, p, &runs, n, settle);
}

static void state_of(struct bus *bus, const struct queue *q, struct bus_queue_state *ret)
{
    struct err err = {0};
    int rc = bus_queue_state(bus, q->stream, q->consumer, ret, &err);
    if (rc < 0) {
        fail_msg("%d %s", rc, err.message);
    }
}

static void queue_state(struct bus *bus, struct bus_queue_state *ret)
{
    state_of(bus, &runs, ret);
}

/* A pull of one message that may take long: where the server is slow to answer, the pull says so
 * and asks again, as whoever pulls must. */
static struct bus_message *pull_one(struct bus_puller *p)
{
    struct bus_message *m = NULL;
    int rc = 0;
    for (int64_t end = clock_mono_ns() + WAIT_MS * NS_PER_MS; !m && clock_mono_ns() < end;) {
        rc = bus_pull(p, 1, 2000, &m);
        assert_true(rc >= 0 || rc == -ETIMEDOUT);
    }
    assert_int_equal(rc, 1);
    return m;
}

/* Waits until the queue holds so many; acks are not answered, so a look can be too early, and a
 * busy server can be late. */
static void await_state(struct bus *bus, const struct queue *which, uint64_t pending,
                        uint64_t ack_pending)
{
    struct bus_queue_state q = {0};
    for (int64_t end = clock_mono_ns() + WAIT_MS * NS_PER_MS; clock_mono_ns() < end;) {
        int rc = bus_queue_state(bus, which->stream, which->consumer, &q, NULL);
        if (rc == 0 && q.pending == pending && q.ack_pending == ack_pending) {
            return;
        }
        clock_wait_ns(5 * NS_PER_MS);
    }
    fail_msg("pending %lu, ack pending %lu", (unsigned long)q.pending,
             (unsigned long)q.ack_pending);
}

static void await_queue(struct bus *bus, uint64_t pending, uint64_t ack_pending)
{
    await_state(bus, &runs, pending, ack_pending);
}

/* Pulls n messages numbered from `first` and settles each; the caller frees them. */
static void pull_in_order(struct bus *bus, struct bus_puller *p, int first, int n,
                          int (*settle)(struct bus *, const struct bus_message *),
                          struct bus_message **ret)
{
    for (int got = 0; got < n;) {
        int rc = bus_pull(p, n - got, WAIT_MS, ret + got);
        assert_true(rc > 0 && rc <= n - got);
        for (int end = got + rc; got < end; got++) {
            char text[16];
            int len = snprintf(text, sizeof(text), "message %d", first + got);
            assert_true(str_eq(bus_message_data(ret[got]), str_n(text, (size_t)len)));
            assert_int_equal(settle(bus, ret[got]), 0);
        }
    }
}

static void test_publish_pull_ack(void **state)
{
    struct server *s = server_of(state);
    struct bus_puller *p = puller(s->bus);
    struct bus_message *m[16];
    assert_int_equal(bus_pull(p, 16, 0, m), 0);
    assert_int_equal(bus_pull(p, 16, 50, m), 0);
    int64_t before = clock_now_ns();
    for (int i = 0; i < 10; i++) {
        char text[16];
        int len = snprintf(text, sizeof(text), "message %d", i);
        assert_int_equal(store(s->bus, SUBJECT_RUN ".main", NULL, str_n(text, (size_t)len)), 0);
    }
    struct bus_queue_state q;
    queue_state(s->bus, &q);
    assert_int_equal(q.pending, 10);
    assert_int_equal(q.ack_pending, 0);
    assert_true(q.bytes > 0);
    assert_true(q.created_ns > 0 && q.created_ns <= clock_now_ns());
    assert_true(q.oldest_pending_ns >= before - NS_PER_SEC &&
                q.oldest_pending_ns <= clock_now_ns());
    pull_in_order(s->bus, p, 0, 4, bus_in_progress, m);
    queue_state(s->bus, &q); /* four delivered, none acked: the oldest waiting one is the fifth */
    assert_int_equal(q.pending, 6);
    assert_int_equal(q.ack_pending, 4);
    assert_true(q.oldest_pending_ns > before - NS_PER_SEC);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(bus_message_deliveries(m[i]), 1);
        assert_int_equal(bus_nak(s->bus, m[i]), 0);
        bus_message_free(m[i]);
    }
    int first = bus_pull(p, 1, WAIT_MS, m);
    assert_int_equal(first, 1);
    assert_true(bus_message_deliveries(m[0]) <= 2); /* a fresh one or one given back */
    assert_int_equal(bus_nak(s->bus, m[0]), 0);
    bus_message_free(m[0]);
    /* What was given back comes again, long before the wait for an ack is over. */
    assert_int_equal(pull_n(s->bus, p, 10, bus_ack), 10);
    await_queue(s->bus, 0, 0);
    queue_state(s->bus, &q);
    assert_int_equal(q.oldest_pending_ns, 0);
    assert_int_equal(bus_pull(p, 16, 0, m), 0);
    bus_puller_free(p);
}

static void test_burst(void **state)
{
    struct server *s = server_of(state);
    struct bus_puller *p = puller(s->bus);
    struct bus_message *m[8];
    assert_int_equal(bus_pull(p, 8, 0, m), 0);
    /* One message, then a burst: none is left behind and none comes twice. */
    struct acks a = ACKS_INIT;
    for (int i = 0; i < 300; i++) {
        assert_int_equal(
            bus_publish_stored(s->bus, SUBJECT_RUN ".main", NULL, STR("x"), WAIT_MS, on_ack, &a),
            0);
    }
    assert_int_equal(pull_n(s->bus, p, 300, bus_ack), 300);
    acks_wait(&a, 300);
    assert_int_equal(a.ok, 300);
    assert_int_equal(bus_pull(p, 8, 20, m), 0);
    await_queue(s->bus, 0, 0);
    bus_puller_free(p);
}

static void test_a_request_stands(void **state)
{
    struct server *s = server_of(state);
    struct bus_puller *p = puller(s->bus);
    struct bus_message *m[8];
    assert_int_equal(store(s->bus, SUBJECT_RUN ".main", NULL, STR("first")), 0);
    int got = 0;
    while (got == 0) { /* the first request does not wait and may find nothing yet */
        got = bus_pull(p, 8, 100, m);
    }
    assert_int_equal(got, 1);
    assert_int_equal(bus_ack(s->bus, m[0]), 0);
    bus_message_free(m[0]);
    assert_int_equal(bus_pull(p, 8, 20, m), 0); /* from here on a request may stand for 20 ms, */
    struct acks a = ACKS_INIT;
    assert_int_equal(
        bus_publish_stored(s->bus, SUBJECT_RUN ".main", NULL, STR("x"), WAIT_MS, on_ack, &a), 0);
    got = bus_pull(p, 8, WAIT_MS, m); /* and from here on one for long */
    assert_int_equal(got, 1);
    bus_message_free(m[0]);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(store(s->bus, SUBJECT_RUN ".main", NULL, STR("more")), 0);
    }
    for (int64_t end = clock_mono_ns() + WAIT_MS * NS_PER_MS; got < 4;) {
        assert_true(clock_mono_ns() < end);
        int n = bus_pull_owed(p, 8, m);
        for (int i = 0; i < n; i++) {
            assert_int_equal(bus_ack(s->bus, m[i]), 0);
            bus_message_free(m[i]);
        }
        got += n;
    }
    /* What is left open goes with the puller. */
    p = bus_puller_free(p);
    assert_int_equal(store(s->bus, SUBJECT_RUN ".main", NULL, STR("last")), 0);
    p = puller(s->bus);
    int64_t before = clock_mono_ns();
    assert_int_equal(bus_pull(p, 8, WAIT_MS, m), 1);
    assert_true(clock_mono_ns() - before < WAIT_MS / 2 * NS_PER_MS);
    assert_true(str_eq(bus_message_data(m[0]), STR("last")));
    assert_int_equal(bus_ack(s->bus, m[0]), 0);
    bus_message_free(m[0]);
    bus_puller_free(p);
}

static void test_duplicates_and_refusals(void **state)
{
    struct server *s = server_of(state);
    struct acks a = ACKS_INIT;
    assert_int_equal(store(s->bus, SUBJECT_RUN ".main", "id-1", STR("one")), 0);
    assert_int_equal(store(s->bus, SUBJECT_RUN ".main", "id-1", STR("one")), 0);
    assert_int_equal(store(s->bus, SUBJECT_RUN ".main", "id-2", STR("two")), 0);
    await_queue(s->bus, 2, 0);
    /* No stream takes it: told at once, not by the time-out. */
    int64_t t0 = clock_mono_ns();
    assert_int_equal(store(s->bus, "leat.nobody", NULL, STR("x")), -ENOTCONN);
    assert_true(clock_mono_ns() - t0 < WAIT_MS / 2 * NS_PER_MS);
    char *big = calloc(1, MESSAGE_MAX_BYTES + 1);
    struct str over = str_n(big, MESSAGE_MAX_BYTES + 1);
    assert_int_equal(bus_publish(s->bus, "leat.x", over), -EMSGSIZE);
    assert_int_equal(bus_publish_stored(s->bus, "leat.run.main", NULL, over, 1000, on_ack, &a),
                     -EMSGSIZE);
    assert_int_equal(a.calls, 0);
    free(big);
    struct err err = {0};
    static const char *const bad[] = {"", "a.b", "*", "a b", ">"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(bus_ensure_streams(s->bus, bad[i], &err), -EINVAL);
    }
    char longest[100] = {0};
    memset(longest, 'p', sizeof(longest) - 1);
    assert_int_equal(bus_ensure_streams(s->bus, longest, &err), -EINVAL);
    struct bus_queue_state q;
    assert_int_equal(bus_queue_state(s->bus, "NO_STREAM", "x", &q, &err), -ENOENT);
    assert_int_equal(bus_queue_state(s->bus, STREAM_RUN, "x", &q, &err), -ENOENT);
}

static void test_big_message(void **state)
{
    struct server *s = server_of(state);
    size_t size = 6815744; /* 6.5 MiB */
    char *data = malloc(size);
    for (size_t i = 0; i < size; i++) {
        data[i] = (char)(i * 2654435761u >> 13);
    }
    assert_int_equal(store(s->bus, SUBJECT_RUN ".main", "big", str_n(data, size)), 0);
    struct bus_puller *p = puller(s->bus);
    struct bus_message *m = pull_one(p);
    assert_true(str_eq(bus_message_data(m), str_n(data, size)));
    bus_puller_free(p); /* so that no request that was repeated takes the next one */
    /* The oldest waiting one is asked for while another is out. */
    assert_int_equal(store(s->bus, SUBJECT_RUN ".main", "big2", str_n(data, size)), 0);
    await_queue(s->bus, 1, 1);
    struct bus_queue_state q;
    queue_state(s->bus, &q);
    assert_true(q.pending == 1 && q.oldest_pending_ns > 0);
    assert_int_equal(bus_ack(s->bus, m), 0);
    bus_message_free(m);
    free(data);
}

static void test_full_stream(void **state)
{
    struct server *s = server_of(state);
    /* A small stream of the test's own: same rules, 100 KB. */
    struct bus_message *reply = NULL;
    assert_int_equal(
        bus_request(s->bus, "$JS.API.STREAM.CREATE.SMALL",
                    STR("{\"name\":\"SMALL\",\"subjects\":[\"small\"],\"retention\":\"workqueue\","
                        "\"storage\":\"file\",\"discard\":\"new\",\"max_bytes\":100000}"),
                    WAIT_MS, &reply),
        0);
    bus_message_free(reply);
    char *data = calloc(1, 40000);
    assert_int_equal(store(s->bus, "small", NULL, str_n(data, 40000)), 0);
    assert_int_equal(store(s->bus, "small", NULL, str_n(data, 40000)), 0);
    assert_int_equal(store(s->bus, "small", NULL, str_n(data, 40000)), -ENOSPC);
    assert_int_equal(store(s->bus, "small", NULL, str_n(data, 10)), 0);
    free(data);
}

static void answer(void *ctx, struct bus_message *m)
{
    struct bus *bus = ctx;
    struct buf b;
    buf_init(&b, 0);
    buf_adds(&b, "re: ");
    buf_add_str(&b, bus_message_data(m));
    assert_int_equal(bus_respond(bus, m, buf_str(&b)), 0);
    buf_done(&b);
}

static void test_request_reply(void **state)
{
    struct server *s = server_of(state);
    struct bus *other = connect_to(s);
    struct bus_sub *one = NULL, *two = NULL;
    assert_int_equal(bus_subscribe(other, SUBJECT_DEFINITION, "group", answer, other, &one), 0);
    assert_int_equal(bus_subscribe(other, SUBJECT_DEFINITION, "group", answer, other, &two), 0);
    struct bus_message *m = NULL;
    for (int i = 0; i < 50; i++) {
        assert_int_equal(bus_request(s->bus, SUBJECT_DEFINITION, STR("hello"), WAIT_MS, &m), 0);
        assert_true(str_eq(bus_message_data(m), STR("re: hello")));
        m = bus_message_free(m);
    }
    assert_int_equal(bus_request(s->bus, "leat.nobody", STR("x"), WAIT_MS, &m), -ENOTCONN);
    assert_null(m);
    bus_sub_free(one);
    bus_sub_free(two);
    bus_free(other);
}

static void count(void *ctx, struct bus_message *m)
{
    on_ack(ctx, (int)bus_message_data(m).len);
}

static void ignore(void *ctx, struct bus_message *m)
{
    (void)m;
}

static void test_subscriptions(void **state)
{
    struct server *s = server_of(state);
    struct acks a = ACKS_INIT, b = ACKS_INIT;
    struct bus_sub *one = NULL, *two = NULL, *mute = NULL;
    assert_int_equal(bus_subscribe(s->bus, SUBJECT_PRESENCE, NULL, count, &a, &one), 0);
    assert_int_equal(bus_subscribe(s->bus, SUBJECT_PRESENCE, NULL, count, &b, &two), 0);
    assert_int_equal(bus_subscribe(s->bus, "leat.mute", NULL, ignore, NULL, &mute), 0);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(bus_publish(s->bus, SUBJECT_PRESENCE, STR("here")), 0);
    }
    acks_wait(&a, 100);
    acks_wait(&b, 100);
    struct bus_message *m = NULL;
    assert_int_equal(bus_request(s->bus, "leat.mute", STR("x"), 50, &m), -ETIMEDOUT);
    /* Ended under traffic: no callback after the return. */
    for (int i = 0; i < 500; i++) {
        assert_int_equal(bus_publish(s->bus, SUBJECT_PRESENCE, STR("here")), 0);
    }
    bus_sub_free(one);
    int calls = acks_calls(&a);
    acks_wait(&b, 600);
    assert_int_equal(acks_calls(&a), calls);
    bus_sub_free(two);
    bus_sub_free(mute);
}

struct pulling {
    struct bus_puller *p;
    int rc;
    int64_t took_ns;
};

static void *pull_main(void *ctx)
{
    struct pulling *t = ctx;
    struct bus_message *m[4];
    int64_t t0 = clock_mono_ns();
    t->rc = bus_pull(t->p, 4, WAIT_MS * 10, m);
    t->took_ns = clock_mono_ns() - t0;
    for (int i = 0; i < t->rc; i++) {
        bus_message_free(m[i]);
    }
    return NULL;
}

static void await_connection(struct bus *bus, bool connected)
{
    for (int64_t end = clock_mono_ns() + WAIT_MS * NS_PER_MS; clock_mono_ns() < end;) {
        if (bus_connected(bus) == connected) {
            return;
        }
        clock_wait_ns(5 * NS_PER_MS);
    }
    fail_msg("connected is not %d", connected);
}

static void test_server_restarts(void **state)
{
    struct server *s = server_of(state);
    struct bus_puller *p = puller_of(s->bus, &results);
    struct bus_message *m[8];
    for (int round = 0; round < 3; round++) {
        assert_int_equal(store(s->bus, SUBJECT_RESULT, NULL, STR("kept")), 0);
        assert_int_equal(pull_n_of(s->bus, p, &results, 1, bus_ack), 1);
        await_state(s->bus, &results, 0, 0);
        struct bus_queue_state before, after;
        state_of(s->bus, &results, &before);
        /* A puller that waits learns that the connection went. */
        struct pulling t = {.p = p};
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, pull_main, &t), 0);
        clock_wait_ns(100 * NS_PER_MS);
        server_kill(s);
        pthread_join(thread, NULL);
        assert_int_equal(t.rc, -ENOTCONN);
        await_connection(s->bus, false);
        struct acks none = ACKS_INIT;
        assert_int_equal(bus_publish(s->bus, "leat.x", STR("x")), -ENOTCONN);
        assert_int_equal(bus_pull(p, 8, 100, m), -ENOTCONN);
        assert_int_equal(
            bus_publish_stored(s->bus, SUBJECT_RESULT, NULL, STR("x"), 1000, on_ack, &none),
            -ENOTCONN);
        assert_int_equal(none.calls, 0);
        bool lost = round == 1;
        if (lost) {
            remove_store(s);
        }
        server_start(s);
        await_connection(s->bus, true);
        if (lost) {
            assert_int_equal(bus_pull(p, 8, 200, m), -ENOENT);
            assert_int_equal(store(s->bus, SUBJECT_RESULT, NULL, STR("x")), -ENOTCONN);
            ensure(s->bus);
        }
        assert_int_equal(bus_pull(p, 8, 50, m), 0);
        state_of(s->bus, &results, &after);
        assert_int_equal(after.created_ns == before.created_ns, !lost);
    }
    bus_puller_free(p);
}

/* Marks which of the messages "0".."19" it is; false for one seen before. */
static bool mark(bool *seen, const struct bus_message *m)
{
    int64_t n = -1;
    assert_true(str_to_i64(bus_message_data(m), &n) && n >= 0 && n < 20);
    bool first = !seen[n];
    seen[n] = true;
    return first;
}

static void test_store_survives_kill(void **state)
{
    struct server *s = server_of(state);
    struct bus_puller *p = puller_of(s->bus, &results);
    for (int i = 0; i < 20; i++) {
        char text[16];
        int len = snprintf(text, sizeof(text), "%d", i);
        assert_int_equal(store(s->bus, SUBJECT_RESULT, NULL, str_n(text, (size_t)len)), 0);
    }
    struct bus_message *m[20];
    int got = 0, n_seen = 0;
    bool seen[20] = {0};
    while (got < 5) {
        got += bus_pull(p, 5 - got, WAIT_MS, m + got);
    }
    server_kill(s);
    await_connection(s->bus, false);
    assert_int_equal(bus_ack(s->bus, m[0]), -ENOTCONN);
    server_start(s);
    await_connection(s->bus, true);
    /* Deliveries of before can still be settled; the rest is there. The server may have forgotten
     * that it delivered the first ones, and delivers them again. */
    for (int i = 0; i < 5; i++) {
        assert_int_equal(bus_ack(s->bus, m[i]), 0);
        n_seen += mark(seen, m[i]);
        bus_message_free(m[i]);
    }
    for (int64_t end = clock_mono_ns() + WAIT_MS * NS_PER_MS; n_seen < 20;) {
        assert_true(clock_mono_ns() < end);
        int n = bus_pull(p, 20, 500, m);
        assert_true(n >= 0);
        for (int i = 0; i < n; i++) {
            n_seen += mark(seen, m[i]);
            assert_int_equal(bus_ack(s->bus, m[i]), 0);
            bus_message_free(m[i]);
        }
    }
    await_state(s->bus, &results, 0, 0);
    bus_puller_free(p);
}

/* Runs are in memory: after a restart there is an empty queue, once it is asked for. */
static void test_runs_go_with_the_server(void **state)
{
    struct server *s = server_of(state);
    struct bus_puller *p = puller(s->bus);
    struct bus_message *m[8];
    assert_int_equal(store(s->bus, SUBJECT_RUN ".main", NULL, STR("lost")), 0);
    server_kill(s);
    await_connection(s->bus, false);
    server_start(s);
    await_connection(s->bus, true);
    ensure(s->bus);
    assert_int_equal(bus_pull(p, 8, 200, m), 0);
    assert_int_equal(store(s->bus, SUBJECT_RUN ".main", NULL, STR("new")), 0);
    assert_int_equal(pull_n(s->bus, p, 1, bus_ack), 1);
    await_queue(s->bus, 0, 0);
    bus_puller_free(p);
}

static void test_every_publish_is_answered_once(void **state)
{
    struct server *s = server_of(state);
    struct acks a = ACKS_INIT;
    char data[200] = {0};
    int sent = 0;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 2000; i++) {
            if (i == 700) {
                server_kill(s);
            }
            int rc = bus_publish_stored(s->bus, SUBJECT_RESULT, NULL, str_n(data, sizeof(data)),
                                        3000, on_ack, &a);
            assert_true(rc == 0 || rc == -ENOTCONN);
            sent += rc == 0;
            if (sent == 1) {
                acks_wait(&a, 1); /* one at least is stored, however fast the server dies */
            }
        }
        server_start(s);
        await_connection(s->bus, false);
        await_connection(s->bus, true);
    }
    acks_wait(&a, sent);
    assert_true(a.ok > 0);
    /* Two more seconds of none: no second callback after the time-out. */
    clock_wait_ns(3500 * NS_PER_MS);
    assert_int_equal(acks_calls(&a), sent);
}

static void test_time_out_and_free_answer(void **state)
{
    struct server *s = server_of(state);
    struct bus *other = connect_to(s);
    struct bus_sub *mute = NULL;
    struct acks a = ACKS_INIT;
    assert_int_equal(bus_subscribe(s->bus, "leat.mute", NULL, ignore, NULL, &mute), 0);
    assert_int_equal(bus_publish_stored(other, "leat.mute", NULL, STR("x"), 100, on_ack, &a), 0);
    acks_wait(&a, 1);
    assert_int_equal(a.last_rc, -ETIMEDOUT);
    for (int i = 0; i < 200; i++) {
        assert_int_equal(
            bus_publish_stored(other, "leat.mute", "id", STR("x"), WAIT_MS, on_ack, &a), 0);
    }
    bus_free(other);
    assert_int_equal(acks_calls(&a), 201);
    assert_int_equal(a.last_rc, -ENOTCONN);
    bus_sub_free(mute);
}

static void test_no_server(void **state)
{
    struct bus *bus = NULL;
    struct err err = {0};
    char url[64];
    (void)snprintf(url, sizeof(url), "nats://127.0.0.1:%d", kernel_port());
    struct bus_options options = {.url = url, .name = "test"};
    assert_int_equal(bus_new(&options, 250, &bus, &err), -ENOTCONN);
    assert_string_equal(err.code, "bus.connect");
    options.url = "";
    assert_int_equal(bus_new(&options, 250, &bus, &err), -EINVAL);
    options.url = "nats://127.0.0.1:not-a-port";
    assert_true(bus_new(&options, 250, &bus, &err) < 0);
    assert_null(bus);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_publish_pull_ack, setup, teardown),
        cmocka_unit_test_setup_teardown(test_burst, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_request_stands, setup, teardown),
        cmocka_unit_test_setup_teardown(test_duplicates_and_refusals, setup, teardown),
        cmocka_unit_test_setup_teardown(test_big_message, setup, teardown),
        cmocka_unit_test_setup_teardown(test_full_stream, setup, teardown),
        cmocka_unit_test_setup_teardown(test_request_reply, setup, teardown),
        cmocka_unit_test_setup_teardown(test_subscriptions, setup, teardown),
        cmocka_unit_test_setup_teardown(test_server_restarts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_store_survives_kill, setup, teardown),
        cmocka_unit_test_setup_teardown(test_runs_go_with_the_server, setup, teardown),
        cmocka_unit_test_setup_teardown(test_every_publish_is_answered_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_time_out_and_free_answer, setup, teardown),
        cmocka_unit_test(test_no_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
