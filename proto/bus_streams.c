/* The JetStream API through plain requests: making streams and consumers as the table says, and
 * asking how a queue stands. Blocking; any thread; no state. JSON of the server is read with
 * bounds; its error objects become -ENOENT (no such stream or consumer) or -EIO with its words. */
#include "bus_priv.h"

#include "clock.h"
#include "subjects.h"

#include <jansson.h>
#include <time.h>

#define API                  "$JS.API."
#define API_TIMEOUT_MS       5000
#define API_REPLY_MAX        MIB(16) /* a stored message comes back in base64 */
#define SUBJECT_MAX          256
#define NAME_MAX             64
#define ACK_WAIT_MS          60000
#define MAX_ACK_PENDING      20000
#define MAX_WAITING          2048
#define CODE_NOT_FOUND       404
#define ERR_STREAM_NAME_USED 10058 /* a stream of that name with other settings */

static inline void json_decref_cleanup(json_t **j)
{
    json_decref(*j);
}
DEFINE_CLEANUP(struct bus_message *, bus_message_free)

static int error_of_reply(const json_t *reply, struct err *err)
{
    const json_t *error = json_object_get(reply, "error");
    if (!error) {
        return 0;
    }
    const char *words = json_string_value(json_object_get(error, "description"));
    bool absent = json_integer_value(json_object_get(error, "code")) == CODE_NOT_FOUND;
    return err_set(err, absent ? -ENOENT : -EIO, absent ? "bus.not_found" : "bus.refused",
                   "NATS says: %s.", words ? words : "unknown error");
}

/* Sends own_body (may be NULL) to API + what and reads the reply, errors included. */
static int api_call(struct bus *bus, const char *what, const char *name, const char *name2,
                    json_t *own_body, json_t **ret_reply, struct err *err)
{
    char subject[SUBJECT_MAX];
    int len = snprintf(subject, sizeof(subject), API "%s.%s%s%s", what, name, name2 ? "." : "",
                       name2 ? name2 : "");
    char *body = own_body ? json_dumps(own_body, JSON_COMPACT) : NULL;
    json_decref(own_body);
    AUTO(bus_message_free) struct bus_message *m = NULL;
    int rc = len > 0 && (size_t)len < sizeof(subject)
                 ? bus_request(bus, subject, str_of(body), API_TIMEOUT_MS, &m)
                 : -EINVAL;
    free(body);
    if (rc < 0) {
        return err_set(err, rc, "bus.no_answer", "NATS does not answer %s: %s.", subject,
                       strerror(-rc));
    }
    struct str data = bus_message_data(m);
    json_t *reply = data.len <= API_REPLY_MAX ? json_loadb(data.ptr, data.len, 0, NULL) : NULL;
    if (!json_is_object(reply)) {
        json_decref(reply);
        return err_set(err, -EIO, "bus.reply", "NATS answers %s with what is no object.", subject);
    }
    *ret_reply = reply;
    return 0;
}

static json_t *stream_config(const struct stream_spec *s)
{
    return json_pack("{s:s, s:[s], s:s, s:s, s:s, s:I, s:i, s:i, s:i, s:i, s:I}", "name", s->name,
                     "subjects", s->subjects, "retention", "workqueue", "storage",
                     s->in_memory ? "memory" : "file", "discard", "new", "max_bytes",
                     (json_int_t)s->max_bytes, "max_msgs", -1, "max_consumers", -1, "max_msg_size",
                     -1, "num_replicas", 1, "duplicate_window",
                     (json_int_t)(s->duplicate_window_ms * NS_PER_MS));
}

static int ensure_stream(struct bus *bus, const struct stream_spec *s, struct err *err)
{
    AUTO(json_decref) json_t *created = NULL, *updated = NULL;
    int rc = api_call(bus, "STREAM.CREATE", s->name, NULL, stream_config(s), &created, err);
    if (rc < 0) {
        return rc;
    }
    const json_t *error = json_object_get(created, "error");
    if (json_integer_value(json_object_get(error, "err_code")) != ERR_STREAM_NAME_USED) {
        return error_of_reply(created, err);
    }
    rc = api_call(bus, "STREAM.UPDATE", s->name, NULL, stream_config(s), &updated, err);
    return rc < 0 ? rc : error_of_reply(updated, err);
}

static int ensure_consumer(struct bus *bus, const char *stream, const char *name,
                           const char *filter, struct err *err)
{
    json_t *config = json_pack("{s:s, s:s, s:s, s:I, s:i, s:s, s:s, s:i, s:i}", "durable_name",
                               name, "deliver_policy", "all", "ack_policy", "explicit", "ack_wait",
                               (json_int_t)(ACK_WAIT_MS * NS_PER_MS), "max_deliver", -1,
                               "filter_subject", filter, "replay_policy", "instant",
                               "max_ack_pending", MAX_ACK_PENDING, "max_waiting", MAX_WAITING);
    AUTO(json_decref) json_t *reply = NULL;
    int rc =
        api_call(bus, "CONSUMER.DURABLE.CREATE", stream, name,
                 json_pack("{s:s, s:o}", "stream_name", stream, "config", config), &reply, err);
    return rc < 0 ? rc : error_of_reply(reply, err);
}

static bool pool_name_ok(const char *pool)
{
    return *pool && strlen(pool) <= NAME_MAX - sizeof(CONSUMER_BULK "-") &&
           !strpbrk(pool, ".*> \t\r\n/\\");
}

int bus_ensure_streams(struct bus *bus, const char *pool, struct err *err)
{
    if (!pool_name_ok(pool)) {
        return err_set(err, -EINVAL, "bus.pool", "The pool name is not usable.");
    }
    char consumer[NAME_MAX + sizeof(CONSUMER_BULK)];
    char filter[NAME_MAX + sizeof(SUBJECT_RUN SUBJECT_BULK)];
    (void)snprintf(consumer, sizeof(consumer), CONSUMER_RUN "-%s", pool);
    (void)snprintf(filter, sizeof(filter), SUBJECT_RUN ".%s", pool);
    for (const struct stream_spec *s = stream_specs; s->name; s++) {
        int rc = ensure_stream(bus, s, err);
        if (rc < 0) {
            return rc;
        }
    }
    int rc = ensure_consumer(bus, STREAM_RUN, consumer, filter, err);
    if (rc == 0) {
        (void)snprintf(consumer, sizeof(consumer), CONSUMER_BULK "-%s", pool);
        (void)snprintf(filter, sizeof(filter), SUBJECT_RUN ".%s" SUBJECT_BULK, pool);
        rc = ensure_consumer(bus, STREAM_RUN, consumer, filter, err);
    }
    return rc < 0 ? rc : ensure_consumer(bus, STREAM_RESULT, CONSUMER_RESULT, SUBJECT_RESULT, err);
}

int bus_consumer_check(struct bus *bus, const char *stream, const char *consumer)
{
    AUTO(json_decref) json_t *reply = NULL;
    int rc = api_call(bus, "CONSUMER.INFO", stream, consumer, NULL, &reply, NULL);
    return rc < 0 ? rc : error_of_reply(reply, NULL);
}

static uint64_t number_at(const json_t *object, const char *key)
{
    json_int_t v = json_integer_value(json_object_get(object, key));
    return v > 0 ? (uint64_t)v : 0;
}

/* "2026-01-02T03:04:05.123456789Z" -> ns since the epoch; 0 when absent or anything else. */
static int64_t time_at(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    struct tm tm = {0};
    const char *rest = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;
    if (!rest || tm.tm_year < 70) {
        return 0;
    }
    int64_t ns = (int64_t)timegm(&tm) * NS_PER_SEC;
    if (*rest == '.') {
        int64_t unit = NS_PER_SEC / 10;
        for (rest++; *rest >= '0' && *rest <= '9'; rest++, unit /= 10) {
            ns += (*rest - '0') * unit;
        }
    }
    return ns;
}

/* The store time of the first message of the consumer's subject at or after a sequence number. */
static int oldest_after(struct bus *bus, const char *stream, uint64_t seq, const char *subject,
                        int64_t *ret_ns, struct err *err)
{
    AUTO(json_decref) json_t *reply = NULL;
    int rc = api_call(bus, "STREAM.MSG.GET", stream, NULL,
                      json_pack("{s:I, s:s}", "seq", (json_int_t)seq, "next_by_subj", subject),
                      &reply, err);
    rc = rc < 0 ? rc : error_of_reply(reply, err);
    if (rc == 0) {
        *ret_ns = time_at(json_object_get(reply, "message"), "time");
    }
    return rc;
}

int bus_queue_state(struct bus *bus, const char *stream, const char *consumer,
                    struct bus_queue_state *ret, struct err *err)
{
    AUTO(json_decref) json_t *s = NULL, *c = NULL;
    int rc = api_call(bus, "STREAM.INFO", stream, NULL, NULL, &s, err);
    rc = rc < 0 ? rc : error_of_reply(s, err);
    rc = rc < 0 ? rc : api_call(bus, "CONSUMER.INFO", stream, consumer, NULL, &c, err);
    rc = rc < 0 ? rc : error_of_reply(c, err);
    if (rc < 0) {
        return rc;
    }
    const json_t *kept = json_object_get(s, "state");
    struct bus_queue_state state = {
        .pending = number_at(c, "num_pending"),
        .ack_pending = number_at(c, "num_ack_pending"),
        .bytes = number_at(kept, "bytes"),
        .created_ns = time_at(s, "created"),
    };
    if (state.pending > 0 && state.pending == number_at(kept, "messages")) {
        state.oldest_pending_ns = time_at(kept, "first_ts"); /* all of the stream waits */
    } else if (state.pending > 0) {
        const char *filter =
            json_string_value(json_object_get(json_object_get(c, "config"), "filter_subject"));
        uint64_t seq = number_at(json_object_get(c, "delivered"), "stream_seq") + 1;
        rc = oldest_after(bus, stream, seq, filter && *filter ? filter : ">",
                          &state.oldest_pending_ns, err);
    }
    if (rc < 0 && rc != -ENOENT) { /* not found: delivered in the meantime */
        return rc;
    }
    *ret = state;
    return 0;
}
