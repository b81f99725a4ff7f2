/* What an action sees of its surroundings (the other accessors of components/component.h). Called
 * by actions on the slot's thread. */
#include "engine/run_priv.h"

#include "enc.h"
#include "secret.h"

const struct action *action_descriptor(struct action_context *ctx)
{
    return ctx->step->action;
}

struct json action_input(struct action_context *ctx, const char *key)
{
    for (uint32_t i = 0; i < ctx->step->n_inputs; i++) {
        if (strcmp(ctx->step->inputs[i].key, key) == 0) {
            return ctx->values[i];
        }
    }
    return json_undefined();
}

struct arena *action_arena(struct action_context *ctx)
{
    return ctx->run->scratch;
}

struct spill_set *action_spills(struct action_context *ctx)
{
    return &ctx->run->memory->spills;
}

void action_log(struct action_context *ctx, enum log_line_level level, struct str message)
{
    run_log(ctx->run, level, ctx->step->def->name, message);
}

struct json action_trigger_payload(struct action_context *ctx)
{
    return ctx->run->payload;
}

struct json action_flow_url(struct action_context *ctx, struct str flow_name)
{
    return json_get(ctx->run->instance->call_urls, flow_name);
}

int64_t action_deadline(struct action_context *ctx)
{
    return ctx->run->deadline_ns;
}

/* A digest of what names this step's turn: execution, step, iteration. The same in every attempt.
 */
static void turn_digest(struct action_context *ctx, uint8_t ret_digest[32])
{
    struct run *run = ctx->run;
    struct str path = run_loop_path(run); /* in the text buffer */
    struct buf *text = &run->memory->text;
    (void)path;
    buf_addc(text, '\n');
    buf_adds(text, ctx->step->def->key);
    buf_addc(text, '\n');
    buf_add(text, run->request->execution_id.b, sizeof(run->request->execution_id.b));
    secret_sha256(buf_str(text), ret_digest);
}

const char *action_idempotency_key(struct action_context *ctx)
{
    if (!ctx->idempotency_key[0]) {
        uint8_t digest[32];
        struct uuid id;
        turn_digest(ctx, digest);
        memcpy(id.b, digest, sizeof(id.b));
        id.b[6] = (uint8_t)((id.b[6] & 0x0f) | 0x80); /* version 8: made by the application */
        id.b[8] = (uint8_t)((id.b[8] & 0x3f) | 0x80);
        uuid_format(&id, ctx->idempotency_key);
    }
    return ctx->idempotency_key;
}

/* The trace of the request with a span of this step: "00-<trace>-<span>-<flags>". */
const char *action_traceparent(struct action_context *ctx)
{
    struct str parent = ctx->run->request->traceparent;
    if (parent.len != 55 || ctx->traceparent[0]) {
        return ctx->traceparent;
    }
    uint8_t digest[32];
    char span[17];
    turn_digest(ctx, digest);
    (void)enc_hex(str_n((const char *)digest + 16, 8), span, sizeof(span));
    (void)snprintf(ctx->traceparent, sizeof(ctx->traceparent), "%.36s%s%.3s", parent.ptr, span,
                   parent.ptr + 52);
    return ctx->traceparent;
}

const char *action_execution_id(struct action_context *ctx)
{
    return ctx->run->execution_id;
}

const char *action_flow_name(struct action_context *ctx)
{
    return ctx->run->flow->plan->def->name;
}

const char *action_step_name(struct action_context *ctx)
{
    return ctx->step->def->name;
}

const char *action_loop_path(struct action_context *ctx)
{
    struct str path = run_loop_path(ctx->run);
    return arena_strndup(ctx->run->scratch, path.ptr, path.len);
}

void action_block_begin(struct action_context *ctx)
{
    ctx->run->env->block_begin(ctx->run->env->ctx);
}

void action_block_end(struct action_context *ctx)
{
    ctx->run->env->block_end(ctx->run->env->ctx);
}

struct http_client *action_http(struct action_context *ctx)
{
    return ctx->run->env->http(ctx->run->env->ctx);
}

struct json action_cursor(struct action_context *ctx)
{
    return ctx->run->cursor;
}

void action_set_cursor(struct action_context *ctx, struct json cursor)
{
    ctx->run->cursor = spill_copy(&ctx->run->memory->spills, ctx->run->keep, cursor, 0);
}
