/* One call of a webhook on its way: who waits, what for, and how it is answered. */
#pragma once

#include "hooks/hook.h"
#include "run_result.h"

#define SYNC_BUCKETS 4096
#define REPLY_TO_MAX 80

struct hook_call;
/* What a loop has of the ingress; only its thread touches it, but for sink and reply_to. */
struct hook_loop {
    struct accept_sink sink;
    struct hooks *hooks;
    const struct result_urls *urls;
    struct loop *loop;
    struct bus_sub *sub;
    char reply_to[REPLY_TO_MAX];
    struct hook_call *sync[SYNC_BUCKETS]; /* waiting for a run's answer, by execution id */
    size_t n_sync;
};
struct hook_call {
    struct hook_question question; /* first: turned back into the call */
    struct hook_loop *at;
    struct op *op; /* NULL once answered */
    struct hook_target target;
    struct uuid execution_id;
    struct hook_route *route; /* owned: why its address led nowhere; NULL = it serves one flow */
    bool asking;              /* the index has the question */
    bool committing;          /* accept has the ticket */
    bool waiting;             /* in the table of synchronous calls */
    bool for_trigger;         /* what it waits for is the trigger's answer, not the flow's */
    bool in_queue;            /* the execution has a place in a queue */
    bool committed;
    struct hook_call *next; /* in the table */
    struct str reply;       /* owned: the run's answer that came before the commit */
    struct loop_message message;
};

struct hook_call *hook_call_new(struct hook_loop *at, struct op *op);
/* Frees it when it was answered and nobody has it any more. */
void hook_call_settle(struct hook_call *call);

void hook_call_wait(struct hook_call *call); /* enters the table by its execution id */
struct hook_call *hook_call_find(struct hook_loop *at, const struct uuid *execution_id);

/* Answers; each leaves call->op NULL. */
void hook_call_accepted(struct hook_call *call, const struct uuid *execution_id, bool plain);
void hook_call_sync_reply(struct hook_call *call, const struct sync_reply *reply);
/* What it waits for did not come: the flow goes on. */
void hook_call_timed_out(struct hook_call *call);
void hook_call_unavailable(struct hook_call *call, const char *words);
void hook_call_overloaded(struct hook_call *call, const char *words);
