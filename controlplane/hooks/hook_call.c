/* Owns a webhook call between its acceptance and its answer, and the ways it is answered. A call
 * may be held by three parties: the sender (op), the committer (ticket) and the index (question);
 * it is freed when none has it. Only on its loop's thread. */
#include "hooks/hook_call.h"

#include "hooks/hook_route.h"
#include "http/metrics.h"
#include "results/url.h"

#define RETRY_SECONDS 1

static const char ID_HEADER[] = "prismatic-executionid";

struct hook_call *hook_call_new(struct hook_loop *at, struct op *op)
{
    struct hook_call *call = mem_new(struct hook_call);
    call->at = at;
    call->op = op;
    return call;
}

static struct hook_call **bucket(struct hook_loop *at, const struct uuid *execution_id)
{
    return &at->sync[uuid_hash(execution_id) % SYNC_BUCKETS];
}

void hook_call_wait(struct hook_call *call)
{
    struct hook_call **first = bucket(call->at, &call->execution_id);
    call->next = *first;
    *first = call;
    call->waiting = true;
    call->at->n_sync++;
}

static void leave(struct hook_call *call)
{
    struct hook_call **at = bucket(call->at, &call->execution_id);
    while (*at != call) {
        at = &(*at)->next;
    }
    *at = call->next;
    call->waiting = false;
    call->at->n_sync--;
}

struct hook_call *hook_call_find(struct hook_loop *at, const struct uuid *execution_id)
{
    struct hook_call *call = *bucket(at, execution_id);
    while (call && !uuid_eq(&call->execution_id, execution_id)) {
        call = call->next;
    }
    return call;
}

void hook_call_settle(struct hook_call *call)
{
    if (call->op) {
        return;
    }
    if (call->waiting) {
        leave(call);
    }
    if (!call->asking && !call->committing) {
        hook_target_done(&call->target);
        if (call->route) {
            hook_route_done(call->route);
            mem_free(call->route);
        }
        mem_free((void *)(uintptr_t)call->reply.ptr);
        mem_free(call);
    }
}

static struct str global_id(const struct uuid *id, char text[GLOBAL_ID_MAX])
{
    return str_n(text, global_id_format("InstanceExecutionResult", id, text));
}

static size_t put(char *to, size_t at, struct str s)
{
    memcpy(to + at, s.ptr, s.len);
    return at + s.len;
}

/* {"executionId":"..."}: base64 needs no escapes. */
static struct str accepted_body(struct str id, char *text)
{
    size_t n = put(text, 0, STR("{\"executionId\":\""));
    n = put(text, n, id);
    return str_n(text, put(text, n, STR("\"}")));
}

void hook_call_accepted(struct hook_call *call, const struct uuid *execution_id, bool plain)
{
    char id_text[GLOBAL_ID_MAX], body_text[GLOBAL_ID_MAX + 32];
    struct str id = global_id(execution_id, id_text);
    struct op *op = TAKE(call->op);
    const struct hook_flow *flow = call->target.flow;
    op_header(op, STR(ID_HEADER), id);
    if (plain || !flow->has_reply) {
        op_send(op, 200, STR("application/json"), accepted_body(id, body_text));
        return;
    }
    const struct hook_reply *r = &flow->reply;
    for (size_t i = 0; i < r->n_headers; i++) {
        op_header(op, r->headers[i].name, r->headers[i].value);
    }
    op_send(op, r->status, r->content_type.len ? r->content_type : STR("application/json"),
            r->has_body ? r->body : accepted_body(id, body_text));
}

/* An answer too large for a message is stored: the caller is told where. Headers that describe a
 * body would speak of the wrong one. */
static void redirect(struct hook_call *call, const struct sync_reply *answer, struct reply *reply)
{
    AUTO(buf_done) struct buf url = {0};
    char id_text[GLOBAL_ID_MAX], body_text[GLOBAL_ID_MAX + 32];
    buf_init(&url, KIB(8));
    result_url_write(call->at->urls,
                     &(struct result_ref){.form = RESULT_RAW,
                                          .organization_id = call->target.organization_id,
                                          .execution_id = call->execution_id,
                                          .value_id = answer->value_id},
                     &url);
    reply->status = 303;
    (void)reply_header(reply, STR("Location"), buf_str(&url));
    (void)reply_content_type(reply, STR("application/json"));
    buf_add_str(&reply->body, accepted_body(global_id(&call->execution_id, id_text), body_text));
}

static bool describes_body(struct str name)
{
    static const struct str start = {"content-", 8};
    return (name.len >= start.len && str_eq_ci(str_n(name.ptr, start.len), start)) ||
           str_eq_ci(name, STR("location")) || str_eq_ci(name, STR("etag"));
}

void hook_call_sync_reply(struct hook_call *call, const struct sync_reply *answer)
{
    AUTO(reply_done) struct reply reply = {0};
    bool stored = !uuid_is_nil(&answer->value_id) && call->at->urls;
    reply_init(&reply);
    if (answer->status_code >= 200 && answer->status_code <= 599) {
        reply.status = (int)answer->status_code;
    }
    if (answer->content_type.len) {
        (void)reply_content_type(&reply, answer->content_type);
    }
    char id_text[GLOBAL_ID_MAX];
    (void)reply_header(&reply, STR(ID_HEADER), global_id(&call->execution_id, id_text));
    for (size_t i = 0; i < answer->headers.n; i++) {
        struct wire_pair *h = &answer->headers.items[i];
        if (stored && describes_body(h->name)) {
            continue;
        }
        if (str_eq_ci(h->name, STR("content-type"))) {
            (void)reply_content_type(&reply, h->value);
        } else if (!str_eq_ci(h->name, STR(ID_HEADER))) {
            (void)reply_header(&reply, h->name, h->value);
        }
    }
    if (stored) {
        redirect(call, answer, &reply);
    } else {
        buf_add_str(&reply.body, answer->body);
    }
    metrics_add(call->for_trigger ? METRIC_TRIGGER_ANSWERED : METRIC_SYNC_ANSWERED, 1);
    op_reply(TAKE(call->op), &reply);
}

void hook_call_timed_out(struct hook_call *call)
{
    if (call->for_trigger) {
        metrics_add(METRIC_TRIGGER_TIMEOUT, 1);
        hook_call_accepted(call, &call->execution_id, true);
        return;
    }
    char id_text[GLOBAL_ID_MAX];
    struct str id = global_id(&call->execution_id, id_text);
    AUTO(reply_done) struct reply reply = {0};
    reply_init(&reply);
    reply.status = 504;
    (void)reply_header(&reply, STR(ID_HEADER), id);
    buf_adds(&reply.body, "{\"error\":\"the flow has not ended within the limit of a synchronous "
                          "call; it goes on\",\"code\":\"timeout\",\"executionId\":\"");
    buf_add_str(&reply.body, id);
    buf_adds(&reply.body, "\"}");
    metrics_add(METRIC_SYNC_TIMEOUT, 1);
    op_reply(TAKE(call->op), &reply);
}

void hook_call_unavailable(struct hook_call *call, const char *words)
{
    metrics_add(METRIC_REJECTED_UNAVAILABLE, 1);
    op_retry(TAKE(call->op), 503, RETRY_SECONDS, "unavailable", "%s", words);
}

void hook_call_overloaded(struct hook_call *call, const char *words)
{
    metrics_add(METRIC_REJECTED_OVERLOAD, 1);
    op_retry(TAKE(call->op), 503, RETRY_SECONDS, "overloaded", "%s", words);
}
