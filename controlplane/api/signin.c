/* Owns the endpoints of sessions. On a lane thread; hashing a password is work that only a few may
 * do at once. What is refused is told in the same words and takes the same time, whoever it was
 * about. Tokens and passwords are in no log. */
#include "api/signin_priv.h"

#include "api/limiter.h"
#include "api/token_cache.h"
#include "clock.h"
#include "domain/access_token.h"
#include "domain/password.h"
#include "enc.h"
#include "log.h"

#define EMAIL_MAX        320
#define TRIES_OF_ADDRESS 100 /* in a window, of all accounts */
#define TRIES_OF_BOTH    10  /* of one account from one address */
#define TRIES_OF_ACCOUNT 100 /* of one account from anywhere */
#define REFRESHES        300 /* of one address */
#define REFRESH_PREFIX   "leat_r_"

static struct str field(const struct signin *s, const char *name)
{
    struct json v = json_get(s->body, str_of(name));
    return v.type == JSON_STRING ? json_as_str(v) : str_n("", 0);
}

void signin_refuse(struct signin *s, int status, const char *code, const char *words)
{
    reply_error(s->reply, status, code, "%s", words);
}

void signin_store_failed(struct signin *s, const struct err *err)
{
    log_error("sign-in statement failed", LOG_STR("error", err->message));
    signin_refuse(s, 503, "signin.unavailable", "The database cannot be reached.");
}

/* False and 429 when there were too many tries. */
static bool may_try(struct signin *s, const char *kind, struct str subject, int most)
{
    char seconds[16];
    int wait = limiter_take(s->api->limiter, kind, subject, most, clock_mono_ns());
    if (wait > 0) {
        signin_refuse(s, 429, "signin.too_many", "Too many tries: wait a while.");
        snprintf(seconds, sizeof(seconds), "%d", wait);
        (void)reply_header(s->reply, STR("Retry-After"), str_of(seconds));
    }
    return wait == 0;
}

/* False and 503 when as many wait for their turn as may. */
static bool begin_work(struct signin *s)
{
    bool ok = work_gate_enter(s->api->passwords);
    if (!ok) {
        signin_refuse(s, 503, "signin.busy", "Too many people sign in at this moment: try again.");
        (void)reply_header(s->reply, STR("Retry-After"), STR("1"));
    }
    return ok;
}

struct db_param signin_digest(struct signin *s, struct str token)
{
    uint8_t *digest = arena_alloc(s->a, 32);
    secret_sha256(token, digest);
    return DB_BYTES(str_n((const char *)digest, 32));
}

void signin_random(const char *prefix, char ret[SIGNIN_RANDOM_MAX])
{
    uint8_t random[32];
    secret_random(random, sizeof(random));
    memcpy(ret, prefix, strlen(prefix) + 1);
    (void)enc_base64url(str_n((const char *)random, sizeof(random)), ret + strlen(prefix),
                        SIGNIN_RANDOM_MAX - strlen(prefix));
}

static void answer_tokens(struct signin *s, const struct uuid *session, const struct uuid *user,
                          const struct uuid *organization, struct str refresh)
{
    AUTO(buf_done) struct buf access = {0};
    struct json_builder b;
    struct secret_key key;
    char tenant[GLOBAL_ID_MAX];
    int64_t now_s = clock_now_ns() / NS_PER_SEC;
    struct access_token token = {*session, *user, now_s, now_s + ACCESS_TOKEN_LIFE_S};
    buf_init(&access, KIB(2));
    access_token_key(&s->api->master, &key);
    access_token_write(&key, &token, &access);
    secret_key_done(&key);
    (void)global_id_format("Organization", organization, tenant);
    json_build_object(&b, s->a);
    json_append(&b, STR("access_token"), json_str(buf_str(&access)));
    json_append(&b, STR("token_type"), json_cstr("Bearer"));
    json_append(&b, STR("expires_in"), json_num(ACCESS_TOKEN_LIFE_S));
    json_append(&b, STR("refresh_token"), json_str(refresh));
    json_append(&b, STR("tenant_id"), json_cstr(tenant));
    json_dump(&s->reply->body, json_built(&b));
}

void signin_begin(struct signin *s, const struct uuid *user, const struct uuid *organization,
                  bool rotates)
{
    struct err err = {0};
    char refresh[SIGNIN_RANDOM_MAX];
    struct uuid session = uuid_v7();
    signin_random(REFRESH_PREFIX, refresh);
    if (db_run(s->db, QUERY_SIGNIN_SESSION_BEGIN, NULL, &err, DB_UUID(session), DB_UUID(*user),
               signin_digest(s, str_of(refresh)), DB_BOOL(rotates),
               DB_STR(s->request->address)) != 0) {
        signin_store_failed(s, &err);
        return;
    }
    answer_tokens(s, &session, user, organization, str_of(refresh));
}

/* Counts a try of an account; false when it may not be made. */
static bool may_try_account(struct signin *s, struct str email, struct str both)
{
    return may_try(s, "address", s->request->address, TRIES_OF_ADDRESS) &&
           may_try(s, "both", both, TRIES_OF_BOTH) &&
           may_try(s, "account", email, TRIES_OF_ACCOUNT);
}

/* For the audit log. Whoever is not known takes the same way there. */
static void tell_refused(struct signin *s, struct uuid user)
{
    struct err err = {0};
    if (db_run(s->db, QUERY_AUDIT_SIGNIN_REFUSED, NULL, &err, DB_UUID(user),
               DB_STR(s->request->address)) != 0) {
        log_warn("a refused sign-in is not in the audit log", LOG_STR("error", err.message));
    }
}

bool signin_check(struct signin *s, struct str email, struct str password, struct str tenant,
                  struct uuid *ret_user, struct uuid *ret_organization)
{
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    struct err err = {0};
    email = str_trim(email);
    struct uuid organization = {{0}};
    if (email.len == 0 || email.len > EMAIL_MAX || password.len == 0 ||
        password.len > PASSWORD_MAX_BYTES || memchr(email.ptr, 0, email.len) ||
        !str_utf8_valid(email)) {
        signin_refuse(s, 400, "signin.bad_request", "Give \"email\" and \"password\".");
        return false;
    }
    struct str both =
        str_of(arena_printf(s->a, "%.*s %.*s", (int)email.len, email.ptr,
                            (int)MIN(s->request->address.len, 64), s->request->address.ptr));
    bool in_one = tenant.len > 0 && global_id_parse(tenant, "Organization", &organization);
    if (!may_try_account(s, email, both)) {
        return false;
    }
    if (db_run(s->db, QUERY_SIGNIN_PASSWORD_OF, &rows, &err, DB_STR(email),
               DB_UUID_OR_NULL(organization)) != 0) {
        signin_store_failed(s, &err);
        return false;
    }
    if (!begin_work(s)) {
        return false;
    }
    bool found = db_rows_n(rows) > 0 && (tenant.len == 0 || in_one);
    struct str hash = found ? db_str(rows, 0, 2) : str_of(password_nobodys);
    bool right = password_verify(arena_strndup(s->a, hash.ptr, hash.len), password);
    work_gate_leave(s->api->passwords);
    if (!found || !right) {
        tell_refused(s, found ? db_uuid(rows, 0, 0) : organization);
        signin_refuse(s, 401, "signin.refused", "The email address or the password is wrong.");
        return false;
    }
    limiter_give_back(s->api->limiter, "address", s->request->address);
    limiter_forgive(s->api->limiter, "both", both);
    limiter_forgive(s->api->limiter, "account", email);
    *ret_user = db_uuid(rows, 0, 0);
    *ret_organization = db_uuid(rows, 0, 1);
    return true;
}

static void handle_login(struct signin *s)
{
    struct uuid user, organization;
    if (signin_check(s, field(s, "email"), field(s, "password"), field(s, "organization"), &user,
                     &organization)) {
        signin_begin(s, &user, &organization, json_get(s->body, STR("rotate")).type != JSON_FALSE);
    }
}

/* The tokens of a session again; false when the refresh token holds no more. */
static bool refresh(struct signin *s, struct str token)
{
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    struct err err = {0};
    char fresh[SIGNIN_RANDOM_MAX];
    signin_random(REFRESH_PREFIX, fresh);
    if (db_run(s->db, QUERY_SIGNIN_SESSION_REFRESH, &rows, &err, signin_digest(s, token),
               signin_digest(s, str_of(fresh)), DB_STR(s->request->address)) != 0) {
        signin_store_failed(s, &err);
        return true;
    }
    if (db_rows_n(rows) == 0) {
        return false;
    }
    if (db_bool(rows, 0, 3)) {
        log_warn("a refresh token was used twice: its session is ended");
        token_cache_clear(s->api->tokens);
        return false;
    }
    struct uuid session = db_uuid(rows, 0, 0), user = db_uuid(rows, 0, 1);
    struct uuid organization = db_uuid(rows, 0, 2);
    answer_tokens(s, &session, &user, &organization, db_bool(rows, 0, 4) ? str_of(fresh) : token);
    return true;
}

/* The refresh token of a request; false and 400 without one. */
static bool need_refresh_token(struct signin *s, struct str *ret)
{
    *ret = field(s, "refresh_token");
    if (ret->len == 0 || ret->len > SIGNIN_TOKEN_MAX) {
        signin_refuse(s, 400, "signin.bad_request", "Give \"refresh_token\".");
        return false;
    }
    return may_try(s, "refresh", s->request->address, REFRESHES);
}

static void handle_refresh(struct signin *s)
{
    struct str token;
    if (need_refresh_token(s, &token) && !refresh(s, token)) {
        signin_refuse(s, 401, "signin.refused", "The session is over: sign in again.");
    }
}

static void end_sessions(struct signin *s, bool everywhere)
{
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    struct err err = {0};
    struct str token;
    if (!need_refresh_token(s, &token)) {
        return;
    }
    if (db_run(s->db, QUERY_SIGNIN_SESSION_END, &rows, &err, signin_digest(s, token),
               DB_BOOL(everywhere), DB_STR(s->request->address)) != 0) {
        signin_store_failed(s, &err);
        return;
    }
    if (db_rows_n(rows) > 0 && db_int(rows, 0, 0) > 0) {
        token_cache_clear(s->api->tokens);
    }
    buf_adds(&s->reply->body, "{\"status\":\"ok\"}"); /* whether there was one or not */
}

static void handle_logout(struct signin *s)
{
    end_sessions(s, false);
}

static void handle_revoke(struct signin *s)
{
    end_sessions(s, true);
}

static int set_password(struct signin *s, struct str invitation, struct str password,
                        bool *ret_done, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    char hash[PASSWORD_HASH_MAX];
    int rc = password_hash(password, hash, err);
    rc = rc != 0 ? rc
                 : db_run(s->db, QUERY_SIGNIN_PASSWORD_SET, &rows, err,
                          signin_digest(s, invitation), DB_TEXT(hash), DB_STR(s->request->address));
    *ret_done = rc == 0 && !db_is_null(rows, 0, 0);
    return rc;
}

static void handle_password(struct signin *s)
{
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    struct err err = {0};
    struct str invitation = field(s, "invitation"), password = field(s, "password");
    bool done = false;
    if (invitation.len == 0 || invitation.len > SIGNIN_TOKEN_MAX) {
        signin_refuse(s, 400, "signin.bad_request", "Give \"invitation\" and \"password\".");
        return;
    }
    if (!may_try(s, "address", s->request->address, TRIES_OF_ADDRESS)) {
        return;
    }
    if (db_run(s->db, QUERY_SIGNIN_INVITATION_MAIL, &rows, &err, signin_digest(s, invitation)) !=
        0) {
        signin_store_failed(s, &err);
        return;
    }
    bool known = db_rows_n(rows) > 0 && !db_is_null(rows, 0, 0);
    if (known && password_check(password, db_str(rows, 0, 0), &err) != 0) {
        signin_refuse(s, 400, err.code, err.message);
        return;
    }
    if (known && begin_work(s)) {
        int rc = set_password(s, invitation, password, &done, &err);
        work_gate_leave(s->api->passwords);
        if (rc != 0) {
            signin_store_failed(s, &err);
            return;
        }
    } else if (known) {
        return;
    }
    if (!done) {
        signin_refuse(s, 401, "signin.refused", "The invitation is not known, or no longer good.");
        return;
    }
    token_cache_clear(s->api->tokens);
    buf_adds(&s->reply->body, "{\"status\":\"ok\"}");
}

/* What the command line client asks before it signs in. */
static void handle_meta(struct signin *s)
{
    struct json_builder b;
    struct str url = str_of(s->api->public_url);
    ptrdiff_t at = str_find(url, STR("://"), 0);
    size_t skip = at >= 0 ? (size_t)at + 3 : 0;
    json_build_object(&b, s->a);
    json_append(&b, STR("domain"), json_str(str_n(url.ptr + skip, url.len - skip)));
    json_append(&b, STR("clientId"), json_cstr(SIGNIN_CLIENT_ID));
    json_append(&b, STR("audience"), json_cstr(arena_printf(s->a, "%s/api", s->api->public_url)));
    json_dump(&s->reply->body, json_built(&b));
}

struct str signin_form(struct signin *s, struct str pairs, const char *name)
{
    return enc_form_field(s->a, pairs, name);
}

static void oauth_error(struct signin *s, int status, const char *code, const char *words)
{
    struct json_builder b;
    json_build_object(&b, s->a);
    json_append(&b, STR("error"), json_cstr(code));
    json_append(&b, STR("error_description"), json_cstr(words));
    buf_clear(&s->reply->body);
    s->reply->status = status;
    json_dump(&s->reply->body, json_built(&b));
}

static void renew(struct signin *s)
{
    struct str token = signin_form(s, s->request->body, "refresh_token");
    if (token.len == 0 || token.len > SIGNIN_TOKEN_MAX) {
        oauth_error(s, 400, "invalid_request", "There is no refresh_token.");
    } else if (!refresh(s, token)) {
        oauth_error(s, 400, "invalid_grant", "The session is over: sign in again.");
    }
}

static void handle_oauth_token(struct signin *s)
{
    struct str grant = signin_form(s, s->request->body, "grant_type");
    bool renews = str_eq(grant, STR("refresh_token"));
    if (!renews && !str_eq(grant, STR("authorization_code"))) {
        oauth_error(s, 400, "unsupported_grant_type",
                    "The kinds of grant are authorization_code and refresh_token.");
    } else if (may_try(s, "refresh", s->request->address, REFRESHES)) {
        if (renews) {
            renew(s);
        } else if (!signin_use_code(s)) {
            oauth_error(s, 400, "invalid_grant", "The code is not good: sign in again.");
        }
    }
}

static const struct endpoint {
    const char *method, *path;
    bool json; /* takes a JSON object */
    void (*handle)(struct signin *s);
} endpoints[] = {
    {"POST", "/auth/login", true, handle_login},
    {"POST", "/auth/logout", true, handle_logout},
    {"GET", "/auth/meta", false, handle_meta},
    {"POST", "/auth/password", true, handle_password},
    {"POST", "/auth/refresh", true, handle_refresh},
    {"POST", "/auth/revoke", true, handle_revoke},
    {"GET", "/authorize", false, signin_page},
    {"POST", "/authorize", false, signin_page_post},
    {"POST", "/oauth/token", false, handle_oauth_token},
    {0},
};

static bool read_body(struct signin *s)
{
    struct str body = s->request->body;
    bool ok = body.len <= SIGNIN_MAX_BODY && str_utf8_valid(body) &&
              json_parse(s->a, body, &s->body, NULL) == 0 && s->body.type == JSON_OBJECT;
    if (!ok) {
        signin_refuse(s, 400, "signin.bad_request", "The body must be a JSON object.");
    }
    return ok;
}

void signin_handle(struct api *api, struct db *db, const struct signin_request *request,
                   struct reply *reply)
{
    AUTO(arena_free) struct arena *a = arena_new(KIB(16), MIB(4));
    struct signin s = {.api = api, .db = db, .a = a, .request = request, .reply = reply};
    bool path_known = false;
    (void)reply_header(reply, STR("Cache-Control"), STR("no-store"));
    for (const struct endpoint *e = endpoints; e->path; e++) {
        if (!str_eq(request->path, str_of(e->path))) {
            continue;
        }
        path_known = true;
        if (str_eq(request->method, str_of(e->method))) {
            if (!e->json || read_body(&s)) {
                e->handle(&s);
            }
            return;
        }
    }
    signin_refuse(&s, path_known ? 405 : 404, path_known ? "method" : "not_found",
                  path_known ? "The method is not allowed here." : "There is nothing here.");
}
