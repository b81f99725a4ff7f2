/* Owns a sender: its connection, its HTTP client and what a request is made of. Called on one
 * thread of streams.c. A stream is claimed for a time, so its lines go out one after the other,
 * whoever sends; nothing is locked in PostgreSQL meanwhile. A line that is refused is tried again,
 * ever later, and in the end given up, so that it does not hold up the others for ever. */
#include "streams/stream_sender.h"

#include "clock.h"
#include "domain/alert.h"
#include "domain/log_template.h"
#include "org_key.h"
#include "outbound/post.h"

#define CLAIM_S       60
#define TURN_MS       25000 /* of a stream; with an attempt well below the claim */
#define FIRST_RETRY_S 2
#define LAST_RETRY_S  600

enum { /* columns of log_stream_claim */
       COL_STREAM,
       COL_ORGANIZATION,
       COL_URL,
       COL_HEADERS,
       COL_TEMPLATE,
       COL_ATTEMPTS,
};
enum { /* columns of log_stream_lines */
       COL_PLACE,
       COL_LINE,
       COL_SEVERITY,
       COL_MESSAGE,
       COL_STEP,
       COL_AT,
       COL_EXECUTION,
       COL_INSTANCE,
       COL_INSTANCE_NAME,
       COL_CUSTOMER,
       COL_CUSTOMER_NAME,
       COL_CUSTOMER_EXTERNAL,
       COL_INTEGRATION,
       COL_INTEGRATION_NAME,
       COL_FLOW_CONFIG,
       COL_FLOW,
       COL_FLOW_NAME,
       COL_IS_TEST,
};

struct stream_sender {
    struct stream_sender_options options;
    struct db *db;
    struct http_client *http;
};

struct stream_sender *stream_sender_new(const struct stream_sender_options *options)
{
    struct stream_sender *s = mem_new(struct stream_sender);
    s->options = *options;
    s->http = post_client(options->policy);
    return s;
}

struct stream_sender *stream_sender_free(struct stream_sender *s)
{
    if (s) {
        db_close(s->db);
        http_client_free(s->http);
        mem_free(s);
    }
    return NULL;
}

/* --- a line ----------------------------------------------------------------------------------- */

static struct str gid(struct arena *a, const struct db_rows *rows, size_t row, int column,
                      const char *type)
{
    char text[GLOBAL_ID_MAX];
    if (db_is_null(rows, row, column)) {
        return STR("");
    }
    struct uuid id = db_uuid(rows, row, column);
    size_t len = global_id_format(type, &id, text);
    return str_n(arena_strndup(a, text, len), len);
}

static struct str text(const struct db_rows *rows, size_t row, int column)
{
    return db_is_null(rows, row, column) ? STR("") : db_str(rows, row, column);
}

static void fill_time(struct arena *a, int64_t ns, struct str *texts)
{
    char *iso = arena_alloc(a, CLOCK_ISO_LEN + 1);
    clock_iso(ns, iso);
    texts[LOG_WORD_TIMESTAMP_ISO] = str_of(iso);
    texts[LOG_WORD_TIMESTAMP] = str_of(arena_printf(a, "%lld", (long long)(ns / NS_PER_MS)));
    texts[LOG_WORD_TIMESTAMP_S] = str_of(arena_printf(a, "%lld", (long long)(ns / NS_PER_SEC)));
    texts[LOG_WORD_TIMESTAMP_NS] = str_of(arena_printf(a, "%lld", (long long)ns));
}

static void fill_texts(struct arena *a, const struct db_rows *rows, size_t row, struct str *texts)
{
    static const struct {
        const char *name, *syslog;
    } levels[] = {{"trace", "7"}, {"debug", "7"}, {"info", "6"},  {"warn", "4"},
                  {"error", "3"}, {"fatal", "2"}, {"metric", "6"}};
    size_t level = (size_t)MAX(db_int(rows, row, COL_SEVERITY), 0);
    level = MIN(level, ARRAY_LEN(levels) - 1);
    fill_time(a, db_time_ns(rows, row, COL_AT), texts);
    texts[LOG_WORD_MESSAGE] = text(rows, row, COL_MESSAGE);
    texts[LOG_WORD_SEVERITY] = str_of(levels[level].name);
    texts[LOG_WORD_SEVERITY_NUMBER] = str_of(levels[level].syslog);
    texts[LOG_WORD_STEP_NAME] = text(rows, row, COL_STEP);
    texts[LOG_WORD_EXECUTION_ID] = gid(a, rows, row, COL_EXECUTION, "InstanceExecutionResult");
    texts[LOG_WORD_INSTANCE_ID] = gid(a, rows, row, COL_INSTANCE, "Instance");
    texts[LOG_WORD_INSTANCE_NAME] = text(rows, row, COL_INSTANCE_NAME);
    texts[LOG_WORD_CUSTOMER_ID] = gid(a, rows, row, COL_CUSTOMER, "Customer");
    texts[LOG_WORD_CUSTOMER_NAME] = text(rows, row, COL_CUSTOMER_NAME);
    texts[LOG_WORD_CUSTOMER_EXTERNAL_ID] = text(rows, row, COL_CUSTOMER_EXTERNAL);
    texts[LOG_WORD_INTEGRATION_ID] = gid(a, rows, row, COL_INTEGRATION, "Integration");
    texts[LOG_WORD_INTEGRATION_NAME] = text(rows, row, COL_INTEGRATION_NAME);
    texts[LOG_WORD_FLOW_CONFIG_ID] = gid(a, rows, row, COL_FLOW_CONFIG, "InstanceFlowConfig");
    texts[LOG_WORD_FLOW_ID] = gid(a, rows, row, COL_FLOW, "IntegrationFlow");
    texts[LOG_WORD_FLOW_NAME] = text(rows, row, COL_FLOW_NAME);
    texts[LOG_WORD_IS_TEST_EXECUTION] =
        !db_is_null(rows, row, COL_IS_TEST) && db_bool(rows, row, COL_IS_TEST) ? STR("true")
                                                                               : STR("false");
}

struct turn {
    const struct db_rows *stream, *lines;
    struct json headers; /* opened */
    size_t done;         /* rows of lines: sent, or given up */
    int64_t sent, lost, attempts;
    int64_t wait_s;
    const char *error; /* NULL = all is well */
};

static int send_line(struct stream_sender *s, const struct turn *t, struct err *why)
{
    AUTO(arena_free) struct arena *a = arena_new(KIB(16), MIB(16));
    AUTO(buf_done) struct buf body = {0};
    struct str template = db_str(t->stream, 0, COL_TEMPLATE), texts[_LOG_WORD_N] = {{0}};
    buf_init(&body, ALERT_BODY_MAX);
    fill_texts(a, t->lines, t->done, texts);
    log_template_fill(template, texts, &body);
    if (body.full) {
        return err_set(why, -EMSGSIZE, "stream.body", "The body is larger than %zu bytes.",
                       ALERT_BODY_MAX);
    }
    return post_send(s->http, a,
                     &(struct post){.url = db_str(t->stream, 0, COL_URL),
                                    .headers = t->headers,
                                    .body = buf_str(&body)},
                     why);
}

/* --- a turn of a stream ----------------------------------------------------------------------- */

static int64_t retry_s(int64_t attempts)
{
    int64_t wait = FIRST_RETRY_S;
    for (int64_t i = 1; i < attempts && wait < LAST_RETRY_S; i++) {
        wait *= 2;
    }
    return MIN(wait, LAST_RETRY_S);
}

/* Sends until a line fails, all are sent, or the turn is over. */
static void send_lines(struct stream_sender *s, struct turn *t, struct err *why)
{
    int64_t until = clock_mono_ns() + TURN_MS * NS_PER_MS;
    t->attempts = db_int(t->stream, 0, COL_ATTEMPTS);
    for (; t->done < db_rows_n(t->lines) && clock_mono_ns() < until; t->done++) {
        if (db_is_null(t->lines, t->done, COL_LINE)) {
            continue;
        }
        err_clear(why);
        int r = send_line(s, t, why);
        if (r == 0) {
            t->sent++;
            t->attempts = 0;
            t->error = NULL;
            continue;
        }
        t->error = why->message;
        if (why->retryable && ++t->attempts < STREAM_ATTEMPTS) {
            t->wait_s = retry_s(t->attempts);
            return;
        }
        t->lost++;
        t->attempts = 0;
    }
}

static struct uuid after(struct uuid id)
{
    for (int i = 15; i >= 0 && ++id.b[i] == 0; i--) {
    }
    return id;
}

/* Deliveries whose rows are all done go; of the one that is done in part the rest stays. Where the
 * page was full its last delivery may have more than it showed. */
static int record_done(struct stream_sender *s, const struct turn *t, struct err *err)
{
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    struct uuid stream = db_uuid(t->stream, 0, COL_STREAM);
    size_t rows = db_rows_n(t->lines), n = 0;
    struct str *places = arena_array(a, t->done + 1, sizeof(*places));
    int64_t open = -1; /* the place of which there may be more */
    if (t->done < rows) {
        open = db_int(t->lines, t->done, COL_PLACE);
    } else if (rows == STREAM_LINES) {
        open = db_int(t->lines, rows - 1, COL_PLACE);
    }
    for (size_t i = 0; i < t->done; i++) {
        int64_t place = db_int(t->lines, i, COL_PLACE);
        if (place != open) {
            places[n++] = str_of(arena_printf(a, "%lld", (long long)place));
        }
    }
    int r = n == 0 ? 0
                   : db_run(s->db, QUERY_LOG_STREAM_DONE, NULL, err, DB_UUID(stream),
                            DB_TEXTS(places, n));
    size_t last = t->done;
    if (r == 0 && last > 0 && db_int(t->lines, last - 1, COL_PLACE) == open &&
        !db_is_null(t->lines, last - 1, COL_LINE)) {
        r = db_run(s->db, QUERY_LOG_STREAM_BEHIND, NULL, err, DB_UUID(stream), DB_I64(open),
                   DB_UUID(after(db_uuid(t->lines, last - 1, COL_LINE))));
    }
    return r;
}

static int record(struct stream_sender *s, const struct turn *t, struct err *err)
{
    int r = db_begin(s->db, err);
    r = r ? r : record_done(s, t, err);
    r = r ? r
          : db_run(s->db, QUERY_LOG_STREAM_SENT, NULL, err,
                   DB_UUID(db_uuid(t->stream, 0, COL_STREAM)), DB_I64(t->sent), DB_I64(t->lost),
                   DB_I64(t->attempts), t->error ? DB_TEXT(t->error) : DB_NULL, DB_I64(t->wait_s));
    r = r ? r : db_commit(s->db, err);
    if (r != 0) {
        db_rollback(s->db);
    }
    return r;
}

static int open_headers(struct stream_sender *s, struct arena *a, const struct db_rows *stream,
                        struct json *ret, struct err *err)
{
    struct uuid organization = db_uuid(stream, 0, COL_ORGANIZATION),
                id = db_uuid(stream, 0, COL_STREAM);
    struct str plain;
    if (db_is_null(stream, 0, COL_HEADERS)) {
        return 0;
    }
    int r = org_key_open(s->db, s->options.master_key, &organization,
                         "external_log_stream.sealed_headers", &id, db_str(stream, 0, COL_HEADERS),
                         a, &plain, err);
    return r ? r : json_parse(a, plain, ret, err);
}

int stream_sender_once(struct stream_sender *s, bool *ret_found, struct err *err)
{
    AUTO(arena_free) struct arena *a = arena_new(KIB(4), MIB(8));
    AUTO(db_rows_free) struct db_rows *stream = NULL, *lines = NULL;
    struct err why = {0};
    *ret_found = false;
    int r = db_ensure(&s->db, s->options.conninfo, "leat log streams", err);
    r = r ? r : db_run(s->db, QUERY_LOG_STREAM_CLAIM, &stream, err, DB_I64(CLAIM_S));
    if (r != 0 || db_rows_n(stream) == 0) {
        return r;
    }
    *ret_found = true;
    r = db_run(s->db, QUERY_LOG_STREAM_LINES, &lines, err, DB_UUID(db_uuid(stream, 0, COL_STREAM)),
               DB_I64(STREAM_LINES));
    if (r != 0) {
        return r;
    }
    struct turn t = {.stream = stream, .lines = lines};
    r = open_headers(s, a, stream, &t.headers, err);
    if (r != 0) {
        return r;
    }
    send_lines(s, &t, &why);
    return record(s, &t, err);
}
