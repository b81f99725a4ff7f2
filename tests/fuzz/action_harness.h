/* What actions need around them when they are called without an engine: inputs by key, an arena.
 * The accessors of component.h that are used are defined here, so the engine's are not linked. */
#pragma once

#include "clock.h"
#include "components/registry.h"

struct action_context {
    struct arena *arena;
    const struct action *action;
    const struct json_member *inputs; /* ended by an empty key */
};

struct arena *action_arena(struct action_context *ctx)
{
    return ctx->arena;
}

struct spill_set *action_spills(struct action_context *ctx)
{
    return NULL;
}

const struct action *action_descriptor(struct action_context *ctx)
{
    return ctx->action;
}

struct json action_input(struct action_context *ctx, const char *key)
{
    for (const struct json_member *m = ctx->inputs; m->key.len; m++) {
        if (str_eq(m->key, str_of(key))) {
            return m->value;
        }
    }
    return json_undefined();
}

int64_t action_deadline(struct action_context *ctx)
{
    return INT64_MAX;
}

/* Runs one action; a refusal has words, a result can be written. Not by the registry, which would
 * link all components and with them the engine. */
static inline int harness_run(const struct component *c, const char *key, struct arena *a,
                              const struct json_member *inputs, struct json *ret)
{
    const struct action *action = c->actions;
    while (action->key && strcmp(action->key, key) != 0) {
        action++;
    }
    ASSERT(action->key);
    struct action_context ctx = {.arena = a, .action = action, .inputs = inputs};
    struct action_result result = {0};
    struct err err;
    err_clear(&err);
    int rc = action->perform(&ctx, &result, &err);
    if (rc < 0) {
        ASSERT(err.code[0] && err.message[0]);
        return rc;
    }
    AUTO(buf_done) struct buf text;
    buf_init(&text, 0);
    json_dump(&text, result.data);
    *ret = result.data;
    return 0;
}
