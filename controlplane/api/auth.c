/* Owns telling who asks by an API token: stored as a hash, looked up by it. On a lane thread,
 * before the organization is known. It tells nobody whether a token is unknown, revoked or expired.
 */
#include "api/auth.h"

#include "domain/jwt.h"

static int api_token(struct call *c, struct str token, bool *ret_known, struct err *err)
{
    uint8_t digest[32];
    bool of_customer = false;
    secret_sha256(token, digest);
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    int rc = db_run(c->db, QUERY_API_TOKEN_LOOKUP, &rows, err,
                    DB_BYTES(str_n((const char *)digest, sizeof(digest))));
    if (rc != 0 || db_rows_n(rows) == 0) {
        return rc;
    }
    c->viewer.organization = db_uuid(rows, 0, 0);
    c->viewer.customer = db_is_null(rows, 0, 1) ? (struct uuid){{0}} : db_uuid(rows, 0, 1);
    c->viewer.user = db_uuid(rows, 0, 2);
    c->viewer.role = gql_role_level(db_str(rows, 0, 3), &of_customer);
    /* A role of the other scale would be read on the wrong one: such a row is refused. */
    *ret_known = c->viewer.role > 0 && of_customer == !uuid_is_nil(&c->viewer.customer);
    return 0;
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
    return jwt_looks_like(token) ? auth_embedded(c, token, ret_known, words, err)
                                 : api_token(c, token, ret_known, err);
}
