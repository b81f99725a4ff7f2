/* The third party that flows call: one thread, epoll, keep-alive. It answers every request with the
 * same small JSON, at once or, with a number as argument, only when so many are waiting and a line
 * was read from standard input: then all are answered, and later ones at once. Prints its port; the
 * word "waiting" when the number is reached; and for each line read {"requests", "connections"},
 * both since the start. Ends with SIGTERM. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mem.h"
#include "str.h"

#define REQUEST_MAX KIB(16)
#define BACKLOG     4096

static const char answer[] =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
    "Content-Length: 66\r\n\r\n"
    "{\"id\":\"ord-2024-000117\",\"status\":\"accepted\",\"note\":\"0123456789ab\"}";

struct connection {
    int fd;
    bool waiting;
    struct buf in; /* what came of the next request */
    struct connection *next_waiting;
};
struct stub {
    int epoll, listener;
    int64_t hold, n_waiting; /* 0 = answer at once */
    struct connection *waiting;
    int64_t requests, connections;
};

static void say(const char *text)
{
    puts(text);
    (void)fflush(stdout);
}

static void drop(struct stub *s, struct connection *c)
{
    if (c->waiting) {
        return; /* in the list; the answer will fail */
    }
    (void)close(c->fd);
    buf_done(&c->in);
    mem_free(c);
}

static void send_answer(struct connection *c)
{
    ssize_t n = send(c->fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)n; /* who has gone gets none */
}

static void release(struct stub *s)
{
    s->hold = 0;
    while (s->waiting) {
        struct connection *c = s->waiting;
        s->waiting = c->next_waiting;
        c->waiting = false;
        send_answer(c);
    }
}

/* Bytes of the whole request at the start of `in`; 0 = not all there. */
static size_t request_length(struct str in)
{
    ptrdiff_t end = str_find(in, STR("\r\n\r\n"), 0);
    if (end < 0) {
        return 0;
    }
    int64_t body = 0;
    struct str head = str_n(in.ptr, (size_t)end);
    ptrdiff_t at = str_find(head, STR("Content-Length:"), 0);
    if (at >= 0) {
        struct str rest = str_n(head.ptr + at + 15, head.len - (size_t)at - 15);
        ptrdiff_t stop = str_find(rest, STR("\r\n"), 0);
        rest = str_trim(str_n(rest.ptr, stop < 0 ? rest.len : (size_t)stop));
        if (!str_to_i64(rest, &body) || body < 0) {
            return 0;
        }
    }
    size_t whole = (size_t)end + 4 + (size_t)body;
    return whole <= in.len ? whole : 0;
}

static void take_request(struct stub *s, struct connection *c)
{
    buf_clear(&c->in);
    s->requests++;
    if (!s->hold) {
        send_answer(c);
        return;
    }
    c->waiting = true;
    c->next_waiting = s->waiting;
    s->waiting = c;
    if (++s->n_waiting == s->hold) {
        say("waiting");
    }
}

static void on_readable(struct stub *s, struct connection *c)
{
    char text[4096];
    ssize_t n = recv(c->fd, text, sizeof(text), MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN) {
        return;
    }
    if (n <= 0 || c->waiting) {
        (void)epoll_ctl(s->epoll, EPOLL_CTL_DEL, c->fd, NULL);
        drop(s, c);
        return;
    }
    buf_add(&c->in, text, (size_t)n);
    if (request_length(buf_str(&c->in)) > 0) {
        take_request(s, c);
    } else if (c->in.full) {
        drop(s, c);
    }
}

static void on_accept(struct stub *s)
{
    int fd, on = 1;
    while ((fd = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct connection *c = mem_new(struct connection);
        c->fd = fd;
        buf_init(&c->in, REQUEST_MAX);
        s->connections++;
        struct epoll_event ev = {.events = EPOLLIN, .data.ptr = c};
        if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0 ||
            epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &ev) != 0) {
            drop(s, c);
        }
    }
}

/* False when standard input has ended. */
static bool on_command(struct stub *s)
{
    char line[64];
    if (read(STDIN_FILENO, line, sizeof(line)) <= 0) {
        return false;
    }
    release(s);
    printf("{\"requests\": %lld, \"connections\": %lld}\n", (long long)s->requests,
           (long long)s->connections);
    (void)fflush(stdout);
    return true;
}

static int listen_on_loopback(int *ret_port)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(addr);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&addr, len) != 0 || listen(fd, BACKLOG) != 0 ||
        getsockname(fd, (struct sockaddr *)&addr, &len) != 0) {
        return -1;
    }
    *ret_port = ntohs(addr.sin_port);
    return fd;
}

static bool watch(struct stub *s, int fd, void *what)
{
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = what};
    return epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &ev) == 0;
}

int main(int argc, char **argv)
{
    static struct stub s;
    struct rlimit files;
    int port = 0;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
    if (argc > 1 && (!str_to_i64(str_of(argv[1]), &s.hold) || s.hold < 0)) {
        fprintf(stderr, "stub_server: a number of requests, not \"%s\"\n", argv[1]);
        return 1;
    }
    s.epoll = epoll_create1(EPOLL_CLOEXEC);
    s.listener = listen_on_loopback(&port);
    if (s.listener < 0 || !watch(&s, s.listener, &s.listener) || !watch(&s, STDIN_FILENO, &s)) {
        fprintf(stderr, "stub_server: cannot start: %s\n", strerror(errno));
        return 1;
    }
    printf("%d\n", port);
    (void)fflush(stdout);
    for (;;) {
        struct epoll_event events[256];
        int n = epoll_wait(s.epoll, events, ARRAY_LEN(events), -1);
        for (int i = 0; i < n; i++) {
            void *what = events[i].data.ptr;
            if (what == &s.listener) {
                on_accept(&s);
            } else if (what == &s) {
                if (!on_command(&s)) {
                    return 0;
                }
            } else {
                on_readable(&s, what);
            }
        }
    }
}
