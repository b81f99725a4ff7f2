/* Signed URLs of uploaded files: what was written is read, and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "clock.h"
#include "media/media_url.h"

#define BASE "https://leat.example"

static const struct secret_key key = {{1, 2, 3}}, other_key = {{1, 2, 4}};
static const struct media_ref sample = {.form = MEDIA_PUT_ATTACHMENT,
                                        .organization_id = {{1}},
                                        .owner_id = {{2}},
                                        .media_id = {{3}},
                                        .expires_s = 1700000000};

static void there_and_back(void **state)
{
    struct media_urls *urls = media_urls_new(&key, BASE);
    AUTO(buf_done) struct buf url;
    struct media_ref ref;
    buf_init(&url, 0);
    media_url_write(urls, &sample, &url);
    assert_true(str_starts(buf_str(&url), STR(BASE MEDIA_PATH)));
    struct str path = str_n(url.data + strlen(BASE), url.len - strlen(BASE));
    struct str token = str_n(path.ptr + strlen(MEDIA_PATH), path.len - strlen(MEDIA_PATH));
    assert_true(media_url_read(urls, token, &ref));
    assert_int_equal(ref.form, MEDIA_PUT_ATTACHMENT);
    assert_int_equal(ref.expires_s, 1700000000);
    assert_true(uuid_eq(&ref.organization_id, &sample.organization_id));
    assert_true(uuid_eq(&ref.owner_id, &sample.owner_id));
    assert_true(uuid_eq(&ref.media_id, &sample.media_id));
    assert_true(media_url_parse(urls, buf_str(&url), &ref));
    assert_true(media_url_parse(urls, path, &ref));
    assert_false(media_url_parse(urls, token, &ref));
    assert_false(media_url_parse(urls, STR("https://elsewhere.example/media/x"), &ref));
    assert_false(media_url_parse(urls, STR(""), &ref));
    media_urls_free(urls);
}

static void nothing_else(void **state)
{
    struct media_urls *urls = media_urls_new(&key, BASE),
                      *foreign = media_urls_new(&other_key, BASE);
    AUTO(buf_done) struct buf url;
    struct media_ref ref;
    size_t start = strlen(BASE MEDIA_PATH);
    buf_init(&url, 0);
    media_url_write(urls, &sample, &url);
    struct str token = str_n(url.data + start, url.len - start);
    assert_false(media_url_read(foreign, token, &ref));
    for (size_t i = 0; i < token.len; i++) {
        char before = url.data[start + i];
        assert_false(media_url_read(urls, str_n(token.ptr, i), &ref));
        url.data[start + i] = before == 'A' ? 'Q' : 'A';
        assert_false(media_url_read(urls, token, &ref));
        url.data[start + i] = before;
    }
    assert_true(media_url_read(urls, token, &ref));
    media_urls_free(urls);
    media_urls_free(foreign);
}

static void expiry_by_default(void **state)
{
    struct media_urls *urls = media_urls_new(&key, "");
    AUTO(buf_done) struct buf url;
    struct media_ref ref = sample;
    buf_init(&url, 0);
    ref.expires_s = 0;
    int64_t now = clock_now_ns() / NS_PER_SEC;
    media_url_write(urls, &ref, &url);
    assert_true(media_url_parse(urls, buf_str(&url), &ref));
    assert_in_range(ref.expires_s - now, MEDIA_URL_SECONDS, MEDIA_URL_SECONDS + 10);
    media_urls_free(urls);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(nothing_else),
        cmocka_unit_test(expiry_by_default),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
