/* Owns the routing of calls by what is in them: the customer of a shared integration by its
 * external id, the flow by its name. On the loop's thread, from the index alone. Who is called only
 * then has its keys checked (hook.c). With a preprocess flow nothing is read here: the run decides,
 * and the recorder sends the event on. */
#include "hooks/hook_route.h"

#include "expr/value.h"
#include "request_payload.h"
#include "run_result.h"

#define SHOWN_BYTES 100

void hook_route_done(struct hook_route *r)
{
    mem_free((void *)(uintptr_t)r->ask_customer.ptr);
    memset(r, 0, sizeof(*r));
}

static bool refuse(struct hook_route *r, int status, const char *code)
{
    r->status = status;
    r->code = code;
    return false;
}

static void ask(struct hook_route *r, enum hook_url_kind kind, const struct uuid *id)
{
    r->ask_kind = kind;
    r->ask_id = *id;
}

/* "payload.results.headers.x-flow" again. */
static const char *words_of(struct arena *a, const struct path *path)
{
    return path_words(a, STR("payload"), path);
}

/* A text, number or boolean that is not empty, as text. */
static bool read_field(struct arena *a, const struct hook_request *request, const struct path *path,
                       const char *field, struct str *ret, struct hook_route *refusal)
{
    struct json v = request_payload_get(a, request, path);
    struct str text;
    if (!value_word(a, v, &text) || text.len == 0 || text.len > ROUTE_VALUE_MAX) {
        (void)err_set(&refusal->why, -EINVAL, "routing",
                      "the request has no usable value at %.200s, which the integration's %s "
                      "refers to",
                      words_of(a, path), field);
        return refuse(refusal, 400, "routing_value");
    }
    *ret = text;
    return true;
}

static int shown(struct str s)
{
    size_t n = MIN(s.len, (size_t)SHOWN_BYTES);
    while (n < s.len && n > 0 && ((unsigned char)s.ptr[n] & 0xc0) == 0x80) {
        n--;
    }
    return (int)n;
}

static bool find_instance(struct hook_index *x, struct arena *a, const struct hook_url *url,
                          const struct hook_endpoint *e, const struct hook_request *request,
                          struct hook_route *refusal, struct uuid *ret)
{
    struct str customer;
    ask(refusal, url->kind, &url->id);
    if (url->kind != HOOK_URL_INTEGRATION) {
        *ret = url->id;
        return true;
    }
    if (!e->routing->customer_id) {
        (void)err_set(&refusal->why, -EINVAL, "routing",
                      "the integration does not say where the customer's id is");
        return refuse(refusal, 404, "unknown_customer");
    }
    if (!read_field(a, request, e->routing->customer_id, "externalCustomerIdField", &customer,
                    refusal)) {
        return false;
    }
    refusal->ask_customer = str_n(mem_dup(customer.ptr, customer.len), customer.len);
    if (hook_index_member(x, &url->id, customer, ret)) {
        return true;
    }
    (void)err_set(&refusal->why, -ENOENT, "routing",
                  "no customer with the external id \"%.*s\" (externalCustomerIdField: %.200s) has "
                  "a deployed instance of this integration",
                  shown(customer), customer.ptr, words_of(a, e->routing->customer_id));
    return refuse(refusal, 404, "unknown_customer");
}

static bool find_flow(struct hook_index *x, struct arena *a, const struct hook_endpoint *e,
                      const struct uuid *instance_id, const struct hook_request *request,
                      struct hook_route *refusal, struct uuid *ret)
{
    const struct path *path = e->routing->flow_name;
    struct str name = STR("");
    if (path && !read_field(a, request, path, "flowNameField", &name, refusal)) {
        return false;
    }
    enum hook_found found = hook_index_flow_of(x, instance_id, name, ret);
    if (found == HOOK_ONE) {
        return true;
    }
    if (!path) {
        (void)err_set(&refusal->why, -ENOENT, "routing",
                      found == HOOK_NONE ? "the instance has no flow"
                                         : "the instance has several flows, and the integration "
                                           "has no flowNameField to pick one");
    } else {
        (void)err_set(&refusal->why, -ENOENT, "routing",
                      "the integration has no flow named \"%.*s\" (flowNameField: %.200s)",
                      shown(name), name.ptr, words_of(a, path));
    }
    return refuse(refusal, 404, "unknown_flow");
}

bool hook_route(struct hook_index *x, const struct hook_url *url,
                const struct hook_request *request, struct hook_route *refusal,
                struct uuid *ret_flow_config_id, bool *ret_preprocesses)
{
    AUTO(hook_endpoint_done) struct hook_endpoint e = {0};
    AUTO(arena_free) struct arena *a = arena_new(KIB(16), REQUEST_PAYLOAD_ROOM + KIB(64));
    struct uuid instance_id;
    hook_route_done(refusal);
    ask(refusal, url->kind, &url->id);
    *ret_preprocesses = false;
    if (!hook_index_endpoint(x, &url->id, &e) || e.shared != (url->kind == HOOK_URL_INTEGRATION)) {
        (void)err_set(&refusal->why, -ENOENT, "routing",
                      "nothing that is deployed has this address");
        return refuse(refusal, 404, "unknown_flow");
    }
    if (!e.preprocessed) {
        return find_instance(x, a, url, &e, request, refusal, &instance_id) &&
               find_flow(x, a, &e, &instance_id, request, refusal, ret_flow_config_id);
    }
    if (uuid_is_nil(&e.preprocess)) {
        (void)err_set(&refusal->why, -ENOENT, "routing",
                      "the integration's preprocess flow is not deployed");
        return refuse(refusal, 404, "unknown_flow");
    }
    ask(refusal, HOOK_URL_FLOW, &e.preprocess);
    *ret_flow_config_id = e.preprocess;
    *ret_preprocesses = true;
    return true;
}
