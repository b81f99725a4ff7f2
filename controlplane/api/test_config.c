/* Owns what an integration's draft is tested with: payloads of its flows, and listening, while
 * which calls of the test addresses are captured and their flows do not run. On a lane thread,
 * inside the mutation's transaction. */
#include "api/instance_config.h"
#include "api/integration.h"

static int change_flow(struct call *c, struct json given, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    struct uuid flow;
    if (!global_id_parse(json_as_str(json_get(given, STR("id"))), "IntegrationFlow", &flow)) {
        return call_refuse(c, "flows", "The IntegrationFlow does not exist.");
    }
    int rc = db_run(c->db, QUERY_API_TEST_FLOW_CONFIG, &rows, err, DB_UUID(flow));
    if (rc == 0 && db_rows_n(rows) == 0) {
        return call_refuse(c, "flows", "The flow is none of the draft.");
    }
    struct uuid config = rc == 0 ? db_uuid(rows, 0, 2) : (struct uuid){{0}};
    return rc ? rc : flow_config_change(c, &config, given, "flows", err);
}

int mutate_update_test_configuration(struct call *c, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *version = NULL;
    AUTO(db_rows_free) struct db_rows *instance = NULL;
    struct db_param listening = call_opt_bool(c, "listeningMode");
    struct json flows = call_input(c, "flows");
    int rc = version_lock(c, "id", &version, err);
    if (rc == 0 && c->n_errors == 0 && db_int(version, 0, VERSION_NUMBER) > 0) {
        return call_refuse(c, "id", "Only the draft of an integration is tested.");
    }
    if (rc != 0 || c->n_errors > 0) {
        return rc;
    }
    struct uuid draft = c->id;
    rc = db_run(c->db, QUERY_API_TEST_INSTANCE, &instance, err, DB_UUID(draft));
    if (rc == 0 && db_rows_n(instance) == 0) {
        rc = test_instance_put(c, &draft, err);
    }
    if (rc == 0 && listening.type != DB_P_NULL) {
        rc = db_run(c->db, QUERY_API_TEST_LISTENING, NULL, err, DB_UUID(draft), listening);
    }
    for (uint32_t i = 0; rc == 0 && flows.type == JSON_ARRAY && i < MIN(flows.len, 200U); i++) {
        rc = change_flow(c, flows.items[i], err);
    }
    return rc;
}
