/* Owns the mutations of an organization's signing keys. On a lane thread, inside the mutation's
 * transaction. A private key is in one answer and nowhere else; it refuses more keys than a token
 * may be tried against. */
#include "api/input.h"
#include "domain/signing_key.h"

#define KEYS_MAX 10 /* of an organization: each is tried on a token */

/* True when one more may be added. One at a time, so that the count holds until the commit. */
static int room_for_one(struct call *c, const char *field, bool *ret_room, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    char tenant[UUID_TEXT_LEN + 1];
    uuid_format(&c->viewer.organization, tenant);
    int rc = db_run(c->db, QUERY_SIGNIN_KEY_LOCK, NULL, err, DB_TEXT(tenant));
    rc = rc != 0 ? rc : db_run(c->db, QUERY_SIGNIN_KEY_COUNT, &rows, err);
    *ret_room = rc == 0 && db_int(rows, 0, 0) < KEYS_MAX;
    if (rc == 0 && !*ret_room) {
        call_refuse(c, field, "There are %d keys already: delete one that is not used any more.",
                    KEYS_MAX);
    }
    return rc;
}

static int insert(struct call *c, struct str public_pem, const char *preview, bool imported,
                  struct err *err)
{
    c->id = uuid_v7();
    c->forgets_tokens = true;
    return db_run(c->db, QUERY_SIGNIN_KEY_INSERT, NULL, err, DB_UUID(c->id),
                  DB_UUID(c->viewer.organization), DB_STR(public_pem), DB_TEXT(preview),
                  DB_BOOL(imported));
}

static struct json text_json(struct call *c, struct str s)
{
    return json_str(str_n(arena_strndup(c->a, s.ptr, s.len), s.len));
}

static void show_once(struct call *c, struct str public_pem, struct str private_pem)
{
    struct json_builder made, result;
    char gid[GLOBAL_ID_MAX];
    (void)global_id_format("OrganizationSigningKey", &c->id, gid);
    json_build_object(&result, c->a);
    json_append(&result, STR("id"), text_json(c, str_of(gid)));
    json_append(&result, STR("publicKey"), text_json(c, public_pem));
    json_append(&result, STR("privateKey"), text_json(c, private_pem));
    json_build_object(&made, c->a);
    json_append(&made, STR("result"), json_built(&result));
    c->made = json_built(&made);
}

int mutate_create_signing_key(struct call *c, struct err *err)
{
    AUTO(buf_done) struct buf public_pem = {0}, private_pem = {0};
    char preview[SIGNING_KEY_PREVIEW + 1];
    bool room = false;
    buf_init(&public_pem, SIGNING_KEY_MAX_TEXT);
    buf_init(&private_pem, SIGNING_KEY_MAX_TEXT);
    int rc = room_for_one(c, "input", &room, err);
    if (rc != 0 || !room) {
        return rc;
    }
    rc = signing_key_make(SIGNING_KEY_BITS, &public_pem, &private_pem, preview, err);
    rc = rc != 0 ? rc : insert(c, buf_str(&public_pem), preview, false, err);
    if (rc == 0) {
        show_once(c, buf_str(&public_pem), buf_str(&private_pem));
    }
    secret_wipe(private_pem.data, private_pem.len);
    return rc;
}

int mutate_import_signing_key(struct call *c, struct err *err)
{
    AUTO(buf_done) struct buf pem = {0};
    bool room = false;
    buf_init(&pem, SIGNING_KEY_MAX_TEXT);
    struct err words = {0};
    if (signing_key_import(call_text(c, "publicKey", ""), &pem, &words) != 0) {
        return call_refuse(c, "publicKey", "%s", words.message);
    }
    int rc = room_for_one(c, "publicKey", &room, err);
    if (rc != 0 || !room) {
        return rc;
    }
    rc = insert(c, buf_str(&pem), "", true, err);
    return call_store_error(c, rc, "organization_signing_key_organization_id_public_key_key",
                            "publicKey", "This key was imported before.", err);
}

int mutate_find_signing_key(struct call *c, struct err *err)
{
    return call_find(c, "id", "OrganizationSigningKey", QUERY_SIGNIN_KEY_FIND, &c->id, NULL, err);
}

int mutate_delete_signing_key(struct call *c, struct err *err)
{
    c->forgets_tokens = true;
    return db_run(c->db, QUERY_SIGNIN_KEY_DELETE, NULL, err, DB_UUID(c->id));
}
