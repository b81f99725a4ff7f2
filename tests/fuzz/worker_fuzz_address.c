/* Texts of address policies: one that is accepted is bounded, and judging an address by it ends. */
#include <netinet/in.h>

#include "net/address_policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct address_policy policy;
    struct err err;
    err_clear(&err);
    if (address_policy_parse(str_n((const char *)data, size), &policy, &err) < 0) {
        ASSERT(err.message[0]);
        return 0;
    }
    ASSERT(policy.n_allowed <= ADDRESS_POLICY_MAX_RANGES);
    struct address_policy none = {.n_allowed = 0};
    for (size_t i = 0; i < policy.n_allowed; i++) {
        ASSERT(policy.allowed[i].bits <= 128);
        struct sockaddr_in6 to = {.sin6_family = AF_INET6};
        memcpy(&to.sin6_addr, policy.allowed[i].bytes, sizeof(policy.allowed[i].bytes));
        (void)address_policy_refusal(&none, (struct sockaddr *)&to);
        /* The first address of an allowed range is allowed; NAT64 ones stand for another. */
        bool nat64 = memcmp(policy.allowed[i].bytes, "\0\x64\xFF\x9B", 4) == 0;
        ASSERT(nat64 || !address_policy_refusal(&policy, (struct sockaddr *)&to));
    }
    return 0;
}
