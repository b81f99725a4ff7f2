/* Sealed bus messages: they open with the same key and subject only, and unchanged. */
#include "sealed.h"
#include "subjects.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void test_sealed(void **state)
{
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    AUTO(buf_done) struct buf b;
    buf_init(&b, 0);
    struct secret_key key, other;
    secret_key_random(&key);
    secret_key_random(&other);
    struct str plain = STR("{\"password\":\"hunter2\"}"), out = STR("untouched");
    sealed_write(&key, SUBJECT_DEFINITION, plain, &b);
    assert_int_equal(b.len, plain.len + SECRET_OVERHEAD);
    assert_int_equal(str_find(buf_str(&b), STR("hunter2"), 0), -1);
    struct err err = {0};
    assert_true(sealed_read(a, &other, SUBJECT_DEFINITION, buf_str(&b), &out, &err) < 0);
    assert_true(sealed_read(a, &key, SUBJECT_STATE, buf_str(&b), &out, &err) < 0);
    for (size_t i = 0; i < b.len; i++) {
        b.data[i] ^= 1;
        assert_true(sealed_read(a, &key, SUBJECT_DEFINITION, buf_str(&b), &out, &err) < 0);
        b.data[i] ^= 1;
        assert_true(sealed_read(a, &key, SUBJECT_DEFINITION, str_n(b.data, i), &out, &err) < 0);
    }
    assert_true(str_eq(out, STR("untouched")));
    assert_int_equal(sealed_read(a, &key, SUBJECT_DEFINITION, buf_str(&b), &out, &err), 0);
    assert_true(str_eq(out, plain));
}

static void test_bounds(void **state)
{
    AUTO(arena_free) struct arena *a = arena_new(0, KIB(16));
    struct secret_key key;
    secret_key_random(&key);
    char *big = calloc(1, MESSAGE_MAX_BYTES + 1);
    struct str out;
    struct err err = {0};
    assert_int_equal(
        sealed_read(a, &key, SUBJECT_STATE, str_n(big, MESSAGE_MAX_BYTES + 1), &out, &err),
        -EINVAL);
    assert_string_equal(err.code, "wire.too_large");
    assert_int_equal(sealed_read(a, &key, SUBJECT_STATE, str_n(big, KIB(20)), &out, &err), -EINVAL);
    assert_string_equal(err.code, "wire.too_large");
    free(big);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sealed),
        cmocka_unit_test(test_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
