/* Owns reading of results (binary format) and the meaning of failures. */
#include "db_priv.h"

#include <endian.h>

#include "clock.h"

#define PG_EPOCH_SEC INT64_C(946684800) /* 2000-01-01 */
#define OID_JSONB    3802

static PGresult *result_of(const struct db_rows *rows)
{
    /* A db_rows is the PGresult itself; the type keeps libpq out of the header. */
    return (PGresult *)(uintptr_t)rows;
}

struct db_rows *db_rows_of(PGresult *own_result)
{
    return (struct db_rows *)(void *)own_result;
}

struct db_rows *db_rows_free(struct db_rows *rows)
{
    PQclear(result_of(rows));
    return NULL;
}

size_t db_rows_n(const struct db_rows *rows)
{
    return (size_t)PQntuples(result_of(rows));
}

int64_t db_rows_affected(const struct db_rows *rows)
{
    int64_t n = 0;
    return str_to_i64(str_of(PQcmdTuples(result_of(rows))), &n) ? n : 0;
}

bool db_is_null(const struct db_rows *rows, size_t row, int column)
{
    return PQgetisnull(result_of(rows), (int)row, column);
}

struct str db_str(const struct db_rows *rows, size_t row, int column)
{
    PGresult *r = result_of(rows);
    struct str s = str_n(PQgetvalue(r, (int)row, column), (size_t)PQgetlength(r, (int)row, column));
    if (PQftype(r, column) == OID_JSONB && s.len > 0) {
        s.ptr++; /* version byte */
        s.len--;
    }
    return s;
}

static uint64_t big_endian(const char *p, size_t n)
{
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++) {
        v = v << 8 | (uint8_t)p[i];
    }
    return v;
}

struct uuid db_uuid(const struct db_rows *rows, size_t row, int column)
{
    struct uuid id = {{0}};
    struct str s = db_str(rows, row, column);
    if (s.len == sizeof(id.b)) {
        memcpy(id.b, s.ptr, sizeof(id.b));
    }
    return id;
}

int64_t db_int(const struct db_rows *rows, size_t row, int column)
{
    struct str s = db_str(rows, row, column);
    switch (s.len) {
    case 2:
        return (int16_t)big_endian(s.ptr, 2);
    case 4:
        return (int32_t)big_endian(s.ptr, 4);
    case 8:
        return (int64_t)big_endian(s.ptr, 8);
    default:
        return 0;
    }
}

bool db_bool(const struct db_rows *rows, size_t row, int column)
{
    struct str s = db_str(rows, row, column);
    return s.len == 1 && s.ptr[0] == 1;
}

int64_t db_time_ns(const struct db_rows *rows, size_t row, int column)
{
    if (db_is_null(rows, row, column)) {
        return 0;
    }
    return db_int(rows, row, column) * 1000 + PG_EPOCH_SEC * NS_PER_SEC;
}

size_t db_array(const struct db_rows *rows, size_t row, int column, struct arena *a,
                struct str **ret_items)
{
    /* dimensions, has-null flag, element type, then per dimension length and lower bound, then
     * length-prefixed items (-1 = NULL). */
    struct str s = db_str(rows, row, column);
    *ret_items = NULL;
    if (s.len < 20 || big_endian(s.ptr, 4) != 1) {
        return 0;
    }
    size_t n = big_endian(s.ptr + 12, 4), at = 20;
    if (n > s.len / 4) {
        return 0;
    }
    struct str *items = arena_array(a, n, sizeof(*items));
    for (size_t i = 0; i < n; i++) {
        if (s.len - at < 4) {
            return 0;
        }
        int32_t len = (int32_t)big_endian(s.ptr + at, 4);
        at += 4;
        if (len > 0 && (size_t)len > s.len - at) {
            return 0;
        }
        items[i] = str_n(s.ptr + at, len > 0 ? (size_t)len : 0);
        at += items[i].len;
    }
    *ret_items = items;
    return n;
}

static const struct {
    const char *sqlstate; /* a prefix */
    int rc;
    const char *code;
} failures[] = {
    {"23505", DB_E_UNIQUE, "db.unique"}, {"23503", DB_E_FOREIGN_KEY, "db.foreign_key"},
    {"23514", DB_E_CHECK, "db.check"},   {"40001", DB_E_RETRY, "db.retry"},
    {"40P01", DB_E_RETRY, "db.retry"},   {"57014", DB_E_TIMEOUT, "db.timeout"},
    {"57P", -ENOTCONN, "db.away"},       {"08", -ENOTCONN, "db.away"},
    {"53", -ENOTCONN, "db.away"},        {"58", -ENOTCONN, "db.away"},
    {"25006", -ENOTCONN, "db.away"}, /* not the primary any more */
};

int db_failure(const PGconn *conn, const PGresult *result, struct err *err)
{
    const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    const char *words = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    if (PQstatus(conn) != CONNECTION_OK || !state) {
        (void)err_set(err, 0, "db.away", "PostgreSQL is away: %s",
                      words ? words : PQerrorMessage(conn));
        if (err) {
            err->retryable = true;
        }
        return -ENOTCONN;
    }
    const char *constraint = PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME);
    for (size_t i = 0; i < ARRAY_LEN(failures); i++) {
        if (str_starts(str_of(state), str_of(failures[i].sqlstate))) {
            return err_field(err, failures[i].rc, failures[i].code, constraint ? constraint : "",
                             "%s", words ? words : state);
        }
    }
    return err_field(err, DB_E_OTHER, "db.other", state, "%s", words ? words : state);
}
