/* Runs flows in-process for the engine's tests: a YAML flow, a request, and what was recorded.
 * Besides the built-in components there is one named "test", made here. */
#pragma once

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "clock.h"
#include "engine/engine.h"
#include "msgpack.h"
#include "run_progress.h"

#define STEP_MORE(name, component, action, inputs, more)                                           \
    "{name: \"" name "\", description: \"\", action: {key: " action                                \
    ", component: {key: " component ", version: LATEST, isPublic: true}}, inputs: {" inputs        \
    "}" more "}"
#define STEP(name, component, action, inputs) STEP_MORE(name, component, action, inputs, "")
#define LOOP(name, action, inputs, body)                                                           \
    STEP_MORE(name, "loop", action, inputs, ", steps: [" body "]")
#define BRANCH(name, action, inputs, branches)                                                     \
    STEP_MORE(name, "branch", action, inputs, ", branches: [" branches "]")
#define ARM(name, steps)        "{name: \"" name "\", steps: [" steps "]}"
#define TRIGGER                 STEP_MORE("Trigger", "webhook-triggers", "webhook", "", ", isTrigger: true")
#define VALUE(key, value)       key ": {type: value, value: '" value "'}"
#define REF(key, path)          key ": {type: reference, value: '" path "'}"
#define TEMPLATE(key, text)     key ": {type: template, value: '" text "'}"
#define VAR(key, name)          key ": {type: configVar, value: '" name "'}"
#define ECHO_VALUE(name, value) STEP(name, "test", "echo", VALUE("value", value))
#define ECHO_REF(name, path)    STEP(name, "test", "echo", REF("value", path))
#define ON_ERROR(handler, attempts, delay, ignore_final)                                           \
    ", errorConfig: {errorHandlerType: " handler ", maxAttempts: " attempts                        \
    ", delaySeconds: " delay ", usesExponentialBackoff: false, ignoreFinalError: " ignore_final    \
    "}"

/* --- the component "test" --------------------------------------------------------------------- */

static unused int test_failures; /* what "flaky" has left */
static int test_calls;
static unused bool test_write_error; /* of "write" */

static int test_echo(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    ret->data = action_input(ctx, "value");
    return 0;
}
static int test_fail(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    return err_set(err, -EIO, "test.fail", "it broke on purpose");
}
static int test_flaky(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    test_calls++;
    if (test_failures-- > 0) {
        return err_set(err, -EIO, "test.flaky", "not yet");
    }
    ret->data = json_cstr("at last");
    return 0;
}
static int test_binary(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    ret->data = json_binary(STR("\x00\xff\x01"));
    ret->content_type = "image/png";
    return 0;
}
static int test_big(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    int64_t size;
    int rc = action_input_int(ctx, "value", 0, INT64_C(1) << 30, &size, err);
    if (rc < 0) {
        return rc;
    }
    char *text = arena_alloc(action_arena(ctx), (size_t)size);
    uint32_t x = 88172645;
    for (int64_t i = 0; i < size; i++) {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        text[i] = (char)('!' + (x >> 8) % 90);
    }
    ret->data = json_str(str_n(text, (size_t)size));
    return 0;
}
/* So many bytes outside of memory, the first three of which tell how many were made before. */
static int test_large(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    int64_t size;
    struct str bytes;
    char part[KIB(32)];
    int rc = action_input_int(ctx, "value", 4, INT64_C(1) << 30, &size, err);
    AUTO(spill_done) struct spill b = SPILL_NONE;
    spill_begin(&b, action_spills(ctx), SPILL_VALUE_MAX);
    memset(part, '.', sizeof(part));
    (void)snprintf(part, sizeof(part), "%03d", test_calls++ % 1000);
    part[3] = '\xff'; /* no UTF-8 */
    for (int64_t at = 0; rc == 0 && at < size; at += (int64_t)sizeof(part)) {
        (void)spill_add(&b, part, (size_t)MIN(size - at, (int64_t)sizeof(part)));
        memset(part, '.', 4);
    }
    rc = rc == 0 ? spill_end(&b, action_arena(ctx), &bytes, err) : rc;
    if (rc == 0 && test_failures-- > 0) {
        return err_set(err, -EIO, "test.large", "not yet");
    }
    ret->data = json_binary(rc == 0 ? bytes : STR(""));
    ret->content_type = "application/x-large";
    return rc;
}
/* What stands at the start of a large value, and its length. */
static int test_head(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct str bytes;
    int rc = action_input_text(ctx, "value", &bytes, err);
    ret->data = rc < 0
                    ? json_null()
                    : json_cstr(arena_printf(action_arena(ctx), "%.*s/%zu",
                                             (int)MIN(bytes.len, (size_t)3), bytes.ptr, bytes.len));
    return rc;
}
static int test_reply(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct json_builder headers;
    json_build_object(&headers, action_arena(ctx));
    json_set(&headers, STR("X-One"), json_cstr("1"));
    ret->headers = json_built(&headers);
    ret->status_code = 418;
    ret->content_type = "text/x-tea";
    ret->data = json_cstr("short and stout");
    return 0;
}
static int test_keys(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct json_builder keys;
    json_build_object(&keys, action_arena(ctx));
    json_set(&keys, STR("key"),
             json_cstr(arena_strdup(action_arena(ctx), action_idempotency_key(ctx))));
    json_set(&keys, STR("trace"),
             json_cstr(arena_strdup(action_arena(ctx), action_traceparent(ctx))));
    ret->data = json_built(&keys);
    return 0;
}
static int test_write(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    test_calls++;
    ret->data = action_input(ctx, "value");
    return test_write_error ? err_set(err, -EIO, "test.write", "refused") : 0;
}
static int test_wait(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    clock_wait_ns(30 * NS_PER_MS);
    return 0;
}
static int test_hang(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    clock_wait_ns(action_deadline(ctx) - clock_mono_ns() - 2 * NS_PER_MS);
    return err_set(err, -ETIMEDOUT, "test.hang", "nobody answered");
}
static int test_log(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct str text;
    int rc = action_input_text(ctx, "value", &text, err);
    action_log(ctx, LINE_INFO, text);
    return rc;
}
static int test_last(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct json list = action_input(ctx, "value");
    ret->data =
        list.type == JSON_ARRAY && list.len ? json_at(list, list.len - 1) : json_undefined();
    return 0;
}
static int test_no_change(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    ret->result_type = "POLLED_NO_CHANGES";
    return 0;
}
static int test_routed(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    ret->branch = "Second";
    return 0;
}

static const struct action_input test_inputs[] = {
    {.key = "value", .label = "Value", .type = CATALOG_JSON}, {0}};
static const struct action_input test_default_inputs[] = {
    {.key = "value", .label = "Value", .type = CATALOG_STRING, .fallback = "fallback"}, {0}};
static const struct action test_actions[] = {
    {.key = "echo", .label = "Echo", .inputs = test_inputs, .perform = test_echo},
    {.key = "echoDefault", .label = "Echo", .inputs = test_default_inputs, .perform = test_echo},
    {.key = "fail", .label = "Fail", .perform = test_fail},
    {.key = "flaky", .label = "Flaky", .perform = test_flaky},
    {.key = "binary", .label = "Binary", .perform = test_binary},
    {.key = "big", .label = "Big", .inputs = test_inputs, .perform = test_big},
    {.key = "large", .label = "Large", .inputs = test_inputs, .perform = test_large},
    {.key = "head", .label = "Head", .inputs = test_inputs, .perform = test_head},
    {.key = "reply", .label = "Reply", .perform = test_reply},
    {.key = "keys", .label = "Keys", .perform = test_keys},
    {.key = "wait", .label = "Wait", .perform = test_wait},
    {.key = "write",
     .label = "Write",
     .flags = ACTION_WRITES,
     .inputs = test_inputs,
     .perform = test_write},
    {.key = "read",
     .label = "Read",
     .flags = ACTION_READS,
     .inputs = test_inputs,
     .perform = test_write},
    {.key = "hang", .label = "Hang", .perform = test_hang},
    {.key = "log", .label = "Log", .inputs = test_inputs, .perform = test_log},
    {.key = "last", .label = "Last", .inputs = test_inputs, .perform = test_last},
    {.key = "noChange", .label = "Poll", .flags = ACTION_TRIGGER, .perform = test_no_change},
    {.key = "routed",
     .label = "Routed",
     .flags = ACTION_TRIGGER | ACTION_BRANCHES,
     .perform = test_routed},
    {0},
};
static const struct component test_component = {
    .key = "test", .label = "Test", .version = 1, .actions = test_actions};

static const struct component *test_find(const char *key)
{
    return strcmp(key, "test") == 0 ? &test_component : component_find(key);
}

/* Large values as a control plane keeps them. */
struct fx_values {
    struct {
        struct uuid id;
        struct buf bytes;
        char type[100];
        uint64_t raw_at, raw_size;
    } items[20];
    size_t n, n_read;
    int rc; /* of storing */
    const char *code;
};

/* --- one run ---------------------------------------------------------------------------------- */

struct fixture {
    /* set before */
    const char *flow_keys;              /* further keys of the flow, e.g. ", isSynchronous: true" */
    const char *root_keys, *more_flows; /* of the definition; NULL = none */
    bool preprocess;
    struct uuid reply_id;
    const char *config;    /* JSON */
    const char *flow_name; /* asked for; NULL = the one there is */
    struct hook_request hook;
    struct str body; /* shorthand for hook.body */
    bool synchronous;
    const char *reply_to, *traceparent;
    int64_t run_ms;
    struct spill_disk *spill_disk;
    const char *stores[_STATE_SCOPE_N]; /* JSON of what is stored; NULL = empty */
    uint64_t elsewhere;                 /* bytes of stores that are not asked for */
    bool state_away, step_results_disabled, logs_disabled, debug, test;
    uint32_t attempt; /* 0 = 1 */
    /* Checkpoints as a control plane keeps them, from run to run; NULL = there is none. */
    struct checkpoint *parts;
    size_t n_checkpoints, parts_max; /* a part beyond: another attempt has taken over */
    bool parts_away;
    struct fx_values *values; /* NULL = none are stored */
    /* seen after */
    struct arena *arena;
    struct run_result result;
    struct step_result *steps;
    size_t n_steps;
    struct sync_reply reply;
    int n_replies, n_fetches, blocked;
    struct buf encoded, reply_bytes, told, uploaded; /* told: run_progress messages, a batch */
    int n_told;
    uint32_t n_parts;
};

static void fx_block_begin(void *ctx)
{
    ((struct fixture *)ctx)->blocked++;
}
static void fx_block_end(void *ctx)
{
    ((struct fixture *)ctx)->blocked--;
}
static int fx_state_put(void *ctx, const struct state_fetch *part, int64_t deadline_ns,
                        struct err *err)
{
    struct fixture *fx = ctx;
    if (fx->state_away) {
        return err_set(err, -ETIMEDOUT, "state.unreachable", "the state is away");
    }
    assert_int_equal(part->number, ++fx->n_parts);
    assert_true(part->data.len <= STATE_PART_BYTES);
    buf_add_str(&fx->uploaded, part->data);
    return 0;
}
static int fx_value_put(void *ctx, const struct value *value, int64_t deadline_ns, int64_t stall_ns,
                        struct err *err)
{
    struct fixture *fx = ctx;
    struct fx_values *all = fx->values;
    assert_int_equal(fx->blocked, 1);
    assert_true(stall_ns > 0);
    if (all->rc) {
        return err_set(err, all->rc, all->code, "%s", all->code);
    }
    assert_true(all->n < ARRAY_LEN(all->items));
    struct buf *b = &all->items[all->n].bytes;
    buf_init(b, 0);
    for (size_t i = 0; i < value->n_pieces; i++) {
        buf_add_str(b, value->pieces[i]);
    }
    assert_int_equal(b->len, value->size);
    all->items[all->n].id = value->value_id;
    all->items[all->n].raw_at = value->raw_at;
    all->items[all->n].raw_size = value->raw_size;
    (void)snprintf(all->items[all->n++].type, 100, "%s", value->content_type);
    return 0;
}
static int fx_value_get(void *ctx, const struct uuid *execution_id, const struct uuid *value_id,
                        uint64_t size, int64_t deadline_ns, struct spill_set *spills,
                        struct arena *a, struct str *ret, struct err *err)
{
    struct fx_values *all = ((struct fixture *)ctx)->values;
    for (size_t i = 0; i < all->n; i++) {
        if (uuid_eq(&all->items[i].id, value_id)) {
            assert_int_equal(size, all->items[i].bytes.len);
            all->n_read++;
            *ret = str_n(arena_dup(a, all->items[i].bytes.data, size), size);
            return 0;
        }
    }
    return err_set(err, -ENOENT, "value.gone", "gone");
}
static int fx_state_fetch(void *ctx, const struct state_fetch *what, int64_t deadline_ns,
                          struct arena *a, struct str *ret_store, uint64_t *ret_elsewhere,
                          struct err *err)
{
    struct fixture *fx = ctx;
    assert_int_equal(fx->blocked, 1);
    fx->n_fetches++;
    if (fx->state_away) {
        return err_set(err, -ETIMEDOUT, "state.unreachable", "the state is away");
    }
    *ret_store = STR("");
    *ret_elsewhere = fx->elsewhere;
    if (fx->stores[what->scope]) {
        struct json store;
        struct buf b;
        buf_init(&b, 0);
        assert_int_equal(json_parse(a, str_of(fx->stores[what->scope]), &store, NULL), 0);
        msgpack_write(&b, store);
        *ret_store = str_n(arena_dup(a, b.data, b.len), b.len);
        buf_done(&b);
    }
    return 0;
}
static void fx_reply(void *ctx, const char *subject, struct str data)
{
    struct fixture *fx = ctx;
    assert_string_equal(subject, fx->reply_to);
    fx->n_replies++;
    buf_clear(&fx->reply_bytes);
    buf_add_str(&fx->reply_bytes, data);
    assert_int_equal(
        wire_decode(&sync_reply_message, fx->arena, buf_str(&fx->reply_bytes), &fx->reply, NULL),
        0);
}
static int fx_checkpoint(void *ctx, const struct checkpoint *part, int64_t deadline_ns,
                         struct err *err)
{
    struct fixture *fx = ctx;
    assert_int_equal(fx->blocked, 1);
    if (fx->n_checkpoints == fx->parts_max) {
        return err_set(err, -ESTALE, "checkpoint.taken_over", "taken over");
    }
    struct checkpoint *kept = &fx->parts[fx->n_checkpoints++];
    *kept = *part;
    kept->steps.ptr = mem_dup(part->steps.ptr, part->steps.len);
    kept->logs.ptr = mem_dup(part->logs.ptr, part->logs.len);
    return 0;
}
static int fx_checkpoint_read(void *ctx, const struct checkpoint_read *what, int64_t deadline_ns,
                              struct arena *a, struct checkpoint_parts *ret, struct err *err)
{
    struct fixture *fx = ctx;
    if (fx->parts_away) {
        return err_set(err, -ETIMEDOUT, "checkpoint.unreachable", "away");
    }
    for (size_t i = 0; i < fx->n_checkpoints && !ret->parts.n; i++) {
        if (fx->parts[i].first >= what->first) { /* one at a time */
            ret->parts = (struct wire_list){arena_dup(a, &fx->parts[i], sizeof(fx->parts[i])), 1};
        }
    }
    return 0;
}
static void fx_progress(void *ctx, struct str data)
{
    struct fixture *fx = ctx;
    wire_batch_add(&fx->told, data);
    fx->n_told++;
}
static struct http_client *fx_http(void *ctx)
{
    return NULL;
}

static int fx_plan(void *ctx, const struct fetched_instance *fetched, struct plan **ret_plan,
                   struct err *err)
{
    struct err_list *errors = mem_new(struct err_list);
    struct definition *definition = NULL;
    int rc = definition_parse(fetched->definition, NULL, &definition, errors);
    if (rc < 0) {
        print_message("%s at %d: %s\n", errors->items[0].field, errors->items[0].line,
                      errors->items[0].message);
    } else {
        *ret_plan = plan_new(definition, test_find, NULL);
        definition_unref(definition);
    }
    mem_free(errors);
    return rc;
}

static const struct uuid fx_id = {{1, 2, 3, 4, 5, 6, 0x70, 8, 0x89, 10, 11, 12, 13, 14, 15, 16}};

static unused struct instance *fx_instance(struct fixture *fx, const char *steps)
{
    struct buf yaml, plain;
    struct instance *instance = NULL;
    struct err err = {0};
    buf_init(&yaml, 0);
    buf_init(&plain, 0);
    buf_adds(&yaml, "{definitionVersion: 7, name: Test, description: '', requiredConfigVars: "
                    "[{key: Name, dataType: string, orgOnly: false}, {key: Page Size, dataType: "
                    "number, orgOnly: false}], configPages: [], flows: [{name: Main, "
                    "description: '', steps: [");
    buf_adds(&yaml, steps);
    buf_adds(&yaml, "]");
    buf_adds(&yaml, fx->flow_keys ? fx->flow_keys : "");
    buf_adds(&yaml, "}");
    buf_adds(&yaml, fx->more_flows ? fx->more_flows : "");
    buf_adds(&yaml, "]");
    buf_adds(&yaml, fx->root_keys ? fx->root_keys : "");
    buf_adds(&yaml, "}");
    struct fetched_flow flow = {.flow_config_id = fx_id,
                                .flow_id = fx_id,
                                .name = STR("Main"),
                                .stable_id = STR("main"),
                                .webhook_url = STR("http://hooks/trigger/abc"),
                                .api_keys = STR("[\"k1\"]")};
    struct fetched_instance fetched = {.revision = 3,
                                       .organization_id = fx_id,
                                       .instance_id = fx_id,
                                       .customer_id = fx_id,
                                       .integration_version_id = fx_id,
                                       .integration_id = fx_id,
                                       .instance_name = STR("Instance"),
                                       .customer_name = STR("Customer"),
                                       .customer_external_id = STR("c-1"),
                                       .integration_name = STR("Test"),
                                       .external_version = STR("v9"),
                                       .definition = buf_str(&yaml),
                                       .config = str_of(fx->config ? fx->config : "{}"),
                                       .flows = {.items = &flow, .n = 1},
                                       .step_results_disabled = fx->step_results_disabled,
                                       .logs_disabled = fx->logs_disabled};
    wire_encode(&fetched_instance_message, &fetched, &plain);
    if (instance_new(buf_str(&plain), fx_plan, fx, &instance, &err) < 0) {
        fail_msg("instance: %s", err.message);
    }
    buf_done(&yaml);
    buf_done(&plain);
    return instance;
}

static void fx_decode(struct fixture *fx)
{
    struct err err = {0};
    assert_int_equal(
        wire_decode(&run_result_message, fx->arena, buf_str(&fx->encoded), &fx->result, &err), 0);
    struct str steps, message;
    if (!fx->result.n_steps) {
        return;
    }
    assert_int_equal(
        steps_decompress(fx->arena, fx->result.steps, fx->result.steps_size, &steps, &err), 0);
    fx->steps = arena_array(fx->arena, fx->result.n_steps, sizeof(*fx->steps));
    while (wire_batch_next(&steps, &message) == 1) {
        assert_true(fx->n_steps < fx->result.n_steps);
        assert_int_equal(
            wire_decode(&step_result_message, fx->arena, message, &fx->steps[fx->n_steps++], &err),
            0);
    }
    assert_int_equal(fx->n_steps, fx->result.n_steps);
}

static void fx_run_with(struct fixture *fx, struct engine_memory *memory,
                        const struct instance *instance)
{
    fx->arena = arena_new(0, 0);
    buf_init(&fx->encoded, 0);
    buf_init(&fx->reply_bytes, 0);
    buf_init(&fx->told, 0);
    buf_init(&fx->uploaded, 0);
    struct buf hook;
    buf_init(&hook, 0);
    if (fx->body.ptr) {
        fx->hook.body = fx->body;
    }
    hook_request_encode(&fx->hook, &hook);
    struct run_request request = {.execution_id = fx_id,
                                  .attempt = MAX(fx->attempt, 1u),
                                  .organization_id = fx_id,
                                  .customer_id = fx_id,
                                  .instance_id = fx_id,
                                  .flow_config_id = fx_id,
                                  .revision = 3,
                                  .flow_name = fx->flow_name ? str_of(fx->flow_name) : STR("Main"),
                                  .accepted_ns = 5,
                                  .reply_to = str_of(fx->reply_to),
                                  .synchronous = fx->synchronous,
                                  .debug = fx->debug,
                                  .test = fx->test,
                                  .preprocess = fx->preprocess,
                                  .reply_id = fx->reply_id,
                                  .traceparent = str_of(fx->traceparent),
                                  .request = buf_str(&hook)};
    struct engine_env env = {.ctx = fx,
                             .block_begin = fx_block_begin,
                             .block_end = fx_block_end,
                             .state_fetch = fx_state_fetch,
                             .state_put = fx_state_put,
                             .value_put = fx->values ? fx_value_put : NULL,
                             .value_get = fx->values ? fx_value_get : NULL,
                             .reply = fx_reply,
                             .checkpoint = fx->parts ? fx_checkpoint : NULL,
                             .checkpoint_read = fx_checkpoint_read,
                             .progress = fx_progress,
                             .http = fx_http,
                             .run_ms = fx->run_ms,
                             .spill_disk = fx->spill_disk};
    engine_run(memory, &env, &request, instance, NULL, &fx->encoded);
    assert_int_equal(fx->blocked, 0);
    fx_decode(fx);
    buf_done(&hook);
}

static unused void fx_run(struct fixture *fx, const char *steps)
{
    struct engine_memory *memory = engine_memory_new();
    struct instance *instance = fx_instance(fx, steps);
    fx_run_with(fx, memory, instance);
    instance_unref(instance);
    engine_memory_free(memory);
}

static unused void fx_done(struct fixture *fx)
{
    arena_free(fx->arena);
    buf_done(&fx->encoded);
    buf_done(&fx->reply_bytes);
    buf_done(&fx->told);
    buf_done(&fx->uploaded);
}

/* The data of a recorded step, as JSON value {data, contentType}. */
static unused struct json fx_data(struct fixture *fx, const struct step_result *s)
{
    struct json v;
    size_t used;
    if (!s->data.len) {
        return json_undefined();
    }
    assert_int_equal(msgpack_read(fx->arena, s->data, &v, &used, NULL), 0);
    return v;
}

/* "key@path=json;" of every step but the trigger; "key!error;" of failed ones. */
static unused const char *fx_summary(struct fixture *fx)
{
    struct buf b;
    buf_init(&b, 0);
    for (size_t i = 1; i < fx->n_steps; i++) {
        const struct step_result *s = &fx->steps[i];
        buf_add_str(&b, s->key);
        if (s->loop_path.len) {
            buf_addc(&b, '@');
            buf_add_str(&b, s->loop_path);
        }
        if (s->error.len) {
            buf_addc(&b, '!');
            buf_add_str(&b, s->error);
        } else {
            buf_addc(&b, '=');
            json_dump(&b, json_get(fx_data(fx, s), STR("data")));
        }
        buf_addc(&b, ';');
    }
    const char *text = arena_strndup(fx->arena, b.len ? b.data : "", b.len);
    buf_done(&b);
    return text;
}

static unused const char *fx_text(struct fixture *fx, struct str s)
{
    return arena_strndup(fx->arena, s.ptr, s.len);
}

static unused const char *fx_dump(struct fixture *fx, struct json v)
{
    struct buf b;
    buf_init(&b, 0);
    json_dump(&b, v);
    const char *text = fx_text(fx, buf_str(&b));
    buf_done(&b);
    return text;
}
