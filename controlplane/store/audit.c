/* Owns adding to the audit log and reading it again. Any thread that has a connection: lanes, the
 * command. PostgreSQL makes the chain; verifying does not ask it for hashes but computes them here
 * from the texts. */
#include "audit.h"

#include "secret.h"

#define ENTRY_MAX MIB(1)

int audit_add(struct db *db, const struct audit_entry *e, struct err *err)
{
    return db_run(db, QUERY_AUDIT_ADD, NULL, err, DB_UUID(e->organization), DB_TEXT(e->actor_type),
                  DB_UUID_OR_NULL(e->actor), e->actor_name ? DB_TEXT(e->actor_name) : DB_NULL,
                  DB_UUID_OR_NULL(e->token), DB_TEXT(e->action), DB_STR(e->object_type),
                  DB_UUID_OR_NULL(e->object), DB_STR(e->object_name),
                  DB_TEXTS(e->fields, e->n_fields), DB_STR(e->address));
}

enum { /* columns of audit_heads */
       HEAD_ORGANIZATION,
       HEAD_NAME,
       HEAD_POSITION,
       HEAD_HASH,
       HEAD_DROPPED_POSITION,
       HEAD_DROPPED_HASH,
};
enum { /* columns of audit_chain */
       COL_POSITION,
       COL_PREVIOUS,
       COL_HASH,
       COL_TEXTS, /* what is hashed, in order */
       COL_ID = 6,
       COL_AT = 7,
       COL_FIELDS = 17,
};

static void add_part(struct buf *to, struct str part)
{
    buf_addf(to, "%zu:", part.len);
    buf_add_str(to, part);
}

static int hash_of(const struct db_rows *rows, size_t row, uint8_t ret[AUDIT_HASH], struct err *err)
{
    AUTO(arena_free) struct arena *a = arena_new(KIB(4), ENTRY_MAX);
    AUTO(buf_done) struct buf text = {0};
    struct str *fields;
    buf_init(&text, ENTRY_MAX);
    for (int i = COL_TEXTS; i < COL_FIELDS; i++) {
        add_part(&text, db_str(rows, row, i));
    }
    if (db_str(rows, row, COL_FIELDS).len > ENTRY_MAX / 4) {
        return err_set(err, -EBADMSG, "audit.broken", "its list of fields is too long");
    }
    size_t n = db_array(rows, row, COL_FIELDS, a, &fields);
    for (size_t i = 0; i < n; i++) {
        add_part(&text, fields[i]);
    }
    if (text.full) {
        return err_set(err, -EBADMSG, "audit.broken", "it is larger than an entry can be");
    }
    secret_sha256(buf_str(&text), ret);
    return 0;
}

static struct str hash_str(const struct audit_chain *c)
{
    return str_n((const char *)c->hash, c->hash_len);
}

/* What is wrong with an entry that follows the chain; NULL = nothing. */
static const char *judge(const struct audit_chain *c, const struct db_rows *rows, size_t row,
                         const uint8_t computed[AUDIT_HASH])
{
    if (db_int(rows, row, COL_POSITION) != c->position + 1) {
        return "the entries before it are missing";
    }
    if (!str_eq(db_str(rows, row, COL_PREVIOUS), hash_str(c))) {
        return "it does not follow the entry before it";
    }
    if (!str_eq(db_str(rows, row, COL_HASH), str_n((const char *)computed, AUDIT_HASH))) {
        return "its hash is not that of its content";
    }
    return NULL;
}

static int follow(struct audit_chain *c, const struct db_rows *rows, size_t row,
                  const struct audit_expectation *expect, struct err *err)
{
    uint8_t computed[AUDIT_HASH];
    struct err words = {0};
    int r = hash_of(rows, row, computed, &words);
    const char *wrong = r ? words.message : judge(c, rows, row, computed);
    int64_t position = db_int(rows, row, COL_POSITION);
    if (!wrong && position == expect->position &&
        memcmp(computed, expect->hash, sizeof(computed)) != 0) {
        wrong = "it is not the entry that was expected";
    }
    if (wrong) {
        struct str id = db_str(rows, row, COL_ID), at = db_str(rows, row, COL_AT);
        return err_set(err, -EBADMSG, "audit.broken", "entry %lld (%.*s, %.*s): %s",
                       (long long)position, (int)id.len, id.ptr, (int)at.len, at.ptr, wrong);
    }
    c->expected = c->expected || position == expect->position;
    c->position = position;
    memcpy(c->hash, computed, sizeof(computed));
    c->hash_len = sizeof(computed);
    return 0;
}

static void begin_at(struct audit_chain *c, const struct db_rows *heads, size_t row)
{
    struct str hash = db_str(heads, row, HEAD_DROPPED_HASH);
    *c = (struct audit_chain){.organization = db_uuid(heads, row, HEAD_ORGANIZATION),
                              .position = db_int(heads, row, HEAD_DROPPED_POSITION),
                              .hash_len = MIN(hash.len, (size_t)AUDIT_HASH)};
    memcpy(c->hash, hash.ptr ? hash.ptr : "", c->hash_len);
}

int audit_verify(struct db *db, const struct db_rows *heads, size_t row,
                 const struct audit_expectation *expect, struct audit_chain *ret, struct err *err)
{
    size_t n = 1;
    begin_at(ret, heads, row);
    int64_t dropped = ret->position;
    for (int r = 0; n > 0;) {
        AUTO(db_rows_free) struct db_rows *rows = NULL;
        r = db_run(db, QUERY_AUDIT_CHAIN, &rows, err, DB_UUID(ret->organization),
                   DB_I64(ret->position));
        n = r == 0 ? db_rows_n(rows) : 0;
        for (size_t i = 0; i < n && r == 0; i++) {
            r = follow(ret, rows, i, expect, err);
        }
        if (r != 0) {
            return r;
        }
    }
    int64_t last = db_int(heads, row, HEAD_POSITION);
    if (ret->position != last || !str_eq(db_str(heads, row, HEAD_HASH), hash_str(ret))) {
        return err_set(err, -EBADMSG, "audit.broken",
                       "entry %lld: the chain ends before it, but it was the last one",
                       (long long)MAX(last, ret->position));
    }
    if (expect->position > dropped && !ret->expected) {
        return err_set(err, -EBADMSG, "audit.broken", "entry %lld: it was expected, but is missing",
                       (long long)expect->position);
    }
    return 0;
}
