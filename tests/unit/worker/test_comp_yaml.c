/* YAML and hexadecimal of change-data-format: read, written, read back, refused. */
#include "component_fixture.h"

#define DATA(text) "{\"data\": \"" text "\"}"

static const struct action_case cases[] = {
    {"change-data-format.deserializeFromYaml", DATA("a: 1\\nb: [x, 'y', ~]\\nc:\\n  - d: true"),
     "{\"a\":1,\"b\":[\"x\",\"y\",null],\"c\":[{\"d\":true}]}", NULL},
    {"change-data-format.deserializeFromYaml",
     DATA("- 0x10\\n- 0o17\\n- -1.5e3\\n- .inf\\n- \\\"1\\\"\\n- yes\\n- +7\\n- False"),
     "[16,15,-1500,null,\"1\",\"yes\",7,false]", NULL},
    {"change-data-format.deserializeFromYaml", DATA("a: &x {k: v}\\nb: *x"),
     "{\"a\":{\"k\":\"v\"},\"b\":{\"k\":\"v\"}}", NULL},
    {"change-data-format.deserializeFromYaml", DATA("text: |\\n  two\\n  lines\\n"),
     "{\"text\":\"two\\nlines\\n\"}", NULL},
    {"change-data-format.deserializeFromYaml", DATA("plain"), "\"plain\"", NULL},
    {"change-data-format.deserializeFromYaml", DATA("  \\n"), "null", NULL},
    {"change-data-format.deserializeFromYaml",
     "{\"data\": {\"data\": \"a: 1\", \"contentType\": \"text/yaml\"}}", "{\"a\":1}", NULL},
    {"change-data-format.deserializeFromYaml", "{\"data\": [1]}", NULL, "must be YAML text"},
    {"change-data-format.deserializeFromYaml", "{}", NULL, "Data (data): has no value"},
    {"change-data-format.deserializeFromYaml", DATA("a: 1\\n b: 2"), NULL, "is not YAML: line 2"},
    {"change-data-format.deserializeFromYaml", DATA("a: *nothing"), NULL, "is not YAML: line 1"},
    {"change-data-format.deserializeFromYaml", DATA("a: 1\\na: 2"), NULL, "is not YAML: line 2"},
    {"change-data-format.deserializeFromYaml", DATA("a: 1\\n---\\nb: 2"), NULL, "is not YAML"},
    {"change-data-format.deserializeFromYaml", DATA("[[[["), NULL, "is not YAML"},
    {"change-data-format.yamlToJson", DATA("a: 1"), "\"{\\\"a\\\":1}\"", NULL},
    {"change-data-format.yamlToXml", DATA("o: {i: 1}"), "\"<o>\\n  <i>1</i>\\n</o>\\n\"", NULL},
    {"change-data-format.yamlToXml", DATA("a b: 1"), NULL, "Data (data)"},
    {"change-data-format.xmlToYaml", DATA("<o><i>1</i><i>x</i></o>"),
     "\"o:\\n  i:\\n    - 1\\n    - x\\n\"", NULL},
    {"change-data-format.xmlToYaml", DATA("<o>"), NULL, "Data (data)"},
    {"change-data-format.jsonToYaml", DATA("{\\\"a\\\": [1, {\\\"b\\\": null, \\\"c\\\": 2}]}"),
     "\"a:\\n  - 1\\n  - b: null\\n    c: 2\\n\"", NULL},
    {"change-data-format.jsonToYaml", DATA("{"), NULL, "is not JSON"},
    {"change-data-format.binaryToYaml", "{\"data\": {\"a\": [], \"b\": {}, \"c\": [[1, 2], [3]]}}",
     "\"a: []\\nb: {}\\nc:\\n  - - 1\\n    - 2\\n  - - 3\\n\"", NULL},
    {"change-data-format.binaryToYaml",
     "{\"data\": [\"x y\", \"yes\", \"No\", \"1\", \"null\", \"\", \"a: b\", \"# c\", \"x \", \"- "
     "d\", "
     "\"two\\nlines\", true, 1e21, \"~\", \"0x1\", \"h\\u00e9\"]}",
     "\"- x y\\n- \\\"yes\\\"\\n- \\\"No\\\"\\n- \\\"1\\\"\\n- \\\"null\\\"\\n- \\\"\\\"\\n- "
     "\\\"a: "
     "b\\\"\\n- \\\"# c\\\"\\n- \\\"x \\\"\\n- \\\"- d\\\"\\n- \\\"two\\\\nlines\\\"\\n- true\\n- "
     "1e+21\\n- \\\"~\\\"\\n- \\\"0x1\\\"\\n- \\\"h\xC3\xA9\\\"\\n\"",
     NULL},
    {"change-data-format.binaryToYaml",
     "{\"data\": \"\\u007f\\u0085\\u2028\\ufeff\\uffff\\u0001\"}",
     "\"\\\"\\\\x7F\\\\x85\\\\u2028\\\\uFEFF\\\\uFFFF\\\\u0001\\\"\\n\"", NULL},
    {"change-data-format.encodeHex", DATA("Widget"), "\"576964676574\"", NULL},
    {"change-data-format.encodeHex", "{}", NULL, "has no value"},
    {"change-data-format.decodeHex", DATA(" 576964676574 "), "\"Widget\"", NULL},
    {"change-data-format.decodeHex", DATA("C3A9"), "\"\xC3\xA9\"", NULL},
    {"change-data-format.decodeHex", DATA("57x"), NULL, "is not hexadecimal"},
    {"change-data-format.decodeHex", DATA("576"), NULL, "is not hexadecimal"},
};

static void conversions(void **state)
{
    fixture_check(cases, ARRAY_LEN(cases));
}

static void bytes_that_are_no_text(void **state)
{
    struct action_context ctx;
    fixture_init(&ctx);
    assert_int_equal(fixture_run(&ctx, "change-data-format.decodeHex", DATA("ff00fe")), 0);
    assert_int_equal(ctx.result.data.type, JSON_BINARY);
    assert_int_equal(ctx.result.data.len, 3);
    fixture_done(&ctx);
}

/* What is written is read as the same value. */
static void round_trip(void **state)
{
    static const char *const values[] = {
        "{\"a\":[[],[[]],{},[{}],[[1],[2,[3]]],{\"b\":{\"c\":[{\"d\":1,\"e\":[2]}]}}]}",
        "[\"\",\" \",\"\\t\",\"a\\\\b\",\"\\\"\",\"'\",\"%x\",\"@x\",\"`x\",\"!x\",\"&x\",\"*x\"]",
        "{\"\":1,\" \":2,\"?\":3,\": \":4,\"- x\":5,\"null\":6,\"true\":7,\"1\":8,\"a:b\":9}",
        "[\"\\u0001\\u001f\\u007f\\u0080\\u0084\\u0085\\u009f\\u00a0\",\"\\u2028\\u2029\"]",
        "[\"\\ufeff\\ufffd\\ufffe\\uffff\",\"\\ud83d\\ude00\",\"---\",\"...\",\"--- x\",\"<<\"]",
        "[0,-0.5,1e-7,123456789012,1e300,true,false,null,\"1e3\",\".5\",\"1.\",\"=\",\"0o7\"]",
        "[\"2026-01-02\",\"12:30\",\"1_000\",\"y\",\"ON\",\"Off\",\"nan\",\".nan\",\".inf\"]",
        "\"x\"",
        "[]",
        "{}",
        "null",
        "\"a\\r\\nb\"",
        "[[[[[[1]]]]]]",
    };
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        struct action_context ctx;
        fixture_init(&ctx);
        struct json v = fixture_json(&ctx, values[i]);
        struct json_member in = {STR("data"), v};
        assert_int_equal(
            fixture_run_value(&ctx, "change-data-format.binaryToYaml", json_object(&in, 1)), 0);
        in.value = ctx.result.data;
        if (fixture_run_value(&ctx, "change-data-format.deserializeFromYaml", json_object(&in, 1)) <
                0 ||
            !json_equal(ctx.result.data, v)) {
            fail_msg("%s becomes %s (%s) from %.*s", values[i], fixture_result(&ctx),
                     ctx.err.message, (int)in.value.len, in.value.str);
        }
        fixture_done(&ctx);
    }
}

static void bounds(void **state)
{
    struct action_context ctx;
    struct buf b;
    fixture_init(&ctx);
    buf_init(&b, 0);
    buf_adds(&b, "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"); /* a laughing billion */
    for (int i = 1; i < 12; i++) {
        buf_addf(&b, "a%d: &a%d [", i, i);
        for (int k = 0; k < 10; k++) {
            buf_addf(&b, "%s*a%d", k ? ", " : "", i - 1);
        }
        buf_adds(&b, "]\n");
    }
    struct json_member in = {STR("data"), json_str(buf_str(&b))};
    assert_int_equal(
        fixture_run_value(&ctx, "change-data-format.deserializeFromYaml", json_object(&in, 1)),
        -EINVAL);
    assert_non_null(strstr(ctx.err.message, "is not YAML"));
    buf_clear(&b);
    while (b.len < MIB(6)) {
        buf_adds(&b, "- a long line of text that is repeated until there is too much of it\n");
    }
    in.value = json_str(buf_str(&b));
    assert_int_equal(
        fixture_run_value(&ctx, "change-data-format.deserializeFromYaml", json_object(&in, 1)),
        -EINVAL);
    struct json nested = json_num(1);
    for (int i = 0; i < 240; i++) {
        nested = json_array(arena_dup(ctx.arena, &nested, sizeof(nested)), 1);
    }
    in.value = nested;
    assert_int_equal(
        fixture_run_value(&ctx, "change-data-format.binaryToYaml", json_object(&in, 1)), -EINVAL);
    assert_non_null(strstr(ctx.err.message, "nested deeper"));
    /* A key too long to stand before a colon. */
    buf_clear(&b);
    while (b.len < 2000) {
        buf_adds(&b, "key");
    }
    struct json_member pair = {buf_str(&b), fixture_json(&ctx, "[1, {\"x\": 2}]")};
    in.value = json_object(&pair, 1);
    assert_int_equal(
        fixture_run_value(&ctx, "change-data-format.binaryToYaml", json_object(&in, 1)), 0);
    assert_non_null(strstr(fixture_result(&ctx), "key\\n: - 1\\n  - x: 2\\n"));
    buf_done(&b);
    fixture_done(&ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conversions),
        cmocka_unit_test(bytes_that_are_no_text),
        cmocka_unit_test(round_trip),
        cmocka_unit_test(bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
