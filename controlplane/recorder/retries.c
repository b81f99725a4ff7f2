/* Owns the recorder's part of flow retry. Called on the recording thread, in the transaction that
 * records the results, so that an execution that failed for good and one with a retry to come are
 * never mistaken. What a worker says of its flow is bounded here again. The scheduler starts what
 * is due (schedule/retry.c). */
#include "recorder/retries.h"

#include "clock.h"
#include "secret.h"

bool retries_concern(const struct run_result *r)
{
    return r->retry_max > 0 && (r->status == RUN_FAILED || r->unique_request_id.len > 0);
}

/* "" = the execution has none. */
static struct str unique_of(struct arena *a, const struct run_result *r)
{
    if (r->unique_request_id.len == 0) {
        return str_n("", 0);
    }
    uint8_t digest[32];
    secret_sha256(r->unique_request_id, digest);
    return str_n(arena_dup(a, digest, sizeof(digest)), sizeof(digest));
}

static int write_unique(struct batch *b, struct db *db, struct err *err)
{
    struct uuid *ids = arena_array(b->arena, b->n, sizeof(*ids));
    struct uuid *flow_configs = arena_array(b->arena, b->n, sizeof(*flow_configs));
    struct str *uniques = arena_array(b->arena, b->n, sizeof(*uniques));
    size_t n = 0;
    for (size_t i = 0; i < b->n; i++) {
        const struct run_result *r = &b->results[i];
        if (retries_concern(r) && r->unique_request_id.len > 0) {
            ids[n] = r->execution_id;
            flow_configs[n] = r->flow_config_id;
            uniques[n++] = unique_of(b->arena, r);
        }
    }
    if (n == 0) {
        return 0;
    }
    int rc = db_run(db, QUERY_RETRY_UNIQUE, NULL, err, DB_UUIDS(ids, n), DB_UUIDS(flow_configs, n),
                    DB_BYTESS(uniques, n));
    return rc ? rc
              : db_run(db, QUERY_RETRY_CANCEL, NULL, err, DB_UUIDS(flow_configs, n),
                       DB_BYTESS(uniques, n));
}

static int write_failed(struct batch *b, struct db *db, struct err *err)
{
    struct uuid *ids = arena_array(b->arena, b->n, sizeof(*ids));
    struct str *most = arena_array(b->arena, b->n, sizeof(*most));
    struct str *delays = arena_array(b->arena, b->n, sizeof(*delays));
    struct str *exponential = arena_array(b->arena, b->n, sizeof(*exponential));
    struct str *ended = arena_array(b->arena, b->n, sizeof(*ended));
    struct str *uniques = arena_array(b->arena, b->n, sizeof(*uniques));
    size_t n = 0;
    for (size_t i = 0; i < b->n; i++) {
        const struct run_result *r = &b->results[i];
        if (r->retry_max == 0 || r->status != RUN_FAILED) {
            continue;
        }
        ids[n] = r->execution_id;
        most[n] = str_of(arena_printf(b->arena, "%d", (int)MIN(r->retry_max, RETRY_MAX_ATTEMPTS)));
        delays[n] = str_of(arena_printf(b->arena, "%d",
                                        (int)MIN(r->retry_delay_minutes, RETRY_MAX_DELAY_MINUTES)));
        exponential[n] = r->retry_exponential ? STR("t") : STR("f");
        ended[n] =
            str_of(arena_printf(b->arena, "%lld.%06lld", (long long)(r->ended_ns / NS_PER_SEC),
                                (long long)(r->ended_ns % NS_PER_SEC / 1000)));
        uniques[n++] = unique_of(b->arena, r);
    }
    return n == 0 ? 0
                  : db_run(db, QUERY_RETRY_PUT, NULL, err, DB_UUIDS(ids, n), DB_TEXTS(most, n),
                           DB_TEXTS(delays, n), DB_TEXTS(exponential, n), DB_TEXTS(ended, n),
                           DB_BYTESS(uniques, n));
}

int retries_write(struct batch *b, struct db *db, struct err *err)
{
    int r = write_unique(b, db, err);
    return r ? r : write_failed(b, db, err);
}
