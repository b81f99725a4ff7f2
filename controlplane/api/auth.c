/* Owns telling who asks by an API token, stored as a hash and looked up by it, or by the access
 * token of a session. On a lane thread, before the organization is known. It tells nobody whether a
 * token is unknown, revoked or expired. */
#include "api/auth.h"

#include "api/token_cache.h"
#include "clock.h"
#include "domain/access_token.h"
#include "domain/jwt.h"
#include "domain/role.h"

/* From a row of organization, customer, user, role; false when there is none that is good. */
static bool read_viewer(struct call *c, const struct db_rows *rows)
{
    const struct role *role = db_rows_n(rows) ? role_find(db_str(rows, 0, 3)) : NULL;
    if (!role) {
        return false;
    }
    c->viewer.organization = db_uuid(rows, 0, 0);
    c->viewer.customer = db_is_null(rows, 0, 1) ? (struct uuid){{0}} : db_uuid(rows, 0, 1);
    c->viewer.user = db_uuid(rows, 0, 2);
    c->viewer.role = role->level;
    /* A role of the other scale would be read on the wrong one: such a row is refused. */
    return role->of_customer == !uuid_is_nil(&c->viewer.customer);
}

/* What the token may of what its user may. */
static bool narrow(struct call *c, struct str scope)
{
    if (!token_scope_parse(scope, &c->viewer.scope)) {
        return false;
    }
    if (c->viewer.scope != SCOPE_ADMIN && uuid_is_nil(&c->viewer.customer)) {
        c->viewer.role = MIN(c->viewer.role, ROLE_INTEGRATOR);
    }
    return true;
}

static int api_token(struct call *c, struct str token, bool *ret_known, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    uint8_t digest[32];
    secret_sha256(token, digest);
    int rc = db_run(c->db, QUERY_API_TOKEN_LOOKUP, &rows, err,
                    DB_BYTES(str_n((const char *)digest, sizeof(digest))));
    *ret_known = rc == 0 && read_viewer(c, rows) && narrow(c, db_str(rows, 0, 4));
    if (*ret_known) {
        c->viewer.token = db_uuid(rows, 0, 5);
    } else if (rc == 0) {
        rc = db_run(c->db, QUERY_AUDIT_TOKEN_REFUSED, NULL, err,
                    DB_BYTES(str_n((const char *)digest, sizeof(digest))), DB_STR(c->address));
    }
    return rc;
}

static int session_token(struct call *c, struct str token, bool *ret_known, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    struct token_cache *cache = c->api->tokens;
    uint64_t epoch = token_cache_epoch(cache);
    int64_t now_ns = clock_now_ns();
    struct access_token claims;
    struct secret_key key;
    uint8_t digest[32];
    secret_sha256(token, digest);
    *ret_known = token_cache_get(cache, digest, &c->viewer);
    if (*ret_known) {
        return 0;
    }
    access_token_key(&c->api->master, &key);
    bool is_signed = access_token_read(&key, token, now_ns / NS_PER_SEC, &claims);
    secret_key_done(&key);
    if (!is_signed) {
        return 0;
    }
    int rc = db_run(c->db, QUERY_SIGNIN_SESSION_LOOKUP, &rows, err, DB_UUID(claims.session));
    *ret_known = rc == 0 && read_viewer(c, rows) && uuid_eq(&c->viewer.user, &claims.user) &&
                 !role_find(db_str(rows, 0, 3))->embedded_only;
    if (*ret_known) {
        token_cache_put(cache, epoch, digest, &c->viewer,
                        claims.expires_s * 1000 - now_ns / NS_PER_MS);
    }
    return rc;
}

int auth_viewer(struct call *c, struct str authorization, bool *ret_known, struct err *words,
                struct err *err)
{
    static const struct str scheme = {"bearer ", 7};
    *ret_known = false;
    (void)err_set(words, 0, "api.unauthenticated", "A valid bearer token is needed.");
    if (authorization.len <= scheme.len || authorization.len > JWT_MAX_BYTES + scheme.len ||
        !str_eq_ci(str_n(authorization.ptr, scheme.len), scheme)) {
        return 0;
    }
    struct str token =
        str_trim(str_n(authorization.ptr + scheme.len, authorization.len - scheme.len));
    if (access_token_is(token)) {
        return session_token(c, token, ret_known, err);
    }
    return jwt_looks_like(token) ? auth_embedded(c, token, ret_known, words, err)
                                 : api_token(c, token, ret_known, err);
}
