/* Signed URLs and ranges of downloads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "clock.h"
#include "results/range.h"
#include "results/url.h"

static struct result_urls *urls_of(uint8_t key)
{
    struct secret_key master;
    memset(master.b, key, sizeof(master.b));
    return result_urls_new(&master, "https://leat.example");
}

static struct str token_of(const struct buf *url)
{
    static const struct str start = {"https://leat.example/results/", 29};
    assert_true(str_starts(buf_str(url), start));
    return str_n(url->data + start.len, url->len - start.len);
}

static void test_round_trip(void **state)
{
    struct result_urls *urls = urls_of(1), *others = urls_of(2);
    const struct result_ref refs[] = {
        {.form = RESULT_STEP,
         .organization_id = uuid_v4(),
         .execution_id = uuid_v7(),
         .step = 4000000000,
         .expires_s = 1},
        {.form = RESULT_VALUE,
         .organization_id = uuid_v4(),
         .execution_id = uuid_v7(),
         .value_id = uuid_v4()},
        {.form = RESULT_RAW,
         .organization_id = uuid_v4(),
         .execution_id = uuid_v7(),
         .value_id = uuid_v4(),
         .expires_s = INT64_MAX},
    };
    for (size_t i = 0; i < ARRAY_LEN(refs); i++) {
        AUTO(buf_done) struct buf url = {0};
        struct result_ref got;
        buf_init(&url, KIB(1));
        result_url_write(urls, &refs[i], &url);
        assert_true(result_url_read(urls, token_of(&url), &got));
        assert_int_equal(got.form, refs[i].form);
        assert_int_equal(got.step, refs[i].step);
        assert_true(uuid_eq(&got.organization_id, &refs[i].organization_id));
        assert_true(uuid_eq(&got.execution_id, &refs[i].execution_id));
        assert_true(uuid_eq(&got.value_id, &refs[i].value_id));
        int64_t now = clock_now_ns() / NS_PER_SEC;
        if (refs[i].expires_s) {
            assert_int_equal(got.expires_s, refs[i].expires_s);
        } else {
            assert_in_range(got.expires_s, now + RESULT_URL_SECONDS - 5, now + RESULT_URL_SECONDS);
        }
        assert_false(result_url_read(others, token_of(&url), &got));
    }
    result_urls_free(urls);
    result_urls_free(others);
}

/* Any other character anywhere, and any other length, is refused. */
static void test_forged(void **state)
{
    struct result_urls *urls = urls_of(1);
    AUTO(buf_done) struct buf url = {0};
    struct result_ref got;
    buf_init(&url, KIB(1));
    result_url_write(urls, &(struct result_ref){.form = RESULT_VALUE, .value_id = uuid_v4()}, &url);
    struct str token = token_of(&url);
    char *text = mem_strndup(token.ptr, token.len);
    for (size_t i = 0; i < token.len; i++) {
        char was = text[i];
        for (const char *c = "A9_=. "; *c; c++) {
            text[i] = *c;
            if (*c != was) {
                assert_false(result_url_read(urls, str_n(text, token.len), &got));
            }
        }
        text[i] = was;
        assert_false(result_url_read(urls, str_n(text, i), &got));
    }
    assert_true(result_url_read(urls, str_n(text, token.len), &got));
    buf_adds(&url, "A");
    assert_false(result_url_read(urls, token_of(&url), &got));
    mem_free(text);
    result_urls_free(urls);
}

static void test_ranges(void **state)
{
    static const struct {
        const char *header;
        enum range_kind kind;
        uint64_t from, to;
    } cases[] = {
        {"", RANGE_WHOLE, 0, 0},
        {"bytes=0-0", RANGE_PART, 0, 1},
        {"Bytes=2-5", RANGE_PART, 2, 6},
        {"bytes= 7-", RANGE_PART, 7, 10},
        {"bytes=7-400", RANGE_PART, 7, 10},
        {"bytes=-3", RANGE_PART, 7, 10},
        {"bytes=-30", RANGE_PART, 0, 10},
        {"bytes=10-", RANGE_IMPOSSIBLE, 0, 0},
        {"bytes=-0", RANGE_IMPOSSIBLE, 0, 0},
        {"bytes=999999999999999999-", RANGE_IMPOSSIBLE, 0, 0},
        {"bytes=9999999999999999999-", RANGE_WHOLE, 0, 0},
        {"bytes=5-2", RANGE_WHOLE, 0, 0},
        {"bytes=1-2,4-5", RANGE_WHOLE, 0, 0},
        {"bytes=", RANGE_WHOLE, 0, 0},
        {"bytes=-", RANGE_WHOLE, 0, 0},
        {"bytes=a-b", RANGE_WHOLE, 0, 0},
        {"bytes=+1-2", RANGE_WHOLE, 0, 0},
        {"lines=1-2", RANGE_WHOLE, 0, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint64_t from = 0, to = 0;
        if (range_parse(str_of(cases[i].header), 10, &from, &to) != cases[i].kind ||
            from != cases[i].from || to != cases[i].to) {
            fail_msg("\"%s\": [%d, %d)", cases[i].header, (int)from, (int)to);
        }
    }
    uint64_t from, to;
    assert_int_equal(range_parse(STR("bytes=0-"), 0, &from, &to), RANGE_IMPOSSIBLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_forged),
        cmocka_unit_test(test_ranges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
