/* Pulling by hand. Each puller has an inbox of its own and asks with a fresh token each time, so
 * that the server's status messages of an earlier request are told from those of this one;
 * messages are taken whatever request they answer, since the server counts them as delivered.
 * One thread at a time uses a puller. It asks for many without waiting while the last message said
 * that more are pending, else for as many with a wait. Such a request stands until it is used up or
 * ends: what it leaves open comes by itself, so that a stream of single messages costs one request
 * for many. The server ends every request with a status, but says nothing at all where the consumer
 * is missing: silence is followed by a question. It looks up a few times a second, so that a lost
 * connection or a restarted server ends the wait. */
#include "bus_priv.h"

#include "clock.h"

#include <inttypes.h>

#define BATCH_MAX      1000
#define SUBJECT_MAX    256
#define NAME_MAX_BYTES 100
#define SLICE_MS       200 /* a lost connection is seen after at most so long */
#define GRACE_MS       500 /* beyond the server's own deadline */
#define BURST_MS       2   /* silence that ends a burst; what is still owed comes next time */
#define BACK_OFF_MS    20  /* when the server refuses more requests for now */
#define LEAVE_MS       100 /* what was asked for may still come when a puller ends */

struct bus_puller {
    struct bus *bus;
    natsSubscription *sub;
    natsInbox *inbox;
    char stream[NAME_MAX_BYTES], consumer[NAME_MAX_BYTES];
    char next_subject[SUBJECT_MAX];
    char token[SUBJECT_MAX]; /* reply subject of the request under way */
    uint64_t n_requests;
    uint64_t generation;   /* of the connection at the last request */
    bool more;             /* the last message said so */
    int owed;              /* messages of the last request that may still come, */
    int64_t owed_until_ns; /* so long; monotonic, with the grace */
};

enum pull_event {
    PULL_MESSAGE,
    PULL_NONE, /* nothing within the wait */
    PULL_END,  /* the request is over */
    PULL_BUSY, /* refused for now */
    PULL_GONE, /* no such consumer */
    PULL_AWAY, /* the connection or the server goes */
};

static const struct {
    int status;
    const char *description; /* its beginning; "" = any */
    enum pull_event event;
} status_table[] = {
    {404, "", PULL_END},
    {408, "", PULL_END},
    {409, "Consumer Deleted", PULL_GONE},
    {409, "Server Shutdown", PULL_AWAY},
    {409, "", PULL_BUSY},
    {503, "", PULL_GONE},
};

int bus_puller_new(struct bus *bus, const char *stream, const char *consumer,
                   struct bus_puller **ret)
{
    struct bus_puller *p = mem_new(struct bus_puller);
    p->bus = bus;
    p->more = true;
    char subject[SUBJECT_MAX];
    natsStatus s = NATS_INVALID_SUBJECT;
    if (strlen(stream) < NAME_MAX_BYTES && strlen(consumer) < NAME_MAX_BYTES) {
        (void)snprintf(p->stream, sizeof(p->stream), "%s", stream);
        (void)snprintf(p->consumer, sizeof(p->consumer), "%s", consumer);
        (void)snprintf(p->next_subject, sizeof(p->next_subject), "$JS.API.CONSUMER.MSG.NEXT.%s.%s",
                       stream, consumer);
        s = natsInbox_Create(&p->inbox);
    }
    if (s == NATS_OK) {
        (void)snprintf(subject, sizeof(subject), "%s.*", p->inbox);
        s = natsConnection_SubscribeSync(&p->sub, bus->nc, subject);
    }
    if (s != NATS_OK) {
        natsInbox_Destroy(p->inbox);
        mem_free(p);
        return bus_status_rc(s);
    }
    *ret = p;
    return 0;
}

static enum pull_event next(struct bus_puller *p, int64_t wait_ms,
                            struct bus_message **ret_message);

/* Late messages count as delivered: somebody else gets them now, not after the server's ack wait.
 */
static void give_back_late(struct bus_puller *p)
{
    int64_t until = clock_mono_ns() + LEAVE_MS * NS_PER_MS;
    struct bus_message *m;
    while (p->owed > 0 && clock_mono_ns() < until) {
        enum pull_event event = next(p, BURST_MS, &m);
        if (event == PULL_MESSAGE) {
            (void)!bus_nak(p->bus, m);
            bus_message_free(m);
        } else if (event != PULL_NONE) {
            return;
        }
    }
}

struct bus_puller *bus_puller_free(struct bus_puller *p)
{
    if (p) {
        give_back_late(p);
        (void)natsSubscription_Unsubscribe(p->sub);
        bus_bury(p->bus, p->sub);
        natsInbox_Destroy(p->inbox);
        mem_free(p);
    }
    return NULL;
}

static int ask(struct bus_puller *p, int batch, int64_t wait_ms, bool no_wait)
{
    char body[128];
    (void)snprintf(p->token, sizeof(p->token), "%s.%" PRIu64, p->inbox, ++p->n_requests);
    if (no_wait) {
        (void)snprintf(body, sizeof(body), "{\"batch\":%d,\"no_wait\":true}", batch);
    } else {
        (void)snprintf(body, sizeof(body), "{\"batch\":%d,\"expires\":%" PRId64 "}", batch,
                       wait_ms * NS_PER_MS);
    }
    if (!bus_can_send(p->bus)) {
        return -ENOTCONN;
    }
    p->generation = __atomic_load_n(&p->bus->generation, __ATOMIC_ACQUIRE);
    p->owed = batch;
    p->owed_until_ns = clock_mono_ns() + ((no_wait ? 0 : wait_ms) + GRACE_MS) * NS_PER_MS;
    return bus_status_rc(
        natsConnection_PublishRequestString(p->bus->nc, p->next_subject, p->token, body));
}

static enum pull_event event_of_status(int status, const char *description)
{
    for (size_t i = 0; i < ARRAY_LEN(status_table); i++) {
        if (status_table[i].status == status &&
            str_starts(str_of(description), str_of(status_table[i].description))) {
            return status_table[i].event;
        }
    }
    return PULL_BUSY;
}

/* The last part of a message's reply subject is the number still pending. */
static bool more_pending(const natsMsg *msg)
{
    const char *reply = natsMsg_GetReply(msg);
    const char *last = reply ? strrchr(reply, '.') : NULL;
    return last && strcmp(last, ".0") != 0;
}

/* Waits for the next thing that concerns us. */
static enum pull_event next(struct bus_puller *p, int64_t wait_ms, struct bus_message **ret_message)
{
    uint64_t generation = __atomic_load_n(&p->bus->generation, __ATOMIC_ACQUIRE);
    int64_t deadline = clock_mono_ns() + wait_ms * NS_PER_MS;
    for (;;) {
        int64_t left = (deadline - clock_mono_ns()) / NS_PER_MS;
        natsMsg *msg = NULL;
        natsStatus s = natsSubscription_NextMsg(&msg, p->sub, MIN(MAX(left, 1), SLICE_MS));
        if (s == NATS_NO_RESPONDERS) {
            return PULL_GONE;
        }
        if (s == NATS_OK) {
            const char *description;
            int status = bus_message_status(msg, &description);
            if (!status && natsMsg_GetReply(msg)) {
                p->more = more_pending(msg);
                p->owed -= p->owed > 0;
                *ret_message = (struct bus_message *)msg;
                return PULL_MESSAGE;
            }
            bool ours = status && strcmp(natsMsg_GetSubject(msg), p->token) == 0;
            enum pull_event event = ours ? event_of_status(status, description) : PULL_NONE;
            natsMsg_Destroy(msg);
            if (ours) {
                p->owed = 0;
                return event;
            }
        } else if (s != NATS_TIMEOUT && s != NATS_SLOW_CONSUMER) {
            return PULL_AWAY;
        }
        if (generation != __atomic_load_n(&p->bus->generation, __ATOMIC_ACQUIRE)) {
            return PULL_AWAY;
        }
        if (clock_mono_ns() >= deadline) {
            return PULL_NONE;
        }
    }
}

/* Takes what is there already, without waiting for the server. */
static int take_queued(struct bus_puller *p, int batch, struct bus_message **ret_messages)
{
    int n = 0;
    uint64_t queued = 0;
    while (n < batch && natsSubscription_QueuedMsgs(p->sub, &queued) == NATS_OK && queued > 0) {
        if (next(p, 0, &ret_messages[n]) == PULL_MESSAGE) {
            n++;
        }
    }
    return n;
}

/* Takes a burst: the first within wait_ms, the others without pauses. >0 messages, 0 none yet, <0
 * trouble. */
static int take_burst(struct bus_puller *p, int batch, int64_t wait_ms,
                      struct bus_message **ret_messages)
{
    int n = 0;
    enum pull_event event = PULL_MESSAGE;
    while (n < batch && (n == 0 || (p->more && p->owed > 0))) {
        event = next(p, n > 0 ? BURST_MS : wait_ms, &ret_messages[n]);
        if (event != PULL_MESSAGE) {
            break;
        }
        n++;
    }
    if (event == PULL_MESSAGE || (event == PULL_NONE && clock_mono_ns() < p->owed_until_ns)) {
        return n;
    }
    p->owed = 0;
    p->more = event != PULL_END;
    if (n > 0 || event == PULL_END) {
        return n;
    }
    if (event == PULL_BUSY) {
        clock_wait_ns(MIN(wait_ms, BACK_OFF_MS) * NS_PER_MS);
        return 0;
    }
    return event == PULL_GONE   ? -ENOENT
           : event == PULL_AWAY ? -ENOTCONN
                                : bus_consumer_check(p->bus, p->stream, p->consumer);
}

/* Whether a request still stands. One that was overtaken by the connection's loss does not. */
static bool stands(const struct bus_puller *p)
{
    return p->owed > 0 && clock_mono_ns() < p->owed_until_ns &&
           p->generation == __atomic_load_n(&p->bus->generation, __ATOMIC_ACQUIRE);
}

static int pull_once(struct bus_puller *p, int batch, int64_t wait_ms, bool no_wait,
                     struct bus_message **ret_messages)
{
    int rc = ask(p, batch, wait_ms, no_wait);
    return rc < 0 ? rc : take_burst(p, batch, (no_wait ? 0 : wait_ms) + GRACE_MS, ret_messages);
}

int bus_pull_owed(struct bus_puller *p, int batch, struct bus_message **ret_messages)
{
    return take_queued(p, MIN(batch, BATCH_MAX), ret_messages);
}

int bus_pull(struct bus_puller *p, int batch, int64_t wait_ms, struct bus_message **ret_messages)
{
    batch = MIN(batch, BATCH_MAX);
    if (batch <= 0) {
        return -EINVAL;
    }
    wait_ms = MAX(wait_ms, 0);
    int n = take_queued(p, batch, ret_messages);
    if (n == 0 && stands(p)) {
        return take_burst(p, batch, wait_ms, ret_messages);
    }
    if (n == 0 && (p->more || wait_ms == 0)) {
        n = pull_once(p, batch, wait_ms, true, ret_messages);
    }
    if (n == 0 && wait_ms > 0) {
        n = pull_once(p, batch, wait_ms, false, ret_messages);
    }
    return n;
}
