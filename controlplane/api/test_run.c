/* Owns the hidden instances of an integration (the one that runs its draft, and the router of a
 * shared one), and the mutations that run a flow by hand. On a lane thread, inside the mutation's
 * transaction. A test instance is brought up to its draft and its config variables whenever either
 * changes; it has no schedule, and no flow of it starts by itself. */
#include "api/input.h"
#include "api/instance_config.h"

#define MAX_HEADERS   100
#define SIMULATED_MAX KIB(256)

enum { /* columns of api_flow_config_deployed */
       DEPLOYED_REVISION = 1,
       DEPLOYED_TEST_PAYLOAD = 3,
       DEPLOYED_TEST_TYPE = 4,
       DEPLOYED_TEST_HEADERS = 5,
};

static int insert_test_instance(struct call *c, const struct uuid *draft, struct err *err)
{
    c->id = uuid_v7();
    return db_run(c->db, QUERY_API_TEST_INSTANCE_INSERT, NULL, err, DB_UUID(c->id),
                  DB_UUID(c->viewer.organization), DB_UUID(*draft));
}

/* c->id is a hidden instance: every config variable gets its row, then what runs is frozen. */
static int bring_up(struct call *c, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *row = NULL;
    AUTO(instance_config_done) struct instance_config config = {0};
    int rc = db_run(c->db, QUERY_API_INSTANCE_LOCK, &row, err, DB_UUID(c->id));
    rc = rc ? rc : instance_config_load(c, &c->id, db_str(row, 0, LOCKED_DEFINITION), &config, err);
    rc = rc ? rc : instance_config_store(c, &c->id, &config, err);
    return rc ? rc : instance_deploy(c, row, true, err);
}

int test_instance_put(struct call *c, const struct uuid *draft, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    struct uuid before = c->id;
    int rc = db_run(c->db, QUERY_API_TEST_INSTANCE, &rows, err, DB_UUID(*draft));
    if (rc == 0 && db_rows_n(rows) > 0) {
        c->id = db_uuid(rows, 0, 0);
    } else if (rc == 0) {
        rc = insert_test_instance(c, draft, err);
    }
    rc = rc ? rc : bring_up(c, err);
    c->id = before;
    return rc;
}

int router_put(struct call *c, const struct uuid *version, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    struct uuid before = c->id;
    int rc = db_run(c->db, QUERY_API_ROUTER_FIND, &rows, err, DB_UUID(*version));
    if (rc != 0 || db_rows_n(rows) == 0 || !db_bool(rows, 0, 0)) {
        return rc;
    }
    if (db_is_null(rows, 0, 1)) {
        c->id = uuid_v7();
        rc = db_run(c->db, QUERY_API_ROUTER_INSERT, NULL, err, DB_UUID(c->id),
                    DB_UUID(c->viewer.organization), DB_UUID(*version));
    } else {
        c->id = db_uuid(rows, 0, 1);
        rc = db_run(c->db, QUERY_API_ROUTER_MOVE, NULL, err, DB_UUID(c->id), DB_UUID(*version));
    }
    rc = rc ? rc : bring_up(c, err);
    c->id = before;
    return rc;
}

/* Headers as {"name": "value"}. */
static bool read_headers(struct call *c, struct str text, struct hook_request *request)
{
    struct json headers = json_object(NULL, 0);
    struct str simulated = call_text(c, "result", "");
    if (str_trim(text).len > 0 && (json_parse(c->a, text, &headers, NULL) < 0 ||
                                   headers.type != JSON_OBJECT || headers.len > MAX_HEADERS)) {
        call_refuse(c, "headers", "The headers must be the JSON text of an object.");
        return false;
    }
    struct json parsed;
    if (simulated.len > SIMULATED_MAX ||
        (simulated.len > 0 && json_parse(c->a, simulated, &parsed, NULL) < 0)) {
        call_refuse(c, "result", "The trigger's result must be a JSON text of at most 256 KB.");
        return false;
    }
    struct wire_pair *pairs = arena_array(c->a, headers.len + 1, sizeof(*pairs));
    size_t n = 0;
    for (uint32_t i = 0; i < headers.len; i++) {
        pairs[n++] =
            (struct wire_pair){headers.members[i].key, json_as_str(headers.members[i].value)};
    }
    if (simulated.len > 0) {
        pairs[n++] = (struct wire_pair){STR("prismatic-simulated-trigger-result"), simulated};
    }
    request->headers = (struct wire_pairs){pairs, n};
    return true;
}

/* What the input does not say is as the flow config keeps it. */
static struct str kept_text(struct call *c, const char *field, const struct db_rows *config,
                            int col)
{
    struct json v = call_input(c, field);
    return v.type == JSON_STRING ? json_as_str(v) : db_str(config, 0, col);
}

/* config: api_flow_config_deployed, of the flow that runs. */
static bool read_request(struct call *c, const struct db_rows *config, struct hook_request *ret)
{
    struct str type = kept_text(c, "contentType", config, DEPLOYED_TEST_TYPE);
    *ret = (struct hook_request){.method = STR("POST"),
                                 .content_type = type.len ? type : STR("application/json"),
                                 .body = kept_text(c, "payload", config, DEPLOYED_TEST_PAYLOAD)};
    return read_headers(c, kept_text(c, "headers", config, DEPLOYED_TEST_HEADERS), ret);
}

/* rows: instance, deployed revision. */
static int run_test(struct call *c, const struct uuid *config, const struct db_rows *rows,
                    enum invoke_type invoke, const struct hook_request *request, struct err *err)
{
    struct uuid instance = db_uuid(rows, 0, 0);
    int rc = instance_execution_insert(c, &instance, config, db_int(rows, 0, 1), invoke,
                                       EXECUTION_TEST, request, err);
    if (c->n_pending > 0) {
        c->id = c->pending[0];
    }
    return rc;
}

int mutate_test_flow_config(struct call *c, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    struct uuid config;
    struct hook_request request;
    int rc = call_find(c, "id", "InstanceFlowConfig", QUERY_API_FLOW_CONFIG_DEPLOYED, &config,
                       &rows, err);
    if (rc != 0 || c->n_errors > 0) {
        return rc;
    }
    if (db_int(rows, 0, DEPLOYED_REVISION) == 0) {
        return call_refuse(c, "id", "The instance is not deployed.");
    }
    return !read_request(c, rows, &request)
               ? 0
               : run_test(c, &config, rows, INVOKE_WEBHOOK, &request, err);
}

int mutate_test_integration_flow(struct call *c, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *flow = NULL;
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    struct uuid id;
    struct hook_request request;
    int rc = call_find(c, "id", "IntegrationFlow", QUERY_API_TEST_FLOW, &id, &flow, err);
    if (rc != 0 || c->n_errors > 0) {
        return rc;
    }
    if (!db_bool(flow, 0, 1)) {
        return call_refuse(c, "id", "The flow is one of a published version: test the draft's.");
    }
    struct uuid draft = db_uuid(flow, 0, 0);
    if (!db_bool(flow, 0, 2)) {
        rc = test_instance_put(c, &draft, err);
    }
    rc = rc ? rc : db_run(c->db, QUERY_API_TEST_FLOW_CONFIG, &rows, err, DB_UUID(id));
    if (rc != 0 || c->n_errors > 0) {
        return rc;
    }
    if (db_rows_n(rows) == 0) {
        return call_refuse(c, "id",
                           "The test instance does not have this flow: import the "
                           "integration again.");
    }
    struct uuid config = db_uuid(rows, 0, 2);
    return !read_request(c, rows, &request)
               ? 0
               : run_test(c, &config, rows, INVOKE_INTEGRATION_FLOW_TEST, &request, err);
}
