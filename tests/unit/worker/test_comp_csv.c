/* csv: reading and writing as tables, places of errors, bounds. */
#include "component_fixture.h"

#define C "csv."
#define META(delimiter, line_break, cursor)                                                        \
    "],\"errors\":[],\"meta\":{\"delimiter\":\"" delimiter "\",\"linebreak\":\"" line_break        \
    "\",\"aborted\":false,\"truncated\":false,\"cursor\":" cursor "}}"

static void reads(void **state)
{
    static const struct action_case cases[] = {
        {C "parse", "{\"csv\": \"a,b\\r\\nc,d\\r\\n\"}",
         "{\"data\":[[\"a\",\"b\"],[\"c\",\"d\"]" META(",", "\\r\\n", "10")},
        {C "parse", "{\"csv\": \"a;b\\n\\\"x;y\\\";\\\"1\\\"\\\"2\\\"\", \"delimiter\": \";\"}",
         "{\"data\":[[\"a\",\"b\"],[\"x;y\",\"1\\\"2\"]" META(";", "\\n", "16")},
        {C "parse", "{\"csv\": \"a\\tb\", \"delimiter\": \"\\\\t\"}",
         "{\"data\":[[\"a\",\"b\"]" META("\\t", "", "3")},
        {C "parse", "{\"csv\": \"\\ufeffa\\r\\rb\\r\"}",
         "{\"data\":[[\"a\"],[\"b\"]" META(",", "\\r", "8")},
        {C "parse", "{\"csv\": \",\\n\\\"\\\"\\n\\\"two\\r\\nlines\\\"  ,x\"}",
         "{\"data\":[[\"\",\"\"],[\"\"],[\"two\\r\\nlines\",\"x\"]" META(",", "\\n", "21")},
        {C "parse", "{\"csv\": \"a||b|c\", \"delimiter\": \"||\"}",
         "{\"data\":[[\"a\",\"b|c\"]" META("||", "", "6")},
        {C "parse", "{\"csv\": \"5\\\" pipe, \\\"x\\\"\"}",
         "{\"data\":[[\"5\\\" pipe\",\" \\\"x\\\"\"]" META(",", "", "12")},
        {C "parse", "{\"csv\": \"a,b\\nc,d\", \"ignoreHeaders\": \"true\"}",
         "{\"data\":[[\"c\",\"d\"]" META(",", "\\n", "7")},
        {C "parse",
         "{\"csv\": {\"data\": \"n,c\\nAda,London\\nBob\\n\", \"contentType\": \"text/csv\"}, "
         "\"firstRowHasNames\": \"true\"}",
         "{\"data\":[{\"n\":\"Ada\",\"c\":\"London\"},{\"n\":\"Bob\"}],\"errors\":[],\"meta\":{"
         "\"delimiter\":\",\",\"linebreak\":\"\\n\",\"aborted\":false,\"truncated\":false,"
         "\"cursor\":19,\"fields\":[\"n\",\"c\"]}}"},
        {C "parse", "{\"csv\": {\"data\": \"\", \"contentType\": \"text/csv\"}}",
         "{\"data\":[" META(",", "", "0")},
    };
    fixture_check(cases, ARRAY_LEN(cases));
}

static void refuses(void **state)
{
    static const struct action_case cases[] = {
        {C "parse", "{}", NULL, "CSV Data (csv): has no value"},
        {C "parse", "{\"csv\": \"a\\n\\\"b\\nc\"}", NULL, "line 2: a quoted field begins here"},
        {C "parse", "{\"csv\": \"a\\n\\\"b\\nc\\\"d\"}", NULL, "line 3: text follows"},
        {C "parse", "{\"csv\": \"a\\n\\n\\\"b\\nc\\\",2\", \"firstRowHasNames\": \"1\"}", NULL,
         "line 3: the row has more fields"},
        {C "parse", "{\"csv\": \"\\na,b,a\\n1,2,3\", \"firstRowHasNames\": \"1\"}", NULL,
         "line 2: the name \"a\" stands twice"},
        {C "parse", "{\"csv\": \"a\", \"delimiter\": \"\\\"\"}", NULL, "Delimiter (delimiter)"},
        {C "parse", "{\"csv\": \"a\", \"delimiter\": \"12345678901234567\"}", NULL, "1 to 16"},
        {C "parse", "{\"csv\": \"a\", \"ignoreHeaders\": \"maybe\"}", NULL, "ignoreHeaders"},
        {C "generate", "{\"data\": [{\"a\": 1}]}", NULL, "must be a list of lists"},
        {C "generate", "{\"data\": [[1], 2]}", NULL, "item 2 is not a list"},
        {C "generateFromObject", "{\"inputArray\": [{\"a\": 1}, [1]]}", NULL,
         "Input Array (inputArray): item 2 is not an object"},
        {C "generateFromObject", "{\"inputArray\": \"text\"}", NULL, "must be a list of objects"},
        {C "generateFromObject", "{}", NULL, "has no value"},
    };
    fixture_check(cases, ARRAY_LEN(cases));
}

static void tells_the_line_of_bytes_that_are_no_text(void **state)
{
    struct action_context ctx;
    fixture_init(&ctx);
    struct json_member in = {STR("csv"), json_binary(STR("a\nb\nc\xE9\nd"))};
    assert_int_equal(fixture_run_value(&ctx, C "parse", json_object(&in, 1)), -EINVAL);
    assert_non_null(strstr(ctx.err.message, "line 3: is not UTF-8"));
    assert_int_equal(ctx.err.line, 3);
    in.value = json_binary(STR("\xEF\xBB\xBF"
                               "a,\xC3\xA9"));
    assert_int_equal(fixture_run_value(&ctx, C "parse", json_object(&in, 1)), 0);
    assert_non_null(strstr(fixture_result(&ctx), "[[\"a\",\"\xC3\xA9\"]]"));
    fixture_done(&ctx);
}

static void writes(void **state)
{
    static const struct action_case cases[] = {
        {C "generateFromObject",
         "{\"inputArray\": [{\"a\": 1, \"b\": \"x,y\"}, {\"b\": \"\\\"\", \"c\": null}]}",
         "\"a,b,c\\r\\n1,\\\"x,y\\\",\\r\\n,\\\"\\\"\\\"\\\",\""},
        {C "generateFromObject",
         "{\"inputArray\": [{\"b\": true, \"a\": [1, 2]}, {\"a\": {\"k\": \"v\"}, \"b\": 0.5}], "
         "\"includeHeader\": \"false\", \"delimiter\": \";\"}",
         "\"true;[1,2]\\r\\n0.5;\\\"{\\\"\\\"k\\\"\\\":\\\"\\\"v\\\"\\\"}\\\"\""},
        {C "generateFromObject", "{\"inputArray\": \"[{\\\"a\\\": 1}]\"}", "\"a\\r\\n1\""},
        {C "generateFromObject", "{\"inputArray\": [[1, \" x\"], [\"\"], [], [\"\\n\"]]}",
         "\"1,\\\" x\\\"\\r\\n\\\"\\\"\\r\\n\\\"\\n\\\"\""},
        {C "generateFromObject", "{\"inputArray\": [{}, {}]}", "\"\""},
        {C "generateFromObject", "{\"inputArray\": []}", "\"\""},
        {C "generateFromObject", "{\"inputArray\": {\"a\": 1}}", "\"a\\r\\n1\""},
        {C "generateFromObject", "{\"inputArray\": [{\"a\": \"x;\"}], \"delimiter\": \";;\"}",
         "\"a\\r\\n\\\"x;\\\"\""},
        {C "generate", "{\"data\": [[\"a\", \"b\"], [1, null]], \"delimiter\": \"\\\\t\"}",
         "\"a\\tb\\r\\n1\\t\""},
    };
    fixture_check(cases, ARRAY_LEN(cases));
    struct action_context ctx;
    fixture_init(&ctx);
    assert_int_equal(fixture_run(&ctx, C "generate", "{\"data\": [[1]]}"), 0);
    assert_string_equal(ctx.result.content_type, "text/csv");
    fixture_done(&ctx);
}

/* Members in another order in each row are found without looking through all of them each time. */
static void writes_wide_rows_of_any_order(void **state)
{
    enum { WIDE = 20000 };
    struct action_context ctx;
    fixture_init(&ctx);
    struct json_builder list, row;
    json_build_array(&list, ctx.arena);
    for (int r = 0; r < 2; r++) {
        json_build_object(&row, ctx.arena);
        for (int i = 0; i < WIDE; i++) {
            const char *name = arena_printf(ctx.arena, "m%d", r ? WIDE - 1 - i : i);
            json_append(&row, str_of(name), json_num(r ? WIDE - 1 - i : i));
        }
        json_push(&list, json_built(&row));
    }
    struct json_member in = {STR("inputArray"), json_built(&list)};
    assert_int_equal(fixture_run_value(&ctx, C "generateFromObject", json_object(&in, 1)), 0);
    struct str text = json_as_str(ctx.result.data);
    ptrdiff_t first = str_find(text, STR("\r\n"), 0), second;
    second = str_find(text, STR("\r\n"), (size_t)first + 2);
    assert_true(str_starts(str_n(text.ptr + first + 2, 8), STR("0,1,2,3,")));
    assert_true(str_eq(str_n(text.ptr + first + 2, (size_t)(second - first - 2)),
                       str_n(text.ptr + second + 2, text.len - (size_t)second - 2)));
    fixture_done(&ctx);
}

/* A file of nothing but delimiters or line ends takes many times its bytes. */
static void stays_within_memory(void **state)
{
    static const char *const units[] = {",", "a\n", "\"\"\"\",\n"};
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        struct action_context ctx;
        fixture_init(&ctx);
        struct buf b;
        buf_init(&b, 0);
        while (b.len < MIB(6)) {
            buf_adds(&b, units[i]);
        }
        struct json_member in[] = {{STR("csv"), json_str(buf_str(&b))},
                                   {STR("firstRowHasNames"), json_bool(false)}};
        int rc = fixture_run_value(&ctx, C "parse", json_object(in, 2));
        assert_true(rc < 0);
        assert_non_null(i == 0 ? strstr(ctx.err.message, "line 1: the row has too many fields")
                               : strstr(ctx.err.message, "memory of one execution"));
        in[1].value = json_bool(true);
        assert_true(fixture_run_value(&ctx, C "parse", json_object(in, 2)) < 0);
        buf_done(&b);
        fixture_done(&ctx);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads),
        cmocka_unit_test(refuses),
        cmocka_unit_test(tells_the_line_of_bytes_that_are_no_text),
        cmocka_unit_test(writes),
        cmocka_unit_test(writes_wide_rows_of_any_order),
        cmocka_unit_test(stays_within_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
