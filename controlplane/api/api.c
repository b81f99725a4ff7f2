/* Owns the API object and the way of one request through it: token, document, variables, execution,
 * answer. Called on lane threads, each with its own connection; the object itself is immutable. It
 * answers 401 to whom api/auth does not know. */
#include "api/api_priv.h"

#include "api/api_schema.h"
#include "api/auth.h"
#include "api/gql_parse.h"
#include "api/limiter.h"
#include "api/token_cache.h"
#include "domain/role.h"
#include "log.h"
#include "org_key.h"

#define DEFAULT_TIMEOUT_MS 15000
#define DEFAULT_MAX_DEPTH  15
#define DEFAULT_MAX_COST   250000
#define HASHING_AT_ONCE    2
#define HASHING_WAITING    1 /* of the lane threads, which others need, too */

int api_new(const struct api_options *o, struct api **ret, struct err *err)
{
    AUTO(api_free) struct api *api = mem_new(struct api);
    api->master = o->master;
    api->public_url = mem_strdup(o->public_url ? o->public_url : "");
    api->urls = o->urls;
    api->catalog = o->catalog;
    api->media = o->media;
    api->consent = o->consent;
    api->replica_id = o->replica_id;
    api->statement_timeout_ms =
        o->statement_timeout_ms ? o->statement_timeout_ms : DEFAULT_TIMEOUT_MS;
    api->max_depth = o->max_depth ? o->max_depth : DEFAULT_MAX_DEPTH;
    api->max_cost = o->max_cost ? o->max_cost : DEFAULT_MAX_COST;
    api->on_executions = o->on_executions;
    api->on_executions_arg = o->on_executions_arg;
    api->tokens = token_cache_new();
    api->limiter = limiter_new();
    api->passwords = work_gate_new(HASHING_AT_ONCE, HASHING_WAITING);
    const struct embed_file *sdl = &api_schema_files[0];
    int rc = gql_schema_new(str_n(sdl->data, sdl->len), &api->schema, err);
    if (rc == 0) {
        *ret = TAKE(api);
    }
    return rc;
}

struct api *api_free(struct api *api)
{
    if (api) {
        secret_key_done(&api->master);
        gql_schema_free(api->schema);
        token_cache_free(api->tokens);
        limiter_free(api->limiter);
        work_gate_free(api->passwords);
        mem_free(api->public_url);
        mem_free(api);
    }
    return NULL;
}

int call_key(struct call *c, struct err *err)
{
    if (c->has_key) {
        return 0;
    }
    int rc = org_key_get(c->db, &c->api->master, &c->viewer.organization, &c->key, err);
    c->has_key = rc == 0;
    return rc;
}

int call_begin(struct call *c, struct err *err)
{
    int rc = db_begin_as(c->db, &c->viewer.organization, &c->viewer.customer, err);
    return rc != 0 ? rc
                   : db_run(c->db, QUERY_API_TIME_LIMIT, NULL, err,
                            DB_I64(c->api->statement_timeout_ms));
}

static bool choose_operation(struct gql_request *rq, struct json name)
{
    const struct gql_operation *op = rq->doc.operations;
    struct str wanted = json_as_str(name);
    if (!op) {
        return gql_fail(rq, (struct gql_loc){0}, NULL, "The document has no operation.");
    }
    if (wanted.len == 0 && op->next) {
        return gql_fail(rq, (struct gql_loc){0}, NULL,
                        "Must provide operation name if the document has several operations.");
    }
    while (op && wanted.len > 0 && !str_eq(op->name, wanted)) {
        op = op->next;
    }
    if (!op) {
        return gql_fail(rq, (struct gql_loc){0}, NULL, "Unknown operation named \"%.*s\".",
                        (int)MIN(wanted.len, 60), wanted.ptr);
    }
    rq->operation = op;
    return true;
}

static bool prepare(struct call *c, struct json request)
{
    struct err err;
    struct gql_request *rq = &c->rq;
    err_clear(&err);
    rq->arena = c->a;
    rq->schema = c->api->schema;
    if (gql_parse_request(c->a, json_as_str(json_get(request, STR("query"))), &rq->doc, &err) < 0) {
        return gql_fail(rq, (struct gql_loc){err.line, err.column}, "GRAPHQL_PARSE_FAILED", "%s",
                        err.message);
    }
    return gql_validate(rq) && choose_operation(rq, json_get(request, STR("operationName"))) &&
           gql_coerce_variables(rq, json_get(request, STR("variables")));
}

static void run(struct call *c, struct json request, struct reply *reply)
{
    AUTO(buf_done) struct buf data = {0};
    buf_init(&data, REPLY_MAX_BODY - KIB(512)); /* room for errors */
    bool has_data = prepare(c, request) && api_execute(c, &data);
    struct buf *out = &reply->body;
    if (data.full) {
        has_data = gql_fail(&c->rq, (struct gql_loc){0}, "TOO_LARGE",
                            "The answer is too large: ask for less at a time.");
    }
    buf_addc(out, '{');
    if (has_data) {
        buf_adds(out, "\"data\":");
        buf_add_str(out, buf_str(&data));
    }
    if (c->rq.n_errors > 0) {
        buf_adds(out, has_data ? ",\"errors\":" : "\"errors\":");
        json_dump(out, gql_errors_json(&c->rq));
        buf_adds(out, has_data ? "" : ",\"data\":null");
    }
    buf_addc(out, '}');
}

static void handle(struct call *c, struct str authorization, struct str body, struct reply *reply)
{
    struct err err, words;
    struct json request;
    err_clear(&err);
    err_clear(&words);
    bool known;
    int rc = auth_viewer(c, authorization, &known, &words, &err);
    if (rc != 0) {
        log_error("token look-up failed", LOG_STR("error", err.message));
        reply_error(reply, 503, "api.unavailable", "The database cannot be reached.");
        return;
    }
    if (!known) {
        (void)reply_header(reply, STR("WWW-Authenticate"), STR("Bearer"));
        reply_error(reply, 401, "api.unauthenticated", "%s", words.message);
        return;
    }
    if (body.len > API_MAX_BODY) {
        reply_error(reply, 413, "api.too_large", "The request is larger than 16 MB.");
        return;
    }
    if (!str_utf8_valid(body) || json_parse(c->a, body, &request, &err) < 0 ||
        json_get(request, STR("query")).type != JSON_STRING) {
        reply_error(reply, 400, "api.bad_request",
                    "The body must be a JSON object with a GraphQL document as \"query\".");
        return;
    }
    struct json variables = json_get(request, STR("variables"));
    if (!json_is_nullish(variables) && variables.type != JSON_OBJECT) {
        reply_error(reply, 400, "api.bad_request", "\"variables\" must be a JSON object.");
        return;
    }
    run(c, request, reply);
}

void api_handle(struct api *api, struct db *db, struct str authorization, struct str address,
                struct str body, struct reply *reply)
{
    AUTO(arena_free) struct arena *a = arena_new(KIB(64), API_ARENA_MAX);
    struct call *c = arena_new_of(a, struct call);
    c->api = api;
    c->db = db;
    c->a = a;
    c->address = address;
    handle(c, authorization, body, reply);
    secret_key_done(&c->key);
}

int api_follower(struct api *api, struct db *db, struct str authorization,
                 struct uuid *ret_organization, struct uuid *ret_customer, int *ret_status,
                 struct err *words, struct err *err)
{
    AUTO(arena_free) struct arena *a = arena_new(KIB(16), API_ARENA_MAX);
    struct call *c = arena_new_of(a, struct call);
    bool known = false;
    c->api = api;
    c->db = db;
    c->a = a;
    int rc = auth_viewer(c, authorization, &known, words, err);
    bool of_customer = !uuid_is_nil(&c->viewer.customer);
    int lowest = of_customer ? ROLE_CUSTOMER_MEMBER : ROLE_INTEGRATOR; /* as Query.logs */
    *ret_status = !known ? 401 : c->viewer.role < lowest ? 403 : 200;
    *ret_organization = c->viewer.organization;
    *ret_customer = c->viewer.customer;
    secret_key_done(&c->key);
    return rc;
}
