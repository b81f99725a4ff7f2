/* Owns the tables of roles and permissions, and the rules between them. Pure, any thread. It
 * refuses what would let somebody give or take more than the own role has. */
#include "domain/role.h"

#define EMAIL_MAX 254
#define LOCAL_MAX 64
#define PHONE_MAX 40

const struct role roles[] = {
    {"owner", ROLE_OWNER, false, false, "Everything, the organization itself included."},
    {"admin", ROLE_ADMIN, false, false, "Everything but the organization itself."},
    {"integrator", ROLE_INTEGRATOR, false, false,
     "Customers and their users, integrations and instances, with logs and step results."},
    {"restricted_integrator", ROLE_RESTRICTED_INTEGRATOR, false, false,
     "Customers, integrations and instances, without logs and step results."},
    {"guest", ROLE_GUEST, false, false, "Reads only, without logs and step results."},
    {"customer_admin", ROLE_CUSTOMER_ADMIN, true, false,
     "Deploys, changes and enables the instances of the customer, and manages its users."},
    {"marketplace_admin", ROLE_MARKETPLACE_ADMIN, true, true,
     "Deploys, changes and enables the instances of the customer in the embedded marketplace "
     "only."},
    {"customer_member", ROLE_CUSTOMER_MEMBER, true, false, "Reads what is of the customer."},
    {"marketplace_user", ROLE_MARKETPLACE_USER, true, true,
     "Sets the own user-level configuration in the embedded marketplace only."},
    {0},
};

static const struct {
    const char *name;
    int org, customer; /* the lowest level that has it; 0 = none */
} permissions[] = {
    {"own_profile_update", ROLE_GUEST, ROLE_MARKETPLACE_USER},
    {"user_level_config_update", 0, ROLE_MARKETPLACE_USER},
    {"view", ROLE_GUEST, ROLE_CUSTOMER_MEMBER},
    {"customer_manage", ROLE_RESTRICTED_INTEGRATOR, 0},
    {"integration_manage", ROLE_RESTRICTED_INTEGRATOR, 0},
    {"instance_manage", ROLE_RESTRICTED_INTEGRATOR, ROLE_MARKETPLACE_ADMIN},
    {"execution_run", ROLE_RESTRICTED_INTEGRATOR, ROLE_CUSTOMER_ADMIN},
    {"log_view", ROLE_INTEGRATOR, ROLE_CUSTOMER_MEMBER},
    {"step_result_view", ROLE_INTEGRATOR, ROLE_CUSTOMER_MEMBER},
    {"customer_user_manage", ROLE_INTEGRATOR, ROLE_CUSTOMER_ADMIN},
    {"organization_user_manage", ROLE_ADMIN, 0},
    {"organization_update", ROLE_OWNER, 0},
};

const struct role *role_find(struct str name)
{
    for (const struct role *r = roles; r->name; r++) {
        if (str_eq(name, str_of(r->name))) {
            return r;
        }
    }
    return NULL;
}

const struct role *role_at(bool of_customer, int level)
{
    for (const struct role *r = roles; r->name; r++) {
        if (r->of_customer == of_customer && r->level == level) {
            return r;
        }
    }
    return NULL;
}

size_t role_permissions(const struct role *r, const char **ret, size_t max)
{
    size_t n = 0;
    for (size_t i = 0; i < ARRAY_LEN(permissions) && n < max; i++) {
        int lowest = r->of_customer ? permissions[i].customer : permissions[i].org;
        if (lowest > 0 && r->level >= lowest) {
            ret[n++] = permissions[i].name;
        }
    }
    return n;
}

/* The level from which on users of this scale may be managed at all. */
static bool manages(const struct role *by, bool of_customer)
{
    if (by->of_customer) {
        return of_customer && by->level >= ROLE_CUSTOMER_ADMIN;
    }
    return by->level >= (of_customer ? ROLE_INTEGRATOR : ROLE_ADMIN);
}

bool role_may_manage(const struct role *by, const struct role *of)
{
    return manages(by, of->of_customer) &&
           (by->of_customer != of->of_customer || of->level <= by->level);
}

static bool is_blank(char c)
{
    return (unsigned char)c <= ' ' || c == 0x7f;
}

bool email_valid(struct str s)
{
    size_t at = s.len;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (is_blank(c) || c == '<' || c == '>' || c == ',' || c == ';' || c == '"' ||
            (c == '@' && at < s.len)) {
            return false;
        }
        at = c == '@' ? i : at;
    }
    if (s.len > EMAIL_MAX || at == 0 || at > LOCAL_MAX || at + 1 >= s.len) {
        return false;
    }
    struct str host = str_n(s.ptr + at + 1, s.len - at - 1);
    return host.ptr[0] != '.' && host.ptr[0] != '-' && host.ptr[host.len - 1] != '.' &&
           str_find(host, STR(".."), 0) < 0;
}

bool phone_valid(struct str s)
{
    size_t digits = 0;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool digit = c >= '0' && c <= '9';
        digits += digit;
        if (!digit && !strchr(" +-./()x", c)) {
            return false;
        }
    }
    return s.len == 0 || (digits >= 3 && s.len <= PHONE_MAX);
}
