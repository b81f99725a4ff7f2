/* Runs single actions without an engine: inputs are given as JSON, the surroundings are in memory.
 * The accessors of component.h are defined here, so the engine's are not linked. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "clock.h"
#include "components/component.h"
#include "net/http_client.h"

struct action_context {
    struct arena *arena;
    const struct action *action;
    struct json inputs, payload, cursor;
    struct json state[_STATE_SCOPE_N];
    int64_t deadline;
    struct http_client *http;
    struct spill_set spills; /* without a disk: values stay in memory */
    enum log_line_level level;
    struct str message;
    int blocks, unblocks;
    struct err err;
    struct action_result result;
};

struct arena *action_arena(struct action_context *ctx)
{
    return ctx->arena;
}

struct spill_set *action_spills(struct action_context *ctx)
{
    return &ctx->spills;
}

const struct action *action_descriptor(struct action_context *ctx)
{
    return ctx->action;
}

struct json action_input(struct action_context *ctx, const char *key)
{
    struct json v = json_get(ctx->inputs, str_of(key));
    if (v.type != JSON_UNDEFINED && !(v.type == JSON_STRING && v.len == 0)) {
        return v;
    }
    for (const struct action_input *in = ctx->action->inputs; in && in->key; in++) {
        if (strcmp(in->key, key) == 0) {
            return in->fallback ? json_cstr(in->fallback) : json_undefined();
        }
    }
    fail_msg("action %s reads input %s, which it does not describe", ctx->action->key, key);
    return json_undefined();
}

void action_log(struct action_context *ctx, enum log_line_level level, struct str message)
{
    ctx->level = level;
    ctx->message = str_of(arena_strndup(ctx->arena, message.ptr, message.len));
}

struct json action_flow_url(struct action_context *ctx, struct str flow_name)
{
    return json_get(json_get(action_trigger_payload(ctx), STR("webhookUrls")), flow_name);
}

struct json action_trigger_payload(struct action_context *ctx)
{
    return ctx->payload;
}

int64_t action_deadline(struct action_context *ctx)
{
    return ctx->deadline;
}

const char *action_idempotency_key(struct action_context *ctx)
{
    return "0000-key";
}

const char *action_traceparent(struct action_context *ctx)
{
    return "00-11111111111111111111111111111111-2222222222222222-01";
}

const char *action_execution_id(struct action_context *ctx)
{
    return "RXhlY3V0aW9uOjE=";
}

const char *action_flow_name(struct action_context *ctx)
{
    return "My Flow";
}

const char *action_step_name(struct action_context *ctx)
{
    return "Call It";
}

const char *action_loop_path(struct action_context *ctx)
{
    return "each.3";
}

void action_block_begin(struct action_context *ctx)
{
    ctx->blocks++;
}

void action_block_end(struct action_context *ctx)
{
    ctx->unblocks++;
}

struct http_client *action_http(struct action_context *ctx)
{
    return ctx->http;
}

int action_state_get(struct action_context *ctx, enum state_scope scope, struct str key,
                     struct json *ret, struct err *err)
{
    *ret = json_get(ctx->state[scope], key);
    return 0;
}

int action_state_set(struct action_context *ctx, enum state_scope scope, struct str key,
                     struct json value, struct err *err)
{
    struct json_builder b;
    json_build_object(&b, ctx->arena);
    for (uint32_t i = 0; i < ctx->state[scope].len; i++) {
        if (!str_eq(ctx->state[scope].members[i].key, key)) {
            json_append(&b, ctx->state[scope].members[i].key, ctx->state[scope].members[i].value);
        }
    }
    if (value.type != JSON_UNDEFINED) {
        json_append(&b, str_n(arena_strndup(ctx->arena, key.ptr, key.len), key.len),
                    json_copy(ctx->arena, value));
    }
    ctx->state[scope] = json_built(&b);
    return 0;
}

int action_state_append(struct action_context *ctx, enum state_scope scope, struct str key,
                        const struct json *items, size_t n, struct json *ret_list, struct err *err)
{
    struct json before = json_get(ctx->state[scope], key);
    struct json_builder b;
    json_build_array(&b, ctx->arena);
    if (!json_is_nullish(before) && before.type != JSON_ARRAY) {
        return STATE_E_NOT_LIST;
    }
    for (uint32_t i = 0; before.type == JSON_ARRAY && i < before.len; i++) {
        json_push(&b, before.items[i]);
    }
    for (size_t i = 0; i < n; i++) {
        json_push(&b, items[i]);
    }
    *ret_list = json_built(&b);
    return action_state_set(ctx, scope, key, *ret_list, err);
}

int action_state_keys(struct action_context *ctx, enum state_scope scope, struct json *ret,
                      struct err *err)
{
    struct json_builder b;
    json_build_array(&b, ctx->arena);
    for (uint32_t i = 0; i < ctx->state[scope].len; i++) {
        json_push(&b, json_str(ctx->state[scope].members[i].key));
    }
    *ret = json_built(&b);
    return 0;
}

int action_state_usage(struct action_context *ctx, enum state_scope scope, size_t *ret_bytes,
                       struct err *err)
{
    struct buf b;
    buf_init(&b, 0);
    json_dump(&b, ctx->state[scope]);
    *ret_bytes = b.len;
    buf_done(&b);
    return 0;
}

int action_state_clear(struct action_context *ctx, enum state_scope scope, struct err *err)
{
    ctx->state[scope] = json_object(NULL, 0);
    return 0;
}

struct json action_cursor(struct action_context *ctx)
{
    return ctx->cursor;
}

void action_set_cursor(struct action_context *ctx, struct json cursor)
{
    ctx->cursor = cursor;
}

/* --- running -------------------------------------------------------------------------------------
 */

static unused void fixture_init(struct action_context *ctx)
{
    memset(ctx, 0, sizeof(*ctx));
    ctx->arena = arena_new(KIB(64), MIB(64));
    ctx->deadline = clock_mono_ns() + 30 * NS_PER_SEC;
    for (size_t i = 0; i < _STATE_SCOPE_N; i++) {
        ctx->state[i] = json_object(NULL, 0);
    }
}

static unused void fixture_done(struct action_context *ctx)
{
    http_client_free(ctx->http);
    spill_set_done(&ctx->spills);
    arena_free(ctx->arena);
}

static unused struct json fixture_json(struct action_context *ctx, const char *text)
{
    struct json v;
    struct err err;
    err_clear(&err);
    if (json_parse(ctx->arena, str_of(text), &v, &err) < 0) {
        fail_msg("%s: %s", err.message, text);
    }
    return v;
}

static unused int fixture_run_value(struct action_context *ctx, const char *name,
                                    struct json inputs)
{
    char key[64];
    const char *dot = strchr(name, '.');
    assert_non_null(dot);
    (void)snprintf(key, sizeof(key), "%.*s", (int)(dot - name), name);
    const struct component *c = component_find(key);
    if (!c || !component_action(c, dot + 1)) {
        fail_msg("no action %s", name);
    }
    ctx->action = component_action(c, dot + 1);
    ctx->inputs = inputs;
    ctx->result = (struct action_result){0};
    err_clear(&ctx->err);
    assert_non_null(ctx->action->perform);
    int rc = ctx->action->perform(ctx, &ctx->result, &ctx->err);
    assert_int_equal(ctx->blocks, ctx->unblocks);
    return rc;
}

static unused int fixture_run(struct action_context *ctx, const char *name, const char *inputs)
{
    return fixture_run_value(ctx, name, fixture_json(ctx, inputs));
}

/* The result as JSON text; "undefined" for none. */
static unused const char *fixture_result(struct action_context *ctx)
{
    if (ctx->result.data.type == JSON_UNDEFINED) {
        return "undefined";
    }
    struct buf b;
    buf_init(&b, 0);
    json_dump(&b, ctx->result.data);
    const char *text = arena_strndup(ctx->arena, b.len ? b.data : "", b.len);
    buf_done(&b);
    return text;
}

/* A row: what an action makes of its inputs, or a part of the message it refuses them with. */
struct action_case {
    const char *name, *inputs, *result, *refusal;
};

static unused void fixture_check(const struct action_case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct action_context ctx;
        fixture_init(&ctx);
        int rc = fixture_run(&ctx, cases[i].name, cases[i].inputs);
        if (cases[i].refusal) {
            if (rc >= 0 || !strstr(ctx.err.message, cases[i].refusal) || !ctx.err.code[0]) {
                fail_msg("%s %s: rc %d, \"%s\" instead of \"%s\"", cases[i].name, cases[i].inputs,
                         rc, ctx.err.message, cases[i].refusal);
            }
        } else if (rc != 0 || strcmp(fixture_result(&ctx), cases[i].result) != 0) {
            fail_msg("%s %s: rc %d (%s), %s instead of %s", cases[i].name, cases[i].inputs, rc,
                     ctx.err.message, fixture_result(&ctx), cases[i].result);
        }
        fixture_done(&ctx);
    }
}
