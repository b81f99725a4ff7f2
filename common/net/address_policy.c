/* Owns the table of ranges that are not public (IANA special-purpose registries) and the check of
 * one address. Called by the HTTP client for each socket it is about to open, on any thread.
 * Addresses that carry an IPv4 address inside are judged by that one. It refuses every family but
 * IPv4 and IPv6. */
#include "net/address_policy.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#define MAPPED_BITS 96

struct special {
    const char *prefix;
    uint8_t bits;
    const char *what;
};

static const struct special special_v4[] = {
    {"0.0.0.0", 8, "an unspecified address"},
    {"10.0.0.0", 8, "a private network"},
    {"100.64.0.0", 10, "a carrier's internal network"},
    {"127.0.0.0", 8, "the loopback of this machine"},
    {"168.63.129.16", 32, "a cloud's internal service"},
    {"169.254.0.0", 16, "a link-local or metadata service"},
    {"172.16.0.0", 12, "a private network"},
    {"192.0.0.0", 24, "a range for protocols"},
    {"192.0.2.0", 24, "a range for documentation"},
    {"192.31.196.0", 24, "a range for protocols"},
    {"192.52.193.0", 24, "a range for protocols"},
    {"192.88.99.0", 24, "a relay of 6to4"},
    {"192.168.0.0", 16, "a private network"},
    {"192.175.48.0", 24, "a range for protocols"},
    {"198.18.0.0", 15, "a range for benchmarks"},
    {"198.51.100.0", 24, "a range for documentation"},
    {"203.0.113.0", 24, "a range for documentation"},
    {"224.0.0.0", 4, "multicast"},
    {"240.0.0.0", 4, "a reserved range"},
};

static const struct special special_v6[] = {
    {"::", 96, "an unspecified, loopback or IPv4-compatible address"},
    {"64:ff9b:1::", 48, "a local translation to IPv4"},
    {"100::", 64, "a discard range"},
    {"2001::", 23, "a range for protocols or Teredo"},
    {"2001:db8::", 32, "a range for documentation"},
    {"2002::", 16, "a 6to4 address"},
    {"2620:4f:8000::", 48, "a range for protocols"},
    {"3fff::", 20, "a range for documentation"},
    {"5f00::", 16, "a range for segment routing"},
    {"fc00::", 7, "a private network"},
    {"fe80::", 10, "a link-local address"},
    {"fec0::", 10, "a site-local address"},
    {"ff00::", 8, "multicast"},
};

static bool in_prefix(const uint8_t *address, const uint8_t *prefix, unsigned bits)
{
    unsigned whole = bits / 8, rest = bits % 8;
    if (memcmp(address, prefix, whole) != 0) {
        return false;
    }
    uint8_t mask = (uint8_t)(0xFF << (8 - rest));
    return rest == 0 || (address[whole] & mask) == (prefix[whole] & mask);
}

static const char *search(const struct special *table, size_t n, int family, const uint8_t *address)
{
    for (size_t i = 0; i < n; i++) {
        uint8_t prefix[16] = {0};
        ASSERT(inet_pton(family, table[i].prefix, prefix) == 1);
        if (in_prefix(address, prefix, table[i].bits)) {
            return table[i].what;
        }
    }
    return NULL;
}

static void map_v4(const uint8_t v4[4], uint8_t ret_v6[16])
{
    memset(ret_v6, 0, 10);
    memset(ret_v6 + 10, 0xFF, 2);
    memcpy(ret_v6 + 12, v4, 4);
}

const char *address_policy_refusal(const struct address_policy *p, const struct sockaddr *to)
{
    static const uint8_t mapped[12] = {[10] = 0xFF, [11] = 0xFF};
    static const uint8_t nat64[12] = {[1] = 0x64, [2] = 0xFF, [3] = 0x9B};
    uint8_t address[16];
    if (to->sa_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, to, sizeof(v4));
        uint8_t bytes[4];
        memcpy(bytes, &v4.sin_addr, sizeof(bytes));
        map_v4(bytes, address);
    } else if (to->sa_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, to, sizeof(v6));
        memcpy(address, &v6.sin6_addr, sizeof(address));
    } else {
        return "not an internet address";
    }
    if (memcmp(address, nat64, sizeof(nat64)) == 0) {
        map_v4(address + 12, address);
    }
    for (size_t i = 0; i < p->n_allowed; i++) {
        if (in_prefix(address, p->allowed[i].bytes, p->allowed[i].bits)) {
            return NULL;
        }
    }
    if (memcmp(address, mapped, sizeof(mapped)) == 0) {
        return search(special_v4, ARRAY_LEN(special_v4), AF_INET, address + 12);
    }
    /* Global unicast is 2000::/3; all else is special or not handed out. */
    const char *what = search(special_v6, ARRAY_LEN(special_v6), AF_INET6, address);
    return what ? what : (address[0] & 0xE0) == 0x20 ? NULL : "a reserved range";
}

static int parse_range(struct str text, struct address_range *ret, struct err *err)
{
    ptrdiff_t slash = str_find(text, STR("/"), 0);
    struct str host = slash < 0 ? text : str_n(text.ptr, (size_t)slash);
    if (host.len > 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']') {
        host = str_n(host.ptr + 1, host.len - 2);
    }
    char copy[INET6_ADDRSTRLEN + 1];
    struct address_range range = {0};
    bool ok = host.len > 0 && host.len < sizeof(copy) && !memchr(host.ptr, '\0', host.len);
    unsigned offset = 0;
    if (ok) {
        uint8_t v4[4];
        memcpy(copy, host.ptr, host.len);
        copy[host.len] = '\0';
        if (inet_pton(AF_INET, copy, v4) == 1) {
            map_v4(v4, range.bytes);
            offset = MAPPED_BITS;
        } else {
            ok = inet_pton(AF_INET6, copy, range.bytes) == 1;
        }
    }
    int64_t bits = 128 - offset;
    if (ok && slash >= 0) {
        struct str digits = str_n(text.ptr + slash + 1, text.len - (size_t)slash - 1);
        ok = str_to_i64(digits, &bits) && bits >= 0 && bits <= 128 - offset;
    }
    if (!ok) {
        return err_set(err, -EINVAL, "address_policy.range",
                       "\"%.*s\" is not an address range; write them like 10.0.0.0/8 or [::1]/128.",
                       (int)MIN(text.len, 60), text.ptr);
    }
    range.bits = (uint8_t)(bits + offset);
    *ret = range;
    return 0;
}

int address_policy_parse(struct str text, struct address_policy *ret, struct err *err)
{
    struct address_policy p = {0};
    for (size_t at = 0; at < text.len;) {
        size_t end = at;
        while (end < text.len && !strchr(", \t\r\n", text.ptr[end])) {
            end++;
        }
        if (end > at) {
            if (p.n_allowed == ADDRESS_POLICY_MAX_RANGES) {
                return err_set(err, -EINVAL, "address_policy.range", "More than %d address ranges.",
                               ADDRESS_POLICY_MAX_RANGES);
            }
            int rc = parse_range(str_n(text.ptr + at, end - at), &p.allowed[p.n_allowed], err);
            if (rc < 0) {
                return rc;
            }
            p.n_allowed++;
        }
        at = end + 1;
    }
    *ret = p;
    return 0;
}
