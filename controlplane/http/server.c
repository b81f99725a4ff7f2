/* Owns the event loops, their listeners and connections. Each loop has its own thread and accepts
 * from its own socket on the shared port. It speaks HTTP/1 only: upgrades to HTTP/2 are off, in
 * cleartext and in TLS. Idle connections are closed by h2o's request timeout, and all that are left
 * when it stops. */
#include "http/server.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "clock.h"
#include "http/metrics.h"
#include "http/tls.h"
#include "log.h"

#define LISTEN_BACKLOG  4096
#define ACCEPT_AT_ONCE  64
#define REQUEST_IDLE_MS 20000 /* whole header and body, and idle between requests */
#define STOP_ROUNDS     20

struct server {
    struct server_options options;
    h2o_globalconf_t conf;
    SSL_CTX *tls;
    int port;
    size_t n_loops;
    struct loop *loops;
    _Atomic size_t pending;
};
struct server_handler {
    h2o_handler_t super;
    struct server *server;
};
struct connection {
    h2o_linklist_t link;
    struct loop *loop;
    h2o_socket_t *sock;
};

void loop_post(struct loop *loop, struct loop_message *m)
{
    memset(&m->super, 0, sizeof(m->super));
    h2o_multithread_send_message(&loop->receiver, &m->super);
}

static void on_messages(h2o_multithread_receiver_t *receiver, h2o_linklist_t *messages)
{
    struct loop *loop = H2O_STRUCT_FROM_MEMBER(struct loop, receiver, receiver);
    while (!h2o_linklist_is_empty(messages)) {
        h2o_multithread_message_t *super =
            H2O_STRUCT_FROM_MEMBER(h2o_multithread_message_t, link, messages->next);
        h2o_linklist_unlink(&super->link);
        struct loop_message *m = H2O_STRUCT_FROM_MEMBER(struct loop_message, super, super);
        m->run(m, loop);
    }
}

static void refuse_method(struct op *op, unsigned allowed)
{
    struct buf text;
    buf_init(&text, KIB(1));
    route_methods_write(allowed, &text);
    op_header(op, STR("allow"), buf_str(&text));
    op_error(op, 405, "method_not_allowed", "this path takes %s", text.data);
    buf_done(&text);
}

static int on_request(h2o_handler_t *self, h2o_req_t *req)
{
    struct server *s = ((struct server_handler *)self)->server;
    struct op *op = op_new(req);
    metrics_add(METRIC_REQUESTS, 1);
    struct str path = op_str(req->path);
    path.len = MIN(path.len, req->query_at);
    unsigned allowed;
    const struct route *route = route_find(s->options.routes, op_str(req->method), path, &allowed);
    if (!route && allowed) {
        refuse_method(op, allowed);
    } else if (!route) {
        op_error(op, 404, "not_found", "there is nothing at this path");
    } else if (req->entity.len > route->max_body) {
        metrics_add(METRIC_REJECTED_SIZE, 1);
        op_error(op, 413, "too_large", "the body is over the limit of %zu bytes", route->max_body);
    } else if (route->lane == LANE_LOOP) {
        route->on_loop(s->options.ctx, op);
    } else if (!s->options.lane) {
        op_error(op, 404, "not_found", "this process does not serve this path");
    } else {
        lane_run(s->options.lane, route->on_pool, s->options.ctx, op);
    }
    return 0;
}

static void on_close(void *data)
{
    struct connection *c = data;
    h2o_linklist_unlink(&c->link);
    c->loop->n_connections--;
    mem_free(c);
}

static void on_accept(h2o_socket_t *listener, const char *error)
{
    struct loop *loop = listener->data;
    if (error) {
        return;
    }
    for (int i = 0; i < ACCEPT_AT_ONCE; i++) {
        h2o_socket_t *sock = h2o_evloop_socket_accept(listener);
        if (!sock) {
            return;
        }
        if (loop->n_connections >= loop->server->options.max_connections) {
            h2o_socket_close(sock);
            continue;
        }
        struct connection *c = mem_new(struct connection);
        c->loop = loop;
        c->sock = sock;
        h2o_linklist_insert(&loop->connections, &c->link);
        loop->n_connections++;
        sock->on_close.cb = on_close;
        sock->on_close.data = c;
        metrics_add(METRIC_CONNECTIONS, 1);
        h2o_accept(&loop->accept_ctx, sock);
    }
}

/* A socket bound to the address and, after the first, to the port that the first one got. */
static int bind_socket(struct server *s, int *ret_fd, struct err *err)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_PASSIVE, .ai_socktype = SOCK_STREAM};
    struct addrinfo *info = NULL;
    const char *address = s->options.address[0] ? s->options.address : "127.0.0.1";
    char port[16];
    (void)snprintf(port, sizeof(port), "%d", s->port);
    if (getaddrinfo(address, port, &hints, &info) != 0) {
        return err_set(err, -EINVAL, "server.address", "%s is not a numeric address", address);
    }
    int fd = socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1, r = fd < 0 ? -errno : 0;
    if (r == 0 &&
        (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
         (s->n_loops > 1 && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) != 0) ||
         bind(fd, info->ai_addr, info->ai_addrlen) != 0)) {
        r = -errno;
    }
    (void)(fd >= 0 && setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)));
    freeaddrinfo(info);
    struct sockaddr_storage bound;
    socklen_t len = sizeof(bound);
    if (r == 0 && getsockname(fd, (struct sockaddr *)&bound, &len) != 0) {
        r = -errno;
    }
    if (r != 0) {
        (void)(fd >= 0 && close(fd));
        return err_set(err, r, "server.bind", "cannot listen on %s port %s: %s", address, port,
                       strerror(-r));
    }
    s->port = ntohs(bound.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&bound)->sin6_port
                                                : ((struct sockaddr_in *)&bound)->sin_port);
    *ret_fd = fd;
    return 0;
}

static void configure(struct server *s)
{
    h2o_config_init(&s->conf);
    s->conf.server_name = h2o_iovec_init(H2O_STRLIT("leat"));
    s->conf.max_request_entity_size = s->options.max_body;
    s->conf.http1.req_timeout = REQUEST_IDLE_MS;
    s->conf.http1.upgrade_to_http2 = 0;
    h2o_hostconf_t *host =
        h2o_config_register_host(&s->conf, h2o_iovec_init(H2O_STRLIT("default")), 65535);
    h2o_pathconf_t *path = h2o_config_register_path(host, "/", 0);
    struct server_handler *handler =
        (struct server_handler *)h2o_create_handler(path, sizeof(*handler));
    handler->super.on_req = on_request;
    handler->server = s;
}

static void loop_init(struct server *s, size_t i)
{
    struct loop *loop = &s->loops[i];
    loop->server = s;
    loop->index = (unsigned)i;
    h2o_linklist_init_anchor(&loop->ops);
    h2o_linklist_init_anchor(&loop->connections);
    h2o_context_init(&loop->ctx, h2o_evloop_create(), &s->conf);
    for (int d = 0; d < _DEADLINE_N; d++) {
        h2o_timeout_init(loop->ctx.loop, &loop->deadlines[d], (uint64_t)s->options.deadline_ms[d]);
    }
    h2o_multithread_register_receiver(loop->ctx.queue, &loop->receiver, on_messages);
    loop->accept_ctx =
        (h2o_accept_ctx_t){.ctx = &loop->ctx, .hosts = s->conf.hosts, .ssl_ctx = s->tls};
}

int server_new(const struct server_options *options, struct server **ret, struct err *err)
{
    AUTO(server_free) struct server *s = mem_new(struct server);
    s->options = *options;
    s->port = options->port;
    if (options->tls_cert[0] || options->tls_key[0]) {
        int r = tls_context_new(options->tls_cert, options->tls_key, &s->tls, err);
        if (r != 0) {
            return r;
        }
    }
    configure(s);
    s->n_loops = (size_t)options->threads;
    s->loops = mem_array(s->n_loops, sizeof(*s->loops));
    for (size_t i = 0; i < s->n_loops; i++) {
        s->loops[i].listen_fd = -1;
        loop_init(s, i);
    }
    for (size_t i = 0; i < s->n_loops; i++) {
        int r = bind_socket(s, &s->loops[i].listen_fd, err);
        if (r != 0) {
            return r;
        }
    }
    *ret = TAKE(s);
    return 0;
}

int server_port(const struct server *s)
{
    return s->port;
}

size_t server_loops(const struct server *s)
{
    return s->n_loops;
}

struct loop *server_loop(struct server *s, size_t i)
{
    return &s->loops[i];
}

size_t server_pending(const struct server *s)
{
    return atomic_load_explicit(&s->pending, memory_order_relaxed);
}

/* Ends what senders keep open: shutting the socket makes h2o see its end and close it. */
static void close_connections(struct loop *loop)
{
    for (h2o_linklist_t *l = loop->connections.next; l != &loop->connections; l = l->next) {
        struct connection *c = H2O_STRUCT_FROM_MEMBER(struct connection, link, l);
        (void)shutdown(h2o_socket_get_fd(c->sock), SHUT_RDWR);
    }
}

static void *loop_thread(void *arg)
{
    struct loop *loop = arg;
    size_t counted = 0;
    (void)pthread_setname_np(pthread_self(), "loop");
    while (!loop->ending) {
        h2o_evloop_run(loop->ctx.loop, 1000);
        atomic_fetch_add_explicit(&loop->server->pending, loop->pending - counted,
                                  memory_order_relaxed);
        counted = loop->pending;
    }
    close_connections(loop);
    for (int i = 0; i < STOP_ROUNDS && loop->n_connections > 0; i++) {
        h2o_evloop_run(loop->ctx.loop, 5);
    }
    atomic_fetch_sub_explicit(&loop->server->pending, counted, memory_order_relaxed);
    return NULL;
}

int server_start(struct server *s)
{
    for (size_t i = 0; i < s->n_loops; i++) {
        struct loop *loop = &s->loops[i];
        if (listen(loop->listen_fd, LISTEN_BACKLOG) != 0) {
            return -errno;
        }
        loop->listener =
            h2o_evloop_socket_create(loop->ctx.loop, loop->listen_fd, H2O_SOCKET_FLAG_DONT_READ);
        loop->listen_fd = -1;
        loop->listener->data = loop;
        h2o_socket_read_start(loop->listener, on_accept);
        int r = pthread_create(&loop->thread, NULL, loop_thread, loop);
        if (r != 0) {
            return -r;
        }
        loop->started = true;
    }
    return 0;
}

static void close_listener(struct loop *loop)
{
    if (loop->listener) {
        h2o_socket_read_stop(loop->listener);
        h2o_socket_close(loop->listener);
        loop->listener = NULL;
    }
}

static void on_drain(struct loop_message *m, struct loop *loop)
{
    mem_free(m);
    loop->draining = true;
    close_listener(loop);
    loop->ctx.shutdown_requested = 1; /* h2o's own function arms a timer of HTTP/2 for good */
}

static void on_end(struct loop_message *m, struct loop *loop)
{
    mem_free(m);
    close_listener(loop);
    loop->ending = true;
}

static void post_all(struct server *s, void (*run)(struct loop_message *m, struct loop *loop))
{
    for (size_t i = 0; i < s->n_loops; i++) {
        if (s->loops[i].started) {
            struct loop_message *m = mem_new(struct loop_message);
            m->run = run;
            loop_post(&s->loops[i], m);
        }
    }
}

void server_drain(struct server *s, int64_t timeout_ms)
{
    post_all(s, on_drain);
    int64_t until = clock_mono_ns() + timeout_ms * NS_PER_MS;
    do {
        clock_wait_ns(20 * NS_PER_MS);
    } while (server_pending(s) > 0 && clock_mono_ns() < until);
}

void server_stop(struct server *s)
{
    post_all(s, on_end);
    for (size_t i = 0; i < s->n_loops; i++) {
        if (s->loops[i].started) {
            pthread_join(s->loops[i].thread, NULL);
            s->loops[i].started = false;
        }
    }
}

static void loop_done(struct loop *loop)
{
    close_listener(loop);
    (void)(loop->listen_fd >= 0 && close(loop->listen_fd));
    h2o_multithread_unregister_receiver(loop->ctx.queue, &loop->receiver);
    for (int d = 0; d < _DEADLINE_N; d++) {
        h2o_timeout_dispose(loop->ctx.loop, &loop->deadlines[d]);
    }
    h2o_evloop_t *evloop = loop->ctx.loop;
    h2o_context_dispose(&loop->ctx);
    h2o_evloop_destroy(evloop);
}

/* With connections that would not end (a handler never answered) h2o's memory is left to the end of
 * the process, since freeing it under them is worse. */
struct server *server_free(struct server *s)
{
    if (s) {
        server_stop(s);
        size_t open = 0;
        for (size_t i = 0; i < s->n_loops; i++) {
            open += s->loops[i].n_connections;
        }
        if (open > 0) {
            log_warn("connections were still open at the end", LOG_INT("connections", open));
            return NULL;
        }
        for (size_t i = 0; i < s->n_loops; i++) {
            loop_done(&s->loops[i]);
        }
        if (s->loops) {
            h2o_config_dispose(&s->conf);
        }
        tls_context_free(s->tls);
        mem_free(s->loops);
        mem_free(s);
    }
    return NULL;
}
