/* Owns the senders of event webhooks, each with a thread, a connection and an HTTP client. The body
 * was made when it happened and stays the same for each attempt; the signature is made when it is
 * sent, so that a secret that was changed holds from then on. */
#include "outbound/events.h"

#include "db.h"
#include "enc.h"
#include "json.h"
#include "org_key.h"
#include "outbound/post.h"
#include "outbound/rounds.h"

#define SENDERS   2 /* so that one slow receiver does not hold up everybody */
#define SIGNATURE "sha256="

enum { /* columns of webhook_delivery_claim */
       COL_ID,
       COL_ATTEMPTS,
       COL_ORGANIZATION,
       COL_EVENT,
       COL_BODY,
       COL_ENDPOINT,
       COL_URL,
       COL_SECRET,
       COL_HEADERS,
};

struct events {
    struct events_options options;
    struct event_sender {
        struct events *owner;
        struct db *db;
        struct http_client *http;
    } senders[SENDERS];
    struct rounds *rounds;
};

/* JSON; undefined when the column is NULL. */
static int open_json(struct event_sender *s, struct arena *a, const struct db_rows *row, int column,
                     const char *name, struct json *ret, struct err *err)
{
    struct uuid organization = db_uuid(row, 0, COL_ORGANIZATION);
    struct uuid endpoint = db_uuid(row, 0, COL_ENDPOINT);
    struct str plain;
    *ret = json_undefined();
    if (db_is_null(row, 0, column)) {
        return 0;
    }
    int r = org_key_open(s->db, s->owner->options.master_key, &organization, name, &endpoint,
                         db_str(row, 0, column), a, &plain, err);
    return r ? r : json_parse(a, plain, ret, err);
}

static struct str sign(struct arena *a, struct str secret, struct str body)
{
    uint8_t mac[32];
    char *text = arena_alloc(a, sizeof(SIGNATURE) + 2 * sizeof(mac));
    memcpy(text, SIGNATURE, sizeof(SIGNATURE));
    secret_hmac_sha256(secret, body, mac);
    (void)enc_hex(str_n((const char *)mac, sizeof(mac)), text + strlen(SIGNATURE),
                  2 * sizeof(mac) + 1);
    return str_of(text);
}

static int send_one(struct event_sender *s, struct arena *a, const struct db_rows *row,
                    struct err *err)
{
    struct json secret, headers;
    struct str body = db_str(row, 0, COL_BODY);
    char id[UUID_TEXT_LEN + 1];
    struct uuid delivery = db_uuid(row, 0, COL_ID);
    int r = open_json(s, a, row, COL_SECRET, "webhook_endpoint.sealed_secret", &secret, err);
    r = r ? r : open_json(s, a, row, COL_HEADERS, "webhook_endpoint.sealed_headers", &headers, err);
    if (r != 0) {
        return r;
    }
    uuid_format(&delivery, id);
    struct http_header more[] = {
        {.name = STR("X-Webhook-Event"), .value = db_str(row, 0, COL_EVENT)},
        {.name = STR("X-Webhook-Delivery"), .value = str_of(id)},
        {.name = STR("X-Webhook-Signature")},
    };
    bool is_signed = secret.type == JSON_STRING;
    if (is_signed) {
        more[2].value = sign(a, json_as_str(secret), body);
    }
    return post_send(s->http, a,
                     &(struct post){.url = db_str(row, 0, COL_URL),
                                    .headers = headers,
                                    .more = more,
                                    .n_more = ARRAY_LEN(more) - !is_signed,
                                    .body = body},
                     err);
}

static int record(struct event_sender *s, const struct db_rows *row, int sent,
                  const struct err *why, struct err *err)
{
    struct uuid id = db_uuid(row, 0, COL_ID);
    int64_t attempts = db_int(row, 0, COL_ATTEMPTS);
    return sent == 0 ? db_run(s->db, QUERY_WEBHOOK_DELIVERY_DONE, NULL, err, DB_UUID(id))
                     : db_run(s->db, QUERY_WEBHOOK_DELIVERY_FAILED, NULL, err, DB_UUID(id),
                              DB_I64(attempts), DB_TEXT(why->message),
                              DB_I64(post_retry_s(attempts, why)));
}

static int send_once(void *arg, bool *ret_more, struct err *err)
{
    AUTO(arena_free) struct arena *a = arena_new(KIB(16), MIB(16));
    AUTO(db_rows_free) struct db_rows *row = NULL;
    struct event_sender *s = arg;
    struct err why = {0};
    int r = db_ensure(&s->db, s->owner->options.conninfo, "leat events", err);
    r = r ? r : db_run(s->db, QUERY_WEBHOOK_DELIVERY_CLAIM, &row, err, DB_I64(POST_CLAIM_S));
    if (r != 0 || db_rows_n(row) == 0) {
        return r;
    }
    *ret_more = true;
    int sent = send_one(s, a, row, &why);
    return record(s, row, sent, &why, err);
}

struct events *events_new(const struct events_options *options)
{
    struct events *s = mem_new(struct events);
    s->options = *options;
    s->rounds = rounds_new();
    for (int i = 0; i < SENDERS; i++) {
        s->senders[i] = (struct event_sender){.owner = s, .http = post_client(options->policy)};
        rounds_add(s->rounds, &(struct rounds_task){.name = "event-sender",
                                                    .trouble = "event webhooks are not sent",
                                                    .once = send_once,
                                                    .arg = &s->senders[i]});
    }
    return s;
}

int events_start(struct events *s)
{
    return rounds_start(s->rounds);
}

void events_stop(struct events *s)
{
    rounds_stop(s->rounds);
}

struct events *events_free(struct events *s)
{
    if (s) {
        rounds_free(s->rounds);
        for (int i = 0; i < SENDERS; i++) {
            db_close(s->senders[i].db);
            http_client_free(s->senders[i].http);
        }
        mem_free(s);
    }
    return NULL;
}
