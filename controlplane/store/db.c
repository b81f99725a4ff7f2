/* Owns a PostgreSQL connection: opening, named queries (prepared on first use), transactions, COPY
 * and notifications. Blocking; a connection belongs to one thread at a time. */
#include "db_priv.h"

#include <stdatomic.h>

#define OID_TEXT   25
#define OID_BYTEA  17
#define OID_UUID   2950
#define PARAMS_MAX 64

struct db {
    PGconn *conn;
    char *conninfo;
    char *application_name;
    enum db_role role;
    bool prepared[_QUERY_N];
    bool copy_ahead; /* a COPY was sent that db_copy_in has not taken up */
};

static _Atomic uint64_t statements;

uint64_t db_statements(void)
{
    return atomic_load_explicit(&statements, memory_order_relaxed);
}

static void ignore_notice(void *arg, const PGresult *result)
{
}

static int db_connect(struct db *db, struct err *err)
{
    const char *keys[] = {"dbname", "application_name", "client_encoding", "connect_timeout", NULL};
    const char *values[] = {db->conninfo, db->application_name, "UTF8", "5", NULL};
    db->conn = PQconnectdbParams(keys, values, 1);
    memset(db->prepared, 0, sizeof(db->prepared));
    db->copy_ahead = false;
    if (PQstatus(db->conn) != CONNECTION_OK) {
        return db_failure(db->conn, NULL, err);
    }
    (void)PQsetNoticeReceiver(db->conn, ignore_notice, NULL);
    if (db->role == DB_API) {
        return db_exec(db, "SET ROLE leat_api; SET statement_timeout = '15s'", err);
    }
    return 0;
}

int db_open(const char *conninfo, enum db_role role, const char *application_name, struct db **ret,
            struct err *err)
{
    AUTO(db_close) struct db *db = mem_new(struct db);
    db->conninfo = mem_strdup(conninfo);
    db->application_name = mem_strdup(application_name);
    db->role = role;
    int r = db_connect(db, err);
    if (r == 0) {
        *ret = TAKE(db);
    }
    return r;
}

struct db *db_close(struct db *db)
{
    if (db) {
        PQfinish(db->conn);
        mem_free(db->conninfo);
        mem_free(db->application_name);
        mem_free(db);
    }
    return NULL;
}

int db_reconnect(struct db *db, struct err *err)
{
    PQfinish(db->conn);
    db->conn = NULL;
    return db_connect(db, err);
}

bool db_ok(const struct db *db)
{
    return PQstatus(db->conn) == CONNECTION_OK;
}

int db_ensure(struct db **db, const char *conninfo, const char *application_name, struct err *err)
{
    if (!*db) {
        return db_open(conninfo, DB_OWNER, application_name, db, err);
    }
    return db_ok(*db) ? 0 : db_reconnect(*db, err);
}

bool db_alive(struct db *db)
{
    /* Once reads what the server said as it closed, once more meets the end. */
    for (int i = 0; i < 2; i++) {
        if (!PQconsumeInput(db->conn)) {
            return false;
        }
    }
    return db_ok(db);
}

int db_socket(const struct db *db)
{
    return PQsocket(db->conn);
}

struct db_param db_i64(int64_t v)
{
    struct db_param p = {.type = DB_P_TEXT};
    p.bytes.len = (size_t)snprintf(p.num, sizeof(p.num), "%lld", (long long)v);
    return p; /* bytes.ptr is set to num when the parameter is bound: the struct may move */
}

static void put_be32(struct buf *b, uint32_t v)
{
    uint8_t be[4] = {(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};
    buf_add(b, be, sizeof(be));
}

static void add_array(struct buf *b, const struct db_param *p)
{
    put_be32(b, p->n ? 1 : 0);
    put_be32(b, 0);
    put_be32(b, p->type == DB_P_UUIDS ? OID_UUID : p->type == DB_P_TEXTS ? OID_TEXT : OID_BYTEA);
    if (p->n == 0) {
        return;
    }
    put_be32(b, (uint32_t)p->n);
    put_be32(b, 1);
    for (size_t i = 0; i < p->n; i++) {
        if (p->type == DB_P_UUIDS) {
            const struct uuid *ids = p->items;
            put_be32(b, sizeof(ids[i].b));
            buf_add(b, ids[i].b, sizeof(ids[i].b));
        } else {
            const struct str *items = p->items;
            put_be32(b, (uint32_t)items[i].len);
            buf_add_str(b, items[i]);
        }
    }
}

/* Parameters in the shape libpq wants; arrays and texts are laid out in one buffer. */
struct bound {
    const char *values[PARAMS_MAX];
    int lengths[PARAMS_MAX], formats[PARAMS_MAX];
    struct buf data;
};

static void bind_params(struct bound *bound, const struct db_param *params, size_t n)
{
    ASSERT(n <= PARAMS_MAX);
    size_t offsets[PARAMS_MAX];
    for (size_t i = 0; i < n; i++) {
        const struct db_param *p = &params[i];
        offsets[i] = bound->data.len;
        bound->formats[i] = p->type != DB_P_TEXT;
        switch (p->type) {
        case DB_P_NULL:
            break;
        case DB_P_TEXT:
            if (p->bytes.ptr) {
                buf_add_str(&bound->data, p->bytes);
            } else {
                buf_add(&bound->data, p->num, p->bytes.len);
            }
            break;
        case DB_P_BINARY:
            buf_add_str(&bound->data, p->bytes);
            break;
        case DB_P_UUID:
            buf_add(&bound->data, p->id.b, sizeof(p->id.b));
            break;
        case DB_P_UUIDS:
        case DB_P_TEXTS:
        case DB_P_BYTESS:
            add_array(&bound->data, p);
            break;
        }
        bound->lengths[i] = (int)(bound->data.len - offsets[i]);
        buf_addc(&bound->data, '\0');
    }
    for (size_t i = 0; i < n; i++) {
        bound->values[i] = params[i].type == DB_P_NULL ? NULL : bound->data.data + offsets[i];
    }
}

static int finish(struct db *db, PGresult *own_result, struct db_rows **ret_rows, struct err *err)
{
    ExecStatusType status = PQresultStatus(own_result);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
        int r = db_failure(db->conn, own_result, err);
        PQclear(own_result);
        return r;
    }
    if (ret_rows) {
        *ret_rows = db_rows_of(own_result);
    } else {
        PQclear(own_result);
    }
    return 0;
}

static int prepare(struct db *db, enum query_id id, struct err *err)
{
    PGresult *r = PQprepare(db->conn, query_table[id].name, query_table[id].sql, 0, NULL);
    int rc = finish(db, r, NULL, err);
    if (rc == 0) {
        db->prepared[id] = true;
    } else {
        err_prefix(err, "query %s", query_table[id].name);
    }
    return rc;
}

int db_query(struct db *db, enum query_id id, const struct db_param *params, size_t n,
             struct db_rows **ret_rows, struct err *err)
{
    if (!db->prepared[id]) {
        int r = prepare(db, id, err);
        if (r != 0) {
            return r;
        }
    }
    struct bound bound;
    buf_init(&bound.data, 0);
    bind_params(&bound, params, n);
    atomic_fetch_add_explicit(&statements, 1, memory_order_relaxed);
    PGresult *result = PQexecPrepared(db->conn, query_table[id].name, (int)n, bound.values,
                                      bound.lengths, bound.formats, 1);
    buf_done(&bound.data);
    return finish(db, result, ret_rows, err);
}

int db_query_text(struct db *db, struct str sql, const struct db_param *params, size_t n,
                  struct db_rows **ret_rows, struct err *err)
{
    struct bound bound;
    buf_init(&bound.data, 0);
    bind_params(&bound, params, n);
    char *text = mem_strndup(sql.ptr, sql.len);
    atomic_fetch_add_explicit(&statements, 1, memory_order_relaxed);
    PGresult *result =
        PQexecParams(db->conn, text, (int)n, NULL, bound.values, bound.lengths, bound.formats, 1);
    mem_free(text);
    buf_done(&bound.data);
    return finish(db, result, ret_rows, err);
}

int db_exec(struct db *db, const char *sql, struct err *err)
{
    atomic_fetch_add_explicit(&statements, 1, memory_order_relaxed);
    return finish(db, PQexec(db->conn, sql), NULL, err);
}

int db_begin(struct db *db, struct err *err)
{
    return db_exec(db, "BEGIN", err);
}

int db_begin_as(struct db *db, const struct uuid *organization, const struct uuid *customer,
                struct err *err)
{
    int r = db_begin(db, err);
    if (r == 0) {
        r = db_run(db, QUERY_SESSION_ACT_FOR, NULL, err, DB_UUID_OR_NULL(*organization),
                   DB_UUID_OR_NULL(*customer));
    }
    return r;
}

int db_commit(struct db *db, struct err *err)
{
    atomic_fetch_add_explicit(&statements, 1, memory_order_relaxed);
    PGresult *result = PQexec(db->conn, "COMMIT");
    /* COMMIT of a failed transaction answers ROLLBACK: nothing was kept. */
    if (PQresultStatus(result) == PGRES_COMMAND_OK && strcmp(PQcmdStatus(result), "COMMIT") != 0) {
        PQclear(result);
        return err_set(err, DB_E_OTHER, "db.rolled_back", "the transaction had failed before");
    }
    return finish(db, result, NULL, err);
}

void db_rollback(struct db *db)
{
    if (db_ok(db) && PQtransactionStatus(db->conn) != PQTRANS_IDLE) {
        (void)!db_exec(db, "ROLLBACK", NULL);
    }
}

int db_notification(struct db *db, char *ret_payload, size_t cap)
{
    if (!PQconsumeInput(db->conn)) {
        return -ENOTCONN;
    }
    PGnotify *n = PQnotifies(db->conn);
    if (!n) {
        return PQstatus(db->conn) == CONNECTION_OK ? 0 : -ENOTCONN;
    }
    (void)snprintf(ret_payload, cap, "%s", n->extra);
    PQfreemem(n);
    return 1;
}

void db_copy_ahead(struct db *db, const char *statement)
{
    db->copy_ahead = PQsendQuery(db->conn, statement) == 1;
}

void db_copy_forget(struct db *db)
{
    if (db->copy_ahead) {
        db->copy_ahead = false;
        PQclear(PQexec(db->conn, "")); /* libpq ends a COPY that is under way before it */
    }
}

int db_copy_in(struct db *db, const char *statement, struct str rows, struct err *err)
{
    atomic_fetch_add_explicit(&statements, 1, memory_order_relaxed);
    /* Nothing comes when another statement was run since, which has ended it. */
    PGresult *result = db->copy_ahead ? PQgetResult(db->conn) : NULL;
    db->copy_ahead = false;
    if (!result) {
        result = PQexec(db->conn, statement);
    }
    if (PQresultStatus(result) != PGRES_COPY_IN) {
        int r = db_failure(db->conn, result, err);
        PQclear(result);
        return r;
    }
    PQclear(result);
    int sent = 1;
    for (size_t at = 0; at < rows.len && sent == 1;) {
        size_t n = MIN(rows.len - at, MIB(1));
        sent = PQputCopyData(db->conn, rows.ptr + at, (int)n);
        at += n;
    }
    if (sent == 1) {
        sent = PQputCopyEnd(db->conn, NULL);
    }
    int rc = 0;
    while ((result = PQgetResult(db->conn))) {
        if (rc == 0 && PQresultStatus(result) != PGRES_COMMAND_OK) {
            rc = db_failure(db->conn, result, err);
        }
        PQclear(result);
    }
    if (rc == 0 && (sent != 1 || !db_ok(db))) {
        rc = db_failure(db->conn, NULL, err);
    }
    return rc;
}
