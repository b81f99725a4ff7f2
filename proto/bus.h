/* The only module that knows libnats. A connection that reconnects for ever, JetStream publishing
 * with acknowledgement, pulling by hand (natsSubscription_Fetch of this library version can
 * overflow the heap), request/reply and core publish. All functions may be called on any thread and
 * may block on a full socket: never call them on an event loop. */
#pragma once

#include "err.h"
#include "str.h"

struct bus;
struct bus_message;

struct bus_options {
    const char *url;                                  /* nats://[user:pass@]host:port[,...] */
    const char *name;                                 /* shown by the server */
    void (*on_connection)(void *ctx, bool connected); /* on a library thread; may be NULL */
    void *ctx;
};
/* The first connect is retried until timeout_ms (negative: for ever). */
int bus_new(const struct bus_options *options, int64_t timeout_ms, struct bus **ret,
            struct err *err) must_check;
/* Closes; publishes still in flight are called back first. Free pullers and subscriptions before;
 * never from a callback of the bus. */
struct bus *bus_free(struct bus *bus);
bool bus_connected(struct bus *bus);

/* Creates or updates the table's streams and the consumers of this pool; idempotent. Returns <0
 * while the server is away. */
int bus_ensure_streams(struct bus *bus, const char *pool, struct err *err) must_check;

/* Core publish; 0 or <0 when disconnected (nothing is buffered across a reconnect). */
int bus_publish(struct bus *bus, const char *subject, struct str data) must_check;
/* Request and one reply. Reply data is owned by *ret (bus_message_free). -ETIMEDOUT, -ENOTCONN. */
int bus_request(struct bus *bus, const char *subject, struct str data, int64_t timeout_ms,
                struct bus_message **ret) must_check;

/* JetStream publish, asynchronous: the callback comes exactly once, on a library thread: rc 0 when
 * stored (PubAck), -ENOSPC when the stream is full, -EIO for any other refusal of the server,
 * -ENOTCONN when no stream takes the subject; -ETIMEDOUT, or -ENOTCONN for a lost connection (then
 * it may be stored all the same). msg_id dedupes within the stream's window; NULL = none. `data`
 * is copied before return. Returns <0 when nothing was sent (no callback then): -ENOTCONN,
 * -EMSGSIZE, -EAGAIN when 16,384 are in flight. The callback must not block: it holds up all
 * others. */
typedef void (*bus_ack_fn)(void *ctx, int rc);
int bus_publish_stored(struct bus *bus, const char *subject, const char *msg_id, struct str data,
                       int64_t timeout_ms, bus_ack_fn done, void *ctx) must_check;

/* Subscription with a callback on one library thread a subscription; queue NULL = every subscriber
 * gets it. The message is freed by the bus after the callback. */
struct bus_sub;
typedef void (*bus_message_fn)(void *ctx, struct bus_message *m);
int bus_subscribe(struct bus *bus, const char *subject, const char *queue, bus_message_fn fn,
                  void *ctx, struct bus_sub **ret) must_check;
struct bus_sub *bus_sub_free(struct bus_sub *sub); /* waits for its callback; not from within it */
int bus_respond(struct bus *bus, const struct bus_message *m, struct str data) must_check;

/* A pull consumer. bus_pull asks for up to `batch` messages and waits up to wait_ms for the first;
 * returns the number put in ret_messages (0 = none yet), <0 on trouble (-ENOTCONN: wait and retry;
 * -ENOENT: stream or consumer gone, call bus_ensure_streams). Stale status messages are handled;
 * what comes too late for bus_puller_free is given back. */
struct bus_puller;
int bus_puller_new(struct bus *bus, const char *stream, const char *consumer,
                   struct bus_puller **ret) must_check;
struct bus_puller *bus_puller_free(struct bus_puller *p);
int bus_pull(struct bus_puller *p, int batch, int64_t wait_ms,
             struct bus_message **ret_messages) must_check;
/* A request that waits stays open for up to wait_ms after bus_pull has returned: messages go on
 * coming for it. This takes those that are here, and asks for nothing. */
int bus_pull_owed(struct bus_puller *p, int batch, struct bus_message **ret_messages) must_check;
must_check int bus_ack(struct bus *bus, const struct bus_message *m); /* +ACK, not waited for */
must_check int bus_nak(struct bus *bus, const struct bus_message *m); /* -NAK: redeliver now */
must_check int bus_in_progress(struct bus *bus, const struct bus_message *m); /* +WPI */

struct str bus_message_data(const struct bus_message *m);
const char *bus_message_subject(const struct bus_message *m);
/* Where an answer goes, for bus_publish after the callback; NULL = none is asked for. */
const char *bus_message_reply_to(const struct bus_message *m);
/* How often a pulled message has been handed out, this time included; 1 for others. */
uint64_t bus_message_deliveries(const struct bus_message *m);
struct bus_message *bus_message_free(struct bus_message *m); /* accepts NULL */

/* How a work-queue stream stands, for admission and sweeping. */
struct bus_queue_state {
    uint64_t pending;          /* messages not yet delivered */
    uint64_t ack_pending;      /* delivered, not acked */
    uint64_t bytes;            /* stored */
    int64_t oldest_pending_ns; /* store time of the oldest undelivered message; 0 = none */
    int64_t created_ns;        /* of the stream: changes when its store was lost */
};
int bus_queue_state(struct bus *bus, const char *stream, const char *consumer,
                    struct bus_queue_state *ret, struct err *err) must_check;
