/* messagepack: both ways, and messages that are not exactly one value. */
#include "component_fixture.h"

#define M "messagepack."

static int decode(struct action_context *ctx, struct str bytes)
{
    struct json_member in = {STR("message"), json_binary(bytes)};
    return fixture_run_value(ctx, M "decodeMessage", json_object(&in, 1));
}

static void reads_what_it_writes(void **state)
{
    struct action_context ctx;
    fixture_init(&ctx);
    const char *text = "{\"id\":17,\"list\":[1.5,null,true,\"\xC3\xA9\"],\"deep\":{\"a\":{}}}";
    const char *inputs = arena_printf(ctx.arena, "{\"data\": %s}", text);
    assert_int_equal(fixture_run(&ctx, M "encodeMessage", inputs), 0);
    assert_string_equal(ctx.result.content_type, "application/msgpack");
    assert_int_equal(json_get(ctx.result.data, STR("data")).type, JSON_BINARY);
    /* The whole file, as a step gives it, and its data alone. */
    struct json_member in = {STR("message"), ctx.result.data};
    struct str bytes = json_as_str(json_get(ctx.result.data, STR("data")));
    assert_int_equal(fixture_run_value(&ctx, M "decodeMessage", json_object(&in, 1)), 0);
    assert_string_equal(fixture_result(&ctx), text);
    assert_int_equal(decode(&ctx, bytes), 0);
    assert_string_equal(fixture_result(&ctx), text);
    fixture_done(&ctx);
}

static void matches_its_example(void **state)
{
    static const struct action_case cases[] = {
        {M "encodeMessage", "{\"data\": {\"id\": 17}}",
         "{\"data\":\"gaJpZBE=\",\"contentType\":\"application/msgpack\"}"},
        {M "encodeMessage", "{}", NULL, "Data (data): has no value"},
        {M "decodeMessage", "{}", NULL, "Message (message): has no value"},
    };
    fixture_check(cases, ARRAY_LEN(cases));
}

static void refuses_what_is_not_one_value(void **state)
{
    static const struct {
        struct str bytes;
        const char *words;
    } rows[] = {
        {{"", 0}, "is not MessagePack"},
        {{"\x81\xA1", 2}, "is not MessagePack"},
        {{"\x91\xC1", 2}, "is not MessagePack"},
        {{"\x01\x02", 2}, "has 1 bytes after the end of its value, which ends at byte 1"},
        {{"\xDD\xFF\xFF\xFF\xFF", 5}, "is not MessagePack"},
        {{"\xC6\xFF\xFF\xFF\xFFx", 6}, "is not MessagePack"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct action_context ctx;
        fixture_init(&ctx);
        assert_int_equal(decode(&ctx, rows[i].bytes), -EINVAL);
        if (!strstr(ctx.err.message, rows[i].words)) {
            fail_msg("row %zu: %s", i, ctx.err.message);
        }
        assert_string_equal(ctx.err.field, "message");
        fixture_done(&ctx);
    }
}

static void stays_within_memory(void **state)
{
    struct action_context ctx;
    fixture_init(&ctx);
    struct buf b;
    buf_init(&b, 0);
    buf_add(&b, "\xDD\x00\x80\x00\x00", 5); /* 8 million nils */
    memset(buf_reserve(&b, MIB(8)), 0xC0, MIB(8));
    b.len += MIB(8);
    assert_int_equal(decode(&ctx, buf_str(&b)), -ENOMEM);
    buf_done(&b);
    fixture_done(&ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_it_writes),
        cmocka_unit_test(matches_its_example),
        cmocka_unit_test(refuses_what_is_not_one_value),
        cmocka_unit_test(stays_within_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
