/* What a publisher may say of a component. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "domain/component_metadata.h"

static struct arena *a;
static struct err_list errors;

static int setup(void **state)
{
    a = arena_new(KIB(64), 0);
    errors = (struct err_list){0};
    return 0;
}

static int teardown(void **state)
{
    a = arena_free(a);
    return 0;
}

static struct json read(const char *text)
{
    struct json v;
    assert_int_equal(json_parse(a, str_of(text), &v, NULL), 0);
    return v;
}

static const char *kept(const char *text)
{
    static struct buf b;
    struct json made;
    assert_int_equal(component_metadata(a, read(text), &made, &errors), 0);
    buf_done(&b);
    buf_init(&b, MIB(1));
    json_dump(&b, made);
    buf_addc(&b, '\0');
    const char *copy = arena_strdup(a, b.data);
    buf_done(&b);
    return copy;
}

static void refused(const char *text, const char *field, const char *words)
{
    struct json made;
    errors = (struct err_list){0};
    assert_int_equal(component_metadata(a, read(text), &made, &errors), -EINVAL);
    assert_string_equal(errors.items[0].field, field);
    assert_non_null(strstr(errors.items[0].message, words));
}

static void test_kept(void **state)
{
    assert_string_equal(kept("{}"), "{\"actions\":[],\"connections\":[]}");
    assert_string_equal(
        kept("{\"actions\":[{\"key\":\"a\",\"display\":{\"label\":\"A\",\"description\":\"d\"},"
             "\"inputs\":[{\"key\":\"i\",\"label\":\"I\",\"type\":\"string\",\"default\":\"x\","
             "\"comments\":null,\"model\":[{\"label\":\"L\",\"value\":\"v\"}]},null],"
             "\"allowsBranching\":true,\"examplePayload\":\"{}\",\"authorization\":{}},null],"
             "\"triggers\":[{\"key\":\"a\",\"scheduleSupport\":\"required\","
             "\"synchronousResponseSupport\":\"valid\"}],"
             "\"connections\":[{\"key\":\"c\",\"label\":\"C\",\"oauth2Type\":\"\","
             "\"oauth2Config\":{\"overrideGrantType\":\"g\"}}]}"),
        "{\"actions\":[{\"key\":\"a\",\"isTrigger\":false,\"label\":\"A\",\"description\":\"d\","
        "\"branches\":true,\"inputs\":[{\"key\":\"i\",\"label\":\"I\",\"type\":\"string\","
        "\"default\":\"x\",\"model\":[{\"label\":\"L\",\"value\":\"v\"}]}],\"example\":\"{}\"},"
        "{\"key\":\"a\",\"isTrigger\":true,\"replies\":true,"
        "\"synchronousResponseSupport\":\"valid\",\"inputs\":[],\"scheduleAllowed\":false,"
        "\"scheduleRequired\":true}],\"connections\":[{\"key\":\"c\",\"label\":\"C\","
        "\"oauth2Config\":{\"overrideGrantType\":\"g\"},\"inputs\":[]}]}");
}

static void test_refused(void **state)
{
    static const struct {
        const char *text, *field, *words;
    } cases[] = {
        {"{\"actions\":[{\"key\":\"\"}]}", "actions[0].key", "1 to 100"},
        {"{\"actions\":[{\"key\":\"a\"},{\"key\":\"a\"}]}", "actions[1].key", "twice"},
        {"{\"triggers\":[{\"key\":\"a\",\"synchronousResponseSupport\":\"maybe\"}]}",
         "triggers[0].synchronousResponseSupport", "invalid, valid, required"},
        {"{\"dataSources\":[{\"key\":\"a\",\"examplePayload\":\"{\"}]}",
         "dataSources[0].examplePayload", "JSON"},
        {"{\"actions\":[{\"key\":\"a\",\"staticBranchNames\":[\"\"]}]}",
         "actions[0].staticBranchNames", "1 to 500"},
        {"{\"connections\":[{\"key\":\"a\",\"oauth2PkceMethod\":\"md5\"}]}",
         "connections[0].oauth2PkceMethod", "plain, S256"},
        {"{\"connections\":[{\"key\":\"a\",\"inputs\":[{\"key\":\"b\",\"collection\":\"bag\"}]}]}",
         "connections[0].inputs[0].collection", "valuelist"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        refused(cases[i].text, cases[i].field, cases[i].words);
    }
}

static void test_bounds(void **state)
{
    AUTO(buf_done) struct buf b = {0};
    buf_init(&b, MIB(8));
    buf_adds(&b, "{\"actions\":[");
    for (int i = 0; i <= 500; i++) {
        buf_addf(&b, "%s{\"key\":\"k%d\"}", i ? "," : "", i);
    }
    buf_addc(&b, ']');
    buf_addc(&b, '}');
    buf_addc(&b, '\0');
    refused(b.data, "actions", "500");
    buf_clear(&b);
    buf_adds(&b, "{\"actions\":[{\"key\":\"k\",\"display\":{\"label\":\"");
    for (int i = 0; i <= 500; i++) {
        buf_addc(&b, 'x');
    }
    buf_adds(&b, "\"}}]}");
    buf_addc(&b, '\0');
    refused(b.data, "actions[0].display.label", "500 bytes");
}

static void test_keys(void **state)
{
    assert_true(component_key_valid(STR("my-Component_2")));
    assert_false(component_key_valid(STR("")));
    assert_false(component_key_valid(STR("a b")));
    assert_false(component_key_valid(STR("a/b")));
    char long_key[COMPONENT_KEY_MAX + 1];
    memset(long_key, 'k', sizeof(long_key));
    assert_true(component_key_valid(str_n(long_key, COMPONENT_KEY_MAX)));
    assert_false(component_key_valid(str_n(long_key, sizeof(long_key))));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bounds, setup, teardown),
        cmocka_unit_test(test_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
