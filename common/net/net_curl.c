/* Owns the start of libcurl and the enforcing check of addresses: curl opens its sockets here, so
 * the address that is checked is the one that is connected to, also for the second connection of
 * FTP. Called on the thread of the transfer. It refuses everything but outbound internet sockets:
 * no local sockets, and no waiting for connections from outside. */
#include "net/net_curl.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;

static void start_curl(void)
{
    /* A TLS write to a closed connection must be an error, not a signal. */
    (void)signal(SIGPIPE, SIG_IGN);
    ASSERT(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
}

void net_curl_start(void)
{
    (void)pthread_once(&curl_once, start_curl);
}

static void note(struct net_gate *g, const struct curl_sockaddr *to)
{
    if (g->n_notes < NET_GATE_NOTES && to->addrlen <= sizeof(g->notes[0])) {
        memcpy(&g->notes[g->n_notes++], &to->addr, to->addrlen);
    }
}

static curl_socket_t on_open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *to)
{
    struct net_gate *g = arg;
    if (!g->refusal && purpose == CURLSOCKTYPE_IPCXN) {
        g->refusal = address_policy_refusal(g->policy, &to->addr);
    }
    if (g->refusal || purpose != CURLSOCKTYPE_IPCXN) {
        return CURL_SOCKET_BAD;
    }
    if (g->only_note) {
        note(g, to);
        return CURL_SOCKET_BAD;
    }
    int fd = socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
    for (size_t i = 0; fd >= 0 && i < NET_GATE_SOCKETS; i++) {
        if (g->open[i] == CURL_SOCKET_BAD) {
            g->open[i] = fd;
            break;
        }
    }
    return fd;
}

static int on_close_socket(void *arg, curl_socket_t fd)
{
    struct net_gate *g = arg;
    for (size_t i = 0; i < NET_GATE_SOCKETS; i++) {
        if (g->open[i] == fd) {
            g->open[i] = CURL_SOCKET_BAD;
        }
    }
    return close(fd);
}

void net_gate_set(struct net_gate *g, CURL *curl)
{
    for (size_t i = 0; i < NET_GATE_SOCKETS; i++) {
        g->open[i] = CURL_SOCKET_BAD;
    }
    ASSERT(curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, on_open_socket) == CURLE_OK);
    ASSERT(curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, g) == CURLE_OK);
    ASSERT(curl_easy_setopt(curl, CURLOPT_CLOSESOCKETFUNCTION, on_close_socket) == CURLE_OK);
    ASSERT(curl_easy_setopt(curl, CURLOPT_CLOSESOCKETDATA, g) == CURLE_OK);
    ASSERT(curl_easy_setopt(curl, CURLOPT_PROXY, "") == CURLE_OK);
    ASSERT(curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK);
    /* A name server that hangs must not hold us past the limit. */
    ASSERT(curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L) == CURLE_OK);
}

void net_gate_leave(struct net_gate *g)
{
    for (size_t i = 0; i < NET_GATE_SOCKETS; i++) {
        if (g->open[i] != CURL_SOCKET_BAD) {
            (void)shutdown(g->open[i], SHUT_RD);
        }
    }
}

int net_failure(const char *protocol, struct str host, CURLcode code, const struct net_gate *g,
                const char *detail, struct err *err)
{
    char name[48];
    int shown = (int)MIN(host.len, 200), rc;
    bool retryable = true;
    const char *why = detail && detail[0] ? detail : curl_easy_strerror(code);
#define CODE(word) ((void)snprintf(name, sizeof(name), "%s.%s", protocol, (word)), name)
    if (g->refusal) {
        rc = err_set(err, -EACCES, CODE("refused"),
                     "%.*s leads to %s, which this platform does not connect to. Use a public "
                     "address, or ask the operator to allow the range.",
                     shown, host.ptr, g->refusal);
        retryable = false;
    } else if (code == CURLE_OPERATION_TIMEDOUT) {
        rc = err_set(err, -ETIMEDOUT, CODE("timeout"), "%.*s did not answer in time.", shown,
                     host.ptr);
    } else if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CONNECT_ERROR ||
               code == CURLE_SSL_CACERT_BADFILE || code == CURLE_SSL_CERTPROBLEM ||
               code == CURLE_USE_SSL_FAILED) {
        rc = err_set(err, -EPROTO, CODE("tls"), "No secure connection to %.*s: %.200s.", shown,
                     host.ptr, why);
    } else if (code == CURLE_COULDNT_RESOLVE_HOST) {
        rc = err_set(err, -EHOSTUNREACH, CODE("connect"),
                     "The host name %.*s was not found. Check the connection.", shown, host.ptr);
    } else if (code == CURLE_COULDNT_CONNECT) {
        rc =
            err_set(err, -ECONNREFUSED, CODE("connect"), "No connection to %.*s.", shown, host.ptr);
    } else if (code == CURLE_LOGIN_DENIED) {
        rc = err_set(err, -EACCES, CODE("login"),
                     "%.*s does not accept the user name and password. Check the connection.",
                     shown, host.ptr);
        retryable = false;
    } else {
        rc = err_set(err, -EIO, CODE("failed"), "The exchange with %.*s failed: %.200s.", shown,
                     host.ptr, why);
    }
#undef CODE
    if (err) {
        err->retryable = retryable;
    }
    return rc;
}
