/* Owns the pool threads for requests that talk to PostgreSQL in straight-line code. A job copies
 * what it needs of the request, so that it does not depend on the connection's life; its reply goes
 * back to the loop as a message. It refuses work beyond its queue. */
#include "http/lane.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>

#include "http/metrics.h"
#include "log.h"
#include "queue.h"
#include "secret.h"

#define CONNECTION_WAIT_MS 5000

struct lane {
    struct pool *pool;
    struct queue *queue;
    int n_threads, n_started;
    bool forwarded;
    pthread_t *threads;
};

/* Freed by whichever of the two sides lets go last: both are on the loop's thread, the job in the
 * lane belongs to the lane meanwhile. */
struct lane_job {
    struct loop_message message;
    struct loop *loop;
    struct op *op; /* NULL once answered by the deadline; loop's thread only */
    lane_fn fn;
    void *ctx;
    struct arena *arena;
    struct lane_request request;
    struct reply reply;
};

static void job_free(struct lane_job *job)
{
    if (job->request.authorization.len) {
        secret_wipe((void *)(uintptr_t)job->request.authorization.ptr,
                    job->request.authorization.len);
    }
    arena_free(job->arena);
    reply_done(&job->reply);
    mem_free(job);
}

static void job_answer(struct loop_message *m, struct loop *loop)
{
    struct lane_job *job = H2O_STRUCT_FROM_MEMBER(struct lane_job, message, m);
    if (job->op) {
        op_reply(job->op, &job->reply);
    }
    job_free(job);
}

static void refuse(struct reply *reply, const char *code, const char *words)
{
    reply_error(reply, 503, code, "%s", words);
    (void)reply_header(reply, STR("Retry-After"), STR("2"));
}

static void *lane_thread(void *arg)
{
    struct lane *l = arg;
    void *item;
    (void)pthread_setname_np(pthread_self(), "lane");
    while (queue_pop_many(l->queue, &item, 1, -1) == 1) {
        struct lane_job *job = item;
        struct err err = {0};
        struct db *db = NULL;
        if (pool_get(l->pool, CONNECTION_WAIT_MS, &db, &err) == 0) {
            job->fn(job->ctx, db, &job->request, &job->reply);
            pool_put(l->pool, db);
        } else {
            refuse(&job->reply, "unavailable", "PostgreSQL is away; try again");
        }
        loop_post(job->loop, &job->message);
    }
    return NULL;
}

static void on_deadline(struct op *op, void *ctx)
{
    struct lane_job *job = ctx;
    job->op = NULL;
    op_error(op, 504, "timeout", "the request took too long");
}

static struct str copy(struct arena *arena, struct str s)
{
    return s.len ? str_n(arena_strndup(arena, s.ptr, s.len), s.len) : str_n("", 0);
}

/* Whoever has an IPv6 address has a network of them: that is what counts. */
static struct str address_text(struct arena *arena, int family, const void *address)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr network = {0};
    if (family == AF_INET6) {
        struct in6_addr whole;
        memcpy(&whole, address, sizeof(whole));
        memcpy(&network, &whole, IN6_IS_ADDR_V4MAPPED(&whole) ? sizeof(whole) : 8);
        address = &network;
    }
    return inet_ntop(family, address, text, sizeof(text)) ? copy(arena, str_of(text))
                                                          : str_n("", 0);
}

static struct str forwarded_address(struct arena *arena, struct str list)
{
    char text[INET6_ADDRSTRLEN] = "";
    struct in6_addr parsed;
    size_t from = list.len;
    while (from > 0 && list.ptr[from - 1] != ',') {
        from--;
    }
    struct str last = str_trim(str_n(list.ptr + from, list.len - from));
    memcpy(text, last.ptr, MIN(last.len, sizeof(text) - 1));
    int family = strchr(text, ':') ? AF_INET6 : AF_INET;
    return inet_pton(family, text, &parsed) == 1 ? address_text(arena, family, &parsed)
                                                 : str_n("", 0);
}

static struct str sender_address(const struct lane *l, struct arena *arena, struct op *op)
{
    struct sockaddr_storage peer = {0};
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    h2o_conn_t *conn = op->req->conn;
    if (l->forwarded) {
        return forwarded_address(arena, op_request_header(op, "x-forwarded-for"));
    }
    if (conn->callbacks->get_peername(conn, (struct sockaddr *)&peer) == 0) {
        return str_n("", 0);
    }
    memcpy(&v4, &peer, sizeof(v4));
    memcpy(&v6, &peer, sizeof(v6));
    return peer.ss_family == AF_INET    ? address_text(arena, AF_INET, &v4.sin_addr)
           : peer.ss_family == AF_INET6 ? address_text(arena, AF_INET6, &v6.sin6_addr)
                                        : str_n("", 0);
}

void lane_run(struct lane *l, lane_fn fn, void *ctx, struct op *op)
{
    h2o_req_t *req = op->req;
    struct lane_job *job = mem_new(struct lane_job);
    job->message.run = job_answer;
    job->loop = op->loop;
    job->op = op;
    job->fn = fn;
    job->ctx = ctx;
    job->arena = arena_new(0, 0);
    reply_init(&job->reply);
    size_t query_at = MIN(req->query_at, req->path.len);
    struct str path = op_str(req->path);
    job->request = (struct lane_request){
        .method = copy(job->arena, op_str(req->method)),
        .path = copy(job->arena, str_n(path.ptr, query_at)),
        .query = query_at < path.len
                     ? copy(job->arena, str_n(path.ptr + query_at + 1, path.len - query_at - 1))
                     : str_n("", 0),
        .authorization = copy(job->arena, op_request_header(op, "authorization")),
        .content_type = copy(job->arena, op_request_header(op, "content-type")),
        .address = sender_address(l, job->arena, op),
        .body = copy(job->arena, op_str(req->entity)),
    };
    if (queue_push(l->queue, job) != 0) {
        metrics_add(METRIC_LANE_FULL, 1);
        refuse(&job->reply, "overloaded", "too many requests are waiting; try again");
        job_answer(&job->message, op->loop);
        return;
    }
    op_deadline(op, DEADLINE_POOL, on_deadline, job);
}

int lane_new(const struct lane_options *options, struct lane **ret, struct err *err)
{
    AUTO(lane_free) struct lane *l = mem_new(struct lane);
    l->n_threads = options->threads;
    l->forwarded = options->forwarded;
    l->threads = mem_array((size_t)options->threads, sizeof(pthread_t));
    l->queue = queue_new(options->queue);
    int r = pool_new(options->conninfo, DB_API, options->threads, &l->pool, err);
    if (r != 0) {
        return r;
    }
    *ret = TAKE(l);
    return 0;
}

int lane_start(struct lane *l)
{
    for (; l->n_started < l->n_threads; l->n_started++) {
        int r = pthread_create(&l->threads[l->n_started], NULL, lane_thread, l);
        if (r != 0) {
            return -r;
        }
    }
    return 0;
}

void lane_stop(struct lane *l)
{
    queue_close(l->queue);
    for (; l->n_started > 0; l->n_started--) {
        pthread_join(l->threads[l->n_started - 1], NULL);
    }
}

struct lane *lane_free(struct lane *l)
{
    if (l) {
        if (l->queue) {
            lane_stop(l);
        }
        queue_free(l->queue);
        pool_free(l->pool);
        mem_free(l->threads);
        mem_free(l);
    }
    return NULL;
}
