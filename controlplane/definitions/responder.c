/* Owns the answers to workers' requests. Each of the two subjects has a library thread of its own
 * and a connection of its own. A request that cannot be answered now (PostgreSQL away) gets no
 * answer: the worker asks again. */
#include "definitions/responder.h"

#include "db.h"
#include "definition_fetch.h"
#include "json.h"
#include "log.h"
#include "org_key.h"
#include "sealed.h"
#include "subjects.h"

#define FLOWS_MAX      200
#define COMPONENTS_MAX 50
#define FRESH_MAX_MS   3000
#define FRESH_MIN_MS   500

#define STATE_OF_FLOW    1
#define STATE_PART_SCOPE 15 /* parts of uploads have the scopes after it */
#define STATE_PARTS_MAX  64

struct lane {
    struct responder *responder;
    struct bus_sub *sub;
    struct db *db;
};

struct responder {
    struct bus *bus;
    char *conninfo, *public_url;
    const struct secret_key *master_key, *bus_key;
    struct lane definitions, states;
};

int responder_new(const struct responder_options *options, struct responder **ret, struct err *err)
{
    struct responder *r = mem_new(struct responder);
    r->bus = options->bus;
    r->conninfo = mem_strdup(options->conninfo);
    r->public_url = mem_strdup(options->public_url);
    r->master_key = options->master_key;
    r->bus_key = options->bus_key;
    r->definitions.responder = r;
    r->states.responder = r;
    *ret = r;
    return 0;
}

struct responder *responder_free(struct responder *r)
{
    if (r) {
        responder_stop(r);
        db_close(r->definitions.db);
        db_close(r->states.db);
        mem_free(r->conninfo);
        mem_free(r->public_url);
        mem_free(r);
    }
    return NULL;
}

static int ensure(struct lane *lane, struct err *err)
{
    return db_ensure(&lane->db, lane->responder->conninfo, "leat-responder", err);
}

/* --- definitions ------------------------------------------------------------------------------ */

static int open_column(struct responder *r, struct arena *a, const struct secret_key *key,
                       const char *column, const struct uuid *row, struct str sealed,
                       struct str *ret_plain, struct err *err)
{
    return secret_open(a, key, sealed, org_key_aad(a, column, row), ret_plain, err);
}

/* Keys of the organization and of the instance, as one JSON array. */
static int api_keys(struct responder *r, struct arena *a, const struct secret_key *key,
                    const struct db_rows *rows, size_t row, const struct uuid *flow_config,
                    struct str *ret_json, struct err *err)
{
    struct json_builder list;
    json_build_array(&list, a);
    if (!db_is_null(rows, row, 4)) {
        struct str plain;
        struct json own;
        int rc = open_column(r, a, key, "instance_flow_config.sealed_api_keys", flow_config,
                             db_str(rows, row, 4), &plain, err);
        if (rc == 0) {
            rc = json_parse(a, plain, &own, err);
        }
        if (rc != 0) {
            return rc;
        }
        for (uint32_t i = 0; own.type == JSON_ARRAY && i < own.len; i++) {
            json_push(&list, own.items[i]);
        }
    }
    struct str *keys;
    size_t n = db_array(rows, row, 5, a, &keys);
    for (size_t i = 0; i < n; i++) {
        json_push(&list, json_str(keys[i]));
    }
    AUTO(buf_done) struct buf text = {0};
    buf_init(&text, MIB(1));
    json_dump(&text, json_built(&list));
    *ret_json = str_n(arena_strndup(a, buf_str(&text).ptr, text.len), text.len);
    return 0;
}

static int read_flows(struct lane *lane, struct arena *a, const struct secret_key *key,
                      struct fetched_instance *f, const struct db_rows *rows, struct err *err)
{
    size_t n = MIN(db_rows_n(rows), (size_t)FLOWS_MAX);
    struct fetched_flow *flows = arena_array(a, n, sizeof(*flows));
    for (size_t i = 0; i < n; i++) {
        char gid[GLOBAL_ID_MAX];
        flows[i].flow_config_id = db_uuid(rows, i, 0);
        flows[i].flow_id = db_uuid(rows, i, 1);
        flows[i].name = db_str(rows, i, 2);
        flows[i].stable_id = db_str(rows, i, 3);
        (void)global_id_format("InstanceFlowConfig", &flows[i].flow_config_id, gid);
        flows[i].call_url =
            str_of(arena_printf(a, "%s/trigger/%s", lane->responder->public_url, gid));
        struct str public_gid = db_str(rows, i, 6);
        flows[i].webhook_url =
            public_gid.len == 0
                ? flows[i].call_url
                : str_of(arena_printf(a, "%s/trigger/%.*s", lane->responder->public_url,
                                      (int)public_gid.len, public_gid.ptr));
        int r = api_keys(lane->responder, a, key, rows, i, &flows[i].flow_config_id,
                         &flows[i].api_keys, err);
        if (r != 0) {
            return r;
        }
    }
    f->flows = (struct wire_list){flows, n};
    return 0;
}

/* Of each component that is named: the newest version, and those that the definition may pin. */
static void read_components(struct arena *a, struct fetched_instance *f, const struct db_rows *rows)
{
    size_t n = MIN(db_rows_n(rows), (size_t)COMPONENTS_MAX);
    struct fetched_component *components = arena_array(a, n, sizeof(*components));
    for (size_t i = 0; i < n; i++) {
        components[i] = (struct fetched_component){.key = db_str(rows, i, 0),
                                                   .version = (uint32_t)db_int(rows, i, 1),
                                                   .text = db_str(rows, i, 2)};
    }
    f->components = (struct wire_list){components, n};
}

static void read_instance(struct fetched_instance *f, const struct db_rows *rows)
{
    f->revision = (uint64_t)db_int(rows, 0, 0);
    f->organization_id = db_uuid(rows, 0, 1);
    f->customer_id = db_uuid(rows, 0, 2);
    f->integration_version_id = db_uuid(rows, 0, 3);
    f->instance_name = db_str(rows, 0, 4);
    f->customer_name = db_str(rows, 0, 5);
    f->customer_external_id = db_str(rows, 0, 6);
    f->integration_name = db_str(rows, 0, 7);
    f->integration_id = db_uuid(rows, 0, 8);
    f->version_number = (uint32_t)db_int(rows, 0, 9);
    f->definition = db_str(rows, 0, 10);
    f->step_results_disabled = db_bool(rows, 0, 12);
    f->logs_disabled = db_bool(rows, 0, 13);
}

/* The configuration frozen at deploy is sealed under the row (instance, revision). */
static int read_config(struct lane *lane, struct arena *a, const struct secret_key *key,
                       struct fetched_instance *f, const struct db_rows *rows, struct err *err)
{
    char column[64];
    (void)snprintf(column, sizeof(column), "instance_revision.sealed_config.%llu",
                   (unsigned long long)f->revision);
    return open_column(lane->responder, a, key, column, &f->instance_id, db_str(rows, 0, 11),
                       &f->config, err);
}

/* Asked again when a token is to be renewed; sooner, because it may be given or taken away by hand
 * at any time; and in short steps while a renewal is due. */
static uint32_t fresh_ms(const struct db_rows *tokens)
{
    int64_t least = FRESH_MAX_MS;
    for (size_t i = 0; i < db_rows_n(tokens); i++) {
        if (!db_is_null(tokens, i, 4)) {
            least = MIN(least, db_int(tokens, i, 4));
        }
    }
    return (uint32_t)MAX(least, (int64_t)FRESH_MIN_MS);
}

static int put_member(struct arena *a, const struct secret_key *key, const char *column,
                      const struct db_rows *tokens, size_t row, int at, struct str member,
                      struct json_builder *connection, struct err *err)
{
    struct json v;
    struct uuid id = db_uuid(tokens, row, 1);
    if (db_is_null(tokens, row, at)) {
        return 0;
    }
    int rc = org_open_json(a, key, column, &id, db_str(tokens, row, at), &v, err);
    if (rc == 0) {
        json_set(connection, member, v);
    }
    return rc;
}

/* The connection of a config variable with its token of now over what was frozen. */
static int put_token(struct arena *a, const struct secret_key *key, const struct db_rows *tokens,
                     size_t row, struct json_builder *config, struct err *err)
{
    struct json frozen = json_get(json_built(config), db_str(tokens, row, 0));
    struct json_builder connection;
    if (json_get(frozen, STR("token")).type != JSON_OBJECT) {
        return 0; /* of another version */
    }
    json_build_object(&connection, a);
    for (uint32_t i = 0; i < frozen.len; i++) {
        json_append(&connection, frozen.members[i].key, frozen.members[i].value);
    }
    int rc = put_member(a, key, "connection_token.sealed_token", tokens, row, 2, STR("token"),
                        &connection, err);
    rc = rc ? rc
            : put_member(a, key, "connection_token.sealed_context", tokens, row, 3, STR("context"),
                         &connection, err);
    json_set(config, db_str(tokens, row, 0), json_built(&connection));
    return rc;
}

static int read_tokens(struct lane *lane, struct arena *a, const struct secret_key *key,
                       struct fetched_instance *f, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *tokens = NULL;
    AUTO(buf_done) struct buf text = {0};
    struct json frozen;
    struct json_builder config;
    int rc = db_run(lane->db, QUERY_CONNECTION_TOKENS_OF, &tokens, err, DB_UUID(f->instance_id));
    if (rc != 0 || db_rows_n(tokens) == 0) {
        return rc;
    }
    rc = json_parse(a, f->config, &frozen, err);
    json_build_object(&config, a);
    for (uint32_t i = 0; rc == 0 && frozen.type == JSON_OBJECT && i < frozen.len; i++) {
        json_append(&config, frozen.members[i].key, frozen.members[i].value);
    }
    for (size_t i = 0; rc == 0 && i < db_rows_n(tokens); i++) {
        rc = put_token(a, key, tokens, i, &config, err);
    }
    if (rc != 0) {
        return rc;
    }
    buf_init(&text, MESSAGE_MAX_BYTES);
    json_dump(&text, json_built(&config));
    secret_wipe((void *)(uintptr_t)f->config.ptr, f->config.len);
    f->config = str_n(arena_dup(a, text.data, text.len), text.len);
    f->fresh_ms = fresh_ms(tokens);
    secret_wipe(text.data, text.len);
    return 0;
}

static int fetch(struct lane *lane, struct arena *a, const struct definition_fetch *ask,
                 struct buf *plain, struct err *err)
{
    struct fetched_instance f = {.instance_id = ask->instance_id};
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    AUTO(db_rows_free) struct db_rows *flows = NULL;
    AUTO(db_rows_free) struct db_rows *components = NULL;
    struct secret_key key = {{0}};
    int r = ensure(lane, err);
    if (r == 0) {
        r = db_run(lane->db, QUERY_RESPONDER_INSTANCE, &rows, err, DB_UUID(ask->instance_id),
                   DB_I64(ask->revision));
    }
    if (r == 0 && db_rows_n(rows) == 0) {
        f.error = STR("The instance, or this revision of it, does not exist any more.");
        wire_encode(&fetched_instance_message, &f, plain);
        return 0;
    }
    if (r == 0) {
        read_instance(&f, rows);
        r = org_key_get(lane->db, lane->responder->master_key, &f.organization_id, &key, err);
    }
    if (r == 0) {
        r = read_config(lane, a, &key, &f, rows, err);
    }
    if (r == 0) {
        r = read_tokens(lane, a, &key, &f, err);
    }
    if (r == 0) {
        r = db_run(lane->db, QUERY_RESPONDER_FLOWS, &flows, err, DB_UUID(ask->instance_id));
    }
    if (r == 0) {
        r = read_flows(lane, a, &key, &f, flows, err);
    }
    if (r == 0 && db_bool(rows, 0, 14)) {
        r = db_run(lane->db, QUERY_RESPONDER_COMPONENTS, &components, err,
                   DB_UUID(f.integration_version_id));
        read_components(a, &f, components);
    }
    secret_key_done(&key);
    if (r == -EBADMSG) {
        f = (struct fetched_instance){.instance_id = ask->instance_id,
                                      .error = STR("The instance's configuration cannot be opened: "
                                                   "the master key is not the one it was "
                                                   "sealed with.")};
        r = 0;
    }
    if (r == 0) {
        wire_encode(&fetched_instance_message, &f, plain);
    }
    secret_wipe((void *)(uintptr_t)f.config.ptr, f.config.len);
    return r;
}

static void on_definition(void *ctx, struct bus_message *m)
{
    struct lane *lane = ctx;
    AUTO(arena_free) struct arena *a = arena_new(KIB(64), 0);
    AUTO(buf_done) struct buf plain = {0};
    AUTO(buf_done) struct buf sealed = {0};
    buf_init(&plain, MESSAGE_MAX_BYTES);
    buf_init(&sealed, MESSAGE_MAX_BYTES);
    struct definition_fetch ask;
    struct err err;
    int r = wire_decode(&definition_fetch_message, a, bus_message_data(m), &ask, &err);
    if (r == 0) {
        r = fetch(lane, a, &ask, &plain, &err);
    }
    if (r == 0) {
        sealed_write(lane->responder->bus_key, SUBJECT_DEFINITION, buf_str(&plain), &sealed);
        secret_wipe(plain.data, plain.len);
        r = bus_respond(lane->responder->bus, m, buf_str(&sealed));
    }
    if (r != 0) {
        log_warn("a worker's question for a definition was not answered",
                 LOG_STR("error", err.message));
    }
}

/* --- states ----------------------------------------------------------------------------------- */

static int read_state(struct lane *lane, struct arena *a, const struct state_fetch *ask,
                      struct state_part *ret, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    /* Flow state belongs to the flow config; the other scopes start from the instance. */
    struct uuid owner = ask->scope == STATE_OF_FLOW ? ask->flow_config_id : ask->instance_id;
    int r =
        db_run(lane->db, QUERY_RESPONDER_STATE, &rows, err, DB_UUID(owner), DB_I64(ask->scope),
               DB_UUID(ask->organization_id), DB_UUID(ask->instance_id),
               DB_I64((int64_t)MIN(ask->offset, (uint64_t)INT32_MAX)), DB_I64(STATE_PART_BYTES));
    if (r == 0 && db_rows_n(rows) == 1) {
        struct str data = db_str(rows, 0, 2);
        ret->total = (uint64_t)db_int(rows, 0, 0);
        ret->version = (uint64_t)db_int(rows, 0, 1);
        ret->data = str_n(arena_dup(a, data.ptr, data.len), data.len);
        ret->elsewhere = (uint64_t)db_int(rows, 0, 3);
    }
    return r;
}

/* Kept beside the stores until a result names them. */
static int write_state(struct lane *lane, const struct state_fetch *ask, struct err *err)
{
    if (ask->number > STATE_PARTS_MAX) {
        return err_set(err, -EINVAL, "state.too_large", "a store has at most %d parts",
                       STATE_PARTS_MAX);
    }
    return db_run(lane->db, QUERY_RESPONDER_STATE_PART, NULL, err, DB_UUID(ask->upload_id),
                  DB_I64(STATE_PART_SCOPE + ask->number), DB_UUID(ask->organization_id),
                  DB_BYTES(ask->data));
}

static void on_state(void *ctx, struct bus_message *m)
{
    struct lane *lane = ctx;
    AUTO(arena_free) struct arena *a = arena_new(KIB(4), 0);
    AUTO(buf_done) struct buf answer = {0};
    buf_init(&answer, 0);
    struct state_fetch ask;
    struct state_part part = {0};
    struct err err;
    err_clear(&err);
    int r = wire_decode(&state_fetch_message, a, bus_message_data(m), &ask, &err);
    if (r == 0) {
        r = ensure(lane, &err);
    }
    if (r == 0) {
        r = ask.number ? write_state(lane, &ask, &err) : read_state(lane, a, &ask, &part, &err);
    }
    if (r == 0) {
        wire_encode(&state_part_message, &part, &answer);
        r = bus_respond(lane->responder->bus, m, buf_str(&answer));
    }
    if (r != 0) {
        log_warn("a worker's question for a state was not answered", LOG_STR("error", err.message));
    }
}

int responder_start(struct responder *r)
{
    int rc = bus_subscribe(r->bus, SUBJECT_DEFINITION, "definition", on_definition, &r->definitions,
                           &r->definitions.sub);
    if (rc == 0) {
        rc = bus_subscribe(r->bus, SUBJECT_STATE, "state", on_state, &r->states, &r->states.sub);
    }
    return rc;
}

void responder_stop(struct responder *r)
{
    r->definitions.sub = bus_sub_free(r->definitions.sub);
    r->states.sub = bus_sub_free(r->states.sub);
}
