/* Owns the order of migrations. The advisory lock lets any number of processes start at once; each
 * migration is one transaction with its row in schema_migration. */
#include "migrate.h"

#include "embed.h"

#define MIGRATE_LOCK "SELECT pg_advisory_lock(7233184)"
#define MIGRATE_FREE "SELECT pg_advisory_unlock(7233184)"

extern const struct embed_file migration_files[];

static int number_of(const struct embed_file *f)
{
    int64_t n = 0;
    bool ok = str_to_i64(str_n(f->name, 4), &n);
    ASSERT(ok);
    return (int)n;
}

int migrate_latest(void)
{
    int latest = 0;
    for (const struct embed_file *f = migration_files; f->name; f++) {
        latest = MAX(latest, number_of(f));
    }
    return latest;
}

static int read_current(struct db *db, int *ret_current, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    int r = db_query_text(db, STR("SELECT coalesce(max(number), 0)::int FROM schema_migration"),
                          NULL, 0, &rows, err);
    if (r == 0) {
        *ret_current = (int)db_int(rows, 0, 0);
    }
    return r;
}

static int apply(struct db *db, const struct embed_file *f, struct err *err)
{
    int r = db_begin(db, err);
    if (r == 0) {
        r = db_exec(db, f->data, err);
    }
    if (r == 0) {
        const struct db_param params[] = {DB_I64(number_of(f)), DB_TEXT(f->name)};
        r = db_query_text(db,
                          STR("INSERT INTO schema_migration (number, name) VALUES ($1::int, $2)"),
                          params, ARRAY_LEN(params), NULL, err);
    }
    if (r == 0) {
        r = db_commit(db, err);
    }
    if (r != 0) {
        db_rollback(db);
        err_prefix(err, "migration %s", f->name);
    }
    return r;
}

static int apply_missing(struct db *db, int *ret_applied, struct err *err)
{
    int current = 0;
    int r = db_exec(db,
                    "CREATE TABLE IF NOT EXISTS schema_migration (number int PRIMARY KEY,"
                    " name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())",
                    err);
    if (r == 0) {
        r = read_current(db, &current, err);
    }
    if (r == 0 && current > migrate_latest()) {
        return err_set(err, -EPROTO, "migrate.newer",
                       "the database has schema %d, this program knows up to %d: use a newer Leat",
                       current, migrate_latest());
    }
    for (const struct embed_file *f = migration_files; r == 0 && f->name; f++) {
        if (number_of(f) > current) {
            r = apply(db, f, err);
            *ret_applied += r == 0;
        }
    }
    return r;
}

int migrate_run(struct db *db, int *ret_applied, struct err *err)
{
    *ret_applied = 0;
    int r = db_exec(db, MIGRATE_LOCK, err);
    if (r == 0) {
        r = apply_missing(db, ret_applied, err);
        (void)!db_exec(db, MIGRATE_FREE, NULL);
    }
    return r;
}
