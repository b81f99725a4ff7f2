/* Components with values larger than what stays in memory: what they get, make and send. */
#include "component_fixture.h"
#include "http_server_fixture.h"
#include "secret.h"

#define LARGE (MIB(3) + 4321)

static struct http_server server;
static struct address_policy loopback;
static struct spill_disk *disk;

static void start(struct action_context *ctx)
{
    fixture_init(ctx);
    ctx->http = http_client_new(&(struct http_client_options){.policy = &loopback});
    ctx->spills.disk = disk;
}

static struct str noise(size_t n)
{
    char *bytes = mem_alloc(n);
    uint32_t x = 2463534242;
    for (size_t i = 0; i < n; i++) {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        bytes[i] = (char)(x >> 11);
    }
    return str_n(bytes, n);
}

static bool is_spilled(struct action_context *ctx, struct str bytes)
{
    struct json v = json_binary(bytes);
    return spill_copy(&ctx->spills, ctx->arena, v, 0).str == bytes.ptr;
}

static int run(struct action_context *ctx, const char *name, const char *key, struct json value,
               const char *more)
{
    struct json inputs = fixture_json(ctx, more);
    struct json_builder b;
    json_build_object(&b, ctx->arena);
    json_set(&b, str_of(key), value);
    for (uint32_t i = 0; i < inputs.len; i++) {
        json_set(&b, inputs.members[i].key, inputs.members[i].value);
    }
    return fixture_run_value(ctx, name, json_built(&b));
}

static struct str data_of(struct action_context *ctx)
{
    struct json data = json_get(ctx->result.data, STR("data"));
    return json_as_str(data.type == JSON_UNDEFINED ? ctx->result.data : data);
}

static void bodies_of_responses(void **state)
{
    static const char *const types[] = {"binary", "text", "json"};
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        struct action_context ctx;
        start(&ctx);
        const char *url = arena_printf(ctx.arena, "%s/big/%zu", server.url, LARGE);
        const char *more = arena_printf(ctx.arena, "{\"responseType\": \"%s\"}", types[i]);
        assert_int_equal(run(&ctx, "http.httpGet", "url", json_cstr(url), more), 0);
        struct str got = data_of(&ctx);
        assert_int_equal(got.len, LARGE);
        assert_true(got.ptr[0] == 'x' && got.ptr[LARGE - 1] == 'x');
        assert_true(is_spilled(&ctx, got));
        assert_int_equal(ctx.spills.n, 1);
        assert_true(arena_used(ctx.arena) < KIB(64));
        fixture_done(&ctx);
    }
}

static void bodies_of_requests(void **state)
{
    struct str sent = noise(LARGE);
    struct action_context ctx;
    start(&ctx);
    const char *more =
        arena_printf(ctx.arena, "{\"url\": \"%s/echo\", \"responseType\": \"binary\"}", server.url);
    assert_int_equal(run(&ctx, "http.httpPost", "data", json_binary(sent), more), 0);
    struct str got = data_of(&ctx);
    assert_true(str_ends(got, sent));
    assert_true(arena_used(ctx.arena) < KIB(64));
    /* as a file of a form, with a redirect that sends it again */
    struct json_member file[] = {{STR("data"), json_binary(sent)},
                                 {STR("contentType"), json_cstr("image/png")}};
    struct json_member files[] = {{STR("one"), json_object(file, 2)}, {STR("two"), json_cstr("2")}};
    more = arena_printf(ctx.arena,
                        "{\"url\": \"%s/to?%s/echo\", \"responseType\": \"binary\", "
                        "\"maxRedirects\": 2, \"httpMethod\": \"POST\"}",
                        server.url, server.url);
    assert_int_equal(run(&ctx, "http.httpPostFormData", "fileData", json_object(files, 2), more),
                     0);
    got = data_of(&ctx);
    ptrdiff_t at = str_find(got, STR("image/png\r\n\r\n"), 0);
    assert_true(at > 0);
    size_t from = (size_t)at + 13;
    assert_true(got.len - from > LARGE && memcmp(got.ptr + from, sent.ptr, LARGE) == 0);
    assert_true(str_starts(str_n(got.ptr + from + LARGE, 100), STR("\r\n--leat-")));
    assert_true(str_find(got, STR("\r\n\r\n2\r\n--leat-"), from) > 0);
    fixture_done(&ctx);
    mem_free((void *)(uintptr_t)sent.ptr);
}

static void encodings(void **state)
{
    static const struct {
        const char *there, *key, *back, *back_key;
    } rows[] = {
        {"text-manipulation.encodeBase64", "text", "text-manipulation.decodeBase64", "text"},
        {"zip.compressGzip", "fileData", "zip.decompressGzip", "gzipFileData"},
        {"zip.compressDeflate", "fileData", "zip.decompressDeflate", "deflatedData"},
    };
    struct str sent = noise(LARGE);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct action_context ctx;
        start(&ctx);
        assert_int_equal(run(&ctx, rows[i].there, rows[i].key, json_binary(sent), "{}"), 0);
        struct json packed = ctx.result.data;
        assert_true(is_spilled(&ctx, data_of(&ctx)));
        assert_int_equal(run(&ctx, rows[i].back, rows[i].back_key, packed, "{}"), 0);
        assert_true(str_eq(data_of(&ctx), sent));
        assert_true(is_spilled(&ctx, data_of(&ctx)));
        assert_true(arena_used(ctx.arena) < KIB(64));
        fixture_done(&ctx);
    }
    mem_free((void *)(uintptr_t)sent.ptr);
}

static void archives(void **state)
{
    struct str sent = noise(LARGE);
    struct action_context ctx;
    start(&ctx);
    struct json_member files[] = {{STR("a.bin"), json_binary(sent)},
                                  {STR("b.txt"), json_cstr("small")},
                                  {STR("c.bin"), json_binary(str_n(sent.ptr, MIB(2)))}};
    assert_int_equal(run(&ctx, "zip.zip", "files", json_object(files, 3), "{}"), 0);
    assert_true(is_spilled(&ctx, data_of(&ctx)));
    assert_int_equal(run(&ctx, "zip.unzip", "zipFileData", ctx.result.data, "{}"), 0);
    struct json list = ctx.result.data;
    assert_int_equal(list.len, 3);
    for (uint32_t i = 0; i < 3; i++) {
        struct str data = json_as_str(json_get(list.items[i], STR("data")));
        assert_true(str_eq(data, json_as_str(files[i].value)));
    }
    assert_int_equal(ctx.spills.n, 2);
    assert_true(arena_used(ctx.arena) < KIB(64));
    fixture_done(&ctx);
    mem_free((void *)(uintptr_t)sent.ptr);
}

static void what_does_not_fit(void **state)
{
    struct spill_disk *small = NULL;
    struct str sent = noise(LARGE);
    assert_int_equal(spill_disk_new(&small, "", MIB(2), NULL), 0);
    static const char *const actions[][2] = {{"text-manipulation.encodeBase64", "text"},
                                             {"zip.compressGzip", "fileData"}};
    struct action_context ctx;
    for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
        start(&ctx);
        ctx.spills.disk = small;
        assert_int_equal(run(&ctx, actions[i][0], actions[i][1], json_binary(sent), "{}"), -ENOSPC);
        assert_string_equal(ctx.err.code, "spill.worker");
        fixture_done(&ctx);
    }
    start(&ctx);
    ctx.spills.disk = small;
    const char *url = arena_printf(ctx.arena, "%s/big/%zu", server.url, LARGE);
    assert_int_equal(run(&ctx, "http.httpGet", "url", json_cstr(url), "{}"), -ENOSPC);
    assert_string_equal(ctx.err.code, "spill.worker");
    struct json_member file = {STR("a.bin"), json_binary(sent)};
    assert_int_equal(run(&ctx, "zip.zip", "files", json_object(&file, 1), "{}"), -ENOSPC);
    assert_string_equal(ctx.err.code, "spill.worker");
    assert_int_equal(spill_disk_used(small), 0);
    fixture_done(&ctx);
    spill_disk_free(small);
    mem_free((void *)(uintptr_t)sent.ptr);
}

static void base64_is_refused_within(void **state)
{
    struct action_context ctx;
    start(&ctx);
    char *text = arena_alloc(ctx.arena, KIB(100));
    memset(text, 'A', KIB(100));
    struct json v = json_str(str_n(text, KIB(100)));
    assert_int_equal(run(&ctx, "text-manipulation.decodeBase64", "text", v, "{}"), 0);
    assert_int_equal(data_of(&ctx).len, KIB(100) / 4 * 3);
    static const struct {
        size_t at;
        const char *text;
    } broken[] = {{KIB(48) - 1, "="}, {KIB(60), "*"}, {KIB(48) - 2, "=="}, {0, " "}};
    for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
        memset(text, 'A', KIB(100));
        memcpy(text + broken[i].at, broken[i].text, strlen(broken[i].text));
        v = json_str(str_n(text + (broken[i].at == 0), KIB(100) - (broken[i].at == 0)));
        int rc = run(&ctx, "text-manipulation.decodeBase64", "text", v, "{}");
        assert_int_equal(rc, broken[i].at ? -EINVAL : 0);
    }
    fixture_done(&ctx);
}

int main(void)
{
    struct err err = {0};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies_of_responses), cmocka_unit_test(bodies_of_requests),
        cmocka_unit_test(encodings),           cmocka_unit_test(archives),
        cmocka_unit_test(what_does_not_fit),   cmocka_unit_test(base64_is_refused_within),
    };
    if (address_policy_parse(STR("127.0.0.0/8"), &loopback, &err) < 0 ||
        spill_disk_new(&disk, "", MIB(200), &err) < 0) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    server_start(&server);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    server_stop(&server);
    if (spill_disk_used(disk) != 0) {
        fprintf(stderr, "values were not given back\n");
        failed++;
    }
    spill_disk_free(disk);
    return failed;
}
