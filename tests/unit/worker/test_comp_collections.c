/* collection-tools: order, groups, positions, numbers and shapes. */
#include "component_fixture.h"

#define ITEMS                                                                                      \
    "\"listInput\": [{\"n\": \"b\", \"p\": {\"v\": 2}}, {\"n\": \"a\", \"p\": {\"v\": 10}}, "      \
    "{\"n\": "                                                                                     \
    "\"b\"}, {\"n\": \"c\", \"p\": {\"v\": \"x\"}}]"

static const struct action_case cases[] = {
    {"collection-tools.sortByKey", "{" ITEMS ", \"sortKey\": \"p.v\"}",
     "[{\"n\":\"b\",\"p\":{\"v\":2}},{\"n\":\"a\",\"p\":{\"v\":10}},{\"n\":\"c\",\"p\":{\"v\":"
     "\"x\"}}"
     ",{\"n\":\"b\"}]",
     NULL},
    {"collection-tools.sortByKey", "{" ITEMS ", \"sortKey\": \"n\", \"sortOrder\": \"Descending\"}",
     "[{\"n\":\"c\",\"p\":{\"v\":\"x\"}},{\"n\":\"b\",\"p\":{\"v\":2}},{\"n\":\"b\"},{\"n\":\"a\","
     "\"p\":{\"v\":10}}]",
     NULL},
    {"collection-tools.sortByKey",
     "{\"listInput\": [null, \"b\", 10, true, 9, {\"x\": 1}, \"a\", false]}",
     "[9,10,\"a\",\"b\",false,true,null,{\"x\":1}]", NULL},
    {"collection-tools.sortByKey",
     "{\"listInput\": [null, \"b\", 10, true, 9, \"a\"], \"sortOrder\": \"descending\"}",
     "[true,\"b\",\"a\",10,9,null]", NULL},
    {"collection-tools.sortByKey", "{\"listInput\": [[2, 1], [1, 2]], \"sortKey\": \"0\"}",
     "[[1,2],[2,1]]", NULL},
    {"collection-tools.sortByKey", "{\"listInput\": []}", "[]", NULL},
    {"collection-tools.sortByKey", "{\"listInput\": [], \"sortOrder\": \"up\"}", NULL,
     "Order (sortOrder): must be ascending or descending"},
    {"collection-tools.sortByKey", "{\"listInput\": [], \"sortKey\": \"a..b\"}", NULL,
     "Sort Key (sortKey): \"a..b\" must be at most 50 keys"},
    {"collection-tools.sortByKey", "{}", NULL, "List (listInput)"},
    {"collection-tools.groupBy",
     "{\"listInput\": [{\"s\": \"b\", \"i\": 1}, {\"s\": 1}, {\"s\": \"b\", \"i\": 2}, {}, {\"s\": "
     "true}, {\"s\": \"1\"}], \"groupKey\": \"s\"}",
     "{\"b\":[{\"s\":\"b\",\"i\":1},{\"s\":\"b\",\"i\":2}],\"1\":[{\"s\":1},{\"s\":\"1\"}],"
     "\"null\":"
     "[{}],\"true\":[{\"s\":true}]}",
     NULL},
    {"collection-tools.groupBy", "{\"listInput\": [], \"groupKey\": \"s\"}", "{}", NULL},
    {"collection-tools.groupBy", "{\"listInput\": [{\"s\": []}], \"groupKey\": \"s\"}", NULL,
     "Group Key (groupKey): leads to a list or an object in element 0"},
    {"collection-tools.groupBy", "{\"listInput\": [1]}", NULL, "Group Key (groupKey)"},
    {"collection-tools.lookup", "{" ITEMS ", \"lookupKey\": \"p.v\", \"elementInput\": \"10\"}",
     "{\"n\":\"a\",\"p\":{\"v\":10}}", NULL},
    {"collection-tools.lookup", "{" ITEMS ", \"lookupKey\": \"n\", \"elementInput\": \"b\"}",
     "{\"n\":\"b\",\"p\":{\"v\":2}}", NULL},
    {"collection-tools.lookup",
     "{\"listInput\": [{\"f\": \"true\"}, {\"f\": {\"x\": 1}}], \"lookupKey\": \"f\", "
     "\"elementInput\": true}",
     "{\"f\":\"true\"}", NULL},
    {"collection-tools.lookup",
     "{\"listInput\": [{\"f\": 1}, {\"f\": {\"x\": 1}}], \"lookupKey\": \"f\", \"elementInput\": "
     "{\"x\": 1}}",
     "{\"f\":{\"x\":1}}", NULL},
    {"collection-tools.lookup", "{" ITEMS ", \"lookupKey\": \"q\", \"elementInput\": \"b\"}",
     "undefined", NULL},
    {"collection-tools.lookup", "{" ITEMS ", \"elementInput\": 1}", NULL, "Lookup Key (lookupKey)"},
    {"collection-tools.indexOf", "{\"listInput\": [1, {\"a\": 2}, \"x\"], \"elementInput\": \"x\"}",
     "2", NULL},
    {"collection-tools.indexOf", "{\"listInput\": [1, {\"a\": 2}], \"elementInput\": {\"a\": 2}}",
     "1", NULL},
    {"collection-tools.indexOf", "{\"listInput\": [1], \"elementInput\": \"1\"}", "-1", NULL},
    {"collection-tools.reverse", "{\"listInput\": [1, 2, 3]}", "[3,2,1]", NULL},
    {"collection-tools.reverse", "{\"listInput\": \"[1, 2]\"}", "[2,1]", NULL},
    {"collection-tools.slice", "{\"listInput\": [1, 2, 3, 4], \"startIndex\": 1, \"endIndex\": 3}",
     "[2,3]", NULL},
    {"collection-tools.slice", "{\"listInput\": [1, 2, 3, 4], \"startIndex\": \"-2\"}", "[3,4]",
     NULL},
    {"collection-tools.slice", "{\"listInput\": [1, 2, 3, 4], \"endIndex\": -1}", "[1,2,3]", NULL},
    {"collection-tools.slice", "{\"listInput\": [1, 2], \"startIndex\": 5, \"endIndex\": 1e300}",
     "[]", NULL},
    {"collection-tools.slice", "{\"listInput\": [1, 2], \"startIndex\": -1e300}", "[1,2]", NULL},
    {"collection-tools.slice", "{\"listInput\": [1], \"startIndex\": \"x\"}", NULL,
     "Start (startIndex)"},
    {"collection-tools.zip",
     "{\"firstListInput\": [1, 2], \"secondListInput\": [\"a\", \"b\", \"c\"]}",
     "[[1,\"a\"],[2,\"b\"],[null,\"c\"]]", NULL},
    {"collection-tools.zip", "{\"firstListInput\": [], \"secondListInput\": []}", "[]", NULL},
    {"collection-tools.zip", "{\"firstListInput\": [1]}", NULL, "Second List (secondListInput)"},
    {"collection-tools.aggregate", "{\"listInput\": [3, \"1\", 2], \"aggregateFunction\": \"SUM\"}",
     "6", NULL},
    {"collection-tools.aggregate", "{\"listInput\": [3, 1], \"aggregateFunction\": \"average\"}",
     "2", NULL},
    {"collection-tools.aggregate", "{\"listInput\": [3, 1, 2], \"aggregateFunction\": \"MAX\"}",
     "3", NULL},
    {"collection-tools.aggregate", "{\"listInput\": [3, 1, 2], \"aggregateFunction\": \"MIN\"}",
     "1", NULL},
    {"collection-tools.aggregate", "{\"listInput\": [3, 4, 2], \"aggregateFunction\": \"PRODUCT\"}",
     "24", NULL},
    {"collection-tools.aggregate", "{\"listInput\": [3, 1, 9], \"aggregateFunction\": \"MEDIAN\"}",
     "3", NULL},
    {"collection-tools.aggregate",
     "{\"listInput\": [4, 1, 9, 2], \"aggregateFunction\": \"MEDIAN\"}", "3", NULL},
    {"collection-tools.aggregate", "{\"listInput\": [\"x\", {}], \"aggregateFunction\": \"COUNT\"}",
     "2", NULL},
    {"collection-tools.aggregate", "{\"listInput\": [], \"aggregateFunction\": \"AVERAGE\"}",
     "null", NULL},
    {"collection-tools.aggregate", "{\"listInput\": [], \"aggregateFunction\": \"MEDIAN\"}", "null",
     NULL},
    {"collection-tools.aggregate", "{\"listInput\": [], \"aggregateFunction\": \"SUM\"}", "0",
     NULL},
    {"collection-tools.aggregate", "{\"listInput\": [1, \"\"], \"aggregateFunction\": \"SUM\"}",
     NULL, "List (listInput): element 1 is not a number"},
    {"collection-tools.aggregate", "{\"listInput\": [1, {}], \"aggregateFunction\": \"MAX\"}", NULL,
     "element 1 is not a number"},
    {"collection-tools.aggregate", "{\"listInput\": [1], \"aggregateFunction\": \"MODE\"}", NULL,
     "must be AVERAGE, COUNT"},
    {"collection-tools.pickKeys",
     "{\"object\": {\"a\": 1, \"b\": 2, \"c\": 3}, \"keysInput\": [\"c\", \"a\", \"z\"]}",
     "{\"a\":1,\"c\":3}", NULL},
    {"collection-tools.omitKeys",
     "{\"object\": {\"a\": 1, \"b\": 2, \"c\": 3}, \"keysInput\": [\"c\", \"a\", \"\"]}",
     "{\"b\":2}", NULL},
    {"collection-tools.pickKeys", "{\"object\": {\"a\": 1}, \"keysInput\": [1]}", NULL,
     "Keys (keysInput): item 1 is not a text"},
    {"collection-tools.pickKeys", "{\"object\": {\"a\": 1}}", NULL, "Keys (keysInput)"},
    {"collection-tools.omitKeys", "{\"object\": 5, \"keysInput\": [\"a\"]}", NULL,
     "Object (object)"},
    {"collection-tools.mergeObjects",
     "{\"firstObject\": {\"a\": {\"x\": 1}, \"b\": 2}, \"secondObject\": {\"a\": {\"y\": 3}, "
     "\"c\": "
     "4}}",
     "{\"a\":{\"y\":3},\"b\":2,\"c\":4}", NULL},
    {"collection-tools.mergeObjects",
     "{\"firstObject\": {\"a\": {\"x\": 1, \"z\": {\"k\": 1}}, \"b\": {}}, \"secondObject\": "
     "{\"a\": "
     "{\"y\": 3, \"z\": {\"m\": 2}}, \"b\": 4}, \"deepMerge\": \"true\"}",
     "{\"a\":{\"x\":1,\"z\":{\"k\":1,\"m\":2},\"y\":3},\"b\":4}", NULL},
    {"collection-tools.mergeObjects", "{\"firstObject\": {}}", NULL,
     "Second Object (secondObject)"},
    {"collection-tools.fieldValueMapping",
     "{\"keyMappings\": {\"a\": \"full\", \"b\": \"mail\", \"c\": 1}, \"valueMappings\": {\"b\": "
     "5, "
     "\"a\": \"Ada\"}}",
     "[{\"key\":\"full\",\"value\":\"Ada\"},{\"key\":\"mail\",\"value\":5}]", NULL},
    {"collection-tools.fieldValueMapping", "{\"keyMappings\": {}}", NULL,
     "Value Mappings (valueMappings)"},
};

static void actions(void **state)
{
    fixture_check(cases, ARRAY_LEN(cases));
}

/* Long inputs do not cost the square of their length. */
static void long_lists(void **state)
{
    struct action_context ctx;
    fixture_init(&ctx);
    arena_free(ctx.arena);
    ctx.arena = arena_new(KIB(64), MIB(512));
    enum { N = 200000 };
    struct json *items = arena_array(ctx.arena, N, sizeof(*items));
    struct json_member *rows = arena_array(ctx.arena, N, sizeof(*rows));
    for (int i = 0; i < N; i++) {
        rows[i] = (struct json_member){STR("k"), json_num(i * 7919 % N)};
        items[i] = json_object(&rows[i], 1);
    }
    struct json_member in[] = {
        {STR("listInput"), json_array(items, N)},
        {STR("sortKey"), json_cstr("k")},
        {STR("groupKey"), json_cstr("k")},
    };
    int64_t start = clock_mono_ns();
    struct json inputs = json_object(in, 3);
    assert_int_equal(fixture_run_value(&ctx, "collection-tools.sortByKey", inputs), 0);
    for (int i = 0; i < N; i++) {
        assert_true(ctx.result.data.items[i].members[0].value.num == i);
    }
    assert_int_equal(fixture_run_value(&ctx, "collection-tools.groupBy", inputs), 0);
    assert_int_equal(ctx.result.data.len, N);
    assert_true(clock_mono_ns() - start < 20 * NS_PER_SEC);
    fixture_done(&ctx);
    /* Without room for copies they are refused. */
    fixture_init(&ctx);
    items = arena_array(ctx.arena, N * 10ul, sizeof(*items));
    in[0].value = json_array(items, N * 10ul);
    static const char *const names[] = {"sortByKey", "groupBy", "reverse"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char name[64];
        (void)snprintf(name, sizeof(name), "collection-tools.%s", names[i]);
        assert_true(fixture_run_value(&ctx, name, inputs) < 0 || i == 2);
    }
    struct json nested = json_object(NULL, 0);
    for (int i = 0; i < 240; i++) {
        struct json_member m = {STR("k"), nested};
        nested = json_object(arena_dup(ctx.arena, &m, sizeof(m)), 1);
    }
    struct json_member two[] = {{STR("firstObject"), nested},
                                {STR("secondObject"), nested},
                                {STR("deepMerge"), json_bool(true)}};
    assert_int_equal(fixture_run_value(&ctx, "collection-tools.mergeObjects", json_object(two, 3)),
                     -EINVAL);
    assert_non_null(strstr(ctx.err.message, "nested deeper"));
    fixture_done(&ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(actions), cmocka_unit_test(long_lists)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
