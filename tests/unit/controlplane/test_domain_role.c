/* Roles: their scales, what they allow, and who may give and manage which. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "domain/role.h"

static const struct role *of(const char *name)
{
    const struct role *r = role_find(str_of(name));
    assert_non_null(r);
    return r;
}

static void test_table(void **state)
{
    for (const struct role *r = roles; r->name; r++) {
        assert_true(r->level > 0 && r->description[0] != '\0');
        assert_ptr_equal(role_at(r->of_customer, r->level), r);
        assert_ptr_equal(of(r->name), r);
        if (r > roles) { /* customers last, highest first */
            assert_true(r->of_customer > r[-1].of_customer || r->level < r[-1].level);
        }
    }
    assert_null(role_find(STR("king")));
    assert_null(role_find(STR("")));
    assert_null(role_at(true, ROLE_OWNER));
    assert_null(role_at(false, 0));
}

static bool has(const char *role, const char *permission)
{
    const char *names[32];
    size_t n = role_permissions(of(role), names, ARRAY_LEN(names));
    for (size_t i = 0; i < n; i++) {
        if (strcmp(names[i], permission) == 0) {
            return true;
        }
    }
    return false;
}

static void test_permissions(void **state)
{
    static const struct {
        const char *role, *permission;
        bool has;
    } rows[] = {
        {"owner", "organization_update", true},
        {"admin", "organization_update", false},
        {"admin", "organization_user_manage", true},
        {"integrator", "organization_user_manage", false},
        {"integrator", "log_view", true},
        {"restricted_integrator", "log_view", false},
        {"restricted_integrator", "step_result_view", false},
        {"restricted_integrator", "instance_manage", true},
        {"restricted_integrator", "customer_user_manage", false},
        {"guest", "instance_manage", false},
        {"guest", "view", true},
        {"customer_admin", "instance_manage", true},
        {"customer_admin", "customer_manage", false},
        {"customer_member", "view", true},
        {"customer_member", "instance_manage", false},
        {"marketplace_admin", "customer_user_manage", false},
        {"marketplace_user", "view", false},
        {"marketplace_user", "user_level_config_update", true},
        {"owner", "user_level_config_update", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (has(rows[i].role, rows[i].permission) != rows[i].has) {
            fail_msg("%s %s", rows[i].role, rows[i].permission);
        }
    }
    const char *one;
    assert_int_equal(role_permissions(of("owner"), &one, 1), 1);
}

static void test_management(void **state)
{
    static const struct {
        const char *by, *of;
        bool may;
    } rows[] = {
        {"owner", "owner", true},
        {"owner", "guest", true},
        {"admin", "owner", false},
        {"admin", "admin", true},
        {"integrator", "guest", false},
        {"integrator", "customer_admin", true},
        {"restricted_integrator", "customer_member", false},
        {"guest", "guest", false},
        {"customer_admin", "customer_admin", true},
        {"customer_admin", "marketplace_user", true},
        {"customer_admin", "guest", false},
        {"customer_admin", "owner", false},
        {"marketplace_admin", "marketplace_user", false},
        {"customer_member", "customer_member", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (role_may_manage(of(rows[i].by), of(rows[i].of)) != rows[i].may) {
            fail_msg("%s %s", rows[i].by, rows[i].of);
        }
    }
}

static void test_emails(void **state)
{
    static const char *const good[] = {"a@b", "ada.lovelace+x@mail.example.com", "ä@exämple.com"};
    static const char *const bad[] = {"",      "a",     "@b",      "a@",      "a@b@c",
                                      "a b@c", "a@b c", "a@.b",    "a@b.",    "a@b..c",
                                      "a,b@c", "<a@b>", "a\n@b.c", "\"a\"@b", "a@-b.com"};
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        assert_true(email_valid(str_of(good[i])));
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        if (email_valid(str_of(bad[i]))) {
            fail_msg("%s", bad[i]);
        }
    }
    char longest[300];
    memset(longest, 'a', sizeof(longest));
    longest[64] = '@';
    assert_true(email_valid(str_n(longest, 254)));
    assert_false(email_valid(str_n(longest, 255)));
    longest[64] = 'a';
    longest[65] = '@';
    assert_false(email_valid(str_n(longest, 100)));
}

static void test_phones(void **state)
{
    static const char *const good[] = {"", "+49 (30) 123-456.7/8 x9", "110"};
    static const char *const bad[] = {"+", "12", "call me", "12345;",
                                      "1234567890123456789012345678901234567890 1"};
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        assert_true(phone_valid(str_of(good[i])));
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_false(phone_valid(str_of(bad[i])));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),      cmocka_unit_test(test_permissions),
        cmocka_unit_test(test_management), cmocka_unit_test(test_emails),
        cmocka_unit_test(test_phones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
