/* The component catalog: reading, looking up, suggesting, and refusing what the build got wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "catalog.h"
#include "suggest.h"

static const char sample[] =
    "{\"components\":["
    "{\"key\":\"mill\",\"label\":\"Mill\",\"description\":\"Grinds\",\"category\":\"Food\","
    "\"version\":3,\"public\":true,\"actions\":["
    "{\"key\":\"grind\",\"label\":\"Grind\",\"description\":\"d\",\"trigger\":false,\"branches\":"
    "true,"
    "\"loops\":false,\"breaks\":false,\"stops\":true,\"scheduleAllowed\":false,"
    "\"scheduleRequired\":false,\"staticBranches\":[\"Fine\",\"Coarse\"],"
    "\"example\":{\"a\":[1,2.5,\"x\"]},\"inputs\":["
    "{\"key\":\"grain\",\"label\":\"Grain\",\"comments\":\"c\",\"default\":\"rye\",\"example\":"
    "\"oat\","
    "\"type\":\"string\",\"collection\":\"single\",\"required\":true,\"choices\":[\"rye\",\"oat\"]}"
    ","
    "{\"key\":\"headers\",\"type\":\"text\",\"collection\":\"keyvaluelist\",\"choices\":[]},"
    "{\"key\":\"list\",\"type\":\"json\",\"collection\":\"valuelist\"},"
    "{\"key\":\"key\",\"type\":\"password\"}]},"
    "{\"key\":\"onSack\",\"trigger\":true,\"replies\":true,\"scheduleAllowed\":true,\"example\":"
    "null}]},"
    "{\"key\":\"dam\",\"version\":1,\"public\":false}"
    "]}";

static struct catalog *load(void)
{
    struct catalog *c = NULL;
    struct err err = {0};
    int rc = catalog_parse(STR(sample), &c, &err);
    if (rc < 0) {
        print_error("%s\n", err.message);
    }
    assert_int_equal(rc, 0);
    return c;
}

static void components_and_actions_are_found(void **state)
{
    AUTO(catalog_free) struct catalog *c = load();
    size_t n;
    const struct catalog_component *all = catalog_components(c, &n);
    assert_int_equal(n, 2);
    assert_string_equal(all[0].key, "dam"); /* sorted */
    assert_false(all[0].is_public);
    assert_string_equal(all[0].label, "");
    const struct catalog_component *mill = catalog_component(c, "mill");
    assert_ptr_equal(mill, &all[1]);
    assert_int_equal(mill->version, 3);
    assert_string_equal(mill->category, "Food");
    assert_null(catalog_component(c, "Mill"));
    assert_null(catalog_component(c, ""));
    const struct catalog_action *grind = catalog_action(mill, "grind");
    assert_non_null(grind);
    assert_null(catalog_action(mill, "Grind"));
    assert_true(grind->branches && grind->stops_execution);
    assert_false(grind->is_trigger || grind->loops || grind->breaks_loop);
    assert_string_equal(grind->static_branches[1], "Coarse");
    assert_null(grind->static_branches[2]);
    assert_string_equal(grind->example, "{\"a\":[1,2.5,\"x\"]}");
    const struct catalog_action *trigger = catalog_action(mill, "onSack");
    assert_true(trigger->is_trigger && trigger->schedule_allowed && trigger->replies);
    assert_false(trigger->schedule_required);
    assert_null(trigger->static_branches);
    assert_string_equal(trigger->example, "");
}

static void inputs_are_read(void **state)
{
    AUTO(catalog_free) struct catalog *c = load();
    const struct catalog_action *grind = catalog_action(catalog_component(c, "mill"), "grind");
    assert_int_equal(grind->n_inputs, 4);
    const struct catalog_input *in = grind->inputs;
    assert_string_equal(in[0].default_value, "rye");
    assert_true(in[0].required);
    assert_string_equal(in[0].choices[1], "oat");
    assert_null(in[0].choices[2]);
    assert_int_equal(in[1].type, CATALOG_TEXT);
    assert_int_equal(in[1].collection, CATALOG_KEY_VALUE_LIST);
    assert_null(in[1].choices);
    assert_int_equal(in[2].collection, CATALOG_VALUE_LIST);
    assert_int_equal(in[3].type, CATALOG_PASSWORD);
    assert_int_equal(in[3].collection, CATALOG_SINGLE);
    assert_string_equal(in[3].default_value, "");
}

static void near_misses_are_suggested(void **state)
{
    AUTO(catalog_free) struct catalog *c = load();
    assert_string_equal(catalog_suggest_component(c, "mil"), "mill");
    assert_string_equal(catalog_suggest_component(c, "Mill"), "mill");
    assert_null(catalog_suggest_component(c, "slack"));
    assert_string_equal(catalog_suggest_action(catalog_component(c, "mill"), "gridn"), "grind");
    assert_null(catalog_suggest_action(catalog_component(c, "dam"), "gridn"));
}

static void the_nearest_word_wins(void **state)
{
    static const struct {
        const char *wanted, *best;
    } rows[] = {
        {"getUsr", "getUser"},  {"GETUSER", "getUser"}, {"getUsres", "getUsers"},
        {"egtUser", "getUser"}, {"getOrder", NULL},     {"", NULL},
        {"ab", "abc"},          {"xy", NULL},
    };
    static const char *const words[] = {"getUsers", "getUser", "abc", ""};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct suggest s;
        suggest_init(&s, str_of(rows[i].wanted));
        for (size_t j = 0; j < ARRAY_LEN(words); j++) {
            suggest_offer(&s, words[j]);
        }
        if (rows[i].best) {
            if (!s.best) {
                print_error("nothing for %s\n", rows[i].wanted);
            }
            assert_non_null(s.best);
            assert_string_equal(s.best, rows[i].best);
        } else {
            assert_null(s.best);
        }
    }
}

static void flawed_catalogs_are_refused(void **state)
{
    static const struct {
        const char *json, *words;
    } rows[] = {
        {"", "line"},
        {"[]", "components"},
        {"{\"components\":{}}", "components"},
        {"{\"components\":[{}]}", "key"},
        {"{\"components\":[{\"key\":\"a\"},{\"key\":\"a\"}]}", "twice"},
        {"{\"components\":[{\"key\":\"a\",\"version\":-1}]}", "version"},
        {"{\"components\":[{\"key\":\"a\",\"actions\":[{}]}]}", "a: \"key\" is missing"},
        {"{\"components\":[{\"key\":\"a\",\"actions\":[{\"key\":\"b\",\"inputs\":[{\"key\":\"c\","
         "\"type\":\"strange\"}]}]}]}",
         "a.b: \"type\" has an unknown value"},
        {"{\"components\":[{\"key\":\"a\",\"actions\":[{\"key\":\"b\",\"inputs\":[{\"key\":\"c\","
         "\"collection\":7}]}]}]}",
         "collection"},
        {"{\"components\":[],\"components\":[]}", "line"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct catalog *c = NULL;
        struct err err = {0};
        assert_int_equal(catalog_parse(str_of(rows[i].json), &c, &err), -EINVAL);
        assert_null(c);
        assert_string_equal(err.code, "catalog.invalid");
        if (!strstr(err.message, rows[i].words)) {
            print_error("%s\n", err.message);
        }
        assert_non_null(strstr(err.message, rows[i].words));
    }
}

static void truncated_catalogs_are_refused(void **state)
{
    for (size_t len = 0; len < sizeof(sample) - 1; len++) {
        struct catalog *c = NULL;
        AUTO(mem_free) char *part = mem_strndup(sample, len);
        assert_int_equal(catalog_parse(str_n(part, len), &c, NULL), -EINVAL);
        assert_null(c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(components_and_actions_are_found),
        cmocka_unit_test(inputs_are_read),
        cmocka_unit_test(near_misses_are_suggested),
        cmocka_unit_test(the_nearest_word_wins),
        cmocka_unit_test(flawed_catalogs_are_refused),
        cmocka_unit_test(truncated_catalogs_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
