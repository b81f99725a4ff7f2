/* zip: streams and archives both ways, damaged ones, and such as claim or hold too much. */
#include "component_fixture.h"

#define Z "zip."

static int run_data(struct action_context *ctx, const char *name, const char *key, struct json v)
{
    struct json_member in = {str_of(key), v};
    return fixture_run_value(ctx, name, json_object(&in, 1));
}

static struct str data_of(struct json file)
{
    return json_as_str(json_get(file, STR("data")));
}

static struct json bytes_of(const struct buf *b)
{
    return json_binary(buf_str(b));
}

static void examples_are_true(void **state)
{
    static const struct action_case cases[] = {
        {Z "compressDeflate", "{\"fileData\": \"hello\"}",
         "{\"data\":\"eJzLSM3JyQcABiwCFQ==\",\"contentType\":\"application/zlib\"}"},
        {Z "compressGzip", "{\"fileData\": \"hello\"}",
         "{\"data\":\"H4sIAAAAAAAAA8tIzcnJBwCGphA2BQAAAA==\",\"contentType\":"
         "\"application/gzip\"}"},
        {Z "compressGzip", "{\"fileData\": \"x\", \"level\": \"10\"}", NULL, "Level (level)"},
        {Z "compressDeflate", "{\"fileData\": \"x\", \"format\": \"lzma\"}", NULL,
         "must be zlib or raw"},
        {Z "decompressGzip", "{\"gzipFileData\": \"plain\"}", NULL,
         "Gzip File Data (gzipFileData): is not compressed data of this format"},
        {Z "decompressGzip", "{}", NULL, "has no value"},
        {Z "decompressGzip",
         "{\"gzipFileData\": {\"data\": \"\", \"contentType\": \"application/gzip\"}}", NULL,
         "ends too early"},
        {Z "unzip", "{\"zipFileData\": \"plain\"}", NULL,
         "Zip File Data (zipFileData): is not a ZIP archive, or is damaged"},
        {Z "unzip", "{}", NULL, "has no value"},
        {Z "unzip", "{\"zipFileData\": {\"data\": \"\", \"contentType\": \"application/zip\"}}",
         NULL, "it has no bytes"},
        {Z "zip", "{}", NULL, "Files (files): has no value"},
        {Z "zip", "{\"files\": {}}", NULL, "at least one file"},
        {Z "zip", "{\"files\": \"a\"}", NULL, "must be an object"},
        {Z "zip", "{\"files\": [{\"name\": \"a\"}]}", NULL, "item 1 must be {name, data}"},
        {Z "zip", "{\"files\": [\"a\"]}", NULL, "item 1 must be {name, data}"},
        {Z "zip", "{\"files\": {\"\": \"x\"}}", NULL, "cannot be the name of a file"},
        {Z "zip", "{\"files\": {\"a\\u0000b\": \"x\"}}", NULL, "cannot be the name of a file"},
        {Z "zip",
         "{\"files\": [{\"name\": \"a\", \"data\": \"x\"}, {\"name\": \"a\", \"data\": \"y\"}]}",
         NULL, "\"a\" cannot be put into the archive"},
    };
    fixture_check(cases, ARRAY_LEN(cases));
}

static void streams_come_back(void **state)
{
    static const struct {
        const char *to, *from, *key, *format;
    } rows[] = {
        {Z "compressGzip", Z "decompressGzip", "gzipFileData", "zlib"},
        {Z "compressDeflate", Z "decompressDeflate", "deflatedData", "zlib"},
        {Z "compressDeflate", Z "decompressDeflate", "deflatedData", "raw"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (size_t size = 0; size < MIB(2); size = size * 7 + 1) {
            struct action_context ctx;
            fixture_init(&ctx);
            char *text = arena_alloc(ctx.arena, size);
            for (size_t k = 0; k < size; k++) {
                text[k] = (char)(k * k >> 7);
            }
            struct json_member in[] = {{STR("fileData"), json_binary(str_n(text, size))},
                                       {STR("format"), json_cstr(rows[i].format)}};
            assert_int_equal(fixture_run_value(&ctx, rows[i].to, json_object(in, 2)), 0);
            in[0] = (struct json_member){str_of(rows[i].key), ctx.result.data}; /* the file */
            struct str packed = data_of(ctx.result.data);
            assert_int_equal(fixture_run_value(&ctx, rows[i].from, json_object(in, 2)), 0);
            assert_true(str_eq(data_of(ctx.result.data), str_n(text, size)));
            assert_string_equal(ctx.result.content_type, "application/octet-stream");
            /* Cut off, and followed by more. */
            in[0].value = json_binary(str_n(packed.ptr, packed.len - 1));
            assert_int_equal(fixture_run_value(&ctx, rows[i].from, json_object(in, 2)), -EINVAL);
            char *longer = arena_strndup(ctx.arena, packed.ptr, packed.len);
            longer[packed.len] = '?'; /* in place of the NUL */
            in[0].value = json_binary(str_n(longer, packed.len + 1));
            assert_int_equal(fixture_run_value(&ctx, rows[i].from, json_object(in, 2)), -EINVAL);
            assert_non_null(strstr(ctx.err.message, "has 1 bytes after the end"));
            fixture_done(&ctx);
        }
    }
}

static void a_stream_that_grows_is_stopped(void **state)
{
    struct action_context ctx;
    fixture_init(&ctx);
    char *zeros = mem_zalloc(MIB(40));
    assert_int_equal(
        run_data(&ctx, Z "compressGzip", "fileData", json_binary(str_n(zeros, MIB(40)))), 0);
    mem_free(zeros);
    struct str one = data_of(ctx.result.data);
    assert_true(one.len < KIB(64));
    AUTO(buf_done) struct buf two;
    buf_init(&two, 0);
    buf_add_str(&two, one);
    assert_int_equal(run_data(&ctx, Z "decompressGzip", "gzipFileData", bytes_of(&two)), 0);
    assert_int_equal(data_of(ctx.result.data).len, MIB(40));
    buf_add_str(&two, one);
    assert_int_equal(run_data(&ctx, Z "decompressGzip", "gzipFileData", bytes_of(&two)), -EINVAL);
    assert_non_null(strstr(ctx.err.message, "holds more than 64 MB"));
    fixture_done(&ctx);
    /* What the execution has no memory for is refused, too. */
    fixture_init(&ctx);
    (void)arena_alloc(ctx.arena, MIB(40));
    two.len /= 2;
    assert_int_equal(run_data(&ctx, Z "decompressGzip", "gzipFileData", bytes_of(&two)), -ENOMEM);
    fixture_done(&ctx);
}

/* --- archives -------------------------------------------------------------------------------- */

static void archives_come_back(void **state)
{
    struct action_context ctx;
    fixture_init(&ctx);
    assert_int_equal(fixture_run(&ctx, Z "zip",
                                 "{\"files\": {\"a.txt\": \"Hello\", \"../../etc/passwd\": "
                                 "{\"data\": \"x\", \"contentType\": \"text/plain\"}, "
                                 "\"/d/\\u00e9.JSON\": {\"k\": [1]}, \"empty\": null, \"f/\": "
                                 "\"\"}}"),
                     0);
    assert_string_equal(ctx.result.content_type, "application/zip");
    struct json archive = ctx.result.data;
    assert_int_equal(run_data(&ctx, Z "unzip", "zipFileData", archive), 0);
    assert_string_equal(
        fixture_result(&ctx),
        "[{\"name\":\"a.txt\",\"data\":\"SGVsbG8=\",\"contentType\":\"text/plain\"},"
        "{\"name\":\"../../etc/passwd\",\"data\":\"eA==\",\"contentType\":"
        "\"application/octet-stream\"},{\"name\":\"/d/\xC3\xA9.JSON\",\"data\":\"eyJrIjpbMV19\","
        "\"contentType\":\"application/json\"},{\"name\":\"empty\",\"data\":\"\",\"contentType\":"
        "\"application/octet-stream\"}]");
    /* The list can be put into an archive again, and its items are files for other steps. */
    struct json list = ctx.result.data;
    assert_int_equal(run_data(&ctx, Z "zip", "files", list), 0);
    assert_int_equal(run_data(&ctx, Z "unzip", "zipFileData", ctx.result.data), 0);
    assert_true(json_equal(list, ctx.result.data));
    fixture_done(&ctx);
}

static size_t offset_of(const struct buf *b, const char *signature)
{
    ptrdiff_t at = str_find(buf_str(b), str_n(signature, 4), 0);
    assert_true(at >= 0);
    return (size_t)at;
}

static void put(struct buf *b, size_t at, uint32_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        b->data[at + i] = (char)(value >> 8 * i);
    }
}

/* An archive of one file, to be spoilt. */
static void one_file(struct action_context *ctx, struct buf *b, struct json content)
{
    buf_init(b, 0);
    struct json_member file = {STR("a.txt"), content};
    assert_int_equal(run_data(ctx, Z "zip", "files", json_object(&file, 1)), 0);
    buf_add_str(b, data_of(ctx->result.data));
}

#define DIRECTORY "PK\1\2"
#define END       "PK\5\6"

/* The directory names the same file n times, which costs 51 bytes each. */
static void repeat_entry(struct buf *b, uint32_t n)
{
    size_t from = offset_of(b, DIRECTORY), end = offset_of(b, END), len = end - from;
    struct buf all;
    buf_init(&all, 0);
    buf_add(&all, b->data, from);
    for (uint32_t i = 0; i < n; i++) {
        buf_add(&all, b->data + from, len);
    }
    size_t at = all.len;
    buf_add(&all, b->data + end, b->len - end);
    put(&all, at + 8, n, 2);
    put(&all, at + 10, n, 2);
    put(&all, at + 12, (uint32_t)(len * n), 4);
    buf_done(b);
    *b = all;
}

static void refuse(struct action_context *ctx, struct buf *b, const char *words)
{
    if (run_data(ctx, Z "unzip", "zipFileData", bytes_of(b)) != -EINVAL ||
        !strstr(ctx->err.message, words)) {
        fail_msg("\"%s\" instead of \"%s\"", ctx->err.message, words);
    }
    buf_done(b);
}

static void spoilt_archives_are_refused(void **state)
{
    struct action_context ctx;
    struct buf b;
    const struct json hello = json_cstr("Hello Hello Hello Hello Hello Hello");
    fixture_init(&ctx);
    one_file(&ctx, &b, hello);
    put(&b, offset_of(&b, DIRECTORY) + 24, 5, 4); /* claims less than it holds */
    refuse(&ctx, &b, "\"a.txt\" is damaged");
    one_file(&ctx, &b, hello);
    put(&b, offset_of(&b, DIRECTORY) + 24, 500, 4); /* or more */
    refuse(&ctx, &b, "\"a.txt\" is damaged");
    one_file(&ctx, &b, hello);
    put(&b, offset_of(&b, DIRECTORY) + 24, UINT32_MAX - 1, 4);
    refuse(&ctx, &b, "holds more than 64 MB");
    one_file(&ctx, &b, hello);
    put(&b, offset_of(&b, DIRECTORY) + 16, 7, 4); /* checksum */
    refuse(&ctx, &b, "\"a.txt\" is damaged");
    one_file(&ctx, &b, hello);
    put(&b, offset_of(&b, DIRECTORY) + 8, 1, 2); /* encrypted */
    refuse(&ctx, &b, "\"a.txt\" is encrypted");
    one_file(&ctx, &b, hello);
    put(&b, offset_of(&b, DIRECTORY) + 10, 14, 2); /* LZMA */
    refuse(&ctx, &b, "\"a.txt\" is compressed with method 14, which is not supported");
    one_file(&ctx, &b, hello);
    b.len -= 10;
    refuse(&ctx, &b, "is not a ZIP archive, or is damaged");
    one_file(&ctx, &b, hello);
    put(&b, offset_of(&b, DIRECTORY) + 42, 4000, 4); /* where the file lies */
    refuse(&ctx, &b, "\"a.txt\" is damaged");
    fixture_done(&ctx);
}

static void bombs_are_refused(void **state)
{
    struct action_context ctx;
    struct buf b;
    fixture_init(&ctx);
    char *zeros = mem_zalloc(MIB(20));
    one_file(&ctx, &b, json_binary(str_n(zeros, MIB(20))));
    mem_free(zeros);
    repeat_entry(&b, 3); /* 60 MB are within the bound, but not within this execution's memory */
    (void)arena_alloc(ctx.arena, MIB(30));
    assert_int_equal(run_data(&ctx, Z "unzip", "zipFileData", bytes_of(&b)), -ENOMEM);
    buf_done(&b);
    fixture_done(&ctx);
    fixture_init(&ctx);
    zeros = mem_zalloc(MIB(20));
    one_file(&ctx, &b, json_binary(str_n(zeros, MIB(20))));
    mem_free(zeros);
    repeat_entry(&b, 4);
    size_t used = arena_used(ctx.arena);
    refuse(&ctx, &b, "holds more than 64 MB");
    assert_true(arena_used(ctx.arena) - used < KIB(4)); /* before anything was decompressed */
#ifndef __SANITIZE_THREAD__ /* it walks over all that is left at each memmem: minutes */
    one_file(&ctx, &b, json_cstr("x"));
    repeat_entry(&b, 200000); /* not even opened */
    refuse(&ctx, &b, "has more than 10000 entries");
    one_file(&ctx, &b, json_cstr("x"));
    repeat_entry(&b, 10001);
    refuse(&ctx, &b, "has more than 10000 entries");
    one_file(&ctx, &b, json_cstr("x"));
    repeat_entry(&b, 10000);
    assert_int_equal(run_data(&ctx, Z "unzip", "zipFileData", bytes_of(&b)), 0);
    assert_int_equal(ctx.result.data.len, 10000);
#endif
    buf_done(&b);
    fixture_done(&ctx);
}

static void too_much_is_not_compressed(void **state)
{
    struct action_context ctx;
    fixture_init(&ctx);
    char *zeros = mem_zalloc(MIB(64) + 1);
    struct json big = json_binary(str_n(zeros, MIB(64) + 1));
    assert_int_equal(run_data(&ctx, Z "compressGzip", "fileData", big), -EINVAL);
    assert_non_null(strstr(ctx.err.message, "is larger than 64 MB"));
    assert_int_equal(run_data(&ctx, Z "decompressGzip", "gzipFileData", big), -EINVAL);
    assert_int_equal(run_data(&ctx, Z "unzip", "zipFileData", big), -EINVAL);
    struct json half = json_binary(str_n(zeros, MIB(32) + 1));
    const struct json_member files[] = {{STR("a"), half}, {STR("b"), half}};
    assert_int_equal(run_data(&ctx, Z "zip", "files", json_object(files, 2)), -EINVAL);
    assert_non_null(strstr(ctx.err.message, "are larger than 64 MB together"));
    mem_free(zeros);
    fixture_done(&ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(examples_are_true),
        cmocka_unit_test(streams_come_back),
        cmocka_unit_test(a_stream_that_grows_is_stopped),
        cmocka_unit_test(archives_come_back),
        cmocka_unit_test(spoilt_archives_are_refused),
        cmocka_unit_test(bombs_are_refused),
        cmocka_unit_test(too_much_is_not_compressed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
