/* Owns the mutations of connections by OAuth 2.0, whatever they hang on: taking the token away and
 * bringing one from elsewhere; and keeping the rows of tokens in step with the configuration. On a
 * lane thread, inside the mutation's transaction; it asks no other server. */
#include "api/connection.h"

#include "api/input.h"
#include "api/sealed.h"
#include "clock.h"
#include "oauth2/consent.h"
#include "oauth2/exchange.h"
#include "org_key.h"

#define CLIENT_COLUMN  "connection_token.sealed_client"
#define TOKEN_COLUMN   "connection_token.sealed_token"
#define CONTEXT_COLUMN "connection_token.sealed_context"
#define EXPIRES_MAX    (10 * 365 * 86400)

static int describe(struct call *c, const struct connection_owner *o, struct json *ret,
                    struct err *err)
{
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    int rc = db_run(c->db, QUERY_CONNECTION_DESCRIBED, &rows, err,
                    DB_TEXT(o->component ? o->component : ""),
                    DB_TEXT(o->connection ? o->connection : ""));
    if (rc != 0) {
        return rc;
    }
    struct str text = db_str(rows, 0, 0);
    return json_parse(c->a, str_n(arena_strndup(c->a, text.ptr, text.len), text.len), ret, err);
}

int connection_put(struct call *c, const struct connection_owner *o, struct err *err)
{
    AUTO(buf_done) struct buf plain = {0};
    struct oauth2_client client;
    struct db_param sealed;
    struct json described;
    uint8_t digest[32];
    int rc = describe(c, o, &described, err);
    if (rc != 0) {
        return rc;
    }
    if (!oauth2_client_make(o->fields, o->var, described, &client)) {
        return db_run(c->db, QUERY_CONNECTION_TOKEN_REMOVE, NULL, err, DB_UUID(o->id));
    }
    if (!o->var) {
        client.success_url = o->success_url;
        client.failure_url = o->failure_url;
    }
    struct json all = oauth2_client_json(c->a, &client);
    rc = call_seal(c, CLIENT_COLUMN, &o->id, all, &sealed, err);
    if (rc != 0) {
        return rc;
    }
    buf_init(&plain, MIB(1));
    json_dump(&plain, all);
    secret_hmac_sha256(str_n((const char *)c->key.b, sizeof(c->key.b)), buf_str(&plain), digest);
    secret_wipe(plain.data, plain.len);
    return db_run(c->db, QUERY_CONNECTION_TOKEN_PUT, NULL, err, DB_UUID(o->id),
                  DB_UUID(c->viewer.organization), DB_TEXT(o->kind),
                  DB_TEXT(oauth2_grant_names[client.grant]),
                  DB_BYTES(str_n((const char *)digest, sizeof(digest))), sealed);
}

/* --- what they hang on ------------------------------------------------------------------------ */

enum { COL_ID, COL_GRANT, COL_CLIENT, COL_TOKEN };
static const char only_oauth2[] = "This is no connection by OAuth 2.0 of its own.";

/* Sets c->id and reads its token's row, locked; an error on "id" when there is none. */
static int find(struct call *c, const char *type, enum query_id query, struct db_rows **ret,
                struct err *err)
{
    int rc = call_find(c, "id", type, query, &c->id, ret, err);
    if (rc == 0 && c->n_errors == 0 && db_is_null(*ret, 0, COL_GRANT)) {
        call_refuse(c, "id", only_oauth2);
    }
    return rc;
}

static int disconnect(struct call *c, const char *type, enum query_id query, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *row = NULL;
    int rc = find(c, type, query, &row, err);
    return rc || c->n_errors
               ? rc
               : db_run(c->db, QUERY_CONNECTION_TOKEN_DISCONNECT, NULL, err, DB_UUID(c->id));
}

/* --- tokens from elsewhere -------------------------------------------------------------------- */

static const char *status_of(struct call *c)
{
    static const char *const known[] = {"active", "pending", "error", "failed"};
    struct str given = call_text(c, "status", "active");
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (str_eq_ci(given, str_of(known[i]))) {
            return known[i];
        }
    }
    call_refuse(c, "status", "The status is ACTIVE, PENDING, ERROR or FAILED.");
    return NULL;
}

/* The JSON text of an object in a field; undefined without. */
static struct json object_of(struct call *c, const char *field)
{
    struct json v = json_undefined();
    struct str text = call_text(c, field, "");
    if (text.len > 0 && (text.len > OAUTH2_ANSWER_MAX || json_parse(c->a, text, &v, NULL) < 0 ||
                         v.type != JSON_OBJECT)) {
        call_refuse(c, field, "This field is the JSON text of an object of at most 64 KB.");
    }
    return v;
}

/* What is given over what there is. */
static struct json merge_token(struct call *c, struct json before)
{
    static const struct {
        const char *input, *name;
    } fields[] = {{"accessToken", "access_token"},
                  {"refreshToken", "refresh_token"},
                  {"expiresIn", "expires_in"},
                  {"tokenType", "token_type"}};
    struct json more = object_of(c, "additionalTokenFields");
    struct json_builder b;
    json_build_object(&b, c->a);
    for (uint32_t i = 0; before.type == JSON_OBJECT && i < before.len; i++) {
        json_set(&b, before.members[i].key, before.members[i].value);
    }
    for (uint32_t i = 0; more.type == JSON_OBJECT && i < more.len; i++) {
        json_set(&b, more.members[i].key, more.members[i].value);
    }
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        struct json v = call_input(c, fields[i].input);
        if (json_as_str(v).len > OAUTH2_ANSWER_MAX) {
            call_refuse(c, fields[i].input, "This field has at most 64 KB.");
        } else if (!json_is_nullish(v)) {
            json_set(&b, str_of(fields[i].name), v);
        }
    }
    return json_built(&b);
}

static bool gives_token(struct call *c)
{
    static const char *const fields[] = {"accessToken", "refreshToken", "expiresIn", "tokenType",
                                         "additionalTokenFields"};
    bool any = false;
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        any = any || !json_is_nullish(call_input(c, fields[i]));
    }
    return any;
}

static int open_row(struct call *c, const struct db_rows *row, struct oauth2_client *ret_client,
                    struct json *ret_token, struct err *err)
{
    struct json client;
    *ret_token = json_undefined();
    int rc = call_key(c, err);
    rc = rc ? rc
            : org_open_json(c->a, &c->key, CLIENT_COLUMN, &c->id, db_str(row, 0, COL_CLIENT),
                            &client, err);
    if (rc == 0 && !db_is_null(row, 0, COL_TOKEN)) {
        rc = org_open_json(c->a, &c->key, TOKEN_COLUMN, &c->id, db_str(row, 0, COL_TOKEN),
                           ret_token, err);
    }
    if (rc == 0) {
        (void)oauth2_client_read(client, ret_client);
    }
    return rc;
}

static int import_token(struct call *c, const char *type, enum query_id query, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *row = NULL;
    struct db_param token = DB_NULL, context = DB_NULL;
    struct oauth2_client client;
    struct json before;
    int64_t expires_s = -1, due_s = -1; /* as before */
    const char *status = status_of(c);
    struct json given_context = object_of(c, "context"), expires = call_input(c, "expiresIn");
    if (expires.type == JSON_NUMBER && (expires.num < 0 || expires.num > EXPIRES_MAX)) {
        call_refuse(c, "expiresIn", "This field is from 0 to %d seconds.", EXPIRES_MAX);
    }
    int rc = find(c, type, query, &row, err);
    rc = rc || c->n_errors ? rc : open_row(c, row, &client, &before, err);
    if (rc != 0 || c->n_errors > 0) {
        return rc;
    }
    if (gives_token(c)) {
        struct oauth2_token made = {.fields = merge_token(c, before)};
        made.expires_s = expires.type == JSON_NUMBER ? (int64_t)expires.num : 0;
        expires_s = made.expires_s;
        due_s = exchange_due_in(&client, &made);
        if (c->n_errors == 0) {
            rc = call_seal(c, TOKEN_COLUMN, &c->id, made.fields, &token, err);
        }
    } else if (before.type != JSON_OBJECT && strcmp(status, "active") == 0) {
        return call_refuse(c, "accessToken", "The connection has no token: give one.");
    }
    if (rc == 0 && given_context.type == JSON_OBJECT) {
        rc = call_seal(c, CONTEXT_COLUMN, &c->id, given_context, &context, err);
    }
    return rc || c->n_errors
               ? rc
               : db_run(c->db, QUERY_CONNECTION_TOKEN_IMPORT, NULL, err, DB_UUID(c->id), token,
                        context, DB_TEXT(status), DB_I64(expires_s), DB_I64(due_s),
                        call_opt_text(c, "refreshAt"));
}

int mutate_disconnect_connection(struct call *c, struct err *err)
{
    return disconnect(c, "InstanceConfigVariable", QUERY_API_CONNECTION_OF_INSTANCE, err);
}

int mutate_update_oauth2_connection(struct call *c, struct err *err)
{
    return import_token(c, "InstanceConfigVariable", QUERY_API_CONNECTION_OF_INSTANCE, err);
}

int mutate_disconnect_scoped_connection(struct call *c, struct err *err)
{
    return disconnect(c, "ScopedConfigVariable", QUERY_API_CONNECTION_OF_SCOPED, err);
}

int mutate_update_scoped_oauth2_connection(struct call *c, struct err *err)
{
    return import_token(c, "ScopedConfigVariable", QUERY_API_CONNECTION_OF_SCOPED, err);
}

int mutate_disconnect_customer_connection(struct call *c, struct err *err)
{
    return disconnect(c, "CustomerConfigVariable", QUERY_API_CONNECTION_OF_CUSTOMER, err);
}

int mutate_update_customer_oauth2_connection(struct call *c, struct err *err)
{
    return import_token(c, "CustomerConfigVariable", QUERY_API_CONNECTION_OF_CUSTOMER, err);
}

/* raw: [organization, token] or null. */
bool resolve_authorize_url(struct call *c, struct gql_sel *sel, struct json raw, struct json *ret)
{
    AUTO(buf_done) struct buf url = {0};
    struct uuid organization, token;
    *ret = json_null();
    if (c->api->consent && uuid_parse(json_as_str(json_at(raw, 0)), &organization) &&
        uuid_parse(json_as_str(json_at(raw, 1)), &token)) {
        buf_init(&url, KIB(8));
        consent_url(c->api->consent, &organization, &token, &url);
        *ret = json_str(str_n(arena_strndup(c->a, url.data, url.len), url.len));
    }
    return true;
}
