/* Collects what a run leaves behind: a step result an executed step, log lines, and at the end the
 * encoded run result. Used by one run at a time on its slot's thread; the buffers are the slot's.
 * Bounded: later step results are counted only, later data left out (skipped_data), so that the
 * result always fits one message. */
#include "engine/run_priv.h"

#include "clock.h"
#include "enc.h"
#include "expr/value.h"
#include "msgpack.h"
#include "secret.h"

#define KEEP_BYTES KIB(32) /* buffers larger than this are given back after a run */
#define STORED_MIN KIB(16) /* smaller data for which there is no room is left out, not stored */

static void shrink(struct buf *b)
{
    if (b->cap > KEEP_BYTES) {
        size_t max = b->max;
        buf_done(b);
        buf_init(b, max);
    } else {
        buf_clear(b);
    }
}

void recorder_clear(struct recorder *r)
{
    shrink(&r->steps);
    shrink(&r->data);
    shrink(&r->message);
    shrink(&r->log_text);
    if (r->cap_logs > 64) {
        mem_free(r->logs);
        r->logs = NULL;
        r->cap_logs = 0;
    }
    if (r->cap_values > 64) {
        mem_free(r->values);
        r->values = NULL;
        r->cap_values = 0;
    }
    r->n_steps = r->n_steps_left_out = r->n_logs = r->n_logs_left_out = 0;
    r->n_values = r->values_said = r->value_timeouts = 0;
    r->raw = str_n(NULL, 0);
}

void recorder_done(struct recorder *r)
{
    buf_done(&r->steps);
    buf_done(&r->data);
    buf_done(&r->message);
    buf_done(&r->log_text);
    mem_free(r->logs);
    mem_free(r->values);
}

static void add_path(struct buf *to, const struct loop_frame *frame)
{
    if (frame->up) {
        add_path(to, frame->up);
        buf_addc(to, ',');
    }
    buf_addf(to, "%s.%u", frame->key, frame->index);
}

struct str run_loop_path(struct run *run)
{
    struct buf *text = &run->memory->text;
    buf_clear(text);
    if (run->loop) {
        add_path(text, run->loop);
    }
    return buf_str(text);
}

static struct str encode_step(struct recorder *r, const struct step_result *s)
{
    buf_clear(&r->message);
    wire_encode(&step_result_message, s, &r->message);
    return buf_str(&r->message);
}

static void add_step(struct recorder *r, struct str message)
{
    if (r->n_steps >= RUN_STEP_RESULTS_MAX) {
        r->n_steps_left_out++;
        return;
    }
    wire_batch_add(&r->steps, message);
    r->n_steps++;
}

void run_record_again(struct run *run, struct str message)
{
    if (run->recorder->steps.len + message.len <= RUN_STEP_BYTES_MAX) {
        add_step(run->recorder, message);
        run_keep_value(run, &run->memory->resume.next);
    } else {
        run->recorder->n_steps_left_out++;
    }
}

void run_record_step(struct run *run, const struct step_record *record)
{
    struct recorder *r = run->recorder;
    r->raw = str_n(NULL, 0); /* of the step before */
    if (run->instance->fetched.step_results_disabled) {
        return;
    }
    if (r->n_steps >= RUN_STEP_RESULTS_MAX && !run->memory->unsaved.keeps) {
        r->n_steps_left_out++;
        return;
    }
    const struct def_step *def = record->step->def;
    const struct json_member members[] = {
        {STR("data"), record->data},
        {STR("contentType"),
         record->content_type ? json_cstr(record->content_type) : json_undefined()},
    };
    struct step_result s = {
        .name = str_of(def->name),
        .key = str_of(def->key),
        .component = str_of(def->component),
        .action = str_of(def->action),
        .started_ns = record->started_ns,
        .ended_ns = record->ended_ns,
        .error = str_of(record->error),
        .branch = str_of(record->branch),
        .loop_path = run->loop ? run_loop_path(run) : STR(""),
        .attempts = record->attempts > 1 ? record->attempts : 0,
    };
    s.content_type = str_of(record->content_type);
    s.content_type.len = MIN(s.content_type.len, VALUE_TYPE_MAX);
    size_t room = RUN_STEP_BYTES_MAX - MIN(r->steps.len, RUN_STEP_BYTES_MAX);
    struct json whole = json_object(members, record->content_type ? 2 : 1);
    s.skipped_data = record->left_out || !run_encode_data(run, whole, room, &s);
    if (!s.skipped_data && uuid_is_nil(&s.value_id)) {
        s.data = buf_str(&r->data);
        s.content_type = STR("");
    }
    struct str message = encode_step(r, &s);
    add_step(r, message);
    checkpoint_add(run, message);
}

/* Bytes of the first RUN_LOG_LINE_MAX characters. */
static size_t line_length(struct str message)
{
    size_t len = 0;
    for (size_t n = 0; n < RUN_LOG_LINE_MAX && len < message.len; n++) {
        size_t after = len + 1; /* at most 4 bytes, also of what is no UTF-8 */
        while (after < message.len && after < len + 4 &&
               ((unsigned char)message.ptr[after] & 0xc0) == 0x80) {
            after++;
        }
        len = after;
    }
    return len;
}

static void add_line(struct recorder *r, int64_t time_ns, enum log_line_level level,
                     const char *step_name, struct str message)
{
    size_t len = line_length(message);
    if (r->n_logs >= RUN_LOG_LINES_MAX || r->log_text.len + len > RUN_LOG_BYTES_MAX) {
        r->n_logs_left_out++;
        return;
    }
    if (r->n_logs == r->cap_logs) {
        r->cap_logs = r->cap_logs ? r->cap_logs * 2 : 16;
        r->logs = mem_realloc(r->logs, r->cap_logs * sizeof(*r->logs));
    }
    r->logs[r->n_logs++] = (struct log_entry){.time_ns = time_ns,
                                              .level = level,
                                              .step_name = step_name,
                                              .at = r->log_text.len,
                                              .len = len};
    buf_add(&r->log_text, message.ptr, len);
}

void run_log_anew(struct run *run, enum log_line_level level, const char *step_name,
                  struct str message)
{
    add_line(run->recorder, clock_now_ns(), level, step_name, message);
}

void run_log(struct run *run, enum log_line_level level, const char *step_name, struct str message)
{
    if (!run->memory->resume.has_next) {
        run_log_anew(run, level, step_name, message);
    }
}

void run_log_again(struct run *run, const struct result_log *line)
{
    const char *step_name = arena_strndup(run->keep, line->step_name.ptr, line->step_name.len);
    add_line(run->recorder, line->time_ns, (enum log_line_level)MIN(line->level, LINE_METRIC),
             step_name, line->message);
}

size_t run_log_lines(const struct run *run, uint32_t from, struct result_log *ret)
{
    const struct recorder *r = run->recorder;
    for (uint32_t i = from; i < r->n_logs; i++) {
        const struct log_entry *e = &r->logs[i];
        ret[i - from] = (struct result_log){.time_ns = e->time_ns,
                                            .level = e->level,
                                            .step_name = str_of(e->step_name),
                                            .message = str_n(r->log_text.data + e->at, e->len)};
    }
    return r->n_logs - from;
}

static struct wire_list collect_logs(struct run *run)
{
    struct recorder *r = run->recorder;
    if (run->instance && run->instance->fetched.logs_disabled) {
        return (struct wire_list){0};
    }
    uint32_t left_out = r->n_logs_left_out;
    struct result_log *logs = arena_array(run->keep, r->n_logs + 2, sizeof(*logs));
    size_t n = run_log_lines(run, 0, logs);
    const struct {
        uint32_t count;
        const char *what;
    } notes[] = {{left_out, "log lines"}, {r->n_steps_left_out, "step results"}};
    for (size_t i = 0; i < ARRAY_LEN(notes); i++) {
        if (notes[i].count && n < RUN_LOG_LINES_MAX) {
            const char *text = arena_printf(run->keep, "%u more %s were left out: over the limit",
                                            notes[i].count, notes[i].what);
            logs[n++] = (struct result_log){
                .time_ns = clock_now_ns(), .level = LINE_WARN, .message = str_of(text)};
        }
    }
    return (struct wire_list){.items = logs, .n = n};
}

/* Writes the batch anew without the data of steps that have more than `keep` bytes: they are stored
 * apart, or left out. */
static void leave_out_data(struct run *run, size_t keep)
{
    struct recorder *r = run->recorder;
    struct buf all = r->steps;
    struct str rest = buf_str(&all), message;
    buf_init(&r->steps, all.max);
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    while (wire_batch_next(&rest, &message) == 1) {
        struct step_result s;
        arena_clear(a);
        ASSERT(wire_decode(&step_result_message, a, message, &s, NULL) == 0);
        if (s.data.len > keep) {
            s.skipped_data = s.data.len < STORED_MIN || !run_store_data(run, &s);
            s.data = STR("");
        }
        wire_batch_add(&r->steps, encode_step(r, &s));
    }
    buf_done(&all);
}

static void compress_steps(struct run *run, size_t room, struct buf *to)
{
    static const size_t keeps[] = {MIB(1), KIB(256), KIB(64), KIB(16), KIB(2), 256, 0};
    struct recorder *r = run->recorder;
    steps_compress(buf_str(&r->steps), to);
    for (size_t i = 0; i < ARRAY_LEN(keeps) && to->len > room; i++) {
        leave_out_data(run, keeps[i]);
        buf_clear(to);
        steps_compress(buf_str(&r->steps), to);
    }
}

/* The id by which newer requests are known; "" = none. A long one is told by its digest. */
static struct str unique_request_id(struct run *run, const struct path *path)
{
    if (!path || run->flow->plan->n_steps == 0) {
        return STR("");
    }
    const struct scope_entry *trigger = &run->scope[0];
    struct json id = path_resolve(path, trigger->has_result ? trigger->result : run->payload);
    if (json_is_nullish(id)) {
        return STR("");
    }
    struct str text = value_to_text(run->keep, id);
    if (text.len <= UNIQUE_REQUEST_ID_MAX) {
        return text;
    }
    uint8_t digest[32];
    secret_sha256(text, digest);
    size_t cap = 2 * sizeof(digest) + 1;
    char *hex = arena_alloc(run->keep, cap);
    return str_n(hex, enc_hex(str_n((char *)digest, sizeof(digest)), hex, cap));
}

static void add_retry(struct run *run, struct run_result *result)
{
    if (!run->flow || run->request->synchronous || run->request->test) {
        return;
    }
    const struct def_retry *retry = &run->flow->plan->def->retry;
    if (retry->max_attempts > 0) {
        result->retry_max = (uint32_t)retry->max_attempts;
        result->retry_delay_minutes = (uint32_t)MAX(retry->delay_minutes, 0);
        result->retry_exponential = retry->exponential_backoff;
        result->unique_request_id = unique_request_id(run, retry->unique_request_id);
    }
}

void run_record_result(struct run *run, struct buf *to)
{
    struct recorder *r = run->recorder;
    const struct run_request *q = run->request;
    struct wire_list states = {0};
    size_t state_bytes = 0;
    bool failed = run->err.message[0];
    if (!failed && state_collect(run, &states, &state_bytes, &run->err) < 0) {
        failed = true;
        state_bytes = 0;
    }
    struct buf *packed = &r->data;
    buf_clear(packed);
    size_t taken = state_bytes + r->log_text.len + 64 * r->n_logs + 24 * (r->n_values + r->n_steps);
    size_t room = RUN_RESULT_MAX - MIN(taken, (size_t)RUN_RESULT_MAX - KIB(64));
    if (r->n_steps) {
        compress_steps(run, room, packed);
        if (packed->len > room) { /* names alone are too much: keep none */
            buf_clear(packed);
            buf_clear(&r->steps);
            r->n_steps = 0;
        }
    }
    struct run_result result = {
        .execution_id = q->execution_id,
        .attempt = q->attempt,
        .organization_id = q->organization_id,
        .instance_id = q->instance_id,
        .flow_config_id = q->flow_config_id,
        .status = failed ? RUN_FAILED : RUN_SUCCEEDED,
        .result_type = str_of(failed ? "ERROR" : run->result_type),
        .accepted_ns = q->accepted_ns,
        .dispatched_ns = q->dispatched_ns,
        .started_ns = run->started_ns,
        .ended_ns = clock_now_ns(),
        .error = failed ? str_of(run->err.message) : STR(""),
        .error_step = failed && run->failed_step ? str_of(run->failed_step->def->name) : STR(""),
        .n_steps = r->n_steps,
        .steps = buf_str(packed),
        .steps_size = (uint32_t)r->steps.len,
        .logs = collect_logs(run),
        .states = failed ? (struct wire_list){0} : states,
        .queued = q->queued,
        .values = {.items = r->values, .n = r->n_values},
    };
    add_retry(run, &result);
    if (run->routed && !failed) {
        result.route = true;
        result.route_flow = run->route.flow.value;
        result.route_flow_field = run->route.flow.field;
        result.route_customer = run->route.customer.value;
        result.route_customer_field = run->route.customer.field;
        result.reply_to = q->reply_to;
        result.traceparent = q->traceparent;
    }
    result.streamed = run_is_told(run);
    wire_encode(&run_result_message, &result, to);
}
