/* Owns the mutations of alert webhooks, and their headers, which are kept sealed since they hold
 * credentials. On a lane thread, inside the request's transaction. */
#include "api/alert_input.h"
#include "api/sealed.h"
#include "domain/alert.h"

#define SEALED_COLUMN "alert_webhook.sealed_headers"

int mutate_create_alert_webhook(struct call *c, struct err *err)
{
    struct str name, url, template;
    struct db_param headers;
    c->id = uuid_v7();
    (void)call_need_text(c, "name", ALERT_NAME_MAX, &name);
    if (call_need_text(c, "url", ALERT_URL_MAX, &url)) {
        call_check_webhook_url(c, url);
    }
    (void)call_need_text(c, "payloadTemplate", ALERT_TEMPLATE_MAX, &template);
    int rc = call_seal_headers(c, SEALED_COLUMN, &headers, err);
    return rc || c->n_errors
               ? rc
               : db_run(c->db, QUERY_API_ALERT_WEBHOOK_INSERT, NULL, err, DB_UUID(c->id),
                        DB_UUID(c->viewer.organization), DB_STR(name), DB_STR(url), headers,
                        DB_STR(call_text(c, "payloadTemplate", "")));
}

int mutate_find_alert_webhook(struct call *c, struct err *err)
{
    return call_find(c, "id", "AlertWebhook", QUERY_API_ALERT_WEBHOOK_LOCK, &c->id, NULL, err);
}

int mutate_update_alert_webhook(struct call *c, struct err *err)
{
    struct db_param name = call_name(c, "name", ALERT_NAME_MAX), url = call_opt_text(c, "url"),
                    headers;
    bool headers_given = call_input(c, "headers").type == JSON_STRING;
    if (url.type != DB_P_NULL) {
        call_check_webhook_url(c, url.bytes);
    }
    struct db_param template = call_limited(c, "payloadTemplate", ALERT_TEMPLATE_MAX);
    int rc = mutate_find_alert_webhook(c, err);
    rc = rc ? rc : call_seal_headers(c, SEALED_COLUMN, &headers, err);
    return rc || c->n_errors
               ? rc
               : db_run(c->db, QUERY_API_ALERT_WEBHOOK_UPDATE, NULL, err, DB_UUID(c->id), name, url,
                        DB_BOOL(headers_given), headers, template);
}

int mutate_delete_alert_webhook(struct call *c, struct err *err)
{
    return db_run(c->db, QUERY_API_ALERT_WEBHOOK_DELETE, NULL, err, DB_UUID(c->id));
}

/* raw: [id, base64 of the sealed headers or null]. */
bool resolve_alert_headers(struct call *c, struct gql_sel *sel, struct json raw, struct json *ret)
{
    struct str plain;
    if (!call_open_raw(c, sel, SEALED_COLUMN, raw, &plain)) {
        return false;
    }
    *ret = plain.ptr ? json_str(plain) : json_null();
    return true;
}
