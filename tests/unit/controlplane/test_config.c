/* Settings of the control plane: the table, roles and keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>
#include <cmocka.h>

#include "controlplane_config.h"

#define ALL (ROLE_API | ROLE_INGRESS | ROLE_RECORDER | ROLE_DISPATCHER | ROLE_SCHEDULER)

static const struct {
    const char *text;
    int rc;
    unsigned roles;
} roles[] = {
    {"", 0, ALL},
    {"api", 0, ROLE_API},
    {"ingress,recorder", 0, ROLE_INGRESS | ROLE_RECORDER},
    {" scheduler , dispatcher ", 0, ROLE_SCHEDULER | ROLE_DISPATCHER},
    {"api,api", 0, ROLE_API},
    {"api,", -EINVAL, 0},
    {",", -EINVAL, 0},
    {"apis", -EINVAL, 0},
    {"API", -EINVAL, 0},
    {"api ingress", -EINVAL, 0},
};

static void test_roles(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
        unsigned got = 0;
        struct err err = {0};
        int rc = controlplane_roles(roles[i].text, &got, &err);
        if (rc != roles[i].rc || got != roles[i].roles) {
            fail_msg("\"%s\": %d %u", roles[i].text, rc, got);
        }
    }
}

static void test_table(void **state)
{
    struct controlplane_config config = {0};
    char *argv[] = {(char[]){"x"}, (char[]){"--port"}, (char[]){"0"}, (char[]){"--migrate"}, NULL};
    struct err err = {0};
    assert_int_equal(config_load(controlplane_options, &config, 4, argv, "", &err), 0);
    assert_int_equal(config.port, 0);
    assert_int_equal(config.threads, 1);
    assert_true(config.migrate);
    assert_string_equal(config.roles, "");
    assert_string_equal(config.tls_cert, "");
    for (const struct config_option *o = controlplane_options; o->name; o++) {
        assert_non_null(o->help);
        for (const struct config_option *other = o + 1; other->name; other++) {
            assert_string_not_equal(o->name, other->name);
        }
    }
    /* A key on the command line would be seen by everybody on the machine. */
    char *secret[] = {(char[]){"x"}, (char[]){"--master-key"}, (char[]){"00"}, NULL};
    assert_int_equal(config_load(controlplane_options, &config, 3, secret, "", &err), -EINVAL);
}

static void test_keys(void **state)
{
    char hex[65];
    memset(hex, 'a', 64);
    hex[64] = '\0';
    struct secret_key key;
    struct err err = {0};
    assert_int_equal(controlplane_key(hex, NULL, "bus-key", &key, &err), 0);
    assert_int_equal(key.b[31], 0xaa);
    assert_int_equal(controlplane_key("", "", "bus-key", &key, &err), -EINVAL);
    assert_non_null(strstr(err.message, "bus-key"));
    assert_true(controlplane_key("short", "", "bus-key", &key, &err) < 0);
    assert_true(controlplane_key("", "/nonexistent/key", "bus-key", &key, &err) < 0);
    assert_non_null(strstr(err.message, "/nonexistent/key"));
    char path[] = "/tmp/leat-key-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    hex[63] = '\n'; /* one digit short, and a line end */
    assert_int_equal(write(fd, hex, 64), 64);
    assert_true(controlplane_key("", path, "master-key", &key, &err) < 0);
    assert_int_equal(pwrite(fd, "a\n", 2, 63), 2);
    assert_int_equal(controlplane_key("", path, "master-key", &key, &err), 0);
    close(fd);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_roles),
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
