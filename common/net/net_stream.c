/* Owns connections by which components speak a protocol themselves. libcurl looks up, connects and
 * does TLS (its CONNECT_ONLY mode), so that addresses and certificates are judged as for HTTP.
 * Called on the slot's thread and blocks. It refuses hosts that are no host names and everything
 * after the deadline. */
#include "net/net_stream.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>

#include "net/net_curl.h"

#define DEFAULT_CONNECT_MS 10000

struct net_stream {
    struct net_server server; /* its texts are borrowed */
    char *host;
    CURL *curl;
    struct net_gate gate;
    int fd;
    char error[CURL_ERROR_SIZE];
};

#define SET(s, option, value) ASSERT(curl_easy_setopt((s)->curl, option, value) == CURLE_OK)

static void set_blob(CURL *curl, CURLoption option, struct str pem)
{
    if (pem.len) {
        struct curl_blob blob = {
            .data = mem_dup(pem.ptr, pem.len), .len = pem.len, .flags = CURL_BLOB_COPY};
        ASSERT(curl_easy_setopt(curl, option, &blob) == CURLE_OK);
        mem_free(blob.data);
    }
}

static int timed_out(const struct net_server *server, struct err *err)
{
    struct net_gate none = {0};
    return net_failure(server->protocol, server->host, CURLE_OPERATION_TIMEDOUT, &none, "", err);
}

static int stream_new(const struct net_server *server, struct net_stream **ret, struct err *err)
{
    long left = net_left_ms(server->deadline_ns);
    if (left == 0) {
        return timed_out(server, err);
    }
    if (!net_host_valid(server->host)) {
        char code[48];
        (void)snprintf(code, sizeof(code), "%s.connect", server->protocol);
        return err_set(err, -EINVAL, code, "\"%.*s\" is not a host name or an address.",
                       (int)MIN(server->host.len, 60), server->host.ptr);
    }
    net_curl_start();
    struct net_stream *s = mem_new(struct net_stream);
    s->server = *server;
    s->host = mem_strndup(server->host.ptr, server->host.len);
    s->server.host = str_of(s->host);
    s->fd = -1;
    s->curl = curl_easy_init();
    ASSERT(s->curl);
    s->gate.policy = server->policy;
    bool bare = memchr(s->host, ':', server->host.len) && s->host[0] != '[';
    AUTO(buf_done) struct buf url = {0};
    buf_init(&url, 0);
    buf_addf(&url, "%s://%s%s%s:%d/", server->tls == NET_TLS ? "https" : "http", bare ? "[" : "",
             s->host, bare ? "]" : "", server->port);
    SET(s, CURLOPT_URL, url.data);
    SET(s, CURLOPT_PROTOCOLS_STR, "http,https");
    SET(s, CURLOPT_CONNECT_ONLY, 1L);
    SET(s, CURLOPT_ERRORBUFFER, s->error);
    SET(s, CURLOPT_SSL_ENABLE_ALPN, 0L);
    SET(s, CURLOPT_TCP_KEEPALIVE, 1L);
    SET(s, CURLOPT_TIMEOUT_MS, left);
    int64_t connect =
        server->connect_timeout_ms > 0 ? server->connect_timeout_ms : DEFAULT_CONNECT_MS;
    SET(s, CURLOPT_CONNECTTIMEOUT_MS, (long)MIN(connect, (int64_t)left));
    set_blob(s->curl, CURLOPT_CAINFO_BLOB, server->ca);
    set_blob(s->curl, CURLOPT_SSLCERT_BLOB, server->cert);
    set_blob(s->curl, CURLOPT_SSLKEY_BLOB, server->cert_key);
    if (server->ignore_tls_errors) {
        SET(s, CURLOPT_SSL_VERIFYPEER, 0L);
        SET(s, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    net_gate_set(&s->gate, s->curl);
    *ret = s;
    return 0;
}

int net_stream_open(const struct net_server *server, struct net_stream **ret, struct err *err)
{
    AUTO(net_stream_free) struct net_stream *s = NULL;
    int rc = stream_new(server, &s, err);
    if (rc < 0) {
        return rc;
    }
    CURLcode code = curl_easy_perform(s->curl);
    curl_socket_t fd = CURL_SOCKET_BAD;
    if (code == CURLE_OK && !s->gate.refusal) {
        code = curl_easy_getinfo(s->curl, CURLINFO_ACTIVESOCKET, &fd);
    }
    if (code != CURLE_OK || fd == CURL_SOCKET_BAD) {
        code = code == CURLE_OK ? CURLE_COULDNT_CONNECT : code;
        return net_failure(server->protocol, server->host, code, &s->gate, s->error, err);
    }
    s->fd = fd;
    *ret = TAKE(s);
    return 0;
}

struct net_stream *net_stream_free(struct net_stream *s)
{
    if (s) {
        net_gate_leave(&s->gate);
        curl_easy_cleanup(s->curl);
        mem_free(s->host);
        mem_free(s);
    }
    return NULL;
}

int net_socket_wait(const struct net_server *server, int fd, short events, struct err *err)
{
    for (;;) {
        struct pollfd p = {.fd = fd, .events = events};
        long left = net_left_ms(server->deadline_ns);
        if (left == 0) {
            return timed_out(server, err);
        }
        int n = poll(&p, 1, (int)left);
        if (n > 0 || (n < 0 && errno != EINTR)) {
            return 0; /* an error shows when the socket is used */
        }
    }
}

int net_stream_send(struct net_stream *s, struct str bytes, struct err *err)
{
    while (bytes.len) {
        size_t n = 0;
        CURLcode code = curl_easy_send(s->curl, bytes.ptr, bytes.len, &n);
        if (code == CURLE_AGAIN) {
            int rc = net_socket_wait(&s->server, s->fd, POLLOUT, err);
            if (rc < 0) {
                return rc;
            }
        } else if (code != CURLE_OK) {
            return net_failure(s->server.protocol, s->server.host, code, &s->gate, "", err);
        }
        bytes = str_n(bytes.ptr + n, bytes.len - n);
    }
    return 0;
}

ssize_t net_stream_receive(struct net_stream *s, void *into, size_t cap, struct err *err)
{
    for (;;) {
        size_t n = 0;
        CURLcode code = curl_easy_recv(s->curl, into, cap, &n);
        if (code == CURLE_OK) {
            return (ssize_t)n;
        }
        if (code != CURLE_AGAIN) {
            return net_failure(s->server.protocol, s->server.host, code, &s->gate, "", err);
        }
        int rc = net_socket_wait(&s->server, s->fd, POLLIN, err);
        if (rc < 0) {
            return rc;
        }
    }
}

int net_stream_socket(const struct net_stream *s)
{
    return s->fd;
}

static bool write_address(const struct sockaddr_storage *from, char ret_text[NET_ADDRESS_LEN])
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    if (from->ss_family == AF_INET) {
        memcpy(&v4, from, sizeof(v4));
        return inet_ntop(AF_INET, &v4.sin_addr, ret_text, NET_ADDRESS_LEN);
    }
    memcpy(&v6, from, sizeof(v6));
    return from->ss_family == AF_INET6 &&
           inet_ntop(AF_INET6, &v6.sin6_addr, ret_text, NET_ADDRESS_LEN);
}

int net_resolve(const struct net_server *server, char ret_text[NET_ADDRESSES][NET_ADDRESS_LEN],
                size_t *ret_n, struct err *err)
{
    AUTO(net_stream_free) struct net_stream *s = NULL;
    int rc = stream_new(server, &s, err);
    if (rc < 0) {
        return rc;
    }
    s->gate.only_note = true; /* curl tries each address and is given no socket */
    CURLcode code = curl_easy_perform(s->curl);
    size_t n = 0;
    for (size_t i = 0; i < s->gate.n_notes && n < NET_ADDRESSES; i++) {
        n += write_address(&s->gate.notes[i], ret_text[n]) ? 1 : 0;
    }
    if (s->gate.refusal || n == 0) {
        return net_failure(server->protocol, server->host, code, &s->gate, s->error, err);
    }
    *ret_n = n;
    return 0;
}
