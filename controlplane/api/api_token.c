/* Owns the mutations of API tokens: what programs ask with. On a lane thread, inside the mutation's
 * transaction. A token is in one answer; only its SHA-256 is kept. It refuses to make one that may
 * more, or lasts longer, than who asks with a token of the kind that others gave. */
#include "api/input.h"
#include "domain/role.h"
#include "enc.h"

#define NAME_MAX_BYTES 200
#define DAYS_MAX       3650
#define TOKENS_MAX     100 /* of a user, that hold */
#define TOKEN_PREFIX   "leat_"
#define TOKEN_TEXT_MAX 64

static const char *const scope_names[] = {"admin", "write", "read"};

bool token_scope_parse(struct str name, enum token_scope *ret)
{
    for (size_t i = 0; i < ARRAY_LEN(scope_names); i++) {
        if (str_eq(name, str_of(scope_names[i]))) {
            *ret = (enum token_scope)i;
            return true;
        }
    }
    return false;
}

static bool read_input(struct call *c, struct str *ret_name, enum token_scope *ret_scope,
                       int64_t *ret_days)
{
    struct json days = call_input(c, "expiresInDays");
    *ret_days = 0;
    if (!call_need_text(c, "name", NAME_MAX_BYTES, ret_name)) {
        return false;
    }
    if (!token_scope_parse(call_text(c, "scope", "admin"), ret_scope)) {
        call_refuse(c, "scope", "The scope is read, write or admin.");
    } else if (*ret_scope < c->viewer.scope) {
        call_refuse(c, "scope", "The token that asks has a narrower scope.");
    }
    if (days.type == JSON_NUMBER && (days.num < 1 || days.num > DAYS_MAX)) {
        call_refuse(c, "expiresInDays", "From 1 to %d days, or null for ever.", DAYS_MAX);
    } else if (days.type == JSON_NUMBER) {
        *ret_days = (int64_t)days.num;
    }
    return c->n_errors == 0;
}

int mutate_create_api_token(struct call *c, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    struct json_builder made;
    struct str name;
    enum token_scope scope;
    int64_t days;
    uint8_t random[32], digest[32];
    char token[TOKEN_TEXT_MAX];
    if (c->viewer.embedded) {
        return call_refuse(c, "input", "An embedded token makes no other tokens.");
    }
    if (!read_input(c, &name, &scope, &days)) {
        return 0;
    }
    int rc = db_run(c->db, QUERY_SIGNIN_TOKEN_COUNT, &rows, err, DB_UUID(c->viewer.user));
    if (rc == 0 && db_int(rows, 0, 0) >= TOKENS_MAX) {
        return call_refuse(c, "input", "You have %d tokens: revoke one that is not used any more.",
                           TOKENS_MAX);
    }
    secret_random(random, sizeof(random));
    memcpy(token, TOKEN_PREFIX, sizeof(TOKEN_PREFIX));
    (void)enc_base64url(str_n((const char *)random, sizeof(random)), token + strlen(TOKEN_PREFIX),
                        sizeof(token) - strlen(TOKEN_PREFIX));
    secret_sha256(str_of(token), digest);
    c->id = uuid_v7();
    rc = rc != 0 ? rc
                 : db_run(c->db, QUERY_SIGNIN_TOKEN_INSERT, NULL, err, DB_UUID(c->id),
                          DB_UUID(c->viewer.organization), DB_UUID(c->viewer.user), DB_STR(name),
                          DB_BYTES(str_n((const char *)digest, sizeof(digest))), DB_I64(days),
                          DB_TEXT(scope_names[scope]));
    json_build_object(&made, c->a);
    json_append(&made, STR("token"), json_cstr(arena_strdup(c->a, token)));
    c->made = json_built(&made);
    return rc;
}

/* One's own; admins of the organization revoke anybody's. */
int mutate_revoke_api_token(struct call *c, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    bool everybodys = uuid_is_nil(&c->viewer.customer) && c->viewer.role >= ROLE_ADMIN;
    int rc = call_find(c, "id", "ApiToken", QUERY_SIGNIN_TOKEN_OWNER, &c->id, &rows, err);
    if (rc != 0 || c->n_errors > 0) {
        return rc;
    }
    if (!everybodys) {
        struct uuid owner = db_uuid(rows, 0, 0);
        if (!uuid_eq(&owner, &c->viewer.user)) {
            return call_refuse(c, "id", "The token is another user's: it takes an admin.");
        }
    }
    return db_run(c->db, QUERY_SIGNIN_TOKEN_REVOKE, NULL, err, DB_UUID(c->id));
}
