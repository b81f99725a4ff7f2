/* Owns one sender: its connection, its HTTP client and what a message is made of. Called on one
 * thread of alerts.c. Nothing is locked in PostgreSQL while it sends. What the other side answers
 * is kept out of the record but for its status; so are headers, which hold credentials. */
#include "alerts/sender.h"

#include "alerts/mail.h"
#include "alerts/outbound.h"
#include "clock.h"
#include "db.h"
#include "domain/alert.h"
#include "net/net_transfer.h"

#define CLAIM_S       30
#define SEND_MS       20000 /* below the claim */
#define FIRST_RETRY_S 2
#define LAST_RETRY_S  3600
#define SUBJECT       "Leat alert"

enum { /* columns of alert_delivery_claim */
       COL_ID,
       COL_ATTEMPTS,
       COL_ORGANIZATION,
       COL_EMAIL,
       COL_WEBHOOK,
       COL_URL,
       COL_HEADERS,
       COL_TEMPLATE,
       COL_MONITOR,
       COL_DETAILS,
       COL_FACTS,
       COL_EVENT,
};

struct sender {
    struct sender_options options;
    struct db *db;
    struct http_client *http;
};

struct sender *sender_new(const struct sender_options *options)
{
    struct sender *s = mem_new(struct sender);
    s->options = *options;
    s->http = http_client_new(&(struct http_client_options){
        .policy = options->policy, .max_response_bytes = OUTBOUND_RESPONSE_MAX});
    return s;
}

struct sender *sender_free(struct sender *s)
{
    if (s) {
        db_close(s->db);
        http_client_free(s->http);
        mem_free(s);
    }
    return NULL;
}

static struct json facts_of(struct sender *s, struct arena *a, const struct db_rows *row)
{
    struct json stored = {0}, all;
    struct json_builder b;
    struct err ignored;
    char id[GLOBAL_ID_MAX];
    struct uuid monitor = db_uuid(row, 0, COL_MONITOR);
    json_build_object(&b, a);
    if (json_parse(a, db_str(row, 0, COL_FACTS), &stored, &ignored) == 0 &&
        stored.type == JSON_OBJECT) {
        for (uint32_t i = 0; i < stored.len; i++) {
            json_append(&b, stored.members[i].key, stored.members[i].value);
        }
    }
    global_id_format("AlertMonitor", &monitor, id);
    json_set(&b, STR("SUBJECT"), json_cstr(SUBJECT));
    json_set(&b, STR("DETAILS"), json_str(db_str(row, 0, COL_DETAILS)));
    json_set(&b, STR("URL"),
             json_cstr(arena_printf(a, "%s/alert-monitors/%s", s->options.public_url, id)));
    all = json_built(&b);
    return all;
}

/* --- webhooks --------------------------------------------------------------------------------- */

static int send_webhook(struct sender *s, struct arena *a, const struct db_rows *row,
                        struct err *err)
{
    AUTO(buf_done) struct buf body = {0};
    struct json ignored;
    struct err syntax;
    if (db_is_null(row, 0, COL_WEBHOOK)) {
        return err_set(err, -ENOENT, "alert.webhook", "The webhook was deleted.");
    }
    buf_init(&body, ALERT_BODY_MAX);
    alert_template_fill(a, db_str(row, 0, COL_TEMPLATE), facts_of(s, a, row), &body);
    if (body.full) {
        return err_set(err, -EMSGSIZE, "alert.body", "The body is larger than %zu bytes.",
                       ALERT_BODY_MAX);
    }
    struct outbound to = {.http = s->http,
                          .db = s->db,
                          .master_key = s->options.master_key,
                          .organization = db_uuid(row, 0, COL_ORGANIZATION),
                          .row = db_uuid(row, 0, COL_WEBHOOK),
                          .column = "alert_webhook.sealed_headers",
                          .url = db_str(row, 0, COL_URL),
                          .body = buf_str(&body),
                          .is_json = json_parse(a, buf_str(&body), &ignored, &syntax) == 0,
                          .deadline_ns = clock_mono_ns() + SEND_MS * NS_PER_MS};
    if (!db_is_null(row, 0, COL_HEADERS)) {
        to.sealed_headers = db_str(row, 0, COL_HEADERS);
    }
    return outbound_post(&to, a, err);
}

/* --- e-mail ----------------------------------------------------------------------------------- */

static void write_text(struct json facts, struct buf *to)
{
    static const struct {
        const char *label;
        struct str fact;
    } lines[] = {{"Monitor", STR("NAME")},
                 {"Trigger", STR("TRIGGER")},
                 {"Instance", STR("INSTANCE")},
                 {"Customer", STR("CUSTOMER")},
                 {"Flow", STR("FLOW")},
                 {"Step", STR("STEP")},
                 {"Execution", STR("EXECUTION_ID")},
                 {"Link", STR("URL")}};
    buf_add_str(to, json_as_str(json_get(facts, STR("DETAILS"))));
    buf_adds(to, "\n\n");
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        struct str fact = json_as_str(json_get(facts, lines[i].fact));
        if (fact.len > 0) {
            buf_addf(to, "%s: %.*s\n", lines[i].label, (int)fact.len, fact.ptr);
        }
    }
}

static int send_mail(struct sender *s, struct arena *a, const struct db_rows *row, struct err *err)
{
    AUTO(buf_done) struct buf text = {0}, message = {0};
    struct str to = db_str(row, 0, COL_EMAIL), from = str_of(s->options.mail_from);
    struct net_server server = *s->options.smtp;
    struct net_transferred done;
    if (server.host.len == 0) {
        return err_set(err, -EINVAL, "alert.mail",
                       "E-mail cannot be sent: no SMTP server is configured.");
    }
    if (!mail_address_valid(to)) {
        return err_set(err, -EINVAL, "alert.mail", "The address cannot be sent to.");
    }
    buf_init(&text, KIB(64));
    buf_init(&message, KIB(128));
    struct json facts = facts_of(s, a, row);
    write_text(facts, &text);
    struct str trigger = json_as_str(json_get(facts, STR("TRIGGER")));
    struct mail mail = {
        .from = from,
        .to = to,
        .subject = str_of(arena_printf(a, SUBJECT ": %.*s", (int)trigger.len, trigger.ptr)),
        .text = buf_str(&text),
        .id = db_uuid(row, 0, COL_ID),
        .time_ns = clock_now_ns()};
    mail_write(&mail, &message);
    server.deadline_ns = clock_mono_ns() + SEND_MS * NS_PER_MS;
    struct net_transfer transfer = {
        .mail_from = from, .mail_to = &to, .n_mail_to = 1, .data = buf_str(&message)};
    int r = net_transfer(&server, &transfer, a, &done, err);
    err->retryable = r != 0; /* also what the operator may set right: the login, the certificate */
    return r;
}

/* --- one message ------------------------------------------------------------------------------ */

/* Seconds until the next try; 0 = there is none. */
static int64_t next_try(int64_t attempts, const struct err *why)
{
    int64_t wait = FIRST_RETRY_S;
    for (int64_t i = 1; i < attempts && wait < LAST_RETRY_S; i++) {
        wait *= 4;
    }
    return why->retryable && attempts < SENDER_ATTEMPTS ? MIN(wait, LAST_RETRY_S) : 0;
}

static int record(struct sender *s, const struct db_rows *row, int sent, const struct err *why,
                  struct err *err)
{
    struct uuid id = db_uuid(row, 0, COL_ID);
    int64_t attempts = db_int(row, 0, COL_ATTEMPTS);
    return sent == 0
               ? db_run(s->db, QUERY_ALERT_DELIVERY_DONE, NULL, err, DB_UUID(id))
               : db_run(s->db, QUERY_ALERT_DELIVERY_FAILED, NULL, err, DB_UUID(id),
                        DB_I64(attempts), DB_TEXT(why->message), DB_I64(next_try(attempts, why)));
}

int sender_once(struct sender *s, bool *ret_found, struct err *err)
{
    AUTO(arena_free) struct arena *a = arena_new(KIB(16), MIB(64));
    AUTO(db_rows_free) struct db_rows *row = NULL;
    struct err why = {0};
    *ret_found = false;
    int r = db_ensure(&s->db, s->options.conninfo, "leat alerts", err);
    r = r ? r : db_run(s->db, QUERY_ALERT_DELIVERY_CLAIM, &row, err, DB_I64(CLAIM_S));
    if (r != 0 || db_rows_n(row) == 0) {
        return r;
    }
    *ret_found = true;
    int sent =
        db_is_null(row, 0, COL_EMAIL) ? send_webhook(s, a, row, &why) : send_mail(s, a, row, &why);
    return record(s, row, sent, &why, err);
}
