/* Owns one exchange with an FTP or SMTP server by libcurl. Called on the slot's thread and blocks.
 * It refuses active mode (a server never connects to us), the data address that a server names
 * (its own host is taken), and lines that hold line breaks. */
#include "net/net_transfer.h"

#include <ctype.h>

#include "enc.h"
#include "net/net_curl.h"

#define DEFAULT_CONNECT_MS 10000
#define MAX_REPLY_BYTES    KIB(64)
#define SHOWN_REPLY        300

struct exchange {
    const struct net_server *server;
    const struct net_transfer *t;
    CURL *curl;
    struct net_gate gate;
    struct spill body;
    struct buf replies;
    size_t sent;
    struct curl_slist *commands, *recipients;
    char error[CURL_ERROR_SIZE];
};

static void exchange_done(struct exchange *x)
{
    if (x->curl) {
        net_gate_leave(&x->gate);
        curl_easy_cleanup(x->curl);
    }
    curl_slist_free_all(x->commands);
    curl_slist_free_all(x->recipients);
    spill_done(&x->body);
    buf_done(&x->replies);
}
DEFINE_DONE(struct exchange, exchange_done)

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
    struct exchange *x = arg;
    return spill_add(&x->body, data, size * n) ? size * n : 0;
}

static size_t on_reply(char *data, size_t size, size_t n, void *arg)
{
    struct exchange *x = arg;
    if (x->replies.len + size * n > MAX_REPLY_BYTES) {
        buf_clear(&x->replies); /* only the last lines matter */
    }
    buf_add(&x->replies, data, size * n);
    return x->replies.full ? 0 : size * n;
}

static size_t on_read(char *into, size_t size, size_t n, void *arg)
{
    struct exchange *x = arg;
    size_t part = MIN(size * n, x->t->data.len - x->sent);
    if (part) {
        memcpy(into, x->t->data.ptr + x->sent, part);
    }
    x->sent += part;
    return part;
}

static bool one_line(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '\r' || s.ptr[i] == '\n' || s.ptr[i] == '\0') {
            return false;
        }
    }
    return true;
}

static int refuse(const struct net_server *server, struct err *err, const char *what)
{
    char code[48];
    (void)snprintf(code, sizeof(code), "%s.input", server->protocol);
    return err_set(err, -EINVAL, code, "%s", what);
}

static int check_texts(const struct net_server *server, const struct net_transfer *t,
                       struct err *err)
{
    bool lines = one_line(t->path) && one_line(t->mail_from) && one_line(server->username) &&
                 one_line(server->password);
    for (size_t i = 0; i < t->n_commands; i++) {
        lines = lines && one_line(t->commands[i]);
    }
    for (size_t i = 0; i < t->n_mail_to; i++) {
        lines = lines && one_line(t->mail_to[i]);
    }
    if (!lines) {
        return refuse(server, err, "Names, paths and credentials must not hold line breaks.");
    }
    return net_host_valid(server->host) ? 0
                                        : refuse(server, err,
                                                 "The host is not a host name or an "
                                                 "address. Check the connection.");
}

static void list_add(struct curl_slist **list, struct str line)
{
    char *text = mem_strndup(line.ptr, line.len);
    struct curl_slist *longer = curl_slist_append(*list, text);
    mem_free(text);
    ASSERT(longer);
    *list = longer;
}

#define SET(x, option, value) ASSERT(curl_easy_setopt((x)->curl, option, value) == CURLE_OK)

static void set_text(CURL *curl, CURLoption option, struct str text)
{
    if (text.len) {
        char *copy = mem_strndup(text.ptr, text.len);
        ASSERT(curl_easy_setopt(curl, option, copy) == CURLE_OK);
        memset(copy, 0, text.len);
        mem_free(copy);
    }
}

static void set_url(struct exchange *x)
{
    const struct net_server *server = x->server;
    struct str path = x->t->path;
    bool bare = memchr(server->host.ptr, ':', server->host.len) && server->host.ptr[0] != '[';
    AUTO(buf_done) struct buf url = {0};
    buf_init(&url, 0);
    buf_addf(&url, "%s%s://%s%.*s%s:%d/", server->protocol, server->tls == NET_TLS ? "s" : "",
             bare ? "[" : "", (int)server->host.len, server->host.ptr, bare ? "]" : "",
             server->port);
    enc_percent(&url, path);
    if (x->t->action == NET_LIST && !str_ends(path, STR("/"))) {
        buf_adds(&url, path.len ? "%2F" : "");
    }
    SET(x, CURLOPT_URL, url.data);
}

static void set_ftp(struct exchange *x)
{
    const struct net_transfer *t = x->t;
    SET(x, CURLOPT_PROTOCOLS_STR, "ftp,ftps");
    SET(x, CURLOPT_FTP_FILEMETHOD, (long)CURLFTPMETHOD_NOCWD);
    SET(x, CURLOPT_FTP_SKIP_PASV_IP, 1L);
    for (size_t i = 0; i < t->n_commands; i++) {
        list_add(&x->commands, t->commands[i]);
    }
    SET(x, CURLOPT_QUOTE, x->commands);
    if (t->action == NET_ONLY_COMMANDS) {
        SET(x, CURLOPT_NOBODY, 1L);
    } else if (t->action == NET_LIST) {
        set_text(x->curl, CURLOPT_CUSTOMREQUEST, t->list_command);
    } else if (t->action == NET_UPLOAD) {
        SET(x, CURLOPT_UPLOAD, 1L);
        SET(x, CURLOPT_INFILESIZE_LARGE, (curl_off_t)t->data.len);
    }
    if (x->server->username.len == 0) {
        SET(x, CURLOPT_USERNAME, "anonymous");
        SET(x, CURLOPT_PASSWORD, "anonymous@");
    }
}

static void set_smtp(struct exchange *x)
{
    const struct net_transfer *t = x->t;
    SET(x, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    AUTO(buf_done) struct buf from = {0};
    buf_init(&from, 0);
    buf_addf(&from, "<%.*s>", (int)t->mail_from.len, t->mail_from.ptr);
    SET(x, CURLOPT_MAIL_FROM, from.data);
    for (size_t i = 0; i < t->n_mail_to; i++) {
        list_add(&x->recipients, t->mail_to[i]);
    }
    SET(x, CURLOPT_MAIL_RCPT, x->recipients);
    SET(x, CURLOPT_UPLOAD, 1L);
}

static void set_options(struct exchange *x, long left)
{
    const struct net_server *server = x->server;
    int64_t connect =
        server->connect_timeout_ms > 0 ? server->connect_timeout_ms : DEFAULT_CONNECT_MS;
    x->curl = curl_easy_init();
    ASSERT(x->curl);
    set_url(x);
    SET(x, CURLOPT_ERRORBUFFER, x->error);
    SET(x, CURLOPT_WRITEFUNCTION, on_body);
    SET(x, CURLOPT_WRITEDATA, x);
    SET(x, CURLOPT_HEADERFUNCTION, on_reply);
    SET(x, CURLOPT_HEADERDATA, x);
    SET(x, CURLOPT_READFUNCTION, on_read);
    SET(x, CURLOPT_READDATA, x);
    SET(x, CURLOPT_TIMEOUT_MS, left);
    SET(x, CURLOPT_CONNECTTIMEOUT_MS, (long)MIN(connect, (int64_t)left));
    SET(x, CURLOPT_USE_SSL, (long)(server->tls == NET_PLAIN ? CURLUSESSL_NONE : CURLUSESSL_ALL));
    if (server->ignore_tls_errors) {
        SET(x, CURLOPT_SSL_VERIFYPEER, 0L);
        SET(x, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    set_text(x->curl, CURLOPT_USERNAME, server->username);
    set_text(x->curl, CURLOPT_PASSWORD, server->password);
    if (strcmp(server->protocol, "smtp") == 0) {
        set_smtp(x);
    } else {
        set_ftp(x);
    }
    net_gate_set(&x->gate, x->curl);
}

static int status_of(struct str line)
{
    for (size_t i = 0; i < 3; i++) {
        if (line.len < 3 || !isdigit((unsigned char)line.ptr[i])) {
            return 0;
        }
    }
    return (line.ptr[0] - '0') * 100 + (line.ptr[1] - '0') * 10 + (line.ptr[2] - '0');
}

/* The last line, or of a failure the last that says no: what follows it is the farewell. */
static void read_reply(struct exchange *x, bool failure, struct arena *a,
                       struct net_transferred *ret)
{
    struct str text = str_trim(buf_str(&x->replies)), line = STR("");
    int status = 0;
    for (size_t from, end = text.len; end > 0; end = from ? from - 1 : 0) {
        from = end;
        while (from > 0 && text.ptr[from - 1] != '\n') {
            from--;
        }
        struct str one = str_trim(str_n(text.ptr + from, end - from));
        if (end == text.len || status_of(one) >= 400) {
            line = one;
            status = status_of(one);
        }
        if (!failure || status >= 400) {
            break;
        }
    }
    ret->reply = str_n(arena_strndup(a, line.ptr, line.len), line.len);
    ret->status = status;
}

/* Whether it is the server that said no, in its last line. */
static bool is_answer(CURLcode code, const struct net_transferred *r)
{
    bool about_transport = code == CURLE_OPERATION_TIMEDOUT || code == CURLE_LOGIN_DENIED ||
                           code == CURLE_COULDNT_CONNECT || code == CURLE_USE_SSL_FAILED ||
                           code == CURLE_PEER_FAILED_VERIFICATION ||
                           code == CURLE_SSL_CONNECT_ERROR || code == CURLE_ABORTED_BY_CALLBACK;
    return !about_transport && r->status >= 400;
}

static int answered(const struct net_server *server, const struct net_transferred *r,
                    struct err *err)
{
    char code[48];
    size_t shown = MIN(r->reply.len, (size_t)SHOWN_REPLY);
    while (shown > 0 && !str_utf8_valid(str_n(r->reply.ptr, shown))) {
        shown--;
    }
    (void)snprintf(code, sizeof(code), "%s.answer", server->protocol);
    int rc = err_set(err, -EBADE, code, "%.*s answered: %.*s", (int)MIN(server->host.len, 120),
                     server->host.ptr, (int)shown, r->reply.ptr);
    if (err) {
        err->retryable = r->status < 500; /* 4xx: later perhaps; 5xx: never */
    }
    return rc;
}

static int failed(struct exchange *x, CURLcode code, const struct net_transferred *r,
                  struct err *err)
{
    const struct net_server *server = x->server;
    int rc;
    if (x->body.failure != SPILL_OK) {
        return spill_error(&x->body, err);
    }
    if (x->body.full && !x->gate.refusal) {
        char name[48];
        (void)snprintf(name, sizeof(name), "%s.too_large", server->protocol);
        rc = err_set(err, -EMSGSIZE, name, "What %.*s sends is larger than %zu bytes.",
                     (int)MIN(server->host.len, 120), server->host.ptr, x->body.max);
    } else if (!x->gate.refusal && is_answer(code, r)) {
        rc = answered(server, r, err);
    } else {
        rc = net_failure(server->protocol, server->host, code, &x->gate, x->error, err);
    }
    net_redact(err, server->password);
    return rc;
}

int net_transfer(const struct net_server *server, const struct net_transfer *t, struct arena *a,
                 struct net_transferred *ret, struct err *err)
{
    int rc = check_texts(server, t, err);
    long left = net_left_ms(server->deadline_ns);
    if (rc < 0) {
        return rc;
    }
    AUTO(exchange_done)
    struct exchange x = {
        .server = server, .t = t, .body = SPILL_NONE, .gate = {.policy = server->policy}};
    if (left == 0) {
        return net_failure(server->protocol, server->host, CURLE_OPERATION_TIMEDOUT, &x.gate, "",
                           err);
    }
    net_curl_start();
    spill_begin(&x.body, t->spills, MAX(t->max_bytes, (size_t)1));
    buf_init(&x.replies, MAX_REPLY_BYTES);
    set_options(&x, left);
    CURLcode code = curl_easy_perform(x.curl);
    read_reply(&x, code != CURLE_OK, a, ret);
    if (code != CURLE_OK || x.gate.refusal) {
        return failed(&x, code, ret, err);
    }
    return spill_end(&x.body, a, &ret->body, err);
}
