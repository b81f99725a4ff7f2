/* A server in a thread, on a free port of 127.0.0.1, that gives prepared replies one after the
 * other and keeps the requests it got. */
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "str.h"

#define AWS_SERVER_MAX 16

struct aws_server {
    int listener;
    pthread_t thread;
    atomic_bool stop;
    atomic_int served;
    const char *replies[AWS_SERVER_MAX]; /* whole, without Content-Length */
    struct buf requests[AWS_SERVER_MAX];
    char url[64], host[40];
};

static unused bool aws_server_read(struct aws_server *s, int fd, struct buf *in)
{
    for (;;) {
        ptrdiff_t end = str_find(buf_str(in), STR("\r\n\r\n"), 0);
        size_t need = end < 0 ? SIZE_MAX : (size_t)end + 4;
        for (size_t i = 0; end >= 0 && i < (size_t)end; i++) {
            if (str_eq_ci(str_n(in->data + i, MIN((size_t)15, in->len - i)),
                          STR("content-length:"))) {
                need += strtoul(in->data + i + 15, NULL, 10);
            }
        }
        if (in->len >= need) {
            return true;
        }
        char part[16384];
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (atomic_load(&s->stop)) {
            return false;
        }
        ssize_t n = poll(&p, 1, 50) > 0 ? recv(fd, part, sizeof(part), 0) : -2;
        if (n == 0 || n == -1) {
            return false;
        }
        buf_add(in, part, n > 0 ? (size_t)n : 0);
    }
}

static unused void aws_server_answer(int fd, const char *reply, bool head)
{
    const char *body = strstr(reply, "\r\n\r\n");
    ASSERT(body);
    struct buf b;
    buf_init(&b, 0);
    buf_add(&b, reply, (size_t)(body - reply));
    buf_addf(&b, "\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n", strlen(body + 4));
    buf_adds(&b, head ? "" : body + 4);
    for (size_t at = 0; at < b.len;) {
        ssize_t n = send(fd, b.data + at, b.len - at, MSG_NOSIGNAL);
        if (n <= 0) {
            break;
        }
        at += (size_t)n;
    }
    buf_done(&b);
}

static unused void *aws_server_run(void *arg)
{
    struct aws_server *s = arg;
    while (!atomic_load(&s->stop)) {
        struct pollfd p = {.fd = s->listener, .events = POLLIN};
        if (poll(&p, 1, 20) <= 0) {
            continue;
        }
        int fd = accept(s->listener, NULL, NULL);
        int n = atomic_load(&s->served);
        struct buf *in = &s->requests[n];
        buf_clear(in);
        if (n < AWS_SERVER_MAX - 1 && aws_server_read(s, fd, in)) {
            const char *reply = s->replies[n] ? s->replies[n] : "HTTP/1.1 500 None left\r\n\r\n";
            atomic_store(&s->served, n + 1);
            aws_server_answer(fd, reply, str_starts(buf_str(in), STR("HEAD ")));
        }
        close(fd);
    }
    return NULL;
}

static unused void aws_server_start(struct aws_server *s)
{
    memset(s, 0, sizeof(*s));
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    for (int i = 0; i < AWS_SERVER_MAX; i++) {
        buf_init(&s->requests[i], 0);
    }
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT(bind(s->listener, (struct sockaddr *)&at, sizeof(at)) == 0);
    ASSERT(listen(s->listener, 16) == 0);
    ASSERT(getsockname(s->listener, (struct sockaddr *)&at, &len) == 0);
    (void)snprintf(s->host, sizeof(s->host), "127.0.0.1:%d", ntohs(at.sin_port));
    (void)snprintf(s->url, sizeof(s->url), "http://%s", s->host);
    ASSERT(pthread_create(&s->thread, NULL, aws_server_run, s) == 0);
}

/* Forgets what was; the next requests get these replies. */
static unused void aws_server_prepare(struct aws_server *s, const char *first, const char *second,
                                      const char *third)
{
    memset(s->replies, 0, sizeof(s->replies));
    s->replies[0] = first;
    s->replies[1] = second;
    s->replies[2] = third;
    atomic_store(&s->served, 0);
}

static unused void aws_server_stop(struct aws_server *s)
{
    atomic_store(&s->stop, true);
    pthread_join(s->thread, NULL);
    close(s->listener);
    for (int i = 0; i < AWS_SERVER_MAX; i++) {
        buf_done(&s->requests[i]);
    }
}
