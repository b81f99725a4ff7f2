/* Owns the table of routes and the small handlers that are nobody else's: health, readiness and
 * metrics. Those run on the loop and only read flags and counters. */
#include "http/routes.h"

#include "api/api.h"
#include "api/signin.h"
#include "hooks/hook.h"
#include "hooks/hook_url.h"
#include "http/metrics.h"
#include "log.h"
#include "media/media.h"
#include "oauth2/consent.h"
#include "results/results.h"
#include "tail/tail.h"

#define NO_BODY  KIB(64)
#define PAGE_MAX KIB(256)

static void handle_hook(void *arg, struct op *op)
{
    struct routes_ctx *ctx = arg;
    if (ctx->hooks) {
        hooks_handle(ctx->hooks, op);
    } else {
        op_error(op, 404, "not_found", "this process does not take webhooks");
    }
}

static void handle_api(void *arg, struct db *db, const struct lane_request *request,
                       struct reply *reply)
{
    struct routes_ctx *ctx = arg;
    if (ctx->api) {
        api_handle(ctx->api, db, request->authorization, request->address, request->body, reply);
    } else {
        reply_error(reply, 404, "not_found", "this process does not serve the API");
    }
}

static void handle_media(void *arg, struct db *db, const struct lane_request *request,
                         struct reply *reply)
{
    struct routes_ctx *ctx = arg;
    if (ctx->media) {
        media_handle(ctx->media, db, request, reply);
    } else {
        reply_error(reply, 404, "not_found", "this process does not serve files");
    }
}

static void handle_results(void *arg, struct op *op)
{
    struct routes_ctx *ctx = arg;
    if (ctx->results) {
        results_handle(ctx->results, op);
    } else {
        op_error(op, 404, "not_found", "this process does not serve results");
    }
}

static void handle_tail(void *arg, struct op *op)
{
    struct routes_ctx *ctx = arg;
    if (ctx->tail) {
        tail_handle(ctx->tail, op);
    } else {
        op_error(op, 404, "not_found", "this process does not serve the API");
    }
}

static void handle_signin(void *arg, struct db *db, const struct lane_request *request,
                          struct reply *reply)
{
    struct routes_ctx *ctx = arg;
    if (!ctx->api) {
        reply_error(reply, 404, "not_found", "this process does not serve the API");
        return;
    }
    struct signin_request to = {.method = request->method,
                                .path = request->path,
                                .query = request->query,
                                .body = request->body,
                                .address = request->address};
    signin_handle(ctx->api, db, &to, reply);
}

static void handle_consent(void *arg, struct db *db, const struct lane_request *request,
                           struct reply *reply)
{
    struct routes_ctx *ctx = arg;
    if (ctx->consent) {
        consent_handle(ctx->consent, db, request, reply);
    } else {
        reply_error(reply, 404, "not_found", "this process does not serve the API");
    }
}

static void handle_healthz(void *arg, struct op *op)
{
    op_send(op, 200, STR("application/json"), STR("{\"status\":\"ok\"}"));
}

static void handle_readyz(void *arg, struct op *op)
{
    struct routes_ctx *ctx = arg;
    const char *missing = NULL;
    if (ctx->ready(ctx->ready_arg, &missing)) {
        op_send(op, 200, STR("application/json"), STR("{\"status\":\"ready\"}"));
    } else {
        op_retry(op, 503, 1, "not_ready", "%s", missing);
    }
}

static void handle_metrics(void *arg, struct op *op)
{
    struct buf page;
    buf_init(&page, PAGE_MAX);
    metrics_write(&page);
    op_send(op, 200, STR("text/plain; version=0.0.4"), buf_str(&page));
    buf_done(&page);
}

#define HOOK_METHODS (METHOD_GET | METHOD_POST | METHOD_PUT | METHOD_PATCH | METHOD_DELETE)

const struct route routes[] = {
    {HOOK_PATH, true, HOOK_METHODS, LANE_LOOP, HOOK_MAX_BODY, .on_loop = handle_hook},
    {"/api", false, METHOD_POST, LANE_POOL, ROUTES_MAX_BODY, .on_pool = handle_api},
    {"/api/", false, METHOD_POST, LANE_POOL, ROUTES_MAX_BODY, .on_pool = handle_api},
    {MEDIA_PATH, true, METHOD_GET | METHOD_PUT, LANE_POOL, MEDIA_MAX_BYTES,
     .on_pool = handle_media},
    {RESULTS_PATH, true, METHOD_GET, LANE_LOOP, NO_BODY, .on_loop = handle_results},
    {TAIL_PATH, false, METHOD_GET, LANE_LOOP, NO_BODY, .on_loop = handle_tail},
    {"/auth/", true, METHOD_GET | METHOD_POST, LANE_POOL, SIGNIN_MAX_BODY,
     .on_pool = handle_signin},
    {"/authorize", false, METHOD_GET | METHOD_POST, LANE_POOL, SIGNIN_MAX_BODY,
     .on_pool = handle_signin},
    {"/oauth/token", false, METHOD_POST, LANE_POOL, SIGNIN_MAX_BODY, .on_pool = handle_signin},
    {CONSENT_PATH, true, METHOD_GET, LANE_POOL, CONSENT_NO_BODY, .on_pool = handle_consent},
    {"/healthz", false, METHOD_GET, LANE_LOOP, NO_BODY, .on_loop = handle_healthz},
    {"/readyz", false, METHOD_GET, LANE_LOOP, NO_BODY, .on_loop = handle_readyz},
    {"/metrics", false, METHOD_GET, LANE_LOOP, NO_BODY, .on_loop = handle_metrics},
    {0},
};
