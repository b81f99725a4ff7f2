/* The SMTP component with real servers, whose mails are read by another parser; the form of mails
 * alone. */
#include "peer_fixture.h"

#include "components/smtp/mail_message.h"

static struct peer server;

#define PLAIN                                                                                      \
    "'connection': {'key': 'smtpConnection', 'fields': {'host': '127.0.0.1', 'port': '$plain', "   \
    "'secure': 'false'}}"
#define REST ", 'from': 'a@b.example', 'to': ['c@d.example'], 'subject': 's', 'text': 't'}"

/* What the server took, as its parser sees it. */
static struct json taken(struct action_context *ctx)
{
    const char *path =
        arena_printf(ctx->arena, "%s/mail", peer_value(&server, ctx->arena, "folder"));
    AUTO(buf_done) struct buf b = {0};
    char part[4096];
    buf_init(&b, MIB(8));
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    for (size_t n; (n = fread(part, 1, sizeof(part), f)) > 0;) {
        buf_add(&b, part, n);
    }
    fclose(f);
    assert_int_equal(unlink(path), 0);
    return fixture_json(ctx, arena_strdup(ctx->arena, b.data));
}

static const char *dumped(struct action_context *ctx, struct json v)
{
    AUTO(buf_done) struct buf b = {0};
    buf_init(&b, 0);
    json_dump(&b, v);
    return arena_strdup(ctx->arena, b.data);
}

static void mails_arrive_as_they_are_meant(void **state)
{
    struct action_context ctx;
    peer_context(&ctx);
    int rc = peer_run(
        &server, &ctx, "smtp.sendEmail",
        "{" PLAIN ", 'from': 'B\u00fccher \\'GmbH\\' <from@b.example>', 'to': ['Jane Q. Public "
        "<jane@d.example>', 'JANE@d.example', ''], 'toJson': '[\\'joe@d.example\\']', 'cc': "
        "'cc@d.example', 'bcc': ['hidden@d.example'], 'replyTo': ['re@b.example'], 'subject': "
        "'Gr\u00fc\u00dfe an alle, die diese lange Betreffzeile bis zum Ende lesen \U0001F600', "
        "'text': 'Zeile 1\\n.\\nFrom here = \u00e4 \\ttrailing \\nend', 'html': '<p>\u00e4</p>', "
        "'attachments': [{'key': 'r\u00e9sum\u00e9 \\'1\\'.txt', 'value': {'data': 'abc', "
        "'contentType': 'text/plain'}}], 'multipleAttachments': [{'key': 'b.bin', 'value': "
        "'AAEC\\r\\n/w==\\n'}]}");
    if (rc != 0) {
        fail_msg("%s", ctx.err.message);
    }
    struct json result = ctx.result.data, mail = taken(&ctx);
    struct json headers = json_get(mail, STR("headers")), parts = json_get(mail, STR("parts"));
    assert_string_equal(dumped(&ctx, json_get(mail, STR("recipients"))),
                        "[\"jane@d.example\",\"joe@d.example\",\"cc@d.example\",\"hidden@d.example"
                        "\"]");
    assert_string_equal(dumped(&ctx, json_get(result, STR("accepted"))),
                        dumped(&ctx, json_get(mail, STR("recipients"))));
    assert_string_equal(dumped(&ctx, json_get(result, STR("response"))), "\"250 taken\"");
    assert_string_equal(dumped(&ctx, json_get(mail, STR("sender"))), "\"from@b.example\"");
    assert_string_equal(dumped(&ctx, json_get(mail, STR("helo"))), "\"[127.0.0.1]\"");
    assert_string_equal(dumped(&ctx, json_get(mail, STR("defects"))), "[]");
    assert_true(json_get(mail, STR("longest")).num <= 78);
    static const struct {
        const char *name, *value;
    } wanted[] = {
        {"From", "\"\\\"B\u00fccher \\\\\\\"GmbH\\\\\\\"\\\" <from@b.example>\""},
        {"To", "\"\\\"Jane Q. Public\\\" <jane@d.example>, joe@d.example\""},
        {"Cc", "\"cc@d.example\""},
        {"Reply-To", "\"re@b.example\""},
        {"Subject",
         "\"Gr\u00fc\u00dfe an alle, die diese lange Betreffzeile bis zum Ende lesen \U0001F600\""},
        {"Message-ID", "\"<0000-key@b.example>\""},
        {"MIME-Version", "\"1.0\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        assert_string_equal(dumped(&ctx, json_get(headers, str_of(wanted[i].name))),
                            wanted[i].value);
    }
    assert_int_equal(json_get(headers, STR("Bcc")).type, JSON_UNDEFINED);
    assert_int_equal(parts.len, 4);
    assert_string_equal(dumped(&ctx, json_get(parts.items[0], STR("data"))),
                        "\"Zeile 1\\n.\\nFrom here = \u00e4 \\ttrailing \\nend\"");
    assert_string_equal(dumped(&ctx, json_get(parts.items[1], STR("data"))), "\"<p>\u00e4</p>\"");
    assert_string_equal(dumped(&ctx, json_get(parts.items[2], STR("name"))),
                        "\"r\u00e9sum\u00e9 \\\"1\\\".txt\"");
    assert_string_equal(dumped(&ctx, json_get(parts.items[2], STR("data"))), "\"YWJj\"");
    assert_string_equal(dumped(&ctx, parts.items[3]),
                        "{\"type\":\"application/octet-stream\",\"name\":\"b.bin\",\"data\":"
                        "\"AAEC/w==\"}");
    fixture_done(&ctx);
}

static void one_body_is_enough(void **state)
{
    static const struct {
        const char *inputs, *type;
    } rows[] = {
        {", 'from': 'a@b.example', 'to': 'c@d.example', 'subject': 's', 'text': 'plain'}",
         "\"text/plain\""},
        {", 'from': 'a@b.example', 'to': 'c@d.example', 'subject': 's', 'html': '<p>h</p>'}",
         "\"text/html\""},
        {", 'from': 'a@b.example', 'bcc': 'c@d.example', 'subject': 's'}", "\"text/plain\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct action_context ctx;
        peer_context(&ctx);
        assert_int_equal(peer_run(&server, &ctx, "smtp.sendEmail",
                                  arena_printf(ctx.arena, "{%s%s", PLAIN, rows[i].inputs)),
                         0);
        struct json parts = json_get(taken(&ctx), STR("parts"));
        assert_int_equal(parts.len, 1);
        assert_string_equal(dumped(&ctx, json_get(parts.items[0], STR("type"))), rows[i].type);
        fixture_done(&ctx);
    }
}

static void tls_and_login(void **state)
{
    static const struct {
        const char *fields, *code, *words;
    } rows[] = {
        {"'port': '$starttls', 'allowUnauthorized': 'true', 'username': 'me', 'password': "
         "'" PEER_PASSWORD "'",
         NULL, NULL},
        {"'port': '$implicit', 'tlsMode': 'implicit', 'allowUnauthorized': true", NULL, NULL},
        {"'port': '$starttls', 'username': 'me', 'password': '" PEER_PASSWORD "'", "smtp.tls",
         "certificate"},
        {"'port': '$implicit', 'tlsMode': 'implicit'", "smtp.tls", "certificate"},
        {"'port': '$plain'", "smtp.tls", ""}, /* TLS is asked for unless it is turned off */
        {"'port': '$starttls', 'allowUnauthorized': 'true', 'username': 'me', 'password': 'wrong'",
         "smtp.login", "does not accept"},
        {"'port': '$starttls', 'secure': 'false'", "smtp.answer", "530"},
        {"'port': '$plain', 'secure': 'maybe'", "input.invalid", "\"secure\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct action_context ctx;
        peer_context(&ctx);
        int rc = peer_run(&server, &ctx, "smtp.sendEmail",
                          arena_printf(ctx.arena,
                                       "{'connection': {'fields': {'host': '127.0.0.1', %s}}%s",
                                       rows[i].fields, REST));
        if (rows[i].code) {
            peer_expect_error(&ctx, rc, rows[i].code, rows[i].words);
        } else {
            if (rc != 0) {
                fail_msg("%s", ctx.err.message);
            }
            assert_int_equal(json_get(taken(&ctx), STR("tls")).type, JSON_TRUE);
        }
        fixture_done(&ctx);
    }
}

static void what_cannot_be_sent_is_refused(void **state)
{
    static const struct {
        const char *inputs, *code, *words;
    } rows[] = {
        {"", "input.invalid", "Subject (subject): has no value"},
        {", 'subject': 's', 'from': 'a@b.example'", "input.invalid", "names nobody"},
        {", 'subject': 's', 'to': 'c@d.example'", "input.invalid", "From (from)"},
        {", 'subject': 'a\\r\\nBcc: x@y.example', 'from': 'a@b.example', 'to': 'c@d.example'",
         "input.invalid", "Subject (subject): must not hold line breaks"},
        {", 'subject': 's', 'from': 'a@b.example\\r\\nBcc: x@y.example', 'to': 'c@d.example'",
         "input.invalid", "From (from)"},
        {", 'subject': 's', 'from': 'a@b.example', 'to': 'c@d.example> RCPT TO:<x@y.example'",
         "input.invalid", "is not a mail address"},
        {", 'subject': 's', 'from': 'a@b.example', 'cc': 'x\\ny <c@d.example>', 'to': "
         "'c@d.example'",
         "input.invalid", "Cc Address (cc)"},
        {", 'subject': 's', 'from': 'a@b.example', 'to': 'j\u00e4ne@d.example'", "input.invalid",
         "in ASCII"},
        {", 'subject': 's', 'from': 'a@b.example', 'to': 'nobody@d.example'", "smtp.answer",
         "no such user here"},
        {", 'subject': 's', 'from': 'a@b.example', 'to': ['c@d.example', 'nobody@d.example']",
         "smtp.answer", "550"},
        {", 'subject': 's', 'from': 'a@b.example', 'to': 'c@d.example', 'attachments': {'a': null}",
         "input.invalid", "has no data"},
        {", 'subject': 's', 'from': 'a@b.example', 'to': 'c@d.example', 'multipleAttachments': "
         "[{'key': 'a', 'value': '***'}]",
         "input.invalid", "is not base64"},
        {", 'subject': 's', 'from': 'a@b.example', 'to': 'c@d.example', 'multipleAttachments': "
         "[{'value': 'x'}]",
         "input.invalid", "has no key"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct action_context ctx;
        peer_context(&ctx);
        int rc = peer_run(&server, &ctx, "smtp.sendEmail",
                          arena_printf(ctx.arena, "{%s%s}", PLAIN, rows[i].inputs));
        if (i == 0) {
            rc = peer_run(&server, &ctx, "smtp.sendEmail",
                          "{" PLAIN ", 'from': 'a@b.example', 'to': 'c@d.example'}");
        }
        peer_expect_error(&ctx, rc, rows[i].code, rows[i].words);
        fixture_done(&ctx);
    }
}

static void waiting_ends_at_the_deadline(void **state)
{
    struct action_context ctx;
    peer_context(&ctx);
    ctx.deadline = clock_mono_ns() + 300 * NS_PER_MS;
    int rc = peer_run(&server, &ctx, "smtp.sendEmail",
                      "{'connection': {'fields': {'host': '127.0.0.1', 'port': '$silent'}}" REST);
    peer_expect_error(&ctx, rc, "smtp.timeout", "in time");
    assert_true(clock_mono_ns() - ctx.deadline < 5 * NS_PER_SEC);
    rc = peer_run(&server, &ctx, "smtp.sendEmail",
                  "{'connection': {'fields': {'host': '192.168.0.1'}}" REST);
    peer_expect_error(&ctx, rc, "smtp.timeout", "in time");
    ctx.deadline = clock_mono_ns() + 5 * NS_PER_SEC;
    rc = peer_run(&server, &ctx, "smtp.sendEmail",
                  "{'connection': {'fields': {'host': '192.168.0.1'}}" REST);
    peer_expect_error(&ctx, rc, "smtp.refused", "private network");
    fixture_done(&ctx);
}

/* The mail is sent; the server's last word is not waited for. */
static void a_farewell_is_not_waited_for(void **state)
{
    struct action_context ctx;
    peer_context(&ctx);
    int64_t start = clock_mono_ns();
    int rc = peer_run(&server, &ctx, "smtp.sendEmail",
                      "{'connection': {'fields': {'host': '127.0.0.1', 'port': '$rude', 'secure': "
                      "'false'}}" REST);
    if (rc != 0) {
        fail_msg("%s", ctx.err.message);
    }
    assert_true(clock_mono_ns() - start < 5 * NS_PER_SEC);
    fixture_done(&ctx);
}

static void addresses_are_read(void **state)
{
    static const struct {
        const char *text, *name, *address; /* address NULL = refused */
    } rows[] = {
        {"a@b", "", "a@b"},
        {"  <a@b> ", "", "a@b"},
        {"Jane <a@b>", "Jane", "a@b"},
        {"\"Q, J\" <a+t@b.c>", "Q, J", "a+t@b.c"},
        {"J <x> <a@b>", "J <x>", "a@b"},
        {"", NULL, NULL},
        {"a", NULL, NULL},
        {"@b", NULL, NULL},
        {"a@", NULL, NULL},
        {"a@b@c", NULL, NULL},
        {"a b@c", NULL, NULL},
        {"a@b, c@d", NULL, NULL},
        {"a@b>", NULL, NULL},
        {"<a@b", NULL, NULL},
        {"<>", NULL, NULL},
        {"J\tx <a@b>", NULL, NULL},
        {"\xff <a@b>", NULL, NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct mail_address a;
        bool ok = mail_address_parse(str_of(rows[i].text), &a);
        if (ok != (rows[i].address != NULL) ||
            (ok && !(str_eq(a.name, str_of(rows[i].name)) &&
                     str_eq(a.address, str_of(rows[i].address))))) {
            fail_msg("\"%s\"", rows[i].text);
        }
    }
}

static int start(void **state)
{
    peer_start(&server, "smtp");
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
        cmocka_unit_test(mails_arrive_as_they_are_meant),
        cmocka_unit_test(one_body_is_enough),
        cmocka_unit_test(tls_and_login),
        cmocka_unit_test(what_cannot_be_sent_is_refused),
        cmocka_unit_test(waiting_ends_at_the_deadline),
        cmocka_unit_test(a_farewell_is_not_waited_for),
        cmocka_unit_test(addresses_are_read),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
