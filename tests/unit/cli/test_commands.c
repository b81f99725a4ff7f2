/* The tables of commands, and reading their arguments. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "cli/args.h"
#include "cli/commands.h"

static void assert_command(const struct command *c)
{
    assert_non_null(c->summary);
    assert_true(c->run ? !c->call : c->call != NULL);
    if (c->call) {
        assert_non_null(c->examples);
        assert_non_null(c->output);
        assert_true(c->words_min <= c->words_max && c->words_max <= COMMAND_WORDS_MAX);
        assert_true((c->words != NULL) == (c->words_max > 0));
        assert_true(c->config_size > 0 || !c->options);
    }
    for (const struct config_option *o = c->options; o && o->name; o++) {
        assert_non_null(o->help);
        assert_true(c->run || o->offset < c->config_size);
        assert_true(c->run || !config_find(command_client_options, str_of(o->name)));
    }
}

static void test_tables(void **state)
{
    const struct command *c;
    const char *before = "";
    for (size_t i = 0; (c = command_local(i)); i++) {
        assert_command(c);
        assert_true(strcmp(before, c->name) < 0);
        before = c->name;
    }
    before = "";
    for (size_t i = 0; (c = command_client(i)); i++) {
        assert_command(c);
        assert_true(strcmp(before, c->name) < 0);
        before = c->name;
    }
}

static void test_found_by_name(void **state)
{
    char name[] = "import", file[] = "x.yml", *argv[] = {name, file, NULL};
    int used;
    assert_ptr_equal(command_find(2, argv, &used), &command_import);
    assert_int_equal(used, 1);
    name[5] = '\0';
    assert_null(command_find(2, argv, &used));
    assert_null(command_find(0, argv, &used));
}

struct config {
    const char *output;
    int64_t limit;
    bool yes;
};
static const struct config_option options[] = {
    {"output", CONFIG_STR, offsetof(struct config, output), NULL, "", 0, 0, false},
    {"limit", CONFIG_INT, offsetof(struct config, limit), "7", "", 1, 9, false},
    {"yes", CONFIG_BOOL, offsetof(struct config, yes), NULL, "", 0, 0, false},
    {0},
};

static int load(const char *line, struct config *ret, const char **words, size_t *n,
                struct err *err)
{
    static char text[200];
    char *argv[20] = {text}, *save = NULL;
    int argc = 1;
    (void)snprintf(text, sizeof(text), "%s", line);
    for (char *p = strtok_r(text, " ", &save); p; p = strtok_r(NULL, " ", &save)) {
        argv[argc++] = p;
    }
    struct args_table table = {options, ret};
    err_clear(err);
    return args_load(&table, 1, argc, argv, 3, words, n, err);
}

static void test_arguments(void **state)
{
    static const struct {
        const char *line;
        int rc;
        const char *output;
        int64_t limit;
        bool yes;
        size_t words;
    } cases[] = {
        {"", 0, "", 7, false, 0},
        {"a --output o b", 0, "o", 7, false, 2},
        {"-o o -y a", 0, "o", 7, true, 1},
        {"--limit=3 --yes=false -", 0, "", 3, false, 1},
        {"-- --yes -o", 0, "", 7, false, 2},
        {"a --help", 1, NULL, 0, false, 0},
        {"-h", 1, NULL, 0, false, 0},
        {"a b c d", -EINVAL, NULL, 0, false, 0},
        {"--limit", -EINVAL, NULL, 0, false, 0},
        {"--limit 10", -EINVAL, NULL, 0, false, 0},
        {"--limti 3", -EINVAL, NULL, 0, false, 0},
        {"-x", -EINVAL, NULL, 0, false, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct config got;
        struct err err;
        const char *words[3];
        size_t n;
        int r = load(cases[i].line, &got, words, &n, &err);
        assert_int_equal(r, cases[i].rc);
        if (r == 0) {
            assert_string_equal(got.output, cases[i].output);
            assert_int_equal(got.limit, cases[i].limit);
            assert_int_equal(got.yes, cases[i].yes);
            assert_int_equal(n, cases[i].words);
        } else if (r < 0) {
            assert_memory_equal(err.code, "config.", 7);
        }
    }
}

static void test_a_misspelt_option_is_guessed(void **state)
{
    struct config got;
    struct err err;
    const char *words[3];
    size_t n;
    assert_int_equal(load("--limti 3", &got, words, &n, &err), -EINVAL);
    assert_non_null(strstr(err.message, "did you mean --limit?"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables),
        cmocka_unit_test(test_found_by_name),
        cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_a_misspelt_option_is_guessed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
