/* The SFTP component with OpenSSH's server, and logging in by password with another. */
#include "peer_fixture.h"

static struct peer server;

/* The private key as it stands in a JSON text. */
static const char *key_text(struct action_context *ctx, const char *name)
{
    AUTO(buf_done) struct buf b = {0};
    buf_init(&b, KIB(16));
    FILE *f = fopen(
        arena_printf(ctx->arena, "%s/%s", peer_value(&server, ctx->arena, "folder"), name), "r");
    assert_non_null(f);
    for (int c; (c = fgetc(f)) != EOF;) {
        if (c == '\n') {
            buf_adds(&b, "\\n");
        } else {
            buf_addc(&b, (char)c);
        }
    }
    fclose(f);
    return arena_strdup(ctx->arena, b.data);
}

/* Runs with a connection by key, whose other fields are `fields`. */
static int run_with(struct action_context *ctx, const char *name, const char *key,
                    const char *fields, const char *inputs)
{
    const char *text = arena_printf(
        ctx->arena,
        "{'connection': {'key': 'privateKey', 'fields': {'host': '127.0.0.1', 'port': '$port', "
        "'username': '$user', 'privateKey': '%s'%s}}%s}",
        key_text(ctx, key), fields, inputs);
    return peer_run(&server, ctx, name, text);
}

static int run(struct action_context *ctx, const char *name, const char *inputs)
{
    return run_with(ctx, name, "user_key", ", 'hostKeyFingerprint': '$fingerprint'", inputs);
}

static void files_come_and_go(void **state)
{
    static const struct {
        const char *name, *inputs, *result;
    } rows[] = {
        {"createDirectory", ", 'path': '$home/a b/c/'", "\"$home/a b/c/\""},
        {"createDirectory", ", 'path': '$home/a b/c'", "\"$home/a b/c\""},
        {"createDirectory", ", 'path': '$home/d', 'recursive': 'false'", "\"$home/d\""},
        {"writeFile", ", 'outputPath': '$home/a b/x.csv', 'data': 'id\\n'", "\"$home/a b/x.csv\""},
        {"appendFile", ", 'outputPath': '$home/a b/x.csv', 'data': '\u00e4\\n'",
         "\"$home/a b/x.csv\""},
        {"appendFile", ", 'outputPath': '$home/a b/new.json', 'data': {'a': 1}",
         "\"$home/a b/new.json\""},
        {"readFile", ", 'inputPath': '$home/a b/x.csv'",
         "{\"data\":\"id\\n\u00e4\\n\",\"contentType\":\"text/csv\"}"},
        {"readFile", ", 'inputPath': '$home/a b/x.csv', 'returnBuffer': 'true'",
         "{\"data\":\"aWQKw6QK\",\"contentType\":\"application/octet-stream\"}"},
        {"fastGet", ", 'inputPath': '$home/a b/new.json'",
         "{\"data\":\"{\\\"a\\\":1}\",\"contentType\":\"application/json\"}"},
        {"listDirectory", ", 'path': '$home/a b'", "[\"new.json\",\"x.csv\"]"},
        {"listDirectory", ", 'path': '$home/a b', 'includeDirectories': true",
         "[\"c\",\"new.json\",\"x.csv\"]"},
        {"listDirectory", ", 'path': '$home/', 'includeSubdirectories': true, 'pattern': '*.csv'",
         "[\"$home/a b/x.csv\"]"},
        {"moveFile", ", 'sourcePath': '$home/a b/x.csv', 'destinationPath': '$home/d/y'", "null"},
        {"deleteFile", ", 'path': '$home/d/y'", "null"},
        {"listDirectory", ", 'path': '$home/d'", "[]"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct action_context ctx;
        peer_context(&ctx);
        const char *name = arena_printf(ctx.arena, "sftp.%s", rows[i].name);
        AUTO(buf_done) struct buf wanted = {0};
        buf_init(&wanted, 0);
        for (const char *c = rows[i].result; *c; c++) {
            if (*c == '$') {
                buf_adds(&wanted, peer_value(&server, ctx.arena, "home"));
                c += 4;
            } else {
                buf_addc(&wanted, *c);
            }
        }
        peer_expect(&ctx, run(&ctx, name, rows[i].inputs), wanted.data);
        fixture_done(&ctx);
    }
}

static void files_are_described(void **state)
{
    struct action_context ctx;
    peer_context(&ctx);
    assert_int_equal(run(&ctx, "sftp.writeFile", ", 'outputPath': '$home/s', 'data': '12345'"), 0);
    assert_int_equal(run(&ctx, "sftp.statFile", ", 'inputPath': '$home/s'"), 0);
    assert_true(json_get(ctx.result.data, STR("size")).num == 5);
    assert_int_equal(json_get(ctx.result.data, STR("isFile")).type, JSON_TRUE);
    assert_true(json_get(ctx.result.data, STR("modifyTime")).num > 1.7e12);
    assert_int_equal(run(&ctx, "sftp.statFile", ", 'inputPath': '$home'"), 0);
    assert_int_equal(json_get(ctx.result.data, STR("isDirectory")).type, JSON_TRUE);
    fixture_done(&ctx);
}

/* The paths below home of a list that the trigger found, "a/x 5;" for each. */
static const char *found(struct action_context *ctx, const char *list)
{
    AUTO(buf_done) struct buf b = {0};
    buf_init(&b, 0);
    size_t home = strlen(peer_value(&server, ctx->arena, "home"));
    struct json data = json_get(json_get(ctx->result.data, STR("body")), STR("data"));
    struct json files = json_get(data, str_of(list));
    for (uint32_t i = 0; i < files.len; i++) {
        struct str path = json_as_str(json_get(files.items[i], STR("path")));
        buf_add(&b, path.ptr + home, path.len - home);
        buf_addf(&b, " %d;", (int)json_get(files.items[i], STR("size")).num);
        assert_true(json_get(files.items[i], STR("modifiedAt")).num > 1.7e12);
    }
    return arena_strdup(ctx->arena, b.len ? b.data : "");
}

static void changes_are_found_once(void **state)
{
    static const struct {
        const char *write, *more, *fresh, *changed;
    } rows[] = {
        {"watch/b.csv", "", "/watch/b.csv 3;", ""},
        {NULL, "", "", ""},
        {"watch/a.csv", "", "/watch/a.csv 3;", ""},
        {"watch/b.csv", "", "", "/watch/b.csv 6;"},
        {"watch/sub/c.csv", "", "", ""},
        {"watch/x.txt", ", 'pattern': '*.csv', 'includeSubdirectories': true",
         "/watch/sub/c.csv 3;", ""},
        {NULL, ", 'includeSubdirectories': true", "/watch/x.txt 3;", ""},
    };
    struct action_context ctx;
    peer_context(&ctx);
    ctx.payload = fixture_json(&ctx, "{\"executionId\": \"x\"}");
    int rc = run(&ctx, "sftp.createDirectory", ", 'path': '$home/watch/sub'");
    assert_int_equal(rc, 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (rows[i].write) {
            rc = run(&ctx, "sftp.appendFile",
                     arena_printf(ctx.arena, ", 'outputPath': '$home/%s', 'data': 'abc'",
                                  rows[i].write));
            assert_int_equal(rc, 0);
        }
        rc = run(&ctx, "sftp.newOrModifiedFiles",
                 arena_printf(ctx.arena, ", 'path': '$home/watch/'%s", rows[i].more));
        if (rc != 0) {
            fail_msg("row %zu: %s", i, ctx.err.message);
        }
        assert_string_equal(found(&ctx, "newFiles"), rows[i].fresh);
        assert_string_equal(found(&ctx, "modifiedFiles"), rows[i].changed);
        bool none = !rows[i].fresh[0] && !rows[i].changed[0];
        assert_int_equal(ctx.result.result_type != NULL, none);
        assert_true(str_eq(json_as_str(json_get(ctx.result.data, STR("executionId"))), STR("x")));
    }
    fixture_done(&ctx);
}

static void large_files_move_whole_or_not(void **state)
{
    struct action_context ctx;
    peer_context(&ctx);
    const char *home = peer_value(&server, ctx.arena, "home");
    FILE *f = fopen(arena_printf(ctx.arena, "%s/big.bin", home), "w");
    assert_non_null(f);
    for (int i = 0; i < 700000; i++) {
        (void)fprintf(f, "%06d", i);
    }
    fclose(f);
    assert_int_equal(run(&ctx, "sftp.readFile", ", 'inputPath': '$home/big.bin'"), 0);
    struct str data = json_as_str(json_get(ctx.result.data, STR("data")));
    assert_int_equal(data.len, 4200000);
    assert_memory_equal(data.ptr + 4199994, "699999", 6);
    (void)arena_alloc(ctx.arena, arena_room(ctx.arena) - MIB(5));
    int rc = run(&ctx, "sftp.readFile", ", 'inputPath': '$home/big.bin'");
    peer_expect_error(&ctx, rc, "sftp.too_large", "larger than");
    fixture_done(&ctx);
}

#define BY_PASSWORD                                                                                \
    "{'path': '/', 'connection': {'key': 'basic', 'fields': {'host': 'localhost', 'port': '$%s', " \
    "'username': 'me', 'password': '%s'}}}"

static void logging_in(void **state)
{
    struct action_context ctx;
    peer_context(&ctx);
    const char *path = ", 'path': '$home'";
    int rc = run_with(&ctx, "sftp.listDirectory", "locked_key",
                      ", 'passphrase': '" PEER_PASSWORD "'", path);
    assert_int_equal(rc, 0);
    rc = run_with(&ctx, "sftp.listDirectory", "locked_key", ", 'passphrase': 'wrong'", path);
    peer_expect_error(&ctx, rc, "sftp.login", "private key cannot be read");
    rc = run_with(&ctx, "sftp.listDirectory", "other_key", "", path);
    peer_expect_error(&ctx, rc, "sftp.login", "does not accept");
    peer_expect_error(&ctx, rc, "sftp.login", "use an Ed25519 or ECDSA key");
    rc = run_with(&ctx, "sftp.listDirectory", "authorized", "", path);
    peer_expect_error(&ctx, rc, "sftp.login", "private key cannot be read");
    rc = run_with(&ctx, "sftp.listDirectory", "user_key",
                  ", 'hostKeyFingerprint': 'SHA256:AAAAr4wnaMgsihCotm/wYxXwWL/A+JyJEHUPiIbPo+as'",
                  path);
    peer_expect_error(&ctx, rc, "sftp.host_key", "fingerprint");
    static const char *const ports[] = {"password", "questions"};
    for (size_t i = 0; i < ARRAY_LEN(ports); i++) {
        rc = peer_run(&server, &ctx, "sftp.listDirectory",
                      arena_printf(ctx.arena, BY_PASSWORD, ports[i], PEER_PASSWORD));
        peer_expect(&ctx, rc, "[]");
        rc = peer_run(&server, &ctx, "sftp.listDirectory",
                      arena_printf(ctx.arena, BY_PASSWORD, ports[i], "wrong"));
        peer_expect_error(&ctx, rc, "sftp.login", "does not accept");
        assert_false(ctx.err.retryable);
    }
    fixture_done(&ctx);
}

static void failures_are_told(void **state)
{
    static const struct {
        const char *name, *inputs, *code, *words;
    } rows[] = {
        {"sftp.readFile", "", "input.invalid", "Path (inputPath): has no value"},
        {"sftp.readFile", ", 'inputPath': '/none/x'", "sftp.answer",
         "/none/x: there is no such file"},
        {"sftp.listDirectory", ", 'path': '/none'", "sftp.answer", "no such file"},
        {"sftp.statFile", ", 'inputPath': '/none'", "sftp.answer", "no such file"},
        {"sftp.deleteFile", ", 'path': '/none'", "sftp.answer", "no such file"},
        {"sftp.deleteFile", ", 'path': '$home'", "sftp.answer", "cannot do that"},
        {"sftp.moveFile", ", 'sourcePath': '/none', 'destinationPath': '$home/x'", "sftp.answer",
         "no such file"},
        {"sftp.writeFile", ", 'outputPath': '/none/x', 'data': 'x'", "sftp.answer", "no such file"},
        {"sftp.createDirectory", ", 'path': '$home', 'recursive': false", "sftp.answer", "already"},
        {"sftp.createDirectory", ", 'path': '$home/file/x'", "input.invalid", "is no directory"},
    };
    struct action_context ctx;
    peer_context(&ctx);
    assert_int_equal(run(&ctx, "sftp.writeFile", ", 'outputPath': '$home/file', 'data': 'x'"), 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        peer_expect_error(&ctx, run(&ctx, rows[i].name, rows[i].inputs), rows[i].code,
                          rows[i].words);
    }
    static const struct {
        const char *fields, *code, *words;
    } fields[] = {
        {"'host': '127.0.0.1', 'port': '$port', 'username': 'me'", "input.invalid",
         "there is no privateKey"},
        {"'host': '127.0.0.1', 'port': '$port', 'password': 'x'", "input.invalid",
         "\"username\" is empty"},
        {"'host': '127.0.0.1', 'port': '1', 'username': 'me', 'password': 'x'", "sftp.connect",
         "No connection"},
        {"'host': '10.0.0.1', 'username': 'me', 'password': 'x'", "sftp.refused", "private"},
        {"'host': 'no.such.invalid', 'username': 'me', 'password': 'x'", "sftp.connect",
         "not found"},
    };
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        int rc =
            peer_run(&server, &ctx, "sftp.readFile",
                     arena_printf(ctx.arena, "{'inputPath': 'x', 'connection': {'fields': {%s}}}",
                                  fields[i].fields));
        peer_expect_error(&ctx, rc, fields[i].code, fields[i].words);
    }
    fixture_done(&ctx);
}

static void silence_ends_at_the_deadline(void **state)
{
    struct action_context ctx;
    peer_context(&ctx);
    ctx.deadline = clock_mono_ns() + 300 * NS_PER_MS;
    int rc = peer_run(&server, &ctx, "sftp.readFile",
                      "{'inputPath': 'x', 'connection': {'fields': {'host': '127.0.0.1', 'port': "
                      "'$silent', 'username': 'me', 'password': 'x'}}}");
    peer_expect_error(&ctx, rc, "sftp.timeout", "in time");
    assert_true(clock_mono_ns() - ctx.deadline < 5 * NS_PER_SEC);
    fixture_done(&ctx);
}

static int start(void **state)
{
    peer_start(&server, "sftp");
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
        cmocka_unit_test(files_come_and_go),
        cmocka_unit_test(files_are_described),
        cmocka_unit_test(changes_are_found_once),
        cmocka_unit_test(large_files_move_whole_or_not),
        cmocka_unit_test(logging_in),
        cmocka_unit_test(failures_are_told),
        cmocka_unit_test(silence_ends_at_the_deadline),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
