/* Shared by the files of the bus (bus*.c) only: the connection and the publishes in flight. */
#pragma once

#include "bus.h"

#include <nats/nats.h>
#include <pthread.h>

#define INFLIGHT_MAX                                                                               \
    16384 /* stored publishes that wait for their acknowledgement; power of two                    \
           */

struct bus_sub_end;

/* One publish waiting for its acknowledgement; free when done is NULL. */
struct inflight_slot {
    uint64_t id;
    int64_t deadline_ns; /* monotonic */
    bus_ack_fn done;
    void *ctx;
};

struct inflight {
    pthread_mutex_t mutex; /* guards all below */
    pthread_cond_t wake;   /* of the timer: an earlier deadline, or the end */
    struct inflight_slot *slots;
    size_t n;
    uint64_t next_id;
    int64_t earliest_ns; /* no deadline is before it; INT64_MAX = none */
    bool stopping;
    pthread_t timer;
    natsInbox *inbox;
    size_t inbox_len;
    natsSubscription *sub;
    struct bus_sub_end *sub_end;
};

struct bus {
    natsOptions *options;
    natsConnection *nc;
    void (*on_connection)(void *ctx, bool connected);
    void *ctx;
    bool connected;        /* atomic */
    uint64_t generation;   /* atomic; raised at each loss of the connection */
    pthread_mutex_t mutex; /* guards closed and graves */
    pthread_cond_t changed;
    bool closed;               /* the library's last callback of the connection came */
    natsSubscription **graves; /* ended subscriptions: destroying one under traffic can crash */
    size_t n_graves;
    struct inflight inflight;
};

int bus_status_rc(natsStatus s); /* 0 or -errno */
/* Whether to try a publish: the library would buffer one while it reconnects. */
bool bus_can_send(struct bus *bus);
/* The end of an asynchronous subscription: after it no callback runs. */
struct bus_sub_end *bus_sub_end_new(natsSubscription *sub); /* before traffic; NULL on trouble */
void bus_sub_end_wait(struct bus_sub_end *end);             /* after unsubscribe or close; frees */
/* Keeps an unsubscribed subscription until bus_free. */
void bus_bury(struct bus *bus, natsSubscription *own_sub);
/* The status code of a headers-only message of the server ("503"); 0 = a message. */
int bus_message_status(natsMsg *msg, const char **ret_description);

void inflight_init(struct bus *bus);
int inflight_listen(struct bus *bus) must_check; /* once connected */
void inflight_done(struct bus *bus);             /* the connection is closed: calls what is left */
void inflight_fail_all(struct bus *bus, int rc);

/* 0, -ENOENT when the stream or consumer is missing, <0 when the server does not answer. */
int bus_consumer_check(struct bus *bus, const char *stream, const char *consumer) must_check;
