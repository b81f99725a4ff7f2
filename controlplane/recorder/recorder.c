/* Owns the recording thread: pull what has gathered while the last commit ran, record it, ack.
 * Commits begin at least EVERY_NS apart, LOAD_NS under load, so that many results share one; a
 * result that comes alone does not wait. While PostgreSQL is away the same messages are tried
 * again; they are acked only after a commit, so a recorder that dies leaves them to the next one.
 */
#include "recorder/recorder.h"

#include <pthread.h>
#include <stdatomic.h>

#include "clock.h"
#include "log.h"
#include "recorder/batch.h"
#include "subjects.h"

#define PULL         32 /* messages a batch */
#define PULL_WAIT_MS 1000
#define RETRY_NS     (200 * NS_PER_MS)
#define BATCH_BYTES  MIB(16)
#define PROGRESS_NS  (10 * NS_PER_SEC)
#define EVERY_NS     (4 * NS_PER_MS) /* from one commit to the next */
#define LOAD         24              /* a commit with so many results makes the next one wait */
#define STREAMS_NS   (1 * NS_PER_SEC)
#define LOAD_NS      (10 * NS_PER_MS) /* so long */

struct recorder {
    struct recorder_options options;
    struct bus *bus;
    char *conninfo, *pool;
    pthread_t thread;
    bool started;
    _Atomic bool stopping;
    _Atomic uint64_t recorded, refused;
    struct db *db;
    struct bus_puller *puller;
    bool log_streams;
    int64_t streams_at; /* when that is looked at again */
};

int recorder_new(const struct recorder_options *options, struct recorder **ret, struct err *err)
{
    struct recorder *r = mem_new(struct recorder);
    r->options = *options;
    r->bus = options->bus;
    r->conninfo = mem_strdup(options->conninfo);
    r->pool = mem_strdup(options->pool);
    *ret = r;
    return 0;
}

struct recorder *recorder_free(struct recorder *r)
{
    if (r) {
        recorder_stop(r);
        bus_puller_free(r->puller);
        db_close(r->db);
        mem_free(r->conninfo);
        mem_free(r->pool);
        mem_free(r);
    }
    return NULL;
}

uint64_t recorder_recorded(const struct recorder *r)
{
    return r->recorded;
}

uint64_t recorder_refused(const struct recorder *r)
{
    return r->refused;
}

static int ensure_db(struct recorder *r, struct err *err)
{
    return db_ensure(&r->db, r->conninfo, "leat-recorder", err);
}

/* Once in a while: without log streams recording has nothing to do for them. */
static int look_for_streams(struct recorder *r, struct batch *b, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    if (clock_mono_ns() < r->streams_at) {
        return 0;
    }
    int rc = db_run(r->db, QUERY_LOG_STREAMS_ANY, &rows, err);
    if (rc == 0) {
        b->log_streams = r->log_streams = db_bool(rows, 0, 0);
        r->streams_at = clock_mono_ns() + STREAMS_NS;
    }
    return rc;
}

/* Tells NATS that the messages are still being worked on, so that they are not handed out again. */
static void in_progress(struct recorder *r, struct bus_message **messages, int n)
{
    for (int i = 0; i < n; i++) {
        (void)!bus_in_progress(r->bus, messages[i]);
    }
}

/* What was committed for preprocess flows: new executions run, senders of lost events are told. */
static void send_on(struct recorder *r, const struct routed *routed)
{
    if (routed->n > 0 && r->options.on_executions) {
        r->options.on_executions(r->options.on_executions_arg, routed->ids, routed->n);
    }
    for (const struct routed_reply *reply = routed->replies; reply; reply = reply->next) {
        AUTO(buf_done) struct buf message = {0};
        buf_init(&message, KIB(64));
        wire_encode(&sync_reply_message, &reply->message, &message);
        (void)!bus_publish(r->bus, reply->subject, buf_str(&message));
    }
}

/* Records until it holds or the process stops; <0 when it stops, else how many results came. */
static ptrdiff_t record(struct recorder *r, struct bus_message **messages, int n)
{
    int64_t told = clock_mono_ns();
    for (;;) {
        AUTO(arena_free) struct arena *a = arena_new(KIB(256), 0);
        struct batch batch = {.arena = a, .log_streams = r->log_streams, .feed = r->options.feed};
        uint64_t malformed = 0, recorded = 0;
        for (int i = 0; i < n; i++) {
            batch_add(&batch, bus_message_data(messages[i]), &malformed);
        }
        size_t came = batch.n;
        struct err err;
        int rc = ensure_db(r, &err);
        if (rc == 0) {
            rc = look_for_streams(r, &batch, &err);
        }
        if (rc == 0) {
            rc = batch_record(&batch, r->db, &recorded, &err);
        }
        if (rc == 0) {
            r->recorded += recorded;
            r->refused += came - recorded;
            if (batch.n_freed > 0 && r->options.on_freed) {
                r->options.on_freed(r->options.on_freed_arg, batch.freed, batch.n_freed);
            }
            send_on(r, batch.routed);
            if (malformed > 0) {
                log_error("malformed results were left out", LOG_INT("results", malformed));
            }
            return (ptrdiff_t)came;
        }
        if (r->stopping) {
            return -1;
        }
        log_warn("recording is put off", LOG_STR("error", err.message));
        clock_wait_ns(RETRY_NS);
        if (clock_mono_ns() - told > PROGRESS_NS) {
            in_progress(r, messages, n);
            told = clock_mono_ns();
        }
    }
}

/* Returns how many results came. */
static size_t record_and_ack(struct recorder *r, struct bus_message **messages, int n)
{
    size_t results = 0;
    /* Big messages are taken in parts, so that a transaction stays bounded. */
    for (int first = 0; first < n;) {
        size_t bytes = 0;
        int part = 0;
        while (first + part < n && (part == 0 || bytes < BATCH_BYTES)) {
            bytes += bus_message_data(messages[first + part]).len;
            part++;
        }
        ptrdiff_t recorded = record(r, messages + first, part);
        bool done = recorded >= 0;
        results += done ? (size_t)recorded : 0;
        for (int i = 0; i < part; i++) {
            struct bus_message *m = messages[first + i];
            (void)!(done ? bus_ack(r->bus, m) : bus_nak(r->bus, m));
            bus_message_free(m);
        }
        first += part;
    }
    return results;
}

static int ensure_puller(struct recorder *r)
{
    return r->puller ? 0 : bus_puller_new(r->bus, STREAM_RESULT, CONSUMER_RESULT, &r->puller);
}

static void *run(void *arg)
{
    struct recorder *r = arg;
    struct bus_message *messages[PULL];
    int64_t began_ns = 0;
    size_t last = 0; /* results of the last commit */
    while (!r->stopping) {
        int64_t wait_ns = began_ns + (last < LOAD ? EVERY_NS : LOAD_NS) - clock_mono_ns();
        if (wait_ns > 0) {
            clock_wait_ns(wait_ns);
        }
        int n = ensure_puller(r);
        if (n == 0) {
            n = bus_pull(r->puller, PULL, PULL_WAIT_MS, messages);
        }
        if (n > 0) {
            began_ns = clock_mono_ns();
            last = record_and_ack(r, messages, n);
        } else if (n == -ENOENT) {
            struct err err;
            if (bus_ensure_streams(r->bus, r->pool, &err) != 0) {
                clock_wait_ns(RETRY_NS);
            }
        } else if (n < 0) {
            clock_wait_ns(RETRY_NS);
        }
    }
    return NULL;
}

int recorder_start(struct recorder *r)
{
    int rc = -pthread_create(&r->thread, NULL, run, r);
    r->started = rc == 0;
    return rc;
}

void recorder_stop(struct recorder *r)
{
    if (r->started) {
        r->stopping = true;
        pthread_join(r->thread, NULL);
        r->started = false;
    }
}
