/* What all protocols share: hosts, messages without secrets, look-ups that are checked. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include "clock.h"
#include "net/net_stream.h"

static void hosts_are_checked(void **state)
{
    static const struct {
        const char *host;
        bool valid;
    } rows[] = {
        {"a.example", true},
        {"a_b-c.example.", true},
        {"127.0.0.1", true},
        {"::1", true},
        {"[::1]", true},
        {"b\xc3\xbc"
         "cher.example",
         true},
        {"", false},
        {"a b", false},
        {"a/b", false},
        {"/tmp", false},
        {"a,b", false},
        {"u@a", false},
        {"a:80", false},
        {"-o", false},
        {"[a]", false},
        {"a\nb", false},
        {"a%00b", false},
        {"fe80::1%eth0", false},
        {"[::1", false},
        {"\xff", false},
        {"a?b", false},
        {"a#b", false},
        {"[]", false},
        {"a'b", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (net_host_valid(str_of(rows[i].host)) != rows[i].valid) {
            fail_msg("%s", rows[i].host);
        }
    }
    char longest[254];
    memset(longest, 'a', sizeof(longest));
    assert_true(net_host_valid(str_n(longest, 253)));
    assert_false(net_host_valid(str_n(longest, 254)));
    assert_false(net_host_valid(str_n("a\0b", 3)));
}

static void secrets_are_taken_out(void **state)
{
    static const struct {
        const char *message, *secret, *result;
    } rows[] = {
        {"it is hunter22, hunter22", "hunter22", "it is ***, ***"},
        {"abcabcabc", "abc", "*********"},
        {"******", "***", "******"},
        {"ab", "ab", "ab"}, /* too short to tell from words */
        {"nothing", "", "nothing"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err err;
        (void)err_set(&err, -1, "x", "%s", rows[i].message);
        net_redact(&err, str_of(rows[i].secret));
        assert_string_equal(err.message, rows[i].result);
    }
    net_redact(NULL, STR("abc"));
}

static void lookups_are_checked(void **state)
{
    struct address_policy none = {0}, loopback;
    struct err err;
    char addresses[NET_ADDRESSES][NET_ADDRESS_LEN];
    size_t n = 0;
    assert_int_equal(address_policy_parse(STR("127.0.0.0/8 [::1]"), &loopback, &err), 0);
    struct net_server server = {.protocol = "x",
                                .policy = &loopback,
                                .host = STR("localhost"),
                                .port = 1,
                                .deadline_ns = clock_mono_ns() + 20 * NS_PER_SEC};
    assert_int_equal(net_resolve(&server, addresses, &n, &err), 0);
    assert_true(n >= 1 && n <= NET_ADDRESSES);
    for (size_t i = 0; i < n; i++) {
        assert_true(strcmp(addresses[i], "127.0.0.1") == 0 || strcmp(addresses[i], "::1") == 0);
    }
    server.host = STR("127.0.0.9");
    assert_int_equal(net_resolve(&server, addresses, &n, &err), 0);
    assert_int_equal(n, 1);
    assert_string_equal(addresses[0], "127.0.0.9");
    server.host = STR("[::1]");
    assert_int_equal(net_resolve(&server, addresses, &n, &err), 0);
    assert_string_equal(addresses[0], "::1");

    server.policy = &none;
    server.host = STR("localhost");
    assert_int_equal(net_resolve(&server, addresses, &n, &err), -EACCES);
    assert_string_equal(err.code, "x.refused");
    server.host = STR("0x7f.1"); /* 127.0.0.1, written to be missed */
    assert_int_equal(net_resolve(&server, addresses, &n, &err), -EACCES);
    server.host = STR("no.such.name.invalid");
    assert_int_equal(net_resolve(&server, addresses, &n, &err), -EHOSTUNREACH);
    server.host = STR("a,b");
    assert_int_equal(net_resolve(&server, addresses, &n, &err), -EINVAL);
    server.deadline_ns = clock_mono_ns() - 1;
    server.host = STR("localhost");
    assert_int_equal(net_resolve(&server, addresses, &n, &err), -ETIMEDOUT);
    struct net_stream *s = NULL;
    assert_int_equal(net_stream_open(&server, &s, &err), -ETIMEDOUT);
    assert_null(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hosts_are_checked),
        cmocka_unit_test(secrets_are_taken_out),
        cmocka_unit_test(lookups_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
