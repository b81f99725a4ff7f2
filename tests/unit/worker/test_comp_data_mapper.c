/* data-mapper: values and fields by maps, what is refused, long lists and maps. */
#include "component_fixture.h"

#define MAP "\"valueMap\": {\"open\": \"NEW\", \"1\": {\"k\": 2}, \"true\": null}"

static const struct action_case cases[] = {
    {"data-mapper.valueMapper", "{\"inputValue\": \"open\", " MAP "}", "\"NEW\"", NULL},
    {"data-mapper.valueMapper", "{\"inputValue\": 1, " MAP "}", "{\"k\":2}", NULL},
    {"data-mapper.valueMapper", "{\"inputValue\": true, " MAP ", \"defaultValue\": 5}", "null",
     NULL},
    {"data-mapper.valueMapper", "{\"inputValue\": \"shut\", " MAP "}", "null", NULL},
    {"data-mapper.valueMapper", "{\"inputValue\": \"shut\", " MAP ", \"defaultValue\": \"?\"}",
     "\"?\"", NULL},
    {"data-mapper.valueMapper",
     "{\"inputValue\": \"a\", \"valueMap\": [{\"key\": \"a\", \"value\": 7}]}", "7", NULL},
    {"data-mapper.valueMapper", "{\"inputValue\": [1], " MAP "}", NULL,
     "Input Value (inputValue): holds a list"},
    {"data-mapper.valueMapper", "{" MAP "}", NULL, "Input Value (inputValue): has no value"},
    {"data-mapper.valueMapper", "{\"inputValue\": 1}", NULL, "Value Map (valueMap)"},
    {"data-mapper.valueMapper", "{\"inputValue\": 1, \"valueMap\": \"x\"}", NULL,
     "Value Map (valueMap)"},
    {"data-mapper.valueListMapper", "{\"inputValueList\": [\"open\", 2, 1], " MAP "}",
     "[\"NEW\",null,{\"k\":2}]", NULL},
    {"data-mapper.valueListMapper",
     "{\"inputValueList\": [\"open\", \"x\"], " MAP ", \"defaultValue\": 0}", "[\"NEW\",0]", NULL},
    {"data-mapper.valueListMapper", "{\"inputValueList\": [], " MAP "}", "[]", NULL},
    {"data-mapper.valueListMapper", "{\"inputValueList\": [{\"a\": 1}], " MAP "}", NULL,
     "Input Value List (inputValueList): holds a list or an object"},
    {"data-mapper.fieldMapper",
     "{\"data\": {\"contact\": {\"name\": \"Ada\", \"tags\": [\"x\", \"y\"]}, \"id\": 7}, "
     "\"fieldMap\": {\"customer.name\": \"contact.name\", \"customer.tag\": \"contact.tags.1\", "
     "\"ref\": \"id\", \"none\": \"missing.x\"}}",
     "{\"customer\":{\"name\":\"Ada\",\"tag\":\"y\"},\"ref\":7,\"none\":null}", NULL},
    {"data-mapper.fieldMapper",
     "{\"data\": [{\"a\": 1, \"b\": 2}, {\"a\": 3}], \"fieldMap\": {\"x\": \"a\", \"y\": \"b\"}, "
     "\"skipMissing\": true}",
     "[{\"x\":1,\"y\":2},{\"x\":3}]", NULL},
    {"data-mapper.fieldMapper",
     "{\"data\": {\"a\": 1, \"b\": {\"c\": 2}}, \"fieldMap\": {\"b.d\": \"a\", \"a.z\": \"b.c\"}, "
     "\"keepOtherFields\": true}",
     "{\"a\":{\"z\":2},\"b\":{\"c\":2,\"d\":1}}", NULL},
    {"data-mapper.fieldMapper",
     "{\"data\": \"{\\\"a\\\": 1}\", \"fieldMap\": [{\"key\": \"x\", \"value\": \"a\"}]}",
     "{\"x\":1}", NULL},
    {"data-mapper.fieldMapper", "{\"data\": [1], \"fieldMap\": {\"x\": \"a\"}}", NULL,
     "Data (data): must be an object or a list of objects"},
    {"data-mapper.fieldMapper", "{\"data\": {}, \"fieldMap\": {\"x\": 1}}", NULL,
     "\"x\" must come from a field"},
    {"data-mapper.fieldMapper", "{\"data\": {}, \"fieldMap\": {\"x..y\": \"a\"}}", NULL,
     "\"x..y\" must be at most 50 keys"},
    {"data-mapper.fieldMapper", "{\"data\": {}, \"fieldMap\": {\"x\": \"\"}}", NULL,
     "has a field without a name"},
    {"data-mapper.fieldMapper", "{\"data\": {}, \"fieldMap\": {\"a\": \"x\", \"a.b\": \"x\"}}",
     NULL, "\"a.b\" is a field in another one"},
    {"data-mapper.fieldMapper", "{\"data\": {}, \"fieldMap\": {\"a.b\": \"x\", \"a\": \"x\"}}",
     NULL, "\"a\" is a field in another one"},
    {"data-mapper.fieldMapper", "{\"data\": {}}", NULL, "Field Map (fieldMap)"},
};

static void maps(void **state)
{
    fixture_check(cases, ARRAY_LEN(cases));
}

static void long_maps(void **state)
{
    struct action_context ctx;
    fixture_init(&ctx);
    enum { N = 100000 };
    struct json_member *rows = arena_array(ctx.arena, N, sizeof(*rows));
    struct json *values = arena_array(ctx.arena, N, sizeof(*values));
    for (int i = 0; i < N; i++) {
        rows[i] = (struct json_member){str_of(arena_printf(ctx.arena, "k%d", i)), json_num(i)};
    }
    for (int i = 0; i < N; i++) {
        values[i] = json_str(rows[N - 1 - i].key);
    }
    struct json_member in[] = {{STR("inputValueList"), json_array(values, N)},
                               {STR("valueMap"), json_object(rows, N)}};
    int64_t start = clock_mono_ns();
    assert_int_equal(fixture_run_value(&ctx, "data-mapper.valueListMapper", json_object(in, 2)), 0);
    assert_true(clock_mono_ns() - start < 10 * NS_PER_SEC);
    assert_true(ctx.result.data.items[0].num == N - 1 && ctx.result.data.items[N - 1].num == 0);
    /* A long path, and more fields than memory. */
    struct buf b;
    buf_init(&b, 0);
    for (int i = 0; i < 51; i++) {
        buf_adds(&b, i ? ".k" : "k");
    }
    struct json_member field = {buf_str(&b), json_cstr("x")};
    struct json_member fields[] = {{STR("data"), json_object(NULL, 0)},
                                   {STR("fieldMap"), json_object(&field, 1)}};
    assert_int_equal(fixture_run_value(&ctx, "data-mapper.fieldMapper", json_object(fields, 2)),
                     -EINVAL);
    assert_non_null(strstr(ctx.err.message, "at most 50 keys"));
    buf_done(&b);
    for (int i = 0; i < N; i++) {
        rows[i].value = json_cstr("x");
    }
    fields[1].value = json_object(rows, N);
    assert_int_equal(fixture_run_value(&ctx, "data-mapper.fieldMapper", json_object(fields, 2)),
                     -EINVAL);
    assert_non_null(strstr(ctx.err.message, "more than 1000 fields"));
    fields[1].value = json_object(rows, 20);
    for (int i = 0; i < N; i++) {
        values[i] = json_object(rows, 1);
    }
    fields[0].value = json_array(values, 10000);
    assert_int_equal(fixture_run_value(&ctx, "data-mapper.fieldMapper", json_object(fields, 2)), 0);
    ctx.deadline = clock_mono_ns() - 1;
    assert_true(fixture_run_value(&ctx, "data-mapper.fieldMapper", json_object(fields, 2)) < 0);
    assert_non_null(strstr(ctx.err.message, "takes longer"));
    ctx.deadline = INT64_MAX;
    fields[0].value = json_array(values, N);
    assert_true(fixture_run_value(&ctx, "data-mapper.fieldMapper", json_object(fields, 2)) < 0);
    assert_string_equal(ctx.err.code, "action.memory");
    fixture_done(&ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(maps), cmocka_unit_test(long_maps)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
