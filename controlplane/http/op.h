/* One request that is being answered, possibly later: it survives the sender's going away, is
 * answered exactly once and has a deadline of its own. It belongs to its loop's thread; another
 * thread hands it back by loop_post. */
#pragma once

#include "http/loop.h"
#include "http/reply.h"

struct op {
    struct loop *loop;
    h2o_req_t *req; /* NULL once the sender is gone */
    h2o_linklist_t link;
    h2o_timeout_entry_t timeout;
    void (*on_deadline)(struct op *op, void *ctx);
    void *ctx;
    struct op **in_request; /* memory of the request that points here; cleared with either */
};

struct op *op_new(h2o_req_t *req);
/* From now on; replaces the one before. on_deadline must answer. */
void op_deadline(struct op *op, enum deadline which, void (*on_deadline)(struct op *op, void *ctx),
                 void *ctx);
/* All of these send and free the op; when the sender is gone they only free it. The body of the
 * reply is taken, the rest copied. */
void op_reply(struct op *op, struct reply *reply);
void op_error(struct op *op, int status, const char *code, const char *fmt, ...) printf_like(4, 5);
/* The same with Retry-After. */
void op_retry(struct op *op, int status, int seconds, const char *code, const char *fmt, ...)
    printf_like(5, 6);

/* The hot path: headers straight into the request, then the body (copied). */
void op_header(struct op *op, struct str name, struct str value);
void op_send(struct op *op, int status, struct str content_type, struct str body);

/* For a body that is sent in parts, by a generator of h2o: sets the head, with the body's length,
 * and frees the op. NULL when the sender is gone. */
h2o_req_t *op_begin(struct op *op, int status, struct str content_type, size_t body_len) must_check;

static inline struct str op_str(h2o_iovec_t v)
{
    return str_n(v.base, v.len);
}
/* The first header of that (lower-case) name; "" when absent. */
struct str op_request_header(const struct op *op, const char *name);
