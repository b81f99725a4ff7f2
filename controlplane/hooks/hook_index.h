/* In memory: flow config id -> what ingress must know to accept a call of it. Loaded at start, kept
 * fresh by LISTEN, and by a look-up in PostgreSQL before any refusal, so that a call right after a
 * deploy finds its flow. Small: about 200 bytes an idle flow. */
#pragma once

#include "err.h"
#include "expr/path.h"
#include "hooks/hook_reply.h"
#include "hooks/hook_url.h"

enum hook_security {
    HOOK_UNSECURED,
    HOOK_CUSTOMER_OPTIONAL, /* checked if the flow config has keys */
    HOOK_CUSTOMER_REQUIRED,
    HOOK_ORGANIZATION, /* keys of the flow */
    _HOOK_SECURITY_N
};

/* Shared by all flow configs of flows that are alike; immutable, counted. */
struct hook_flow {
    struct str name;
    bool synchronous;
    enum hook_security security;
    size_t n_keys;
    const uint8_t (*keys)[32]; /* SHA-256 of the organization's keys */
    bool has_reply;
    struct hook_reply reply;
    bool queued;               /* its executions wait for their turn */
    bool trigger_replies;      /* the trigger's code answers the sender */
    const struct path *dedupe; /* to the id in the request; NULL = none */
};
struct hook_keys {
    _Atomic uint32_t refs;
    uint32_t n;
    uint8_t keys[][32]; /* SHA-256 */
};

/* A copy of an entry; hook_target_done lets go of what it shares. */
struct hook_target {
    struct uuid flow_config_id, organization_id, customer_id, instance_id;
    uint64_t revision;
    bool enabled;
    bool test;         /* of the hidden test instance */
    bool limited;      /* the customer has a limit of executions at once */
    bool debug;        /* all executions of the instance are debugged */
    bool listening;    /* of the test instance: calls are captured, their flow does not run */
    bool preprocesses; /* what it says decides where the event goes: hook_route.c */
    const struct hook_flow *flow;
    struct hook_keys *keys; /* of the flow config; NULL = none */
};
void hook_target_done(struct hook_target *t);
DEFINE_DONE(struct hook_target, hook_target_done)

/* How calls of an instance or of a shared integration are routed. The paths lead into the payload;
 * NULL = not needed. */
struct hook_routing {
    const struct path *flow_name, *customer_id;
};
struct hook_endpoint {
    const struct hook_routing *routing; /* shared, counted: hook_endpoint_done lets go of it */
    bool shared;                        /* of an integration */
    bool preprocessed;                  /* by a flow, not by the request */
    struct uuid preprocess;             /* that flow's config; nil: not deployed */
};
void hook_endpoint_done(struct hook_endpoint *e);
DEFINE_DONE(struct hook_endpoint, hook_endpoint_done)

struct hook_index;
int hook_index_new(const char *conninfo, struct hook_index **ret, struct err *err) must_check;
int hook_index_start(struct hook_index *x) must_check; /* its thread: loads, then listens */
void hook_index_stop(struct hook_index *x);
struct hook_index *hook_index_free(struct hook_index *x);
bool hook_index_loaded(const struct hook_index *x);
size_t hook_index_size(struct hook_index *x);
/* Blocks until the first load is done; -ETIMEDOUT. */
int hook_index_wait(struct hook_index *x, int64_t timeout_ms) must_check;

/* Any thread; a read lock for the copy of one entry. False when the id is unknown. */
bool hook_index_find(struct hook_index *x, const struct uuid *flow_config_id,
                     struct hook_target *ret);

/* The same for what a call of an address for several flows needs. id: of an instance, or of an
 * integration's sequence. */
bool hook_index_endpoint(struct hook_index *x, const struct uuid *id, struct hook_endpoint *ret);
/* The instance that a customer has of an integration: an enabled one, the one deployed last. */
bool hook_index_member(struct hook_index *x, const struct uuid *sequence_id, struct str external_id,
                       struct uuid *ret_instance_id);
/* The flow config of an instance's flow; name "" = of its only flow. */
enum hook_found { HOOK_NONE, HOOK_ONE, HOOK_SEVERAL };
enum hook_found hook_index_flow_of(struct hook_index *x, const struct uuid *instance_id,
                                   struct str name, struct uuid *ret_flow_config_id);

/* Asks PostgreSQL about an id that would be refused. done() is called on the index's thread (it
 * must not block): 0 = the index is now as PostgreSQL says, -ENOTCONN = it could not be asked. */
struct hook_question {
    struct hook_question *next;
    enum hook_url_kind kind;
    struct uuid id;
    struct str customer; /* external id, of an integration; "" = the integration itself */
    void (*done)(struct hook_question *q, int rc);
};
/* 0: done() will come. 1: it was asked within the last second, nothing new: the index stands.
 * -EAGAIN: too many questions are waiting. */
int hook_index_ask(struct hook_index *x, struct hook_question *q) must_check;
DEFINE_CLEANUP(struct hook_index *, hook_index_free)
