/* Owns the threads that renew tokens, each with a connection of its own. They ask PostgreSQL now
 * and then what is due; a claim there keeps the other replicas away for as long as a request may
 * take, and one that dies gives it back so. Nothing is locked while a server is asked. */
#include "oauth2/refresher.h"

#include "clock.h"
#include "db.h"
#include "log.h"
#include "oauth2/exchange.h"
#include "org_key.h"
#include "outbound/rounds.h"

#define EVERY_MS 500
#define CLAIM_S  30 /* above EXCHANGE_MS */
#define THREADS  2  /* so that one slow server does not hold up everybody */

enum { COL_ID, COL_ORGANIZATION, COL_LEASE, COL_ATTEMPTS, COL_CLIENT, COL_TOKEN };

struct refresher {
    struct refresher_options options;
    char *conninfo;
    struct renewer {
        struct refresher *owner;
        struct db *db;
    } renewers[THREADS];
    struct rounds *rounds;
};

/* What is asked, of whom; the token before is undefined when there is none. */
static int open_row(struct renewer *own, struct arena *a, const struct db_rows *row,
                    struct secret_key *key, struct oauth2_client *ret_client,
                    struct json *ret_before, struct err *err)
{
    struct uuid id = db_uuid(row, 0, COL_ID), organization = db_uuid(row, 0, COL_ORGANIZATION);
    struct json client;
    *ret_before = json_undefined();
    int r = org_key_get(own->db, own->owner->options.master_key, &organization, key, err);
    r = r ? r
          : org_open_json(a, key, "connection_token.sealed_client", &id, db_str(row, 0, COL_CLIENT),
                          &client, err);
    if (r == 0 && !db_is_null(row, 0, COL_TOKEN)) {
        r = org_open_json(a, key, "connection_token.sealed_token", &id, db_str(row, 0, COL_TOKEN),
                          ret_before, err);
    }
    if (r == 0 && !oauth2_client_read(client, ret_client)) {
        r = err_set(err, -EINVAL, "oauth2.client", "The connection cannot be read.");
    }
    return r;
}

static int renew(struct renewer *own, struct arena *a, const struct db_rows *row, struct str *ret,
                 int64_t *ret_expires, int64_t *ret_due, struct err *why)
{
    struct secret_key key = {{0}};
    struct oauth2_client client;
    struct oauth2_token token;
    struct json before;
    struct uuid id = db_uuid(row, 0, COL_ID);
    int r = open_row(own, a, row, &key, &client, &before, why);
    struct oauth2_ask ask = {.refresh_token = json_as_str(json_get(before, STR("refresh_token")))};
    if (r != 0 && r != -EBADMSG && r != -EINVAL) {
        why->retryable = true;
    }
    if (r == 0 && client.grant == OAUTH2_CODE && ask.refresh_token.len == 0) {
        r = err_set(why, -EKEYEXPIRED, "oauth2.expired",
                    "The token has expired and the server gave none to renew it with: authorize "
                    "the connection again.");
    }
    r = r ? r : exchange_ask(own->owner->options.policy, a, &client, &ask, before, &token, why);
    if (r == 0) {
        *ret_expires = token.expires_s;
        *ret_due = exchange_due_in(&client, &token);
        r = org_seal_json(a, &key, "connection_token.sealed_token", &id, token.fields, ret, why);
    }
    secret_key_done(&key);
    return r;
}

static int record_failure(struct renewer *own, const struct db_rows *row, const struct err *why,
                          struct err *err)
{
    AUTO(db_rows_free) struct db_rows *tripped = NULL;
    char id[UUID_TEXT_LEN + 1];
    struct uuid token = db_uuid(row, 0, COL_ID);
    uint32_t random;
    secret_random(&random, sizeof(random));
    int64_t wait_s = oauth2_retry_in(db_int(row, 0, COL_ATTEMPTS), why->retryable, random);
    uuid_format(&token, id);
    log_warn("a token was not renewed", LOG_STR("connection", id), LOG_STR("error", why->message),
             LOG_INT("again_s", wait_s));
    return db_run(own->db, QUERY_CONNECTION_TOKEN_NOT_RENEWED, &tripped, err, DB_UUID(token),
                  DB_UUID(db_uuid(row, 0, COL_LEASE)), DB_TEXT(why->message), DB_I64(wait_s));
}

static int renew_one(void *arg, bool *ret_found, struct err *err)
{
    struct renewer *own = arg;
    AUTO(arena_free) struct arena *a = arena_new(KIB(16), MIB(16));
    AUTO(db_rows_free) struct db_rows *row = NULL;
    struct err why = {0};
    struct str sealed;
    int64_t expires_s = 0, due_s = 0;
    *ret_found = false;
    int r = db_ensure(&own->db, own->owner->conninfo, "leat tokens", err);
    r = r ? r : db_run(own->db, QUERY_CONNECTION_TOKEN_CLAIM, &row, err, DB_I64(CLAIM_S));
    if (r != 0 || db_rows_n(row) == 0) {
        return r;
    }
    *ret_found = true;
    if (renew(own, a, row, &sealed, &expires_s, &due_s, &why) != 0) {
        return record_failure(own, row, &why, err);
    }
    return db_run(own->db, QUERY_CONNECTION_TOKEN_RENEWED, NULL, err,
                  DB_UUID(db_uuid(row, 0, COL_ID)), DB_UUID(db_uuid(row, 0, COL_LEASE)),
                  DB_BYTES(sealed), DB_I64(expires_s), DB_I64(due_s));
}

struct refresher *refresher_new(const struct refresher_options *options)
{
    struct refresher *s = mem_new(struct refresher);
    s->options = *options;
    s->conninfo = mem_strdup(options->conninfo);
    s->rounds = rounds_new();
    for (int i = 0; i < THREADS; i++) {
        s->renewers[i].owner = s;
        rounds_add(s->rounds,
                   &(struct rounds_task){.name = "tokens",
                                         .trouble = "tokens of connections are not renewed",
                                         .once = renew_one,
                                         .arg = &s->renewers[i],
                                         .every_ms = EVERY_MS});
    }
    return s;
}

int refresher_start(struct refresher *s)
{
    return rounds_start(s->rounds);
}

void refresher_stop(struct refresher *s)
{
    rounds_stop(s->rounds);
}

struct refresher *refresher_free(struct refresher *s)
{
    if (s) {
        rounds_free(s->rounds);
        for (int i = 0; i < THREADS; i++) {
            db_close(s->renewers[i].db);
        }
        mem_free(s->conninfo);
        mem_free(s);
    }
    return NULL;
}
