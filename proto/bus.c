/* The connection: made with retries, kept for ever, its publishes, requests and subscriptions.
 * The library's read, flusher and callback threads are its own; here on_connection comes on its
 * callback thread and each subscription's function on that subscription's thread.
 * Nothing is buffered while the connection is away: a publish fails then, and the owners send
 * again what PostgreSQL still shows as open. Ended subscriptions are kept until the connection
 * goes, since this library version can touch one that was destroyed under traffic.
 * It refuses messages over MESSAGE_MAX_BYTES. */
#include "bus_priv.h"

#include "clock.h"
#include "subjects.h"

#define SERVERS_MAX         16
#define URL_MAX_BYTES       2048
#define CONNECT_TIMEOUT_MS  2000
#define RECONNECT_WAIT_MS   100
#define RECONNECT_JITTER_MS 50
#define WRITE_DEADLINE_MS   10000
#define PING_INTERVAL_MS    5000
#define PINGS_OUT_MAX       2
#define FLUSH_TIMEOUT_MS    2000

struct bus_sub {
    struct bus *bus;
    natsSubscription *sub;
    struct bus_sub_end *end;
    bus_message_fn fn;
    void *ctx;
};

struct bus_sub_end {
    pthread_mutex_t mutex; /* guards ended */
    pthread_cond_t changed;
    bool ended;
};

int bus_status_rc(natsStatus s)
{
    static const struct {
        natsStatus status;
        int rc;
    } table[] = {
        {NATS_OK, 0},
        {NATS_TIMEOUT, -ETIMEDOUT},
        {NATS_MAX_PAYLOAD, -EMSGSIZE},
        {NATS_INVALID_SUBJECT, -EINVAL},
        {NATS_INVALID_ARG, -EINVAL},
        {NATS_INVALID_QUEUE_NAME, -EINVAL},
        {NATS_NO_RESPONDERS, -ENOTCONN},
        {NATS_NO_SERVER, -ENOTCONN},
        {NATS_NOT_YET_CONNECTED, -ENOTCONN},
        {NATS_CONNECTION_CLOSED, -ENOTCONN},
        {NATS_CONNECTION_DISCONNECTED, -ENOTCONN},
        {NATS_STALE_CONNECTION, -ENOTCONN},
        {NATS_INSUFFICIENT_BUFFER, -ENOTCONN},
        {NATS_IO_ERROR, -ENOTCONN},
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        if (table[i].status == s) {
            return table[i].rc;
        }
    }
    return -EIO;
}

static void on_disconnected(natsConnection *nc, void *ctx)
{
    struct bus *bus = ctx;
    __atomic_store_n(&bus->connected, false, __ATOMIC_RELEASE);
    __atomic_add_fetch(&bus->generation, 1, __ATOMIC_ACQ_REL);
    inflight_fail_all(bus, -ENOTCONN);
    if (bus->on_connection) {
        bus->on_connection(bus->ctx, false);
    }
}

static void on_reconnected(natsConnection *nc, void *ctx)
{
    struct bus *bus = ctx;
    __atomic_store_n(&bus->connected, true, __ATOMIC_RELEASE);
    if (bus->on_connection) {
        bus->on_connection(bus->ctx, true);
    }
}

static void on_closed(natsConnection *nc, void *ctx)
{
    struct bus *bus = ctx;
    __atomic_store_n(&bus->connected, false, __ATOMIC_RELEASE);
    pthread_mutex_lock(&bus->mutex);
    bus->closed = true;
    pthread_cond_broadcast(&bus->changed);
    pthread_mutex_unlock(&bus->mutex);
}

static natsStatus set_servers(natsOptions *options, const char *url)
{
    char text[URL_MAX_BYTES];
    const char *servers[SERVERS_MAX];
    int n = 0;
    size_t len = strlen(url);
    if (len >= sizeof(text)) {
        return NATS_INVALID_ARG;
    }
    memcpy(text, url, len + 1);
    for (char *at = text; at && n < SERVERS_MAX;) {
        char *comma = strchr(at, ',');
        if (comma) {
            *comma = '\0';
        }
        if (*at) {
            servers[n++] = at;
        }
        at = comma ? comma + 1 : NULL;
    }
    return n ? natsOptions_SetServers(options, servers, n) : NATS_INVALID_ARG;
}

static natsStatus set_options(struct bus *bus, const struct bus_options *o)
{
    natsStatus s = natsOptions_Create(&bus->options);
    if (s != NATS_OK) {
        return s;
    }
    natsOptions *to = bus->options;
    const natsStatus all[] = {
        set_servers(to, o->url),
        natsOptions_SetName(to, o->name ? o->name : "leat"),
        natsOptions_SetTimeout(to, CONNECT_TIMEOUT_MS),
        natsOptions_SetMaxReconnect(to, -1),
        natsOptions_SetReconnectWait(to, RECONNECT_WAIT_MS),
        natsOptions_SetReconnectJitter(to, RECONNECT_JITTER_MS, RECONNECT_JITTER_MS),
        natsOptions_SetReconnectBufSize(to, 1),
        natsOptions_SetFailRequestsOnDisconnect(to, true),
        natsOptions_SetSendAsap(to, true),
        natsOptions_SetWriteDeadline(to, WRITE_DEADLINE_MS),
        natsOptions_SetPingInterval(to, PING_INTERVAL_MS),
        natsOptions_SetMaxPingsOut(to, PINGS_OUT_MAX),
        natsOptions_SetDisconnectedCB(to, on_disconnected, bus),
        natsOptions_SetReconnectedCB(to, on_reconnected, bus),
        natsOptions_SetClosedCB(to, on_closed, bus),
    };
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        if (all[i] != NATS_OK) {
            return all[i];
        }
    }
    return NATS_OK;
}

static natsStatus connect_retried(struct bus *bus, int64_t timeout_ms)
{
    int64_t deadline = timeout_ms < 0 ? INT64_MAX : clock_mono_ns() + timeout_ms * NS_PER_MS;
    for (;;) {
        natsStatus s = natsConnection_Connect(&bus->nc, bus->options);
        if (s == NATS_OK || clock_mono_ns() >= deadline) {
            return s;
        }
        clock_wait_ns(RECONNECT_WAIT_MS * NS_PER_MS);
    }
}

DEFINE_CLEANUP(struct bus *, bus_free)

int bus_new(const struct bus_options *options, int64_t timeout_ms, struct bus **ret,
            struct err *err)
{
    AUTO(bus_free) struct bus *bus = mem_new(struct bus);
    pthread_mutex_init(&bus->mutex, NULL);
    pthread_cond_init(&bus->changed, NULL);
    bus->on_connection = options->on_connection;
    bus->ctx = options->ctx;
    inflight_init(bus);
    natsStatus s = set_options(bus, options);
    if (s != NATS_OK) {
        return err_set(err, bus_status_rc(s), "bus.options", "The NATS address is not usable: %s.",
                       natsStatus_GetText(s));
    }
    /* True before the callbacks can say otherwise. */
    __atomic_store_n(&bus->connected, true, __ATOMIC_RELEASE);
    s = connect_retried(bus, timeout_ms);
    if (s != NATS_OK) {
        return err_set(err, -ENOTCONN, "bus.connect", "NATS cannot be reached: %s.",
                       natsStatus_GetText(s));
    }
    int rc = inflight_listen(bus);
    if (rc < 0) {
        return err_set(err, rc, "bus.connect", "NATS refuses the first subscription.");
    }
    *ret = TAKE(bus);
    return 0;
}

struct bus *bus_free(struct bus *bus)
{
    if (!bus) {
        return NULL;
    }
    if (bus->nc) {
        natsConnection_Close(bus->nc);
        pthread_mutex_lock(&bus->mutex);
        while (!bus->closed) {
            pthread_cond_wait(&bus->changed, &bus->mutex);
        }
        pthread_mutex_unlock(&bus->mutex);
    }
    inflight_done(bus);
    for (size_t i = 0; i < bus->n_graves; i++) {
        natsSubscription_Destroy(bus->graves[i]);
    }
    mem_free(bus->graves);
    natsConnection_Destroy(bus->nc);
    natsOptions_Destroy(bus->options);
    pthread_cond_destroy(&bus->changed);
    pthread_mutex_destroy(&bus->mutex);
    mem_free(bus);
    return NULL;
}

bool bus_connected(struct bus *bus)
{
    return __atomic_load_n(&bus->connected, __ATOMIC_ACQUIRE);
}

bool bus_can_send(struct bus *bus)
{
    return natsConnection_Status(bus->nc) == NATS_CONN_STATUS_CONNECTED;
}

int bus_publish(struct bus *bus, const char *subject, struct str data)
{
    if (data.len > MESSAGE_MAX_BYTES) {
        return -EMSGSIZE;
    }
    if (!bus_can_send(bus)) {
        return -ENOTCONN;
    }
    return bus_status_rc(natsConnection_Publish(bus->nc, subject, data.ptr, (int)data.len));
}

int bus_request(struct bus *bus, const char *subject, struct str data, int64_t timeout_ms,
                struct bus_message **ret)
{
    if (data.len > MESSAGE_MAX_BYTES) {
        return -EMSGSIZE;
    }
    if (!bus_can_send(bus)) {
        return -ENOTCONN;
    }
    natsMsg *reply = NULL;
    natsStatus s = natsConnection_Request(&reply, bus->nc, subject, data.ptr, (int)data.len,
                                          MAX(timeout_ms, 1));
    if (s == NATS_OK) {
        *ret = (struct bus_message *)reply;
    }
    return bus_status_rc(s);
}

/* A bus_message is the library's own message under our name. */
static const natsMsg *message_of(const struct bus_message *m)
{
    return (const natsMsg *)m;
}

int bus_respond(struct bus *bus, const struct bus_message *m, struct str data)
{
    const char *reply = natsMsg_GetReply(message_of(m));
    return reply ? bus_publish(bus, reply, data) : -EINVAL;
}

int bus_ack(struct bus *bus, const struct bus_message *m)
{
    return bus_respond(bus, m, STR("+ACK"));
}

int bus_nak(struct bus *bus, const struct bus_message *m)
{
    return bus_respond(bus, m, STR("-NAK"));
}

int bus_in_progress(struct bus *bus, const struct bus_message *m)
{
    return bus_respond(bus, m, STR("+WPI"));
}

struct str bus_message_data(const struct bus_message *m)
{
    return str_n(natsMsg_GetData(message_of(m)), (size_t)natsMsg_GetDataLength(message_of(m)));
}

const char *bus_message_subject(const struct bus_message *m)
{
    return natsMsg_GetSubject(message_of(m));
}

const char *bus_message_reply_to(const struct bus_message *m)
{
    return natsMsg_GetReply(message_of(m));
}

uint64_t bus_message_deliveries(const struct bus_message *m)
{
    /* $JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time>.<pending> */
    const char *reply = natsMsg_GetReply(message_of(m));
    struct str rest = str_of(reply);
    int64_t delivered = 1;
    for (int token = 0; token < 5 && rest.len > 0; token++) {
        ptrdiff_t dot = str_find(rest, STR("."), 0);
        size_t len = dot < 0 ? rest.len : (size_t)dot;
        if (token == 4 && !str_to_i64(str_n(rest.ptr, len), &delivered)) {
            delivered = 1;
        }
        rest = dot < 0 ? str_n("", 0) : str_n(rest.ptr + len + 1, rest.len - len - 1);
    }
    return delivered > 0 ? (uint64_t)delivered : 1;
}

struct bus_message *bus_message_free(struct bus_message *m)
{
    natsMsg_Destroy((natsMsg *)m);
    return NULL;
}

int bus_message_status(natsMsg *msg, const char **ret_description)
{
    const char *status = NULL;
    *ret_description = "";
    if (natsMsg_GetDataLength(msg) > 0 || natsMsgHeader_Get(msg, "Status", &status) != NATS_OK ||
        !status) {
        return 0;
    }
    (void)natsMsgHeader_Get(msg, "Description", ret_description);
    int64_t code;
    return str_to_i64(str_of(status), &code) && code > 0 && code < 1000 ? (int)code : 0;
}

static void on_sub_complete(void *ctx)
{
    struct bus_sub_end *end = ctx;
    pthread_mutex_lock(&end->mutex);
    end->ended = true;
    pthread_cond_signal(&end->changed);
    pthread_mutex_unlock(&end->mutex);
}

struct bus_sub_end *bus_sub_end_new(natsSubscription *sub)
{
    struct bus_sub_end *end = mem_new(struct bus_sub_end);
    pthread_mutex_init(&end->mutex, NULL);
    pthread_cond_init(&end->changed, NULL);
    if (natsSubscription_SetOnCompleteCB(sub, on_sub_complete, end) != NATS_OK) {
        pthread_cond_destroy(&end->changed);
        pthread_mutex_destroy(&end->mutex);
        mem_free(end);
        return NULL;
    }
    return end;
}

void bus_sub_end_wait(struct bus_sub_end *end)
{
    pthread_mutex_lock(&end->mutex);
    while (!end->ended) {
        pthread_cond_wait(&end->changed, &end->mutex);
    }
    pthread_mutex_unlock(&end->mutex);
    pthread_cond_destroy(&end->changed);
    pthread_mutex_destroy(&end->mutex);
    mem_free(end);
}

void bus_bury(struct bus *bus, natsSubscription *own_sub)
{
    pthread_mutex_lock(&bus->mutex);
    bus->graves = mem_realloc(bus->graves, (bus->n_graves + 1) * sizeof(natsSubscription *));
    bus->graves[bus->n_graves++] = own_sub;
    pthread_mutex_unlock(&bus->mutex);
}

static void on_message(natsConnection *nc, natsSubscription *s, natsMsg *msg, void *ctx)
{
    struct bus_sub *sub = ctx;
    sub->fn(sub->ctx, (struct bus_message *)msg);
    natsMsg_Destroy(msg);
}

int bus_subscribe(struct bus *bus, const char *subject, const char *queue, bus_message_fn fn,
                  void *ctx, struct bus_sub **ret)
{
    struct bus_sub *sub = mem_new(struct bus_sub);
    *sub = (struct bus_sub){.bus = bus, .fn = fn, .ctx = ctx};
    natsStatus s =
        queue ? natsConnection_QueueSubscribe(&sub->sub, bus->nc, subject, queue, on_message, sub)
              : natsConnection_Subscribe(&sub->sub, bus->nc, subject, on_message, sub);
    if (s != NATS_OK) {
        mem_free(sub);
        return bus_status_rc(s);
    }
    sub->end = bus_sub_end_new(sub->sub);
    ASSERT(sub->end);
    /* So that the server knows it on return; while away, it learns it at the reconnect. */
    (void)natsConnection_FlushTimeout(bus->nc, FLUSH_TIMEOUT_MS);
    *ret = sub;
    return 0;
}

struct bus_sub *bus_sub_free(struct bus_sub *sub)
{
    if (sub) {
        (void)natsSubscription_Unsubscribe(sub->sub);
        bus_sub_end_wait(sub->end);
        bus_bury(sub->bus, sub->sub);
        mem_free(sub);
    }
    return NULL;
}
