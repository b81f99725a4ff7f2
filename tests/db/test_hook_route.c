/* Routing by what is in a request, against a real PostgreSQL: instances, customers, changes. */
#include "db_fixture.h"

#include "clock.h"
#include "hooks/hook_route.h"

#define WAIT_NS (30 * NS_PER_SEC)

static struct hook_index *hook_index;

/* Organizations 1 and 2 with customers c1.. each; integration 1 (versions 11, 12) is shared, 2 has
 * an address an instance, 3 one a flow. Instance n has the flow configs 10 n + 1, 10 n + 2. */
static int setup(void **state)
{
    if (open_database() != 0) {
        return -1;
    }
    sql("CREATE FUNCTION tid(kind text, n int) RETURNS uuid LANGUAGE sql AS "
        "$$ SELECT (kind || '-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid $$;"
        "INSERT INTO organization (id, name, data_key) SELECT tid('aaaaaaaa', n), n::text, '' "
        "FROM generate_series(1, 2) n;"
        "INSERT INTO customer (id, organization_id, name, external_id) "
        "SELECT tid('bbbbbbbb', 10 * o + n), tid('aaaaaaaa', o), n::text, 'c' || n "
        "FROM generate_series(1, 2) o, generate_series(1, 5) n;"
        "CREATE FUNCTION version(n int, sequence int, number int, endpoint text) RETURNS void "
        "LANGUAGE sql AS $$"
        "INSERT INTO integration (id, organization_id, sequence_id, version_number, name, "
        "definition, definition_hash, endpoint_type, flow_name_path, customer_id_path) "
        "VALUES (tid('dddddddd', n), tid('aaaaaaaa', 1), tid('dddddddd', sequence), number, "
        "n::text, '', '', endpoint, ARRAY['headers', 'x-flow'], ARRAY['body', 'data', 'id']);"
        "INSERT INTO integration_flow (id, organization_id, integration_id, position, name, "
        "trigger_component, trigger_action) SELECT tid('ffffffff', 10 * n + k), "
        "tid('aaaaaaaa', 1), tid('dddddddd', n), k, 'flow ' || k, 'webhook-triggers', 'webhook' "
        "FROM generate_series(1, 2) k $$;"
        "SELECT version(1, 1, 0, 'shared_instance'), version(11, 1, 1, 'shared_instance'), "
        "version(2, 2, 0, 'instance_specific'), version(3, 3, 0, 'flow_specific');"
        "CREATE FUNCTION make(n int, customer int, version int) RETURNS void LANGUAGE sql AS $$"
        "INSERT INTO instance (id, organization_id, customer_id, integration_id, "
        "deployed_integration_id, name, deployed_revision, last_deployed_at) VALUES "
        "(tid('eeeeeeee', n), tid('aaaaaaaa', 1), tid('bbbbbbbb', customer), "
        "tid('dddddddd', version), tid('dddddddd', version), n::text, 1, to_timestamp(n));"
        "INSERT INTO instance_flow_config (id, organization_id, instance_id, flow_id, identity) "
        "SELECT tid('cccccccc', 10 * n + k), tid('aaaaaaaa', 1), tid('eeeeeeee', n), "
        "tid('ffffffff', 10 * version + k), k::text FROM generate_series(1, 2) k $$;"
        "SELECT make(1, 11, 11), make(2, 12, 11), make(3, 12, 11), make(4, 11, 2), make(5, 11, 3)");
    return 0;
}

static int teardown(void **state)
{
    hook_index_free(hook_index);
    db_close(db);
    return 0;
}

struct outcome {
    bool found;
    struct uuid flow_config_id;
    bool preprocesses;
    struct hook_route refusal;
};

static void route(enum hook_url_kind kind, struct uuid id, const char *flow, const char *body,
                  struct outcome *ret)
{
    struct hook_url url = {.kind = kind, .id = id};
    struct wire_pair header = {STR("X-Flow"), str_of(flow)};
    struct hook_request request = {.content_type = STR("application/json"),
                                   .headers = {&header, flow ? 1 : 0},
                                   .body = str_of(body)};
    memset(ret, 0, sizeof(*ret));
    ret->found = hook_route(hook_index, &url, &request, &ret->refusal, &ret->flow_config_id,
                            &ret->preprocesses);
}

static void found(enum hook_url_kind kind, struct uuid id, const char *flow, const char *body,
                  int config)
{
    struct outcome o;
    struct uuid expected = id_of("cccccccc", config);
    int64_t until = clock_mono_ns() + WAIT_NS;
    do { /* changes are notified */
        route(kind, id, flow, body, &o);
        hook_route_done(&o.refusal);
    } while (!(o.found && uuid_eq(&o.flow_config_id, &expected)) && clock_mono_ns() < until);
    assert_true(o.found && uuid_eq(&o.flow_config_id, &expected) && !o.preprocesses);
}

static void refused(enum hook_url_kind kind, struct uuid id, const char *flow, const char *body,
                    int status, const char *code, const char *words)
{
    struct outcome o;
    int64_t until = clock_mono_ns() + WAIT_NS;
    do {
        route(kind, id, flow, body, &o);
        bool as_said = !o.found && o.refusal.status == status && strcmp(o.refusal.code, code) == 0;
        if (as_said && strstr(o.refusal.why.message, words)) {
            hook_route_done(&o.refusal);
            return;
        }
        if (clock_mono_ns() > until) {
            fail_msg("%d %s, %s", o.refusal.status, o.refusal.code, o.refusal.why.message);
        }
        hook_route_done(&o.refusal);
    } while (true);
}

static void test_all(void **state)
{
    struct err err = {0};
    assert_int_equal(hook_index_new(getenv("LEAT_TEST_POSTGRES"), &hook_index, &err), 0);
    assert_int_equal(hook_index_start(hook_index), 0);
    assert_int_equal(hook_index_wait(hook_index, 30000), 0);
    struct uuid shared = id_of("dddddddd", 1), own = id_of("eeeeeeee", 4);
    const enum hook_url_kind all = HOOK_URL_INTEGRATION, one = HOOK_URL_INSTANCE;
    found(one, own, "flow 2", "", 42);
    found(all, shared, "flow 1", "{\"id\": \"c1\"}", 11);
    found(all, shared, "flow 2", "{\"id\": \"c2\"}", 32);
    refused(one, own, NULL, "", 400, "routing_value", "payload.results.headers.x-flow");
    refused(one, own, "Flow 2", "", 404, "unknown_flow", "\"Flow 2\"");
    refused(one, id_of("eeeeeeee", 5), "flow 1", "", 404, "unknown_flow", "this address");
    refused(one, shared, "flow 1", "{\"id\": \"c1\"}", 404, "unknown_flow", "");
    refused(all, own, "flow 1", "", 404, "unknown_flow", "this address");
    refused(all, shared, "flow 1", "", 400, "routing_value", "externalCustomerIdField");
    refused(all, shared, "flow 1", "{\"id\": []}", 400, "routing_value", "body.data.id");
    refused(all, shared, "flow 1", "{\"id\": \"c3\"}", 404, "unknown_customer", "\"c3\"");
    /* Of a customer's instances one that is enabled, then the newest. */
    sql("UPDATE instance SET enabled = false WHERE id = tid('eeeeeeee', 3)");
    found(all, shared, "flow 2", "{\"id\": \"c2\"}", 22);
    sql("UPDATE instance SET enabled = false WHERE id = tid('eeeeeeee', 2)");
    found(all, shared, "flow 2", "{\"id\": \"c2\"}", 32);
    sql("DELETE FROM instance WHERE id IN (tid('eeeeeeee', 2), tid('eeeeeeee', 3))");
    refused(all, shared, "flow 2", "{\"id\": \"c2\"}", 404, "unknown_customer", "\"c2\"");
    sql("UPDATE customer SET external_id = 'ö' WHERE id = tid('bbbbbbbb', 11)");
    found(all, shared, "flow 1", "{\"id\": \"ö\"}", 11);
    refused(all, shared, "flow 1", "{\"id\": \"c1\"}", 404, "unknown_customer", "");
    /* A newer version rules the address. */
    sql("SELECT version(12, 1, 2, 'shared_instance'); UPDATE integration SET "
        "customer_id_path = ARRAY['headers', 'x-flow'], flow_name_path = ARRAY['body', 'data'], "
        "version_is_available = true WHERE id = tid('dddddddd', 12)");
    found(all, shared, "ö", "\"flow 2\"", 12);
    sql("UPDATE integration SET version_is_available = false WHERE id = tid('dddddddd', 12)");
    found(all, shared, "flow 1", "{\"id\": \"ö\"}", 11);
    sql("SELECT version(13, 1, 3, 'flow_specific')");
    refused(all, shared, "flow 1", "{\"id\": \"ö\"}", 404, "unknown_flow", "this address");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_all)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
