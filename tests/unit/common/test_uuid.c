/* Ids: order, text, and the global ids of the API. */
#include "uuid.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "clock.h"
#include "enc.h"

#define TEXT "0198c2f4-5d6e-7abc-8def-0123456789ab"

static void v7_only_grows(void **state)
{
    int64_t before = clock_now_ns() / NS_PER_MS;
    struct uuid last = uuid_v7();
    assert_true(uuid_v7_ms(&last) >= before);
    for (int i = 0; i < 20000; i++) { /* more than 12 bits of sequence */
        struct uuid id = uuid_v7();
        assert_true(uuid_cmp(&last, &id) < 0);
        assert_int_equal(id.b[6] >> 4, 7);
        assert_int_equal(id.b[8] >> 6, 2);
        last = id;
    }
}

static void *make_ids(void *arg)
{
    struct uuid *ids = arg;
    for (int i = 0; i < 5000; i++) {
        ids[i] = uuid_v7();
    }
    return NULL;
}

static int by_bytes(const void *a, const void *b)
{
    return uuid_cmp(a, b);
}

static void v7_is_unique_across_threads(void **state)
{
    static struct uuid ids[4][5000];
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, make_ids, ids[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        for (int k = 1; k < 5000; k++) {
            assert_true(uuid_cmp(&ids[i][k - 1], &ids[i][k]) < 0);
        }
    }
    qsort(ids, 20000, sizeof(struct uuid), by_bytes);
    const struct uuid *all = ids[0];
    for (int k = 1; k < 20000; k++) {
        assert_false(uuid_eq(&all[k - 1], &all[k]));
    }
}

static void v7_floor_is_below_its_millisecond(void **state)
{
    int64_t ns = INT64_C(1767322445678) * NS_PER_MS + 999999;
    struct uuid floor = uuid_v7_floor(ns);
    assert_int_equal(uuid_v7_ms(&floor), INT64_C(1767322445678));
    char text[UUID_TEXT_LEN + 1];
    uuid_format(&floor, text);
    assert_string_equal(text, "019b7ca0-676e-7000-8000-000000000000");
    struct uuid now = uuid_v7(), below = uuid_v7_floor(uuid_v7_ms(&now) * NS_PER_MS);
    assert_true(uuid_cmp(&below, &now) < 0);
}

static void v4_is_random(void **state)
{
    struct uuid x = uuid_v4(), y = uuid_v4(), nil = {{0}};
    assert_false(uuid_eq(&x, &y));
    assert_true(uuid_hash(&x) != uuid_hash(&y));
    assert_int_equal(x.b[6] >> 4, 4);
    assert_int_equal(x.b[8] >> 6, 2);
    assert_true(uuid_is_nil(&nil));
    assert_false(uuid_is_nil(&x));
}

static void text_round_trip(void **state)
{
    struct uuid id, upper;
    char text[UUID_TEXT_LEN + 1];
    assert_true(uuid_parse(STR(TEXT), &id));
    uuid_format(&id, text);
    assert_string_equal(text, TEXT);
    assert_true(uuid_parse(STR("0198C2F4-5D6E-7ABC-8DEF-0123456789AB"), &upper));
    assert_true(uuid_eq(&id, &upper));
    assert_true(uuid_hash(&id) == uuid_hash(&upper));
}

static void refuses_malformed_text(void **state)
{
    static const char *const bad[] = {
        "",
        "0198c2f45d6e7abc8def0123456789ab",
        "0198c2f4-5d6e-7abc-8def-0123456789a",
        "0198c2f4-5d6e-7abc-8def-0123456789abc",
        "0198c2f4-5d6e-7abc-8def-0123456789ag",
        "0198c2f4+5d6e-7abc-8def-0123456789ab",
        "0198c2f45-d6e-7abc-8def-0123456789ab",
        "{198c2f4-5d6e-7abc-8def-0123456789a}",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct uuid id = {{9}};
        assert_false(uuid_parse(str_of(bad[i]), &id));
        assert_int_equal(id.b[0], 9);
    }
}

static void global_ids(void **state)
{
    struct uuid id, got;
    char text[GLOBAL_ID_MAX], type[64], url[GLOBAL_ID_MAX];
    assert_true(uuid_parse(STR(TEXT), &id));
    size_t n = global_id_format("Instance", &id, text);
    assert_int_equal(n, strlen(text));
    assert_true(global_id_parse(str_of(text), "Instance", &got));
    assert_true(uuid_eq(&id, &got));
    assert_false(global_id_parse(str_of(text), "Integration", &got));
    assert_false(global_id_parse(str_of(text), "Instanc", &got));
    assert_true(global_id_parse_any(str_of(text), type, &got));
    assert_string_equal(type, "Instance");
    (void)enc_base64url(STR("Instance:" TEXT), url, sizeof(url));
    assert_true(global_id_parse(str_of(url), "Instance", &got));
}

static void refuses_malformed_global_ids(void **state)
{
    static const char *const plain[] = {
        "",
        "Instance",
        "Instance:",
        ":" TEXT,
        "Instance:" TEXT "x",
        "Instance:" TEXT ":" TEXT,
        "Instance " TEXT,
        "AVeryLongTypeNameOfMoreThanSixtyThreeCharactersWhichNoTypeEverHasInPractice:" TEXT,
    };
    struct uuid id;
    char type[64], text[256];
    for (size_t i = 0; i < ARRAY_LEN(plain); i++) {
        (void)enc_base64(str_of(plain[i]), text, sizeof(text));
        assert_false(global_id_parse_any(str_of(text), type, &id));
    }
    assert_false(global_id_parse_any(STR("not base64!"), type, &id));
    assert_false(global_id_parse_any(STR("Instance:" TEXT), type, &id));
    static char huge[100000];
    memset(huge, 'A', sizeof(huge));
    assert_false(global_id_parse_any(str_n(huge, sizeof(huge)), type, &id));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(v7_only_grows),
        cmocka_unit_test(v7_is_unique_across_threads),
        cmocka_unit_test(v7_floor_is_below_its_millisecond),
        cmocka_unit_test(v4_is_random),
        cmocka_unit_test(text_round_trip),
        cmocka_unit_test(refuses_malformed_text),
        cmocka_unit_test(global_ids),
        cmocka_unit_test(refuses_malformed_global_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
