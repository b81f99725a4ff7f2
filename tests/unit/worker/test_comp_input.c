/* The coercions that all components share. */
#include <math.h>

#include "component_fixture.h"

static const struct action_input inputs[] = {
    {.key = "x", .label = "The X"},
    {.key = "must", .label = "Must", .required = true},
    {.key = "with", .label = "With", .fallback = "7"},
    {0},
};
static const struct action action = {.key = "probe", .inputs = inputs};

static void prepare(struct action_context *ctx, const char *x)
{
    fixture_init(ctx);
    ctx->action = &action;
    ctx->inputs = fixture_json(ctx, x);
}

static void texts(void **state)
{
    static const struct {
        const char *in, *out;
    } rows[] = {
        {"{}", ""},
        {"{\"x\": null}", ""},
        {"{\"x\": \"a\\u0000b\"}", "a"},
        {"{\"x\": 1.5}", "1.5"},
        {"{\"x\": true}", "true"},
        {"{\"x\": {\"a\": [1]}}", "{\"a\":[1]}"},
        {"{\"x\": {\"data\": \"d\", \"contentType\": \"t\"}}", "d"},
        {"{\"x\": {\"data\": {\"k\": 1}, \"contentType\": \"t\"}}", "{\"k\":1}"},
        {"{\"x\": {\"data\": \"d\"}}", "{\"data\":\"d\"}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct action_context ctx;
        struct str s;
        prepare(&ctx, rows[i].in);
        assert_int_equal(action_input_text(&ctx, "x", &s, &ctx.err), 0);
        assert_string_equal(arena_strndup(ctx.arena, s.ptr, s.len), rows[i].out);
        assert_int_equal(s.len, i == 2 ? 3 : strlen(rows[i].out));
        fixture_done(&ctx);
    }
}

/* Four texts of 20 MB are 80 MB as JSON: cutting them would change what is sent. */
static void too_large_as_text(void **state)
{
    struct action_context ctx;
    struct str s;
    prepare(&ctx, "{}");
    struct json *items = arena_array(ctx.arena, 4, sizeof(*items));
    char *text = arena_alloc(ctx.arena, MIB(20));
    memset(text, 'a', MIB(20));
    for (int i = 0; i < 4; i++) {
        items[i] = json_str(str_n(text, MIB(20)));
    }
    const struct json_member x = {STR("x"), json_array(items, 4)};
    ctx.inputs = json_object(&x, 1);
    assert_int_equal(action_input_text(&ctx, "x", &s, &ctx.err), -EINVAL);
    assert_non_null(strstr(ctx.err.message, "The X (x): is too large to be written as text"));
    fixture_done(&ctx);
}

static void numbers(void **state)
{
    static const struct {
        const char *in;
        double out;
        bool refused;
    } rows[] = {
        {"{}", NAN, false},
        {"{\"x\": \"  \"}", NAN, false},
        {"{\"x\": \" 12 \"}", 12, false},
        {"{\"x\": \"-0.5e1\"}", -5, false},
        {"{\"x\": 3}", 3, false},
        {"{\"x\": \"12a\"}", 0, true},
        {"{\"x\": \"Infinity\"}", 0, true},
        {"{\"x\": [1]}", 0, true},
        {"{\"x\": true}", 0, true},
        {"{\"x\": {\"a\": 1}}", 0, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct action_context ctx;
        double n = -1;
        prepare(&ctx, rows[i].in);
        int rc = action_input_number(&ctx, "x", &n, &ctx.err);
        assert_int_equal(rc, rows[i].refused ? -EINVAL : 0);
        if (rows[i].refused) {
            assert_non_null(strstr(ctx.err.message, "The X (x): "));
            assert_string_equal(ctx.err.field, "x");
            assert_true(n == -1);
        } else {
            assert_true(isnan(rows[i].out) ? isnan(n) : n == rows[i].out);
        }
        fixture_done(&ctx);
    }
}

static void ints(void **state)
{
    struct action_context ctx;
    int64_t n = -1;
    prepare(&ctx, "{\"x\": \"5\", \"must\": 2.5}");
    assert_int_equal(action_input_int(&ctx, "x", 0, 5, &n, &ctx.err), 0);
    assert_int_equal(n, 5);
    assert_int_equal(action_input_int(&ctx, "with", 0, 9, &n, &ctx.err), 0);
    assert_int_equal(n, 7);
    assert_int_equal(action_input_int(&ctx, "x", 0, 4, &n, &ctx.err), -EINVAL);
    assert_int_equal(action_input_int(&ctx, "must", 0, 4, &n, &ctx.err), -EINVAL);
    fixture_done(&ctx);
    prepare(&ctx, "{}");
    assert_int_equal(action_input_int(&ctx, "x", 0, 4, &n, &ctx.err), -EINVAL);
    assert_int_equal(n, 7);
    fixture_done(&ctx);
}

static void required(void **state)
{
    static const char *const unset[] = {"{}", "{\"must\": \"\"}"};
    for (size_t i = 0; i < ARRAY_LEN(unset); i++) {
        struct action_context ctx;
        struct str s;
        struct json v;
        double n;
        prepare(&ctx, unset[i]);
        assert_int_equal(action_input_text(&ctx, "must", &s, &ctx.err), -EINVAL);
        assert_non_null(strstr(ctx.err.message, "Must (must): has no value"));
        assert_int_equal(action_input_number(&ctx, "must", &n, &ctx.err), -EINVAL);
        assert_int_equal(action_input_list(&ctx, "must", &v, &ctx.err), -EINVAL);
        assert_int_equal(action_input_object(&ctx, "must", &v, &ctx.err), -EINVAL);
        fixture_done(&ctx);
    }
    struct action_context ctx;
    double n;
    prepare(&ctx, "{\"must\": null}");
    assert_int_equal(action_input_number(&ctx, "must", &n, &ctx.err), -EINVAL);
    fixture_done(&ctx);
}

static void booleans(void **state)
{
    static const struct {
        const char *in;
        int out; /* 2 = refused */
    } rows[] = {
        {"{}", 0},
        {"{\"x\": null}", 0},
        {"{\"x\": \"TRUE\"}", 1},
        {"{\"x\": \" Yes \"}", 1},
        {"{\"x\": 1}", 1},
        {"{\"x\": \"f\"}", 0},
        {"{\"x\": 0}", 0},
        {"{\"x\": false}", 0},
        {"{\"x\": \"maybe\"}", 2},
        {"{\"x\": 2}", 2},
        {"{\"x\": [true]}", 2},
        {"{\"x\": {}}", 2},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct action_context ctx;
        bool b = true;
        prepare(&ctx, rows[i].in);
        int rc = action_input_bool(&ctx, "x", &b, &ctx.err);
        assert_int_equal(rc, rows[i].out == 2 ? -EINVAL : 0);
        assert_int_equal(b, rows[i].out != 0);
        fixture_done(&ctx);
    }
}

static void check_shape(const char *in, bool list, const char *out)
{
    struct action_context ctx;
    prepare(&ctx, in);
    int rc = list ? action_input_list(&ctx, "x", &ctx.result.data, &ctx.err)
                  : action_input_object(&ctx, "x", &ctx.result.data, &ctx.err);
    assert_int_equal(rc, out ? 0 : -EINVAL);
    if (out) {
        assert_string_equal(fixture_result(&ctx), out);
    }
    fixture_done(&ctx);
}

static void lists_and_objects(void **state)
{
    check_shape("{}", true, "[]");
    check_shape("{\"x\": [1, \"a\"]}", true, "[1,\"a\"]");
    check_shape("{\"x\": \" [1, 2] \"}", true, "[1,2]");
    check_shape("{\"x\": \"[1, 2\"}", true, "[\"[1, 2\"]");
    check_shape("{\"x\": \"a\"}", true, "[\"a\"]");
    check_shape("{\"x\": {\"a\": 1}}", true, "[{\"a\":1}]");
    check_shape("{\"x\": {\"data\": [3], \"contentType\": \"application/json\"}}", true, "[3]");
    check_shape("{\"x\": null}", true, "[null]");
    check_shape("{}", false, "{}");
    check_shape("{\"x\": null}", false, "{}");
    check_shape("{\"x\": {\"a\": 1}}", false, "{\"a\":1}");
    check_shape("{\"x\": \"{\\\"a\\\": 1}\"}", false, "{\"a\":1}");
    check_shape("{\"x\": [{\"key\": \"a\", \"value\": 1}, {\"key\": 2, \"value\": \"b\"}, "
                "{\"key\": \"a\", \"value\": 3}]}",
                false, "{\"a\":3,\"2\":\"b\"}");
    check_shape("{\"x\": [{\"value\": 1}]}", false, NULL);
    check_shape("{\"x\": [1]}", false, NULL);
    check_shape("{\"x\": \"text\"}", false, NULL);
    check_shape("{\"x\": 5}", false, NULL);
}

static void memory_is_bounded(void **state)
{
    struct action_context ctx;
    fixture_init(&ctx);
    assert_int_equal(action_room(&ctx, KIB(1), &ctx.err), 0);
    assert_int_equal(action_room(&ctx, SIZE_MAX, &ctx.err), -ENOMEM);
    assert_string_equal(ctx.err.code, "action.memory");
    struct json v;
    char *text = arena_alloc(ctx.arena, MIB(4));
    memset(text, '[', MIB(4));
    assert_int_equal(action_parse_json(&ctx, str_n(text, MIB(4)), &v, &ctx.err), -ENOMEM);
    assert_int_equal(action_parse_json(&ctx, str_n(text, KIB(4)), &v, &ctx.err), -EINVAL);
    fixture_done(&ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts),
        cmocka_unit_test(too_large_as_text),
        cmocka_unit_test(numbers),
        cmocka_unit_test(ints),
        cmocka_unit_test(required),
        cmocka_unit_test(booleans),
        cmocka_unit_test(lists_and_objects),
        cmocka_unit_test(memory_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
