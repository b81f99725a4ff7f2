/* JSON Schema: keywords as a table, malformed schemas, and what a hostile one may cost. */
#include <pthread.h>

#include "component_fixture.h"
#include "components/collection_tools/json_schema.h"
#include "components/collection_tools/pattern.h"

#define V "collection-tools.validateJsonSchema"
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HOSTILE_MAX_NS (110 * NS_PER_SEC) /* sanitized code is many times slower */
#else
#define HOSTILE_MAX_NS (20 * NS_PER_SEC)
#endif

/* Where the errors are, "#/a #/b"; NULL = valid. `words` is part of the first one's message. */
struct row {
    const char *schema, *value, *places, *words;
};

static const struct row rows[] = {
    /* any value */
    {"{}", "null"},
    {"true", "[1]"},
    {"false", "1", "#", "is not allowed"},
    {"{\"type\": \"object\"}", "{}"},
    {"{\"type\": \"object\"}", "[]", "#", "must be of type object and is array"},
    {"{\"type\": \"string\"}", "\"a\""},
    {"{\"type\": \"string\"}", "1", "#", "must be of type string and is number"},
    {"{\"type\": \"integer\"}", "1.0"},
    {"{\"type\": \"integer\"}", "1.5", "#", "must be of type integer and is number"},
    {"{\"type\": \"number\"}", "1.5"},
    {"{\"type\": \"number\"}", "\"1\"", "#"},
    {"{\"type\": \"boolean\"}", "false"},
    {"{\"type\": \"boolean\"}", "0", "#"},
    {"{\"type\": \"null\"}", "null"},
    {"{\"type\": \"null\"}", "false", "#"},
    {"{\"type\": [\"string\", \"null\"]}", "null"},
    {"{\"type\": [\"string\", \"integer\"]}", "true", "#", "none of those allowed"},
    {"{\"enum\": [1, \"a\", {\"x\": [1, 2]}]}", "{\"x\": [1, 2]}"},
    {"{\"enum\": [1, \"a\"]}", "\"1\"", "#", "one of the allowed values"},
    {"{\"enum\": []}", "1", "#"},
    {"{\"const\": {\"a\": 1, \"b\": 2}}", "{\"b\": 2, \"a\": 1}"},
    {"{\"const\": null}", "0", "#", "the one allowed value"},
    {"{\"format\": \"email\", \"title\": 5, \"unheardOf\": {\"type\": 3}}", "\"no email\""},
    /* numbers */
    {"{\"minimum\": 2, \"maximum\": 3}", "2"},
    {"{\"minimum\": 2}", "1.99", "#", "must be at least 2"},
    {"{\"maximum\": 3}", "3.01", "#", "must be at most 3"},
    {"{\"exclusiveMinimum\": 2}", "2", "#", "must be more than 2"},
    {"{\"exclusiveMaximum\": 2}", "2", "#", "must be less than 2"},
    {"{\"exclusiveMaximum\": 2, \"exclusiveMinimum\": 1}", "1.5"},
    {"{\"minimum\": 2, \"exclusiveMinimum\": true}", "2", "#", "must be more than 2"},
    {"{\"maximum\": 2, \"exclusiveMaximum\": true}", "2", "#", "must be less than 2"},
    {"{\"maximum\": 2, \"exclusiveMaximum\": false}", "2"},
    {"{\"multipleOf\": 0.01}", "19.99"},
    {"{\"multipleOf\": 0.0001}", "0.0075"},
    {"{\"multipleOf\": 0.01}", "19.991", "#", "multiple of 0.01"},
    {"{\"multipleOf\": 2}", "7", "#"},
    {"{\"multipleOf\": 2}", "1e300"},
    {"{\"minimum\": 5, \"multipleOf\": 2}", "\"text\""},
    /* texts */
    {"{\"minLength\": 2, \"maxLength\": 2}", "\"\\ud83d\\ude80\\u00e9\""},
    {"{\"minLength\": 2}", "\"\\ud83d\\ude80\"", "#", "at least 2 characters and has 1"},
    {"{\"maxLength\": 0}", "\"a\"", "#", "at most 0 characters and has 1"},
    {"{\"pattern\": \"^[A-Z]{2}-\\\\d+$\"}", "\"AB-12\""},
    {"{\"pattern\": \"^[A-Z]{2}-\\\\d+$\"}", "\"AB-12\\n\"", "#", "must match the pattern"},
    {"{\"pattern\": \"b\"}", "\"abc\""},
    {"{\"pattern\": \"^\\\\u00e9.$\"}", "\"\\u00e9\\ud83d\\ude80\""},
    {"{\"pattern\": \"a\"}", "17"},
    {"{\"items\": {\"pattern\": \"\"}}", "[\"\"]"},
    /* lists */
    {"{\"items\": {\"type\": \"number\"}}", "[1, 2]"},
    {"{\"items\": {\"type\": \"number\"}}", "[1, \"a\", 3, null]", "#/1 #/3"},
    {"{\"items\": false}", "[]"},
    {"{\"items\": [{\"type\": \"number\"}, {\"type\": \"string\"}]}", "[1, \"a\", true]"},
    {"{\"items\": [{\"type\": \"number\"}, {\"type\": \"string\"}]}", "[\"a\"]", "#/0"},
    {"{\"items\": [{}], \"additionalItems\": false}", "[1, 2]", "#/1", "is not allowed"},
    {"{\"items\": [{}], \"additionalItems\": {\"type\": \"null\"}}", "[1, null]"},
    {"{\"items\": {}, \"additionalItems\": false}", "[1, 2]"},
    {"{\"items\": []}", "[1]"},
    {"{\"prefixItems\": [{\"type\": \"number\"}], \"items\": {\"type\": \"string\"}}",
     "[1, \"a\"]"},
    {"{\"items\": false, \"prefixItems\": [{\"type\": \"null\"}]}", "[1, 2]", "#/1 #/0"},
    {"{\"contains\": {\"const\": 5}}", "[4, 5]"},
    {"{\"contains\": {\"const\": 5}}", "[]", "#", "at least 1 items of a kind and has 0"},
    {"{\"contains\": {\"const\": 5}, \"minContains\": 2, \"maxContains\": 2}", "[5, 5, 4]"},
    {"{\"contains\": {\"const\": 5}, \"maxContains\": 1}", "[5, 5]", "#", "at most 1 items"},
    {"{\"contains\": {\"const\": 5}, \"minContains\": 0}", "[]"},
    {"{\"minItems\": 1, \"maxItems\": 2}", "[1, 2, 3]", "#", "at most 2 items and has 3"},
    {"{\"minItems\": 1}", "[]", "#", "at least 1 items and has 0"},
    {"{\"uniqueItems\": true}", "[1, \"1\", [1], {\"a\": 1}, {\"a\": 2}, null, false, 0]"},
    {"{\"uniqueItems\": true}", "[{\"a\": 1, \"b\": [2]}, 3, {\"b\": [2], \"a\": 1}]", "#",
     "0 and 2 are equal"},
    {"{\"uniqueItems\": true}", "[0, -0.0]", "#"},
    {"{\"uniqueItems\": false}", "[1, 1]"},
    /* objects */
    {"{\"required\": [\"a\", \"b\"]}", "{\"a\": null, \"b\": 1}"},
    {"{\"required\": [\"a\", \"b\"]}", "{}", "# #", "must have the property \"a\""},
    {"{\"required\": [\"a\"]}", "\"text\""},
    {"{\"properties\": {\"a\": {\"type\": \"string\"}, \"b\": {\"type\": \"string\"}}}",
     "{\"b\": 1, \"c\": 2, \"a\": 3}", "#/a #/b"},
    {"{\"properties\": {\"a\": {\"properties\": {\"b/~\": {\"items\": false}}}}}",
     "{\"a\": {\"b/~\": [0]}}", "#/a/b~1~0/0"},
    {"{\"patternProperties\": {\"^x-\": {\"type\": \"string\"}}}", "{\"x-a\": 1, \"y\": 1}",
     "#/x-a"},
    {"{\"properties\": {\"a\": {}}, \"patternProperties\": {\"^x\": {}}, "
     "\"additionalProperties\": false}",
     "{\"a\": 1, \"x1\": 1}"},
    {"{\"properties\": {\"a\": {}}, \"patternProperties\": {\"^x\": {}}, "
     "\"additionalProperties\": false}",
     "{\"a\": 1, \"b\": 1}", "#", "must not have the property \"b\""},
    {"{\"additionalProperties\": {\"type\": \"number\"}}", "{\"a\": 1, \"b\": \"\"}", "#/b"},
    {"{\"propertyNames\": {\"maxLength\": 2}}", "{\"ab\": 1}"},
    {"{\"propertyNames\": {\"maxLength\": 2}}", "{\"abc\": 1}", "#", "the name \"abc\""},
    {"{\"minProperties\": 1, \"maxProperties\": 1}", "{}", "#", "at least 1 properties"},
    {"{\"maxProperties\": 1}", "{\"a\": 1, \"b\": 2}", "#", "at most 1 properties and has 2"},
    /* schemas together */
    {"{\"allOf\": [{\"minimum\": 1}, {\"maximum\": 2}]}", "1.5"},
    {"{\"allOf\": [{\"minimum\": 4}, {\"maximum\": 2}]}", "3", "# #", "at least 4"},
    {"{\"anyOf\": [{\"type\": \"string\"}, {\"minimum\": 2}]}", "2"},
    {"{\"anyOf\": [{\"type\": \"string\"}, {\"minimum\": 2}]}", "1", "#", "at least one of 2"},
    {"{\"oneOf\": [{\"type\": \"number\"}, {\"minimum\": 2}]}", "1"},
    {"{\"oneOf\": [{\"type\": \"number\"}, {\"minimum\": 2}]}", "3", "#", "fits several"},
    {"{\"oneOf\": [{\"type\": \"string\"}]}", "3", "#", "fits none"},
    {"{\"not\": {\"type\": \"null\"}}", "1"},
    {"{\"not\": {}}", "1", "#", "must not fit"},
    {"{\"if\": {\"required\": [\"a\"]}, \"then\": {\"required\": [\"b\"]}, \"else\": false}",
     "{\"a\": 1}", "#", "\"b\""},
    {"{\"if\": {\"required\": [\"a\"]}, \"then\": {}, \"else\": false}", "{}", "#", "not allowed"},
    {"{\"then\": false, \"else\": false}", "{}"},
    {"{\"if\": {\"const\": 1}}", "2"},
    /* references */
    {"{\"$ref\": \"#/$defs/n\", \"$defs\": {\"n\": {\"type\": \"number\"}}}", "\"a\"", "#"},
    {"{\"$ref\": \"#/definitions/a~1b%25\", \"definitions\": {\"a/b%\": {\"const\": 1}}}", "1"},
    {"{\"items\": [{\"const\": 1}, {\"$ref\": \"#/items/0\"}]}", "[1, 2]", "#/1"},
    {"{\"$ref\": \"#/elsewhere\", \"elsewhere\": {\"maximum\": 1}}", "2", "#"},
    {"{\"properties\": {\"next\": {\"$ref\": \"#\"}, \"v\": {\"type\": \"number\"}}}",
     "{\"v\": 1, \"next\": {\"v\": 2, \"next\": {\"v\": \"x\"}}}", "#/next/next/v"},
    {"{\"$ref\": \"#/$defs/a\", \"$defs\": {\"a\": {\"$ref\": \"#/$defs/b\"}, \"b\": false}}", "1",
     "#"},
    {"{\"$ref\": \"#/$defs/n\", \"maximum\": 3, \"$defs\": {\"n\": {\"minimum\": 1}}}", "4", "#"},
    /* a whole one */
    {"{\"type\": \"object\", \"properties\": {\"acct\": {\"type\": \"string\"}, \"revenue\": "
     "{\"type\": \"string\"}}, \"required\": [\"id\", \"acct\", \"revenue\"]}",
     "{\"acct\": \"x\", \"revenue\": 5}", "#/revenue #"},
};

static struct json run(struct action_context *ctx, struct json schema, struct json value)
{
    struct json_member inputs[] = {{STR("jsonInput"), value}, {STR("jsonSchema"), schema}};
    if (fixture_run_value(ctx, V, json_object(inputs, 2)) < 0) {
        fail_msg("%s", ctx->err.message);
    }
    struct json errors = json_get(ctx->result.data, STR("errors"));
    assert_int_equal(errors.type, JSON_ARRAY);
    assert_int_equal(json_get(ctx->result.data, STR("valid")).type,
                     errors.len ? JSON_FALSE : JSON_TRUE);
    return errors;
}

static void keywords(void **state)
{
    assert_true(ARRAY_LEN(rows) >= 60);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct action_context ctx;
        fixture_init(&ctx);
        const char *places = "", *words = "";
        struct json errors =
            run(&ctx, json_cstr(rows[i].schema), fixture_json(&ctx, rows[i].value));
        for (uint32_t k = 0; k < errors.len; k++) {
            struct json path = json_get(errors.items[k], STR("instancePath"));
            struct json message = json_get(errors.items[k], STR("message"));
            places =
                arena_printf(ctx.arena, "%s%s#%.*s", places, k ? " " : "", (int)path.len, path.str);
            words = k ? words : arena_strndup(ctx.arena, message.str, message.len);
            assert_true(message.len > 0);
        }
        const char *wanted = rows[i].places ? rows[i].places : "";
        if (strcmp(places, wanted) != 0 || !strstr(words, rows[i].words ? rows[i].words : "")) {
            fail_msg("%s on %s: \"%s\" (%s) instead of \"%s\" (%s)", rows[i].schema, rows[i].value,
                     places, words, wanted, rows[i].words ? rows[i].words : "");
        }
        fixture_done(&ctx);
    }
}

static void inputs(void **state)
{
    static const struct action_case cases[] = {
        {V, "{\"jsonInput\": \"{\\\"a\\\": 1}\", \"jsonSchema\": {\"type\": \"object\"}}",
         "{\"valid\":true,\"errors\":[]}"},
        {V, "{\"jsonInput\": \"17\", \"jsonSchema\": {\"type\": \"string\"}}",
         "{\"valid\":true,\"errors\":[]}"},
        {V, "{\"jsonInput\": \" [1]\", \"jsonSchema\": {\"maxItems\": 1}}",
         "{\"valid\":true,\"errors\":[]}"},
        {V, "{\"jsonInput\": \"plain\", \"jsonSchema\": {\"type\": \"string\"}}",
         "{\"valid\":true,\"errors\":[]}"},
        {V, "{\"jsonInput\": \"{cut\", \"jsonSchema\": \"{\\\"type\\\": \\\"object\\\"}\"}",
         "{\"valid\":false,\"errors\":[{\"instancePath\":\"\",\"message\":\"must be of type object "
         "and is string\"}]}"},
        {V, "{\"jsonSchema\": {}}", NULL, "JSON Input (jsonInput): has no value"},
        {V, "{\"jsonInput\": 1}", NULL, "JSON Schema (jsonSchema): has no value"},
        {V, "{\"jsonInput\": 1, \"jsonSchema\": \"{\\\"type\\\": \"}", NULL,
         "JSON Schema (jsonSchema): is not JSON"},
    };
    fixture_check(cases, ARRAY_LEN(cases));
}

static void malformed_schemas_fail(void **state)
{
    static const struct {
        const char *schema, *words;
    } cases[] = {
        {"[]", "# must be a schema"},
        {"5", "# must be a schema"},
        {"null", "# must be a schema"},
        {"{\"type\": \"text\"}", "#/type must be one or several of"},
        {"{\"type\": []}", "#/type must be"},
        {"{\"type\": [\"string\", 5]}", "#/type must be"},
        {"{\"properties\": []}", "#/properties must be an object of schemas"},
        {"{\"properties\": {\"a\": {\"items\": 5}}}", "#/properties/a/items must be a schema"},
        {"{\"anyOf\": []}", "#/anyOf must be a list of schemas"},
        {"{\"allOf\": [{}, 5]}", "#/allOf/1 must be a schema"},
        {"{\"minLength\": -1}", "#/minLength must be a whole number from 0"},
        {"{\"maxItems\": 1.5}", "#/maxItems must be"},
        {"{\"minimum\": \"1\"}", "#/minimum must be a number"},
        {"{\"exclusiveMinimum\": \"1\"}", "#/exclusiveMinimum must be a number"},
        {"{\"multipleOf\": 0}", "#/multipleOf must be a number above 0"},
        {"{\"required\": true}", "#/required must be a list of names"},
        {"{\"required\": [1]}", "#/required must be a list of names"},
        {"{\"enum\": 1}", "#/enum must be a list"},
        {"{\"uniqueItems\": 1}", "#/uniqueItems must be true or false"},
        {"{\"pattern\": \"(\"}", "#/pattern is not a regular expression"},
        {"{\"pattern\": \"(*UCP)a\"}", "#/pattern starts with (*"},
        {"{\"patternProperties\": {\"[\": {}}}", "#/patternProperties/[ is not a regular"},
        {"{\"$ref\": 5}", "#/$ref must be text"},
        {"{\"$ref\": \"\"}", "leads nowhere"},
        {"{\"$ref\": \"#/nothing\"}", "\"#/nothing\" leads nowhere"},
        {"{\"$ref\": \"#/$defs\", \"$defs\": 5}", "#/$defs must be an object of schemas"},
        {"{\"$ref\": \"https://example.com/a.json\"}", "within the schema only"},
        {"{\"$ref\": \"#/x\", \"x\": {\"type\": 5}}", "must be one or several of"},
        {"{\"$defs\": {\"unused\": {\"type\": 5}}}", "#/$defs/unused/type must be"},
        {"{\"if\": 1}", "#/if must be a schema"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct action_context ctx;
        fixture_init(&ctx);
        struct json_member in[] = {{STR("jsonInput"), json_num(1)},
                                   {STR("jsonSchema"), json_cstr(cases[i].schema)}};
        int rc = fixture_run_value(&ctx, V, json_object(in, 2));
        if (rc != -EINVAL || !strstr(ctx.err.message, cases[i].words) ||
            !strstr(ctx.err.message, "(jsonSchema)")) {
            fail_msg("%s: rc %d, %s", cases[i].schema, rc, ctx.err.message);
        }
        fixture_done(&ctx);
    }
}

static const char *repeated(struct arena *a, const char *before, const char *part, int n,
                            const char *after)
{
    AUTO(buf_done) struct buf b;
    buf_init(&b, MIB(16));
    buf_adds(&b, before);
    for (int i = 0; i < n; i++) {
        buf_adds(&b, part);
    }
    buf_adds(&b, after);
    return arena_strndup(a, b.data, b.len);
}

/* 2^40 ways through the schema. */
static const char *doubling(struct arena *a)
{
    AUTO(buf_done) struct buf b;
    buf_init(&b, MIB(1));
    buf_adds(&b, "{\"$ref\": \"#/$defs/d0\", \"$defs\": {");
    for (int i = 0; i < 40; i++) {
        buf_addf(
            &b,
            "\"d%d\": {\"anyOf\": [{\"$ref\": \"#/$defs/d%d\"}, {\"$ref\": \"#/$defs/d%d\"}]}, ", i,
            i + 1, i + 1);
    }
    buf_adds(&b, "\"d40\": {\"const\": 0}}}");
    return arena_strndup(a, b.data, b.len);
}

/* Run on a stack as small as a slot's. */
static void *hostile_main(void *arg)
{
    struct action_context *ctx = arg;
    struct arena *a = ctx->arena;
    const char *deep = repeated(a, repeated(a, "", "[", 195, "1"), "]", 195, "");
    const struct {
        const char *schema, *value, *words;
    } cases[] = {
        {"{\"$ref\": \"#\"}", "1", "refers to itself without end"},
        {"{\"allOf\": [{\"$ref\": \"#\"}, {\"$ref\": \"#\"}]}", "1", "refers to itself without"},
        {"{\"if\": {}, \"then\": {\"oneOf\": [{\"$ref\": \"#\"}]}}", "1",
         "refers to itself without end"},
        {"{\"not\": {\"$ref\": \"#\"}}", "1", "refers to itself without end"},
        {doubling(a), "1", "too much work"},
        {"{\"pattern\": \"^(a+)+$\"}", "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\"",
         "takes too long"},
        {"{\"items\": {\"pattern\": \"(a|aa)+[bc]\"}}", "[\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"]",
         "takes too long"},
        {"{\"pattern\": \"a\"}", repeated(a, "\"", "0123456789", 10300, "\""), "100 KB"},
        {repeated(a, repeated(a, "", "{\"not\": ", 150, "true"), "}", 150, ""), "1",
         "nested too deeply"},
        {repeated(a, "{\"enum\": [", "1,", 20000, "1]}"), "1", "more than 20000 values"},
        {repeated(a, repeated(a, "{\"pattern\": \"", "(", 240, "a"), ")", 240, "\"}"), "1",
         "not a regular expression"},
        {repeated(a, "{\"pattern\": \"", "((a{1000}){1000}){1000}", 2, "\"}"), "1",
         "not a regular expression"},
        {repeated(a, "{\"pattern\": \"", "x", 4097, "\"}"), "1", "longer than 4096"},
        {repeated(a, "{\"items\": [", "{\"pattern\": \"x\"}, ", 200, "{\"pattern\": \"\"}]}"), "1",
         "more than 200"},
        {"{\"items\": {\"$ref\": \"#\"}}", deep, NULL},
        {repeated(a, repeated(a, "{\"pattern\": \"^", "(", 45, "a|b"), ")?", 45, "$\"}"), "\"a\"",
         NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct json_member in[] = {{STR("jsonInput"), fixture_json(ctx, cases[i].value)},
                                   {STR("jsonSchema"), json_cstr(cases[i].schema)}};
        int64_t before = clock_mono_ns();
        int rc = fixture_run_value(ctx, V, json_object(in, 2));
        assert_true(clock_mono_ns() - before < HOSTILE_MAX_NS);
        if (cases[i].words ? rc != -EINVAL || !strstr(ctx->err.message, cases[i].words) : rc != 0) {
            fail_msg("case %zu: rc %d, %s", i, rc, ctx->err.message);
        }
    }
    return NULL;
}

static void hostile_schemas_are_bounded(void **state)
{
    struct action_context ctx;
    pthread_attr_t attr;
    pthread_t thread;
    fixture_init(&ctx);
    ctx.deadline = clock_mono_ns() + 300 * NS_PER_SEC;
    assert_int_equal(pthread_attr_init(&attr), 0);
#if !defined(__SANITIZE_ADDRESS__)
    assert_int_equal(pthread_attr_setstacksize(&attr, KIB(256)), 0);
#endif
    assert_int_equal(pthread_create(&thread, &attr, hostile_main, &ctx), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    (void)pthread_attr_destroy(&attr);
    fixture_done(&ctx);
}

static void errors_are_bounded(void **state)
{
    struct action_context ctx;
    fixture_init(&ctx);
    struct json *items = arena_array(ctx.arena, 500000, sizeof(*items));
    for (size_t i = 0; i < 500000; i++) {
        items[i] = json_num((double)i);
    }
    struct json list = json_array(items, 500000);
    struct json errors = run(&ctx, json_cstr("{\"items\": {\"type\": \"string\"}}"), list);
    assert_int_equal(errors.len, JSON_SCHEMA_MAX_ERRORS);
    assert_true(str_eq(json_as_str(json_get(errors.items[99], STR("instancePath"))), STR("/99")));
    errors = run(&ctx, json_cstr("{\"uniqueItems\": true, \"items\": {\"minimum\": 0}}"), list);
    assert_int_equal(errors.len, 0);
    items[499999] = json_num(17);
    errors = run(&ctx, json_cstr("{\"uniqueItems\": true}"), list);
    assert_int_equal(errors.len, 1);
    fixture_done(&ctx);
}

static void the_deadline_ends_matching(void **state)
{
    struct action_context ctx;
    fixture_init(&ctx);
    ctx.deadline = clock_mono_ns();
    struct json_member in[] = {{STR("jsonInput"), json_cstr("a")},
                               {STR("jsonSchema"), json_cstr("{\"pattern\": \"a\"}")}};
    assert_int_equal(fixture_run_value(&ctx, V, json_object(in, 2)), -EINVAL);
    assert_non_null(strstr(ctx.err.message, "takes too long"));
    fixture_done(&ctx);
}

static void undefined_and_bytes(void **state)
{
    struct action_context ctx;
    fixture_init(&ctx);
    struct json_member members[] = {{STR("a"), json_undefined()},
                                    {STR("b"), json_binary(STR("\xFF\xFE"))}};
    struct json value = json_object(members, 2);
    struct json errors =
        run(&ctx, json_cstr("{\"required\": [\"a\"], \"maxProperties\": 1}"), value);
    assert_int_equal(errors.len, 1); /* an undefined member is not there */
    errors = run(&ctx, json_cstr("{\"properties\": {\"b\": {\"type\": \"string\"}}}"), value);
    assert_int_equal(errors.len, 0);
    struct json item = json_undefined();
    errors = run(&ctx, json_cstr("{\"items\": {\"type\": \"null\"}}"), json_array(&item, 1));
    assert_int_equal(errors.len, 0);
    fixture_done(&ctx);
}

static void patterns_on_any_bytes(void **state)
{
    static const struct {
        const char *pattern;
        struct str text;
        int found;
    } cases[] = {
        {"^a.b$", STR("a\0b"), 1},    {"^a.b$", STR("a\xFF"), 0},     {"b$", STR("\xFF\xFE b"), 1},
        {"(?i)ABC", STR("xabcx"), 1}, {"^\\w+$", STR("\xC3\xA9"), 0}, {"[^]", STR("a"), 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(pattern_free) struct pattern *p = NULL;
        struct err err;
        assert_int_equal(pattern_new(str_of(cases[i].pattern), &p, &err), 0);
        if (pattern_found(p, cases[i].text) != cases[i].found) {
            fail_msg("%s", cases[i].pattern);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keywords),
        cmocka_unit_test(inputs),
        cmocka_unit_test(malformed_schemas_fail),
        cmocka_unit_test(hostile_schemas_are_bounded),
        cmocka_unit_test(errors_are_bounded),
        cmocka_unit_test(the_deadline_ends_matching),
        cmocka_unit_test(undefined_and_bytes),
        cmocka_unit_test(patterns_on_any_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
