/* Owns the mutations of event webhooks, their secret and headers, which are kept sealed and shown
 * to nobody. On a lane thread, inside the mutation's transaction. */
#include "api/alert_input.h"
#include "api/sealed.h"
#include "domain/alert.h"

#define ENDPOINTS_MAX   50 /* of an organization: each gets a message of its own */
#define TYPES_MAX       200
#define SECRET_MAX      KIB(1)
#define DESCRIPTION_MAX KIB(16)
#define SECRET_COLUMN   "webhook_endpoint.sealed_secret"
#define HEADERS_COLUMN  "webhook_endpoint.sealed_headers"

/* NULL when they are not given. */
static int read_types(struct call *c, struct db_param *ret, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *unknown = NULL;
    struct json v = call_input(c, "eventTypes");
    *ret = DB_NULL;
    if (v.type != JSON_ARRAY) {
        return 0;
    }
    if (v.len == 0 || v.len > TYPES_MAX) {
        return call_refuse(c, "eventTypes", "At least one event type, at most %d.", TYPES_MAX);
    }
    struct str *names = arena_array(c->a, v.len, sizeof(*names));
    for (uint32_t i = 0; i < v.len; i++) {
        names[i] = json_as_str(v.items[i]);
        names[i] = names[i].ptr ? names[i] : STR("");
    }
    *ret = DB_TEXTS(names, v.len);
    int rc = db_run(c->db, QUERY_WEBHOOK_UNKNOWN_TYPE, &unknown, err, *ret);
    if (rc == 0 && db_rows_n(unknown) > 0) {
        struct str name = db_str(unknown, 0, 0);
        return call_refuse(c, "eventTypes",
                           "There is no event type \"%.*s\": webhookEventTypes lists them.",
                           (int)MIN(name.len, 100), name.ptr);
    }
    return rc;
}

static int seal_secret(struct call *c, struct db_param *ret, struct err *err)
{
    struct str secret = call_text(c, "secret", "");
    *ret = DB_NULL;
    if (secret.len > SECRET_MAX) {
        return call_refuse(c, "secret", "This field has at most %zu bytes.", SECRET_MAX);
    }
    return secret.len ? call_seal(c, SECRET_COLUMN, &c->id, json_str(secret), ret, err) : 0;
}

static int check_room(struct call *c, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    int rc = db_run(c->db, QUERY_WEBHOOK_ENDPOINT_COUNT, &rows, err);
    if (rc == 0 && db_int(rows, 0, 0) >= ENDPOINTS_MAX) {
        call_refuse(c, "input", "There are %d event webhooks already.", ENDPOINTS_MAX);
    }
    return rc;
}

int mutate_create_webhook_endpoint(struct call *c, struct err *err)
{
    struct str name, url;
    struct db_param types, secret, headers;
    c->id = uuid_v7();
    (void)call_need_text(c, "name", ALERT_NAME_MAX, &name);
    if (call_need_text(c, "url", ALERT_URL_MAX, &url)) {
        call_check_webhook_url(c, url);
    }
    (void)call_limited(c, "description", DESCRIPTION_MAX);
    int rc = check_room(c, err);
    rc = rc ? rc : read_types(c, &types, err);
    rc = rc ? rc : seal_secret(c, &secret, err);
    rc = rc ? rc : call_seal_headers(c, HEADERS_COLUMN, &headers, err);
    return rc || c->n_errors ? rc
                             : db_run(c->db, QUERY_WEBHOOK_ENDPOINT_INSERT, NULL, err,
                                      DB_UUID(c->id), DB_UUID(c->viewer.organization), DB_STR(name),
                                      DB_STR(call_text(c, "description", "")), DB_STR(url), secret,
                                      headers, call_opt_bool(c, "enabled"), types);
}

int mutate_find_webhook_endpoint(struct call *c, struct err *err)
{
    return call_find(c, "id", "WebhookEndpoint", QUERY_WEBHOOK_ENDPOINT_LOCK, &c->id, NULL, err);
}

int mutate_update_webhook_endpoint(struct call *c, struct err *err)
{
    struct db_param name = call_name(c, "name", ALERT_NAME_MAX), url = call_opt_text(c, "url");
    struct db_param description = call_limited(c, "description", DESCRIPTION_MAX);
    struct db_param types, secret, headers;
    bool has_secret = call_input(c, "secret").type == JSON_STRING;
    bool has_headers = call_input(c, "headers").type == JSON_STRING;
    if (url.type != DB_P_NULL) {
        call_check_webhook_url(c, url.bytes);
    }
    int rc = mutate_find_webhook_endpoint(c, err);
    rc = rc ? rc : read_types(c, &types, err);
    rc = rc ? rc : seal_secret(c, &secret, err);
    rc = rc ? rc : call_seal_headers(c, HEADERS_COLUMN, &headers, err);
    return rc || c->n_errors
               ? rc
               : db_run(c->db, QUERY_WEBHOOK_ENDPOINT_UPDATE, NULL, err, DB_UUID(c->id), name,
                        description, url, DB_BOOL(has_secret), secret, DB_BOOL(has_headers),
                        headers, call_opt_bool(c, "enabled"), types);
}

int mutate_delete_webhook_endpoint(struct call *c, struct err *err)
{
    return db_run(c->db, QUERY_WEBHOOK_ENDPOINT_DELETE, NULL, err, DB_UUID(c->id));
}

int mutate_test_webhook_endpoint(struct call *c, struct err *err)
{
    int rc = mutate_find_webhook_endpoint(c, err);
    return rc || c->n_errors ? rc
                             : db_run(c->db, QUERY_WEBHOOK_ENDPOINT_TEST, NULL, err, DB_UUID(c->id),
                                      DB_UUID(c->viewer.user));
}

/* raw: [id, base64 of the sealed headers or null]. */
bool resolve_webhook_headers(struct call *c, struct gql_sel *sel, struct json raw, struct json *ret)
{
    return call_masked_headers(c, sel, HEADERS_COLUMN, raw, ret);
}
