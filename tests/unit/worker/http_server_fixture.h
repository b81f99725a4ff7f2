/* A small HTTP/1.1 server in a thread, on a free port of 127.0.0.1. It answers by the path:
 *   /echo            200, the request as it came (head and body) as text
 *   /status/N        status N, body "status N"
 *   /json /text      fixed bodies          /badjson  JSON type, broken text
 *   /gzip            gzip of "compressed"  /big/N    N bytes
 *   /refuse          401, the request as it came      /fail/N   500, N bytes
 *   /flaky/N         500 N times, then 200 "steady"
 *   /redirect/N      302 to /redirect/N-1, at 0 to /echo
 *   /to?URL          307 to URL            /to303?URL  303 to URL
 *   /slow            answers after 2 s     /drop     closes without an answer
 *   /cookies         two Set-Cookie, two X-Double
 *   /bytes           octet-stream with a NUL and 0xFF
 *   /bighead         more header bytes than a client should take */
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "str.h"

struct http_server {
    int listener, port;
    pthread_t thread;
    atomic_bool stop;
    atomic_int connections, requests;
    int flaky_left;
    char url[64];
};

static unused void server_write(int fd, const void *data, size_t len)
{
    for (size_t at = 0; at < len;) {
        ssize_t n = send(fd, (const char *)data + at, len - at, MSG_NOSIGNAL);
        if (n <= 0) {
            return;
        }
        at += (size_t)n;
    }
}

static unused void server_reply(int fd, const char *status, const char *headers, const void *body,
                                size_t len)
{
    struct buf b;
    buf_init(&b, 0);
    buf_addf(&b, "HTTP/1.1 %s\r\n%sContent-Length: %zu\r\n\r\n", status, headers, len);
    server_write(fd, b.data, b.len);
    server_write(fd, body, len);
    buf_done(&b);
}

static unused int server_number(struct str path, const char *prefix)
{
    return (int)strtol(path.ptr + strlen(prefix), NULL, 10);
}

static unused void server_redirect(int fd, const char *status, struct str to)
{
    char headers[600];
    (void)snprintf(headers, sizeof(headers), "Location: %.*s\r\n", (int)MIN(to.len, 500), to.ptr);
    server_reply(fd, status, headers, "", 0);
}

/* Returns false when the connection must be closed. */
static unused bool server_answer(struct http_server *s, int fd, struct str request,
                                 struct str method, struct str path)
{
    static const unsigned char gzip[] = {
        0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0x4b, 0xce, 0xcf, 0x2d, 0x28,
        0x4a, 0x2d, 0x2e, 0x4e, 0x4d, 0x01, 0x00, 0x1e, 0x4b, 0x56, 0x97, 0x0a, 0x00, 0x00, 0x00};
    const char *plain = "Content-Type: text/plain\r\n",
               *json = "Content-Type: application/json\r\n";
    char text[64];
    if (str_eq(method, STR("HEAD"))) {
        server_write(fd, "HTTP/1.1 200 OK\r\nX-Head: yes\r\nContent-Length: 5\r\n\r\n", 51);
    } else if (str_starts(path, STR("/echo"))) {
        server_reply(fd, "200 OK", plain, request.ptr, request.len);
    } else if (str_starts(path, STR("/status/"))) {
        (void)snprintf(text, sizeof(text), "%d Some Words", server_number(path, "/status/"));
        server_reply(fd, text, plain, text, strlen(text));
    } else if (str_starts(path, STR("/json"))) {
        server_reply(fd, "200 OK", json, "{\"a\": [1, 2]}", 13);
    } else if (str_starts(path, STR("/badjson"))) {
        server_reply(fd, "200 OK", json, "{\"a\": ", 6);
    } else if (str_starts(path, STR("/gzip"))) {
        server_reply(fd, "200 OK", "Content-Encoding: gzip\r\n", gzip, sizeof(gzip));
    } else if (str_starts(path, STR("/refuse"))) {
        server_reply(fd, "401 Unauthorized", plain, request.ptr, request.len);
    } else if (str_starts(path, STR("/big/")) || str_starts(path, STR("/fail/"))) {
        bool fail = str_starts(path, STR("/fail/"));
        size_t n = (size_t)server_number(path, fail ? "/fail/" : "/big/");
        char *body = mem_alloc(n);
        memset(body, 'x', n);
        server_reply(fd, fail ? "500 Oops" : "200 OK", plain, body, n);
        mem_free(body);
    } else if (str_starts(path, STR("/flaky/"))) {
        s->flaky_left = s->flaky_left < 0 ? server_number(path, "/flaky/") : s->flaky_left;
        bool bad = s->flaky_left-- > 0;
        server_reply(fd, bad ? "500 Oops" : "200 OK", plain, "steady", 6);
    } else if (str_starts(path, STR("/redirect/"))) {
        int n = server_number(path, "/redirect/");
        (void)snprintf(text, sizeof(text), n > 0 ? "/redirect/%d" : "/echo", n - 1);
        server_redirect(fd, "302 Found", str_of(text));
    } else if (str_starts(path, STR("/to?"))) {
        server_redirect(fd, "307 Temporary Redirect", str_n(path.ptr + 4, path.len - 4));
    } else if (str_starts(path, STR("/to303?"))) {
        server_redirect(fd, "303 See Other", str_n(path.ptr + 7, path.len - 7));
    } else if (str_starts(path, STR("/slow"))) {
        for (int i = 0; i < 200 && !atomic_load(&s->stop); i++) {
            clock_wait_ns(10 * NS_PER_MS);
        }
        server_reply(fd, "200 OK", plain, "late", 4);
    } else if (str_starts(path, STR("/cookies"))) {
        server_reply(fd, "200 OK",
                     "Set-Cookie: a=1\r\nX-Double: x\r\nSet-Cookie: b=2\r\nx-double: y\r\n", "", 0);
    } else if (str_starts(path, STR("/bytes"))) {
        server_reply(fd, "200 OK", "Content-Type: application/octet-stream\r\n", "a\0\xFF", 3);
    } else if (str_starts(path, STR("/bighead"))) {
        struct buf b;
        buf_init(&b, 0);
        for (int i = 0; i < 600; i++) {
            buf_addf(&b, "X-%d: %0999d\r\n", i, 0);
        }
        server_reply(fd, "200 OK", b.data, "", 0);
        buf_done(&b);
    } else {
        return false;
    }
    return true;
}

static unused bool server_serve_one(struct http_server *s, int fd, struct buf *in)
{
    size_t need = 0, head = 0;
    for (;;) {
        ptrdiff_t end = str_find(buf_str(in), STR("\r\n\r\n"), 0);
        if (end >= 0) {
            head = (size_t)end + 4;
            need = head;
            struct str text = str_n(in->data, head);
            for (size_t i = 0; i + 16 < text.len; i++) {
                if (str_eq_ci(str_n(text.ptr + i, 15), STR("content-length:"))) {
                    need += strtoul(text.ptr + i + 15, NULL, 10);
                }
            }
            if (in->len >= need) {
                break;
            }
        }
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (atomic_load(&s->stop)) {
            return false;
        }
        if (poll(&p, 1, 50) <= 0) {
            continue;
        }
        char part[16384];
        ssize_t n = recv(fd, part, sizeof(part), 0);
        if (n <= 0) {
            return false;
        }
        buf_add(in, part, (size_t)n);
    }
    struct str all = str_n(in->data, need);
    ptrdiff_t blank = str_find(all, STR(" "), 0);
    ptrdiff_t second = str_find(all, STR(" "), (size_t)blank + 1);
    struct str method = str_n(all.ptr, (size_t)blank);
    struct str path = str_n(all.ptr + blank + 1, (size_t)(second - blank - 1));
    atomic_fetch_add(&s->requests, 1);
    bool keep = server_answer(s, fd, all, method, path);
    memmove(in->data, in->data + need, in->len - need);
    in->len -= need;
    return keep;
}

struct server_connection {
    struct http_server *server;
    int fd;
};

static unused void *server_run(void *arg)
{
    struct http_server *s = arg;
    while (!atomic_load(&s->stop)) {
        struct pollfd p = {.fd = s->listener, .events = POLLIN};
        if (poll(&p, 1, 20) <= 0) {
            continue;
        }
        int fd = accept(s->listener, NULL, NULL);
        atomic_fetch_add(&s->connections, 1);
        struct buf in;
        buf_init(&in, 0);
        struct pollfd both[2] = {{.fd = fd, .events = POLLIN},
                                 {.fd = s->listener, .events = POLLIN}};
        /* One connection at a time: a new one ends the one that is idle. */
        while (!atomic_load(&s->stop)) {
            int ready = poll(both, 2, 50);
            if (ready > 0 && both[0].revents) {
                if (!server_serve_one(s, fd, &in)) {
                    break;
                }
            } else if (ready > 0 && both[1].revents) {
                break;
            }
        }
        close(fd);
        buf_done(&in);
    }
    return NULL;
}

static unused void server_start(struct http_server *s)
{
    memset(s, 0, sizeof(*s));
    s->flaky_left = -1;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT(bind(s->listener, (struct sockaddr *)&at, sizeof(at)) == 0);
    ASSERT(listen(s->listener, 16) == 0);
    ASSERT(getsockname(s->listener, (struct sockaddr *)&at, &len) == 0);
    s->port = ntohs(at.sin_port);
    (void)snprintf(s->url, sizeof(s->url), "http://127.0.0.1:%d", s->port);
    ASSERT(pthread_create(&s->thread, NULL, server_run, s) == 0);
}

static unused void server_stop(struct http_server *s)
{
    atomic_store(&s->stop, true);
    pthread_join(s->thread, NULL);
    close(s->listener);
}
