/* random: forms, ranges, likelihoods and refusals. */
#include "component_fixture.h"
#include "uuid.h"

#define R "random."

static void refusals(void **state)
{
    static const struct action_case cases[] = {
        {R "generateUuid", "{\"version\": \"1\"}", NULL, "Version (version): must be 4 or 7"},
        {R "randomInteger", "{}", NULL, "Maximum (maximum): has no value"},
        {R "randomInteger", "{\"maximum\": \"-1\"}", NULL, "must not be smaller than Minimum"},
        {R "randomInteger", "{\"maximum\": \"1.5\"}", NULL, "must be a whole number"},
        {R "randomInteger", "{\"maximum\": 9007199254740992}", NULL, "must be a whole number"},
        {R "randomInteger", "{\"minimum\": 7, \"maximum\": 7}", "7"},
        {R "randomString", "{\"length\": 0}", NULL, "Length (length)"},
        {R "randomString", "{\"length\": 1000001}", NULL, "Length (length)"},
        {R "randomString", "{\"length\": 3, \"alphabet\": \"\\u00e9\"}",
         "\"\xC3\xA9\xC3\xA9\xC3\xA9\""},
        {R "randomElement", "{\"listInput\": []}", NULL, "List (listInput): is empty"},
        {R "randomElement", "{}", NULL, "has no value"},
        {R "randomElement", "{\"listInput\": [{\"a\": 1}]}", "{\"a\":1}"},
        {R "randomElement", "{\"listInput\": \"[5]\"}", "5"},
    };
    fixture_check(cases, ARRAY_LEN(cases));
}

static struct uuid one_uuid(struct action_context *ctx, const char *inputs)
{
    struct uuid id;
    assert_int_equal(fixture_run(ctx, R "generateUuid", inputs), 0);
    assert_true(uuid_parse(json_as_str(ctx->result.data), &id));
    return id;
}

static void uuids(void **state)
{
    struct action_context ctx;
    fixture_init(&ctx);
    struct uuid a = one_uuid(&ctx, "{}"), b = one_uuid(&ctx, "{\"version\": \"4\"}");
    assert_int_equal(a.b[6] >> 4, 4);
    assert_int_equal(a.b[8] >> 6, 2);
    assert_false(uuid_eq(&a, &b));
    a = one_uuid(&ctx, "{\"version\": \"7\"}");
    b = one_uuid(&ctx, "{\"version\": 7}");
    assert_int_equal(a.b[6] >> 4, 7);
    assert_int_equal(b.b[8] >> 6, 2);
    assert_true(uuid_cmp(&a, &b) < 0);
    fixture_done(&ctx);
}

/* 9,000 draws of 3: each about 3,000 times, within nine standard deviations. */
static void all_are_as_likely(void **state)
{
    enum { DRAWS = 9000, SLACK = 400 };
    struct action_context ctx;
    fixture_init(&ctx);
    int integers[3] = {0}, elements[3] = {0}, letters[3] = {0};
    struct json range = fixture_json(&ctx, "{\"minimum\": -1, \"maximum\": 1}");
    struct json list = fixture_json(&ctx, "{\"listInput\": [0, 1, 2]}");
    for (int i = 0; i < DRAWS; i++) {
        assert_int_equal(fixture_run_value(&ctx, R "randomInteger", range), 0);
        double n = ctx.result.data.num;
        assert_true(n == -1 || n == 0 || n == 1);
        integers[(int)n + 1]++;
        assert_int_equal(fixture_run_value(&ctx, R "randomElement", list), 0);
        elements[(int)ctx.result.data.num]++;
    }
    assert_int_equal(fixture_run(&ctx, R "randomString",
                                 "{\"length\": 9000, \"alphabet\": "
                                 "\"abc\"}"),
                     0);
    struct str text = json_as_str(ctx.result.data);
    assert_int_equal(text.len, DRAWS);
    for (size_t i = 0; i < text.len; i++) {
        assert_true(text.ptr[i] >= 'a' && text.ptr[i] <= 'c');
        letters[text.ptr[i] - 'a']++;
    }
    for (int i = 0; i < 3; i++) {
        assert_in_range(integers[i], DRAWS / 3 - SLACK, DRAWS / 3 + SLACK);
        assert_in_range(elements[i], DRAWS / 3 - SLACK, DRAWS / 3 + SLACK);
        assert_in_range(letters[i], DRAWS / 3 - SLACK, DRAWS / 3 + SLACK);
    }
    fixture_done(&ctx);
}

static void texts(void **state)
{
    struct action_context ctx;
    fixture_init(&ctx);
    assert_int_equal(fixture_run(&ctx, R "randomString", "{}"), 0);
    struct str first = json_as_str(ctx.result.data);
    assert_int_equal(first.len, 16);
    for (size_t i = 0; i < first.len; i++) {
        assert_non_null(
            strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", first.ptr[i]));
    }
    assert_int_equal(fixture_run(&ctx, R "randomString", "{}"), 0);
    assert_false(str_eq(first, json_as_str(ctx.result.data)));
    /* Characters of all lengths, drawn whole. */
    assert_int_equal(fixture_run(&ctx, R "randomString",
                                 "{\"length\": 1000000, \"alphabet\": \"a\\u00e9\\u20ac\\ud83d"
                                 "\\ude00\"}"),
                     0);
    assert_true(str_utf8_valid(json_as_str(ctx.result.data)));
    /* The whole range, up to its ends. */
    for (int i = 0; i < 100; i++) {
        assert_int_equal(fixture_run(&ctx, R "randomInteger",
                                     "{\"minimum\": -9007199254740991, \"maximum\": "
                                     "9007199254740991}"),
                         0);
        assert_true(ctx.result.data.num >= -9007199254740991.0 &&
                    ctx.result.data.num <= 9007199254740991.0);
    }
    struct json_member in = {STR("alphabet"), json_binary(STR("\xFF"))};
    assert_int_equal(fixture_run_value(&ctx, R "randomString", json_object(&in, 1)), -EINVAL);
    fixture_done(&ctx);
}

/* Else a run that is taken over would make another value, which earlier writes do not know. */
static void values_are_kept_for_a_takeover(void **state)
{
    const struct component *c = component_find("random");
    assert_non_null(c);
    for (const struct action *a = c->actions; a->key; a++) {
        assert_true(a->flags & ACTION_READS);
    }
    static const char *const presigned[] = {"generatePresignedUrl",
                                            "generatePresignedForMultiparUploads"};
    for (size_t i = 0; i < ARRAY_LEN(presigned); i++) {
        const struct action *a = component_action(component_find("aws-s3"), presigned[i]);
        assert_true(a->flags & ACTION_READS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refusals),
        cmocka_unit_test(uuids),
        cmocka_unit_test(all_are_as_likely),
        cmocka_unit_test(texts),
        cmocka_unit_test(values_are_kept_for_a_takeover),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
