/* Owns the subscription to progress messages and its connection, both used by the subscription's
 * library thread only. What cannot be stored now is lost: the run's result has it again. It keeps
 * nothing of executions that are no test runs or have ended, and at most BYTES_MAX of one. */
#include "recorder/progress.h"

#include "db.h"
#include "log.h"
#include "recorder/feed.h"
#include "recorder/log_rows.h"
#include "run_progress.h"
#include "subjects.h"

#define BYTES_MAX MIB(16) /* of an execution's steps; what comes later shows at its end */

struct progress {
    struct bus *bus;
    char *conninfo;
    struct bus_sub *sub;
    struct db *db;
    struct feed *feed;
};

int progress_new(const struct progress_options *options, struct progress **ret, struct err *err)
{
    struct progress *p = mem_new(struct progress);
    p->bus = options->bus;
    p->conninfo = mem_strdup(options->conninfo);
    p->feed = options->feed;
    *ret = p;
    return 0;
}

struct progress *progress_free(struct progress *p)
{
    if (p) {
        progress_stop(p);
        db_close(p->db);
        mem_free(p->conninfo);
        mem_free(p);
    }
    return NULL;
}

static int ensure(struct progress *p, struct err *err)
{
    return db_ensure(&p->db, p->conninfo, "leat-progress", err);
}

static int known(struct progress *p, const struct run_progress *m, bool *ret, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    int r = db_run(p->db, QUERY_PROGRESS_KNOWN, &rows, err, DB_UUID(m->execution_id),
                   DB_UUID(m->organization_id));
    *ret = r == 0 && db_bool(rows, 0, 0);
    return r;
}

static int keep(struct progress *p, struct arena *a, const struct run_progress *m, struct err *err)
{
    bool is_test = false;
    int r = ensure(p, err);
    r = r ? r : known(p, m, &is_test, err);
    if (r != 0 || !is_test) {
        return r;
    }
    feed_progress(p->feed, m);
    if (m->steps.len > 0) {
        r = db_run(p->db, QUERY_PROGRESS_PUT, NULL, err, DB_UUID(m->execution_id),
                   DB_I64(m->attempt), DB_I64(m->first_step), DB_BYTES(m->steps),
                   DB_I64(BYTES_MAX));
    }
    return r ? r
             : log_rows_insert(p->db, a,
                               &(struct log_rows){.execution_id = m->execution_id,
                                                  .organization_id = m->organization_id,
                                                  .instance_id = m->instance_id,
                                                  .flow_config_id = m->flow_config_id,
                                                  .first = m->first_log,
                                                  .logs = m->logs},
                               err);
}

static void on_progress(void *ctx, struct bus_message *message)
{
    struct progress *p = ctx;
    AUTO(arena_free) struct arena *a = arena_new(KIB(64), 0);
    struct run_progress m;
    struct err err = {0};
    int r = wire_decode(&run_progress_message, a, bus_message_data(message), &m, &err);
    r = r ? r : keep(p, a, &m, &err);
    if (r != 0) {
        log_warn("progress of a test run was not kept", LOG_STR("error", err.message));
    }
}

int progress_start(struct progress *p)
{
    return bus_subscribe(p->bus, SUBJECT_PROGRESS, "progress", on_progress, p, &p->sub);
}

void progress_stop(struct progress *p)
{
    p->sub = bus_sub_free(p->sub);
}
