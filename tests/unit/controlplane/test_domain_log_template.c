/* Templates of log streams: what is put in, how it is escaped, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "domain/log_template.h"
#include "json.h"

static void filled(const char *template, const char *wanted)
{
    AUTO(buf_done) struct buf to = {0};
    struct str texts[_LOG_WORD_N] = {{0}};
    buf_init(&to, KIB(4));
    buf_adds(&to, "");
    texts[LOG_WORD_MESSAGE] = STR("a \"b\"\n{{ stepName }}");
    texts[LOG_WORD_STEP_NAME] = STR("Send");
    texts[LOG_WORD_TIMESTAMP] = STR("1637087683123");
    texts[LOG_WORD_TIMESTAMP_S] = STR("1637087683");
    log_template_fill(str_of(template), texts, &to);
    buf_addc(&to, '\0');
    assert_string_equal(to.data, wanted);
}

static void test_fill(void **state)
{
    filled("{{ stepName }}: {{message}}", "Send: a \"b\"\n{{ stepName }}");
    filled("{\"m\": \"{{ message }}\", \"t\": {{timestamp}}}",
           "{\"m\": \"a \\\"b\\\"\\n{{ stepName }}\", \"t\": 1637087683123}");
    filled(" [\"{{  timestamp_s  }}\"]", " [\"1637087683\"]");
    filled("{{customerName}}|{{ nothing }}|{{ stepName", "|{{ nothing }}|{{ stepName");
    filled("{ {{{ stepName }}} }", "{ {Send} }");
    filled("}} {x} {{}}", "}} {x} {{}}");
    filled("", "");
}

static void test_every_word(void **state)
{
    for (int w = 0; w < _LOG_WORD_N; w++) {
        char template[80];
        struct str texts[_LOG_WORD_N] = {{0}};
        struct err err = {0};
        AUTO(buf_done) struct buf to = {0};
        buf_init(&to, KIB(1));
        texts[w] = STR("this");
        (void)snprintf(template, sizeof(template), "{{ %s }}", log_word_names[w]);
        assert_int_equal(log_template_check(str_of(template), &err), 0);
        log_template_fill(str_of(template), texts, &to);
        assert_true(str_eq(buf_str(&to), STR("this")));
        assert_true(w == 0 || strcmp(log_word_names[w - 1], log_word_names[w]) < 0);
    }
}

static void refused(const char *template, const char *words)
{
    struct err err = {0};
    assert_int_equal(log_template_check(str_of(template), &err), -EINVAL);
    assert_non_null(strstr(err.message, words));
}

static void test_check(void **state)
{
    struct err err = {0};
    refused("{{ nothing }}", "\"nothing\"");
    refused("{{}}", "\"\"");
    refused("x {{ message", "not closed");
    refused("{{ message\n}}", "not closed");
    assert_int_equal(
        log_template_check(STR("{\"a\": {\"b\": {}}} {{message}}{{ severity }}"), &err), 0);
    assert_true(log_template_is_json(STR("\n {\"a\": 1}")));
    assert_false(log_template_is_json(STR("{{ message }}")));
    assert_false(log_template_is_json(STR("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fill),
        cmocka_unit_test(test_every_word),
        cmocka_unit_test(test_check),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
