/* Owns moving all instances of an integration to its newest available version. On a lane thread,
 * inside the mutation's transaction. Each instance is moved as updateInstance would, and deployed
 * as deployInstance would when it ran before and lacks nothing; one whose deploy is refused is
 * moved only, and told of as a warning. It takes some hundred instances a call, so that no
 * transaction holds a whole fleet: hasMore says whether to call again. */
#include "api/instance_config.h"
#include "api/input.h"

#define AT_ONCE     200
#define PENDING_MAX (API_MAX_PENDING / 4) /* room for the flows of one more instance */

enum { TARGET_VERSION, TARGET_SEQUENCE, TARGET_DEFINITION };
enum { NEXT_ID, NEXT_RUNS, NEXT_NAME };

static int move(struct call *c, const struct uuid *version, struct str definition,
                bool *ret_complete, struct err *err)
{
    AUTO(instance_config_done) struct instance_config config = {0};
    struct json values;
    struct str missing = {0};
    int rc = db_run(c->db, QUERY_API_UPGRADE_MOVE, NULL, err, DB_UUID(c->id), DB_UUID(*version));
    rc = rc ? rc : instance_config_load(c, &c->id, definition, &config, err);
    rc = rc ? rc : instance_config_store(c, &c->id, &config, err);
    rc = rc ? rc : instance_config_values(c, &config, &values, &missing, err);
    *ret_complete = missing.len == 0;
    return rc;
}

/* What was refused is taken back, and told. */
static int deploy(struct call *c, struct str name, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *row = NULL;
    size_t pending = c->n_pending;
    int rc = db_run(c->db, QUERY_API_UPGRADE_SAVEPOINT, NULL, err);
    rc = rc ? rc : db_run(c->db, QUERY_API_INSTANCE_LOCK, &row, err, DB_UUID(c->id));
    rc = rc ? rc : instance_deploy(c, row, false, err);
    if (rc == 0 && c->n_errors > 0) {
        if (c->n_warnings < API_ERRORS_MAX) {
            c->warnings[c->n_warnings++] =
                arena_printf(c->a, "\"%.*s\" was not deployed: %s", (int)MIN(name.len, 200),
                             name.ptr, c->errors[0].message);
        }
        c->n_errors = 0;
        c->n_pending = pending;
        rc = db_run(c->db, QUERY_API_UPGRADE_BACK, NULL, err);
    }
    return rc ? rc : db_run(c->db, QUERY_API_UPGRADE_RELEASE, NULL, err);
}

/* *after: the last instance that was done. */
static int upgrade_some(struct call *c, const struct db_rows *target, const struct db_rows *rows,
                        struct uuid *after, size_t *ret_done, struct err *err)
{
    struct uuid version = db_uuid(target, 0, TARGET_VERSION);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < db_rows_n(rows) && c->n_pending <= PENDING_MAX; i++) {
        bool complete = false;
        c->id = *after = db_uuid(rows, i, NEXT_ID);
        rc = move(c, &version, db_str(target, 0, TARGET_DEFINITION), &complete, err);
        if (rc == 0 && complete && db_bool(rows, i, NEXT_RUNS)) {
            rc = deploy(c, db_str(rows, i, NEXT_NAME), err);
        }
        ++*ret_done;
    }
    return rc;
}

static int next(struct call *c, const struct db_rows *target, const struct uuid *after,
                int64_t most, struct db_rows **ret, struct err *err)
{
    return db_run(c->db, QUERY_API_UPGRADE_NEXT, ret, err,
                  DB_UUID(db_uuid(target, 0, TARGET_VERSION)),
                  DB_UUID(db_uuid(target, 0, TARGET_SEQUENCE)), DB_UUID(*after), DB_I64(most));
}

int mutate_upgrade_instances(struct call *c, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *target = NULL;
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    AUTO(db_rows_free) struct db_rows *more = NULL;
    struct json_builder made;
    struct uuid after = {{0}};
    size_t done = 0;
    int rc = call_find(c, "id", "Integration", QUERY_API_UPGRADE_TARGET, &c->id, &target, err);
    if (rc != 0 || c->n_errors > 0) {
        return rc;
    }
    if (db_is_null(target, 0, TARGET_VERSION)) {
        return call_refuse(c, "id", "The Integration has no available version: publish it first.");
    }
    rc = next(c, target, &after, AT_ONCE, &rows, err);
    rc = rc ? rc : upgrade_some(c, target, rows, &after, &done, err);
    rc = rc ? rc : next(c, target, &after, 1, &more, err);
    if (rc != 0) {
        return rc;
    }
    json_build_object(&made, c->a);
    json_append(&made, STR("updatedCount"), json_num((double)done));
    json_append(&made, STR("hasMore"), json_bool(db_rows_n(more) > 0));
    c->made = json_built(&made);
    c->id = db_uuid(target, 0, TARGET_VERSION);
    return 0;
}
