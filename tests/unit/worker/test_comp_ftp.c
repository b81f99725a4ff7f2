/* The FTP component with real servers: a plain one, one of old ways, one with TLS. */
#include "peer_fixture.h"

#include "components/ftp/ftp_listing.h"
#include "components/remote_file.h"

static struct peer server;

#define FIELDS(port)                                                                               \
    "'connection': {'key': 'basic', 'fields': {'host': '127.0.0.1', 'port': '" port                \
    "', 'username': 'me', 'password': '" PEER_PASSWORD "'"
#define PLAIN FIELDS("$plain") "}}"
#define OLD   FIELDS("$old") "}}"
#define TLS   FIELDS("$tls") ", 'secure': 'true', 'ignoreSslErrors': 'true'}}"

static void files_come_and_go(void **state)
{
    static const char *const connections[] = {PLAIN, OLD, TLS};
    static const struct {
        const char *name, *inputs, *result;
    } rows[] = {
        {"ftp.createDirectory", ", 'path': '/a b/c'", "\"/a b/c\""},
        {"ftp.createDirectory", ", 'path': '/a b/c'", "\"/a b/c\""},
        {"ftp.createDirectory", ", 'path': '/a b/d', 'recursive': 'false'", "\"/a b/d\""},
        {"ftp.writeFile", ", 'outputPath': '/a b/c/x;y%20.csv', 'data': 'id\\n\u00e4\\n'", "null"},
        {"ftp.readFile", ", 'inputPath': '/a b/c/x;y%20.csv'",
         "{\"data\":\"id\\n\u00e4\\n\",\"contentType\":\"text/csv\"}"},
        {"ftp.readFile", ", 'inputPath': 'a b/c/x;y%20.csv', 'returnBuffer': true",
         "{\"data\":\"aWQKw6QK\",\"contentType\":\"application/octet-stream\"}"},
        {"ftp.writeFile",
         ", 'outputPath': '/a b/e.bin', 'data': {'data': '', 'contentType': 'text/plain'}", "null"},
        {"ftp.readFile", ", 'inputPath': '/a b/e.bin'",
         "{\"data\":\"\",\"contentType\":\"application/octet-stream\"}"},
        {"ftp.moveFile", ", 'sourcePath': '/a b/e.bin', 'destinationPath': '/a b/d/f'", "null"},
        {"ftp.deleteFile", ", 'path': '/a b/d/f'", "null"},
        {"ftp.listDirectory", ", 'path': '/a b/d'", "[]"},
        {"ftp.deleteFile", ", 'path': '/a b/c/x;y%20.csv'", "null"},
    };
    for (size_t k = 0; k < ARRAY_LEN(connections); k++) {
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
            struct action_context ctx;
            peer_context(&ctx);
            const char *inputs = arena_printf(ctx.arena, "{%s%s}", connections[k], rows[i].inputs);
            peer_expect(&ctx, peer_run(&server, &ctx, rows[i].name, inputs), rows[i].result);
            fixture_done(&ctx);
        }
        struct action_context ctx;
        peer_context(&ctx);
        const char *home = peer_value(&server, ctx.arena, "home");
        assert_int_equal(rmdir(arena_printf(ctx.arena, "%s/a b/c", home)), 0);
        assert_int_equal(rmdir(arena_printf(ctx.arena, "%s/a b/d", home)), 0);
        assert_int_equal(rmdir(arena_printf(ctx.arena, "%s/a b", home)), 0);
        fixture_done(&ctx);
    }
}

static void directories_are_listed(void **state)
{
    static const char *const connections[] = {PLAIN, OLD, TLS};
    for (size_t k = 0; k < ARRAY_LEN(connections); k++) {
        struct action_context ctx;
        peer_context(&ctx);
        assert_int_equal(
            peer_run(&server, &ctx, "ftp.createDirectory",
                     arena_printf(ctx.arena, "{%s, 'path': '/in/sub'}", connections[k])),
            0);
        assert_int_equal(
            peer_run(&server, &ctx, "ftp.writeFile",
                     arena_printf(ctx.arena, "{%s, 'outputPath': '/in/a b.txt', 'data': '12345'}",
                                  connections[k])),
            0);
        int rc = peer_run(&server, &ctx, "ftp.listDirectory",
                          arena_printf(ctx.arena, "{%s, 'path': '/in'}", connections[k]));
        assert_int_equal(rc, 0);
        assert_int_equal(ctx.result.data.len, 2);
        bool first =
            str_eq(json_as_str(json_get(ctx.result.data.items[0], STR("name"))), STR("a b.txt"));
        struct json file = ctx.result.data.items[first ? 0 : 1];
        struct json folder = ctx.result.data.items[first ? 1 : 0];
        assert_true(str_eq(json_as_str(json_get(file, STR("name"))), STR("a b.txt")));
        assert_true(json_get(file, STR("size")).num == 5);
        assert_true(json_get(file, STR("type")).num == 1);
        assert_int_equal(json_get(file, STR("isFile")).type, JSON_TRUE);
        assert_true(json_as_str(json_get(file, STR("rawModifiedAt"))).len > 0);
        assert_true(str_eq(json_as_str(json_get(folder, STR("name"))), STR("sub")));
        assert_true(json_get(folder, STR("type")).num == 2);
        assert_int_equal(json_get(folder, STR("isDirectory")).type, JSON_TRUE);
        fixture_done(&ctx);
    }
}

static int look(struct action_context *ctx, const char *connection, const char *more)
{
    int rc = peer_run(&server, ctx, "ftp.newOrModifiedFiles",
                      arena_printf(ctx->arena, "{%s, 'path': '/watch'%s}", connection, more));
    if (rc != 0) {
        fail_msg("%s: %s", connection, ctx->err.message);
    }
    return rc;
}

static void changes_are_found_once(void **state)
{
    static const char *const connections[] = {PLAIN, OLD, TLS};
    for (size_t k = 0; k < ARRAY_LEN(connections); k++) {
        struct action_context ctx;
        peer_context(&ctx);
        const char *own = connections[k], *path = arena_printf(ctx.arena, "/watch/%zu/sub", k);
        const char *dir = arena_printf(ctx.arena, "{%s, 'path': '%s'}", own, path);
        assert_int_equal(peer_run(&server, &ctx, "ftp.createDirectory", dir), 0);
        const char *file =
            arena_printf(ctx.arena, "{%s, 'outputPath': '%s/a b', 'data': '12345'}", own, path);
        assert_int_equal(peer_run(&server, &ctx, "ftp.writeFile", file), 0);
        look(&ctx, own, "");
        assert_string_equal(ctx.result.result_type, "POLLED_NO_CHANGES");
        look(&ctx, own, ", 'includeSubdirectories': 'true', 'pattern': '*.csv'");
        assert_string_equal(ctx.result.result_type, "POLLED_NO_CHANGES");
        look(&ctx, own, ", 'includeSubdirectories': 'true'");
        assert_null(ctx.result.result_type);
        struct json data = json_get(json_get(ctx.result.data, STR("body")), STR("data"));
        struct json files = json_get(data, STR("newFiles"));
        assert_int_equal(files.len, k + 1); /* of the servers before, too */
        struct json last = files.items[k];
        assert_true(str_eq(json_as_str(json_get(last, STR("path"))),
                           str_of(arena_printf(ctx.arena, "%s/a b", path))));
        assert_true(json_get(last, STR("size")).num == 5);
        double modified = json_get(last, STR("modifiedAt")).num;
        assert_true(k == 1 ? modified == 0 : modified > 1.7e12);
        assert_int_equal(json_get(data, STR("modifiedFiles")).len, 0);
        file = arena_printf(ctx.arena, "{%s, 'outputPath': '%s/a b', 'data': '1'}", own, path);
        assert_int_equal(peer_run(&server, &ctx, "ftp.writeFile", file), 0);
        look(&ctx, own, ", 'includeSubdirectories': 'true'");
        data = json_get(json_get(ctx.result.data, STR("body")), STR("data"));
        assert_int_equal(json_get(data, STR("newFiles")).len, 0);
        assert_int_equal(json_get(data, STR("modifiedFiles")).len, 1);
        look(&ctx, own, ", 'includeSubdirectories': 'true'");
        assert_string_equal(ctx.result.result_type, "POLLED_NO_CHANGES");
        fixture_done(&ctx);
    }
}

static void failures_are_told(void **state)
{
    static const struct {
        const char *name, *inputs, *code, *words;
    } rows[] = {
        {"ftp.readFile", "{" PLAIN "}", "input.invalid", "Path (inputPath): has no value"},
        {"ftp.readFile", "{" PLAIN ", 'inputPath': 'a\\r\\nDELE b'}", "input.invalid",
         "must not hold line breaks"},
        {"ftp.deleteFile", "{" PLAIN ", 'path': 'a\\nQUIT'}", "input.invalid", "line breaks"},
        {"ftp.readFile", "{'inputPath': 'x'}", "input.invalid", "Connection (connection)"},
        {"ftp.readFile",
         "{'inputPath': 'x', 'connection': {'fields': {'host': '127.0.0.1', 'secure': 'maybe'}}}",
         "input.invalid", "\"secure\" must be true or false"},
        {"ftp.readFile",
         "{'inputPath': 'x', 'connection': {'fields': {'host': '127.0.0.1', 'port': '$plain', "
         "'username': 'me\\r\\nQUIT', 'password': 'x'}}}",
         "ftp.input", "line breaks"},
        {"ftp.readFile", "{" PLAIN ", 'inputPath': '/none'}", "ftp.answer", "550"},
        {"ftp.listDirectory", "{" PLAIN ", 'path': '/none'}", "ftp.answer", "501"},
        {"ftp.listDirectory", "{" OLD ", 'path': '/none'}", "ftp.answer", "550"},
        {"ftp.moveFile", "{" PLAIN ", 'sourcePath': '/none', 'destinationPath': '/x'}",
         "ftp.answer", "550"},
        {"ftp.deleteFile", "{" PLAIN ", 'path': '/none'}", "ftp.answer", "550"},
        {"ftp.createDirectory", "{" PLAIN ", 'path': '/none/x', 'recursive': 'false'}",
         "ftp.answer", "550"},
        {"ftp.readFile",
         "{'inputPath': 'x', 'connection': {'fields': {'host': '127.0.0.1', 'port': '$plain', "
         "'username': 'me', 'password': 'wrong'}}}",
         "ftp.login", "does not accept"},
        {"ftp.readFile",
         "{'inputPath': 'x', 'connection': {'fields': {'host': '127.0.0.1', 'port': '$tls', "
         "'username': 'me', 'password': '" PEER_PASSWORD "', 'secure': 'true'}}}",
         "ftp.tls", "certificate"},
        {"ftp.readFile",
         "{'inputPath': 'x', 'connection': {'fields': {'host': '127.0.0.1', 'port': '$plain', "
         "'username': 'me', 'password': '" PEER_PASSWORD "', 'secure': 'true'}}}",
         "ftp.tls", ""},
        {"ftp.readFile",
         "{'inputPath': 'x', 'connection': {'fields': {'host': '169.254.169.254'}}}", "ftp.refused",
         "metadata"},
        {"ftp.readFile",
         "{'inputPath': 'x', 'connection': {'fields': {'host': '127.0.0.1', 'port': '1'}}}",
         "ftp.connect", "No connection"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct action_context ctx;
        peer_context(&ctx);
        int rc = peer_run(&server, &ctx, rows[i].name, rows[i].inputs);
        peer_expect_error(&ctx, rc, rows[i].code, rows[i].words);
        fixture_done(&ctx);
    }
}

static void large_files_are_refused(void **state)
{
    struct action_context ctx;
    peer_context(&ctx);
    const char *home = peer_value(&server, ctx.arena, "home");
    FILE *f = fopen(arena_printf(ctx.arena, "%s/big", home), "w");
    assert_non_null(f);
    assert_int_equal(ftruncate(fileno(f), (off_t)MIB(3)), 0);
    fclose(f);
    assert_int_equal(peer_run(&server, &ctx, "ftp.readFile", "{" PLAIN ", 'inputPath': '/big'}"),
                     0);
    (void)arena_alloc(ctx.arena, arena_room(ctx.arena) - MIB(4));
    int rc = peer_run(&server, &ctx, "ftp.readFile", "{" PLAIN ", 'inputPath': '/big'}");
    peer_expect_error(&ctx, rc, "ftp.too_large", "larger than");
    ctx.deadline = clock_mono_ns() - 1;
    rc = peer_run(&server, &ctx, "ftp.readFile", "{" PLAIN ", 'inputPath': '/big'}");
    peer_expect_error(&ctx, rc, "ftp.timeout", "in time");
    fixture_done(&ctx);
}

static void lists_of_all_kinds_are_read(void **state)
{
    static const struct {
        bool facts;
        const char *text, *result;
    } rows[] = {
        {true, "Type=cdir; .\r\ntype=pdir; ..\r\nnonsense\r\n\r\ntype=dir; d\r\n",
         "[{\"name\":\"d\",\"type\":2,\"size\":0,\"rawModifiedAt\":\"\",\"isDirectory\":true,"
         "\"isFile\":false,\"isSymbolicLink\":false}]"},
        {true, "Type=file;Size=7;Modify=20260102030405.6;UNIX.mode=0640;UNIX.owner=u; a = b; c\n",
         "[{\"name\":\"a = b; c\",\"type\":1,\"size\":7,\"rawModifiedAt\":\"20260102030405.6\","
         "\"modifiedAt\":\"2026-01-02T03:04:05.600Z\",\"permissions\":{\"user\":6,\"group\":4,"
         "\"world\":0},\"user\":\"u\",\"isDirectory\":false,\"isFile\":true,\"isSymbolicLink\":"
         "false}]"},
        {false, "total 4\r\nlrwxrwxrwx   1 root     wheel  5 Jan  1  2020 l -> a b\r\n",
         "[{\"name\":\"l\",\"type\":3,\"size\":5,\"rawModifiedAt\":\"Jan  1  2020\","
         "\"permissions\":{\"user\":7,\"group\":7,\"world\":7},\"user\":\"root\",\"group\":"
         "\"wheel\",\"link\":\"a b\",\"isDirectory\":false,\"isFile\":false,\"isSymbolicLink\":"
         "true}]"},
        {false, "-rw-r-----   1 u      12 Jan 23 16:38  x",
         "[{\"name\":\" x\",\"type\":1,\"size\":12,\"rawModifiedAt\":\"Jan 23 16:38\","
         "\"permissions\":{\"user\":6,\"group\":4,\"world\":0},\"user\":\"u\",\"isDirectory\":"
         "false,\"isFile\":true,\"isSymbolicLink\":false}]"},
        {false, "-rw-r--r-- 1 u g 7 2026-01-23 16:38 x\n-rw-r--r-- 1 u 7 2026-01-23 16:38 y z",
         "[{\"name\":\"x\",\"type\":1,\"size\":7,\"rawModifiedAt\":\"2026-01-23 16:38\","
         "\"permissions\":{\"user\":6,\"group\":4,\"world\":4},\"user\":\"u\",\"group\":\"g\","
         "\"isDirectory\":false,\"isFile\":true,\"isSymbolicLink\":false},"
         "{\"name\":\"y z\",\"type\":1,\"size\":7,\"rawModifiedAt\":\"2026-01-23 16:38\","
         "\"permissions\":{\"user\":6,\"group\":4,\"world\":4},\"user\":\"u\","
         "\"isDirectory\":false,\"isFile\":true,\"isSymbolicLink\":false}]"},
        {false, "01-23-26  04:38PM       <DIR>          w in\r\n",
         "[{\"name\":\"w in\",\"type\":2,\"size\":0,\"rawModifiedAt\":\"01-23-26  04:38PM\","
         "\"isDirectory\":true,\"isFile\":false,\"isSymbolicLink\":false}]"},
        {false, "-\r\nd--------- 1\r\n01-23-26\r\n-rw-r--r-- 1 u g 1 Jan 1 1:1 .\r\n", "[]"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(arena_free) struct arena *a = arena_new(0, MIB(1));
        AUTO(buf_done) struct buf text = {0};
        buf_init(&text, 0);
        json_dump(&text, rows[i].facts ? ftp_listing_facts(a, str_of(rows[i].text))
                                       : ftp_listing_lines(a, str_of(rows[i].text)));
        if (!str_eq(buf_str(&text), str_of(rows[i].result))) {
            fail_msg("%s: %s instead of %s", rows[i].text, text.data, rows[i].result);
        }
    }
    AUTO(arena_free) struct arena *a = arena_new(0, KIB(200));
    AUTO(buf_done) struct buf many = {0};
    buf_init(&many, 0);
    for (int i = 0; i < 1000; i++) {
        buf_adds(&many, "; a\n");
    }
    assert_int_equal(ftp_listing_facts(a, buf_str(&many)).type, JSON_UNDEFINED);
}

static void names_are_matched(void **state)
{
    static const struct {
        const char *pattern, *name;
        bool fits;
    } rows[] = {
        {"", "x", true},          {"*", "x.csv", true},
        {"*.csv", "x.csv", true}, {"*.csv", "x.csv2", false},
        {"?.c*v", "x.csv", true}, {"[a-c]x", "bx", true},
        {"[!a-c]x", "bx", false}, {"[^a-c]x", "dx", true},
        {"[]]x", "]x", true},     {"[x", "[x", true},
        {"a*b*c", "aXbYc", true}, {"a*b*c", "aXbY", false},
        {"*", ".hidden", false},  {".*", ".hidden", true},
        {"", "", true},           {"*", "", true},
        {"?", "", false},         {"x", "", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (remote_file_matches(str_of(rows[i].pattern), str_of(rows[i].name)) != rows[i].fits) {
            fail_msg("%s and %s", rows[i].pattern, rows[i].name);
        }
    }
    char pattern[200], name[250];
    for (size_t i = 0; i < sizeof(pattern); i++) {
        pattern[i] = i % 2 ? 'a' : '*';
    }
    memset(name, 'a', sizeof(name));
    name[sizeof(name) - 1] = 'b';
    assert_false(remote_file_matches(str_n(pattern, sizeof(pattern)), str_n(name, sizeof(name))));
}

static int start(void **state)
{
    peer_start(&server, "ftp");
    return 0;
}

static int stop(void **state)
{
    peer_stop(&server);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_come_and_go),       cmocka_unit_test(directories_are_listed),
        cmocka_unit_test(changes_are_found_once),  cmocka_unit_test(failures_are_told),
        cmocka_unit_test(large_files_are_refused), cmocka_unit_test(lists_of_all_kinds_are_read),
        cmocka_unit_test(names_are_matched),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
