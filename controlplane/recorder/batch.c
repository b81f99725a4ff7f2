/* Owns the writing of results: one COPY for results, one for log lines, one statement for states,
 * one for the places in queues that become free, what follows for retries where a flow has them and
 * for the events of preprocess flows, one commit. The primary key decides: a result
 * already there wins; a result of an attempt that lost its lease is refused. A batch of results
 * alone, all too young to have lost anything, is one statement. A row PostgreSQL cannot take is
 * found by halving the batch and is recorded as a failure instead, so that it cannot hold up the
 * others. */
#include "recorder/batch.h"

#include "clock.h"
#include "copy.h"
#include "log.h"
#include "recorder/deliveries.h"
#include "recorder/feed.h"
#include "recorder/log_rows.h"
#include "recorder/retries.h"
#include "recorder/routes.h"
#include "value.h"

#define RESULT_COPY                                                                                \
    "COPY execution_result (id, organization_id, attempt, status, n_steps, steps_size, "           \
    "dispatched_at, started_at, ended_at, result_type, error, error_step, steps) "                 \
    "FROM STDIN (FORMAT binary)"
#define LOG_COPY                                                                                   \
    "COPY log_line (id, organization_id, execution_id, instance_id, flow_config_id, severity, "    \
    "at, "                                                                                         \
    "step_name, message) FROM STDIN (FORMAT binary)"
#define TRIES 5
/* A first attempt that was dispatched less than this ago has not been taken over: the sweeper
 * leaves an event alone for twice as long, which is room for clocks of replicas that differ. */
#define YOUNG_NS (4 * NS_PER_SEC)
/* A line's id lies in a partition that is there, whatever the clock of its worker said. */
#define LINE_AGE_NS (20 * 3600 * NS_PER_SEC)

void batch_add(struct batch *b, struct str message, uint64_t *ret_malformed)
{
    struct str rest = message, one;
    int r;
    while ((r = wire_batch_next(&rest, &one)) > 0) {
        if (b->n == b->cap) {
            size_t cap = b->cap ? b->cap * 2 : 256;
            struct run_result *grown = arena_array(b->arena, cap, sizeof(*grown));
            if (b->n) {
                memcpy(grown, b->results, b->n * sizeof(*grown));
            }
            b->results = grown;
            b->cap = cap;
        }
        if (wire_decode(&run_result_message, b->arena, one, &b->results[b->n], NULL) == 0) {
            b->n++;
        } else {
            (*ret_malformed)++;
        }
    }
    *ret_malformed += r < 0;
}

static void copy_text_or_null(struct arena *a, struct buf *b, struct str s)
{
    if (s.len == 0) {
        copy_null(b);
    } else {
        copy_bytes(b, log_rows_clean(a, s));
    }
}

static void add_result_row(struct arena *a, struct buf *b, const struct run_result *r)
{
    copy_row(b, 13);
    copy_uuid(b, &r->execution_id);
    copy_uuid(b, &r->organization_id);
    copy_i32(b, (int32_t)r->attempt);
    copy_i16(b, (int16_t)r->status);
    copy_i32(b, (int32_t)r->n_steps);
    copy_i32(b, (int32_t)r->steps_size);
    copy_time(b, r->dispatched_ns);
    copy_time(b, r->started_ns);
    copy_time(b, r->ended_ns);
    copy_bytes(b, log_rows_clean(a, r->result_type));
    copy_text_or_null(a, b, r->error);
    copy_text_or_null(a, b, r->error_step);
    copy_bytes(b, r->steps);
}

static void add_log_rows(struct arena *a, struct buf *b, const struct run_result *r)
{
    const struct result_log *logs = r->logs.items;
    int64_t now = clock_now_ns();
    for (size_t i = 0; i < r->logs.n; i++) {
        int64_t time_ns = MAX(MIN(logs[i].time_ns, now), now - LINE_AGE_NS);
        struct uuid id = log_rows_id(&r->execution_id, (uint32_t)i, time_ns);
        copy_row(b, 9);
        copy_uuid(b, &id);
        copy_uuid(b, &r->organization_id);
        copy_uuid(b, &r->execution_id);
        copy_uuid(b, &r->instance_id);
        copy_uuid(b, &r->flow_config_id);
        copy_i16(b, (int16_t)logs[i].level);
        copy_time(b, logs[i].time_ns);
        copy_bytes(b, log_rows_clean(a, logs[i].step_name));
        copy_bytes(b, log_rows_clean(a, logs[i].message));
    }
}

static int copy_results(struct batch *b, struct db *db, struct err *err)
{
    AUTO(buf_done) struct buf rows = {0};
    buf_init(&rows, 0);
    copy_begin(&rows);
    for (size_t i = 0; i < b->n; i++) {
        add_result_row(b->arena, &rows, &b->results[i]);
    }
    copy_end(&rows);
    return db_copy_in(db, RESULT_COPY, buf_str(&rows), err);
}

static int copy_logs(struct batch *b, struct db *db, struct err *err)
{
    AUTO(buf_done) struct buf rows = {0};
    buf_init(&rows, 0);
    copy_begin(&rows);
    size_t empty = rows.len;
    for (size_t i = 0; i < b->n; i++) {
        if (!b->results[i].streamed) {
            add_log_rows(b->arena, &rows, &b->results[i]);
        }
    }
    if (rows.len == empty) {
        return 0;
    }
    copy_end(&rows);
    return db_copy_in(db, LOG_COPY, buf_str(&rows), err);
}

/* Test runs: their lines may be there already, and their progress is over. */
static int write_streamed(struct batch *b, struct db *db, struct err *err)
{
    struct uuid *ids = arena_array(b->arena, b->n, sizeof(*ids));
    size_t n = 0;
    int rc = 0;
    for (size_t i = 0; i < b->n && rc == 0; i++) {
        const struct run_result *r = &b->results[i];
        if (!r->streamed) {
            continue;
        }
        ids[n++] = r->execution_id;
        rc = log_rows_insert(db, b->arena,
                             &(struct log_rows){.execution_id = r->execution_id,
                                                .organization_id = r->organization_id,
                                                .instance_id = r->instance_id,
                                                .flow_config_id = r->flow_config_id,
                                                .logs = r->logs},
                             err);
    }
    return rc != 0 || n == 0 ? rc : db_run(db, QUERY_PROGRESS_OVER, NULL, err, DB_UUIDS(ids, n));
}

/* --- states ----------------------------------------------------------------------------------- */

enum { SCOPE_FLOW = 1, SCOPE_CROSS_FLOW = 2, SCOPE_INTEGRATION = 3 };
struct state_row {
    struct uuid owner;
    const struct run_result *result;
    const struct result_state *state;
};

/* Integration state belongs to all instances of the integration, over versions. */
static int sequence_of(struct db *db, const struct uuid *instance, struct uuid *ret_owner,
                       struct err *err)
{
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    int r = db_run(db, QUERY_RECORD_SEQUENCE_OF, &rows, err, DB_UUIDS(instance, 1));
    if (r == 0 && db_rows_n(rows) == 1) {
        *ret_owner = db_uuid(rows, 0, 1);
    }
    return r;
}

/* The stores of the batch, one a store: the last writer wins. */
static int collect_states(struct batch *b, struct db *db, struct state_row *rows, size_t *ret_n,
                          struct err *err)
{
    size_t n = 0;
    for (size_t i = 0; i < b->n; i++) {
        const struct result_state *states = b->results[i].states.items;
        for (size_t j = 0; j < b->results[i].states.n; j++) {
            struct state_row row = {.result = &b->results[i], .state = &states[j]};
            row.owner = states[j].scope == SCOPE_FLOW ? row.result->flow_config_id
                                                      : row.result->instance_id;
            int r = states[j].scope == SCOPE_INTEGRATION
                        ? sequence_of(db, &row.result->instance_id, &row.owner, err)
                        : 0;
            if (r != 0) {
                return r;
            }
            size_t at = 0;
            while (at < n && !(uuid_eq(&rows[at].owner, &row.owner) &&
                               rows[at].state->scope == row.state->scope)) {
                at++;
            }
            if (at == n) {
                rows[n++] = row;
            } else if (rows[at].result->ended_ns <= row.result->ended_ns) {
                rows[at] = row;
            }
        }
    }
    *ret_n = n;
    return 0;
}

static int write_states(struct batch *b, struct db *db, struct err *err)
{
    size_t most = 0, n = 0;
    for (size_t i = 0; i < b->n; i++) {
        most += b->results[i].states.n;
    }
    if (most == 0) {
        return 0;
    }
    struct state_row *rows = arena_array(b->arena, most, sizeof(*rows));
    int r = collect_states(b, db, rows, &n, err);
    struct uuid *owners = arena_array(b->arena, n, sizeof(*owners));
    struct uuid *organizations = arena_array(b->arena, n, sizeof(*organizations));
    struct str *scopes = arena_array(b->arena, n, sizeof(*scopes));
    struct str *stores = arena_array(b->arena, n, sizeof(*stores));
    struct uuid *uploads = arena_array(b->arena, n, sizeof(*uploads));
    struct str *parts = arena_array(b->arena, n, sizeof(*parts));
    bool in_parts = false;
    for (size_t i = 0; i < n; i++) {
        owners[i] = rows[i].owner;
        organizations[i] = rows[i].result->organization_id;
        scopes[i] = str_of(arena_printf(b->arena, "%u", rows[i].state->scope));
        stores[i] = rows[i].state->store;
        uploads[i] = rows[i].state->upload_id;
        parts[i] = str_of(arena_printf(b->arena, "%u", rows[i].state->n_parts));
        in_parts = in_parts || rows[i].state->n_parts > 0;
    }
    if (r == 0) {
        r = db_run(db, QUERY_RECORD_STATES, NULL, err, DB_UUIDS(owners, n), DB_TEXTS(scopes, n),
                   DB_UUIDS(organizations, n), DB_BYTESS(stores, n), DB_UUIDS(uploads, n),
                   DB_TEXTS(parts, n));
    }
    if (r == 0 && in_parts) {
        r = db_run(db, QUERY_RECORD_PARTS_USED, NULL, err, DB_UUIDS(uploads, n));
    }
    return r;
}

/* --- which results count ---------------------------------------------------------------------- */

static int by_id(const void *x, const void *y)
{
    const struct run_result *a = x, *b = y;
    int order = uuid_cmp(&a->execution_id, &b->execution_id);
    return order ? order : (int)b->attempt - (int)a->attempt; /* the later attempt first */
}

static struct uuid *ids_of(const struct batch *b)
{
    struct uuid *ids = arena_array(b->arena, b->n, sizeof(*ids));
    for (size_t i = 0; i < b->n; i++) {
        ids[i] = b->results[i].execution_id;
    }
    return ids;
}

static void drop_doubles(struct batch *b)
{
    qsort(b->results, b->n, sizeof(*b->results), by_id);
    size_t n = 0;
    for (size_t i = 0; i < b->n; i++) {
        if (n == 0 || !uuid_eq(&b->results[n - 1].execution_id, &b->results[i].execution_id)) {
            b->results[n++] = b->results[i];
        }
    }
    b->n = n;
}

/* Removes results whose id is in the rows' first column and, with a second column, whose attempt is
 * below it. Results and rows are few or sorted: a binary search finds each. */
static void drop_listed(struct batch *b, const struct db_rows *rows, bool fenced)
{
    for (size_t i = 0; i < db_rows_n(rows); i++) {
        struct run_result key = {.execution_id = db_uuid(rows, i, 0)};
        size_t lo = 0, hi = b->n;
        while (lo < hi) {
            size_t mid = (lo + hi) / 2;
            if (uuid_cmp(&b->results[mid].execution_id, &key.execution_id) < 0) {
                lo = mid + 1;
            } else {
                hi = mid;
            }
        }
        bool found = lo < b->n && uuid_eq(&b->results[lo].execution_id, &key.execution_id);
        if (found && (!fenced || b->results[lo].attempt < db_int(rows, i, 1))) {
            memmove(&b->results[lo], &b->results[lo + 1], (b->n - lo - 1) * sizeof(*b->results));
            b->n--;
        }
    }
}

static int drop_fenced(struct batch *b, struct db *db, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    int r = db_run(db, QUERY_RECORD_ATTEMPTS, &rows, err, DB_UUIDS(ids_of(b), b->n));
    if (r == 0) {
        drop_listed(b, rows, true);
    }
    return r;
}

static int drop_known(struct batch *b, struct db *db, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    int r = db_run(db, QUERY_RECORD_KNOWN, &rows, err, DB_UUIDS(ids_of(b), b->n));
    if (r == 0) {
        drop_listed(b, rows, false);
    }
    return r;
}

/* --- recording -------------------------------------------------------------------------------- */

static bool all_young(const struct batch *b)
{
    int64_t now = clock_now_ns();
    for (size_t i = 0; i < b->n; i++) {
        const struct run_result *r = &b->results[i];
        if (r->attempt != 1 || r->dispatched_ns > now || now - r->dispatched_ns > YOUNG_NS) {
            return false;
        }
    }
    return true;
}

static bool results_alone(const struct batch *b)
{
    for (size_t i = 0; i < b->n; i++) {
        const struct run_result *r = &b->results[i];
        if (r->logs.n || r->states.n || r->queued || r->streamed || r->route || r->values.n ||
            retries_concern(r)) {
            return false;
        }
    }
    return true;
}

/* What had a place in a queue leaves it; who waits there is told after the commit. */
static int free_places(struct batch *b, struct db *db, struct err *err)
{
    struct uuid *ids = arena_array(b->arena, b->n + 1, sizeof(*ids));
    size_t n = 0;
    for (size_t i = 0; i < b->n; i++) {
        if (b->results[i].queued) {
            ids[n++] = b->results[i].execution_id;
        }
    }
    b->n_freed = 0;
    if (n == 0) {
        return 0;
    }
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    int r = db_run(db, QUERY_QUEUE_LEAVE, &rows, err, DB_UUIDS(ids, n));
    if (r == 0) {
        b->freed = arena_array(b->arena, db_rows_n(rows) + 1, sizeof(*b->freed));
        for (; b->n_freed < db_rows_n(rows); b->n_freed++) {
            b->freed[b->n_freed] = db_uuid(rows, b->n_freed, 0);
        }
    }
    return r;
}

/* The large values that the results name stay; the sweeper takes those that none names. */
static int keep_values(struct batch *b, struct db *db, struct err *err)
{
    size_t most = 0, n = 0;
    for (size_t i = 0; i < b->n; i++) {
        most += b->results[i].values.n;
    }
    if (most == 0) {
        return 0;
    }
    struct uuid *executions = arena_array(b->arena, most, sizeof(*executions));
    struct uuid *values = arena_array(b->arena, most, sizeof(*values));
    for (size_t i = 0; i < b->n; i++) {
        const struct value_ref *refs = b->results[i].values.items;
        for (size_t k = 0; k < b->results[i].values.n; k++) {
            executions[n] = b->results[i].execution_id;
            values[n++] = refs[k].value_id;
        }
    }
    return db_run(db, QUERY_RECORD_VALUES_KEPT, NULL, err, DB_UUIDS(executions, n),
                  DB_UUIDS(values, n));
}

static bool any_retry(const struct batch *b)
{
    for (size_t i = 0; i < b->n; i++) {
        if (retries_concern(&b->results[i])) {
            return true;
        }
    }
    return false;
}

static int try_record(struct batch *b, struct db *db, struct err *err)
{
    bool young = all_young(b);
    if (young && results_alone(b)) {
        return copy_results(b, db, err);
    }
    int r = db_begin(db, err);
    if (r == 0 && !young) {
        r = drop_fenced(b, db, err);
    }
    bool routes = r == 0 && routes_any(b);
    if (routes) {
        r = routes_find(b, db, err);
    }
    if (r == 0 && b->n > 0) {
        r = copy_results(b, db, err);
    }
    if (r == 0 && routes) {
        r = routes_write(b, db, err);
    }
    if (r == 0 && b->n > 0) {
        r = copy_logs(b, db, err);
    }
    if (r == 0 && b->n > 0) {
        r = deliveries_write(b, db, err);
    }
    if (r == 0 && b->n > 0) {
        r = write_streamed(b, db, err);
    }
    if (r == 0 && b->n > 0) {
        r = write_states(b, db, err);
    }
    if (r == 0 && b->n > 0) {
        r = keep_values(b, db, err);
    }
    if (r == 0 && b->n > 0) {
        r = free_places(b, db, err);
    }
    if (r == 0 && any_retry(b)) {
        r = retries_write(b, db, err);
    }
    if (r == 0) {
        r = db_commit(db, err);
    }
    if (r != 0) {
        db_rollback(db);
    } else if (routes) {
        routes_keep(b);
    }
    return r;
}

static int record_sorted(struct batch *b, struct db *db, uint64_t *ret_recorded, struct err *err);

static void join_freed(struct batch *b, const struct batch *low, const struct batch *high)
{
    b->n_freed = low->n_freed + high->n_freed;
    b->freed = arena_array(b->arena, b->n_freed + 1, sizeof(*b->freed));
    for (size_t i = 0; i < b->n_freed; i++) {
        b->freed[i] = i < low->n_freed ? low->freed[i] : high->freed[i - low->n_freed];
    }
}

/* Something in the batch cannot be stored: halves find it. */
static int record_halves(struct batch *b, struct db *db, uint64_t *ret_recorded, struct err *err)
{
    if (b->n > 1) {
        struct batch low = *b, high = *b;
        low.n = b->n / 2;
        high.n = b->n - low.n;
        high.results = b->results + low.n;
        int r = record_sorted(&low, db, ret_recorded, err);
        r = r == 0 ? record_sorted(&high, db, ret_recorded, err) : r;
        join_freed(b, &low, &high);
        return r;
    }
    struct run_result *one = &b->results[0];
    char id[UUID_TEXT_LEN + 1];
    uuid_format(&one->execution_id, id);
    if (one->steps.len == 0 && one->logs.n == 0 && one->states.n == 0 && one->retry_max == 0 &&
        !one->route) {
        log_error("a result cannot be recorded and is given up", LOG_STR("execution", id),
                  LOG_STR("error", err->message));
        return 0;
    }
    log_error("a result cannot be recorded as it is", LOG_STR("execution", id),
              LOG_STR("error", err->message));
    one->error =
        str_of(arena_printf(b->arena, "The result could not be recorded: %s", err->message));
    one->result_type = STR("ERROR");
    one->status = RUN_FAILED;
    one->n_steps = one->steps_size = 0;
    one->steps = str_n("", 0);
    one->logs.n = one->states.n = one->values.n = 0;
    one->retry_max = 0;
    one->streamed = one->route = false;
    return record_sorted(b, db, ret_recorded, err);
}

static int record_sorted(struct batch *b, struct db *db, uint64_t *ret_recorded, struct err *err)
{
    int r = 0;
    for (int i = 0; i < TRIES && b->n > 0; i++) {
        r = try_record(b, db, err);
        if (r == 0) {
            *ret_recorded += b->n;
            feed_results(b->feed, b->results, b->n);
            return 0;
        }
        if (r < 0) {
            return r;
        }
        if (r == DB_E_UNIQUE) {
            int known = drop_known(b, db, err);
            if (known != 0) {
                return known < 0 ? known : -EAGAIN;
            }
        } else if (r != DB_E_RETRY) {
            return record_halves(b, db, ret_recorded, err);
        }
    }
    return b->n == 0 ? 0 : -EAGAIN;
}

int batch_record(struct batch *b, struct db *db, uint64_t *ret_recorded, struct err *err)
{
    *ret_recorded = 0;
    drop_doubles(b);
    struct batch sorted = *b; /* the caller may try the same batch again */
    sorted.results = arena_dup(b->arena, b->results, b->n * sizeof(*b->results));
    sorted.n_freed = 0;
    b->routed = sorted.routed = arena_new_of(b->arena, struct routed);
    int r = record_sorted(&sorted, db, ret_recorded, err);
    b->freed = sorted.freed;
    b->n_freed = sorted.n_freed;
    return r;
}
