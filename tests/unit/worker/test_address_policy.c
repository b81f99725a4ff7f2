/* Which addresses may be connected to. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "net/address_policy.h"

static const char *judge(const struct address_policy *p, const char *text)
{
    struct sockaddr_storage to = {0};
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
        memcpy(&to, &v4, sizeof(v4));
    } else {
        assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
        memcpy(&to, &v6, sizeof(v6));
    }
    return address_policy_refusal(p, (struct sockaddr *)&to);
}

static void default_policy(void **state)
{
    static const struct {
        const char *address;
        bool allowed;
    } rows[] = {
        {"8.8.8.8", true},
        {"1.1.1.1", true},
        {"172.15.255.255", true},
        {"172.32.0.0", true},
        {"100.63.255.255", true},
        {"100.128.0.0", true},
        {"223.255.255.255", true},
        {"2606:4700::1111", true},
        {"2a00:1450:4001::1", true},
        {"::ffff:8.8.8.8", true},
        {"64:ff9b::8.8.8.8", true},
        {"0.0.0.0", false},
        {"0.1.2.3", false},
        {"10.0.0.1", false},
        {"100.64.0.1", false},
        {"100.127.255.255", false},
        {"127.0.0.1", false},
        {"127.255.255.255", false},
        {"168.63.129.16", false},
        {"169.254.169.254", false},
        {"172.16.0.1", false},
        {"172.31.255.255", false},
        {"192.0.0.8", false},
        {"192.0.2.1", false},
        {"192.88.99.1", false},
        {"192.168.1.1", false},
        {"198.18.0.1", false},
        {"198.19.255.255", false},
        {"198.51.100.1", false},
        {"203.0.113.1", false},
        {"224.0.0.1", false},
        {"240.0.0.1", false},
        {"255.255.255.255", false},
        {"::", false},
        {"::1", false},
        {"::127.0.0.1", false},
        {"::ffff:127.0.0.1", false},
        {"::ffff:10.1.2.3", false},
        {"::ffff:169.254.169.254", false},
        {"64:ff9b::127.0.0.1", false},
        {"64:ff9b::a9fe:a9fe", false},
        {"64:ff9b:1::1", false},
        {"2002:7f00:1::", false},
        {"2002:808:808::", false},
        {"2001::1", false},
        {"2001:db8::1", false},
        {"3fff::1", false},
        {"100::1", false},
        {"fc00::1", false},
        {"fd00:ec2::254", false},
        {"fe80::1", false},
        {"fec0::1", false},
        {"ff02::1", false},
        {"4000::1", false},
    };
    struct address_policy p;
    assert_int_equal(address_policy_parse(STR(""), &p, NULL), 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *refusal = judge(&p, rows[i].address);
        if ((refusal == NULL) != rows[i].allowed) {
            fail_msg("%s: %s", rows[i].address, refusal ? refusal : "allowed");
        }
    }
    struct sockaddr other = {.sa_family = AF_UNIX};
    assert_non_null(address_policy_refusal(&p, &other));
}

static void allowed_ranges(void **state)
{
    struct address_policy p;
    assert_int_equal(
        address_policy_parse(STR(" 127.0.0.0/8,[::1]/128, 10.1.2.3 fd00::/8\n172.16.0.0/13 "), &p,
                             NULL),
        0);
    assert_int_equal(p.n_allowed, 5);
    static const struct {
        const char *address;
        bool allowed;
    } rows[] = {
        {"127.0.0.1", true},  {"127.9.9.9", true},   {"::1", true},
        {"::2", false},       {"10.1.2.3", true},    {"10.1.2.4", false},
        {"fd12::1", true},    {"fc12::1", false},    {"::ffff:127.0.0.1", true},
        {"172.23.0.1", true}, {"172.24.0.1", false}, {"64:ff9b::10.1.2.3", true},
        {"8.8.8.8", true},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if ((judge(&p, rows[i].address) == NULL) != rows[i].allowed) {
            fail_msg("%s", rows[i].address);
        }
    }
    assert_int_equal(address_policy_parse(STR("0.0.0.0/0"), &p, NULL), 0);
    assert_null(judge(&p, "10.0.0.1"));
    assert_non_null(judge(&p, "::1"));
    assert_int_equal(address_policy_parse(STR("::/0"), &p, NULL), 0);
    assert_null(judge(&p, "::1"));
    assert_null(judge(&p, "10.0.0.1"));
}

static void malformed_ranges(void **state)
{
    static const char *const rows[] = {
        "127.0.0.0/33",
        "127.0.0.0/-1",
        "127.0.0.0/",
        "127.0.0/8",
        "::1/129",
        "[::1",
        "[]/8",
        "localhost",
        "/8",
        "1.2.3.4/8x",
        "1.2.3.4/08 ,",
        "10.0.0.0//8",
        "1.2.3.4;5.6.7.8",
        "::1::2",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct address_policy p = {.n_allowed = 77};
        struct err err;
        if (i == 10) { /* a leading zero is a number all the same */
            assert_int_equal(address_policy_parse(str_of(rows[i]), &p, &err), 0);
            continue;
        }
        assert_int_equal(address_policy_parse(str_of(rows[i]), &p, &err), -EINVAL);
        assert_string_equal(err.code, "address_policy.range");
        assert_int_equal(p.n_allowed, 77); /* untouched */
    }
    struct address_policy p;
    struct buf many;
    buf_init(&many, 0);
    for (int i = 0; i < ADDRESS_POLICY_MAX_RANGES; i++) {
        buf_adds(&many, "1.2.3.4,");
    }
    assert_int_equal(address_policy_parse(buf_str(&many), &p, NULL), 0);
    buf_adds(&many, "1.2.3.4");
    assert_int_equal(address_policy_parse(buf_str(&many), &p, NULL), -EINVAL);
    buf_done(&many);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(default_policy),
        cmocka_unit_test(allowed_ranges),
        cmocka_unit_test(malformed_ranges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
