/* Owns the threads that read results for downloads, and each download from its request to its last
 * byte. A download belongs to its loop's thread; while `reading` is set, its source and the part
 * that is read belong to a reading thread. One part is read ahead while the one before is sent, so
 * that a download needs the memory of a few chunks. It refuses URLs that it has not signed or that
 * have expired, more than DOWNLOADS_MAX at once, and ends those whose receiver takes nothing for
 * the time of DEADLINE_POOL. */
#include "results/results.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "clock.h"
#include "log.h"
#include "pool.h"
#include "queue.h"
#include "results/range.h"
#include "results/source.h"
#include "value.h"

#define DOWNLOADS_MAX      100
#define CONNECTION_WAIT_MS 5000
#define RETRY_SECONDS      2

struct results {
    const struct result_urls *urls;
    struct pool *pool;
    struct queue *queue;
    int n_threads, n_started;
    pthread_t *threads;
    _Atomic int downloads;
};

struct download {
    h2o_generator_t generator; /* first: h2o gives it back */
    struct loop_message message;
    struct results *results;
    struct loop *loop;
    struct op *op;  /* until the head is sent or the deadline has answered */
    h2o_req_t *req; /* from then on; NULL = the receiver is gone */
    h2o_timeout_entry_t stall;
    struct result_ref ref;
    char *range_header;
    bool reading;   /* a reading thread has it */
    bool in_flight; /* h2o has not sent all of `sending` yet */
    bool has_ready, failed;
    struct buf sending, ready;
    /* What follows is set by the reading thread. */
    struct source source;
    enum range_kind range;
    bool opened;
    uint64_t from, next, end; /* of the result: [from, end) is sent, from `next` on is read */
    int rc;
    struct err err;
};

static void release(struct download *d)
{
    if (d->op || d->req || d->reading) {
        return;
    }
    d->results->downloads--;
    source_done(&d->source);
    buf_done(&d->sending);
    buf_done(&d->ready);
    mem_free(d->range_header);
    mem_free(d);
}

/* --- reading threads -------------------------------------------------------------------------- */

static int open_result(struct download *d, struct db *db)
{
    int rc = source_open(db, &d->ref, &d->source, &d->err);
    if (rc == 0) {
        d->opened = true;
        d->end = d->source.size;
        d->range = range_parse(str_of(d->range_header), d->source.size, &d->from, &d->end);
        d->next = d->from;
    }
    return rc;
}

static int read_part(struct download *d, struct db *db)
{
    int rc = d->opened ? 0 : open_result(d, db);
    if (rc == 0 && d->range != RANGE_IMPOSSIBLE && d->next < d->end) {
        uint64_t most = MIN(d->end - d->next, VALUE_CHUNK_BYTES);
        rc = source_read(db, &d->ref, &d->source, d->next, most, &d->ready, &d->err);
        d->next += rc == 0 ? d->ready.len : 0;
    }
    return rc;
}

static void *read_thread(void *arg)
{
    struct results *r = arg;
    void *item;
    (void)pthread_setname_np(pthread_self(), "results");
    while (queue_pop_many(r->queue, &item, 1, -1) == 1) {
        struct download *d = item;
        struct db *db = NULL;
        d->rc = pool_get(r->pool, CONNECTION_WAIT_MS, &db, &d->err);
        if (d->rc == 0) {
            d->rc = read_part(d, db);
            pool_put(r->pool, db);
        }
        loop_post(d->loop, &d->message);
    }
    return NULL;
}

/* --- on the loop: sending --------------------------------------------------------------------- */

static bool ask(struct download *d)
{
    d->reading = queue_push(d->results->queue, d) == 0;
    return d->reading;
}

static void disarm(struct download *d)
{
    if (h2o_timeout_is_linked(&d->stall)) {
        h2o_timeout_unlink(&d->stall);
    }
}

static void leave(struct download *d)
{
    disarm(d);
    d->req = NULL;
    d->loop->pending--;
    release(d);
}

static void free_bytes(void *memory)
{
    char **bytes = memory;
    mem_free(*bytes);
}

/* The last part outlives the download: it is the request's. */
static void send_last(struct download *d)
{
    h2o_req_t *req = d->req;
    size_t len = d->ready.len;
    char **holder = h2o_mem_alloc_shared(&req->pool, sizeof(*holder), free_bytes);
    *holder = buf_take(&d->ready);
    h2o_iovec_t part = h2o_iovec_init(*holder, len);
    d->has_ready = false;
    leave(d);
    h2o_send(req, &part, len ? 1 : 0, H2O_SEND_STATE_FINAL);
}

/* The length was promised: all that can be done is to end the connection. */
static void send_failure(struct download *d)
{
    h2o_req_t *req = d->req;
    leave(d);
    h2o_send(req, NULL, 0, H2O_SEND_STATE_ERROR);
}

static void send_ready(struct download *d)
{
    if (d->next >= d->end) {
        send_last(d);
        return;
    }
    buf_done(&d->sending);
    d->sending = d->ready;
    buf_init(&d->ready, VALUE_CHUNK_BYTES);
    d->has_ready = false;
    d->in_flight = true;
    d->failed = !ask(d);
    h2o_timeout_link(d->loop->ctx.loop, &d->loop->deadlines[DEADLINE_POOL], &d->stall);
    h2o_iovec_t part = h2o_iovec_init(d->sending.data, d->sending.len);
    h2o_send(d->req, &part, 1, H2O_SEND_STATE_IN_PROGRESS);
}

static void go_on(struct download *d)
{
    if (d->in_flight) {
        return;
    }
    if (d->failed) {
        send_failure(d);
    } else if (d->has_ready) {
        send_ready(d);
    }
}

static void on_proceed(h2o_generator_t *self, h2o_req_t *req)
{
    struct download *d = H2O_STRUCT_FROM_MEMBER(struct download, generator, self);
    disarm(d);
    d->in_flight = false;
    go_on(d);
}

static void on_stop(h2o_generator_t *self, h2o_req_t *req)
{
    leave(H2O_STRUCT_FROM_MEMBER(struct download, generator, self));
}

/* A write is under way: ending the socket makes it fail, and h2o then stops the generator. */
static void on_stall(h2o_timeout_entry_t *entry)
{
    struct download *d = H2O_STRUCT_FROM_MEMBER(struct download, stall, entry);
    h2o_socket_t *sock = d->req->conn->callbacks->get_socket(d->req->conn);
    (void)shutdown(h2o_socket_get_fd(sock), SHUT_RDWR);
}

/* --- on the loop: the head -------------------------------------------------------------------- */

static void add_headers(struct download *d, struct op *op)
{
    static const struct {
        struct str name, value;
    } always[] = {
        {STR("accept-ranges"), STR("bytes")},
        {STR("cache-control"), STR("no-store")},
        {STR("x-content-type-options"), STR("nosniff")},
        /* What a flow made must not act for this host. */
        {STR("content-security-policy"), STR("sandbox")},
    };
    for (size_t i = 0; i < ARRAY_LEN(always); i++) {
        op_header(op, always[i].name, always[i].value);
    }
    if (d->ref.form == RESULT_RAW) {
        op_header(op, STR("content-disposition"), STR("inline"));
    } else {
        op_header(op, STR("content-disposition"), STR("attachment; filename=\"result.msgpack\""));
    }
}

static void add_content_range(struct download *d, struct op *op)
{
    char text[80];
    int n = d->range == RANGE_PART
                ? snprintf(text, sizeof(text), "bytes %llu-%llu/%llu", (unsigned long long)d->from,
                           (unsigned long long)d->end - 1, (unsigned long long)d->source.size)
                : snprintf(text, sizeof(text), "bytes */%llu", (unsigned long long)d->source.size);
    op_header(op, STR("content-range"), str_n(text, (size_t)n));
}

static void refuse(struct download *d, struct op *op)
{
    if (d->rc == -ENOENT) {
        op_error(op, 404, "result.gone", "%s", d->err.message);
        return;
    }
    if (d->rc != -ENOTCONN && d->rc != -ETIMEDOUT) {
        log_error("a result cannot be read", LOG_STR("error", d->err.message));
    }
    op_retry(op, 503, RETRY_SECONDS, "unavailable", "the result cannot be read; try again");
}

/* Sends the head and sets d->req, or answers with what is wrong. */
static void begin(struct download *d)
{
    struct op *op = TAKE(d->op);
    if (d->rc != 0) {
        refuse(d, op);
        return;
    }
    if (d->range == RANGE_IMPOSSIBLE) {
        add_content_range(d, op);
        op_error(op, 416, "range", "the result has %llu bytes", (unsigned long long)d->source.size);
        return;
    }
    const char *type = d->source.content_type;
    if (!reply_content_type_fits(str_of(type))) {
        type = "application/octet-stream";
    }
    add_headers(d, op);
    if (d->range == RANGE_PART) {
        add_content_range(d, op);
    }
    int status = d->range == RANGE_PART ? 206 : 200;
    d->req = op_begin(op, status, str_of(type), (size_t)(d->end - d->from));
    if (d->req) {
        d->loop->pending++;
        d->generator.proceed = on_proceed;
        d->generator.stop = on_stop;
        d->stall.cb = on_stall;
        h2o_start_response(d->req, &d->generator);
    }
}

static void on_read(struct loop_message *m, struct loop *loop)
{
    struct download *d = H2O_STRUCT_FROM_MEMBER(struct download, message, m);
    d->reading = false;
    d->has_ready = d->rc == 0;
    d->failed = d->rc != 0;
    if (d->op) {
        begin(d);
    }
    if (d->req) {
        go_on(d); /* and d may be gone */
    } else {
        release(d);
    }
}

static void on_deadline(struct op *op, void *ctx)
{
    struct download *d = ctx;
    d->op = NULL; /* freed when the reading thread gives it back */
    op_error(op, 504, "timeout", "the request took too long");
}

static bool may_fetch(struct results *r, struct op *op, struct result_ref *ret)
{
    struct str path = op_str(op->req->path);
    path.len = MIN(path.len, op->req->query_at);
    size_t prefix = sizeof(RESULTS_PATH) - 1;
    if (!result_url_read(r->urls, str_n(path.ptr + prefix, path.len - prefix), ret)) {
        op_error(op, 403, "url.forged", "this is not a URL that was given out");
        return false;
    }
    if (ret->expires_s < clock_now_ns() / NS_PER_SEC) {
        op_error(op, 403, "url.expired", "this URL has expired: ask for a new one");
        return false;
    }
    return true;
}

void results_handle(struct results *r, struct op *op)
{
    struct result_ref ref;
    if (!may_fetch(r, op, &ref)) {
        return;
    }
    if (r->downloads >= DOWNLOADS_MAX) {
        op_retry(op, 503, RETRY_SECONDS, "overloaded", "too many downloads; try again");
        return;
    }
    struct str range = op_request_header(op, "range");
    struct download *d = mem_new(struct download);
    r->downloads++;
    d->message.run = on_read;
    d->results = r;
    d->loop = op->loop;
    d->op = op;
    d->ref = ref;
    d->range_header = mem_strndup(range.ptr, MIN(range.len, 200));
    buf_init(&d->ready, VALUE_CHUNK_BYTES);
    if (ask(d)) {
        op_deadline(op, DEADLINE_POOL, on_deadline, d);
    } else {
        op_retry(TAKE(d->op), 503, RETRY_SECONDS, "unavailable", "try again");
        release(d);
    }
}

/* --- start and stop --------------------------------------------------------------------------- */

int results_new(const struct results_options *options, struct results **ret, struct err *err)
{
    AUTO(results_free) struct results *r = mem_new(struct results);
    r->urls = options->urls;
    r->n_threads = options->threads;
    r->threads = mem_array((size_t)options->threads, sizeof(pthread_t));
    r->queue = queue_new(DOWNLOADS_MAX * 2);
    int rc = pool_new(options->conninfo, DB_API, options->threads, &r->pool, err);
    if (rc == 0) {
        *ret = TAKE(r);
    }
    return rc;
}

int results_start(struct results *r)
{
    for (; r->n_started < r->n_threads; r->n_started++) {
        int rc = pthread_create(&r->threads[r->n_started], NULL, read_thread, r);
        if (rc != 0) {
            return -rc;
        }
    }
    return 0;
}

void results_stop(struct results *r)
{
    queue_close(r->queue);
    for (; r->n_started > 0; r->n_started--) {
        pthread_join(r->threads[r->n_started - 1], NULL);
    }
}

struct results *results_free(struct results *r)
{
    if (r) {
        results_stop(r);
        queue_free(r->queue);
        pool_free(r->pool);
        mem_free(r->threads);
        mem_free(r);
    }
    return NULL;
}
