/* E-mails about alerts: addresses, and nothing that could break out of a header. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "alerts/mail.h"

static void test_addresses(void **state)
{
    static const char *const good[] = {"a@b", "first.last+tag@example.com"};
    static const char *const bad[] = {"",        "a",       "@b",      "a@",
                                      "a b@c",   "a@b\r\n", "<a@b>",   "a@b,c@d",
                                      "a@b;c@d", "\"a\"@b", "a@b\x7f", "a@b\nRCPT:x"};
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        assert_true(mail_address_valid(str_of(good[i])));
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_false(mail_address_valid(str_of(bad[i])));
    }
}

static void test_message(void **state)
{
    AUTO(buf_done) struct buf out = {0};
    buf_init(&out, KIB(16));
    struct mail mail = {.from = STR("leat@example.com"),
                        .to = STR("a@b\r\nBcc: c@d"),
                        .subject = STR("x\nBcc: e@f \xc3\xbc"),
                        .text = STR(".\r\nhello, and enough of it for a second line of base64...")};
    mail_write(&mail, &out);
    assert_string_equal(
        out.data,
        "Date: Thu, 1 Jan 1970 00:00:00 +0000\r\n"
        "From: leat@example.com\r\n"
        "To: a@b??Bcc: c@d\r\n"
        "Subject: x?Bcc: e@f ??\r\n"
        "Message-ID: <00000000-0000-0000-0000-000000000000@example.com>\r\n"
        "Auto-Submitted: auto-generated\r\n"
        "MIME-Version: 1.0\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n"
        "Content-Transfer-Encoding: base64\r\n\r\n"
        "Lg0KaGVsbG8sIGFuZCBlbm91Z2ggb2YgaXQgZm9yIGEgc2Vjb25kIGxpbmUgb2YgYmFzZTY0Li4u\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
