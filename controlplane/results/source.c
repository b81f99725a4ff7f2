/* Reads results for downloads, inside transactions that act for the result's organization:
 * row-level security holds whatever a URL says. On the threads of results.c; no state of its own.
 * It keeps one chunk in memory, and a small step's result whole. */
#include "results/source.h"

#include "enc.h"
#include "json.h"
#include "run_request.h"
#include "run_result.h"
#include "value.h"

#define MESSAGEPACK "application/msgpack"

void source_done(struct source *s)
{
    mem_free(s->content_type);
    buf_done(&s->whole);
    memset(s, 0, sizeof(*s));
}

static int begin(struct db *db, const struct result_ref *ref, struct err *err)
{
    static const struct uuid nobody; /* whoever made the URL has seen to the customer */
    return db_begin_as(db, &ref->organization_id, &nobody, err);
}

static int gone(struct err *err)
{
    return err_set(err, -ENOENT, "result.gone", "the result is not stored any more");
}

/* The data of the n-th step of a batch. */
static int find_step(struct arena *a, struct str batch, uint32_t n, struct str *ret,
                     struct err *err)
{
    struct str message;
    int rc;
    for (uint32_t i = 0; (rc = wire_batch_next(&batch, &message)) == 1; i++) {
        struct step_result s;
        if (i < n) {
            continue;
        }
        rc = wire_decode(&step_result_message, a, message, &s, err);
        *ret = s.data;
        return rc < 0 ? rc : s.data.len ? 0 : gone(err);
    }
    return rc < 0 ? err_set(err, rc, "result.malformed", "the step results are malformed")
                  : gone(err);
}

static int open_step(struct db *db, const struct result_ref *ref, struct source *ret,
                     struct err *err)
{
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    struct str batch, data = {0};
    int r = db_run(db, QUERY_VALUE_STEP_RESULTS, &rows, err, DB_UUID(ref->execution_id));
    if (r == 0 && db_rows_n(rows) == 0) {
        return gone(err);
    }
    if (r == 0) {
        r = steps_decompress(a, db_str(rows, 0, 0), (size_t)db_int(rows, 0, 1), &batch, err);
    }
    if (r == 0) {
        r = find_step(a, batch, ref->step, &data, err);
    }
    if (r == 0) {
        buf_init(&ret->whole, data.len + 1);
        buf_add_str(&ret->whole, data);
        ret->size = data.len;
        ret->content_type = mem_strdup(MESSAGEPACK);
    }
    return r;
}

/* Headers as the JSON text of an object, the body as base64. */
static void write_request(struct arena *a, const struct hook_request *request, struct buf *to)
{
    AUTO(buf_done) struct buf body = {0}, names = {0};
    struct json_builder headers, all;
    buf_init(&body, request->body.len / 3 * 4 + 8);
    enc_base64_to(&body, request->body);
    json_build_object(&headers, a);
    for (size_t i = 0; i < request->headers.n; i++) {
        json_set(&headers, request->headers.items[i].name,
                 json_str(request->headers.items[i].value));
    }
    buf_init(&names, MIB(1));
    json_dump(&names, json_built(&headers));
    json_build_object(&all, a);
    json_append(&all, STR("headers"), json_str(buf_str(&names)));
    json_append(&all, STR("contentType"), json_str(request->content_type));
    json_append(&all, STR("body"), json_str(buf_str(&body)));
    json_dump(to, json_built(&all));
}

static int open_request(struct db *db, const struct result_ref *ref, struct source *ret,
                        struct err *err)
{
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    AUTO(arena_free) struct arena *a = arena_new(KIB(64), 0);
    struct hook_request request;
    int r = db_run(db, QUERY_EXECUTION_REQUEST, &rows, err, DB_UUID(ref->execution_id));
    if (r == 0 && db_rows_n(rows) == 0) {
        return gone(err);
    }
    r = r ? r : hook_request_decode(a, db_str(rows, 0, 0), &request, err);
    if (r == 0) {
        buf_init(&ret->whole, MIB(16));
        write_request(a, &request, &ret->whole);
        ret->size = ret->whole.len;
        ret->content_type = mem_strdup("application/json");
    }
    return r;
}

static int open_value(struct db *db, const struct result_ref *ref, struct source *ret,
                      struct err *err)
{
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    int r = db_run(db, QUERY_VALUE_DESCRIBE, &rows, err, DB_UUID(ref->execution_id),
                   DB_UUID(ref->value_id));
    if (r == 0 && db_rows_n(rows) == 0) {
        return gone(err);
    }
    if (r == 0) {
        bool raw = ref->form == RESULT_RAW;
        struct str type = raw ? db_str(rows, 0, 1) : STR(MESSAGEPACK);
        ret->value_size = (uint64_t)db_int(rows, 0, 0);
        ret->value_at = raw ? (uint64_t)db_int(rows, 0, 2) : 0;
        ret->size = raw ? (uint64_t)db_int(rows, 0, 3) : ret->value_size;
        ret->content_type = mem_strndup(type.ptr, type.len);
    }
    return r;
}

int source_open(struct db *db, const struct result_ref *ref, struct source *ret, struct err *err)
{
    int r = begin(db, ref, err);
    if (r == 0) {
        r = ref->form == RESULT_STEP      ? open_step(db, ref, ret, err)
            : ref->form == RESULT_REQUEST ? open_request(db, ref, ret, err)
                                          : open_value(db, ref, ret, err);
    }
    db_rollback(db); /* it only read */
    return r;
}

static int read_chunk(struct db *db, const struct result_ref *ref, uint32_t number, size_t size,
                      size_t from, size_t most, struct buf *to, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    AUTO(buf_done) struct buf scratch = {0};
    struct str plain;
    buf_init(&scratch, VALUE_CHUNK_BYTES);
    int r = db_run(db, QUERY_VALUE_CHUNK, &rows, err, DB_UUID(ref->execution_id),
                   DB_UUID(ref->value_id), DB_I64(number));
    if (r == 0 && db_rows_n(rows) == 0) {
        return gone(err);
    }
    if (r == 0) {
        r = value_unpack(db_str(rows, 0, 1), (uint32_t)db_int(rows, 0, 0), size, &scratch, &plain,
                         err);
    }
    if (r == 0) {
        buf_add(to, plain.ptr + from, MIN(most, plain.len - from));
    }
    return r;
}

int source_read(struct db *db, const struct result_ref *ref, const struct source *s, uint64_t at,
                uint64_t most, struct buf *to, struct err *err)
{
    most = MIN(most, s->size - at);
    if (ref->form == RESULT_STEP || ref->form == RESULT_REQUEST) {
        buf_add(to, s->whole.data + at, most);
        return 0;
    }
    at += s->value_at;
    uint32_t number = (uint32_t)(at / VALUE_CHUNK_BYTES);
    size_t size = value_chunk_size(s->value_size, number), from = at % VALUE_CHUNK_BYTES;
    int r = begin(db, ref, err);
    if (r == 0 && from >= size) {
        r = gone(err);
    }
    if (r == 0) {
        r = read_chunk(db, ref, number, size, from, most, to, err);
    }
    db_rollback(db);
    return r;
}
