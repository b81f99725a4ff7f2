/* Settings: defaults, then the environment, then arguments. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "str.h"

struct settings {
    const char *database;
    const char *note;
    const char *token;
    int64_t slots;
    int64_t offset;
    bool verbose;
    bool fast;
};

static const struct config_option options[] = {
    {.name = "database",
     .type = CONFIG_STR,
     .offset = offsetof(struct settings, database),
     .fallback = "postgres://localhost",
     .help = "where to store"},
    {.name = "note",
     .type = CONFIG_STR,
     .offset = offsetof(struct settings, note),
     .help = "a | b"},
    {.name = "api-token",
     .type = CONFIG_STR,
     .offset = offsetof(struct settings, token),
     .help = "token",
     .secret = true},
    {.name = "max-slots",
     .type = CONFIG_INT,
     .offset = offsetof(struct settings, slots),
     .fallback = "8",
     .help = "runs at once",
     .min = 1,
     .max = 100},
    {.name = "offset",
     .type = CONFIG_INT,
     .offset = offsetof(struct settings, offset),
     .help = "any number"},
    {.name = "verbose",
     .type = CONFIG_BOOL,
     .offset = offsetof(struct settings, verbose),
     .help = "say more"},
    {.name = "fast",
     .type = CONFIG_BOOL,
     .offset = offsetof(struct settings, fast),
     .fallback = "true",
     .help = "be fast"},
    {0},
};

static const char *const variables[] = {"LEAT_DATABASE",  "LEAT_NOTE",   "LEAT_API_TOKEN",
                                        "LEAT_MAX_SLOTS", "LEAT_OFFSET", "LEAT_VERBOSE",
                                        "LEAT_FAST"};

static int forget_variables(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(variables); i++) {
        (void)unsetenv(variables[i]);
    }
    return 0;
}

static int load(struct settings *s, struct err *err, int argc, const char *const *args)
{
    char *argv[8] = {(char *)"leat"};
    for (int i = 0; i < argc; i++) {
        argv[i + 1] = (char *)args[i];
    }
    memset(s, 0xEE, sizeof(*s));
    return config_load(options, s, argc + 1, argv, "leat [options]", err);
}
#define LOAD(s, err, ...)                                                                          \
    load((s), (err), (int)ARRAY_LEN(((const char *const[]){__VA_ARGS__})),                         \
         (const char *const[]){__VA_ARGS__})

static void defaults(void **state)
{
    struct settings s;
    assert_int_equal(load(&s, NULL, 0, NULL), 0);
    assert_string_equal(s.database, "postgres://localhost");
    assert_string_equal(s.note, "");
    assert_string_equal(s.token, "");
    assert_int_equal(s.slots, 8);
    assert_int_equal(s.offset, 0);
    assert_false(s.verbose);
    assert_true(s.fast);
}

static void arguments_win_over_the_environment(void **state)
{
    struct settings s;
    (void)setenv("LEAT_MAX_SLOTS", "20", 1);
    (void)setenv("LEAT_API_TOKEN", "t0ken", 1);
    (void)setenv("LEAT_FAST", "Off", 1);
    (void)setenv("LEAT_DATABASE", "", 1); /* empty: as if not set */
    assert_int_equal(load(&s, NULL, 0, NULL), 0);
    assert_int_equal(s.slots, 20);
    assert_string_equal(s.token, "t0ken");
    assert_false(s.fast);
    assert_string_equal(s.database, "postgres://localhost");
    assert_int_equal(LOAD(&s, NULL, "--max-slots", "30", "--fast", "--database="), 0);
    assert_int_equal(s.slots, 30);
    assert_true(s.fast);
    assert_string_equal(s.database, "");
}

static void forms_of_arguments(void **state)
{
    struct settings s;
    assert_int_equal(LOAD(&s, NULL, "--note=a=b", "--offset", "-9223372036854775808", "--verbose",
                          "--fast=false"),
                     0);
    assert_string_equal(s.note, "a=b");
    assert_true(s.offset == INT64_MIN);
    assert_true(s.verbose);
    assert_false(s.fast);
    assert_int_equal(LOAD(&s, NULL, "--note", "--verbose"),
                     0); /* a value, whatever it looks like */
    assert_string_equal(s.note, "--verbose");
    assert_false(s.verbose);
    assert_int_equal(LOAD(&s, NULL, "--max-slots=1", "--max-slots=100"), 0);
    assert_int_equal(s.slots, 100);
}

static void refuses(void **state)
{
    static const struct {
        const char *arg, *value, *code, *field;
    } cases[] = {
        {"--max-slots", "0", "config.invalid", "max-slots"},
        {"--max-slots", "101", "config.invalid", "max-slots"},
        {"--max-slots", "8k", "config.invalid", "max-slots"},
        {"--max-slots", "", "config.invalid", "max-slots"},
        {"--offset", "9223372036854775808", "config.invalid", "offset"},
        {"--verbose=maybe", "--fast", "config.invalid", "verbose"},
        {"--verbose=", "--fast", "config.invalid", "verbose"},
        {"--fast", "--note", "config.invalid", "note"}, /* a value is missing */
        {"--api-token", "t0ken", "config.secret_argument", "api-token"},
        {"--api-token=t0ken", "--fast", "config.secret_argument", "api-token"},
        {"--unknown", "1", "config.unknown_option", "--unknown"},
        {"--max", "1", "config.unknown_option", "--max"},
        {"--", "1", "config.unknown_option", "--"},
        {"-v", "1", "config.unknown_option", "-v"},
        {"--verbose", "stray", "config.unknown_option", "stray"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct settings s;
        struct err err = {0};
        assert_int_equal(LOAD(&s, &err, cases[i].arg, cases[i].value), -EINVAL);
        assert_string_equal(err.code, cases[i].code);
        assert_string_equal(err.field, cases[i].field);
        assert_null(strstr(err.message, "t0ken"));
    }
}

static void names_the_variable_at_fault(void **state)
{
    struct settings s;
    struct err err = {0};
    (void)setenv("LEAT_MAX_SLOTS", "many", 1);
    assert_int_equal(load(&s, &err, 0, NULL), -EINVAL);
    assert_string_equal(err.field, "max-slots");
    assert_non_null(strstr(err.message, "LEAT_MAX_SLOTS"));
}

/* What fn prints to stdout. */
static char *printed(int (*fn)(void))
{
    fflush(stdout);
    FILE *real = stdout;
    char *text = NULL;
    size_t len = 0;
    stdout = open_memstream(&text, &len);
    assert_non_null(stdout);
    int rc = fn();
    fclose(stdout);
    stdout = real;
    assert_int_equal(rc, 1);
    return text;
}

static int ask_help(void)
{
    struct settings s;
    return LOAD(&s, NULL, "--unknown", "--help");
}

static int print_markdown(void)
{
    config_print_markdown(options, "Options");
    return 1;
}

static void help_lists_every_option(void **state)
{
    (void)setenv("LEAT_API_TOKEN", "t0ken", 1);
    char *help = printed(ask_help), *markdown = printed(print_markdown);
    assert_non_null(strstr(help, "leat [options]"));
    for (size_t i = 0; i < ARRAY_LEN(variables); i++) {
        assert_non_null(strstr(help, variables[i]));
        assert_non_null(strstr(help, options[i].help));
        assert_non_null(strstr(markdown, variables[i]));
    }
    assert_null(strstr(help, "--api-token"));
    assert_null(strstr(help, "t0ken"));
    assert_non_null(strstr(markdown, "| `--max-slots` | `LEAT_MAX_SLOTS` | number, 1 to 100 | 8 | "
                                     "runs at once |\n"));
    assert_non_null(strstr(markdown, "a \\| b"));
    free(help);
    free(markdown);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(defaults, forget_variables),
        cmocka_unit_test_setup(arguments_win_over_the_environment, forget_variables),
        cmocka_unit_test_setup(forms_of_arguments, forget_variables),
        cmocka_unit_test_setup(refuses, forget_variables),
        cmocka_unit_test_setup(names_the_variable_at_fault, forget_variables),
        cmocka_unit_test_setup(help_lists_every_option, forget_variables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
