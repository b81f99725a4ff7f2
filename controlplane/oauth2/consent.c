/* Owns the two pages of consent. On a lane thread; few may wait for other servers at once, because
 * the lane is everybody's. A state is used once, whatever comes of it, and holds for the client it
 * began with only. Nothing of the request gets into a page; words of the other side are escaped. */
#include "oauth2/consent.h"

#include "api/limiter.h"
#include "clock.h"
#include "domain/oauth2.h"
#include "enc.h"
#include "http/url_signer.h"
#include "log.h"
#include "oauth2/exchange.h"
#include "org_key.h"

#define BEGIN_PATH    CONSENT_PATH "authorize/"
#define CALLBACK_PATH CONSENT_PATH "callback"
#define WAITING_MAX   2
#define STATE_LEN     43
#define PAGE_SECURITY                                                                              \
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"

struct consent {
    const struct secret_key *master_key;
    const struct address_policy *policy;
    struct url_signer signer;
    struct work_gate *gate;
    char *redirect_uri;
};

struct consent *consent_new(const struct consent_options *o)
{
    struct consent *c = mem_new(struct consent);
    struct buf uri;
    c->master_key = o->master_key;
    c->policy = o->policy;
    c->gate = work_gate_new(WAITING_MAX, 0);
    url_signer_init(&c->signer, o->master_key, "leat consent urls 1", o->public_url, BEGIN_PATH);
    buf_init(&uri, KIB(8));
    buf_adds(&uri, o->public_url);
    buf_adds(&uri, CALLBACK_PATH);
    c->redirect_uri = buf_take(&uri);
    return c;
}

struct consent *consent_free(struct consent *c)
{
    if (c) {
        url_signer_done(&c->signer);
        work_gate_free(c->gate);
        mem_free(c->redirect_uri);
        mem_free(c);
    }
    return NULL;
}

void consent_url(const struct consent *c, const struct uuid *organization, const struct uuid *token,
                 struct buf *to)
{
    const struct url_claims claims = {.ids = {*organization, *token}};
    url_signer_write(&c->signer, &claims, CONSENT_DAYS * 86400, to);
}

/* --- pages ------------------------------------------------------------------------------------ */

static void add_escaped(struct buf *to, const char *s)
{
    for (; *s; s++) {
        switch (*s) {
        case '<':
            buf_adds(to, "&lt;");
            break;
        case '>':
            buf_adds(to, "&gt;");
            break;
        case '&':
            buf_adds(to, "&amp;");
            break;
        case '"':
            buf_adds(to, "&quot;");
            break;
        default:
            buf_addc(to, *s);
        }
    }
}

static void secure(struct reply *r)
{
    (void)reply_header(r, STR("Referrer-Policy"), STR("no-referrer"));
    (void)reply_header(r, STR("Cache-Control"), STR("no-store"));
}

static void answer_page(struct reply *r, int status, const char *title, const char *words)
{
    buf_clear(&r->body);
    r->status = status;
    r->content_type = "text/html; charset=utf-8";
    (void)reply_header(r, STR("Content-Security-Policy"), STR(PAGE_SECURITY));
    secure(r);
    buf_adds(&r->body, "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>");
    add_escaped(&r->body, title);
    buf_adds(&r->body,
             "</title><meta name=\"viewport\" content=\"width=device-width\"><style>body{font:16px "
             "system-ui,sans-serif;max-width:26em;margin:4em auto}</style><h1>");
    add_escaped(&r->body, title);
    buf_adds(&r->body, "</h1><p role=\"alert\">");
    add_escaped(&r->body, words);
    buf_adds(&r->body, "</p></html>");
}

static void redirect(struct reply *r, struct str to)
{
    r->status = 303;
    if (!reply_header(r, STR("Location"), to)) {
        answer_page(r, 500, "Not connected", "The address to go to cannot be used.");
        return;
    }
    secure(r);
}

static void answer_failed(struct reply *r, int status, const char *words)
{
    answer_page(r, status, "Not connected", words);
}

static void answer_store_failed(struct reply *r, const struct err *err)
{
    log_error("a consent cannot be stored or read", LOG_STR("error", err->message));
    answer_failed(r, 503, "Not possible at this moment: try again.");
}

/* --- one request ------------------------------------------------------------------------------ */

struct visit {
    struct consent *c;
    struct db *db;
    struct arena *a;
    struct reply *reply;
    struct uuid organization, token;
    struct secret_key key; /* of the organization */
    bool has_key;
    struct str client_digest;
    struct oauth2_client client;
};

static void visit_done(struct visit *v)
{
    if (v->has_key) {
        secret_key_done(&v->key);
    }
}
DEFINE_DONE(struct visit, visit_done)

/* Reads the token's client. 1: there is none any more. */
static int load(struct visit *v, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    static const struct uuid everybody;
    struct json client;
    int r = db_begin_as(v->db, &v->organization, &everybody, err);
    r = r ? r : db_run(v->db, QUERY_CONNECTION_TOKEN_GET, &rows, err, DB_UUID(v->token));
    r = r || db_rows_n(rows) ? r : 1;
    r = r ? r : org_key_get(v->db, v->c->master_key, &v->organization, &v->key, err);
    db_rollback(v->db);
    if (r != 0) {
        return r;
    }
    v->has_key = true;
    struct str digest = db_str(rows, 0, 2);
    v->client_digest = str_n(arena_dup(v->a, digest.ptr, digest.len), digest.len);
    r = org_open_json(v->a, &v->key, "connection_token.sealed_client", &v->token,
                      db_str(rows, 0, 3), &client, err);
    return r ? r : oauth2_client_read(client, &v->client) ? 0 : 1;
}

/* Runs one statement as the organization. */
#define AS_ORGANIZATION(v, err, statement)                                                         \
    ({                                                                                             \
        static const struct uuid everybody_;                                                       \
        int rc_ = db_begin_as((v)->db, &(v)->organization, &everybody_, (err));                    \
        rc_ = rc_ ? rc_ : (statement);                                                             \
        rc_ = rc_ ? rc_ : db_commit((v)->db, (err));                                               \
        if (rc_ != 0) {                                                                            \
            db_rollback((v)->db);                                                                  \
        }                                                                                          \
        rc_;                                                                                       \
    })

static struct str random_text(struct arena *a)
{
    uint8_t random[32];
    char *text = arena_alloc(a, STATE_LEN + 1);
    secret_random(random, sizeof(random));
    size_t len = enc_base64url(str_n((const char *)random, sizeof(random)), text, STATE_LEN + 1);
    return str_n(text, len);
}

static struct db_param digest_of(struct arena *a, struct str state)
{
    uint8_t *digest = arena_alloc(a, 32);
    secret_sha256(state, digest);
    return DB_BYTES(str_n((const char *)digest, 32));
}

static int put_state(struct visit *v, struct str state, struct str verifier, struct err *err)
{
    struct str sealed;
    int r = org_seal_json(v->a, &v->key, "connection_consent.sealed_verifier", &v->token,
                          json_str(verifier), &sealed, err);
    return r ? r
             : AS_ORGANIZATION(v, err,
                               db_run(v->db, QUERY_CONNECTION_CONSENT_PUT, NULL, err,
                                      digest_of(v->a, state), DB_UUID(v->organization),
                                      DB_UUID(v->token), DB_BYTES(v->client_digest),
                                      DB_BYTES(sealed)));
}

static void handle_begin(struct visit *v, struct str signed_token)
{
    AUTO(buf_done) struct buf url = {0};
    struct err err = {0};
    struct url_claims claims;
    if (!url_signer_read(&v->c->signer, signed_token, 1, &claims) ||
        claims.expires_s < clock_now_ns() / NS_PER_SEC) {
        answer_failed(v->reply, 403, "This address is not good any more: ask for a new one.");
        return;
    }
    v->organization = claims.ids[0];
    v->token = claims.ids[1];
    int r = load(v, &err);
    if (r != 0) {
        if (r == 1) {
            answer_failed(v->reply, 404, "The connection does not exist any more.");
        } else {
            answer_store_failed(v->reply, &err);
        }
        return;
    }
    const char *lacks = v->client.grant != OAUTH2_CODE ? "The connection asks nobody for consent."
                                                       : oauth2_client_lacks(&v->client);
    if (lacks) {
        answer_failed(v->reply, 422, lacks);
        return;
    }
    struct str state = random_text(v->a), verifier = random_text(v->a);
    if (put_state(v, state, verifier, &err) != 0) {
        answer_store_failed(v->reply, &err);
        return;
    }
    buf_init(&url, OAUTH2_URL_MAX * 4);
    oauth2_consent_url(&v->client, str_of(v->c->redirect_uri), state, verifier, &url);
    redirect(v->reply, buf_str(&url));
}

/* Uses the state up; false with the page answered. */
static bool use_state(struct visit *v, struct str state, struct str *ret_verifier)
{
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    struct err err = {0};
    struct json verifier;
    int r = state.len == STATE_LEN
                ? db_run(v->db, QUERY_CONNECTION_CONSENT_USE, &rows, &err, digest_of(v->a, state))
                : 0;
    if (r == 0 && (!rows || db_rows_n(rows) == 0)) {
        answer_failed(v->reply, 400,
                      "This consent has been used already, or took longer than ten minutes: begin "
                      "again.");
        return false;
    }
    if (r == 0) {
        v->organization = db_uuid(rows, 0, 0);
        v->token = db_uuid(rows, 0, 1);
        r = load(v, &err);
    }
    if (r == 1 || (r == 0 && !secret_equal(v->client_digest, db_str(rows, 0, 2)))) {
        answer_failed(v->reply, 409, "The connection was changed meanwhile: begin again.");
        return false;
    }
    r = r ? r
          : org_open_json(v->a, &v->key, "connection_consent.sealed_verifier", &v->token,
                          db_str(rows, 0, 3), &verifier, &err);
    if (r != 0) {
        answer_store_failed(v->reply, &err);
        return false;
    }
    *ret_verifier = json_as_str(verifier);
    return true;
}

static void answer_denied(struct visit *v, const char *words)
{
    struct err err = {0};
    int r = AS_ORGANIZATION(v, &err,
                            db_run(v->db, QUERY_CONNECTION_TOKEN_DENIED, NULL, &err,
                                   DB_UUID(v->token), DB_BYTES(v->client_digest), DB_TEXT(words)));
    if (r != 0) {
        answer_store_failed(v->reply, &err);
    } else if (v->client.failure_url.len > 0) {
        redirect(v->reply, v->client.failure_url);
    } else {
        answer_failed(v->reply, 400, words);
    }
}

static void keep_token(struct visit *v, const struct oauth2_token *token)
{
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    struct err err = {0};
    struct str sealed;
    int r = org_seal_json(v->a, &v->key, "connection_token.sealed_token", &v->token, token->fields,
                          &sealed, &err);
    r = r ? r
          : AS_ORGANIZATION(v, &err,
                            db_run(v->db, QUERY_CONNECTION_TOKEN_SET, &rows, &err,
                                   DB_UUID(v->token), DB_BYTES(sealed), DB_BYTES(v->client_digest),
                                   DB_I64(token->expires_s),
                                   DB_I64(exchange_due_in(&v->client, token))));
    if (r != 0) {
        answer_store_failed(v->reply, &err);
    } else if (db_rows_n(rows) == 0) {
        answer_failed(v->reply, 409, "The connection was changed meanwhile: begin again.");
    } else if (v->client.success_url.len > 0) {
        redirect(v->reply, v->client.success_url);
    } else {
        answer_page(v->reply, 200, "Connected", "The connection works. You can close this page.");
    }
}

static void handle_callback(struct visit *v, struct str query)
{
    struct str verifier, code = enc_form_field(v->a, query, "code");
    struct str refused = enc_form_field(v->a, query, "error");
    struct oauth2_token token;
    struct err err = {0};
    if (!use_state(v, enc_form_field(v->a, query, "state"), &verifier)) {
        return;
    }
    if (refused.len > 0 || code.len == 0 || code.len > OAUTH2_CODE_MAX) {
        char words[200];
        snprintf(words, sizeof(words), "The other side did not consent: %.*s.",
                 (int)MIN(refused.len, (size_t)100),
                 refused.len ? refused.ptr : "there is no code");
        answer_denied(v, str_utf8_valid(str_of(words)) ? words : "The other side did not consent.");
        return;
    }
    struct oauth2_ask ask = {
        .code = code, .verifier = verifier, .redirect_uri = str_of(v->c->redirect_uri)};
    if (exchange_ask(v->c->policy, v->a, &v->client, &ask, json_undefined(), &token, &err) != 0) {
        log_info("a code was not exchanged for a token", LOG_STR("error", err.message));
        answer_denied(v, err.message);
        return;
    }
    keep_token(v, &token);
}

void consent_handle(struct consent *c, struct db *db, const struct lane_request *request,
                    struct reply *reply)
{
    AUTO(arena_free) struct arena *a = arena_new(KIB(16), MIB(8));
    AUTO(visit_done) struct visit v = {.c = c, .db = db, .a = a, .reply = reply};
    const size_t begin = strlen(BEGIN_PATH);
    if (str_starts(request->path, STR(BEGIN_PATH))) {
        handle_begin(&v, str_n(request->path.ptr + begin, request->path.len - begin));
    } else if (!str_eq(request->path, STR(CALLBACK_PATH))) {
        reply_error(reply, 404, "not_found", "There is nothing here.");
    } else if (!work_gate_enter(c->gate)) {
        answer_failed(reply, 503, "Too many people connect at this moment: load this page again.");
        (void)reply_header(reply, STR("Retry-After"), STR("2"));
    } else {
        handle_callback(&v, request->query);
        work_gate_leave(c->gate);
    }
}
