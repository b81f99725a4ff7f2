/* Values too large for memory: gathering, mapping, bounds, lifetimes and full disks. */
#include "spill.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
    char folder[64];
    struct spill_disk *disk;
    struct spill_set set;
    struct arena *arena;
    struct spill s;
};

static void begin(struct fixture *f, uint64_t max)
{
    struct err err = {0};
    (void)snprintf(f->folder, sizeof(f->folder), "/tmp/leat-spill-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    assert_int_equal(spill_disk_new(&f->disk, f->folder, max, &err), 0);
    spill_set_init(&f->set, f->disk);
    f->arena = arena_new(0, MIB(16));
    spill_init(&f->s);
}

static void end(struct fixture *f)
{
    spill_done(&f->s);
    spill_set_done(&f->set);
    assert_int_equal(spill_disk_used(f->disk), 0);
    spill_disk_free(f->disk);
    arena_free(f->arena);
    assert_int_equal(rmdir(f->folder), 0); /* nothing was left there */
}

static char byte_at(size_t i)
{
    return (char)(i * 31 + i / 4093);
}

/* A value of n bytes, in parts of odd sizes. */
static int gather(struct fixture *f, size_t n, struct str *ret, struct err *err)
{
    char part[7919];
    spill_begin(&f->s, &f->set, SPILL_VALUE_MAX);
    for (size_t at = 0, k; at < n; at += k) {
        k = MIN(n - at, sizeof(part));
        for (size_t i = 0; i < k; i++) {
            part[i] = byte_at(at + i);
        }
        if (!spill_add(&f->s, part, k)) {
            return spill_error(&f->s, err);
        }
    }
    return spill_end(&f->s, f->arena, ret, err);
}

static void check(struct str got, size_t n)
{
    assert_int_equal(got.len, n);
    for (size_t i = 0; i < n; i++) {
        if (got.ptr[i] != byte_at(i)) {
            fail_msg("byte %zu of %zu", i, n);
        }
    }
    assert_int_equal(got.ptr[n], '\0');
}

static void small_values_stay_in_memory(void **state)
{
    struct fixture f;
    begin(&f, MIB(100));
    static const size_t sizes[] = {0, 1, KIB(64), SPILL_FROM};
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        struct str got;
        assert_int_equal(gather(&f, sizes[i], &got, NULL), 0);
        check(got, sizes[i]);
    }
    assert_int_equal(f.set.n, 0);
    assert_int_equal(spill_disk_used(f.disk), 0);
    end(&f);
}

static int count_files(const char *folder)
{
    DIR *d = opendir(folder);
    int n = 0;
    while (readdir(d)) {
        n++;
    }
    closedir(d);
    return n - 2;
}

static void large_values_are_mapped(void **state)
{
    struct fixture f;
    begin(&f, MIB(100));
    static const size_t sizes[] = {SPILL_FROM + 1, MIB(3), MIB(3) + 4095, MIB(4) - 1};
    size_t total = 0;
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        struct str got;
        assert_int_equal(gather(&f, sizes[i], &got, NULL), 0);
        check(got, sizes[i]);
        total += sizes[i];
        assert_int_equal(f.set.n, i + 1);
        assert_int_equal(spill_disk_used(f.disk), total);
    }
    assert_true(arena_used(f.arena) < KIB(4));
    assert_int_equal(count_files(f.folder), 0);
    spill_set_cut(&f.set, 1);
    assert_int_equal(spill_disk_used(f.disk), sizes[0]);
    spill_set_clear(&f.set);
    assert_int_equal(spill_disk_used(f.disk), 0);
    end(&f);
}

static void what_is_not_ended_is_given_back(void **state)
{
    struct fixture f;
    struct str got;
    char part[KIB(64)] = {0};
    begin(&f, MIB(100));
    spill_begin(&f.s, &f.set, MIB(5));
    for (int i = 0; i < 48; i++) {
        assert_true(spill_add(&f.s, part, sizeof(part)));
    }
    assert_true(spill_disk_used(f.disk) >= MIB(2));
    assert_int_equal(count_files(f.folder), 0);
    assert_int_equal(gather(&f, MIB(2), &got, NULL), 0);
    assert_int_equal(spill_disk_used(f.disk), MIB(2));
    end(&f);
}

static void without_a_disk_all_is_memory(void **state)
{
    struct fixture f;
    struct err err = {0};
    begin(&f, MIB(100));
    f.set.disk = NULL;
    struct str got;
    assert_int_equal(gather(&f, MIB(3), &got, &err), 0);
    check(got, MIB(3));
    assert_int_equal(gather(&f, MIB(15), &got, &err), -ENOMEM);
    assert_string_equal(err.code, "action.memory");
    f.set.disk = f.disk;
    end(&f);
}

static void bytes_can_be_replaced(void **state)
{
    struct fixture f;
    struct str got;
    char part[KIB(64)];
    begin(&f, MIB(100));
    memset(part, 'a', sizeof(part));
    spill_begin(&f.s, &f.set, MIB(5));
    for (int i = 0; i < 40; i++) {
        assert_true(spill_add(&f.s, part, sizeof(part)));
    }
    static const size_t places[] = {0, MIB(1) - 3, MIB(2) - 3, 40 * KIB(64) - 6};
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        assert_true(spill_replace(&f.s, places[i], "BCDEFG", 6));
    }
    assert_int_equal(spill_end(&f.s, f.arena, &got, NULL), 0);
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        assert_memory_equal(got.ptr + places[i], "BCDEFG", 6);
        assert_true(places[i] == 0 || got.ptr[places[i] - 1] == 'a');
    }
    assert_int_equal(got.len, 40 * KIB(64));
    end(&f);
}

static void bounds(void **state)
{
    struct fixture f;
    struct err err = {0};
    struct str got;
    begin(&f, MIB(4));
    spill_begin(&f.s, &f.set, 10);
    assert_true(spill_add_str(&f.s, STR("0123456789")));
    assert_false(spill_add_str(&f.s, STR("x")));
    assert_true(f.s.full);
    assert_int_equal(gather(&f, MIB(3), &got, &err), 0);
    assert_int_equal(gather(&f, MIB(2), &got, &err), -ENOSPC);
    assert_string_equal(err.code, "spill.worker");
    assert_true(err.retryable);
    assert_non_null(strstr(err.message, "4 MB"));
    assert_non_null(strstr(err.message, "spill-max-mb"));
    spill_begin(&f.s, NULL, 0);
    assert_int_equal(spill_disk_used(f.disk), MIB(3));
    uint64_t before = f.set.bytes;
    f.set.bytes = SPILL_RUN_MAX - MIB(1);
    assert_int_equal(gather(&f, MIB(2), &got, &err), -ENOSPC);
    assert_string_equal(err.code, "spill.run");
    assert_false(err.retryable);
    spill_begin(&f.s, NULL, 0);
    f.set.bytes = before;
    end(&f);
}

static void a_full_disk_is_an_error(void **state)
{
    struct fixture f;
    struct err err = {0};
    struct str got;
    struct rlimit old, limit;
    begin(&f, MIB(100));
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    limit = old;
    limit.rlim_cur = MIB(2);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    int rc = gather(&f, MIB(5), &got, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(rc, -ENOSPC);
    assert_string_equal(err.code, "spill.disk");
    assert_true(err.retryable);
    assert_non_null(strstr(err.message, f.folder));
    assert_int_equal(gather(&f, MIB(5), &got, &err), 0); /* and works again */
    end(&f);
}

static void folders_are_tried_at_the_start(void **state)
{
    struct spill_disk *disk = NULL;
    struct err err = {0};
    assert_int_equal(spill_disk_new(&disk, "/no/such/folder", MIB(1), &err), -EINVAL);
    assert_non_null(strstr(err.message, "/no/such/folder"));
    assert_non_null(strstr(err.message, "spill-folder"));
    assert_null(disk);
    assert_int_equal(spill_disk_new(&disk, "", MIB(1), &err), 0);
    spill_disk_free(disk);
}

/* {"a": [value], "b": "x"} */
static struct json wrapped(struct arena *a, struct json v)
{
    struct json_member *m = arena_array(a, 2, sizeof(*m));
    struct json *item = arena_dup(a, &v, sizeof(v));
    m[0] = (struct json_member){STR("a"), json_array(item, 1)};
    m[1] = (struct json_member){STR("b"), json_cstr("x")};
    return json_object(m, 2);
}

static const char *inner(struct json v)
{
    return json_at(json_get(v, STR("a")), 0).str;
}

static void copies_are_the_same_bytes(void **state)
{
    struct fixture f;
    struct str got;
    begin(&f, MIB(100));
    assert_int_equal(gather(&f, MIB(2), &got, NULL), 0);
    struct json v = wrapped(f.arena, json_binary(got));
    struct json copy = spill_copy(&f.set, f.arena, v, 0);
    assert_ptr_equal(inner(copy), got.ptr);
    assert_ptr_not_equal(json_get(copy, STR("b")).str, json_get(v, STR("b")).str);
    assert_true(json_equal(v, copy));
    /* a part of it, too, unless it is small */
    copy = spill_copy(&f.set, f.arena, json_str(str_n(got.ptr + 100, MIB(1))), 0);
    assert_ptr_equal(copy.str, got.ptr + 100);
    copy = spill_copy(&f.set, f.arena, json_str(str_n(got.ptr + 100, 50)), 0);
    assert_ptr_not_equal(copy.str, got.ptr + 100);
    char *other = arena_alloc(f.arena, KIB(80));
    memset(other, 'o', KIB(80));
    copy = spill_copy(&f.set, f.arena, json_str(str_n(other, KIB(80))), 0);
    assert_ptr_not_equal(copy.str, other);
    end(&f);
}

static void values_live_as_long_as_their_level(void **state)
{
    struct fixture f;
    struct str outer, kept, taken, dropped;
    begin(&f, MIB(100));
    assert_int_equal(gather(&f, MIB(2), &outer, NULL), 0);
    f.set.level = 2;
    assert_int_equal(gather(&f, MIB(2), &kept, NULL), 0);
    assert_int_equal(gather(&f, MIB(2), &taken, NULL), 0);
    assert_int_equal(gather(&f, MIB(2), &dropped, NULL), 0);
    (void)spill_copy(&f.set, f.arena, json_binary(kept), 2);
    (void)spill_copy(&f.set, f.arena, json_binary(taken), 1);
    (void)spill_copy(&f.set, f.arena, json_binary(taken), 2); /* no way back */
    spill_set_turn(&f.set, 2);
    assert_int_equal(f.set.n, 3);
    check(kept, MIB(2));
    spill_set_turn(&f.set, 2);
    assert_int_equal(f.set.n, 2);
    f.set.level = 1;
    spill_set_leave(&f.set, 2);
    assert_int_equal(f.set.n, 2);
    check(taken, MIB(2));
    spill_set_turn(&f.set, 1);
    assert_int_equal(f.set.n, 1);
    f.set.level = 0;
    spill_set_leave(&f.set, 1);
    assert_int_equal(f.set.n, 1);
    check(outer, MIB(2));
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_values_stay_in_memory),
        cmocka_unit_test(large_values_are_mapped),
        cmocka_unit_test(what_is_not_ended_is_given_back),
        cmocka_unit_test(without_a_disk_all_is_memory),
        cmocka_unit_test(bytes_can_be_replaced),
        cmocka_unit_test(bounds),
        cmocka_unit_test(a_full_disk_is_an_error),
        cmocka_unit_test(folders_are_tried_at_the_start),
        cmocka_unit_test(copies_are_the_same_bytes),
        cmocka_unit_test(values_live_as_long_as_their_level),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
