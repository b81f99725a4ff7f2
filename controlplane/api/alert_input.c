/* Owns how the mutations of alerting read their input. On a lane thread, inside the mutation's
 * transaction. */
#include "api/alert_input.h"

#include "api/sealed.h"
#include "domain/alert.h"

const struct alert_ids alert_users = {"users", "User", QUERY_API_ALERT_USERS_FOUND};
const struct alert_ids alert_webhooks = {"webhooks", "AlertWebhook",
                                         QUERY_API_ALERT_WEBHOOKS_FOUND};
const struct alert_ids alert_groups = {"groups", "AlertGroup", QUERY_API_ALERT_GROUPS_FOUND};
const struct alert_ids alert_triggers = {"triggers", "AlertTrigger",
                                         QUERY_API_ALERT_TRIGGERS_FOUND};

static bool among(const struct uuid *ids, size_t n, const struct uuid *id)
{
    size_t i = 0;
    while (i < n && !uuid_eq(&ids[i], id)) {
        i++;
    }
    return i < n;
}

int alert_ids(struct call *c, const struct alert_ids *what, struct db_param *ret, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    struct json list = call_input(c, what->field);
    *ret = DB_NULL;
    if (list.type != JSON_ARRAY) {
        return 0;
    }
    if (list.len > ALERT_IDS_MAX) {
        return call_refuse(c, what->field, "At most %d of them.", ALERT_IDS_MAX);
    }
    struct uuid *ids = arena_array(c->a, list.len + 1, sizeof(*ids));
    size_t n = 0;
    for (uint32_t i = 0; i < list.len; i++) {
        if (!global_id_parse(json_as_str(list.items[i]), what->type, &ids[n])) {
            return call_refuse(c, what->field, "The %s does not exist.", what->type);
        }
        n += !among(ids, n, &ids[n]);
    }
    *ret = DB_UUIDS(ids, n);
    int rc = db_run(c->db, what->count, &rows, err, *ret);
    if (rc == 0 && db_int(rows, 0, 0) != (int64_t)n) {
        return call_refuse(c, what->field, "The %s does not exist.", what->type);
    }
    return rc;
}

void call_check_webhook_url(struct call *c, struct str url)
{
    if (!alert_url_valid(url)) {
        call_refuse(c, "url", "This is not an absolute http or https URL of at most %zu bytes.",
                    ALERT_URL_MAX);
    }
}

int call_seal_headers(struct call *c, const char *column, struct db_param *ret, struct err *err)
{
    struct str text = str_trim(call_text(c, "headers", ""));
    struct json headers;
    *ret = DB_NULL;
    if (text.len == 0) {
        return 0;
    }
    if (alert_headers_parse(c->a, text, &headers, err) != 0) {
        return call_refuse(c, "headers", "%s", err->message);
    }
    return headers.len ? call_seal(c, column, &c->id, headers, ret, err) : 0;
}

bool call_masked_headers(struct call *c, struct gql_sel *sel, const char *column, struct json raw,
                         struct json *ret)
{
    AUTO(buf_done) struct buf text = {0};
    struct json_builder masked;
    struct json headers;
    struct str plain;
    *ret = json_null();
    if (!call_open_raw(c, sel, column, raw, &plain)) {
        return false;
    }
    if (!plain.ptr) {
        return true;
    }
    if (json_parse(c->a, plain, &headers, NULL) != 0) {
        return gql_fail(&c->rq, sel->loc, "SEALED", "A sealed value cannot be opened.");
    }
    json_build_object(&masked, c->a);
    for (uint32_t i = 0; headers.type == JSON_OBJECT && i < headers.len; i++) {
        json_append(&masked, headers.members[i].key, json_cstr("********"));
    }
    buf_init(&text, MIB(1));
    json_dump(&text, json_built(&masked));
    *ret = json_str(str_n(arena_strndup(c->a, text.data, text.len), text.len));
    return true;
}
