/* What has to change: an instance and a customer of a file against what is there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "cli/plan.h"

static struct arena *a;

static int setup(void **state)
{
    a = arena_new(0, 0);
    return 0;
}

static int teardown(void **state)
{
    a = arena_free(a);
    return 0;
}

static struct json parsed(const char *text)
{
    struct json v = json_null();
    if (text) {
        assert_int_equal(json_parse(a, str_of(text), &v, NULL), 0);
    }
    return v;
}

static struct fleet_object object_of(enum fleet_kind kind, const char *text)
{
    struct fleet_object o = {.kind = kind, .path = "x.yml", .value = parsed(text)};
    o.name = json_as_str(json_get(o.value, STR("name")));
    return o;
}

static void assert_changes(const struct plan_item *item, const char *wanted)
{
    AUTO(buf_done) struct buf text = {0};
    buf_init(&text, 0);
    for (uint32_t i = 0; i < item->changes.len; i++) {
        struct str name = json_as_str(json_get(item->changes.items[i], STR("name")));
        buf_addf(&text, "%s%.*s:", i ? " " : "", (int)name.len, name.ptr);
        json_dump(&text, json_get(item->changes.items[i], STR("before")));
        buf_adds(&text, ">");
        json_dump(&text, json_get(item->changes.items[i], STR("after")));
    }
    assert_string_equal(buf_str(&text).ptr, wanted);
}

static void test_customers(void **state)
{
    static const struct {
        const char *wanted, *current;
        unsigned actions;
        const char *changes;
    } cases[] = {
        {"{\"name\":\"A\"}", NULL, PLAN_CREATE, ""},
        {"{\"name\":\"A\"}", "{\"name\":\"A\",\"description\":\"x\",\"labels\":[\"b\"]}", 0, ""},
        {"{\"name\":\"A\",\"description\":\"\"}", "{\"name\":\"A\",\"description\":null}", 0, ""},
        {"{\"name\":\"A\",\"concurrencyLimit\":3}", "{\"name\":\"A\",\"concurrencyLimit\":null}",
         PLAN_UPDATE, "concurrencyLimit:null>3"},
        {"{\"name\":\"B\",\"externalId\":\"a\"}", "{\"name\":\"A\",\"externalId\":\"a\"}",
         PLAN_UPDATE, "name:\"A\">\"B\""},
        /* Labels: their order and case do not count, and the mark stays. */
        {"{\"name\":\"A\",\"labels\":[\"Two\",\"one\"]}",
         "{\"name\":\"A\",\"labels\":[\"one\",\"two\"]}", 0, ""},
        {"{\"name\":\"A\",\"labels\":[\"one\"]}",
         "{\"name\":\"A\",\"labels\":[\"leat-apply\",\"one\"]}", 0, ""},
        {"{\"name\":\"A\",\"labels\":[]}", "{\"name\":\"A\",\"labels\":[\"leat-apply\",\"one\"]}",
         PLAN_UPDATE, "labels:[\"leat-apply\",\"one\"]>[\"leat-apply\"]"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fleet_object o = object_of(FLEET_CUSTOMER, cases[i].wanted);
        struct plan_item item;
        plan_customer(a, &o, parsed(cases[i].current), &item);
        assert_int_equal(item.actions, cases[i].actions);
        assert_changes(&item, cases[i].changes);
        struct json made = json_object(
            (struct json_member[]){{STR("labels"), json_get(item.input, STR("labels"))}}, 1);
        assert_int_equal(plan_is_marked(made), cases[i].current ? i >= 6 : true);
    }
}

#define WANTED(vars) "{\"name\":\"I\",\"customer\":\"C\",\"configVariables\":[" vars "]}"
#define CURRENT(vars)                                                                              \
    "{\"name\":\"I\",\"enabled\":true,\"needsDeploy\":false,\"deployedVersion\":2,"                \
    "\"integration\":{\"versionNumber\":2},\"configVariables\":{\"nodes\":[" vars "]}}"
#define PASSWORD "{\"key\":\"S\",\"inputs\":[{\"name\":\"p\",\"value\":\"word\"}]}"
#define HAS_P                                                                                      \
    "{\"key\":\"S\",\"value\":null,\"inputs\":{\"nodes\":[{\"name\":\"p\",\"hasValue\":true}]}}"
#define HAS_Q                                                                                      \
    "{\"key\":\"S\",\"value\":null,\"inputs\":{\"nodes\":[{\"name\":\"q\",\"hasValue\":true}]}}"

static void test_instances(void **state)
{
    static const struct {
        const char *wanted, *current;
        int64_t version;
        bool secrets;
        unsigned actions;
        const char *changes;
        bool note;
    } cases[] = {
        {WANTED(""), CURRENT(""), 2, false, 0, "", false},
        {WANTED(""), CURRENT(""), 3, false, PLAN_UPDATE | PLAN_DEPLOY, "version:2>3", false},
        {WANTED(""), CURRENT(""), 0, false, PLAN_UPDATE | PLAN_DEPLOY,
         "version:2>\"the one to publish\"", false},
        {WANTED("{\"key\":\"A\",\"value\":\"x\"}"), CURRENT("{\"key\":\"A\",\"value\":\"x\"}"), 2,
         false, 0, "", false},
        {WANTED("{\"key\":\"A\",\"value\":\"y\"}"), CURRENT("{\"key\":\"A\",\"value\":\"x\"}"), 2,
         false, PLAN_UPDATE | PLAN_DEPLOY, "A:\"x\">\"y\"", false},
        {WANTED("{\"key\":\"A\",\"value\":\"y\",\"secret\":true}"),
         CURRENT("{\"key\":\"A\",\"value\":\"x\"}"), 2, false, PLAN_UPDATE | PLAN_DEPLOY,
         "A:\"(secret)\">\"(secret)\"", false},
        /* Lists as JSON, blanks do not count; "" is not the same as nothing. */
        {WANTED("{\"key\":\"A\",\"value\":\"[1,2]\"}"),
         CURRENT("{\"key\":\"A\",\"value\":\"[1, 2]\"}"), 2, false, 0, "", false},
        {WANTED("{\"key\":\"A\",\"value\":\"\"}"), CURRENT("{\"key\":\"A\",\"value\":null}"), 2,
         false, PLAN_UPDATE | PLAN_DEPLOY, "A:null>\"\"", false},
        /* Left out: back to the default. */
        {WANTED(""), CURRENT("{\"key\":\"A\",\"value\":\"x\"}"), 2, false,
         PLAN_UPDATE | PLAN_DEPLOY, "A:\"x\">null", false},
        {WANTED(""), CURRENT(HAS_P), 2, false, PLAN_UPDATE | PLAN_DEPLOY, "S:\"(secret)\">null",
         false},
        {"{\"name\":\"I\",\"customer\":\"C\"}", CURRENT("{\"key\":\"A\",\"value\":\"x\"}"), 2,
         false, 0, "", false},
        /* Connections by the names of their inputs. */
        {WANTED(PASSWORD), CURRENT(HAS_P), 2, false, 0, "", true},
        {WANTED(PASSWORD), CURRENT(HAS_P), 2, true, PLAN_UPDATE | PLAN_DEPLOY,
         "S:null>\"(secret)\"", false},
        {WANTED(PASSWORD), CURRENT(HAS_Q), 2, false, PLAN_UPDATE | PLAN_DEPLOY,
         "S:null>\"(secret)\"", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fleet_object o = object_of(FLEET_INSTANCE, cases[i].wanted);
        struct plan_item item;
        plan_instance(a, &o, parsed(cases[i].current), cases[i].version, cases[i].secrets, &item);
        assert_int_equal(item.actions, cases[i].actions);
        assert_changes(&item, cases[i].changes);
        assert_int_equal(item.note != NULL, cases[i].note);
    }
}

static void test_a_change_of_labels_alone_deploys_nothing(void **state)
{
    struct fleet_object o = object_of(
        FLEET_INSTANCE, "{\"name\":\"I\",\"customer\":\"C\",\"labels\":[\"x\"],\"enabled\":false,"
                        "\"configVariables\":[{\"key\":\"A\",\"value\":\"x\"}]}");
    struct plan_item item;
    plan_instance(a, &o, parsed(CURRENT("{\"key\":\"A\",\"value\":\"x\"}")), 2, false, &item);
    assert_int_equal(item.actions, PLAN_UPDATE);
    assert_changes(&item, "labels:null>[\"x\"] enabled:true>false");
    assert_int_equal(json_get(item.input, STR("configVariables")).type, JSON_UNDEFINED);
}

static void test_a_new_instance(void **state)
{
    struct fleet_object o = object_of(FLEET_INSTANCE, WANTED(PASSWORD));
    struct plan_item item;
    plan_instance(a, &o, json_null(), 2, false, &item);
    assert_int_equal(item.actions, PLAN_CREATE | PLAN_DEPLOY);
    struct json var = json_at(json_get(item.input, STR("configVariables")), 0);
    assert_true(str_eq(json_as_str(json_get(var, STR("values"))),
                       STR("[{\"name\":\"p\",\"value\":\"word\"}]")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_customers),
        cmocka_unit_test(test_instances),
        cmocka_unit_test(test_a_change_of_labels_alone_deploys_nothing),
        cmocka_unit_test(test_a_new_instance),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
