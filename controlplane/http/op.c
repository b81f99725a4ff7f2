/* Owns a request between its handler and its answer. Only on its loop's thread. The request's
 * memory holds a pointer to the op and the op one to the request: whichever goes first clears the
 * other's, so a late answer finds that nobody waits any more. */
#include "http/op.h"

#include <stdarg.h>

static void request_gone(void *memory)
{
    struct op **in_request = memory;
    if (*in_request) {
        (*in_request)->req = NULL;
        (*in_request)->in_request = NULL;
    }
}

struct op *op_new(h2o_req_t *req)
{
    struct op *op = mem_new(struct op);
    op->loop = loop_of(req);
    op->req = req;
    op->in_request = h2o_mem_alloc_shared(&req->pool, sizeof(struct op *), request_gone);
    *op->in_request = op;
    op->loop->pending++;
    h2o_linklist_insert(&op->loop->ops, &op->link);
    return op;
}

static void op_free(struct op *op)
{
    if (op->in_request) {
        *op->in_request = NULL;
    }
    if (h2o_timeout_is_linked(&op->timeout)) {
        h2o_timeout_unlink(&op->timeout);
    }
    h2o_linklist_unlink(&op->link);
    op->loop->pending--;
    mem_free(op);
}

static void deadline_passed(h2o_timeout_entry_t *entry)
{
    struct op *op = H2O_STRUCT_FROM_MEMBER(struct op, timeout, entry);
    op->on_deadline(op, op->ctx);
}

void op_deadline(struct op *op, enum deadline which, void (*on_deadline)(struct op *op, void *ctx),
                 void *ctx)
{
    op->on_deadline = on_deadline;
    op->ctx = ctx;
    op->timeout.cb = deadline_passed;
    if (h2o_timeout_is_linked(&op->timeout)) {
        h2o_timeout_unlink(&op->timeout);
    }
    h2o_timeout_link(op->loop->ctx.loop, &op->loop->deadlines[which], &op->timeout);
}

void op_header(struct op *op, struct str name, struct str value)
{
    if (op->req) {
        h2o_mem_pool_t *pool = &op->req->pool;
        h2o_iovec_t n = h2o_strdup(pool, name.ptr, name.len);
        h2o_iovec_t v = h2o_strdup(pool, value.ptr, value.len);
        h2o_strtolower(n.base, n.len);
        h2o_add_header_by_str(pool, &op->req->res.headers, n.base, n.len, 1, NULL, v.base, v.len);
    }
}

static void set_head(h2o_req_t *req, const struct loop *loop, int status, struct str content_type,
                     size_t body_len)
{
    req->res.status = status;
    req->res.reason = reply_reason(status);
    req->res.content_length = body_len;
    if (loop->draining) {
        req->http1_is_persistent = 0;
    }
    if (content_type.len) {
        h2o_iovec_t type = h2o_strdup(&req->pool, content_type.ptr, content_type.len);
        h2o_add_header(&req->pool, &req->res.headers, H2O_TOKEN_CONTENT_TYPE, NULL, type.base,
                       type.len);
    }
}

/* Statuses without a body by definition. */
static bool bodyless(int status)
{
    return status < 200 || status == 204 || status == 304;
}

void op_send(struct op *op, int status, struct str content_type, struct str body)
{
    h2o_req_t *req = op->req;
    if (req) {
        size_t len = bodyless(status) ? 0 : body.len;
        set_head(req, op->loop, status, content_type, len);
        op_free(op);
        h2o_send_inline(req, body.ptr, len);
    } else {
        op_free(op);
    }
}

h2o_req_t *op_begin(struct op *op, int status, struct str content_type, size_t body_len)
{
    h2o_req_t *req = op->req;
    if (req) {
        set_head(req, op->loop, status, content_type, body_len);
    }
    op_free(op);
    return req;
}

static void free_body(void *memory)
{
    char **body = memory;
    mem_free(*body);
}

static void send_owned(h2o_req_t *req, char *own_body, size_t len)
{
    static h2o_generator_t generator;
    char **holder = h2o_mem_alloc_shared(&req->pool, sizeof(*holder), free_body);
    *holder = own_body;
    h2o_iovec_t part = h2o_iovec_init(own_body, len);
    h2o_start_response(req, &generator);
    h2o_send(req, &part, len ? 1 : 0, H2O_SEND_STATE_FINAL);
}

void op_reply(struct op *op, struct reply *reply)
{
    h2o_req_t *req = op->req;
    if (!req) {
        op_free(op);
        return;
    }
    for (int i = 0; i < reply->n_headers; i++) {
        op_header(op, str_of(reply->headers[i].name), str_of(reply->headers[i].value));
    }
    size_t len = bodyless(reply->status) ? 0 : reply->body.len;
    set_head(req, op->loop, reply->status, str_of(reply->content_type), len);
    op_free(op);
    send_owned(req, buf_take(&reply->body), len);
}

static printf_like(4, 0) void reply_words(struct op *op, int status, const char *code,
                                          const char *fmt, va_list args)
{
    char words[1024];
    vsnprintf(words, sizeof(words), fmt, args);
    AUTO(reply_done) struct reply reply = {0};
    reply_init(&reply);
    reply_error(&reply, status, code, "%s", words);
    op_reply(op, &reply);
}

void op_error(struct op *op, int status, const char *code, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    reply_words(op, status, code, fmt, args);
    va_end(args);
}

void op_retry(struct op *op, int status, int seconds, const char *code, const char *fmt, ...)
{
    char after[16];
    int n = snprintf(after, sizeof(after), "%d", seconds);
    op_header(op, STR("retry-after"), str_n(after, (size_t)n));
    va_list args;
    va_start(args, fmt);
    reply_words(op, status, code, fmt, args);
    va_end(args);
}

struct str op_request_header(const struct op *op, const char *name)
{
    if (!op->req) {
        return str_n("", 0);
    }
    size_t len = strlen(name);
    const h2o_headers_t *headers = &op->req->headers;
    for (size_t i = 0; i < headers->size; i++) {
        const h2o_header_t *h = &headers->entries[i];
        if (h->name->len == len && memcmp(h->name->base, name, len) == 0) {
            return op_str(h->value);
        }
    }
    return str_n("", 0);
}
