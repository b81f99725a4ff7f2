/* Owns everything a worker process is made of. Threads: consume (pulls), slots (run), the outbox'
 * publisher, the heartbeat, and the bus library's own. Here the parts meet: what a slot does with a
 * job, and what the engine and the caches ask of the bus.
 * Start: bus, caches, slots, outbox, heartbeat, consume. Stop: the other way round, consume first.
 */
#include "worker.h"

#include <stdatomic.h>

#include "clock.h"
#include "consume.h"
#include "definitions/definitions.h"
#include "engine/engine.h"
#include "heartbeat.h"
#include "log.h"
#include "net/http_client.h"
#include "net/http_loop.h"
#include "outbox.h"
#include "sealed.h"
#include "subjects.h"
#include "values.h"

#define DRAIN_NS          (20 * NS_PER_SEC)
#define FETCH_NS          (300 * NS_PER_SEC) /* a definition is waited for at most so long */
#define ASK_MS            3000
#define CONNECT_MS        2000
#define RESULT_TIMEOUT_MS 5000
#define OUTBOX_MAX_BYTES  MIB(64)
#define OUTBOX_IN_FLIGHT  4
#define OUTBOX_HOLD_NS    (4 * NS_PER_MS)
#define OUTBOX_LINGER_NS  (3 * NS_PER_MS / 2)
#define INSTANCES_MAX     20000
#define INSTANCES_BYTES   MIB(256)
#define PLANS_MAX         1000
#define RESULT_KEEP       KIB(64) /* a slot's result buffer larger than this is given back */
#define HTTP_DIRECT       64      /* clients that transfer by themselves */

struct worker {
    struct secret_key bus_key;
    struct address_policy addresses;
    struct http_loop *http;
    const char *pool;
    struct uuid id;
    struct spill_disk *spill_disk;
    struct bus *bus;
    struct held *held;
    struct definitions *definitions;
    struct slot_pool *slots;
    struct outbox *outbox;
    struct heartbeat *heartbeat;
    struct consume *consume, *consume_bulk;
    atomic_bool draining;
};

/* What a slot keeps between runs. */
struct slot_memory {
    struct worker *worker;
    struct slot *slot;
    struct engine_memory *engine;
    struct http_client *http;
    struct buf result;
};

/* --- what the engine asks for ----------------------------------------------------------------- */

static void on_block_begin(void *ctx)
{
    slot_block_begin(((struct slot_memory *)ctx)->slot);
}

static void on_block_end(void *ctx)
{
    slot_block_end(((struct slot_memory *)ctx)->slot);
}

/* Asks until there is an answer or the deadline is over (-ETIMEDOUT). */
static int ask_until(struct worker *w, const char *subject, struct str ask, int64_t deadline_ns,
                     struct bus_message **ret_reply)
{
    while (clock_mono_ns() < deadline_ns) {
        if (bus_request(w->bus, subject, ask, ASK_MS, ret_reply) == 0) {
            return 0;
        }
        clock_wait_ns(200 * NS_PER_MS);
    }
    return -ETIMEDOUT;
}

/* Asks until there is an answer. */
static int ask_state(struct worker *w, const struct state_fetch *what, int64_t deadline_ns,
                     struct arena *a, struct state_part *ret, struct err *err)
{
    AUTO(buf_done) struct buf ask = {0};
    buf_init(&ask, 0);
    wire_encode(&state_fetch_message, what, &ask);
    struct bus_message *reply = NULL;
    if (ask_until(w, SUBJECT_STATE, buf_str(&ask), deadline_ns, &reply) < 0) {
        return err_set(
            err, -ETIMEDOUT, "state.unreachable",
            "the persisted state could not be %s: the control plane did not answer in time",
            what->number ? "saved" : "read");
    }
    struct str data = bus_message_data(reply);
    data = str_n(arena_dup(a, data.ptr, data.len), data.len);
    bus_message_free(reply);
    return wire_decode(&state_part_message, a, data, ret, err);
}

/* A store that is replaced while its parts are read is read anew. */
static int on_state_fetch(void *ctx, const struct state_fetch *what, int64_t deadline_ns,
                          struct arena *a, struct str *ret_store, uint64_t *ret_elsewhere,
                          struct err *err)
{
    struct worker *w = ((struct slot_memory *)ctx)->worker;
    struct state_fetch ask = *what;
    struct state_part part;
    AUTO(buf_done) struct buf store = {0};
    buf_init(&store, 0);
    uint64_t version = 0;
    do {
        AUTO(arena_free) struct arena *scratch = arena_new(0, 0);
        ask.offset = store.len;
        int rc = ask_state(w, &ask, deadline_ns, scratch, &part, err);
        if (rc < 0) {
            return rc;
        }
        if (store.len && part.version != version) {
            buf_clear(&store);
            continue;
        }
        version = part.version;
        buf_add_str(&store, part.data);
        if (part.data.len == 0) {
            break;
        }
    } while (store.len < part.total);
    *ret_store = str_n(arena_dup(a, store.len ? store.data : "", store.len), store.len);
    *ret_elsewhere = part.elsewhere;
    return 0;
}

static int on_state_put(void *ctx, const struct state_fetch *part, int64_t deadline_ns,
                        struct err *err)
{
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    struct state_part taken;
    return ask_state(((struct slot_memory *)ctx)->worker, part, deadline_ns, a, &taken, err);
}

static int on_checkpoint(void *ctx, const struct checkpoint *part, int64_t deadline_ns,
                         struct err *err)
{
    struct worker *w = ((struct slot_memory *)ctx)->worker;
    AUTO(buf_done) struct buf ask = {0};
    AUTO(arena_free) struct arena *a = arena_new(KIB(1), 0);
    struct bus_message *reply = NULL;
    struct checkpoint_reply answer = {0};
    buf_init(&ask, 0);
    wire_encode(&checkpoint_message, part, &ask);
    int rc = ask_until(w, SUBJECT_CHECKPOINT, buf_str(&ask), deadline_ns, &reply);
    if (rc < 0) {
        return err_set(err, rc, "checkpoint.unreachable",
                       "the results before this step could not be recorded: the control plane did "
                       "not answer in time");
    }
    rc = wire_decode(&checkpoint_reply_message, a, bus_message_data(reply), &answer, err);
    bus_message_free(reply);
    if (rc == 0 && !answer.stored) {
        return err_set(err, -ESTALE, "checkpoint.taken_over",
                       "the execution was taken over by another worker");
    }
    return rc;
}

static int on_checkpoint_read(void *ctx, const struct checkpoint_read *what, int64_t deadline_ns,
                              struct arena *a, struct checkpoint_parts *ret, struct err *err)
{
    struct worker *w = ((struct slot_memory *)ctx)->worker;
    AUTO(buf_done) struct buf ask = {0};
    struct bus_message *reply = NULL;
    buf_init(&ask, 0);
    wire_encode(&checkpoint_read_message, what, &ask);
    if (ask_until(w, SUBJECT_CHECKPOINT_READ, buf_str(&ask), deadline_ns, &reply) < 0) {
        return err_set(err, -ETIMEDOUT, "checkpoint.unreachable",
                       "what an earlier attempt has done could not be read: the control plane did "
                       "not answer in time");
    }
    struct str data = bus_message_data(reply);
    data = str_n(arena_dup(a, data.ptr, data.len), data.len);
    bus_message_free(reply);
    return wire_decode(&checkpoint_parts_message, a, data, ret, err);
}

static int on_value_put(void *ctx, const struct value *value, int64_t deadline_ns, int64_t stall_ns,
                        struct err *err)
{
    return values_put(((struct slot_memory *)ctx)->worker->bus, value, deadline_ns, stall_ns, err);
}

static int on_value_get(void *ctx, const struct uuid *execution_id, const struct uuid *value_id,
                        uint64_t size, int64_t deadline_ns, struct spill_set *spills,
                        struct arena *a, struct str *ret, struct err *err)
{
    return values_get(((struct slot_memory *)ctx)->worker->bus, execution_id, value_id, size,
                      deadline_ns, spills, a, ret, err);
}

static void on_reply(void *ctx, const char *subject, struct str data)
{
    struct worker *w = ((struct slot_memory *)ctx)->worker;
    if (bus_publish(w->bus, subject, data) < 0) {
        log_debug("an answer could not be sent", LOG_STR("subject", subject));
    }
}

static void on_progress(void *ctx, struct str data)
{
    struct worker *w = ((struct slot_memory *)ctx)->worker;
    if (bus_publish(w->bus, SUBJECT_PROGRESS, data) < 0) {
        log_debug("progress of a test run could not be sent");
    }
}

static struct http_client *on_http(void *ctx)
{
    return ((struct slot_memory *)ctx)->http;
}

static int on_fetch(void *ctx, const struct definition_fetch *what, int64_t timeout_ms,
                    struct arena *a, struct str *ret_plain, struct err *err)
{
    struct worker *w = ctx;
    AUTO(buf_done) struct buf ask = {0};
    struct bus_message *reply = NULL;
    buf_init(&ask, 0);
    wire_encode(&definition_fetch_message, what, &ask);
    int rc = bus_request(w->bus, SUBJECT_DEFINITION, buf_str(&ask), timeout_ms, &reply);
    if (rc < 0) {
        return rc == -ETIMEDOUT ? rc : -ENOTCONN;
    }
    rc = sealed_read(a, &w->bus_key, SUBJECT_DEFINITION, bus_message_data(reply), ret_plain, err);
    bus_message_free(reply);
    return rc;
}

/* --- slots ------------------------------------------------------------------------------------ */

static void *memory_new(void *ctx, struct slot *slot)
{
    struct slot_memory *m = mem_new(struct slot_memory);
    m->worker = ctx;
    m->slot = slot;
    m->engine = engine_memory_new();
    m->http = http_client_new(
        &(struct http_client_options){.policy = &m->worker->addresses, .loop = m->worker->http});
    buf_init(&m->result, 0);
    return m;
}

static void memory_free(void *memory)
{
    struct slot_memory *m = memory;
    engine_memory_free(m->engine);
    http_client_free(m->http);
    buf_done(&m->result);
    mem_free(m);
}

static int find_instance(struct slot_memory *m, const struct run_request *q, struct instance **ret,
                         struct err *err)
{
    struct worker *w = m->worker;
    *ret = definitions_find(w->definitions, &q->instance_id, q->revision);
    if (*ret) {
        return 0;
    }
    slot_block_begin(m->slot);
    int rc = definitions_fetch(w->definitions, &q->instance_id, q->revision,
                               clock_mono_ns() + FETCH_NS, ret, err);
    slot_block_end(m->slot);
    return rc;
}

static void run(void *ctx, void *memory, struct slot_job *queued)
{
    struct worker *w = ctx;
    struct slot_memory *m = memory;
    struct run_job *job = (struct run_job *)queued;
    const struct engine_env env = {.ctx = m,
                                   .block_begin = on_block_begin,
                                   .block_end = on_block_end,
                                   .state_fetch = on_state_fetch,
                                   .checkpoint = on_checkpoint,
                                   .checkpoint_read = on_checkpoint_read,
                                   .state_put = on_state_put,
                                   .value_put = on_value_put,
                                   .value_get = on_value_get,
                                   .reply = on_reply,
                                   .progress = on_progress,
                                   .http = on_http,
                                   .spill_disk = w->spill_disk};
    AUTO(instance_unref) struct instance *instance = NULL;
    struct err err = {0};
    held_start(w->held, job);
    if (find_instance(m, &job->request, &instance, &err) < 0 && !err.message[0]) {
        (void)err_set(&err, 0, "definition.unknown", "the instance could not be read");
    }
    engine_run(m->engine, &env, &job->request, instance, &err, &m->result);
    outbox_add(w->outbox, buf_str(&m->result), job);
    if (m->result.cap > RESULT_KEEP) {
        buf_done(&m->result);
        buf_init(&m->result, 0);
    } else {
        buf_clear(&m->result);
    }
}

/* --- what the other parts ask for ------------------------------------------------------------- */

static void on_ack(void *ctx, const struct bus_message *m)
{
    if (bus_ack(((struct worker *)ctx)->bus, m) < 0) {
        log_debug("a message could not be acknowledged; it comes again");
    }
}

static void on_in_progress(void *ctx, const struct bus_message *m)
{
    (void)!bus_in_progress(((struct worker *)ctx)->bus, m);
}

static void on_give_back(void *ctx, const struct bus_message *m)
{
    (void)!bus_nak(((struct worker *)ctx)->bus, m);
}

static int on_publish(void *ctx, const char *msg_id, struct str data, void (*done)(void *, int),
                      void *done_ctx)
{
    return bus_publish_stored(((struct worker *)ctx)->bus, SUBJECT_RESULT, msg_id, data,
                              RESULT_TIMEOUT_MS, done, done_ctx);
}

static void on_stored(void *ctx, struct run_job *job)
{
    held_release(((struct worker *)ctx)->held, job);
}

/* Jobs that no slot has taken yet: their results join the batch. */
static bool on_more_soon(void *ctx)
{
    return slot_pool_queued(((struct worker *)ctx)->slots) > 0;
}

static int on_presence(void *ctx, struct str data)
{
    return bus_publish(((struct worker *)ctx)->bus, SUBJECT_PRESENCE, data);
}

static void on_describe(void *ctx, struct presence *p)
{
    struct worker *w = ctx;
    int busy, slots;
    slot_pool_stats(w->slots, &busy, &slots);
    p->slots_busy = (uint32_t)busy;
    p->slots = (uint32_t)slots;
    p->queued = (uint32_t)slot_pool_queued(w->slots);
    p->draining = atomic_load(&w->draining);
}

/* --- start and stop --------------------------------------------------------------------------- */

static void start_parts(struct worker *w, const struct worker_config *config)
{
    w->held = held_new(&(struct held_options){
        .ctx = w, .ack = on_ack, .in_progress = on_in_progress, .give_back = on_give_back});
    w->definitions = definitions_new(&(struct definitions_options){.max_instances = INSTANCES_MAX,
                                                                   .max_bytes = INSTANCES_BYTES,
                                                                   .max_plans = PLANS_MAX,
                                                                   .find = component_find,
                                                                   .ctx = w,
                                                                   .fetch = on_fetch});
    w->http = http_loop_new(HTTP_DIRECT);
    w->slots = slot_pool_new(&(struct slot_options){.max_slots = (int)config->max_slots,
                                                    .ctx = w,
                                                    .memory_new = memory_new,
                                                    .memory_free = memory_free,
                                                    .run = run});
    w->outbox = outbox_new(&(struct outbox_options){.ctx = w,
                                                    .publish = on_publish,
                                                    .stored = on_stored,
                                                    .more_soon = on_more_soon,
                                                    .hold_ns = OUTBOX_HOLD_NS,
                                                    .linger_ns = OUTBOX_LINGER_NS,
                                                    .batch_bytes = BATCH_TARGET_BYTES,
                                                    .max_bytes = OUTBOX_MAX_BYTES,
                                                    .max_in_flight = OUTBOX_IN_FLIGHT});
    w->heartbeat = heartbeat_new(&(struct heartbeat_options){.ctx = w,
                                                             .publish = on_presence,
                                                             .describe = on_describe,
                                                             .held = w->held,
                                                             .worker_id = w->id,
                                                             .pool = w->pool});
    w->consume = consume_new(&(struct consume_options){
        .bus = w->bus, .pool = w->pool, .held = w->held, .slots = w->slots});
    w->consume_bulk = consume_new(&(struct consume_options){
        .bus = w->bus, .pool = w->pool, .held = w->held, .slots = w->slots, .bulk = true});
}

static void on_connection(void *ctx, bool connected)
{
    struct worker *w = ctx;
    if (connected) {
        log_info("connected to the bus");
    } else if (!atomic_load(&w->draining)) {
        log_warn("the bus is away");
    }
}

int worker_new(const struct worker_config *config, const struct secret_key *bus_key,
               struct worker **ret, struct err *err)
{
    struct worker *w = mem_new(struct worker);
    int rc = address_policy_parse(str_of(config->allow_addresses), &w->addresses, err);
    if (rc == 0) {
        rc = spill_disk_new(&w->spill_disk, config->spill_folder,
                            (uint64_t)config->spill_max_mb * MIB(1), err);
    }
    if (rc < 0) {
        mem_free(w);
        return rc;
    }
    w->bus_key = *bus_key;
    w->pool = config->pool;
    w->id = uuid_v4();
    struct bus_options bus = {
        .url = config->nats, .name = "leat-worker", .on_connection = on_connection, .ctx = w};
    rc = bus_new(&bus, CONNECT_MS, &w->bus, err);
    if (rc < 0) {
        spill_disk_free(w->spill_disk);
        secret_key_done(&w->bus_key);
        mem_free(w);
        return rc;
    }
    start_parts(w, config);
    *ret = w;
    return 0;
}

bool worker_drain(struct worker *w)
{
    int64_t until = clock_mono_ns() + DRAIN_NS;
    atomic_store(&w->draining, true);
    w->consume = consume_free(w->consume);
    w->consume_bulk = consume_free(w->consume_bulk);
    struct slot_job *begun = held_give_back(w->held, slot_pool_take_queued(w->slots), false);
    if (begun) {
        slot_pool_push(w->slots, begun);
    }
    bool quiet = slot_pool_drain(w->slots, until - clock_mono_ns());
    (void)held_give_back(w->held, slot_pool_take_queued(w->slots), true);
    /* What has run is stored even when something else still runs. */
    bool stored = outbox_drain(w->outbox, MAX(until - clock_mono_ns(), 3 * NS_PER_SEC));
    return quiet && stored;
}

struct worker *worker_free(struct worker *w)
{
    if (w) {
        w->consume = consume_free(w->consume);
        w->consume_bulk = consume_free(w->consume_bulk);
        w->heartbeat = heartbeat_free(w->heartbeat);
        w->slots = slot_pool_free(w->slots);
        w->http = http_loop_free(w->http);
        w->outbox = outbox_free(w->outbox);
        w->definitions = definitions_free(w->definitions);
        w->held = held_free(w->held);
        w->bus = bus_free(w->bus);
        spill_disk_free(w->spill_disk);
        secret_key_done(&w->bus_key);
        mem_free(w);
    }
    return NULL;
}
