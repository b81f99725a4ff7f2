/* Stored publishes: each goes out with a reply subject of its own under one inbox, and waits in a
 * slot for the server's acknowledgement, its deadline or the loss of the connection, whichever
 * comes first; the one who empties the slot makes the callback, so that it comes exactly once.
 * Callbacks run on the inbox subscription's thread, the timer thread or the library's callback
 * thread, never under the mutex. It refuses more than INFLIGHT_MAX at once. */
#include "bus_priv.h"

#include "clock.h"
#include "subjects.h"

#include <jansson.h>
#include <time.h>

#define TOKEN_MAX        64
#define MSG_ID_HEADER    "Nats-Msg-Id"
#define PUB_ACK_MAX      KIB(16)
#define CODE_UNAVAILABLE 503 /* no responders: no stream takes this subject */

/* What the server says when a stream or its disk is full, by err_code. */
static const int full_codes[] = {
    10023, /* insufficient resources */
    10028, /* memory resources exceeded */
    10047, /* storage resources exceeded */
    10077, /* store failed: maximum bytes exceeded */
    10122, /* maximum bytes of the server's disk */
};

static int rc_of_error(const json_t *error)
{
    json_int_t err_code = json_integer_value(json_object_get(error, "err_code"));
    for (size_t i = 0; i < ARRAY_LEN(full_codes); i++) {
        if (err_code == full_codes[i]) {
            return -ENOSPC;
        }
    }
    return -EIO;
}

static int rc_of_ack(natsMsg *msg)
{
    const char *description;
    int status = bus_message_status(msg, &description);
    if (status) {
        return status == CODE_UNAVAILABLE ? -ENOTCONN : -EIO;
    }
    size_t len = (size_t)natsMsg_GetDataLength(msg);
    if (len > PUB_ACK_MAX) {
        return -EIO;
    }
    json_t *ack = json_loadb(natsMsg_GetData(msg), len, 0, NULL);
    const json_t *error = json_object_get(ack, "error");
    int rc = error ? rc_of_error(error) : json_is_integer(json_object_get(ack, "seq")) ? 0 : -EIO;
    json_decref(ack);
    return rc;
}

/* Empties the slot of this id; false when somebody else did. Under the mutex. */
static bool slot_take(struct inflight *f, uint64_t id, struct inflight_slot *ret_slot)
{
    struct inflight_slot *slot = &f->slots[id % INFLIGHT_MAX];
    if (!slot->done || slot->id != id) {
        return false;
    }
    *ret_slot = *slot;
    slot->done = NULL;
    f->n--;
    return true;
}

static bool take(struct inflight *f, uint64_t id, struct inflight_slot *ret_slot)
{
    pthread_mutex_lock(&f->mutex);
    bool taken = slot_take(f, id, ret_slot);
    pthread_mutex_unlock(&f->mutex);
    return taken;
}

static bool token_parse(const char *text, uint64_t *ret_id)
{
    uint64_t id = 0;
    size_t i = 0;
    for (; text[i] && i < 16; i++) {
        char c = text[i];
        if (c >= '0' && c <= '9') {
            id = id << 4 | (uint64_t)(c - '0');
        } else if (c >= 'a' && c <= 'f') {
            id = id << 4 | (uint64_t)(c - 'a' + 10);
        } else {
            return false;
        }
    }
    *ret_id = id;
    return i > 0 && !text[i];
}

static void on_ack(natsConnection *nc, natsSubscription *sub, natsMsg *msg, void *ctx)
{
    struct bus *bus = ctx;
    struct inflight *f = &bus->inflight;
    const char *subject = natsMsg_GetSubject(msg);
    uint64_t id;
    struct inflight_slot slot;
    if (strlen(subject) > f->inbox_len + 1 && token_parse(subject + f->inbox_len + 1, &id) &&
        take(f, id, &slot)) {
        slot.done(slot.ctx, rc_of_ack(msg));
    }
    natsMsg_Destroy(msg);
}

/* Takes up to max slots that are due at now_ns and finds the next deadline. Under the mutex. */
static size_t take_due(struct inflight *f, int64_t now_ns, struct inflight_slot *ret, size_t max)
{
    size_t n = 0;
    int64_t earliest = INT64_MAX;
    for (size_t i = 0; i < INFLIGHT_MAX && f->n > 0; i++) {
        struct inflight_slot *slot = &f->slots[i];
        if (!slot->done) {
            continue;
        }
        if (slot->deadline_ns > now_ns || n == max) {
            earliest = MIN(earliest, slot->deadline_ns);
        } else if (slot_take(f, slot->id, &ret[n])) {
            n++;
        }
    }
    f->earliest_ns = earliest;
    return n;
}

/* Calls back everything due at now_ns, in portions. */
static void call_due(struct inflight *f, int64_t now_ns, int rc)
{
    struct inflight_slot due[64];
    size_t n;
    do {
        pthread_mutex_lock(&f->mutex);
        n = take_due(f, now_ns, due, ARRAY_LEN(due));
        pthread_mutex_unlock(&f->mutex);
        for (size_t i = 0; i < n; i++) {
            due[i].done(due[i].ctx, rc);
        }
    } while (n == ARRAY_LEN(due));
}

static void *timer_main(void *ctx)
{
    struct inflight *f = ctx;
    pthread_mutex_lock(&f->mutex);
    while (!f->stopping) {
        int64_t until = f->earliest_ns;
        if (until == INT64_MAX) {
            pthread_cond_wait(&f->wake, &f->mutex);
        } else if (clock_mono_ns() < until) {
            struct timespec ts = {until / NS_PER_SEC, until % NS_PER_SEC};
            (void)pthread_cond_timedwait(&f->wake, &f->mutex, &ts);
        } else {
            pthread_mutex_unlock(&f->mutex);
            call_due(f, clock_mono_ns(), -ETIMEDOUT);
            pthread_mutex_lock(&f->mutex);
        }
    }
    pthread_mutex_unlock(&f->mutex);
    return NULL;
}

void inflight_fail_all(struct bus *bus, int rc)
{
    call_due(&bus->inflight, INT64_MAX, rc);
}

void inflight_init(struct bus *bus)
{
    struct inflight *f = &bus->inflight;
    f->earliest_ns = INT64_MAX;
    pthread_mutex_init(&f->mutex, NULL);
    clock_cond_init(&f->wake);
    f->slots = mem_array(INFLIGHT_MAX, sizeof(*f->slots));
    ASSERT(pthread_create(&f->timer, NULL, timer_main, f) == 0);
}

int inflight_listen(struct bus *bus)
{
    struct inflight *f = &bus->inflight;
    char subject[TOKEN_MAX * 2];
    natsStatus s = natsInbox_Create(&f->inbox);
    if (s != NATS_OK) {
        return bus_status_rc(s);
    }
    f->inbox_len = strlen(f->inbox);
    (void)snprintf(subject, sizeof(subject), "%s.*", f->inbox);
    s = natsConnection_Subscribe(&f->sub, bus->nc, subject, on_ack, bus);
    if (s == NATS_OK) {
        f->sub_end = bus_sub_end_new(f->sub);
        ASSERT(f->sub_end);
    }
    return bus_status_rc(s);
}

void inflight_done(struct bus *bus)
{
    struct inflight *f = &bus->inflight;
    if (f->sub) {
        (void)natsSubscription_Unsubscribe(f->sub);
        bus_sub_end_wait(f->sub_end);
        natsSubscription_Destroy(f->sub);
    }
    pthread_mutex_lock(&f->mutex);
    f->stopping = true;
    pthread_cond_signal(&f->wake);
    pthread_mutex_unlock(&f->mutex);
    pthread_join(f->timer, NULL);
    call_due(f, INT64_MAX, -ENOTCONN);
    pthread_cond_destroy(&f->wake);
    pthread_mutex_destroy(&f->mutex);
    mem_free(f->slots);
    natsInbox_Destroy(f->inbox);
}

static int slot_fill(struct inflight *f, int64_t timeout_ms, bus_ack_fn done, void *ctx,
                     uint64_t *ret_id)
{
    int64_t deadline = clock_mono_ns() + MAX(timeout_ms, 1) * NS_PER_MS;
    pthread_mutex_lock(&f->mutex);
    if (f->n == INFLIGHT_MAX) {
        pthread_mutex_unlock(&f->mutex);
        return -EAGAIN;
    }
    do {
        f->next_id++;
    } while (f->slots[f->next_id % INFLIGHT_MAX].done);
    uint64_t id = f->next_id;
    f->slots[id % INFLIGHT_MAX] = (struct inflight_slot){id, deadline, done, ctx};
    f->n++;
    if (deadline < f->earliest_ns) {
        f->earliest_ns = deadline;
        pthread_cond_signal(&f->wake);
    }
    pthread_mutex_unlock(&f->mutex);
    *ret_id = id;
    return 0;
}

static natsStatus publish_with_id(struct bus *bus, const char *subject, const char *reply,
                                  const char *msg_id, struct str data)
{
    natsMsg *msg = NULL;
    natsStatus s = natsMsg_Create(&msg, subject, reply, data.ptr, (int)data.len);
    if (s == NATS_OK) {
        s = natsMsgHeader_Set(msg, MSG_ID_HEADER, msg_id);
    }
    if (s == NATS_OK) {
        s = natsConnection_PublishMsg(bus->nc, msg);
    }
    natsMsg_Destroy(msg);
    return s;
}

int bus_publish_stored(struct bus *bus, const char *subject, const char *msg_id, struct str data,
                       int64_t timeout_ms, bus_ack_fn done, void *ctx)
{
    struct inflight *f = &bus->inflight;
    char reply[TOKEN_MAX * 2];
    uint64_t id;
    if (data.len > MESSAGE_MAX_BYTES) {
        return -EMSGSIZE;
    }
    if (!bus_can_send(bus)) {
        return -ENOTCONN;
    }
    int rc = slot_fill(f, timeout_ms, done, ctx, &id);
    if (rc < 0) {
        return rc;
    }
    (void)snprintf(reply, sizeof(reply), "%s.%llx", f->inbox, (unsigned long long)id);
    natsStatus s =
        msg_id ? publish_with_id(bus, subject, reply, msg_id, data)
               : natsConnection_PublishRequest(bus->nc, subject, reply, data.ptr, (int)data.len);
    struct inflight_slot slot;
    if (s != NATS_OK && take(f, id, &slot)) {
        return bus_status_rc(s);
    }
    return 0; /* also when it failed but its callback came already, for the lost connection */
}
