/* The ceiling that accepting is measured against: the same h2o, one event loop, a handler that
 * answers every request with a fixed 200 of the size that an accepted webhook gets, and stores
 * nothing. Prints the port it listens on; ends with SIGTERM. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <h2o.h>

#define BACKLOG        4096
#define ACCEPT_AT_ONCE 64

static const char id[] =
    "SW5zdGFuY2VFeGVjdXRpb25SZXN1bHQ6MDAwMDAwMDAtMDAwMC03MDAwLTgwMDAtMDAwMDAwMDAwMDAw";
static const char body[] =
    "{\"executionId\":"
    "\"SW5zdGFuY2VFeGVjdXRpb25SZXN1bHQ6MDAwMDAwMDAtMDAwMC03MDAwLTgwMDAtMDAwMDAwMDAwMDAw\"}";
static h2o_accept_ctx_t accept_ctx;

static int on_request(h2o_handler_t *self, h2o_req_t *req)
{
    static h2o_generator_t generator;
    req->res.status = 200;
    req->res.reason = "OK";
    req->res.content_length = sizeof(body) - 1;
    h2o_add_header(&req->pool, &req->res.headers, H2O_TOKEN_CONTENT_TYPE, NULL,
                   H2O_STRLIT("application/json"));
    h2o_add_header_by_str(&req->pool, &req->res.headers, H2O_STRLIT("prismatic-executionid"), 0,
                          NULL, id, sizeof(id) - 1);
    h2o_iovec_t out = h2o_iovec_init(body, sizeof(body) - 1);
    h2o_start_response(req, &generator);
    h2o_send(req, &out, 1, H2O_SEND_STATE_FINAL);
    return 0;
}

static void on_accept(h2o_socket_t *listener, const char *error)
{
    for (int i = 0; !error && i < ACCEPT_AT_ONCE; i++) {
        h2o_socket_t *sock = h2o_evloop_socket_accept(listener);
        if (!sock) {
            return;
        }
        h2o_accept(&accept_ctx, sock);
    }
}

static int listen_on_loopback(int *ret_port)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(addr);
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&addr, len) != 0 || listen(fd, BACKLOG) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0 ||
        getsockname(fd, (struct sockaddr *)&addr, &len) != 0) {
        return -1;
    }
    *ret_port = ntohs(addr.sin_port);
    return fd;
}

int main(void)
{
    static h2o_globalconf_t conf;
    static h2o_context_t ctx;
    int port, fd = listen_on_loopback(&port);
    if (fd < 0) {
        fprintf(stderr, "null_server: cannot listen: %s\n", strerror(errno));
        return 1;
    }
    h2o_config_init(&conf);
    conf.http1.upgrade_to_http2 = 0;
    h2o_hostconf_t *host =
        h2o_config_register_host(&conf, h2o_iovec_init(H2O_STRLIT("default")), 65535);
    h2o_create_handler(h2o_config_register_path(host, "/", 0), sizeof(h2o_handler_t))->on_req =
        on_request;
    h2o_context_init(&ctx, h2o_evloop_create(), &conf);
    accept_ctx = (h2o_accept_ctx_t){.ctx = &ctx, .hosts = conf.hosts};
    h2o_socket_t *listener = h2o_evloop_socket_create(ctx.loop, fd, H2O_SOCKET_FLAG_DONT_READ);
    h2o_socket_read_start(listener, on_accept);
    printf("%d\n", port);
    fflush(stdout);
    while (h2o_evloop_run(ctx.loop, 1000) == 0) {
    }
    return 0;
}
