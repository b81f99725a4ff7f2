/* Actions on texts, numbers, lists, objects and persisted state, as tables. */
#include "component_fixture.h"

#define T "text-manipulation."
#define M "math."
#define C "collection-tools."
#define P "persist-data."

static void text_actions(void **state)
{
    static const struct action_case cases[] = {
        {T "split", "{\"text\": \"a/b//c\", \"separator\": \"/\"}", "[\"a\",\"b\",\"\",\"c\"]"},
        {T "split", "{\"text\": \"\", \"separator\": \"/\"}", "[\"\"]"},
        {T "split", "{\"text\": \"a\\u00e9\\ud83d\\ude80\"}",
         "[\"a\",\"\xC3\xA9\",\"\xF0\x9F\x9A\x80\"]"},
        {T "join", "{\"strings\": [\"gh\", 17, null, \"x\"], \"separator\": \"-\"}",
         "\"gh-17--x\""},
        {T "join", "{\"strings\": []}", "\"\""},
        {T "joinLines", "{\"strings\": [\"a\", \"b\"], \"numberOfNewlines\": \"2\"}",
         "\"a\\n\\nb\""},
        {T "joinLines", "{\"strings\": [\"a\", \"b\"], \"newlineType\": \"\\\\r\\\\n\"}",
         "\"a\\r\\nb\""},
        {T "joinLines", "{\"strings\": [\"a\"], \"numberOfNewlines\": \"-1\"}", NULL,
         "Number of Newlines (numberOfNewlines)"},
        {T "replace", "{\"text\": \"aXbXc\", \"find\": \"X\", \"replace\": \"--\"}", "\"a--b--c\""},
        {T "replace", "{\"text\": \"gh-12\", \"find\": \"gh-\"}", "\"12\""},
        {T "replace", "{\"text\": \"aaa\", \"find\": \"aa\", \"replace\": \"b\"}", "\"ba\""},
        {T "replace", "{\"text\": \"a\"}", NULL, "Find (find): has no value"},
        {T "upperCase", "{\"text\": \"stra\\u00dfe \\u00e9\"}", "\"STRASSE \xC3\x89\""},
        {T "capitalize", "{\"text\": \"\u00df\u00df\"}", "\"SS\xC3\x9F\""},
        {T "lowerCase", "{\"text\": \"\u00df\"}", "\"\xC3\x9F\""},
        {T "lowerCase", "{\"text\": \"\\u00c4 ABC\"}", "\"\xC3\xA4 abc\""},
        {T "capitalize", "{\"text\": \"an Order\"}", "\"An Order\""},
        {T "trim", "{\"text\": \" \\u00a0\\n a b \\ufeff\"}", "\"a b\""},
        {T "trim", "{\"text\": \"  \"}", "\"\""},
        {T "stringLength", "{\"text\": \"a\\u00e9\\ud83d\\ude80\"}", "4"},
        {T "slice", "{\"text\": \"abcdef\", \"start\": \"1\", \"end\": \"-1\"}", "\"bcde\""},
        {T "slice", "{\"text\": \"abc\", \"start\": \"-2\"}", "\"bc\""},
        {T "slice", "{\"text\": \"abc\", \"start\": \"2\", \"end\": \"1\"}", "\"\""},
        {T "slice", "{\"text\": \"abc\", \"start\": \"9\", \"end\": \"99\"}", "\"\""},
        {T "find", "{\"text\": \"\\ud83d\\ude80ab\", \"find\": \"b\"}", "3"},
        {T "find", "{\"text\": \"ab\", \"find\": \"c\"}", "-1"},
        {T "splitLines", "{\"text\": \"a\\r\\n\\n b\\n\"}", "[\"a\",\" b\"]"},
        {T "splitLines", "{\"text\": \"a\\n\", \"filterBlankLines\": \"false\"}", "[\"a\",\"\"]"},
        {T "encodeBase64", "{\"text\": \"some text\"}", "\"c29tZSB0ZXh0\""},
        {T "decodeBase64", "{\"text\": \"c29tZSB0ZXh0\"}", "\"some text\""},
        {T "decodeBase64", "{\"text\": \"!!\"}", NULL, "is not base64"},
    };
    fixture_check(cases, ARRAY_LEN(cases));
}

static void invalid_utf8_passes(void **state)
{
    struct action_context ctx;
    fixture_init(&ctx);
    struct json_member text = {STR("text"), json_binary(STR("\xFF\xA0 a\xC3"))};
    static const char *const names[] = {T "upperCase", T "trim",       T "stringLength",
                                        T "split",     T "capitalize", T "splitLines"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        assert_int_equal(fixture_run_value(&ctx, names[i], json_object(&text, 1)), 0);
    }
    assert_int_equal(fixture_run_value(&ctx, T "upperCase", json_object(&text, 1)), 0);
    assert_true(str_eq(json_as_str(ctx.result.data), STR("\xFF\xA0 A\xC3")));
    fixture_done(&ctx);
}

static void texts_need_room(void **state)
{
    static char large[MIB(2)];
    static const char *const names[] = {"upperCase", "decodeBase64", "encodeBase64", "capitalize"};
    memset(large, 'a', sizeof(large));
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct action_context ctx;
        struct json_member m = {STR("text"), json_str(str_n(large, sizeof(large)))};
        fixture_init(&ctx);
        (void)arena_alloc(ctx.arena, MIB(63));
        char name[64];
        (void)snprintf(name, sizeof(name), "text-manipulation.%s", names[i]);
        assert_int_equal(fixture_run_value(&ctx, name, json_object(&m, 1)), -ENOMEM);
        assert_non_null(strstr(ctx.err.message, "too large for the memory"));
        fixture_done(&ctx);
    }
}

static void math_actions(void **state)
{
    static const struct action_case cases[] = {
        {M "add", "{\"numbers\": [\"1\", 1]}", "2"},
        {M "add", "{\"numbers\": [\"1\", [2, \"3\"], 0.5]}", "6.5"},
        {M "add", "{\"numbers\": []}", "0"},
        {M "add", "{\"numbers\": \"[1,2]\"}", "3"},
        {M "add", "{\"numbers\": [1, \"x\"]}", NULL, "Numbers (numbers): item 2, \"x\", is not"},
        {M "add", "{\"numbers\": [1, null]}", NULL, "item 2"},
        {M "add", "{\"numbers\": [[[1]]]}", NULL, "item 1"},
        {M "add", "{}", NULL, "Numbers (numbers): has no value"},
        {M "subtract", "{\"numbers\": [10, 2, 3]}", "5"},
        {M "multiply", "{\"numbers\": [2, 3, 4]}", "24"},
        {M "divide", "{\"numbers\": [12, 2, 3]}", "2"},
        {M "divide", "{\"numbers\": [1, 0]}", NULL, "division by zero"},
        {M "divide", "{\"numbers\": []}", NULL, "at least one number"},
        {M "modulo", "{\"dividend\": \"-7\", \"divisor\": 3}", "-1"},
        {M "modulo", "{\"dividend\": 7, \"divisor\": 0}", NULL, "Divisor (divisor)"},
        {M "pow", "{\"base\": 2, \"exponent\": 10}", "1024"},
        {M "pow", "{\"base\": 10, \"exponent\": 400}", NULL, "Exponent (exponent)"},
        {M "log", "{\"number\": 1000}", "3"},
        {M "log", "{\"number\": 8, \"base\": 2}", "3"},
        {M "log", "{\"number\": 0}", NULL, "Number (number)"},
        {M "min", "{\"numbers\": [3, 1, 2]}", "1"},
        {M "max", "{\"numbers\": [3, 1, 2]}", "3"},
        {M "average", "{\"numbers\": [1, 2, 3, 4]}", "2.5"},
        {M "hypot", "{\"numbers\": [3, 4]}", "5"},
        {M "round", "{\"number\": \"2.5\"}", "3"},
        {M "round", "{\"number\": -2.5}", "-2"},
        {M "round", "{\"number\": 0.49999999999999994}", "0"},
        {M "round", "{\"number\": 4503599627370497}", "4503599627370497"},
        {M "floor", "{\"number\": -2.5}", "-3"},
        {M "ceil", "{\"number\": 2.1}", "3"},
        {M "trunc", "{\"number\": -2.9}", "-2"},
        {M "abs", "{\"number\": \"-3\"}", "3"},
        {M "sqrt", "{\"number\": -1}", NULL, "Number (number)"},
        {M "sqrt", "{\"number\": \" \"}", NULL, "Number (number): has no value"},
    };
    fixture_check(cases, ARRAY_LEN(cases));
}

static void collection_actions(void **state)
{
    static const struct action_case cases[] = {
        {C "create", "{\"items\": [1, [2]]}", "[1,[2]]"},
        {C "create", "{\"items\": [[1, [2]]]}", "[1,[2]]"},
        {C "create", "{\"items\": [[]]}", "[]"},
        {C "create", "{\"items\": [[1], [2]]}", "[[1],[2]]"},
        {C "create", "{\"items\": [\"[1]\"]}", "[\"[1]\"]"},
        {C "createObject", "{\"keyValueInput\": [{\"key\": \"a\", \"value\": 1}]}", "{\"a\":1}"},
        {C "chunks", "{\"listInput\": [1, 2, 3], \"numberInput\": \"2\"}", "[[1,2],[3]]"},
        {C "chunks", "{\"listInput\": [1, 2]}", "[[1],[2]]"},
        {C "chunks", "{\"listInput\": [], \"numberInput\": 5}", "[]"},
        {C "chunks", "{\"listInput\": [1], \"numberInput\": 0}", NULL, "Number of Elements"},
        {C "chunks", "{}", NULL, "List (listInput): has no value"},
        {C "first", "{\"listInput\": [1, 2]}", "1"},
        {C "last", "{\"listInput\": [1, 2]}", "2"},
        {C "last", "{\"listInput\": []}", "undefined"},
        {C "length", "{\"listInput\": [1, 2]}", "2"},
        {C "length", "{\"listInput\": \"[1,2,3]\"}", "3"},
        {C "flatten", "{\"listInput\": [[1], 2, [], [[3]]]}", "[1,2,[3]]"},
        {C "append", "{\"listInput\": [1], \"elementInput\": [2]}", "[1,[2]]"},
        {C "concatenate", "{\"firstListInput\": [1], \"secondListInput\": [2, 3]}", "[1,2,3]"},
        {C "count", "{\"listInput\": [1, 2, 1], \"elementInput\": 1}", "2"},
        {C "remove", "{\"listInput\": [1, 2, 1], \"elementInput\": 1}", "[2]"},
        {C "deduplicate", "{\"listInput\": [1, \"1\", 1, {\"a\": 1}, {\"a\": 1}, [2], [2]]}",
         "[1,\"1\",{\"a\":1},[2]]"},
        {C "selectItemFromList", "{\"listInput\": [1, 2, 3], \"index\": \"-1\"}", "3"},
        {C "selectItemFromList", "{\"listInput\": [1], \"index\": \"7\"}", "undefined"},
        {C "selectItemFromList", "{\"listInput\": [1], \"index\": \"-7\"}", "undefined"},
        {C "takeFirst", "{\"listInput\": [1, 2, 3], \"numberInput\": 2}", "[1,2]"},
        {C "takeLast", "{\"listInput\": [1, 2, 3], \"numberInput\": 9}", "[1,2,3]"},
        {C "keys", "{\"object\": {\"a\": 1, \"b\": 2}}", "[\"a\",\"b\"]"},
        {C "values", "{\"object\": {\"a\": 1, \"b\": 2}}", "[1,2]"},
        {C "fromObject", "{\"object\": {\"a\": 1}}", "[{\"key\":\"a\",\"value\":1}]"},
        {C "toObject", "{\"keyValueListInput\": [{\"key\": \"a\", \"value\": 1}]}", "{\"a\":1}"},
        {C "addKey", "{\"object\": {\"a\": 1}, \"key\": \"b\", \"value\": 2}", "{\"a\":1,\"b\":2}"},
        {C "addKey", "{\"key\": \"b\", \"value\": 2, \"objectPath\": \"x.y\"}",
         "{\"x\":{\"y\":{\"b\":2}}}"},
        {C "addKey",
         "{\"object\": {\"l\": [{\"a\": 1}, 5]}, \"key\": \"b\", \"value\": 2, "
         "\"objectPath\": \"l.0\"}",
         "{\"l\":[{\"a\":1,\"b\":2},5]}"},
        {C "addKey",
         "{\"object\": {\"l\": [1]}, \"key\": \"b\", \"value\": 2, \"objectPath\": \"l.3\"}", NULL,
         "not a position of the list"},
        {C "addKey",
         "{\"object\": {\"l\": 1}, \"key\": \"b\", \"value\": 2, \"objectPath\": \"l\"}", NULL,
         "not an object"},
        {C "addKey", "{\"key\": \"b\", \"value\": 2, \"objectPath\": \"a..b\"}", NULL,
         "Insert Path (objectPath)"},
        {C "addMultipleKeys",
         "{\"object\": {\"a\": 1}, \"keyValueListInput\": [{\"key\": \"a\", \"value\": 3}]}",
         "{\"a\":3}"},
        {C "addMultipleKeys",
         "{\"object\": {}, \"dynamicFields\": \"{\\\"z\\\": 1}\", \"keyValueListInput\": "
         "[{\"key\": \"a\", \"value\": 3}]}",
         "{\"z\":1}"},
        {C "removeKey",
         "{\"object\": {\"a\": {\"b\": 1, \"c\": 2}}, \"key\": \"b\", "
         "\"objectPath\": \"a\"}",
         "{\"a\":{\"c\":2}}"},
    };
    fixture_check(cases, ARRAY_LEN(cases));
}

static void deduplicates_many(void **state)
{
    struct action_context ctx;
    fixture_init(&ctx);
    struct json *items = arena_array(ctx.arena, 40000, sizeof(*items));
    for (size_t i = 0; i < 40000; i++) {
        items[i] = json_num((double)(i % 20000));
    }
    struct json_member list = {STR("listInput"), json_array(items, 40000)};
    assert_int_equal(fixture_run_value(&ctx, C "deduplicate", json_object(&list, 1)), 0);
    assert_int_equal(ctx.result.data.len, 20000);
    assert_true(ctx.result.data.items[19999].num == 19999);
    fixture_done(&ctx);
}

/* Steps on one state; each row is the result of one action. */
static void persisted_state(void **state)
{
    static const struct action_case steps[] = {
        {P "getExecutionValue", "{\"keyInput\": \"n\", \"defaultValueInput\": \"0\"}", "\"0\""},
        {P "getExecutionValue", "{\"keyInput\": \"n\"}", "null"},
        {P "incrementExecutionValue", "{\"keyInput\": \"n\", \"amountInput\": \"50\"}",
         "{\"value\":50}"},
        {P "incrementExecutionValue", "{\"keyInput\": \"n\"}", "{\"value\":51}"},
        {P "decrementExecutionValue", "{\"keyInput\": \"n\", \"amountInput\": 1.5}",
         "{\"value\":49.5}"},
        {P "getExecutionValue", "{\"keyInput\": \"n\", \"defaultValueInput\": \"0\"}", "49.5"},
        {P "getInstanceValue", "{\"keyInput\": \"n\"}", "null"},
        {P "saveCrossFlowValue", "{\"keyInput\": \"k\", \"valueInput\": {\"a\": 1}}",
         "{\"value\":{\"a\":1}}"},
        {P "saveCrossFlowValue",
         "{\"keyInput\": \"no\", \"dynamicValues\": [{\"key\": \"x\", \"value\": 1}, {\"key\": "
         "\"y\", \"value\": 2}]}",
         "{\"value\":{\"x\":1,\"y\":2}}"},
        {P "listCrossFlowKeys", "{}", "[\"k\",\"x\",\"y\"]"},
        {P "removeCrossFlowValue", "{\"keyInput\": \"k\"}", "null"},
        {P "removeCrossFlowValue", "{\"multipleKeys\": [\"x\"]}", "null"},
        {P "listCrossFlowKeys", "{}", "[\"y\"]"},
        {P "removeCrossFlowState", "{}", "null"},
        {P "listCrossFlowKeys", "{}", "[]"},
        {P "listExecutionKeys", "{}", "[\"n\"]"},
        {P "appendExecutionValueToList", "{\"keyInput\": \"l\", \"valueInput\": [1]}",
         "{\"value\":[[1]]}"},
        {P "appendExecutionValueToList", "{\"keyInput\": \"l\", \"valueInput\": [2]}",
         "{\"value\":[[1],[2]]}"},
        {P "appendExecutionValuesToList",
         "{\"keyInput\": \"l\", \"valuesInput\": [[3], 4], \"flattenValues\": \"true\"}",
         "{\"value\":[[1],[2],3,4]}"},
        {P "appendExecutionValuesToList", "{\"keyInput\": \"l\", \"dynamicValues\": \"[5]\"}",
         "{\"value\":[[1],[2],3,4,5]}"},
        {P "incrementExecutionValue", "{\"keyInput\": \"l\"}", NULL, "is not a number"},
        {P "appendExecutionValueToList", "{\"keyInput\": \"n\", \"valueInput\": 1}", NULL,
         "Key (keyInput): what is kept under \"n\" is not a list"},
        {P "addIntegrationValueToSet", "{\"keyInput\": \"s\", \"valueInput\": 1}",
         "{\"value\":[1]}"},
        {P "addIntegrationValueToSet", "{\"keyInput\": \"s\", \"valueInput\": 1}",
         "{\"value\":[1]}"},
        {P "addIntegrationValueToSet", "{\"keyInput\": \"s\", \"valueInput\": 2}",
         "{\"value\":[1,2]}"},
        {P "addIntegrationValueToSet", "{\"keyInput\": \"none2\"}", "{\"value\":[null]}"},
        {P "addIntegrationValueToSet", "{\"keyInput\": \"none2\"}", "{\"value\":[null]}"},
        {P "removeIntegrationValueFromSet", "{\"keyInput\": \"none2\"}", "{\"value\":[]}"},
        {P "removeIntegrationValue", "{\"keyInput\": \"none2\"}", "null"},
        {P "saveExecutionValue", "{\"keyInput\": \"big\", \"valueInput\": 1.7e308}",
         "{\"value\":1.7e+308}"},
        {P "incrementExecutionValue", "{\"keyInput\": \"big\", \"amountInput\": 1.7e308}", NULL,
         "Amount (amountInput): leads beyond"},
        {P "removeExecutionValue", "{\"keyInput\": \"big\"}", "null"},
        {P "removeIntegrationValueFromSet", "{\"keyInput\": \"s\", \"valueInput\": 1}",
         "{\"value\":[2]}"},
        {P "removeIntegrationValueFromList", "{\"keyInput\": \"none\", \"valueInput\": 1}",
         "{\"value\":[]}"},
        {P "getUsage", "{}",
         "{\"flow\":2,\"crossFlow\":2,\"integration\":19,\"total\":23,\"maximum\":67108864}"},
        {P "saveInstanceValue", "{\"valueInput\": 1}", NULL, "Key (keyInput): has no value"},
        {P "saveInstanceValue", "{\"keyInput\": \"u\"}", "{}"},
        {P "getInstanceValue", "{\"keyInput\": \"u\", \"defaultValueInput\": \"d\"}", "null"},
    };
    struct action_context ctx;
    fixture_init(&ctx);
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        int rc = fixture_run(&ctx, steps[i].name, steps[i].inputs);
        if (steps[i].refusal) {
            assert_int_equal(rc, -EINVAL);
            assert_non_null(strstr(ctx.err.message, steps[i].refusal));
        } else if (rc != 0 || strcmp(fixture_result(&ctx), steps[i].result) != 0) {
            fail_msg("step %zu %s: %s %s", i, steps[i].name, fixture_result(&ctx), ctx.err.message);
        }
    }
    assert_int_equal(fixture_run(&ctx, P "saveIntegrationCurrentTime", "{\"keyInput\": \"t\"}"), 0);
    struct str now = json_as_str(json_get(ctx.state[STATE_INTEGRATION], STR("t")));
    assert_int_equal(now.len, CLOCK_ISO_LEN);
    assert_true(now.ptr[now.len - 1] == 'Z');
    fixture_done(&ctx);
}

#define D "process-data.deDuplicate"
static void handled_items_do_not_come_again(void **state)
{
    static const struct action_case steps[] = {
        {D, "{\"dataInput\": [], \"keyFieldNamesInput\": [\"id\"]}", "[]"},
        {D,
         "{\"dataInput\": [{\"id\": 2, \"n\": \"b\"}, {\"id\": 1, \"n\": \"a\"}, {\"id\": 2}], "
         "\"keyFieldNamesInput\": [\"id\"]}",
         "[{\"id\":2,\"n\":\"b\"},{\"id\":1,\"n\":\"a\"}]"},
        {D,
         "{\"dataInput\": \"[{\\\"id\\\": 3}, {\\\"id\\\": 2}, {\\\"id\\\": \\\"2\\\"}]\", "
         "\"keyFieldNamesInput\": \"id\"}",
         "[{\"id\":3},{\"id\":\"2\"}]"},
        {D, "{\"dataInput\": [{\"id\": 3}, {\"id\": 1}], \"keyFieldNamesInput\": [\"id\"]}", "[]"},
        /* the fields count together, also one that some items lack */
        {D,
         "{\"dataInput\": [{\"id\": 3, \"v\": 1}, {\"id\": 3}, {\"id\": 3, \"v\": null}], "
         "\"keyFieldNamesInput\": [\"id\", \"v\"]}",
         "[{\"id\":3,\"v\":1},{\"id\":3}]"},
        {D, "{\"dataInput\": [{\"id\": 9}, {\"x\": 9}], \"keyFieldNamesInput\": [\"id\"]}", NULL,
         "Data (dataInput): item 2 has none of the key fields"},
        {D, "{\"dataInput\": [5], \"keyFieldNamesInput\": [\"id\"]}", NULL, "item 1 has none"},
        {D, "{\"dataInput\": [], \"keyFieldNamesInput\": [7]}", NULL,
         "Key Field Names (keyFieldNamesInput): must name"},
        {D, "{\"keyFieldNamesInput\": [\"id\"]}", NULL, "Data (dataInput): has no value"},
        /* nothing of the refused list was remembered */
        {D, "{\"dataInput\": [{\"id\": 9}], \"keyFieldNamesInput\": [\"id\"]}", "[{\"id\":9}]"},
    };
    struct action_context ctx;
    fixture_init(&ctx);
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        int rc = fixture_run(&ctx, steps[i].name, steps[i].inputs);
        if (steps[i].refusal ? rc == 0 || !strstr(ctx.err.message, steps[i].refusal)
                             : rc != 0 || strcmp(fixture_result(&ctx), steps[i].result) != 0) {
            fail_msg("step %zu: %d %s %s", i, rc, fixture_result(&ctx), ctx.err.message);
        }
    }
    assert_int_equal(ctx.state[STATE_INSTANCE].len, 1);
    assert_true(str_eq(ctx.state[STATE_INSTANCE].members[0].key, STR("__leat.processed.Call It")));
    /* what is not what was kept is no reason to fail */
    ctx.state[STATE_INSTANCE] = fixture_json(&ctx, "{\"__leat.processed.Call It\": \"?!\"}");
    assert_int_equal(
        fixture_run(&ctx, D, "{\"dataInput\": [{\"id\": 1}], \"keyFieldNamesInput\": [\"id\"]}"),
        0);
    assert_string_equal(fixture_result(&ctx), "[{\"id\":1}]");
    fixture_done(&ctx);
}

/* The oldest are forgotten. */
static void remembering_is_bounded(void **state)
{
    enum { ITEMS = 150000 };
    struct action_context ctx;
    fixture_init(&ctx);
    arena_free(ctx.arena);
    ctx.arena = arena_new(KIB(64), MIB(512));
    struct json field = json_cstr("id");
    struct json *items = arena_array(ctx.arena, ITEMS, sizeof(*items));
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < ITEMS; i++) {
            struct json_member *m = arena_new_of(ctx.arena, struct json_member);
            *m = (struct json_member){STR("id"), json_num((double)(i + (size_t)round * ITEMS))};
            items[i] = json_object(m, 1);
        }
        struct json_member inputs[] = {{STR("dataInput"), json_array(items, ITEMS)},
                                       {STR("keyFieldNamesInput"), field}};
        assert_int_equal(fixture_run_value(&ctx, D, json_object(inputs, 2)), 0);
        assert_int_equal(ctx.result.data.len, ITEMS);
    }
    struct json kept = ctx.state[STATE_INSTANCE].members[0].value;
    assert_int_equal(kept.len, 200000 * 16);
    assert_int_equal(fixture_run(&ctx, D,
                                 "{\"dataInput\": [{\"id\": 0}, {\"id\": 149999}, {\"id\": "
                                 "200000}], \"keyFieldNamesInput\": [\"id\"]}"),
                     0);
    assert_string_equal(fixture_result(&ctx), "[{\"id\":149999}]");
    fixture_done(&ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_actions),           cmocka_unit_test(invalid_utf8_passes),
        cmocka_unit_test(texts_need_room),        cmocka_unit_test(math_actions),
        cmocka_unit_test(collection_actions),     cmocka_unit_test(deduplicates_many),
        cmocka_unit_test(persisted_state),        cmocka_unit_test(handled_items_do_not_come_again),
        cmocka_unit_test(remembering_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
