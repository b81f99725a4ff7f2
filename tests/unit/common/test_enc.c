/* Base64, hex and percent-encoding. */
#include "enc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const struct {
    struct str bytes;
    const char *std, *url, *hex;
} samples[] = {
    {{"", 0}, "", "", ""},
    {{"f", 1}, "Zg==", "Zg", "66"},
    {{"fo", 2}, "Zm8=", "Zm8", "666f"},
    {{"foo", 3}, "Zm9v", "Zm9v", "666f6f"},
    {{"foobar", 6}, "Zm9vYmFy", "Zm9vYmFy", "666f6f626172"},
    {{"\xFB\xFF\xFE\0", 4}, "+//+AA==", "-__-AA", "fbfffe00"},
};

static void encodes_and_decodes(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
        char text[32];
        uint8_t bytes[32];
        size_t n;
        struct str in = samples[i].bytes;
        assert_int_equal(enc_base64(in, text, strlen(samples[i].std) + 1), strlen(samples[i].std));
        assert_string_equal(text, samples[i].std);
        assert_int_equal(enc_base64url(in, text, strlen(samples[i].url) + 1),
                         strlen(samples[i].url));
        assert_string_equal(text, samples[i].url);
        assert_int_equal(enc_hex(in, text, 2 * in.len + 1), 2 * in.len);
        assert_string_equal(text, samples[i].hex);
        const char *forms[] = {samples[i].std, samples[i].url};
        for (size_t k = 0; k < ARRAY_LEN(forms); k++) {
            assert_true(enc_base64_decode(str_of(forms[k]), bytes, in.len, &n));
            assert_int_equal(n, in.len);
            assert_memory_equal(bytes, in.ptr, n);
            if (in.len) {
                assert_false(enc_base64_decode(str_of(forms[k]), bytes, in.len - 1, &n));
            }
        }
        assert_true(enc_hex_decode(str_of(samples[i].hex), bytes, in.len, &n));
        assert_int_equal(n, in.len);
        assert_memory_equal(bytes, in.ptr, n);
    }
}

static void refuses_malformed_base64(void **state)
{
    static const char *const bad[] = {"Z",     "Zg=",   "Zg===",  "=",         "====",
                                      "Zm9v=", "Z m8=", "Zm8=\n", "Zg==Zg==",  "Zm9*",
                                      "Zm.v",  "Zh==",  "Zm9=",   "AA\xC3\xA9"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        uint8_t bytes[32];
        size_t n = 77;
        if (enc_base64_decode(str_of(bad[i]), bytes, sizeof(bytes), &n)) {
            fail_msg("accepted: %s", bad[i]);
        }
        assert_int_equal(n, 77);
    }
    uint8_t bytes[8];
    size_t n;
    assert_false(enc_base64_decode(STR("Zm\0v"), bytes, sizeof(bytes), &n));
}

static void refuses_malformed_hex(void **state)
{
    static const char *const bad[] = {"0", "0g", "g0", " 0", "0x", "000"};
    uint8_t bytes[8];
    size_t n;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_false(enc_hex_decode(str_of(bad[i]), bytes, sizeof(bytes), &n));
    }
    assert_false(enc_hex_decode(STR("0011"), bytes, 1, &n));
    assert_true(enc_hex_decode(STR("aAfF"), bytes, 2, &n));
    assert_memory_equal(bytes, "\xAA\xFF", 2);
}

static void appends_base64(void **state)
{
    AUTO(buf_done) struct buf b;
    buf_init(&b, 12);
    buf_adds(&b, "x:");
    enc_base64_to(&b, STR("foobar"));
    assert_string_equal(b.data, "x:Zm9vYmFy");
    enc_base64_to(&b, STR("foo"));
    assert_true(b.full);
    assert_string_equal(b.data, "x:Zm9vYmFy");
}

static void percent_encodes(void **state)
{
    AUTO(buf_done) struct buf b;
    buf_init(&b, 0);
    enc_percent(&b, STR("aZ09-._~ /+%?\xC3\xA9\0"));
    assert_string_equal(b.data, "aZ09-._~%20%2F%2B%25%3F%C3%A9%00");
}

static void percent_decodes(void **state)
{
    static const struct {
        const char *in;
        bool plus;
        struct str out;
    } cases[] = {
        {"", false, {"", 0}},
        {"a%20b", false, {"a b", 3}},
        {"a+b", false, {"a+b", 3}},
        {"a+b%2B", true, {"a b+", 4}},
        {"%c3%A9", true, {"\xC3\xA9", 2}},
        {"%00", false, {"\0", 1}},
        {"%", false, {"%", 1}},
        {"%4", false, {"%4", 2}},
        {"%4g", false, {"%4g", 3}},
        {"%%41", false, {"%A", 2}},
        {"%2541", false, {"%41", 3}},
    };
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str out = enc_percent_decode(a, str_of(cases[i].in), cases[i].plus);
        if (!str_eq(out, cases[i].out)) {
            fail_msg("%s gives %.*s", cases[i].in, (int)out.len, out.ptr);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encodes_and_decodes),   cmocka_unit_test(refuses_malformed_base64),
        cmocka_unit_test(refuses_malformed_hex), cmocka_unit_test(appends_base64),
        cmocka_unit_test(percent_encodes),       cmocka_unit_test(percent_decodes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
