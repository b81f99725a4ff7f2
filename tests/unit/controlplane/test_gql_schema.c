/* The schema file: it loads, its parts are in the order the code relies on, and mistakes in a
 * schema are told at start. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "api/api_schema.h"
#include "api/gql_parse.h"
#include "api/gql_request.h"
#include "domain/role.h"
#include "run_request.h"

static struct gql_schema *load(void)
{
    struct gql_schema *s = NULL;
    struct err err = {0};
    const struct embed_file *f = &api_schema_files[0];
    if (gql_schema_new(str_n(f->data, f->len), &s, &err) != 0) {
        fail_msg("%s", err.message);
    }
    return s;
}

static void test_generated(void **state)
{
    AUTO(gql_schema_free) struct gql_schema *s = load();
    const struct gql_type_def *query = gql_schema_root(s, GQL_QUERY);
    const struct gql_field_def *f = gql_type_field(query, STR("customers"));
    static const char *const args[] = {"first",          "after",         "last",
                                       "before",         "offset",        "sortBy",
                                       "orderBy",        "name",          "name_In",
                                       "name_Icontains", "createdAt_Gte", "externalId_Isnull",
                                       "labels_Contains"};
    for (size_t i = 0; i < ARRAY_LEN(args); i++) {
        assert_non_null(gql_input_find(f->args, str_of(args[i])));
    }
    const struct gql_type_def *fields = gql_schema_type(s, STR("CustomerOrderField"));
    assert_non_null(gql_enum_find(fields, STR("EXTERNAL_ID")));
    assert_non_null(gql_schema_type(s, STR("CustomerEdge")));
    assert_null(gql_schema_type(s, STR("CreateCustomerPayloadConnection")));
    assert_null(gql_schema_root(s, GQL_SUBSCRIPTION));
}

/* The schema spells the invoke types in the order of their numbers. */
static void test_invoke_types(void **state)
{
    AUTO(gql_schema_free) struct gql_schema *s = load();
    const struct gql_type_def *t = gql_schema_type(s, STR("InstanceExecutionResult"));
    const char *at = gql_type_field(t, STR("invokeType"))->mapping->sql;
    for (int i = 0; i < _INVOKE_TYPE_N; i++) {
        char quoted[64];
        snprintf(quoted, sizeof(quoted), "'%s'", invoke_type_names[i]);
        at = strstr(at, quoted);
        assert_non_null(at);
    }
    assert_null(strstr(at + 1, "', '"));
}

static void test_every_mutation_says_who(void **state)
{
    AUTO(gql_schema_free) struct gql_schema *s = load();
    const struct gql_type_def *t = gql_schema_root(s, GQL_MUTATION);
    for (const struct gql_field_def *f = t->fields; f; f = f->next) {
        assert_non_null(gql_directive_find(f->directives, "role"));
        assert_int_equal(f->mapping->kind, GQL_MAP_MUTATION);
        assert_non_null(f->mapping->fn);
    }
}

static const char unknown_filter[] =
    "type Query { x: Int } type A @table(from: \"a\") { y: Int @filter(ops: [\"near\"]) } "
    "type PageInfo { z: Int } type B { a: AConnection @connection }";

static void test_refused(void **state)
{
    static const char *const rows[] = {
        "type A { x: Int }",
        "type Query { x: Nope }",
        "type Query { x(a: Nope): Int }",
        "type Query { x: A @one(where: \"true\") } type A { y: Int }",
        "type Query { x: Int @role(org: \"king\") }",
        "type Query { x: Int @role(org: \"customer_admin\") }",
        "type Query @role(org: \"guest\", customer: \"admin\") { x: Int }",
        unknown_filter,
        "type Query {",
        "type Query { x: Int } extend type A { y: Int }",
        "type Query { x: Int } extend input Query { y: Int }",
        "type Query { x: Int } extend type Query { x: Int }",
        "type Query { x: Int } input I { y: Int } extend input I { y: Int }",
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct gql_schema *s = NULL;
        struct err err = {0};
        assert_int_equal(gql_schema_new(str_of(rows[i]), &s, &err), -EINVAL);
        assert_true(err.message[0] != '\0');
        assert_null(s);
    }
}

static void test_extended(void **state)
{
    static const char sdl[] =
        "directive @role(org: String!, customer: String) on FIELD_DEFINITION | OBJECT "
        "interface Node { id: ID } type Query { x: Int } enum E { A } input I { a: E } "
        "extend type Query implements Node { id: ID y(of: I): E @role(org: \"admin\") } "
        "extend enum E { B } extend input I { b: Int } extend type Query @role(org: \"owner\")";
    AUTO(gql_schema_free) struct gql_schema *s = NULL;
    struct err err = {0};
    if (gql_schema_new(STR(sdl), &s, &err) != 0) {
        fail_msg("%s", err.message);
    }
    const struct gql_type_def *query = gql_schema_root(s, GQL_QUERY);
    assert_non_null(gql_type_field(query, STR("x")));
    assert_int_equal(gql_type_field(query, STR("y"))->mapping->org_role, ROLE_ADMIN);
    assert_int_equal(gql_type_field(query, STR("x"))->mapping->org_role, ROLE_OWNER);
    assert_int_equal(gql_type_field(query, STR("x"))->mapping->customer_role, 0);
    assert_true(gql_type_implements(query, STR("Node")));
    assert_non_null(query->directives);
    assert_non_null(gql_enum_find(gql_schema_type(s, STR("E")), STR("B")));
    assert_non_null(gql_input_find(gql_schema_type(s, STR("I"))->inputs, STR("b")));
}

/* ---- coercion of variables against the real schema ---- */

static bool coerce(struct arena *a, const struct gql_schema *s, const char *type, const char *value,
                   struct json *ret)
{
    struct gql_request rq = {.arena = a, .schema = s};
    struct json raw;
    char *query = arena_printf(a, "query ($v: %s) { organization { name } }", type);
    char *text = arena_printf(a, "{\"v\":%s}", value);
    assert_int_equal(gql_parse_request(a, str_of(query), &rq.doc, NULL), 0);
    assert_int_equal(json_parse(a, str_of(text), &raw, NULL), 0);
    rq.operation = rq.doc.operations;
    if (!gql_coerce_variables(&rq, raw)) {
        return false;
    }
    *ret = json_get(rq.variables, STR("v"));
    return true;
}

static void test_coercion(void **state)
{
    AUTO(gql_schema_free) struct gql_schema *s = load();
    static const struct {
        const char *type, *given, *became; /* NULL = refused */
    } rows[] = {
        {"Int", "5", "5"},
        {"Int", "2147483648", NULL},
        {"Int", "1.5", NULL},
        {"Int", "\"1\"", NULL},
        {"Int", "null", "null"},
        {"Int!", "null", NULL},
        {"Float", "1.5", "1.5"},
        {"String", "\"x\"", "\"x\""},
        {"String", "1", NULL},
        {"String", "\"a\\u0000b\"", NULL},
        {"ID", "7", "\"7\""},
        {"ID", "\"x\"", "\"x\""},
        {"ID", "1.5", NULL},
        {"Boolean", "true", "true"},
        {"Boolean", "\"true\"", NULL},
        {"[Int!]", "[1,2]", "[1,2]"},
        {"[Int!]", "3", "[3]"},
        {"[Int!]", "[null]", NULL},
        {"[[Int]]", "[[1],null]", "[[1],null]"},
        {"OrderDirection", "\"ASC\"", "\"ASC\""},
        {"OrderDirection", "\"asc\"", NULL},
        {"DateTime", "\"2026-01-02T03:04:05Z\"", "\"2026-01-02T03:04:05Z\""},
        {"DateTime", "\"2026-01-02T03:04\"", "\"2026-01-02T03:04Z\""},
        {"DateTime", "\"2026-01-02\"", "\"2026-01-02T00:00Z\""},
        {"DateTime", "\"2024-02-29T00:00:00.123+05:30\"", "\"2024-02-29T00:00:00.123+05:30\""},
        {"DateTime", "\"2026-02-29T00:00:00Z\"", NULL},
        {"DateTime", "\"2026-01-02T24:00:00Z\"", NULL},
        {"DateTime", "\"2026-01-02T00:00:00Zx\"", NULL},
        {"DateTime", "\"now\"", NULL},
        {"Date", "\"2026-12-31\"", "\"2026-12-31\""},
        {"Date", "\"2026-13-01\"", NULL},
        {"UUID", "\"019a1b2c-0000-7000-8000-000000000000\"",
         "\"019a1b2c-0000-7000-8000-000000000000\""},
        {"UUID", "\"x\"", NULL},
        {"JSON", "{\"a\":[1]}", "{\"a\":[1]}"},
        {"CreateCustomerInput", "{\"name\":\"a\",\"labels\":[\"b\"]}",
         "{\"name\":\"a\",\"labels\":[\"b\"]}"},
        {"CreateCustomerInput", "{\"labels\":[]}", NULL},
        {"CreateCustomerInput", "{\"name\":\"a\",\"nope\":1}", NULL},
        {"CreateCustomerInput", "[]", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(arena_free) struct arena *a = arena_new(0, 0);
        AUTO(buf_done) struct buf b;
        struct json v;
        bool ok = coerce(a, s, rows[i].type, rows[i].given, &v);
        if (ok != (rows[i].became != NULL)) {
            fail_msg("%s %s", rows[i].type, rows[i].given);
        }
        buf_init(&b, 0);
        if (ok) {
            json_dump(&b, v);
            assert_string_equal(b.data, rows[i].became);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_generated),
        cmocka_unit_test(test_invoke_types),
        cmocka_unit_test(test_every_mutation_says_who),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_extended),
        cmocka_unit_test(test_coercion),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
