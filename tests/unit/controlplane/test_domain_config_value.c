/* Config variables: what a text that was set becomes for the steps, by type. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "domain/config_value.h"

static struct def_config_var var_of(enum def_var_type type, const char *fallback)
{
    return (struct def_config_var){.key = "My Var",
                                   .stable_key = "",
                                   .default_value = fallback,
                                   .type = type,
                                   .time_zone = ""};
}

static void test_texts(void **state)
{
    static const struct {
        enum def_var_type type;
        enum def_collection collection;
        const char *fallback, *set, *became; /* set NULL = nothing; became NULL = refused */
    } rows[] = {
        {DEF_VAR_STRING, 0, "d", NULL, "\"d\""},
        {DEF_VAR_STRING, 0, "d", "", "\"\""},
        {DEF_VAR_STRING, 0, "", NULL, ""},
        {DEF_VAR_STRING, 0, "", " 007 ", "\" 007 \""},
        {DEF_VAR_STRING, DEF_COLLECTION_VALUES, "[]", "[\"a\",1]", "[\"a\",1]"},
        {DEF_VAR_STRING, DEF_COLLECTION_VALUES, "[]", "a", NULL},
        {DEF_VAR_STRING, DEF_COLLECTION_KEY_VALUES, "", "{\"key\":\"a\"}", NULL},
        {DEF_VAR_NUMBER, 0, "15", NULL, "15"},
        {DEF_VAR_NUMBER, 0, "15", " -1.5e3 ", "-1500"},
        {DEF_VAR_NUMBER, 0, "", NULL, ""},
        {DEF_VAR_NUMBER, 0, "", "many", NULL},
        {DEF_VAR_NUMBER, 0, "", "1e999", NULL},
        {DEF_VAR_NUMBER, 0, "", "\"5\"", NULL},
        {DEF_VAR_BOOLEAN, 0, "false", NULL, "false"},
        {DEF_VAR_BOOLEAN, 0, "false", "TRUE", "true"},
        {DEF_VAR_BOOLEAN, 0, "", "yes", NULL},
        {DEF_VAR_DATE, 0, "", "2026-01-02", "\"2026-01-02\""},
        {DEF_VAR_PICKLIST, 0, "a", NULL, "\"a\""},
        {DEF_VAR_PICKLIST, 0, "a", "b", "\"b\""},
        {DEF_VAR_PICKLIST, 0, "a", "c", NULL},
        {DEF_VAR_CODE, 0, "", "{}", "\"{}\""},
        {DEF_VAR_OBJECT_SELECTION, 0, "", "[]", "[]"},
        {DEF_VAR_OBJECT_SELECTION, 0, "", "{}", NULL},
        {DEF_VAR_OBJECT_FIELD_MAP, 0, "", "{\"fields\":[]}", "{\"fields\":[]}"},
        {DEF_VAR_JSON_FORM, 0, "", "3", "3"},
        {DEF_VAR_JSON_FORM, 0, "", "{", NULL},
    };
    static const char *choices[] = {"a", "b"};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(arena_free) struct arena *a = arena_new(0, 0);
        AUTO(buf_done) struct buf b;
        struct def_config_var var = var_of(rows[i].type, rows[i].fallback);
        struct config_setting set = {.has_value = true, .value = str_of(rows[i].set)};
        struct json v;
        struct err err = {0};
        var.collection = rows[i].collection;
        if (rows[i].type == DEF_VAR_PICKLIST) {
            var.pick_list = choices;
            var.n_pick_list = 2;
        }
        int rc = config_value_make(a, &var, rows[i].set ? &set : NULL, &v, &err);
        if ((rc == 0) != (rows[i].became != NULL)) {
            fail_msg("row %zu: %d %s", i, rc, err.message);
        }
        if (rc < 0) {
            assert_string_equal(err.field, "My Var");
            continue;
        }
        buf_init(&b, 0);
        buf_adds(&b, "");
        if (v.type != JSON_UNDEFINED) {
            json_dump(&b, v);
        }
        assert_string_equal(b.data ? b.data : "", rows[i].became);
        assert_int_equal(config_value_complete(&var, v),
                         rows[i].became[0] != '\0' || rows[i].type == DEF_VAR_BOOLEAN);
    }
}

static void test_schedules(void **state)
{
    static const struct {
        const char *value, *type, *zone, *became;
    } rows[] = {
        {NULL, "", "", "{\"value\":\"0 * * * *\",\"schedule_type\":\"hour\",\"time_zone\":\"\"}"},
        {"*/5 * * * *", "custom", "Europe/Berlin",
         "{\"value\":\"*/5 * * * "
         "*\",\"schedule_type\":\"custom\",\"time_zone\":\"Europe/Berlin\"}"},
        {"", "none", "", "{\"value\":\"\",\"schedule_type\":\"none\",\"time_zone\":\"\"}"},
        {"every day", "custom", "", NULL},
        {"* * * * *", "sometimes", "", NULL},
        {"* * * * *", "custom", "Mars/Base", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(arena_free) struct arena *a = arena_new(0, 0);
        AUTO(buf_done) struct buf b;
        struct def_config_var var = var_of(DEF_VAR_SCHEDULE, "0 * * * *");
        struct config_setting set = {.has_value = rows[i].value != NULL,
                                     .value = str_of(rows[i].value),
                                     .schedule_type = str_of(rows[i].type),
                                     .time_zone = str_of(rows[i].zone)};
        struct json v;
        var.schedule_type = DEF_SCHEDULE_HOUR;
        int rc = config_value_make(a, &var, &set, &v, NULL);
        assert_int_equal(rc == 0, rows[i].became != NULL);
        buf_init(&b, 0);
        if (rc == 0) {
            json_dump(&b, v);
            assert_string_equal(b.data, rows[i].became);
        }
    }
}

static void test_connections(void **state)
{
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    AUTO(buf_done) struct buf b;
    struct def_config_var var = var_of(DEF_VAR_CONNECTION, "");
    struct def_input inputs[] = {
        {.key = "host", .type = DEF_INPUT_VALUE, .text = {"h.example", 9}},
        {.key = "user", .type = DEF_INPUT_VALUE, .text = {"nobody", 6}},
        {.key = "password", .type = DEF_INPUT_UNSET},
    };
    struct config_setting set = {0};
    struct json v;
    var.connection_key = "basic";
    var.inputs = inputs;
    var.n_inputs = ARRAY_LEN(inputs);
    assert_int_equal(json_parse(a,
                                STR("[{\"name\":\"user\",\"type\":\"value\",\"value\":\"me\"},"
                                    "{\"name\":\"password\",\"value\":\"s\"},{\"name\":\"host\","
                                    "\"value\":\"\"}]"),
                                &set.inputs, NULL),
                     0);
    assert_int_equal(config_value_make(a, &var, &set, &v, NULL), 0);
    buf_init(&b, 0);
    json_dump(&b, v);
    assert_string_equal(b.data,
                        "{\"key\":\"basic\",\"configVarKey\":\"My Var\",\"fields\":{\"host\":"
                        "\"h.example\",\"user\":\"me\",\"password\":\"s\"},\"token\":{},"
                        "\"context\":{}}");
    assert_true(config_value_complete(&var, v));

    var.inputs = &inputs[2];
    var.n_inputs = 1;
    assert_int_equal(config_value_make(a, &var, NULL, &v, NULL), 0);
    assert_false(config_value_complete(&var, v));
    assert_int_equal(json_parse(a, STR("[{\"value\":\"s\"}]"), &set.inputs, NULL), 0);
    assert_int_equal(config_value_make(a, &var, &set, &v, NULL), -EINVAL);
}

static struct json inputs_of(struct arena *a, const char *text)
{
    struct json v;
    assert_int_equal(json_parse(a, str_of(text), &v, NULL), 0);
    return v;
}

static void check_fields(struct arena *a, const struct def_config_var *var,
                         const struct config_setting *set, const char *expected)
{
    AUTO(buf_done) struct buf b;
    struct json v;
    assert_int_equal(config_value_make(a, var, set, &v, NULL), 0);
    assert_true(config_value_complete(var, v));
    buf_init(&b, 0);
    json_dump(&b, json_get(v, STR("fields")));
    assert_string_equal(b.data, expected);
}

static void test_reusable_connections(void **state)
{
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    struct def_config_var var = var_of(DEF_VAR_CONNECTION, "");
    struct config_setting set = {0};
    struct json v;
    var.connection_key = "";
    var.scoped_config_var = "shared";
    assert_int_equal(config_value_make(a, &var, NULL, &v, NULL), 0);
    assert_false(config_value_complete(&var, v));
    set.scoped_inputs = inputs_of(a, "[{\"name\":\"a\",\"value\":\"1\"},"
                                     "{\"name\":\"b\",\"value\":\"1\"}]");
    set.own_inputs = inputs_of(a, "[{\"name\":\"b\",\"value\":\"2\"},"
                                  "{\"name\":\"a\",\"value\":\"\"},{\"value\":\"x\"}]");
    set.inputs = inputs_of(a, "[{\"name\":\"a\",\"value\":\"not this\"}]");
    assert_int_equal(config_value_make(a, &var, &set, &v, NULL), 0);
    assert_false(config_value_complete(&var, v));
    set.is_bound = true;
    set.connection_key = STR("key");
    check_fields(a, &var, &set, "{\"a\":\"1\",\"b\":\"2\"}");
    assert_int_equal(config_value_make(a, &var, &set, &v, NULL), 0);
    assert_true(str_eq(json_as_str(json_get(v, STR("key"))), STR("key")));
}

static void test_presets(void **state)
{
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    struct def_config_var var = var_of(DEF_VAR_CONNECTION, "");
    struct def_input inputs[] = {
        {.key = "a", .type = DEF_INPUT_VALUE, .text = {"", 0}},
        {.key = "b", .type = DEF_INPUT_VALUE, .text = {"defined", 7}},
    };
    struct config_setting set = {0};
    var.connection_key = "key";
    var.inputs = inputs;
    var.n_inputs = ARRAY_LEN(inputs);
    set.presets = inputs_of(a, "[{\"name\":\"a\",\"value\":\"1\"},"
                               "{\"name\":\"b\",\"value\":\"1\"}]");
    check_fields(a, &var, &set, "{\"a\":\"1\",\"b\":\"defined\"}");
    set.inputs = inputs_of(a, "[{\"name\":\"a\",\"value\":\"given\"}]");
    check_fields(a, &var, &set, "{\"a\":\"given\",\"b\":\"defined\"}");
}

static void test_inputs_that_refer(void **state)
{
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    struct def_config_var var = var_of(DEF_VAR_CONNECTION, "");
    struct def_input inputs[] = {
        {.key = "site", .type = DEF_INPUT_CONFIG_VAR, .text = STR("Site")},
        {.key = "tokenUrl", .type = DEF_INPUT_TEMPLATE},
        {.key = "gone", .type = DEF_INPUT_CONFIG_VAR, .text = STR("Gone")},
    };
    struct config_setting set = {.others = inputs_of(a, "{\"Site\":\"eu\",\"N\":7}")};
    assert_int_equal(template_compile(a, STR("https://{{#site}}.example/{{#N}}/{{#Gone}}t"),
                                      &inputs[1].template, NULL),
                     0);
    var.connection_key = "key";
    var.inputs = inputs;
    var.n_inputs = ARRAY_LEN(inputs);
    check_fields(a, &var, &set, "{\"site\":\"eu\",\"tokenUrl\":\"https://eu.example/7/t\"}");
    set.inputs = inputs_of(a, "[{\"name\":\"site\",\"value\":\"us\"}]");
    check_fields(a, &var, &set, "{\"site\":\"us\",\"tokenUrl\":\"https://us.example/7/t\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),       cmocka_unit_test(test_schedules),
        cmocka_unit_test(test_connections), cmocka_unit_test(test_reusable_connections),
        cmocka_unit_test(test_presets),     cmocka_unit_test(test_inputs_that_refer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
