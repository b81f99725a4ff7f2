/* Owns changing flow configs: their API keys, which hold at once, and what their flow is tested
 * with by hand. On a lane thread, inside the mutation's transaction. It refuses keys and texts
 * without a bound. */
#include "api/input.h"
#include "api/instance_config.h"
#include "api/sealed.h"

#define MAX_KEYS      10
#define KEY_MAX_BYTES 256
#define PAYLOAD_MAX   MIB(1)
#define HEADERS_MAX   KIB(64)
#define TYPE_MAX      200

static int put_keys(struct call *c, const struct uuid *config, struct json keys, const char *field,
                    struct err *err)
{
    struct json_builder list;
    uint8_t(*digests)[32] = arena_array(c->a, MAX_KEYS, sizeof(*digests));
    struct str hashes[MAX_KEYS];
    size_t n = 0;
    json_build_array(&list, c->a);
    for (uint32_t i = 0; i < keys.len; i++) {
        struct str key = json_as_str(keys.items[i]);
        if (key.len == 0 || key.len > KEY_MAX_BYTES || n == MAX_KEYS) {
            return call_refuse(c, field, "At most %d API keys of 1 to %d bytes.", MAX_KEYS,
                               KEY_MAX_BYTES);
        }
        secret_sha256(key, digests[n]);
        hashes[n] = str_n((const char *)digests[n], 32);
        n++;
        json_push(&list, keys.items[i]);
    }
    struct db_param sealed = DB_NULL;
    int rc = n ? call_seal(c, "instance_flow_config.sealed_api_keys", config, json_built(&list),
                           &sealed, err)
               : 0;
    return rc ? rc
              : db_run(c->db, QUERY_API_FLOW_CONFIG_KEYS, NULL, err, DB_UUID(*config), sealed,
                       DB_BYTESS(hashes, n));
}

/* A text of the input; DB_NULL when it is absent or refused. */
static struct db_param text_of(struct call *c, struct json given, const char *member, size_t max,
                               const char *field)
{
    struct json v = json_get(given, str_of(member));
    if (v.type == JSON_STRING && v.len > max) {
        call_refuse(c, field ? field : member, "%s has at most %zu bytes.", member, max);
        return DB_NULL;
    }
    return v.type == JSON_STRING ? DB_STR(json_as_str(v)) : DB_NULL;
}

int flow_config_change(struct call *c, const struct uuid *config, struct json given,
                       const char *field, struct err *err)
{
    struct json keys = json_get(given, STR("apiKeys")), parsed;
    struct db_param payload = text_of(c, given, "testPayload", PAYLOAD_MAX, field);
    struct db_param headers = text_of(c, given, "testHeaders", HEADERS_MAX, field);
    struct db_param type = text_of(c, given, "testContentType", TYPE_MAX, field);
    if (headers.type != DB_P_NULL && headers.bytes.len > 0 &&
        (json_parse(c->a, headers.bytes, &parsed, NULL) < 0 || parsed.type != JSON_OBJECT)) {
        call_refuse(c, field ? field : "testHeaders",
                    "The test headers must be the JSON text of an object.");
    }
    if (c->n_errors > 0) {
        return 0;
    }
    bool tests = payload.type != DB_P_NULL || headers.type != DB_P_NULL || type.type != DB_P_NULL;
    int rc = tests ? db_run(c->db, QUERY_API_FLOW_CONFIG_TEST_PUT, NULL, err, DB_UUID(*config),
                            payload, headers, type)
                   : 0;
    return rc || keys.type != JSON_ARRAY
               ? rc
               : put_keys(c, config, keys, field ? field : "apiKeys", err);
}

int mutate_update_flow_config(struct call *c, struct err *err)
{
    int rc =
        call_find(c, "id", "InstanceFlowConfig", QUERY_API_FLOW_CONFIG_DEPLOYED, &c->id, NULL, err);
    rc = rc || c->n_errors ? rc : flow_config_change(c, &c->id, c->input, NULL, err);
    return rc || c->n_errors ? rc : state_change(c, &c->id, STATE_OF_FLOW, err);
}
