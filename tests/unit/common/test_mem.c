/* The heap wrappers and arenas. */
#include "mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void heap(void **state)
{
    char *p = mem_zalloc(10);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(p[i], 0);
    }
    p = mem_realloc(p, 100000);
    mem_free(p);
    mem_free(NULL);
    mem_free(mem_alloc(0));
    char *copy = mem_strndup("abc\0d", 5);
    assert_memory_equal(copy, "abc\0d", 6);
    mem_free(copy);
    AUTO(mem_free) char *taken = mem_strdup("x");
    char *kept = TAKE(taken);
    assert_null(taken);
    assert_string_equal(kept, "x");
    mem_free(kept);
}

static void arena_aligns_and_counts(void **state)
{
    AUTO(arena_free) struct arena *a = arena_new(64, 0);
    size_t used = 0;
    for (size_t size = 0; size < 300; size++) {
        uint8_t *p = arena_alloc(a, size);
        assert_int_equal((uintptr_t)p % 16, 0);
        memset(p, 0xAB, size);
        used += (size + 15) / 16 * 16;
        assert_int_equal(arena_used(a), used);
    }
    assert_string_equal(arena_strdup(a, "text"), "text");
    assert_string_equal(arena_printf(a, "%d-%s", 7, "x"), "7-x");
    assert_string_equal(arena_strndup(a, "text", 2), "te");
    assert_string_equal(arena_strndup(a, NULL, 0), "");
    int *zeroed = arena_array(a, 100, sizeof(int));
    for (int i = 0; i < 100; i++) {
        assert_int_equal(zeroed[i], 0);
    }
}

static void arena_is_reused_after_clear(void **state)
{
    AUTO(arena_free) struct arena *a = arena_new(1024, KIB(64));
    void *first = arena_alloc(a, 16);
    for (int i = 0; i < 1000; i++) { /* would pass the bound if clear kept anything */
        for (int k = 0; k < 100; k++) {
            memset(arena_alloc(a, 200), 1, 200);
        }
        arena_clear(a);
        assert_int_equal(arena_used(a), 0);
    }
    assert_ptr_equal(arena_alloc(a, 16), first);
}

static void room_and_fit(void **state)
{
    AUTO(arena_free) struct arena *a = arena_new(1024, 2048);
    assert_int_equal(arena_room(a), 2048);
    assert_true(arena_fits(a, 2048));
    assert_false(arena_fits(a, 2049));
    (void)arena_alloc(a, 16);
    assert_int_equal(arena_room(a), 1024);
    assert_true(arena_fits(a, 1024));
    assert_false(arena_fits(a, 1025));
    (void)arena_alloc(a, 1008); /* the first chunk is used up */
    memset(arena_alloc(a, 1000), 1, 1000);
    assert_int_equal(arena_room(a), 0);
    assert_true(arena_fits(a, 16)); /* of the chunk's rest */
    AUTO(arena_free) struct arena *whole = arena_new(1024, 1024);
    (void)arena_alloc(whole, 16);
    assert_true(arena_fits(whole, 1008));
    assert_false(arena_fits(whole, 1009));
}

static char calls[8];

static void note(void *name)
{
    size_t n = strlen(calls);
    calls[n] = *(const char *)name;
    calls[n + 1] = 0;
}

static void deferred_calls_run_last_first(void **state)
{
    static char names[] = "abc";
    struct arena *a = arena_new(0, 0);
    calls[0] = '\0';
    for (int i = 0; i < 3; i++) {
        arena_defer(a, note, &names[i]);
    }
    arena_clear(a);
    assert_string_equal(calls, "cba");
    arena_defer(a, note, &names[0]);
    assert_null(arena_free(a));
    assert_string_equal(calls, "cbaa");
    assert_null(arena_free(NULL));
}

static void past_the_bound(void)
{
    struct arena *a = arena_new(64, 128);
    (void)arena_alloc(a, 256);
}

static void overflowing_array(void)
{
    mem_free(mem_array(SIZE_MAX / 2, 3));
}

static void overflowing_arena_array(void)
{
    struct arena *a = arena_new(0, 0);
    (void)arena_array(a, SIZE_MAX / 2, 3);
}

static void failed_assert(void)
{
    ASSERT(!"always");
}

static void misuse_aborts(void **state)
{
    static void (*const cases[])(void) = {past_the_bound, overflowing_array,
                                          overflowing_arena_array, failed_assert};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        fflush(NULL);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            (void)fclose(stderr);
            signal(SIGABRT, SIG_DFL);
            cases[i]();
            _exit(0);
        }
        int status = 0;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heap),
        cmocka_unit_test(arena_aligns_and_counts),
        cmocka_unit_test(arena_is_reused_after_clear),
        cmocka_unit_test(room_and_fit),
        cmocka_unit_test(deferred_calls_run_last_first),
        cmocka_unit_test(misuse_aborts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
