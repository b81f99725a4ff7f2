/* Passwords, access tokens, and what bounds guessing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "api/limiter.h"
#include "clock.h"
#include "domain/access_token.h"
#include "domain/password.h"

#define NOW INT64_C(1800000000)

static void test_passwords(void **state)
{
    static const struct {
        const char *password;
        bool ok;
    } cases[] = {
        {"correct horse", true},    {"tr0ub4dor&3", true},
        {"short", false},           {"", false},
        {"aaaaaaaaaaaa", false},    {"abababababab", false},
        {"ADA@example.com", false}, {"long \xff bytes", false},
        {"päßwörter", true},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err err = {0};
        if ((password_check(str_of(cases[i].password), STR("ada@example.com"), &err) == 0) !=
            cases[i].ok) {
            fail_msg("%s: %s", cases[i].password, err.message);
        }
    }
    assert_int_not_equal(password_check(STR("nul\0nul\0nul"), STR(""), NULL), 0);
}

static void test_hashes(void **state)
{
    char one[PASSWORD_HASH_MAX], two[PASSWORD_HASH_MAX];
    assert_int_equal(password_hash(STR("correct horse"), one, NULL), 0);
    assert_int_equal(password_hash(STR("correct horse"), two, NULL), 0);
    assert_string_not_equal(one, two);
    assert_memory_equal(one, password_nobodys, strlen("$argon2id$v=19$m=19456,t=2,p=1$"));
    assert_true(password_verify(one, STR("correct horse")));
    assert_false(password_verify(one, STR("correct horsf")));
    assert_false(password_verify(one, STR("")));
    assert_false(password_verify("$argon2id$v=19$", STR("correct horse")));
    assert_false(password_verify("", STR("")));
}

/* It is a hash that can be computed, so that it takes the time of one. */
static void test_nobodys_hash(void **state)
{
    int64_t before = clock_mono_ns();
    assert_false(password_verify(password_nobodys, STR("correct horse")));
    assert_true(clock_mono_ns() - before > 2 * NS_PER_MS);
}

static void test_access_tokens(void **state)
{
    struct secret_key master, key, other;
    struct access_token t = {uuid_v7(), uuid_v7(), NOW, NOW + ACCESS_TOKEN_LIFE_S}, got;
    AUTO(buf_done) struct buf text = {0};
    buf_init(&text, KIB(2));
    memset(master.b, 1, sizeof(master.b));
    access_token_key(&master, &key);
    memset(master.b, 2, sizeof(master.b));
    access_token_key(&master, &other);
    access_token_write(&key, &t, &text);
    struct str token = buf_str(&text);
    assert_true(access_token_is(token));
    assert_true(access_token_read(&key, token, NOW, &got));
    assert_true(uuid_eq(&got.session, &t.session) && uuid_eq(&got.user, &t.user));
    assert_int_equal(got.expires_s, t.expires_s);
    assert_true(access_token_read(&key, token, t.expires_s - 1, &got));
    assert_false(access_token_read(&key, token, t.expires_s, &got));
    assert_false(access_token_read(&other, token, NOW, &got));
    for (size_t i = 0; i < token.len; i++) {
        assert_false(access_token_read(&key, str_n(token.ptr, i), NOW, &got));
    }
    for (size_t i = 0; i < token.len; i++) { /* no letter may be another one */
        char kept = text.data[i];
        text.data[i] = kept == 'A' ? 'B' : 'A';
        assert_false(access_token_read(&key, token, NOW, &got));
        text.data[i] = kept;
    }
    assert_true(access_token_read(&key, token, NOW, &got));
    assert_false(access_token_is(STR("leat_x")));
}

static void test_limiter(void **state)
{
    AUTO(limiter_free) struct limiter *l = limiter_new();
    int64_t now = 5 * NS_PER_SEC;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(limiter_take(l, "account", STR("ada"), 3, now), 0);
    }
    assert_int_equal(limiter_take(l, "account", STR("ADA"), 3, now), LIMITER_WINDOW_S);
    assert_int_equal(limiter_take(l, "account", STR("bob"), 3, now), 0);
    assert_int_equal(limiter_take(l, "address", STR("ada"), 3, now), 0);
    now += (LIMITER_WINDOW_S - 1) * NS_PER_SEC;
    assert_int_equal(limiter_take(l, "account", STR("ada"), 3, now), 1);
    now += NS_PER_SEC;
    assert_int_equal(limiter_take(l, "account", STR("ada"), 3, now), 0);
    assert_int_equal(limiter_take(l, "account", STR("ada"), 2, now), 0);
    assert_int_not_equal(limiter_take(l, "account", STR("ada"), 2, now), 0);
    limiter_give_back(l, "account", STR("ada"));
    limiter_give_back(l, "account", STR("nobody"));
    assert_int_equal(limiter_take(l, "account", STR("ada"), 2, now), 0);
    limiter_forgive(l, "account", STR("ada"));
    for (int i = 0; i < 3; i++) {
        assert_int_equal(limiter_take(l, "account", STR("ada"), 3, now), 0);
    }
    assert_int_not_equal(limiter_take(l, "account", STR("ada"), 3, now), 0);
}

static void test_gate(void **state)
{
    AUTO(work_gate_free) struct work_gate *g = work_gate_new(2, 0);
    assert_true(work_gate_enter(g));
    assert_true(work_gate_enter(g));
    assert_false(work_gate_enter(g));
    work_gate_leave(g);
    assert_true(work_gate_enter(g));
    work_gate_leave(g);
    work_gate_leave(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_passwords),    cmocka_unit_test(test_hashes),
        cmocka_unit_test(test_nobodys_hash), cmocka_unit_test(test_access_tokens),
        cmocka_unit_test(test_limiter),      cmocka_unit_test(test_gate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
