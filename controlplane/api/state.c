/* Owns what the API shows and changes of persisted state: whole stores, as JSON. On a lane thread,
 * inside the request's transaction. Larger stores than 1 MB are neither shown nor taken: a run that
 * ends at the same time replaces them anyway. */
#include "api/instance_config.h"

#include "enc.h"
#include "msgpack.h"

#define STATE_MAX MIB(1)

int state_change(struct call *c, const struct uuid *owner, enum state_scope scope, struct err *err)
{
    AUTO(buf_done) struct buf store = {0};
    struct json given = call_input(c, "persistedData"), parsed;
    if (given.type != JSON_STRING) {
        return 0;
    }
    if (given.len > STATE_MAX || json_parse(c->a, json_as_str(given), &parsed, NULL) < 0 ||
        parsed.type != JSON_OBJECT) {
        return call_refuse(c, "persistedData",
                           "This field is the JSON text of an object of at most 1 MB.");
    }
    buf_init(&store, STATE_MAX * 2);
    msgpack_write(&store, parsed);
    return db_run(c->db, QUERY_API_STATE_PUT, NULL, err, DB_UUID(*owner), DB_I64(scope),
                  DB_UUID(c->viewer.organization), DB_BYTES(buf_str(&store)));
}

/* raw: base64 of the store, at most 1 MB; null when there is none. */
bool resolve_persisted_state(struct call *c, struct gql_sel *sel, struct json raw, struct json *ret)
{
    struct str packed = json_as_str(raw);
    struct json v;
    struct err err;
    size_t len, used;
    *ret = json_null();
    if (packed.len == 0) {
        return true;
    }
    uint8_t *bytes = arena_alloc(c->a, packed.len);
    if (!enc_base64_decode(packed, bytes, packed.len, &len) ||
        msgpack_read(c->a, str_n((char *)bytes, len), &v, &used, &err) < 0) {
        return gql_fail(&c->rq, sel->loc, "STATE", "The stored state cannot be read.");
    }
    AUTO(buf_done) struct buf text = {0};
    buf_init(&text, STATE_MAX * 8);
    json_dump(&text, v);
    *ret = json_str(str_n(arena_strndup(c->a, text.data, text.len), text.len));
    return true;
}
