/* Owns the sealing of organizations' data keys by the master key. */
#include "org_key.h"

#define KEY_COLUMN "organization.data_key"
#define PLAIN_MAX  MIB(4)

struct str org_key_aad(struct arena *a, const char *table_column, const struct uuid *row)
{
    char text[UUID_TEXT_LEN + 1];
    uuid_format(row, text);
    return str_of(arena_printf(a, "%s:%s", table_column, text));
}

void org_key_make(const struct secret_key *master, const struct uuid *organization,
                  struct buf *ret_sealed)
{
    AUTO(arena_free) struct arena *a = arena_new(512, 0);
    struct secret_key key;
    secret_key_random(&key);
    secret_seal(master, str_n((const char *)key.b, sizeof(key.b)),
                org_key_aad(a, KEY_COLUMN, organization), ret_sealed);
    secret_key_done(&key);
}

int org_key_get(struct db *db, const struct secret_key *master, const struct uuid *organization,
                struct secret_key *ret_key, struct err *err)
{
    AUTO(arena_free) struct arena *a = arena_new(512, 0);
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    int r = db_run(db, QUERY_ORG_DATA_KEY, &rows, err, DB_UUID(*organization));
    if (r != 0) {
        return r;
    }
    if (db_rows_n(rows) == 0) {
        return err_set(err, -ENOENT, "organization.not_found", "the organization does not exist");
    }
    struct str plain;
    r = secret_open(a, master, db_str(rows, 0, 0), org_key_aad(a, KEY_COLUMN, organization), &plain,
                    err);
    if (r == 0 && plain.len != SECRET_KEY_LEN) {
        r = err_set(err, -EBADMSG, "secret.bad_key", "the organization's data key is damaged");
    }
    if (r == 0) {
        memcpy(ret_key->b, plain.ptr, SECRET_KEY_LEN);
        /* The arena's copy was made here and is ours to wipe. */
        secret_wipe((void *)(uintptr_t)plain.ptr, plain.len);
    }
    return r;
}

int org_seal_json(struct arena *a, const struct secret_key *key, const char *table_column,
                  const struct uuid *row, struct json v, struct str *ret_sealed, struct err *err)
{
    AUTO(buf_done) struct buf plain = {0}, sealed = {0};
    buf_init(&plain, PLAIN_MAX);
    buf_init(&sealed, PLAIN_MAX + KIB(1));
    json_dump(&plain, v);
    if (plain.full) {
        secret_wipe(plain.data, plain.len);
        return err_set(err, -EMSGSIZE, "secret.too_large", "a value to be sealed is too large");
    }
    secret_seal(key, buf_str(&plain), org_key_aad(a, table_column, row), &sealed);
    secret_wipe(plain.data, plain.len);
    *ret_sealed = str_n(arena_strndup(a, sealed.data, sealed.len), sealed.len);
    return 0;
}

int org_open_json(struct arena *a, const struct secret_key *key, const char *table_column,
                  const struct uuid *row, struct str sealed, struct json *ret, struct err *err)
{
    struct str plain;
    int r = secret_open(a, key, sealed, org_key_aad(a, table_column, row), &plain, err);
    return r ? r : json_parse(a, plain, ret, err);
}

int org_key_open(struct db *db, const struct secret_key *master, const struct uuid *organization,
                 const char *table_column, const struct uuid *row, struct str sealed,
                 struct arena *a, struct str *ret_plain, struct err *err)
{
    struct secret_key key;
    int r = org_key_get(db, master, organization, &key, err);
    if (r != 0) {
        err->retryable = true;
        return r;
    }
    r = secret_open(a, &key, sealed, org_key_aad(a, table_column, row), ret_plain, err);
    secret_key_done(&key);
    return r;
}
