/* Where a client of the API goes, and as whom: options, then the environment, then a file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>
#include <cmocka.h>

#include "cli/client.h"

static char folder[] = "/tmp/leat-client-XXXXXX", token_file[64], env_file[64];

static void write_file(char path[64], const char *name, const char *content)
{
    (void)snprintf(path, 64, "%s/%s", folder, name);
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    assert_true(fputs(content, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static int setup(void **state)
{
    assert_non_null(mkdtemp(folder));
    write_file(token_file, "token", "leat_x\n");
    write_file(env_file, "env", "PRISMATIC_URL=http://file:1/\nPRISM_ACCESS_TOKEN=leat_f\n");
    return 0;
}

static int teardown(void **state)
{
    (void)unlink(token_file);
    (void)unlink(env_file);
    return rmdir(folder);
}

static const struct {
    struct client_options options; /* "T" and "E" stand for the files */
    const char *leat_url, *leat_token, *url, *token;
    const char *wanted; /* URL, or the code of the error */
} cases[] = {
    {{"https://a/", "T", ""}, "", "", "", "", "https://a"},
    {{"", "T", ""}, "http://b", "", "http://c", "", "http://b"},
    {{"", "", ""}, "", "", "http://c//", "leat_x", "http://c"},
    {{"", "", ""}, "http://b", "leat_y", "http://c", "leat_x", "http://b"},
    {{"", "", "E"}, "", "", "", "", "http://file:1"},
    {{"http://a", "", "E"}, "", "", "", "", "http://a"},
    {{"http://a", "", ""}, "", "", "", "", "client.token"},
    {{"", "", ""}, "", "leat_y", "", "", "client.url"},
    {{"ftp://a", "T", ""}, "", "", "", "", "client.url"},
    {{"http://a", "/nonexistent", ""}, "", "", "", "", "client.token"},
    {{"", "", "/nonexistent"}, "", "", "", "", "client.env"},
};

static void test_where_and_as_whom(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(client_free) struct client *c = NULL;
        struct client_options o = cases[i].options;
        struct err err;
        (void)setenv("LEAT_URL", cases[i].leat_url, 1);
        (void)setenv("LEAT_TOKEN", cases[i].leat_token, 1);
        (void)setenv("PRISMATIC_URL", cases[i].url, 1);
        (void)setenv("PRISM_ACCESS_TOKEN", cases[i].token, 1);
        o.token_file = strcmp(o.token_file, "T") == 0 ? token_file : o.token_file;
        o.env_file = strcmp(o.env_file, "E") == 0 ? env_file : o.env_file;
        if (client_new(&o, &c, &err) == 0) {
            assert_string_equal(client_url(c), cases[i].wanted);
        } else {
            assert_string_equal(err.code, cases[i].wanted);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_where_and_as_whom),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
