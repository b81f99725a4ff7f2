/* The API against a real PostgreSQL: requests as a client sends them, answers as it reads them,
 * and what tenants and roles must not see. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "api/api.h"
#include "clock.h"
#include "json.h"
#include "migrate.h"
#include "msgpack.h"
#include "org_key.h"
#include "run_request.h"
#include "run_result.h"

static struct db *owner, *lane;
static struct api *api;
static struct arena *arena;
static struct secret_key master;
static struct uuid org_a, org_b, started[64];
static size_t n_started;
static char token_a[64], token_b[64], token_guest[64], token_customer[64];
static struct uuid customer_of_user;

#define must(call)                                                                                 \
    do {                                                                                           \
        struct err err = {0};                                                                      \
        if ((call) != 0) {                                                                         \
            fail_msg("%s: %s", #call, err.message);                                                \
        }                                                                                          \
    } while (0)

static void sql(const char *text, const struct db_param *params, size_t n)
{
    must(db_query_text(owner, str_of(text), params, n, NULL, &err));
}
#define run_sql(text, ...)                                                                         \
    sql((text), (const struct db_param[]){__VA_ARGS__},                                            \
        sizeof((const struct db_param[]){__VA_ARGS__}) / sizeof(struct db_param))

static void make_user(struct uuid org, const struct uuid *customer, const char *role, char *token)
{
    struct uuid user = uuid_v7();
    char email[80];
    uint8_t digest[32];
    snprintf(token, 64, "leat_%s_%d", role, (int)(org.b[15]));
    snprintf(email, sizeof(email), "%s@example.com", role);
    secret_sha256(str_of(token), digest);
    run_sql("INSERT INTO app_user (id, organization_id, customer_id, email, name, role) "
            "VALUES ($1::uuid, $2::uuid, $3::uuid, $4, 'Some User', $5)",
            DB_UUID(user), DB_UUID(org), customer ? DB_UUID(*customer) : DB_NULL, DB_TEXT(email),
            DB_TEXT(role));
    run_sql("INSERT INTO api_token (id, organization_id, user_id, token_hash) "
            "VALUES ($1::uuid, $2::uuid, $3::uuid, $4::bytea)",
            DB_UUID(uuid_v7()), DB_UUID(org), DB_UUID(user),
            DB_BYTES(str_n((const char *)digest, 32)));
}

static void make_org(struct uuid id, const char *name)
{
    AUTO(buf_done) struct buf sealed;
    buf_init(&sealed, KIB(1));
    org_key_make(&master, &id, &sealed);
    run_sql("INSERT INTO organization (id, name, data_key) VALUES ($1::uuid, $2, $3::bytea)",
            DB_UUID(id), DB_TEXT(name), DB_BYTES(buf_str(&sealed)));
}

static void on_executions(void *arg, const struct uuid *ids, size_t n)
{
    for (size_t i = 0; i < n && n_started < ARRAY_LEN(started); i++) {
        started[n_started++] = ids[i];
    }
}

static int setup(void **state)
{
    int applied;
    arena = arena_new(0, 0);
    secret_key_random(&master);
    must(db_open(getenv("LEAT_TEST_POSTGRES"), DB_OWNER, "test", &owner, &err));
    must(migrate_run(owner, &applied, &err));
    must(db_open(getenv("LEAT_TEST_POSTGRES"), DB_API, "test", &lane, &err));
    org_a = uuid_v7();
    org_b = uuid_v7();
    make_org(org_a, "Alpha");
    make_org(org_b, "Beta");
    make_user(org_a, NULL, "owner", token_a);
    make_user(org_b, NULL, "admin", token_b);
    make_user(org_a, NULL, "guest", token_guest);
    customer_of_user = uuid_v7();
    run_sql("INSERT INTO customer (id, organization_id, name, external_id) "
            "VALUES ($1::uuid, $2::uuid, 'Own Customer', 'own')",
            DB_UUID(customer_of_user), DB_UUID(org_a));
    make_user(org_a, &customer_of_user, "customer_admin", token_customer);
    const struct api_options o = {.master = master,
                                  .public_url = "https://leat.example",
                                  .replica_id = 7,
                                  .on_executions = on_executions};
    must(api_new(&o, &api, &err));
    return 0;
}

static int teardown(void **state)
{
    api_free(api);
    db_close(lane);
    db_close(owner);
    arena_free(arena);
    return 0;
}

/* The answer's body, parsed. */
static struct json ask(const char *token, const char *query, struct json variables)
{
    struct json_builder b;
    AUTO(buf_done) struct buf body;
    AUTO(reply_done) struct reply reply;
    char header[100];
    json_build_object(&b, arena);
    json_append(&b, STR("query"), json_cstr(query));
    json_append(&b, STR("variables"), variables);
    buf_init(&body, 0);
    json_dump(&body, json_built(&b));
    snprintf(header, sizeof(header), "Bearer %s", token);
    reply_init(&reply);
    api_handle(api, lane, str_of(header), STR("192.0.2.1"), buf_str(&body), &reply);
    assert_int_equal(reply.status, 200);
    struct json answer;
    char *text = arena_strndup(arena, buf_str(&reply.body).ptr, reply.body.len);
    must(json_parse(arena, str_of(text), &answer, &err));
    return answer;
}

static struct json vars(const char *text)
{
    struct json v;
    must(json_parse(arena, str_of(text), &v, &err));
    return v;
}

/* Follows "a.b.0.c". */
static struct json at(struct json v, const char *path)
{
    while (*path) {
        const char *end = strchrnul(path, '.');
        struct str key = str_n(path, (size_t)(end - path));
        int64_t index;
        v = v.type == JSON_ARRAY && str_to_i64(key, &index) ? json_at(v, (size_t)index)
                                                            : json_get(v, key);
        path = *end ? end + 1 : end;
    }
    return v;
}

static const char *text_at(struct json v, const char *path)
{
    struct str s = json_as_str(at(v, path));
    return arena_strndup(arena, s.ptr, s.len);
}

static void assert_no_errors(struct json answer)
{
    if (json_get(answer, STR("errors")).type == JSON_ARRAY) {
        AUTO(buf_done) struct buf b;
        buf_init(&b, 0);
        json_dump(&b, answer);
        fail_msg("%s", b.data);
    }
}

static struct json data(const char *token, const char *query, const char *variables)
{
    struct json answer = ask(token, query, vars(variables));
    assert_no_errors(answer);
    return json_get(answer, STR("data"));
}

static const char *gid(const char *type, struct uuid id)
{
    char text[GLOBAL_ID_MAX];
    global_id_format(type, &id, text);
    return arena_strdup(arena, text);
}

static void test_who_am_i(void **state)
{
    struct json d =
        data(token_a,
             "{ authenticatedUser { id email tenantId role { name } org { name } customer { name } "
             "__typename } organization { name } __typename }",
             "{}");
    assert_string_equal(text_at(d, "authenticatedUser.email"), "owner@example.com");
    assert_string_equal(text_at(d, "authenticatedUser.org.name"), "Alpha");
    assert_string_equal(text_at(d, "authenticatedUser.role.name"), "owner");
    assert_string_equal(text_at(d, "authenticatedUser.tenantId"), gid("Organization", org_a));
    assert_string_equal(text_at(d, "authenticatedUser.__typename"), "User");
    assert_string_equal(text_at(d, "__typename"), "Query");
    assert_int_equal(at(d, "authenticatedUser.customer").type, JSON_NULL);
    d = data(token_customer, "{ authenticatedUser { customer { externalId } } }", "{}");
    assert_string_equal(text_at(d, "authenticatedUser.customer.externalId"), "own");
}

static void test_no_token(void **state)
{
    static const char *const headers[] = {"", "Bearer ", "Bearer nobody", "Basic abc", "bearer"};
    for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
        AUTO(reply_done) struct reply reply;
        reply_init(&reply);
        api_handle(api, lane, str_of(headers[i]), STR(""),
                   STR("{\"query\":\"{organization{name}}\"}"), &reply);
        assert_int_equal(reply.status, 401);
    }
}

static void test_bad_bodies(void **state)
{
    static const char *const bodies[] = {
        "", "{", "[]", "{}", "{\"query\":1}", "{\"query\":\"{a}\",\"variables\":[]}"};
    char header[100];
    snprintf(header, sizeof(header), "Bearer %s", token_a);
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        AUTO(reply_done) struct reply reply;
        reply_init(&reply);
        api_handle(api, lane, str_of(header), STR(""), str_of(bodies[i]), &reply);
        assert_int_equal(reply.status, 400);
    }
}

static struct json create_customer(const char *token, const char *name, const char *external_id)
{
    struct json v = vars(
        arena_printf(arena, "{\"i\":{\"name\":\"%s\",\"externalId\":\"%s\",\"labels\":[\"Big\"]}}",
                     name, external_id));
    return json_get(ask(token,
                        "mutation ($i: CreateCustomerInput!) { createCustomer(input: $i) { "
                        "customer { id name labels } errors { field messages } } }",
                        v),
                    STR("data"));
}

static void test_customers(void **state)
{
    struct json d = create_customer(token_a, "First", "c-1");
    assert_string_equal(text_at(d, "createCustomer.customer.name"), "First");
    assert_string_equal(text_at(d, "createCustomer.customer.labels.0"), "big");
    const char *id = text_at(d, "createCustomer.customer.id");

    d = create_customer(token_a, "First", "c-2");
    assert_int_equal(at(d, "createCustomer.customer").type, JSON_NULL);
    assert_string_equal(text_at(d, "createCustomer.errors.0.field"), "name");
    d = create_customer(token_a, "Second", "c-1");
    assert_string_equal(text_at(d, "createCustomer.errors.0.field"), "externalId");
    d = create_customer(token_a, "  ", "");
    assert_string_equal(text_at(d, "createCustomer.errors.0.field"), "name");

    const char *one = "query ($id: ID!) { customer(id: $id) { name } }";
    const char *id_vars = arena_printf(arena, "{\"id\":\"%s\"}", id);
    assert_string_equal(text_at(data(token_a, one, id_vars), "customer.name"), "First");
    /* Another organization's object, a malformed id and an id of another type do not exist. */
    assert_int_equal(at(data(token_b, one, id_vars), "customer").type, JSON_NULL);
    assert_int_equal(at(data(token_a, one, "{\"id\":\"%%%\"}"), "customer").type, JSON_NULL);
    assert_int_equal(
        at(data(token_a, one, arena_printf(arena, "{\"id\":\"%s\"}", gid("Instance", org_a))),
           "customer")
            .type,
        JSON_NULL);

    d = data(token_a,
             "mutation ($id: ID) { updateCustomer(input: {id: $id, name: \"Renamed\", "
             "clientMutationId: \"m1\"}) { customer { name externalId } errors { field } "
             "clientMutationId } }",
             id_vars);
    assert_string_equal(text_at(d, "updateCustomer.customer.name"), "Renamed");
    assert_string_equal(text_at(d, "updateCustomer.customer.externalId"), "c-1");
    assert_string_equal(text_at(d, "updateCustomer.clientMutationId"), "m1");

    const char *drop = "mutation ($id: ID) { deleteCustomer(input: {id: $id}) { customer { name } "
                       "errors { field messages } } }";
    d = data(token_b, drop, id_vars);
    assert_string_equal(text_at(d, "deleteCustomer.errors.0.field"), "id");
    d = data(token_a, drop, id_vars);
    assert_string_equal(text_at(d, "deleteCustomer.customer.name"), "Renamed");
    assert_int_equal(at(data(token_a, one, id_vars), "customer").type, JSON_NULL);
}

static void test_roles(void **state)
{
    struct json answer =
        ask(token_guest, "mutation { createCustomer(input: {name: \"G\"}) { errors { field } } }",
            vars("{}"));
    assert_string_equal(text_at(answer, "errors.0.extensions.code"), "FORBIDDEN");
    assert_string_equal(text_at(answer, "errors.0.path.0"), "createCustomer");
    answer = ask(token_guest, "{ logs { totalCount } }", vars("{}"));
    assert_string_equal(text_at(answer, "errors.0.extensions.code"), "FORBIDDEN");
    /* A user of a customer sees that customer only. */
    struct json d = data(token_customer, "{ customers { nodes { name } totalCount } }", "{}");
    assert_string_equal(text_at(d, "customers.nodes.0.name"), "Own Customer");
    assert_true(at(d, "customers.totalCount").num < 2);
}

static void fill_customers(void)
{
    for (int i = 0; i < 25; i++) {
        char name[32], external[32];
        snprintf(name, sizeof(name), "Page %02d", i);
        snprintf(external, sizeof(external), "p-%02d", 24 - i);
        run_sql("INSERT INTO customer (id, organization_id, name, external_id, description) "
                "VALUES ($1::uuid, $2::uuid, $3, $4, CASE WHEN $5::int % 2 = 0 THEN 'even' ELSE "
                "'odd' END)",
                DB_UUID(uuid_v7()), DB_UUID(org_b), DB_TEXT(name),
                i % 5 == 0 ? DB_NULL : DB_TEXT(external), DB_I64(i));
    }
}

/* Walks all pages and counts; each name must come once. */
static int walk_pages(const char *query, const char *cursor_field, const char *has)
{
    const char *cursor = NULL;
    char seen[32] = {0};
    int n = 0;
    for (int page = 0; page < 20; page++) {
        const char *v = cursor ? arena_printf(arena, "{\"c\":\"%s\"}", cursor) : "{}";
        struct json c = at(data(token_b, query, v), "customers");
        struct json edges = json_get(c, STR("edges"));
        for (uint32_t i = 0; i < edges.len; i++) {
            int number = atoi(text_at(edges.items[i], "node.name") + 5);
            assert_int_equal(seen[number]++, 0);
            n++;
        }
        if (at(c, has).type != JSON_TRUE) {
            break;
        }
        cursor = text_at(c, cursor_field);
    }
    return n;
}

static void test_pages(void **state)
{
    static const char *const sorts[] = {
        "",
        ", sortBy: [{field: NAME, direction: DESC}]",
        ", sortBy: [{field: EXTERNAL_ID, direction: ASC}]",
        ", sortBy: {field: EXTERNAL_ID, direction: DESC}",
        ", orderBy: [{field: DESCRIPTION, direction: ASC}, {field: NAME, direction: DESC}]",
        ", sortBy: [{field: CREATED_AT, direction: ASC}]",
    };
    fill_customers();
    for (size_t i = 0; i < ARRAY_LEN(sorts); i++) {
        const char *forward = arena_printf(
            arena,
            "query ($c: String) { customers(first: 7, after: $c, name_Istartswith: \"page\"%s) { "
            "edges { cursor node { name } } pageInfo { hasNextPage endCursor } } }",
            sorts[i]);
        const char *backward = arena_printf(
            arena,
            "query ($c: String) { customers(last: 6, before: $c, name_Istartswith: \"page\"%s) { "
            "edges { node { name } } pageInfo { hasPreviousPage startCursor } } }",
            sorts[i]);
        assert_int_equal(walk_pages(forward, "pageInfo.endCursor", "pageInfo.hasNextPage"), 25);
        assert_int_equal(walk_pages(backward, "pageInfo.startCursor", "pageInfo.hasPreviousPage"),
                         25);
    }
    struct json d = data(token_b,
                         "{ customers(last: 2, sortBy: [{field: NAME, direction: ASC}], "
                         "name_Icontains: \"PAGE\") { nodes { name } totalCount pageInfo { "
                         "hasPreviousPage hasNextPage } } }",
                         "{}");
    assert_string_equal(text_at(d, "customers.nodes.0.name"), "Page 23");
    assert_string_equal(text_at(d, "customers.nodes.1.name"), "Page 24");
    assert_int_equal((int)at(d, "customers.totalCount").num, 25);
    assert_int_equal(at(d, "customers.pageInfo.hasPreviousPage").type, JSON_TRUE);
    assert_int_equal(at(d, "customers.pageInfo.hasNextPage").type, JSON_FALSE);
    d = data(token_b,
             "{ customers { totalCount } x: customers(first: 0) { nodes { id } pageInfo { "
             "hasPreviousPage } } }",
             "{}");
    assert_int_equal((int)at(d, "customers.totalCount").num, 25);
    assert_int_equal(at(d, "x.nodes").len, 0);
    d = data(token_b, "{ customers(offset: 20, first: 3) { nodes { name } } }", "{}");
    assert_string_equal(text_at(d, "customers.nodes.0.name"), "Page 20");
}

static void test_filters(void **state)
{
    static const struct {
        const char *args;
        int n;
    } rows[] = {
        {"name: \"Page 03\"", 1},
        {"name_In: [\"Page 03\", \"Page 04\", \"nope\"]", 2},
        {"name_In: []", 0},
        {"name_Icontains: \"AGE 1\"", 10},
        {"name_Icontains: \"%\"", 0},
        {"name: \"' OR true --\"", 0},
        {"externalId_Isnull: true", 5},
        {"externalId_Isnull: false", 20},
        {"externalId_Isnull: null", 25},
        {"description: \"odd\", name_Istartswith: \"page 0\"", 5},
        {"createdAt_Gte: \"2020-01-01T00:00:00Z\"", 25},
        {"createdAt_Lte: \"2020-01-01T00:00:00+02:00\"", 0},
        {"createdAt_Lte: \"2020-01-01\"", 0},
        {"labels_Contains: [\"none\"]", 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct json d = data(
            token_b, arena_printf(arena, "{ customers(%s) { totalCount } }", rows[i].args), "{}");
        assert_int_equal((int)at(d, "customers.totalCount").num, rows[i].n);
    }
}

static void test_errors(void **state)
{
    static const struct {
        const char *query, *part;
    } rows[] = {
        {"{", "Syntax Error"},
        {"{ nope }", "Cannot query field"},
        {"{ organisation { name } }", "Did you mean \"organization\"?"},
        {"{ organization }", "must have a selection"},
        {"{ organization { name { x } } }", "must not have a selection"},
        {"{ customer { id } }", "required"},
        {"{ customer(id: 1.5) { id } }", "Expected a value of type"},
        {"{ components(filterQuery: \"[\") { totalCount } }", "must be a JSON text"},
        {"{ customers(first: 101) { totalCount } }", "between 0 and 100"},
        {"{ customers(first: 1, last: 1) { totalCount } }", "Only one of"},
        {"{ customers(after: \"xx\") { nodes { id } } }", "not a cursor"},
        {"{ customers(createdAt_Gte: \"2026-02-30\") { totalCount } }", "Expected a value"},
        {"query ($x: Int) { customers(first: $y) { totalCount } }", "is not defined"},
        {"query ($x: String) { customers(first: $x) { totalCount } }", "used in position"},
        {"query ($x: Int!) { customers(first: $x) { totalCount } }", "was not provided"},
        {"{ ...A } fragment A on Query { ...A }", "within itself"},
        {"{ organization { ... on Customer { id } } }", "can never be"},
        {"{ organization { a: name a: id } }", "conflict"},
        {"{ organization { name @nope } }", "Unknown directive"},
        {"subscription { x }", "no subscription"},
        {"{ customers { nodes { instances { nodes { flowConfigs { nodes { id } } } } } } }",
         "more than 250000 objects"},
        {"{ authenticatedUser { org { users(first: 1) { nodes { org { users(first: 1) { nodes {"
         " org { users(first: 1) { nodes { org { users(first: 1) { nodes { org { users(first: 1"
         ") { nodes { org { users(first: 1) { nodes { org { users(first: 1) { nodes { org { use"
         "rs(first: 1) { nodes { org { users(first: 1) { nodes { name } } } } } } } } } } } } }"
         " } } } } } } } } } } } } } } } }",
         "deeper than 15"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct json answer = ask(token_a, rows[i].query, vars("{}"));
        const char *message = text_at(answer, "errors.0.message");
        if (!strstr(message, rows[i].part)) {
            fail_msg("%s: \"%s\" lacks \"%s\"", rows[i].query, message, rows[i].part);
        }
        assert_int_equal(at(answer, "data").type, JSON_NULL);
    }
    struct json answer = ask(token_a, "{\n  organization { nmae }\n}", vars("{}"));
    assert_int_equal((int)at(answer, "errors.0.locations.0.line").num, 2);
    assert_int_equal((int)at(answer, "errors.0.locations.0.column").num, 18);
}

static void test_fragments_and_directives(void **state)
{
    struct json d = data(token_a,
                         "query Q($yes: Boolean = true, $no: Boolean!) { organization { ...F id "
                         "@include(if: $no) name @skip(if: $yes) ... on Node { same: id } ... "
                         "@include(if: $yes) { other: name } } } fragment F on Organization { "
                         "createdAt updatedAt }",
                         "{\"no\":false}");
    struct json o = at(d, "organization");
    assert_int_equal(json_get(o, STR("id")).type, JSON_UNDEFINED);
    assert_int_equal(json_get(o, STR("name")).type, JSON_UNDEFINED);
    assert_string_equal(text_at(o, "other"), "Alpha");
    assert_string_equal(text_at(o, "same"), gid("Organization", org_a));
    assert_non_null(strstr(text_at(o, "createdAt"), "T"));
}

static const char definition_yaml[] =
    "definitionVersion: 7\n"
    "name: Order Sync\n"
    "description: Moves orders\n"
    "category: ERP\n"
    "labels: [Orders, ERP]\n"
    "requiredConfigVars:\n"
    "  - {key: Endpoint, dataType: string, defaultValue: 'https://x.example'}\n"
    "  - {key: Limit, dataType: number, defaultValue: ''}\n"
    "  - key: Every\n"
    "    dataType: schedule\n"
    "    scheduleType: hour\n"
    "    defaultValue: '0 * * * *'\n"
    "  - key: Service\n"
    "    dataType: connection\n"
    "    connection: {key: apiKey, component: {key: http, version: LATEST, isPublic: true}}\n"
    "    inputs:\n"
    "      apiKey: {type: value, value: ''}\n"
    "flows:\n"
    "  - name: Receive\n"
    "    endpointSecurityType: customer_optional\n"
    "    steps:\n"
    "      - name: Trigger\n"
    "        isTrigger: true\n"
    "        action: {key: webhook, component: {key: webhook-triggers, version: LATEST, isPublic: "
    "true}}\n"
    "        inputs:\n"
    "          statusCode: {type: value, value: '202'}\n"
    "          body: {type: value, value: taken}\n"
    "  - name: On Deploy\n"
    "    steps:\n"
    "      - name: Deployed\n"
    "        isTrigger: true\n"
    "        action: {key: instanceDeploy, component: {key: management-triggers, version: LATEST, "
    "isPublic: true}}\n"
    "  - name: Tick\n"
    "    steps:\n"
    "      - name: Schedule\n"
    "        isTrigger: true\n"
    "        action: {key: schedule, component: {key: schedule-triggers, version: LATEST, "
    "isPublic: true}}\n"
    "        schedule: {type: configVar, value: Every, meta: {scheduleType: custom, timeZone: "
    "''}}\n";

static struct json import_text(const char *text, const char *extra)
{
    struct json_builder b, in;
    json_build_object(&in, arena);
    json_append(&in, STR("definition"), json_cstr(text));
    if (extra) {
        json_append(&in, STR("integrationId"), json_cstr(extra));
    }
    json_build_object(&b, arena);
    json_append(&b, STR("i"), json_built(&in));
    struct json answer = ask(token_a,
                             "mutation ($i: ImportIntegrationInput!) { importIntegration(input: "
                             "$i) { integration { id name labels versionNumber isDraft "
                             "hasUnpublishedChanges flows { nodes { id name triggerComponent } "
                             "totalCount } requiredConfigVariables { nodes { key dataType } } "
                             "definition } errors { field messages } } }",
                             json_built(&b));
    assert_no_errors(answer);
    return at(answer, "data.importIntegration");
}

static const char *integration_id, *version_id, *customer_id, *instance_id;

static void test_import(void **state)
{
    struct json r = import_text(definition_yaml, NULL);
    assert_int_equal(at(r, "errors").len, 0);
    assert_string_equal(text_at(r, "integration.name"), "Order Sync");
    assert_string_equal(text_at(r, "integration.labels.0"), "orders");
    assert_int_equal((int)at(r, "integration.flows.totalCount").num, 3);
    assert_int_equal(at(r, "integration.hasUnpublishedChanges").type, JSON_TRUE);
    assert_string_equal(text_at(r, "integration.requiredConfigVariables.nodes.3.dataType"),
                        "connection");
    integration_id = text_at(r, "integration.id");
    const char *flow = text_at(r, "integration.flows.nodes.0.id");
    /* Again, with one flow gone: ids of integration and flow stay. */
    r = import_text(definition_yaml, integration_id);
    assert_string_equal(text_at(r, "integration.id"), integration_id);
    assert_string_equal(text_at(r, "integration.flows.nodes.0.id"), flow);
    r = import_text("definitionVersion: 7\nname: Broken\nflows:\n  - name: A\n    steps:\n      - "
                    "{name: T}\n",
                    NULL);
    assert_int_equal(at(r, "integration").type, JSON_NULL);
    assert_string_equal(text_at(r, "errors.0.field"), "definition");
    assert_non_null(strstr(text_at(r, "errors.0.messages.0"), "line "));
    r = import_text(definition_yaml, gid("Integration", org_a));
    assert_string_equal(text_at(r, "errors.0.field"), "integrationId");
}

static struct json publish(void)
{
    return at(data(token_a,
                   "mutation ($id: ID) { publishIntegration(input: {id: $id, comment: \"first\"}) "
                   "{ integration { id versionNumber versionComment versionIsLatest "
                   "versionSequenceId hasUnpublishedChanges versionCreatedBy { email } flows { "
                   "totalCount } } errors { field messages } } }",
                   arena_printf(arena, "{\"id\":\"%s\"}", integration_id)),
              "publishIntegration");
}

static void test_publish(void **state)
{
    struct json r = publish();
    assert_int_equal((int)at(r, "integration.versionNumber").num, 1);
    assert_string_equal(text_at(r, "integration.versionSequenceId"), integration_id);
    assert_string_equal(text_at(r, "integration.versionCreatedBy.email"), "owner@example.com");
    assert_int_equal((int)at(r, "integration.flows.totalCount").num, 3);
    assert_int_equal(at(r, "integration.hasUnpublishedChanges").type, JSON_FALSE);
    version_id = text_at(r, "integration.id");
    r = publish();
    assert_int_equal((int)at(r, "integration.versionNumber").num, 2);
    struct json d = data(token_a,
                         "query ($id: ID!) { integration(id: $id) { versionSequence(first: 1, "
                         "versionIsAvailable: true, sortBy: {field: VERSION_NUMBER, direction: "
                         "DESC}) { nodes { versionNumber } totalCount } } integrations { nodes { "
                         "name } } all: integrations(allVersions: true) { totalCount } }",
                         arena_printf(arena, "{\"id\":\"%s\"}", integration_id));
    assert_int_equal((int)at(d, "integration.versionSequence.nodes.0.versionNumber").num, 2);
    assert_int_equal((int)at(d, "integration.versionSequence.totalCount").num, 2);
    assert_int_equal(at(d, "integrations.nodes").len, 1);
    assert_int_equal((int)at(d, "all.totalCount").num, 3);
    d = data(token_a,
             "query ($id: ID!) { integration(id: $id) { definition(version: 7, "
             "useLatestComponentVersions: true) } }",
             arena_printf(arena, "{\"id\":\"%s\"}", version_id));
    assert_non_null(strstr(text_at(d, "integration.definition"), "LATEST"));
}

static struct json create_instance(const char *name, const char *config)
{
    return at(
        data(token_a,
             "mutation ($i: CreateInstanceInput!) { createInstance(input: $i) { instance { "
             "id name enabled needsDeploy configState deployedVersion integration { "
             "versionNumber } flowConfigs { nodes { id webhookUrl apiKeys flow { name } } } "
             "configVariables { nodes { key value inputs { nodes { name value hasValue } } } } } "
             "errors { "
             "field messages } } }",
             arena_printf(arena,
                          "{\"i\":{\"integration\":\"%s\",\"customer\":\"%s\",\"name\":\"%s\","
                          "\"configVariables\":%s}}",
                          integration_id, customer_id, name, config)),
        "createInstance");
}

static void test_instance(void **state)
{
    customer_id = text_at(create_customer(token_a, "Buyer", "b-1"), "createCustomer.customer.id");
    struct json r = create_instance("Bad", "[{\"key\":\"Limit\",\"value\":\"many\"},{\"key\":"
                                           "\"Nope\",\"value\":\"\"}]");
    assert_int_equal(at(r, "instance").type, JSON_NULL);
    assert_string_equal(text_at(r, "errors.0.field"), "configVariables");
    assert_int_equal(at(r, "errors.0.messages").len, 2);

    r = create_instance("Orders", "[{\"key\":\"Limit\",\"value\":\"25\"}]");
    assert_int_equal(at(r, "errors").len, 0);
    instance_id = text_at(r, "instance.id");
    assert_int_equal((int)at(r, "instance.integration.versionNumber").num, 2);
    assert_string_equal(text_at(r, "instance.configState"), "NEEDS_INSTANCE_CONFIGURATION");
    assert_int_equal(at(r, "instance.needsDeploy").type, JSON_TRUE);
    assert_int_equal(at(r, "instance.flowConfigs.nodes").len, 3);
    assert_non_null(strstr(text_at(r, "instance.flowConfigs.nodes.0.webhookUrl"),
                           "https://leat.example/trigger/"));
    r = create_instance("Orders", "[]");
    assert_string_equal(text_at(r, "errors.0.field"), "name");
}

static struct json update(const char *fields)
{
    return at(data(token_a,
                   "mutation ($i: UpdateInstanceInput!) { updateInstance(input: $i) { instance { "
                   "id enabled needsDeploy configState flowConfigs { nodes { apiKeys } } "
                   "configVariables { nodes { key value inputs { nodes { name value hasValue } } } "
                   "} } errors { "
                   "field messages } } }",
                   arena_printf(arena, "{\"i\":{\"id\":\"%s\",%s}}", instance_id, fields)),
              "updateInstance");
}

static struct json deploy(void)
{
    return at(data(token_a,
                   "mutation ($id: ID) { deployInstance(input: {id: $id}) { instance { "
                   "needsDeploy deployedVersion lastDeployedAt flowConfigs { nodes { id nextRunAt "
                   "flow { name } } } } errors { field messages } } }",
                   arena_printf(arena, "{\"id\":\"%s\"}", instance_id)),
              "deployInstance");
}

/* What the workers get of a revision. */
static struct json frozen(int64_t revision)
{
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    struct uuid id;
    struct secret_key key;
    struct str plain;
    struct json v;
    assert_true(global_id_parse(str_of(instance_id), "Instance", &id));
    const struct db_param params[] = {DB_UUID(id), DB_I64(revision)};
    must(db_query_text(owner,
                       STR("SELECT sealed_config FROM instance_revision WHERE instance_id = "
                           "$1::uuid AND revision = $2::int8"),
                       params, 2, &rows, &err));
    assert_int_equal(db_rows_n(rows), 1);
    must(org_key_get(owner, &master, &org_a, &key, &err));
    must(secret_open(
        arena, &key, db_str(rows, 0, 0),
        org_key_aad(arena, arena_printf(arena, "instance_revision.sealed_config.%d", (int)revision),
                    &id),
        &plain, &err));
    must(json_parse(arena, plain, &v, &err));
    return v;
}

static void test_deploy(void **state)
{
    struct json r = deploy();
    assert_string_equal(text_at(r, "errors.0.field"), "configVariables");
    assert_non_null(strstr(text_at(r, "errors.0.messages.0"), "Service"));
    r = update("\"configVariables\":[{\"key\":\"Limit\",\"value\":\"30\"},{\"key\":\"Service\","
               "\"values\":\"[{\\\"name\\\":\\\"apiKey\\\",\\\"type\\\":\\\"value\\\","
               "\\\"value\\\":\\\"top-secret\\\"}]\"}]");
    assert_int_equal(at(r, "errors").len, 0);
    assert_string_equal(text_at(r, "instance.configState"), "FULLY_CONFIGURED");
    AUTO(buf_done) struct buf shown;
    buf_init(&shown, 0);
    json_dump(&shown, r);
    assert_null(strstr(shown.data, "top-secret"));
    assert_non_null(strstr(shown.data, "\"hasValue\":true"));

    n_started = 0;
    r = deploy();
    assert_int_equal(at(r, "errors").len, 0);
    assert_int_equal((int)at(r, "instance.deployedVersion").num, 2);
    assert_int_equal(at(r, "instance.needsDeploy").type, JSON_FALSE);
    assert_int_equal(n_started, 1); /* the deploy flow */
    assert_int_equal(at(r, "instance.flowConfigs.nodes.2.nextRunAt").type, JSON_STRING);
    const char *config = text_at(r, "instance.flowConfigs.nodes.0.id");
    struct json values = frozen(1);
    assert_int_equal((int)at(values, "Limit").num, 30);
    assert_string_equal(text_at(values, "Endpoint"), "https://x.example");
    assert_string_equal(text_at(values, "Every.value"), "0 * * * *");
    assert_string_equal(text_at(values, "Service.fields.apiKey"), "top-secret");
    r = deploy();
    assert_string_equal(text_at(r, "instance.flowConfigs.nodes.0.id"), config);
    (void)frozen(2);
    /* Secrets are kept when only the rest is given again. */
    r = update("\"enabled\":false,\"configVariables\":[{\"key\":\"Limit\",\"value\":\"31\"},"
               "{\"key\":\"Service\"}]");
    assert_string_equal(text_at(r, "instance.configState"), "FULLY_CONFIGURED");
    assert_int_equal(at(r, "instance.enabled").type, JSON_FALSE);
    assert_int_equal(at(r, "instance.needsDeploy").type, JSON_TRUE);
}

static void test_api_keys(void **state)
{
    struct json d = data(token_a,
                         "query ($id: ID!) { instance(id: $id) { flowConfigs { nodes { flow { id } "
                         "} } } }",
                         arena_printf(arena, "{\"id\":\"%s\"}", instance_id));
    const char *flow = text_at(d, "instance.flowConfigs.nodes.0.flow.id");
    struct json r = update(arena_printf(
        arena, "\"flowConfigs\":[{\"flowId\":\"%s\",\"apiKeys\":[\"k1\",\"k2\"]}]", flow));
    assert_string_equal(text_at(r, "instance.flowConfigs.nodes.0.apiKeys.1"), "********");
    assert_int_equal(at(r, "instance.flowConfigs.nodes.1.apiKeys").len, 0);
    r = update("\"flowConfigs\":[{\"flowId\":\"bm9wZQ==\",\"apiKeys\":[]}]");
    assert_string_equal(text_at(r, "errors.0.field"), "flowConfigs");
}

/* Users of a customer neither see nor touch another customer's instance, nor does another
 * organization. */
static void test_walls(void **state)
{
    const char *const strangers[] = {token_customer, token_b};
    const char *v = arena_printf(arena, "{\"id\":\"%s\"}", instance_id);
    for (size_t i = 0; i < ARRAY_LEN(strangers); i++) {
        struct json d = data(strangers[i],
                             "query ($id: ID!) { instance(id: $id) { name } instances { totalCount "
                             "} executionResults { totalCount } integrations { totalCount } }",
                             v);
        assert_int_equal(at(d, "instance").type, JSON_NULL);
        assert_int_equal((int)at(d, "instances.totalCount").num, 0);
        assert_int_equal((int)at(d, "executionResults.totalCount").num, 0);
        assert_int_equal((int)at(d, "integrations.totalCount").num, 0);
        d = data(strangers[i],
                 "mutation ($id: ID) { updateInstance(input: {id: $id, enabled: false}) { errors { "
                 "field } } deployInstance(input: {id: $id}) { errors { field } } "
                 "deleteInstance(input: {id: $id}) { instance { id } errors { field } } }",
                 v);
        assert_string_equal(text_at(d, "updateInstance.errors.0.field"), "id");
        assert_string_equal(text_at(d, "deployInstance.errors.0.field"), "id");
        assert_string_equal(text_at(d, "deleteInstance.errors.0.field"), "id");
    }
}

static void add_step(struct buf *batch, const char *name, const char *key, const char *result,
                     const char *error)
{
    AUTO(buf_done) struct buf data_bytes, message;
    struct json_builder b;
    json_build_object(&b, arena);
    json_append(&b, STR("data"), vars(result));
    json_append(&b, STR("contentType"), json_cstr("application/json"));
    buf_init(&data_bytes, 0);
    buf_init(&message, 0);
    msgpack_write(&data_bytes, json_built(&b));
    struct step_result step = {.name = str_of(name),
                               .key = str_of(key),
                               .component = STR("http"),
                               .action = STR("httpGet"),
                               .started_ns = NS_PER_SEC,
                               .ended_ns = 2 * NS_PER_SEC,
                               .data = buf_str(&data_bytes),
                               .error = str_of(error),
                               .loop_path = STR("loop.1")};
    wire_encode(&step_result_message, &step, &message);
    wire_batch_add(batch, buf_str(&message));
}

static void test_executions(void **state)
{
    AUTO(buf_done) struct buf batch, blob;
    struct uuid id = started[0], instance;
    assert_true(global_id_parse(str_of(instance_id), "Instance", &instance));
    const char *one = "query ($id: ID!) { executionResult(id: $id) { status invokeType startedAt "
                      "endedAt error flow { name } instance { name } integration { versionNumber } "
                      "isTestExecution stepResults { nodes { id } totalCount } } }";
    const char *v = arena_printf(arena, "{\"id\":\"%s\"}", gid("InstanceExecutionResult", id));
    struct json d = data(token_a, one, v);
    assert_string_equal(text_at(d, "executionResult.status"), "PENDING");
    assert_string_equal(text_at(d, "executionResult.invokeType"), "DEPLOY_FLOW");
    assert_string_equal(text_at(d, "executionResult.flow.name"), "On Deploy");
    assert_int_equal((int)at(d, "executionResult.integration.versionNumber").num, 2);
    assert_int_equal(at(d, "executionResult.stepResults.nodes").len, 0);
    assert_int_equal(at(data(token_b, one, v), "executionResult").type, JSON_NULL);

    buf_init(&batch, 0);
    buf_init(&blob, 0);
    add_step(&batch, "Get It", "getIt", "{\"a\":[1,\"\\u0000\"]}", "");
    add_step(&batch, "Fail", "fail", "null", "no luck");
    steps_compress(buf_str(&batch), &blob);
    run_sql("INSERT INTO execution_result VALUES ($1::uuid, $2::uuid, 1, 2, 2, $3::int, now(), "
            "now(), now(), 'ERROR', 'no luck', 'Fail', $4::bytea)",
            DB_UUID(id), DB_UUID(org_a), DB_I64(batch.len), DB_BYTES(buf_str(&blob)));
    run_sql("INSERT INTO log_line VALUES ($1::uuid, $2::uuid, $3::uuid, $4::uuid, $4::uuid, 4, "
            "now(), 'Fail', 'it failed')",
            DB_UUID(uuid_v7()), DB_UUID(org_a), DB_UUID(id), DB_UUID(instance));
    d = data(token_a,
             "query ($id: ID!) { executionResult(id: $id) { status error endedAt "
             "stepResults(first: 1) { nodes { stepName displayStepName hasError results loopPath "
             "__typename } edges { cursor node { s: stepName } } pageInfo { hasNextPage endCursor "
             "} totalCount } failed: stepResults(hasError: true) { nodes { stepName error } } logs "
             "{ nodes { message level stepName } } } executionResults(status_In: [ERROR], "
             "error_Isnull: false) { nodes { stepResults { nodes { results } } } totalCount } "
             "logs(severity_Gte: 4) { nodes { message } } }",
             v);
    assert_string_equal(text_at(d, "executionResult.status"), "ERROR");
    assert_string_equal(text_at(d, "executionResult.stepResults.nodes.0.stepName"), "getIt");
    assert_int_equal((int)at(d, "executionResult.stepResults.nodes.0.results.a.0").num, 1);
    assert_string_equal(text_at(d, "executionResult.stepResults.edges.0.node.s"), "getIt");
    assert_int_equal(at(d, "executionResult.stepResults.pageInfo.hasNextPage").type, JSON_TRUE);
    assert_int_equal((int)at(d, "executionResult.stepResults.totalCount").num, 2);
    assert_string_equal(text_at(d, "executionResult.failed.nodes.0.error"), "no luck");
    assert_string_equal(text_at(d, "executionResult.logs.nodes.0.level"), "ERROR");
    assert_int_equal((int)at(d, "executionResults.totalCount").num, 1);
    assert_string_equal(text_at(d, "logs.nodes.0.message"), "it failed");
}

static void test_run_by_hand(void **state)
{
    struct json d = data(token_a,
                         "query ($id: ID!) { instance(id: $id) { flowConfigs(flow_Name: "
                         "\"Receive\") { nodes { id } } } }",
                         arena_printf(arena, "{\"id\":\"%s\"}", instance_id));
    const char *config = text_at(d, "instance.flowConfigs.nodes.0.id");
    n_started = 0;
    d = data(token_a,
             "mutation ($id: ID) { testInstanceFlowConfig(input: {id: $id, payload: \"{}\", "
             "headers: \"{\\\"X-A\\\":\\\"b\\\"}\"}) { testInstanceFlowConfigResult { execution { "
             "id isTestExecution } } errors { field messages } } }",
             arena_printf(arena, "{\"id\":\"%s\"}", config));
    assert_int_equal(n_started, 1);
    assert_string_equal(
        text_at(d, "testInstanceFlowConfig.testInstanceFlowConfigResult.execution.id"),
        gid("InstanceExecutionResult", started[0]));
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    const struct db_param params[] = {DB_UUID(started[0])};
    must(db_query_text(owner, STR("SELECT request, accepted_by FROM execution WHERE id = $1::uuid"),
                       params, 1, &rows, &err));
    struct hook_request request;
    must(hook_request_decode(arena, db_str(rows, 0, 0), &request, &err));
    assert_true(str_eq(request.headers.items[0].name, STR("X-A")));
    assert_int_equal(db_int(rows, 0, 1), 7);
}

static void test_one_statement(void **state)
{
    uint64_t before = db_statements();
    (void)data(
        token_a,
        "{ customers { nodes { name instances(first: 5) { nodes { name flowConfigs(first: 3) "
        "{ nodes { webhookUrl flow { name } } } } totalCount } } } integrations { nodes { "
        "flows { nodes { name } } } } organization { name } }",
        "{}");
    /* token, begin, act for, time limit, the query, rollback */
    assert_in_range(db_statements() - before, 1, 6);
}

static void test_deletes(void **state)
{
    struct json d = data(token_a,
                         "mutation ($id: ID) { deleteInstance(input: {id: $id}) { instance { name "
                         "} errors { field } } }",
                         arena_printf(arena, "{\"id\":\"%s\"}", instance_id));
    assert_string_equal(text_at(d, "deleteInstance.instance.name"), "Orders");
    (void)create_instance("Another", "[]");
    d = data(token_a,
             "mutation ($id: ID) { deleteIntegration(input: {id: $id}) { integration { name } "
             "errors { field } } }",
             arena_printf(arena, "{\"id\":\"%s\"}", integration_id));
    assert_string_equal(text_at(d, "deleteIntegration.integration.name"), "Order Sync");
    d = data(token_a, "{ integrations(allVersions: true) { totalCount } instances { totalCount } }",
             "{}");
    assert_int_equal((int)at(d, "integrations.totalCount").num, 0);
    assert_int_equal((int)at(d, "instances.totalCount").num, 0);
}

static void test_introspection(void **state)
{
    struct json d = data(
        token_a,
        "query IntrospectionQuery { __schema { queryType { name } mutationType { name } "
        "subscriptionType { name } types { ...FullType } directives { name description locations "
        "args { ...InputValue } } } } fragment FullType on __Type { kind name description "
        "fields(includeDeprecated: true) { name description args { ...InputValue } type { "
        "...TypeRef } isDeprecated deprecationReason } inputFields { ...InputValue } interfaces { "
        "...TypeRef } enumValues(includeDeprecated: true) { name description isDeprecated "
        "deprecationReason } possibleTypes { ...TypeRef } } fragment InputValue on __InputValue { "
        "name description type { ...TypeRef } defaultValue } fragment TypeRef on __Type { kind "
        "name "
        "ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind "
        "name ofType { kind name ofType { kind name } } } } } } } }",
        "{}");
    assert_string_equal(text_at(d, "__schema.queryType.name"), "Query");
    assert_true(at(d, "__schema.types").len > 60);
    d = data(token_a, "{ __type(name: \"Customer\") { kind fields { name } interfaces { name } } }",
             "{}");
    assert_string_equal(text_at(d, "__type.interfaces.0.name"), "Node");
    assert_string_equal(text_at(d, "__type.fields.0.name"), "id");
}

static void test_components(void **state)
{
    static const char json[] =
        "{\"components\":[{\"key\":\"log\",\"label\":\"Log\",\"description\":\"Writes\","
        "\"category\":\"Logic\",\"version\":1,\"isPublic\":true,\"actions\":[{\"key\":\"writeLog\","
        "\"label\":\"Write\",\"description\":\"d\",\"inputs\":[{\"key\":\"message\",\"label\":"
        "\"Message\",\"type\":\"text\",\"collection\":\"single\",\"required\":true,\"default\":"
        "\"\","
        "\"comments\":\"\",\"example\":\"\"}],\"example\":\"\"}]}]}";
    AUTO(catalog_free) struct catalog *catalog = NULL;
    must(catalog_parse(STR(json), &catalog, &err));
    must(api_sync_components(owner, catalog, &err));
    must(api_sync_components(owner, catalog, &err));
    struct json d =
        data(token_a,
             "{ components(key: \"log\", first: 5) { nodes { label versionNumber public actions "
             "{ nodes { key isTrigger inputs { nodes { key } } } totalCount } } totalCount } }",
             "{}");
    assert_int_equal((int)at(d, "components.totalCount").num, 1);
    assert_string_equal(text_at(d, "components.nodes.0.actions.nodes.0.key"), "writeLog");
    assert_string_equal(text_at(d, "components.nodes.0.actions.nodes.0.inputs.nodes.0.key"),
                        "message");
    d = data(token_a,
             "query ($q: JSONString, $none: JSONString) { a: components(filterQuery: $q) { "
             "totalCount } b: components(filterQuery: $none) { totalCount } }",
             "{\"q\":\"[\\\"or\\\",[\\\"in\\\",\\\"key\\\",\\\"LO\\\"]]\","
             "\"none\":\"[\\\"or\\\",[\\\"in\\\",\\\"label\\\",\\\"zzz\\\"]]\"}");
    assert_int_equal((int)at(d, "a.totalCount").num, 1);
    assert_int_equal((int)at(d, "b.totalCount").num, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_am_i),
        cmocka_unit_test(test_no_token),
        cmocka_unit_test(test_bad_bodies),
        cmocka_unit_test(test_customers),
        cmocka_unit_test(test_roles),
        cmocka_unit_test(test_pages),
        cmocka_unit_test(test_filters),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_fragments_and_directives),
        cmocka_unit_test(test_import),
        cmocka_unit_test(test_publish),
        cmocka_unit_test(test_instance),
        cmocka_unit_test(test_deploy),
        cmocka_unit_test(test_api_keys),
        cmocka_unit_test(test_walls),
        cmocka_unit_test(test_executions),
        cmocka_unit_test(test_run_by_hand),
        cmocka_unit_test(test_one_statement),
        cmocka_unit_test(test_introspection),
        cmocka_unit_test(test_components),
        cmocka_unit_test(test_deletes),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
