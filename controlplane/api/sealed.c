/* Owns sealing what is write-only with the key of the viewer's organization, bound to its column
 * and row, and opening it again. On a lane thread. Plain texts are wiped where they are not handed
 * out. */
#include "api/sealed.h"

#include "enc.h"
#include "org_key.h"

int call_seal(struct call *c, const char *column, const struct uuid *row, struct json v,
              struct db_param *ret, struct err *err)
{
    struct str sealed;
    int rc = call_key(c, err);
    rc = rc ? rc : org_seal_json(c->a, &c->key, column, row, v, &sealed, err);
    if (rc == 0) {
        *ret = DB_BYTES(sealed);
    }
    return rc;
}

int call_open(struct call *c, const char *column, const struct uuid *row, struct str sealed,
              struct str *ret_plain, struct err *err)
{
    int rc = call_key(c, err);
    return rc ? rc
              : secret_open(c->a, &c->key, sealed, org_key_aad(c->a, column, row), ret_plain, err);
}

bool call_open_raw(struct call *c, struct gql_sel *sel, const char *column, struct json raw,
                   struct str *ret_plain)
{
    struct str sealed = json_as_str(json_at(raw, 1));
    struct uuid row;
    struct err err;
    size_t len;
    *ret_plain = str_n(NULL, 0);
    if (sealed.len == 0 || !uuid_parse(json_as_str(json_at(raw, 0)), &row)) {
        return true;
    }
    uint8_t *bytes = arena_alloc(c->a, sealed.len);
    return (enc_base64_decode(sealed, bytes, sealed.len, &len) &&
            call_open(c, column, &row, str_n((char *)bytes, len), ret_plain, &err) == 0) ||
           gql_fail(&c->rq, sel->loc, "SEALED", "A sealed value cannot be opened.");
}
