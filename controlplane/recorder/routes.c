/* Owns the recorder's part of preprocess flows. Called on the recording thread, in the transaction
 * that records the results: the result of a preprocess flow and the execution that it leads to are
 * there together or not at all, so an event goes on exactly once, whatever dies. The answer to a
 * waiting sender passes on to that execution; where there is none, the sender is told here. */
#include "recorder/routes.h"

#include "domain/dedupe_id.h"
#include "json.h"
#include "recorder/log_rows.h"

enum { /* columns of record_routes */
       COL_INSTANCE,
       COL_ENABLED,
       COL_FLOW_CONFIG,
       COL_QUEUE_LIMIT,
       COL_DEDUPE,
       COL_REQUEST,
       COL_LIMITED,
       COL_FLOWS,
       COL_NTH,
};

struct route {
    struct run_result *result;
    struct uuid id, instance_id, flow_config_id; /* id nil: not made */
    struct uuid queue_id, customer_id;           /* queue_id nil: it has no place */
    bool deduped;
    uint8_t dedupe[32];
};

static bool goes_on(const struct run_result *r)
{
    return r->route && r->status == RUN_SUCCEEDED;
}

bool routes_any(const struct batch *b)
{
    for (size_t i = 0; i < b->n; i++) {
        if (b->results[i].route) {
            return true;
        }
    }
    return false;
}

static void tell(struct batch *b, const struct run_result *r, uint32_t status, const char *error,
                 const struct uuid *execution_id)
{
    if (r->reply_to.len == 0) {
        return;
    }
    char id[GLOBAL_ID_MAX];
    AUTO(buf_done) struct buf text = {0};
    buf_init(&text, KIB(16));
    (void)global_id_format("InstanceExecutionResult", execution_id, id);
    const struct json_member members[] = {{STR("error"), json_cstr(error)},
                                          {STR("executionId"), json_cstr(id)}};
    json_dump(&text, error ? json_object(members, 2) : json_object(members + 1, 1));
    struct routed_reply *reply = arena_new_of(b->arena, struct routed_reply);
    reply->subject = arena_strndup(b->arena, r->reply_to.ptr, r->reply_to.len);
    reply->message =
        (struct sync_reply){.execution_id = r->execution_id,
                            .status_code = status,
                            .content_type = STR("application/json"),
                            .body = str_n(arena_strndup(b->arena, text.data, text.len), text.len)};
    reply->next = b->pending_replies;
    b->pending_replies = reply;
}

static const char *shown(struct arena *a, struct str s, size_t most)
{
    struct str clean = log_rows_clean(a, s);
    return arena_printf(a, "%.*s%s", (int)MIN(clean.len, most), clean.ptr,
                        clean.len > most ? "..." : "");
}

/* The result says that the event went nowhere. */
static void fail(struct batch *b, struct run_result *r, const char *error)
{
    r->status = RUN_FAILED;
    r->result_type = STR("ERROR");
    r->error = str_of(error);
    r->states.n = 0;
    tell(b, r, 404, error, &r->execution_id);
}

static void fail_for_instance(struct batch *b, struct run_result *r)
{
    struct arena *a = b->arena;
    if (r->route_customer_field.len == 0) {
        fail(b, r, "routing failed: the instance is not deployed any more");
        return;
    }
    fail(b, r,
         arena_printf(a,
                      "routing failed: externalCustomerIdField (%s) is \"%s\"; no customer with "
                      "this external id has a deployed instance of the integration",
                      shown(a, r->route_customer_field, 200), shown(a, r->route_customer, 200)));
}

static void fail_for_flow(struct batch *b, struct run_result *r, struct str flows)
{
    struct arena *a = b->arena;
    const char *known = flows.len ? shown(a, flows, 600) : "none but the preprocess flow";
    if (r->route_flow_field.len == 0) {
        fail(b, r, "routing failed: the instance has no flow but the preprocess flow");
        return;
    }
    fail(b, r,
         arena_printf(a,
                      "routing failed: flowNameField (%s) is \"%s\"; the instance has the flows %s",
                      shown(a, r->route_flow_field, 200), shown(a, r->route_flow, 200), known));
}

/* The place that the event takes as if it had come to its flow at once. */
static void find_place(struct batch *b, const struct db_rows *rows, size_t row, struct route *route)
{
    const struct run_result *r = route->result;
    struct str *keys = NULL;
    size_t n_keys =
        db_is_null(rows, row, COL_DEDUPE) ? 0 : db_array(rows, row, COL_DEDUPE, b->arena, &keys);
    const struct path *dedupe = path_of_keys(b->arena, keys, n_keys);
    struct hook_request request;
    if (dedupe &&
        hook_request_decode(b->arena, db_str(rows, row, COL_REQUEST), &request, NULL) == 0) {
        route->deduped = dedupe_id(dedupe, &request, route->dedupe);
    }
    if (!db_is_null(rows, row, COL_LIMITED)) {
        route->customer_id = db_uuid(rows, row, COL_LIMITED);
    }
    if (db_int(rows, row, COL_QUEUE_LIMIT) > 0 || dedupe) {
        route->queue_id = route->flow_config_id;
    } else if (!uuid_is_nil(&route->customer_id)) {
        route->queue_id = route->customer_id;
    } else if (r->reply_to.len > 0) {
        route->queue_id = route->id; /* waits for nothing: it keeps the address of the answer */
    }
}

static void find_one(struct batch *b, const struct db_rows *rows, size_t row, struct route *route)
{
    struct run_result *r = route->result;
    if (db_is_null(rows, row, COL_INSTANCE)) {
        fail_for_instance(b, r);
    } else if (db_is_null(rows, row, COL_FLOW_CONFIG)) {
        fail_for_flow(b, r,
                      db_is_null(rows, row, COL_FLOWS) ? STR("") : db_str(rows, row, COL_FLOWS));
    } else if (!db_bool(rows, row, COL_ENABLED)) {
        fail(b, r, "routing failed: the instance that the event is for is paused");
    } else {
        route->id = uuid_v7();
        route->instance_id = db_uuid(rows, row, COL_INSTANCE);
        route->flow_config_id = db_uuid(rows, row, COL_FLOW_CONFIG);
        find_place(b, rows, row, route);
    }
}

int routes_find(struct batch *b, struct db *db, struct err *err)
{
    struct uuid *ids = arena_array(b->arena, b->n, sizeof(*ids));
    struct uuid *instances = arena_array(b->arena, b->n, sizeof(*instances));
    struct str *flows = arena_array(b->arena, b->n, sizeof(*flows));
    struct str *customers = arena_array(b->arena, b->n, sizeof(*customers));
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    b->routes = arena_array(b->arena, b->n, sizeof(*b->routes));
    b->n_routes = 0;
    b->pending_replies = NULL;
    for (size_t i = 0; i < b->n; i++) {
        struct run_result *r = &b->results[i];
        if (goes_on(r)) {
            size_t n = b->n_routes++;
            b->routes[n].result = r;
            ids[n] = r->execution_id;
            instances[n] = r->instance_id;
            flows[n] = log_rows_clean(b->arena, r->route_flow);
            customers[n] = log_rows_clean(b->arena, r->route_customer);
        }
    }
    size_t n = b->n_routes, row = 0;
    int rc = n == 0 ? 0
                    : db_run(db, QUERY_RECORD_ROUTES, &rows, err, DB_UUIDS(ids, n),
                             DB_UUIDS(instances, n), DB_TEXTS(flows, n), DB_TEXTS(customers, n));
    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct route *route = &b->routes[i];
        bool found = row < db_rows_n(rows) && db_int(rows, row, COL_NTH) == (int64_t)i + 1;
        if (found) {
            find_one(b, rows, row++, route);
        } else {
            fail_for_instance(b, route->result);
        }
    }
    return rc;
}

/* Those whose dedupe id waits or runs already are not made. */
static int drop_same(struct batch *b, struct db *db, const struct db_rows *entered, struct err *err)
{
    for (size_t i = 0; i < b->n_routes; i++) {
        struct route *route = &b->routes[i];
        bool in = uuid_is_nil(&route->id) || uuid_is_nil(&route->queue_id);
        for (size_t k = 0; !in && k < db_rows_n(entered); k++) {
            struct uuid id = db_uuid(entered, k, 0);
            in = uuid_eq(&id, &route->id);
        }
        if (in) {
            continue;
        }
        AUTO(db_rows_free) struct db_rows *same = NULL;
        struct str hash = str_n((const char *)route->dedupe, sizeof(route->dedupe));
        int rc = db_run(db, QUERY_QUEUE_FIND_SAME, &same, err, DB_UUIDS(&route->id, 1),
                        DB_UUIDS(&route->flow_config_id, 1), DB_BYTESS(&hash, 1));
        if (rc != 0) {
            return rc;
        }
        struct uuid first = db_rows_n(same) > 0 ? db_uuid(same, 0, 1) : route->result->execution_id;
        tell(b, route->result, 200, NULL, &first);
        route->id = (struct uuid){{0}};
    }
    return 0;
}

static int enter_queues(struct batch *b, struct db *db, struct err *err)
{
    struct arena *a = b->arena;
    struct uuid *ids = arena_array(a, b->n_routes, sizeof(*ids));
    struct uuid *configs = arena_array(a, b->n_routes, sizeof(*configs));
    struct uuid *queues = arena_array(a, b->n_routes, sizeof(*queues));
    struct uuid *customers = arena_array(a, b->n_routes, sizeof(*customers));
    struct uuid *reply_ids = arena_array(a, b->n_routes, sizeof(*reply_ids));
    struct str *hashes = arena_array(a, b->n_routes, sizeof(*hashes));
    struct str *replies = arena_array(a, b->n_routes, sizeof(*replies));
    struct str *traces = arena_array(a, b->n_routes, sizeof(*traces));
    AUTO(db_rows_free) struct db_rows *entered = NULL;
    size_t n = 0;
    for (size_t i = 0; i < b->n_routes; i++) {
        const struct route *route = &b->routes[i];
        if (uuid_is_nil(&route->id) || uuid_is_nil(&route->queue_id)) {
            continue;
        }
        ids[n] = route->id;
        configs[n] = route->flow_config_id;
        queues[n] = route->queue_id;
        customers[n] = route->customer_id;
        reply_ids[n] = route->result->execution_id;
        hashes[n] = route->deduped ? str_n((const char *)route->dedupe, 32) : STR("");
        replies[n] = log_rows_clean(a, route->result->reply_to);
        traces[n++] = log_rows_clean(a, route->result->traceparent);
    }
    int rc = n == 0 ? 0
                    : db_run(db, QUERY_RECORD_ROUTE_QUEUE, &entered, err, DB_UUIDS(ids, n),
                             DB_UUIDS(configs, n), DB_UUIDS(queues, n), DB_UUIDS(customers, n),
                             DB_BYTESS(hashes, n), DB_TEXTS(replies, n), DB_TEXTS(traces, n),
                             DB_UUIDS(reply_ids, n));
    return rc != 0 || n == 0 ? rc : drop_same(b, db, entered, err);
}

int routes_write(struct batch *b, struct db *db, struct err *err)
{
    struct arena *a = b->arena;
    struct uuid *ids = arena_array(a, b->n_routes + 1, sizeof(*ids));
    struct uuid *from = arena_array(a, b->n_routes + 1, sizeof(*from));
    struct uuid *instances = arena_array(a, b->n_routes + 1, sizeof(*instances));
    struct uuid *configs = arena_array(a, b->n_routes + 1, sizeof(*configs));
    size_t n = 0;
    int rc = enter_queues(b, db, err);
    for (size_t i = 0; i < b->n_routes; i++) {
        const struct route *route = &b->routes[i];
        if (!uuid_is_nil(&route->id)) {
            ids[n] = route->id;
            from[n] = route->result->execution_id;
            instances[n] = route->instance_id;
            configs[n++] = route->flow_config_id;
        }
    }
    return rc != 0 || n == 0
               ? rc
               : db_run(db, QUERY_RECORD_ROUTE_EXECUTIONS, NULL, err, DB_UUIDS(ids, n),
                        DB_UUIDS(from, n), DB_UUIDS(instances, n), DB_UUIDS(configs, n));
}

void routes_keep(struct batch *b)
{
    struct routed *to = b->routed;
    struct uuid *ids = arena_array(b->arena, to->n + b->n_routes + 1, sizeof(*ids));
    if (to->n > 0) {
        memcpy(ids, to->ids, to->n * sizeof(*ids));
    }
    to->ids = ids;
    for (size_t i = 0; i < b->n_routes; i++) {
        if (!uuid_is_nil(&b->routes[i].id)) {
            to->ids[to->n++] = b->routes[i].id;
        }
    }
    while (b->pending_replies) {
        struct routed_reply *reply = b->pending_replies;
        b->pending_replies = reply->next;
        reply->next = to->replies;
        to->replies = reply;
    }
    b->n_routes = 0;
}
