/* Owns the reading of an execution's step results out of their compressed blob: one object a step,
 * filtered and paged here, since they are not rows. On a lane thread. */
#include "api/api_priv.h"

#include "clock.h"
#include "enc.h"
#include "msgpack.h"
#include "results/url.h"
#include "run_result.h"
#include "value.h"

#define MAX_STEPS  100000
#define SHOWN_MAX  MIB(8)  /* larger results show by their URL only */
#define SHOWN_ROOM MIB(64) /* left for the rest of the answer */

struct found {
    struct step_result r;
    uint32_t at; /* in the order of execution */
};
struct steps {
    struct call *c;
    struct gql_sel *sel;
    struct uuid execution;
    struct found *found; /* owned */
    uint32_t n, seen;
    size_t cap;
    bool ended; /* they are recorded, not only told so far */
    bool shows; /* somebody asks for `results` */
};

/* An id of its own for the n-th step of an execution: the same at every reading. */
static const char *step_id(struct steps *s, uint32_t n)
{
    uint8_t digest[32], seed[20];
    struct uuid id;
    char *text = arena_alloc(s->c->a, GLOBAL_ID_MAX);
    memcpy(seed, s->execution.b, 16);
    memcpy(seed + 16, &n, 4);
    secret_sha256(str_n((char *)seed, sizeof(seed)), digest);
    memcpy(id.b, digest, 16);
    id.b[6] = (uint8_t)(0x80 | (id.b[6] & 0x0F)); /* RFC 9562 version 8 */
    id.b[8] = (uint8_t)(0x80 | (id.b[8] & 0x3F));
    (void)global_id_format("InstanceStepResult", &id, text);
    return text;
}

/* raw: the execution's id. */
bool resolve_request_url(struct call *c, struct gql_sel *sel, struct json raw, struct json *ret)
{
    AUTO(buf_done) struct buf url = {0};
    struct result_ref ref = {.form = RESULT_REQUEST, .organization_id = c->viewer.organization};
    if (!uuid_parse(json_as_str(raw), &ref.execution_id)) {
        return gql_fail(&c->rq, sel->loc, "INTERNAL", "The execution has no id.");
    }
    buf_init(&url, KIB(4));
    result_url_write(c->api->urls, &ref, &url);
    *ret = json_str(str_n(arena_strndup(c->a, url.data, url.len), url.len));
    return true;
}

static struct json text_or_null(struct str s)
{
    return s.len ? json_str(s) : json_null();
}

static struct json instant(struct call *c, int64_t ns)
{
    char *text = arena_alloc(c->a, CLOCK_ISO_LEN + 1);
    clock_iso(ns, text);
    return json_cstr(text);
}

/* The bytes of a large value that is not too large to be shown; "" when it cannot be. */
static struct str load_value(struct steps *s, const struct step_result *r)
{
    struct call *c = s->c;
    struct err err;
    err_clear(&err);
    if (r->value_size > SHOWN_MAX ||
        arena_room(c->a) < SHOWN_ROOM + r->value_size * 16) { /* it may take as much */
        return STR("");
    }
    char *bytes = arena_alloc(c->a, r->value_size);
    size_t len = 0;
    for (uint32_t n = 0; n < value_n_chunks(r->value_size); n++) {
        AUTO(db_rows_free) struct db_rows *rows = NULL;
        AUTO(buf_done) struct buf scratch = {0};
        struct str plain;
        buf_init(&scratch, VALUE_CHUNK_BYTES);
        if (db_run(c->db, QUERY_VALUE_CHUNK, &rows, &err, DB_UUID(s->execution),
                   DB_UUID(r->value_id), DB_I64(n)) != 0 ||
            db_rows_n(rows) == 0 ||
            value_unpack(db_str(rows, 0, 1), (uint32_t)db_int(rows, 0, 0),
                         value_chunk_size(r->value_size, n), &scratch, &plain, &err) < 0) {
            return STR("");
        }
        memcpy(bytes + len, plain.ptr, plain.len);
        len += plain.len;
    }
    return str_n(bytes, len);
}

static struct json url_of(struct steps *s, const struct found *f)
{
    bool large = !uuid_is_nil(&f->r.value_id);
    AUTO(buf_done) struct buf url = {0};
    if (!s->c->api->urls || !(large || (s->ended && f->r.data.len > 0))) {
        return json_null();
    }
    buf_init(&url, KIB(8));
    result_url_write(s->c->api->urls,
                     &(struct result_ref){.form = large ? RESULT_VALUE : RESULT_STEP,
                                          .organization_id = s->c->viewer.organization,
                                          .execution_id = s->execution,
                                          .value_id = f->r.value_id,
                                          .step = f->at},
                     &url);
    return json_cstr(arena_strndup(s->c->a, url.data, url.len));
}

static struct json describe(struct steps *s, const struct found *f)
{
    const struct step_result *r = &f->r;
    struct json_builder b;
    struct json data = json_undefined();
    size_t used;
    bool large = !uuid_is_nil(&r->value_id);
    struct str bytes = large && s->shows ? load_value(s, r) : r->data;
    if (bytes.len > 0 && msgpack_read(s->c->a, bytes, &data, &used, NULL) < 0) {
        data = json_undefined();
    }
    struct json results = json_get(data, STR("data")), type = json_get(data, STR("contentType"));
    if (large) {
        type = r->content_type.len ? json_str(r->content_type) : json_null();
    }
    double size = large ? (double)r->value_size : (double)r->data.len;
    json_build_object(&b, s->c->a);
    json_append(&b, STR("id"), json_cstr(step_id(s, f->at)));
    json_append(&b, STR("stepName"), json_str(r->key));
    json_append(&b, STR("displayStepName"), json_str(r->name));
    json_append(&b, STR("component"), json_str(r->component));
    json_append(&b, STR("action"), json_str(r->action));
    json_append(&b, STR("startedAt"), instant(s->c, r->started_ns));
    json_append(&b, STR("endedAt"), instant(s->c, r->ended_ns));
    json_append(&b, STR("hasError"), json_bool(r->error.len > 0));
    json_append(&b, STR("error"), text_or_null(r->error));
    json_append(&b, STR("branchName"), text_or_null(r->branch));
    json_append(&b, STR("loopPath"), text_or_null(r->loop_path));
    json_append(&b, STR("attempts"), json_num(r->attempts ? r->attempts : 1));
    json_append(&b, STR("results"), results.type == JSON_UNDEFINED ? json_null() : results);
    json_append(&b, STR("resultsUrl"), url_of(s, f));
    json_append(&b, STR("resultsSize"), size > 0 ? json_num(size) : json_null());
    json_append(&b, STR("contentType"), type.type == JSON_STRING ? type : json_null());
    return json_built(&b);
}

/* Whether a field of that name is asked for below. */
static bool asks(struct call *c, struct gql_sel *sel, struct str name)
{
    if (!sel->sets || !gql_children(&c->rq, sel)) {
        return false;
    }
    for (struct gql_sel *s = sel->children; s; s = s->next) {
        if (s->def && (str_eq(s->def->name, name) || asks(c, s, name))) {
            return true;
        }
    }
    return false;
}

static bool wanted(const struct steps *s, const struct step_result *r)
{
    struct json key = json_get(s->sel->args, STR("stepName"));
    struct json name = json_get(s->sel->args, STR("displayStepName"));
    struct json failed = json_get(s->sel->args, STR("hasError"));
    return (key.type != JSON_STRING || str_eq(json_as_str(key), r->key)) &&
           (name.type != JSON_STRING || str_eq(json_as_str(name), r->name)) &&
           (json_is_nullish(failed) || (failed.type == JSON_TRUE) == (r->error.len > 0));
}

static int read_batch(struct steps *s, struct str rest, struct err *err)
{
    struct str message;
    int rc = 0;
    while (s->n < MAX_STEPS && (rc = wire_batch_next(&rest, &message)) > 0) {
        struct step_result r;
        rc = wire_decode(&step_result_message, s->c->a, message, &r, err);
        if (rc < 0) {
            return rc;
        }
        uint32_t at = s->seen++;
        if (!wanted(s, &r)) {
            continue;
        }
        if (s->n == s->cap) {
            s->cap = s->cap ? s->cap * 2 : 64;
            s->found = mem_realloc(s->found, s->cap * sizeof(*s->found));
        }
        s->found[s->n++] = (struct found){r, at};
    }
    return MIN(rc, 0);
}

static int read_steps(struct steps *s, struct str blob, size_t size, struct err *err)
{
    struct str batch;
    int rc = steps_decompress(s->c->a, blob, size, &batch, err);
    return rc < 0 ? rc : read_batch(s, batch, err);
}

/* What a test run that has not ended has told so far: parts in base64. */
static int read_progress(struct steps *s, struct json parts, struct err *err)
{
    int rc = 0;
    for (uint32_t i = 0; parts.type == JSON_ARRAY && i < parts.len && rc == 0; i++) {
        struct str text = json_as_str(parts.items[i]);
        uint8_t *bytes = arena_alloc(s->c->a, text.len + 1);
        size_t len;
        if (!enc_base64_decode(text, bytes, text.len, &len)) {
            return -EINVAL;
        }
        rc = read_batch(s, str_n((char *)bytes, len), err);
    }
    return rc;
}

static uint32_t cursor_of(struct json args, const char *name, uint32_t fallback)
{
    uint8_t text[32];
    size_t len;
    int64_t at;
    struct str s = json_as_str(json_get(args, str_of(name)));
    bool ok = s.len > 0 && s.len < 32 && enc_base64_decode(s, text, sizeof(text), &len) &&
              str_to_i64(str_n((char *)text, len), &at) && at >= 0 && at < MAX_STEPS;
    return ok ? (uint32_t)at : fallback;
}

static int count_of(struct json args, const char *name, int fallback)
{
    struct json v = json_get(args, str_of(name));
    return v.type == JSON_NUMBER && v.num >= 0 ? (int)MIN(v.num, MAX_STEPS) : fallback;
}

static struct json cursor(struct call *c, uint32_t n)
{
    char digits[16], text[32];
    snprintf(digits, sizeof(digits), "%u", n);
    (void)enc_base64(str_of(digits), text, sizeof(text));
    return json_cstr(arena_strdup(c->a, text));
}

/* The page [from, to) of what was found. */
static void choose_page(const struct steps *s, uint32_t *ret_from, uint32_t *ret_to)
{
    struct json args = s->sel->args;
    uint32_t from = 0, to = cursor_of(args, "before", s->n);
    if (json_get(args, STR("after")).type == JSON_STRING) {
        from = cursor_of(args, "after", 0) + 1;
    }
    from += (uint32_t)count_of(args, "offset", 0);
    to = MIN(to, s->n);
    from = MIN(from, to);
    int last = count_of(args, "last", -1);
    if (last >= 0) {
        from = to - from > (uint32_t)last ? to - (uint32_t)last : from;
    } else {
        int first = count_of(args, "first", MAX_STEPS);
        to = MIN(to, from + (uint32_t)first);
    }
    *ret_from = from;
    *ret_to = to;
}

/* Steps are stored in the order of their ends; the other direction turns them round. */
static void order(struct steps *s)
{
    struct json first = json_at(json_get(s->sel->args, STR("orderBy")), 0);
    if (!str_eq(json_as_str(json_get(first, STR("direction"))), STR("DESC"))) {
        return;
    }
    for (uint32_t i = 0; i < s->n / 2; i++) {
        struct found swap = s->found[i];
        s->found[i] = s->found[s->n - 1 - i];
        s->found[s->n - 1 - i] = swap;
    }
}

static struct json connection(struct steps *s)
{
    struct json_builder b, nodes, edges, info;
    uint32_t from, to;
    choose_page(s, &from, &to);
    json_build_array(&nodes, s->c->a);
    json_build_array(&edges, s->c->a);
    for (uint32_t i = from; i < to; i++) {
        struct json_builder edge;
        struct json node = describe(s, &s->found[i]);
        json_build_object(&edge, s->c->a);
        json_append(&edge, STR("cursor"), cursor(s->c, i));
        json_append(&edge, STR("node"), node);
        json_push(&edges, json_built(&edge));
        json_push(&nodes, node);
    }
    json_build_object(&info, s->c->a);
    json_append(&info, STR("hasNextPage"), json_bool(to < s->n));
    json_append(&info, STR("hasPreviousPage"), json_bool(from > 0));
    json_append(&info, STR("startCursor"), from < to ? cursor(s->c, from) : json_null());
    json_append(&info, STR("endCursor"), from < to ? cursor(s->c, to - 1) : json_null());
    json_build_object(&b, s->c->a);
    json_append(&b, STR("nodes"), json_built(&nodes));
    json_append(&b, STR("edges"), json_built(&edges));
    json_append(&b, STR("pageInfo"), json_built(&info));
    json_append(&b, STR("totalCount"), json_num(s->n));
    return json_built(&b);
}

/* raw: [execution id, size before compression, base64 of the blob, parts told so far]; the blob and
 * its size null while it runs, the parts null for all but test runs under way. */
bool resolve_step_results(struct call *c, struct gql_sel *sel, struct json raw, struct json *ret)
{
    struct steps s = {.c = c, .sel = sel};
    struct str blob = json_as_str(json_at(raw, 2));
    struct json size = json_at(raw, 1);
    struct err err;
    err_clear(&err);
    if (!uuid_parse(json_as_str(json_at(raw, 0)), &s.execution)) {
        return gql_fail(&c->rq, sel->loc, "INTERNAL", "The step results cannot be read.");
    }
    s.shows = asks(c, sel, STR("results"));
    if (blob.len > 0 && size.type == JSON_NUMBER && size.num > 0) {
        s.ended = true;
        uint8_t *bytes = arena_alloc(c->a, blob.len);
        size_t len;
        if (size.num + (double)blob.len * 2 > (double)arena_room(c->a) / 4) {
            return gql_fail(&c->rq, sel->loc, "TOO_LARGE",
                            "The step results are too large: ask for fewer executions at a time.");
        }
        if (!enc_base64_decode(blob, bytes, blob.len, &len) ||
            read_steps(&s, str_n((char *)bytes, len), (size_t)size.num, &err) < 0) {
            mem_free(s.found);
            return gql_fail(&c->rq, sel->loc, "INTERNAL", "The step results cannot be read.");
        }
    }
    if (read_progress(&s, json_at(raw, 3), &err) < 0) {
        mem_free(s.found);
        return gql_fail(&c->rq, sel->loc, "INTERNAL", "The step results cannot be read.");
    }
    order(&s);
    *ret = connection(&s);
    mem_free(s.found);
    return true;
}
