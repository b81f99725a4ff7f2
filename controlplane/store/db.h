/* One PostgreSQL connection and the named queries on it. The only modules that know libpq are
 * store/ files. A connection belongs to one thread at a time; calls block. Values go as parameters
 * only; results come in binary format and are read through the db_ accessors.
 * Errors: -ENOTCONN when the server is away (the connection is to be reset with db_reconnect), else
 * >0 one of DB_E_*. err.code is "db.<kind>", the message PostgreSQL's. */
#pragma once

#include "err.h"
#include "queries.h" /* generated from sql/: enum query_id */
#include "str.h"
#include "uuid.h"

enum {
    DB_E_OTHER = 1,
    DB_E_UNIQUE = 2,      /* 23505; err.field = constraint name */
    DB_E_FOREIGN_KEY = 3, /* 23503; err.field = constraint name */
    DB_E_CHECK = 4,       /* 23514 */
    DB_E_RETRY = 5,       /* serialization failure, deadlock: run the transaction again */
    DB_E_TIMEOUT = 6,     /* statement_timeout */
};

struct db;
enum db_role { DB_OWNER, DB_API }; /* DB_API: the session is SET ROLE leat_api */
int db_open(const char *conninfo, enum db_role role, const char *application_name, struct db **ret,
            struct err *err) must_check;
struct db *db_close(struct db *db);
/* Drops and opens the connection again. */
int db_reconnect(struct db *db, struct err *err) must_check;
bool db_ok(const struct db *db);
/* For a connection that is kept: opens it as the owner when *db is NULL, again when it broke. */
int db_ensure(struct db **db, const char *conninfo, const char *application_name,
              struct err *err) must_check;
/* For a connection that stood idle: also false when the server has closed it meanwhile. */
bool db_alive(struct db *db);
int db_socket(const struct db *db); /* for poll in LISTEN loops */

enum db_param_type {
    DB_P_NULL,
    DB_P_TEXT,
    DB_P_BINARY,
    DB_P_UUID,
    DB_P_UUIDS,
    DB_P_TEXTS,
    DB_P_BYTESS
};
struct db_param {
    enum db_param_type type;
    struct str bytes;
    struct uuid id;
    const void *items; /* const struct uuid * or const struct str * */
    size_t n;
    char num[24]; /* text of an integer */
};
struct db_param db_i64(int64_t v);
#define DB_NULL     ((struct db_param){.type = DB_P_NULL})
#define DB_STR(s)   ((struct db_param){.type = DB_P_TEXT, .bytes = (s)})
#define DB_TEXT(s)  ((struct db_param){.type = DB_P_TEXT, .bytes = str_of(s)})
#define DB_BYTES(s) ((struct db_param){.type = DB_P_BINARY, .bytes = (s)})
#define DB_UUID(u)  ((struct db_param){.type = DB_P_UUID, .id = (u)})
#define DB_UUID_OR_NULL(u)                                                                         \
    ((struct db_param){.type = uuid_is_nil(&(u)) ? DB_P_NULL : DB_P_UUID, .id = (u)})
#define DB_BOOL(b)      ((struct db_param){.type = DB_P_TEXT, .bytes = str_of((b) ? "t" : "f")})
#define DB_I64(v)       db_i64(v)
#define DB_UUIDS(p, k)  ((struct db_param){.type = DB_P_UUIDS, .items = (p), .n = (k)})
#define DB_TEXTS(p, k)  ((struct db_param){.type = DB_P_TEXTS, .items = (p), .n = (k)})
#define DB_BYTESS(p, k) ((struct db_param){.type = DB_P_BYTESS, .items = (p), .n = (k)})

struct db_rows; /* an owned result */
/* Runs a named query (prepared on first use). ret_rows may be NULL. */
int db_query(struct db *db, enum query_id id, const struct db_param *params, size_t n,
             struct db_rows **ret_rows, struct err *err) must_check;
#define db_run(db, id, ret_rows, err, ...)                                                         \
    db_query((db), (id), (const struct db_param[]){__VA_ARGS__ __VA_OPT__(, ) DB_NULL},            \
             sizeof((const struct db_param[]){__VA_ARGS__ __VA_OPT__(, ) DB_NULL}) /               \
                     sizeof(struct db_param) -                                                     \
                 1,                                                                                \
             (ret_rows), (err))
/* Runs SQL made by the API's planner (parameters as above). */
int db_query_text(struct db *db, struct str sql, const struct db_param *params, size_t n,
                  struct db_rows **ret_rows, struct err *err) must_check;
int db_exec(struct db *db, const char *sql, struct err *err) must_check; /* fixed text, no values */

int db_begin(struct db *db, struct err *err) must_check;
/* Begins a transaction acting for an organization (and customer; nil = none): sets
 * leat.organization and leat.customer for it. */
int db_begin_as(struct db *db, const struct uuid *organization, const struct uuid *customer,
                struct err *err) must_check;
int db_commit(struct db *db, struct err *err) must_check;
void db_rollback(struct db *db);

size_t db_rows_n(const struct db_rows *rows);
int64_t db_rows_affected(const struct db_rows *rows);
struct db_rows *db_rows_free(struct db_rows *rows); /* accepts NULL */
bool db_is_null(const struct db_rows *rows, size_t row, int column);
struct str db_str(const struct db_rows *rows, size_t row,
                  int column); /* text, bytea, json; borrowed */
struct uuid db_uuid(const struct db_rows *rows, size_t row, int column);
int64_t db_int(const struct db_rows *rows, size_t row, int column); /* int2, int4, int8 */
bool db_bool(const struct db_rows *rows, size_t row, int column);
int64_t db_time_ns(const struct db_rows *rows, size_t row,
                   int column); /* timestamptz -> epoch ns */
/* bytea[] / text[] of one dimension: the number of items; items are borrowed. */
size_t db_array(const struct db_rows *rows, size_t row, int column, struct arena *a,
                struct str **ret_items);

/* LISTEN/NOTIFY: 1 and the payload, 0 when none is waiting, <0 when the connection broke. */
int db_notification(struct db *db, char *ret_payload, size_t cap) must_check;

/* COPY ... FROM STDIN (FORMAT binary): sends rows built by store/copy.h. statement is the fixed
 * COPY text. Errors as db_query: DB_E_UNIQUE when a key exists. */
int db_copy_in(struct db *db, const char *statement, struct str rows, struct err *err) must_check;
/* Sends the statement already, for the db_copy_in of the same text that comes next: it then need
 * not wait for the server to get ready. A COPY under way holds locks, so that must come soon. Any
 * other statement ends it, and so does db_copy_forget. */
void db_copy_ahead(struct db *db, const char *statement);
void db_copy_forget(struct db *db);

/* Statements executed by this process so far, for metrics and tests. */
uint64_t db_statements(void);

DEFINE_CLEANUP(struct db *, db_close)
DEFINE_CLEANUP(struct db_rows *, db_rows_free)
