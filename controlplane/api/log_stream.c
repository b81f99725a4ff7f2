/* Owns the mutations of external log streams, and what is shown of their headers, which are kept
 * sealed since they hold credentials: the names only. On a lane thread, inside the request's
 * transaction. */
#include "api/alert_input.h"
#include "api/sealed.h"
#include "domain/alert.h"
#include "domain/log_template.h"

#define SEALED_COLUMN "external_log_stream.sealed_headers"
#define STREAMS_MAX   20 /* an organization */

static const char *const levels[] = {"trace", "debug", "info", "warn", "error", "fatal", "metric"};

static void check_template(struct call *c)
{
    struct err err = {0};
    if (log_template_check(call_text(c, "payloadTemplate", ""), &err) != 0) {
        call_refuse(c, "payloadTemplate", "%s", err.message);
    }
}

/* By id, else by name; -1 = there is none. */
static int level_of(struct json level)
{
    struct json id = json_get(level, STR("id"));
    struct str name = json_as_str(json_get(level, STR("name")));
    int n = (int)ARRAY_LEN(levels);
    if (id.type == JSON_NUMBER) {
        return id.num >= 0 && id.num < n ? (int)id.num : -1;
    }
    int i = 0;
    while (i < n && !str_eq_ci(name, str_of(levels[i]))) {
        i++;
    }
    return i < n ? i : -1;
}

/* The levels as a parameter; NULL when the field is absent. */
static struct db_param severities(struct call *c)
{
    static const char *const digits[] = {"0", "1", "2", "3", "4", "5", "6"};
    struct json list = call_input(c, "severityLevels");
    bool chosen[ARRAY_LEN(levels)] = {false};
    if (list.type != JSON_ARRAY) {
        return DB_NULL;
    }
    for (uint32_t i = 0; i < list.len; i++) {
        int level = level_of(list.items[i]);
        if (level < 0) {
            call_refuse(c, "severityLevels",
                        "There is no such level: logSeverityLevels lists them.");
            return DB_NULL;
        }
        chosen[level] = true;
    }
    struct str *items = arena_array(c->a, ARRAY_LEN(levels), sizeof(*items));
    size_t n = 0;
    for (size_t i = 0; i < ARRAY_LEN(levels); i++) {
        if (chosen[i]) {
            items[n++] = str_of(digits[i]);
        }
    }
    return DB_TEXTS(items, n);
}

static int check_count(struct call *c, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    int rc = db_run(c->db, QUERY_API_LOG_STREAM_COUNT, &rows, err);
    return rc == 0 && db_int(rows, 0, 0) >= STREAMS_MAX
               ? call_refuse(c, "name", "There are %d log streams: that is the most.", STREAMS_MAX)
               : rc;
}

int mutate_create_external_log_stream(struct call *c, struct err *err)
{
    struct str name, url, template;
    struct db_param headers, levels_given = severities(c);
    c->id = uuid_v7();
    (void)call_need_text(c, "name", ALERT_NAME_MAX, &name);
    if (call_need_text(c, "url", ALERT_URL_MAX, &url)) {
        call_check_webhook_url(c, call_text(c, "url", ""));
    }
    if (call_need_text(c, "payloadTemplate", ALERT_TEMPLATE_MAX, &template)) {
        check_template(c);
    }
    int rc = check_count(c, err);
    rc = rc ? rc : call_seal_headers(c, SEALED_COLUMN, &headers, err);
    return rc || c->n_errors
               ? rc
               : db_run(c->db, QUERY_API_LOG_STREAM_INSERT, NULL, err, DB_UUID(c->id),
                        DB_UUID(c->viewer.organization), DB_STR(name), DB_STR(url), headers,
                        DB_STR(call_text(c, "payloadTemplate", "")),
                        levels_given.type == DB_P_NULL ? DB_TEXTS(NULL, 0) : levels_given);
}

int mutate_find_external_log_stream(struct call *c, struct err *err)
{
    return call_find(c, "id", "ExternalLogStream", QUERY_API_LOG_STREAM_LOCK, &c->id, NULL, err);
}

int mutate_update_external_log_stream(struct call *c, struct err *err)
{
    struct db_param name = call_name(c, "name", ALERT_NAME_MAX), url = call_opt_text(c, "url"),
                    headers, levels_given = severities(c);
    bool headers_given = call_input(c, "headers").type == JSON_STRING;
    struct str text;
    if (url.type != DB_P_NULL && call_need_text(c, "url", ALERT_URL_MAX, &text)) {
        call_check_webhook_url(c, call_text(c, "url", ""));
    }
    struct db_param template = call_opt_text(c, "payloadTemplate");
    if (template.type != DB_P_NULL &&
        call_need_text(c, "payloadTemplate", ALERT_TEMPLATE_MAX, &text)) {
        check_template(c);
    }
    int rc = mutate_find_external_log_stream(c, err);
    rc = rc ? rc : call_seal_headers(c, SEALED_COLUMN, &headers, err);
    return rc || c->n_errors
               ? rc
               : db_run(c->db, QUERY_API_LOG_STREAM_UPDATE, NULL, err, DB_UUID(c->id), name, url,
                        DB_BOOL(headers_given), headers, template, levels_given);
}

int mutate_delete_external_log_stream(struct call *c, struct err *err)
{
    return db_run(c->db, QUERY_API_LOG_STREAM_DELETE, NULL, err, DB_UUID(c->id));
}

/* raw: [id, base64 of the sealed headers or null]. */
bool resolve_log_stream_headers(struct call *c, struct gql_sel *sel, struct json raw,
                                struct json *ret)
{
    return call_masked_headers(c, sel, SEALED_COLUMN, raw, ret);
}
