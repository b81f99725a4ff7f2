/* Icons: what is a square PNG, and what only begins like one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "domain/png.h"

#define SIGNATURE "\x89PNG\r\n\x1a\n"
#define CRC       "\0\0\0\0"
#define SIDE_400  "\0\0\x01\x90"
#define IHDR(w, h, rest)                                                                           \
    "\0\0\0\x0d"                                                                                   \
    "IHDR" w h rest CRC
#define IDAT "\0\0\0\x03IDATabc" CRC
#define IEND "\0\0\0\0IEND" CRC
#define RGBA "\x08\x06\0\0\0"
#define GOOD                                                                                       \
    SIGNATURE IHDR(SIDE_400, SIDE_400, RGBA)                                                       \
    IDAT IEND

static const struct {
    struct str bytes;
    const char *code; /* NULL: accepted */
} cases[] = {
    {STR(GOOD), NULL},
    {STR(SIGNATURE IHDR(SIDE_400, SIDE_400, "\x10\x02\0\0\x01") IDAT IDAT
         "\0\0\0\x01tEXtx" CRC IEND),
     NULL},
    {STR(""), "png.type"},
    {STR("GIF89a\x90\x01\x90\x01"), "png.type"},
    {STR("\xff\xd8\xff\xe0"), "png.type"},
    {STR(SIGNATURE), "png.broken"},
    {STR(SIGNATURE IEND), "png.broken"},
    {STR(SIGNATURE IHDR(SIDE_400, SIDE_400, RGBA)), "png.broken"},
    {STR(SIGNATURE IHDR(SIDE_400, SIDE_400, RGBA) IEND), "png.broken"},
    {STR(SIGNATURE IHDR(SIDE_400, SIDE_400, RGBA) IDAT), "png.broken"},
    {STR(GOOD "x"), "png.broken"},
    {STR(GOOD "<script>"), "png.broken"},
    {STR(SIGNATURE IHDR(SIDE_400, SIDE_400, RGBA) IHDR(SIDE_400, SIDE_400, RGBA) IDAT IEND),
     "png.broken"},
    {STR(SIGNATURE IDAT IHDR(SIDE_400, SIDE_400, RGBA) IEND), "png.broken"},
    {STR(SIGNATURE IHDR(SIDE_400, SIDE_400, RGBA) "\xff\xff\xff\xffIDAT" CRC IEND), "png.broken"},
    {STR(SIGNATURE IHDR(SIDE_400, SIDE_400, "\x03\x06\0\0\0") IDAT IEND), "png.broken"},
    {STR(SIGNATURE IHDR(SIDE_400, SIDE_400, "\x08\x05\0\0\0") IDAT IEND), "png.broken"},
    {STR(SIGNATURE IHDR(SIDE_400, SIDE_400, "\x08\x06\x01\0\0") IDAT IEND), "png.broken"},
    {STR(SIGNATURE IHDR(SIDE_400, "\0\0\x01\x91", RGBA) IDAT IEND), "png.square"},
    {STR(SIGNATURE IHDR("\0\0\0\x1f", "\0\0\0\x1f", RGBA) IDAT IEND), "png.side"},
    {STR(SIGNATURE IHDR("\0\0\0\x20", "\0\0\0\x20", RGBA) IDAT IEND), NULL},
    {STR(SIGNATURE IHDR("\0\0\x10\0", "\0\0\x10\0", RGBA) IDAT IEND), NULL},
    {STR(SIGNATURE IHDR("\0\0\x10\x01", "\0\0\x10\x01", RGBA) IDAT IEND), "png.side"},
    {STR(SIGNATURE IHDR("\xff\xff\xff\xff", "\xff\xff\xff\xff", RGBA) IDAT IEND), "png.side"},
};

static void checked(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err err;
        err_clear(&err);
        int rc = png_check(cases[i].bytes, &err);
        if (cases[i].code) {
            assert_int_equal(rc, -EINVAL);
            assert_string_equal(err.code, cases[i].code);
        } else {
            assert_int_equal(rc, 0);
        }
    }
}

static void cut_anywhere(void **state)
{
    struct str good = STR(GOOD);
    for (size_t len = 0; len < good.len; len++) {
        struct err err;
        err_clear(&err);
        AUTO(mem_free) char *copy = mem_array(len + 1, 1); /* so that a sanitizer sees its end */
        memcpy(copy, good.ptr, len);
        assert_int_equal(png_check(str_n(copy, len), &err), -EINVAL);
    }
}

static void too_large(void **state)
{
    struct err err;
    err_clear(&err);
    AUTO(mem_free) char *bytes = mem_array(PNG_MAX_BYTES + 1, 1);
    memcpy(bytes, SIGNATURE, 8);
    assert_int_equal(png_check(str_n(bytes, PNG_MAX_BYTES + 1), &err), -EINVAL);
    assert_string_equal(err.code, "png.large");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checked),
        cmocka_unit_test(cut_anywhere),
        cmocka_unit_test(too_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
