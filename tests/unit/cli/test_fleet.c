/* Reading a fleet's folder: what is in it, and every mistake with its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "cli/fleet.h"

static struct arena *a;
static char folder[] = "/tmp/leat-fleet-XXXXXX";

static void write_file(const char *name, const char *content)
{
    FILE *f = fopen(arena_printf(a, "%s/%s", folder, name), "we");
    assert_non_null(f);
    assert_true(fputs(content, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static int setup(void **state)
{
    a = arena_new(0, 0);
    assert_non_null(mkdtemp(folder));
    static const char *const dirs[] = {"integrations", "customers", "instances"};
    for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
        assert_int_equal(mkdir(arena_printf(a, "%s/%s", folder, dirs[i]), 0700), 0);
    }
    (void)setenv("FLEET_TEST", "se\"cret", 1);
    (void)unsetenv("FLEET_NONE");
    write_file("key.txt", "from a file\n\n");
    return 0;
}

static int teardown(void **state)
{
    static const char *const files[] = {
        "instances/i.yml", "instances/j.yml", "key.txt", "instances",
        "customers",       "integrations",    ""};
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        (void)remove(arena_printf(a, "%s/%s", folder, files[i]));
    }
    a = arena_free(a);
    return 0;
}

#define HEAD "name: I\ncustomer: C\nintegration: N\n"

static const struct {
    const char *text;
    const char *value; /* of the object, as JSON; or */
    const char *error;
} cases[] = {
    {HEAD, "{\"name\":\"I\",\"customer\":\"C\",\"integration\":\"N\"}", NULL},
    {HEAD "version: 3\nenabled: no\n", NULL, "instances/i.yml:5:10: enabled wants true or false"},
    {HEAD "configVariables: {A: '${ENV:FLEET_TEST}!', B: true, C: ~}\n",
     "{\"name\":\"I\",\"customer\":\"C\",\"integration\":\"N\",\"configVariables\":[{\"key\":\"A\","
     "\"line\":4,\"column\":19,\"value\":\"se\\\"cret!\",\"secret\":true},{\"key\":\"B\",\"line\":"
     "4,"
     "\"column\":44,\"value\":\"true\",\"secret\":false},{\"key\":\"C\",\"line\":4,\"column\":53,"
     "\"secret\":false}]}",
     NULL},
    {HEAD
     "configVariables: {A: '${FILE:key.txt}', B: '$${x}', C: [1, ~, {v: '${ENV:FLEET_TEST}'}]}",
     "{\"name\":\"I\",\"customer\":\"C\",\"integration\":\"N\",\"configVariables\":[{\"key\":\"A\","
     "\"line\":4,\"column\":19,\"value\":\"from a "
     "file\",\"secret\":true},{\"key\":\"B\",\"line\":4,"
     "\"column\":41,\"value\":\"${x}\",\"secret\":false},{\"key\":\"C\",\"line\":4,\"column\":53,"
     "\"value\":\"[1,null,{\\\"v\\\":\\\"se\\\\\\\"cret\\\"}]\",\"secret\":true}]}",
     NULL},
    {HEAD "configVariables: {S: {inputs: {p: 12}}, T: {value: x, timeZone: UTC}}",
     "{\"name\":\"I\",\"customer\":\"C\",\"integration\":\"N\",\"configVariables\":[{\"key\":\"S\","
     "\"line\":4,\"column\":19,\"inputs\":[{\"name\":\"p\",\"type\":\"value\",\"value\":\"12\"}]},{"
     "\"key\":\"T\",\"line\":4,\"column\":41,\"value\":\"x\",\"secret\":false,\"timeZone\":\"UTC\"}"
     "]"
     "}",
     NULL},
    {HEAD "configVariables: {A: '${ENV:FLEET_NONE}'}", NULL,
     "instances/i.yml:4:22: the environment variable FLEET_NONE is not set"},
    {HEAD "configVariables: {A: '${FILE:none}'}", NULL,
     "instances/i.yml:4:22: cannot read none: No such file or directory"},
    {HEAD "configVariables: {A: '${x}'}", NULL,
     "instances/i.yml:4:22: ${x} is not known: write ${ENV:NAME} or ${FILE:path}, or $${ for a "
     "plain "
     "${"},
    {HEAD "configVariables: {A: {value: x, tiemZone: UTC}}", NULL,
     "instances/i.yml:4:33: unknown key \"tiemZone\": did you mean timeZone?"},
    {HEAD "configVariables: [A]", NULL,
     "instances/i.yml:4:18: configVariables wants a map of keys to values"},
    {HEAD "labels: x", NULL, "instances/i.yml:4:9: labels wants a list"},
    {HEAD "nmae: x", NULL, "instances/i.yml:4:1: unknown key \"nmae\": did you mean name?"},
    {"name: I\ncustomer: C\n", NULL, "instances/i.yml:1:1: integration is missing"},
    {"[]", NULL, "instances/i.yml:1:1: the file wants keys and values"},
};

static void test_files(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fleet fleet;
        struct err err;
        AUTO(buf_done) struct buf text = {0};
        write_file("instances/i.yml", cases[i].text);
        assert_int_equal(fleet_read(a, folder, &fleet, &err), 0);
        if (cases[i].error) {
            assert_int_equal(fleet.n_errors, 1);
            assert_string_equal(fleet.errors[0], cases[i].error);
            continue;
        }
        assert_int_equal(fleet.n_errors, 0);
        assert_int_equal(fleet.n, 1);
        buf_init(&text, 0);
        json_dump(&text, fleet.objects[0].value);
        assert_string_equal(text.data, cases[i].value);
        assert_non_null(fleet_find(&fleet, FLEET_INSTANCE, STR("C"), STR("I")));
        assert_null(fleet_find(&fleet, FLEET_INSTANCE, STR("D"), STR("I")));
    }
}

static void test_the_same_twice(void **state)
{
    struct fleet fleet;
    struct err err;
    write_file("instances/i.yml", HEAD);
    write_file("instances/j.yml", HEAD);
    assert_int_equal(fleet_read(a, folder, &fleet, &err), 0);
    assert_int_equal(fleet.n_errors, 1);
    assert_string_equal(fleet.errors[0],
                        "instances/j.yml:1:1: instances/i.yml has this instance, too");
}

static void test_no_fleet(void **state)
{
    struct fleet fleet;
    struct err err;
    assert_int_equal(fleet_read(a, "/nonexistent", &fleet, &err), -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_the_same_twice),
        cmocka_unit_test(test_no_fleet),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
