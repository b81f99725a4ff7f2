/* Owns the mutations of alert webhooks, and their headers, which are kept sealed since they hold
 * credentials. On a lane thread, inside the request's transaction. */
#include "api/alert_input.h"
#include "domain/alert.h"
#include "enc.h"
#include "org_key.h"

#define SEALED_COLUMN "alert_webhook.sealed_headers"

static void check_url(struct call *c, struct str url)
{
    if (!alert_url_valid(url)) {
        call_refuse(c, "url", "This is not an absolute http or https URL of at most %zu bytes.",
                    ALERT_URL_MAX);
    }
}

static void check_template(struct call *c)
{
    if (call_text(c, "payloadTemplate", "").len > ALERT_TEMPLATE_MAX) {
        call_refuse(c, "payloadTemplate", "This field has at most %zu bytes.", ALERT_TEMPLATE_MAX);
    }
}

/* NULL when there are none. */
static int seal_headers(struct call *c, struct db_param *ret, struct err *err)
{
    struct buf plain, sealed;
    struct str text = str_trim(call_text(c, "headers", ""));
    struct json headers;
    *ret = DB_NULL;
    if (text.len == 0) {
        return 0;
    }
    if (alert_headers_parse(c->a, text, &headers, err) != 0) {
        return call_refuse(c, "headers", "%s", err->message);
    }
    int rc = call_key(c, err);
    if (rc != 0 || headers.len == 0) {
        return rc;
    }
    buf_init(&plain, MIB(2));
    buf_init(&sealed, MIB(3));
    json_dump(&plain, headers);
    secret_seal(&c->key, buf_str(&plain), org_key_aad(c->a, SEALED_COLUMN, &c->id), &sealed);
    *ret = DB_BYTES(str_n(arena_strndup(c->a, sealed.data, sealed.len), sealed.len));
    secret_wipe(plain.data, plain.len);
    buf_done(&plain);
    buf_done(&sealed);
    return 0;
}

int mutate_create_alert_webhook(struct call *c, struct err *err)
{
    struct str name, url, template;
    struct db_param headers;
    c->id = uuid_v7();
    (void)call_need_text(c, "name", ALERT_NAME_MAX, &name);
    if (call_need_text(c, "url", ALERT_URL_MAX, &url)) {
        check_url(c, url);
    }
    (void)call_need_text(c, "payloadTemplate", ALERT_TEMPLATE_MAX, &template);
    int rc = seal_headers(c, &headers, err);
    return rc || c->n_errors
               ? rc
               : db_run(c->db, QUERY_API_ALERT_WEBHOOK_INSERT, NULL, err, DB_UUID(c->id),
                        DB_UUID(c->viewer.organization), DB_STR(name), DB_STR(url), headers,
                        DB_STR(call_text(c, "payloadTemplate", "")));
}

int mutate_find_alert_webhook(struct call *c, struct err *err)
{
    return alert_find(c, "AlertWebhook", QUERY_API_ALERT_WEBHOOK_LOCK, err);
}

int mutate_update_alert_webhook(struct call *c, struct err *err)
{
    struct db_param name = alert_new_name(c), url = call_opt_text(c, "url"), headers;
    bool headers_given = call_input(c, "headers").type == JSON_STRING;
    if (url.type != DB_P_NULL) {
        check_url(c, url.bytes);
    }
    check_template(c);
    int rc = mutate_find_alert_webhook(c, err);
    rc = rc ? rc : seal_headers(c, &headers, err);
    return rc || c->n_errors
               ? rc
               : db_run(c->db, QUERY_API_ALERT_WEBHOOK_UPDATE, NULL, err, DB_UUID(c->id), name, url,
                        DB_BOOL(headers_given), headers, call_opt_text(c, "payloadTemplate"));
}

int mutate_delete_alert_webhook(struct call *c, struct err *err)
{
    return db_run(c->db, QUERY_API_ALERT_WEBHOOK_DELETE, NULL, err, DB_UUID(c->id));
}

/* raw: [id, base64 of the sealed headers or null]. */
bool resolve_alert_headers(struct call *c, struct gql_sel *sel, struct json raw, struct json *ret)
{
    struct str sealed = json_as_str(json_at(raw, 1)), plain;
    struct uuid id;
    struct err err;
    *ret = json_null();
    if (sealed.len == 0 || !uuid_parse(json_as_str(json_at(raw, 0)), &id)) {
        return true;
    }
    uint8_t *bytes = arena_alloc(c->a, sealed.len);
    size_t len;
    bool ok = enc_base64_decode(sealed, bytes, sealed.len, &len) && call_key(c, &err) == 0 &&
              secret_open(c->a, &c->key, str_n((char *)bytes, len),
                          org_key_aad(c->a, SEALED_COLUMN, &id), &plain, &err) == 0;
    if (!ok) {
        return gql_fail(&c->rq, sel->loc, "SEALED", "A sealed value cannot be opened.");
    }
    *ret = json_str(plain);
    return true;
}
