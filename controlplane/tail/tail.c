/* Owns the readers, from their request to their end. A reader belongs to two sides: to its loop,
 * which sends, and to the tail, which looks who it is (tail thread, with a connection of the API's
 * role), again every CHECK_NS, and gives it events (library thread of the subscription). What is
 * between them stands under the lock; whoever leaves last frees. It refuses more readers than
 * READERS_MAX, and keeps at most READY_MAX bytes for one. */
#include "tail/tail.h"

#include <pthread.h>
#include <stdatomic.h>

#include "api/api.h"
#include "bus.h"
#include "clock.h"
#include "http/loop.h"
#include "log.h"
#include "pool.h"
#include "queue.h"
#include "subjects.h"
#include "tail/tail_filter.h"

#define READERS_MAX        200
#define READY_MAX          MIB(1)
#define INSTANCES_MAX      10000
#define CHECK_NS           (10 * NS_PER_SEC) /* also how long a quiet connection says nothing */
#define EVERY_NS           (1 * NS_PER_SEC)
#define CONNECTION_WAIT_MS 2000
#define RETRY_SECONDS      2
#define AUTHORIZATION_MAX  KIB(16)

struct reader {
    struct reader *next; /* in the tail's list; the lock */
    struct tail *tail;
    struct loop *loop;
    char *authorization;
    /* Only on the loop. */
    struct loop_message message;
    struct op *op; /* until the head is sent */
    h2o_req_t *req;
    h2o_generator_t generator;
    h2o_timeout_entry_t stall;
    bool in_flight; /* h2o has not sent all of `sending` yet */
    struct buf sending;
    /* Only on the tail thread, but for filter, which is changed under the lock. */
    struct uuid organization;
    int64_t checked_at; /* 0 = never */
    struct tail_filter filter;
    /* Under the lock. */
    bool posted, left; /* left: the loop is through with it */
    bool open, ending; /* open: it was let in */
    int refusal;       /* status that answers it instead */
    const char *words;
    uint64_t dropped;
    struct buf ready;
};

struct tail {
    struct tail_options options;
    char *conninfo;
    struct pool *pool;
    struct queue *queue; /* readers to be let in */
    pthread_t thread;
    bool started;
    _Atomic bool stopping, draining;
    struct bus_sub *sub;
    pthread_mutex_t lock;
    struct reader *readers;
    size_t n_readers;
};

static void reader_free(struct reader *r)
{
    tail_filter_done(&r->filter);
    buf_done(&r->sending);
    buf_done(&r->ready);
    mem_free(r->authorization);
    mem_free(r);
}

/* Under the lock: has the loop look at the reader. */
static void post(struct reader *r)
{
    if (!r->posted && !r->left) {
        r->posted = true;
        loop_post(r->loop, &r->message);
    }
}

/* --- events: on the subscription's thread ------------------------------------------------------
 */

static void give(struct reader *r, const struct tail_message *m, struct arena *a)
{
    AUTO(buf_done) struct buf events = {0};
    size_t n = 0;
    buf_init(&events, READY_MAX);
    if (!tail_filter_takes(&r->filter, m)) {
        return;
    }
    tail_write(&r->filter, m, a, &events, &n);
    struct json dropped = json_get(m->body, STR("dropped"));
    r->dropped += dropped.type == JSON_NUMBER ? (uint64_t)dropped.num : 0;
    if (events.full || r->ready.len + events.len > READY_MAX) {
        r->dropped += n;
    } else {
        buf_add_str(&r->ready, buf_str(&events));
    }
    if (n > 0 || r->dropped > 0) {
        post(r);
    }
}

static bool organization_of(struct bus_message *m, struct uuid *ret)
{
    struct str subject = str_of(bus_message_subject(m));
    size_t prefix = sizeof(SUBJECT_FEED); /* with the dot */
    return subject.len > prefix &&
           uuid_parse(str_n(subject.ptr + prefix, subject.len - prefix), ret);
}

static void on_feed(void *ctx, struct bus_message *message)
{
    struct tail *t = ctx;
    AUTO(arena_free) struct arena *a = arena_new(KIB(16), MIB(64));
    struct tail_message m;
    struct uuid organization;
    if (!organization_of(message, &organization) ||
        !tail_message_read(a, bus_message_data(message), &m)) {
        return;
    }
    pthread_mutex_lock(&t->lock);
    for (struct reader *r = t->readers; r; r = r->next) {
        if (r->open && !r->ending && !r->left && uuid_eq(&r->organization, &organization)) {
            give(r, &m, a);
        }
    }
    pthread_mutex_unlock(&t->lock);
}

/* --- who it is: on the tail thread -------------------------------------------------------------
 */

static int by_id(const void *a, const void *b)
{
    return uuid_cmp(a, b);
}

static int find_instances(struct db *db, const struct uuid *organization,
                          const struct uuid *customer, struct tail_filter *f, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    f->all = uuid_is_nil(customer) && uuid_is_nil(&f->customer) && uuid_is_nil(&f->integration);
    if (f->all) {
        return 0;
    }
    int rc = db_begin_as(db, organization, customer, err);
    rc = rc ? rc
            : db_run(db, QUERY_TAIL_INSTANCES, &rows, err, DB_UUID_OR_NULL(f->customer),
                     DB_UUID_OR_NULL(f->integration), DB_I64(INSTANCES_MAX));
    db_rollback(db); /* it only read */
    if (rc == 0) {
        f->n_instances = db_rows_n(rows);
        f->instances = mem_array(f->n_instances + 1, sizeof(*f->instances));
        for (size_t i = 0; i < f->n_instances; i++) {
            f->instances[i] = db_uuid(rows, i, 0);
        }
        qsort(f->instances, f->n_instances, sizeof(*f->instances), by_id);
    }
    return rc;
}

/* Reads who it is and what it may see into *f; *ret_status 200 when it may follow. */
static int look(struct reader *r, struct db *db, struct tail_filter *f, int *ret_status,
                struct err *words, struct err *err)
{
    struct uuid organization, customer;
    int rc = api_follower(r->tail->options.api, db, str_of(r->authorization), &organization,
                          &customer, ret_status, words, err);
    if (rc == 0 && *ret_status == 200) {
        r->organization = organization;
        rc = find_instances(db, &organization, &customer, f, err);
    }
    return rc;
}

static void refuse(struct reader *r, int status, const char *words)
{
    if (r->open) {
        r->ending = true; /* it was let in before */
    } else {
        r->refusal = status;
        r->words = words;
    }
}

/* Lets it in, or sees again whether it may stay. */
static void check(struct reader *r, struct db *db)
{
    struct err err = {0}, words = {0};
    struct tail_filter f = r->filter;
    int status = 0;
    f.instances = NULL;
    f.n_instances = 0;
    int rc = db ? look(r, db, &f, &status, &words, &err) : -ENOTCONN;
    r->checked_at = clock_mono_ns();
    pthread_mutex_lock(&r->tail->lock);
    if (rc != 0) {
        refuse(r, 503, "it cannot be told who asks; try again");
    } else if (status != 200) {
        refuse(r, status,
               status == 401 ? "a valid bearer token is needed"
                             : "your role does not allow to follow");
    } else {
        tail_filter_done(&r->filter);
        r->filter = f;
        f.instances = NULL;
        r->open = true;
        buf_adds(&r->ready, r->ready.len == 0 ? ":\n\n" : "");
    }
    tail_filter_done(&f);
    post(r);
    pthread_mutex_unlock(&r->tail->lock);
}

static void check_all(struct tail *t, struct reader **readers, size_t n)
{
    struct err err = {0};
    struct db *db = NULL;
    if (n > 0 && pool_get(t->pool, CONNECTION_WAIT_MS, &db, &err) != 0) {
        db = NULL;
    }
    for (size_t i = 0; i < n; i++) {
        check(readers[i], db);
    }
    if (db) {
        pool_put(t->pool, db);
    }
}

/* Frees those that have left, and says whom the others follow. Returns those that are due. */
static size_t go_round(struct tail *t, struct reader **due)
{
    AUTO(buf_done) struct buf followed = {0};
    size_t n = 0;
    int64_t now = clock_mono_ns();
    buf_init(&followed, READERS_MAX * 16);
    pthread_mutex_lock(&t->lock);
    for (struct reader **at = &t->readers; *at;) {
        struct reader *r = *at;
        if (r->left && !r->posted && r->checked_at != 0) {
            *at = r->next;
            t->n_readers--;
            reader_free(r);
            continue;
        }
        if (r->open && !r->left) {
            buf_add(&followed, r->organization.b, 16);
            if (now - r->checked_at > CHECK_NS && !r->ending) {
                due[n++] = r;
            }
        }
        at = &r->next;
    }
    pthread_mutex_unlock(&t->lock);
    if (followed.len > 0) {
        (void)!bus_publish(t->options.bus, SUBJECT_FOLLOW, buf_str(&followed));
    }
    return n;
}

static void *run(void *arg)
{
    struct tail *t = arg;
    void *fresh[64];
    struct reader **due = mem_array(READERS_MAX, sizeof(struct reader *));
    (void)pthread_setname_np(pthread_self(), "tail");
    while (!t->stopping) {
        size_t n = queue_pop_many(t->queue, fresh, ARRAY_LEN(fresh), EVERY_NS);
        check_all(t, (struct reader **)fresh, n);
        check_all(t, due, go_round(t, due));
    }
    mem_free(due);
    return NULL;
}

/* --- sending: on the loop ----------------------------------------------------------------------
 */

static void disarm(struct reader *r)
{
    if (h2o_timeout_is_linked(&r->stall)) {
        h2o_timeout_unlink(&r->stall);
    }
}

/* The loop is through with it: the tail thread frees it. */
static void leave(struct reader *r)
{
    disarm(r);
    r->req = NULL;
    pthread_mutex_lock(&r->tail->lock);
    r->left = true;
    pthread_mutex_unlock(&r->tail->lock);
}

static void take_ready(struct reader *r, bool *ret_ending)
{
    buf_done(&r->sending);
    pthread_mutex_lock(&r->tail->lock);
    r->sending = r->ready;
    buf_init(&r->ready, READY_MAX + KIB(1));
    if (r->dropped > 0) {
        buf_addf(&r->sending, "event: gap\ndata: {\"dropped\":%llu}\n\n",
                 (unsigned long long)r->dropped);
        r->dropped = 0;
    }
    *ret_ending = r->ending;
    pthread_mutex_unlock(&r->tail->lock);
}

static void send_more(struct reader *r)
{
    bool ending = false;
    if (r->in_flight) {
        return;
    }
    take_ready(r, &ending);
    h2o_iovec_t part = h2o_iovec_init(r->sending.data, r->sending.len);
    h2o_req_t *req = r->req;
    if (ending) {
        static const char bye[] = "event: end\ndata: {}\n\n";
        h2o_iovec_t last = h2o_iovec_init(bye, sizeof(bye) - 1);
        leave(r);
        h2o_send(req, &last, 1, H2O_SEND_STATE_FINAL);
    } else if (part.len > 0) {
        r->in_flight = true;
        h2o_timeout_link(r->loop->ctx.loop, &r->loop->deadlines[DEADLINE_POOL], &r->stall);
        h2o_send(req, &part, 1, H2O_SEND_STATE_IN_PROGRESS);
    }
}

static void on_proceed(h2o_generator_t *self, h2o_req_t *req)
{
    struct reader *r = H2O_STRUCT_FROM_MEMBER(struct reader, generator, self);
    disarm(r);
    r->in_flight = false;
    send_more(r);
}

static void on_gone(h2o_generator_t *self, h2o_req_t *req)
{
    leave(H2O_STRUCT_FROM_MEMBER(struct reader, generator, self));
}

/* A write is under way: ending the socket makes it fail, and h2o then stops the generator. */
static void on_stall(h2o_timeout_entry_t *entry)
{
    struct reader *r = H2O_STRUCT_FROM_MEMBER(struct reader, stall, entry);
    h2o_socket_t *sock = r->req->conn->callbacks->get_socket(r->req->conn);
    (void)shutdown(h2o_socket_get_fd(sock), SHUT_RDWR);
}

/* Answers the request, with a stream when it was let in. */
static void begin(struct reader *r, int refusal, const char *words)
{
    struct op *op = TAKE(r->op);
    if (refusal == 503) {
        op_retry(op, 503, RETRY_SECONDS, "unavailable", "%s", words);
    } else if (refusal != 0) {
        op_error(op, refusal, refusal == 401 ? "unauthenticated" : "forbidden", "%s", words);
    } else {
        op_header(op, STR("cache-control"), STR("no-store"));
        op_header(op, STR("x-accel-buffering"), STR("no")); /* proxies pass events on at once */
        r->req = op_begin(op, 200, STR("text/event-stream"), SIZE_MAX);
    }
    if (!r->req) {
        leave(r);
        return;
    }
    r->generator.proceed = on_proceed;
    r->generator.stop = on_gone;
    r->stall.cb = on_stall;
    h2o_start_response(r->req, &r->generator);
}

static void on_message(struct loop_message *m, struct loop *loop)
{
    struct reader *r = H2O_STRUCT_FROM_MEMBER(struct reader, message, m);
    pthread_mutex_lock(&r->tail->lock);
    r->posted = false;
    int refusal = r->refusal;
    const char *words = r->words;
    bool left = r->left;
    pthread_mutex_unlock(&r->tail->lock);
    if (left) {
        return; /* and r may be gone */
    }
    if (r->op) {
        begin(r, refusal, words);
    }
    if (r->req) {
        send_more(r);
    }
}

static void on_deadline(struct op *op, void *ctx)
{
    struct reader *r = ctx;
    r->op = NULL;
    op_error(op, 504, "timeout", "the request took too long");
    leave(r);
}

static bool add(struct tail *t, struct reader *r)
{
    pthread_mutex_lock(&t->lock);
    bool room = t->n_readers < READERS_MAX && !t->draining;
    if (room) {
        r->next = t->readers;
        t->readers = r;
        t->n_readers++;
    }
    pthread_mutex_unlock(&t->lock);
    return room;
}

void tail_handle(struct tail *t, struct op *op)
{
    struct str path = op_str(op->req->path), query = STR("");
    struct str authorization = op_request_header(op, "authorization");
    const char *words = NULL;
    struct tail_filter filter;
    if (op->req->query_at < path.len) {
        query = str_n(path.ptr + op->req->query_at + 1, path.len - op->req->query_at - 1);
    }
    if (!tail_filter_read(&filter, query, &words)) {
        op_error(op, 400, "query", "%s", words);
        return;
    }
    if (authorization.len == 0 || authorization.len > AUTHORIZATION_MAX) {
        op_error(op, 401, "unauthenticated", "a valid bearer token is needed");
        return;
    }
    struct reader *r = mem_new(struct reader);
    r->tail = t;
    r->loop = op->loop;
    r->op = op;
    r->message.run = on_message;
    r->authorization = mem_strndup(authorization.ptr, authorization.len);
    r->filter = filter;
    buf_init(&r->ready, READY_MAX + KIB(1));
    if (!add(t, r)) {
        op_retry(op, 503, RETRY_SECONDS, "overloaded", "too many follow; try again");
        reader_free(r);
        return;
    }
    op_deadline(op, DEADLINE_POOL, on_deadline, r);
    if (queue_push(t->queue, r) != 0) {
        r->op = NULL;
        op_retry(op, 503, RETRY_SECONDS, "overloaded", "too many follow; try again");
        r->checked_at = 1; /* nobody else knows it */
        leave(r);
    }
}

/* --- start and stop ----------------------------------------------------------------------------
 */

int tail_new(const struct tail_options *options, struct tail **ret, struct err *err)
{
    AUTO(tail_free) struct tail *t = mem_new(struct tail);
    t->options = *options;
    t->queue = queue_new(READERS_MAX * 2);
    pthread_mutex_init(&t->lock, NULL);
    int rc = pool_new(options->conninfo, DB_API, 1, &t->pool, err);
    if (rc == 0) {
        *ret = TAKE(t);
    }
    return rc;
}

int tail_start(struct tail *t)
{
    int rc = bus_subscribe(t->options.bus, SUBJECT_FEED ".*", NULL, on_feed, t, &t->sub);
    if (rc == 0) {
        rc = -pthread_create(&t->thread, NULL, run, t);
        t->started = rc == 0;
    }
    return rc;
}

void tail_drain(struct tail *t)
{
    pthread_mutex_lock(&t->lock);
    t->draining = true;
    for (struct reader *r = t->readers; r; r = r->next) {
        refuse(r, 503, "the server is about to stop; try again");
        post(r);
    }
    pthread_mutex_unlock(&t->lock);
}

void tail_stop(struct tail *t)
{
    t->sub = bus_sub_free(t->sub);
    t->stopping = true;
    queue_close(t->queue);
    if (t->started) {
        pthread_join(t->thread, NULL);
        t->started = false;
    }
}

struct tail *tail_free(struct tail *t)
{
    if (t) {
        tail_stop(t);
        while (t->readers) {
            struct reader *r = t->readers;
            t->readers = r->next;
            reader_free(r);
        }
        queue_free(t->queue);
        pool_free(t->pool);
        pthread_mutex_destroy(&t->lock);
        mem_free(t);
    }
    return NULL;
}
