/* Sealing, digests and keys. */
#include "secret.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "enc.h"

static struct secret_key test_key(uint8_t first)
{
    struct secret_key key;
    for (size_t i = 0; i < sizeof(key.b); i++) {
        key.b[i] = (uint8_t)(first + i);
    }
    return key;
}

static void opens_what_it_sealed(void **state)
{
    static const size_t lengths[] = {0, 1, 15, 16, 17, 5000};
    struct secret_key key = test_key(1);
    char plain[5000];
    memset(plain, 'p', sizeof(plain));
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        AUTO(buf_done) struct buf b;
        buf_init(&b, 0);
        buf_adds(&b, "before");
        secret_seal(&key, str_n(plain, lengths[i]), STR("table.column.7"), &b);
        assert_int_equal(b.len, 6 + lengths[i] + SECRET_OVERHEAD);
        struct str sealed = str_n(b.data + 6, b.len - 6), opened;
        assert_int_equal(secret_open(a, &key, sealed, STR("table.column.7"), &opened, NULL), 0);
        assert_true(str_eq(opened, str_n(plain, lengths[i])));
    }
}

static void every_changed_bit_is_noticed(void **state)
{
    struct secret_key key = test_key(1);
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    AUTO(buf_done) struct buf b;
    buf_init(&b, 0);
    secret_seal(&key, STR("attack at dawn"), STR("aad"), &b);
    struct str opened = STR("untouched");
    for (size_t i = 0; i < b.len * 8; i++) {
        struct err err = {0};
        b.data[i / 8] = (char)(b.data[i / 8] ^ (1 << i % 8));
        assert_int_equal(secret_open(a, &key, buf_str(&b), STR("aad"), &opened, &err), -EBADMSG);
        assert_string_equal(err.code, "secret.sealed_with_other_key");
        b.data[i / 8] = (char)(b.data[i / 8] ^ (1 << i % 8));
    }
    for (size_t n = 0; n < b.len; n++) {
        assert_int_equal(secret_open(a, &key, str_n(b.data, n), STR("aad"), &opened, NULL),
                         -EBADMSG);
    }
    assert_string_equal(opened.ptr, "untouched");
    assert_int_equal(secret_open(a, &key, buf_str(&b), STR("aad"), &opened, NULL), 0);
}

static void other_key_or_place_does_not_open(void **state)
{
    struct secret_key key = test_key(1), other = test_key(2);
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    AUTO(buf_done) struct buf b;
    buf_init(&b, 0);
    secret_seal(&key, STR("text"), STR("row 1"), &b);
    struct str opened;
    assert_int_equal(secret_open(a, &other, buf_str(&b), STR("row 1"), &opened, NULL), -EBADMSG);
    assert_int_equal(secret_open(a, &key, buf_str(&b), STR("row 2"), &opened, NULL), -EBADMSG);
    assert_int_equal(secret_open(a, &key, buf_str(&b), STR(""), &opened, NULL), -EBADMSG);
}

static void seals_differ_each_time(void **state)
{
    struct secret_key key = test_key(1);
    AUTO(buf_done) struct buf x, y;
    buf_init(&x, 0);
    buf_init(&y, 0);
    secret_seal(&key, STR("same"), STR(""), &x);
    secret_seal(&key, STR("same"), STR(""), &y);
    assert_false(str_eq(buf_str(&x), buf_str(&y)));
}

static void no_room_is_full(void **state)
{
    struct secret_key key = test_key(1);
    AUTO(buf_done) struct buf b;
    buf_init(&b, SECRET_OVERHEAD + 3);
    secret_seal(&key, STR("four"), STR(""), &b);
    assert_true(b.full);
    assert_int_equal(b.len, 0);
}

/* Vectors of FIPS 180-4 and RFC 4231. */
static void digests(void **state)
{
    static const struct {
        const char *data, *hex;
    } hashes[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    };
    uint8_t digest[32];
    char hex[65];
    for (size_t i = 0; i < ARRAY_LEN(hashes); i++) {
        secret_sha256(str_of(hashes[i].data), digest);
        (void)enc_hex(str_n((const char *)digest, 32), hex, sizeof(hex));
        assert_string_equal(hex, hashes[i].hex);
    }
    static const struct {
        const char *key, *data, *hex;
    } macs[] = {
        {"Jefe", "what do ya want for nothing?",
         "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
        {"", "", "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"},
    };
    for (size_t i = 0; i < ARRAY_LEN(macs); i++) {
        secret_hmac_sha256(str_of(macs[i].key), str_of(macs[i].data), digest);
        (void)enc_hex(str_n((const char *)digest, 32), hex, sizeof(hex));
        assert_string_equal(hex, macs[i].hex);
    }
    secret_hmac_sha256(str_n(NULL, 0), str_n(NULL, 0), digest);
    (void)enc_hex(str_n((const char *)digest, 32), hex, sizeof(hex));
    assert_string_equal(hex, macs[1].hex);
}

static void parses_keys(void **state)
{
    struct secret_key want = test_key(0), key;
    static const char *const good[] = {
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
        " 000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F\r\n",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
    };
    static const char *const bad[] = {
        "",
        "00",
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1g",
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg==",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g",
    };
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        memset(&key, 0xEE, sizeof(key));
        assert_int_equal(secret_key_parse(str_of(good[i]), &key, NULL), 0);
        assert_memory_equal(&key, &want, sizeof(key));
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct err err = {0};
        assert_int_equal(secret_key_parse(str_of(bad[i]), &key, &err), -EINVAL);
        assert_string_equal(err.code, "secret.bad_key");
        assert_memory_equal(&key, &want, sizeof(key));
        assert_true(!*bad[i] || !strstr(err.message, bad[i])); /* never shown */
    }
}

static void keys_are_random_and_wiped(void **state)
{
    static const struct secret_key zero;
    struct secret_key x, y;
    secret_key_random(&x);
    secret_key_random(&y);
    assert_memory_not_equal(&x, &y, sizeof(x));
    secret_key_done(&x);
    assert_memory_equal(&x, &zero, sizeof(x));
    secret_wipe(NULL, 0);
}

static void equality(void **state)
{
    assert_true(secret_equal(STR(""), STR("")));
    assert_true(secret_equal(STR("a\0b"), STR("a\0b")));
    assert_false(secret_equal(STR("a\0b"), STR("a\0c")));
    assert_false(secret_equal(STR("a"), STR("ab")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opens_what_it_sealed),
        cmocka_unit_test(every_changed_bit_is_noticed),
        cmocka_unit_test(other_key_or_place_does_not_open),
        cmocka_unit_test(seals_differ_each_time),
        cmocka_unit_test(no_room_is_full),
        cmocka_unit_test(digests),
        cmocka_unit_test(parses_keys),
        cmocka_unit_test(keys_are_random_and_wiped),
        cmocka_unit_test(equality),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
