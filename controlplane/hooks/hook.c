/* The hot path: finds the flow of a webhook call, checks its key and size, hands it to accept and
 * answers when its row is committed; a synchronous call when the run has answered, too, and one of
 * a flow whose trigger replies when that has, or has not in time. Everything but the three posting
 * functions (outcomes, index answers, replies) runs on the loop's thread. It never answers 2xx for
 * an event that is not committed. */
#include "hooks/hook.h"

#include <netdb.h>

#include "clock.h"
#include "hooks/hook_call.h"
#include "domain/dedupe_id.h"
#include "hooks/hook_route.h"
#include "hooks/hook_url.h"
#include "http/metrics.h"
#include "http/server.h"
#include "log.h"
#include "secret.h"
#include "subjects.h"

#define DEFAULT_MAX_SYNC 10000
#define MAX_HEADERS      128 /* h2o takes at most 100 */
#define MAX_IDEMPOTENCY  255
#define TRACEPARENT_LEN  55

struct hooks {
    struct hooks_options options;
    size_t n_loops;
    struct hook_loop *loops;
};

enum verdict { VERDICT_OK, VERDICT_UNKNOWN, VERDICT_PAUSED, VERDICT_KEY, VERDICT_ROUTE };

/* Many outcomes or one answer, on their way to a loop. */
struct outcomes_message {
    struct loop_message super;
    struct hook_loop *at;
    size_t n;
    struct accept_outcome items[];
};
struct reply_message {
    struct loop_message super;
    struct hook_loop *at;
    size_t len;
    char data[];
};

static bool key_among(const uint8_t digest[32], const uint8_t (*keys)[32], size_t n)
{
    bool found = false;
    for (size_t i = 0; i < n; i++) { /* all of them: the time must not tell which */
        found |= secret_equal(str_n((const char *)digest, 32), str_n((const char *)keys[i], 32));
    }
    return found;
}

static bool key_fits(const struct hook_target *t, struct str key)
{
    const struct hook_flow *flow = t->flow;
    bool organization = flow->security == HOOK_ORGANIZATION;
    size_t n = organization ? flow->n_keys : t->keys ? t->keys->n : 0;
    if (flow->security == HOOK_UNSECURED || (flow->security == HOOK_CUSTOMER_OPTIONAL && n == 0)) {
        return true;
    }
    if (key.len == 0 || n == 0) {
        return false;
    }
    uint8_t digest[32];
    secret_sha256(key, digest);
    return key_among(digest, organization ? flow->keys : (const uint8_t(*)[32])t->keys->keys, n);
}

static void refuse(struct hook_call *call, enum verdict verdict)
{
    struct op *op = TAKE(call->op);
    switch (verdict) {
    case VERDICT_OK:
    case VERDICT_UNKNOWN:
        metrics_add(METRIC_REJECTED_UNKNOWN, 1);
        op_error(op, 404, "unknown_flow", "no deployed flow has this address");
        break;
    case VERDICT_PAUSED:
        metrics_add(METRIC_REJECTED_PAUSED, 1);
        op_error(op, 404, "instance_paused", "the instance of this flow is paused");
        break;
    case VERDICT_KEY:
        metrics_add(METRIC_REJECTED_KEY, 1);
        op_error(op, 401, "api_key", "the Api-Key header is missing or wrong");
        break;
    case VERDICT_ROUTE:
        metrics_add(call->route->status == 400 ? METRIC_REJECTED_BAD : METRIC_REJECTED_UNKNOWN, 1);
        op_error(op, call->route->status, call->route->code, "%s", call->route->why.message);
        break;
    }
}

static void on_deadline(struct op *op, void *ctx)
{
    struct hook_call *call = ctx;
    if (call->waiting && call->committed) {
        hook_call_timed_out(call);
    } else {
        hook_call_unavailable(call, "it is not known whether the event was stored; try again");
    }
    hook_call_settle(call);
}

/* What the sender sent, pointing into the request. */
static void read_request(const struct op *op, const struct hook_url *url, struct wire_pair *pairs,
                         char *remote, struct hook_request *ret)
{
    h2o_req_t *req = op->req;
    size_t n = 0;
    if (req->input.authority.len) {
        pairs[n++] = (struct wire_pair){STR("Host"), op_str(req->input.authority)};
    }
    for (size_t i = 0; i < req->headers.size && n < MAX_HEADERS; i++) {
        const h2o_header_t *h = &req->headers.entries[i];
        if (!str_eq(op_str(*h->name), STR("api-key"))) {
            const char *name = h->orig_name ? h->orig_name : h->name->base;
            pairs[n++] = (struct wire_pair){str_n(name, h->name->len), op_str(h->value)};
        }
    }
    struct sockaddr_storage peer;
    socklen_t peer_len = req->conn->callbacks->get_peername(req->conn, (void *)&peer);
    size_t remote_len = peer_len ? h2o_socket_getnumerichost((void *)&peer, peer_len, remote) : 0;
    *ret = (struct hook_request){
        .method = op_str(req->method),
        .path_fragment = url->fragment,
        .query = url->query,
        .content_type = op_request_header(op, "content-type"),
        .headers = {pairs, n},
        .body = op_str(req->entity),
        .remote = str_n(remote, remote_len == SIZE_MAX ? 0 : remote_len),
        .invoked_by = op_request_header(op, "prismatic-invoked-by"),
    };
}

/* The flow that a call is for whose address serves several. */
static bool route(struct hooks *h, struct hook_call *call, const struct hook_url *url,
                  struct uuid *ret_flow_config_id, bool *ret_preprocesses)
{
    struct wire_pair pairs[MAX_HEADERS];
    char remote[NI_MAXHOST];
    struct hook_request request;
    read_request(call->op, url, pairs, remote, &request);
    if (!call->route) {
        call->route = mem_new(struct hook_route);
    }
    return hook_route(h->options.index, url, &request, call->route, ret_flow_config_id,
                      ret_preprocesses);
}

static enum verdict judge(struct hooks *h, struct hook_call *call, const struct hook_url *url)
{
    struct uuid routed;
    const struct uuid *id = &url->id;
    bool preprocesses = false;
    hook_target_done(&call->target);
    if (url->kind != HOOK_URL_FLOW) {
        if (!route(h, call, url, &routed, &preprocesses)) {
            return VERDICT_ROUTE;
        }
        id = &routed;
    }
    if (!hook_index_find(h->options.index, id, &call->target)) {
        return VERDICT_UNKNOWN;
    }
    call->target.preprocesses = preprocesses;
    if (!key_fits(&call->target, op_request_header(call->op, "api-key"))) {
        return VERDICT_KEY;
    }
    return call->target.enabled ? VERDICT_OK : VERDICT_PAUSED;
}

/* The sender's trace goes on; without one a new trace begins. */
static struct str traceparent(const struct op *op, char text[TRACEPARENT_LEN + 1])
{
    struct str sent = op_request_header(op, "traceparent");
    if (sent.len == TRACEPARENT_LEN && sent.ptr[2] == '-' && sent.ptr[35] == '-') {
        return sent;
    }
    static const char digits[] = "0123456789abcdef";
    struct uuid trace = uuid_v4();
    uint64_t span = uuid_hash(&trace) | 1;
    memcpy(text, "00-", 3);
    for (size_t i = 0; i < sizeof(trace.b); i++) {
        text[3 + 2 * i] = digits[trace.b[i] >> 4];
        text[4 + 2 * i] = digits[trace.b[i] & 15];
    }
    text[35] = '-';
    for (size_t i = 0; i < 16; i++) {
        text[36 + i] = digits[(span >> (60 - 4 * i)) & 15];
    }
    memcpy(text + 52, "-01", 4);
    return str_n(text, TRACEPARENT_LEN);
}

static bool says(const struct op *op, const char *header, struct str value)
{
    return str_eq_ci(str_trim(op_request_header(op, header)), value);
}

static bool wants_sync(const struct hook_call *call)
{
    if (says(call->op, "prismatic-synchronous", STR("true"))) {
        return true;
    }
    return call->target.flow->synchronous && !says(call->op, "prismatic-synchronous", STR("false"));
}

static struct run_request run_of(const struct hook_call *call, bool sync)
{
    const struct hook_target *t = &call->target;
    bool cross = says(call->op, "prismatic-invoke-type", STR("Cross Flow"));
    return (struct run_request){
        .organization_id = t->organization_id,
        .customer_id = t->customer_id,
        .instance_id = t->instance_id,
        .flow_config_id = t->flow_config_id,
        .revision = t->revision,
        .flow_name = t->flow->name,
        .invoke_type = t->listening ? INVOKE_WEBHOOK_SNAPSHOT
                       : cross      ? INVOKE_CROSS_FLOW
                                    : INVOKE_WEBHOOK,
        .accepted_ns = clock_now_ns(),
        .reply_to = sync || t->flow->trigger_replies ? str_of(call->at->reply_to) : str_n("", 0),
        .synchronous = sync,
        .debug = t->debug || says(call->op, "prismatic-debug", STR("true")),
        .test = t->test,
        .preprocess = t->preprocesses,
    };
}

/* False: the event runs at once. A synchronous call from another flow is part of a run that counts
 * already: were it to wait for a place, the caller might wait for itself. */
static bool place_of(const struct hook_call *call, const struct run_request *run,
                     const struct hook_request *request, uint8_t digest[32],
                     struct accept_place *ret)
{
    const struct hook_target *t = &call->target;
    bool part = run->synchronous && run->invoke_type == INVOKE_CROSS_FLOW;
    *ret = (struct accept_place){.queued = t->flow->queued, .limited = t->limited && !part};
    if (t->flow->dedupe && dedupe_id(t->flow->dedupe, request, digest)) {
        ret->dedupe = digest;
    }
    return ret->queued || ret->limited;
}

static void refuse_submit(struct hook_call *call, int r)
{
    if (r == -EAGAIN) {
        hook_call_overloaded(call, "too many events are waiting to be stored; try again");
    } else if (r == -E2BIG) {
        metrics_add(METRIC_REJECTED_BAD, 1);
        op_error(TAKE(call->op), 431, "headers_too_large", "the header lines are too large");
    } else {
        hook_call_unavailable(call, "events cannot be stored at the moment; try again");
    }
}

static void submit(struct hooks *h, struct hook_call *call, const struct hook_url *url)
{
    bool sync = wants_sync(call);
    struct str key = op_request_header(call->op, "idempotency-key");
    if (key.len > MAX_IDEMPOTENCY) {
        metrics_add(METRIC_REJECTED_BAD, 1);
        op_error(TAKE(call->op), 400, "idempotency_key", "an Idempotency-Key has at most %d bytes",
                 MAX_IDEMPOTENCY);
        return;
    }
    if (h->options.dispatcher &&
        dispatcher_waiting(h->options.dispatcher) >= DISPATCHER_MAX_WAITING) {
        hook_call_overloaded(call, "too many events are waiting to run; try again later");
        return;
    }
    call->for_trigger = !sync && call->target.flow->trigger_replies;
    bool waits = sync || call->for_trigger;
    if (waits && call->at->n_sync >= h->options.max_sync) {
        hook_call_overloaded(call, "too many calls are waiting for an answer; try again");
        return;
    }
    struct wire_pair pairs[MAX_HEADERS];
    char remote[NI_MAXHOST], trace[TRACEPARENT_LEN + 1];
    uint8_t digest[32], dedupe[32];
    struct hook_request request;
    struct accept_place place;
    read_request(call->op, url, pairs, remote, &request);
    struct run_request run = run_of(call, sync);
    run.traceparent = traceparent(call->op, trace);
    if (key.len) {
        secret_sha256(key, digest);
    }
    struct accept_event event = {.sink = &call->at->sink,
                                 .ticket = call,
                                 .run = &run,
                                 .request = &request,
                                 .idempotency = key.len ? digest : NULL};
    if (place_of(call, &run, &request, dedupe, &place)) {
        event.place = &place;
        call->in_queue = true;
    }
    call->committing = true;
    int r = accept_submit(h->options.accept, &event, &call->execution_id);
    if (r != 0) {
        call->committing = false;
        refuse_submit(call, r);
        return;
    }
    if (waits) {
        hook_call_wait(call);
    }
    op_deadline(call->op, sync ? DEADLINE_SYNC : DEADLINE_ACCEPT, on_deadline, call);
}

/* Again on the loop, the index being as PostgreSQL says now. */
static void decide(struct hook_call *call, bool certain)
{
    struct hooks *h = call->at->hooks;
    struct hook_url url;
    if (call->op && !call->op->req) { /* the sender left: nothing was promised */
        op_send(TAKE(call->op), 404, str_n("", 0), str_n("", 0));
    } else if (call->op && hook_url_parse(op_str(call->op->req->path), &url)) {
        enum verdict verdict = judge(h, call, &url);
        if (verdict == VERDICT_OK) {
            submit(h, call, &url);
        } else if ((verdict == VERDICT_UNKNOWN || verdict == VERDICT_ROUTE) && !certain) {
            hook_call_unavailable(call, "PostgreSQL is away; try again");
        } else {
            refuse(call, verdict);
        }
    }
    hook_call_settle(call);
}

static void decide_certain(struct loop_message *m, struct loop *loop)
{
    struct hook_call *call = H2O_STRUCT_FROM_MEMBER(struct hook_call, message, m);
    call->asking = false;
    decide(call, true);
}

static void decide_uncertain(struct loop_message *m, struct loop *loop)
{
    struct hook_call *call = H2O_STRUCT_FROM_MEMBER(struct hook_call, message, m);
    call->asking = false;
    decide(call, false);
}

/* On the index's thread. */
static void on_index_answer(struct hook_question *q, int rc)
{
    struct hook_call *call = (struct hook_call *)q;
    call->message.run = rc == 0 ? decide_certain : decide_uncertain;
    loop_post(call->at->loop, &call->message);
}

static void ask(struct hooks *h, struct hook_call *call, const struct hook_url *url,
                enum verdict verdict)
{
    call->question.kind = url->kind;
    call->question.id = url->id;
    if (call->route) {
        call->question.kind = call->route->ask_kind;
        call->question.id = call->route->ask_id;
        call->question.customer = call->route->ask_customer;
    }
    call->question.done = on_index_answer;
    call->asking = true;
    op_deadline(call->op, DEADLINE_ACCEPT, on_deadline, call);
    int r = hook_index_ask(h->options.index, &call->question);
    if (r == 0) {
        return;
    }
    call->asking = false;
    if (r == -EAGAIN && verdict == VERDICT_UNKNOWN) {
        hook_call_overloaded(call, "too many unknown addresses are being looked up; try again");
    } else {
        refuse(call, verdict);
    }
}

void hooks_handle(struct hooks *h, struct op *op)
{
    struct hook_url url;
    if (!hook_url_parse(op_str(op->req->path), &url)) {
        metrics_add(METRIC_REJECTED_UNKNOWN, 1);
        op_error(op, 404, "unknown_flow", "this is not the address of a flow");
        return;
    }
    struct hook_call *call = hook_call_new(&h->loops[op->loop->index], op);
    enum verdict verdict = judge(h, call, &url);
    if (verdict == VERDICT_OK) {
        submit(h, call, &url);
    } else {
        ask(h, call, &url, verdict);
    }
    hook_call_settle(call);
}

static void answer_run(struct hook_call *call, struct str bytes)
{
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    struct sync_reply reply;
    struct err err = {0};
    if (wire_decode(&sync_reply_message, a, bytes, &reply, &err) == 0) {
        hook_call_sync_reply(call, &reply);
    } else {
        log_warn("a run's answer cannot be read", LOG_STR("error", err.message));
        op_error(TAKE(call->op), 500, "bad_answer", "the run's answer cannot be read");
    }
}

static void on_outcome(const struct accept_outcome *outcome)
{
    struct hook_call *call = outcome->ticket;
    call->committing = false;
    call->committed = outcome->result == ACCEPT_STORED;
    if (call->op) {
        switch (outcome->result) {
        case ACCEPT_STORED:
            if (!call->waiting) {
                hook_call_accepted(call, &outcome->execution_id, false);
            } else if (call->reply.len) {
                answer_run(call, call->reply);
            } else if (call->for_trigger) { /* accepted: from here on it is 200 at worst */
                op_deadline(call->op, call->in_queue ? DEADLINE_TURN : DEADLINE_TRIGGER,
                            on_deadline, call);
            }
            break;
        case ACCEPT_REPEATED:
            hook_call_accepted(call, &outcome->execution_id, call->waiting);
            break;
        case ACCEPT_UNAVAILABLE:
            hook_call_unavailable(call, "the event could not be stored; try again");
            break;
        case ACCEPT_REFUSED:
            op_error(TAKE(call->op), 500, "not_stored", "the event could not be stored");
            break;
        }
    }
    hook_call_settle(call);
}

static void on_outcomes(struct loop_message *m, struct loop *loop)
{
    struct outcomes_message *message = H2O_STRUCT_FROM_MEMBER(struct outcomes_message, super, m);
    for (size_t i = 0; i < message->n; i++) {
        on_outcome(&message->items[i]);
    }
    mem_free(message);
}

/* On the committer's thread. */
static void post_outcomes(struct accept_sink *sink, const struct accept_outcome *outcomes, size_t n)
{
    struct hook_loop *at = H2O_STRUCT_FROM_MEMBER(struct hook_loop, sink, sink);
    struct outcomes_message *m = mem_alloc(sizeof(*m) + n * sizeof(*outcomes));
    m->super.run = on_outcomes;
    m->at = at;
    m->n = n;
    memcpy(m->items, outcomes, n * sizeof(*outcomes));
    loop_post(at->loop, &m->super);
}

static void on_reply(struct loop_message *m, struct loop *loop)
{
    struct reply_message *message = H2O_STRUCT_FROM_MEMBER(struct reply_message, super, m);
    struct str bytes = str_n(message->data, message->len);
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    struct sync_reply reply;
    struct hook_call *call = NULL;
    if (wire_decode(&sync_reply_message, a, bytes, &reply, NULL) == 0) {
        call = hook_call_find(message->at, &reply.execution_id);
    }
    if (call && call->op && call->committed) {
        hook_call_sync_reply(call, &reply);
        hook_call_settle(call);
    } else if (call && call->op && !call->reply.ptr) {
        call->reply = str_n(mem_dup(bytes.ptr, bytes.len), bytes.len);
    }
    mem_free(message);
}

/* On a thread of the bus. */
static void post_reply(void *ctx, struct bus_message *m)
{
    struct hook_loop *at = ctx;
    struct str data = bus_message_data(m);
    struct reply_message *message = mem_alloc(sizeof(*message) + data.len);
    message->super.run = on_reply;
    message->at = at;
    message->len = data.len;
    memcpy(message->data, data.ptr, data.len);
    loop_post(at->loop, &message->super);
}

int hooks_new(const struct hooks_options *options, struct server *server, struct hooks **ret,
              struct err *err)
{
    struct hooks *h = mem_new(struct hooks);
    h->options = *options;
    h->options.max_sync = options->max_sync ? options->max_sync : DEFAULT_MAX_SYNC;
    h->n_loops = server_loops(server);
    h->loops = mem_array(h->n_loops, sizeof(*h->loops));
    char node[UUID_TEXT_LEN + 1];
    uuid_format(&options->node, node);
    for (size_t i = 0; i < h->n_loops; i++) {
        struct hook_loop *at = &h->loops[i];
        at->sink.done = post_outcomes;
        at->hooks = h;
        at->urls = options->urls;
        at->loop = server_loop(server, i);
        (void)snprintf(at->reply_to, sizeof(at->reply_to), SUBJECT_REPLY ".%s.%zu", node, i);
    }
    *ret = h;
    return 0;
}

int hooks_start(struct hooks *h, struct err *err)
{
    for (size_t i = 0; i < h->n_loops; i++) {
        struct hook_loop *at = &h->loops[i];
        int r = bus_subscribe(h->options.bus, at->reply_to, NULL, post_reply, at, &at->sub);
        if (r != 0) {
            return err_set(err, r, "hooks.subscribe", "cannot subscribe to %s", at->reply_to);
        }
    }
    return 0;
}

void hooks_stop(struct hooks *h)
{
    for (size_t i = 0; i < h->n_loops; i++) {
        h->loops[i].sub = bus_sub_free(h->loops[i].sub);
    }
}

struct hooks *hooks_free(struct hooks *h)
{
    if (h) {
        hooks_stop(h);
        mem_free(h->loops);
        mem_free(h);
    }
    return NULL;
}
