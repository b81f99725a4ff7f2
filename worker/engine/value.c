/* Stores what is too large for the run's message with the control plane, and reads it back for a
 * run that is taken over. On the slot's thread. What cannot be stored is left out and said in a
 * line of the log; no run fails of it. It waits at most half of the time that the run has left,
 * gives up after STALL_NS without an answer, and does not try again in this run when that came
 * twice. */
#include "engine/run_priv.h"

#include "clock.h"
#include "msgpack.h"

#define APART           KIB(64) /* bytes of a value that are sent from where they are */
#define STALL_NS        (60 * NS_PER_SEC)
#define STALL_AGAIN_NS  (3 * NS_PER_SEC)
#define TIMEOUTS_MAX    2
#define SAID_MAX        10     /* lines of the log about it */
#define INSTEAD_MAX     MIB(6) /* kept in the message when it could not be stored */
#define NON_APART_BYTES RUN_STEP_BYTES_MAX

bool run_stores_values(const struct run *run)
{
    return run->env->value_put && run->instance;
}

const char *run_raw_type(struct json data, const char *content_type)
{
    if (content_type) {
        return content_type;
    }
    if (data.type == JSON_STRING) {
        return "text/plain; charset=utf-8";
    }
    return data.type == JSON_BINARY ? "application/octet-stream" : "application/json";
}

/* The same for a step's result, where a file is {data, contentType}. */
static const char *type_of_result(struct run *run, struct json data, struct str content_type)
{
    struct str inner = json_as_str(json_get(data, STR("contentType")));
    struct str type = content_type.len ? content_type : inner;
    struct json bytes = json_get(data, STR("data"));
    bool is_file = bytes.type == JSON_BINARY || bytes.type == JSON_STRING;
    return run_raw_type(is_file ? bytes : data,
                        type.len ? arena_strndup(run->scratch, type.ptr, type.len) : NULL);
}

static void remember(struct recorder *r, const struct uuid *id)
{
    if (r->n_values == r->cap_values) {
        r->cap_values = r->cap_values ? r->cap_values * 2 : 8;
        r->values = mem_realloc(r->values, r->cap_values * sizeof(*r->values));
    }
    r->values[r->n_values++] = (struct value_ref){*id};
}

void run_keep_value(struct run *run, const struct step_result *s)
{
    if (!uuid_is_nil(&s->value_id) && run->recorder->n_values < VALUES_OF_RUN_MAX) {
        remember(run->recorder, &s->value_id);
    }
}

static int put(struct run *run, struct value *v, struct err *err)
{
    struct recorder *r = run->recorder;
    const struct run_request *q = run->request;
    if (v->size > VALUE_MAX_BYTES) {
        return err_set(err, -EFBIG, "value.too_large",
                       "it is %llu bytes, more than the maximum of %zu MB",
                       (unsigned long long)v->size, VALUE_MAX_BYTES / MIB(1));
    }
    if (r->n_values >= VALUES_OF_RUN_MAX) {
        return err_set(err, -EFBIG, "value.too_many",
                       "the execution has more than the maximum of %d large results",
                       VALUES_OF_RUN_MAX);
    }
    if (r->value_timeouts >= TIMEOUTS_MAX) {
        return err_set(err, -ETIMEDOUT, "value.unreachable",
                       "the control plane does not store large results at the moment");
    }
    v->execution_id = q->execution_id;
    v->organization_id = q->organization_id;
    v->instance_id = q->instance_id;
    v->attempt = q->attempt;
    v->value_id = uuid_v4();
    int64_t now = clock_mono_ns();
    run->env->block_begin(run->env->ctx);
    int rc = run->env->value_put(run->env->ctx, v, now + (run->deadline_ns - now) / 2,
                                 r->value_timeouts ? STALL_AGAIN_NS : STALL_NS, err);
    run->env->block_end(run->env->ctx);
    if (rc == 0) {
        remember(r, &v->value_id);
    }
    r->value_timeouts += rc == -ETIMEDOUT;
    return rc;
}

static void say(struct run *run, struct str step_name, const struct err *err)
{
    struct recorder *r = run->recorder;
    if (r->values_said++ < SAID_MAX) {
        const char *text = arena_printf(run->keep, "the result is left out: %s", err->message);
        const char *name = arena_strndup(run->keep, step_name.ptr, step_name.len);
        run_log(run, LINE_WARN, name, str_of(text));
    }
}

/* The encoded value as pieces: what stands in the buffer, and between it what was left apart. */
static struct str *pieces_of(const struct buf *b, const struct msgpack_apart *apart, size_t *ret_n,
                             uint64_t *ret_size)
{
    struct str *pieces = mem_array(2 * apart->n + 1, sizeof(*pieces));
    size_t n = 0, at = 0;
    uint64_t size = b->len;
    for (size_t i = 0; i < apart->n; i++) {
        const struct msgpack_gap *gap = &apart->gaps[i];
        pieces[n++] = str_n(b->data + at, gap->at - at);
        pieces[n++] = gap->bytes;
        at = gap->at;
        size += gap->bytes.len;
    }
    pieces[n++] = str_n(b->data + at, b->len - at);
    *ret_n = n;
    *ret_size = size;
    return pieces;
}

static void note_raw(struct recorder *r, const struct value *v, struct str raw)
{
    r->raw_id = v->value_id;
    r->raw = raw;
    (void)snprintf(r->raw_type, sizeof(r->raw_type), "%s", v->content_type);
}

static bool store_apart(struct run *run, struct json data, const struct buf *b,
                        const struct msgpack_apart *apart, struct step_result *s, struct err *err)
{
    struct value v = {0};
    struct str *pieces = pieces_of(b, apart, &v.n_pieces, &v.size);
    v.pieces = pieces;
    v.content_type = type_of_result(run, data, s->content_type);
    if (apart->n == 1) {
        v.raw_at = apart->gaps[0].at;
        v.raw_size = apart->gaps[0].bytes.len;
    }
    int rc = put(run, &v, err);
    mem_free(pieces);
    if (rc == 0) {
        s->value_id = v.value_id;
        s->value_size = v.size;
        if (apart->n == 1) {
            note_raw(run->recorder, &v, apart->gaps[0].bytes);
        }
    }
    return rc == 0;
}

bool run_encode_data(struct run *run, struct json whole, size_t room, struct step_result *s)
{
    struct recorder *r = run->recorder;
    struct json data = json_get(whole, STR("data"));
    size_t rough = json_size(data);
    r->raw = str_n(NULL, 0);
    buf_clear(&r->data);
    if (rough <= room && (rough <= RUN_VALUE_MIN || !run_stores_values(run))) {
        msgpack_write(&r->data, whole);
        return !r->data.full;
    }
    if (!run_stores_values(run)) {
        return false;
    }
    AUTO(msgpack_apart_done) struct msgpack_apart apart = {.min = APART};
    AUTO(buf_done) struct buf b = {0};
    struct err err = {0};
    buf_init(&b, NON_APART_BYTES);
    msgpack_write_apart(&b, whole, &apart);
    uint64_t size = b.len;
    for (size_t i = 0; i < apart.n; i++) {
        size += apart.gaps[i].bytes.len;
    }
    if (b.full) {
        (void)err_set(&err, -EFBIG, "value.too_large", "it has more than %zu MB besides its bytes",
                      NON_APART_BYTES / MIB(1));
    } else if ((size > RUN_VALUE_MIN || size > room) &&
               store_apart(run, data, &b, &apart, s, &err)) {
        return true;
    }
    if (!b.full && size <= MIN(room, INSTEAD_MAX)) {
        msgpack_write(&r->data, whole);
        return !r->data.full;
    }
    say(run, s->name, &err);
    return false;
}

bool run_store_data(struct run *run, struct step_result *s)
{
    struct value v = {
        .size = s->data.len, .pieces = &s->data, .n_pieces = 1, .content_type = "application/json"};
    struct err err = {0};
    AUTO(arena_free) struct arena *a = arena_new(KIB(64), 0);
    struct json whole;
    size_t used;
    if (!run_stores_values(run)) {
        return false;
    }
    if (put(run, &v, &err) < 0) {
        say(run, s->name, &err);
        return false;
    }
    if (msgpack_read(a, s->data, &whole, &used, NULL) == 0) {
        struct str type = json_as_str(json_get(whole, STR("contentType")));
        s->content_type = str_n(arena_dup(run->keep, type.ptr, type.len), type.len);
    }
    s->value_id = v.value_id;
    s->value_size = v.size;
    return true;
}

int run_store_answer(struct run *run, struct str body, const char *content_type,
                     struct uuid *ret_id, struct err *err)
{
    const struct recorder *r = run->recorder;
    struct value v = {.size = body.len,
                      .pieces = &body,
                      .n_pieces = 1,
                      .content_type = content_type,
                      .raw_size = body.len};
    if (!run_stores_values(run)) {
        return err_set(err, -EFBIG, "value.none", "a synchronous answer is at most %zu",
                       SYNC_REPLY_MAX);
    }
    /* Often it is the last step's result, which is stored already. */
    if (r->raw.ptr == body.ptr && r->raw.len == body.len &&
        strcmp(r->raw_type, content_type) == 0) {
        *ret_id = r->raw_id;
        return 0;
    }
    int rc = put(run, &v, err);
    if (rc == 0) {
        *ret_id = v.value_id;
    }
    return rc;
}

int run_read_value(struct run *run, const struct step_result *was, struct str *ret, struct err *err)
{
    if (!run->env->value_get) {
        return err_set(err, -ENOENT, "value.none", "large results are not stored here");
    }
    run->env->block_begin(run->env->ctx);
    int rc = run->env->value_get(run->env->ctx, &run->request->execution_id, &was->value_id,
                                 was->value_size, run->deadline_ns, &run->memory->spills,
                                 run->scratch, ret, err);
    run->env->block_end(run->env->ctx);
    return rc;
}
