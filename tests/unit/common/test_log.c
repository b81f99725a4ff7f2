/* Log lines, read back from stderr. */
#include "log.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <unistd.h>

#include "json.h"

/* What fn writes to stderr, at most cap bytes. */
static size_t logged(void (*fn)(void), char *ret_text, size_t cap)
{
    FILE *file = tmpfile();
    assert_non_null(file);
    int real = dup(STDERR_FILENO);
    assert_true(real >= 0);
    assert_true(dup2(fileno(file), STDERR_FILENO) >= 0);
    fn();
    assert_true(dup2(real, STDERR_FILENO) >= 0);
    close(real);
    rewind(file);
    size_t n = fread(ret_text, 1, cap - 1, file);
    ret_text[n] = '\0';
    fclose(file);
    return n;
}

static void some_lines(void)
{
    log_debug("not shown");
    log_info("run finished", LOG_STR("run", "r1"), LOG_INT("steps", -3),
             LOG_TEXT("note", STR("a \"b\"\n")), LOG_SECRET("token"), LOG_STR("none", NULL));
    log_error("plain");
}

static void writes_logfmt(void **state)
{
    char text[4096];
    log_setup("test", LOG_INFO, LOG_FORMAT_LOGFMT);
    (void)logged(some_lines, text, sizeof(text));
    assert_memory_equal(text, "time=20", 7);
    assert_non_null(strstr(text, " level=info process=test msg=\"run finished\" run=r1 steps=-3 "
                                 "note=\"a \\\"b\\\"\\n\" token=*** none=\"\"\n"));
    assert_non_null(strstr(text, " level=error process=test msg=plain\n"));
    assert_null(strstr(text, "not shown"));
}

static void writes_json(void **state)
{
    char text[4096];
    log_setup("test", LOG_DEBUG, LOG_FORMAT_JSON);
    (void)logged(some_lines, text, sizeof(text));
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    int lines = 0;
    for (char *at = text, *end; (end = strchr(at, '\n')); at = end + 1, lines++) {
        struct json v;
        assert_int_equal(json_parse(a, str_n(at, (size_t)(end - at)), &v, NULL), 0);
        assert_int_equal(json_get(v, STR("time")).type, JSON_STRING);
        if (lines == 1) {
            assert_true(str_eq(json_as_str(json_get(v, STR("note"))), STR("a \"b\"\n")));
            assert_true(str_eq(json_as_str(json_get(v, STR("token"))), STR("***")));
        }
    }
    assert_int_equal(lines, 3);
}

static void foreign_bytes(void)
{
    static char huge[100000];
    memset(huge, 'x', sizeof(huge));
    log_info("\xFF\xFE", LOG_TEXT("v", STR("a\0b\x1B[2J\nlevel=error")));
    log_info("huge", LOG_TEXT("v", str_n(huge, sizeof(huge))));
}

static void foreign_bytes_cannot_forge_lines(void **state)
{
    static char text[300000];
    log_setup("test", LOG_INFO, LOG_FORMAT_LOGFMT);
    (void)logged(foreign_bytes, text, sizeof(text));
    assert_non_null(strstr(text, "v=\"a\\u0000b\\u001b[2J\\nlevel=error\"\n"));
    assert_true(strlen(text) < KIB(65) + 200);
}

static void parses_levels(void **state)
{
    enum log_level level = LOG_ERROR;
    assert_true(log_level_parse("debug", &level));
    assert_int_equal(level, LOG_DEBUG);
    assert_true(log_level_parse("warn", &level));
    assert_int_equal(level, LOG_WARN);
    assert_false(log_level_parse("loud", &level));
    assert_false(log_level_parse("", &level));
    assert_int_equal(level, LOG_WARN);
}

static void *log_many(void *name)
{
    for (int i = 0; i < 200; i++) {
        log_info("line", LOG_STR("by", name), LOG_INT("i", i));
    }
    return NULL;
}

static void two_threads(void)
{
    static char names[2][2] = {"a", "b"};
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, log_many, names[i]), 0);
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
}

static void lines_of_threads_do_not_mix(void **state)
{
    static char text[200000];
    log_setup("test", LOG_INFO, LOG_FORMAT_LOGFMT);
    (void)logged(two_threads, text, sizeof(text));
    int lines = 0;
    for (char *at = text, *end; (end = strchr(at, '\n')); at = end + 1, lines++) {
        *end = '\0';
        assert_memory_equal(at, "time=", 5);
        assert_null(strstr(at + 5, "time="));
    }
    assert_int_equal(lines, 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_logfmt),
        cmocka_unit_test(writes_json),
        cmocka_unit_test(foreign_bytes_cannot_forge_lines),
        cmocka_unit_test(parses_levels),
        cmocka_unit_test(lines_of_threads_do_not_mix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
