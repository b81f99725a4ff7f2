/* Owns telling who asks by an embedded token: a JWT that an organization signed for a user of one
 * of its customers, who need not be known before. On a lane thread. What is wrong with the token's
 * form is told; whether the organization exists is not, before one of its keys has signed. A token
 * that was seen lately costs no statement. */
#include "api/auth.h"

#include "api/token_cache.h"
#include "audit.h"
#include "clock.h"
#include "domain/embedded_claims.h"
#include "domain/jwt.h"
#include "domain/role.h"
#include "domain/signing_key.h"
#include "log.h"

#define MAKE_TRIES 3 /* deadlocks, users that are deleted meanwhile */

static int verify(struct call *c, const struct jwt *jwt, const struct embedded_claims *claims,
                  bool *ret_signed, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    *ret_signed = false;
    int rc = db_run(c->db, QUERY_SIGNIN_KEYS, &rows, err, DB_UUID(claims->organization));
    for (size_t i = 0; rc == 0 && !*ret_signed && i < db_rows_n(rows); i++) {
        *ret_signed = signing_key_verify(db_str(rows, i, 0), jwt->signed_part, jwt->signature);
    }
    return rc;
}

/* For the audit log: what the first token of a user made. */
static int tell_made(struct call *c, const struct embedded_claims *claims, const char *action,
                     struct str type, const struct uuid *made, struct str name, struct err *err)
{
    return audit_add(c->db,
                     &(struct audit_entry){.organization = claims->organization,
                                           .actor_type = "embedded",
                                           .actor_name = arena_strndup(c->a, claims->subject.ptr,
                                                                       claims->subject.len),
                                           .action = action,
                                           .object_type = type,
                                           .object = *made,
                                           .object_name = name,
                                           .address = c->address},
                     err);
}

/* Customer and user, made when they are not there; nil ids when there is no such customer. */
static int find_or_make(struct call *c, const struct embedded_claims *claims, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    static const struct uuid nobody;
    struct uuid new_customer = uuid_v7(), new_user = uuid_v7();
    int rc = db_begin_as(c->db, &claims->organization, &nobody, err);
    rc = rc != 0
             ? rc
             : db_run(c->db, QUERY_SIGNIN_EMBEDDED_USER, &rows, err, DB_STR(claims->customer),
                      DB_STR(claims->customer_name), DB_I64(claims->concurrency_limit),
                      DB_STR(claims->subject), DB_STR(claims->external_id), DB_STR(claims->name),
                      DB_TEXT(claims->role), DB_UUID(new_customer), DB_UUID(new_user));
    if (rc == 0 && db_rows_n(rows) > 0) {
        struct uuid customer = db_uuid(rows, 0, 0), user = db_uuid(rows, 0, 1);
        rc = uuid_eq(&customer, &new_customer)
                 ? tell_made(c, claims, "customer.created", STR("Customer"), &customer,
                             claims->customer_name, err)
                 : 0;
        rc = rc == 0 && uuid_eq(&user, &new_user)
                 ? tell_made(c, claims, "user.created", STR("User"), &user, claims->subject, err)
                 : rc;
    }
    rc = rc != 0 ? rc : db_commit(c->db, err);
    if (rc != 0) {
        db_rollback(c->db);
        return rc;
    }
    if (db_rows_n(rows) > 0) {
        c->viewer.customer = db_uuid(rows, 0, 0);
        c->viewer.user = db_uuid(rows, 0, 1);
    }
    return 0;
}

static int admit(struct call *c, const struct embedded_claims *claims, bool *ret_known,
                 struct err *words, struct err *err)
{
    const struct role *role = role_find(str_of(claims->role));
    int rc = DB_E_RETRY;
    for (int tries = 0; rc == DB_E_RETRY && tries < MAKE_TRIES; tries++) {
        err_clear(err);
        rc = find_or_make(c, claims, err);
    }
    if (rc == DB_E_UNIQUE && strcmp(err->field, "customer_organization_id_name_key") == 0) {
        return err_field(words, 0, "embedded.claim", "customer_name",
                         "The customer cannot be made: another one has the name of the claim "
                         "customer_name.");
    }
    if (rc == 0 && uuid_is_nil(&c->viewer.customer)) {
        return err_field(words, 0, "embedded.claim", "customer",
                         "There is no customer with the external id of the claim customer; with "
                         "the claim customer_name it would be made.");
    }
    if (rc == 0) {
        c->viewer.organization = claims->organization;
        c->viewer.role = role ? role->level : 0;
        c->viewer.embedded = true;
        *ret_known = role && role->of_customer;
    }
    return rc;
}

int auth_embedded(struct call *c, struct str token, bool *ret_known, struct err *words,
                  struct err *err)
{
    struct jwt jwt;
    struct embedded_claims claims;
    struct token_cache *cache = c->api->tokens;
    uint64_t epoch = token_cache_epoch(cache);
    uint8_t digest[32];
    bool is_signed = false;
    secret_sha256(token, digest);
    if (token_cache_get(cache, digest, &c->viewer)) {
        *ret_known = true;
        return 0;
    }
    int64_t now_ns = clock_now_ns();
    if (jwt_parse(c->a, token, &jwt, words) != 0 ||
        embedded_claims_read(jwt.claims, now_ns / NS_PER_SEC, &claims, words) != 0) {
        return 0;
    }
    int rc = verify(c, &jwt, &claims, &is_signed, err);
    if (rc != 0 || !is_signed) {
        return rc != 0 ? rc
                       : err_set(words, 0, "embedded.signature",
                                 "The token is not signed with a key of its organization.");
    }
    rc = admit(c, &claims, ret_known, words, err);
    if (rc == 0 && *ret_known) {
        int64_t life_ms = (claims.expires_s + EMBEDDED_LEEWAY_S) * 1000 - now_ns / NS_PER_MS;
        token_cache_put(cache, epoch, digest, &c->viewer, life_ms);
    }
    return rc;
}
