/* MessagePack: the bytes of each kind, both ways, and what must be refused. */
#include "msgpack.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define BYTES(lit)                                                                                 \
    {                                                                                              \
        (lit), sizeof(lit) - 1                                                                     \
    }

static const struct {
    double num;
    struct str bytes;
} numbers[] = {
    {0, BYTES("\x00")},
    {127, BYTES("\x7F")},
    {128, BYTES("\xCC\x80")},
    {255, BYTES("\xCC\xFF")},
    {256, BYTES("\xCD\x01\x00")},
    {65536, BYTES("\xCE\x00\x01\x00\x00")},
    {4294967296.0, BYTES("\xCF\x00\x00\x00\x01\x00\x00\x00\x00")},
    {0x1p63, BYTES("\xCF\x80\x00\x00\x00\x00\x00\x00\x00")},
    {0x1p64, BYTES("\xCB\x43\xF0\x00\x00\x00\x00\x00\x00")},
    {-1, BYTES("\xFF")},
    {-32, BYTES("\xE0")},
    {-33, BYTES("\xD0\xDF")},
    {-128, BYTES("\xD0\x80")},
    {-129, BYTES("\xD1\xFF\x7F")},
    {-32769, BYTES("\xD2\xFF\xFF\x7F\xFF")},
    {-2147483649.0, BYTES("\xD3\xFF\xFF\xFF\xFF\x7F\xFF\xFF\xFF")},
    {-0x1p63, BYTES("\xD3\x80\x00\x00\x00\x00\x00\x00\x00")},
    {1.5, BYTES("\xCB\x3F\xF8\x00\x00\x00\x00\x00\x00")},
    {-INFINITY, BYTES("\xCB\xFF\xF0\x00\x00\x00\x00\x00\x00")},
};

static void numbers_take_the_least_bytes(void **state)
{
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        AUTO(buf_done) struct buf b;
        buf_init(&b, 0);
        msgpack_write(&b, json_num(numbers[i].num));
        assert_int_equal(b.len, numbers[i].bytes.len);
        assert_memory_equal(b.data, numbers[i].bytes.ptr, b.len);
        struct json v;
        size_t used;
        assert_int_equal(msgpack_read(a, buf_str(&b), &v, &used, NULL), 0);
        assert_int_equal(used, b.len);
        assert_true(v.type == JSON_NUMBER && v.num == numbers[i].num);
    }
}

static void lengths_at_the_borders(void **state)
{
    static const struct {
        size_t len;
        uint8_t str_tag, bin_tag, array_tag, map_tag;
    } cases[] = {
        {0, 0xA0, 0xC4, 0x90, 0x80},     {15, 0xAF, 0xC4, 0x9F, 0x8F},
        {16, 0xB0, 0xC4, 0xDC, 0xDE},    {31, 0xBF, 0xC4, 0xDC, 0xDE},
        {32, 0xD9, 0xC4, 0xDC, 0xDE},    {255, 0xD9, 0xC4, 0xDC, 0xDE},
        {256, 0xDA, 0xC5, 0xDC, 0xDE},   {65535, 0xDA, 0xC5, 0xDC, 0xDE},
        {65536, 0xDB, 0xC6, 0xDD, 0xDF},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena_free) struct arena *a = arena_new(0, 0);
        char *text = arena_alloc(a, cases[i].len + 1);
        memset(text, 'x', cases[i].len);
        struct json_builder items, members;
        json_build_array(&items, a);
        json_build_object(&members, a);
        for (size_t k = 0; k < cases[i].len; k++) {
            json_push(&items, json_bool(k % 2));
            json_append(&members, str_of(arena_printf(a, "%zu", k)), json_null());
        }
        const struct json values[] = {json_str(str_n(text, cases[i].len)),
                                      json_binary(str_n(text, cases[i].len)), json_built(&items),
                                      json_built(&members)};
        const uint8_t tags[] = {cases[i].str_tag, cases[i].bin_tag, cases[i].array_tag,
                                cases[i].map_tag};
        for (size_t k = 0; k < ARRAY_LEN(values); k++) {
            AUTO(buf_done) struct buf b;
            buf_init(&b, 0);
            msgpack_write(&b, values[k]);
            assert_int_equal((uint8_t)b.data[0], tags[k]);
            struct json v;
            size_t used;
            assert_int_equal(msgpack_read(a, buf_str(&b), &v, &used, NULL), 0);
            assert_int_equal(used, b.len);
            assert_true(json_equal(v, values[k]));
            assert_int_equal(msgpack_read(a, str_n(b.data, b.len - 1), &v, &used, NULL), -EINVAL);
        }
    }
}

static const struct {
    struct str bytes;
    const char *json;
} readable[] = {
    {BYTES("\xC0"), "null"},
    {BYTES("\xC2"), "false"},
    {BYTES("\xC3"), "true"},
    {BYTES("\xCA\x3F\xC0\x00\x00"), "1.5"},
    {BYTES("\x82\xA1"
           "a\x01\xA1"
           "b\x91\xC0"),
     "{\"a\":1,\"b\":[null]}"},
    {BYTES("\x82\xA1"
           "a\x01\xA1"
           "a\x02"),
     "{\"a\":2}"},
    {BYTES("\x81\x05\x01"), "{\"5\":1}"},
    {BYTES("\x81\xC3\x01"), "{\"true\":1}"},
    {BYTES("\x81\xC0\x01"), "{\"null\":1}"},
    {BYTES("\x81\xCB\x7F\xF0\x00\x00\x00\x00\x00\x00\x01"), "{\"Infinity\":1}"},
    {BYTES("\xD4\x01\xFF"), "\"/w==\""},     /* fixext 1 */
    {BYTES("\xD5\x01\xFF\xFF"), "\"//8=\""}, /* fixext 2 */
    {BYTES("\xC7\x03\x01"
           "abc"),
     "\"YWJj\""}, /* ext 8 */
    {BYTES("\xC8\x00\x01\x01"
           "a"),
     "\"YQ==\""}, /* ext 16 */
    {BYTES("\xC9\x00\x00\x00\x01\x01"
           "a"),
     "\"YQ==\""},                    /* ext 32 */
    {BYTES("\xA1\xFF"), "\"/w==\""}, /* not UTF-8: bytes */
    {BYTES("\xDD\x00\x00\x00\x01\x07"), "[7]"},
    {BYTES("\xD9\x01z"), "\"z\""},
};

static void reads_every_kind(void **state)
{
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    for (size_t i = 0; i < ARRAY_LEN(readable); i++) {
        AUTO(buf_done) struct buf in, out;
        buf_init(&in, 0);
        buf_init(&out, 0);
        buf_add_str(&in, readable[i].bytes);
        buf_adds(&in, "more after it");
        struct json v;
        size_t used;
        assert_int_equal(msgpack_read(a, buf_str(&in), &v, &used, NULL), 0);
        assert_int_equal(used, readable[i].bytes.len);
        json_dump(&out, v);
        assert_string_equal(out.data, readable[i].json);
        for (size_t n = 0; n < readable[i].bytes.len; n++) {
            char *exact = mem_dup(readable[i].bytes.ptr, n);
            assert_int_equal(msgpack_read(a, str_n(exact, n), &v, &used, NULL), -EINVAL);
            mem_free(exact);
        }
    }
}

static const struct str refused[] = {
    BYTES(""),
    BYTES("\xC1"),
    BYTES("\x91\xC1"),
    BYTES("\xDD\xFF\xFF\xFF\xFF\x01"), /* four thousand million items */
    BYTES("\xDF\xFF\xFF\xFF\xFF\x01\x01"),
    BYTES("\xDC\x00\x03\x01\x01"),
    BYTES("\xDE\x00\x02\x01\x01\x01"),
    BYTES("\xDB\xFF\xFF\xFF\xFFx"),
    BYTES("\xC6\xFF\xFF\xFF\xFFx"),
    BYTES("\xC9\xFF\xFF\xFF\xFF\x01x"),
    BYTES("\x81\x90\x01"), /* an array as key */
    BYTES("\x81\x80\x01"),
    BYTES("\x81\xDC\x00\x00\x01"),
};

static void refuses(void **state)
{
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        struct json v = json_num(7);
        size_t used = 99;
        struct err err = {0};
        assert_int_equal(msgpack_read(a, refused[i], &v, &used, &err), -EINVAL);
        assert_string_equal(err.code, "msgpack.syntax");
        assert_true(v.num == 7 && used == 99);
    }
}

static void nesting_is_bounded_both_ways(void **state)
{
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    static char bytes[100000];
    memset(bytes, 0x91, sizeof(bytes));
    struct json v;
    size_t used;
    struct err err;
    assert_int_equal(msgpack_read(a, str_n(bytes, sizeof(bytes)), &v, &used, &err), -EINVAL);
    bytes[JSON_MAX_NEST] = 1;
    assert_int_equal(msgpack_read(a, str_n(bytes, sizeof(bytes)), &v, &used, &err), 0);
    assert_int_equal(used, JSON_MAX_NEST + 1);
    AUTO(buf_done) struct buf b;
    buf_init(&b, 0);
    msgpack_write(&b, v);
    assert_false(b.full);
    assert_memory_equal(b.data, bytes, used);
    buf_clear(&b);
    msgpack_write(&b, json_array(&v, 1));
    assert_true(b.full);
}

static void too_large_for_the_arena_is_an_error(void **state)
{
    AUTO(arena_free) struct arena *a = arena_new(KIB(1), KIB(4));
    static char bytes[3003] = "\xDC\x0B\xB8"; /* 3,000 zeros: 48,000 bytes of values */
    struct json v;
    size_t used;
    struct err err;
    assert_int_equal(msgpack_read(a, str_n(bytes, sizeof(bytes)), &v, &used, &err), -EINVAL);
    assert_string_equal(err.code, "msgpack.too_large");
}

static void undefined_becomes_nil(void **state)
{
    const struct json_member members[] = {{STR("a"), json_undefined()}};
    AUTO(buf_done) struct buf b;
    buf_init(&b, 0);
    msgpack_write(&b, json_object(members, 1));
    assert_int_equal(b.len, 4);
    assert_memory_equal(b.data,
                        "\x81\xA1"
                        "a\xC0",
                        4);
}

/* What is left apart, put back where it belongs, gives the same bytes. */
static void apart_is_the_same(void **state)
{
    const struct json_member inner[] = {{STR("short"), json_cstr("abc")},
                                        {STR("a key that is long"), json_cstr("0123456789")},
                                        {STR("b"), json_binary(STR("9876543210\0x"))}};
    const struct json items[] = {json_cstr("twelve bytes"), json_object(inner, 3), json_num(1),
                                 json_cstr("eleven....."), json_cstr("")};
    struct json v = json_array(items, ARRAY_LEN(items));
    for (size_t min = 1; min < 20; min++) {
        AUTO(msgpack_apart_done) struct msgpack_apart apart = {.min = min};
        AUTO(buf_done) struct buf whole = {0}, b = {0}, joined = {0};
        size_t at = 0;
        buf_init(&whole, 0);
        buf_init(&b, 0);
        buf_init(&joined, 0);
        msgpack_write(&whole, v);
        msgpack_write_apart(&b, v, &apart);
        for (size_t i = 0; i < apart.n; i++) {
            assert_true(apart.gaps[i].bytes.len >= min);
            buf_add(&joined, b.data + at, apart.gaps[i].at - at);
            buf_add_str(&joined, apart.gaps[i].bytes);
            at = apart.gaps[i].at;
        }
        buf_add(&joined, b.data + at, b.len - at);
        assert_true(str_eq(buf_str(&joined), buf_str(&whole)));
        assert_int_equal(apart.n, min <= 3 ? 5 : min <= 10 ? 4 : min == 11 ? 3 : min == 12 ? 2 : 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_take_the_least_bytes),
        cmocka_unit_test(lengths_at_the_borders),
        cmocka_unit_test(reads_every_kind),
        cmocka_unit_test(refuses),
        cmocka_unit_test(nesting_is_bounded_both_ways),
        cmocka_unit_test(too_large_for_the_arena_is_an_error),
        cmocka_unit_test(apart_is_the_same),
        cmocka_unit_test(undefined_becomes_nil),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
