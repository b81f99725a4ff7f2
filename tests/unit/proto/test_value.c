/* Chunks of large values: their arithmetic, what is refused, packing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "value.h"

static void test_sizes(void **state)
{
    static const struct {
        uint64_t size;
        uint32_t chunks;
        size_t last;
    } cases[] = {
        {0, 0, 0},
        {1, 1, 1},
        {VALUE_CHUNK_BYTES - 1, 1, VALUE_CHUNK_BYTES - 1},
        {VALUE_CHUNK_BYTES, 1, VALUE_CHUNK_BYTES},
        {VALUE_CHUNK_BYTES + 1, 2, 1},
        {VALUE_MAX_BYTES, 500, VALUE_CHUNK_BYTES},
        {UINT64_MAX, 500, VALUE_CHUNK_BYTES}, /* no more than a value may have */
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint32_t n = value_n_chunks(cases[i].size);
        assert_int_equal(n, cases[i].chunks);
        assert_int_equal(n ? value_chunk_size(cases[i].size, n - 1) : 0, cases[i].last);
    }
    assert_int_equal(value_chunk_size(VALUE_CHUNK_BYTES + 1, 2), 0);
    assert_int_equal(value_chunk_size(10, UINT32_MAX), 0);
}

static void test_valid(void **state)
{
    const struct value_chunk good = {
        .size = 10, .raw_at = 2, .raw_size = 8, .data = STR("0123456789"), .answer_to = STR("a")};
    struct value_chunk bad[9];
    assert_true(value_chunk_valid(&good));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        bad[i] = good;
    }
    bad[0].size = 0;
    bad[1].size = VALUE_MAX_BYTES + 1;
    bad[2].number = 1;
    bad[3].raw_at = 11;
    bad[4].raw_size = 9;
    bad[5].raw_size = UINT64_MAX;
    bad[6].data = STR("012345678");
    bad[7].data_size = 9;
    bad[8].answer_to = STR("");
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_false(value_chunk_valid(&bad[i]));
    }
}

static void test_packing(void **state)
{
    AUTO(buf_done) struct buf packed = {0}, plain = {0};
    struct str data, back;
    uint32_t size;
    struct err err;
    char *zeros = mem_zalloc(VALUE_CHUNK_BYTES);
    buf_init(&packed, VALUE_CHUNK_BYTES);
    buf_init(&plain, VALUE_CHUNK_BYTES);
    value_pack(str_n(zeros, VALUE_CHUNK_BYTES), &packed, &data, &size);
    assert_int_equal(size, VALUE_CHUNK_BYTES);
    assert_true(data.len < KIB(8));
    assert_int_equal(value_unpack(data, size, VALUE_CHUNK_BYTES, &plain, &back, &err), 0);
    assert_true(str_eq(back, str_n(zeros, VALUE_CHUNK_BYTES)));
    /* Of another size than its place says, cut short, or no block at all. */
    buf_clear(&plain);
    assert_int_equal(value_unpack(data, size, 100, &plain, &back, &err), -EINVAL);
    assert_int_equal(
        value_unpack(str_n(data.ptr, data.len - 1), size, VALUE_CHUNK_BYTES, &plain, &back, &err),
        -EINVAL);
    assert_int_equal(value_unpack(STR("\xff\xff\xff"), 100, 100, &plain, &back, &err), -EINVAL);
    assert_int_equal(value_unpack(STR("abc"), 0, 4, &plain, &back, &err), -EINVAL);
    assert_int_equal(value_unpack(STR("abc"), UINT32_MAX, UINT32_MAX, &plain, &back, &err),
                     -EINVAL);
    assert_int_equal(value_unpack(STR("abc"), 0, 3, &plain, &back, &err), 0);
    mem_free(zeros);
    buf_clear(&packed);
    value_pack(STR("a"), &packed, &data, &size);
    assert_int_equal(size, 0);
    assert_true(str_eq(data, STR("a")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_valid),
        cmocka_unit_test(test_packing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
