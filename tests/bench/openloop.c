/* A sender of webhooks at a constant rate. Each request has its intended time from the start; its
 * latency counts from then on, whether or not it could be sent in time, so a server that stalls
 * cannot hide it (no coordinated omission). One thread, keep-alive connections used in turn, more
 * of them when all are busy; a connection that the server closes while idle is made anew. With
 * --postgres it also measures until the execution's result row is there. Prints JSON. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <jansson.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "clock.h"
#include "config.h"
#include "recorded.h"

#define MAX_CONNECTIONS 1024
#define ANSWER_MAX      KIB(64)
#define WAIT_NS         (30 * NS_PER_SEC) /* for what is unanswered or unrecorded at the end */

struct settings {
    const char *path, *body_file, *header, *postgres;
    int64_t port, rate, seconds, connections;
};
static const struct config_option options[] = {
    {"port", CONFIG_INT, offsetof(struct settings, port), NULL, "port on 127.0.0.1", 1, 65535,
     false},
    {"path", CONFIG_STR, offsetof(struct settings, path), "/", "request target", 0, 0, false},
    {"body-file", CONFIG_STR, offsetof(struct settings, body_file), NULL, "JSON body", 0, 0, false},
    {"header", CONFIG_STR, offsetof(struct settings, header), "", "one more header line", 0, 0,
     false},
    {"rate", CONFIG_INT, offsetof(struct settings, rate), "100", "requests a second", 1, 100000,
     false},
    {"seconds", CONFIG_INT, offsetof(struct settings, seconds), "10", "duration", 1, 3600, false},
    {"connections", CONFIG_INT, offsetof(struct settings, connections), "32",
     "connections opened at the start", 1, MAX_CONNECTIONS, false},
    {"postgres", CONFIG_STR, offsetof(struct settings, postgres), "",
     "connection URL: measure until the result is recorded, too", 0, 0, false},
    {0},
};

enum event_state { EVENT_TODO, EVENT_SENT, EVENT_ANSWERED, EVENT_FAILED };
struct event {
    int64_t due_ns, sent_ms, answered_ns; /* monotonic, wall clock, monotonic */
    struct uuid id;
    _Atomic int state; /* the rest belongs to the sender until ANSWERED or FAILED */
};
struct connection {
    int fd; /* -1: to be made anew */
    bool busy;
    size_t event, len;
    char in[ANSWER_MAX];
};
struct sender {
    const struct settings *settings;
    struct buf request;
    struct event *events;
    size_t n, next, open; /* events, the next to send, sent and unanswered */
    struct connection *connections[MAX_CONNECTIONS];
    int n_connections, idle[MAX_CONNECTIONS], idle_first, n_idle, epoll;
    size_t resent, reconnected;
    _Atomic size_t recorded_prefix; /* all events before it are recorded or failed; the poller's */
};

static bool reconnect(struct sender *s, int i)
{
    struct connection *c = s->connections[i];
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_port = htons((uint16_t)s->settings->port),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1;
    if (c->fd >= 0) {
        close(c->fd);
    }
    c->len = 0;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&addr, sizeof(addr)) != 0) {
        return false;
    }
    struct epoll_event ev = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
    return setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0 &&
           fcntl(c->fd, F_SETFL, O_NONBLOCK) == 0 &&
           epoll_ctl(s->epoll, EPOLL_CTL_ADD, c->fd, &ev) == 0;
}

static void make_idle(struct sender *s, int i)
{
    s->connections[i]->busy = false;
    s->connections[i]->len = 0;
    s->idle[(s->idle_first + s->n_idle++) % MAX_CONNECTIONS] = i;
}

static bool add_connection(struct sender *s)
{
    int i = s->n_connections;
    if (i == MAX_CONNECTIONS) {
        return false;
    }
    s->connections[i] = mem_new(struct connection);
    s->connections[i]->fd = -1;
    s->n_connections++;
    bool ok = reconnect(s, i);
    make_idle(s, i);
    return ok;
}

static bool send_on(struct sender *s, int i)
{
    struct connection *c = s->connections[i];
    ssize_t len = (ssize_t)s->request.len;
    if (c->fd >= 0 && send(c->fd, s->request.data, s->request.len, MSG_NOSIGNAL) == len) {
        return true;
    }
    s->reconnected++;
    return reconnect(s, i) && send(c->fd, s->request.data, s->request.len, MSG_NOSIGNAL) == len;
}

static void finish(struct sender *s, int i, enum event_state state)
{
    struct event *e = &s->events[s->connections[i]->event];
    e->answered_ns = clock_mono_ns();
    atomic_store_explicit(&e->state, (int)state, memory_order_release);
    s->open--;
    make_idle(s, i);
}

static void send_due(struct sender *s)
{
    int64_t now = clock_mono_ns();
    while (s->next < s->n && s->events[s->next].due_ns <= now) {
        if (s->n_idle == 0 && !add_connection(s)) {
            return; /* late, and counted from the intended time */
        }
        int i = s->idle[s->idle_first];
        s->idle_first = (s->idle_first + 1) % MAX_CONNECTIONS;
        s->n_idle--;
        struct connection *c = s->connections[i];
        c->event = s->next++;
        c->busy = true;
        s->open++;
        s->events[c->event].sent_ms = clock_now_ns() / NS_PER_MS;
        atomic_store_explicit(&s->events[c->event].state, EVENT_SENT, memory_order_release);
        if (!send_on(s, i)) {
            finish(s, i, EVENT_FAILED);
        }
        now = clock_mono_ns();
    }
}

/* The value of a header in the answer's head; empty when absent. */
static struct str header(struct str head, const char *name)
{
    size_t len = strlen(name);
    for (ptrdiff_t at = str_find(head, STR("\r\n"), 0); at >= 0;
         at = str_find(head, STR("\r\n"), (size_t)at + 2)) {
        struct str line = str_n(head.ptr + at + 2, head.len - (size_t)at - 2);
        if (line.len > len && line.ptr[len] == ':' && strncasecmp(line.ptr, name, len) == 0) {
            ptrdiff_t end = str_find(line, STR("\r\n"), 0);
            return str_trim(
                str_n(line.ptr + len + 1, (end < 0 ? line.len : (size_t)end) - len - 1));
        }
    }
    return str_n("", 0);
}

/* True when the answer is whole. */
static bool parse_answer(struct connection *c, struct event *e, bool *ret_good)
{
    struct str in = str_n(c->in, c->len);
    ptrdiff_t end = str_find(in, STR("\r\n\r\n"), 0);
    int64_t length = 0;
    if (end < 0) {
        return false;
    }
    struct str head = str_n(in.ptr, (size_t)end);
    if (!str_to_i64(header(head, "content-length"), &length) ||
        c->len < (size_t)end + 4 + (size_t)length) {
        return false;
    }
    *ret_good =
        str_starts(in, STR("HTTP/1.1 2")) &&
        global_id_parse(header(head, "prismatic-executionid"), "InstanceExecutionResult", &e->id);
    return true;
}

static void on_readable(struct sender *s, int i)
{
    struct connection *c = s->connections[i];
    ssize_t n = recv(c->fd, c->in + c->len, sizeof(c->in) - c->len, 0);
    if (n < 0 && errno == EAGAIN) {
        return;
    }
    if (n <= 0) {
        close(c->fd);
        c->fd = -1;
        if (c->busy && c->len == 0) { /* closed as idle just when it was used */
            s->resent++;
            if (!send_on(s, i)) {
                finish(s, i, EVENT_FAILED);
            }
        } else if (c->busy) {
            finish(s, i, EVENT_FAILED);
        }
        return;
    }
    c->len += (size_t)n;
    bool good;
    if (c->busy && parse_answer(c, &s->events[c->event], &good)) {
        finish(s, i, good ? EVENT_ANSWERED : EVENT_FAILED);
    } else if (c->busy && c->len == sizeof(c->in)) {
        finish(s, i, EVENT_FAILED);
    }
}

/* Sends everything in time and waits for the answers. */
static void run(struct sender *s)
{
    int64_t give_up = s->events[s->n - 1].due_ns + WAIT_NS;
    while ((s->next < s->n || s->open > 0) && clock_mono_ns() < give_up) {
        send_due(s);
        int64_t wait = s->next < s->n ? s->events[s->next].due_ns - clock_mono_ns() : NS_PER_SEC;
        wait = MIN(MAX(wait, 0), NS_PER_SEC);
        struct timespec ts = {.tv_sec = wait / NS_PER_SEC, .tv_nsec = wait % NS_PER_SEC};
        struct epoll_event events[64];
        int n = epoll_pwait2(s->epoll, events, ARRAY_LEN(events), &ts, NULL);
        for (int i = 0; i < n; i++) {
            on_readable(s, (int)events[i].data.u32);
        }
    }
    for (size_t i = 0; i < s->n; i++) {
        int state = atomic_load(&s->events[i].state);
        if (state == EVENT_TODO || state == EVENT_SENT) {
            atomic_store(&s->events[i].state, EVENT_FAILED);
        }
    }
}

/* On the poller's thread: the first event that is not recorded yet. */
static int64_t recorded_floor(void *ctx, struct recorded *r)
{
    struct sender *s = ctx;
    while (s->recorded_prefix < s->n) {
        const struct event *e = &s->events[s->recorded_prefix];
        int state = atomic_load_explicit(&e->state, memory_order_acquire);
        if (state == EVENT_FAILED || (state == EVENT_ANSWERED && recorded_seen_ns(r, &e->id))) {
            s->recorded_prefix++;
            continue;
        }
        if (state != EVENT_TODO) {
            return e->sent_ms - 1;
        }
        break;
    }
    return clock_now_ns() / NS_PER_MS - 1;
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static double percentile_ms(const int64_t *sorted, size_t n, double q)
{
    size_t at = (size_t)(q * (double)n);
    return n ? (double)sorted[MIN(at, n - 1)] / 1e6 : 0;
}

static json_t *summary(int64_t *latencies, size_t n)
{
    qsort(latencies, n, sizeof(*latencies), by_value);
    return json_pack("{s:I, s:f, s:f, s:f, s:f, s:f}", "count", (json_int_t)n, "p50_ms",
                     percentile_ms(latencies, n, 0.5), "p90_ms", percentile_ms(latencies, n, 0.9),
                     "p99_ms", percentile_ms(latencies, n, 0.99), "p999_ms",
                     percentile_ms(latencies, n, 0.999), "max_ms", percentile_ms(latencies, n, 1));
}

static void report(const struct sender *s, const struct recorded *r)
{
    int64_t *latencies = mem_array(s->n, sizeof(*latencies));
    size_t answered = 0, seen = 0;
    for (size_t i = 0; i < s->n; i++) {
        const struct event *e = &s->events[i];
        if (e->state == EVENT_ANSWERED) {
            latencies[answered++] = e->answered_ns - e->due_ns;
        }
    }
    json_t *out = json_pack("{s:I, s:I, s:I, s:I, s:i, s:o}", "sent", (json_int_t)s->n, "failed",
                            (json_int_t)(s->n - answered), "resent", (json_int_t)s->resent,
                            "reconnected", (json_int_t)s->reconnected, "connections",
                            s->n_connections, "answer", summary(latencies, answered));
    for (size_t i = 0; r && i < s->n; i++) {
        const struct event *e = &s->events[i];
        int64_t at = e->state == EVENT_ANSWERED ? recorded_seen_ns(r, &e->id) : 0;
        if (at) {
            latencies[seen++] = at - e->due_ns;
        }
    }
    if (r) {
        json_object_set_new(out, "recorded", summary(latencies, seen));
        json_object_set_new(out, "unrecorded", json_integer((json_int_t)(answered - seen)));
    }
    char *text = json_dumps(out, JSON_SORT_KEYS);
    puts(text);
    free(text);
    json_decref(out);
    mem_free(latencies);
}

static bool build_request(struct sender *s)
{
    char body[KIB(64)];
    FILE *f = fopen(s->settings->body_file, "re");
    size_t len = f ? fread(body, 1, sizeof(body), f) : 0;
    if (!f || fclose(f) != 0 || len == 0) {
        fprintf(stderr, "openloop: cannot read --body-file %s\n", s->settings->body_file);
        return false;
    }
    const char *more = s->settings->header;
    buf_init(&s->request, KIB(128));
    buf_addf(&s->request,
             "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/json\r\n"
             "%s%sContent-Length: %zu\r\n\r\n",
             s->settings->path, (int)s->settings->port, more, more[0] ? "\r\n" : "", len);
    buf_add(&s->request, body, len);
    return true;
}

/* What is accepted is recorded a little later. */
static void await_recorded(struct sender *s, struct recorded *r)
{
    int64_t give_up = clock_mono_ns() + WAIT_NS;
    while (s->recorded_prefix < s->n && clock_mono_ns() < give_up) {
        clock_wait_ns(10 * NS_PER_MS);
    }
    recorded_stop(r);
}

int main(int argc, char **argv)
{
    static struct sender s;
    struct settings settings;
    struct err err;
    int r = config_load(options, &settings, argc, argv, "openloop [OPTION...]", &err);
    if (r != 0) {
        fprintf(stderr, "%s%s", r < 0 ? err.message : "", r < 0 ? "\n" : "");
        return r < 0;
    }
    (void)prctl(PR_SET_TIMERSLACK, 1UL);
    s.settings = &settings;
    s.n = (size_t)(settings.rate * settings.seconds);
    s.events = mem_array(s.n, sizeof(*s.events));
    s.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (!build_request(&s)) {
        return 1;
    }
    for (int i = 0; i < settings.connections; i++) {
        if (!add_connection(&s)) {
            fprintf(stderr, "openloop: cannot connect to port %d\n", (int)settings.port);
            return 1;
        }
    }
    AUTO(recorded_free) struct recorded *seen = NULL;
    if (settings.postgres[0] &&
        recorded_start(settings.postgres, 2 * s.n, recorded_floor, &s, &seen, &err) != 0) {
        fprintf(stderr, "openloop: %s\n", err.message);
        return 1;
    }
    int64_t start = clock_mono_ns() + 10 * NS_PER_MS;
    for (size_t i = 0; i < s.n; i++) {
        s.events[i].due_ns = start + (int64_t)i * NS_PER_SEC / settings.rate;
    }
    run(&s);
    if (seen) {
        await_recorded(&s, seen);
    }
    report(&s, seen);
    for (int i = 0; i < s.n_connections; i++) {
        mem_free(s.connections[i]);
    }
    mem_free(s.events);
    buf_done(&s.request);
    return 0;
}
